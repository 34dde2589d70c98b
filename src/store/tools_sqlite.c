#include <string.h>

#include "store/sqlite_priv.h"

static struct str hash_str(const uint8_t hash[TOOL_HASH_BYTES])
{
    return str_of((const char *)hash, TOOL_HASH_BYTES);
}

enum err_code read_tool_hash(struct sqlite3_stmt *row, int column, uint8_t *ret_hash,
                             struct err *err)
{
    struct str hash = sql_bytes(row, column);
    if (hash.len != TOOL_HASH_BYTES)
        return err_set(err, ERR_CORRUPT, "database: a tool's hash has %zu bytes", hash.len);
    memcpy(ret_hash, hash.ptr, TOOL_HASH_BYTES);
    return ERR_OK;
}

/* An empty category: there is none. */
static enum err_code read_category(struct sqlite3_stmt *row, int column, bool *ret_is_given,
                                   enum category *ret_category, struct err *err)
{
    struct str word = sql_bytes(row, column);
    *ret_is_given = word.len > 0;
    if (word.len > 0 && !category_parse(word, ret_category))
        return unknown_word(word, err);
    return ERR_OK;
}

#define TOOL_COLUMNS                                                                               \
    "SELECT id, server_id, name, definition, hash, first_seen_us, last_seen_us, changed_us, "      \
    "is_gone, pinned_hash, pinned, hold, held_us, renamed_from, word_category, "                   \
    "word_is_automatic, word_author, word_reason, word_us, word_hash, verdict_category, "          \
    "verdict_certainty, verdict_evidence FROM tool"

static enum err_code read_pin(struct loader *loader, struct sqlite3_stmt *row, struct tool *tool,
                              struct err *err)
{
    struct str hold = sql_bytes(row, 11);
    enum err_code code = ERR_OK;
    tool->has_pin = sql_bytes(row, 9).len > 0;
    tool->held_us = sql_i64(row, 12);
    if (hold.len > 0 && !reason_parse(hold, &tool->hold))
        return unknown_word(hold, err);
    if (tool->has_pin)
        code = read_tool_hash(row, 9, tool->pinned_hash, err);
    tool->pinned = tool->definition;
    if (code == ERR_OK && sql_bytes(row, 10).len > 0)
        code = loader_str(loader, row, 10, &tool->pinned, err);
    if (!tool->has_pin)
        tool->pinned = STR_NONE;
    return code == ERR_OK ? loader_str(loader, row, 13, &tool->renamed_from, err) : code;
}

static enum err_code read_word(struct loader *loader, struct sqlite3_stmt *row,
                               struct tool_word *word, struct err *err)
{
    enum err_code code = read_category(row, 14, &word->is_given, &word->category, err);
    if (code != ERR_OK || !word->is_given)
        return code;
    word->is_automatic = sql_i64(row, 15) != 0;
    word->at_us = sql_i64(row, 18);
    code = read_tool_hash(row, 19, word->hash, err);
    if (code == ERR_OK)
        code = loader_str(loader, row, 16, &word->author, err);
    return code == ERR_OK ? loader_str(loader, row, 17, &word->reason, err) : code;
}

static enum err_code read_verdict(struct loader *loader, struct sqlite3_stmt *row,
                                  struct tool_verdict *verdict, struct err *err)
{
    enum err_code code = read_category(row, 20, &verdict->is_given, &verdict->category, err);
    if (code != ERR_OK || !verdict->is_given)
        return code;
    code = loader_str(loader, row, 21, &verdict->certainty, err);
    return code == ERR_OK ? loader_str(loader, row, 22, &verdict->evidence, err) : code;
}

static enum err_code read_tool(struct loader *loader, struct sqlite3_stmt *row, void *item,
                               struct err *err)
{
    struct tool *tool = item;
    tool->id = sql_i64(row, 0);
    tool->server_id = sql_i64(row, 1);
    tool->first_seen_us = sql_i64(row, 5);
    tool->last_seen_us = sql_i64(row, 6);
    tool->changed_us = sql_i64(row, 7);
    tool->is_gone = sql_i64(row, 8) != 0;
    enum err_code code = read_tool_hash(row, 4, tool->hash, err);
    if (code == ERR_OK)
        code = loader_str(loader, row, 2, &tool->name, err);
    if (code == ERR_OK)
        code = loader_str(loader, row, 3, &tool->definition, err);
    if (code == ERR_OK)
        code = read_pin(loader, row, tool, err);
    if (code == ERR_OK)
        code = read_word(loader, row, &tool->word, err);
    return code == ERR_OK ? read_verdict(loader, row, &tool->verdict, err) : code;
}

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

/* --- saving what was discovered --- */

/* One tool on its way into the store. */
struct saving {
    struct sql *sql;
    int64_t server_id;
    int64_t now_us;
    const struct tool_seen *seen;
    struct tool_changes *changes;
    int64_t id; /* 0: not there yet */
    bool is_gone;
    bool is_seen;
    bool is_same;
};

static enum err_code find_tool(struct saving *s, struct err *err)
{
    CLEANUP(sql_endp) struct sqlite3_stmt *rows = NULL;
    bool has_row = false;
    enum err_code code = sql_start(
        s->sql, "SELECT id, is_gone, is_seen, hash FROM tool WHERE server_id = ?1 AND name = ?2",
        SQL_ARGS(SQL_INT(s->server_id), SQL_BLOB(s->seen->name)), &rows, err);
    if (code == ERR_OK)
        code = sql_next(s->sql, rows, &has_row, err);
    if (code != ERR_OK || !has_row)
        return code;
    s->id = sql_i64(rows, 0);
    s->is_gone = sql_i64(rows, 1) != 0;
    s->is_seen = sql_i64(rows, 2) != 0;
    s->is_same = str_eq(sql_bytes(rows, 3), hash_str(s->seen->hash));
    return ERR_OK;
}

static enum err_code note(const struct saving *s, const char *action, struct str reason,
                          struct err *err)
{
    struct tool_event event = {
        .at_us = s->now_us, .author = STR("discovery"), .action = str_c(action), .reason = reason};
    memcpy(event.hash, s->seen->hash, sizeof event.hash);
    return sqlite_add_event(s->sql, s->id, &event, err);
}

static enum err_code add_tool(struct saving *s, struct err *err)
{
    const struct tool_seen *seen = s->seen;
    enum err_code code =
        sql_run(s->sql,
                "INSERT INTO tool (server_id, name, definition, hash, first_seen_us, last_seen_us, "
                "changed_us, is_gone, is_seen) VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?5, 0, 1)",
                SQL_ARGS(SQL_INT(s->server_id), SQL_BLOB(seen->name), SQL_BLOB(seen->definition),
                         SQL_BLOB(hash_str(seen->hash)), SQL_INT(s->now_us)),
                err);
    if (code != ERR_OK)
        return err_wrap(err, "add tool");
    s->id = sql_last_id(s->sql);
    return ERR_OK;
}

/* The definition in force outlives the one last seen: its text is kept apart from now on. */
static enum err_code change_tool(struct saving *s, struct err *err)
{
    enum err_code code = sqlite_keep_version(s->sql, s->id, s->now_us, err);
    if (code == ERR_OK)
        code = sql_run(s->sql,
                       "UPDATE tool SET pinned = CASE WHEN pinned = x'' AND pinned_hash <> x'' "
                       "THEN definition ELSE pinned END, definition = ?2, hash = ?3, "
                       "changed_us = ?4, verdict_category = '', verdict_certainty = '', "
                       "verdict_evidence = '' WHERE id = ?1",
                       SQL_ARGS(SQL_INT(s->id), SQL_BLOB(s->seen->definition),
                                SQL_BLOB(hash_str(s->seen->hash)), SQL_INT(s->now_us)),
                       err);
    return code == ERR_OK ? note(s, "changed", STR_NONE, err) : code;
}

static enum err_code see_tool(struct saving *s, struct err *err)
{
    return sql_run(s->sql,
                   "UPDATE tool SET last_seen_us = ?2, is_gone = 0, is_seen = 1 WHERE id = ?1",
                   SQL_ARGS(SQL_INT(s->id), SQL_INT(s->now_us)), err);
}

static enum err_code pin_tool(struct saving *s, struct err *err)
{
    return sql_run(s->sql,
                   "UPDATE tool SET pinned_hash = hash, pinned = x'', hold = '', held_us = 0, "
                   "renamed_from = x'' WHERE id = ?1",
                   SQL_ARGS(SQL_INT(s->id)), err);
}

static enum err_code hold_tool(struct saving *s, enum reason reason, struct err *err)
{
    struct str word = str_c(reason_word(reason));
    enum err_code code =
        sql_run(s->sql, "UPDATE tool SET hold = ?2, held_us = ?3, renamed_from = ?4 WHERE id = ?1",
                SQL_ARGS(SQL_INT(s->id), SQL_TEXT(word), SQL_INT(s->now_us),
                         SQL_BLOB(s->seen->renamed_from)),
                err);
    s->changes->held++;
    return code == ERR_OK ? note(s, "held", word, err) : code;
}

static enum err_code lift_tool(struct saving *s, struct err *err)
{
    enum err_code code =
        sql_run(s->sql, "UPDATE tool SET hold = '', held_us = 0, renamed_from = x'' WHERE id = ?1",
                SQL_ARGS(SQL_INT(s->id)), err);
    s->changes->others++;
    return code == ERR_OK ? note(s, "lifted", STR_NONE, err) : code;
}

static enum err_code settle_fate(struct saving *s, bool is_new, struct err *err)
{
    switch (s->seen->fate) {
    case FATE_PIN:
        s->changes->others += !is_new && s->is_same;
        if (pin_tool(s, err) != ERR_OK)
            return err->code;
        return is_new ? ERR_OK : note(s, "taken", STR_NONE, err);
    case FATE_HOLD:
        return hold_tool(s, s->seen->hold, err);
    case FATE_LIFT:
        return lift_tool(s, err);
    case FATE_KEEP:
        break;
    }
    return is_new ? hold_tool(s, REASON_DEFINITION_NEW, err) : ERR_OK;
}

static enum err_code save_verdict(struct saving *s, struct err *err)
{
    const struct tool_verdict *verdict = &s->seen->verdict;
    if (!verdict->is_given)
        return ERR_OK;
    return sql_run(s->sql,
                   "UPDATE tool SET verdict_category = ?2, verdict_certainty = ?3, "
                   "verdict_evidence = ?4 WHERE id = ?1",
                   SQL_ARGS(SQL_INT(s->id), SQL_TEXT(str_c(category_word(verdict->category))),
                            SQL_TEXT(verdict->certainty), SQL_TEXT(verdict->evidence)),
                   err);
}

static enum err_code save_word(struct saving *s, struct err *err)
{
    const struct tool_word *word = &s->seen->word;
    if (!word->is_given)
        return ERR_OK;
    struct str category = str_c(category_word(word->category));
    struct tool_event event = {.at_us = s->now_us,
                               .author = word->author,
                               .action = STR("released"),
                               .category = category,
                               .reason = word->reason};
    memcpy(event.hash, s->seen->hash, sizeof event.hash);
    s->changes->others++;
    enum err_code code =
        sql_run(s->sql,
                "UPDATE tool SET word_category = ?2, word_is_automatic = ?3, word_author = ?4, "
                "word_reason = ?5, word_us = ?6, word_hash = hash WHERE id = ?1",
                SQL_ARGS(SQL_INT(s->id), SQL_TEXT(category), SQL_INT(word->is_automatic),
                         SQL_TEXT(word->author), SQL_TEXT(word->reason), SQL_INT(s->now_us)),
                err);
    return code == ERR_OK ? sqlite_add_event(s->sql, s->id, &event, err) : code;
}

static enum err_code save_seen(struct saving *s, struct err *err)
{
    if (s->id == 0)
        return add_tool(s, err);
    enum err_code code = s->is_same ? ERR_OK : change_tool(s, err);
    if (code == ERR_OK && s->is_gone)
        code = note(s, "returned", STR_NONE, err);
    return code == ERR_OK ? see_tool(s, err) : code;
}

static enum err_code save_one(struct saving *s, struct err *err)
{
    enum err_code code = find_tool(s, err);
    if (code != ERR_OK)
        return code;
    if (s->is_seen)
        return err_set(err, ERR_INVALID, "two tools are named '" STR_FMT "'",
                       STR_ARG(s->seen->name));
    bool is_new = s->id == 0;
    s->changes->added += is_new || s->is_gone;
    s->changes->changed += !is_new && !s->is_gone && !s->is_same;
    code = save_seen(s, err);
    if (code == ERR_OK)
        code = settle_fate(s, is_new, err);
    if (code == ERR_OK)
        code = save_verdict(s, err);
    return code == ERR_OK ? save_word(s, err) : code;
}

static enum err_code retire_unseen(struct sql *sql, int64_t server_id, int64_t now_us,
                                   size_t *ret_count, struct err *err)
{
    enum err_code code =
        sql_run(sql,
                "INSERT INTO tool_event (tool_id, at_us, author, action, hash, category, reason) "
                "SELECT id, ?2, 'discovery', 'retired', hash, '', '' FROM tool "
                "WHERE server_id = ?1 AND is_seen = 0 AND is_gone = 0",
                SQL_ARGS(SQL_INT(server_id), SQL_INT(now_us)), err);
    if (code == ERR_OK)
        code = sql_run(sql,
                       "UPDATE tool SET is_gone = 1 WHERE server_id = ?1 AND is_seen = 0 AND "
                       "is_gone = 0",
                       SQL_ARGS(SQL_INT(server_id)), err);
    if (code == ERR_OK)
        *ret_count = sql_changed(sql);
    return code;
}

/* first_us is set once tools were found, and never again. */
static enum err_code save_catalogue(struct sql *sql, const struct tool_discovery *found,
                                    int64_t now_us, struct err *err)
{
    return sql_run(sql,
                   "INSERT INTO catalogue (server_id, first_us, found_us, failed_us, protocol, "
                   "error) VALUES (?1, ?3, ?2, 0, ?4, '') "
                   "ON CONFLICT (server_id) DO UPDATE SET first_us = "
                   "CASE WHEN first_us = 0 THEN ?3 ELSE first_us END, found_us = ?2, "
                   "protocol = ?4, error = ''",
                   SQL_ARGS(SQL_INT(found->server_id), SQL_INT(now_us),
                            SQL_INT(found->count > 0 ? now_us : 0), SQL_TEXT(found->protocol)),
                   err);
}

enum err_code sqlite_save_tools(struct sql *sql, const struct tool_discovery *found, int64_t now_us,
                                struct tool_changes *ret_changes, struct err *err)
{
    struct tool_changes changes = {0};
    int64_t servers = 0;
    enum err_code code = sql_get_i64(sql, "SELECT count(*) FROM server WHERE id = ?1",
                                     SQL_ARGS(SQL_INT(found->server_id)), &servers, err);
    if (code == ERR_OK && servers == 0)
        return err_set(err, ERR_NOT_FOUND, "no server has the id %lld",
                       (long long)found->server_id);
    if (code == ERR_OK)
        code = sql_run(sql, "UPDATE tool SET is_seen = 0 WHERE server_id = ?1",
                       SQL_ARGS(SQL_INT(found->server_id)), err);
    for (size_t i = 0; code == ERR_OK && i < found->count; i++) {
        struct saving saving = {.sql = sql,
                                .server_id = found->server_id,
                                .now_us = now_us,
                                .seen = &found->seen[i],
                                .changes = &changes};
        code = save_one(&saving, err);
    }
    if (code == ERR_OK)
        code = retire_unseen(sql, found->server_id, now_us, &changes.gone, err);
    if (code == ERR_OK)
        code = save_catalogue(sql, found, now_us, err);
    if (code == ERR_OK)
        *ret_changes = changes;
    return code;
}
