#include "audit/notary.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "audit/notary_priv.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/file.h"

enum { ARENA_BYTES = 1 << 20, IDLE_SECONDS = 60 };

/* ---- growing ---- */

static enum err_code take(struct notary *notary, const struct leaf_view *view, struct err *err)
{
    uint8_t hash[TREE_HASH_BYTES];

    leaf_hash(view->leaf, hash);
    if (view->index != notary->tree.size || memcmp(hash, view->hash, sizeof hash) != 0)
        return err_set(err, ERR_CORRUPT, "entry %" PRIu64 " of the audit log is damaged",
                       notary->tree.size);
    enum err_code code = tiles_add(notary->tiles, hash, err);
    if (code == ERR_OK)
        tree_add(&notary->tree, hash);
    return code;
}

/* Up to a size. */
static enum err_code grow(struct notary *notary, uint64_t size, struct err *err)
{
    struct reader_record record;
    bool has_more = true;
    enum err_code code = ERR_OK;

    while (code == ERR_OK && notary->tree.size < size) {
        code = reader_next(notary->reader, &record, &has_more, err);
        if (code == ERR_OK && !has_more)
            code = err_set(err, ERR_CORRUPT, "the audit log ends before entry %" PRIu64, size);
        if (code == ERR_OK)
            code = take(notary, &record.view, err);
    }
    return code;
}

/* ---- the checkpoint ---- */

static void checkpoint_path(const struct notary *notary, char path[PATH_MAX])
{
    (void)snprintf(path, PATH_MAX, "%s/checkpoint", notary->dir);
}

static void publish(struct notary *notary, struct str note, uint64_t size, int64_t time_us)
{
    pthread_mutex_lock(&notary->lock);
    buf_clear(&notary->note);
    buf_add(&notary->note, note);
    notary->state.size = size;
    notary->state.time_us = time_us;
    pthread_mutex_unlock(&notary->lock);
}

static enum err_code sign(struct notary *notary, struct err *err)
{
    CLEANUP(buf_done) struct buf note;
    char path[PATH_MAX];
    int64_t now_us = clock_wall_us();
    struct checkpoint checkpoint = {
        .origin = str_c(notary->origin), .size = notary->tree.size, .time = now_us / 1000000};

    buf_init(&note, CHECKPOINT_MAX_BYTES);
    tree_root(&notary->tree, checkpoint.root);
    if (!checkpoint_write(&checkpoint, notary->key, &note))
        return err_set(err, ERR_INTERNAL, "the checkpoint could not be signed");
    enum err_code code = tiles_sync(notary->tiles, err);
    checkpoint_path(notary, path);
    if (code == ERR_OK)
        code = file_write(path, buf_str(&note), 0600, err);
    if (code == ERR_OK)
        publish(notary, buf_str(&note), notary->tree.size, now_us);
    return code;
}

/* The last checkpoint and its note, if there is one; size 0: none. */
static enum err_code load_checkpoint(struct notary *notary, struct arena *arena,
                                     struct checkpoint *ret_checkpoint, struct str *ret_note,
                                     struct err *err)
{
    char path[PATH_MAX];
    uint64_t end = segments_get_end(notary->segments).index;

    *ret_checkpoint = (struct checkpoint){.size = 0};
    *ret_note = STR_NONE;
    checkpoint_path(notary, path);
    enum err_code code = file_read(arena, path, CHECKPOINT_MAX_BYTES, ret_note, err);
    if (code == ERR_NOT_FOUND)
        return ERR_OK;
    if (code == ERR_OK)
        code = checkpoint_read(*ret_note, str_c(notary->origin), notary->key, arena, ret_checkpoint,
                               err);
    if (code == ERR_INVALID)
        return err_set(err, ERR_CONFLICT, "%s: %s", path, err->text);
    if (code == ERR_OK && ret_checkpoint->size > end)
        return err_set(err, ERR_CORRUPT,
                       "the audit log ends at entry %" PRIu64
                       ", but its last checkpoint says that it had %" PRIu64,
                       end, ret_checkpoint->size);
    return code;
}

/* ---- the thread ---- */

static void set_state(struct notary *notary, const struct err *why)
{
    pthread_mutex_lock(&notary->lock);
    notary->state.is_ok = why == NULL;
    (void)snprintf(notary->state.why, sizeof notary->state.why, "%s", why == NULL ? "" : why->text);
    pthread_mutex_unlock(&notary->lock);
}

static enum err_code open_tiles(struct notary *notary, uint64_t size, struct err *err)
{
    char dir[PATH_MAX];

    (void)snprintf(dir, sizeof dir, "%s/tree", notary->dir);
    pthread_rwlock_wrlock(&notary->files);
    tiles_close(notary->tiles);
    notary->tiles = NULL;
    notary->is_whole = false;
    enum err_code code = tiles_open(dir, size, &notary->tiles, err);
    pthread_rwlock_unlock(&notary->files);
    if (code != ERR_OK)
        return code;
    const struct tree_source source = {tiles_read, notary->tiles};
    code = tree_load(&source, size, &notary->tree, err);
    return code == ERR_OK ? reader_seek_index(notary->reader, size, err) : code;
}

static bool has_root(const struct notary *notary, const struct checkpoint *checkpoint)
{
    uint8_t root[TREE_HASH_BYTES];

    tree_root(&notary->tree, root);
    return memcmp(root, checkpoint->root, sizeof root) == 0;
}

/* The tree from the start, up to what was signed: the files that held it are gone or damaged, or
 * the entries are. */
static enum err_code rebuild(struct notary *notary, const struct checkpoint *checkpoint,
                             struct err *err)
{
    enum err_code code = open_tiles(notary, 0, err);

    if (code == ERR_OK)
        code = grow(notary, checkpoint->size, err);
    if (code == ERR_OK && !has_root(notary, checkpoint))
        code = err_set(err, ERR_CORRUPT,
                       "the entries of the audit log are not those of its last checkpoint");
    notary->is_given_up = code == ERR_CORRUPT;
    return code == ERR_OK ? tiles_sync(notary->tiles, err) : code;
}

/* Goes on from the last checkpoint. */
static enum err_code begin(struct notary *notary, struct err *err)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(ARENA_BYTES);
    struct checkpoint last;
    struct str note;

    if (arena == NULL)
        return err_set(err, ERR_LIMIT, "memory is out");
    enum err_code code = load_checkpoint(notary, arena, &last, &note, err);
    if (code != ERR_OK)
        return code;
    if (note.len > 0)
        publish(notary, note, last.size, last.time * 1000000);
    code = open_tiles(notary, last.size, err);
    if (code == ERR_CORRUPT || code == ERR_NOT_FOUND ||
        (code == ERR_OK && last.size > 0 && !has_root(notary, &last)))
        code = rebuild(notary, &last, err);
    if (code != ERR_OK)
        return code;
    pthread_rwlock_wrlock(&notary->files);
    notary->is_whole = true;
    pthread_rwlock_unlock(&notary->files);
    return ERR_OK;
}

/* One look: grows the tree, signs when there is something to sign. */
static enum err_code look(struct notary *notary, struct err *err)
{
    struct notary_state last;

    if (notary->tiles == NULL && begin(notary, err) != ERR_OK)
        return err->code;
    enum err_code code = grow(notary, segments_get_end(notary->segments).index, err);
    notary_get_state(notary, &last);
    bool is_old = clock_wall_us() - last.time_us >= (int64_t)IDLE_SECONDS * 1000000;
    if (code == ERR_OK && (notary->tree.size != last.size || is_old || !last.is_ok))
        code = sign(notary, err);
    if (code == ERR_CORRUPT)
        notary->is_given_up = true;
    return code;
}

static void forget_tiles(struct notary *notary)
{
    pthread_rwlock_wrlock(&notary->files);
    tiles_close(notary->tiles);
    notary->tiles = NULL;
    notary->is_whole = false;
    pthread_rwlock_unlock(&notary->files);
}

static void work(struct notary *notary)
{
    struct err err = {.code = ERR_OK};

    if (notary->is_given_up)
        return;
    if (look(notary, &err) == ERR_OK) {
        set_state(notary, NULL);
        return;
    }
    set_state(notary, &err);
    /* What failed half-way begins again at the last checkpoint. */
    if (!notary->is_given_up)
        forget_tiles(notary);
}

static bool pause_until(struct notary *notary)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += notary->every_ms / 1000;
    until.tv_nsec += (long)(notary->every_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&notary->lock);
    while (!notary->is_stopping &&
           pthread_cond_timedwait(&notary->changed, &notary->lock, &until) == 0)
        continue;
    bool is_stopping = notary->is_stopping;
    pthread_mutex_unlock(&notary->lock);
    return !is_stopping;
}

static void *run(void *ctx)
{
    struct notary *notary = ctx;

    do
        work(notary);
    while (pause_until(notary));
    work(notary);
    return NULL;
}

/* ---- opening ---- */

/* The name of the log is chosen once, and stays when the host's name changes. */
static enum err_code load_origin(struct notary *notary, const struct notary_config *config,
                                 struct arena *arena, struct err *err)
{
    char path[PATH_MAX];
    char id[33] = "";
    struct str text = STR_NONE;

    (void)snprintf(path, sizeof path, "%s/origin", notary->dir);
    enum err_code code = file_read(arena, path, sizeof notary->origin, &text, err);
    if (code == ERR_NOT_FOUND) {
        hex_encode(config->log_id, sizeof config->log_id, id);
        text = arena_printf(arena, STR_FMT "/audit/%s\n", STR_ARG(config->base), id);
        code = file_write(path, text, 0600, err);
    }
    if (code != ERR_OK)
        return err_wrap(err, "origin of the audit log");
    text = str_cut(&text, '\n');
    if (!checkpoint_is_origin(text))
        return err_set(err, ERR_CORRUPT, "%s: this is no name of a log", path);
    memcpy(notary->origin, text.ptr, text.len);
    return ERR_OK;
}

static struct notary *new_notary(const struct notary_config *config)
{
    pthread_condattr_t monotonic;
    struct notary *notary = calloc(1, sizeof *notary);

    if (notary == NULL)
        return NULL;
    (void)snprintf(notary->dir, sizeof notary->dir, "%s", config->dir);
    notary->segments = config->segments;
    notary->every_ms = config->every_ms;
    notary->state.is_ok = true;
    buf_init(&notary->note, CHECKPOINT_MAX_BYTES);
    pthread_mutex_init(&notary->lock, NULL);
    pthread_rwlock_init(&notary->files, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&notary->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return notary;
}

static void free_notary(struct notary *notary)
{
    reader_free(notary->reader);
    tiles_close(notary->tiles);
    pkey_free(notary->key);
    buf_done(&notary->note);
    pthread_cond_destroy(&notary->changed);
    pthread_rwlock_destroy(&notary->files);
    pthread_mutex_destroy(&notary->lock);
    free(notary);
}

static enum err_code open_parts(struct notary *notary, const struct notary_config *config,
                                struct err *err)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(ARENA_BYTES);
    struct checkpoint last;
    struct str note;
    enum err_code code =
        pkey_new_own(keyring_get(config->keyring, KEY_CHECKPOINT), &notary->key, err);

    if (arena == NULL)
        return err_set(err, ERR_LIMIT, "memory is out");
    if (code == ERR_OK)
        code = load_origin(notary, config, arena, err);
    if (code == ERR_OK)
        code = load_checkpoint(notary, arena, &last, &note, err);
    if (code != ERR_OK)
        return code;
    notary->reader = reader_new(notary->segments);
    if (notary->reader == NULL)
        return err_set(err, ERR_LIMIT, "memory is out");
    notary->has_thread = pthread_create(&notary->thread, NULL, run, notary) == 0;
    if (!notary->has_thread)
        return err_set(err, ERR_INTERNAL, "no thread for the checkpoints of the audit log");
    pthread_setname_np(notary->thread, "audit-notary");
    return ERR_OK;
}

enum err_code notary_start(const struct notary_config *config, struct notary **ret_notary,
                           struct err *err)
{
    struct notary *notary = NULL;

    if (strlen(config->dir) >= NOTARY_DIR_BYTES)
        return err_set(err, ERR_LIMIT, "the path of the audit log is too long");
    notary = new_notary(config);
    if (notary == NULL)
        return err_set(err, ERR_LIMIT, "memory is out");
    enum err_code code = open_parts(notary, config, err);
    if (code == ERR_OK)
        *ret_notary = notary;
    else
        free_notary(notary);
    return code;
}

void notary_stop(struct notary *notary)
{
    if (notary == NULL)
        return;
    pthread_mutex_lock(&notary->lock);
    notary->is_stopping = true;
    pthread_cond_signal(&notary->changed);
    pthread_mutex_unlock(&notary->lock);
    pthread_join(notary->thread, NULL);
    free_notary(notary);
}
