/*
 * stream.h - bytes both ways over a TCP connection, plain or in TLS.
 *
 *   OPENING ── connected, handshake done: on_ready ──► OPEN ── peer closed or error: on_end ──►
 * ENDED └──────────────── failed: on_end ────────────────────────────────────────────────────────┘
 *   OPEN ── stream_start_tls() ──► OPENING, of an accepted plain stream only.
 *   stream_finish() while OPEN: no on_read follows, on_end does.
 *   stream_close() from any state: no callback follows, memory is freed a turn of the loop later.
 *
 * 1. After on_end the owner closes the stream; nothing is read or written any more.
 * 2. stream_write() sends at once what the kernel takes and copies only the rest.
 * 3. Pausing stops reading from the kernel; what was read already may still come.
 *
 * Threads: those of its loop.
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

struct stream_events {
    /* Not of an accepted plain stream: that is open at once. May be NULL. */
    void (*on_ready)(struct stream *stream);
    /* bytes are valid during the call. */
    void (*on_read)(struct stream *stream, struct str bytes);
    /* why: NULL when the peer closed its side in order. */
    void (*on_end)(struct stream *stream, const struct err *why);
    /* Everything written has gone to the kernel, after some of it had to wait. May be NULL. */
    void (*on_drain)(struct stream *stream);
};

/* Takes a connection that waits at a listener. context NULL: plain. */
enum err_code stream_accept(struct loop *loop, struct uv_stream_s *listener,
                            struct tls_context *context, const struct stream_events *events,
                            void *owner, struct stream **ret_stream, struct err *err) MUST_CHECK;
/* An accepted plain stream turns to TLS; bytes of it were read already. on_ready or on_end follow,
 * even from within. */
enum err_code stream_start_tls(struct stream *stream, struct tls_context *context, struct str bytes,
                               struct err *err) MUST_CHECK;
/* Begins to connect. host: for SNI and the certificate check, NUL-terminated; a name or an IP
 * address. */
enum err_code stream_connect(struct loop *loop, const struct addr *address,
                             struct tls_context *context, const char *host,
                             const struct stream_events *events, void *owner,
                             struct stream **ret_stream, struct err *err) MUST_CHECK;
void stream_close(struct stream *stream); /* NULL is fine */

void *stream_owner(const struct stream *stream);
void stream_set_owner(struct stream *stream, void *owner);
bool stream_is_open(const struct stream *stream);
bool stream_is_tls(const struct stream *stream);
struct addr stream_peer(const struct stream *stream);

/* False: the stream has ended. An error shows in on_end, never from within. */
bool stream_write(struct stream *stream, const struct str *pieces, size_t count);
/* Bytes that the kernel has not taken yet. */
size_t stream_queued_bytes(const struct stream *stream);
void stream_pause(struct stream *stream);
void stream_resume(struct stream *stream);
/* The last word was written: once it has gone (the owner bounds how long that takes), this side
 * ends, and what the peer still sends is read and dropped for a while, until it ends its side. A
 * connection that is closed on unread bytes takes back what the peer has not read yet (RFC 9112
 * §9.6). on_drain may come, on_end comes at last, never from within. False: there is nothing to
 * wait for, the owner closes. */
bool stream_finish(struct stream *stream) MUST_CHECK;
/* The owner of a finishing stream goes: no callback follows, the stream closes by itself soon. */
void stream_leave(struct stream *stream);
