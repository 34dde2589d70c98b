/*
 * pending.h - the calls that the indexer has seen begin, and not yet end. Private to the room.
 *
 * A call that ended stays here, marked, until its row is visible in a partition: searches then see
 * it in one of the two places, never in none.
 *
 * Threads: changed by the indexer; pending_find() may be called from any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/indexer.h"
#include "audit/row.h"
#include "base/attr.h"
#include "base/buf.h"

/* Row numbers of open calls in searches: above all others, in the order of their intents. */
#define PENDING_FIRST_ROW ((uint64_t)1 << 63)

struct pending;

struct pending *pending_new(void);          /* NULL when memory is out */
void pending_free(struct pending *pending); /* NULL is fine */

/* row is that of an intent. False: memory is out. */
bool pending_add(struct pending *pending, const struct row *row, uint64_t index,
                 uint32_t attempt) MUST_CHECK;
/* The call's row, now marked as ended. False: no such call. */
bool pending_end(struct pending *pending, const struct uuid *call_id, uint32_t attempt,
                 struct row *ret_row);
/* Drops those marked: their rows are visible. */
void pending_drop_ended(struct pending *pending);

/* Appends the places of the intents that are still open: segment and offset, 8 bytes each. */
void pending_write(const struct pending *pending, struct buf *out);
/* Open calls that match, newest first, as hits; at most max of those below row `before`. Returns
 * how many. */
size_t pending_find(struct pending *pending, const struct row_filter *filter, uint64_t before,
                    struct index_hit *hits, size_t max);
