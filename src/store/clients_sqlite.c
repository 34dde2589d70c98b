/*
 * clients_sqlite.c - the operations of store.h on OAuth clients: those that are kept here, and what
 * is noted of any.
 */
#include <string.h>

#include "store/sqlite_priv.h"

struct clients_ctx {
    const struct store_change *change;
    const struct client *client;
    struct str id;
    bool is_blocked;
    size_t ended;
    int64_t now_us;
    uint64_t version;
};

static enum err_code read_texts(struct loader *loader, struct sqlite3_stmt *row,
                                struct client *client, struct err *err)
{
    struct str *const texts[] = {&client->id, &client->jwks_url, &client->jwks, &client->redeems,
                                 &client->author};
    enum err_code code = ERR_OK;
    for (size_t i = 0; code == ERR_OK && i < ARRAY_LEN(texts); i++)
        code = loader_str(loader, row, (int)i, texts[i], err);
    return code;
}

static enum err_code read_client(struct loader *loader, struct sqlite3_stmt *row, void *item,
                                 struct err *err)
{
    struct client *client = item;
    struct str hash = sql_bytes(row, 5);
    if (hash.len != 0 && hash.len != sizeof client->secret_hash)
        return err_set(err, ERR_CORRUPT, "database: a client's hash has %zu bytes", hash.len);
    client->has_secret = hash.len > 0;
    if (client->has_secret)
        memcpy(client->secret_hash, hash.ptr, sizeof client->secret_hash);
    client->robot_id = sql_i64(row, 6);
    client->may_exchange = sql_i64(row, 7) != 0;
    client->is_agent = sql_i64(row, 8) != 0;
    client->created_us = sql_i64(row, 9);
    return read_texts(loader, row, client, err);
}

enum err_code sqlite_load_clients(struct loader *loader, struct client **ret_clients,
                                  size_t *ret_count, struct err *err)
{
    static const struct loader_query query = {
        .count = "SELECT count(*) FROM client",
        .rows = "SELECT id, jwks_url, jwks, redeems, author, secret_hash, robot_id, may_exchange, "
                "is_agent, created_us FROM client ORDER BY id",
        .item_bytes = sizeof(struct client),
        .read = read_client,
    };
    void *items = NULL;
    enum err_code code = loader_read(loader, &query, SQL_NO_ARGS, &items, ret_count, err);
    if (code == ERR_OK)
        *ret_clients = items;
    return code;
}

static enum err_code read_mark(struct loader *loader, struct sqlite3_stmt *row, void *item,
                               struct err *err)
{
    struct client_mark *mark = item;
    mark->blocked_us = sql_i64(row, 1);
    mark->used_us = sql_i64(row, 2);
    return loader_str(loader, row, 0, &mark->id, err);
}

enum err_code sqlite_load_client_marks(struct loader *loader, struct client_mark **ret_marks,
                                       size_t *ret_count, struct err *err)
{
    static const struct loader_query query = {
        .count = "SELECT count(*) FROM client_mark",
        .rows = "SELECT id, blocked_us, used_us FROM client_mark ORDER BY id",
        .item_bytes = sizeof(struct client_mark),
        .read = read_mark,
    };
    void *items = NULL;
    enum err_code code = loader_read(loader, &query, SQL_NO_ARGS, &items, ret_count, err);
    if (code == ERR_OK)
        *ret_marks = items;
    return code;
}

/* --- changes --- */

static enum err_code check_room(struct sql *sql, struct err *err)
{
    int64_t count = 0;
    enum err_code code = sql_get_i64(sql, "SELECT count(*) FROM client", SQL_NO_ARGS, &count, err);
    if (code == ERR_OK && count >= STORE_MAX_CLIENTS)
        return err_set(err, ERR_CONFLICT, "there are %d clients already", STORE_MAX_CLIENTS);
    return code;
}

static enum err_code check_robot(struct sql *sql, int64_t robot_id, struct err *err)
{
    int64_t count = 0;
    enum err_code code = sql_get_i64(sql, "SELECT count(*) FROM robot WHERE id = ?1",
                                     SQL_ARGS(SQL_INT(robot_id)), &count, err);
    if (code == ERR_OK && robot_id != 0 && count == 0)
        return err_set(err, ERR_NOT_FOUND, "no robot has the id %lld", (long long)robot_id);
    return code;
}

static enum err_code insert(struct sql *sql, const struct client *client, int64_t now_us,
                            struct str author, struct err *err)
{
    struct str hash = client->has_secret
                          ? str_of((const char *)client->secret_hash, sizeof client->secret_hash)
                          : STR("");
    enum err_code code = sql_run(
        sql,
        "INSERT INTO client (id, jwks_url, jwks, redeems, author, secret_hash, robot_id, "
        "may_exchange, is_agent, created_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        SQL_ARGS(SQL_TEXT(client->id), SQL_TEXT(client->jwks_url), SQL_TEXT(client->jwks),
                 SQL_TEXT(client->redeems), SQL_TEXT(author), SQL_BLOB(hash),
                 SQL_INT(client->robot_id), SQL_INT(client->may_exchange),
                 SQL_INT(client->is_agent), SQL_INT(now_us)),
        err);
    if (code == ERR_CONFLICT)
        return err_set(err, ERR_CONFLICT, "there is a client '" STR_FMT "' already",
                       STR_ARG(client->id));
    return code;
}

static enum err_code seal_change(struct sql *sql, struct clients_ctx *c, struct err *err)
{
    enum err_code code = remember_change(sql, c->change, err);
    return code == ERR_OK ? raise_policy_version(sql, &c->version, err) : code;
}

static enum err_code add_body(struct sql *sql, void *ctx, struct err *err)
{
    struct clients_ctx *c = ctx;
    enum err_code code = check_room(sql, err);
    if (code == ERR_OK)
        code = check_robot(sql, c->client->robot_id, err);
    if (code == ERR_OK)
        code = insert(sql, c->client, c->change->now_us, c->change->author, err);
    return code == ERR_OK ? seal_change(sql, c, err) : code;
}

static enum err_code remove_body(struct sql *sql, void *ctx, struct err *err)
{
    struct clients_ctx *c = ctx;
    enum err_code code =
        sql_run(sql, "DELETE FROM client WHERE id = ?1", SQL_ARGS(SQL_TEXT(c->id)), err);
    if (code == ERR_OK && sql_changed(sql) == 0)
        return err_set(err, ERR_NOT_FOUND, "no client '" STR_FMT "' is kept here", STR_ARG(c->id));
    /* A later one of this id is another one; that the id is blocked stays. */
    if (code == ERR_OK)
        code = sql_run(sql, "UPDATE client_mark SET used_us = 0 WHERE id = ?1",
                       SQL_ARGS(SQL_TEXT(c->id)), err);
    return code == ERR_OK ? seal_change(sql, c, err) : code;
}

static enum err_code block_body(struct sql *sql, void *ctx, struct err *err)
{
    struct clients_ctx *c = ctx;
    int64_t since_us = c->is_blocked ? c->change->now_us : 0;
    enum err_code code = sql_run(
        sql,
        "INSERT INTO client_mark (id, blocked_us, used_us) VALUES (?1, ?2, 0) ON CONFLICT (id) DO "
        "UPDATE SET blocked_us = CASE WHEN ?2 > 0 AND blocked_us > 0 THEN blocked_us ELSE ?2 END",
        SQL_ARGS(SQL_TEXT(c->id), SQL_INT(since_us)), err);
    if (code == ERR_OK && c->is_blocked) {
        code =
            sql_run(sql, "UPDATE session SET ended_us = ?2 WHERE client_id = ?1 AND ended_us = 0",
                    SQL_ARGS(SQL_TEXT(c->id), SQL_INT(c->change->now_us)), err);
        c->ended = sql_changed(sql);
    }
    return code == ERR_OK ? seal_change(sql, c, err) : code;
}

/* Once a minute is often enough to tell whether a client is in use. */
static enum err_code touch_body(struct sql *sql, void *ctx, struct err *err)
{
    const struct clients_ctx *c = ctx;
    return sql_run(sql,
                   "INSERT INTO client_mark (id, blocked_us, used_us) VALUES (?1, 0, ?2) ON "
                   "CONFLICT (id) DO UPDATE SET used_us = ?2 WHERE used_us < ?2 - 60000000",
                   SQL_ARGS(SQL_TEXT(c->id), SQL_INT(c->now_us)), err);
}

enum err_code sqlite_op_add_client(struct store *store, const struct client *client,
                                   const struct store_change *change, uint64_t *ret_policy_version,
                                   struct err *err)
{
    struct clients_ctx c = {.client = client, .change = change};
    enum err_code code = sqlite_run(store, SQL_WRITE, add_body, &c, err);
    if (code == ERR_OK)
        *ret_policy_version = c.version;
    return code;
}

enum err_code sqlite_op_remove_client(struct store *store, struct str id,
                                      const struct store_change *change,
                                      uint64_t *ret_policy_version, struct err *err)
{
    struct clients_ctx c = {.id = id, .change = change};
    enum err_code code = sqlite_run(store, SQL_WRITE, remove_body, &c, err);
    if (code == ERR_OK)
        *ret_policy_version = c.version;
    return code;
}

enum err_code sqlite_op_block_client(struct store *store, struct str id, bool is_blocked,
                                     const struct store_change *change, size_t *ret_ended,
                                     uint64_t *ret_policy_version, struct err *err)
{
    struct clients_ctx c = {.id = id, .is_blocked = is_blocked, .change = change};
    enum err_code code = sqlite_run(store, SQL_WRITE, block_body, &c, err);
    if (code == ERR_OK) {
        *ret_ended = c.ended;
        *ret_policy_version = c.version;
    }
    return code;
}

enum err_code sqlite_op_touch_client(struct store *store, struct str id, int64_t now_us,
                                     struct err *err)
{
    struct clients_ctx c = {.id = id, .now_us = now_us};
    return sqlite_run(store, SQL_WRITE, touch_body, &c, err);
}
