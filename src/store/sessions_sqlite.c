#include "store/sqlite_priv.h"

static void buf_donep(struct buf *buf)
{
    buf_done(buf);
}

static enum err_code read_texts(struct loader *loader, struct sqlite3_stmt *row,
                                struct oauth_session *session, struct err *err)
{
    struct str *const texts[] = {&session->id,        &session->provider,    &session->subject,
                                 &session->email,     &session->name,        &session->groups,
                                 &session->client_id, &session->client_name, &session->resource};
    enum err_code code = loader_str(loader, row, 14, &session->provider_session, err);
    for (size_t i = 0; code == ERR_OK && i < ARRAY_LEN(texts); i++)
        code = loader_str(loader, row, (int)i, texts[i], err);
    return code;
}

static enum err_code read_session(struct loader *loader, struct sqlite3_stmt *row, void *item,
                                  struct err *err)
{
    struct oauth_session *session = item;
    session->created_us = sql_i64(row, 10);
    session->expires_us = sql_i64(row, 11);
    session->generation = (uint64_t)sql_i64(row, 12);
    session->ended_us = sql_i64(row, 13);
    session->needs_proof = sql_i64(row, 15) != 0;
    session->used_us = sql_i64(row, 16);
    enum err_code code = read_texts(loader, row, session, err);
    return code == ERR_OK ? read_set(sql_bytes(row, 9), scope_bit_of, &session->scopes, err) : code;
}

#define COLUMNS                                                                                    \
    "id, provider, subject, email, name, person_groups, client_id, client_name, resource, "        \
    "scopes, "                                                                                     \
    "created_us, expires_us, generation, ended_us, provider_session, needs_proof, used_us"

enum err_code sqlite_load_sessions(struct loader *loader, struct str id,
                                   struct oauth_session **ret_sessions, size_t *ret_count,
                                   struct err *err)
{
    static const struct loader_query query = {
        .count = "SELECT count(*) FROM session WHERE ?1 = '' OR id = ?1",
        .rows = "SELECT " COLUMNS " FROM session WHERE ?1 = '' OR id = ?1 ORDER BY created_us, id",
        .item_bytes = sizeof(struct oauth_session),
        .read = read_session,
    };
    void *items = NULL;
    enum err_code code =
        loader_read(loader, &query, SQL_ARGS(SQL_TEXT(id)), &items, ret_count, err);
    if (code == ERR_OK)
        *ret_sessions = items;
    return code;
}

/* A sign-in at the provider that has ended, among the ids that count no more; no issuer looks so.
 */
#define ENDED "('sign-in at ' || ?1, ?2, ?3)"

/* Of a page that was open when the provider said that the sign-in is over. */
static enum err_code check_sign_in(struct sql *sql, const struct oauth_session *session,
                                   struct err *err)
{
    int64_t count = 0;
    enum err_code code = sql_get_i64(
        sql, "SELECT count(*) FROM spent_id WHERE (issuer, id) = ('sign-in at ' || ?1, ?2)",
        SQL_ARGS(SQL_TEXT(session->provider), SQL_TEXT(session->provider_session)), &count, err);
    if (code == ERR_OK && count > 0)
        return err_set(err, ERR_DENIED, "the person has signed out at the provider since");
    return code;
}

enum err_code sqlite_add_session(struct sql *sql, const struct oauth_session *session,
                                 struct err *err)
{
    CLEANUP(buf_donep) struct buf scopes;
    buf_init(&scopes, 4096);
    scope_set_write(&scopes, session->scopes, ",");
    enum err_code code = sql_run(sql, "DELETE FROM session WHERE expires_us <= ?1",
                                 SQL_ARGS(SQL_INT(session->created_us)), err);
    if (code == ERR_OK)
        code = check_sign_in(sql, session, err);
    if (code != ERR_OK)
        return code;
    return sql_run(
        sql,
        "INSERT INTO session (" COLUMNS
        ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, "
        "?15, ?16, 0)",
        SQL_ARGS(SQL_TEXT(session->id), SQL_TEXT(session->provider), SQL_TEXT(session->subject),
                 SQL_TEXT(session->email), SQL_TEXT(session->name), SQL_TEXT(session->groups),
                 SQL_TEXT(session->client_id), SQL_TEXT(session->client_name),
                 SQL_TEXT(session->resource), SQL_TEXT(buf_str(&scopes)),
                 SQL_INT(session->created_us), SQL_INT(session->expires_us), SQL_INT(0), SQL_INT(0),
                 SQL_TEXT(session->provider_session), SQL_INT(session->needs_proof)),
        err);
}

enum err_code sqlite_turn_session(struct sql *sql, struct str id, uint64_t generation,
                                  int64_t now_us, struct err *err)
{
    enum err_code code =
        sql_run(sql,
                "UPDATE session SET generation = generation + 1, used_us = ?3 WHERE id = ?1 AND "
                "generation = ?2 AND ended_us = 0 AND expires_us > ?3",
                SQL_ARGS(SQL_TEXT(id), SQL_INT(generation), SQL_INT(now_us)), err);
    if (code == ERR_OK && sql_changed(sql) == 0)
        return err_set(err, ERR_CONFLICT,
                       "this is not the current token of a session that goes on");
    return code;
}

enum err_code sqlite_end_session(struct sql *sql, struct str id, int64_t now_us, struct err *err)
{
    return sql_run(sql, "UPDATE session SET ended_us = ?2 WHERE id = ?1 AND ended_us = 0",
                   SQL_ARGS(SQL_TEXT(id), SQL_INT(now_us)), err);
}

/* Somebody who was never seen is noted: what was issued until now may be shown for the first time
 * later. */
static enum err_code end_person(struct sql *sql, const struct sign_out *who, int64_t now_us,
                                struct err *err)
{
    enum err_code code =
        sql_run(sql,
                "UPDATE session SET ended_us = ?3 WHERE provider = ?1 AND subject = ?2 AND "
                "ended_us = 0",
                SQL_ARGS(SQL_TEXT(who->provider), SQL_TEXT(who->subject), SQL_INT(now_us)), err);
    if (code == ERR_OK)
        code = sql_run(sql,
                       "INSERT INTO user (provider, subject, email, name, role, is_disabled, "
                       "created_us, last_seen_us, signed_out_us) VALUES (?1, ?2, '', '', 'member', "
                       "0, ?3, 0, ?3) ON CONFLICT (provider, subject) DO UPDATE SET signed_out_us "
                       "= max(user.signed_out_us, ?3)",
                       SQL_ARGS(SQL_TEXT(who->provider), SQL_TEXT(who->subject), SQL_INT(now_us)),
                       err);
    return code;
}

static enum err_code end_provider_session(struct sql *sql, const struct sign_out *who,
                                          int64_t now_us, struct err *err)
{
    enum err_code code = sql_run(
        sql,
        "UPDATE session SET ended_us = ?3 WHERE provider = ?1 AND provider_session = ?2 AND "
        "ended_us = 0",
        SQL_ARGS(SQL_TEXT(who->provider), SQL_TEXT(who->provider_session), SQL_INT(now_us)), err);
    if (code != ERR_OK)
        return code;
    return sql_run(sql, "INSERT OR REPLACE INTO spent_id (issuer, id, expires_us) VALUES " ENDED,
                   SQL_ARGS(SQL_TEXT(who->provider), SQL_TEXT(who->provider_session),
                            SQL_INT(now_us + STORE_ENDED_SECONDS * INT64_C(1000000))),
                   err);
}

enum err_code sqlite_sign_out(struct sql *sql, const struct sign_out *who, int64_t now_us,
                              struct err *err)
{
    if (who->subject.len > 0)
        return end_person(sql, who, now_us, err);
    /* Sessions of providers that name none must not be taken for one another. */
    if (who->provider_session.len > 0)
        return end_provider_session(sql, who, now_us, err);
    return err_set(err, ERR_INVALID, "nobody is named who could sign out");
}
