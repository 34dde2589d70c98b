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
enum err_code sqlite_run(struct store *store, enum sql_mode mode, sql_body_fn *body, void *ctx,
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
    enum err_code code = sqlite_run(store, SQL_READ, has_change_body, &c, err);
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
    return sqlite_run(store, SQL_WRITE, forget_change_body, &c, err);
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
    enum err_code code = sqlite_run(store, SQL_READ, policy_version_body, &c, err);
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
    if (code == ERR_OK)
        code = sqlite_load_clients(&loader, &c->view.clients, &c->view.client_count, err);
    if (code == ERR_OK)
        code = sqlite_load_client_marks(&loader, &c->view.marks, &c->view.mark_count, err);
    if (code == ERR_OK)
        code = sqlite_load_catalogues(&loader, &c->view.catalogues, &c->view.catalogue_count, err);
    if (code == ERR_OK)
        code = sqlite_load_groups(&loader, &c->view.groups, &c->view.group_count, err);
    if (code == ERR_OK)
        code =
            sqlite_load_memberships(&loader, &c->view.memberships, &c->view.membership_count, err);
    return code;
}

static enum err_code load_view(struct store *store, struct arena *arena,
                               struct store_view *ret_view, struct err *err)
{
    struct load_ctx c = {.arena = arena};
    enum err_code code = sqlite_run(store, SQL_READ, load_view_body, &c, err);
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
    enum err_code code = sqlite_run(store, SQL_READ, load_governance_body, &c, err);
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
    enum err_code code = sqlite_run(store, SQL_READ, load_tools_body, &c, err);
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
    enum err_code code = sqlite_run(store, SQL_READ, load_tokens_body, &c, err);
    if (code == ERR_OK) {
        *ret_tokens = c.view.tokens;
        *ret_count = c.view.token_count;
    }
    return code;
}

/* --- changing what decisions rest on --- */

struct save_ctx {
    const struct store_change *change;
    const struct governance *governance;
    uint64_t expected_version;
    const struct tool_discovery *found;
    struct tool_changes tools;
    int64_t id; /* of the server */
    const struct token *token;
    const struct token_rotation *rotation; /* may be NULL */
    struct str token_id;
    const struct token_holder *holder; /* whose tokens are revoked; NULL: token_id is */
    size_t revoked;
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
    enum err_code code = sqlite_run(store, SQL_WRITE, save_governance_body, &c, err);
    if (code == ERR_OK)
        *ret_policy_version = c.version;
    return code;
}

static enum err_code save_tools_body(struct sql *sql, void *ctx, struct err *err)
{
    struct save_ctx *c = ctx;
    enum err_code code = sqlite_save_tools(sql, c->found, c->change->now_us, &c->tools, err);
    if (code == ERR_OK)
        code = remember_change(sql, c->change, err);
    if (code != ERR_OK)
        return code;
    if (!tool_changes_any(&c->tools))
        return get_policy_version(sql, &c->tools.policy_version, err);
    return raise_policy_version(sql, &c->tools.policy_version, err);
}

static enum err_code save_tools(struct store *store, const struct tool_discovery *found,
                                const struct store_change *change, struct tool_changes *ret_changes,
                                struct err *err)
{
    struct save_ctx c = {.change = change, .found = found};
    enum err_code code = sqlite_run(store, SQL_WRITE, save_tools_body, &c, err);
    if (code == ERR_OK)
        *ret_changes = c.tools;
    return code;
}

static enum err_code add_token_body(struct sql *sql, void *ctx, struct err *err)
{
    struct save_ctx *c = ctx;
    const struct token_rotation *rotation = c->rotation;
    enum err_code code = ERR_OK;
    if (rotation != NULL)
        code = sqlite_end_tokens(sql, c->token->robot_id, rotation->old, c->change->now_us,
                                 rotation->ends_us, err);
    if (code == ERR_OK)
        code = sqlite_add_token(sql, c->token, c->change->now_us, err);
    if (code == ERR_OK)
        code = remember_change(sql, c->change, err);
    return code == ERR_OK ? raise_policy_version(sql, &c->version, err) : code;
}

static enum err_code add_token(struct store *store, const struct token *token,
                               const struct token_rotation *rotation,
                               const struct store_change *change, uint64_t *ret_policy_version,
                               struct err *err)
{
    struct save_ctx c = {.change = change, .token = token, .rotation = rotation};
    enum err_code code = sqlite_run(store, SQL_WRITE, add_token_body, &c, err);
    if (code == ERR_OK)
        *ret_policy_version = c.version;
    return code;
}

static enum err_code revoke_body(struct sql *sql, void *ctx, struct err *err)
{
    struct save_ctx *c = ctx;
    enum err_code code =
        c->holder == NULL
            ? sqlite_revoke_token(sql, c->token_id, c->change->now_us, &c->revoked, err)
            : sqlite_revoke_tokens(sql, c->holder, c->change->now_us, &c->revoked, err);
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
    enum err_code code = sqlite_run(store, SQL_WRITE, revoke_body, &c, err);
    if (code == ERR_OK)
        *ret_policy_version = c.version;
    return code;
}

static enum err_code revoke_tokens(struct store *store, const struct token_holder *holder,
                                   const struct store_change *change, size_t *ret_count,
                                   uint64_t *ret_policy_version, struct err *err)
{
    struct save_ctx c = {.change = change, .holder = holder};
    enum err_code code = sqlite_run(store, SQL_WRITE, revoke_body, &c, err);
    if (code == ERR_OK) {
        *ret_count = c.revoked;
        *ret_policy_version = c.version;
    }
    return code;
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
    return count == 0 ? ERR_OK : sqlite_run(store, SQL_WRITE, touch_tokens_body, &c, err);
}

struct meta_ctx {
    struct arena *arena;
    struct str key;
    struct str value;
    const struct store_change *change;
    uint64_t version;
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
    enum err_code code = sqlite_run(store, SQL_READ, load_meta_body, &c, err);
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
    return sqlite_run(store, SQL_WRITE, save_meta_body, &c, err);
}

static enum err_code change_meta_body(struct sql *sql, void *ctx, struct err *err)
{
    struct meta_ctx *c = ctx;
    enum err_code code = save_meta_body(sql, c, err);
    if (code == ERR_OK)
        code = remember_change(sql, c->change, err);
    return code == ERR_OK ? raise_policy_version(sql, &c->version, err) : code;
}

static enum err_code change_meta(struct store *store, struct str key, struct str value,
                                 const struct store_change *change, uint64_t *ret_policy_version,
                                 struct err *err)
{
    struct meta_ctx c = {.key = key, .value = value, .change = change};
    enum err_code code = sqlite_run(store, SQL_WRITE, change_meta_body, &c, err);
    if (code == ERR_OK)
        *ret_policy_version = c.version;
    return code;
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
    .save_failure = sqlite_op_save_failure,
    .review_tools = sqlite_op_review_tools,
    .load_history = sqlite_op_load_history,
    .load_tokens = load_tokens,
    .add_token = add_token,
    .revoke_token = revoke_token,
    .revoke_tokens = revoke_tokens,
    .load_users = sqlite_op_load_users,
    .see_user = sqlite_op_see_user,
    .set_user = sqlite_op_set_user,
    .spend_id = sqlite_op_spend_id,
    .add_session = sqlite_op_add_session,
    .load_session = sqlite_op_load_session,
    .turn_session = sqlite_op_turn_session,
    .end_session = sqlite_op_end_session,
    .sign_out = sqlite_op_sign_out,
    .add_client = sqlite_op_add_client,
    .remove_client = sqlite_op_remove_client,
    .block_client = sqlite_op_block_client,
    .touch_client = sqlite_op_touch_client,
    .count_scim = sqlite_op_count_scim,
    .load_scim_users = sqlite_op_load_scim_users,
    .load_scim_groups = sqlite_op_load_scim_groups,
    .load_scim_members = sqlite_op_load_scim_members,
    .save_scim_user = sqlite_op_save_scim_user,
    .remove_scim_user = sqlite_op_remove_scim_user,
    .release_user = sqlite_op_release_user,
    .save_scim_group = sqlite_op_save_scim_group,
    .remove_scim_group = sqlite_op_remove_scim_group,
    .touch_tokens = touch_tokens,
    .load_meta = load_meta,
    .change_meta = change_meta,
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
