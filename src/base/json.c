/*
 * json.c - reading a parsed document, and edits of its text. Positions come from the document
 * itself, so a wrong one is a bug and stops the process.
 */
#include "base/json.h"

#include <assert.h>

#include "base/json_priv.h"

static const struct json_value *value_at(const struct json_doc *doc, json_pos pos)
{
    assert(pos < doc->count);
    return &doc->values[pos];
}

enum json_type json_type(const struct json_doc *doc, json_pos pos)
{
    return value_at(doc, pos)->type;
}

bool json_is(const struct json_doc *doc, json_pos pos, enum json_type type)
{
    return pos != JSON_NONE && json_type(doc, pos) == type;
}

json_pos json_get(const struct json_doc *doc, json_pos object, struct str name)
{
    if (!json_is(doc, object, JSON_OBJECT))
        return JSON_NONE;
    json_pos end = doc->values[object].next;
    for (json_pos pos = object + 1; pos < end; pos = doc->values[pos + 1].next) {
        if (json_str_is(doc, pos, name))
            return pos + 1;
    }
    return JSON_NONE;
}

json_pos json_first(const struct json_doc *doc, json_pos container)
{
    if (!json_is(doc, container, JSON_OBJECT) && !json_is(doc, container, JSON_ARRAY))
        return JSON_NONE;
    return doc->values[container].count == 0 ? JSON_NONE : container + 1;
}

json_pos json_next(const struct json_doc *doc, json_pos container, json_pos pos)
{
    json_pos next = value_at(doc, pos)->next;
    return next < value_at(doc, container)->next ? next : JSON_NONE;
}

struct str json_raw(const struct json_doc *doc, json_pos pos)
{
    const struct json_value *value = value_at(doc, pos);
    return str_of(doc->text.ptr + value->start, value->end - value->start);
}

/* The bytes between the quotes. */
static struct str body_of(const struct json_doc *doc, const struct json_value *value)
{
    return str_of(doc->text.ptr + value->start + 1, value->end - value->start - 2);
}

bool json_str(const struct json_doc *doc, json_pos pos, struct arena *arena, struct str *ret_text)
{
    if (!json_is(doc, pos, JSON_STRING))
        return false;
    const struct json_value *value = &doc->values[pos];
    struct str body = body_of(doc, value);
    if (value->count != 0) {
        char *out = arena_alloc(arena, body.len);
        if (out == NULL)
            return false;
        body = str_of(out, json_unescape(body, out));
    }
    *ret_text = body;
    return true;
}

static bool unescaped_is(struct str body, struct str text)
{
    const uint8_t *at = (const uint8_t *)body.ptr;
    const uint8_t *end = at + body.len;
    while (at < end) {
        uint8_t bytes[4];
        size_t len = json_next_char(&at, end, bytes);
        if (text.len < len || memcmp(text.ptr, bytes, len) != 0)
            return false;
        text = str_from(text, len);
    }
    return text.len == 0;
}

bool json_str_is(const struct json_doc *doc, json_pos pos, struct str text)
{
    if (!json_is(doc, pos, JSON_STRING))
        return false;
    const struct json_value *value = &doc->values[pos];
    struct str body = body_of(doc, value);
    return value->count == 0 ? str_eq(body, text) : unescaped_is(body, text);
}

static bool read_digits(struct str digits, uint64_t max, uint64_t *ret_value)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < digits.len; i++) {
        unsigned digit = (unsigned)(digits.ptr[i] - '0');
        if (digit > 9 || sum > (max - digit) / 10)
            return false;
        sum = sum * 10 + digit;
    }
    *ret_value = sum;
    return digits.len > 0;
}

bool json_i64(const struct json_doc *doc, json_pos pos, int64_t *ret_value)
{
    if (!json_is(doc, pos, JSON_NUMBER))
        return false;
    struct str raw = json_raw(doc, pos);
    bool is_negative = raw.ptr[0] == '-';
    uint64_t max = (uint64_t)INT64_MAX + (is_negative ? 1 : 0);
    uint64_t size;
    if (!read_digits(str_from(raw, is_negative ? 1 : 0), max, &size))
        return false;
    /* INT64_MIN has no positive twin. */
    *ret_value = is_negative && size != 0 ? -(int64_t)(size - 1) - 1 : (int64_t)size;
    return true;
}

bool json_bool(const struct json_doc *doc, json_pos pos, bool *ret_value)
{
    bool is_true = json_is(doc, pos, JSON_TRUE);
    if (!is_true && !json_is(doc, pos, JSON_FALSE))
        return false;
    *ret_value = is_true;
    return true;
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

/* The ASCII letter that a case-folding reader makes of the character, 0: none. */
static uint8_t folded(const uint8_t *bytes, size_t len)
{
    if (len == 1)
        return lower(bytes[0]);
    if (len == 2 && memcmp(bytes, "\xc5\xbf", 2) == 0)
        return 's';
    if (len == 3 && memcmp(bytes, "\xe2\x84\xaa", 3) == 0)
        return 'k';
    return 0;
}

static bool folds_to(struct str body, struct str name)
{
    const uint8_t *at = (const uint8_t *)body.ptr;
    const uint8_t *end = at + body.len;
    size_t i = 0;
    while (at < end && i < name.len) {
        uint8_t bytes[4];
        size_t len = json_next_char(&at, end, bytes);
        if (folded(bytes, len) != lower((uint8_t)name.ptr[i++]))
            return false;
    }
    return at == end && i == name.len;
}

bool json_is_variant(const struct json_doc *doc, json_pos string, struct str name)
{
    return json_is(doc, string, JSON_STRING) &&
           folds_to(body_of(doc, &doc->values[string]), name) && !json_str_is(doc, string, name);
}

void json_splice(struct str text, const struct json_edit *edits, size_t count, struct buf *out)
{
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        const struct json_edit *edit = &edits[i];
        assert(at <= edit->start && edit->start <= edit->end && edit->end <= text.len);
        buf_add(out, str_of(text.ptr + at, edit->start - at));
        buf_add(out, edit->with);
        at = edit->end;
    }
    buf_add(out, str_from(text, at));
}
