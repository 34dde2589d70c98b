/*
 * notary.h - the thread that makes the log provable: follows the journal, grows the Merkle tree
 * (tiles.h), and signs checkpoints (checkpoint.h) of what is durable. Private to the room.
 *
 * 1. Every entry is hashed again from the bytes read back before it counts.
 * 2. Nothing is signed that does not go on from the last checkpoint. A log that does not is left
 * alone, and the state says why.
 * 3. The nodes of a checkpoint are durable before it is.
 *
 * Threads: one of its own; the functions may be called from any thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "audit/segments.h"
#include "audit/tree.h"
#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "keys/keyring.h"

struct notary;

struct notary_config {
    const char *dir; /* data_dir/audit */
    struct segments *segments;
    const struct keyring *keyring;
    struct str base; /* of the origin, when the log is new: a host name */
    uint8_t log_id[16];
    uint32_t every_ms; /* between checkpoints, when there is something new */
};

/* ERR_CORRUPT: the journal ends before the last checkpoint does. ERR_CONFLICT: the checkpoint is
 * of another log, or signed with another key. */
enum err_code notary_start(const struct notary_config *config, struct notary **ret_notary,
                           struct err *err) MUST_CHECK;
/* Signs what is durable. NULL is fine. */
void notary_stop(struct notary *notary);

struct notary_state {
    uint64_t size;   /* of the last checkpoint */
    int64_t time_us; /* of it; 0: none yet */
    bool is_ok;
    char why[ERR_TEXT_BYTES];
};
void notary_get_state(struct notary *notary, struct notary_state *ret_state);

/* The last checkpoint as a note, in arena. ERR_NOT_FOUND: none yet. */
enum err_code notary_get_checkpoint(struct notary *notary, struct arena *arena,
                                    struct str *ret_note, struct err *err) MUST_CHECK;
struct str notary_origin(const struct notary *notary);
/* Appends the verifier key. */
void notary_write_vkey(const struct notary *notary, bool is_cosignature, struct buf *out);

/* A proof that the entry with this index is in the log (tlog-proof). ERR_NOT_FOUND: there is no
 * such entry. ERR_UNAVAILABLE: no checkpoint covers it yet. */
enum err_code notary_prove(struct notary *notary, uint64_t index, struct arena *arena,
                           struct str *ret_proof, struct err *err) MUST_CHECK;
/* That the log of the last checkpoint began with that of old_size. */
enum err_code notary_prove_growth(struct notary *notary, uint64_t old_size,
                                  struct tree_proof *ret_proof, struct err *err) MUST_CHECK;
