#include "net/http_client_priv.h"

/* RFC 9110 §5.6.2. */
static bool is_token(struct str s)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";

    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool is_word =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';

        if (!is_word && (c == '\0' || strchr(marks, c) == NULL))
            return false;
    }
    return s.len > 0;
}

/* No control characters; with spaces: tabs and spaces are fine (RFC 9110 §5.5). */
static bool is_visible(struct str s, bool with_spaces)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        bool is_space = c == ' ' || c == '\t';

        if (is_space ? !with_spaces : c < ' ' || c == 0x7f)
            return false;
    }
    return true;
}

bool http_request_is_sound(const struct http_call *call)
{
    if (!is_token(call->method) || call->target.len == 0 || !is_visible(call->target, false) ||
        call->host_header.len == 0 || !is_visible(call->host_header, false))
        return false;
    for (size_t i = 0; i < call->header_count; i++)
        if (!is_token(call->headers[i].name) || !is_visible(call->headers[i].value, true))
            return false;
    return true;
}

static void write_header(struct buf *out, struct str name, struct str value)
{
    buf_add(out, name);
    buf_add(out, STR(": "));
    buf_add(out, value);
    buf_add(out, STR("\r\n"));
}

/* RFC 9110 §8.6: a method that gives a body a meaning says so when there is none. */
static bool needs_length(const struct http_call *call)
{
    return call->piece_count > 0 || str_eq(call->method, STR("POST")) ||
           str_eq(call->method, STR("PUT")) || str_eq(call->method, STR("PATCH"));
}

void http_request_write_head(struct buf *out, const struct http_call *call)
{
    uint64_t length = 0;

    buf_add(out, call->method);
    buf_add_byte(out, ' ');
    buf_add(out, call->target);
    buf_add(out, STR(" HTTP/1.1\r\n"));
    write_header(out, STR("Host"), call->host_header);
    for (size_t i = 0; i < call->header_count; i++)
        write_header(out, call->headers[i].name, call->headers[i].value);
    for (size_t i = 0; i < call->piece_count; i++)
        length += call->pieces[i].len;
    if (needs_length(call)) {
        buf_add(out, STR("Content-Length: "));
        buf_add_u64(out, length);
        buf_add(out, STR("\r\n"));
    }
    buf_add(out, STR("\r\n"));
}
