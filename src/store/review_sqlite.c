/*
 * review_sqlite.c - what was reviewed of tools, what they were before, and how the catalogue of
 * each server stands.
 *
 * A server can change its definitions as often as it likes: of each tool MAX_VERSIONS former
 * definitions and MAX_EVENTS events are kept.
 */
#include <string.h>

#include "store/sqlite_priv.h"

/* Literals, for the statements. */
#define MAX_VERSIONS "10"
#define MAX_EVENTS   "50"

enum err_code sqlite_keep_version(struct sql *sql, int64_t tool_id, int64_t now_us, struct err *err)
{
    enum err_code code =
        sql_run(sql,
                "INSERT OR REPLACE INTO tool_version (tool_id, hash, definition, until_us) "
                "SELECT id, hash, definition, ?2 FROM tool WHERE id = ?1",
                SQL_ARGS(SQL_INT(tool_id), SQL_INT(now_us)), err);
    if (code != ERR_OK)
        return code;
    return sql_run(sql,
                   "DELETE FROM tool_version WHERE tool_id = ?1 AND seq NOT IN (SELECT seq FROM "
                   "tool_version WHERE tool_id = ?1 ORDER BY seq DESC LIMIT " MAX_VERSIONS ")",
                   SQL_ARGS(SQL_INT(tool_id)), err);
}

enum err_code sqlite_add_event(struct sql *sql, int64_t tool_id, const struct tool_event *event,
                               struct err *err)
{
    enum err_code code =
        sql_run(sql,
                "INSERT INTO tool_event (tool_id, at_us, author, action, hash, category, reason) "
                "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                SQL_ARGS(SQL_INT(tool_id), SQL_INT(event->at_us), SQL_TEXT(event->author),
                         SQL_TEXT(event->action),
                         SQL_BLOB(str_of((const char *)event->hash, sizeof event->hash)),
                         SQL_TEXT(event->category), SQL_TEXT(event->reason)),
                err);
    if (code != ERR_OK)
        return err_wrap(err, "note what was done to a tool");
    return sql_run(sql,
                   "DELETE FROM tool_event WHERE tool_id = ?1 AND seq NOT IN (SELECT seq FROM "
                   "tool_event WHERE tool_id = ?1 ORDER BY seq DESC LIMIT " MAX_EVENTS ")",
                   SQL_ARGS(SQL_INT(tool_id)), err);
}

/* --- catalogues --- */

static enum err_code read_catalogue(struct loader *loader, struct sqlite3_stmt *row, void *item,
                                    struct err *err)
{
    struct catalogue *catalogue = item;
    catalogue->server_id = sql_i64(row, 0);
    catalogue->first_us = sql_i64(row, 1);
    catalogue->found_us = sql_i64(row, 2);
    catalogue->failed_us = sql_i64(row, 3);
    enum err_code code = loader_str(loader, row, 4, &catalogue->protocol, err);
    return code == ERR_OK ? loader_str(loader, row, 5, &catalogue->error, err) : code;
}

enum err_code sqlite_load_catalogues(struct loader *loader, struct catalogue **ret_catalogues,
                                     size_t *ret_count, struct err *err)
{
    static const struct loader_query query = {
        .count = "SELECT count(*) FROM catalogue",
        .rows = "SELECT server_id, first_us, found_us, failed_us, protocol, error FROM catalogue "
                "ORDER BY server_id",
        .item_bytes = sizeof(struct catalogue),
        .read = read_catalogue,
    };
    void *items = NULL;
    enum err_code code = loader_read(loader, &query, SQL_NO_ARGS, &items, ret_count, err);
    if (code == ERR_OK)
        *ret_catalogues = items;
    return code;
}

struct failure_ctx {
    int64_t server_id;
    int64_t now_us;
    struct str why;
};

static enum err_code save_failure_body(struct sql *sql, void *ctx, struct err *err)
{
    const struct failure_ctx *c = ctx;
    return sql_run(sql,
                   "INSERT INTO catalogue (server_id, first_us, found_us, failed_us, protocol, "
                   "error) SELECT id, 0, 0, ?2, '', ?3 FROM server WHERE id = ?1 "
                   "ON CONFLICT (server_id) DO UPDATE SET failed_us = ?2, error = ?3",
                   SQL_ARGS(SQL_INT(c->server_id), SQL_INT(c->now_us), SQL_TEXT(c->why)), err);
}

enum err_code sqlite_op_save_failure(struct store *store, int64_t server_id, struct str why,
                                     int64_t now_us, struct err *err)
{
    struct failure_ctx c = {.server_id = server_id, .now_us = now_us, .why = why};
    return sqlite_run(store, SQL_WRITE, save_failure_body, &c, err);
}

/* --- reviews --- */

struct review_ctx {
    const struct tool_review *reviews;
    size_t count;
    const struct store_change *change;
    uint64_t version;
};

/* What was looked at must still be what is there: else somebody approves what nobody has read. */
static enum err_code check_review(struct sql *sql, const struct tool_review *review,
                                  struct err *err)
{
    CLEANUP(sql_endp) struct sqlite3_stmt *rows = NULL;
    bool has_row = false;
    enum err_code code = sql_start(sql, "SELECT hash, is_gone, name FROM tool WHERE id = ?1",
                                   SQL_ARGS(SQL_INT(review->tool_id)), &rows, err);
    if (code == ERR_OK)
        code = sql_next(sql, rows, &has_row, err);
    if (code != ERR_OK)
        return code;
    if (!has_row)
        return err_set(err, ERR_NOT_FOUND, "the tool is not there any more");
    struct str name = sql_bytes(rows, 2);
    if (review->is_quarantine)
        return ERR_OK;
    if (sql_i64(rows, 1) != 0)
        return err_set(err, ERR_CONFLICT, "tool '" STR_FMT "' is gone: its server lists it no more",
                       STR_ARG(name));
    if (!str_eq(sql_bytes(rows, 0), str_of((const char *)review->hash, sizeof review->hash)))
        return err_set(err, ERR_CONFLICT,
                       "tool '" STR_FMT "' has changed since it was looked at; look again",
                       STR_ARG(name));
    return ERR_OK;
}

static enum err_code write_word(struct sql *sql, const struct tool_review *review,
                                const struct store_change *change, struct err *err)
{
    return sql_run(
        sql,
        "UPDATE tool SET word_category = ?2, word_is_automatic = 0, word_author = ?3, "
        "word_reason = ?4, word_us = ?5, word_hash = hash WHERE id = ?1",
        SQL_ARGS(SQL_INT(review->tool_id), SQL_TEXT(str_c(category_word(review->category))),
                 SQL_TEXT(change->author), SQL_TEXT(review->reason), SQL_INT(change->now_us)),
        err);
}

static enum err_code put_in_quarantine(struct sql *sql, const struct tool_review *review,
                                       int64_t now_us, struct err *err)
{
    return sql_run(sql,
                   "UPDATE tool SET hold = 'tool_quarantined', held_us = ?2, renamed_from = x'' "
                   "WHERE id = ?1",
                   SQL_ARGS(SQL_INT(review->tool_id), SQL_INT(now_us)), err);
}

/* A word for another definition is void. */
static enum err_code approve(struct sql *sql, const struct tool_review *review, struct err *err)
{
    return sql_run(sql,
                   "UPDATE tool SET pinned_hash = hash, pinned = x'', hold = '', held_us = 0, "
                   "renamed_from = x'', word_category = CASE WHEN word_hash = hash "
                   "THEN word_category ELSE '' END WHERE id = ?1",
                   SQL_ARGS(SQL_INT(review->tool_id)), err);
}

static enum err_code write_review(struct sql *sql, const struct tool_review *review,
                                  const struct store_change *change, struct err *err)
{
    enum err_code code = review->is_quarantine ? put_in_quarantine(sql, review, change->now_us, err)
                                               : approve(sql, review, err);
    if (code == ERR_OK && review->has_category)
        code = write_word(sql, review, change, err);
    return code;
}

static enum err_code review_one(struct sql *sql, const struct tool_review *review,
                                const struct store_change *change, struct err *err)
{
    struct tool_event event = {
        .at_us = change->now_us,
        .author = change->author,
        .action = review->is_quarantine ? STR("quarantined") : STR("approved"),
        .category = review->has_category ? str_c(category_word(review->category)) : STR_NONE,
        .reason = review->reason,
    };
    memcpy(event.hash, review->hash, sizeof event.hash);
    enum err_code code = check_review(sql, review, err);
    if (code == ERR_OK)
        code = write_review(sql, review, change, err);
    return code == ERR_OK ? sqlite_add_event(sql, review->tool_id, &event, err) : code;
}

static enum err_code review_body(struct sql *sql, void *ctx, struct err *err)
{
    struct review_ctx *c = ctx;
    enum err_code code = ERR_OK;
    for (size_t i = 0; code == ERR_OK && i < c->count; i++)
        code = review_one(sql, &c->reviews[i], c->change, err);
    if (code == ERR_OK)
        code = remember_change(sql, c->change, err);
    return code == ERR_OK ? raise_policy_version(sql, &c->version, err) : code;
}

enum err_code sqlite_op_review_tools(struct store *store, const struct tool_review *reviews,
                                     size_t count, const struct store_change *change,
                                     uint64_t *ret_policy_version, struct err *err)
{
    struct review_ctx c = {.reviews = reviews, .count = count, .change = change};
    enum err_code code = sqlite_run(store, SQL_WRITE, review_body, &c, err);
    if (code == ERR_OK)
        *ret_policy_version = c.version;
    return code;
}

/* --- history --- */

static enum err_code read_version(struct loader *loader, struct sqlite3_stmt *row, void *item,
                                  struct err *err)
{
    struct tool_version *version = item;
    version->until_us = sql_i64(row, 2);
    enum err_code code = read_tool_hash(row, 0, version->hash, err);
    return code == ERR_OK ? loader_str(loader, row, 1, &version->definition, err) : code;
}

static enum err_code read_event(struct loader *loader, struct sqlite3_stmt *row, void *item,
                                struct err *err)
{
    struct tool_event *event = item;
    struct str *const texts[] = {&event->author, &event->action, &event->category, &event->reason};
    event->at_us = sql_i64(row, 0);
    enum err_code code = read_tool_hash(row, 1, event->hash, err);
    for (size_t i = 0; code == ERR_OK && i < ARRAY_LEN(texts); i++)
        code = loader_str(loader, row, 2 + (int)i, texts[i], err);
    return code;
}

struct history_ctx {
    struct arena *arena;
    int64_t tool_id;
    struct tool_history history;
};

static enum err_code load_history_body(struct sql *sql, void *ctx, struct err *err)
{
    static const struct loader_query versions = {
        .count = "SELECT count(*) FROM tool_version WHERE tool_id = ?1",
        .rows = "SELECT hash, definition, until_us FROM tool_version WHERE tool_id = ?1 "
                "ORDER BY seq DESC",
        .item_bytes = sizeof(struct tool_version),
        .read = read_version,
    };
    static const struct loader_query events = {
        .count = "SELECT count(*) FROM tool_event WHERE tool_id = ?1",
        .rows = "SELECT at_us, hash, author, action, category, reason FROM tool_event "
                "WHERE tool_id = ?1 ORDER BY seq DESC",
        .item_bytes = sizeof(struct tool_event),
        .read = read_event,
    };
    struct history_ctx *c = ctx;
    struct loader loader = {.sql = sql, .arena = c->arena};
    void *items = NULL;
    enum err_code code = loader_read(&loader, &versions, SQL_ARGS(SQL_INT(c->tool_id)), &items,
                                     &c->history.version_count, err);
    if (code != ERR_OK)
        return code;
    c->history.versions = items;
    code = loader_read(&loader, &events, SQL_ARGS(SQL_INT(c->tool_id)), &items,
                       &c->history.event_count, err);
    c->history.events = items;
    return code;
}

enum err_code sqlite_op_load_history(struct store *store, struct arena *arena, int64_t tool_id,
                                     struct tool_history *ret_history, struct err *err)
{
    struct history_ctx c = {.arena = arena, .tool_id = tool_id};
    enum err_code code = sqlite_run(store, SQL_READ, load_history_body, &c, err);
    if (code == ERR_OK)
        *ret_history = c.history;
    return code;
}
