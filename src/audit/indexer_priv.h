/*
 * indexer_priv.h - the indexer's state, for its files: indexer.c turns entries into rows,
 * indexer_begin.c finds where to go on, indexer_find.c searches.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "audit/book.h"
#include "audit/indexer.h"
#include "audit/partition.h"
#include "audit/pending.h"
#include "audit/reader.h"
#include "audit/row.h"

struct indexer {
    struct indexer_config config;
    char *dir;
    pthread_t thread;
    pthread_mutex_t lock; /* the next block */
    pthread_cond_t changed;
    bool is_stopping;
    bool must_hurry; /* somebody waits in indexer_catch_up() */
    bool must_rebuild;
    uint64_t indexed;
    bool is_ok;
    char why[ERR_TEXT_BYTES];

    /* Searches hold it for reading while they use book, pending and the partitions' files. */
    pthread_rwlock_t files;
    struct book *book; /* NULL: not ready */
    struct pending *pending;

    /* The thread's alone. */
    struct row_maker *maker;
    struct reader *reader;
    struct partition *partition;
    struct book_partition open;
    uint64_t next_index;
};

/* Opens book, partition and reader where the last run ended. On failure nothing is open. */
enum err_code indexer_begin(struct indexer *indexer, struct err *err) MUST_CHECK;
/* Closes all of it; what is not entered in the book will be made again. */
void indexer_forget(struct indexer *indexer);
