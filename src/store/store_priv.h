/*
 * store_priv.h - the operations behind store.h. One filling per kind of database; store.c picks it
 * and passes on.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include "store/store.h"

/* The tokens of the same robot whose place a new one takes. */
struct token_rotation {
    struct str old; /* its id; empty: all of them */
    int64_t ends_us;
};

/* Each as the function store_… of the same name. */
struct store_ops {
    void (*close)(struct store *store);
    enum err_code (*has_change)(struct store *store, struct str id, bool *ret_has, struct err *err);
    enum err_code (*forget_change)(struct store *store, struct str id, struct err *err);
    enum err_code (*load_view)(struct store *store, struct arena *arena,
                               struct store_view *ret_view, struct err *err);
    enum err_code (*load_governance)(struct store *store, struct arena *arena,
                                     struct governance *ret_governance, struct err *err);
    enum err_code (*policy_version)(struct store *store, uint64_t *ret_version, struct err *err);
    enum err_code (*save_governance)(struct store *store, const struct governance *governance,
                                     uint64_t expected_version, const struct store_change *change,
                                     uint64_t *ret_policy_version, struct err *err);
    enum err_code (*load_tools)(struct store *store, struct arena *arena, int64_t server_id,
                                struct tool **ret_tools, size_t *ret_count, struct err *err);
    enum err_code (*save_tools)(struct store *store, const struct tool_discovery *found,
                                const struct store_change *change, struct tool_changes *ret_changes,
                                struct err *err);
    enum err_code (*save_failure)(struct store *store, int64_t server_id, struct str why,
                                  int64_t now_us, struct err *err);
    enum err_code (*review_tools)(struct store *store, const struct tool_review *reviews,
                                  size_t count, const struct store_change *change,
                                  uint64_t *ret_policy_version, struct err *err);
    enum err_code (*load_history)(struct store *store, struct arena *arena, int64_t tool_id,
                                  struct tool_history *ret_history, struct err *err);
    enum err_code (*load_tokens)(struct store *store, struct arena *arena,
                                 struct token **ret_tokens, size_t *ret_count, struct err *err);
    /* rotation NULL: the token takes nobody's place */
    enum err_code (*add_token)(struct store *store, const struct token *token,
                               const struct token_rotation *rotation,
                               const struct store_change *change, uint64_t *ret_policy_version,
                               struct err *err);
    enum err_code (*revoke_token)(struct store *store, struct str id,
                                  const struct store_change *change, uint64_t *ret_policy_version,
                                  struct err *err);
    enum err_code (*revoke_tokens)(struct store *store, const struct token_holder *holder,
                                   const struct store_change *change, size_t *ret_count,
                                   uint64_t *ret_policy_version, struct err *err);
    enum err_code (*load_users)(struct store *store, struct arena *arena, struct user **ret_users,
                                size_t *ret_count, struct err *err);
    enum err_code (*see_user)(struct store *store, const struct user *user,
                              const struct store_change *change, bool *ret_is_new, struct err *err);
    enum err_code (*set_user)(struct store *store, int64_t id, enum user_role role,
                              bool is_disabled, const struct store_change *change,
                              uint64_t *ret_policy_version, struct err *err);
    enum err_code (*spend_id)(struct store *store, const struct spent_id *token, int64_t now_us,
                              struct err *err);
    enum err_code (*add_session)(struct store *store, const struct oauth_session *session,
                                 struct err *err);
    enum err_code (*load_session)(struct store *store, struct arena *arena, struct str id,
                                  struct oauth_session *ret_session, struct err *err);
    enum err_code (*turn_session)(struct store *store, struct str id, uint64_t generation,
                                  int64_t now_us, struct err *err);
    enum err_code (*end_session)(struct store *store, struct str id,
                                 const struct store_change *change, uint64_t *ret_policy_version,
                                 struct err *err);
    enum err_code (*sign_out)(struct store *store, const struct sign_out *who,
                              const struct spent_id *token, const struct store_change *change,
                              uint64_t *ret_policy_version, struct err *err);
    enum err_code (*add_client)(struct store *store, const struct client *client,
                                const struct store_change *change, uint64_t *ret_policy_version,
                                struct err *err);
    enum err_code (*remove_client)(struct store *store, struct str id,
                                   const struct store_change *change, uint64_t *ret_policy_version,
                                   struct err *err);
    enum err_code (*block_client)(struct store *store, struct str id, bool is_blocked,
                                  const struct store_change *change, size_t *ret_ended,
                                  uint64_t *ret_policy_version, struct err *err);
    enum err_code (*touch_client)(struct store *store, struct str id, int64_t now_us,
                                  struct err *err);
    enum err_code (*count_scim)(struct store *store, struct str provider, int64_t *ret_users,
                                int64_t *ret_groups, struct err *err);
    enum err_code (*load_scim_users)(struct store *store, struct arena *arena,
                                     const struct scim_find *find, struct scim_user **ret_users,
                                     size_t *ret_count, struct err *err);
    enum err_code (*load_scim_groups)(struct store *store, struct arena *arena,
                                      const struct scim_find *find, struct scim_group **ret_groups,
                                      size_t *ret_count, struct err *err);
    enum err_code (*load_scim_members)(struct store *store, struct arena *arena, int64_t group_id,
                                       int64_t **ret_ids, size_t *ret_count, struct err *err);
    enum err_code (*save_scim_user)(struct store *store, struct arena *arena,
                                    const struct scim_user *user, const struct store_change *change,
                                    int64_t *ret_id, uint64_t *ret_policy_version, struct err *err);
    enum err_code (*remove_scim_user)(struct store *store, struct arena *arena, struct str provider,
                                      int64_t id, const struct store_change *change,
                                      uint64_t *ret_policy_version, struct err *err);
    enum err_code (*release_user)(struct store *store, int64_t id,
                                  const struct store_change *change, uint64_t *ret_policy_version,
                                  struct err *err);
    enum err_code (*save_scim_group)(struct store *store, const struct scim_group_change *group,
                                     const struct store_change *change, int64_t *ret_id,
                                     uint64_t *ret_policy_version, struct err *err);
    enum err_code (*remove_scim_group)(struct store *store, struct str provider, int64_t id,
                                       const struct store_change *change,
                                       uint64_t *ret_policy_version, struct err *err);
    enum err_code (*touch_tokens)(struct store *store, const struct token_use *uses, size_t count,
                                  struct err *err);
    enum err_code (*load_meta)(struct store *store, struct arena *arena, struct str key,
                               struct str *ret_value, struct err *err);
    enum err_code (*change_meta)(struct store *store, struct str key, struct str value,
                                 const struct store_change *change, uint64_t *ret_policy_version,
                                 struct err *err);
    enum err_code (*save_meta)(struct store *store, struct str key, struct str value,
                               struct err *err);
};

/* First member of each filling's own struct. */
struct store {
    const struct store_ops *ops;
    atomic_flag is_busy; /* a thread is inside */
};

enum err_code store_open_sqlite(const char *path, struct store **ret_store,
                                struct err *err) MUST_CHECK;
