/*
 * store.h - what the gateway remembers, whichever database remembers it.
 *
 * Callers never see SQL: each kind of database is one table of operations (store_priv.h).
 *
 * 1. One writer: a store is the only connection to its database file; another one, of whichever
 *    process, is refused at store_open().
 * 2. A change is durable when its function returns ERR_OK, and all of it or nothing is stored.
 * 3. The policy version rises by one in the transaction of every change that can alter a decision:
 *    governance, tools, tokens. last use and meta values are none.
 * 4. After a failed write or sync the connection is given up; the next operation opens and checks
 *    the database again. Whether the failed change is there, store_has_change() tells then.
 *
 * Threads: a store belongs to one thread at a time (asserted). It blocks: never on a worker or a
 * loop.
 *
 * Failures of all operations, besides those named: ERR_LIMIT (the arena is full), ERR_UNAVAILABLE
 * (disk full, database in use), ERR_IO, ERR_CORRUPT.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"
#include "store/objects.h"

struct store;

/* Once per process, before any database is opened, of whichever room: SQLite then keeps no count of
 * its memory, which takes a lock at every allocation. */
void store_prepare_process(void);

/* path of a SQLite file, made (0600) when missing and migrated when old. ERR_CONFLICT: another
 * connection has it. ERR_INVALID: from a newer version of Portreeve, or no database of Portreeve.
 * ERR_CORRUPT: damaged. *ret_store is the caller's: store_close() it. */
enum err_code store_open(const char *path, struct store **ret_store, struct err *err) MUST_CHECK;
void store_close(struct store *store); /* NULL is fine */
void store_closep(struct store **store);

/* Who changes, when, and under which id the audit log knows the change. The id (empty: none) is
 * remembered in the same transaction, so that an intent without an outcome can be told apart at
 * start: the change was made, or it was not. Once the outcome is durable: store_forget_change(). */
struct store_change {
    struct str id; /* at most 64 bytes; ERR_CONFLICT when it is remembered already */
    struct str author;
    int64_t now_us;
};

/* *ret_has: was the change with this id made (and not yet forgotten)? */
enum err_code store_has_change(struct store *store, struct str id, bool *ret_has,
                               struct err *err) MUST_CHECK;
enum err_code store_forget_change(struct store *store, struct str id, struct err *err) MUST_CHECK;

/* Everything that a snapshot is compiled from, read at one point in time. */
struct store_view {
    uint64_t policy_version;
    struct governance governance;
    struct tool *tools; /* by server id, then name; those gone included */
    size_t tool_count;
    struct token *tokens; /* oldest first; revoked and expired ones included */
    size_t token_count;
    struct user *users; /* in the order of their ids; disabled ones included */
    size_t user_count;
    struct oauth_session *sessions; /* oldest first; those that expired are forgotten */
    size_t session_count;
    struct client *clients; /* by id */
    size_t client_count;
    struct client_mark *marks; /* by id */
    size_t mark_count;
    struct catalogue *catalogues; /* by server id */
    size_t catalogue_count;
    struct scim_group *groups; /* by id */
    size_t group_count;
    struct membership *memberships; /* by person, then group */
    size_t membership_count;
};

/* Everything in *ret_x lives as long as arena. */
enum err_code store_load_view(struct store *store, struct arena *arena, struct store_view *ret_view,
                              struct err *err) MUST_CHECK;
enum err_code store_load_governance(struct store *store, struct arena *arena,
                                    struct governance *ret_governance, struct err *err) MUST_CHECK;
enum err_code store_policy_version(struct store *store, uint64_t *ret_version,
                                   struct err *err) MUST_CHECK;

/* Replaces all of governance by this (its ids and version are not read). Servers and robots keep
 * the id of their name; rules that keep pattern and category keep author and time. The tools of a
 * server that goes are removed, the tokens of a robot that goes are revoked. ERR_CONFLICT:
 * governance is not at expected_version any more. ERR_INVALID: a name is empty or used twice. */
enum err_code store_save_governance(struct store *store, const struct governance *governance,
                                    uint64_t expected_version, const struct store_change *change,
                                    uint64_t *ret_policy_version, struct err *err) MUST_CHECK;

struct tool_seen {
    struct str name;
    struct str definition;
    uint8_t hash[TOOL_HASH_BYTES];
    enum tool_fate fate;
    enum reason hold;            /* of FATE_HOLD */
    struct str renamed_from;     /* of REASON_DEFINITION_RENAMED */
    struct tool_verdict verdict; /* when given, it takes the place of the one before */
    struct tool_word word;       /* when given, likewise; its time is the change's */
};

/* What a complete discovery of a server found. */
struct tool_discovery {
    int64_t server_id;
    const struct tool_seen *seen;
    size_t count;
    struct str protocol;
};

struct tool_changes {
    size_t added; /* new, or back again */
    size_t changed;
    size_t gone;
    size_t held;             /* put into quarantine now */
    size_t others;           /* taken into use, lifted, or given another verdict or word */
    uint64_t policy_version; /* after the save; higher only when one of the others is not 0 */
};

static inline bool tool_changes_any(const struct tool_changes *changes)
{
    return changes->added + changes->changed + changes->gone + changes->held + changes->others > 0;
}

/* By name, those gone included; an unknown server has none. */
enum err_code store_load_tools(struct store *store, struct arena *arena, int64_t server_id,
                               struct tool **ret_tools, size_t *ret_count,
                               struct err *err) MUST_CHECK;
/* Tools that are not among those seen are gone. ERR_NOT_FOUND: the server is not there any more.
 * ERR_INVALID: a name twice. */
enum err_code store_save_tools(struct store *store, const struct tool_discovery *found,
                               const struct store_change *change, struct tool_changes *ret_changes,
                               struct err *err) MUST_CHECK;
/* A discovery that failed; what was known of the server stays. */
enum err_code store_save_failure(struct store *store, int64_t server_id, struct str why,
                                 int64_t now_us, struct err *err) MUST_CHECK;

/* What a reviewer decided of one tool. */
struct tool_review {
    int64_t tool_id;
    bool is_quarantine;            /* else its definition is approved: it is in force from now on */
    uint8_t hash[TOOL_HASH_BYTES]; /* the definition that was looked at */
    bool has_category;             /* a word on it, of the author of the change */
    enum category category;
    struct str reason; /* may be empty */
};

/* All of them or none. ERR_NOT_FOUND: no such tool. ERR_CONFLICT: a definition is not the last seen
 * any more, or the tool is gone. */
enum err_code store_review_tools(struct store *store, const struct tool_review *reviews,
                                 size_t count, const struct store_change *change,
                                 uint64_t *ret_policy_version, struct err *err) MUST_CHECK;

struct tool_history {
    struct tool_version *versions; /* newest first */
    size_t version_count;
    struct tool_event *events; /* newest first */
    size_t event_count;
};

/* A tool that is not there has none. */
enum err_code store_load_history(struct store *store, struct arena *arena, int64_t tool_id,
                                 struct tool_history *ret_history, struct err *err) MUST_CHECK;

enum err_code store_load_tokens(struct store *store, struct arena *arena, struct token **ret_tokens,
                                size_t *ret_count, struct err *err) MUST_CHECK;
/* Keys of one person, with those that ended within STORE_KEY_ENDED_US. */
enum { STORE_MAX_USER_KEYS = 128 };
#define STORE_KEY_ENDED_US (INT64_C(30) * 86400 * 1000000)

/* created_us becomes the time of the change; last_used_us and revoked_us are not read.
 * ERR_CONFLICT: the id or the hash is there already, or the person has too many keys.
 * ERR_NOT_FOUND: no such robot or user. ERR_INVALID: holder and kind don't fit. */
enum err_code store_add_token(struct store *store, const struct token *token,
                              const struct store_change *change, uint64_t *ret_policy_version,
                              struct err *err) MUST_CHECK;
/* The same for a robot's token that takes the place of others: of one (old, an id), or of all that
 * the robot has (old empty), which end at ends_us, or when they would have ended earlier. All or
 * nothing. ERR_NOT_FOUND: old is none of this robot's that is good now. */
enum err_code store_rotate_token(struct store *store, const struct token *token, struct str old,
                                 int64_t ends_us, const struct store_change *change,
                                 uint64_t *ret_policy_version, struct err *err) MUST_CHECK;
/* ERR_NOT_FOUND: no such token. A token that is revoked already stays as it is: ERR_OK. */
enum err_code store_revoke_token(struct store *store, struct str id,
                                 const struct store_change *change, uint64_t *ret_policy_version,
                                 struct err *err) MUST_CHECK;
/* *ret_count: how many were revoked now. */
enum err_code store_revoke_tokens(struct store *store, const struct token_holder *holder,
                                  const struct store_change *change, size_t *ret_count,
                                  uint64_t *ret_policy_version, struct err *err) MUST_CHECK;

enum err_code store_load_users(struct store *store, struct arena *arena, struct user **ret_users,
                               size_t *ret_count, struct err *err) MUST_CHECK;
/* A person was seen: made when new (role as given), else e-mail, name and last sight are brought up
 * to date. role of one that is there stays, and so does is_disabled. *ret_is_new may be NULL. The
 * policy version stays but for a new one with a role above member, and for another e-mail address:
 * grants of keys and owners of robots go by it. */
enum err_code store_see_user(struct store *store, const struct user *user,
                             const struct store_change *change, bool *ret_is_new,
                             struct err *err) MUST_CHECK;
/* ERR_NOT_FOUND: no such user. ERR_CONFLICT: that would be the last owner who is not disabled. */
enum err_code store_set_user(struct store *store, int64_t id, enum user_role role, bool is_disabled,
                             const struct store_change *change, uint64_t *ret_policy_version,
                             struct err *err) MUST_CHECK;

/* Spends an assertion's id, once for all gateways on this store; what has expired by now_us is
 * forgotten. ERR_CONFLICT: it was spent before. */
enum err_code store_spend_id(struct store *store, const struct spent_id *token, int64_t now_us,
                             struct err *err) MUST_CHECK;

/* How long no session comes of a sign-in that the provider ended: longer than any page of ours
 * that it left open. */
enum { STORE_ENDED_SECONDS = 1800 };

/* Sessions of people. A new one forgets what has expired. ERR_DENIED: the provider has ended the
 * sign-in that it is of. */
enum err_code store_add_session(struct store *store, const struct oauth_session *session,
                                struct err *err) MUST_CHECK;
/* ERR_NOT_FOUND: no such session. */
enum err_code store_load_session(struct store *store, struct arena *arena, struct str id,
                                 struct oauth_session *ret_session, struct err *err) MUST_CHECK;
/* The refresh token of this generation is used up, the next one is good. ERR_CONFLICT: it is not
 * the current one, or the session has ended or expired. */
enum err_code store_turn_session(struct store *store, struct str id, uint64_t generation,
                                 int64_t now_us, struct err *err) MUST_CHECK;
/* One that has ended already stays as it is: ERR_OK. */
enum err_code store_end_session(struct store *store, struct str id,
                                const struct store_change *change, uint64_t *ret_policy_version,
                                struct err *err) MUST_CHECK;

/* Ends the sessions, and of a person notes the time. Somebody never seen: ERR_OK. token (may be
 * NULL) is spent with it, or neither happens. ERR_CONFLICT: it was spent before. */
enum err_code store_sign_out(struct store *store, const struct sign_out *who,
                             const struct spent_id *token, const struct store_change *change,
                             uint64_t *ret_policy_version, struct err *err) MUST_CHECK;

/* OAuth clients. */
enum { STORE_MAX_CLIENTS = 1000 };

/* author and created_us become those of the change. ERR_CONFLICT: the id is there already, or there
 * are too many. ERR_NOT_FOUND: no such robot. */
enum err_code store_add_client(struct store *store, const struct client *client,
                               const struct store_change *change, uint64_t *ret_policy_version,
                               struct err *err) MUST_CHECK;
/* ERR_NOT_FOUND: it is not kept here. */
enum err_code store_remove_client(struct store *store, struct str id,
                                  const struct store_change *change, uint64_t *ret_policy_version,
                                  struct err *err) MUST_CHECK;
/* Of any client. Blocking one ends its sessions, *ret_ended of them. */
enum err_code store_block_client(struct store *store, struct str id, bool is_blocked,
                                 const struct store_change *change, size_t *ret_ended,
                                 uint64_t *ret_policy_version, struct err *err) MUST_CHECK;
/* Notes the last use, to about a minute. */
enum err_code store_touch_client(struct store *store, struct str id, int64_t now_us,
                                 struct err *err) MUST_CHECK;

/* Users and groups as providers provision them (SCIM). */

enum {
    STORE_MAX_SCIM_USERS = 500000,
    STORE_MAX_SCIM_GROUPS = 20000,
    STORE_MAX_SCIM_MEMBERS = 2000000,
};

enum scim_key {
    SCIM_ALL,
    SCIM_ID,
    SCIM_NAME, /* user_name or display_name, ASCII letters without case */
    SCIM_EXTERNAL_ID,
};

struct scim_find {
    struct str provider;
    enum scim_key key;
    int64_t id;       /* of SCIM_ID */
    struct str value; /* of SCIM_NAME and SCIM_EXTERNAL_ID */
    int64_t skip;     /* of SCIM_ALL: so many from the first, */
    int64_t most;     /* and then so many */
};

/* How many users, and how many groups, a provider has. */
enum err_code store_count_scim(struct store *store, struct str provider, int64_t *ret_users,
                               int64_t *ret_groups, struct err *err) MUST_CHECK;

/* In the order of their ids. */
enum err_code store_load_scim_users(struct store *store, struct arena *arena,
                                    const struct scim_find *find, struct scim_user **ret_users,
                                    size_t *ret_count, struct err *err) MUST_CHECK;
enum err_code store_load_scim_groups(struct store *store, struct arena *arena,
                                     const struct scim_find *find, struct scim_group **ret_groups,
                                     size_t *ret_count, struct err *err) MUST_CHECK;
/* Ids of scim users, lowest first. */
enum err_code store_load_scim_members(struct store *store, struct arena *arena, int64_t group_id,
                                      int64_t **ret_ids, size_t *ret_count,
                                      struct err *err) MUST_CHECK;
/* id 0: a new one. The person (provider, subject) is made when nobody knows it, shut out or let in
 * as is_active says, and signed out when shut out; whoever the resource was about before, if
 * another, is shut out. A role and an administrator's word on the person stay. ERR_CONFLICT:
 * user_name or subject is another's, or this would shut out the last owner. ERR_NOT_FOUND: no such
 * id. ERR_LIMIT: there are too many. */
enum err_code store_save_scim_user(struct store *store, struct arena *arena,
                                   const struct scim_user *user, const struct store_change *change,
                                   int64_t *ret_id, uint64_t *ret_policy_version,
                                   struct err *err) MUST_CHECK;
/* The person is shut out and stays known. ERR_NOT_FOUND; ERR_CONFLICT: the last owner. */
enum err_code store_remove_scim_user(struct store *store, struct arena *arena, struct str provider,
                                     int64_t id, const struct store_change *change,
                                     uint64_t *ret_policy_version, struct err *err) MUST_CHECK;
/* What a provider said of this person by SCIM counts no longer. Somebody unknown: ERR_OK. */
enum err_code store_release_user(struct store *store, int64_t id, const struct store_change *change,
                                 uint64_t *ret_policy_version, struct err *err) MUST_CHECK;

struct scim_group_change {
    struct scim_group group; /* id 0: a new one; its times are not read */
    const int64_t *added;    /* members it does not have yet */
    size_t added_count;
    const int64_t *removed;
    size_t removed_count;
};

/* ERR_CONFLICT: display_name is another's. ERR_INVALID: no such user of this provider.
 * ERR_NOT_FOUND: no such group. ERR_LIMIT: there are too many. */
enum err_code store_save_scim_group(struct store *store, const struct scim_group_change *group,
                                    const struct store_change *change, int64_t *ret_id,
                                    uint64_t *ret_policy_version, struct err *err) MUST_CHECK;
enum err_code store_remove_scim_group(struct store *store, struct str provider, int64_t id,
                                      const struct store_change *change,
                                      uint64_t *ret_policy_version, struct err *err) MUST_CHECK;

struct token_use {
    struct str id;
    int64_t used_us;
};

/* Last use never goes back; unknown ids are skipped. */
enum err_code store_touch_tokens(struct store *store, const struct token_use *uses, size_t count,
                                 struct err *err) MUST_CHECK;

/* Small values by name, bytes. ERR_NOT_FOUND: no such key. */
enum err_code store_load_meta(struct store *store, struct arena *arena, struct str key,
                              struct str *ret_value, struct err *err) MUST_CHECK;
/* The same as a change: remembered, and the policy version rises. */
enum err_code store_change_meta(struct store *store, struct str key, struct str value,
                                const struct store_change *change, uint64_t *ret_policy_version,
                                struct err *err) MUST_CHECK;
enum err_code store_save_meta(struct store *store, struct str key, struct str value,
                              struct err *err) MUST_CHECK;
