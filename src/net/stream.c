#include "net/stream.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "net/stream_priv.h"

/* Lingering: enough for a client that sends all of a large body before it reads. */
enum { MAX_PIECES = 64, LINGER_MS = 2000, LINGER_BYTES = 16 << 20 };

struct write {
    uv_write_t request;
    size_t len;
    char bytes[];
};

static void set_state(struct stream *stream, enum stream_state state)
{
    assert(stream->state < state || (stream->state == state && state == STREAM_CLOSING) ||
           (stream->state == STREAM_OPEN && state == STREAM_OPENING));
    stream->state = state;
}

static void on_closed(uv_handle_t *handle)
{
    struct stream *stream = handle->data;

    stream_tls_free(stream);
    free(stream);
}

static void close_handle(struct stream *stream)
{
    if (stream->state == STREAM_CLOSING)
        return;
    set_state(stream, STREAM_CLOSING);
    loop_timer_stop(&stream->linger);
    uv_close(&stream->uv.handle, on_closed);
}

void stream_close(struct stream *stream)
{
    if (stream == NULL)
        return;
    if (stream->tls != NULL && stream_is_open(stream))
        stream_tls_goodbye(stream);
    close_handle(stream);
}

void stream_end(struct stream *stream, const struct err *why)
{
    if (stream->state >= STREAM_ENDED)
        return;
    set_state(stream, STREAM_ENDED);
    (void)uv_read_stop(&stream->uv.stream);
    stream->events->on_end(stream, why);
}

static void end_with(struct stream *stream, int code, const char *what)
{
    struct err err;

    (void)err_set(&err, code == UV_ETIMEDOUT ? ERR_TIMEOUT : ERR_IO, "%s: %s", what,
                  uv_strerror(code));
    stream_end(stream, &err);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    const struct stream *stream = handle->data;

    (void)suggested;
    *buffer = uv_buf_init(loop_read_buffer(stream->loop), LOOP_READ_BYTES);
}

/* Bytes behind the last word, or the end of the peer's side. */
static void drop(struct stream *stream, ssize_t got)
{
    if (got > 0) {
        stream->dropped += (size_t)got;
        if (stream->dropped <= LINGER_BYTES)
            return;
    }
    stream->is_deaf = true;
    (void)uv_read_stop(&stream->uv.stream);
    if (stream->queued == 0)
        stream_end(stream, NULL);
}

static void on_read(uv_stream_t *handle, ssize_t got, const uv_buf_t *buffer)
{
    struct stream *stream = handle->data;

    if (got == 0 || stream->state >= STREAM_ENDED)
        return;
    if (stream->is_finishing)
        drop(stream, got);
    else if (got == UV_EOF)
        stream_end(stream, NULL);
    else if (got < 0)
        end_with(stream, (int)got, "read");
    else if (stream->tls != NULL)
        stream_tls_feed(stream, str_of(buffer->base, (size_t)got));
    else
        stream->events->on_read(stream, str_of(buffer->base, (size_t)got));
}

static void start_reading(struct stream *stream)
{
    int code = uv_read_start(&stream->uv.stream, on_alloc, on_read);

    if (code != 0)
        end_with(stream, code, "read");
}

void stream_ready(struct stream *stream)
{
    set_state(stream, STREAM_OPEN);
    if (stream->events->on_ready != NULL)
        stream->events->on_ready(stream);
}

static void on_connected(uv_connect_t *request, int code)
{
    struct stream *stream = request->data;

    if (stream->state != STREAM_OPENING)
        return;
    if (code != 0) {
        end_with(stream, code, "connect");
        return;
    }
    start_reading(stream);
    if (stream->state == STREAM_OPENING && stream->tls != NULL)
        stream_tls_feed(stream, STR_NONE);
    else if (stream->state == STREAM_OPENING)
        stream_ready(stream);
}

static void on_lingered(struct loop_timer *timer)
{
    stream_end((struct stream *)(void *)((char *)timer - offsetof(struct stream, linger)), NULL);
}

static enum err_code new_stream(struct loop *loop, const struct stream_events *events, void *owner,
                                struct stream **ret_stream, struct err *err)
{
    struct stream *stream = calloc(1, sizeof *stream);

    if (stream == NULL)
        return err_set(err, ERR_LIMIT, "memory is out");
    int code = uv_tcp_init(loop_uv(loop), &stream->uv.tcp);
    if (code != 0) {
        free(stream);
        return err_set(err, ERR_LIMIT, "socket: %s", uv_strerror(code));
    }
    stream->uv.handle.data = stream;
    stream->loop = loop;
    stream->events = events;
    stream->owner = owner;
    loop_timer_init(&stream->linger, loop, on_lingered);
    *ret_stream = stream;
    return ERR_OK;
}

enum err_code stream_accept(struct loop *loop, struct uv_stream_s *listener,
                            struct tls_context *context, const struct stream_events *events,
                            void *owner, struct stream **ret_stream, struct err *err)
{
    struct stream *stream = NULL;
    struct sockaddr_storage peer;
    int len = sizeof peer;
    enum err_code code = new_stream(loop, events, owner, &stream, err);

    if (code != ERR_OK)
        return code;
    int status = uv_accept(listener, &stream->uv.stream);
    if (status != 0)
        code = err_set(err, ERR_IO, "accept: %s", uv_strerror(status));
    if (code == ERR_OK && context != NULL)
        code = stream_tls_new(stream, context, NULL, err);
    if (code != ERR_OK) {
        close_handle(stream);
        return code;
    }
    (void)uv_tcp_nodelay(&stream->uv.tcp, 1);
    if (uv_tcp_getpeername(&stream->uv.tcp, (struct sockaddr *)&peer, &len) == 0)
        addr_from_sockaddr((const struct sockaddr *)&peer, &stream->peer);
    if (context == NULL)
        set_state(stream, STREAM_OPEN);
    start_reading(stream);
    *ret_stream = stream;
    return ERR_OK;
}

enum err_code stream_start_tls(struct stream *stream, struct tls_context *context, struct str bytes,
                               struct err *err)
{
    assert(stream_is_open(stream) && stream->tls == NULL);
    enum err_code code = stream_tls_new(stream, context, NULL, err);
    if (code != ERR_OK)
        return code;
    set_state(stream, STREAM_OPENING);
    if (bytes.len > 0)
        stream_tls_feed(stream, bytes);
    return ERR_OK;
}

enum err_code stream_connect(struct loop *loop, const struct addr *address,
                             struct tls_context *context, const char *host,
                             const struct stream_events *events, void *owner,
                             struct stream **ret_stream, struct err *err)
{
    struct stream *stream = NULL;
    struct sockaddr_storage to;
    socklen_t len = 0;
    enum err_code code = new_stream(loop, events, owner, &stream, err);

    if (code != ERR_OK)
        return code;
    if (context != NULL)
        code = stream_tls_new(stream, context, host, err);
    if (code == ERR_OK) {
        addr_to_sockaddr(address, &to, &len);
        stream->peer = *address;
        stream->connect.data = stream;
        (void)uv_tcp_nodelay(&stream->uv.tcp, 1);
        int status = uv_tcp_connect(&stream->connect, &stream->uv.tcp, (const struct sockaddr *)&to,
                                    on_connected);
        if (status != 0)
            code = err_set(err, ERR_UNAVAILABLE, "connect: %s", uv_strerror(status));
    }
    if (code != ERR_OK) {
        close_handle(stream);
        return code;
    }
    *ret_stream = stream;
    return ERR_OK;
}

void *stream_owner(const struct stream *stream)
{
    return stream->owner;
}

void stream_set_owner(struct stream *stream, void *owner)
{
    stream->owner = owner;
}

bool stream_is_open(const struct stream *stream)
{
    return stream->state == STREAM_OPEN && !stream->is_finishing;
}

bool stream_is_tls(const struct stream *stream)
{
    return stream->tls != NULL;
}

struct addr stream_peer(const struct stream *stream)
{
    return stream->peer;
}

/* The last word has gone to the kernel. False: nobody needs to be waited for. */
static bool linger(struct stream *stream)
{
    uv_os_fd_t fd = -1;

    if (stream->is_deaf || !loop_timer_start(&stream->linger, LINGER_MS))
        return false;
    if (uv_fileno(&stream->uv.handle, &fd) == 0)
        (void)shutdown(fd, SHUT_WR);
    return true;
}

static void on_written(uv_write_t *request, int code)
{
    struct write *write = (struct write *)(void *)request;
    struct stream *stream = request->data;

    stream->queued -= write->len;
    free(write);
    if (stream->state >= STREAM_ENDED)
        return;
    if (code != 0) {
        end_with(stream, code, "write");
        return;
    }
    if (stream->queued > 0)
        return;
    if (stream->events->on_drain != NULL)
        stream->events->on_drain(stream);
    if (stream->state == STREAM_OPEN && stream->is_finishing && !linger(stream))
        stream_end(stream, NULL);
}

/* Copies what the kernel did not take. */
static bool queue(struct stream *stream, const uv_buf_t *buffers, unsigned count, size_t skip,
                  size_t total)
{
    struct write *write = malloc(sizeof *write + total - skip);
    size_t at = 0;

    if (write == NULL)
        return false;
    write->len = total - skip;
    for (unsigned i = 0; i < count; i++) {
        size_t drop = skip < buffers[i].len ? skip : buffers[i].len;

        memcpy(write->bytes + at, buffers[i].base + drop, buffers[i].len - drop);
        at += buffers[i].len - drop;
        skip -= drop;
    }
    write->request.data = stream;
    uv_buf_t whole = uv_buf_init(write->bytes, (unsigned)write->len);
    if (uv_write(&write->request, &stream->uv.stream, &whole, 1, on_written) != 0) {
        free(write);
        return false;
    }
    stream->queued += write->len;
    return true;
}

bool stream_send(struct stream *stream, const struct str *pieces, size_t count)
{
    uv_buf_t buffers[MAX_PIECES];
    size_t total = 0;
    size_t sent = 0;

    assert(count <= MAX_PIECES);
    for (size_t i = 0; i < count; i++) {
        union {
            const char *in;
            char *out;
        } base = {.in = pieces[i].ptr};

        buffers[i] = uv_buf_init(base.out, (unsigned)pieces[i].len);
        total += pieces[i].len;
    }
    if (total == 0)
        return true;
    if (stream->queued == 0) {
        int got = uv_try_write(&stream->uv.stream, buffers, (unsigned)count);

        if (got < 0 && got != UV_EAGAIN)
            return false;
        sent = got < 0 ? 0 : (size_t)got;
    }
    return sent == total || queue(stream, buffers, (unsigned)count, sent, total);
}

bool stream_write(struct stream *stream, const struct str *pieces, size_t count)
{
    if (stream->state != STREAM_OPEN || stream->is_finishing)
        return false;
    if (stream->tls != NULL)
        return stream_tls_write(stream, pieces, count);
    return stream_send(stream, pieces, count);
}

size_t stream_queued_bytes(const struct stream *stream)
{
    return stream->queued;
}

void stream_pause(struct stream *stream)
{
    if (stream->is_paused || stream->state >= STREAM_ENDED)
        return;
    stream->is_paused = true;
    (void)uv_read_stop(&stream->uv.stream);
}

void stream_resume(struct stream *stream)
{
    if (!stream->is_paused || stream->state >= STREAM_ENDED)
        return;
    stream->is_paused = false;
    start_reading(stream);
}

bool stream_finish(struct stream *stream)
{
    if (!stream_is_open(stream))
        return false;
    if (stream->tls != NULL)
        stream_tls_goodbye(stream);
    stream->is_finishing = true;
    if (stream->is_paused && uv_read_start(&stream->uv.stream, on_alloc, on_read) != 0)
        return false;
    return stream->queued > 0 || linger(stream);
}

static void on_end_alone(struct stream *stream, const struct err *why)
{
    (void)why;
    stream_close(stream);
}

void stream_leave(struct stream *stream)
{
    static const struct stream_events alone = {.on_end = on_end_alone};

    stream->events = &alone;
    if (!stream->is_finishing || stream->queued == 0 ||
        !loop_timer_start(&stream->linger, LINGER_MS))
        stream_close(stream);
}
