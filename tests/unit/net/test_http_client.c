#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "base/buf.h"
#include "base/clock.h"
#include "net/http1.h"
#include "net/http_client.h"
#include "net/names.h"

enum { MAX_SCRIPT = 16, MAX_HELD = 8 };

/* What the server does with its n-th request. */
struct act {
    struct str answer;
    size_t step;     /* writes this many bytes a turn; 0: all at once */
    bool closes;     /* behind the answer */
    bool is_silent;  /* no answer */
    struct str late; /* written some turns behind the answer */
};

struct peer {
    struct site *site;
    uv_tcp_t tcp;
    uv_idle_t idle;
    struct http1 *parser;
    struct buf out;
    const struct act *act;
    int idle_turns;
    struct peer *next;
};

/* A server, a pool for it, and their loop. */
struct site {
    struct loop *loop;
    struct name_cache *names;
    struct http_pool *pool;
    uv_tcp_t listener;
    uint16_t port;
    const struct act *script;
    size_t script_len;
    size_t requests;
    struct buf seen; /* requests: "METHOD target name=value,… body|" */
    size_t connections;
    struct peer *peers;
};

struct heard {
    struct http_call call;
    struct buf body;
    int heads;
    int dones;
    enum http_call_end end;
    struct err err;
    int status_at_done;
    bool cancels_on_head;
    bool cancels_on_data;
    struct heard *then; /* started from on_done */
    struct site *site;
};

/* The server's side. */

static char read_space[65536];

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)handle;
    (void)suggested;
    *buf = uv_buf_init(read_space, sizeof read_space);
}

static void close_peer(struct peer *peer)
{
    if (!uv_is_closing((uv_handle_t *)&peer->tcp)) {
        uv_close((uv_handle_t *)&peer->tcp, NULL);
        uv_close((uv_handle_t *)&peer->idle, NULL);
    }
}

static void write_some(struct peer *peer, struct str bytes)
{
    char *copy = malloc(bytes.len);
    assert_non_null(copy);
    memcpy(copy, bytes.ptr, bytes.len);
    for (size_t at = 0; at < bytes.len;) {
        uv_buf_t buf = uv_buf_init(copy + at, (unsigned)(bytes.len - at));
        int sent = uv_try_write((uv_stream_t *)&peer->tcp, &buf, 1);
        if (sent < 0 && sent != UV_EAGAIN)
            break;
        at += sent > 0 ? (size_t)sent : 0;
    }
    free(copy);
}

static void on_idle(uv_idle_t *idle)
{
    struct peer *peer = idle->data;
    const struct act *act = peer->act;
    struct str out = buf_str(&peer->out);
    size_t step = act->step == 0 ? out.len : act->step;

    if (out.len > 0) {
        write_some(peer, str_first(out, step));
        buf_drop(&peer->out, step < out.len ? step : out.len);
        return;
    }
    if (act->late.len > 0 && peer->idle_turns++ < 10)
        return;
    (void)uv_idle_stop(idle);
    if (act->late.len > 0)
        write_some(peer, act->late);
    if (act->closes)
        close_peer(peer);
}

static void note_request(struct site *site, const struct http1_head *head, struct str body)
{
    struct buf *seen = &site->seen;
    buf_add(seen, head->method);
    buf_add_byte(seen, ' ');
    buf_add(seen, head->target);
    buf_add_byte(seen, ' ');
    for (size_t i = 0; i < head->header_count; i++) {
        buf_add(seen, head->headers[i].name);
        buf_add_byte(seen, '=');
        buf_add(seen, head->headers[i].value);
        buf_add_byte(seen, ',');
    }
    buf_add_byte(seen, ' ');
    buf_add(seen, str_first(body, 100));
    buf_add_byte(seen, '|');
}

static void answer(struct peer *peer, struct str body)
{
    struct site *site = peer->site;
    size_t at = site->requests < site->script_len ? site->requests : site->script_len - 1;

    note_request(site, http1_head(peer->parser), body);
    peer->act = &site->script[at];
    site->requests++;
    http1_next(peer->parser);
    if (peer->act->is_silent)
        return;
    buf_add(&peer->out, peer->act->answer);
    peer->idle_turns = 0;
    (void)uv_idle_start(&peer->idle, on_idle);
}

static void on_request_bytes(uv_stream_t *tcp, ssize_t count, const uv_buf_t *buf)
{
    struct peer *peer = tcp->data;
    static char body[1 << 20];
    static size_t body_len;

    if (count < 0) {
        close_peer(peer);
        return;
    }
    struct str bytes = str_of(buf->base, (size_t)count);
    for (;;) {
        size_t taken = 0;
        struct str part = STR_NONE;
        enum http1_event event = http1_feed(peer->parser, bytes, &taken, &part);
        bytes = str_from(bytes, taken);
        assert_int_not_equal(event, HTTP1_REFUSED);
        if (event == HTTP1_MORE)
            return;
        if (event == HTTP1_HEAD)
            body_len = 0;
        if (event == HTTP1_BODY) {
            assert_true(body_len + part.len <= sizeof body);
            memcpy(body + body_len, part.ptr, part.len);
            body_len += part.len;
        }
        if (event == HTTP1_END)
            answer(peer, str_of(body, body_len));
    }
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct site *site = listener->data;
    struct peer *peer = calloc(1, sizeof *peer);

    assert_int_equal(status, 0);
    assert_non_null(peer);
    peer->site = site;
    peer->next = site->peers;
    site->peers = peer;
    peer->parser = http1_new(HTTP1_REQUESTS, 65536, 100);
    buf_init(&peer->out, 1 << 24);
    (void)uv_tcp_init(loop_uv(site->loop), &peer->tcp);
    (void)uv_idle_init(loop_uv(site->loop), &peer->idle);
    peer->tcp.data = peer;
    peer->idle.data = peer;
    assert_int_equal(uv_accept(listener, (uv_stream_t *)&peer->tcp), 0);
    (void)uv_read_start((uv_stream_t *)&peer->tcp, on_alloc, on_request_bytes);
    site->connections++;
}

static void listen_somewhere(struct site *site)
{
    struct sockaddr_in any;
    struct sockaddr_in bound;
    int len = sizeof bound;
    (void)uv_ip4_addr("127.0.0.1", 0, &any);
    (void)uv_tcp_init(loop_uv(site->loop), &site->listener);
    site->listener.data = site;
    assert_int_equal(uv_tcp_bind(&site->listener, (const struct sockaddr *)&any, 0), 0);
    assert_int_equal(uv_tcp_getsockname(&site->listener, (struct sockaddr *)&bound, &len), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&site->listener, 64, on_connection), 0);
    site->port = ntohs(bound.sin_port);
}

static struct http_pool_config usual(const struct site *site)
{
    return (struct http_pool_config){.loop = site->loop,
                                     .names = site->names,
                                     .host = STR("127.0.0.1"),
                                     .port = site->port,
                                     .max_connections = 4,
                                     .max_waiting = 16,
                                     .idle_ms = 4000,
                                     .connect_ms = 2000,
                                     .max_header_bytes = 4096,
                                     .max_headers = 20};
}

static void open_site(struct site *site, const struct act *script, size_t script_len)
{
    *site = (struct site){.loop = loop_new(16), .script = script, .script_len = script_len};
    assert_non_null(site->loop);
    site->names = names_cache_new(site->loop, 30000);
    buf_init(&site->seen, 1 << 20);
    listen_somewhere(site);
    struct http_pool_config config = usual(site);
    site->pool = http_pool_new(&config);
    assert_non_null(site->pool);
}

static void turn(struct site *site, int times)
{
    for (int i = 0; i < times; i++)
        (void)uv_run(loop_uv(site->loop), UV_RUN_NOWAIT);
}

static void close_site(struct site *site)
{
    http_pool_free(site->pool);
    names_cache_free(site->names);
    uv_close((uv_handle_t *)&site->listener, NULL);
    for (struct peer *peer = site->peers; peer != NULL; peer = peer->next)
        close_peer(peer);
    turn(site, 5);
    loop_free(site->loop);
    while (site->peers != NULL) {
        struct peer *peer = site->peers;
        site->peers = peer->next;
        http1_free(peer->parser);
        buf_done(&peer->out);
        free(peer);
    }
    buf_done(&site->seen);
}

/* The caller's side. */

static void on_head(struct http_call *call)
{
    struct heard *heard = call->ctx;
    heard->heads++;
    if (heard->cancels_on_head)
        http_call_cancel(call);
}

static void on_data(struct http_call *call, struct str bytes)
{
    struct heard *heard = call->ctx;
    buf_add(&heard->body, bytes);
    if (heard->cancels_on_data)
        http_call_cancel(call);
}

static void on_done(struct http_call *call, enum http_call_end end, const struct err *err)
{
    struct heard *heard = call->ctx;
    heard->dones++;
    heard->end = end;
    heard->status_at_done = call->status;
    assert_true((end == HTTP_CALL_OK) == (err == NULL));
    if (err != NULL)
        heard->err = *err;
    if (call->response_header_count > 0)
        assert_true(call->response_headers[0].name.len > 0);
    if (heard->then != NULL)
        assert_int_equal(http_call_start(heard->site->pool, &heard->then->call, NULL), ERR_OK);
}

static void prepare(struct heard *heard, struct site *site)
{
    *heard = (struct heard){.site = site,
                            .call = {.method = STR("GET"),
                                     .target = STR("/x?y=1"),
                                     .host_header = STR("here"),
                                     .head_ms = 3000,
                                     .whole_ms = 5000,
                                     .on_head = on_head,
                                     .on_data = on_data,
                                     .on_done = on_done}};
    heard->call.ctx = heard;
    buf_init(&heard->body, 1 << 24);
}

static void start_call(struct heard *heard)
{
    struct err err;
    assert_ok(http_call_start(heard->site->pool, &heard->call, &err), err);
    assert_int_equal(heard->dones, 0);
}

static void wait_for(struct heard *heard)
{
    uint64_t start_us = clock_mono_us();
    while (heard->dones == 0) {
        (void)uv_run(loop_uv(heard->site->loop), UV_RUN_NOWAIT);
        assert_true(clock_mono_us() - start_us < (unit_is_slow() ? 100000000 : 10000000));
    }
    assert_int_equal(heard->dones, 1);
}

static void run_call(struct heard *heard, struct site *site)
{
    prepare(heard, site);
    start_call(heard);
    wait_for(heard);
}

#define HELLO "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"

static void a_call_gets_its_answer_over_a_kept_connection(void **state)
{
    (void)state;
    const struct act script[] = {{.answer = STR(HELLO)}};
    struct site site;
    struct heard heard;
    open_site(&site, script, 1);
    for (int i = 0; i < 3; i++) {
        run_call(&heard, &site);
        assert_int_equal(heard.end, HTTP_CALL_OK);
        assert_int_equal(heard.heads, 1);
        assert_int_equal(heard.status_at_done, 200);
        assert_true(heard.call.was_sent);
        assert_str(buf_str(&heard.body), "hello");
        buf_done(&heard.body);
    }
    assert_int_equal(site.connections, 1);
    assert_int_equal(http_pool_connections(site.pool), 1);
    assert_str(buf_str(&site.seen),
               "GET /x?y=1 Host=here, |GET /x?y=1 Host=here, |GET /x?y=1 Host=here, |");
    close_site(&site);
}

static void a_body_goes_out_in_pieces_behind_its_head(void **state)
{
    (void)state;
    const struct act script[] = {{.answer = STR(HELLO)}};
    const struct http_header headers[] = {{STR("X-A"), STR("1")}, {STR("X-B"), STR("")}};
    struct str pieces[150];
    struct site site;
    struct heard heard;
    open_site(&site, script, 1);
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++)
        pieces[i] = i % 3 == 0 ? STR("") : STR("ab");
    prepare(&heard, &site);
    heard.call.method = STR("POST");
    heard.call.headers = headers;
    heard.call.header_count = 2;
    heard.call.pieces = pieces;
    heard.call.piece_count = ARRAY_LEN(pieces);
    start_call(&heard);
    wait_for(&heard);
    assert_int_equal(heard.end, HTTP_CALL_OK);
    assert_true(str_starts(buf_str(&site.seen),
                           STR("POST /x?y=1 Host=here,X-A=1,X-B=,Content-Length=200, abab")));
    buf_done(&heard.body);
    prepare(&heard, &site);
    heard.call.method = STR("POST");
    start_call(&heard);
    wait_for(&heard);
    assert_true(str_ends(buf_str(&site.seen), STR("|POST /x?y=1 Host=here,Content-Length=0, |")));
    buf_done(&heard.body);
    close_site(&site);
}

static void a_large_body_is_sent_whole(void **state)
{
    (void)state;
    enum { LEN = 1 << 20 };
    const struct act script[] = {{.answer = STR(HELLO)}};
    char *bytes = malloc(LEN);
    struct site site;
    struct heard heard;
    assert_non_null(bytes);
    memset(bytes, 'z', LEN);
    const struct str piece = str_of(bytes, LEN);
    open_site(&site, script, 1);
    prepare(&heard, &site);
    heard.call.method = STR("POST");
    heard.call.pieces = &piece;
    heard.call.piece_count = 1;
    start_call(&heard);
    wait_for(&heard);
    assert_int_equal(heard.end, HTTP_CALL_OK);
    assert_true(
        str_starts(buf_str(&site.seen), STR("POST /x?y=1 Host=here,Content-Length=1048576, zzz")));
    buf_done(&heard.body);
    close_site(&site);
    free(bytes);
}

struct shape {
    const char *name;
    struct act act;
    const char *method;
    enum http_call_end end;
    const char *body;
    size_t connections_left;
};

static const struct shape shapes[] = {
    {"chunked",
     {.answer = STR_INIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
                         "2\r\nde\r\n0\r\n\r\n")},
     "GET",
     HTTP_CALL_OK,
     "abcde",
     1},
    {"no body",
     {.answer = STR_INIT("HTTP/1.1 204 No Content\r\nX: 1\r\n\r\n")},
     "DELETE",
     HTTP_CALL_OK,
     "",
     1},
    {"empty body",
     {.answer = STR_INIT("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")},
     "POST",
     HTTP_CALL_OK,
     "",
     1},
    {"HEAD",
     {.answer = STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n")},
     "HEAD",
     HTTP_CALL_OK,
     "",
     1},
    {"interim answers",
     {.answer = STR_INIT("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: "
                         "x\r\n\r\n" HELLO)},
     "GET",
     HTTP_CALL_OK,
     "hello",
     1},
    {"interim before HEAD",
     {.answer = STR_INIT("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
                         "500\r\n\r\n")},
     "HEAD",
     HTTP_CALL_OK,
     "",
     1},
    {"until the connection ends",
     {.answer = STR_INIT("HTTP/1.1 200 OK\r\nX: 1\r\n\r\nhello"), .closes = true},
     "GET",
     HTTP_CALL_OK,
     "hello",
     0},
    {"told to close",
     {.answer = STR_INIT("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello")},
     "GET",
     HTTP_CALL_OK,
     "hello",
     0},
    {"HTTP/1.0",
     {.answer = STR_INIT("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello")},
     "GET",
     HTTP_CALL_OK,
     "hello",
     0},
    {"bytes behind the answer",
     {.answer = STR_INIT(HELLO "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")},
     "GET",
     HTTP_CALL_OK,
     "hello",
     0},
    {"bytes that nobody asked for, later",
     {.answer = STR_INIT(HELLO),
      .late = STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")},
     "GET",
     HTTP_CALL_OK,
     "hello",
     0},
    {"cut in the body",
     {.answer = STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe"), .closes = true},
     "GET",
     HTTP_CALL_BROKEN,
     "he",
     0},
    {"cut in a chunk",
     {.answer = STR_INIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe"),
      .closes = true},
     "GET",
     HTTP_CALL_BROKEN,
     "he",
     0},
    {"cut in the head",
     {.answer = STR_INIT("HTTP/1.1 200 OK\r\nContent-"), .closes = true},
     "GET",
     HTTP_CALL_BROKEN,
     "",
     0},
    {"nothing at all", {.answer = STR_INIT(""), .closes = true}, "GET", HTTP_CALL_BROKEN, "", 0},
    {"interim alone",
     {.answer = STR_INIT("HTTP/1.1 100 Continue\r\n\r\n"), .closes = true},
     "GET",
     HTTP_CALL_BROKEN,
     "",
     0},
    {"not HTTP", {.answer = STR_INIT("hello\r\n\r\n")}, "GET", HTTP_CALL_MALFORMED, "", 0},
    {"two lengths",
     {.answer = STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello")},
     "GET",
     HTTP_CALL_MALFORMED,
     "",
     0},
    {"length and chunks",
     {.answer = STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: "
                         "chunked\r\n\r\n0\r\n\r\n")},
     "GET",
     HTTP_CALL_MALFORMED,
     "",
     0},
    {"a switch of protocols",
     {.answer = STR_INIT("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
                         "Upgrade\r\n\r\n")},
     "GET",
     HTTP_CALL_MALFORMED,
     "",
     0},
    {"a body over the bound, told",
     {.answer = STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n")},
     "GET",
     HTTP_CALL_TOO_LARGE,
     "",
     0},
};

static void answers_of_every_shape_read_the_same_however_they_come(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        for (size_t step = 0; step < 2; step++) {
            const struct shape *shape = &shapes[i];
            struct act act = shape->act;
            struct site site;
            struct heard heard;
            act.step = step;
            /* What comes byte by byte is complete before what stands behind it has come. */
            size_t left = shape->connections_left;
            open_site(&site, &act, 1);
            prepare(&heard, &site);
            heard.call.method = str_c(shape->method);
            heard.call.max_body_bytes = 1000;
            start_call(&heard);
            wait_for(&heard);
            uint64_t start_us = clock_mono_us();
            while (http_pool_connections(site.pool) != left && clock_mono_us() - start_us < 2000000)
                turn(&site, 1);
            if (heard.end != shape->end || !str_eq(buf_str(&heard.body), str_c(shape->body)) ||
                http_pool_connections(site.pool) != left)
                fail_msg("%s, step %zu: end %d (%s), body '" STR_FMT "', %zu connections",
                         shape->name, step, (int)heard.end, heard.err.text,
                         STR_ARG(buf_str(&heard.body)), http_pool_connections(site.pool));
            buf_done(&heard.body);
            close_site(&site);
        }
    }
}

static void bounds_of_the_answer_hold(void **state)
{
    (void)state;
    static char text[8192];
    struct act act = {.is_silent = false};
    struct site site;
    struct heard heard;
    int len = snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nX: %05000d\r\n\r\n", 1);
    act.answer = str_of(text, (size_t)len);
    open_site(&site, &act, 1);
    run_call(&heard, &site);
    assert_int_equal(heard.end, HTTP_CALL_MALFORMED);
    buf_done(&heard.body);
    struct buf many;
    buf_init(&many, 65536);
    buf_add(&many, STR("HTTP/1.1 200 OK\r\n"));
    for (int i = 0; i < 21; i++)
        buf_add(&many, STR("A: b\r\n"));
    buf_add(&many, STR("\r\n"));
    act.answer = buf_str(&many);
    run_call(&heard, &site);
    assert_int_equal(heard.end, HTTP_CALL_MALFORMED);
    buf_done(&heard.body);
    act.answer = STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n4\r\n"
                     "efgh\r\n0\r\n\r\n");
    prepare(&heard, &site);
    heard.call.max_body_bytes = 7;
    start_call(&heard);
    wait_for(&heard);
    assert_int_equal(heard.end, HTTP_CALL_TOO_LARGE);
    assert_str(buf_str(&heard.body), "abcd");
    buf_done(&heard.body);
    buf_done(&many);
    close_site(&site);
}

static void calls_beyond_the_connections_wait_and_beyond_that_are_refused(void **state)
{
    (void)state;
    const struct act script[] = {{.answer = STR(HELLO), .step = 1}};
    static struct heard heards[21];
    struct site site;
    struct err err;
    open_site(&site, script, 1);
    for (size_t i = 0; i < 20; i++) {
        prepare(&heards[i], &site);
        start_call(&heards[i]);
    }
    prepare(&heards[20], &site);
    assert_int_equal(http_call_start(site.pool, &heards[20].call, &err), ERR_BUSY);
    assert_int_equal(http_pool_connections(site.pool), 4);
    assert_int_equal(http_pool_waiting(site.pool), 20);
    turn(&site, 50);
    assert_true(http_pool_waiting(site.pool) <= 16);
    for (size_t i = 0; i < 20; i++) {
        wait_for(&heards[i]);
        assert_int_equal(heards[i].end, HTTP_CALL_OK);
    }
    assert_int_equal(site.connections, 4);
    assert_int_equal(site.requests, 20);
    assert_int_equal(heards[20].dones, 0);
    for (size_t i = 0; i < ARRAY_LEN(heards); i++)
        buf_done(&heards[i].body);
    close_site(&site);
}

static void a_call_started_from_on_done_takes_the_same_connection(void **state)
{
    (void)state;
    const struct act script[] = {{.answer = STR(HELLO)}};
    struct site site;
    struct heard first;
    struct heard second;
    open_site(&site, script, 1);
    prepare(&first, &site);
    prepare(&second, &site);
    first.then = &second;
    start_call(&first);
    wait_for(&first);
    wait_for(&second);
    assert_int_equal(second.end, HTTP_CALL_OK);
    assert_str(buf_str(&second.body), "hello");
    assert_int_equal(site.connections, 1);
    buf_done(&first.body);
    buf_done(&second.body);
    close_site(&site);
}

static void a_cancelled_call_is_silent_and_its_connection_is_closed(void **state)
{
    (void)state;
    const struct act script[] = {{.answer = STR(HELLO)}};
    struct site site;
    open_site(&site, script, 1);
    for (int when = 0; when < 4; when++) {
        struct heard heard;
        prepare(&heard, &site);
        heard.cancels_on_head = when == 0;
        heard.cancels_on_data = when == 1;
        start_call(&heard);
        if (when == 2)
            http_call_cancel(&heard.call);
        if (when == 3) {
            while (!heard.call.was_sent)
                turn(&site, 1);
            http_call_cancel(&heard.call);
        }
        http_call_cancel(&(struct http_call){.is_active = false});
        turn(&site, 100);
        assert_int_equal(heard.dones, 0);
        assert_int_equal(heard.heads, when < 2 ? 1 : 0);
        assert_int_equal(heard.call.was_sent, when != 2);
        buf_done(&heard.body);
        http_pool_retire_connections(site.pool);
        assert_int_equal(http_pool_connections(site.pool), 0);
    }
    close_site(&site);
}

static void who_waits_takes_the_place_of_a_cancelled_call(void **state)
{
    (void)state;
    const struct act script[] = {{.is_silent = true}, {.answer = STR(HELLO)}};
    struct site site;
    struct heard first;
    struct heard second;
    open_site(&site, script, 2);
    http_pool_free(site.pool);
    struct http_pool_config config = usual(&site);
    config.max_connections = 1;
    site.pool = http_pool_new(&config);
    prepare(&first, &site);
    prepare(&second, &site);
    start_call(&first);
    start_call(&second);
    while (site.requests == 0)
        turn(&site, 1);
    assert_int_equal(http_pool_waiting(site.pool), 1);
    http_call_cancel(&first.call);
    wait_for(&second);
    assert_int_equal(second.end, HTTP_CALL_OK);
    assert_int_equal(first.dones, 0);
    assert_int_equal(site.connections, 2);
    buf_done(&first.body);
    buf_done(&second.body);
    close_site(&site);
}

static void deadlines_end_a_call_and_say_whether_it_was_sent(void **state)
{
    (void)state;
    const struct act script[] = {
        {.is_silent = true},
        {.answer = STR("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe")},
        {.is_silent = true},
    };
    struct site site;
    struct heard heard;
    open_site(&site, script, 3);
    prepare(&heard, &site);
    heard.call.head_ms = 50;
    start_call(&heard);
    wait_for(&heard);
    assert_int_equal(heard.end, HTTP_CALL_TIMEOUT);
    assert_int_equal(heard.status_at_done, 0);
    assert_true(heard.call.was_sent);
    buf_done(&heard.body);
    prepare(&heard, &site);
    heard.call.head_ms = 0;
    heard.call.whole_ms = 50;
    start_call(&heard);
    wait_for(&heard);
    assert_int_equal(heard.end, HTTP_CALL_TIMEOUT);
    assert_int_equal(heard.status_at_done, 200);
    buf_done(&heard.body);
    /* The third holds the only connection, so the fourth is never sent. */
    http_pool_free(site.pool);
    struct http_pool_config config = usual(&site);
    config.max_connections = 1;
    site.pool = http_pool_new(&config);
    struct heard third;
    prepare(&third, &site);
    start_call(&third);
    prepare(&heard, &site);
    heard.call.head_ms = 50;
    start_call(&heard);
    wait_for(&heard);
    assert_int_equal(heard.end, HTTP_CALL_TIMEOUT);
    assert_false(heard.call.was_sent);
    http_call_cancel(&third.call);
    buf_done(&heard.body);
    buf_done(&third.body);
    close_site(&site);
}

static void a_head_in_time_lifts_its_deadline(void **state)
{
    (void)state;
    const struct act script[] = {{.answer = STR("HTTP/1.1 200 OK\r\nContent-Type: "
                                                "text/event-stream\r\n\r\ndata: 1\n\n")}};
    struct site site;
    struct heard heard;
    open_site(&site, script, 1);
    prepare(&heard, &site);
    heard.call.head_ms = 100;
    heard.call.whole_ms = 0;
    start_call(&heard);
    for (int i = 0; i < 30; i++) {
        turn(&site, 5);
        uv_sleep(10);
    }
    assert_int_equal(heard.heads, 1);
    assert_int_equal(heard.dones, 0);
    assert_str(buf_str(&heard.body), "data: 1\n\n");
    http_call_cancel(&heard.call);
    buf_done(&heard.body);
    close_site(&site);
}

static void who_can_not_be_reached_fails_without_a_byte(void **state)
{
    (void)state;
    struct site site;
    struct heard heard[3];
    const struct act script[] = {{.answer = STR(HELLO)}};
    open_site(&site, script, 1);
    http_pool_free(site.pool);
    struct http_pool_config config = usual(&site);
    config.port = 1;
    static const char *const hosts[] = {"127.0.0.1", "not a host", "[::1]"};
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        config.host = str_c(hosts[i]);
        site.pool = http_pool_new(&config);
        for (size_t k = 0; k < 3; k++) {
            prepare(&heard[k], &site);
            start_call(&heard[k]);
        }
        for (size_t k = 0; k < 3; k++) {
            wait_for(&heard[k]);
            assert_int_equal(heard[k].end, HTTP_CALL_UNREACHABLE);
            assert_false(heard[k].call.was_sent);
            assert_true(strlen(heard[k].err.text) > 10);
            buf_done(&heard[k].body);
        }
        assert_int_equal(http_pool_connections(site.pool), 0);
        http_pool_free(site.pool);
    }
    site.pool = NULL;
    close_site(&site);
}

static bool allows_no_loopback(const struct addr *addr, void *ctx)
{
    int *asked = ctx;
    (*asked)++;
    return !addr_is_loopback(addr);
}

static void an_address_that_is_not_allowed_is_not_connected_to(void **state)
{
    (void)state;
    struct site site;
    struct heard heard;
    int asked = 0;
    const struct act script[] = {{.answer = STR(HELLO)}};
    open_site(&site, script, 1);
    http_pool_free(site.pool);
    struct http_pool_config config = usual(&site);
    config.host = STR("localhost");
    config.is_allowed = allows_no_loopback;
    config.ctx = &asked;
    site.pool = http_pool_new(&config);
    run_call(&heard, &site);
    assert_int_equal(heard.end, HTTP_CALL_UNREACHABLE);
    assert_int_equal(heard.err.code, ERR_DENIED);
    assert_true(asked > 0);
    assert_int_equal(site.connections, 0);
    buf_done(&heard.body);
    http_pool_free(site.pool);
    config.is_allowed = NULL;
    site.pool = http_pool_new(&config);
    run_call(&heard, &site);
    assert_int_equal(heard.end, HTTP_CALL_OK);
    buf_done(&heard.body);
    close_site(&site);
}

static void idle_connections_are_closed_after_their_time_or_by_the_server(void **state)
{
    (void)state;
    const struct act script[] = {{.answer = STR(HELLO)}, {.answer = STR(HELLO), .closes = true}};
    struct site site;
    struct heard heard;
    open_site(&site, script, 2);
    http_pool_free(site.pool);
    struct http_pool_config config = usual(&site);
    config.idle_ms = 60;
    site.pool = http_pool_new(&config);
    for (int i = 0; i < 2; i++) {
        run_call(&heard, &site);
        assert_int_equal(heard.end, HTTP_CALL_OK);
        if (i == 0)
            assert_int_equal(http_pool_connections(site.pool), 1);
        for (int k = 0; k < 20 && http_pool_connections(site.pool) > 0; k++) {
            turn(&site, 2);
            uv_sleep(10);
        }
        assert_int_equal(http_pool_connections(site.pool), 0);
        buf_done(&heard.body);
    }
    assert_int_equal(site.connections, 2);
    close_site(&site);
}

static void retired_connections_end_with_their_call(void **state)
{
    (void)state;
    const struct act script[] = {{.answer = STR(HELLO), .step = 1}};
    struct site site;
    struct heard heard;
    open_site(&site, script, 1);
    prepare(&heard, &site);
    start_call(&heard);
    while (site.requests == 0)
        turn(&site, 1);
    http_pool_retire_connections(site.pool);
    wait_for(&heard);
    assert_int_equal(heard.end, HTTP_CALL_OK);
    assert_int_equal(http_pool_connections(site.pool), 0);
    buf_done(&heard.body);
    close_site(&site);
}

static void a_paused_call_holds_the_server_back(void **state)
{
    (void)state;
    enum { LEN = 12 << 20 };
    char *text = malloc(LEN + 100);
    struct act act = {.step = 65536};
    struct site site;
    struct heard heard;
    assert_non_null(text);
    int len = snprintf(text, 100, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", LEN);
    memset(text + len, 'p', LEN);
    act.answer = str_of(text, (size_t)len + LEN);
    open_site(&site, &act, 1);
    prepare(&heard, &site);
    heard.call.whole_ms = 0;
    start_call(&heard);
    /* In its second turn only this side may read: the test server writes until it is all gone. */
    act.step = 1000;
    while (heard.heads == 0)
        turn(&site, 1);
    http_call_pause(&heard.call);
    turn(&site, 1);
    size_t before = heard.body.len;
    turn(&site, 50);
    assert_int_equal(heard.body.len, before);
    http_call_resume(&heard.call);
    act.step = 65536;
    wait_for(&heard);
    assert_int_equal(heard.body.len, LEN);
    assert_int_equal(http_pool_connections(site.pool), 1);
    buf_done(&heard.body);
    close_site(&site);
    free(text);
}

static void what_would_forge_a_request_is_refused(void **state)
{
    (void)state;
    const struct act script[] = {{.answer = STR(HELLO)}};
    const struct http_header bad_name[] = {{STR("A b"), STR("1")}};
    const struct http_header bad_value[] = {{STR("A"), STR("1\r\nB: 2")}};
    const struct http_header nul_value[] = {{STR("A"), STR("1\0002")}};
    const struct http_header no_name[] = {{STR(""), STR("1")}};
    static const struct http_header *lists[4];
    struct site site;
    struct heard heard;
    lists[0] = bad_name;
    lists[1] = bad_value;
    lists[2] = nul_value;
    lists[3] = no_name;
    open_site(&site, script, 1);
    for (size_t i = 0; i < 8; i++) {
        prepare(&heard, &site);
        if (i < 4) {
            heard.call.headers = lists[i];
            heard.call.header_count = 1;
        }
        if (i == 4)
            heard.call.method = STR("GET /");
        if (i == 5)
            heard.call.target = STR("/a b");
        if (i == 6)
            heard.call.target = STR("");
        if (i == 7)
            heard.call.host_header = STR("a\r\nX: y");
        assert_int_equal(http_call_start(site.pool, &heard.call, NULL), ERR_INVALID);
        buf_done(&heard.body);
    }
    assert_int_equal(http_pool_connections(site.pool), 0);
    close_site(&site);
}

static void a_thousand_calls_in_a_row_and_at_once(void **state)
{
    (void)state;
    enum { AT_ONCE = 20, ROUNDS = 50 };
    const struct act script[] = {{.answer = STR(HELLO)}};
    static struct heard heards[AT_ONCE];
    struct site site;
    open_site(&site, script, 1);
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < AT_ONCE; i++) {
            prepare(&heards[i], &site);
            start_call(&heards[i]);
        }
        for (size_t i = 0; i < AT_ONCE; i++) {
            wait_for(&heards[i]);
            assert_int_equal(heards[i].end, HTTP_CALL_OK);
            assert_str(buf_str(&heards[i].body), "hello");
            buf_done(&heards[i].body);
        }
    }
    assert_int_equal(site.requests, AT_ONCE * ROUNDS);
    assert_int_equal(site.connections, 4);
    close_site(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_gets_its_answer_over_a_kept_connection),
        cmocka_unit_test(a_body_goes_out_in_pieces_behind_its_head),
        cmocka_unit_test(a_large_body_is_sent_whole),
        cmocka_unit_test(answers_of_every_shape_read_the_same_however_they_come),
        cmocka_unit_test(bounds_of_the_answer_hold),
        cmocka_unit_test(calls_beyond_the_connections_wait_and_beyond_that_are_refused),
        cmocka_unit_test(a_call_started_from_on_done_takes_the_same_connection),
        cmocka_unit_test(a_cancelled_call_is_silent_and_its_connection_is_closed),
        cmocka_unit_test(who_waits_takes_the_place_of_a_cancelled_call),
        cmocka_unit_test(deadlines_end_a_call_and_say_whether_it_was_sent),
        cmocka_unit_test(a_head_in_time_lifts_its_deadline),
        cmocka_unit_test(who_can_not_be_reached_fails_without_a_byte),
        cmocka_unit_test(an_address_that_is_not_allowed_is_not_connected_to),
        cmocka_unit_test(idle_connections_are_closed_after_their_time_or_by_the_server),
        cmocka_unit_test(retired_connections_end_with_their_call),
        cmocka_unit_test(a_paused_call_holds_the_server_back),
        cmocka_unit_test(what_would_forge_a_request_is_refused),
        cmocka_unit_test(a_thousand_calls_in_a_row_and_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
