/*
 * sql.h - the one file that knows SQLite's API: a connection, statements with values, transactions.
 * Private to room store.
 *
 * 1. The connection owns its file: locking mode exclusive, so that a second writer or checkpointer
 *    can't exist (SQLite up to 3.51.2 can lose commits when there is one).
 * 2. After a failed write, sync or a damaged page it is broken: close it, open it anew.
 *
 * Statement texts are literals: prepared once, found again by their address.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"

struct sql;
struct sqlite3_stmt;

void sql_prepare_process(void);
/* Opens without changing anything. ERR_CONFLICT: another connection has the file. ERR_CORRUPT:
 * damaged, or no database. */
enum err_code sql_open(const char *path, struct sql **ret_sql, struct err *err) MUST_CHECK;
/* Before the first write. */
enum err_code sql_use_wal(struct sql *sql, struct err *err) MUST_CHECK;
void sql_close(struct sql *sql); /* NULL is fine */
void sql_closep(struct sql **sql);
bool sql_is_broken(const struct sql *sql);
/* Reads every page: ERR_CORRUPT when the file is damaged. */
enum err_code sql_check(struct sql *sql, struct err *err) MUST_CHECK;

enum sql_kind { SQL_KIND_INT, SQL_KIND_TEXT, SQL_KIND_BLOB };

struct sql_value {
    enum sql_kind kind;
    int64_t number;
    struct str bytes; /* borrowed until the statement is done */
};

#define SQL_INT(n)  ((struct sql_value){.kind = SQL_KIND_INT, .number = (int64_t)(n)})
#define SQL_TEXT(s) ((struct sql_value){.kind = SQL_KIND_TEXT, .bytes = (s)})
#define SQL_BLOB(s) ((struct sql_value){.kind = SQL_KIND_BLOB, .bytes = (s)})

/* The values of ?1, ?2, … and how many: two arguments. */
#define SQL_ARGS(...)                                                                              \
    (const struct sql_value[]){__VA_ARGS__}, ARRAY_LEN(((const struct sql_value[]){__VA_ARGS__}))
#define SQL_NO_ARGS NULL, 0

/* Runs a statement without rows. ERR_CONFLICT: a constraint refused it. */
enum err_code sql_run(struct sql *sql, const char *text, const struct sql_value *args, size_t count,
                      struct err *err) MUST_CHECK;
/* Statements separated by semicolons. */
enum err_code sql_script(struct sql *sql, const char *text, struct err *err) MUST_CHECK;
int64_t sql_last_id(const struct sql *sql);
size_t sql_changed(const struct sql *sql); /* rows that the last statement changed */

/* Rows one by one; the statement is given back by sql_end() (or CLEANUP(sql_endp)) before the same
 * text is started again. */
enum err_code sql_start(struct sql *sql, const char *text, const struct sql_value *args,
                        size_t count, struct sqlite3_stmt **ret_rows, struct err *err) MUST_CHECK;
enum err_code sql_next(struct sql *sql, struct sqlite3_stmt *rows, bool *ret_has_row,
                       struct err *err) MUST_CHECK;
void sql_endp(struct sqlite3_stmt **rows);

int64_t sql_i64(struct sqlite3_stmt *rows, int column);
struct str sql_bytes(struct sqlite3_stmt *rows, int column); /* borrowed until sql_next() */
/* ERR_LIMIT: arena full. */
enum err_code sql_dup(struct sqlite3_stmt *rows, int column, struct arena *arena,
                      struct str *ret_bytes, struct err *err) MUST_CHECK;

/* The integer of a query that gives one row. ERR_NOT_FOUND: it gives none. */
enum err_code sql_get_i64(struct sql *sql, const char *text, const struct sql_value *args,
                          size_t count, int64_t *ret_value, struct err *err) MUST_CHECK;

enum sql_mode { SQL_READ, SQL_WRITE };

typedef enum err_code sql_body_fn(struct sql *sql, void *ctx, struct err *err);
/* Runs body in a transaction: all of it is stored when this is ERR_OK; else nothing, unless the
 * connection is broken now, when nobody knows. */
enum err_code sql_transaction(struct sql *sql, enum sql_mode mode, sql_body_fn *body, void *ctx,
                              struct err *err) MUST_CHECK;
