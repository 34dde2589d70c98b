#include <stdlib.h>
#include <string.h>

#include "audit/indexer_priv.h"

static uint32_t find_name(void *ctx, struct str name)
{
    const struct indexer *indexer = ctx;
    return book_find_name(indexer->book, name);
}

static bool may_hold(const struct book_partition *partition, const struct partition_query *query)
{
    return partition->rows > 0 && partition->max_time_us >= query->filter->since_us &&
           partition->min_time_us < query->filter->until_us && partition->last_row > query->after &&
           partition->first_row < query->before;
}

static enum err_code find_rows(struct indexer *indexer, struct partition_query *query,
                               struct index_hit *hits, size_t max, size_t *count, struct err *err)
{
    struct book_partition *items = NULL;
    size_t partitions = 0;
    if (!book_partitions(indexer->book, &items, &partitions))
        return err_set(err, ERR_INTERNAL, "memory is out");
    enum err_code code = ERR_OK;
    for (size_t i = 0; i < partitions && *count < max && code == ERR_OK; i++) {
        const struct book_partition *item = &items[query->oldest_first ? i : partitions - 1 - i];
        query->is_sealed = item->is_sealed;
        if (may_hold(item, query))
            code = partition_find(indexer->dir, item->number, query, hits, max, count, err);
    }
    free(items);
    return code;
}

/* A call that was settled between the two looks stands in both: the settled row counts. */
static size_t drop_settled(struct index_hit *open, size_t open_count, const struct index_hit *rows,
                           size_t row_count)
{
    size_t kept = 0;
    for (size_t i = 0; i < open_count; i++) {
        bool is_settled = false;
        for (size_t j = 0; j < row_count && !is_settled; j++)
            is_settled = rows[j].intent_segment == open[i].intent_segment &&
                         rows[j].intent_offset == open[i].intent_offset;
        if (!is_settled)
            open[kept++] = open[i];
    }
    return kept;
}

static enum err_code find(struct indexer *indexer, const struct audit_filter *filter,
                          struct index_hit *hits, size_t *ret_count, struct err *err)
{
    struct row_filter want;
    size_t max = (size_t)filter->limit + 1;
    uint64_t before = filter->before == 0 || filter->oldest_first ? UINT64_MAX : filter->before;
    if (indexer->book == NULL)
        return err_set(err, ERR_UNAVAILABLE, "the search index is not ready");
    row_filter_make(filter, indexer->config.keyring, find_name, indexer, &want);
    *ret_count = 0;
    if (want.is_hopeless)
        return ERR_OK;
    size_t open =
        filter->oldest_first ? 0 : pending_find(indexer->pending, &want, before, hits, max);
    size_t count = open;
    struct partition_query query = {.filter = &want,
                                    .after = filter->oldest_first ? filter->before : 0,
                                    .before = before,
                                    .oldest_first = filter->oldest_first};
    enum err_code code = ERR_OK;
    if (!want.is_open_only)
        code = find_rows(indexer, &query, hits, max, &count, err);
    if (code != ERR_OK)
        return code;
    size_t kept = drop_settled(hits, open, hits + open, count - open);
    memmove(hits + kept, hits + open, (count - open) * sizeof *hits);
    *ret_count = count - (open - kept);
    return ERR_OK;
}

enum err_code indexer_find(struct indexer *indexer, const struct audit_filter *filter,
                           struct index_hit *hits, size_t *ret_count, struct err *err)
{
    pthread_rwlock_rdlock(&indexer->files);
    enum err_code code = find(indexer, filter, hits, ret_count, err);
    pthread_rwlock_unlock(&indexer->files);
    return code;
}
