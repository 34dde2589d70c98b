#include "audit/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "audit/audit_priv.h"
#include "audit/indexer.h"
#include "audit/notary.h"
#include "audit/spares.h"
#include "base/clock.h"
#include "base/file.h"

#define MIB                   ((uint64_t)1 << 20)
#define DEFAULT_SEGMENT       (64 * MIB)
#define DEFAULT_RESERVE       (64 * MIB)
#define MIN_SEGMENT           (1 * MIB)
#define MAX_ARGUMENTS         (16 * MIB)
#define MAX_OPEN              65536
#define DEFAULT_QUEUE         (64 * MIB)
#define DEFAULT_GATHER        100
#define DEFAULT_CHECKPOINT_MS 1000

static ssize_t real_pwritev(void *ctx, int fd, const struct iovec *iov, int count, off_t offset)
{
    (void)ctx;
    return pwritev(fd, iov, count, offset);
}

static int real_fdatasync(void *ctx, int fd)
{
    (void)ctx;
    return fdatasync(fd);
}

/* ---- sizes ---- */

static uint64_t at_least(uint64_t value, uint64_t least)
{
    return value < least ? least : value;
}

static uint64_t at_most(uint64_t value, uint64_t most)
{
    return value > most ? most : value;
}

/* On a small disk, segments and reserve take a part of it instead of all. */
static void choose_sizes(struct audit *audit, const struct audit_config *config)
{
    uint64_t segment = config->segment_bytes == 0 ? DEFAULT_SEGMENT : config->segment_bytes;
    uint64_t reserve = config->reserve_bytes == 0 ? DEFAULT_RESERVE : config->reserve_bytes;
    uint64_t disk = spares_disk_bytes(audit->dir);
    if (4 * (reserve + 2 * segment) > disk) {
        segment = at_most(segment, disk / 16);
        reserve = at_most(reserve, disk / 8);
    }
    segment = at_least(segment, MIN_SEGMENT);
    reserve = at_least(reserve, segment);
    /* The number of spares is bounded. */
    segment = at_least(segment, reserve / 32);
    audit->segment_bytes = (segment + 4095) & ~(uint64_t)4095;
    audit->reserve_bytes = reserve;
    audit->arguments_max = at_most(MAX_ARGUMENTS, audit->segment_bytes / 4);
    audit->max_open = at_most(MAX_OPEN, audit->segment_bytes / 4 / FRAME_INTENT_BYTES);
    audit->queue_bytes = config->queue_bytes == 0 ? DEFAULT_QUEUE : config->queue_bytes;
    audit->gather_us = config->gather_us == 0 ? DEFAULT_GATHER : config->gather_us;
}

/* ---- opening ---- */

static enum err_code lock_dir(struct audit *audit, struct err *err)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/lock", audit->dir);
    audit->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (audit->lock_fd < 0)
        return err_errno(err, errno, path);
    if (flock(audit->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return err_set(err, ERR_CONFLICT, "another process has the audit log in %s open",
                       audit->dir);
    return ERR_OK;
}

static struct audit *audit_new(const struct audit_config *config)
{
    pthread_condattr_t monotonic;
    struct audit *audit = calloc(1, sizeof *audit);
    if (audit == NULL)
        return NULL;
    audit->lock_fd = -1;
    audit->keyring = config->keyring;
    audit->data_keys = config->data_keys;
    audit->dir = strdup(config->dir);
    sealed_list_init(&audit->queue);
    sealed_list_init(&audit->retained);
    pthread_mutex_init(&audit->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&audit->work, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return audit;
}

static enum err_code open_journal(struct audit *audit, const struct audit_config *config,
                                  struct err *err)
{
    struct journal_config journal = {
        .dir = audit->dir,
        .segment_bytes = audit->segment_bytes,
        .reserve_bytes = audit->reserve_bytes,
        .hooks = config->hooks,
    };
    if (journal.hooks.pwritev == NULL)
        journal.hooks.pwritev = real_pwritev;
    if (journal.hooks.fdatasync == NULL)
        journal.hooks.fdatasync = real_fdatasync;
    enum err_code code = segments_load(audit->dir, &audit->segments, err);
    if (code != ERR_OK)
        return code;
    audit->intents = intents_new();
    if (audit->intents == NULL)
        return err_set(err, ERR_INTERNAL, "memory is out");
    journal.segments = audit->segments;
    journal.intents = audit->intents;
    code = journal_files_open(&journal, audit->log_id, &audit->journal, err);
    if (code != ERR_OK)
        return code;
    atomic_store(&audit->entries, segments_get_end(audit->segments).index);
    return ERR_OK;
}

static enum err_code make_own_key(struct audit *audit, struct err *err)
{
    const struct data_key *key;
    const struct data_key_name name = {.period = data_keys_period(clock_wall_us())};
    if (data_keys_make(audit->data_keys, &name, &key, err) != ERR_OK)
        return err_wrap(err, "make the audit log's own key");
    audit->own_period = name.period;
    atomic_store(&audit->own_key, key);
    return ERR_OK;
}

/* What was under way when the gateway ended. */
static void queue_unknown(struct audit *audit)
{
    size_t pos = 0;
    const struct intent *intent;
    while ((intent = intents_next(audit->intents, &pos)) != NULL) {
        const struct audit_entry entry = {
            .kind = AUDIT_OUTCOME,
            .call_id = intent->call_id,
            .attempt = intent->attempt,
            .outcome = str_c(audit_outcome_word(OUTCOME_UNKNOWN)),
        };
        struct sealed *sealed = sealed_new(audit, &entry);
        if (sealed == NULL)
            continue;
        atomic_fetch_add(&audit->queued, sealed->record_bytes);
        atomic_fetch_add(&audit->open, 1);
        atomic_fetch_add(&audit->added, 1);
        sealed_list_add(&audit->queue, sealed);
    }
}

static enum err_code start_index(struct audit *audit, const struct audit_config *config,
                                 struct err *err)
{
    char dir[PATH_MAX];
    if (config->no_index)
        return ERR_OK;
    snprintf(dir, sizeof dir, "%s/index", audit->dir);
    const struct indexer_config indexer = {
        .dir = dir,
        .segments = audit->segments,
        .keyring = audit->keyring,
        .data_keys = audit->data_keys,
        .partition_rows = config->partition_rows,
    };
    return indexer_start(&indexer, &audit->indexer, err);
}

static enum err_code start_notary(struct audit *audit, const struct audit_config *config,
                                  struct err *err)
{
    struct notary_config notary = {
        .dir = audit->dir,
        .segments = audit->segments,
        .keyring = audit->keyring,
        .base = config->origin_host,
        .every_ms = config->checkpoint_ms == 0 ? DEFAULT_CHECKPOINT_MS : config->checkpoint_ms,
    };

    if (config->origin_host.len == 0)
        return ERR_OK;
    memcpy(notary.log_id, audit->log_id, sizeof notary.log_id);
    return notary_start(&notary, &audit->notary, err);
}

static enum err_code open_parts(struct audit *audit, const struct audit_config *config,
                                struct err *err)
{
    enum err_code code = lock_dir(audit, err);
    if (code != ERR_OK)
        return code;
    choose_sizes(audit, config);
    code = open_journal(audit, config, err);
    if (code == ERR_OK)
        code = make_own_key(audit, err);
    if (code != ERR_OK)
        return code;
    /* Before anything is added: a log that was cut is not gone on with. */
    code = start_notary(audit, config, err);
    if (code != ERR_OK)
        return code;
    queue_unknown(audit);
    writer_look(audit);
    if (!writer_start(audit))
        return err_set(err, ERR_INTERNAL, "no thread for the audit log");
    return start_index(audit, config, err);
}

enum err_code audit_open(const struct audit_config *config, struct audit **ret_audit,
                         struct err *err)
{
    if (file_make_dir(config->dir, err) != ERR_OK)
        return err_wrap(err, "open the audit log");
    CLEANUP(audit_closep) struct audit *audit = audit_new(config);
    if (audit == NULL || audit->dir == NULL)
        return err_set(err, ERR_INTERNAL, "memory is out");
    if (open_parts(audit, config, err) != ERR_OK)
        return err_wrap(err, "open the audit log");
    *ret_audit = MOVE(audit);
    return ERR_OK;
}

void audit_close(struct audit *audit)
{
    struct sealed *sealed;
    if (audit == NULL)
        return;
    writer_stop(audit);
    notary_stop(audit->notary);
    indexer_stop(audit->indexer);
    while ((sealed = sealed_list_take(&audit->queue)) != NULL)
        sealed_free(sealed);
    if (audit->journal != NULL)
        audit->journal->ops->close(audit->journal);
    intents_free(audit->intents);
    segments_free(audit->segments);
    if (audit->lock_fd >= 0)
        close(audit->lock_fd);
    pthread_cond_destroy(&audit->work);
    pthread_mutex_destroy(&audit->lock);
    free(audit->dir);
    free(audit);
}

void audit_closep(struct audit **audit)
{
    audit_close(*audit);
    *audit = NULL;
}

/* ---- state ---- */

bool audit_may_accept(const struct audit *audit)
{
    return atomic_load_explicit(&audit->accepts, memory_order_relaxed);
}

static void add_index_state(struct audit *audit, struct audit_status *status)
{
    struct indexer_state state;
    if (audit->indexer == NULL)
        return;
    indexer_get_state(audit->indexer, &state);
    status->indexed = state.indexed;
    status->index_ok = state.is_ok;
    if (status->why[0] == '\0' && !state.is_ok)
        snprintf(status->why, sizeof status->why, "%s", state.why);
}

static void add_proof_state(struct audit *audit, struct audit_status *status)
{
    struct notary_state state;
    if (audit->notary == NULL)
        return;
    notary_get_state(audit->notary, &state);
    status->signed_entries = state.size;
    status->signed_us = state.time_us;
    status->proof_ok = state.is_ok;
    if (status->why[0] == '\0' && !state.is_ok)
        snprintf(status->why, sizeof status->why, "%s", state.why);
}

void audit_get_status(struct audit *audit, struct audit_status *ret_status)
{
    struct journal_space space;
    struct journal_pos end = segments_get_end(audit->segments);
    audit->journal->ops->get_space(audit->journal, &space);
    *ret_status = (struct audit_status){
        .entries = atomic_load(&audit->entries),
        .segments = segments_count(audit->segments),
        .journal_bytes = segments_bytes(audit->segments) + end.offset,
        .free_bytes = space.disk_bytes,
        .prepared_bytes = space.room_bytes,
        .reserve_bytes = space.reserve_bytes,
        .open_intents = atomic_load(&audit->open),
        .queued_bytes = atomic_load(&audit->queued),
        .batches = atomic_load(&audit->batches),
        .dropped = atomic_load(&audit->dropped),
        .failures = atomic_load(&audit->failures),
        .last_commit_us = atomic_load(&audit->last_commit_us),
        .accepts = audit_may_accept(audit),
    };
    pthread_mutex_lock(&audit->lock);
    memcpy(ret_status->why, audit->why, sizeof ret_status->why);
    pthread_mutex_unlock(&audit->lock);
    add_index_state(audit, ret_status);
    add_proof_state(audit, ret_status);
}

/* ---- proofs ---- */

static enum err_code need_notary(const struct audit *audit, struct err *err)
{
    return audit->notary != NULL
               ? ERR_OK
               : err_set(err, ERR_UNAVAILABLE, "this audit log has no checkpoints");
}

enum err_code audit_get_checkpoint(struct audit *audit, struct arena *arena, struct str *ret_note,
                                   struct err *err)
{
    enum err_code code = need_notary(audit, err);
    return code == ERR_OK ? notary_get_checkpoint(audit->notary, arena, ret_note, err) : code;
}

enum err_code audit_get_vkey(struct audit *audit, bool is_cosignature, struct arena *arena,
                             struct str *ret_vkey, struct err *err)
{
    CLEANUP(buf_done) struct buf text = {0};
    enum err_code code = need_notary(audit, err);
    if (code != ERR_OK)
        return code;
    buf_init(&text, 1024);
    notary_write_vkey(audit->notary, is_cosignature, &text);
    struct str vkey = text.failed ? STR_NONE : arena_dup(arena, buf_str(&text));
    if (vkey.ptr == NULL)
        return err_set(err, ERR_LIMIT, "memory is out");
    *ret_vkey = vkey;
    return ERR_OK;
}

enum err_code audit_prove(struct audit *audit, uint64_t index, struct arena *arena,
                          struct str *ret_proof, struct err *err)
{
    enum err_code code = need_notary(audit, err);
    return code == ERR_OK ? notary_prove(audit->notary, index, arena, ret_proof, err) : code;
}
