/*
 * redeem_priv.h - a request to the token endpoint under examination: who asks (redeem_client.c),
 * and what for (redeem.c, redeem_exchange.c).
 */
#pragma once

#include "base/form.h"
#include "gate/gate_priv.h"
#include "gate/redeem.h"

/* What is checked against: the request taken apart. */
struct inquiry {
    struct redemption *redemption;
    const struct settings *settings;
    struct arena *arena;
    struct form form;
    const struct oauth_client *client;
    struct str url; /* of this gateway: issuer and resource */
};

/* False, so that a check ends with it. */
bool inquiry_refuse(struct inquiry *q, const char *error, const char *why);
enum jwt_why inquiry_verify(struct inquiry *q, const struct jwt *jwt, struct key_source *source);
/* Exactly one way (RFC 6749 §2.3). Sets client. */
bool inquiry_check_client(struct inquiry *q);
/* Words of ours in the request narrow what there is; others mean nothing here. */
bool inquiry_narrow_scopes(struct inquiry *q, uint32_t scopes);
/* session: of a token of our own; what is made of it ends with it. */
bool inquiry_name_person(struct inquiry *q, const struct provider *provider, const struct jwt *jwt,
                         const struct jwt_claims *claims, struct str session);
/* The grant of RFC 8693. */
bool inquiry_exchange(struct inquiry *q);
