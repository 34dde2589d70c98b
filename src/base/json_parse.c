/*
 * json_parse.c - the one strict parser: text in, flat list of values out.
 *
 * 1. Every byte is looked at once; offsets only grow.
 * 2. No recursion: an open container keeps the position of the one around it in `next` until it is
 *    closed.
 * 3. The list is allocated once: a value other than the root stands behind one of `[ { , :`, so
 * their count bounds it.
 */
#include "base/json.h"

#include "base/dup.h"
#include "base/json_priv.h"

enum { MAX_NUMBER_BYTES = 1000 };

const struct json_limits json_limits_default = {
    .max_bytes = 1024 * 1024,
    .max_depth = 64,
    .max_values = 65536,
    .max_members = 4096,
    .profile = JSON_STRICT,
};

struct parser {
    const uint8_t *at;
    const uint8_t *end;
    const uint8_t *text;
    struct json_value *values;
    uint32_t count;
    uint32_t room;  /* of values */
    json_pos open;  /* innermost open container, JSON_NONE outside */
    uint32_t depth; /* open containers */
    const struct json_limits *limits;
    struct arena *arena;
    struct err *err;
    enum err_code failure; /* set by fail() and limit() */
    struct str *names;     /* scratch of has_duplicate(), kept for the next object */
    uint32_t *slots;
    size_t names_room;
};

enum step {
    STEP_FAILED,
    STEP_OPENED, /* a container that is not empty: its first value follows */
    STEP_VALUE,  /* a whole value was read */
};

static bool fail(struct parser *p, const uint8_t *at, const char *reason)
{
    p->failure = err_set(p->err, ERR_INVALID, "byte %zu: %s", (size_t)(at - p->text), reason);
    return false;
}

static bool limit(struct parser *p, const char *what, uint32_t max)
{
    p->failure = err_set(p->err, ERR_LIMIT, "byte %zu: more than %u %s", (size_t)(p->at - p->text),
                         max, what);
    return false;
}

static bool memory(struct parser *p)
{
    p->failure = err_set(p->err, ERR_LIMIT, "request memory is used up");
    return false;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* The next byte that is no white space; 0 at the end (a NUL in the text is refused by whoever gets
 * it). */
static inline uint8_t peek(struct parser *p)
{
    const uint8_t *at = p->at;
    while (at < p->end && is_space(*at))
        at++;
    p->at = at;
    return at < p->end ? *at : 0;
}

static inline struct json_value *add(struct parser *p, enum json_type type)
{
    if (p->count == p->room) {
        limit(p, "values", p->limits->max_values);
        return NULL;
    }
    struct json_value *value = &p->values[p->count++];
    *value = (struct json_value){
        .start = (uint32_t)(p->at - p->text),
        .next = p->count,
        .type = type,
    };
    return value;
}

static inline bool end_value(struct parser *p, struct json_value *value, const uint8_t *end)
{
    value->end = (uint32_t)(end - p->text);
    p->at = end;
    return true;
}

static int32_t hex4_within(const uint8_t *p, const uint8_t *end)
{
    return end - p < 4 ? -1 : json_hex4(p);
}

/* at stands behind the first unit; returns what is behind the pair or the tolerated lone one. */
static const uint8_t *surrogate(struct parser *p, const uint8_t *at, int32_t unit, bool is_name)
{
    if (json_is_high_surrogate(unit) && p->end - at >= 6 && at[0] == '\\' && at[1] == 'u' &&
        json_is_low_surrogate(json_hex4(at + 2)))
        return at + 6;
    if (p->limits->profile == JSON_RESULT && !is_name)
        return at;
    fail(p, at - 6, "a lone surrogate");
    return NULL;
}

/* at stands on the backslash; returns what is behind the escape, NULL: failed. */
static const uint8_t *escape(struct parser *p, const uint8_t *at, bool is_name)
{
    uint8_t c = p->end - at < 2 ? 0 : at[1];
    if (c != 'u') {
        if (c != 0 && strchr("\"\\/bfnrt", c) != NULL)
            return at + 2;
        fail(p, at, "no such escape");
        return NULL;
    }
    int32_t unit = hex4_within(at + 2, p->end);
    if (unit < 0) {
        fail(p, at, "\\u needs four hexadecimal digits");
        return NULL;
    }
    if (unit == 0 && is_name) {
        fail(p, at, "NUL in a name");
        return NULL;
    }
    if ((unit & 0xf800) == 0xd800)
        return surrogate(p, at + 6, unit, is_name);
    return at + 6;
}

static const uint8_t *utf8_run(struct parser *p, const uint8_t *at)
{
    while (at < p->end && *at >= 0x80) {
        size_t len = json_utf8_len(at, p->end);
        if (len == 0) {
            fail(p, at, "invalid UTF-8");
            return NULL;
        }
        at += len;
    }
    return at;
}

/* What stands at `at` is no plain byte and no quote: goes over it, NULL: failed. */
static const uint8_t *special(struct parser *p, const uint8_t *at, struct json_value *value,
                              bool is_name)
{
    if (*at >= 0x80)
        return utf8_run(p, at);
    if (*at == '\\') {
        value->count = 1;
        return escape(p, at, is_name);
    }
    fail(p, at, "a control character in a string");
    return NULL;
}

/* p->at stands on the opening quote. */
static bool string(struct parser *p, bool is_name)
{
    struct json_value *value = add(p, JSON_STRING);
    if (value == NULL)
        return false;
    const uint8_t *at = json_plain_end(p->at + 1, p->end);
    while (at < p->end && *at != '"') {
        at = special(p, at, value, is_name);
        if (at == NULL)
            return false;
        at = json_plain_end(at, p->end);
    }
    if (at == p->end)
        return fail(p, at, "the text ends inside a string");
    return end_value(p, value, at + 1);
}

static const uint8_t *digits(const uint8_t *at, const uint8_t *end)
{
    while (at < end && (uint8_t)(*at - '0') <= 9)
        at++;
    return at;
}

/* at stands on what follows the integer part; NULL: failed. */
static const uint8_t *fraction(struct parser *p, const uint8_t *at)
{
    if (at < p->end && *at == '.') {
        const uint8_t *first = at + 1;
        at = digits(first, p->end);
        if (at == first) {
            fail(p, at, "a digit must follow the decimal point");
            return NULL;
        }
    }
    if (at < p->end && (*at | 0x20) == 'e') {
        const uint8_t *first = at + 1;
        if (first < p->end && (*first == '+' || *first == '-'))
            first++;
        at = digits(first, p->end);
        if (at == first) {
            fail(p, at, "an exponent needs a digit");
            return NULL;
        }
    }
    return at;
}

static bool number(struct parser *p)
{
    struct json_value *value = add(p, JSON_NUMBER);
    if (value == NULL)
        return false;
    const uint8_t *first = p->at + (*p->at == '-');
    const uint8_t *at = digits(first, p->end);
    if (at == first)
        return fail(p, at, "a minus sign needs a digit");
    if (*first == '0' && at - first > 1)
        return fail(p, first, "a number starts with zero");
    at = fraction(p, at);
    if (at == NULL)
        return false;
    if (at - p->at > MAX_NUMBER_BYTES)
        return limit(p, "bytes in a number", MAX_NUMBER_BYTES);
    return end_value(p, value, at);
}

static bool literal(struct parser *p, struct str word, enum json_type type)
{
    if ((size_t)(p->end - p->at) < word.len || memcmp(p->at, word.ptr, word.len) != 0)
        return fail(p, p->at, "no value starts like this");
    struct json_value *value = add(p, type);
    return value != NULL && end_value(p, value, p->at + word.len);
}

/* A name and its colon: leaves p->at behind the colon. */
static bool name(struct parser *p)
{
    struct json_value *object = &p->values[p->open];
    if (peek(p) != '"')
        return fail(p, p->at, "a name in quotes is expected");
    if (object->count == p->limits->max_members)
        return limit(p, "members in an object", p->limits->max_members);
    object->count++;
    if (!string(p, true))
        return false;
    if (peek(p) != ':')
        return fail(p, p->at, "a colon is expected behind a name");
    p->at++;
    return true;
}

static bool has_room_for_names(struct parser *p, size_t count)
{
    if (count <= p->names_room)
        return true;
    size_t room = p->names_room == 0 ? DUP_SMALL : p->names_room;
    while (room < count)
        room *= 2;
    p->names = arena_alloc(p->arena, room * sizeof *p->names);
    p->slots = arena_alloc(p->arena, dup_slots(room) * sizeof *p->slots);
    p->names_room = p->names != NULL && p->slots != NULL ? room : 0;
    return p->names_room != 0 || memory(p);
}

static bool plain_name(struct parser *p, const struct json_value *value, struct str *ret_name)
{
    struct str body =
        str_of((const char *)p->text + value->start + 1, value->end - value->start - 2);
    if (value->count != 0) {
        char *out = arena_alloc(p->arena, body.len);
        if (out == NULL)
            return memory(p);
        body = str_of(out, json_unescape(body, out));
    }
    *ret_name = body;
    return true;
}

/* The names of a closed object, all of them: two that read the same refuse the text. */
static bool has_distinct_names(struct parser *p, json_pos object)
{
    const struct json_value *values = p->values;
    size_t count = values[object].count;
    if (count < 2)
        return true;
    if (!has_room_for_names(p, count))
        return false;
    json_pos pos = object + 1;
    for (size_t i = 0; i < count; i++) {
        if (!plain_name(p, &values[pos], &p->names[i]))
            return false;
        pos = values[pos + 1].next;
    }
    size_t twice = dup_find(p->names, count, p->slots);
    if (twice == count)
        return true;
    pos = object + 1;
    while (twice-- > 0)
        pos = values[pos + 1].next;
    return fail(p, p->text + values[pos].start, "this name stands in its object twice");
}

/* p->at stands on the closing bracket. */
static bool close_container(struct parser *p)
{
    json_pos pos = p->open;
    struct json_value *value = &p->values[pos];
    p->open = value->next;
    p->depth--;
    value->next = p->count;
    end_value(p, value, p->at + 1);
    return value->type != JSON_OBJECT || has_distinct_names(p, pos);
}

static uint8_t closing(const struct parser *p)
{
    return p->values[p->open].type == JSON_OBJECT ? '}' : ']';
}

static enum step open_container(struct parser *p, enum json_type type)
{
    if (p->depth == p->limits->max_depth) {
        limit(p, "levels of depth", p->limits->max_depth);
        return STEP_FAILED;
    }
    struct json_value *value = add(p, type);
    if (value == NULL)
        return STEP_FAILED;
    value->next = p->open;
    p->open = p->count - 1;
    p->depth++;
    p->at++;
    if (peek(p) == closing(p))
        return close_container(p) ? STEP_VALUE : STEP_FAILED;
    if (type == JSON_OBJECT)
        return name(p) ? STEP_OPENED : STEP_FAILED;
    value->count = 1;
    return STEP_OPENED;
}

static bool scalar(struct parser *p, uint8_t first)
{
    switch (first) {
    case '"':
        return string(p, false);
    case 't':
        return literal(p, STR("true"), JSON_TRUE);
    case 'f':
        return literal(p, STR("false"), JSON_FALSE);
    case 'n':
        return literal(p, STR("null"), JSON_NULL);
    default:
        if (first == '-' || (first >= '0' && first <= '9'))
            return number(p);
        return fail(p, p->at,
                    p->at == p->end ? "the text ends where a value is expected"
                                    : "no value starts like this");
    }
}

static enum step value(struct parser *p)
{
    uint8_t first = peek(p);
    if (first == '{')
        return open_container(p, JSON_OBJECT);
    if (first == '[')
        return open_container(p, JSON_ARRAY);
    return scalar(p, first) ? STEP_VALUE : STEP_FAILED;
}

/* Behind a whole value: closes what ends here, up to the comma that announces the next value. */
static bool behind_value(struct parser *p)
{
    while (p->open != JSON_NONE) {
        uint8_t c = peek(p);
        if (c == ',') {
            p->at++;
            if (p->values[p->open].type == JSON_OBJECT)
                return name(p);
            p->values[p->open].count++;
            return true;
        }
        if (c != closing(p))
            return fail(p, p->at,
                        p->at == p->end ? "the text ends inside a container"
                                        : "a comma or a closing bracket is expected");
        if (!close_container(p))
            return false;
    }
    return true;
}

static bool document(struct parser *p)
{
    do {
        enum step step = value(p);
        while (step == STEP_OPENED)
            step = value(p);
        if (step == STEP_FAILED || !behind_value(p))
            return false;
    } while (p->open != JSON_NONE);
    peek(p);
    return p->at == p->end || fail(p, p->at, "something follows the value");
}

/* How many values the text can hold at most, cut at max. */
static uint32_t bound_values(struct str text, uint32_t max)
{
    size_t count = 1 + json_count_starts((const uint8_t *)text.ptr, text.len);
    return count > max ? max : (uint32_t)count;
}

enum err_code json_parse(struct str text, const struct json_limits *limits, struct arena *arena,
                         struct json_doc *ret_doc, struct err *err)
{
    if (text.len > limits->max_bytes)
        return err_set(err, ERR_LIMIT, "more than %u bytes of JSON", limits->max_bytes);
    if (text.len == 0)
        return err_set(err, ERR_INVALID, "byte 0: the text is empty");
    struct parser p = {
        .at = (const uint8_t *)text.ptr,
        .end = (const uint8_t *)text.ptr + text.len,
        .text = (const uint8_t *)text.ptr,
        .room = bound_values(text, limits->max_values),
        .open = JSON_NONE,
        .limits = limits,
        .arena = arena,
        .err = err,
    };
    p.values = arena_alloc(arena, p.room * sizeof *p.values);
    if (p.values == NULL)
        return err_set(err, ERR_LIMIT, "request memory is used up");
    if (!document(&p))
        return p.failure;
    *ret_doc = (struct json_doc){.text = text, .values = p.values, .count = p.count};
    return ERR_OK;
}
