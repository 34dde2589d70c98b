/*
 * stream_priv.h - a stream from within: stream.c moves bytes, stream_tls.c turns them.
 */
#pragma once

#include <uv.h>

#include "base/buf.h"
#include "net/stream.h"

enum stream_state {
    STREAM_OPENING,
    STREAM_OPEN,
    STREAM_ENDED,   /* on_end ran */
    STREAM_CLOSING, /* the handle is being closed */
};

struct ssl_st;

/* What turns bytes between the owner and the wire; a plain stream has none. */
struct stream_tls {
    struct ssl_st *ssl;
    struct str incoming; /* ciphertext not yet read by OpenSSL */
    struct buf outgoing; /* ciphertext not yet given to the wire */
    bool is_client;
};

struct stream {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
    } uv;
    uv_connect_t connect;
    struct loop *loop;
    const struct stream_events *events;
    void *owner;
    enum stream_state state;
    bool is_paused;
    bool is_finishing; /* what comes in is dropped */
    bool is_deaf;      /* and nothing more of it is read */
    struct addr peer;
    size_t queued;  /* bytes in write requests */
    size_t dropped; /* bytes, while finishing */
    struct loop_timer linger;
    struct stream_tls *tls;
};

/* Plain bytes or ciphertext to the kernel; false: the stream has ended. */
bool stream_send(struct stream *stream, const struct str *pieces, size_t count);
/* Reports the end to the owner, once. */
void stream_end(struct stream *stream, const struct err *why);
/* The transport is up (and for TLS the handshake done). */
void stream_ready(struct stream *stream);

enum err_code stream_tls_new(struct stream *stream, struct tls_context *context, const char *host,
                             struct err *err) MUST_CHECK;
void stream_tls_free(struct stream *stream);
/* Goes on with the handshake; after it, decrypts and hands over. */
void stream_tls_feed(struct stream *stream, struct str bytes);
bool stream_tls_write(struct stream *stream, const struct str *pieces, size_t count);
/* close_notify, as good as it goes. */
void stream_tls_goodbye(struct stream *stream);
