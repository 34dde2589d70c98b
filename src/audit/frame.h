/*
 * frame.h - the two headers of a journal file: that of a segment and that of a batch
 * (docs/audit-format.md, "Segment" and "Batch"). Private to the room.
 *
 * Threads: pure functions.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

enum {
    SEGMENT_HEAD_BYTES = 4096,
    SEGMENT_MIN_BYTES = 64 * 1024,
    FRAME_HEAD_BYTES = 128,
    FRAME_HASH_BYTES = 32,
    FRAME_INTENT_BYTES = 48, /* of one open intent in a frame of that kind */
};

struct segment_head {
    uint64_t number; /* from 1 */
    uint64_t bytes;  /* of the file */
    uint64_t salt;   /* stands in every batch, so that stale bytes are never taken for one */
    uint8_t log_id[16];
    uint64_t first_index;
    uint64_t sequence;                       /* of its first batch */
    uint8_t previous_hash[FRAME_HASH_BYTES]; /* of the last batch before it */
    uint64_t previous_number;                /* 0: none */
    uint64_t previous_end;                   /* offset behind the last batch that counts */
    int64_t created_us;
};

void segment_head_write(const struct segment_head *head, uint8_t out[SEGMENT_HEAD_BYTES]);
/* False: no header of a segment, or a damaged one. */
bool segment_head_parse(const uint8_t in[SEGMENT_HEAD_BYTES],
                        struct segment_head *ret_head) MUST_CHECK;

enum frame_kind {
    FRAME_RECORDS = 1,
    FRAME_INTENTS = 2, /* intents that had no outcome when the segment began */
};

struct frame_head {
    enum frame_kind kind;
    uint64_t sequence;
    uint64_t salt;
    uint64_t first_index;
    int64_t committed_us;
    uint32_t count;
    uint32_t payload_bytes; /* a multiple of 8 */
    uint8_t previous_hash[FRAME_HASH_BYTES];
    uint8_t hash[FRAME_HASH_BYTES];
    uint32_t payload_crc;
};

/* The hash that chains batches: SHA-256 over the header's first 80 bytes, then the leaf hashes of
 * FRAME_RECORDS one behind the other, or the payload of FRAME_INTENTS. pieces[0] is left free for
 * the header. */
void frame_head_hash(struct frame_head *head, struct str *pieces, size_t count);
void frame_head_write(const struct frame_head *head, uint8_t out[FRAME_HEAD_BYTES]);
/* False: no header of a batch. */
bool frame_head_parse(const uint8_t in[FRAME_HEAD_BYTES], struct frame_head *ret_head) MUST_CHECK;

enum frame_check {
    FRAME_GOOD,
    FRAME_NONE, /* no batch header here */
    FRAME_TORN, /* a header, but the payload is cut short or does not fit it */
};

/* Checks what stands at the start of bytes as the batch that follows (sequence, salt, previous
 * hash). FRAME_GOOD fills *ret_head; the batch takes FRAME_HEAD_BYTES + payload_bytes. */
enum frame_check frame_check(struct str bytes, uint64_t sequence, uint64_t salt,
                             const uint8_t previous_hash[FRAME_HASH_BYTES],
                             struct frame_head *ret_head);
/* Is here the header of any batch of the segment, with a whole payload? For finding out whether
 * something valid stands behind a bad batch. */
bool frame_is_stray(struct str bytes, uint64_t salt);
