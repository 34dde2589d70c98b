/*
 * indexer.h - the thread that derives the search index from the journal. Private to the room.
 *
 * 1. A row is written once, when its call is settled. Rows are numbered by the index of the entry
 * that settled them, so partitions do not overlap and paging is stable.
 * 2. The open partition is never trusted after an unclean stop: it is built again from the journal.
 *
 * Threads: one of its own; the functions may be called from any thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "audit/search.h"
#include "audit/segments.h"
#include "base/attr.h"
#include "base/err.h"
#include "keys/data_keys.h"
#include "keys/keyring.h"

struct indexer;

struct indexer_config {
    const char *dir; /* data_dir/audit/index */
    struct segments *segments;
    const struct keyring *keyring;
    struct data_keys *data_keys;
    uint64_t partition_rows; /* 0: 100,000 */
};

/* Starts the thread; what goes wrong inside shows in indexer_get_state(). */
enum err_code indexer_start(const struct indexer_config *config, struct indexer **ret_indexer,
                            struct err *err) MUST_CHECK;
/* Indexes what is durable, and leaves a clean stop behind. NULL is fine. */
void indexer_stop(struct indexer *indexer);

struct indexer_state {
    uint64_t indexed; /* entries */
    bool is_ok;
    char why[ERR_TEXT_BYTES];
};
void indexer_get_state(struct indexer *indexer, struct indexer_state *ret_state);
/* Waits until entries below index are indexed; at most that long. */
void indexer_catch_up(struct indexer *indexer, uint64_t index, uint32_t timeout_ms);
void indexer_rebuild(struct indexer *indexer);

/* Rows that match, newest first, as places in the journal. */
struct index_hit {
    uint64_t row;
    uint64_t intent_segment; /* 0: the row is one entry alone */
    uint64_t intent_offset;
    uint64_t settled_segment; /* 0: a call without an outcome yet */
    uint64_t settled_offset;
};

/* At most filter->limit + 1 hits into hits. Blocks. */
enum err_code indexer_find(struct indexer *indexer, const struct audit_filter *filter,
                           struct index_hit *hits, size_t *ret_count, struct err *err) MUST_CHECK;
