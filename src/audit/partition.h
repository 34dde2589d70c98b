/*
 * partition.h - one SQLite file of the search index: about 100,000 rows. Private to the room.
 *
 * While it is open it has no secondary index and is not synced; sealing builds the index, syncs,
 * and leaves a file that is only read from then on.
 *
 * Threads: a struct partition (the writing side) belongs to the indexer. partition_find() opens a
 * connection of its own, read-only, and may be called from any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/indexer.h"
#include "audit/row.h"
#include "base/attr.h"
#include "base/err.h"

struct partition;

void partition_path(const char *dir, uint64_t number, char path[4096]);
/* Removes the file and what SQLite put beside it. */
void partition_remove(const char *dir, uint64_t number);

/* Opens or makes it for writing. */
enum err_code partition_open(const char *dir, uint64_t number, struct partition **ret_partition,
                             struct err *err) MUST_CHECK;
void partition_close(struct partition *partition); /* NULL is fine */

/* Rows go into a transaction that begins by itself. */
enum err_code partition_add(struct partition *partition, const struct row *row,
                            struct err *err) MUST_CHECK;
/* What was added becomes visible to searches; not yet durable. */
enum err_code partition_commit(struct partition *partition, struct err *err) MUST_CHECK;
/* Builds the secondary index. Searches go on meanwhile. */
enum err_code partition_index(struct partition *partition, struct err *err) MUST_CHECK;
/* Makes everything durable in the one file. No search may have the file open. */
enum err_code partition_settle(struct partition *partition, struct err *err) MUST_CHECK;

struct partition_query {
    const struct row_filter *filter;
    uint64_t after;  /* rows above this one ... */
    uint64_t before; /* ... and below this one */
    bool oldest_first;
    bool is_sealed; /* has its secondary index */
};

/* Appends hits; *count grows to at most max. */
enum err_code partition_find(const char *dir, uint64_t number, const struct partition_query *query,
                             struct index_hit *hits, size_t max, size_t *count,
                             struct err *err) MUST_CHECK;
