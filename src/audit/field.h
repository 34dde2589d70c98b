/*
 * field.h - fields.def as a table, and the tag-length-value lists that fields are kept in
 * (docs/audit-format.md, "Fields"). Private to the room.
 *
 * Threads: pure functions.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/entry.h"
#include "audit/search.h"
#include "base/arena.h"
#include "base/str.h"

enum field_place { FIELD_CLEAR, FIELD_PRIVATE };

enum {
    FIELD_HEAD_BYTES = 4,     /* tag, length */
    FIELD_CUT_BYTES = 8 + 32, /* full length and digest in front of a cut value */
    FIELD_CUT = 0x4000,       /* bit of the tag: the value is cut */
    FIELD_EXTRA = 0x8000,     /* bit of the tag: an extension */
    FIELD_TAG_MASK = 0xbfff,  /* the tag without the cut bit */
    FIELD_ARGUMENTS = 0,      /* tag that says how long cut arguments were */
    FIELD_EXTRAS_MAX = 16384, /* bytes of extensions in one entry */
    FIELD_VALUE_MAX = 65535,  /* the length is 16 bit */
};

enum field_tag {
#define TEXT(tag, name, place, cap, meaning) TAG_##name = (tag),
#define NUMBER(tag, name, place, meaning)    TAG_##name = (tag),
#include "audit/fields.def"
};

/* Bytes that the entry's fields of that place take. */
size_t field_measure(const struct audit_entry *entry, enum field_place place);
/* Writes exactly that many; returns how many. */
size_t field_write(const struct audit_entry *entry, enum field_place place, uint8_t *out);

/* One field of a list. value of a cut field is the prefix. */
struct field_item {
    uint16_t tag; /* without the cut bit */
    bool is_cut;
    uint64_t full_bytes;
    const uint8_t *sha256;
    struct str value;
};

/* Takes the next field off *list. False at the end, or when what is left is no field. */
bool field_next(struct str *list, struct field_item *ret_item);

/* A growing list of what was cut. */
struct field_cuts {
    struct audit_cut items[64];
    size_t count;
};

/* Sets the fields of the list in *entry, views into list. Unknown tags are gathered into
 * entry->extras when arena is given, and skipped otherwise. cuts may be NULL. False: arena full. */
bool field_read(struct str list, struct audit_entry *entry, struct field_cuts *cuts,
                struct arena *arena) MUST_CHECK;
