#include "net/fetch.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit.h"

/* A server for one connection: keeps what was sent, answers what it was told to. */
struct server {
    int fd;
    char url[64];
    const char *answer; /* NULL: says nothing */
    size_t repeat;      /* of a body of "x" behind the answer */
    char got[16384];
    pthread_t thread;
};

static bool is_whole(const char *got)
{
    const char *end = strstr(got, "\r\n\r\n");
    const char *length = strstr(got, "Content-Length: ");
    unsigned long bytes = 0;

    if (end == NULL)
        return false;
    if (length != NULL && sscanf(length, "Content-Length: %lu", &bytes) != 1)
        return false;
    return strlen(end + 4) >= bytes;
}

static void *serve(void *ctx)
{
    struct server *server = ctx;
    int fd = accept(server->fd, NULL, NULL);
    size_t len = 0;

    while (fd >= 0 && !is_whole(server->got)) {
        ssize_t got = read(fd, server->got + len, sizeof server->got - 1 - len);

        if (got <= 0)
            break;
        len += (size_t)got;
    }
    if (server->answer != NULL && write(fd, server->answer, strlen(server->answer)) < 0)
        perror("write");
    for (size_t i = 0; i < server->repeat; i++) {
        if (send(fd, "xxxxxxxxxxxxxxxx", 16, MSG_NOSIGNAL) < 0)
            break;
    }
    if (server->answer == NULL && read(fd, server->got, 1) < 0)
        perror("read");
    close(fd);
    return NULL;
}

static void start(struct server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof address;

    server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server->fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(server->fd, 1), 0);
    assert_int_equal(getsockname(server->fd, (struct sockaddr *)&address, &len), 0);
    (void)snprintf(server->url, sizeof server->url, "http://127.0.0.1:%d/a?b=c",
                   ntohs(address.sin_port));
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void stop(struct server *server)
{
    assert_int_equal(pthread_join(server->thread, NULL), 0);
    close(server->fd);
}

static int set_up(void **state)
{
    struct err err;

    (void)state;
    return fetch_init(&err) != ERR_OK;
}

static void a_request_carries_method_token_and_body(void **state)
{
    (void)state;
    struct server server = {.answer = "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok"};
    struct fetch fetch = {.method = "PUT",
                          .url = server.url,
                          .bearer = STR("pra_secret"),
                          .content_type = "application/json",
                          .body = STR("{\"a\":1}")};
    struct fetch_reply reply;
    struct err err;

    start(&server);
    assert_ok(fetch_do(&fetch, &reply, &err), err);
    stop(&server);
    assert_int_equal(reply.status, 201);
    assert_str(buf_str(&reply.body), "ok");
    assert_ptr_equal(strstr(server.got, "PUT /a?b=c HTTP/1.1\r\n"), server.got);
    assert_non_null(strstr(server.got, "\r\nAuthorization: Bearer pra_secret\r\n"));
    assert_non_null(strstr(server.got, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(server.got, "\r\nUser-Agent: portreeve/"));
    assert_null(strstr(server.got, "Expect"));
    assert_non_null(strstr(server.got, "\r\n\r\n{\"a\":1}"));
    buf_done(&reply.body);
}

static void a_token_of_an_identity_provider_is_long(void **state)
{
    (void)state;
    struct server server = {
        .answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"};
    char token[8001];
    struct fetch fetch = {.method = "GET", .url = server.url};
    struct fetch_reply reply;
    struct err err;

    memset(token, 'x', sizeof token);
    token[sizeof token - 1] = '\0';
    fetch.bearer = str_c(token);
    start(&server);
    assert_ok(fetch_do(&fetch, &reply, &err), err);
    stop(&server);
    assert_non_null(strstr(server.got, token));
    buf_done(&reply.body);
}

static void a_redirect_is_not_followed(void **state)
{
    (void)state;
    struct server server = {
        .answer =
            "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n"};
    struct fetch fetch = {.method = "GET", .url = server.url, .bearer = STR("pra_secret")};
    struct fetch_reply reply;
    struct err err;

    start(&server);
    assert_ok(fetch_do(&fetch, &reply, &err), err);
    stop(&server);
    assert_int_equal(reply.status, 302);
    buf_done(&reply.body);
}

static void what_is_not_there_is_unreachable(void **state)
{
    (void)state;
    struct fetch fetch = {.method = "GET", .url = "http://127.0.0.1:1/"};
    struct fetch_reply reply;
    struct err err;

    assert_int_equal(fetch_do(&fetch, &reply, &err), ERR_UNAVAILABLE);
    assert_non_null(strstr(err.text, "http://127.0.0.1:1/ cannot be reached"));
}

static void silence_is_a_timeout(void **state)
{
    (void)state;
    struct server server = {.answer = NULL};
    struct fetch fetch = {.method = "GET", .url = server.url, .timeout_ms = 100};
    struct fetch_reply reply;
    struct err err;

    start(&server);
    assert_int_equal(fetch_do(&fetch, &reply, &err), ERR_TIMEOUT);
    stop(&server);
}

static void an_answer_has_a_bound(void **state)
{
    (void)state;
    struct server server = {.answer = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
                            .repeat = 100000};
    struct fetch fetch = {.method = "GET", .url = server.url, .max_bytes = 1000};
    struct fetch_reply reply;
    struct err err;

    start(&server);
    assert_int_equal(fetch_do(&fetch, &reply, &err), ERR_LIMIT);
    stop(&server);
}

static void other_schemes_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"file:///etc/passwd", "ftp://127.0.0.1/", "127.0.0.1", ""};
    struct fetch_reply reply;
    struct err err;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct fetch fetch = {.method = "GET", .url = bad[i]};

        assert_int_equal(fetch_do(&fetch, &reply, &err), ERR_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_carries_method_token_and_body),
        cmocka_unit_test(a_token_of_an_identity_provider_is_long),
        cmocka_unit_test(a_redirect_is_not_followed),
        cmocka_unit_test(what_is_not_there_is_unreachable),
        cmocka_unit_test(silence_is_a_timeout),
        cmocka_unit_test(an_answer_has_a_bound),
        cmocka_unit_test(other_schemes_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
