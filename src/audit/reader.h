/*
 * reader.h - reads the journal: batch after batch up to the durable end, or one record at its
 * place. Private to the room.
 *
 * Threads: a reader belongs to one thread; many may read beside the writer. Blocks on files.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "audit/leaf.h"
#include "audit/segments.h"
#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"

struct reader;

/* A record with its place. Views last until the next call on the reader. */
struct reader_record {
    struct leaf_view view;
    uint64_t segment;
    uint64_t offset;
};

/* NULL: memory is out. segments outlives the reader. */
struct reader *reader_new(struct segments *segments);
void reader_free(struct reader *reader); /* NULL is fine */
void reader_freep(struct reader **reader);

/* Continues from a place that reader_get_pos() gave, or from the start of the log (segment 0). */
void reader_seek(struct reader *reader, const struct journal_pos *pos);
/* Continues at the entry with this index, if the log has it; else at the end. */
enum err_code reader_seek_index(struct reader *reader, uint64_t index, struct err *err) MUST_CHECK;
/* Where the batch stands that is read next: between batches exactly, inside one its start. */
struct journal_pos reader_get_pos(const struct reader *reader);

/* *ret_more false: the durable end is reached, *ret_record is untouched. ERR_CORRUPT: the journal
 * is damaged. */
enum err_code reader_next(struct reader *reader, struct reader_record *ret_record, bool *ret_more,
                          struct err *err) MUST_CHECK;
/* Is the reader between two batches? */
bool reader_at_batch(const struct reader *reader);

/* The record at a place, copied into arena, checked against its hashes. */
enum err_code reader_at(struct reader *reader, uint64_t segment, uint64_t offset,
                        struct arena *arena, struct leaf_view *ret_view,
                        struct err *err) MUST_CHECK;
