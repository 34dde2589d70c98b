/*
 * tree.h - the Merkle tree over leaf hashes (RFC 9162 §2.1): growing it, proving from it, checking
 * proofs.
 *
 * A node is named by level and index: it stands for the 2^level leaves from index * 2^level on.
 * Whoever proves reads whole nodes through a function; parts of the right edge are made of them.
 *
 * Threads: pure functions.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

enum { TREE_HASH_BYTES = 32, TREE_LEVELS = 64 };

/* The right edge: peaks[i] counts where bit i of size is set. Zeroed: the empty tree. */
struct tree {
    uint64_t size;
    uint8_t peaks[TREE_LEVELS][TREE_HASH_BYTES];
};

void tree_add(struct tree *tree, const uint8_t leaf[TREE_HASH_BYTES]);
void tree_root(const struct tree *tree, uint8_t ret_root[TREE_HASH_BYTES]);
/* SHA-256(0x01 ‖ left ‖ right) */
void tree_join(const uint8_t left[TREE_HASH_BYTES], const uint8_t right[TREE_HASH_BYTES],
               uint8_t ret_hash[TREE_HASH_BYTES]);

/* Reads a node all of whose leaves are there. */
typedef enum err_code tree_read_fn(void *ctx, unsigned level, uint64_t index,
                                   uint8_t ret_hash[TREE_HASH_BYTES], struct err *err);

struct tree_source {
    tree_read_fn *read;
    void *ctx;
};

/* The tree as it was at this size. */
enum err_code tree_load(const struct tree_source *source, uint64_t size, struct tree *ret_tree,
                        struct err *err) MUST_CHECK;

/* From the leaf up (RFC 9162 §2.1.3.1), or as §2.1.4.1 has it. */
struct tree_proof {
    size_t count;
    uint8_t hashes[2 * TREE_LEVELS][TREE_HASH_BYTES];
};

/* ERR_INVALID: there is no such leaf in a tree of this size. */
enum err_code tree_prove(const struct tree_source *source, uint64_t index, uint64_t size,
                         struct tree_proof *ret_proof, struct err *err) MUST_CHECK;
/* That the tree of size new_size began with that of old_size. ERR_INVALID: old_size is 0 or larger
 * than new_size. */
enum err_code tree_prove_growth(const struct tree_source *source, uint64_t old_size,
                                uint64_t new_size, struct tree_proof *ret_proof,
                                struct err *err) MUST_CHECK;

/* RFC 9162 §2.1.3.2 */
bool tree_check(const uint8_t leaf[TREE_HASH_BYTES], uint64_t index, uint64_t size,
                const struct tree_proof *proof, const uint8_t root[TREE_HASH_BYTES]) MUST_CHECK;
/* RFC 9162 §2.1.4.2 */
bool tree_check_growth(uint64_t old_size, const uint8_t old_root[TREE_HASH_BYTES],
                       uint64_t new_size, const uint8_t new_root[TREE_HASH_BYTES],
                       const struct tree_proof *proof) MUST_CHECK;
