/*
 * checkpoint.h - the signed statement "this log has N entries and this root", as a note:
 * c2sp.org/tlog-checkpoint, c2sp.org/signed-note; and proofs that rest on one
 * (c2sp.org/tlog-proof).
 *
 * Two lines sign it, both with the log's Ed25519 key: the plain signature of the note, and a
 * cosignature with the time (c2sp.org/tlog-cosignature), so that a log to which nothing was added
 * still shows when it was last there. Whoever knows only one kind ignores the other.
 *
 * Threads: pure functions.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "audit/tree.h"
#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/pkey.h"
#include "base/str.h"

enum { CHECKPOINT_MAX_BYTES = 64 << 10, CHECKPOINT_MAX_ORIGIN = 255 };

struct checkpoint {
    struct str origin;
    uint64_t size;
    uint8_t root[TREE_HASH_BYTES];
    int64_t time; /* seconds since the epoch; of what was read: 0, no cosignature of ours */
};

/* A name of a log: neither empty nor too long, printable ASCII without space and plus. */
bool checkpoint_is_origin(struct str origin);

/* Appends the note. False: it could not be signed, or out is full. */
bool checkpoint_write(const struct checkpoint *checkpoint, const struct pkey *key,
                      struct buf *out) MUST_CHECK;
/* Takes a note apart, of that origin and signed with that key (the plain signature must be there
 * and right; a cosignature, too, when there is one). ERR_INVALID: it is none, or of others. Views
 * into note. */
enum err_code checkpoint_read(struct str note, struct str origin, const struct pkey *key,
                              struct arena *arena, struct checkpoint *ret_checkpoint,
                              struct err *err) MUST_CHECK;

/* Appends what others verify with: "origin+id+key" of the plain signature, or of the cosignature.
 */
void checkpoint_write_vkey(struct str origin, const struct pkey *key, bool is_cosignature,
                           struct buf *out);

/* Appends a proof that the entry with this index, whose leaf is given whole, is in the log of that
 * note. */
void checkpoint_write_proof(uint64_t index, struct str leaf, const struct tree_proof *proof,
                            struct str note, struct buf *out);
