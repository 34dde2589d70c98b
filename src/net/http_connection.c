#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/forwarded.h"
#include "net/http_server_priv.h"

enum { BODY_GRACE_MS = 5000, RATE_CHECK_MS = 1000, KEEP_BODY_BYTES = 65536 };

static struct connection *of_timer(struct loop_timer *timer)
{
    return (struct connection *)(void *)((char *)timer - offsetof(struct connection, timer));
}

static struct connection *of_stall(struct loop_timer *timer)
{
    return (struct connection *)(void *)((char *)timer - offsetof(struct connection, stall));
}

void connection_set_state(struct connection *connection, enum connection_state state)
{
    static const unsigned from[] = {
        [CONNECTION_OPENING] = 0,
        [CONNECTION_HEAD] = 1u << CONNECTION_OPENING | 1u << CONNECTION_WAITING,
        [CONNECTION_BODY] = 1u << CONNECTION_HEAD,
        [CONNECTION_SKIPPED] = 1u << CONNECTION_HEAD | 1u << CONNECTION_BODY,
        [CONNECTION_WAITING] = 1u << CONNECTION_BODY,
        [CONNECTION_ENDING] = 1u << CONNECTION_HEAD | 1u << CONNECTION_BODY |
                              1u << CONNECTION_SKIPPED | 1u << CONNECTION_WAITING,
        [CONNECTION_CLOSED] = ~0u,
    };

    assert((from[state] & 1u << connection->state) != 0);
    connection->state = state;
}

static void start_timer(struct connection *connection, int64_t delay_ms)
{
    if (!loop_timer_start(&connection->timer, (uint64_t)delay_ms))
        connection->closes = true;
}

/* Runs on_closed once for the request under way. */
static void end_request(struct connection *connection, bool was_sent)
{
    struct http_request *request = &connection->request;

    if (!request->is_live)
        return;
    request->is_live = false;
    connection->server->config.events->on_closed(request, was_sent);
    request->app = NULL;
}

/* Whoever reads on below finds the state; memory goes when it has returned. */
static void close_now(struct connection *connection, bool was_sent)
{
    struct stream *stream = MOVE(connection->stream);

    if (connection->state == CONNECTION_CLOSED)
        return;
    connection_set_state(connection, CONNECTION_CLOSED);
    stream_close(stream);
    end_request(connection, was_sent);
    if (!connection->is_reading)
        connection_free(connection);
}

void connection_close(struct connection *connection)
{
    close_now(connection, false);
}

/* The client itself said that nothing follows its request, and nothing did. */
static bool has_client_ended(const struct connection *connection)
{
    return connection->state == CONNECTION_WAITING && !connection->request.head->keeps_alive &&
           !connection->has_more && connection->ahead.len == 0;
}

/* Ends it once the client had its chance to read what was written. */
static void finish(struct connection *connection)
{
    size_t queued = stream_queued_bytes(connection->stream);

    if ((queued == 0 && has_client_ended(connection)) || !stream_finish(connection->stream)) {
        close_now(connection, true);
        return;
    }
    connection_set_state(connection, CONNECTION_ENDING);
    loop_timer_stop(&connection->timer);
    if (stream_queued_bytes(connection->stream) > 0)
        connection_start_stall(connection);
    end_request(connection, true);
    buf_done(&connection->body);
}

void connection_refuse(struct connection *connection, int status)
{
    char text[160];
    int len = snprintf(text, sizeof text,
                       "HTTP/1.1 %d %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", status,
                       http_status_text(status));
    const struct str piece = str_of(text, (size_t)len);

    /* Half a reply is not mended by another. */
    if (connection->request.phase == REPLY_PHASE_NONE)
        (void)stream_write(connection->stream, &piece, 1);
    struct http_request *request = &connection->request;
    if (request->is_live) {
        request->is_live = false;
        connection->server->config.events->on_closed(request, false);
    }
    finish(connection);
}

void connection_leave(struct connection *connection)
{
    if (connection->state == CONNECTION_ENDING)
        stream_leave(MOVE(connection->stream));
    connection_close(connection);
}

static void on_stall(struct loop_timer *timer)
{
    struct connection *connection = of_stall(timer);
    size_t queued = stream_queued_bytes(connection->stream);

    if (queued == 0)
        return;
    if (queued < connection->stall_queued) {
        connection->stall_queued = queued;
        (void)loop_timer_start(timer, (uint64_t)connection->server->config.limits->write_stall_ms);
        return;
    }
    HTTP_COUNT(connection->server, write_stall_ms);
    connection_close(connection);
}

void connection_start_stall(struct connection *connection)
{
    if (connection->stall.place != 0)
        return;
    connection->stall_queued = stream_queued_bytes(connection->stream);
    (void)loop_timer_start(&connection->stall,
                           (uint64_t)connection->server->config.limits->write_stall_ms);
}

/* The body must come at its pace, once the grace is over. */
static void check_pace(struct connection *connection)
{
    const struct http_limits *limits = connection->server->config.limits;
    uint64_t elapsed_us = loop_now_us(connection->server->config.loop) - connection->body_since_us;

    if (connection->body.len >= (uint64_t)limits->body_rate_bytes * elapsed_us / 1000000) {
        start_timer(connection, RATE_CHECK_MS);
        return;
    }
    HTTP_COUNT(connection->server, body_rate_bytes);
    connection_refuse(connection, 408);
}

static void on_timer(struct loop_timer *timer)
{
    struct connection *connection = of_timer(timer);
    struct http_server *server = connection->server;

    switch (connection->state) {
    case CONNECTION_OPENING:
        HTTP_COUNT(server, handshake_ms);
        connection_close(connection);
        break;
    case CONNECTION_HEAD:
        if (http1_has_begun(connection->parser)) {
            HTTP_COUNT(server, header_ms);
            connection_refuse(connection, 408);
        } else {
            HTTP_COUNT(server, idle_ms);
            connection_close(connection);
        }
        break;
    case CONNECTION_BODY:
        check_pace(connection);
        break;
    case CONNECTION_SKIPPED:
    case CONNECTION_WAITING:
    case CONNECTION_ENDING:
    case CONNECTION_CLOSED:
        break;
    }
}

/* The connection may be freed. */
static void start_tls(struct connection *connection)
{
    struct buf kept = connection->ahead;

    buf_init(&connection->ahead, kept.max);
    enum err_code code =
        stream_start_tls(connection->stream, connection->server->config.tls, buf_str(&kept), NULL);
    buf_done(&kept);
    if (code != ERR_OK)
        connection_close(connection);
}

static void start_timers(struct connection *connection)
{
    struct http_server *server = connection->server;

    loop_timer_init(&connection->timer, server->config.loop, on_timer);
    loop_timer_init(&connection->stall, server->config.loop, on_stall);
    start_timer(connection, server->config.limits->handshake_ms);
}

void connection_begin(struct connection *connection)
{
    const struct http_server *server = connection->server;
    bool is_plain = !stream_is_tls(connection->stream);

    if (connection->timer.loop == NULL)
        start_timers(connection);
    if (connection->needs_proxy || connection->state != CONNECTION_OPENING)
        return;
    if (server->config.has_proxy_protocol && server->config.tls != NULL && is_plain) {
        start_tls(connection);
        return;
    }
    if (!stream_is_open(connection->stream))
        return;
    connection_set_state(connection, CONNECTION_HEAD);
    start_timer(connection, server->config.limits->idle_ms);
}

/* Takes the PROXY header off; false: it is not there yet, or the connection is closed. */
static bool take_proxy(struct connection *connection)
{
    struct addr source;
    size_t bytes = 0;

    switch (proxy_parse(buf_str(&connection->ahead), &source, &bytes)) {
    case PROXY_MORE:
        return false;
    case PROXY_INVALID:
        HTTP_COUNT(connection->server, proxy_failures);
        connection_close(connection);
        return false;
    case PROXY_DONE:
        break;
    }
    buf_drop(&connection->ahead, bytes);
    if (source.is_set)
        connection->peer = source;
    connection->needs_proxy = false;
    return true;
}

static void count_refusal(struct http_server *server, enum http1_bound bound)
{
    switch (bound) {
    case HTTP1_NO_BOUND:
        HTTP_COUNT(server, malformed);
        break;
    case HTTP1_HEAD_BYTES:
        HTTP_COUNT(server, header_bytes);
        break;
    case HTTP1_HEADER_COUNT:
        HTTP_COUNT(server, header_count);
        break;
    }
}

static void split_target(struct http_request *request)
{
    struct str target = request->head->target;
    size_t query = str_find(target, '?');

    request->path = str_first(target, query);
    request->query = str_from(target, query + 1);
}

static void on_head(struct connection *connection)
{
    static const struct str go_on = STR_INIT("HTTP/1.1 100 Continue\r\n\r\n");
    struct http_server *server = connection->server;
    struct http_request *request = &connection->request;
    const struct http1_head *head = http1_head(connection->parser);

    HTTP_COUNT(server, requests);
    connection->requests++;
    if (connection->requests >= (uint64_t)server->config.limits->requests_per_connection) {
        HTTP_COUNT(server, requests_per_connection);
        connection->closes = true;
    }
    connection->closes = connection->closes || !head->keeps_alive || server->is_stopping;
    request->head = head;
    request->phase = REPLY_PHASE_NONE;
    request->app = NULL;
    split_target(request);
    if (head->has_length && head->length > (uint64_t)server->config.limits->body_bytes) {
        HTTP_COUNT(server, body_bytes);
        connection_refuse(connection, 413);
        return;
    }
    connection_set_state(connection, CONNECTION_BODY);
    connection->body_since_us = loop_now_us(server->config.loop);
    start_timer(connection, BODY_GRACE_MS);
    request->is_live = true;
    if (server->config.events->on_headers(request) == HTTP_ANSWERED) {
        /* A body that is on its way is read and dropped: closing on it could take the reply with
         * it. */
        if (connection->state == CONNECTION_BODY && head->expects_continue) {
            connection->closes = true;
            connection_set_state(connection, CONNECTION_SKIPPED);
            loop_timer_stop(&connection->timer);
        }
        return;
    }
    if (connection->state == CONNECTION_BODY && head->expects_continue && !head->is_1_0)
        (void)stream_write(connection->stream, &go_on, 1);
}

static void on_body(struct connection *connection, struct str part_of_body)
{
    buf_add(&connection->body, part_of_body);
    if (!connection->body.failed)
        return;
    HTTP_COUNT(connection->server, body_bytes);
    connection_refuse(connection, 413);
}

/* The request is complete; a reply may have been made from the head alone. */
static void on_complete(struct connection *connection)
{
    struct http_request *request = &connection->request;

    connection_set_state(connection, CONNECTION_WAITING);
    loop_timer_stop(&connection->timer);
    if (request->is_live && request->phase == REPLY_PHASE_NONE)
        connection->server->config.events->on_request(request);
}

static void start_next(struct connection *connection)
{
    http1_next(connection->parser);
    if (connection->body.size > KEEP_BODY_BYTES) {
        size_t max = connection->body.max;

        buf_done(&connection->body);
        buf_init(&connection->body, max);
    }
    buf_clear(&connection->body);
    connection->request.phase = REPLY_PHASE_NONE;
    connection_set_state(connection, CONNECTION_HEAD);
    start_timer(connection, connection->server->config.limits->idle_ms);
}

/* The time for a head counts from its first byte, not from the last idle moment. */
static void note_first_byte(struct connection *connection, bool had_begun)
{
    if (!had_begun && connection->state == CONNECTION_HEAD && http1_has_begun(connection->parser))
        start_timer(connection, connection->server->config.limits->header_ms);
}

/* One event; false: no further one now. */
static bool step(struct connection *connection, struct str *bytes)
{
    struct str part_of_body = STR_NONE;
    size_t taken = 0;
    bool had_begun = http1_has_begun(connection->parser);
    enum http1_event event = http1_feed(connection->parser, *bytes, &taken, &part_of_body);

    *bytes = str_from(*bytes, taken);
    connection->has_more = bytes->len > 0;
    switch (event) {
    case HTTP1_MORE:
        note_first_byte(connection, had_begun);
        return false;
    case HTTP1_HEAD:
        on_head(connection);
        return true;
    case HTTP1_BODY:
        on_body(connection, part_of_body);
        return true;
    case HTTP1_END:
        on_complete(connection);
        return true;
    case HTTP1_REFUSED:
        break;
    }
    struct http1_refusal refusal = http1_refusal(connection->parser);
    count_refusal(connection->server, refusal.bound);
    connection_refuse(connection, refusal.status);
    return false;
}

static bool may_read(const struct connection *connection)
{
    return connection->state == CONNECTION_HEAD || connection->state == CONNECTION_BODY;
}

static bool is_over(const struct connection *connection)
{
    return connection->state == CONNECTION_ENDING || connection->state == CONNECTION_CLOSED;
}

/* A reply that ended while its request was read: the next one, or the end. False: the connection is
 * over, and may be freed unless it is being read. */
static bool settle(struct connection *connection)
{
    if (is_over(connection))
        return false;
    if (connection->request.phase != REPLY_PHASE_ENDED || connection->state == CONNECTION_BODY)
        return true;
    if (connection->closes || connection->state == CONNECTION_SKIPPED) {
        finish(connection);
        return false;
    }
    if (connection->state == CONNECTION_WAITING)
        start_next(connection);
    return true;
}

static void read_on(struct connection *connection, struct str bytes)
{
    bool goes_on = true;

    connection->is_reading = true;
    while (goes_on && may_read(connection))
        goes_on = step(connection, &bytes) && settle(connection);
    connection->is_reading = false;
    if (connection->state == CONNECTION_CLOSED) {
        connection_free(connection);
        return;
    }
    if (bytes.len == 0 || is_over(connection))
        return;
    /* What was sent ahead waits, and so does the client. */
    buf_add(&connection->ahead, bytes);
    if (connection->ahead.failed)
        connection_close(connection);
    else
        stream_pause(connection->stream);
}

static void read_kept(struct connection *connection)
{
    struct buf kept = connection->ahead;

    buf_init(&connection->ahead, kept.max);
    read_on(connection, buf_str(&kept));
    buf_done(&kept);
}

static void begin_behind_proxy(struct connection *connection)
{
    bool becomes_tls = connection->server->config.tls != NULL;

    connection_begin(connection);
    if (!becomes_tls && connection->ahead.len > 0)
        read_kept(connection);
}

void connection_read(struct connection *connection, struct str bytes)
{
    if (connection->needs_proxy) {
        buf_add(&connection->ahead, bytes);
        if (connection->ahead.failed)
            connection_close(connection);
        else if (take_proxy(connection))
            begin_behind_proxy(connection);
        return;
    }
    if (connection->ahead.len > 0) {
        buf_add(&connection->ahead, bytes);
        if (connection->ahead.failed)
            connection_close(connection);
        return;
    }
    read_on(connection, bytes);
}

void connection_next(struct connection *connection)
{
    end_request(connection, true);
    if (connection->is_reading || is_over(connection))
        return;
    if (connection->state == CONNECTION_BODY) {
        /* Answered before the body was read: it will not be. */
        connection->closes = true;
        connection_set_state(connection, CONNECTION_SKIPPED);
    }
    if (!settle(connection))
        return;
    stream_resume(connection->stream);
    if (connection->ahead.len > 0)
        read_kept(connection);
}
