/*
 * tiles.h - the nodes of the log's Merkle tree on disk: data_dir/audit/tree, one file for every
 * eighth level (0 holds the leaf hashes, 1 the roots of 256 leaves each, and so on), 32 bytes a
 * node. A tile of c2sp.org/tlog-tiles is a slice of 8192 bytes of such a file.
 *
 * 1. Derived: all of it can be made again from the journal.
 * 2. What counts is said by the newest checkpoint. Bytes behind that are left over, and are written
 * again.
 *
 * Threads: one writes; tiles_read() may be called from any thread for what was synced. Blocks.
 */
#pragma once

#include <stdint.h>

#include "audit/tree.h"
#include "base/attr.h"
#include "base/err.h"

enum { TILES_WIDTH = 256, TILES_HEIGHT = 8, TILES_LEVELS = 8 };

struct tiles;

/* The tree of this size; dir is made when missing. ERR_CORRUPT: the files hold less. *ret_tiles is
 * the caller's. */
enum err_code tiles_open(const char *dir, uint64_t size, struct tiles **ret_tiles,
                         struct err *err) MUST_CHECK;
void tiles_close(struct tiles *tiles); /* NULL is fine */

/* Appends a leaf hash; written by tiles_sync() at the latest. */
enum err_code tiles_add(struct tiles *tiles, const uint8_t leaf[TREE_HASH_BYTES],
                        struct err *err) MUST_CHECK;
/* All that was added is durable. After a failure: tiles_close(), and open again. */
enum err_code tiles_sync(struct tiles *tiles, struct err *err) MUST_CHECK;

/* As tree.h wants it; ctx is the struct tiles. */
enum err_code tiles_read(void *ctx, unsigned level, uint64_t index,
                         uint8_t ret_hash[TREE_HASH_BYTES], struct err *err) MUST_CHECK;
/* count nodes of a stored level (0, 1, …) from first on. ERR_NOT_FOUND: they are not there. */
enum err_code tiles_slice(const struct tiles *tiles, unsigned stored, uint64_t first, size_t count,
                          uint8_t *ret_hashes, struct err *err) MUST_CHECK;
