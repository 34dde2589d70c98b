/*
 * entry.h - one audit entry, as the gate fills it in and as a reader gets it back.
 *
 * Every text is bytes: whatever came from outside is kept exactly (up to its cap in fields.def),
 * and no content makes an entry fail. Views are borrowed: until audit_port_add() returns when
 * writing, for the arena's life when reading.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"
#include "base/uuid.h"

enum audit_kind {
#define X(name, number, word, meaning) name = (number),
#include "audit/kinds.def"
#undef X
};

enum audit_outcome {
#define X(name, word, meaning) name,
#include "audit/outcomes.def"
#undef X
    AUDIT_OUTCOMES /* how many there are */
};

/* A field of a later version or of an extension: readers that do not know the tag skip it, the hash
 * of the leaf covers it. Tags 32768 and up are for extensions. */
struct audit_extra {
    uint16_t tag;
    struct str value; /* at most 16 KiB in all; past that the last ones are left out */
};

struct audit_entry {
    enum audit_kind kind;
    struct uuid call_id; /* the same in intent, outcome and denial of one call */
    uint32_t attempt;    /* 1 for the first intent of a call */
    int64_t time_us;     /* wall clock; 0: now */
    uint64_t mono_us;    /* monotonic clock; 0: now */

    /* Empty and 0: does not apply. Words are those of base/words.def and outcomes.def. */
#define TEXT(tag, name, place, cap, meaning) struct str name;
#define NUMBER(tag, name, place, meaning)    uint64_t name;
#include "audit/fields.def"

    /* The exact argument bytes that were judged; encrypted in a block of their own. */
    struct str arguments;
    const struct audit_extra *extras;
    size_t extra_count;
};

/* Words are static; NULL when there is no such kind. */
const char *audit_kind_word(enum audit_kind kind);
bool audit_kind_parse(struct str word, enum audit_kind *ret_kind) MUST_CHECK;
const char *audit_outcome_word(enum audit_outcome outcome);
bool audit_outcome_parse(struct str word, enum audit_outcome *ret_outcome) MUST_CHECK;
