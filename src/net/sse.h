/*
 * sse.h - server-sent events (WHATWG HTML §9.2): bytes to events and back. Sans-I/O.
 *
 * Lines end in LF, CR or CRLF; a BOM at the start is skipped; an event that is not ended by an
 * empty line is dropped. Bytes are handed on as they came: who reads them judges their UTF-8.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/str.h"

struct sse_event {
    struct str event; /* "message" unless named */
    struct str data;  /* lines joined by LF */
    struct str id;    /* the last id of the stream, which holds until the next one; may be empty */
};

/* The event is borrowed for the call. sse_parser_done() may be called from within: the event is
 * gone then, and no other follows. */
typedef void sse_event_fn(void *ctx, const struct sse_event *event);

struct sse_feeding;

/* Embedded in its owner; the fields are the parser's. */
struct sse_parser {
    struct buf line; /* begun, without an end yet */
    struct buf event;
    struct buf data; /* each line with an LF behind it */
    struct buf id;
    int64_t retry_ms;
    size_t bom_bytes; /* seen of the BOM */
    bool is_begun;    /* what may be a BOM is behind us */
    bool skips_lf;    /* a CR came last */
    bool has_overflowed;
    struct sse_feeding *feeding; /* the sse_feed() on the stack */
};

/* max_event_bytes bounds each line, and the data of an event. */
void sse_parser_init(struct sse_parser *parser, size_t max_event_bytes);
void sse_parser_done(struct sse_parser *parser); /* may be initialised again */
/* False: a line or an event is over the bound, or memory is out; nothing is taken any more, for
 * good. */
bool sse_feed(struct sse_parser *parser, struct str bytes, sse_event_fn *on_event,
              void *ctx) MUST_CHECK;
/* What the last "retry" said, in milliseconds; -1: nothing. */
int64_t sse_retry_ms(const struct sse_parser *parser);

/* Appends one event. Empty event and id are left out; a CR, LF or NUL in them would be a forgery
 * and leaves them out too. Each line of data gets its own "data:". */
void sse_write(struct buf *out, const struct sse_event *event);
/* ":" and an empty line: keeps a silent stream alive. */
void sse_write_ping(struct buf *out);
