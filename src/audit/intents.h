/*
 * intents.h - the intents that have no outcome yet: a hash table from (call id, attempt) to where
 * the intent stands. Private to the room.
 *
 * Call ids are the gateway's own and mostly random, so their last bytes serve as the hash.
 *
 * Threads: the owner's alone.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/uuid.h"

struct intents;

struct intent {
    struct uuid call_id;
    uint32_t attempt; /* 0 marks a free place: attempts count from 1 */
    uint64_t index;
    uint64_t segment;
    uint64_t offset; /* of the record */
};

struct intents *intents_new(void);          /* NULL when memory is out */
void intents_free(struct intents *intents); /* NULL is fine */
size_t intents_count(const struct intents *intents);
/* Replaces what stood under the same call and attempt. False when memory is out. */
bool intents_add(struct intents *intents, const struct intent *intent) MUST_CHECK;
/* NULL: not there. Borrowed until the next change. */
const struct intent *intents_find(const struct intents *intents, const struct uuid *call_id,
                                  uint32_t attempt);
/* False: not there. */
bool intents_take(struct intents *intents, const struct uuid *call_id, uint32_t attempt);
/* Walk: *pos starts at 0; NULL at the end. Nothing may be changed meanwhile. */
const struct intent *intents_next(const struct intents *intents, size_t *pos);
