#include <inttypes.h>

#include "audit/notary_priv.h"

enum { PROOF_BYTES = 1 << 20 };

void notary_get_state(struct notary *notary, struct notary_state *ret_state)
{
    pthread_mutex_lock(&notary->lock);
    *ret_state = notary->state;
    pthread_mutex_unlock(&notary->lock);
}

struct str notary_origin(const struct notary *notary)
{
    return str_c(notary->origin);
}

void notary_write_vkey(const struct notary *notary, bool is_cosignature, struct buf *out)
{
    checkpoint_write_vkey(notary_origin(notary), notary->key, is_cosignature, out);
}

/* The note, and the size it is of. */
static enum err_code get_note(struct notary *notary, struct arena *arena, struct str *ret_note,
                              uint64_t *ret_size, struct err *err)
{
    pthread_mutex_lock(&notary->lock);
    struct str note = notary->note.len == 0 ? STR_NONE : arena_dup(arena, buf_str(&notary->note));
    bool is_there = notary->note.len > 0;
    *ret_size = notary->state.size;
    pthread_mutex_unlock(&notary->lock);
    if (!is_there)
        return err_set(err, ERR_NOT_FOUND, "the audit log has no checkpoint yet");
    if (note.ptr == NULL)
        return err_set(err, ERR_LIMIT, "memory is out");
    *ret_note = note;
    return ERR_OK;
}

enum err_code notary_get_checkpoint(struct notary *notary, struct arena *arena,
                                    struct str *ret_note, struct err *err)
{
    uint64_t size = 0;

    return get_note(notary, arena, ret_note, &size, err);
}

static enum err_code read_leaf(struct notary *notary, uint64_t index, struct arena *arena,
                               struct str *ret_leaf, struct err *err)
{
    CLEANUP(reader_freep) struct reader *reader = reader_new(notary->segments);
    struct reader_record record;
    bool has_more = false;
    enum err_code code = reader == NULL ? err_set(err, ERR_LIMIT, "memory is out")
                                        : reader_seek_index(reader, index, err);

    if (code == ERR_OK)
        code = reader_next(reader, &record, &has_more, err);
    if (code != ERR_OK)
        return code;
    if (!has_more || record.view.index != index)
        return err_set(err, ERR_NOT_FOUND, "the audit log has no entry %" PRIu64, index);
    *ret_leaf = arena_dup(arena, record.view.leaf);
    return ret_leaf->ptr == NULL ? err_set(err, ERR_LIMIT, "memory is out") : ERR_OK;
}

/* Tiles are there, and hold still while the proof is read. */
static enum err_code hold_tiles(struct notary *notary, struct tree_source *ret_source,
                                struct err *err)
{
    pthread_rwlock_rdlock(&notary->files);
    if (notary->is_whole) {
        *ret_source = (struct tree_source){tiles_read, notary->tiles};
        return ERR_OK;
    }
    pthread_rwlock_unlock(&notary->files);
    return err_set(err, ERR_UNAVAILABLE,
                   "the tree of the audit log is being made again; try later");
}

enum err_code notary_prove(struct notary *notary, uint64_t index, struct arena *arena,
                           struct str *ret_proof, struct err *err)
{
    CLEANUP(buf_done) struct buf text = {0};
    struct tree_source source;
    struct tree_proof proof;
    struct str note;
    struct str leaf;
    uint64_t size = 0;
    enum err_code code = read_leaf(notary, index, arena, &leaf, err);

    if (code == ERR_OK)
        code = get_note(notary, arena, &note, &size, err);
    if (code == ERR_OK && index >= size)
        code = err_set(err, ERR_UNAVAILABLE,
                       "no checkpoint covers this entry yet; try again in a moment");
    if (code == ERR_OK)
        code = hold_tiles(notary, &source, err);
    if (code != ERR_OK)
        return code;
    code = tree_prove(&source, index, size, &proof, err);
    pthread_rwlock_unlock(&notary->files);
    if (code != ERR_OK)
        return code;
    buf_init(&text, PROOF_BYTES);
    checkpoint_write_proof(index, leaf, &proof, note, &text);
    *ret_proof = text.failed ? STR_NONE : arena_dup(arena, buf_str(&text));
    return ret_proof->ptr == NULL ? err_set(err, ERR_LIMIT, "memory is out") : ERR_OK;
}

enum err_code notary_prove_growth(struct notary *notary, uint64_t old_size,
                                  struct tree_proof *ret_proof, struct err *err)
{
    struct notary_state state;
    struct tree_source source;
    enum err_code code = hold_tiles(notary, &source, err);

    if (code != ERR_OK)
        return code;
    notary_get_state(notary, &state);
    code = tree_prove_growth(&source, old_size, state.size, ret_proof, err);
    pthread_rwlock_unlock(&notary->files);
    return code;
}
