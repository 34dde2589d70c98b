/*
 * redeem.h - what a request to the token endpoint asks for, and whether it gets it: the client is
 * who it says; an assertion is of a trusted provider, for this gateway, this client and one of our
 * resources, and was not redeemed before; an exchange is of a person's token, by an agent that may
 * act for people, and yields less than that token gave.
 *
 * Threads: redeem_check() on the identity thread (it may fetch keys), control_spend() on the
 * control thread.
 */
#pragma once

#include "base/addr.h"
#include "base/arena.h"
#include "gate/control.h"
#include "identity/caller.h"
#include "identity/jwt.h"
#include "identity/key_source.h"

#define REDEEM_JWT_BEARER      "urn:ietf:params:oauth:grant-type:jwt-bearer"
#define REDEEM_CODE_PURPOSE    "oauth code"
#define REDEEM_REFRESH_PURPOSE "oauth refresh"
#define REDEEM_CREDENTIALS     "client_credentials"
#define REDEEM_EXCHANGE        "urn:ietf:params:oauth:grant-type:token-exchange"
#define REDEEM_ACCESS_TOKEN    "urn:ietf:params:oauth:token-type:access_token"

enum redeem_grant {
    REDEEM_ASSERTION, /* or an exchange: nothing of a session */
    REDEEM_CODE,
    REDEEM_REFRESH,
};

struct redemption {
    struct gate *gate;
    struct arena *arena;
    struct str authorization; /* header; may be empty */
    struct str body;
    struct str user_agent;
    struct addr peer;
    struct addr address;
    int64_t now_us;
    int64_t seconds; /* life of the token */

    const char *error; /* OAuth's word; NULL: granted so far */
    const char *why;   /* for the log */
    int status;
    struct str client_id;
    struct caller caller;
    struct str audience;
    uint32_t scopes;
    bool is_exchange;
    enum redeem_grant grant;
    struct str session_id;            /* of a code or a refresh token */
    uint64_t generation;              /* of the refresh token that was shown; 0: a code */
    struct str answer;                /* of an introspection: what the client is told */
    struct str refresh;               /* a new refresh token; empty: none */
    struct spent_id assertion;        /* the ID-JAG; empty issuer: nothing to spend */
    struct spent_id client_assertion; /* of private_key_jwt */
    bool is_client_proven;            /* by secret or assertion */

    /* What the client published has to be fetched first (client_jobs.h), and then all is checked
     * once more; empty: nothing. */
    struct str wants_url;
    bool wants_new;
    int fetches;
};

/* The signature, with keys that are fetched when they are missing. Blocks. */
enum jwt_why redeem_verify(const struct jwt *jwt, struct key_source *source, int64_t now_us);
/* url: public_url. Is the resource all of the gateway, or one of its MCP endpoints? */
bool redeem_is_ours(struct str url, struct str resource);
/* Judges the request, or sets wants_url. */
void redeem_check(struct redemption *redemption);
/* Fetches what it wants. Blocks; then redeem_check() once more. */
void redeem_fetch(struct redemption *redemption);
/* A request to the introspection endpoint: sets answer. */
void redeem_introspect(struct redemption *redemption);
void redeem_refuse(struct redemption *redemption, int status, const char *error, const char *why);
/* What a person agreed to. */
struct agreement {
    struct oauth_session session; /* created_us: when we heard from the provider who it is */
    struct str redirect;
    struct str challenge;
    struct spent_id page; /* it is answered once */
};

/* Makes the session, and the code that its first tokens are got with. ERR_CONFLICT: the page was
 * answered before. ERR_DENIED: the person is disabled, or has signed out since. */
enum err_code control_add_session(struct control *control, const struct api_request *request,
                                  struct agreement *agreed, struct arena *arena,
                                  struct str *ret_code, struct err *err) MUST_CHECK;
/* Ends it: its access tokens are refused from now on. */
enum err_code control_end_session(struct control *control, const struct control_change *change,
                                  struct str id, struct err *err) MUST_CHECK;
/* Spends the assertion that the client authenticated with. False: refused, as redemption says. */
bool control_spend_client(struct control *control, struct redemption *redemption);
/* Spends the assertions and records the issue. False: refused, as redemption says. */
bool control_spend(struct control *control, struct redemption *redemption);
