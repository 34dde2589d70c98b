/*
 * notary_priv.h - the notary's state, for its files: notary.c grows the tree and signs,
 * notary_prove.c answers questions.
 */
#pragma once

#include <limits.h>
#include <pthread.h>

#include "audit/checkpoint.h"
#include "audit/notary.h"
#include "audit/reader.h"
#include "audit/tiles.h"

/* Of data_dir/audit, so that the names in it have room. */
enum { NOTARY_DIR_BYTES = PATH_MAX - 32 };

struct notary {
    char dir[NOTARY_DIR_BYTES];
    char origin[CHECKPOINT_MAX_ORIGIN + 1];
    struct segments *segments;
    struct pkey *key;
    uint32_t every_ms;
    pthread_t thread;
    bool has_thread;

    pthread_mutex_t lock; /* the next block */
    pthread_cond_t changed;
    bool is_stopping;
    struct notary_state state;
    struct buf note; /* the last checkpoint */

    /* Whoever proves holds it for reading: tiles may be closed and opened again. */
    pthread_rwlock_t files;
    struct tiles *tiles; /* NULL: not open */
    bool is_whole;       /* they hold all that the last checkpoint covers */

    /* The thread's alone. */
    struct reader *reader;
    struct tree tree;
    bool is_given_up; /* the log is not the one that was signed */
};
