/*
 * TLS over the stream's own bytes: OpenSSL reads from the chunk that just came and writes into a
 * buffer that is given to the kernel at once, so an idle connection keeps no buffers of its own.
 */
#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/stream_priv.h"

enum { PLAIN_BYTES = 16384, MAX_OUTGOING = 64 << 20 };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static BIO_METHOD *method;

static int bio_read(BIO *bio, char *data, int len)
{
    struct stream_tls *tls = BIO_get_data(bio);
    size_t take = tls->incoming.len < (size_t)len ? tls->incoming.len : (size_t)len;

    BIO_clear_retry_flags(bio);
    if (take == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(data, tls->incoming.ptr, take);
    tls->incoming = str_from(tls->incoming, take);
    return (int)take;
}

static int bio_write(BIO *bio, const char *data, int len)
{
    struct stream_tls *tls = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    buf_add(&tls->outgoing, str_of(data, (size_t)len));
    return tls->outgoing.failed ? -1 : len;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static void make_method(void)
{
    method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
    if (method == NULL)
        return;
    (void)BIO_meth_set_read(method, bio_read);
    (void)BIO_meth_set_write(method, bio_write);
    (void)BIO_meth_set_ctrl(method, bio_ctrl);
}

/* RFC 9110 §4.3.4: the certificate must be for the host that was asked for. */
static bool expect_host(SSL *ssl, const char *host)
{
    struct in6_addr ip;
    char name[256];

    if (inet_pton(AF_INET, host, &ip) == 1 || inet_pton(AF_INET6, host, &ip) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    int len = snprintf(name, sizeof name, "%s", host);
    return len > 0 && (size_t)len < sizeof name && SSL_set1_host(ssl, host) == 1 &&
           SSL_set_tlsext_host_name(ssl, name) == 1;
}

enum err_code stream_tls_new(struct stream *stream, struct tls_context *context, const char *host,
                             struct err *err)
{
    struct stream_tls *tls = calloc(1, sizeof *tls);

    (void)pthread_once(&once, make_method);
    BIO *bio = method == NULL ? NULL : BIO_new(method);
    SSL *ssl = SSL_new(tls_ssl_ctx(context));
    if (tls == NULL || bio == NULL || ssl == NULL || (host != NULL && !expect_host(ssl, host))) {
        free(tls);
        (void)BIO_free(bio);
        SSL_free(ssl);
        return err_set(err, ERR_LIMIT, "TLS: memory is out");
    }
    BIO_set_data(bio, tls);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    buf_init(&tls->outgoing, MAX_OUTGOING);
    tls->ssl = ssl;
    tls->is_client = host != NULL;
    if (tls->is_client)
        SSL_set_connect_state(ssl);
    else
        SSL_set_accept_state(ssl);
    stream->tls = tls;
    return ERR_OK;
}

void stream_tls_free(struct stream *stream)
{
    if (stream->tls == NULL)
        return;
    SSL_free(stream->tls->ssl);
    buf_done(&stream->tls->outgoing);
    free(stream->tls);
    stream->tls = NULL;
}

/* Gives what OpenSSL wrote to the kernel. */
static bool flush(struct stream *stream)
{
    struct buf *outgoing = &stream->tls->outgoing;
    const struct str bytes = buf_str(outgoing);

    if (outgoing->failed || (bytes.len > 0 && !stream_send(stream, &bytes, 1)))
        return false;
    /* Idle connections keep no buffer. */
    buf_done(outgoing);
    buf_init(outgoing, MAX_OUTGOING);
    return true;
}

static void fail(struct stream *stream, const char *what)
{
    struct err err;
    char text[160];
    long verdict = SSL_get_verify_result(stream->tls->ssl);

    if (verdict != X509_V_OK)
        (void)err_set(&err, ERR_UPSTREAM, "%s: the certificate is not accepted: %s", what,
                      X509_verify_cert_error_string(verdict));
    else {
        ERR_error_string_n(ERR_peek_last_error(), text, sizeof text);
        (void)err_set(&err, ERR_IO, "%s: %s", what, text);
    }
    ERR_clear_error();
    (void)flush(stream);
    stream_end(stream, &err);
}

static bool wants_more(SSL *ssl, int result)
{
    int error = SSL_get_error(ssl, result);

    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

/* True: the handshake is done. */
static bool shake_hands(struct stream *stream)
{
    SSL *ssl = stream->tls->ssl;

    ERR_clear_error();
    int result = SSL_do_handshake(ssl);
    if (result != 1 && !wants_more(ssl, result)) {
        fail(stream, "TLS handshake");
        return false;
    }
    if (!flush(stream)) {
        stream_end(stream, NULL);
        return false;
    }
    if (result != 1)
        return false;
    stream_ready(stream);
    return stream->state == STREAM_OPEN;
}

void stream_tls_feed(struct stream *stream, struct str bytes)
{
    SSL *ssl = stream->tls->ssl;
    char plain[PLAIN_BYTES];

    stream->tls->incoming = bytes;
    if (stream->state == STREAM_OPENING && !shake_hands(stream))
        return;
    while (stream_is_open(stream)) {
        ERR_clear_error();
        int got = SSL_read(ssl, plain, sizeof plain);

        if (got > 0) {
            stream->events->on_read(stream, str_of(plain, (size_t)got));
            continue;
        }
        if (SSL_get_error(ssl, got) == SSL_ERROR_ZERO_RETURN)
            stream_end(stream, NULL);
        else if (!wants_more(ssl, got))
            fail(stream, "TLS");
        else if (!flush(stream))
            stream_end(stream, NULL);
        return;
    }
}

bool stream_tls_write(struct stream *stream, const struct str *pieces, size_t count)
{
    SSL *ssl = stream->tls->ssl;

    for (size_t i = 0; i < count; i++) {
        struct str rest = pieces[i];

        while (rest.len > 0) {
            size_t put = 0;

            ERR_clear_error();
            if (SSL_write_ex(ssl, rest.ptr, rest.len, &put) != 1)
                return false;
            rest = str_from(rest, put);
        }
    }
    return flush(stream);
}

void stream_tls_goodbye(struct stream *stream)
{
    ERR_clear_error();
    (void)SSL_shutdown(stream->tls->ssl);
    ERR_clear_error();
    (void)flush(stream);
}
