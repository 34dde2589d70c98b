/*
 * proof.h - the proof of one entry: c2sp.org/tlog-proof, with the leaf as extra data.
 */
#pragma once

#include <stdbool.h>

#include "note.h"
#include "record.h"

enum { PROOF_MAX_HASHES = 64 };

/* A proof taken apart. */
struct proof {
    uint8_t leaf[LEAF_MAX_BYTES];
    size_t leaf_len;
    uint64_t index;
    uint8_t path[PROOF_MAX_HASHES][HASH_BYTES];
    size_t count;
    struct bytes note; /* a view of the text */
};

/* False: this is no proof, and *ret_proof holds anything. */
bool proof_read(struct bytes text, struct proof *ret_proof);
/* Prints what the proof proves. Exit codes as log_verify(). */
int proof_verify(const char *path, const struct vkey *keys, size_t key_count, bool is_json);
/* The checkpoint of a file alone: whose it is, and of what. */
int checkpoint_verify(const char *path, const struct vkey *keys, size_t key_count, bool is_json);
