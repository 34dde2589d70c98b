/*
 * audit.h - the audit log: entries in, receipts out.
 *
 * 1. An entry is durable (data sync returned) before its wait hears ERR_OK.
 * 2. Nothing a client sends makes an entry fail. What fails is the disk; then new intents are
 * refused at once and the log comes back by itself.
 * 3. An accepted intent has its place in queue and journal for its outcome reserved.
 * 4. When the disk is full, intents are refused while a reserve is left, so that refusals and
 * outcomes are still recorded.
 *
 * Threads: four of its own (writer, preparer of segments, indexer, notary). A port belongs to one
 * thread; the rest may be called from any thread. Nothing here blocks but audit_open(),
 * audit_close() and audit_port_commit().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "audit/entry.h"
#include "audit/receipt.h"
#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "keys/data_keys.h"
#include "keys/keyring.h"

struct audit;
struct audit_port;

/* The system calls that write; tests replace them. NULL members: the real ones. They run in the
 * writer and preparer threads. */
struct audit_hooks {
    void *ctx;
    ssize_t (*pwritev)(void *ctx, int fd, const struct iovec *iov, int count, off_t offset);
    int (*fdatasync)(void *ctx, int fd);
};

struct audit_config {
    const char *dir; /* data_dir/audit; made when missing */
    const struct keyring *keyring;
    struct data_keys *data_keys;
    uint64_t segment_bytes;  /* 0: 64 MiB. Both are taken smaller on a small disk */
    uint64_t reserve_bytes;  /* 0: 64 MiB */
    uint32_t gather_us;      /* how long to gather when calls come many at a time; 0: 100 */
    size_t queue_bytes;      /* bound of everything not yet durable; 0: 64 MiB */
    bool no_index;           /* journal alone: benches and tests */
    uint64_t partition_rows; /* of the index; 0: 100,000 */
    struct str origin_host;  /* the log is named by it when it is new; empty: no checkpoints, as in
                                benches and tests */
    uint32_t checkpoint_ms;  /* between checkpoints while entries come; 0: 1000 */
    struct audit_hooks hooks;
};

/* Recovers what a crash left: cuts an incomplete last batch, records `unknown` outcomes for intents
 * without one. ERR_CORRUPT: the log is damaged in a way no crash leaves; the sentence says where.
 * ERR_CONFLICT: another process has it open. Keyring and data keys outlive *ret_audit. */
enum err_code audit_open(const struct audit_config *config, struct audit **ret_audit,
                         struct err *err) MUST_CHECK;
/* Writes and syncs everything handed over. All ports are freed before. NULL is fine. */
void audit_close(struct audit *audit);
void audit_closep(struct audit **audit);

/* May a new intent be accepted? One relaxed look at memory; ask before work is put into a call. */
bool audit_may_accept(const struct audit *audit);

struct audit_status {
    uint64_t entries;        /* durable ones; also the index of the next */
    uint64_t segments;       /* files of the journal */
    uint64_t journal_bytes;  /* written in them */
    uint64_t free_bytes;     /* of the disk */
    uint64_t prepared_bytes; /* ready to be written into without asking the disk for space */
    uint64_t reserve_bytes;
    uint64_t indexed;      /* entries that searches see; entries - indexed is the lag */
    uint64_t open_intents; /* intents without an outcome so far */
    uint64_t queued_bytes;
    uint64_t batches;
    uint64_t dropped;        /* refusals that could not be queued; recorded as a gap later */
    uint64_t failures;       /* write and sync errors so far */
    int64_t last_commit_us;  /* wall clock; 0: none yet */
    uint64_t signed_entries; /* that the last checkpoint covers */
    int64_t signed_us;       /* when it was signed; 0: none yet */
    bool accepts;            /* intents are accepted */
    bool index_ok;
    bool proof_ok;            /* checkpoints are signed */
    char why[ERR_TEXT_BYTES]; /* why intents are refused, or index or checkpoints fail; "" */
};
void audit_get_status(struct audit *audit, struct audit_status *ret_status);

/* ---- proofs (docs/audit-format.md, "Merkle tree"); ERR_UNAVAILABLE: no checkpoints here ---- */

/* The last checkpoint, a note. ERR_NOT_FOUND: none yet. */
enum err_code audit_get_checkpoint(struct audit *audit, struct arena *arena, struct str *ret_note,
                                   struct err *err) MUST_CHECK;
/* What checkpoints are verified with; of the plain signature, or of the one with the time. */
enum err_code audit_get_vkey(struct audit *audit, bool is_cosignature, struct arena *arena,
                             struct str *ret_vkey, struct err *err) MUST_CHECK;
/* That the entry with this index is in the log: c2sp.org/tlog-proof, with the leaf as extra data.
 * ERR_NOT_FOUND: no such entry. ERR_UNAVAILABLE: no checkpoint covers it yet. */
enum err_code audit_prove(struct audit *audit, uint64_t index, struct arena *arena,
                          struct str *ret_proof, struct err *err) MUST_CHECK;

/* The outcome of waiting for an entry; embedded in the caller's object, which stays where it is
 * until on_durable ran or audit_wait_cancel() was called. */
struct audit_wait {
    /* Runs in the port's thread, in audit_port_poll(). receipt: with ERR_OK, of an intent; it
     * becomes the callee's. Else NULL. */
    void (*on_durable)(struct audit_wait *wait, enum err_code code, struct receipt *receipt);
    void *pending; /* the port's */
};

/* wake is called from the writer's thread when results wait for audit_port_poll(); NULL for a
 * thread that polls or uses audit_port_commit(). NULL: memory is out. */
typedef void audit_wake_fn(void *ctx);
struct audit_port *audit_port_new(struct audit *audit, audit_wake_fn *wake, void *wake_ctx);
/* Flushes; what is on the way is still written, its waits hear nothing any more. NULL is fine. */
void audit_port_free(struct audit_port *port);

/* Encrypts and queues the entry. key: the data key of the person it is about; NULL: the log's own.
 * wait may be NULL. On failure nothing was queued and wait stays untouched: ERR_UNAVAILABLE (an
 * intent, while intents are refused), ERR_BUSY (the queue is full). */
enum err_code audit_port_add(struct audit_port *port, const struct audit_entry *entry,
                             const struct data_key *key, struct audit_wait *wait,
                             struct err *err) MUST_CHECK;
/* Hands everything added to the writer; once per turn of the loop. */
void audit_port_flush(struct audit_port *port);
/* Calls on_durable of what has become durable or failed; that may add and flush, but not free the
 * port. Returns how many. */
size_t audit_port_poll(struct audit_port *port);
/* on_durable will not run any more. The entry is written all the same. */
void audit_wait_cancel(struct audit_port *port, struct audit_wait *wait);

/* add, flush, and block until it is durable: for threads without a loop. */
enum err_code audit_port_commit(struct audit_port *port, const struct audit_entry *entry,
                                const struct data_key *key, struct err *err) MUST_CHECK;
