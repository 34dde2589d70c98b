/*
 * sqlite_priv.h - the parts of the SQLite filling: store_sqlite.c and people_sqlite.c hold the
 * operations, one file each holds the reading and writing of a kind of object.
 *
 * All functions run inside a transaction of sql. The times and the author of a change are the
 * change's.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "store/sql.h"
#include "store/store.h"

/* Where a load puts what it reads. */
struct loader {
    struct sql *sql;
    struct arena *arena;
};

/* Fills item (zeroed) from the row. */
typedef enum err_code loader_row_fn(struct loader *loader, struct sqlite3_stmt *row, void *item,
                                    struct err *err);

struct loader_query {
    const char *count; /* gives one number: how many rows there are */
    const char *rows;
    size_t item_bytes;
    loader_row_fn *read;
};

/* *ret_items: an array in the arena. args serve both statements. */
enum err_code loader_read(struct loader *loader, const struct loader_query *query,
                          const struct sql_value *args, size_t arg_count, void **ret_items,
                          size_t *ret_count, struct err *err) MUST_CHECK;
enum err_code loader_str(struct loader *loader, struct sqlite3_stmt *row, int column,
                         struct str *ret_text, struct err *err) MUST_CHECK;

/* Words of a set between commas. ERR_CORRUPT: a word that this version does not know. */
typedef bool word_bit_fn(struct str word, uint32_t *ret_bit);
enum err_code read_set(struct str text, word_bit_fn *bit_of, uint32_t *ret_set,
                       struct err *err) MUST_CHECK;
bool category_bit_of(struct str word, uint32_t *ret_bit);
bool principal_bit_of(struct str word, uint32_t *ret_bit);
bool scope_bit_of(struct str word, uint32_t *ret_bit);
bool release_bit_of(struct str word, uint32_t *ret_bit);
/* ERR_CORRUPT, naming the word. */
enum err_code unknown_word(struct str word, struct err *err);

/* The policy version, one higher than before. */
enum err_code raise_policy_version(struct sql *sql, uint64_t *ret_version,
                                   struct err *err) MUST_CHECK;
enum err_code get_policy_version(struct sql *sql, uint64_t *ret_version,
                                 struct err *err) MUST_CHECK;
/* ERR_CONFLICT: this change was made before. */
enum err_code remember_change(struct sql *sql, const struct store_change *change,
                              struct err *err) MUST_CHECK;

/* governance_sqlite.c, governance_save_sqlite.c */
enum err_code sqlite_load_governance(struct loader *loader, struct governance *ret_governance,
                                     struct err *err) MUST_CHECK;
enum err_code sqlite_save_governance(struct sql *sql, const struct governance *governance,
                                     uint64_t expected_version, const struct store_change *change,
                                     struct err *err) MUST_CHECK;

/* tools_sqlite.c; server_id 0: all servers */
enum err_code sqlite_load_tools(struct loader *loader, int64_t server_id, struct tool **ret_tools,
                                size_t *ret_count, struct err *err) MUST_CHECK;
/* ret_hash takes TOOL_HASH_BYTES. */
enum err_code read_tool_hash(struct sqlite3_stmt *row, int column, uint8_t *ret_hash,
                             struct err *err) MUST_CHECK;
/* Not the policy version of *ret_changes. */
enum err_code sqlite_save_tools(struct sql *sql, const struct tool_discovery *found, int64_t now_us,
                                struct tool_changes *ret_changes, struct err *err) MUST_CHECK;

/* review_sqlite.c */
enum err_code sqlite_load_catalogues(struct loader *loader, struct catalogue **ret_catalogues,
                                     size_t *ret_count, struct err *err) MUST_CHECK;
/* The definition that the tool has now becomes one that was. */
enum err_code sqlite_keep_version(struct sql *sql, int64_t tool_id, int64_t now_us,
                                  struct err *err) MUST_CHECK;
enum err_code sqlite_add_event(struct sql *sql, int64_t tool_id, const struct tool_event *event,
                               struct err *err) MUST_CHECK;
/* Each as the function store_… of the same name. */
enum err_code sqlite_op_save_failure(struct store *store, int64_t server_id, struct str why,
                                     int64_t now_us, struct err *err) MUST_CHECK;
enum err_code sqlite_op_review_tools(struct store *store, const struct tool_review *reviews,
                                     size_t count, const struct store_change *change,
                                     uint64_t *ret_policy_version, struct err *err) MUST_CHECK;
enum err_code sqlite_op_load_history(struct store *store, struct arena *arena, int64_t tool_id,
                                     struct tool_history *ret_history, struct err *err) MUST_CHECK;

/* tokens_sqlite.c */
enum err_code sqlite_load_tokens(struct loader *loader, struct token **ret_tokens,
                                 size_t *ret_count, struct err *err) MUST_CHECK;
enum err_code sqlite_add_token(struct sql *sql, const struct token *token, int64_t now_us,
                               struct err *err) MUST_CHECK;
/* *ret_count: 1 or 0. */
enum err_code sqlite_revoke_token(struct sql *sql, struct str id, int64_t now_us, size_t *ret_count,
                                  struct err *err) MUST_CHECK;
enum err_code sqlite_revoke_tokens(struct sql *sql, const struct token_holder *holder,
                                   int64_t now_us, size_t *ret_count, struct err *err) MUST_CHECK;
/* Before the new token is added. */
enum err_code sqlite_end_tokens(struct sql *sql, int64_t robot_id, struct str old, int64_t now_us,
                                int64_t ends_us, struct err *err) MUST_CHECK;
/* sessions_sqlite.c; id empty: all of them */
enum err_code sqlite_load_sessions(struct loader *loader, struct str id,
                                   struct oauth_session **ret_sessions, size_t *ret_count,
                                   struct err *err) MUST_CHECK;
enum err_code sqlite_add_session(struct sql *sql, const struct oauth_session *session,
                                 struct err *err) MUST_CHECK;
enum err_code sqlite_turn_session(struct sql *sql, struct str id, uint64_t generation,
                                  int64_t now_us, struct err *err) MUST_CHECK;
enum err_code sqlite_end_session(struct sql *sql, struct str id, int64_t now_us,
                                 struct err *err) MUST_CHECK;
enum err_code sqlite_sign_out(struct sql *sql, const struct sign_out *who, int64_t now_us,
                              struct err *err) MUST_CHECK;

/* users_sqlite.c */
enum err_code sqlite_load_users(struct loader *loader, struct user **ret_users, size_t *ret_count,
                                struct err *err) MUST_CHECK;
/* Is this user known, by another e-mail address? */
enum err_code sqlite_is_renamed(struct sql *sql, const struct user *user, bool *ret_is_renamed,
                                struct err *err) MUST_CHECK;
enum err_code sqlite_see_user(struct sql *sql, const struct user *user, int64_t now_us,
                              bool *ret_is_new, struct err *err) MUST_CHECK;
/* ERR_CONFLICT: without this user nobody would own the gateway. provider: only those of its owners
 * count whom it provisions; empty: all do. */
enum err_code sqlite_check_owner(struct sql *sql, int64_t id, struct str provider,
                                 struct err *err) MUST_CHECK;
enum err_code sqlite_set_user(struct sql *sql, int64_t id, enum user_role role, bool is_disabled,
                              struct err *err) MUST_CHECK;
enum err_code sqlite_spend_id(struct sql *sql, const struct spent_id *token, int64_t now_us,
                              struct err *err) MUST_CHECK;

enum err_code sqlite_touch_tokens(struct sql *sql, const struct token_use *uses, size_t count,
                                  struct err *err) MUST_CHECK;

/* clients_sqlite.c: the operations each as the function store_… of the same name */
enum err_code sqlite_load_clients(struct loader *loader, struct client **ret_clients,
                                  size_t *ret_count, struct err *err) MUST_CHECK;
enum err_code sqlite_load_client_marks(struct loader *loader, struct client_mark **ret_marks,
                                       size_t *ret_count, struct err *err) MUST_CHECK;
enum err_code sqlite_op_add_client(struct store *store, const struct client *client,
                                   const struct store_change *change, uint64_t *ret_policy_version,
                                   struct err *err) MUST_CHECK;
enum err_code sqlite_op_remove_client(struct store *store, struct str id,
                                      const struct store_change *change,
                                      uint64_t *ret_policy_version, struct err *err) MUST_CHECK;
enum err_code sqlite_op_block_client(struct store *store, struct str id, bool is_blocked,
                                     const struct store_change *change, size_t *ret_ended,
                                     uint64_t *ret_policy_version, struct err *err) MUST_CHECK;
enum err_code sqlite_op_touch_client(struct store *store, struct str id, int64_t now_us,
                                     struct err *err) MUST_CHECK;

/* scim_sqlite.c: each as the function store_… of the same name */
enum err_code sqlite_op_count_scim(struct store *store, struct str provider, int64_t *ret_users,
                                   int64_t *ret_groups, struct err *err);
enum err_code sqlite_op_load_scim_users(struct store *store, struct arena *arena,
                                        const struct scim_find *find, struct scim_user **ret_users,
                                        size_t *ret_count, struct err *err) MUST_CHECK;
enum err_code sqlite_op_load_scim_groups(struct store *store, struct arena *arena,
                                         const struct scim_find *find,
                                         struct scim_group **ret_groups, size_t *ret_count,
                                         struct err *err) MUST_CHECK;
enum err_code sqlite_op_load_scim_members(struct store *store, struct arena *arena,
                                          int64_t group_id, int64_t **ret_ids, size_t *ret_count,
                                          struct err *err) MUST_CHECK;
enum err_code sqlite_op_save_scim_user(struct store *store, struct arena *arena,
                                       const struct scim_user *user,
                                       const struct store_change *change, int64_t *ret_id,
                                       uint64_t *ret_policy_version, struct err *err) MUST_CHECK;
enum err_code sqlite_op_remove_scim_user(struct store *store, struct arena *arena,
                                         struct str provider, int64_t id,
                                         const struct store_change *change,
                                         uint64_t *ret_policy_version, struct err *err) MUST_CHECK;
enum err_code sqlite_op_release_user(struct store *store, int64_t id,
                                     const struct store_change *change,
                                     uint64_t *ret_policy_version, struct err *err) MUST_CHECK;
enum err_code sqlite_op_save_scim_group(struct store *store, const struct scim_group_change *group,
                                        const struct store_change *change, int64_t *ret_id,
                                        uint64_t *ret_policy_version, struct err *err) MUST_CHECK;
enum err_code sqlite_op_remove_scim_group(struct store *store, struct str provider, int64_t id,
                                          const struct store_change *change,
                                          uint64_t *ret_policy_version, struct err *err) MUST_CHECK;
/* All of them, for the view. */
enum err_code sqlite_load_groups(struct loader *loader, struct scim_group **ret_groups,
                                 size_t *ret_count, struct err *err) MUST_CHECK;
enum err_code sqlite_load_memberships(struct loader *loader, struct membership **ret_memberships,
                                      size_t *ret_count, struct err *err) MUST_CHECK;

/* One operation, in a transaction of its own. */
enum err_code sqlite_run(struct store *store, enum sql_mode mode, sql_body_fn *body, void *ctx,
                         struct err *err) MUST_CHECK;

/* people_sqlite.c: each as the function store_… of the same name */
enum err_code sqlite_op_load_users(struct store *store, struct arena *arena,
                                   struct user **ret_users, size_t *ret_count,
                                   struct err *err) MUST_CHECK;
enum err_code sqlite_op_see_user(struct store *store, const struct user *user,
                                 const struct store_change *change, bool *ret_is_new,
                                 struct err *err) MUST_CHECK;
enum err_code sqlite_op_set_user(struct store *store, int64_t id, enum user_role role,
                                 bool is_disabled, const struct store_change *change,
                                 uint64_t *ret_policy_version, struct err *err) MUST_CHECK;
enum err_code sqlite_op_add_session(struct store *store, const struct oauth_session *session,
                                    struct err *err) MUST_CHECK;
enum err_code sqlite_op_load_session(struct store *store, struct arena *arena, struct str id,
                                     struct oauth_session *ret_session, struct err *err) MUST_CHECK;
enum err_code sqlite_op_turn_session(struct store *store, struct str id, uint64_t generation,
                                     int64_t now_us, struct err *err) MUST_CHECK;
enum err_code sqlite_op_end_session(struct store *store, struct str id,
                                    const struct store_change *change, uint64_t *ret_policy_version,
                                    struct err *err) MUST_CHECK;
enum err_code sqlite_op_sign_out(struct store *store, const struct sign_out *who,
                                 const struct spent_id *token, const struct store_change *change,
                                 uint64_t *ret_policy_version, struct err *err) MUST_CHECK;
enum err_code sqlite_op_spend_id(struct store *store, const struct spent_id *token, int64_t now_us,
                                 struct err *err) MUST_CHECK;
