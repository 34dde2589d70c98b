#include "base/jsonw.h"

#include <assert.h>

#include "base/json_priv.h"

void jsonw_init(struct jsonw *w, struct buf *out)
{
    *w = (struct jsonw){.out = out};
}

/* What stands between the value that comes now and the one before it. */
static void begin_value(struct jsonw *w)
{
    uint32_t bit = UINT32_C(1) << (w->depth & 31);
    if (!w->after_name && w->depth > 0 && (w->has_member & bit) != 0)
        buf_add_byte(w->out, ',');
    w->has_member |= bit;
    w->after_name = false;
}

static void open_container(struct jsonw *w, char bracket)
{
    begin_value(w);
    buf_add_byte(w->out, bracket);
    assert(w->depth < JSONW_MAX_DEPTH);
    w->depth++;
    w->has_member &= ~(UINT32_C(1) << w->depth);
}

static void close_container(struct jsonw *w, char bracket)
{
    assert(w->depth > 0 && !w->after_name);
    w->depth--;
    buf_add_byte(w->out, bracket);
}

void jsonw_object(struct jsonw *w)
{
    open_container(w, '{');
}

void jsonw_end_object(struct jsonw *w)
{
    close_container(w, '}');
}

void jsonw_array(struct jsonw *w)
{
    open_container(w, '[');
}

void jsonw_end_array(struct jsonw *w)
{
    close_container(w, ']');
}

void jsonw_name(struct jsonw *w, const char *name)
{
    assert(w->depth > 0 && !w->after_name);
    begin_value(w);
    buf_add_byte(w->out, '"');
    buf_add_c(w->out, name);
    buf_add(w->out, STR("\":"));
    w->after_name = true;
}

static void add_hex4(struct buf *out, uint8_t c)
{
    static const char hex[] = "0123456789abcdef";
    const char text[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
    buf_add(out, str_of(text, sizeof text));
}

/* RFC 8259 §7: the two-character escapes where there is one. */
static void add_escaped(struct buf *out, uint8_t c)
{
    static const char letters[] = "btn\vfr"; /* from U+0008 on; U+000B has none */
    char text[2] = {'\\', (char)c};
    if (c == '\b' || c == '\t' || c == '\n' || c == '\f' || c == '\r') {
        text[1] = letters[c - '\b'];
    } else if (c != '"' && c != '\\') {
        add_hex4(out, c);
        return;
    }
    buf_add(out, str_of(text, sizeof text));
}

/* The bytes from p on that are not plain: returns what is behind the first character of them. */
static const uint8_t *add_special(struct buf *out, const uint8_t *p, const uint8_t *end)
{
    if (*p < 0x80) {
        add_escaped(out, *p);
        return p + 1;
    }
    size_t len = json_utf8_len(p, end);
    if (len == 0) {
        buf_add(out, STR("\xef\xbf\xbd"));
        return p + 1;
    }
    buf_add(out, str_of((const char *)p, len));
    return p + len;
}

void jsonw_quote(struct buf *out, struct str text)
{
    const uint8_t *p = (const uint8_t *)(text.len == 0 ? "" : text.ptr);
    const uint8_t *end = p + text.len;
    buf_add_byte(out, '"');
    while (p < end) {
        const uint8_t *stop = json_plain_end(p, end);
        buf_add(out, str_of((const char *)p, (size_t)(stop - p)));
        p = stop < end ? add_special(out, stop, end) : end;
    }
    buf_add_byte(out, '"');
}

void jsonw_str(struct jsonw *w, struct str text)
{
    begin_value(w);
    jsonw_quote(w->out, text);
}

void jsonw_bytes(struct jsonw *w, struct str bytes)
{
    begin_value(w);
    buf_add_byte(w->out, '"');
    const uint8_t *p = (const uint8_t *)(bytes.len == 0 ? "" : bytes.ptr);
    const uint8_t *end = p + bytes.len;
    while (p < end) {
        const uint8_t *stop = json_plain_end(p, end);
        buf_add(w->out, str_of((const char *)p, (size_t)(stop - p)));
        for (p = stop; p < end && !json_is_plain(*p); p++)
            add_escaped(w->out, *p);
    }
    buf_add_byte(w->out, '"');
}

void jsonw_i64(struct jsonw *w, int64_t value)
{
    begin_value(w);
    if (value < 0)
        buf_add_byte(w->out, '-');
    buf_add_u64(w->out, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

void jsonw_bool(struct jsonw *w, bool value)
{
    begin_value(w);
    buf_add(w->out, value ? STR("true") : STR("false"));
}

void jsonw_null(struct jsonw *w)
{
    begin_value(w);
    buf_add(w->out, STR("null"));
}

void jsonw_raw(struct jsonw *w, struct str json)
{
    begin_value(w);
    buf_add(w->out, json);
}

void jsonw_name_str(struct jsonw *w, const char *name, struct str text)
{
    jsonw_name(w, name);
    jsonw_str(w, text);
}

void jsonw_name_i64(struct jsonw *w, const char *name, int64_t value)
{
    jsonw_name(w, name);
    jsonw_i64(w, value);
}

void jsonw_name_bool(struct jsonw *w, const char *name, bool value)
{
    jsonw_name(w, name);
    jsonw_bool(w, value);
}
