/*
 * journal.h - the files of a journal as a chain, and the batches in them
 * (docs/audit-format.md, "Segment" and "Batch"). Nothing is believed: what does not fit is a
 * finding, and reading goes on at the next batch that fits.
 */
#pragma once

#include <stdbool.h>

#include "crypto.h"
#include "finding.h"
#include "image.h"

enum { SEGMENT_HEAD_BYTES = 4096, BATCH_HEAD_BYTES = 128 };

struct segment {
    uint64_t number;
    const uint8_t *map;
    size_t size;
    uint64_t salt;
    uint8_t log_id[16];
    uint64_t first_index;
    uint64_t first_sequence;
    uint8_t before[HASH_BYTES]; /* hash of the last batch before it */
    uint64_t previous;          /* number; 0: none */
    uint64_t previous_end;
    uint64_t end; /* as the next one says; the newest: its size */
    bool is_newest;
};

struct journal {
    struct segment *segments; /* in order */
    size_t count;
};

/* False: there is no journal, or it can't be read; the finding says why. image outlives it. */
bool journal_open(const struct image *image, struct findings *findings,
                  struct journal *ret_journal);
void journal_close(struct journal *journal);

enum batch_kind { BATCH_RECORDS = 1, BATCH_OPEN_INTENTS = 2 };

struct batch {
    enum batch_kind kind;
    uint64_t segment;
    uint64_t offset;
    uint64_t first_index;
    int64_t committed_us;
    uint32_t count;
    struct bytes payload;
    const uint8_t *head;
    bool is_payload_good; /* its CRC fits */
};

/* Goes through all of it. */
struct walk {
    const struct journal *journal;
    struct findings *findings;
    size_t at; /* segment */
    uint64_t offset;
    uint64_t index; /* of the next entry */
    uint64_t sequence;
    uint8_t hash[HASH_BYTES]; /* of the last batch */
    uint64_t signed_size;     /* entries up to there must be there */
    bool has_gap;             /* something was stepped over: what follows can't be proved */
    bool is_begun;
};

/* False: the end. */
bool walk_next(struct walk *walk, struct batch *ret_batch);
/* The batch was read: hash is its hash as computed from its records. */
void walk_took(struct walk *walk, const struct batch *batch, const uint8_t hash[HASH_BYTES]);
