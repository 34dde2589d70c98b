/*
 * stream.h - bytes both ways over TCP, TLS or a pipe.
 *
 *   CONNECTING ── on_connect ──► SECURING ── on_handshake ──► OPEN ── stream_close ──► CLOSING ──
 * on_gone ──► freed (stream_connect)             (TLS only)                    │ ▲ stream_start_tls
 * (TLS behind a PROXY header)
 *
 * 1. After stream_close() no callback runs; the memory goes one turn of the loop later.
 * 2. After on_error nothing but stream_close() is left; on_error runs once.
 * 3. A write goes to the kernel at once as far as that takes it; only the rest is copied and
 * queued.
 * 4. While reading is paused at most one read of bytes is kept; on_eof waits behind it.
 *
 * Threads: a stream belongs to its loop's thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/str.h"
#include "net/loop.h"
#include "net/tls.h"

struct stream;
struct uv_stream_s;

/* Any may be NULL but on_error. Each may close the stream. */
struct stream_events {
    void (*on_open)(void *owner);                   /* connected, and TLS is up: writes may begin */
    void (*on_read)(void *owner, struct str bytes); /* valid during the call */
    void (*on_eof)(void *owner);                    /* the peer sends no more; writing goes on */
    void (*on_drain)(void *owner);                  /* what was queued has gone to the kernel */
    void (*on_error)(void *owner, const struct err *err);
};

/* TLS towards a server: its certificate must be valid for host (a name or an address). */
struct stream_tls {
    struct tls_context *context;
    struct str host;
};

/* Begins to connect; on_open or on_error follows, in a later turn. tls may be NULL. */
enum err_code stream_connect(struct loop *loop, const struct addr *addr,
                             const struct stream_tls *tls, const struct stream_events *events,
                             void *owner, struct stream **ret_stream, struct err *err) MUST_CHECK;
/* A connection that is waiting at listener; open at once (on_open does not run), not reading yet.
 */
enum err_code stream_accept(struct loop *loop, struct uv_stream_s *listener,
                            const struct stream_events *events, void *owner,
                            struct stream **ret_stream, struct err *err) MUST_CHECK;
/* One end of a pipe or socket pair, of a child process for example. fd is the stream's on success.
 * Open at once, not reading yet. */
enum err_code stream_open_pipe(struct loop *loop, int fd, const struct stream_events *events,
                               void *owner, struct stream **ret_stream, struct err *err) MUST_CHECK;
/* Becomes the server's side of TLS. first: what was read already and belongs to the handshake.
 * on_open or on_error follows, perhaps before this returns. */
void stream_start_tls(struct stream *stream, struct tls_context *context, struct str first);

/* Reading begins paused. */
void stream_resume_read(struct stream *stream); /* on_read may run before this returns */
void stream_pause_read(struct stream *stream);

/* Sends the pieces in order; they are the caller's again on return. Once on_open has run. False:
 * the stream is broken, on_error runs in a later turn. */
bool stream_write(struct stream *stream, const struct str *pieces, size_t count) MUST_CHECK;
/* Of what was written, the bytes that the kernel has not taken (with TLS: as they are on the wire).
 */
size_t stream_queued_bytes(const struct stream *stream);
/* Bytes given to the kernel so far, handshakes included: more than before a write means that some
 * of it may have left. */
uint64_t stream_sent_bytes(const struct stream *stream);
/* Sends no more: when the queue is empty the peer sees the end. */
void stream_shutdown(struct stream *stream);
/* NULL is fine. What is queued is lost. */
void stream_close(struct stream *stream);

/* Of TCP; is_set false for pipes. */
void stream_peer(const struct stream *stream, struct addr *ret_addr);
bool stream_is_tls(const struct stream *stream);
