/*
 * store_sqlite.c - the operations of store.h over SQLite: each is one transaction.
 */
#include <stdlib.h>
#include <string.h>

#include "store/migrate.h"
#include "store/sqlite_priv.h"
#include "store/store_priv.h"

struct sqlite_store {
    struct store store;
    char *path;
    struct sql *sql; /* NULL: given up after a failure, opened again by the next operation */
};

static enum err_code open_database(const char *path, struct sql **ret_sql, struct err *err)
{
    CLEANUP(sql_closep) struct sql *sql = NULL;
    enum err_code code = sql_open(path, &sql, err);
    if (code == ERR_OK)
        code = migrate_check(sql, store_migration_count, err);
    if (code == ERR_OK)
        code = sql_use_wal(sql, err);
    if (code == ERR_OK)
        code = migrate(sql, store_migrations, store_migration_count, err);
    if (code == ERR_OK)
        code = sql_check(sql, err);
    if (code == ERR_OK)
        *ret_sql = MOVE(sql);
    return code;
}

/* A connection that failed to write is not trusted again: SQLite would go on after a failed sync.
 */
static enum err_code run(struct store *store, enum sql_mode mode, sql_body_fn *body, void *ctx,
                         struct err *err)
{
    struct sqlite_store *self = (struct sqlite_store *)store;
    if (self->sql == NULL) {
        enum err_code code = open_database(self->path, &self->sql, err);
        if (code != ERR_OK)
            return err_wrap(err, "open again");
    }
    enum err_code code = sql_transaction(self->sql, mode, body, ctx, err);
    if (sql_is_broken(self->sql)) {
        sql_close(self->sql);
        self->sql = NULL;
    }
    return code;
}

static void close_store(struct store *store)
{
    struct sqlite_store *self = (struct sqlite_store *)store;
    sql_close(self->sql);
    free(self->path);
    free(self);
}

/* --- changes and versions --- */

struct change_ctx {
    struct str id;
    bool has;
};

static enum err_code has_change_body(struct sql *sql, void *ctx, struct err *err)
{
    struct change_ctx *c = ctx;
    int64_t count = 0;
    enum err_code code = sql_get_i64(sql, "SELECT count(*) FROM pending_change WHERE id = ?1",
                                     SQL_ARGS(SQL_TEXT(c->id)), &count, err);
    c->has = count > 0;
    return code;
}

static enum err_code has_change(struct store *store, struct str id, bool *ret_has, struct err *err)
{
    struct change_ctx c = {.id = id};
    enum err_code code = run(store, SQL_READ, has_change_body, &c, err);
    if (code == ERR_OK)
        *ret_has = c.has;
    return code;
}

static enum err_code forget_change_body(struct sql *sql, void *ctx, struct err *err)
{
    const struct change_ctx *c = ctx;
    return sql_run(sql, "DELETE FROM pending_change WHERE id = ?1", SQL_ARGS(SQL_TEXT(c->id)), err);
}

static enum err_code forget_change(struct store *store, struct str id, struct err *err)
{
    struct change_ctx c = {.id = id};
    return run(store, SQL_WRITE, forget_change_body, &c, err);
}

struct load_ctx {
    struct arena *arena;
    struct store_view view;
    int64_t server_id;
};

static enum err_code policy_version_body(struct sql *sql, void *ctx, struct err *err)
{
    struct load_ctx *c = ctx;
    return get_policy_version(sql, &c->view.policy_version, err);
}

static enum err_code policy_version(struct store *store, uint64_t *ret_version, struct err *err)
{
    struct load_ctx c = {0};
    enum err_code code = run(store, SQL_READ, policy_version_body, &c, err);
    if (code == ERR_OK)
        *ret_version = c.view.policy_version;
    return code;
}

/* --- loading --- */

static enum err_code load_view_body(struct sql *sql, void *ctx, struct err *err)
{
    struct load_ctx *c = ctx;
    struct loader loader = {.sql = sql, .arena = c->arena};
    enum err_code code = get_policy_version(sql, &c->view.policy_version, err);
    if (code == ERR_OK)
        code = sqlite_load_governance(&loader, &c->view.governance, err);
    if (code == ERR_OK)
        code = sqlite_load_tools(&loader, 0, &c->view.tools, &c->view.tool_count, err);
    if (code == ERR_OK)
        code = sqlite_load_tokens(&loader, &c->view.tokens, &c->view.token_count, err);
    if (code == ERR_OK)
        code = sqlite_load_users(&loader, &c->view.users, &c->view.user_count, err);
    if (code == ERR_OK)
        code =
            sqlite_load_sessions(&loader, STR_NONE, &c->view.sessions, &c->view.session_count, err);
    return code;
}

static enum err_code load_view(struct store *store, struct arena *arena,
                               struct store_view *ret_view, struct err *err)
{
    struct load_ctx c = {.arena = arena};
    enum err_code code = run(store, SQL_READ, load_view_body, &c, err);
    if (code == ERR_OK)
        *ret_view = c.view;
    return code;
}

static enum err_code load_governance_body(struct sql *sql, void *ctx, struct err *err)
{
    struct load_ctx *c = ctx;
    struct loader loader = {.sql = sql, .arena = c->arena};
    return sqlite_load_governance(&loader, &c->view.governance, err);
}

static enum err_code load_governance(struct store *store, struct arena *arena,
                                     struct governance *ret_governance, struct err *err)
{
    struct load_ctx c = {.arena = arena};
    enum err_code code = run(store, SQL_READ, load_governance_body, &c, err);
    if (code == ERR_OK)
        *ret_governance = c.view.governance;
    return code;
}

static enum err_code load_tools_body(struct sql *sql, void *ctx, struct err *err)
{
    struct load_ctx *c = ctx;
    struct loader loader = {.sql = sql, .arena = c->arena};
    return sqlite_load_tools(&loader, c->server_id, &c->view.tools, &c->view.tool_count, err);
}

static enum err_code load_tools(struct store *store, struct arena *arena, int64_t server_id,
                                struct tool **ret_tools, size_t *ret_count, struct err *err)
{
    struct load_ctx c = {.arena = arena, .server_id = server_id};
    enum err_code code = run(store, SQL_READ, load_tools_body, &c, err);
    if (code == ERR_OK) {
        *ret_tools = c.view.tools;
        *ret_count = c.view.tool_count;
    }
    return code;
}

static enum err_code load_tokens_body(struct sql *sql, void *ctx, struct err *err)
{
    struct load_ctx *c = ctx;
    struct loader loader = {.sql = sql, .arena = c->arena};
    return sqlite_load_tokens(&loader, &c->view.tokens, &c->view.token_count, err);
}

static enum err_code load_tokens(struct store *store, struct arena *arena,
                                 struct token **ret_tokens, size_t *ret_count, struct err *err)
{
    struct load_ctx c = {.arena = arena};
    enum err_code code = run(store, SQL_READ, load_tokens_body, &c, err);
    if (code == ERR_OK) {
        *ret_tokens = c.view.tokens;
        *ret_count = c.view.token_count;
    }
    return code;
}

static enum err_code load_users_body(struct sql *sql, void *ctx, struct err *err)
{
    struct load_ctx *c = ctx;
    struct loader loader = {.sql = sql, .arena = c->arena};
    return sqlite_load_users(&loader, &c->view.users, &c->view.user_count, err);
}

static enum err_code load_users(struct store *store, struct arena *arena, struct user **ret_users,
                                size_t *ret_count, struct err *err)
{
    struct load_ctx c = {.arena = arena};
    enum err_code code = run(store, SQL_READ, load_users_body, &c, err);
    if (code == ERR_OK) {
        *ret_users = c.view.users;
        *ret_count = c.view.user_count;
    }
    return code;
}

/* --- changing what decisions rest on --- */

struct save_ctx {
    const struct store_change *change;
    const struct governance *governance;
    uint64_t expected_version;
    const struct tool_seen *seen;
    size_t seen_count;
    struct tool_changes tools;
    int64_t id; /* of the server or the robot */
    const struct token *token;
    struct str token_id;
    size_t revoked;
    const struct user *user;
    enum user_role role;
    bool is_disabled;
    bool is_new;
    uint64_t version;
};

static enum err_code save_governance_body(struct sql *sql, void *ctx, struct err *err)
{
    struct save_ctx *c = ctx;
    enum err_code code =
        sqlite_save_governance(sql, c->governance, c->expected_version, c->change, err);
    if (code == ERR_OK)
        code = remember_change(sql, c->change, err);
    return code == ERR_OK ? raise_policy_version(sql, &c->version, err) : code;
}

static enum err_code save_governance(struct store *store, const struct governance *governance,
                                     uint64_t expected_version, const struct store_change *change,
                                     uint64_t *ret_policy_version, struct err *err)
{
    struct save_ctx c = {
        .change = change, .governance = governance, .expected_version = expected_version};
    enum err_code code = run(store, SQL_WRITE, save_governance_body, &c, err);
    if (code == ERR_OK)
        *ret_policy_version = c.version;
    return code;
}

static enum err_code save_tools_body(struct sql *sql, void *ctx, struct err *err)
{
    struct save_ctx *c = ctx;
    enum err_code code =
        sqlite_save_tools(sql, c->id, c->seen, c->seen_count, c->change->now_us, &c->tools, err);
    if (code == ERR_OK)
        code = remember_change(sql, c->change, err);
    if (code != ERR_OK)
        return code;
    if (c->tools.added + c->tools.changed + c->tools.gone == 0)
        return get_policy_version(sql, &c->tools.policy_version, err);
    return raise_policy_version(sql, &c->tools.policy_version, err);
}

static enum err_code save_tools(struct store *store, int64_t server_id,
                                const struct tool_seen *seen, size_t count,
                                const struct store_change *change, struct tool_changes *ret_changes,
                                struct err *err)
{
    struct save_ctx c = {.change = change, .id = server_id, .seen = seen, .seen_count = count};
    enum err_code code = run(store, SQL_WRITE, save_tools_body, &c, err);
    if (code == ERR_OK)
        *ret_changes = c.tools;
    return code;
}

static enum err_code add_token_body(struct sql *sql, void *ctx, struct err *err)
{
    struct save_ctx *c = ctx;
    enum err_code code = sqlite_add_token(sql, c->token, c->change->now_us, err);
    if (code == ERR_OK)
        code = remember_change(sql, c->change, err);
    return code == ERR_OK ? raise_policy_version(sql, &c->version, err) : code;
}

static enum err_code add_token(struct store *store, const struct token *token,
                               const struct store_change *change, uint64_t *ret_policy_version,
                               struct err *err)
{
    struct save_ctx c = {.change = change, .token = token};
    enum err_code code = run(store, SQL_WRITE, add_token_body, &c, err);
    if (code == ERR_OK)
        *ret_policy_version = c.version;
    return code;
}

static enum err_code revoke_body(struct sql *sql, void *ctx, struct err *err)
{
    struct save_ctx *c = ctx;
    enum err_code code =
        c->id == 0 ? sqlite_revoke_token(sql, c->token_id, c->change->now_us, &c->revoked, err)
                   : sqlite_revoke_robot_tokens(sql, c->id, c->change->now_us, &c->revoked, err);
    if (code == ERR_OK)
        code = remember_change(sql, c->change, err);
    if (code != ERR_OK)
        return code;
    return c->revoked == 0 ? get_policy_version(sql, &c->version, err)
                           : raise_policy_version(sql, &c->version, err);
}

static enum err_code revoke_token(struct store *store, struct str id,
                                  const struct store_change *change, uint64_t *ret_policy_version,
                                  struct err *err)
{
    struct save_ctx c = {.change = change, .token_id = id};
    enum err_code code = run(store, SQL_WRITE, revoke_body, &c, err);
    if (code == ERR_OK)
        *ret_policy_version = c.version;
    return code;
}

static enum err_code revoke_robot_tokens(struct store *store, int64_t robot_id,
                                         const struct store_change *change, size_t *ret_count,
                                         uint64_t *ret_policy_version, struct err *err)
{
    if (robot_id <= 0)
        return err_set(err, ERR_INVALID, "no robot has the id %lld", (long long)robot_id);
    struct save_ctx c = {.change = change, .id = robot_id};
    enum err_code code = run(store, SQL_WRITE, revoke_body, &c, err);
    if (code == ERR_OK) {
        *ret_count = c.revoked;
        *ret_policy_version = c.version;
    }
    return code;
}

static enum err_code see_user_body(struct sql *sql, void *ctx, struct err *err)
{
    struct save_ctx *c = ctx;
    enum err_code code = sqlite_see_user(sql, c->user, c->change->now_us, &c->is_new, err);
    if (code == ERR_OK)
        code = remember_change(sql, c->change, err);
    if (code != ERR_OK || !c->is_new || c->user->role == ROLE_MEMBER)
        return code;
    return raise_policy_version(sql, &c->version, err);
}

static enum err_code see_user(struct store *store, const struct user *user,
                              const struct store_change *change, bool *ret_is_new, struct err *err)
{
    struct save_ctx c = {.change = change, .user = user};
    enum err_code code = run(store, SQL_WRITE, see_user_body, &c, err);
    if (code == ERR_OK && ret_is_new != NULL)
        *ret_is_new = c.is_new;
    return code;
}

static enum err_code set_user_body(struct sql *sql, void *ctx, struct err *err)
{
    struct save_ctx *c = ctx;
    enum err_code code = sqlite_set_user(sql, c->id, c->role, c->is_disabled, err);
    if (code == ERR_OK)
        code = remember_change(sql, c->change, err);
    return code == ERR_OK ? raise_policy_version(sql, &c->version, err) : code;
}

static enum err_code set_user(struct store *store, int64_t id, enum user_role role,
                              bool is_disabled, const struct store_change *change,
                              uint64_t *ret_policy_version, struct err *err)
{
    struct save_ctx c = {.change = change, .id = id, .role = role, .is_disabled = is_disabled};
    enum err_code code = run(store, SQL_WRITE, set_user_body, &c, err);
    if (code == ERR_OK)
        *ret_policy_version = c.version;
    return code;
}

struct session_ctx {
    struct arena *arena;
    const struct oauth_session *session;
    struct oauth_session found;
    struct str id;
    struct str provider;
    struct str subject;
    const struct spent_id *token;
    uint64_t generation;
    int64_t now_us;
    const struct store_change *change;
    uint64_t version;
};

static enum err_code add_session_body(struct sql *sql, void *ctx, struct err *err)
{
    const struct session_ctx *c = ctx;
    return sqlite_add_session(sql, c->session, err);
}

static enum err_code add_session(struct store *store, const struct oauth_session *session,
                                 struct err *err)
{
    struct session_ctx c = {.session = session};
    return run(store, SQL_WRITE, add_session_body, &c, err);
}

static enum err_code load_session_body(struct sql *sql, void *ctx, struct err *err)
{
    struct session_ctx *c = ctx;
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

static enum err_code load_session(struct store *store, struct arena *arena, struct str id,
                                  struct oauth_session *ret_session, struct err *err)
{
    struct session_ctx c = {.arena = arena, .id = id};
    enum err_code code = id.len == 0 ? err_set(err, ERR_NOT_FOUND, "a session without an id")
                                     : run(store, SQL_READ, load_session_body, &c, err);
    if (code == ERR_OK)
        *ret_session = c.found;
    return code;
}

static enum err_code turn_session_body(struct sql *sql, void *ctx, struct err *err)
{
    const struct session_ctx *c = ctx;
    return sqlite_turn_session(sql, c->id, c->generation, c->now_us, err);
}

static enum err_code turn_session(struct store *store, struct str id, uint64_t generation,
                                  int64_t now_us, struct err *err)
{
    struct session_ctx c = {.id = id, .generation = generation, .now_us = now_us};
    return run(store, SQL_WRITE, turn_session_body, &c, err);
}

static enum err_code end_session_body(struct sql *sql, void *ctx, struct err *err)
{
    struct session_ctx *c = ctx;
    enum err_code code = sqlite_end_session(sql, c->id, c->change->now_us, err);
    if (code == ERR_OK)
        code = remember_change(sql, c->change, err);
    return code == ERR_OK ? raise_policy_version(sql, &c->version, err) : code;
}

static enum err_code end_session(struct store *store, struct str id,
                                 const struct store_change *change, uint64_t *ret_policy_version,
                                 struct err *err)
{
    struct session_ctx c = {.id = id, .change = change};
    enum err_code code = run(store, SQL_WRITE, end_session_body, &c, err);
    if (code == ERR_OK)
        *ret_policy_version = c.version;
    return code;
}

static enum err_code sign_out_body(struct sql *sql, void *ctx, struct err *err)
{
    struct session_ctx *c = ctx;
    const struct spent_id *token = c->token;
    enum err_code code = ERR_OK;
    if (token != NULL)
        code = sqlite_spend_id(sql, token->issuer, token->id, token->expires_us, c->change->now_us,
                               err);
    if (code == ERR_OK)
        code = sqlite_sign_out(sql, c->provider, c->subject, c->change->now_us, err);
    if (code == ERR_OK)
        code = remember_change(sql, c->change, err);
    return code == ERR_OK ? raise_policy_version(sql, &c->version, err) : code;
}

static enum err_code sign_out(struct store *store, struct str provider, struct str subject,
                              const struct spent_id *token, const struct store_change *change,
                              uint64_t *ret_policy_version, struct err *err)
{
    struct session_ctx c = {
        .provider = provider, .subject = subject, .token = token, .change = change};
    enum err_code code = run(store, SQL_WRITE, sign_out_body, &c, err);
    if (code == ERR_OK)
        *ret_policy_version = c.version;
    return code;
}

struct spend_ctx {
    struct str issuer;
    struct str id;
    int64_t expires_us;
    int64_t now_us;
};

static enum err_code spend_id_body(struct sql *sql, void *ctx, struct err *err)
{
    const struct spend_ctx *c = ctx;
    return sqlite_spend_id(sql, c->issuer, c->id, c->expires_us, c->now_us, err);
}

static enum err_code spend_id(struct store *store, struct str issuer, struct str id,
                              int64_t expires_us, int64_t now_us, struct err *err)
{
    struct spend_ctx c = {.issuer = issuer, .id = id, .expires_us = expires_us, .now_us = now_us};
    return run(store, SQL_WRITE, spend_id_body, &c, err);
}

/* --- what no decision rests on --- */

struct touch_ctx {
    const struct token_use *uses;
    size_t count;
};

static enum err_code touch_tokens_body(struct sql *sql, void *ctx, struct err *err)
{
    const struct touch_ctx *c = ctx;
    return sqlite_touch_tokens(sql, c->uses, c->count, err);
}

static enum err_code touch_tokens(struct store *store, const struct token_use *uses, size_t count,
                                  struct err *err)
{
    struct touch_ctx c = {.uses = uses, .count = count};
    return count == 0 ? ERR_OK : run(store, SQL_WRITE, touch_tokens_body, &c, err);
}

struct meta_ctx {
    struct arena *arena;
    struct str key;
    struct str value;
};

static enum err_code load_meta_body(struct sql *sql, void *ctx, struct err *err)
{
    struct meta_ctx *c = ctx;
    CLEANUP(sql_endp) struct sqlite3_stmt *rows = NULL;
    bool has_row = false;
    enum err_code code = sql_start(sql, "SELECT value FROM meta WHERE key = ?1",
                                   SQL_ARGS(SQL_BLOB(c->key)), &rows, err);
    if (code == ERR_OK)
        code = sql_next(sql, rows, &has_row, err);
    if (code != ERR_OK)
        return code;
    if (!has_row)
        return err_set(err, ERR_NOT_FOUND, "nothing is kept as '" STR_FMT "'", STR_ARG(c->key));
    return sql_dup(rows, 0, c->arena, &c->value, err);
}

static enum err_code load_meta(struct store *store, struct arena *arena, struct str key,
                               struct str *ret_value, struct err *err)
{
    struct meta_ctx c = {.arena = arena, .key = key};
    enum err_code code = run(store, SQL_READ, load_meta_body, &c, err);
    if (code == ERR_OK)
        *ret_value = c.value;
    return code;
}

static enum err_code save_meta_body(struct sql *sql, void *ctx, struct err *err)
{
    const struct meta_ctx *c = ctx;
    return sql_run(sql,
                   "INSERT INTO meta (key, value) VALUES (?1, ?2) "
                   "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                   SQL_ARGS(SQL_BLOB(c->key), SQL_BLOB(c->value)), err);
}

static enum err_code save_meta(struct store *store, struct str key, struct str value,
                               struct err *err)
{
    struct meta_ctx c = {.key = key, .value = value};
    return run(store, SQL_WRITE, save_meta_body, &c, err);
}

static const struct store_ops sqlite_ops = {
    .close = close_store,
    .has_change = has_change,
    .forget_change = forget_change,
    .load_view = load_view,
    .load_governance = load_governance,
    .policy_version = policy_version,
    .save_governance = save_governance,
    .load_tools = load_tools,
    .save_tools = save_tools,
    .load_tokens = load_tokens,
    .add_token = add_token,
    .revoke_token = revoke_token,
    .revoke_robot_tokens = revoke_robot_tokens,
    .load_users = load_users,
    .see_user = see_user,
    .set_user = set_user,
    .spend_id = spend_id,
    .add_session = add_session,
    .load_session = load_session,
    .turn_session = turn_session,
    .end_session = end_session,
    .sign_out = sign_out,
    .touch_tokens = touch_tokens,
    .load_meta = load_meta,
    .save_meta = save_meta,
};

enum err_code store_open_sqlite(const char *path, struct store **ret_store, struct err *err)
{
    struct sqlite_store *self = calloc(1, sizeof *self);
    if (self == NULL)
        return err_set(err, ERR_LIMIT, "store: memory is out");
    self->store.ops = &sqlite_ops;
    atomic_flag_clear(&self->store.is_busy);
    self->path = strdup(path);
    enum err_code code = self->path == NULL ? err_set(err, ERR_LIMIT, "store: memory is out")
                                            : open_database(self->path, &self->sql, err);
    if (code == ERR_OK)
        *ret_store = &self->store;
    else
        close_store(&self->store);
    return code;
}
