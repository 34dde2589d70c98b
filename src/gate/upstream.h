/*
 * upstream.h - one upstream server as one worker reaches it: what it speaks, its session or
 * process, and the exchanges under way.
 *
 *   NEW ── upstream_await ──► PROBING ── probe done ──► READY ── connection, session or process
 * lost ─► NEW │ probe failed ▼ DOWN ── after a pause that grows ──► NEW
 *
 * 1. A governed request leaves through upstream_call() alone, which consumes its receipt and
 * compares it with the bytes it is about to send. Everything else the gateway says upstream is one
 * of the closed set enum mcp_control.
 * 2. Nothing that was sent is ever sent again from here.
 * 3. An exchange ends exactly once, unless it is cancelled.
 *
 * Threads: one worker. A stdio server has a home worker; on the others the same operations travel
 * through its mailbox (upstream_remote.c).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "audit/receipt.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "base/uuid.h"
#include "gate/snapshot.h"
#include "mcp/message.h"
#include "mcp/pieces.h"
#include "mcp/request.h"
#include "mcp/version.h"

struct exchange;
struct upstream;
struct worker;

enum exchange_end_kind {
    EXCHANGE_ANSWERED,     /* message is the response or failure with the right id */
    EXCHANGE_HTTP_ERROR,   /* an HTTP status that is no success, and no JSON-RPC in it */
    EXCHANGE_INVALID,      /* what came is no MCP, or too large */
    EXCHANGE_TIMEOUT,      /* nothing in time */
    EXCHANGE_UNREACHABLE,  /* not one byte was sent */
    EXCHANGE_BROKEN,       /* sent, but the connection or the process ended before the answer */
    EXCHANGE_SESSION_LOST, /* the server did not know the session, so it did not run the call */
};

struct exchange_end {
    enum exchange_end_kind kind;
    const struct mcp_message *message; /* of EXCHANGE_ANSWERED; valid during the callback */
    size_t bytes;                      /* of the answer */
    int http_status;                   /* 0: none */
    struct err err;                    /* of all but EXCHANGE_ANSWERED */
};

/* A request under way; embedded in its owner, who keeps it until on_end ran or exchange_cancel().
 */
struct exchange {
    /* A notification or request of the server that came with the answer. */
    void (*on_message)(struct exchange *exchange, const struct mcp_message *message);
    void (*on_end)(struct exchange *exchange, const struct exchange_end *end);
    void *impl; /* of the transport; NULL: not under way */
    struct upstream *upstream;
    uint64_t id; /* of JSON-RPC; 0: a notification */
};

/* Someone who waits for an upstream to be ready; embedded likewise. */
struct upstream_waiter {
    /* why: NULL when it is ready. */
    void (*on_ready)(struct upstream_waiter *waiter, const struct err *why);
    struct upstream_waiter *next;
    struct upstream *upstream; /* NULL: not waiting */
    bool is_discovery;         /* keeps no program from being idle */
};

/* The upstream for this server, made when needed; it belongs to the worker. NULL: memory is out. */
struct upstream *upstream_get(struct worker *worker, const struct snapshot_server *server);
/* Gives up what servers that are gone, or have another address now, had open. */
void upstreams_adopt(struct worker *worker, const struct snapshot *snapshot);
void upstreams_free(struct worker *worker);

/* ERR_OK: ready now. ERR_BUSY: on_ready will run. Else: it is down, and for how long. */
enum err_code upstream_await(struct upstream *upstream, struct upstream_waiter *waiter,
                             struct err *err);
void upstream_stop_waiting(struct upstream_waiter *waiter);

/* Of a ready one. */
enum mcp_version upstream_version(const struct upstream *upstream);
/* Of a legacy HTTP server; ptr NULL: none. Borrowed until the next turn of the loop. */
struct str upstream_session(const struct upstream *upstream);
/* A fresh id for a request to it. */
uint64_t upstream_next_id(struct upstream *upstream);

/* The tools/call as compose built it. */
struct upstream_call {
    const struct uuid *call_id;
    int64_t server_id;
    struct str method;        /* as recorded */
    struct str upstream_name; /* as recorded */
    struct str arguments;     /* as recorded: one of the pieces, byte for byte */
    uint64_t id;              /* of JSON-RPC, from upstream_next_id() */
    const struct mcp_pieces *pieces;
    const struct mcp_header *headers; /* of HTTP; for stdio unused */
    size_t header_count;
    uint32_t timeout_ms;
};

/* Consumes *receipt whatever happens. ERR_OK: on_end will run, perhaps before this returns.
 * ERR_INTERNAL: the receipt does not fit the bytes; nothing was sent. ERR_UNAVAILABLE: nothing was
 * sent. */
enum err_code upstream_call(struct upstream *upstream, struct exchange *exchange,
                            struct receipt **receipt, const struct upstream_call *call,
                            struct err *err) MUST_CHECK;
/* on_end will not run. A server that speaks legacy MCP is told (notifications/cancelled). NULL impl
 * is fine. */
void exchange_cancel(struct exchange *exchange, struct str reason);

/* Lists the tools of a server, page by page, on its upstream. The result goes to the control job
 * thread (control_on_discovered). may_wake: a program that was ended because it was idle is started
 * for it. */
void upstream_discover(struct worker *worker, int64_t server_id, bool may_wake);
