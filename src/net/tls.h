/*
 * tls.h - TLS contexts over OpenSSL 3: TLS 1.2 and up, no session cache, no tickets, no
 * renegotiation, no compression.
 *
 * To reload, make another context: connections keep the one they began with.
 *
 * Threads: contexts are immutable and counted; they may be shared by loops.
 */
#pragma once

#include "base/attr.h"
#include "base/err.h"

struct tls_context;
struct ssl_ctx_st;

/* certificate: PEM file of the chain; client_ca: PEM file of who may connect, NULL: anybody.
 * *ret_context is the caller's. */
enum err_code tls_new_server(const char *certificate, const char *key, const char *client_ca,
                             struct tls_context **ret_context, struct err *err) MUST_CHECK;
/* Verifies servers by the system's authorities and those of the PEM file extra_ca (NULL: none). */
enum err_code tls_new_client(const char *extra_ca, struct tls_context **ret_context,
                             struct err *err) MUST_CHECK;
struct tls_context *tls_ref(struct tls_context *context);
void tls_unref(struct tls_context *context); /* NULL is fine */

/* For stream_tls.c. */
struct ssl_ctx_st *tls_ssl_ctx(const struct tls_context *context);
