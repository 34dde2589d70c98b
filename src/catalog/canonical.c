#include "catalog/canonical.h"

#include <stdlib.h>

struct member {
    struct str name; /* canonical, quoted */
    json_pos value;
};

struct writer {
    const struct json_doc *doc;
    struct arena *arena;
    struct buf *out;
};

static unsigned hex_value(char c)
{
    if (c <= '9')
        return (unsigned)(c - '0');
    return (unsigned)((c | 0x20) - 'a') + 10;
}

static unsigned hex4(const char *digits)
{
    return hex_value(digits[0]) << 12 | hex_value(digits[1]) << 8 | hex_value(digits[2]) << 4 |
           hex_value(digits[3]);
}

static void add_utf8(struct buf *out, unsigned code)
{
    if (code < 0x80) {
        buf_add_byte(out, (char)code);
    } else if (code < 0x800) {
        buf_add_byte(out, (char)(0xc0 | code >> 6));
        buf_add_byte(out, (char)(0x80 | (code & 0x3f)));
    } else if (code < 0x10000) {
        buf_add_byte(out, (char)(0xe0 | code >> 12));
        buf_add_byte(out, (char)(0x80 | (code >> 6 & 0x3f)));
        buf_add_byte(out, (char)(0x80 | (code & 0x3f)));
    } else {
        buf_add_byte(out, (char)(0xf0 | code >> 18));
        buf_add_byte(out, (char)(0x80 | (code >> 12 & 0x3f)));
        buf_add_byte(out, (char)(0x80 | (code >> 6 & 0x3f)));
        buf_add_byte(out, (char)(0x80 | (code & 0x3f)));
    }
}

static void add_code(struct buf *out, unsigned code)
{
    if (code == '"' || code == '\\') {
        buf_add_byte(out, '\\');
        buf_add_byte(out, (char)code);
    } else if (code < 0x20 || (code >= 0xd800 && code < 0xe000)) {
        buf_printf(out, "\\u%04x", code);
    } else {
        add_utf8(out, code);
    }
}

/* Reads the escape at text[at], a backslash; returns its length. */
static size_t read_escape(struct str text, size_t at, unsigned *ret_code)
{
    static const char names[] = "bfnrt";
    static const char codes[] = "\b\f\n\r\t";
    char c = text.ptr[at + 1];
    if (c != 'u') {
        const char *found = strchr(names, c);
        *ret_code = (unsigned char)(found == NULL ? c : codes[found - names]);
        return 2;
    }
    unsigned code = hex4(text.ptr + at + 2);
    bool has_pair = code >= 0xd800 && code < 0xdc00 && text.len - at >= 12 &&
                    text.ptr[at + 6] == '\\' && text.ptr[at + 7] == 'u';
    unsigned low = has_pair ? hex4(text.ptr + at + 8) : 0;
    if (low >= 0xdc00 && low < 0xe000) {
        *ret_code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        return 12;
    }
    *ret_code = code;
    return 6;
}

void canonical_write_string(struct str raw, struct buf *out)
{
    struct str text = str_of(raw.ptr + 1, raw.len - 2);
    buf_add_byte(out, '"');
    for (size_t at = 0; at < text.len;) {
        size_t plain = str_find(str_from(text, at), '\\');
        buf_add(out, str_of(text.ptr + at, plain));
        at += plain;
        if (at < text.len) {
            unsigned code;
            at += read_escape(text, at, &code);
            add_code(out, code);
        }
    }
    buf_add_byte(out, '"');
}

static enum err_code no_memory(struct err *err)
{
    return err_set(err, ERR_LIMIT, "no memory left for the canonical form");
}

/* The name in its canonical spelling: a view of the source when it has no escape. */
static bool read_name(struct writer *w, json_pos pos, struct str *ret_name)
{
    struct str raw = json_raw(w->doc, pos);
    if (str_find(raw, '\\') == raw.len) {
        *ret_name = raw;
        return true;
    }
    struct buf name;
    buf_init(&name, raw.len * 6);
    canonical_write_string(raw, &name);
    *ret_name = name.failed ? STR_NONE : arena_dup(w->arena, buf_str(&name));
    buf_done(&name);
    return ret_name->ptr != NULL;
}

static int compare_members(const void *left, const void *right)
{
    const struct member *a = left;
    const struct member *b = right;
    return str_cmp(a->name, b->name);
}

static enum err_code write_value(struct writer *w, json_pos pos, unsigned depth, struct err *err);

static enum err_code read_members(struct writer *w, json_pos object, struct member **ret_members,
                                  size_t *ret_count, struct err *err)
{
    size_t count = 0;
    struct member *members = arena_calloc(w->arena, w->doc->values[object].count, sizeof *members);
    if (members == NULL)
        return no_memory(err);
    json_pos name = json_first(w->doc, object);
    while (name != JSON_NONE) {
        json_pos value = json_next(w->doc, object, name);
        if (!read_name(w, name, &members[count].name))
            return no_memory(err);
        members[count++].value = value;
        name = json_next(w->doc, object, value);
    }
    if (count > 1)
        qsort(members, count, sizeof *members, compare_members);
    *ret_members = members;
    *ret_count = count;
    return ERR_OK;
}

static enum err_code write_object(struct writer *w, json_pos object, unsigned depth,
                                  struct err *err)
{
    struct member *members = NULL;
    size_t count = 0;
    enum err_code code = read_members(w, object, &members, &count, err);
    if (code != ERR_OK)
        return code;
    buf_add_byte(w->out, '{');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_add_byte(w->out, ',');
        buf_add(w->out, members[i].name);
        buf_add_byte(w->out, ':');
        code = write_value(w, members[i].value, depth, err);
        if (code != ERR_OK)
            return code;
    }
    buf_add_byte(w->out, '}');
    return ERR_OK;
}

static enum err_code write_array(struct writer *w, json_pos array, unsigned depth, struct err *err)
{
    buf_add_byte(w->out, '[');
    json_pos first = json_first(w->doc, array);
    for (json_pos pos = first; pos != JSON_NONE; pos = json_next(w->doc, array, pos)) {
        if (pos != first)
            buf_add_byte(w->out, ',');
        enum err_code code = write_value(w, pos, depth, err);
        if (code != ERR_OK)
            return code;
    }
    buf_add_byte(w->out, ']');
    return ERR_OK;
}

/* Recursion is bounded by CANONICAL_MAX_DEPTH. */
static enum err_code write_value(struct writer *w, json_pos pos, unsigned depth, struct err *err)
{
    if (depth >= CANONICAL_MAX_DEPTH)
        return err_set(err, ERR_LIMIT, "a definition nests deeper than %d", CANONICAL_MAX_DEPTH);
    switch (json_type(w->doc, pos)) {
    case JSON_OBJECT:
        return write_object(w, pos, depth + 1, err);
    case JSON_ARRAY:
        return write_array(w, pos, depth + 1, err);
    case JSON_STRING:
        canonical_write_string(json_raw(w->doc, pos), w->out);
        return ERR_OK;
    case JSON_NULL:
    case JSON_FALSE:
    case JSON_TRUE:
    case JSON_NUMBER:
        buf_add(w->out, json_raw(w->doc, pos));
        return ERR_OK;
    }
    return ERR_OK;
}

enum err_code canonical_write(const struct json_doc *doc, json_pos pos, struct arena *arena,
                              struct buf *out, struct err *err)
{
    struct writer w = {.doc = doc, .arena = arena, .out = out};
    enum err_code code = write_value(&w, pos, 0, err);
    if (code == ERR_OK && out->failed)
        return no_memory(err);
    return code;
}
