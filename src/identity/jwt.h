/*
 * jwt.h - JSON Web Tokens (RFC 7519, 7515, 8725): taken apart, verified, judged. In this order:
 * size, compact form, strict base64url, strict JSON, alg, crit, kid, typ, key, signature, then the
 * claims. Embedded keys and references to keys (jwk, jku, x5c, x5u) are never looked at.
 *
 * 1. Before jwt_verify() said JWT_OK nothing in a struct jwt is to be believed: the issuer serves
 * to find the keys, kid to find the key, both for nothing else.
 * 2. Pure: no clock, no network.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/str.h"
#include "identity/jwk.h"

enum jwt_why {
#define X(name, word, meaning) name,
#include "identity/jwt.def"
#undef X
    JWT_WHYS
};

const char *jwt_why_word(enum jwt_why why);

enum { JWT_MAX_BYTES = 16 * 1024, JWT_MAX_SUBJECT = 1024, JWT_LEEWAY_SECONDS = 60 };

/* A token taken apart; everything lives in the arena or in the token's text. */
struct jwt {
    enum pkey_alg alg;
    struct str kid;          /* empty: none */
    struct str typ;          /* lower case, without "application/"; empty: none */
    struct str signed_bytes; /* header.payload, as sent */
    struct str signature;
    struct json_doc claims;
    struct str issuer; /* empty: none */
};

/* Could this be a JWT at all (two dots)? Opaque tokens are somebody else's. */
bool jwt_looks_like(struct str token);
enum jwt_why jwt_parse(struct str token, struct arena *arena, struct jwt *ret_jwt) MUST_CHECK;
/* The same for any JWS in compact form: claims and issuer are not read, what is signed comes out
 * decoded. */
enum jwt_why jws_parse(struct str token, struct arena *arena, struct jwt *ret_jwt,
                       struct str *ret_payload) MUST_CHECK;
/* keys NULL: there are none. algs: PKEY_ALG_BIT set that this issuer may use; another is refused
 * whatever keys there are. A token without kid is tried with the one key
 * that fits; with several it is refused. */
enum jwt_why jwt_verify(const struct jwt *jwt, const struct jwk_set *keys,
                        uint32_t algs) MUST_CHECK;

struct jwt_expect {
    struct str issuer;
    const struct str *audiences; /* one of them must stand in aud */
    size_t audience_count;
    const struct str *types; /* typ must be one of them; the empty one allows its absence */
    size_t type_count;
    int64_t now;           /* seconds */
    int64_t max_seconds;   /* from iat to now, and from now to exp; 0: any */
    bool is_access_token;  /* an ID token is refused, whatever its audience */
    bool must_have_id;     /* jti */
    bool may_lack_subject; /* then claims->subject is empty */
    bool has_one_audience; /* aud names no other (RFC 7523 of an ID-JAG) */
};

struct jwt_claims {
    struct str subject;
    struct str audience; /* of aud: the one that was expected */
    struct str id;       /* jti; may be empty */
    int64_t expires_at;  /* seconds */
    int64_t issued_at;   /* 0: not said */
};

/* After jwt_verify(). */
enum jwt_why jwt_judge(const struct jwt *jwt, const struct jwt_expect *expect, struct arena *arena,
                       struct jwt_claims *ret_claims) MUST_CHECK;

/* The text claim of this name; empty: not there, no text, or the arena is full. */
struct str jwt_text(const struct jwt *jwt, struct str name, struct arena *arena);
/* By a path of names: "realm_access.roles". A claim whose name holds the dots goes first.
 * JSON_NONE: not there. */
json_pos jwt_find(const struct jwt *jwt, struct str path);
