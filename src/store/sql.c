#include "store/sql.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <sqlite3.h>

enum { MAX_STATEMENTS = 256, BUSY_MS = 500 };

struct statement {
    const char *text;
    sqlite3_stmt *stmt;
};

struct sql {
    sqlite3 *db;
    bool is_broken;
    size_t statement_count;
    struct statement statements[MAX_STATEMENTS];
};

static enum err_code code_of(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_FULL:
    case SQLITE_BUSY:
        return ERR_UNAVAILABLE;
    case SQLITE_CONSTRAINT:
        return ERR_CONFLICT;
    case SQLITE_NOMEM:
    case SQLITE_TOOBIG:
        return ERR_LIMIT;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ERR_CORRUPT;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return ERR_IO;
    default:
        return ERR_INTERNAL;
    }
}

static enum err_code fail(struct sql *sql, int rc, struct err *err)
{
    enum err_code code = code_of(rc);
    if (code == ERR_IO || code == ERR_CORRUPT)
        sql->is_broken = true;
    return err_set(err, code, "database: %s (%d)", sqlite3_errmsg(sql->db), rc);
}

/* SQLite gives its files the mode of the database, so that is made first. A file that exists is not
 * opened: closing a descriptor would drop the locks of any connection of this process. */
static enum err_code make_file(const char *path, struct err *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    else if (errno != EEXIST)
        return err_errno(err, errno, path);
    return ERR_OK;
}

static enum err_code set_up(struct sql *sql, const char *path, struct err *err)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int rc = sqlite3_open_v2(path, &sql->db, flags, NULL);
    if (sql->db == NULL)
        return err_set(err, ERR_LIMIT, "database: memory is out");
    if (rc != SQLITE_OK)
        return fail(sql, rc, err);
    sqlite3_busy_timeout(sql->db, BUSY_MS);
    sqlite3_db_config(sql->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(sql->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);

    /* Exclusive before the first read keeps the index of a WAL in this process's memory. */
    rc = sqlite3_exec(sql->db,
                      "PRAGMA locking_mode = EXCLUSIVE;"
                      "PRAGMA synchronous = FULL;"
                      "PRAGMA foreign_keys = ON;"
                      "PRAGMA cell_size_check = ON;"
                      "BEGIN IMMEDIATE; COMMIT;",
                      NULL, NULL, NULL);
    if ((rc & 0xff) == SQLITE_BUSY)
        return err_set(err, ERR_CONFLICT, "%s is in use by another process", path);
    if (code_of(rc) == ERR_CORRUPT)
        return err_set(err, ERR_CORRUPT, "%s is damaged, or no database: %s", path,
                       sqlite3_errmsg(sql->db));
    return rc == SQLITE_OK ? ERR_OK : fail(sql, rc, err);
}

void sql_prepare_process(void)
{
    /* Refused once SQLite runs; then it only is slower. */
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

enum err_code sql_open(const char *path, struct sql **ret_sql, struct err *err)
{
    CLEANUP(sql_closep) struct sql *sql = calloc(1, sizeof *sql);
    if (sql == NULL)
        return err_set(err, ERR_LIMIT, "database: memory is out");
    if (make_file(path, err) != ERR_OK)
        return err_wrap(err, "make database");
    enum err_code code = set_up(sql, path, err);
    if (code != ERR_OK)
        return code;
    *ret_sql = MOVE(sql);
    return ERR_OK;
}

enum err_code sql_use_wal(struct sql *sql, struct err *err)
{
    /* A log that a crash or a failed sync left behind is only in memory, as far as anyone knows:
     * moving it into the database writes and syncs it anew. */
    return sql_script(sql,
                      "PRAGMA journal_mode = WAL;"
                      "BEGIN IMMEDIATE; COMMIT;"
                      "PRAGMA wal_checkpoint(TRUNCATE);",
                      err);
}

void sql_close(struct sql *sql)
{
    if (sql == NULL)
        return;
    for (size_t i = 0; i < sql->statement_count; i++)
        sqlite3_finalize(sql->statements[i].stmt);
    sqlite3_close(sql->db);
    free(sql);
}

void sql_closep(struct sql **sql)
{
    sql_close(*sql);
    *sql = NULL;
}

bool sql_is_broken(const struct sql *sql)
{
    return sql->is_broken;
}

static enum err_code prepare(struct sql *sql, const char *text, sqlite3_stmt **ret_stmt,
                             struct err *err)
{
    for (size_t i = 0; i < sql->statement_count; i++) {
        if (sql->statements[i].text == text) {
            *ret_stmt = sql->statements[i].stmt;
            return ERR_OK;
        }
    }
    assert(sql->statement_count < MAX_STATEMENTS);
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v3(sql->db, text, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);
    if (rc != SQLITE_OK)
        return fail(sql, rc, err);
    sql->statements[sql->statement_count++] = (struct statement){.text = text, .stmt = stmt};
    *ret_stmt = stmt;
    return ERR_OK;
}

static int bind(sqlite3_stmt *stmt, int at, const struct sql_value *value)
{
    /* A NULL pointer would be stored as NULL. */
    const char *bytes = value->bytes.len == 0 ? "" : value->bytes.ptr;
    switch (value->kind) {
    case SQL_KIND_INT:
        return sqlite3_bind_int64(stmt, at, value->number);
    case SQL_KIND_TEXT:
        return sqlite3_bind_text64(stmt, at, bytes, value->bytes.len, SQLITE_STATIC, SQLITE_UTF8);
    case SQL_KIND_BLOB:
        return sqlite3_bind_blob64(stmt, at, bytes, value->bytes.len, SQLITE_STATIC);
    }
    return SQLITE_MISUSE;
}

enum err_code sql_start(struct sql *sql, const char *text, const struct sql_value *args,
                        size_t count, sqlite3_stmt **ret_rows, struct err *err)
{
    CLEANUP(sql_endp) sqlite3_stmt *stmt = NULL;
    enum err_code code = prepare(sql, text, &stmt, err);
    if (code != ERR_OK)
        return code;
    assert(!sqlite3_stmt_busy(stmt));
    for (size_t i = 0; i < count; i++) {
        int rc = bind(stmt, (int)i + 1, &args[i]);
        if (rc != SQLITE_OK)
            return fail(sql, rc, err);
    }
    *ret_rows = MOVE(stmt);
    return ERR_OK;
}

enum err_code sql_next(struct sql *sql, sqlite3_stmt *rows, bool *ret_has_row, struct err *err)
{
    int rc = sqlite3_step(rows);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return fail(sql, rc, err);
    *ret_has_row = rc == SQLITE_ROW;
    return ERR_OK;
}

void sql_endp(sqlite3_stmt **rows)
{
    if (*rows == NULL)
        return;
    sqlite3_reset(*rows);
    sqlite3_clear_bindings(*rows);
    *rows = NULL;
}

enum err_code sql_run(struct sql *sql, const char *text, const struct sql_value *args, size_t count,
                      struct err *err)
{
    CLEANUP(sql_endp) sqlite3_stmt *stmt = NULL;
    enum err_code code = sql_start(sql, text, args, count, &stmt, err);
    bool has_row = true;
    while (code == ERR_OK && has_row)
        code = sql_next(sql, stmt, &has_row, err);
    return code;
}

enum err_code sql_script(struct sql *sql, const char *text, struct err *err)
{
    int rc = sqlite3_exec(sql->db, text, NULL, NULL, NULL);
    return rc == SQLITE_OK ? ERR_OK : fail(sql, rc, err);
}

int64_t sql_last_id(const struct sql *sql)
{
    return sqlite3_last_insert_rowid(sql->db);
}

size_t sql_changed(const struct sql *sql)
{
    return (size_t)sqlite3_changes64(sql->db);
}

int64_t sql_i64(sqlite3_stmt *rows, int column)
{
    return sqlite3_column_int64(rows, column);
}

struct str sql_bytes(sqlite3_stmt *rows, int column)
{
    const char *bytes = sqlite3_column_blob(rows, column);
    return str_of(bytes, bytes == NULL ? 0 : (size_t)sqlite3_column_bytes(rows, column));
}

enum err_code sql_dup(sqlite3_stmt *rows, int column, struct arena *arena, struct str *ret_bytes,
                      struct err *err)
{
    struct str copy = arena_dup(arena, sql_bytes(rows, column));
    if (copy.ptr == NULL)
        return err_set(err, ERR_LIMIT, "database: no room for what was read");
    *ret_bytes = copy;
    return ERR_OK;
}

enum err_code sql_get_i64(struct sql *sql, const char *text, const struct sql_value *args,
                          size_t count, int64_t *ret_value, struct err *err)
{
    CLEANUP(sql_endp) sqlite3_stmt *rows = NULL;
    bool has_row = false;
    enum err_code code = sql_start(sql, text, args, count, &rows, err);
    if (code == ERR_OK)
        code = sql_next(sql, rows, &has_row, err);
    if (code != ERR_OK)
        return code;
    if (!has_row)
        return err_set(err, ERR_NOT_FOUND, "not there");
    *ret_value = sql_i64(rows, 0);
    return ERR_OK;
}

enum err_code sql_check(struct sql *sql, struct err *err)
{
    CLEANUP(sql_endp) sqlite3_stmt *rows = NULL;
    bool has_row = false;
    enum err_code code = sql_start(sql, "PRAGMA quick_check(1)", SQL_NO_ARGS, &rows, err);
    if (code == ERR_OK)
        code = sql_next(sql, rows, &has_row, err);
    if (code != ERR_OK)
        return code;
    struct str finding = has_row ? sql_bytes(rows, 0) : STR_NONE;
    if (!str_eq(finding, STR("ok")))
        return err_set(err, ERR_CORRUPT, "the database is damaged: " STR_FMT, STR_ARG(finding));
    return ERR_OK;
}

static void roll_back(struct sql *sql)
{
    /* Some failures have rolled back already; what matters is where the connection stands after. */
    sqlite3_exec(sql->db, "ROLLBACK", NULL, NULL, NULL);
    if (!sqlite3_get_autocommit(sql->db))
        sql->is_broken = true;
}

enum err_code sql_transaction(struct sql *sql, enum sql_mode mode, sql_body_fn *body, void *ctx,
                              struct err *err)
{
    enum err_code code =
        sql_run(sql, mode == SQL_WRITE ? "BEGIN IMMEDIATE" : "BEGIN", SQL_NO_ARGS, err);
    if (code != ERR_OK)
        return code;
    code = body(sql, ctx, err);
    if (code == ERR_OK)
        code = sql_run(sql, "COMMIT", SQL_NO_ARGS, err);
    if (code != ERR_OK)
        roll_back(sql);
    return code;
}
