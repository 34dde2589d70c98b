/*
 * fuzz_http1.c - HTTP/1.1 from bytes: the same events however the bytes are cut; what is accepted
 * keeps to the rules that two readers could otherwise take differently.
 */
#include "fuzz.h"

#include "base/buf.h"
#include "net/http1.h"

enum { MAX_HEAD_BYTES = 2048, MAX_HEADERS = 20 };

/* What was heard of one run, bodies joined. */
static void note_head(struct buf *heard, const struct http1_head *head)
{
    buf_printf(heard, "[%d %d %d %d %d ", head->status, head->is_1_0, head->is_chunked,
               head->keeps_alive, head->expects_continue);
    buf_add_u64(heard, head->has_length ? head->length : 0);
    buf_add(heard, head->method);
    buf_add_byte(heard, ' ');
    buf_add(heard, head->target);
    require(!(head->has_length && head->is_chunked));
    require(head->header_count <= MAX_HEADERS);
    for (size_t i = 0; i < head->header_count; i++) {
        struct str name = head->headers[i].name;
        struct str value = head->headers[i].value;

        require(name.len > 0 && str_find(name, ' ') == name.len && str_find(name, ':') == name.len);
        require(str_find(value, '\0') == value.len && str_find(value, '\n') == value.len &&
                str_find(value, '\r') == value.len);
        buf_add_byte(heard, '\n');
        buf_add(heard, name);
        buf_add_byte(heard, ':');
        buf_add(heard, value);
    }
    buf_add_byte(heard, ']');
}

/* steps NULL: all at once. */
static void hear(struct buf *heard, enum http1_side side, struct str bytes, const uint8_t *steps,
                 size_t count)
{
    struct http1 *parser = http1_new(side, MAX_HEAD_BYTES, MAX_HEADERS);
    enum http1_event event = HTTP1_MORE;
    size_t at = 0;

    require(parser != NULL);
    for (size_t i = 0; bytes.len > 0 && event != HTTP1_REFUSED; i++) {
        size_t step = steps == NULL ? bytes.len : (size_t)steps[i % count] % 16 + 1;
        struct str part = str_first(bytes, step);

        bytes = str_from(bytes, part.len);
        do {
            struct str body = STR_NONE;
            size_t taken = 0;

            event = http1_feed(parser, part, &taken, &body);
            require(taken <= part.len);
            part = str_from(part, taken);
            if (event == HTTP1_HEAD)
                note_head(heard, http1_head(parser));
            if (event == HTTP1_BODY)
                buf_add(heard, body);
            if (event == HTTP1_END) {
                buf_add(heard, STR("[end]"));
                http1_next(parser);
            }
        } while (event != HTTP1_MORE && event != HTTP1_REFUSED && ++at < 100000);
    }
    if (event == HTTP1_REFUSED) {
        require(http1_refusal(parser).status >= 400 && http1_refusal(parser).why != NULL);
        buf_printf(heard, "[refused %d]", http1_refusal(parser).status);
    }
    http1_free(parser);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole;
    struct buf parts;

    if (size < 4)
        return 0;
    enum http1_side side = (data[0] & 1) != 0 ? HTTP1_RESPONSES : HTTP1_REQUESTS;
    struct str bytes = str_of((const char *)data + 4, size - 4);
    buf_init(&whole, (size_t)1 << 28);
    buf_init(&parts, (size_t)1 << 28);
    hear(&whole, side, bytes, NULL, 0);
    hear(&parts, side, bytes, data, 4);
    /* What is refused may be so a few bytes earlier; what came before is the same. */
    bool is_refused = str_find_str(buf_str(&whole), STR("[refused")) < whole.len;
    require(is_refused || str_eq(buf_str(&whole), buf_str(&parts)));
    buf_done(&whole);
    buf_done(&parts);
    return 0;
}
