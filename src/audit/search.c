#include "audit/search.h"

#include <stdlib.h>
#include <string.h>

#include "audit/audit_priv.h"
#include "audit/field.h"
#include "audit/indexer.h"
#include "audit/reader.h"

#define DEFAULT_LIMIT 100
#define CATCH_UP_MS   1000
#define CALL_SLACK_US INT64_C(600000000) /* between a call id's time and its intent */

/* What reading entries needs. */
struct search {
    struct audit *audit;
    struct reader *reader;
    struct arena *arena; /* of the caller: results */
    bool with_arguments;
};

static enum err_code too_much(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the entries do not fit into memory: ask for fewer");
}

/* ---- one record ---- */

typedef bool open_block_fn(const struct leaf_view *view, const struct data_key *key, uint8_t *out,
                           struct str *ret_plain);

/* ERR_OK even when the block can't be read: *ret_state says why. */
static enum err_code open_block(const struct search *search, const struct leaf_view *view,
                                struct str sealed, open_block_fn *open, enum audit_block *ret_state,
                                struct str *ret_plain, struct err *err)
{
    const struct data_key *key;
    enum err_code code = data_keys_by_id(search->audit->data_keys, view->key_id, &key, err);
    if (code == ERR_NOT_FOUND) {
        *ret_state = AUDIT_BLOCK_ERASED;
        return ERR_OK;
    }
    if (code != ERR_OK)
        return code;
    uint8_t *out = arena_alloc(search->arena, sealed.len);
    if (out == NULL)
        return too_much(err);
    *ret_state = open(view, key, out, ret_plain) ? AUDIT_BLOCK_READ : AUDIT_BLOCK_DAMAGED;
    return ERR_OK;
}

static enum err_code decode_blocks(const struct search *search, const struct leaf_view *view,
                                   struct audit_record *record, struct field_cuts *cuts,
                                   struct err *err)
{
    struct str list = STR_NONE;
    enum err_code code = ERR_OK;
    record->identity = view->identity.len == 0 ? AUDIT_BLOCK_NONE : AUDIT_BLOCK_CLOSED;
    record->arguments = view->arguments.len == 0 ? AUDIT_BLOCK_NONE : AUDIT_BLOCK_CLOSED;
    if (record->identity == AUDIT_BLOCK_CLOSED)
        code = open_block(search, view, view->identity, leaf_open_identity, &record->identity,
                          &list, err);
    if (code == ERR_OK && record->arguments == AUDIT_BLOCK_CLOSED && search->with_arguments)
        code = open_block(search, view, view->arguments, leaf_open_arguments, &record->arguments,
                          &record->entry.arguments, err);
    if (code != ERR_OK)
        return code;
    return field_read(list, &record->entry, cuts, search->arena) ? ERR_OK : too_much(err);
}

static enum err_code keep_cuts(const struct search *search, const struct field_cuts *cuts,
                               struct audit_record *record, struct err *err)
{
    if (cuts->count == 0)
        return ERR_OK;
    struct audit_cut *items = arena_calloc(search->arena, cuts->count, sizeof *items);
    if (items == NULL)
        return too_much(err);
    memcpy(items, cuts->items, cuts->count * sizeof *items);
    record->cuts = items;
    record->cut_count = cuts->count;
    return ERR_OK;
}

/* view's bytes live in the arena. */
static enum err_code decode(const struct search *search, const struct leaf_view *view,
                            struct audit_record *ret_record, struct err *err)
{
    struct field_cuts cuts = {.count = 0};
    struct audit_record record = {
        .index = view->index,
        .row = view->index + 1,
        .commit_us = view->committed_us,
        .key_id = view->key_id,
        .entry = {.kind = view->kind,
                  .call_id = view->call_id,
                  .attempt = view->attempt,
                  .time_us = view->time_us,
                  .mono_us = view->mono_us},
    };
    memcpy(record.leaf_hash, view->hash, sizeof record.leaf_hash);
    memcpy(record.log_id, view->leaf.ptr + LEAF_LOG_AT, sizeof record.log_id);
    if (!field_read(view->clear, &record.entry, &cuts, search->arena))
        return too_much(err);
    enum err_code code = decode_blocks(search, view, &record, &cuts, err);
    if (code == ERR_OK)
        code = keep_cuts(search, &cuts, &record, err);
    if (code == ERR_OK)
        *ret_record = record;
    return code;
}

static enum err_code read_at(const struct search *search, uint64_t segment, uint64_t offset,
                             struct audit_record *ret_record, struct err *err)
{
    struct leaf_view view;
    enum err_code code = reader_at(search->reader, segment, offset, search->arena, &view, err);
    return code == ERR_OK ? decode(search, &view, ret_record, err) : code;
}

/* The intent with its outcome behind it, or the single entry. */
static enum err_code read_hit(const struct search *search, const struct index_hit *hit,
                              struct audit_record *ret_record, struct err *err)
{
    if (hit->intent_segment == 0)
        return read_at(search, hit->settled_segment, hit->settled_offset, ret_record, err);
    struct audit_record record;
    enum err_code code = read_at(search, hit->intent_segment, hit->intent_offset, &record, err);
    if (code != ERR_OK)
        return code;
    record.row = hit->row;
    if (hit->settled_segment != 0) {
        struct audit_record *outcome = arena_new_obj(search->arena, struct audit_record);
        if (outcome == NULL)
            return too_much(err);
        code = read_at(search, hit->settled_segment, hit->settled_offset, outcome, err);
        record.outcome = outcome;
    }
    if (code == ERR_OK)
        *ret_record = record;
    return code;
}

/* ---- searching ---- */

/* What was handed over before this moment is found. */
static uint64_t catch_up(struct audit *audit)
{
    struct indexer_state state;
    writer_sync(audit, CATCH_UP_MS);
    uint64_t end = segments_get_end(audit->segments).index;
    indexer_catch_up(audit->indexer, end, CATCH_UP_MS);
    indexer_get_state(audit->indexer, &state);
    return end > state.indexed ? end - state.indexed : 0;
}

static void hits_free(struct index_hit **hits)
{
    free(*hits);
}

static enum err_code find(struct audit *audit, const struct audit_filter *filter,
                          struct index_hit **ret_hits, size_t *ret_count, struct err *err)
{
    struct index_hit *hits = calloc((size_t)filter->limit + 1, sizeof *hits);
    if (hits == NULL)
        return err_set(err, ERR_INTERNAL, "memory is out");
    enum err_code code = indexer_find(audit->indexer, filter, hits, ret_count, err);
    if (code != ERR_OK) {
        free(hits);
        return code;
    }
    *ret_hits = hits;
    return ERR_OK;
}

static enum err_code check_index(const struct audit *audit, struct err *err)
{
    if (audit->indexer == NULL)
        return err_set(err, ERR_UNAVAILABLE, "this log has no search index");
    return ERR_OK;
}

enum err_code audit_search(struct audit *audit, const struct audit_filter *filter,
                           struct arena *arena, struct audit_page *ret_page, struct err *err)
{
    CLEANUP(reader_freep) struct reader *reader = reader_new(audit->segments);
    CLEANUP(hits_free) struct index_hit *hits = NULL;
    struct search search = {audit, reader, arena, filter->with_arguments};
    struct audit_filter want = *filter;
    size_t count = 0;

    if (reader == NULL)
        return err_set(err, ERR_INTERNAL, "memory is out");
    if (check_index(audit, err) != ERR_OK)
        return err_wrap(err, "search");
    want.limit = want.limit == 0 ? DEFAULT_LIMIT : want.limit;
    want.limit = want.limit > AUDIT_SEARCH_MAX ? AUDIT_SEARCH_MAX : want.limit;
    uint64_t lag = catch_up(audit);
    enum err_code code = find(audit, &want, &hits, &count, err);
    if (code != ERR_OK)
        return code;
    size_t shown = count > want.limit ? want.limit : count;
    struct audit_record *records = arena_calloc(arena, shown + 1, sizeof *records);
    if (records == NULL)
        return too_much(err);
    for (size_t i = 0; i < shown && code == ERR_OK; i++)
        code = read_hit(&search, &hits[i], &records[i], err);
    if (code == ERR_OK)
        *ret_page = (struct audit_page){records, shown, count > shown, lag};
    return code;
}

/* ---- one call ---- */

/* The time in a version 7 id; 0: another version. */
static int64_t call_time(const struct uuid *call_id)
{
    int64_t ms = 0;
    if (call_id->bytes[6] >> 4 != 7)
        return 0;
    for (int i = 0; i < 6; i++)
        ms = ms << 8 | call_id->bytes[i];
    return ms * 1000;
}

/* Call ids begin with their time, so one or two partitions are enough for nearly all. */
static enum err_code find_call(struct audit *audit, const struct uuid *call_id,
                               struct index_hit **ret_hits, size_t *ret_count, struct err *err)
{
    int64_t time_us = call_time(call_id);
    struct audit_filter filter = {.call_id = call_id, .limit = AUDIT_SEARCH_MAX};
    if (time_us != 0) {
        filter.since_us = time_us - CALL_SLACK_US;
        filter.until_us = time_us + CALL_SLACK_US;
    }
    enum err_code code = find(audit, &filter, ret_hits, ret_count, err);
    if (code != ERR_OK || *ret_count > 0 || time_us == 0)
        return code;
    free(MOVE(*ret_hits));
    filter.since_us = 0;
    filter.until_us = 0;
    return find(audit, &filter, ret_hits, ret_count, err);
}

static int by_index(const void *a, const void *b)
{
    const struct audit_record *left = a;
    const struct audit_record *right = b;
    return (left->index > right->index) - (left->index < right->index);
}

/* Both entries of each hit, one by one. */
static enum err_code read_apart(const struct search *search, const struct index_hit *hits,
                                size_t count, struct audit_record *records, size_t *ret_count,
                                struct err *err)
{
    size_t read = 0;
    enum err_code code = ERR_OK;
    for (size_t i = 0; i < count && code == ERR_OK; i++) {
        if (hits[i].intent_segment != 0)
            code = read_at(search, hits[i].intent_segment, hits[i].intent_offset, &records[read++],
                           err);
        if (code == ERR_OK && hits[i].settled_segment != 0)
            code = read_at(search, hits[i].settled_segment, hits[i].settled_offset,
                           &records[read++], err);
    }
    qsort(records, read, sizeof *records, by_index);
    *ret_count = read;
    return code;
}

enum err_code audit_show_call(struct audit *audit, const struct uuid *call_id, bool with_arguments,
                              struct arena *arena, struct audit_page *ret_page, struct err *err)
{
    CLEANUP(reader_freep) struct reader *reader = reader_new(audit->segments);
    CLEANUP(hits_free) struct index_hit *hits = NULL;
    struct search search = {audit, reader, arena, with_arguments};
    size_t count = 0;

    if (reader == NULL)
        return err_set(err, ERR_INTERNAL, "memory is out");
    if (check_index(audit, err) != ERR_OK)
        return err_wrap(err, "show a call");
    uint64_t lag = catch_up(audit);
    enum err_code code = find_call(audit, call_id, &hits, &count, err);
    if (code != ERR_OK)
        return code;
    if (count == 0)
        return err_set(err, ERR_NOT_FOUND, "the audit log has no such call");
    struct audit_record *records = arena_calloc(arena, 2 * count, sizeof *records);
    if (records == NULL)
        return too_much(err);
    code = read_apart(&search, hits, count, records, &count, err);
    if (code == ERR_OK)
        *ret_page = (struct audit_page){records, count, false, lag};
    return code;
}

/* ---- by index ---- */

static enum err_code add_outcome(const struct search *search, struct audit_record *record,
                                 struct err *err)
{
    CLEANUP(hits_free) struct index_hit *hits = NULL;
    size_t count = 0;
    if (search->audit->indexer == NULL || record->entry.kind != AUDIT_INTENT)
        return ERR_OK;
    catch_up(search->audit);
    enum err_code code = find_call(search->audit, &record->entry.call_id, &hits, &count, err);
    for (size_t i = 0; i < count && code == ERR_OK; i++) {
        struct audit_record joined;
        code = read_hit(search, &hits[i], &joined, err);
        if (code == ERR_OK && joined.index == record->index)
            *record = joined;
    }
    return code;
}

enum err_code audit_show_index(struct audit *audit, uint64_t index, bool with_arguments,
                               struct arena *arena, struct audit_record *ret_record,
                               struct err *err)
{
    CLEANUP(reader_freep) struct reader *walker = reader_new(audit->segments);
    CLEANUP(reader_freep) struct reader *reader = reader_new(audit->segments);
    struct search search = {audit, reader, arena, with_arguments};
    struct reader_record lent;
    struct audit_record record;
    bool more = false;

    if (reader == NULL || walker == NULL)
        return err_set(err, ERR_INTERNAL, "memory is out");
    writer_sync(audit, CATCH_UP_MS);
    enum err_code code = reader_seek_index(walker, index, err);
    if (code == ERR_OK)
        code = reader_next(walker, &lent, &more, err);
    if (code == ERR_OK && !more)
        return err_set(err, ERR_NOT_FOUND, "the audit log has no entry %llu yet",
                       (unsigned long long)index);
    if (code == ERR_OK)
        code = read_at(&search, lent.segment, lent.offset, &record, err);
    if (code == ERR_OK)
        code = add_outcome(&search, &record, err);
    if (code == ERR_OK)
        *ret_record = record;
    return code;
}

enum err_code audit_tail(struct audit *audit, uint64_t from, uint32_t limit, bool with_arguments,
                         struct arena *arena, struct audit_page *ret_page, struct err *err)
{
    CLEANUP(reader_freep) struct reader *walker = reader_new(audit->segments);
    CLEANUP(reader_freep) struct reader *reader = reader_new(audit->segments);
    struct search search = {audit, reader, arena, with_arguments};
    size_t count = 0;
    bool more = true;

    if (reader == NULL || walker == NULL)
        return err_set(err, ERR_INTERNAL, "memory is out");
    limit = limit == 0 ? DEFAULT_LIMIT : limit > AUDIT_SEARCH_MAX ? AUDIT_SEARCH_MAX : limit;
    struct audit_record *records = arena_calloc(arena, limit, sizeof *records);
    if (records == NULL)
        return too_much(err);
    writer_sync(audit, CATCH_UP_MS);
    enum err_code code = reader_seek_index(walker, from, err);
    while (code == ERR_OK && more && count < limit) {
        struct reader_record lent;
        code = reader_next(walker, &lent, &more, err);
        if (code == ERR_OK && more)
            code = read_at(&search, lent.segment, lent.offset, &records[count++], err);
    }
    if (code == ERR_OK)
        *ret_page = (struct audit_page){records, count,
                                        segments_get_end(audit->segments).index > from + count, 0};
    return code;
}

void audit_reindex(struct audit *audit)
{
    if (audit->indexer != NULL)
        indexer_rebuild(audit->indexer);
}
