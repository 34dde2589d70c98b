/*
 * http_client_priv.h - one connection of a pool, between http_client.c (requests out, answers in),
 * http_pool.c (connections, waiting calls) and http_request.c (bytes of a request).
 *
 *   OPENING ─ on_ready() ─► IDLE ─ http_client_send() ─► BUSY ─ answer complete ─► IDLE
 *      │                                                  └─ sending failed ─► BROKEN
 *      └─ no address left, connect_ms over ─► UNREACHED
 *   BROKEN, UNREACHED ─ on_due() ─► CLOSED
 *   http_client_drop() closes from any state.
 *
 * A failure is reported a turn later, by the timer: so http_call_start() never calls back.
 */
#pragma once

#include "base/buf.h"
#include "net/http1.h"
#include "net/http_client.h"
#include "net/names.h"
#include "net/stream.h"

enum client_state {
    CLIENT_OPENING,   /* resolves, connects, shakes hands */
    CLIENT_IDLE,      /* in pool->idle */
    CLIENT_BUSY,      /* has a call */
    CLIENT_BROKEN,    /* sending its call failed, as err says */
    CLIENT_UNREACHED, /* opening failed, as err says */
    CLIENT_CLOSED,    /* out of the pool; freed when nothing of it is on the stack */
};

struct http_client {
    struct http_pool *pool;
    struct http_client *next;
    struct http_client *prev;
    enum client_state state;
    struct stream *stream;
    struct http1 *parser;
    struct http_call *call;
    struct loop_timer timer; /* to connect; reports a failure */
    struct name_lookup lookup;
    struct addr addrs[NAMES_MAX_ADDRS];
    size_t addr_count;
    size_t addr_at;
    struct err err;
    uint64_t idle_since_us;
    unsigned entered; /* calls of the stream on the stack */
    bool needs_next;  /* the parser still holds the last answer */
    bool is_interim;  /* a 1xx is being read */
    bool is_retired;
};

struct client_list {
    struct http_client *first;
    struct http_client *last;
    size_t count;
};

struct http_pool {
    struct http_pool_config config;
    char host[NAMES_MAX_HOST_BYTES + 1]; /* without brackets */
    struct client_list idle;             /* last used first */
    struct client_list others;
    size_t opening; /* of the others; each will serve or fail one waiting call */
    struct http_call *first_waiting;
    struct http_call *last_waiting;
    size_t waiting;
    struct loop_timer idle_timer;
    struct buf head; /* of the request that is being sent */
};

/* http_request.c */
bool http_request_is_sound(const struct http_call *call) MUST_CHECK;
void http_request_write_head(struct buf *out, const struct http_call *call);

/* http_client.c */
extern const struct stream_events http_client_events;
void http_client_send(struct http_client *client, struct http_call *call);
/* Takes the call from its client, or out of the queue: its on_done() is all that is left. */
void http_call_take_out(struct http_call *call);

/* http_pool.c */
void http_client_set_state(struct http_client *client, enum client_state state);
void http_client_drop(struct http_client *client);  /* fine when it is CLOSED */
void http_client_leave(struct http_client *client); /* what begins with entered++ ends with this */
void http_client_try_next(struct http_client *client);
/* BROKEN or UNREACHED; err is set. */
void http_client_fail(struct http_client *client, enum client_state state);
/* Open or free again: takes the next call, rests, or is closed. */
void http_client_make_available(struct http_client *client);
/* Sends the call, or lets it wait. */
enum err_code http_pool_place(struct http_pool *pool, struct http_call *call,
                              struct err *err) MUST_CHECK;
void http_pool_unqueue(struct http_pool *pool, struct http_call *call);
/* Opens connections for those that wait, within the bound. False: memory is out. */
bool http_pool_fill(struct http_pool *pool);
