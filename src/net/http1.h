/*
 * http1.h - HTTP/1.1 messages from bytes, for both sides: sans-I/O, over llhttp in strict mode.
 *
 *   HEAD ── head complete: HTTP1_HEAD ──► BODY ── HTTP1_BODY… ──► END ── http1_next() ──► HEAD
 *     └──────────────── anything refused: HTTP1_REFUSED, for good ◄───┘
 *
 * 1. A head is gathered whole, within its bound, and checked by http1_check.c before llhttp sees
 * it: what two parsers could read differently is refused (RFC 9112 §2.2, §5, §6; RFC 9110 §5.5).
 * 2. Names and values are slices of the gathered head, valid until http1_next().
 * 3. Feeding byte by byte gives the same events as feeding at once, but for how bodies are cut.
 *
 * Threads: a parser belongs to one thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"
#include "net/http.h"

struct http1;

enum http1_side { HTTP1_REQUESTS, HTTP1_RESPONSES };

enum http1_event {
    HTTP1_MORE,    /* all bytes were taken */
    HTTP1_HEAD,    /* http1_head() is filled */
    HTTP1_BODY,    /* *ret_body is a part of the body */
    HTTP1_END,     /* the message is complete; http1_next() before more is fed */
    HTTP1_REFUSED, /* http1_refusal() says why; the connection is to be closed */
};

struct http1_head {
    struct str method; /* of a request */
    struct str target;
    int status; /* of a response */
    bool is_1_0;
    const struct http_header *headers;
    size_t header_count;
    bool has_length;
    uint64_t length; /* of Content-Length */
    bool is_chunked;
    bool keeps_alive;
    bool expects_continue;
};

enum http1_bound { HTTP1_NO_BOUND, HTTP1_HEAD_BYTES, HTTP1_HEADER_COUNT };

struct http1_refusal {
    int status;             /* to answer with: 400, 414, 417, 431, 501, 505 */
    enum http1_bound bound; /* that was met */
    const char *why;
};

/* NULL: memory is out. */
struct http1 *http1_new(enum http1_side side, size_t max_head_bytes, size_t max_headers);
void http1_free(struct http1 *parser); /* NULL is fine */
/* Ready for the next message, keeping memory. */
void http1_next(struct http1 *parser);

/* Takes from bytes up to the next event; *ret_taken says how many were used. */
enum http1_event http1_feed(struct http1 *parser, struct str bytes, size_t *ret_taken,
                            struct str *ret_body) MUST_CHECK;
/* The peer has closed its side: HTTP1_END when that ends the message, HTTP1_MORE between messages,
 * else HTTP1_REFUSED. */
enum http1_event http1_eof(struct http1 *parser) MUST_CHECK;
/* Of a response to HEAD: no body follows, whatever its headers say. Before the head is fed. */
void http1_expect_no_body(struct http1 *parser);

const struct http1_head *http1_head(const struct http1 *parser);
struct http1_refusal http1_refusal(const struct http1 *parser);
/* Has a byte of the next message come? */
bool http1_has_begun(const struct http1 *parser);
