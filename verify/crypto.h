/*
 * crypto.h - SHA-256, Ed25519 signatures, CRC-32C and base64: all that the verifier needs of others
 * (OpenSSL), in one place.
 *
 * Threads: one.
 */
#pragma once

#include <stdbool.h>

#include "bytes.h"

enum { HASH_BYTES = 32 };

/* Before anything else. False: OpenSSL has no SHA-256 here. */
bool crypto_start(void);

/* Over pieces, one behind the other. */
void sha256(const struct bytes *pieces, size_t count, uint8_t ret_hash[HASH_BYTES]);
bool ed25519_verify(const uint8_t key[32], struct bytes text, const uint8_t signature[64]);
uint32_t crc32c(struct bytes data);
/* Standard alphabet with padding, strict. ret takes text.len bytes. */
bool base64_read(struct bytes text, uint8_t *ret, size_t *ret_len);
