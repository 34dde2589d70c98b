/*
 * recover.h - finds the end of the newest segment after whatever happened. Private to the room.
 *
 * A crash leaves at most one incomplete batch at the end. Anything else is damage and refused: a
 * valid batch behind a bad one means that something in between was lost.
 */
#pragma once

#include <stdint.h>

#include "audit/intents.h"
#include "audit/segments.h"
#include "base/attr.h"
#include "base/err.h"

struct recovered {
    struct journal_pos end;
    uint64_t sequence;              /* of the next batch */
    uint8_t hash[FRAME_HASH_BYTES]; /* of the last batch */
    uint64_t
        dirty_end; /* bytes [end.offset, dirty_end) are not zero; dirty_end ≤ end.offset: none */
};

/* fd is that of the segment. Fills intents with those that have no outcome. Reads only. */
enum err_code recover_segment(int fd, const struct segment_head *head, struct intents *intents,
                              struct recovered *ret_recovered, struct err *err) MUST_CHECK;
