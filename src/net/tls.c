#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdlib.h>

struct tls_context {
    SSL_CTX *ctx;
    atomic_uint refs;
};

static enum err_code openssl_err(struct err *err, const char *what, const char *file)
{
    char text[160];

    ERR_error_string_n(ERR_peek_last_error(), text, sizeof text);
    ERR_clear_error();
    return err_set(err, ERR_INVALID, "%s %s: %s", what, file, text);
}

static enum err_code new_context(const SSL_METHOD *method, struct tls_context **ret_context,
                                 struct err *err)
{
    struct tls_context *context = calloc(1, sizeof *context);

    if (context == NULL || (context->ctx = SSL_CTX_new(method)) == NULL) {
        free(context);
        return err_set(err, ERR_LIMIT, "TLS: memory is out");
    }
    atomic_init(&context->refs, 1);
    (void)SSL_CTX_set_min_proto_version(context->ctx, TLS1_2_VERSION);
    (void)SSL_CTX_set_session_cache_mode(context->ctx, SSL_SESS_CACHE_OFF);
    (void)SSL_CTX_set_options(context->ctx,
                              SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                  SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
    (void)SSL_CTX_set_num_tickets(context->ctx, 0);
    (void)SSL_CTX_set_mode(context->ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                             SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    *ret_context = context;
    return ERR_OK;
}

static enum err_code load_server(SSL_CTX *ctx, const char *certificate, const char *key,
                                 const char *client_ca, struct err *err)
{
    if (SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1)
        return openssl_err(err, "certificate", certificate);
    if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
        return openssl_err(err, "key", key);
    if (SSL_CTX_check_private_key(ctx) != 1)
        return openssl_err(err, "the key does not belong to certificate", certificate);
    if (client_ca == NULL)
        return ERR_OK;
    if (SSL_CTX_load_verify_locations(ctx, client_ca, NULL) != 1)
        return openssl_err(err, "client_ca", client_ca);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return ERR_OK;
}

enum err_code tls_new_server(const char *certificate, const char *key, const char *client_ca,
                             struct tls_context **ret_context, struct err *err)
{
    struct tls_context *context = NULL;
    enum err_code code = new_context(TLS_server_method(), &context, err);

    if (code == ERR_OK)
        code = load_server(context->ctx, certificate, key, client_ca, err);
    if (code != ERR_OK) {
        tls_unref(context);
        return code;
    }
    *ret_context = context;
    return ERR_OK;
}

enum err_code tls_new_client(const char *extra_ca, struct tls_context **ret_context,
                             struct err *err)
{
    struct tls_context *context = NULL;
    enum err_code code = new_context(TLS_client_method(), &context, err);

    if (code != ERR_OK)
        return code;
    SSL_CTX_set_verify(context->ctx, SSL_VERIFY_PEER, NULL);
    if (SSL_CTX_set_default_verify_paths(context->ctx) != 1)
        code = openssl_err(err, "the system's", "certificate authorities");
    if (code == ERR_OK && extra_ca != NULL &&
        SSL_CTX_load_verify_locations(context->ctx, extra_ca, NULL) != 1)
        code = openssl_err(err, "certificate authority", extra_ca);
    if (code != ERR_OK) {
        tls_unref(context);
        return code;
    }
    *ret_context = context;
    return ERR_OK;
}

struct tls_context *tls_ref(struct tls_context *context)
{
    atomic_fetch_add_explicit(&context->refs, 1, memory_order_relaxed);
    return context;
}

void tls_unref(struct tls_context *context)
{
    if (context == NULL || atomic_fetch_sub_explicit(&context->refs, 1, memory_order_acq_rel) > 1)
        return;
    SSL_CTX_free(context->ctx);
    free(context);
}

struct ssl_ctx_st *tls_ssl_ctx(const struct tls_context *context)
{
    return context->ctx;
}
