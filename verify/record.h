/*
 * record.h - one record: its lengths, its leaf against its hash, its blocks against the leaf
 * (docs/audit-format.md, "Record" and "Leaf").
 */
#pragma once

#include <stdbool.h>

#include "crypto.h"

enum { RECORD_HEAD_BYTES = 48, LEAF_HEAD_BYTES = 240, LEAF_MAX_BYTES = 65535 };

enum leaf_kind { LEAF_INTENT = 1, LEAF_OUTCOME = 2, LEAF_KINDS = 13 };

#define NO_INTENT UINT64_MAX

struct leaf {
    uint8_t kind;
    uint32_t attempt;
    const uint8_t *log_id;  /* 16 bytes */
    const uint8_t *call_id; /* 16 bytes */
    int64_t time_us;
    uint64_t index;
    int64_t committed_us;
    uint64_t intent;
    uint8_t hash[HASH_BYTES]; /* as computed */
};

struct record {
    size_t bytes; /* of all of it */
    struct leaf leaf;
    bool is_leaf_good;   /* its hash is the one that stands before it */
    bool is_blocks_good; /* both fit their digests */
};

/* A leaf alone. False: it is not well formed. */
bool leaf_read(struct bytes text, struct leaf *ret_leaf);
/* The record at the start of payload. False: not well formed. */
bool record_read(struct bytes payload, struct record *ret_record);
