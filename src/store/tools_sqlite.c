#include <string.h>

#include "store/sqlite_priv.h"

static enum err_code read_tool(struct loader *loader, struct sqlite3_stmt *row, void *item,
                               struct err *err)
{
    struct tool *tool = item;
    tool->id = sql_i64(row, 0);
    tool->server_id = sql_i64(row, 1);
    struct str hash = sql_bytes(row, 4);
    if (hash.len != sizeof tool->hash)
        return err_set(err, ERR_CORRUPT, "database: a tool's hash has %zu bytes", hash.len);
    memcpy(tool->hash, hash.ptr, sizeof tool->hash);
    tool->first_seen_us = sql_i64(row, 5);
    tool->last_seen_us = sql_i64(row, 6);
    tool->changed_us = sql_i64(row, 7);
    tool->is_gone = sql_i64(row, 8) != 0;
    enum err_code code = loader_str(loader, row, 2, &tool->name, err);
    return code == ERR_OK ? loader_str(loader, row, 3, &tool->definition, err) : code;
}

#define TOOL_COLUMNS                                                                               \
    "SELECT id, server_id, name, definition, hash, first_seen_us, last_seen_us, changed_us, "      \
    "is_gone FROM tool"

enum err_code sqlite_load_tools(struct loader *loader, int64_t server_id, struct tool **ret_tools,
                                size_t *ret_count, struct err *err)
{
    static const struct loader_query of_all = {
        .count = "SELECT count(*) FROM tool",
        .rows = TOOL_COLUMNS " ORDER BY server_id, name",
        .item_bytes = sizeof(struct tool),
        .read = read_tool,
    };
    static const struct loader_query of_one = {
        .count = "SELECT count(*) FROM tool WHERE server_id = ?1",
        .rows = TOOL_COLUMNS " WHERE server_id = ?1 ORDER BY name",
        .item_bytes = sizeof(struct tool),
        .read = read_tool,
    };
    void *items = NULL;
    enum err_code code =
        server_id == 0
            ? loader_read(loader, &of_all, SQL_NO_ARGS, &items, ret_count, err)
            : loader_read(loader, &of_one, SQL_ARGS(SQL_INT(server_id)), &items, ret_count, err);
    if (code == ERR_OK)
        *ret_tools = items;
    return code;
}

static enum err_code add_tool(struct sql *sql, int64_t server_id, const struct tool_seen *seen,
                              int64_t now_us, struct err *err)
{
    enum err_code code = sql_run(
        sql,
        "INSERT INTO tool (server_id, name, definition, hash, first_seen_us, last_seen_us, "
        "changed_us, is_gone, is_seen) VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?5, 0, 1)",
        SQL_ARGS(SQL_INT(server_id), SQL_BLOB(seen->name), SQL_BLOB(seen->definition),
                 SQL_BLOB(str_of((const char *)seen->hash, sizeof seen->hash)), SQL_INT(now_us)),
        err);
    return code == ERR_OK ? ERR_OK : err_wrap(err, "add tool");
}

struct known_tool {
    int64_t id;
    bool is_gone;
    bool is_seen;
    bool is_same;
};

/* id 0: not there. */
static enum err_code find_tool(struct sql *sql, int64_t server_id, const struct tool_seen *seen,
                               struct known_tool *ret_known, struct err *err)
{
    CLEANUP(sql_endp) struct sqlite3_stmt *rows = NULL;
    bool has_row = false;
    enum err_code code = sql_start(sql,
                                   "SELECT id, is_gone, is_seen, hash FROM tool "
                                   "WHERE server_id = ?1 AND name = ?2",
                                   SQL_ARGS(SQL_INT(server_id), SQL_BLOB(seen->name)), &rows, err);
    if (code == ERR_OK)
        code = sql_next(sql, rows, &has_row, err);
    if (code != ERR_OK)
        return code;
    *ret_known = (struct known_tool){0};
    if (!has_row)
        return ERR_OK;
    ret_known->id = sql_i64(rows, 0);
    ret_known->is_gone = sql_i64(rows, 1) != 0;
    ret_known->is_seen = sql_i64(rows, 2) != 0;
    ret_known->is_same =
        str_eq(sql_bytes(rows, 3), str_of((const char *)seen->hash, sizeof seen->hash));
    return ERR_OK;
}

static enum err_code update_tool(struct sql *sql, int64_t id, const struct tool_seen *seen,
                                 int64_t now_us, struct err *err)
{
    return sql_run(sql,
                   "UPDATE tool SET definition = ?2, hash = ?3, changed_us = ?4, last_seen_us = "
                   "?4, is_gone = 0, is_seen = 1 WHERE id = ?1",
                   SQL_ARGS(SQL_INT(id), SQL_BLOB(seen->definition),
                            SQL_BLOB(str_of((const char *)seen->hash, sizeof seen->hash)),
                            SQL_INT(now_us)),
                   err);
}

static enum err_code see_tool(struct sql *sql, int64_t id, int64_t now_us, struct err *err)
{
    return sql_run(sql, "UPDATE tool SET last_seen_us = ?2, is_gone = 0, is_seen = 1 WHERE id = ?1",
                   SQL_ARGS(SQL_INT(id), SQL_INT(now_us)), err);
}

static enum err_code save_one(struct sql *sql, int64_t server_id, const struct tool_seen *seen,
                              int64_t now_us, struct tool_changes *changes, struct err *err)
{
    struct known_tool known = {0};
    enum err_code code = find_tool(sql, server_id, seen, &known, err);
    if (code != ERR_OK)
        return code;
    if (known.is_seen)
        return err_set(err, ERR_INVALID, "two tools are named '" STR_FMT "'", STR_ARG(seen->name));
    if (known.id == 0 || known.is_gone)
        changes->added++;
    else if (!known.is_same)
        changes->changed++;
    if (known.id == 0)
        return add_tool(sql, server_id, seen, now_us, err);
    return known.is_same ? see_tool(sql, known.id, now_us, err)
                         : update_tool(sql, known.id, seen, now_us, err);
}

enum err_code sqlite_save_tools(struct sql *sql, int64_t server_id, const struct tool_seen *seen,
                                size_t count, int64_t now_us, struct tool_changes *ret_changes,
                                struct err *err)
{
    struct tool_changes changes = {0};
    int64_t servers = 0;
    enum err_code code = sql_get_i64(sql, "SELECT count(*) FROM server WHERE id = ?1",
                                     SQL_ARGS(SQL_INT(server_id)), &servers, err);
    if (code == ERR_OK && servers == 0)
        return err_set(err, ERR_NOT_FOUND, "no server has the id %lld", (long long)server_id);
    if (code == ERR_OK)
        code = sql_run(sql, "UPDATE tool SET is_seen = 0 WHERE server_id = ?1",
                       SQL_ARGS(SQL_INT(server_id)), err);
    for (size_t i = 0; code == ERR_OK && i < count; i++)
        code = save_one(sql, server_id, &seen[i], now_us, &changes, err);
    if (code == ERR_OK)
        code = sql_run(sql,
                       "UPDATE tool SET is_gone = 1 WHERE server_id = ?1 AND is_seen = 0 AND "
                       "is_gone = 0",
                       SQL_ARGS(SQL_INT(server_id)), err);
    if (code != ERR_OK)
        return code;
    changes.gone = sql_changed(sql);
    *ret_changes = changes;
    return ERR_OK;
}
