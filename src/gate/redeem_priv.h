/*
 * redeem_priv.h - a request to the token endpoint under examination: who asks (redeem_client.c),
 * and what for (redeem.c, redeem_exchange.c).
 */
#pragma once

#include "base/form.h"
#include "gate/gate_priv.h"
#include "gate/redeem.h"
#include "identity/client_document.h"
#include "identity/person.h"

/* What is checked against: the request taken apart. */
struct inquiry {
    struct redemption *redemption;
    const struct settings *settings;
    struct arena *arena;
    struct form form;
    const struct oauth_client *client;
    struct str url; /* of this gateway: issuer and resource */
};

/* Takes the request apart. False: refused. */
bool inquiry_begin(struct inquiry *ret_q, struct redemption *redemption);
/* False, so that a check ends with it. */
bool inquiry_refuse(struct inquiry *q, const char *error, const char *why);
enum jwt_why inquiry_verify(struct inquiry *q, const struct jwt *jwt, struct key_source *source);
/* Exactly one way (RFC 6749 §2.3). Sets client. */
bool inquiry_check_client(struct inquiry *q);
/* A client whose id is the URL of its document (redeem_document.c): sets client. False: refused, or
 * the document has to be fetched first. */
bool inquiry_find_document(struct inquiry *q, struct str id, struct client_document *ret_document);
/* The signature of such a client. False: refused, or its keys have to be fetched first. */
bool inquiry_verify_document(struct inquiry *q, const struct jwt *jwt,
                             const struct client_document *document);
/* Words of ours in the request narrow what there is; others mean nothing here. */
bool inquiry_narrow_scopes(struct inquiry *q, uint32_t scopes);
/* session: of a token of our own; what is made of it ends with it. */
bool inquiry_name_person(struct inquiry *q, const struct provider *provider, const struct jwt *jwt,
                         const struct jwt_claims *claims, struct str session);
/* Who that is now, whatever the token says of it. */
enum person_result inquiry_find_person(struct inquiry *q, const struct provider *provider,
                                       const struct jwt *jwt, const struct jwt_claims *claims,
                                       struct str session, bool *ret_is_taken_back);
/* An access token, all but its audience. */
enum jwt_why inquiry_judge_subject(struct inquiry *q, struct str issuer, const struct jwt *jwt,
                                   struct jwt_claims *claims);
bool inquiry_is_blocked(const struct inquiry *q, struct str client_id);
/* The grant of a client that is a robot (RFC 6749 §4.4). */
bool inquiry_credentials(struct inquiry *q);
/* Is it a platform's word on a workload (RFC 7523 §2.1), rather than an ID-JAG? No client comes
 * with it. */
bool inquiry_is_workload(struct inquiry *q);
bool inquiry_workload(struct inquiry *q);
/* The grant of RFC 8693. */
bool inquiry_exchange(struct inquiry *q);
