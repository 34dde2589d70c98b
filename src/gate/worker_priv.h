/*
 * worker_priv.h - a worker from within: for the files that run in its thread.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "audit/audit.h"
#include "gate/call.h"
#include "gate/gate_priv.h"
#include "gate/refusals.h"
#include "gate/worker.h"
#include "identity/caller_cache.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "net/names.h"

enum { WORKER_MAX_LISTENERS = 16 };

/* Written by the worker alone, read by anybody. */
#define WORKER_COUNTERS(X)                                                                         \
    X(calls_allowed, "governed calls that were allowed")                                           \
    X(calls_denied, "calls that were refused by the policy")                                       \
    X(requests_refused, "authenticated requests that were refused otherwise")                      \
    X(requests_unauthenticated, "requests without a valid token")                                  \
    X(requests_misdirected, "requests with a Host or Origin that is not allowed")                  \
    X(audit_refusals, "calls refused because they could not be recorded")                          \
    X(upstream_failures, "calls that a server did not answer as it should")                        \
    X(notifications_dropped, "progress not relayed because the client reads too slowly")           \
    X(overload_refusals, "requests refused because too many were under way")

struct worker_counters {
#define X(name, prose) _Atomic uint64_t name;
    WORKER_COUNTERS(X)
#undef X
};

/* What the requests of a listener belong to. */
struct listener_of {
    struct worker *worker;
    const struct listener *listener;
};

struct listening;
struct parcel;
struct upstreams;
struct uses;
struct ended_sessions;

struct worker {
    struct gate *gate;
    unsigned index;
    pthread_t thread;
    bool has_thread;
    struct loop *loop;
    struct name_cache *names;
    struct http_server *servers[WORKER_MAX_LISTENERS];
    struct listener_of listeners[WORKER_MAX_LISTENERS];
    size_t server_count;
    struct http_counters http_counters;
    struct worker_counters counters;
    struct snapshot *snapshot; /* a reference */
    struct people *people;
    struct caller_cache *callers; /* that this snapshot knows */
    struct audit_port *port;
    struct uses *uses; /* of tokens, not yet told to the store */
    struct upstreams *upstreams;
    struct parcel *strays;     /* calls whose worker had ended before their end came back */
    struct listening *streams; /* listening streams of legacy sessions */
    struct ended_sessions *ended;
    struct refusals *refusals;
    struct table *data_keys; /* by caller id: struct cached_key */
    struct call *calls;      /* under way */
    size_t call_count;
    struct call *free_calls;
    struct loop_timer tick; /* once a second: counts of refusals, expired tokens, deadlines */
    uint64_t ticks;
    bool is_stopping;
    uint64_t stop_deadline_us;
};

#define COUNT(worker, name)                                                                        \
    atomic_fetch_add_explicit(&(worker)->counters.name, 1, memory_order_relaxed)

/* The data key of a caller in this month when it is in memory, else NULL. */
const struct data_key *worker_find_key(struct worker *worker, struct str caller_id, int64_t now_us);
/* A request was made with this token; the store hears of it within seconds. */
void worker_note_token_use(struct worker *worker, struct str token_id);
/* In the worker's thread. */
void worker_adopt(struct worker *worker, struct snapshot *snapshot);
