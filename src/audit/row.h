/*
 * row.h - a row of the search index, made from an entry's fields, and the filter as conditions on
 * rows. Private to the room.
 *
 * A row holds no bytes about a person: identities are 64 bits of a keyed hash, names of servers and
 * tools are numbers of the index's own list.
 *
 * Threads: pure functions, but for the cache in struct row_maker.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "audit/entry.h"
#include "audit/leaf.h"
#include "audit/search.h"
#include "base/str.h"
#include "keys/data_keys.h"
#include "keys/keyring.h"

/* Small facts, a byte each, packed into one number; 0 in a byte: does not apply. */
enum row_fact {
    ROW_KIND,      /* enum audit_kind */
    ROW_CATEGORY,  /* enum category + 1 */
    ROW_DECISION,  /* enum decision + 1 */
    ROW_PRINCIPAL, /* enum principal_kind + 1 */
    ROW_OUTCOME,   /* enum audit_outcome + 1 */
};

struct row_place {
    uint64_t segment; /* 0: nowhere */
    uint64_t offset;
};

struct row {
    uint64_t number; /* index of the entry that settled it, and 1: 0 is no row */
    int64_t time_us;
    uint64_t facts;
    uint32_t server; /* numbers of names; 0: none */
    uint32_t tool;
    uint32_t exposed;
    uint32_t method;
    int64_t principal; /* blind hashes, negative; 0: none */
    int64_t name;
    int64_t email;
    struct uuid call_id;
    struct row_place intent;
    struct row_place settled;
};

/* The number of a name, given out on first sight; 0: the empty name. */
typedef uint32_t row_name_fn(void *ctx, struct str name);

struct row_maker;
/* NULL: memory is out. */
struct row_maker *row_maker_new(const struct keyring *keyring, struct data_keys *data_keys,
                                row_name_fn *name, void *name_ctx);
void row_maker_free(struct row_maker *maker); /* NULL is fine */
/* A row from an entry that is no outcome: all but number and places. */
void row_make(struct row_maker *maker, const struct leaf_view *view, struct row *ret_row);
/* Adds what an outcome says. */
void row_settle(struct row *row, const struct leaf_view *outcome);

/* The blind hash of an identity; ASCII case does not count. Never 0. */
int64_t row_blind(const struct keyring *keyring, struct str identity);

/* What a filter asks of a row. */
struct row_filter {
    int64_t since_us;
    int64_t until_us;
    uint64_t facts_mask;
    uint64_t facts;
    uint32_t kinds; /* bits; 0: any */
    uint32_t server;
    uint32_t tool;
    uint32_t method;
    int64_t who;
    const struct uuid *call_id;
    bool is_open_only; /* calls without an outcome */
    bool is_hopeless;  /* asks for a word or a name that no row can have */
};

/* The number of a known name; 0: no row has it. */
typedef uint32_t row_find_name_fn(void *ctx, struct str name);
void row_filter_make(const struct audit_filter *filter, const struct keyring *keyring,
                     row_find_name_fn *find, void *find_ctx, struct row_filter *ret_filter);
bool row_matches(const struct row *row, const struct row_filter *filter);

static inline uint64_t row_fact_bits(enum row_fact fact, uint64_t value)
{
    return value << (8 * (unsigned)fact);
}

static inline uint64_t row_fact_of(uint64_t facts, enum row_fact fact)
{
    return facts >> (8 * (unsigned)fact) & 0xff;
}
