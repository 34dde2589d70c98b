#include "audit/indexer_priv.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "audit/wire.h"
#include "base/arena.h"
#include "base/file.h"

#define RECORD_CEILING ((size_t)32 << 20)

static uint32_t give_name(void *ctx, struct str name)
{
    const struct indexer *indexer = ctx;
    return book_name(indexer->book, name);
}

void indexer_forget(struct indexer *indexer)
{
    partition_close(MOVE(indexer->partition));
    pthread_rwlock_wrlock(&indexer->files);
    row_maker_free(MOVE(indexer->maker));
    reader_free(MOVE(indexer->reader));
    book_close(MOVE(indexer->book));
    pending_free(MOVE(indexer->pending));
    pthread_rwlock_unlock(&indexer->files);
}

static bool is_known(struct book *book, uint64_t number)
{
    struct book_partition *items = NULL;
    size_t count = 0;
    bool is_found = !book_partitions(book, &items, &count);
    for (size_t i = 0; i < count && !is_found; i++)
        is_found = items[i].number == number;
    free(items);
    return is_found;
}

/* What an unclean stop left of an open partition. */
static void remove_strays(const struct indexer *indexer)
{
    DIR *dir = opendir(indexer->dir);
    const struct dirent *item;
    while (dir != NULL && (item = readdir(dir)) != NULL) {
        struct str name = str_c(item->d_name);
        if (!str_starts(name, STR("rows-")) || !str_ends(name, STR(".db")))
            continue;
        uint64_t number = strtoull(name.ptr + 5, NULL, 10);
        if (!is_known(indexer->book, number))
            partition_remove(indexer->dir, number);
    }
    if (dir != NULL)
        closedir(dir);
}

static enum err_code restore_pending(struct indexer *indexer, struct str places, struct err *err)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(RECORD_CEILING);
    if (arena == NULL)
        return err_set(err, ERR_INTERNAL, "memory is out");
    for (; places.len >= 16; places = str_from(places, 16)) {
        struct leaf_view view;
        struct row row;
        const struct row_place place = {wire_u64((const uint8_t *)places.ptr),
                                        wire_u64((const uint8_t *)places.ptr + 8)};
        arena_reset(arena);
        enum err_code code =
            reader_at(indexer->reader, place.segment, place.offset, arena, &view, err);
        if (code != ERR_OK)
            return code;
        row_make(indexer->maker, &view, &row);
        row.intent = place;
        if (!pending_add(indexer->pending, &row, view.index, view.attempt))
            return err_set(err, ERR_INTERNAL, "memory is out");
    }
    return ERR_OK;
}

/* Goes on where the last partition ended, or inside it after a clean stop. */
static enum err_code find_start(struct indexer *indexer, struct err *err)
{
    struct book_partition last;
    struct book_mark mark;
    indexer->open = (struct book_partition){.number = 1};
    indexer->next_index = 0;
    if (!book_last(indexer->book, &last, &mark))
        return ERR_OK;
    if (mark.pos.index > segments_get_end(indexer->config.segments).index)
        return book_clear(indexer->book, err);
    enum err_code code = restore_pending(indexer, mark.pending, err);
    if (code != ERR_OK)
        return code;
    reader_seek(indexer->reader, &mark.pos);
    indexer->next_index = mark.pos.index;
    indexer->open.number = last.number + 1;
    if (last.is_sealed)
        return ERR_OK;
    indexer->open = last;
    return book_reopen(indexer->book, last.number, err);
}

static void remove_book(const struct indexer *indexer)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    char path[4096];
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        snprintf(path, sizeof path, "%s/book.db%s", indexer->dir, suffixes[i]);
        unlink(path);
    }
}

static enum err_code open_parts(struct indexer *indexer, struct err *err)
{
    struct segment last;
    static const struct journal_pos start;
    if (!segments_last(indexer->config.segments, &last))
        return err_set(err, ERR_INTERNAL, "search index: there is no journal");
    if (file_make_dir(indexer->dir, err) != ERR_OK)
        return err_wrap(err, "search index");
    enum err_code code = book_open(indexer->dir, last.head.log_id, &indexer->book, err);
    /* All of it can be made again: the next turn begins with an empty one. */
    if (code == ERR_CORRUPT)
        remove_book(indexer);
    if (code != ERR_OK)
        return code;
    indexer->pending = pending_new();
    indexer->reader = reader_new(indexer->config.segments);
    indexer->maker =
        row_maker_new(indexer->config.keyring, indexer->config.data_keys, give_name, indexer);
    if (indexer->pending == NULL || indexer->reader == NULL || indexer->maker == NULL)
        return err_set(err, ERR_INTERNAL, "memory is out");
    remove_strays(indexer);
    reader_seek(indexer->reader, &start);
    code = find_start(indexer, err);
    if (code == ERR_OK)
        code = partition_open(indexer->dir, indexer->open.number, &indexer->partition, err);
    return code;
}

enum err_code indexer_begin(struct indexer *indexer, struct err *err)
{
    pthread_rwlock_wrlock(&indexer->files);
    enum err_code code = open_parts(indexer, err);
    pthread_rwlock_unlock(&indexer->files);
    if (code == ERR_OK)
        return ERR_OK;
    indexer_forget(indexer);
    return code;
}
