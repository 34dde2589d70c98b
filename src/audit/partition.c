#include "audit/partition.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "audit/marks.h"
#include "base/buf.h"

struct partition {
    sqlite3 *db;
    sqlite3_stmt *insert;
    bool in_transaction;
};

static enum err_code sql_err(sqlite3 *db, const char *what, struct err *err)
{
    return err_set(err, ERR_IO, "search index: %s: %s", what, sqlite3_errmsg(db));
}

void partition_path(const char *dir, uint64_t number, char path[4096])
{
    snprintf(path, 4096, "%s/rows-%08" PRIu64 ".db", dir, number);
}

void partition_remove(const char *dir, uint64_t number)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    char path[4096];
    char file[4096 + 16];
    partition_path(dir, number, path);
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        snprintf(file, sizeof file, "%s%s", path, suffixes[i]);
        unlink(file);
    }
}

/* ---- the writing side ---- */

/* Nothing is synced before sealing: an open partition is built again after a crash. */
static const char setup[] =
    "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;"
    "PRAGMA cache_size = -4096; PRAGMA temp_store = MEMORY;"
    "CREATE TABLE IF NOT EXISTS call (row INTEGER PRIMARY KEY, time INTEGER, facts INTEGER,"
    " server INTEGER, tool INTEGER, exposed INTEGER, method INTEGER, principal INTEGER,"
    " name INTEGER, email INTEGER, call_id BLOB, intent_segment INTEGER, intent_offset INTEGER,"
    " settled_segment INTEGER, settled_offset INTEGER);";

static const char insert_row[] =
    "INSERT OR REPLACE INTO call VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,"
    " ?14, ?15)";

static enum err_code exec(struct partition *partition, const char *sql, struct err *err)
{
    if (sqlite3_exec(partition->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return sql_err(partition->db, "write", err);
    return ERR_OK;
}

void partition_close(struct partition *partition)
{
    if (partition == NULL)
        return;
    sqlite3_finalize(partition->insert);
    sqlite3_close(partition->db);
    free(partition);
}

static void partition_closep(struct partition **partition)
{
    partition_close(*partition);
    *partition = NULL;
}

enum err_code partition_open(const char *dir, uint64_t number, struct partition **ret_partition,
                             struct err *err)
{
    CLEANUP(partition_closep) struct partition *partition = calloc(1, sizeof *partition);
    char path[4096];
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (partition == NULL)
        return err_set(err, ERR_INTERNAL, "memory is out");
    partition_path(dir, number, path);
    if (sqlite3_open_v2(path, &partition->db, flags, NULL) != SQLITE_OK)
        return sql_err(partition->db, path, err);
    sqlite3_busy_timeout(partition->db, 1000);
    if (exec(partition, setup, err) != ERR_OK)
        return err_wrap(err, "open");
    if (sqlite3_prepare_v3(partition->db, insert_row, -1, SQLITE_PREPARE_PERSISTENT,
                           &partition->insert, NULL) != SQLITE_OK)
        return sql_err(partition->db, "prepare", err);
    *ret_partition = MOVE(partition);
    return ERR_OK;
}

static void bind_row(sqlite3_stmt *stmt, const struct row *row)
{
    const int64_t numbers[] = {
        (int64_t)row->number, row->time_us, (int64_t)row->facts, row->server, row->tool,
        row->exposed,         row->method,  row->principal,      row->name,   row->email,
    };
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        sqlite3_bind_int64(stmt, (int)i + 1, numbers[i]);
    sqlite3_bind_blob(stmt, 11, row->call_id.bytes, UUID_BYTES, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 12, (int64_t)row->intent.segment);
    sqlite3_bind_int64(stmt, 13, (int64_t)row->intent.offset);
    sqlite3_bind_int64(stmt, 14, (int64_t)row->settled.segment);
    sqlite3_bind_int64(stmt, 15, (int64_t)row->settled.offset);
}

enum err_code partition_add(struct partition *partition, const struct row *row, struct err *err)
{
    if (!partition->in_transaction && exec(partition, "BEGIN", err) != ERR_OK)
        return err_wrap(err, "begin");
    partition->in_transaction = true;
    bind_row(partition->insert, row);
    int rc = sqlite3_step(partition->insert);
    sqlite3_reset(partition->insert);
    return rc == SQLITE_DONE ? ERR_OK : sql_err(partition->db, "add a row", err);
}

enum err_code partition_commit(struct partition *partition, struct err *err)
{
    if (!partition->in_transaction)
        return ERR_OK;
    partition->in_transaction = false;
    return exec(partition, "COMMIT", err);
}

enum err_code partition_index(struct partition *partition, struct err *err)
{
    return marks_build(partition->db, err);
}

enum err_code partition_settle(struct partition *partition, struct err *err)
{
    return exec(partition,
                "PRAGMA synchronous = FULL; PRAGMA wal_checkpoint(TRUNCATE);"
                "PRAGMA journal_mode = DELETE;",
                err);
}

/* ---- the reading side ---- */

static void closep(sqlite3 **db)
{
    sqlite3_close(*db);
}

static void finalizep(sqlite3_stmt **stmt)
{
    sqlite3_finalize(*stmt);
}

static void write_query(const struct partition_query *query, int64_t mark, struct buf *sql)
{
    const struct row_filter *filter = query->filter;
    const char *order = query->oldest_first ? "ASC" : "DESC";
    const char *number = mark != 0 ? "m.row" : "c.row";
    buf_add_c(sql, "SELECT c.row, c.intent_segment, c.intent_offset, c.settled_segment,"
                   " c.settled_offset FROM ");
    buf_add_c(sql, mark != 0 ? "mark m CROSS JOIN call c ON c.row = m.row WHERE m.value = ?9 AND "
                             : "call c WHERE ");
    buf_printf(sql, "%s > ?1 AND %s < ?2 AND c.time >= ?3 AND c.time < ?4", number, number);
    buf_add_c(sql, " AND (c.facts & ?5) = ?6");
    if (filter->kinds != 0)
        buf_printf(sql, " AND (%" PRIu32 " >> (c.facts & 255) & 1) = 1", filter->kinds);
    if (filter->server != 0)
        buf_printf(sql, " AND c.server = %" PRIu32, filter->server);
    if (filter->tool != 0)
        buf_printf(sql, " AND (c.tool = %" PRIu32 " OR c.exposed = %" PRIu32 ")", filter->tool,
                   filter->tool);
    if (filter->method != 0)
        buf_printf(sql, " AND c.method = %" PRIu32, filter->method);
    if (filter->who != 0)
        buf_add_c(sql, " AND (c.principal = ?7 OR c.name = ?7 OR c.email = ?7)");
    if (filter->call_id != NULL)
        buf_add_c(sql, " AND c.call_id = ?8");
    buf_printf(sql, " ORDER BY %s %s LIMIT ?10", number, order);
}

static void bind_query(sqlite3_stmt *stmt, const struct partition_query *query, int64_t mark,
                       size_t limit)
{
    const struct row_filter *filter = query->filter;
    uint64_t before = query->before > INT64_MAX ? INT64_MAX : query->before;
    sqlite3_bind_int64(stmt, 1, (int64_t)query->after);
    sqlite3_bind_int64(stmt, 2, (int64_t)before);
    sqlite3_bind_int64(stmt, 3, filter->since_us);
    sqlite3_bind_int64(stmt, 4, filter->until_us);
    sqlite3_bind_int64(stmt, 5, (int64_t)filter->facts_mask);
    sqlite3_bind_int64(stmt, 6, (int64_t)filter->facts);
    sqlite3_bind_int64(stmt, 7, filter->who);
    if (filter->call_id != NULL)
        sqlite3_bind_blob(stmt, 8, filter->call_id->bytes, UUID_BYTES, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 9, mark);
    sqlite3_bind_int64(stmt, 10, (int64_t)limit);
}

static enum err_code read_hits(sqlite3 *db, sqlite3_stmt *stmt, struct index_hit *hits, size_t max,
                               size_t *count, struct err *err)
{
    int rc = SQLITE_DONE;
    while (*count < max && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
        hits[(*count)++] = (struct index_hit){
            .row = (uint64_t)sqlite3_column_int64(stmt, 0),
            .intent_segment = (uint64_t)sqlite3_column_int64(stmt, 1),
            .intent_offset = (uint64_t)sqlite3_column_int64(stmt, 2),
            .settled_segment = (uint64_t)sqlite3_column_int64(stmt, 3),
            .settled_offset = (uint64_t)sqlite3_column_int64(stmt, 4),
        };
    if (*count < max && rc != SQLITE_DONE)
        return sql_err(db, "read", err);
    return ERR_OK;
}

enum err_code partition_find(const char *dir, uint64_t number, const struct partition_query *query,
                             struct index_hit *hits, size_t max, size_t *count, struct err *err)
{
    CLEANUP(closep) sqlite3 *db = NULL;
    CLEANUP(finalizep) sqlite3_stmt *stmt = NULL;
    CLEANUP(buf_done) struct buf sql;
    char path[4096];
    int64_t mark = 0;

    buf_init(&sql, 4096);
    partition_path(dir, number, path);
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        return sql_err(db, path, err);
    sqlite3_busy_timeout(db, 1000);
    if (query->is_sealed && marks_pick(db, query->filter, &mark, err) != ERR_OK)
        return err_wrap(err, path);
    write_query(query, mark, &sql);
    if (sql.failed)
        return err_set(err, ERR_INTERNAL, "memory is out");
    if (sqlite3_prepare_v2(db, sql.ptr, (int)sql.len, &stmt, NULL) != SQLITE_OK)
        return sql_err(db, "prepare", err);
    bind_query(stmt, query, mark, max - *count);
    return read_hits(db, stmt, hits, max, count, err);
}
