#include "store/sqlite_priv.h"

static enum err_code read_user(struct loader *loader, struct sqlite3_stmt *row, void *item,
                               struct err *err)
{
    struct user *user = item;
    user->id = sql_i64(row, 0);
    user->is_disabled = sql_i64(row, 6) != 0;
    user->created_us = sql_i64(row, 7);
    user->last_seen_us = sql_i64(row, 8);
    user->signed_out_us = sql_i64(row, 9);
    if (!provisioning_parse(sql_bytes(row, 10), &user->provisioning))
        return unknown_word(sql_bytes(row, 10), err);
    if (!role_parse(sql_bytes(row, 5), &user->role))
        return unknown_word(sql_bytes(row, 5), err);
    enum err_code code = loader_str(loader, row, 1, &user->provider, err);
    if (code == ERR_OK)
        code = loader_str(loader, row, 2, &user->subject, err);
    if (code == ERR_OK)
        code = loader_str(loader, row, 3, &user->email, err);
    return code == ERR_OK ? loader_str(loader, row, 4, &user->name, err) : code;
}

enum err_code sqlite_load_users(struct loader *loader, struct user **ret_users, size_t *ret_count,
                                struct err *err)
{
    static const struct loader_query query = {
        .count = "SELECT count(*) FROM user",
        .rows = "SELECT id, provider, subject, email, name, role, is_disabled, created_us, "
                "last_seen_us, signed_out_us, provisioning FROM user ORDER BY id",
        .item_bytes = sizeof(struct user),
        .read = read_user,
    };
    void *items = NULL;
    enum err_code code = loader_read(loader, &query, SQL_NO_ARGS, &items, ret_count, err);
    if (code == ERR_OK)
        *ret_users = items;
    return code;
}

enum err_code sqlite_is_renamed(struct sql *sql, const struct user *user, bool *ret_is_renamed,
                                struct err *err)
{
    int64_t count = 0;
    enum err_code code = sql_get_i64(
        sql,
        "SELECT count(*) FROM user WHERE provider = ?1 AND subject = ?2 AND email != ?3 AND "
        "(?3 != '' OR provisioning = 'none')",
        SQL_ARGS(SQL_TEXT(user->provider), SQL_TEXT(user->subject), SQL_TEXT(user->email)), &count,
        err);
    *ret_is_renamed = code == ERR_OK && count > 0;
    return code;
}

/* One who only ever signed out is noted, and was not seen. */
static enum err_code was_seen(struct sql *sql, const struct user *user, bool *ret_was_seen,
                              struct err *err)
{
    int64_t count = 0;
    enum err_code code = sql_get_i64(
        sql, "SELECT count(*) FROM user WHERE provider = ?1 AND subject = ?2 AND last_seen_us > 0",
        SQL_ARGS(SQL_TEXT(user->provider), SQL_TEXT(user->subject)), &count, err);
    *ret_was_seen = code == ERR_OK && count > 0;
    return code;
}

/* Whoever is seen for the first time may turn out to be an owner; another role that was given
 * meanwhile stays. A token that names no e-mail address leaves the provisioned one. */
enum err_code sqlite_see_user(struct sql *sql, const struct user *user, int64_t now_us,
                              bool *ret_is_new, struct err *err)
{
    bool is_known = true;
    enum err_code code = was_seen(sql, user, &is_known, err);
    if (code == ERR_OK)
        code = sql_run(sql,
                       "INSERT INTO user (provider, subject, email, name, role, is_disabled, "
                       "created_us, last_seen_us) VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, ?6) "
                       "ON CONFLICT (provider, subject) DO UPDATE SET email = CASE WHEN "
                       "excluded.email = '' AND user.provisioning != 'none' THEN user.email ELSE "
                       "excluded.email END, name = excluded.name, last_seen_us = "
                       "max(user.last_seen_us, ?6), role = "
                       "CASE WHEN user.last_seen_us = 0 AND excluded.role = 'owner' THEN 'owner' "
                       "ELSE user.role END",
                       SQL_ARGS(SQL_TEXT(user->provider), SQL_TEXT(user->subject),
                                SQL_TEXT(user->email), SQL_TEXT(user->name),
                                SQL_TEXT(str_c(role_word(user->role))), SQL_INT(now_us)),
                       err);
    *ret_is_new = code == ERR_OK && !is_known;
    return code;
}

#define IS_OWNER                                                                                   \
    "role = 'owner' AND is_disabled = 0 AND provisioning NOT IN ('inactive', 'deleted')"

enum err_code sqlite_check_owner(struct sql *sql, int64_t id, struct str provider, struct err *err)
{
    int64_t is_owner = 0;
    int64_t others = 0;
    enum err_code code = sql_get_i64(sql, "SELECT count(*) FROM user WHERE id = ?1 AND " IS_OWNER,
                                     SQL_ARGS(SQL_INT(id)), &is_owner, err);
    if (code == ERR_OK)
        code = sql_get_i64(sql,
                           "SELECT count(*) FROM user WHERE id != ?1 AND " IS_OWNER
                           " AND (provider != ?2 OR provisioning = 'active')",
                           SQL_ARGS(SQL_INT(id), SQL_TEXT(provider)), &others, err);
    if (code == ERR_OK && is_owner != 0 && others == 0)
        return err_set(err, ERR_CONFLICT, "this is the last owner; make another one first");
    return code;
}

enum err_code sqlite_set_user(struct sql *sql, int64_t id, enum user_role role, bool is_disabled,
                              struct err *err)
{
    enum err_code code = ERR_OK;
    if (role != ROLE_OWNER || is_disabled)
        code = sqlite_check_owner(sql, id, STR_NONE, err);
    if (code == ERR_OK)
        code = sql_run(
            sql, "UPDATE user SET role = ?2, is_disabled = ?3 WHERE id = ?1",
            SQL_ARGS(SQL_INT(id), SQL_TEXT(str_c(role_word(role))), SQL_INT(is_disabled)), err);
    if (code == ERR_OK && sql_changed(sql) == 0)
        return err_set(err, ERR_NOT_FOUND, "no user has the id %lld", (long long)id);
    return code;
}

enum err_code sqlite_spend_id(struct sql *sql, const struct spent_id *token, int64_t now_us,
                              struct err *err)
{
    enum err_code code =
        sql_run(sql, "DELETE FROM spent_id WHERE expires_us <= ?1", SQL_ARGS(SQL_INT(now_us)), err);
    if (code == ERR_OK)
        code = sql_run(
            sql, "INSERT INTO spent_id (issuer, id, expires_us) VALUES (?1, ?2, ?3)",
            SQL_ARGS(SQL_TEXT(token->issuer), SQL_TEXT(token->id), SQL_INT(token->expires_us)),
            err);
    if (code == ERR_CONFLICT)
        return err_set(err, ERR_CONFLICT, "this assertion was redeemed before");
    return code;
}
