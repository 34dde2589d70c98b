/*
 * jwk.h - the public keys that an issuer publishes (RFC 7517), as prepared keys.
 *
 * What can't serve is left out and counted, it never makes the set fail: symmetric and private
 * keys, keys for encryption, types, curves and sizes that are not taken.
 *
 * Threads: a set is immutable and counted; any thread may use it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/pkey.h"
#include "base/str.h"

enum { JWK_MAX_KEYS = 100, JWK_MAX_KID = 256, JWK_MAX_BYTES = 256 * 1024 };

struct jwk {
    struct str kid; /* empty: none */
    uint32_t algs;  /* PKEY_ALG_BIT set: what it may verify */
    const struct pkey *key;
};

struct jwk_set;

/* json: {"keys": [...]}. *ret_set has one reference. ERR_INVALID: no key set. ERR_LIMIT: too large,
 * or too many keys. A set without a usable key is a set. */
enum err_code jwk_set_parse(struct str json, struct jwk_set **ret_set, struct err *err) MUST_CHECK;
struct jwk_set *jwk_set_ref(struct jwk_set *set);
void jwk_set_unref(struct jwk_set *set); /* NULL is fine */
void jwk_set_unrefp(struct jwk_set **set);

size_t jwk_set_count(const struct jwk_set *set);
const struct jwk *jwk_set_at(const struct jwk_set *set, size_t index);
/* How many keys were left out; *ret_why (may be NULL) says why the first one was. */
size_t jwk_set_skipped(const struct jwk_set *set, struct str *ret_why);

/* Appends the public JWK of one of our own keys (RFC 8037), and its thumbprint (RFC 7638), which
 * serves as its kid. */
#define JWK_THUMBPRINT_LEN 43
void jwk_thumbprint(const struct pkey *key, char ret_kid[JWK_THUMBPRINT_LEN + 1]);
void jwk_write(const struct pkey *key, struct buf *out);
