#include "http_site.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"

enum { PATIENCE_MS = 10000 };

unsigned http_site_speed = 1;

/* The linker gives these names. */
bool __real_loop_timer_start(struct loop_timer *timer, uint64_t delay_ms);
bool __wrap_loop_timer_start(struct loop_timer *timer, uint64_t delay_ms);
uint64_t __real_loop_now_us(const struct loop *loop);
uint64_t __wrap_loop_now_us(const struct loop *loop);

bool __wrap_loop_timer_start(struct loop_timer *timer, uint64_t delay_ms)
{
    return __real_loop_timer_start(timer, delay_ms / http_site_speed);
}

uint64_t __wrap_loop_now_us(const struct loop *loop)
{
    return __real_loop_now_us(loop) * http_site_speed;
}

/* The application. */

static void answer_with(struct http_request *request, int status, size_t bytes)
{
    char *body = malloc(bytes + 1);

    assert_non_null(body);
    memset(body, 'x', bytes);
    http_reply(request, status, NULL, 0, str_of(body, bytes));
    free(body);
}

static enum http_take on_headers(struct http_request *request)
{
    struct site *site = http_request_ctx(request);
    struct str path = http_request_path(request);

    site->heads++;
    if (str_eq(path, STR("/early"))) {
        answer_with(request, 413, site->early_bytes);
        return HTTP_ANSWERED;
    }
    if (str_eq(path, STR("/reject"))) {
        site->held = request;
        return HTTP_TAKE_BODY;
    }
    return HTTP_TAKE_BODY;
}

static void answer_in_parts(struct http_request *request)
{
    const struct http_header type = {STR("Content-Type"), STR("text/plain")};

    http_reply_start(request, 200, &type, 1);
    assert_true(http_reply_data(request, STR("one")));
    assert_true(http_reply_data(request, STR("two")));
    assert_true(http_reply_data(request, STR_NONE));
    assert_true(http_reply_data(request, STR("three")));
    http_reply_end(request);
}

static void on_request(struct http_request *request)
{
    struct site *site = http_request_ctx(request);
    struct str path = http_request_path(request);
    struct buf body;

    site->requests++;
    if (str_eq(path, STR("/held"))) {
        site->held = request;
        return;
    }
    if (str_eq(path, STR("/parts"))) {
        answer_in_parts(request);
        return;
    }
    if (str_eq(path, STR("/peer"))) {
        struct addr peer = http_request_peer(request);
        char text[ADDR_TEXT_BYTES];

        addr_format(&peer, text);
        http_reply(request, 200, NULL, 0, str_c(text));
        return;
    }
    if (str_eq(path, STR("/big"))) {
        answer_with(request, 200, site->big_bytes);
        return;
    }
    buf_init(&body, (size_t)1 << 26);
    buf_add(&body, http_request_method(request));
    buf_add_byte(&body, ' ');
    buf_add(&body, path);
    buf_add_byte(&body, ' ');
    buf_add(&body, http_request_query(request));
    buf_add_byte(&body, ' ');
    buf_add(&body, http_request_body(request));
    assert_false(body.failed);
    http_reply(request, 200, NULL, 0, buf_str(&body));
    buf_done(&body);
}

static void on_closed(struct http_request *request, bool was_sent)
{
    struct site *site = http_request_ctx(request);

    if (was_sent)
        site->sent++;
    else
        site->dropped++;
    if (site->held == request)
        site->held = NULL;
}

static const struct http_events events = {
    .on_headers = on_headers, .on_request = on_request, .on_closed = on_closed};

/* The site. */

static uint16_t free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&at, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    (void)close(fd);
    return ntohs(at.sin_port);
}

void site_init(struct site *site)
{
    *site = (struct site){.loop = loop_new(8)};
    assert_non_null(site->loop);
    http_site_speed = 1;
    http_limits_preset(&site->limits);
    assert_true(addr_parse_ip(STR("127.0.0.1"), &site->config.address));
    site->config.address.port = free_port();
    site->config.loop = site->loop;
    site->config.limits = &site->limits;
    site->config.counters = &site->counters;
    site->config.events = &events;
    site->config.ctx = site;
}

void site_open(struct site *site)
{
    struct err err;

    assert_ok(http_server_new(&site->config, &site->server, &err), err);
    assert_ok(http_server_start(site->server, &err), err);
}

void site_done(struct site *site)
{
    http_server_free(site->server);
    loop_free(site->loop);
    assert_int_equal(site->counters.connections_opened, site->counters.connections_closed);
    http_site_speed = 1;
}

void site_turn(struct site *site)
{
    (void)uv_run(loop_uv(site->loop), UV_RUN_NOWAIT);
    (void)poll(NULL, 0, 1);
}

void site_await_connections(struct site *site, size_t count)
{
    for (int i = 0; http_server_connections(site->server) != count; i++) {
        if (i > PATIENCE_MS)
            fail_msg("%zu connections", http_server_connections(site->server));
        site_turn(site);
    }
}

void site_answer_held(struct site *site)
{
    struct http_request *held = site->held;

    assert_non_null(held);
    if (str_eq(http_request_path(held), STR("/reject")))
        http_reply(held, 401, NULL, 0, STR("who are you"));
    else
        http_reply(held, 200, NULL, 0, STR("held"));
}

/* The client. */

int client_dial(struct site *site)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(site->config.address.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    /* The kernel of the listener completes it. */
    assert_int_equal(connect(fd, (const struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

bool client_send(struct site *site, int fd, struct str bytes)
{
    for (int i = 0; bytes.len > 0; i++) {
        ssize_t put = send(fd, bytes.ptr, bytes.len, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (put < 0 && errno != EAGAIN)
            return false;
        if (put > 0) {
            bytes = str_from(bytes, (size_t)put);
            i = 0;
        }
        if (i > PATIENCE_MS)
            return false;
        site_turn(site);
    }
    return true;
}

static bool ends_so(const struct buf *heard, const char *until)
{
    return until != NULL && str_ends(buf_str(heard), str_c(until));
}

enum client_end client_read(struct site *site, int fd, const char *until, int wait_ms,
                            struct buf *heard)
{
    static char space[65536];

    for (int silence = 0; silence < wait_ms;) {
        ssize_t got = recv(fd, space, sizeof space, MSG_DONTWAIT);

        if (got == 0)
            return CLIENT_CLOSED;
        if (got < 0 && errno != EAGAIN)
            return CLIENT_RESET;
        if (got > 0) {
            buf_add(heard, str_of(space, (size_t)got));
            silence = 0;
        }
        if (ends_so(heard, until))
            return CLIENT_GOT;
        if (got < 0) {
            silence++;
            site_turn(site);
        }
    }
    return CLIENT_NOTHING;
}

struct str site_talk(struct site *site, struct str bytes, struct buf *heard)
{
    int fd = client_dial(site);

    buf_clear(heard);
    (void)client_send(site, fd, bytes);
    assert_int_equal(client_read(site, fd, NULL, PATIENCE_MS, heard), CLIENT_CLOSED);
    (void)close(fd);
    site_await_connections(site, 0);
    return buf_str(heard);
}
