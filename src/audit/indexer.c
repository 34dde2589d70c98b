#include "audit/indexer.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "audit/indexer_priv.h"
#include "base/buf.h"

#define DEFAULT_ROWS  100000
#define CHUNK_RECORDS 4096
#define WAIT_MS       200
#define RETRY_MS      1000
#define PENDING_MAX   ((size_t)16 << 20) /* bytes of the list of open calls */

/* ---- rows ---- */

static void note_row(struct book_partition *open, const struct row *row)
{
    if (open->rows == 0)
        *open = (struct book_partition){.number = open->number,
                                        .first_row = row->number,
                                        .min_time_us = row->time_us,
                                        .max_time_us = row->time_us};
    open->rows++;
    open->last_row = row->number;
    if (row->time_us < open->min_time_us)
        open->min_time_us = row->time_us;
    if (row->time_us > open->max_time_us)
        open->max_time_us = row->time_us;
}

static enum err_code take(struct indexer *indexer, const struct reader_record *record,
                          struct err *err)
{
    struct row row;
    const struct leaf_view *view = &record->view;
    const struct row_place place = {record->segment, record->offset};
    indexer->next_index = view->index + 1;
    if (view->kind == AUDIT_INTENT) {
        row_make(indexer->maker, view, &row);
        row.intent = place;
        if (!pending_add(indexer->pending, &row, view->index, view->attempt))
            return err_set(err, ERR_INTERNAL, "search index: memory is out");
        return ERR_OK;
    }
    if (view->kind == AUDIT_OUTCOME &&
        pending_end(indexer->pending, &view->call_id, view->attempt, &row))
        row_settle(&row, view);
    else
        row_make(indexer->maker, view, &row);
    row.number = view->index + 1;
    row.settled = place;
    enum err_code code = partition_add(indexer->partition, &row, err);
    if (code == ERR_OK)
        note_row(&indexer->open, &row);
    return code;
}

static void publish(struct indexer *indexer)
{
    pthread_mutex_lock(&indexer->lock);
    indexer->indexed = indexer->next_index;
    indexer->is_ok = true;
    indexer->why[0] = '\0';
    pthread_cond_broadcast(&indexer->changed);
    pthread_mutex_unlock(&indexer->lock);
}

static enum err_code commit(struct indexer *indexer, struct err *err)
{
    enum err_code code = book_sync(indexer->book, err);
    if (code == ERR_OK)
        code = partition_commit(indexer->partition, err);
    if (code != ERR_OK)
        return code;
    if (indexer->open.rows > 0)
        book_set_open(indexer->book, &indexer->open);
    pending_drop_ended(indexer->pending);
    publish(indexer);
    return ERR_OK;
}

/* Enters the open partition into the book, whole and durable. */
static enum err_code enter(struct indexer *indexer, bool is_sealed, struct err *err)
{
    CLEANUP(buf_done) struct buf places;
    buf_init(&places, PENDING_MAX);
    pending_write(indexer->pending, &places);
    if (places.failed)
        return err_set(err, ERR_LIMIT, "search index: too many open calls");
    pthread_rwlock_wrlock(&indexer->files);
    enum err_code code = partition_settle(indexer->partition, err);
    indexer->open.is_sealed = is_sealed;
    const struct book_mark mark = {reader_get_pos(indexer->reader), buf_str(&places)};
    if (code == ERR_OK)
        code = book_enter(indexer->book, &indexer->open, &mark, err);
    pthread_rwlock_unlock(&indexer->files);
    return code;
}

static enum err_code seal(struct indexer *indexer, struct err *err)
{
    enum err_code code = commit(indexer, err);
    if (code == ERR_OK)
        code = partition_index(indexer->partition, err);
    if (code == ERR_OK)
        code = enter(indexer, true, err);
    if (code != ERR_OK)
        return code;
    partition_close(MOVE(indexer->partition));
    indexer->open = (struct book_partition){.number = indexer->open.number + 1};
    return partition_open(indexer->dir, indexer->open.number, &indexer->partition, err);
}

/* A segment that is indexed is seldom read again: its memory serves the segments that are being
 * prepared, instead of pushing other things out. */
static void leave_segment(const struct indexer *indexer, uint64_t number)
{
    char path[SEGMENT_PATH_BYTES];
    segments_path(segments_dir(indexer->config.segments), number, path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)!posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    close(fd);
}

/* Takes what is durable, up to a chunk. */
static enum err_code step(struct indexer *indexer, bool *ret_more, struct err *err)
{
    struct reader_record record;
    enum err_code code = ERR_OK;
    uint64_t segment = reader_get_pos(indexer->reader).segment;
    *ret_more = true;
    for (size_t i = 0; i < CHUNK_RECORDS && code == ERR_OK; i++) {
        code = reader_next(indexer->reader, &record, ret_more, err);
        if (code != ERR_OK || !*ret_more)
            break;
        code = take(indexer, &record, err);
        /* A partition ends between two batches: that is a place to go on from. */
        if (code == ERR_OK && indexer->open.rows >= indexer->config.partition_rows &&
            reader_at_batch(indexer->reader))
            code = seal(indexer, err);
    }
    if (segment != 0 && segment != reader_get_pos(indexer->reader).segment)
        leave_segment(indexer, segment);
    return code == ERR_OK ? commit(indexer, err) : code;
}

/* ---- the thread ---- */

static void note_trouble(struct indexer *indexer, const struct err *err)
{
    pthread_mutex_lock(&indexer->lock);
    indexer->is_ok = false;
    snprintf(indexer->why, sizeof indexer->why, "%s", err->text);
    pthread_mutex_unlock(&indexer->lock);
}

static void rebuild(struct indexer *indexer)
{
    if (indexer->book == NULL)
        return;
    partition_close(MOVE(indexer->partition));
    pthread_rwlock_wrlock(&indexer->files);
    (void)!book_clear(indexer->book, NULL);
    partition_remove(indexer->dir, indexer->open.number);
    pthread_rwlock_unlock(&indexer->files);
    indexer_forget(indexer);
    pthread_mutex_lock(&indexer->lock);
    indexer->indexed = 0;
    pthread_mutex_unlock(&indexer->lock);
}

/* Returns whether to go on; waits unless there is more to do at once. */
static bool rest(struct indexer *indexer, uint32_t wait_ms, bool *ret_must_rebuild)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += (long)(wait_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&indexer->lock);
    int rc = 0;
    while (wait_ms > 0 && rc == 0 && !indexer->must_hurry && !indexer->is_stopping &&
           !indexer->must_rebuild)
        rc = pthread_cond_timedwait(&indexer->changed, &indexer->lock, &until);
    *ret_must_rebuild = indexer->must_rebuild;
    if (indexer->must_rebuild)
        indexer->indexed = 0;
    indexer->must_rebuild = false;
    indexer->must_hurry = false;
    bool goes_on = !indexer->is_stopping;
    pthread_mutex_unlock(&indexer->lock);
    return goes_on;
}

static enum err_code turn(struct indexer *indexer, bool *ret_more, struct err *err)
{
    if (indexer->book == NULL) {
        enum err_code code = indexer_begin(indexer, err);
        if (code != ERR_OK)
            return code;
    }
    enum err_code code = step(indexer, ret_more, err);
    if (code != ERR_OK)
        indexer_forget(indexer);
    return code;
}

static void finish(struct indexer *indexer)
{
    struct err err;
    bool more = true;
    enum err_code code = ERR_OK;
    while (more && code == ERR_OK)
        code = turn(indexer, &more, &err);
    if (code == ERR_OK)
        (void)!enter(indexer, false, NULL);
    indexer_forget(indexer);
}

static void *run(void *ctx)
{
    struct indexer *indexer = ctx;
    struct err err;
    bool must_rebuild = false;
    bool goes_on = true;
    while (goes_on) {
        bool more = false;
        if (must_rebuild)
            rebuild(indexer);
        enum err_code code = turn(indexer, &more, &err);
        if (code != ERR_OK)
            note_trouble(indexer, &err);
        uint32_t wait_ms = code != ERR_OK ? RETRY_MS : more ? 0 : WAIT_MS;
        goes_on = rest(indexer, wait_ms, &must_rebuild);
    }
    finish(indexer);
    return NULL;
}

/* ---- from outside ---- */

enum err_code indexer_start(const struct indexer_config *config, struct indexer **ret_indexer,
                            struct err *err)
{
    pthread_condattr_t monotonic;
    struct indexer *indexer = calloc(1, sizeof *indexer);
    if (indexer == NULL)
        return err_set(err, ERR_INTERNAL, "memory is out");
    indexer->config = *config;
    if (indexer->config.partition_rows == 0)
        indexer->config.partition_rows = DEFAULT_ROWS;
    indexer->dir = strdup(config->dir);
    indexer->is_ok = true;
    pthread_mutex_init(&indexer->lock, NULL);
    pthread_rwlock_init(&indexer->files, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&indexer->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (indexer->dir == NULL || pthread_create(&indexer->thread, NULL, run, indexer) != 0) {
        free(indexer->dir);
        free(indexer);
        return err_set(err, ERR_INTERNAL, "no thread for the search index");
    }
    pthread_setname_np(indexer->thread, "audit-indexer");
    *ret_indexer = indexer;
    return ERR_OK;
}

void indexer_stop(struct indexer *indexer)
{
    if (indexer == NULL)
        return;
    pthread_mutex_lock(&indexer->lock);
    indexer->is_stopping = true;
    pthread_cond_broadcast(&indexer->changed);
    pthread_mutex_unlock(&indexer->lock);
    pthread_join(indexer->thread, NULL);
    pthread_cond_destroy(&indexer->changed);
    pthread_mutex_destroy(&indexer->lock);
    pthread_rwlock_destroy(&indexer->files);
    free(indexer->dir);
    free(indexer);
}

void indexer_get_state(struct indexer *indexer, struct indexer_state *ret_state)
{
    pthread_mutex_lock(&indexer->lock);
    /* What is about to be thrown away counts no more: who asked for it waits for the new one. */
    ret_state->indexed = indexer->must_rebuild ? 0 : indexer->indexed;
    ret_state->is_ok = indexer->is_ok;
    memcpy(ret_state->why, indexer->why, sizeof ret_state->why);
    pthread_mutex_unlock(&indexer->lock);
}

void indexer_catch_up(struct indexer *indexer, uint64_t index, uint32_t timeout_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&indexer->lock);
    int rc = 0;
    while ((indexer->must_rebuild || indexer->indexed < index) && rc == 0) {
        indexer->must_hurry = true;
        pthread_cond_broadcast(&indexer->changed);
        rc = pthread_cond_timedwait(&indexer->changed, &indexer->lock, &until);
    }
    pthread_mutex_unlock(&indexer->lock);
}

void indexer_rebuild(struct indexer *indexer)
{
    pthread_mutex_lock(&indexer->lock);
    indexer->must_rebuild = true;
    pthread_cond_broadcast(&indexer->changed);
    pthread_mutex_unlock(&indexer->lock);
}
