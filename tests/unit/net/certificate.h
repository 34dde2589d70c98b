/*
 * certificate.h - keys and certificates of their own signature, for tests of TLS; who trusts one as
 * an authority accepts it.
 */
#pragma once

#include <openssl/ec.h> /* EVP_EC_gen() */
#include <openssl/evp.h>

void certificate_write_key(EVP_PKEY *key, const char *path);
/* names: like "IP:127.0.0.1,DNS:localhost". Valid for an hour. */
void certificate_write(EVP_PKEY *key, const char *names, const char *path);
