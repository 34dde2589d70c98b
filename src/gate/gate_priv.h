/*
 * gate_priv.h - what the files of this room know of each other's gate.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/jobs.h"
#include "gate/control.h"
#include "gate/gate.h"
#include "gate/origin.h"
#include "keys/data_keys.h"
#include "net/tls.h"
#include "store/lock.h"
#include "store/store.h"

struct discovery;
struct worker;

/* What a provider where people sign in says of itself. */
struct login_found {
    struct arena *arena; /* NULL: not asked yet */
    struct discovery *document;
    int64_t found_us;
};

enum { GATE_OPAQUE_THREADS = 4 };

struct gate {
    const struct settings *settings;
    const struct api *api;
    struct launcher *launcher;
    struct data_lock *lock;
    struct keyring *keyring;
    struct data_keys *data_keys;
    struct audit *audit;
    struct store *store; /* of the control job thread */
    struct control *control;
    struct origin_rules *origins;
    struct jobs *control_jobs;       /* the one thread that owns the store */
    struct jobs *search_jobs;        /* searches of the audit log */
    struct jobs *key_jobs;           /* data keys that are not in memory yet */
    struct jobs *identity_jobs;      /* keys of identity providers */
    struct login_found *login_found; /* by the index of the provider; the identity thread's */
    struct issuer *issuer;           /* of our own access tokens */
    struct key_source **client_keys; /* by the index of the client in the settings */
    struct jobs *opaque_jobs[GATE_OPAQUE_THREADS]; /* asking it: nobody else waits meanwhile */
    struct client_jobs *client_jobs;               /* documents and keys that clients publish */
    struct introspector *introspector; /* of the provider whose opaque tokens are taken; or NULL */
    struct key_source **key_sources;   /* by the index of the provider in the settings */
    struct worker **workers;
    size_t worker_count;
    struct loop *loop;                /* of the control thread */
    atomic_bool is_serving;           /* workers have started */
    struct tls_context *tls[16];      /* of the listeners; NULL: plain. Under snapshot_lock */
    struct tls_context *upstream_tls; /* towards servers */

    pthread_mutex_t snapshot_lock;
    struct snapshot *snapshot;

    _Atomic uint64_t result_bytes_held; /* of answers that are not yet passed on */
};

/* Makes snapshot (a reference is taken) the one that new requests are decided on, and returns when
 * every worker has adopted it. Not from a worker's thread. */
void gate_publish(struct gate *gate, struct snapshot *snapshot);

/* Control job thread only. What an upstream server answered to a discovery: tools (NULL on failure)
 * and the revision it speaks. */
struct discovered {
    int64_t server_id;
    struct tool_seen *tools;
    size_t tool_count;
    const char *protocol;
    const struct err *failure; /* NULL: it went well */
    bool is_asleep;            /* a program that is not running: it was not asked */
};
void control_on_discovered(struct control *control, const struct discovered *found);
/* Discovers every server whose tools are older than the refresh time, and those never seen. */
void control_refresh_due(struct control *control, bool all);
/* Once a day: says in the log which tokens of robots end soon without a successor. */
void control_warn_of_ends(struct control *control);
enum err_code control_new(struct gate *gate, struct control **ret_control,
                          struct err *err) MUST_CHECK;
void control_free(struct control *control); /* NULL is fine */
/* Writes the outcome of a change that a crash left open. */
enum err_code control_reconcile(struct control *control, struct err *err) MUST_CHECK;
/* The keys for access tokens as the store says, from the start on. */
enum err_code control_start_signing(struct control *control, struct err *err) MUST_CHECK;
/* Replaces a key that is old enough, and lets go of those that no token needs. */
void control_renew_signing(struct control *control);
/* Compiles what is stored and publishes it. */
enum err_code control_publish(struct control *control, struct err *err) MUST_CHECK;
