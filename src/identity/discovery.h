/*
 * discovery.h - what an identity provider says of itself (OpenID Connect Discovery, then RFC 8414).
 *
 * Blocks on the network: no worker's.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "identity/provider.h"

struct discovery {
    struct str jwks_uri;
    struct str authorization_endpoint; /* empty: none */
    struct str token_endpoint;         /* empty: none */
    struct str userinfo_endpoint;      /* empty: none */
    struct str introspection_endpoint; /* empty: none */
    bool names_issuer;                 /* every answer of its has `iss` (RFC 9207 §3) */
};

/* The document's issuer must be exactly the expected one. Texts live in arena, and serve as C
 * strings. */
enum err_code discover(const struct provider *provider, struct arena *arena,
                       struct discovery *ret_found, struct err *err) MUST_CHECK;
/* GET with the provider's authority; any status but 200 is ERR_UNAVAILABLE. *ret_body is the
 * caller's. */
enum err_code discovery_get(const struct provider *provider, const char *url, struct buf *ret_body,
                            struct err *err) MUST_CHECK;
