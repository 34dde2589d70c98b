/*
 * upstream_priv.h - upstreams from within: upstream.c holds the state and the control exchanges,
 * upstream_http.c, upstream_stdio.c and upstream_remote.c carry messages.
 */
#pragma once

#include "base/buf.h"
#include "gate/upstream.h"
#include "gate/worker_priv.h"
#include "mcp/probe.h"
#include "net/backoff.h"

enum upstream_state {
    UPSTREAM_NEW,     /* nothing is known, nothing is open */
    UPSTREAM_PROBING, /* finding out what it speaks */
    UPSTREAM_READY,
    UPSTREAM_DOWN, /* failed; retry_us says when it may be asked again */
};

/* A message on its way, built; borrowed for the call of send. */
struct outgoing {
    const struct str *pieces;
    size_t piece_count;
    const struct mcp_header *headers; /* of HTTP */
    size_t header_count;
    uint64_t id; /* of JSON-RPC; 0: a notification, no answer follows but the end of the exchange */
    uint64_t timeout_ms;
};

/* A transport. */
struct upstream_ops {
    enum err_code (*open)(struct upstream *upstream, struct err *err);
    /* ERR_OK: exchange->on_end will run, in a later turn. Else nothing was sent. */
    enum err_code (*send)(struct upstream *upstream, struct exchange *exchange,
                          const struct outgoing *out, struct err *err);
    void (*cancel)(struct exchange *exchange);
    void (*close)(struct upstream *upstream); /* whatever is open; exchanges end as broken before */
    bool is_remote;                           /* the home worker spends receipts, and probes */
};

extern const struct upstream_ops upstream_http_ops;
extern const struct upstream_ops upstream_stdio_ops;
extern const struct upstream_ops upstream_remote_ops;

enum { UPSTREAM_SESSION_BYTES = 512 };

struct upstream {
    struct worker *worker;
    struct upstream *next;
    const struct upstream_ops *ops;
    struct snapshot *snapshot; /* a reference: address and credential live in it */
    const struct snapshot_server *server;
    uint64_t address_hash;
    int64_t server_id;
    enum upstream_state state;
    struct upstream_waiter *waiters;
    struct probe probe;
    struct exchange control; /* of the probe */
    enum mcp_version version;
    uint64_t last_id;
    struct backoff backoff;
    uint64_t ready_us;
    uint64_t used_us; /* when a call last asked for it, or it was started */
    uint64_t retry_us;
    struct err down;
    struct loop_timer retire; /* given up: freed when nothing is under way */
    bool is_retired;
    bool is_asleep;   /* a program that was ended because nobody called it */
    bool is_ending;   /* being freed: a probe that fails now starts no other one */
    size_t exchanges; /* under way */
    void *impl;       /* of the transport */
    char session[UPSTREAM_SESSION_BYTES + 1];
};

struct upstreams {
    struct upstream *first;
    struct tls_context *tls; /* towards servers */
};

void upstream_set_state(struct upstream *upstream, enum upstream_state state);
/* A program that was ended because it was idle, and not started since. */
bool upstream_is_asleep(const struct upstream *upstream);
/* Connection, session or process are gone: the next call probes anew. */
void upstream_lost(struct upstream *upstream);
/* A ready one that ended by itself: down, for a time that grows when it does so often. */
void upstream_pause(struct upstream *upstream, const char *why);
/* The home worker has said how it stands; why NULL: ready. */
void upstream_told(struct upstream *upstream, enum mcp_version version, const struct err *why);
/* Sends one of the closed set of control messages. */
enum err_code upstream_control(struct upstream *upstream, struct exchange *exchange,
                               const struct mcp_control_request *request,
                               struct err *err) MUST_CHECK;
/* Sends a built message through the transport. */
enum err_code upstream_send(struct upstream *upstream, struct exchange *exchange,
                            const struct outgoing *out, struct err *err) MUST_CHECK;
/* What a server says without being asked, or asks of the client: answered, acted on, or dropped. */
void upstream_on_unasked(struct upstream *upstream, const struct mcp_message *message);
void upstream_say_cancelled(struct upstream *upstream, uint64_t id, struct str reason);
/* upstream_call() of a server whose process lives with another worker. */
enum err_code upstream_remote_call(struct upstream *upstream, struct exchange *exchange,
                                   struct receipt **receipt, const struct upstream_call *call,
                                   struct err *err) MUST_CHECK;
/* Once all workers are joined. */
void upstream_remote_free_strays(struct worker *worker);
/* Ends an exchange: on_end runs. */
void exchange_end(struct exchange *exchange, const struct exchange_end *end);
void exchange_fail(struct exchange *exchange, enum exchange_end_kind kind, int status,
                   const char *fmt, ...) PRINTF_LIKE(4, 5);
