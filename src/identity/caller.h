/*
 * caller.h - who makes a request, and the table that tells it from a token.
 *
 * 1. A caller comes out of token_table_find(), token_table_find_robot() or person_of() alone, with
 * success; there is no anonymous one, and a failure leaves *ret_caller untouched.
 * 2. The client learns that it isn't known, never why: enum auth_failure is for the log and
 * counters.
 *
 * Threads: a table is immutable after token_table_new() and belongs to the snapshot.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"
#include "base/words.h"
#include "identity/tokens.h"
#include "store/objects.h"

/* A value; its views belong to the table it came from, or to the arena of person_of() or
 * caller_dup(). */
struct caller {
    enum principal_kind kind;
    struct str id;    /* "robot:NAME", "owner:EMAIL", "user:PROVIDER:SUBJECT": unique among
                         principals, kept in the log */
    struct str name;  /* of the robot; of a human, the name or the e-mail address */
    struct str owner; /* the human behind a robot, and the one an agent acts for; else empty */
    struct str issuer;
    struct str subject;
    struct str email;      /* of a human; else empty */
    struct str token_id;   /* empty when the listener acts for the robot */
    struct str provider;   /* name of the identity provider that vouches; empty: this gateway */
    struct str audience;   /* what the token of a provider is for */
    struct str client_id;  /* OAuth client that the token was issued to; may be empty */
    struct str chain;      /* who acts for whom, outermost first: "agent-a < agent-b"; or empty */
    struct str session_id; /* of the sign-in that the token came from; or empty */
    const struct str *groups; /* as the identity provider states them */
    size_t group_count;
    bool lacks_groups;   /* they were too many to be told, or to be taken: none counts */
    enum user_role role; /* of a human; an agent has none */
    uint32_t scopes;     /* SCOPE_BIT set */
    int64_t issued_us;   /* of the token, as far as it says; 0: it does not */
    int64_t expires_us;  /* of the token; 0: never */
    int64_t
        ask_again_us; /* the provider's word on an opaque token counts until then; 0: no matter */
    int64_t robot_id; /* 0: no robot */
    const struct addr_net *networks; /* it may call from; none: from anywhere */
    size_t network_count;
    bool is_listener_as; /* no token was shown: the listener's `as` says who it is */
    bool is_issued; /* by this gateway's own token endpoint: it ends with what it was issued on */
    struct str
        warrant; /* of a robot's workload that got an issued token: its identity; else empty */
    bool has_own_token; /* token_id is one of this gateway's API tokens (prr_, pru_, pra_, prs_) */
    struct str provisions; /* the provider whose people this one provisions (SCIM); else empty */
};

/* False: arena full. */
bool caller_dup(struct arena *arena, const struct caller *caller,
                struct caller *ret_caller) MUST_CHECK;

enum auth_failure {
    AUTH_MISSING,   /* no token at all */
    AUTH_MALFORMED, /* nothing of this gateway's */
    AUTH_TYPO,      /* the checksum is wrong */
    AUTH_UNKNOWN,
    AUTH_EXPIRED,
    AUTH_REVOKED,
    AUTH_DISABLED,   /* the robot or the user is disabled, or not there any more */
    AUTH_ISSUER,     /* a JWT of an issuer that nobody trusts */
    AUTH_KEYS,       /* the keys of the issuer can't be had */
    AUTH_JWT,        /* a JWT that is not valid here: enum jwt_why says why */
    AUTH_ADDRESS,    /* the robot may not call from there */
    AUTH_MACHINE,    /* a JWT of a program, which is no robot here */
    AUTH_INACTIVE,   /* the provider says that this opaque token is not active */
    AUTH_UNANSWERED, /* the provider was asked what this opaque token is, in vain */
    AUTH_FAILURES
};

const char *auth_failure_word(enum auth_failure failure);

/* Is there somebody with this e-mail address, and is everybody who has it disabled? A robot of such
 * an owner is nobody's. One who was never seen has not left. */
bool owner_has_left(const struct user *users, size_t count, struct str email);

struct token_table;
struct client_table;
struct identity_rules;

struct token_table_input {
    const struct token *tokens;
    size_t token_count;
    const struct robot *robots;
    size_t robot_count;
    const struct user *users;
    size_t user_count;
    const struct oauth_session *sessions;
    size_t session_count;
    const struct identity_rules *rules; /* NULL: keys of people are nobody's */
    int64_t key_max_us;                 /* keys of people live no longer */
    const struct client *clients;
    size_t client_count;
    const struct client_mark *marks;
    size_t mark_count;
    const struct scim_group *groups; /* by id */
    size_t group_count;
    const struct membership *memberships; /* by person */
    size_t membership_count;
};

/* Copies what it needs. A robot whose owner is disabled is disabled. ERR_CONFLICT: two tokens with
 * one hash. ERR_LIMIT: memory is out. *ret_table is the caller's: token_table_free() it. */
enum err_code token_table_new(const struct token_table_input *input, struct token_table **ret_table,
                              struct err *err) MUST_CHECK;
void token_table_free(struct token_table *table); /* NULL is fine */
void token_table_freep(struct token_table **table);

/* ERR_UNAUTHENTICATED with the reason in *ret_failure (may be NULL) and one sentence for all of
 * them. token empty: missing. */
enum err_code token_table_find(const struct token_table *table, struct str token,
                               const uint8_t pepper[TOKEN_PEPPER_BYTES], int64_t now_us,
                               struct caller *ret_caller, enum auth_failure *ret_failure,
                               struct err *err) MUST_CHECK;
/* The robot that a listener acts as, with every scope of a robot but no more than that. */
enum err_code token_table_find_robot(const struct token_table *table, struct str name,
                                     struct caller *ret_caller, enum auth_failure *ret_failure,
                                     struct err *err) MUST_CHECK;

/* The same, by the id of the robot. */
enum err_code token_table_find_robot_id(const struct token_table *table, int64_t robot_id,
                                        struct caller *ret_caller) MUST_CHECK;

/* The text claim of a workload's token; empty: there is none. */
typedef struct str workload_claim_fn(const void *ctx, struct str name);

/* The first robot whose identity is that of this provider and fits all its claims, with every scope
 * of a robot. AUTH_MACHINE: there is none. */
enum err_code token_table_find_workload(const struct token_table *table, struct str provider,
                                        workload_claim_fn *claim, const void *ctx,
                                        struct caller *ret_caller, enum auth_failure *ret_failure,
                                        struct err *err) MUST_CHECK;

/* What an access token of this gateway says of the robot that it is of. */
struct issued_robot {
    struct str name;
    int64_t id;
    struct str client_id; /* it was issued to; or empty, */
    struct str warrant;   /* and this of the robot's workload */
};

/* The robot, if it is the one that the token was issued for, and may still be had by this client or
 * this workload. With every scope of a robot. */
enum err_code token_table_find_issued(const struct token_table *table,
                                      const struct issued_robot *robot, struct caller *ret_caller,
                                      enum auth_failure *ret_failure, struct err *err) MUST_CHECK;
/* The clients, as long as the table. */
const struct client_table *token_table_clients(const struct token_table *table);

/* What is known of a person beyond the token. */
struct known_user {
    int64_t id;
    enum user_role role;
    bool is_disabled; /* by an administrator, or shut out by the provider */
    int64_t signed_out_us;
    const struct str *groups; /* as provisioned */
    size_t group_count;
    bool lacks_groups; /* they are too many: none counts */
};

/* Was what this person shows taken back before its time: the session ended, or, where it comes of
 * none, the person signed out everywhere after it was issued; the client was blocked, or, of a
 * token of this gateway without a session, is known no more? */
bool token_table_is_taken_back(const struct token_table *table, const struct caller *caller);

/* False: this person was never seen. */
bool token_table_find_user(const struct token_table *table, struct str provider, struct str subject,
                           struct known_user *ret_user);

/* A person whose provider provisions groups has those, whatever a token says; of everybody else
 * nothing changes. The views are the table's. */
void token_table_take_groups(const struct token_table *table, struct caller *caller);

/* Is the caller still who it was: token neither expired, revoked nor gone, robot or user enabled?
 * For open streams and parked calls when a new snapshot comes. */
bool token_table_has(const struct token_table *table, const struct caller *caller, int64_t now_us);
