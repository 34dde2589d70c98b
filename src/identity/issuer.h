/*
 * issuer.h - this gateway as an issuer of access tokens: JWTs (RFC 9068) signed with EdDSA.
 *
 * A token says for whom an identity provider vouched, and when that was checked; it is for one
 * resource, lives minutes, and is judged like any other: who was disabled since is refused. The
 * keys are derived from the session key of the installation, one for each generation (signing.h),
 * so that gateways with the same keys accept each other's tokens.
 *
 * Threads: any.
 */
#pragma once

#include "base/buf.h"
#include "identity/caller.h"
#include "identity/jwt.h"
#include "identity/signing.h"
#include "keys/keyring.h"

struct issuer;

/* url: public_url, which is the issuer's name; it must outlive the issuer, and so must keyring. */
enum err_code issuer_new(const struct keyring *keyring, struct str url,
                         const struct signing *signing, struct issuer **ret_issuer,
                         struct err *err) MUST_CHECK;
/* These generations count from now on. */
enum err_code issuer_use(struct issuer *issuer, const struct signing *signing,
                         struct err *err) MUST_CHECK;
void issuer_free(struct issuer *issuer); /* NULL is fine */

struct str issuer_url(const struct issuer *issuer);
/* The signature: is it of one of the generations that count, or of the one after them? Another
 * gateway may have gone on to it a moment ago. */
enum jwt_why issuer_verify(struct issuer *issuer, const struct jwt *jwt) MUST_CHECK;
/* The public keys, the signing one first and the next one last, as the document that others fetch.
 */
void issuer_write_keys(struct issuer *issuer, struct buf *out);

/* What a token says. provider stands for issuer and name of the identity provider. */
struct issue {
    const struct caller *caller; /* provider, subject, email, name, groups, chain, client_id */
    struct str audience;
    uint32_t scopes;
    int64_t now;     /* seconds */
    int64_t seconds; /* of life */
};

/* Appends the token. False: memory is out, or the token would be for nothing or may do nothing:
 * what a token does not say must not be read as everything. */
bool issuer_mint(struct issuer *issuer, const struct issue *issue, struct buf *out) MUST_CHECK;
