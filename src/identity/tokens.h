/*
 * tokens.h - API tokens: prefix of the kind, 32 random bytes in base62, and a CRC-32 of both, so
 * that secret scanners find them and a typo is told apart from a token that never was.
 *
 * Only the keyed hash of a token is kept: HMAC-SHA-256 under the pepper of the key directory. Pure
 * but for the random bytes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"
#include "store/objects.h"

#define TOKEN_TEXT_LEN     53 /* 4 of prefix, 43 of secret, 6 of checksum */
#define TOKEN_ID_LEN       12
#define TOKEN_PEPPER_BYTES 32

#define TOKEN_SOON_US        (INT64_C(7) * 86400 * 1000000)
#define TOKEN_MAX_OVERLAP_US (INT64_C(90) * 86400 * 1000000)

/* A new token, NUL-terminated; the caller shows it once and wipes it (crypto_wipe). */
void token_mint(enum token_kind kind, char ret_text[TOKEN_TEXT_LEN + 1]);
/* A new secret of an OAuth client, of the same form: no bearer token, and never taken for one. */
#define TOKEN_CLIENT_PREFIX "prc_"
void token_mint_client_secret(char ret_text[TOKEN_TEXT_LEN + 1]);
/* A new public id, NUL-terminated: "t" and base62 digits. It says nothing about the token. */
void token_mint_id(char ret_id[TOKEN_ID_LEN + 1]);

enum token_form {
    TOKEN_FORM_OK,
    TOKEN_FORM_ALIEN, /* no token of this gateway */
    TOKEN_FORM_TYPO,  /* the form of one, but the checksum says a byte is wrong */
};

/* The form alone; *ret_kind is set when it is TOKEN_FORM_OK. */
enum token_form token_check_form(struct str text, enum token_kind *ret_kind) MUST_CHECK;

/* Does it begin like a token of this gateway? Then it is nobody else's business, whatever is wrong
 * with the rest. */
bool token_looks_ours(struct str text);

void token_hash(const uint8_t pepper[TOKEN_PEPPER_BYTES], struct str text,
                uint8_t ret_hash[TOKEN_HASH_BYTES]);

/* The token of an Authorization header's value (RFC 6750 §2.1, scheme in any case, RFC 9110 §11.1):
 * a view. False: another scheme, or not of that form. */
bool token_of_authorization(struct str value, struct str *ret_token) MUST_CHECK;

const char *token_prefix(enum token_kind kind); /* "prr_" */
const char *token_kind_word(enum token_kind kind);

/* Neither revoked nor expired. */
bool token_is_good(const struct token *token, int64_t now_us);
/* Good, but for a few days alone (TOKEN_SOON_US), and nothing took its place: no good token of the
 * same holder that was made later lives longer. Those of a person never count: one key says nothing
 * of another. tokens: all of them, this one among them. */
bool token_ends_soon(const struct token *tokens, size_t count, const struct token *token,
                     int64_t now_us);
