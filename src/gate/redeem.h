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

#define REDEEM_JWT_BEARER   "urn:ietf:params:oauth:grant-type:jwt-bearer"
#define REDEEM_EXCHANGE     "urn:ietf:params:oauth:grant-type:token-exchange"
#define REDEEM_ACCESS_TOKEN "urn:ietf:params:oauth:token-type:access_token"

struct spent {
    struct str issuer; /* empty: nothing to spend */
    struct str id;
    int64_t expires_us;
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
    struct spent assertion;        /* the ID-JAG */
    struct spent client_assertion; /* of private_key_jwt */
};

void redeem_check(struct redemption *redemption);
void redeem_refuse(struct redemption *redemption, int status, const char *error, const char *why);
/* Spends the assertions and records the issue. False: refused, as redemption says. */
bool control_spend(struct control *control, struct redemption *redemption);
