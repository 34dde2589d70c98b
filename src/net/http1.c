#include "net/http1.h"

#include <assert.h>
#include <llhttp.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "net/http1_priv.h"

enum state {
    STATE_HEAD,    /* gathering a head */
    STATE_BODY,    /* the head was handed out */
    STATE_ENDED,   /* the message is complete */
    STATE_REFUSED, /* for good */
};

struct http1 {
    llhttp_t llhttp;
    llhttp_settings_t settings;
    enum http1_side side;
    enum state state;
    struct buf gathered; /* the head */
    size_t searched;     /* of it, without an empty line */
    struct http_header *headers;
    size_t max_headers;
    struct http1_head head;
    struct http1_refusal refusal;
    struct str body; /* handed out next */
    bool is_complete;
    bool has_no_body;
    bool in_head; /* llhttp is fed the head */
};

static void set_state(struct http1 *parser, enum state state)
{
    assert(parser->state != STATE_REFUSED || state == STATE_REFUSED);
    parser->state = state;
}

static enum http1_event refuse(struct http1 *parser, int status, const char *why)
{
    parser->refusal = (struct http1_refusal){.status = status, .why = why};
    set_state(parser, STATE_REFUSED);
    return HTTP1_REFUSED;
}

/* Callbacks of llhttp. */

static struct str *span_end(struct str *span, const char *at, size_t length)
{
    if (span->len == 0)
        span->ptr = at;
    span->len += length;
    return span;
}

static int on_method(llhttp_t *llhttp, const char *at, size_t length)
{
    struct http1 *parser = llhttp->data;

    (void)span_end(&parser->head.method, at, length);
    return 0;
}

static int on_url(llhttp_t *llhttp, const char *at, size_t length)
{
    struct http1 *parser = llhttp->data;

    (void)span_end(&parser->head.target, at, length);
    return 0;
}

/* Headers behind the body are trailers: they could name what was judged before. */
static int on_field(llhttp_t *llhttp, const char *at, size_t length)
{
    struct http1 *parser = llhttp->data;

    if (!parser->in_head || parser->head.header_count >= parser->max_headers)
        return -1;
    (void)span_end(&parser->headers[parser->head.header_count].name, at, length);
    return 0;
}

static int on_value(llhttp_t *llhttp, const char *at, size_t length)
{
    struct http1 *parser = llhttp->data;

    if (!parser->in_head)
        return -1;
    (void)span_end(&parser->headers[parser->head.header_count].value, at, length);
    return 0;
}

static int on_value_complete(llhttp_t *llhttp)
{
    struct http1 *parser = llhttp->data;
    struct http_header *header = &parser->headers[parser->head.header_count++];

    header->value = str_trim(header->value);
    if (header->value.ptr == NULL)
        header->value = STR("");
    return 0;
}

/* Returns 1: no body. */
static int on_headers_complete(llhttp_t *llhttp)
{
    struct http1 *parser = llhttp->data;

    return parser->has_no_body ? 1 : 0;
}

static int on_body(llhttp_t *llhttp, const char *at, size_t length)
{
    struct http1 *parser = llhttp->data;

    parser->body = str_of(at, length);
    return HPE_PAUSED;
}

static int on_extension(llhttp_t *llhttp, const char *at, size_t length)
{
    (void)llhttp;
    (void)at;
    return length == 0 ? 0 : -1;
}

static int on_complete(llhttp_t *llhttp)
{
    struct http1 *parser = llhttp->data;

    parser->is_complete = true;
    return HPE_PAUSED;
}

struct http1 *http1_new(enum http1_side side, size_t max_head_bytes, size_t max_headers)
{
    struct http1 *parser = calloc(1, sizeof *parser);

    if (parser == NULL)
        return NULL;
    parser->headers = calloc(max_headers + 1, sizeof *parser->headers);
    if (parser->headers == NULL) {
        free(parser);
        return NULL;
    }
    parser->side = side;
    parser->max_headers = max_headers;
    buf_init(&parser->gathered, max_head_bytes + 4);
    llhttp_settings_init(&parser->settings);
    parser->settings.on_method = on_method;
    parser->settings.on_url = on_url;
    parser->settings.on_header_field = on_field;
    parser->settings.on_header_value = on_value;
    parser->settings.on_header_value_complete = on_value_complete;
    parser->settings.on_headers_complete = on_headers_complete;
    parser->settings.on_body = on_body;
    parser->settings.on_chunk_extension_name = on_extension;
    parser->settings.on_chunk_extension_value = on_extension;
    parser->settings.on_message_complete = on_complete;
    http1_next(parser);
    return parser;
}

void http1_free(struct http1 *parser)
{
    if (parser == NULL)
        return;
    buf_done(&parser->gathered);
    free(parser->headers);
    free(parser);
}

void http1_next(struct http1 *parser)
{
    if (parser->state == STATE_REFUSED)
        return;
    llhttp_init(&parser->llhttp, parser->side == HTTP1_REQUESTS ? HTTP_REQUEST : HTTP_RESPONSE,
                &parser->settings);
    parser->llhttp.data = parser;
    buf_clear(&parser->gathered);
    parser->searched = 0;
    memset(parser->headers, 0, (parser->head.header_count + 1) * sizeof *parser->headers);
    parser->head = (struct http1_head){.headers = parser->headers};
    parser->body = STR_NONE;
    parser->is_complete = false;
    parser->has_no_body = false;
    set_state(parser, STATE_HEAD);
}

void http1_expect_no_body(struct http1 *parser)
{
    parser->has_no_body = true;
}

/* What the headers say about the message, from the checked head. */
static void read_facts(struct http1 *parser)
{
    struct http1_head *head = &parser->head;
    struct str length = http_find_header(head->headers, head->header_count, STR("content-length"));
    struct str expect = http_find_header(head->headers, head->header_count, STR("expect"));

    head->is_1_0 = parser->llhttp.http_minor == 0;
    head->status = parser->llhttp.status_code;
    head->has_length = length.ptr != NULL && str_u64(length, &head->length);
    head->is_chunked =
        http_find_header(head->headers, head->header_count, STR("transfer-encoding")).ptr != NULL;
    head->keeps_alive = llhttp_should_keep_alive(&parser->llhttp) != 0;
    head->expects_continue = str_eq_nocase(expect, STR("100-continue"));
    if (expect.ptr != NULL && !head->expects_continue)
        (void)refuse(parser, 417, "the only Expect is 100-continue");
}

static enum http1_event parse_head(struct http1 *parser)
{
    struct str head = buf_str(&parser->gathered);

    if (!http1_check(head, parser->side, parser->max_headers, &parser->refusal)) {
        set_state(parser, STATE_REFUSED);
        return HTTP1_REFUSED;
    }
    parser->in_head = true;
    llhttp_errno_t code = llhttp_execute(&parser->llhttp, head.ptr, head.len);
    parser->in_head = false;
    if (code != HPE_OK && code != HPE_PAUSED)
        return refuse(parser, 400, llhttp_get_error_reason(&parser->llhttp));
    if (code == HPE_PAUSED)
        llhttp_resume(&parser->llhttp);
    read_facts(parser);
    if (parser->state == STATE_REFUSED)
        return HTTP1_REFUSED;
    set_state(parser, STATE_BODY);
    return HTTP1_HEAD;
}

/* The end of the line that only holds CR LF, behind the byte `from`; NULL: not there yet. */
static const char *find_empty_line(const struct buf *gathered, size_t from)
{
    const char *at = gathered->ptr + from;
    const char *end = gathered->ptr + gathered->len;

    while (at < end && (at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        at++;
        if (at - gathered->ptr >= 4 && memcmp(at - 4, "\r\n\r\n", 4) == 0)
            return at;
    }
    return NULL;
}

/* Gathers up to and with the empty line. Bytes behind it are left. */
static enum http1_event feed_head(struct http1 *parser, struct str bytes, size_t *ret_taken)
{
    struct buf *gathered = &parser->gathered;
    size_t before = gathered->len;
    size_t room = gathered->max - before;
    struct str more = str_first(bytes, room);

    buf_add(gathered, more);
    if (gathered->failed)
        return refuse(parser, 431, "memory is out");
    size_t from = parser->searched > 3 ? parser->searched - 3 : 0;
    const char *end = find_empty_line(gathered, from);
    if (end != NULL) {
        size_t len = (size_t)(end - gathered->ptr);

        gathered->len = len;
        *ret_taken = len - before;
        return parse_head(parser);
    }
    parser->searched = gathered->len;
    *ret_taken = more.len;
    /* Refused before the end: what will never be a head need not be gathered to its bound. */
    if (gathered->len > 0 && (gathered->ptr[0] == '\r' || gathered->ptr[0] == '\n'))
        return refuse(parser, 400, "an empty line before the request");
    if (memmem(gathered->ptr + from, gathered->len - from, "\n\n", 2) != NULL)
        return refuse(parser, 400, "lines end in CR LF");
    if (gathered->len < gathered->max)
        return HTTP1_MORE;
    (void)refuse(parser, memchr(gathered->ptr, '\n', gathered->len) == NULL ? 414 : 431,
                 "request line and headers are too long");
    parser->refusal.bound = HTTP1_HEAD_BYTES;
    return HTTP1_REFUSED;
}

static enum http1_event feed_body(struct http1 *parser, struct str bytes, size_t *ret_taken,
                                  struct str *ret_body)
{
    if (parser->is_complete) {
        set_state(parser, STATE_ENDED);
        return HTTP1_END;
    }
    /* With nothing to read, llhttp still ends what it paused in. */
    if (bytes.ptr == NULL)
        bytes.ptr = "";
    llhttp_errno_t code = llhttp_execute(&parser->llhttp, bytes.ptr, bytes.len);
    *ret_taken = bytes.len;
    if (code == HPE_PAUSED) {
        *ret_taken = (size_t)(llhttp_get_error_pos(&parser->llhttp) - bytes.ptr);
        llhttp_resume(&parser->llhttp);
    } else if (code != HPE_OK) {
        return refuse(parser, 400, llhttp_get_error_reason(&parser->llhttp));
    }
    if (parser->body.len > 0) {
        *ret_body = parser->body;
        parser->body = STR_NONE;
        return HTTP1_BODY;
    }
    if (parser->is_complete) {
        set_state(parser, STATE_ENDED);
        return HTTP1_END;
    }
    return HTTP1_MORE;
}

enum http1_event http1_feed(struct http1 *parser, struct str bytes, size_t *ret_taken,
                            struct str *ret_body)
{
    *ret_taken = 0;
    switch (parser->state) {
    case STATE_HEAD:
        return bytes.len == 0 ? HTTP1_MORE : feed_head(parser, bytes, ret_taken);
    case STATE_BODY:
        return feed_body(parser, bytes, ret_taken, ret_body);
    case STATE_ENDED:
        return HTTP1_END;
    case STATE_REFUSED:
        break;
    }
    return HTTP1_REFUSED;
}

enum http1_event http1_eof(struct http1 *parser)
{
    if (parser->state == STATE_HEAD && parser->gathered.len == 0)
        return HTTP1_MORE;
    if (parser->state == STATE_ENDED || parser->is_complete)
        return HTTP1_END;
    if (parser->state == STATE_BODY && llhttp_finish(&parser->llhttp) == HPE_OK)
        return HTTP1_END;
    if (parser->state == STATE_BODY && parser->is_complete)
        return HTTP1_END;
    return parser->state == STATE_REFUSED ? HTTP1_REFUSED
                                          : refuse(parser, 400, "the message breaks off");
}

const struct http1_head *http1_head(const struct http1 *parser)
{
    return &parser->head;
}

struct http1_refusal http1_refusal(const struct http1 *parser)
{
    return parser->refusal;
}

bool http1_has_begun(const struct http1 *parser)
{
    return parser->gathered.len > 0 || parser->state != STATE_HEAD;
}
