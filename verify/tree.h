/*
 * tree.h - the Merkle tree of RFC 9162 §2.1, as leaves come, and proofs of one leaf.
 */
#pragma once

#include <stdbool.h>

#include "crypto.h"

/* peaks[i] counts where bit i of size is set. Zeroed: empty. */
struct tree {
    uint64_t size;
    uint8_t peaks[64][HASH_BYTES];
};

void tree_join(const uint8_t left[HASH_BYTES], const uint8_t right[HASH_BYTES],
               uint8_t ret_hash[HASH_BYTES]);
void tree_add(struct tree *tree, const uint8_t leaf[HASH_BYTES]);
void tree_root(const struct tree *tree, uint8_t ret_root[HASH_BYTES]);

/* RFC 9162 §2.1.3.2; path holds count hashes one behind the other. */
bool tree_check(const uint8_t leaf[HASH_BYTES], uint64_t index, uint64_t size, const uint8_t *path,
                size_t count, const uint8_t root[HASH_BYTES]);
