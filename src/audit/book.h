/*
 * book.h - what the search index knows about itself: its partitions, the numbers of names, and
 * where in the journal it goes on. A small SQLite file (index/book.db), read into memory at start.
 * Private to the room.
 *
 * Threads: changed by the indexer alone; names and partitions may be looked up from any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/segments.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"

struct book;

struct book_partition {
    uint64_t number;
    uint64_t rows;
    uint64_t first_row;
    uint64_t last_row;
    int64_t min_time_us;
    int64_t max_time_us;
    bool is_sealed;
};

/* Where indexing goes on behind a partition: a place in the journal, and the intents that were
 * still open there (a list of places, 16 bytes each). */
struct book_mark {
    struct journal_pos pos;
    struct str pending;
};

/* Opens or makes it. A book of another format or another log is emptied. ERR_CORRUPT: it can't be
 * read and is to be removed. */
enum err_code book_open(const char *dir, const uint8_t log_id[16], struct book **ret_book,
                        struct err *err) MUST_CHECK;
void book_close(struct book *book); /* NULL is fine */

/* 0: memory or the file's room is out, or the name is empty. New names are durable after
 * book_sync(). */
uint32_t book_name(struct book *book, struct str name);
/* 0: not known. */
uint32_t book_find_name(struct book *book, struct str name);
enum err_code book_sync(struct book *book, struct err *err) MUST_CHECK;

/* Copies of the list, oldest first; the caller frees it. False: memory is out. */
bool book_partitions(struct book *book, struct book_partition **ret_items, size_t *ret_count);
/* Sets what the list shows of the open partition; not durable. */
void book_set_open(struct book *book, const struct book_partition *partition);
/* Enters a partition durably, with where to go on. is_sealed false: a clean stop. */
enum err_code book_enter(struct book *book, const struct book_partition *partition,
                         const struct book_mark *mark, struct err *err) MUST_CHECK;
/* Takes the entry of an open partition out again: from now on a stop is unclean. */
enum err_code book_reopen(struct book *book, uint64_t number, struct err *err) MUST_CHECK;
/* The newest entry and its mark (borrowed until the book changes). False: there is none. */
bool book_last(struct book *book, struct book_partition *ret_partition, struct book_mark *ret_mark);
/* Forgets all partitions and names. */
enum err_code book_clear(struct book *book, struct err *err) MUST_CHECK;
