/*
 * control.h - changing what is governed: the one way from an administrator's wish to a new
 * snapshot.
 *
 * Every change is a pair of admin entries around the commit: the intent is durable before the store
 * is touched, the outcome follows; what a crash left open is reconciled at start
 * (control_reconcile). A change is acknowledged when every worker decides by it.
 *
 * Threads: the control job thread alone (the one that owns the store). Everything here blocks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "catalog/governance.h"
#include "gate/api.h"
#include "identity/provider.h"
#include "identity/signing.h"
#include "store/store.h"

struct control;
struct gate;

/* Edits *governance (arrays and texts from arena). Failing leaves everything as it was. */
typedef enum err_code control_edit_fn(struct governance *governance, struct arena *arena, void *ctx,
                                      struct err *err);

struct control_change {
    const struct api_request *request; /* who and from where */
    const char *action; /* word for the log: "apply", "server_add", "robot_token" … */
    struct str detail;  /* what changes, readable; bytes of any kind */
};

struct control *gate_control(struct gate *gate);

/* Which programs and secrets the settings provide, for reading a governance file. */
struct governance_host control_host(struct control *control);

/* Read-only looks at what is stored. */
enum err_code control_view(struct control *control, struct arena *arena,
                           struct store_view *ret_view, struct err *err) MUST_CHECK;

/* Loads, edits, checks, saves and publishes. *ret_version: the policy version now in force. */
enum err_code control_edit(struct control *control, const struct control_change *change,
                           control_edit_fn *edit, void *ctx, struct arena *arena,
                           uint64_t *ret_version, struct err *err) MUST_CHECK;

struct token_wish {
    uint32_t scopes;    /* 0: those of the tokens whose place it takes, else the preset */
    int64_t expires_us; /* 0: never */
    bool rotates;       /* it takes the place of other tokens of the robot, */
    struct str old;     /* of this one (empty: of all), */
    int64_t overlap_us; /* which end so much later */
};

struct token_made {
    struct str text; /* shown once and kept nowhere */
    struct str id;
    uint32_t scopes;
    int64_t expires_us; /* 0: never */
};

/* Makes a token for the robot; texts of *ret_made are in arena. ERR_NOT_FOUND: no such robot, or
 * the token to replace is none of its. */
enum err_code control_add_token(struct control *control, const struct control_change *change,
                                struct str robot, const struct token_wish *wish,
                                struct arena *arena, struct token_made *ret_made,
                                struct err *err) MUST_CHECK;

struct key_wish {
    struct str name;    /* legal: user_key_is_name() */
    struct str agent;   /* likewise, or empty */
    uint32_t scopes;    /* 0: list and calls, as far as the maker has them */
    int64_t expires_us; /* 0: as late as it may */
};

/* Makes a key for the person who asks (change->request). ERR_DENIED: a robot, an agent or a key
 * asks, or asks for more than the person may. ERR_INVALID: it would live too long. */
enum err_code control_add_key(struct control *control, const struct control_change *change,
                              const struct key_wish *wish, struct arena *arena,
                              struct token_made *ret_made, struct err *err) MUST_CHECK;
/* The id in the store of the person who asks, who is noted there when new. */
enum err_code control_user_id(struct control *control, const struct api_request *request,
                              struct arena *arena, int64_t *ret_id, struct err *err) MUST_CHECK;
/* ERR_NOT_FOUND: no such token. */
enum err_code control_revoke_token(struct control *control, const struct control_change *change,
                                   struct str id, struct err *err) MUST_CHECK;
enum err_code control_revoke_robot(struct control *control, const struct control_change *change,
                                   struct str robot, size_t *ret_count, struct err *err) MUST_CHECK;
enum err_code control_revoke_tokens(struct control *control, const struct control_change *change,
                                    const struct token_holder *holder, size_t *ret_count,
                                    struct err *err) MUST_CHECK;

/* A provider vouched for this person: made when new, which is recorded, else brought up to date.
 * The first one with the verified e-mail address of an owner of the settings becomes owner. */
enum err_code control_see_user(struct control *control, const struct api_request *request,
                               struct err *err) MUST_CHECK;
/* ERR_NOT_FOUND: no such user. ERR_CONFLICT: the last owner. */
enum err_code control_set_user(struct control *control, const struct control_change *change,
                               int64_t id, enum user_role role, bool is_disabled,
                               struct err *err) MUST_CHECK;
/* Ends all that was issued for this person until now, or what came of one sign-in, and spends the
 * logout token that asks for it (NULL: an administrator does). ERR_CONFLICT: it was spent before.
 */
enum err_code control_sign_out(struct control *control, const struct control_change *change,
                               const struct sign_out *who, const struct spent_id *token,
                               struct err *err) MUST_CHECK;

/* --- what providers provision (SCIM) --- */

/* Of the settings; NULL: there is none. */
const struct provider *control_provider(struct control *control, struct str name);
/* Where people and programs reach this gateway: "https://gate.example.com". */
struct str control_public_url(struct control *control);

/* As the functions of store.h. */
enum err_code control_count_scim(struct control *control, struct str provider, int64_t *ret_users,
                                 int64_t *ret_groups, struct err *err) MUST_CHECK;
enum err_code control_scim_users(struct control *control, struct arena *arena,
                                 const struct scim_find *find, struct scim_user **ret_users,
                                 size_t *ret_count, struct err *err) MUST_CHECK;
enum err_code control_scim_groups(struct control *control, struct arena *arena,
                                  const struct scim_find *find, struct scim_group **ret_groups,
                                  size_t *ret_count, struct err *err) MUST_CHECK;
enum err_code control_scim_members(struct control *control, struct arena *arena, int64_t group_id,
                                   int64_t **ret_ids, size_t *ret_count,
                                   struct err *err) MUST_CHECK;
enum err_code control_save_scim_user(struct control *control, const struct control_change *change,
                                     struct arena *arena, const struct scim_user *user,
                                     int64_t *ret_id, struct err *err) MUST_CHECK;
enum err_code control_remove_scim_user(struct control *control, const struct control_change *change,
                                       struct arena *arena, struct str provider, int64_t id,
                                       struct err *err) MUST_CHECK;
enum err_code control_save_scim_group(struct control *control, const struct control_change *change,
                                      const struct scim_group_change *group, int64_t *ret_id,
                                      struct err *err) MUST_CHECK;
enum err_code control_remove_scim_group(struct control *control,
                                        const struct control_change *change, struct str provider,
                                        int64_t id, struct err *err) MUST_CHECK;
/* What the provider said of this person counts no more. */
enum err_code control_release_user(struct control *control, const struct control_change *change,
                                   int64_t id, struct err *err) MUST_CHECK;
/* Makes a token with which the provider provisions. ERR_NOT_FOUND: there is no such provider;
 * ERR_CONFLICT: its settings do not say `scim`. */
enum err_code control_add_scim_token(struct control *control, const struct control_change *change,
                                     struct str provider, int64_t expires_us, struct arena *arena,
                                     struct token_made *ret_made, struct err *err) MUST_CHECK;

/* A client to be kept in the store. */
struct client_wish {
    struct str id;
    bool wants_secret; /* that we make; or one of */
    struct str jwks_url;
    struct str jwks;    /* JSON */
    struct str redeems; /* name of a provider; or empty */
    struct str robot;   /* name of the robot that it is; or empty */
    bool may_exchange;
    bool is_agent;
};

/* *ret_secret: shown once and kept nowhere, in arena; empty: none was wished for. ERR_INVALID,
 * ERR_DENIED: the wish goes too far. ERR_CONFLICT: the id is taken. ERR_NOT_FOUND: no such robot.
 */
enum err_code control_add_client(struct control *control, const struct control_change *change,
                                 const struct client_wish *wish, struct arena *arena,
                                 struct str *ret_secret, struct err *err) MUST_CHECK;
/* ERR_NOT_FOUND: it is not kept in the store. */
enum err_code control_remove_client(struct control *control, const struct control_change *change,
                                    struct str id, struct err *err) MUST_CHECK;
/* Of any kind. *ret_ended: how many sessions ended with it. */
enum err_code control_block_client(struct control *control, const struct control_change *change,
                                   struct str id, bool is_blocked, size_t *ret_ended,
                                   struct err *err) MUST_CHECK;

/* This gateway's keys for access tokens. */
enum err_code control_signing(struct control *control, struct signing *ret_signing,
                              struct err *err) MUST_CHECK;
/* ERR_CONFLICT: it was done too often lately. */
enum err_code control_rotate_signing(struct control *control, const struct control_change *change,
                                     struct err *err) MUST_CHECK;

/* Approves or quarantines; all of them or none. As store_review_tools(). */
enum err_code control_review(struct control *control, const struct control_change *change,
                             const struct tool_review *reviews, size_t count, uint64_t *ret_version,
                             struct err *err) MUST_CHECK;
/* What a tool was, and what was done to it. */
enum err_code control_history(struct control *control, struct arena *arena, int64_t tool_id,
                              struct tool_history *ret_history, struct err *err) MUST_CHECK;
/* Appends what differs between two definitions, one indented line each, with a newline before. */
void control_write_diff(struct str before, struct str after, struct buf *out);

/* How a server is doing, as the workers last said. */
enum server_state {
    SERVER_STATE_NEW,    /* not yet discovered */
    SERVER_STATE_BUSY,   /* discovery under way */
    SERVER_STATE_READY,  /* the tools are known */
    SERVER_STATE_FAILED, /* the last discovery failed; last_error says why, the tools known before
                            stay */
};

struct server_health {
    enum server_state state;
    char protocol[16];     /* revision spoken, "" until known */
    int64_t discovered_us; /* last success; 0: never */
    int64_t failed_us;     /* last failure; 0: never */
    char last_error[ERR_TEXT_BYTES];
};

/* ERR_NOT_FOUND: no such server. */
enum err_code control_server_health(struct control *control, struct str server,
                                    struct server_health *ret_health, struct err *err) MUST_CHECK;
/* Starts a discovery; its end shows in the health. ERR_NOT_FOUND: no such server. */
enum err_code control_refresh(struct control *control, struct str server,
                              struct err *err) MUST_CHECK;
