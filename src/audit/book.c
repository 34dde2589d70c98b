#include "audit/book.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "audit/partition.h"
#include "base/table.h"

#define BOOK_FORMAT 1
#define NAMES_MAX   1000000

struct book {
    char *dir;
    sqlite3 *db;
    bool in_transaction;
    pthread_mutex_t lock; /* names, partitions */
    struct table *names;  /* to their numbers, as pointers */
    uint32_t last_name;
    struct book_partition *partitions;
    size_t count;
    size_t size;
    bool has_open; /* the last of partitions is the open one, set by book_set_open() */
    struct book_mark mark;
    char *pending; /* bytes of mark.pending */
};

static enum err_code sql_err(const struct book *book, const char *what, struct err *err)
{
    int rc = sqlite3_errcode(book->db) & 0xff;
    return err_set(err, rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB ? ERR_CORRUPT : ERR_IO,
                   "search index: %s: %s", what, sqlite3_errmsg(book->db));
}

static void finalizep(sqlite3_stmt **stmt)
{
    sqlite3_finalize(*stmt);
}

static enum err_code exec(struct book *book, const char *sql, struct err *err)
{
    if (sqlite3_exec(book->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return sql_err(book, "book", err);
    return ERR_OK;
}

static enum err_code prepare(struct book *book, const char *sql, sqlite3_stmt **ret_stmt,
                             struct err *err)
{
    if (sqlite3_prepare_v2(book->db, sql, -1, ret_stmt, NULL) != SQLITE_OK)
        return sql_err(book, "book", err);
    return ERR_OK;
}

static struct str column_bytes(sqlite3_stmt *stmt, int column)
{
    const char *ptr = sqlite3_column_blob(stmt, column);
    return str_of(ptr, ptr == NULL ? 0 : (size_t)sqlite3_column_bytes(stmt, column));
}

/* ---- names ---- */

static bool remember_name(struct book *book, struct str name, uint32_t number)
{
    return table_put(book->names, name, (void *)(uintptr_t)number, NULL);
}

uint32_t book_find_name(struct book *book, struct str name)
{
    pthread_mutex_lock(&book->lock);
    uint32_t number = (uint32_t)(uintptr_t)table_get(book->names, name);
    pthread_mutex_unlock(&book->lock);
    return number;
}

static bool write_name(struct book *book, struct str name, uint32_t number)
{
    CLEANUP(finalizep) sqlite3_stmt *stmt = NULL;
    if (!book->in_transaction && exec(book, "BEGIN", NULL) != ERR_OK)
        return false;
    book->in_transaction = true;
    if (prepare(book, "INSERT INTO name (number, bytes) VALUES (?1, ?2)", &stmt, NULL) != ERR_OK)
        return false;
    sqlite3_bind_int64(stmt, 1, number);
    sqlite3_bind_blob(stmt, 2, name.ptr, (int)name.len, SQLITE_STATIC);
    return sqlite3_step(stmt) == SQLITE_DONE;
}

uint32_t book_name(struct book *book, struct str name)
{
    if (name.len == 0)
        return 0;
    uint32_t number = book_find_name(book, name);
    if (number != 0 || book->last_name == NAMES_MAX)
        return number;
    number = book->last_name + 1;
    if (!write_name(book, name, number))
        return 0;
    pthread_mutex_lock(&book->lock);
    bool is_kept = remember_name(book, name, number);
    pthread_mutex_unlock(&book->lock);
    book->last_name = number;
    return is_kept ? number : 0;
}

enum err_code book_sync(struct book *book, struct err *err)
{
    if (!book->in_transaction)
        return ERR_OK;
    book->in_transaction = false;
    return exec(book, "COMMIT", err);
}

/* ---- partitions ---- */

/* Under the lock. */
static bool push(struct book *book, const struct book_partition *partition)
{
    if (book->count == book->size) {
        size_t size = book->size == 0 ? 16 : book->size * 2;
        struct book_partition *items = reallocarray(book->partitions, size, sizeof *items);
        if (items == NULL)
            return false;
        book->partitions = items;
        book->size = size;
    }
    book->partitions[book->count++] = *partition;
    return true;
}

bool book_partitions(struct book *book, struct book_partition **ret_items, size_t *ret_count)
{
    pthread_mutex_lock(&book->lock);
    struct book_partition *items = calloc(book->count + 1, sizeof *items);
    if (items != NULL && book->count > 0)
        memcpy(items, book->partitions, book->count * sizeof *items);
    *ret_count = book->count;
    pthread_mutex_unlock(&book->lock);
    *ret_items = items;
    return items != NULL;
}

void book_set_open(struct book *book, const struct book_partition *partition)
{
    pthread_mutex_lock(&book->lock);
    if (book->has_open)
        book->count--;
    book->has_open = push(book, partition);
    pthread_mutex_unlock(&book->lock);
}

static bool keep_mark(struct book *book, const struct book_mark *mark)
{
    char *pending = malloc(mark->pending.len + 1);
    if (pending == NULL)
        return false;
    if (mark->pending.len > 0)
        memcpy(pending, mark->pending.ptr, mark->pending.len);
    free(book->pending);
    book->pending = pending;
    book->mark.pos = mark->pos;
    book->mark.pending = str_of(pending, mark->pending.len);
    return true;
}

static enum err_code write_partition(struct book *book, const struct book_partition *partition,
                                     const struct book_mark *mark, struct err *err)
{
    CLEANUP(finalizep) sqlite3_stmt *stmt = NULL;
    enum err_code code = prepare(book,
                                 "INSERT OR REPLACE INTO partition VALUES (?1, ?2, ?3, ?4, ?5, ?6,"
                                 " ?7, ?8, ?9, ?10, ?11)",
                                 &stmt, err);
    if (code != ERR_OK)
        return code;
    const int64_t numbers[] = {
        (int64_t)partition->number,   (int64_t)partition->rows,   (int64_t)partition->first_row,
        (int64_t)partition->last_row, partition->min_time_us,     partition->max_time_us,
        partition->is_sealed,         (int64_t)mark->pos.segment, (int64_t)mark->pos.offset,
        (int64_t)mark->pos.index,
    };
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        sqlite3_bind_int64(stmt, (int)i + 1, numbers[i]);
    sqlite3_bind_blob(stmt, 11, mark->pending.ptr, (int)mark->pending.len, SQLITE_STATIC);
    return sqlite3_step(stmt) == SQLITE_DONE ? ERR_OK : sql_err(book, "book", err);
}

enum err_code book_enter(struct book *book, const struct book_partition *partition,
                         const struct book_mark *mark, struct err *err)
{
    enum err_code code = book_sync(book, err);
    if (code == ERR_OK)
        code = write_partition(book, partition, mark, err);
    if (code != ERR_OK)
        return code;
    pthread_mutex_lock(&book->lock);
    if (book->has_open)
        book->count--;
    bool is_kept = push(book, partition) && keep_mark(book, mark);
    book->has_open = false;
    pthread_mutex_unlock(&book->lock);
    return is_kept ? ERR_OK : err_set(err, ERR_INTERNAL, "memory is out");
}

enum err_code book_reopen(struct book *book, uint64_t number, struct err *err)
{
    char sql[80];
    snprintf(sql, sizeof sql, "DELETE FROM partition WHERE number = %" PRIu64, number);
    enum err_code code = exec(book, sql, err);
    if (code != ERR_OK)
        return code;
    pthread_mutex_lock(&book->lock);
    book->has_open = true;
    pthread_mutex_unlock(&book->lock);
    return ERR_OK;
}

bool book_last(struct book *book, struct book_partition *ret_partition, struct book_mark *ret_mark)
{
    pthread_mutex_lock(&book->lock);
    size_t count = book->count - (book->has_open ? 1 : 0);
    if (count > 0) {
        *ret_partition = book->partitions[count - 1];
        *ret_mark = book->mark;
    }
    pthread_mutex_unlock(&book->lock);
    return count > 0;
}

enum err_code book_clear(struct book *book, struct err *err)
{
    enum err_code code = book_sync(book, err);
    if (code == ERR_OK)
        code = exec(book, "DELETE FROM partition; DELETE FROM name;", err);
    if (code != ERR_OK)
        return code;
    struct table *names = table_new();
    if (names == NULL)
        return err_set(err, ERR_INTERNAL, "memory is out");
    pthread_mutex_lock(&book->lock);
    for (size_t i = 0; i < book->count; i++)
        partition_remove(book->dir, book->partitions[i].number);
    table_free(book->names);
    book->names = names;
    book->last_name = 0;
    book->count = 0;
    book->has_open = false;
    pthread_mutex_unlock(&book->lock);
    return ERR_OK;
}

/* ---- opening ---- */

static const char setup[] =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -256;"
    "PRAGMA locking_mode = EXCLUSIVE;"
    "CREATE TABLE IF NOT EXISTS log (id BLOB NOT NULL, format INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS name (number INTEGER PRIMARY KEY, bytes BLOB NOT NULL);"
    "CREATE TABLE IF NOT EXISTS partition (number INTEGER PRIMARY KEY, rows INTEGER,"
    " first_row INTEGER, last_row INTEGER, min_time INTEGER, max_time INTEGER,"
    " is_sealed INTEGER, segment INTEGER, offset INTEGER, next INTEGER, pending BLOB);";

static enum err_code load_names(struct book *book, struct err *err)
{
    CLEANUP(finalizep) sqlite3_stmt *stmt = NULL;
    enum err_code code = prepare(book, "SELECT number, bytes FROM name", &stmt, err);
    if (code != ERR_OK)
        return code;
    int rc;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        uint32_t number = (uint32_t)sqlite3_column_int64(stmt, 0);
        if (!remember_name(book, column_bytes(stmt, 1), number))
            return err_set(err, ERR_INTERNAL, "memory is out");
        if (number > book->last_name)
            book->last_name = number;
    }
    return rc == SQLITE_DONE ? ERR_OK : sql_err(book, "book", err);
}

static enum err_code load_partitions(struct book *book, struct err *err)
{
    CLEANUP(finalizep) sqlite3_stmt *stmt = NULL;
    enum err_code code = prepare(book, "SELECT * FROM partition ORDER BY number", &stmt, err);
    if (code != ERR_OK)
        return code;
    int rc;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        const struct book_partition partition = {
            .number = (uint64_t)sqlite3_column_int64(stmt, 0),
            .rows = (uint64_t)sqlite3_column_int64(stmt, 1),
            .first_row = (uint64_t)sqlite3_column_int64(stmt, 2),
            .last_row = (uint64_t)sqlite3_column_int64(stmt, 3),
            .min_time_us = sqlite3_column_int64(stmt, 4),
            .max_time_us = sqlite3_column_int64(stmt, 5),
            .is_sealed = sqlite3_column_int64(stmt, 6) != 0,
        };
        const struct book_mark mark = {
            .pos = {(uint64_t)sqlite3_column_int64(stmt, 7),
                    (uint64_t)sqlite3_column_int64(stmt, 8),
                    (uint64_t)sqlite3_column_int64(stmt, 9)},
            .pending = column_bytes(stmt, 10),
        };
        if (!push(book, &partition) || !keep_mark(book, &mark))
            return err_set(err, ERR_INTERNAL, "memory is out");
    }
    return rc == SQLITE_DONE ? ERR_OK : sql_err(book, "book", err);
}

/* Does the book belong to this log, and is it of this format? */
static enum err_code check_log(struct book *book, const uint8_t log_id[16], bool *ret_fits,
                               struct err *err)
{
    CLEANUP(finalizep) sqlite3_stmt *stmt = NULL;
    enum err_code code = prepare(book, "SELECT id, format FROM log", &stmt, err);
    if (code != ERR_OK)
        return code;
    int rc = sqlite3_step(stmt);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return sql_err(book, "book", err);
    *ret_fits = rc == SQLITE_ROW && sqlite3_column_int64(stmt, 1) == BOOK_FORMAT &&
                str_eq(column_bytes(stmt, 0), str_of((const char *)log_id, 16));
    return ERR_OK;
}

static enum err_code take_over(struct book *book, const uint8_t log_id[16], struct err *err)
{
    CLEANUP(finalizep) sqlite3_stmt *stmt = NULL;
    enum err_code code = book_clear(book, err);
    if (code == ERR_OK)
        code = exec(book, "DELETE FROM log", err);
    if (code == ERR_OK)
        code = prepare(book, "INSERT INTO log (id, format) VALUES (?1, ?2)", &stmt, err);
    if (code != ERR_OK)
        return code;
    sqlite3_bind_blob(stmt, 1, log_id, 16, SQLITE_STATIC);
    sqlite3_bind_int(stmt, 2, BOOK_FORMAT);
    return sqlite3_step(stmt) == SQLITE_DONE ? ERR_OK : sql_err(book, "book", err);
}

static enum err_code load(struct book *book, const uint8_t log_id[16], struct err *err)
{
    char path[4096];
    bool fits = false;
    snprintf(path, sizeof path, "%s/book.db", book->dir);
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(path, &book->db, flags, NULL) != SQLITE_OK)
        return sql_err(book, path, err);
    enum err_code code = exec(book, setup, err);
    if (code == ERR_OK)
        code = check_log(book, log_id, &fits, err);
    if (code == ERR_OK)
        code = load_partitions(book, err);
    if (code == ERR_OK && !fits)
        return take_over(book, log_id, err);
    return code == ERR_OK ? load_names(book, err) : code;
}

void book_close(struct book *book)
{
    if (book == NULL)
        return;
    sqlite3_close(book->db);
    table_free(book->names);
    pthread_mutex_destroy(&book->lock);
    free(book->partitions);
    free(book->pending);
    free(book->dir);
    free(book);
}

static void book_closep(struct book **book)
{
    book_close(*book);
    *book = NULL;
}

enum err_code book_open(const char *dir, const uint8_t log_id[16], struct book **ret_book,
                        struct err *err)
{
    CLEANUP(book_closep) struct book *book = calloc(1, sizeof *book);
    if (book == NULL)
        return err_set(err, ERR_INTERNAL, "memory is out");
    pthread_mutex_init(&book->lock, NULL);
    book->dir = strdup(dir);
    book->names = table_new();
    if (book->dir == NULL || book->names == NULL)
        return err_set(err, ERR_INTERNAL, "memory is out");
    enum err_code code = load(book, log_id, err);
    if (code == ERR_OK)
        *ret_book = MOVE(book);
    return code;
}
