#include "store/store.h"

#include <assert.h>

#include "store/sql.h"
#include "store/store_priv.h"

enum { MAX_CHANGE_ID_BYTES = 64 };

static const struct store_ops *enter(struct store *store)
{
    bool was_busy = atomic_flag_test_and_set(&store->is_busy);
    assert(!was_busy);
    return store->ops;
}

static enum err_code leave(struct store *store, enum err_code code)
{
    atomic_flag_clear(&store->is_busy);
    return code;
}

static void check_change(const struct store_change *change)
{
    assert(change->id.len <= MAX_CHANGE_ID_BYTES);
}

void store_prepare_process(void)
{
    sql_prepare_process();
}

enum err_code store_open(const char *path, struct store **ret_store, struct err *err)
{
    if (str_starts(str_c(path), STR("postgresql:")) || str_starts(str_c(path), STR("postgres:")))
        return err_set(err, ERR_INVALID, "this build of portreeve has no PostgreSQL");
    enum err_code code = store_open_sqlite(path, ret_store, err);
    return code == ERR_OK ? ERR_OK : err_wrap(err, path);
}

void store_close(struct store *store)
{
    if (store != NULL)
        enter(store)->close(store);
}

void store_closep(struct store **store)
{
    store_close(*store);
    *store = NULL;
}

enum err_code store_has_change(struct store *store, struct str id, bool *ret_has, struct err *err)
{
    return leave(store, enter(store)->has_change(store, id, ret_has, err));
}

enum err_code store_forget_change(struct store *store, struct str id, struct err *err)
{
    return leave(store, enter(store)->forget_change(store, id, err));
}

enum err_code store_load_view(struct store *store, struct arena *arena, struct store_view *ret_view,
                              struct err *err)
{
    return leave(store, enter(store)->load_view(store, arena, ret_view, err));
}

enum err_code store_load_governance(struct store *store, struct arena *arena,
                                    struct governance *ret_governance, struct err *err)
{
    return leave(store, enter(store)->load_governance(store, arena, ret_governance, err));
}

enum err_code store_policy_version(struct store *store, uint64_t *ret_version, struct err *err)
{
    return leave(store, enter(store)->policy_version(store, ret_version, err));
}

enum err_code store_save_governance(struct store *store, const struct governance *governance,
                                    uint64_t expected_version, const struct store_change *change,
                                    uint64_t *ret_policy_version, struct err *err)
{
    check_change(change);
    return leave(store, enter(store)->save_governance(store, governance, expected_version, change,
                                                      ret_policy_version, err));
}

enum err_code store_load_tools(struct store *store, struct arena *arena, int64_t server_id,
                               struct tool **ret_tools, size_t *ret_count, struct err *err)
{
    return leave(store,
                 enter(store)->load_tools(store, arena, server_id, ret_tools, ret_count, err));
}

enum err_code store_save_tools(struct store *store, const struct tool_discovery *found,
                               const struct store_change *change, struct tool_changes *ret_changes,
                               struct err *err)
{
    check_change(change);
    return leave(store, enter(store)->save_tools(store, found, change, ret_changes, err));
}

enum err_code store_save_failure(struct store *store, int64_t server_id, struct str why,
                                 int64_t now_us, struct err *err)
{
    return leave(store, enter(store)->save_failure(store, server_id, why, now_us, err));
}

enum err_code store_review_tools(struct store *store, const struct tool_review *reviews,
                                 size_t count, const struct store_change *change,
                                 uint64_t *ret_policy_version, struct err *err)
{
    check_change(change);
    return leave(
        store, enter(store)->review_tools(store, reviews, count, change, ret_policy_version, err));
}

enum err_code store_load_history(struct store *store, struct arena *arena, int64_t tool_id,
                                 struct tool_history *ret_history, struct err *err)
{
    return leave(store, enter(store)->load_history(store, arena, tool_id, ret_history, err));
}

enum err_code store_load_tokens(struct store *store, struct arena *arena, struct token **ret_tokens,
                                size_t *ret_count, struct err *err)
{
    return leave(store, enter(store)->load_tokens(store, arena, ret_tokens, ret_count, err));
}

static bool holder_fits(const struct token *token)
{
    if (token->id.len == 0)
        return false;
    bool has_robot = token->robot_id > 0;
    bool has_user = token->user_id > 0 && token->name.len > 0;
    return has_robot == (token->kind == TOKEN_ROBOT) && has_user == (token->kind == TOKEN_USER) &&
           (token->owner.len > 0) == (token->kind == TOKEN_ADMIN) &&
           (token->provider.len > 0) == (token->kind == TOKEN_SCIM);
}

enum err_code store_add_token(struct store *store, const struct token *token,
                              const struct store_change *change, uint64_t *ret_policy_version,
                              struct err *err)
{
    check_change(change);
    if (!holder_fits(token))
        return err_set(err, ERR_INVALID, "a token needs an id, and the holder that fits its kind");
    return leave(store,
                 enter(store)->add_token(store, token, NULL, change, ret_policy_version, err));
}

enum err_code store_rotate_token(struct store *store, const struct token *token, struct str old,
                                 int64_t ends_us, const struct store_change *change,
                                 uint64_t *ret_policy_version, struct err *err)
{
    const struct token_rotation rotation = {.old = old, .ends_us = ends_us};
    check_change(change);
    if (token->kind != TOKEN_ROBOT || !holder_fits(token))
        return err_set(err, ERR_INVALID, "tokens of robots alone are rotated");
    return leave(store,
                 enter(store)->add_token(store, token, &rotation, change, ret_policy_version, err));
}

enum err_code store_revoke_token(struct store *store, struct str id,
                                 const struct store_change *change, uint64_t *ret_policy_version,
                                 struct err *err)
{
    check_change(change);
    return leave(store, enter(store)->revoke_token(store, id, change, ret_policy_version, err));
}

enum err_code store_revoke_tokens(struct store *store, const struct token_holder *holder,
                                  const struct store_change *change, size_t *ret_count,
                                  uint64_t *ret_policy_version, struct err *err)
{
    check_change(change);
    if ((holder->robot_id > 0) == (holder->user_id > 0))
        return err_set(err, ERR_INVALID, "tokens are of one robot or of one user");
    return leave(store, enter(store)->revoke_tokens(store, holder, change, ret_count,
                                                    ret_policy_version, err));
}

enum err_code store_load_users(struct store *store, struct arena *arena, struct user **ret_users,
                               size_t *ret_count, struct err *err)
{
    return leave(store, enter(store)->load_users(store, arena, ret_users, ret_count, err));
}

enum err_code store_see_user(struct store *store, const struct user *user,
                             const struct store_change *change, bool *ret_is_new, struct err *err)
{
    check_change(change);
    if (user->provider.len == 0 || user->subject.len == 0)
        return err_set(err, ERR_INVALID, "a user needs a provider and a subject");
    return leave(store, enter(store)->see_user(store, user, change, ret_is_new, err));
}

enum err_code store_set_user(struct store *store, int64_t id, enum user_role role, bool is_disabled,
                             const struct store_change *change, uint64_t *ret_policy_version,
                             struct err *err)
{
    check_change(change);
    return leave(store, enter(store)->set_user(store, id, role, is_disabled, change,
                                               ret_policy_version, err));
}

enum err_code store_spend_id(struct store *store, const struct spent_id *token, int64_t now_us,
                             struct err *err)
{
    return leave(store, enter(store)->spend_id(store, token, now_us, err));
}

enum err_code store_add_session(struct store *store, const struct oauth_session *session,
                                struct err *err)
{
    return leave(store, enter(store)->add_session(store, session, err));
}

enum err_code store_load_session(struct store *store, struct arena *arena, struct str id,
                                 struct oauth_session *ret_session, struct err *err)
{
    return leave(store, enter(store)->load_session(store, arena, id, ret_session, err));
}

enum err_code store_turn_session(struct store *store, struct str id, uint64_t generation,
                                 int64_t now_us, struct err *err)
{
    return leave(store, enter(store)->turn_session(store, id, generation, now_us, err));
}

enum err_code store_end_session(struct store *store, struct str id,
                                const struct store_change *change, uint64_t *ret_policy_version,
                                struct err *err)
{
    check_change(change);
    return leave(store, enter(store)->end_session(store, id, change, ret_policy_version, err));
}

enum err_code store_sign_out(struct store *store, const struct sign_out *who,
                             const struct spent_id *token, const struct store_change *change,
                             uint64_t *ret_policy_version, struct err *err)
{
    check_change(change);
    return leave(store, enter(store)->sign_out(store, who, token, change, ret_policy_version, err));
}

enum err_code store_add_client(struct store *store, const struct client *client,
                               const struct store_change *change, uint64_t *ret_policy_version,
                               struct err *err)
{
    check_change(change);
    return leave(store, enter(store)->add_client(store, client, change, ret_policy_version, err));
}

enum err_code store_remove_client(struct store *store, struct str id,
                                  const struct store_change *change, uint64_t *ret_policy_version,
                                  struct err *err)
{
    check_change(change);
    return leave(store, enter(store)->remove_client(store, id, change, ret_policy_version, err));
}

enum err_code store_block_client(struct store *store, struct str id, bool is_blocked,
                                 const struct store_change *change, size_t *ret_ended,
                                 uint64_t *ret_policy_version, struct err *err)
{
    check_change(change);
    return leave(store, enter(store)->block_client(store, id, is_blocked, change, ret_ended,
                                                   ret_policy_version, err));
}

enum err_code store_touch_client(struct store *store, struct str id, int64_t now_us,
                                 struct err *err)
{
    return leave(store, enter(store)->touch_client(store, id, now_us, err));
}

enum err_code store_count_scim(struct store *store, struct str provider, int64_t *ret_users,
                               int64_t *ret_groups, struct err *err)
{
    return leave(store, enter(store)->count_scim(store, provider, ret_users, ret_groups, err));
}

enum err_code store_load_scim_users(struct store *store, struct arena *arena,
                                    const struct scim_find *find, struct scim_user **ret_users,
                                    size_t *ret_count, struct err *err)
{
    return leave(store,
                 enter(store)->load_scim_users(store, arena, find, ret_users, ret_count, err));
}

enum err_code store_load_scim_groups(struct store *store, struct arena *arena,
                                     const struct scim_find *find, struct scim_group **ret_groups,
                                     size_t *ret_count, struct err *err)
{
    return leave(store,
                 enter(store)->load_scim_groups(store, arena, find, ret_groups, ret_count, err));
}

enum err_code store_load_scim_members(struct store *store, struct arena *arena, int64_t group_id,
                                      int64_t **ret_ids, size_t *ret_count, struct err *err)
{
    return leave(store,
                 enter(store)->load_scim_members(store, arena, group_id, ret_ids, ret_count, err));
}

enum err_code store_save_scim_user(struct store *store, struct arena *arena,
                                   const struct scim_user *user, const struct store_change *change,
                                   int64_t *ret_id, uint64_t *ret_policy_version, struct err *err)
{
    check_change(change);
    return leave(store, enter(store)->save_scim_user(store, arena, user, change, ret_id,
                                                     ret_policy_version, err));
}

enum err_code store_remove_scim_user(struct store *store, struct arena *arena, struct str provider,
                                     int64_t id, const struct store_change *change,
                                     uint64_t *ret_policy_version, struct err *err)
{
    check_change(change);
    return leave(store, enter(store)->remove_scim_user(store, arena, provider, id, change,
                                                       ret_policy_version, err));
}

enum err_code store_release_user(struct store *store, int64_t id, const struct store_change *change,
                                 uint64_t *ret_policy_version, struct err *err)
{
    check_change(change);
    return leave(store, enter(store)->release_user(store, id, change, ret_policy_version, err));
}

enum err_code store_save_scim_group(struct store *store, const struct scim_group_change *group,
                                    const struct store_change *change, int64_t *ret_id,
                                    uint64_t *ret_policy_version, struct err *err)
{
    check_change(change);
    return leave(store, enter(store)->save_scim_group(store, group, change, ret_id,
                                                      ret_policy_version, err));
}

enum err_code store_remove_scim_group(struct store *store, struct str provider, int64_t id,
                                      const struct store_change *change,
                                      uint64_t *ret_policy_version, struct err *err)
{
    check_change(change);
    return leave(store, enter(store)->remove_scim_group(store, provider, id, change,
                                                        ret_policy_version, err));
}

enum err_code store_touch_tokens(struct store *store, const struct token_use *uses, size_t count,
                                 struct err *err)
{
    return leave(store, enter(store)->touch_tokens(store, uses, count, err));
}

enum err_code store_load_meta(struct store *store, struct arena *arena, struct str key,
                              struct str *ret_value, struct err *err)
{
    return leave(store, enter(store)->load_meta(store, arena, key, ret_value, err));
}

enum err_code store_change_meta(struct store *store, struct str key, struct str value,
                                const struct store_change *change, uint64_t *ret_policy_version,
                                struct err *err)
{
    return leave(store,
                 enter(store)->change_meta(store, key, value, change, ret_policy_version, err));
}

enum err_code store_save_meta(struct store *store, struct str key, struct str value,
                              struct err *err)
{
    return leave(store, enter(store)->save_meta(store, key, value, err));
}
