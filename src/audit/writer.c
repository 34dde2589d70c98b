#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "audit/audit.h"
#include "audit/audit_priv.h"
#include "audit/frame.h"
#include "base/clock.h"

#define IDLE_MS         100 /* how often disk and journal are looked at */
#define LAZY_MS         2   /* how long an entry lies that nobody waits for */
#define GATHER_PAUSES   4
#define LOOK_US         5000
#define RETRY_US        500000
#define BATCH_MAX_BYTES ((uint64_t)4 << 20)
#define OUTCOME_BYTES   1024 /* what an intent reserves for its outcome */
#define FLOOR_MAX_BYTES ((uint64_t)4 << 20)

/* ---- may intents be accepted? ---- */

static void set_why(struct audit *audit, const char *why)
{
    pthread_mutex_lock(&audit->lock);
    snprintf(audit->why, sizeof audit->why, "%s", why);
    pthread_mutex_unlock(&audit->lock);
}

/* The disk counts as full while the index could still grow a little, so that the whole log works up
 * to the moment intents are refused. */
static uint64_t disk_floor(const struct audit *audit)
{
    uint64_t floor = audit->segment_bytes / 16;
    return floor > FLOOR_MAX_BYTES ? FLOOR_MAX_BYTES : floor;
}

/* Prepared room beyond the reserve, or a disk that can still provide it. */
static bool has_space(struct audit *audit)
{
    struct journal_space space;
    audit->journal->ops->get_space(audit->journal, &space);
    uint64_t need = space.reserve_bytes + BATCH_MAX_BYTES / 16 +
                    atomic_load_explicit(&audit->open, memory_order_relaxed) * OUTCOME_BYTES;
    return space.disk_bytes >= disk_floor(audit) && space.room_bytes + space.disk_bytes >= need;
}

void writer_look(struct audit *audit)
{
    bool accepts = !audit->has_failed && has_space(audit);
    bool accepted = atomic_load_explicit(&audit->accepts, memory_order_relaxed);
    if (accepts != accepted && !audit->has_failed)
        set_why(audit,
                accepts ? "" : "the disk is full: what is left is kept for refusals and outcomes");
    atomic_store_explicit(&audit->accepts, accepts, memory_order_relaxed);
    audit->looked_at_us = clock_mono_us();
}

/* ---- one batch ---- */

struct batch {
    struct sealed *items[JOURNAL_BATCH_MAX];
    struct iovec records[JOURNAL_BATCH_MAX];
    size_t count;
    uint64_t bytes;
};

/* Takes as many entries as one batch holds. */
static void fill_batch(struct batch *batch, struct sealed_list *list)
{
    batch->count = 0;
    batch->bytes = 0;
    while (list->head != NULL && batch->count < JOURNAL_BATCH_MAX) {
        struct sealed *sealed = list->head;
        if (batch->count > 0 && batch->bytes + sealed->record_bytes > BATCH_MAX_BYTES)
            break;
        (void)sealed_list_take(list);
        batch->items[batch->count] = sealed;
        batch->records[batch->count] = (struct iovec){sealed->record, sealed->record_bytes};
        batch->bytes += sealed->record_bytes;
        batch->count++;
    }
}

static size_t count_waits(const struct batch *batch)
{
    size_t waits = 0;
    for (size_t i = 0; i < batch->count; i++)
        waits += batch->items[i]->has_wait ? 1 : 0;
    return waits;
}

static uint64_t intent_of(const struct audit *audit, const struct batch *batch, size_t at,
                          uint64_t first_index)
{
    const struct sealed *outcome = batch->items[at];
    const struct intent *intent = intents_find(audit->intents, &outcome->call_id, outcome->attempt);
    if (intent != NULL)
        return intent->index;
    for (size_t i = 0; i < at; i++)
        if (batch->items[i]->kind == AUDIT_INTENT && batch->items[i]->attempt == outcome->attempt &&
            memcmp(&batch->items[i]->call_id, &outcome->call_id, sizeof outcome->call_id) == 0)
            return first_index + i;
    return LEAF_NO_INTENT;
}

static enum err_code append_batch(struct audit *audit, const struct batch *batch,
                                  struct journal_pos *ret_at, struct err *err)
{
    const struct journal_batch what = {
        .records = batch->records,
        .count = batch->count,
        .bytes = batch->bytes,
        .first_index = atomic_load_explicit(&audit->entries, memory_order_relaxed),
        .committed_us = clock_wall_us(),
    };
    for (size_t i = 0; i < batch->count; i++) {
        uint64_t intent = batch->items[i]->kind == AUDIT_OUTCOME
                              ? intent_of(audit, batch, i, what.first_index)
                              : LEAF_NO_INTENT;
        leaf_commit(batch->items[i]->record, what.first_index + i, what.committed_us, intent);
    }
    enum err_code code = audit->journal->ops->append(audit->journal, &what, ret_at, err);
    if (code != ERR_OK)
        return code;
    atomic_store_explicit(&audit->last_commit_us, what.committed_us, memory_order_relaxed);
    atomic_fetch_add_explicit(&audit->entries, batch->count, memory_order_relaxed);
    atomic_fetch_add_explicit(&audit->batches, 1, memory_order_relaxed);
    return ERR_OK;
}

static void release_queue(struct audit *audit, const struct sealed *sealed)
{
    atomic_fetch_sub_explicit(&audit->queued, sealed->record_bytes, memory_order_relaxed);
}

/* What is durable changes the open intents, and intents get their receipts. */
static void settle_one(struct audit *audit, struct sealed *sealed, uint64_t index, uint64_t segment,
                       uint64_t offset)
{
    const struct intent intent = {sealed->call_id, sealed->attempt, index, segment, offset};
    if (sealed->kind == AUDIT_INTENT) {
        bool is_kept = intents_add(audit->intents, &intent);
        sealed->receipt = sealed->has_wait && is_kept ? receipt_new(sealed, index) : NULL;
        if (sealed->has_wait && sealed->receipt == NULL)
            sealed->result = ERR_UNAVAILABLE;
    }
    if (sealed->kind == AUDIT_OUTCOME &&
        intents_take(audit->intents, &sealed->call_id, sealed->attempt))
        atomic_fetch_sub_explicit(&audit->open, 1, memory_order_relaxed);
}

static void settle_batch(struct audit *audit, struct batch *batch, const struct journal_pos *at)
{
    struct audit_port *touched = NULL;
    uint64_t offset = at->offset + FRAME_HEAD_BYTES;
    for (size_t i = 0; i < batch->count; i++) {
        struct sealed *sealed = batch->items[i];
        settle_one(audit, sealed, at->index + i, at->segment, offset);
        offset += sealed->record_bytes;
        release_queue(audit, sealed);
        port_return(sealed, &touched);
    }
    port_wake(&touched);
}

/* ---- failure ---- */

/* Whoever waits hears that it failed. What says something about a call that ran, or was refused, is
 * kept and written once the journal is back. */
static void fail_one(struct audit *audit, struct sealed *sealed, struct audit_port **touched)
{
    if (sealed->kind != AUDIT_INTENT && !sealed->has_wait) {
        sealed_list_add(&audit->retained, sealed);
        return;
    }
    if (sealed->kind == AUDIT_INTENT)
        atomic_fetch_sub_explicit(&audit->open, 1, memory_order_relaxed);
    struct sealed *kept = sealed->kind == AUDIT_OUTCOME ? sealed_copy(sealed) : NULL;
    if (kept != NULL)
        sealed_list_add(&audit->retained, kept);
    else
        release_queue(audit, sealed);
    sealed->result = ERR_UNAVAILABLE;
    port_return(sealed, touched);
}

static void fail_list(struct audit *audit, struct sealed_list *list)
{
    struct audit_port *touched = NULL;
    struct sealed *sealed;
    while ((sealed = sealed_list_take(list)) != NULL)
        fail_one(audit, sealed, &touched);
    port_wake(&touched);
}

static void fail_batch(struct audit *audit, struct batch *batch, const struct err *err)
{
    struct sealed_list list;
    sealed_list_init(&list);
    for (size_t i = 0; i < batch->count; i++)
        sealed_list_add(&list, batch->items[i]);
    audit->has_failed = true;
    audit->retry_at_us = clock_mono_us() + RETRY_US;
    atomic_fetch_add_explicit(&audit->failures, 1, memory_order_relaxed);
    atomic_store_explicit(&audit->accepts, false, memory_order_relaxed);
    set_why(audit, err->text);
    fail_list(audit, &list);
}

static void try_resume(struct audit *audit)
{
    struct err err;
    if (clock_mono_us() < audit->retry_at_us)
        return;
    enum err_code code = audit->journal->ops->resume(audit->journal, &err);
    audit->retry_at_us = clock_mono_us() + RETRY_US;
    if (code != ERR_OK) {
        set_why(audit, err.text);
        return;
    }
    audit->has_failed = false;
    set_why(audit, "");
}

/* ---- the thread ---- */

static void write_list(struct audit *audit, struct sealed_list *list)
{
    struct batch batch;
    struct journal_pos at;
    struct err err;
    while (list->head != NULL && !audit->has_failed) {
        fill_batch(&batch, list);
        enum err_code code = append_batch(audit, &batch, &at, &err);
        audit->last_waits = count_waits(&batch);
        if (code == ERR_OK)
            settle_batch(audit, &batch, &at);
        else
            fail_batch(audit, &batch, &err);
    }
    if (audit->has_failed)
        fail_list(audit, list);
}

/* Refusals that found no room in the queue are counted, and the count is recorded. */
static void report_drops(struct audit *audit)
{
    uint64_t dropped = atomic_load_explicit(&audit->dropped, memory_order_relaxed);
    if (dropped == audit->reported_drops || audit->has_failed)
        return;
    const struct audit_entry entry = {
        .kind = AUDIT_GAP,
        .call_id = uuid_v7(clock_wall_us()),
        .attempt = 1,
        .method = STR("queue_full"),
        .count = dropped - audit->reported_drops,
    };
    struct sealed *sealed = sealed_new(audit, &entry);
    struct sealed_list list;
    if (sealed == NULL)
        return;
    audit->reported_drops = dropped;
    atomic_fetch_add_explicit(&audit->queued, sealed->record_bytes, memory_order_relaxed);
    sealed_list_init(&list);
    sealed_list_add(&list, sealed);
    write_list(audit, &list);
}

/* A new month has new keys. */
static void renew_own_key(struct audit *audit)
{
    const struct data_key *key;
    struct data_key_name name = {.period = data_keys_period(clock_wall_us())};
    if (name.period == audit->own_period ||
        data_keys_make(audit->data_keys, &name, &key, NULL) != ERR_OK)
        return;
    audit->own_period = name.period;
    atomic_store_explicit(&audit->own_key, key, memory_order_release);
}

static void keep_house(struct audit *audit)
{
    if (audit->has_failed)
        try_resume(audit);
    if (!audit->has_failed && audit->retained.head != NULL) {
        struct sealed_list list;
        sealed_list_init(&list);
        sealed_list_move(&list, &audit->retained);
        write_list(audit, &list);
    }
    if (clock_mono_us() - audit->looked_at_us < LOOK_US)
        return;
    writer_look(audit);
    report_drops(audit);
}

static void wait_ms(struct audit *audit, long ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += ms * 1000000L;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_cond_timedwait(&audit->work, &audit->lock, &until);
}

/* Entries that nobody waits for lie a moment: the next intent takes them along in its sync. */
static void wait_for_work(struct audit *audit)
{
    if (audit->queue.head == NULL && !audit->is_stopping)
        wait_ms(audit, IDLE_MS);
    if (audit->queue.head != NULL && !audit->is_urgent && !audit->is_stopping)
        wait_ms(audit, LAZY_MS);
    audit->is_urgent = false;
}

static uint64_t pause_for(const struct audit *audit, unsigned pauses)
{
    const struct timespec pause = {.tv_nsec = (long)audit->gather_us * 1000 * (long)pauses};
    nanosleep(&pause, NULL);
    return atomic_load_explicit(&audit->added, memory_order_relaxed);
}

/* Calls that come many at a time are worth a moment: one sync then serves more of them. As long as
 * more arrive, the moment is prolonged, within bounds; where it was prolonged to the end last time,
 * all but the last look is saved. */
static void gather(struct audit *audit)
{
    uint64_t before = 0;
    uint64_t added = atomic_load_explicit(&audit->added, memory_order_relaxed);
    unsigned pauses = audit->last_pauses == GATHER_PAUSES ? GATHER_PAUSES - 1 : 1;
    if (audit->last_waits <= 1 || audit->gather_us == 0)
        return;
    before = added;
    added = pause_for(audit, pauses);
    while (added != before && pauses < GATHER_PAUSES) {
        before = added;
        added = pause_for(audit, 1);
        pauses++;
    }
    audit->last_pauses = added != before ? pauses : 0;
}

static uint64_t count_list(const struct sealed_list *list)
{
    uint64_t count = 0;
    for (const struct sealed *sealed = list->head; sealed != NULL; sealed = sealed->next)
        count++;
    return count;
}

static void *run(void *ctx)
{
    struct audit *audit = ctx;
    struct sealed_list list;
    bool is_stopping = false;
    prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL);
    while (!is_stopping) {
        sealed_list_init(&list);
        pthread_mutex_lock(&audit->lock);
        wait_for_work(audit);
        bool has_work = audit->queue.head != NULL;
        pthread_mutex_unlock(&audit->lock);
        if (has_work)
            gather(audit);
        pthread_mutex_lock(&audit->lock);
        sealed_list_move(&list, &audit->queue);
        is_stopping = audit->is_stopping && list.head == NULL;
        pthread_mutex_unlock(&audit->lock);
        uint64_t taken = count_list(&list);
        write_list(audit, &list);
        atomic_fetch_add_explicit(&audit->settled, taken, memory_order_release);
        keep_house(audit);
        renew_own_key(audit);
    }
    return NULL;
}

void writer_sync(struct audit *audit, uint32_t timeout_ms)
{
    const struct timespec pause = {.tv_nsec = 300000};
    uint64_t until = clock_mono_us() + (uint64_t)timeout_ms * 1000;
    uint64_t want = atomic_load_explicit(&audit->added, memory_order_relaxed);
    pthread_mutex_lock(&audit->lock);
    audit->is_urgent = true;
    pthread_cond_signal(&audit->work);
    pthread_mutex_unlock(&audit->lock);
    while (atomic_load_explicit(&audit->settled, memory_order_acquire) < want &&
           clock_mono_us() < until)
        nanosleep(&pause, NULL);
}

bool writer_start(struct audit *audit)
{
    audit->has_writer = pthread_create(&audit->writer, NULL, run, audit) == 0;
    if (audit->has_writer)
        pthread_setname_np(audit->writer, "audit-writer");
    return audit->has_writer;
}

void writer_stop(struct audit *audit)
{
    struct sealed *sealed;
    if (!audit->has_writer)
        return;
    pthread_mutex_lock(&audit->lock);
    audit->is_stopping = true;
    pthread_cond_signal(&audit->work);
    pthread_mutex_unlock(&audit->lock);
    pthread_join(audit->writer, NULL);
    audit->has_writer = false;
    /* One more try for what a failure held back; then it is lost, and recovery says `unknown`. */
    if (audit->has_failed) {
        audit->retry_at_us = 0;
        keep_house(audit);
    }
    struct audit_port *touched = NULL;
    while ((sealed = sealed_list_take(&audit->retained)) != NULL)
        port_return(sealed, &touched);
    port_wake(&touched);
}
