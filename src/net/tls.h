/*
 * tls.h - what TLS connections of one kind share: certificate, key, trusted issuers. TLS 1.2 and
 * up, no session cache, no tickets, no renegotiation.
 *
 * To reload, make another context: connections keep the one they began with.
 *
 * Threads: a context is immutable and counted; any thread.
 */
#pragma once

#include "base/attr.h"
#include "base/err.h"

struct tls_context;
struct ssl_ctx_st;

/* Reads PEM files (blocks). client_ca_path: clients must show a certificate of this issuer; NULL:
 * none is asked for. ERR_INVALID says which file is wrong and why. The result is the caller's
 * reference. */
enum err_code tls_context_new_server(const char *certificate_path, const char *key_path,
                                     const char *client_ca_path, struct tls_context **ret_context,
                                     struct err *err) MUST_CHECK;
/* Trusts the issuers of ca_path; NULL: those of the system. */
enum err_code tls_context_new_client(const char *ca_path, struct tls_context **ret_context,
                                     struct err *err) MUST_CHECK;
struct tls_context *tls_context_ref(struct tls_context *context);
void tls_context_unref(struct tls_context *context); /* NULL is fine */
void tls_context_unrefp(struct tls_context **context);

/* For the files of this room. */
struct ssl_ctx_st *tls_context_ssl(const struct tls_context *context);
