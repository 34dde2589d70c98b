/*
 * segments.h - the files of the journal as a chain, for everyone who reads it. Private to the room.
 *
 * The newest segment names the one before it and where that ended, and so on: a file outside this
 * chain does not belong to the log. Bytes behind a segment's end do not count, whatever they look
 * like.
 *
 * Threads: any; a mutex inside.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/frame.h"
#include "base/attr.h"
#include "base/err.h"

struct segments;

/* A place in the journal: the start of a batch, or the end. */
struct journal_pos {
    uint64_t segment; /* 0: before the first */
    uint64_t offset;
    uint64_t index; /* of the next entry */
};

struct segment {
    struct segment_head head;
    uint64_t end; /* 0: the newest, still growing */
};

#define SEGMENT_PATH_BYTES 4096

/* Reads the headers of all segments in dir. ERR_CORRUPT: a damaged header or a missing file; the
 * sentence says which. */
enum err_code segments_load(const char *dir, struct segments **ret_segments,
                            struct err *err) MUST_CHECK;
void segments_free(struct segments *segments); /* NULL is fine */

const char *segments_dir(const struct segments *segments);
size_t segments_count(struct segments *segments);
/* Of all closed segments. */
uint64_t segments_bytes(struct segments *segments);
/* The newest. False: there is none. */
bool segments_last(struct segments *segments, struct segment *ret_segment);
bool segments_find(struct segments *segments, uint64_t number, struct segment *ret_segment);
/* The segment behind `number` in the chain (0: the first). False: none. */
bool segments_after(struct segments *segments, uint64_t number, struct segment *ret_segment);
/* The segment that holds the entry with this index. False: there are no segments. */
bool segments_holding(struct segments *segments, uint64_t index, struct segment *ret_segment);
/* Appends a segment; the one before it ends where head says. False when memory is out. */
bool segments_add(struct segments *segments, const struct segment_head *head) MUST_CHECK;

/* The durable end, as the writer publishes it. */
void segments_set_end(struct segments *segments, const struct journal_pos *end);
struct journal_pos segments_get_end(struct segments *segments);

void segments_path(const char *dir, uint64_t number, char path[SEGMENT_PATH_BYTES]);
