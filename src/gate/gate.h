/*
 * gate.h - the gateway as a whole: what it is made of, and its life.
 *
 * Threads: gate_run() is the control loop and returns when the gateway has ended; gate_stop() may
 * be called from a signal handler of that loop alone. Workers, job threads and the audit log have
 * threads of their own (docs/ARCHITECTURE.md).
 */
#pragma once

#include "audit/audit.h"
#include "base/err.h"
#include "gate/api.h"
#include "gate/settings.h"
#include "gate/snapshot.h"
#include "keys/keyring.h"
#include "net/launcher.h"

struct gate;

struct gate_config {
    const struct settings *settings;
    const struct api *api;     /* handlers of room admin */
    struct launcher *launcher; /* forked before any thread existed */
};

/* Opens everything, recovers what a crash left and takes the listeners' addresses; serves nothing
 * yet. Failures name what to do. *ret_gate is the caller's: gate_free() it. */
enum err_code gate_new(const struct gate_config *config, struct gate **ret_gate,
                       struct err *err) MUST_CHECK;
/* Serves until SIGTERM or SIGINT, then lets calls in flight end (settings.stop_seconds). SIGHUP
 * reads certificates again. */
enum err_code gate_run(struct gate *gate, struct err *err) MUST_CHECK;
void gate_free(struct gate *gate); /* NULL is fine */
void gate_freep(struct gate **gate);

/* For the handlers of room admin. Borrowed for the life of the gate. */
const struct settings *gate_settings(const struct gate *gate);
struct audit *gate_audit(struct gate *gate);
const struct keyring *gate_keyring(const struct gate *gate);
/* A reference of the caller's own. */
struct snapshot *gate_snapshot(struct gate *gate);
/* May calls be served and recorded? why (may be NULL) gets a sentence when not. */
bool gate_is_ready(struct gate *gate, char why[ERR_TEXT_BYTES]);
/* The counters of all workers and of the audit log, in the text format of Prometheus 0.0.4. */
void gate_write_metrics(struct gate *gate, struct buf *out);
