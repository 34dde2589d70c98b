#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "identity/scim_priv.h"

enum { MAX_TEXT_BYTES = 4096 };

enum err_code scim_refuse(struct scim_fault *fault, const char *type, const char *format, ...)
{
    char text[ERR_TEXT_BYTES];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fault->type = type;
    return err_set(&fault->err, ERR_INVALID, "%s", text);
}

bool scim_id_parse(enum scim_kind kind, struct str text, int64_t *ret_id)
{
    uint64_t id = 0;
    if (text.len == 0 || text.ptr[0] != (kind == SCIM_USER ? 'u' : 'g') ||
        !str_u64(str_from(text, 1), &id) || id == 0 || id > INT64_MAX || text.ptr[1] == '0')
        return false;
    *ret_id = (int64_t)id;
    return true;
}

/* --- paths --- */

static const struct {
    const char *parent;
    const char *name;
    enum scim_attribute attribute;
} attributes[] = {
    {"", "id", SCIM_ATTRIBUTE_ID},
    {"", "userName", SCIM_ATTRIBUTE_USER_NAME},
    {"", "externalId", SCIM_ATTRIBUTE_EXTERNAL_ID},
    {"", "displayName", SCIM_ATTRIBUTE_DISPLAY_NAME},
    {"", "name", SCIM_ATTRIBUTE_NAME},
    {"name", "formatted", SCIM_ATTRIBUTE_FORMATTED},
    {"name", "familyName", SCIM_ATTRIBUTE_FAMILY},
    {"name", "givenName", SCIM_ATTRIBUTE_GIVEN},
    {"", "emails", SCIM_ATTRIBUTE_EMAILS},
    {"emails", "value", SCIM_ATTRIBUTE_EMAIL},
    {"", "active", SCIM_ATTRIBUTE_ACTIVE},
    {"", "members", SCIM_ATTRIBUTE_MEMBERS},
    {"members", "value", SCIM_ATTRIBUTE_MEMBERS},
};

enum scim_attribute scim_attribute_of(struct str parent, struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(attributes); i++)
        if (str_eq_nocase(parent, str_c(attributes[i].parent)) &&
            str_eq_nocase(name, str_c(attributes[i].name)))
            return attributes[i].attribute;
    return SCIM_ATTRIBUTE_NONE;
}

/* The URN of a schema holds dots and colons, and ends with one. */
static struct str without_schema(struct str text)
{
    static const struct str schemas[] = {STR_INIT(SCIM_SCHEMA_USER ":"),
                                         STR_INIT(SCIM_SCHEMA_GROUP ":")};
    for (size_t i = 0; i < ARRAY_LEN(schemas); i++)
        if (str_eq_nocase(str_first(text, schemas[i].len), schemas[i]))
            return str_from(text, schemas[i].len);
    return text;
}

static bool is_name(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool is_letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        bool is_other = (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '$' || c == ':';
        if (!is_letter && !is_other && c != '.')
            return false;
    }
    return text.len > 0;
}

/* The end of what begins with a quote, behind the closing one; len: there is none. */
static size_t end_of_quoted(struct str text, size_t from)
{
    for (size_t i = from + 1; i < text.len; i++) {
        if (text.ptr[i] == '\\')
            i++;
        else if (text.ptr[i] == '"')
            return i + 1;
    }
    return text.len;
}

/* The bracket that closes the one at from; len: none does. */
static size_t end_of_brackets(struct str text, size_t from)
{
    for (size_t i = from + 1; i < text.len; i++) {
        if (text.ptr[i] == '"')
            i = end_of_quoted(text, i) - 1;
        else if (text.ptr[i] == ']')
            return i;
    }
    return text.len;
}

static enum err_code no_path(struct str text, struct scim_fault *fault)
{
    return scim_refuse(fault, SCIM_INVALID_PATH, "'" STR_FMT "' is no path of an attribute",
                       STR_ARG(str_first(text, 128)));
}

enum err_code scim_path_parse(struct str text, struct scim_path *ret_path, struct scim_fault *fault)
{
    struct str rest = without_schema(str_trim(text));
    struct str sub = STR_NONE;
    struct scim_path path = {.condition = STR_NONE};
    size_t open = str_find(rest, '[');
    if (rest.len > MAX_TEXT_BYTES)
        return no_path(text, fault);
    if (open < rest.len) {
        size_t close = end_of_brackets(rest, open);
        struct str behind = str_from(rest, close + 1);
        path.condition = str_of(rest.ptr + open + 1, close < rest.len ? close - open - 1 : 0);
        if (close == rest.len || (behind.len > 0 && behind.ptr[0] != '.'))
            return no_path(text, fault);
        sub = str_from(behind, 1);
        rest = str_first(rest, open);
    }
    if (!is_name(rest) || (sub.len > 0 && !is_name(sub)))
        return no_path(text, fault);
    /* Of an extension, whose URN holds dots. */
    if (str_find(rest, ':') < rest.len) {
        *ret_path = path;
        return ERR_OK;
    }
    struct str name = str_cut(&rest, '.');
    sub = rest.len > 0 ? rest : sub;
    path.attribute = sub.len == 0 ? scim_attribute_of(STR(""), name) : scim_attribute_of(name, sub);
    *ret_path = path;
    return ERR_OK;
}

/* --- filters --- */

static enum err_code no_filter(struct str text, struct scim_fault *fault)
{
    return scim_refuse(fault, SCIM_INVALID_FILTER,
                       "what is understood are comparisons like userName eq \"ann\", joined by "
                       "and; not '" STR_FMT "'",
                       STR_ARG(str_first(text, 128)));
}

/* What stands before the next space outside of brackets and quotes. */
static struct str cut_word(struct str *text)
{
    struct str all = *text = str_trim(*text);
    size_t end = 0;
    while (end < all.len && all.ptr[end] != ' ') {
        if (all.ptr[end] == '[')
            end = end_of_brackets(all, end) + 1;
        else if (all.ptr[end] == '"')
            end = end_of_quoted(all, end);
        else
            end++;
    }
    end = end < all.len ? end : all.len;
    *text = str_from(all, end);
    return str_first(all, end);
}

static bool read_value(struct str word, struct arena *arena, struct scim_clause *clause)
{
    struct json_doc doc;
    if (json_parse(word, &json_limits_default, arena, &doc, NULL) != ERR_OK)
        return false;
    return json_str(&doc, 0, arena, &clause->text) || json_bool(&doc, 0, &clause->flag);
}

enum err_code scim_clause_parse(struct str *text, struct arena *arena,
                                struct scim_clause *ret_clause, struct scim_fault *fault)
{
    struct str whole = *text;
    struct str name = cut_word(text);
    struct str op = cut_word(text);
    struct str value = cut_word(text);
    struct scim_clause clause = {.text = STR_NONE};
    struct scim_path path;
    if (scim_path_parse(name, &path, fault) != ERR_OK || !str_eq_nocase(op, STR("eq")) ||
        !read_value(value, arena, &clause))
        return no_filter(whole, fault);
    clause.attribute =
        path.attribute == SCIM_ATTRIBUTE_EMAILS ? SCIM_ATTRIBUTE_EMAIL : path.attribute;
    bool is_flag = clause.attribute == SCIM_ATTRIBUTE_ACTIVE;
    if (is_flag != (clause.text.ptr == NULL))
        return no_filter(whole, fault);
    *ret_clause = clause;
    return ERR_OK;
}

static bool is_known(enum scim_kind kind, enum scim_attribute attribute)
{
    switch (attribute) {
    case SCIM_ATTRIBUTE_ID:
    case SCIM_ATTRIBUTE_EXTERNAL_ID:
    case SCIM_ATTRIBUTE_DISPLAY_NAME:
        return true;
    case SCIM_ATTRIBUTE_USER_NAME:
    case SCIM_ATTRIBUTE_FORMATTED:
    case SCIM_ATTRIBUTE_FAMILY:
    case SCIM_ATTRIBUTE_GIVEN:
    case SCIM_ATTRIBUTE_EMAIL:
    case SCIM_ATTRIBUTE_ACTIVE:
        return kind == SCIM_USER;
    case SCIM_ATTRIBUTE_MEMBERS:
        return kind == SCIM_GROUP;
    case SCIM_ATTRIBUTE_NONE:
    case SCIM_ATTRIBUTE_NAME:
    case SCIM_ATTRIBUTE_EMAILS:
        break;
    }
    return false;
}

enum err_code scim_filter_parse(struct str text, enum scim_kind kind, struct arena *arena,
                                struct scim_filter *ret_filter, struct scim_fault *fault)
{
    struct scim_filter filter = {.count = 0};
    struct str rest = str_trim(text);
    if (text.len > MAX_TEXT_BYTES)
        return no_filter(text, fault);
    while (rest.len > 0) {
        struct scim_clause *clause = &filter.clauses[filter.count];
        if (filter.count == SCIM_MAX_CLAUSES)
            return no_filter(text, fault);
        if (scim_clause_parse(&rest, arena, clause, fault) != ERR_OK)
            return ERR_INVALID;
        filter.count++;
        if (!is_known(kind, clause->attribute))
            return no_filter(text, fault);
        struct str word = cut_word(&rest);
        if (word.len > 0 && (!str_eq_nocase(word, STR("and")) || str_trim(rest).len == 0))
            return no_filter(text, fault);
    }
    *ret_filter = filter;
    return ERR_OK;
}

bool scim_filter_find(const struct scim_filter *filter, enum scim_kind kind, struct scim_find *find)
{
    find->key = SCIM_ALL;
    find->most = INT64_MAX;
    for (size_t i = 0; i < filter->count; i++) {
        const struct scim_clause *clause = &filter->clauses[i];
        enum scim_attribute by_name =
            kind == SCIM_USER ? SCIM_ATTRIBUTE_USER_NAME : SCIM_ATTRIBUTE_DISPLAY_NAME;
        if (clause->attribute == SCIM_ATTRIBUTE_ID) {
            find->key = SCIM_ID;
            return scim_id_parse(kind, clause->text, &find->id);
        }
        if (clause->attribute != by_name && clause->attribute != SCIM_ATTRIBUTE_EXTERNAL_ID)
            continue;
        find->key = clause->attribute == by_name ? SCIM_NAME : SCIM_EXTERNAL_ID;
        find->value = clause->text;
    }
    return true;
}

/* The text of a user that a clause is on. */
static struct str text_of(const struct scim_user *user, enum scim_attribute attribute)
{
    switch (attribute) {
    case SCIM_ATTRIBUTE_USER_NAME:
        return user->user_name;
    case SCIM_ATTRIBUTE_DISPLAY_NAME:
        return user->display_name;
    case SCIM_ATTRIBUTE_FORMATTED:
        return user->formatted_name;
    case SCIM_ATTRIBUTE_FAMILY:
        return user->family_name;
    case SCIM_ATTRIBUTE_GIVEN:
        return user->given_name;
    case SCIM_ATTRIBUTE_EMAIL:
        return user->email;
    case SCIM_ATTRIBUTE_NONE:
    case SCIM_ATTRIBUTE_ID:
    case SCIM_ATTRIBUTE_EXTERNAL_ID:
    case SCIM_ATTRIBUTE_NAME:
    case SCIM_ATTRIBUTE_EMAILS:
    case SCIM_ATTRIBUTE_ACTIVE:
    case SCIM_ATTRIBUTE_MEMBERS:
        break;
    }
    return STR_NONE;
}

static bool is_id(enum scim_kind kind, struct str text, int64_t id)
{
    int64_t wanted = 0;
    return scim_id_parse(kind, text, &wanted) && wanted == id;
}

bool scim_filter_fits_user(const struct scim_filter *filter, const struct scim_user *user)
{
    bool fits = true;
    for (size_t i = 0; fits && i < filter->count; i++) {
        const struct scim_clause *clause = &filter->clauses[i];
        if (clause->attribute == SCIM_ATTRIBUTE_ID)
            fits = is_id(SCIM_USER, clause->text, user->id);
        else if (clause->attribute == SCIM_ATTRIBUTE_ACTIVE)
            fits = clause->flag == user->is_active;
        else if (clause->attribute == SCIM_ATTRIBUTE_EXTERNAL_ID)
            fits = str_eq(clause->text, user->external_id);
        else
            fits = str_eq_nocase(clause->text, text_of(user, clause->attribute));
    }
    return fits;
}

static bool has_member(const int64_t *members, size_t count, struct str text)
{
    for (size_t i = 0; i < count; i++)
        if (is_id(SCIM_USER, text, members[i]))
            return true;
    return false;
}

bool scim_filter_fits_group(const struct scim_filter *filter, const struct scim_group *group,
                            const int64_t *members, size_t count)
{
    bool fits = true;
    for (size_t i = 0; fits && i < filter->count; i++) {
        const struct scim_clause *clause = &filter->clauses[i];
        if (clause->attribute == SCIM_ATTRIBUTE_ID)
            fits = is_id(SCIM_GROUP, clause->text, group->id);
        else if (clause->attribute == SCIM_ATTRIBUTE_MEMBERS)
            fits = has_member(members, count, clause->text);
        else if (clause->attribute == SCIM_ATTRIBUTE_EXTERNAL_ID)
            fits = str_eq(clause->text, group->external_id);
        else
            fits = str_eq_nocase(clause->text, group->display_name);
    }
    return fits;
}

bool scim_filter_asks_members(const struct scim_filter *filter)
{
    for (size_t i = 0; i < filter->count; i++)
        if (filter->clauses[i].attribute == SCIM_ATTRIBUTE_MEMBERS)
            return true;
    return false;
}
