/*
 * worker.h - one thread that serves requests: its loop, listeners, upstreams, sessions' streams and
 * calls.
 *
 * Threads: made and freed by the control thread; the struct (worker_priv.h) belongs to its own
 * thread; what is named here may be called from any thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mailbox.h"

struct gate;
struct snapshot;
struct worker;

/* Listens on all addresses, serves nothing before worker_start(). */
enum err_code worker_new(struct gate *gate, unsigned index, struct worker **ret_worker,
                         struct err *err) MUST_CHECK;
enum err_code worker_start(struct worker *worker, struct err *err) MUST_CHECK;
/* Stops accepting; the thread ends when no call is left, or at the deadline (monotonic). */
void worker_stop(struct worker *worker, uint64_t deadline_us);
/* Waits for the thread. NULL is fine. */
void worker_join(struct worker *worker);
/* Once all of them are joined: until then they post to each other. NULL is fine. */
void worker_free(struct worker *worker);

/* False: its mailbox is full or closed. */
bool worker_post(struct worker *worker, struct mail *mail) MUST_CHECK;
/* Asks for the tools of this server; the answer is control_on_discovered(). may_wake: as of
 * upstream_discover(). */
void worker_discover(struct worker *worker, int64_t server_id, bool may_wake);
/* Reads certificates again. */
void worker_reload_tls(struct worker *worker);
