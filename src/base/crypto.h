/*
 * crypto.h - the few primitives the gateway uses, over OpenSSL 3; besides it only rand.c, pkey.c
 * and net's TLS include OpenSSL.
 *
 * Algorithms are fetched once and contexts reused per thread. A primitive that OpenSSL refuses to
 * run stops the process: a gateway that can't hash must not go on. Only opening can fail.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

#define CRYPTO_SHA256_BYTES 32
#define CRYPTO_KEY_BYTES    32
#define CRYPTO_NONCE_BYTES  12
#define CRYPTO_TAG_BYTES    16

void crypto_sha256(struct str data, uint8_t ret_digest[CRYPTO_SHA256_BYTES]);
/* The same over several pieces, one behind the other. */
void crypto_sha256v(const struct str *pieces, size_t count,
                    uint8_t ret_digest[CRYPTO_SHA256_BYTES]);

/* HMAC-SHA-256 over pieces (RFC 2104). */
void crypto_hmacv(const uint8_t key[CRYPTO_KEY_BYTES], const struct str *pieces, size_t count,
                  uint8_t ret_mac[CRYPTO_SHA256_BYTES]);

/* HKDF-Expand with SHA-256 (RFC 5869 §2.3); key is already uniform. out_len ≤ 255 * 32. */
void crypto_hkdf_expand(const uint8_t key[CRYPTO_KEY_BYTES], struct str info, uint8_t *out,
                        size_t out_len);

/* AES-256-GCM (SP 800-38D). out takes plain.len + CRYPTO_TAG_BYTES, tag last. The caller sees to it
 * that (key, nonce) is used once. */
void crypto_seal(const uint8_t key[CRYPTO_KEY_BYTES], const uint8_t nonce[CRYPTO_NONCE_BYTES],
                 struct str aad, struct str plain, uint8_t *out);
/* What one key seals at once: each part under a nonce of its own, twelve bytes of which the last is
 * `number` and the others are zero. A part without plain bytes is a keyed digest (GMAC) of its aad.
 */
struct crypto_part {
    const struct str *aad; /* pieces, one behind the other */
    size_t aad_count;
    struct str plain;
    uint8_t *out; /* plain.len + CRYPTO_TAG_BYTES, tag last */
    uint8_t number;
};
/* Cheaper than crypto_seal() for each: the key is set up once. */
void crypto_seal_parts(const uint8_t key[CRYPTO_KEY_BYTES], const struct crypto_part *parts,
                       size_t count);
/* out takes sealed.len - CRYPTO_TAG_BYTES. False: not sealed with this key, nonce and aad; out is
 * then wiped. */
bool crypto_open(const uint8_t key[CRYPTO_KEY_BYTES], const uint8_t nonce[CRYPTO_NONCE_BYTES],
                 struct str aad, struct str sealed, uint8_t *out) MUST_CHECK;

/* Wipes in a way the compiler keeps. */
void crypto_wipe(void *data, size_t len);
