/*
 * refine.c - see refine.h: finds what is to be judged in the arguments, and judges what needs no
 * reader of a language.
 */
#include "policy/refine.h"

#include "base/attr.h"
#include "policy/refine_priv.h"

static const struct {
    const char *word;
    const char *meaning;
} kinds[] = {
#define X_REFINER(name, word, meaning) [name] = {word, meaning},
#include "policy/refine.def"
};

static const struct {
    const char *word;
    const char *meaning;
} dialects[] = {
#define X_DIALECT(name, word, meaning) [name] = {word, meaning},
#include "policy/refine.def"
};

static const struct refine_value methods[] = {
    {STR_INIT("GET"), CATEGORY_READ_ONLY},      {STR_INIT("HEAD"), CATEGORY_READ_ONLY},
    {STR_INIT("OPTIONS"), CATEGORY_READ_ONLY},  {STR_INIT("POST"), CATEGORY_WRITE},
    {STR_INIT("PATCH"), CATEGORY_WRITE},        {STR_INIT("PUT"), CATEGORY_DESTRUCTIVE},
    {STR_INIT("DELETE"), CATEGORY_DESTRUCTIVE},
};

const char *refiner_kind_word(enum refiner_kind kind)
{
    return (unsigned)kind < REFINER_KINDS ? kinds[kind].word : "?";
}

const char *refiner_kind_meaning(enum refiner_kind kind)
{
    return (unsigned)kind < REFINER_KINDS ? kinds[kind].meaning : "?";
}

const char *sql_dialect_word(enum sql_dialect dialect)
{
    return (unsigned)dialect < SQL_DIALECTS ? dialects[dialect].word : "?";
}

const char *sql_dialect_meaning(enum sql_dialect dialect)
{
    return (unsigned)dialect < SQL_DIALECTS ? dialects[dialect].meaning : "?";
}

bool refiner_kind_parse(struct str word, enum refiner_kind *ret_kind)
{
    for (unsigned i = 0; i < REFINER_KINDS; i++) {
        if (str_eq(word, str_c(kinds[i].word))) {
            *ret_kind = (enum refiner_kind)i;
            return true;
        }
    }
    return false;
}

bool sql_dialect_parse(struct str word, enum sql_dialect *ret_dialect)
{
    for (unsigned i = 0; i < SQL_DIALECTS; i++) {
        if (str_eq(word, str_c(dialects[i].word))) {
            *ret_dialect = (enum sql_dialect)i;
            return true;
        }
    }
    return false;
}

void refine_raise(struct refine_verdict *verdict, enum category category, const char *why,
                  struct str what)
{
    size_t len = 0;

    if (category < verdict->category ||
        (category == verdict->category && verdict->why != NULL && verdict->why[0] != '\0'))
        return;
    verdict->category = category;
    verdict->why = why == NULL ? "" : why;
    for (; len < what.len && len < sizeof verdict->what - 1; len++)
        verdict->what[len] =
            (char)(what.ptr[len] >= ' ' && what.ptr[len] < 0x7f ? what.ptr[len] : '?');
    verdict->what[len] = '\0';
}

static const struct refine_value *find_value(const struct refine_value *values, size_t count,
                                             struct str text, bool is_exact)
{
    for (size_t i = 0; i < count; i++)
        if (is_exact ? str_eq(values[i].value, text) : str_eq_nocase(values[i].value, text))
            return &values[i];
    return NULL;
}

static void judge_method(const struct refiner *refiner, struct str text,
                         struct refine_verdict *verdict)
{
    const struct refine_value *found =
        find_value(refiner->values, refiner->value_count, text, false);

    if (found == NULL)
        found = find_value(methods, ARRAY_LEN(methods), text, false);
    refine_raise(verdict, found == NULL ? CATEGORY_ADMIN : found->category,
                 found == NULL ? "it is a method that is not known" : "it is this method", text);
}

static void judge_value(const struct refiner *refiner, struct str text,
                        struct refine_verdict *verdict)
{
    const struct refine_value *found =
        find_value(refiner->values, refiner->value_count, text, true);

    refine_raise(verdict, found == NULL ? CATEGORY_ADMIN : found->category,
                 found == NULL ? "it is a value that has no category" : "it is this value", text);
}

static void judge(const struct refiner *refiner, struct str text, struct refine_verdict *verdict)
{
    if (text.len > REFINE_MAX_BYTES) {
        refine_raise(verdict, CATEGORY_ADMIN, "it is too long to be judged", STR_NONE);
        return;
    }
    switch (refiner->kind) {
    case REFINER_SQL:
        sql_judge(refiner, text, verdict);
        return;
    case REFINER_HTTP:
        judge_method(refiner, text, verdict);
        return;
    case REFINER_VALUE:
        judge_value(refiner, text, verdict);
        return;
    case REFINER_SHELL:
        shell_judge(text, verdict);
        return;
    case REFINER_KINDS:
        break;
    }
    refine_raise(verdict, CATEGORY_ADMIN, "it has no judge", STR_NONE);
}

/* Never less than the floor. */
static struct refine_verdict conclude(const struct refiner *refiner, struct refine_verdict verdict)
{
    if (verdict.why == NULL)
        verdict.why = "";
    if (verdict.category < refiner->floor) {
        verdict.category = refiner->floor;
        verdict.why = "no call of this tool is less";
        verdict.what[0] = '\0';
    }
    return verdict;
}

static struct refine_verdict worst(const char *why)
{
    struct refine_verdict verdict = {.category = CATEGORY_READ_ONLY};

    refine_raise(&verdict, CATEGORY_ADMIN, why, STR_NONE);
    return verdict;
}

struct refine_verdict refine_text(const struct refiner *refiner, struct str text)
{
    struct refine_verdict verdict = {.category = CATEGORY_READ_ONLY};

    judge(refiner, text, &verdict);
    return conclude(refiner, verdict);
}

/* One step of a pointer, unescaped (RFC 6901 §4). False: it does not fit. */
static bool unescape(struct str token, char out[REFINE_MAX_POINTER], struct str *ret_name)
{
    size_t len = 0;

    for (size_t i = 0; i < token.len; i++) {
        if (len == REFINE_MAX_POINTER)
            return false;
        char c = token.ptr[i];
        if (c == '~' && ++i < token.len)
            c = token.ptr[i] == '0' ? '~' : '/';
        out[len++] = c;
    }
    *ret_name = str_of(out, len);
    return true;
}

bool refine_is_pointer(struct str pointer)
{
    if (pointer.len < 2 || pointer.len > REFINE_MAX_POINTER || pointer.ptr[0] != '/' ||
        !str_is_utf8(pointer))
        return false;
    for (size_t i = 0; i < pointer.len; i++) {
        bool is_escape = pointer.ptr[i] == '~';
        if (pointer.ptr[i] == '\0' ||
            (is_escape &&
             (i + 1 == pointer.len || (pointer.ptr[i + 1] != '0' && pointer.ptr[i + 1] != '1'))))
            return false;
    }
    return true;
}

/* The member; *ret_has_variant: another one differs from it by case alone, and some parsers bind
 * either to the same field. */
static json_pos member(const struct json_doc *doc, json_pos object, struct str name,
                       bool *ret_has_variant)
{
    json_pos found = JSON_NONE;

    if (!json_is(doc, object, JSON_OBJECT))
        return JSON_NONE;
    for (json_pos at = json_first(doc, object); at != JSON_NONE;) {
        json_pos value = json_next(doc, object, at);
        if (json_str_is(doc, at, name))
            found = value;
        else if (json_is_variant(doc, at, name))
            *ret_has_variant = true;
        at = value == JSON_NONE ? JSON_NONE : json_next(doc, object, value);
    }
    return found;
}

static json_pos element(const struct json_doc *doc, json_pos array, struct str index)
{
    uint64_t wanted = 0;
    json_pos at = json_first(doc, array);

    if (!str_u64(index, &wanted) || wanted >= REFINE_MAX_ELEMENTS)
        return JSON_NONE;
    while (at != JSON_NONE && wanted-- > 0)
        at = json_next(doc, array, at);
    return at;
}

static json_pos resolve(const struct refiner *refiner, const struct json_doc *doc, json_pos at,
                        bool *ret_has_variant)
{
    struct str rest = str_from(refiner->pointer, 1);
    char buffer[REFINE_MAX_POINTER];

    if (!refine_is_pointer(refiner->pointer))
        return JSON_NONE;
    for (bool is_last = false; !is_last && at != JSON_NONE;) {
        struct str name;
        is_last = str_find(rest, '/') == rest.len;
        if (!unescape(str_cut(&rest, '/'), buffer, &name))
            return JSON_NONE;
        at = json_is(doc, at, JSON_ARRAY) ? element(doc, at, name)
                                          : member(doc, at, name, ret_has_variant);
    }
    return at;
}

/* The text of a string; of a number or a boolean as it is written, for values. */
static bool text_of(const struct refiner *refiner, const struct json_doc *doc, json_pos at,
                    struct arena *scratch, struct str *ret_text)
{
    bool is_scalar = json_is(doc, at, JSON_NUMBER) || json_is(doc, at, JSON_TRUE) ||
                     json_is(doc, at, JSON_FALSE);

    if (refiner->kind == REFINER_VALUE && is_scalar) {
        *ret_text = json_raw(doc, at);
        return true;
    }
    return json_str(doc, at, scratch, ret_text);
}

/* The words of a command, or several texts of which the worst counts. */
static void judge_array(const struct refiner *refiner, const struct json_doc *doc, json_pos array,
                        struct arena *scratch, struct refine_verdict *verdict)
{
    struct str texts[REFINE_MAX_ELEMENTS];
    size_t count = 0;

    for (json_pos at = json_first(doc, array); at != JSON_NONE; at = json_next(doc, array, at)) {
        if (count == REFINE_MAX_ELEMENTS || !text_of(refiner, doc, at, scratch, &texts[count])) {
            refine_raise(verdict, CATEGORY_ADMIN, "an element can't be judged", STR_NONE);
            return;
        }
        count++;
    }
    if (count == 0)
        refine_raise(verdict, CATEGORY_ADMIN, "there is nothing to judge", STR_NONE);
    if (refiner->kind == REFINER_SHELL) {
        shell_judge_words(texts, count, verdict);
        return;
    }
    for (size_t i = 0; i < count; i++)
        judge(refiner, texts[i], verdict);
}

struct refine_verdict refine_arguments(const struct refiner *refiner, const struct json_doc *doc,
                                       json_pos arguments, struct arena *scratch)
{
    struct refine_verdict verdict = {.category = CATEGORY_READ_ONLY};
    bool has_variant = false;
    struct str text;
    json_pos at = resolve(refiner, doc, arguments, &has_variant);

    if (at == JSON_NONE)
        return worst("the argument that decides is missing");
    if (has_variant)
        return worst("another argument has the same name but for the case of its letters");
    if (json_is(doc, at, JSON_ARRAY))
        judge_array(refiner, doc, at, scratch, &verdict);
    else if (text_of(refiner, doc, at, scratch, &text))
        judge(refiner, text, &verdict);
    else
        return worst("the argument that decides is not text");
    return conclude(refiner, verdict);
}

static enum category least_value(const struct refine_value *values, size_t count)
{
    enum category least = CATEGORY_ADMIN;

    for (size_t i = 0; i < count; i++)
        least = values[i].category < least ? values[i].category : least;
    return least;
}

bool refine_can_be(const struct refiner *refiner, enum category category)
{
    if (category == CATEGORY_ADMIN || category < refiner->floor)
        return category == CATEGORY_ADMIN;
    if (category == refiner->floor || refiner->kind != REFINER_VALUE)
        return refiner->kind != REFINER_VALUE ||
               least_value(refiner->values, refiner->value_count) <= category;
    for (size_t i = 0; i < refiner->value_count; i++)
        if (refiner->values[i].category == category)
            return true;
    return false;
}
