/*
 * people_sqlite.c - the operations of store.h on people, their sessions, and what counts once.
 */
#include "store/sqlite_priv.h"
#include "store/store_priv.h"

struct people_ctx {
    struct arena *arena;
    const struct store_change *change;
    uint64_t version;
    struct user *users;
    size_t user_count;
    const struct user *user;
    int64_t user_id;
    enum user_role role;
    bool is_disabled;
    bool is_new;
    const struct oauth_session *session;
    struct oauth_session found;
    struct str id; /* of the session */
    uint64_t generation;
    const struct sign_out *who;
    const struct spent_id *token;
    int64_t now_us;
};

static enum err_code load_users_body(struct sql *sql, void *ctx, struct err *err)
{
    struct people_ctx *c = ctx;
    struct loader loader = {.sql = sql, .arena = c->arena};
    return sqlite_load_users(&loader, &c->users, &c->user_count, err);
}

enum err_code sqlite_op_load_users(struct store *store, struct arena *arena,
                                   struct user **ret_users, size_t *ret_count, struct err *err)
{
    struct people_ctx c = {.arena = arena};
    enum err_code code = sqlite_run(store, SQL_READ, load_users_body, &c, err);
    if (code == ERR_OK) {
        *ret_users = c.users;
        *ret_count = c.user_count;
    }
    return code;
}

static enum err_code see_user_body(struct sql *sql, void *ctx, struct err *err)
{
    struct people_ctx *c = ctx;
    bool is_renamed = false;
    enum err_code code = sqlite_is_renamed(sql, c->user, &is_renamed, err);
    if (code == ERR_OK)
        code = sqlite_see_user(sql, c->user, c->change->now_us, &c->is_new, err);
    if (code == ERR_OK)
        code = remember_change(sql, c->change, err);
    if (code != ERR_OK || !(is_renamed || (c->is_new && c->user->role != ROLE_MEMBER)))
        return code;
    return raise_policy_version(sql, &c->version, err);
}

enum err_code sqlite_op_see_user(struct store *store, const struct user *user,
                                 const struct store_change *change, bool *ret_is_new,
                                 struct err *err)
{
    struct people_ctx c = {.change = change, .user = user};
    enum err_code code = sqlite_run(store, SQL_WRITE, see_user_body, &c, err);
    if (code == ERR_OK && ret_is_new != NULL)
        *ret_is_new = c.is_new;
    return code;
}

static enum err_code set_user_body(struct sql *sql, void *ctx, struct err *err)
{
    struct people_ctx *c = ctx;
    enum err_code code = sqlite_set_user(sql, c->user_id, c->role, c->is_disabled, err);
    if (code == ERR_OK)
        code = remember_change(sql, c->change, err);
    return code == ERR_OK ? raise_policy_version(sql, &c->version, err) : code;
}

enum err_code sqlite_op_set_user(struct store *store, int64_t id, enum user_role role,
                                 bool is_disabled, const struct store_change *change,
                                 uint64_t *ret_policy_version, struct err *err)
{
    struct people_ctx c = {
        .change = change, .user_id = id, .role = role, .is_disabled = is_disabled};
    enum err_code code = sqlite_run(store, SQL_WRITE, set_user_body, &c, err);
    if (code == ERR_OK)
        *ret_policy_version = c.version;
    return code;
}

static enum err_code add_session_body(struct sql *sql, void *ctx, struct err *err)
{
    const struct people_ctx *c = ctx;
    return sqlite_add_session(sql, c->session, err);
}

enum err_code sqlite_op_add_session(struct store *store, const struct oauth_session *session,
                                    struct err *err)
{
    struct people_ctx c = {.session = session};
    return sqlite_run(store, SQL_WRITE, add_session_body, &c, err);
}

static enum err_code load_session_body(struct sql *sql, void *ctx, struct err *err)
{
    struct people_ctx *c = ctx;
    struct loader loader = {.sql = sql, .arena = c->arena};
    struct oauth_session *sessions = NULL;
    size_t count = 0;
    enum err_code code = sqlite_load_sessions(&loader, c->id, &sessions, &count, err);
    if (code == ERR_OK && count == 0)
        return err_set(err, ERR_NOT_FOUND, "there is no session '" STR_FMT "'", STR_ARG(c->id));
    if (code == ERR_OK)
        c->found = sessions[0];
    return code;
}

enum err_code sqlite_op_load_session(struct store *store, struct arena *arena, struct str id,
                                     struct oauth_session *ret_session, struct err *err)
{
    struct people_ctx c = {.arena = arena, .id = id};
    enum err_code code = id.len == 0 ? err_set(err, ERR_NOT_FOUND, "a session without an id")
                                     : sqlite_run(store, SQL_READ, load_session_body, &c, err);
    if (code == ERR_OK)
        *ret_session = c.found;
    return code;
}

static enum err_code turn_session_body(struct sql *sql, void *ctx, struct err *err)
{
    const struct people_ctx *c = ctx;
    return sqlite_turn_session(sql, c->id, c->generation, c->now_us, err);
}

enum err_code sqlite_op_turn_session(struct store *store, struct str id, uint64_t generation,
                                     int64_t now_us, struct err *err)
{
    struct people_ctx c = {.id = id, .generation = generation, .now_us = now_us};
    return sqlite_run(store, SQL_WRITE, turn_session_body, &c, err);
}

static enum err_code end_session_body(struct sql *sql, void *ctx, struct err *err)
{
    struct people_ctx *c = ctx;
    enum err_code code = sqlite_end_session(sql, c->id, c->change->now_us, err);
    if (code == ERR_OK)
        code = remember_change(sql, c->change, err);
    return code == ERR_OK ? raise_policy_version(sql, &c->version, err) : code;
}

enum err_code sqlite_op_end_session(struct store *store, struct str id,
                                    const struct store_change *change, uint64_t *ret_policy_version,
                                    struct err *err)
{
    struct people_ctx c = {.id = id, .change = change};
    enum err_code code = sqlite_run(store, SQL_WRITE, end_session_body, &c, err);
    if (code == ERR_OK)
        *ret_policy_version = c.version;
    return code;
}

static enum err_code sign_out_body(struct sql *sql, void *ctx, struct err *err)
{
    struct people_ctx *c = ctx;
    const struct spent_id *token = c->token;
    enum err_code code = ERR_OK;
    if (token != NULL)
        code = sqlite_spend_id(sql, token, c->change->now_us, err);
    if (code == ERR_OK)
        code = sqlite_sign_out(sql, c->who, c->change->now_us, err);
    if (code == ERR_OK)
        code = remember_change(sql, c->change, err);
    return code == ERR_OK ? raise_policy_version(sql, &c->version, err) : code;
}

enum err_code sqlite_op_sign_out(struct store *store, const struct sign_out *who,
                                 const struct spent_id *token, const struct store_change *change,
                                 uint64_t *ret_policy_version, struct err *err)
{
    struct people_ctx c = {.who = who, .token = token, .change = change};
    enum err_code code = sqlite_run(store, SQL_WRITE, sign_out_body, &c, err);
    if (code == ERR_OK)
        *ret_policy_version = c.version;
    return code;
}

static enum err_code spend_id_body(struct sql *sql, void *ctx, struct err *err)
{
    const struct people_ctx *c = ctx;
    return sqlite_spend_id(sql, c->token, c->now_us, err);
}

enum err_code sqlite_op_spend_id(struct store *store, const struct spent_id *token, int64_t now_us,
                                 struct err *err)
{
    struct people_ctx c = {.token = token, .now_us = now_us};
    return sqlite_run(store, SQL_WRITE, spend_id_body, &c, err);
}
