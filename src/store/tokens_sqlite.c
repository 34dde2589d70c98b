#include <string.h>

#include "store/sqlite_priv.h"

static const char *const kind_words[] = {
    [TOKEN_ROBOT] = "robot",
    [TOKEN_USER] = "user",
    [TOKEN_ADMIN] = "admin",
    [TOKEN_SCIM] = "scim",
};

static enum err_code read_kind(struct str word, enum token_kind *ret_kind, struct err *err)
{
    for (size_t i = 0; i < ARRAY_LEN(kind_words); i++) {
        if (str_eq(word, str_c(kind_words[i]))) {
            *ret_kind = (enum token_kind)i;
            return ERR_OK;
        }
    }
    return unknown_word(word, err);
}

static enum err_code read_texts(struct loader *loader, struct sqlite3_stmt *row,
                                struct token *token, struct err *err)
{
    struct str *const texts[] = {&token->owner,  &token->name,       &token->agent,
                                 &token->groups, &token->session_id, &token->provider};
    enum err_code code = loader_str(loader, row, 0, &token->id, err);
    for (size_t i = 0; code == ERR_OK && i < ARRAY_LEN(texts); i++)
        code = loader_str(loader, row, 10 + (int)i, texts[i], err);
    return code;
}

static enum err_code read_token(struct loader *loader, struct sqlite3_stmt *row, void *item,
                                struct err *err)
{
    struct token *token = item;
    struct str hash = sql_bytes(row, 4);
    if (hash.len != sizeof token->hash)
        return err_set(err, ERR_CORRUPT, "database: a token's hash has %zu bytes", hash.len);
    memcpy(token->hash, hash.ptr, sizeof token->hash);
    token->robot_id = sql_i64(row, 2);
    token->user_id = sql_i64(row, 3);
    token->created_us = sql_i64(row, 6);
    token->expires_us = sql_i64(row, 7);
    token->last_used_us = sql_i64(row, 8);
    token->revoked_us = sql_i64(row, 9);
    enum err_code code = read_kind(sql_bytes(row, 1), &token->kind, err);
    if (code == ERR_OK)
        code = read_set(sql_bytes(row, 5), scope_bit_of, &token->scopes, err);
    return code == ERR_OK ? read_texts(loader, row, token, err) : code;
}

enum err_code sqlite_load_tokens(struct loader *loader, struct token **ret_tokens,
                                 size_t *ret_count, struct err *err)
{
    static const struct loader_query query = {
        .count = "SELECT count(*) FROM token",
        .rows = "SELECT id, kind, robot_id, user_id, hash, scopes, created_us, expires_us, "
                "last_used_us, revoked_us, owner, name, agent, person_groups, session_id, provider "
                "FROM token ORDER BY created_us, id",
        .item_bytes = sizeof(struct token),
        .read = read_token,
    };
    void *items = NULL;
    enum err_code code = loader_read(loader, &query, SQL_NO_ARGS, &items, ret_count, err);
    if (code == ERR_OK)
        *ret_tokens = items;
    return code;
}

static void buf_donep(struct buf *buf)
{
    buf_done(buf);
}

static enum err_code check_robot(struct sql *sql, const struct token *token, struct err *err)
{
    int64_t count = 0;
    enum err_code code = sql_get_i64(sql, "SELECT count(*) FROM robot WHERE id = ?1",
                                     SQL_ARGS(SQL_INT(token->robot_id)), &count, err);
    if (code == ERR_OK && count == 0)
        return err_set(err, ERR_NOT_FOUND, "no robot has the id %lld", (long long)token->robot_id);
    return code;
}

/* A person can fill no disk with keys: what ended is forgotten some time later, and what is kept
 * is bounded. */
static enum err_code check_user(struct sql *sql, const struct token *token, int64_t now_us,
                                struct err *err)
{
    int64_t users = 0;
    int64_t keys = 0;
    enum err_code code = sql_get_i64(sql, "SELECT count(*) FROM user WHERE id = ?1",
                                     SQL_ARGS(SQL_INT(token->user_id)), &users, err);
    if (code == ERR_OK && users == 0)
        return err_set(err, ERR_NOT_FOUND, "no user has the id %lld", (long long)token->user_id);
    if (code == ERR_OK)
        code =
            sql_run(sql,
                    "DELETE FROM token WHERE user_id = ?1 AND ((revoked_us > 0 AND revoked_us "
                    "< ?2) OR (expires_us > 0 AND expires_us < ?2))",
                    SQL_ARGS(SQL_INT(token->user_id), SQL_INT(now_us - STORE_KEY_ENDED_US)), err);
    if (code == ERR_OK)
        code = sql_get_i64(sql, "SELECT count(*) FROM token WHERE user_id = ?1",
                           SQL_ARGS(SQL_INT(token->user_id)), &keys, err);
    if (code == ERR_OK && keys >= STORE_MAX_USER_KEYS)
        return err_set(err, ERR_CONFLICT,
                       "nobody has more than %d keys, those that ended in the last 30 days counted",
                       STORE_MAX_USER_KEYS);
    return code;
}

static enum err_code check_holder(struct sql *sql, const struct token *token, int64_t now_us,
                                  struct err *err)
{
    switch (token->kind) {
    case TOKEN_ROBOT:
        return check_robot(sql, token, err);
    case TOKEN_USER:
        return check_user(sql, token, now_us, err);
    case TOKEN_ADMIN:
    case TOKEN_SCIM:
        break;
    }
    return ERR_OK;
}

enum err_code sqlite_add_token(struct sql *sql, const struct token *token, int64_t now_us,
                               struct err *err)
{
    enum err_code code = check_holder(sql, token, now_us, err);
    if (code != ERR_OK)
        return code;
    CLEANUP(buf_donep) struct buf scopes;
    buf_init(&scopes, 4096);
    scope_set_write(&scopes, token->scopes, ",");
    if (scopes.failed)
        return err_set(err, ERR_LIMIT, "add token: memory is out");
    code = sql_run(
        sql,
        "INSERT INTO token (id, kind, robot_id, owner, hash, scopes, created_us, expires_us, "
        "last_used_us, revoked_us, user_id, name, agent, person_groups, session_id, provider) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, 0, ?9, ?10, ?11, ?12, ?13, ?14)",
        SQL_ARGS(SQL_TEXT(token->id), SQL_TEXT(str_c(kind_words[token->kind])),
                 SQL_INT(token->robot_id), SQL_TEXT(token->owner),
                 SQL_BLOB(str_of((const char *)token->hash, sizeof token->hash)),
                 SQL_TEXT(buf_str(&scopes)), SQL_INT(now_us), SQL_INT(token->expires_us),
                 SQL_INT(token->user_id), SQL_TEXT(token->name), SQL_TEXT(token->agent),
                 SQL_TEXT(token->groups.len == 0 ? STR("[]") : token->groups),
                 SQL_TEXT(token->session_id), SQL_TEXT(token->provider)),
        err);
    if (code == ERR_CONFLICT)
        return err_set(err, ERR_CONFLICT, "a token with this id or hash is there already");
    return code;
}

enum err_code sqlite_revoke_token(struct sql *sql, struct str id, int64_t now_us, size_t *ret_count,
                                  struct err *err)
{
    int64_t count = 0;
    enum err_code code = sql_get_i64(sql, "SELECT count(*) FROM token WHERE id = ?1",
                                     SQL_ARGS(SQL_TEXT(id)), &count, err);
    if (code == ERR_OK && count == 0)
        return err_set(err, ERR_NOT_FOUND, "no token has the id '" STR_FMT "'", STR_ARG(id));
    if (code == ERR_OK)
        code = sql_run(sql, "UPDATE token SET revoked_us = ?2 WHERE id = ?1 AND revoked_us = 0",
                       SQL_ARGS(SQL_TEXT(id), SQL_INT(now_us)), err);
    if (code == ERR_OK)
        *ret_count = sql_changed(sql);
    return code;
}

enum err_code sqlite_revoke_tokens(struct sql *sql, const struct token_holder *holder,
                                   int64_t now_us, size_t *ret_count, struct err *err)
{
    enum err_code code = sql_run(
        sql,
        "UPDATE token SET revoked_us = ?3 WHERE robot_id = ?1 AND user_id = ?2 AND revoked_us = 0",
        SQL_ARGS(SQL_INT(holder->robot_id), SQL_INT(holder->user_id), SQL_INT(now_us)), err);
    if (code == ERR_OK)
        *ret_count = sql_changed(sql);
    return code;
}

enum err_code sqlite_end_tokens(struct sql *sql, int64_t robot_id, struct str old, int64_t now_us,
                                int64_t ends_us, struct err *err)
{
    int64_t count = 0;
    enum err_code code =
        sql_get_i64(sql,
                    "SELECT count(*) FROM token WHERE robot_id = ?1 AND id = ?2 AND revoked_us = 0 "
                    "AND (expires_us = 0 OR expires_us > ?3)",
                    SQL_ARGS(SQL_INT(robot_id), SQL_TEXT(old), SQL_INT(now_us)), &count, err);
    if (code == ERR_OK && old.len > 0 && count == 0)
        return err_set(err, ERR_NOT_FOUND, "the robot has no token '" STR_FMT "' that is good now",
                       STR_ARG(old));
    if (code != ERR_OK)
        return code;
    return sql_run(sql,
                   "UPDATE token SET expires_us = ?3 WHERE robot_id = ?1 AND (?2 = '' OR id = ?2) "
                   "AND revoked_us = 0 AND (expires_us = 0 OR expires_us > ?3)",
                   SQL_ARGS(SQL_INT(robot_id), SQL_TEXT(old), SQL_INT(ends_us)), err);
}

enum err_code sqlite_touch_tokens(struct sql *sql, const struct token_use *uses, size_t count,
                                  struct err *err)
{
    enum err_code code = ERR_OK;
    for (size_t i = 0; code == ERR_OK && i < count; i++)
        code =
            sql_run(sql, "UPDATE token SET last_used_us = ?2 WHERE id = ?1 AND last_used_us < ?2",
                    SQL_ARGS(SQL_TEXT(uses[i].id), SQL_INT(uses[i].used_us)), err);
    return code;
}
