#include "net/http_client.h"

#include <assert.h>

#include "net/http_client_priv.h"

enum { MAX_WRITE_PIECES = 64 };

/* Ends. */

void http_call_take_out(struct http_call *call)
{
    loop_timer_stop(&call->timer);
    call->is_active = false;
    if (call->client == NULL)
        http_pool_unqueue(call->pool, call);
    else
        call->client->call = NULL;
    call->client = NULL;
}

/* The connection goes with the call. */
static void end_call(struct http_call *call, enum http_call_end end, const struct err *err)
{
    struct http_pool *pool = call->pool;
    struct http_client *client = call->client;

    /* The head of the answer lives in the client until on_done() returns. */
    if (client != NULL)
        client->entered++;
    http_call_take_out(call);
    if (client != NULL)
        http_client_drop(client);
    (void)http_pool_fill(pool);
    call->on_done(call, end, err);
    if (client != NULL)
        http_client_leave(client);
}

static void on_call_due(struct loop_timer *timer)
{
    struct http_call *call =
        (struct http_call *)(void *)((char *)timer - offsetof(struct http_call, timer));
    struct err err;

    (void)err_set(&err, ERR_TIMEOUT, "'%s' %s in time", call->pool->host,
                  call->status != 0 ? "did not end its answer" : "did not answer");
    end_call(call, HTTP_CALL_TIMEOUT, &err);
}

/* Requests. */

/* False: the stream has ended. */
static bool write_request(struct http_client *client, const struct http_call *call)
{
    struct buf *head = &client->pool->head;
    struct str pieces[MAX_WRITE_PIECES];
    size_t used = 1;

    buf_clear(head);
    http_request_write_head(head, call);
    if (head->failed)
        return false;
    pieces[0] = buf_str(head);
    for (size_t i = 0; i < call->piece_count; i++) {
        if (used == MAX_WRITE_PIECES) {
            if (!stream_write(client->stream, pieces, used))
                return false;
            used = 0;
        }
        pieces[used++] = call->pieces[i];
    }
    return stream_write(client->stream, pieces, used);
}

void http_client_send(struct http_client *client, struct http_call *call)
{
    client->call = call;
    call->client = client;
    if (client->state != CLIENT_BUSY)
        http_client_set_state(client, CLIENT_BUSY);
    if (call->is_paused)
        stream_pause(client->stream);
    call->was_sent = true;
    if (write_request(client, call))
        return;
    (void)err_set(&client->err, ERR_UPSTREAM, "the connection to '%s' broke while sending",
                  client->pool->host);
    http_client_fail(client, CLIENT_BROKEN);
}

/* Answers. */

static void refuse(struct http_client *client, enum http_call_end end, const char *why)
{
    struct err err;

    (void)err_set(&err, ERR_UPSTREAM, "'%s': %s", client->pool->host, why);
    end_call(client->call, end, &err);
}

/* Before bytes of an answer are fed: lets go of the one before. */
static void expect_answer(struct http_client *client)
{
    http1_next(client->parser);
    client->needs_next = false;
    client->is_interim = false;
    if (str_eq(client->call->method, STR("HEAD")))
        http1_expect_no_body(client->parser);
}

/* RFC 9110 §15.2: any number of 1xx may come first. A switch of protocols was not asked for. */
static void take_head(struct http_client *client)
{
    const struct http1_head *head = http1_head(client->parser);
    struct http_call *call = client->call;

    if (head->status == 101 || head->status < 100) {
        refuse(client, HTTP_CALL_MALFORMED, "the status is one that was not asked for");
        return;
    }
    client->is_interim = head->status < 200;
    if (client->is_interim)
        return;
    call->status = head->status;
    call->response_headers = head->headers;
    call->response_header_count = head->header_count;
    loop_timer_stop(&call->timer);
    if (call->whole_ms > 0) {
        uint64_t spent_ms = (loop_now_us(client->pool->config.loop) - call->start_us) / 1000;

        /* It has just left its place in the heap. */
        (void)loop_timer_start(&call->timer,
                               spent_ms < call->whole_ms ? call->whole_ms - spent_ms : 0);
    }
    if (head->has_length && call->max_body_bytes > 0 && head->length > call->max_body_bytes &&
        !str_eq(call->method, STR("HEAD")))
        refuse(client, HTTP_CALL_TOO_LARGE, "the answer is too large");
    else if (call->on_head != NULL)
        call->on_head(call);
}

static void take_body(struct http_client *client, struct str body)
{
    struct http_call *call = client->call;

    call->body_bytes += body.len;
    if (call->max_body_bytes > 0 && call->body_bytes > call->max_body_bytes)
        refuse(client, HTTP_CALL_TOO_LARGE, "the answer is too large");
    else if (call->on_data != NULL)
        call->on_data(call, body);
}

/* is_clean: nothing stands behind the answer. */
static void complete(struct http_client *client, bool is_clean)
{
    struct http_pool *pool = client->pool;
    struct http_call *call = client->call;
    bool keeps = is_clean && http1_head(client->parser)->keeps_alive &&
                 stream_is_open(client->stream) && stream_queued_bytes(client->stream) == 0;

    http_call_take_out(call);
    if (keeps && call->is_paused)
        stream_resume(client->stream);
    client->needs_next = true;
    if (keeps && client->state == CLIENT_BUSY)
        http_client_make_available(client);
    else
        http_client_drop(client);
    (void)http_pool_fill(pool);
    call->on_done(call, HTTP_CALL_OK, NULL);
}

/* False: nothing more of these bytes is to be read. */
static bool take_event(struct http_client *client, enum http1_event event, struct str body,
                       bool is_clean)
{
    switch (event) {
    case HTTP1_MORE:
        return false;
    case HTTP1_HEAD:
        take_head(client);
        return true;
    case HTTP1_BODY:
        take_body(client, body);
        return true;
    case HTTP1_END:
        if (client->is_interim) {
            expect_answer(client);
            return true;
        }
        complete(client, is_clean);
        return false;
    case HTTP1_REFUSED:
        break;
    }
    refuse(client, HTTP_CALL_MALFORMED, http1_refusal(client->parser).why);
    return false;
}

static void on_read(struct stream *stream, struct str bytes)
{
    struct http_client *client = stream_owner(stream);
    bool goes_on = true;

    client->entered++;
    /* Nobody asked for anything (RFC 9112 §9.2, "unsolicited response"). */
    if (client->state == CLIENT_IDLE)
        http_client_drop(client);
    if (client->state == CLIENT_BUSY && client->needs_next)
        expect_answer(client);
    while (goes_on && client->state == CLIENT_BUSY) {
        size_t taken = 0;
        struct str body = STR_NONE;
        enum http1_event event = http1_feed(client->parser, bytes, &taken, &body);

        bytes = str_from(bytes, taken);
        goes_on = take_event(client, event, body, bytes.len == 0);
    }
    http_client_leave(client);
}

static void on_ready(struct stream *stream)
{
    struct http_client *client = stream_owner(stream);

    client->entered++;
    loop_timer_stop(&client->timer);
    client->needs_next = true;
    http_client_make_available(client);
    http_client_leave(client);
}

/* An answer without a length ends with the connection. */
static void on_end_busy(struct http_client *client, const struct err *why)
{
    if (client->needs_next)
        expect_answer(client);
    if (why == NULL && http1_eof(client->parser) == HTTP1_END && !client->is_interim)
        complete(client, false);
    else
        refuse(client, HTTP_CALL_BROKEN,
               why != NULL ? why->text
                           : "the connection was closed before the answer was complete");
}

static void on_end(struct stream *stream, const struct err *why)
{
    struct http_client *client = stream_owner(stream);

    client->entered++;
    if (client->state == CLIENT_OPENING) {
        (void)err_set(&client->err, ERR_UPSTREAM, "connect to '%s': %s", client->pool->host,
                      why != NULL ? why->text : "the connection was closed at once");
        stream_close(MOVE(client->stream));
        http_client_try_next(client);
    } else if (client->call != NULL && client->state == CLIENT_BUSY) {
        on_end_busy(client, why);
    } else if (client->call == NULL) {
        http_client_drop(client);
    }
    http_client_leave(client);
}

const struct stream_events http_client_events = {
    .on_ready = on_ready, .on_read = on_read, .on_end = on_end};

/* Calls. */

static bool start_timer(struct http_call *call)
{
    uint64_t first_ms = call->head_ms;

    if (first_ms == 0 || (call->whole_ms > 0 && call->whole_ms < first_ms))
        first_ms = call->whole_ms;
    loop_timer_init(&call->timer, call->pool->config.loop, on_call_due);
    return first_ms == 0 || loop_timer_start(&call->timer, first_ms);
}

enum err_code http_call_start(struct http_pool *pool, struct http_call *call, struct err *err)
{
    assert(!call->is_active);
    if (!http_request_is_sound(call))
        return err_set(err, ERR_INVALID, "a request to '%s' holds what no request may hold",
                       pool->host);
    call->pool = pool;
    call->client = NULL;
    call->was_sent = false;
    call->is_paused = false;
    call->status = 0;
    call->response_headers = NULL;
    call->response_header_count = 0;
    call->body_bytes = 0;
    call->start_us = loop_now_us(pool->config.loop);
    if (!start_timer(call))
        return err_set(err, ERR_LIMIT, "call '%s': memory is out", pool->host);
    enum err_code code = http_pool_place(pool, call, err);
    if (code != ERR_OK) {
        loop_timer_stop(&call->timer);
        return code;
    }
    call->is_active = true;
    return ERR_OK;
}

void http_call_cancel(struct http_call *call)
{
    if (!call->is_active)
        return;
    struct http_pool *pool = call->pool;
    struct http_client *client = call->client;

    if (client != NULL)
        client->entered++;
    http_call_take_out(call);
    if (client != NULL) {
        http_client_drop(client);
        http_client_leave(client);
    }
    (void)http_pool_fill(pool);
}

void http_call_pause(struct http_call *call)
{
    if (!call->is_active || call->is_paused)
        return;
    call->is_paused = true;
    if (call->client != NULL)
        stream_pause(call->client->stream);
}

void http_call_resume(struct http_call *call)
{
    if (!call->is_active || !call->is_paused)
        return;
    call->is_paused = false;
    if (call->client != NULL)
        stream_resume(call->client->stream);
}
