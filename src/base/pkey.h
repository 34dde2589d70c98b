/*
 * pkey.h - public keys of others, and key pairs of our own, for signatures (JWA, RFC 7518 §3 and
 * RFC 8037), over OpenSSL.
 *
 * A key fixes the family of algorithms it serves: pkey_verify() refuses every other, whatever a
 * message says.
 *
 * Threads: a key is immutable; any thread may verify and sign with it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"

enum pkey_type {
    PKEY_RSA, /* 2048 to 8192 bits */
    PKEY_P256,
    PKEY_P384,
    PKEY_P521,
    PKEY_ED25519,
};

enum pkey_alg {
    PKEY_RS256,
    PKEY_RS384,
    PKEY_RS512,
    PKEY_PS256,
    PKEY_PS384,
    PKEY_PS512,
    PKEY_ES256,
    PKEY_ES384,
    PKEY_ES512,
    PKEY_EDDSA,
    PKEY_ALGS
};

#define PKEY_ALG_BIT(alg) (1u << (alg))
#define PKEY_ALG_SET_ALL  ((1u << PKEY_ALGS) - 1)

const char *pkey_alg_word(enum pkey_alg alg); /* "RS256" */
/* "Ed25519" is another name of EdDSA here, which has no other curve. */
bool pkey_alg_parse(struct str word, enum pkey_alg *ret_alg) MUST_CHECK;
/* Does a key of this type serve this algorithm? */
bool pkey_fits(enum pkey_type type, enum pkey_alg alg);

struct pkey;

/* Numbers are big-endian bytes. ERR_INVALID says what is wrong with the key: too short, too long,
 * not on the curve. */
enum err_code pkey_new_rsa(struct str n, struct str e, struct pkey **ret_key,
                           struct err *err) MUST_CHECK;
/* x and y have the length of the curve's field. */
enum err_code pkey_new_ec(enum pkey_type type, struct str x, struct str y, struct pkey **ret_key,
                          struct err *err) MUST_CHECK;
enum err_code pkey_new_ed25519(struct str x, struct pkey **ret_key, struct err *err) MUST_CHECK;
/* A key pair of our own, from its 32 secret bytes (RFC 8032 §5.1.5). */
enum err_code pkey_new_own(const uint8_t secret[32], struct pkey **ret_key,
                           struct err *err) MUST_CHECK;
void pkey_free(struct pkey *key); /* NULL is fine */
void pkey_freep(struct pkey **key);

enum pkey_type pkey_type(const struct pkey *key);
/* Of an Ed25519 key: its public bytes. */
void pkey_public(const struct pkey *key, uint8_t ret_x[32]);

/* signature as JWS has it: of ECDSA both numbers at the field's length, one behind the other. */
bool pkey_verify(const struct pkey *key, enum pkey_alg alg, struct str data,
                 struct str signature) MUST_CHECK;
/* EdDSA with a key pair of our own. */
bool pkey_sign(const struct pkey *key, struct str data, uint8_t ret_signature[64]) MUST_CHECK;
