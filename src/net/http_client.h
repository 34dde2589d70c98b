/*
 * http_client.h - calls to one origin over kept HTTP/1.1 connections. It never sends anything a
 * second time.
 *
 *   http_call_start() ─► waiting for a connection ─► sent ── on_head() ── on_data()… ─► on_done()
 *                           └────────── deadline, failure: on_done() ──────┘
 *   http_call_cancel() from any state: no callback follows; a connection in use is closed.
 *
 * 1. After http_call_start() succeeded, on_done() comes exactly once unless the call is cancelled,
 * and never from within http_call_start(). When it is called the call is out of the pool: it may be
 * freed or started again.
 * 2. A request goes out once, over a connection that nothing else uses. Redirects are not followed,
 * 1xx are skipped.
 * 3. A connection is kept only behind a complete answer with nothing behind it; what comes on an
 * idle one closes it.
 *
 * Threads: everything belongs to the loop's thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"
#include "net/http.h"
#include "net/loop.h"

struct http_client;
struct http_pool;
struct name_cache;
struct tls_context;

struct http_pool_config {
    struct loop *loop;
    struct name_cache *names;
    struct str host; /* a name or an IP address; also for the certificate */
    uint16_t port;
    struct tls_context *tls_context; /* NULL: plain; the pool takes a reference */
    size_t max_connections;
    size_t max_waiting;      /* calls that wait while all connections are in use */
    uint64_t idle_ms;        /* 0: connections are not kept */
    uint64_t connect_ms;     /* to resolve, connect and shake hands */
    size_t max_header_bytes; /* of a response */
    size_t max_headers;
    /* May this address be connected to? Asked for each one that the host's name resolves to. NULL:
     * all. */
    bool (*is_allowed)(const struct addr *addr, void *ctx);
    void *ctx;
};

enum http_call_end {
    HTTP_CALL_OK,          /* the answer is complete; its status may be anything */
    HTTP_CALL_UNREACHABLE, /* no connection: name, address, refusal, handshake, time; nothing was
                              sent */
    HTTP_CALL_TIMEOUT,     /* head_ms or whole_ms are over */
    HTTP_CALL_BROKEN,      /* the connection ended or failed before the answer was complete */
    HTTP_CALL_MALFORMED,   /* the answer is not HTTP as it must be, or its head is over a bound */
    HTTP_CALL_TOO_LARGE,   /* its body is over max_body_bytes */
};

/* Embedded in its owner and zeroed before the first start. What it points to stays valid until
 * on_done(). */
struct http_call {
    struct str method;
    struct str target;      /* path and query as they go out */
    struct str host_header; /* "host" or "host:port" */
    const struct http_header
        *headers; /* besides Host, Content-Length and Connection, which are the pool's */
    size_t header_count;
    const struct str *pieces; /* the body, in order */
    size_t piece_count;
    uint64_t head_ms;        /* from the start to the head of the answer; 0: no bound */
    uint64_t whole_ms;       /* from the start to the end of the answer; 0: no bound */
    uint64_t max_body_bytes; /* of the answer; 0: no bound */
    /* Each may cancel the call. on_head and on_data may be NULL. */
    void (*on_head)(struct http_call *call);
    void (*on_data)(struct http_call *call, struct str bytes); /* borrowed for the call */
    /* err is NULL with HTTP_CALL_OK. */
    void (*on_done)(struct http_call *call, enum http_call_end end, const struct err *err);
    void *ctx;

    bool was_sent; /* a byte of it was handed to the kernel, or may have been */
    int status;    /* of the answer; 0: no head has come */
    const struct http_header *response_headers; /* from on_head until on_done returns */
    size_t response_header_count;

    /* The pool's. */
    struct http_pool *pool;
    struct http_client *client; /* NULL: waiting */
    struct http_call *next;
    struct http_call *prev;
    struct loop_timer timer;
    uint64_t start_us;
    uint64_t body_bytes;
    bool is_active;
    bool is_paused;
};

/* NULL: memory is out, or the host is too long. */
struct http_pool *http_pool_new(const struct http_pool_config *config);
/* Every call has ended or is cancelled before. NULL is fine. */
void http_pool_free(struct http_pool *pool);
/* Closes what is idle, and what is in use as soon as its call has ended: for a changed address or
 * certificate. */
void http_pool_retire_connections(struct http_pool *pool);
size_t http_pool_connections(const struct http_pool *pool);
size_t http_pool_waiting(const struct http_pool *pool);

/* ERR_BUSY: max_waiting calls wait already. ERR_INVALID: method, target or a header holds what
 * would forge a request. ERR_LIMIT: memory. On failure there is no callback. */
enum err_code http_call_start(struct http_pool *pool, struct http_call *call,
                              struct err *err) MUST_CHECK;
void http_call_cancel(struct http_call *call); /* fine when the call is not in a pool */
/* Stops reading; what was read already may still come. Deadlines go on. */
void http_call_pause(struct http_call *call);
void http_call_resume(struct http_call *call);
