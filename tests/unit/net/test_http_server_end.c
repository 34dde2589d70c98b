/* How connections end: the client reads the last reply, whatever it was sending meanwhile. */
#include "http_site.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MIB = 1 << 20 };

static struct buf heard;

/* head, then count bytes of body. */
static char *with_body(const char *head, size_t count, struct str *ret_bytes)
{
    size_t len = strlen(head);
    char *bytes = malloc(len + count);

    assert_non_null(bytes);
    memcpy(bytes, head, len);
    memset(bytes + len, 'b', count);
    *ret_bytes = str_of(bytes, len + count);
    return bytes;
}

/* The client sends everything before it reads: the reply must still be there. */
static void expect_reply(struct site *site, const char *head, size_t body, const char *status)
{
    struct str bytes = STR_NONE;
    char *owned = with_body(head, body, &bytes);
    struct str reply = site_talk(site, bytes, &heard);

    free(owned);
    if (!str_starts(reply, str_c(status)))
        fail_msg("\"" STR_FMT "\" is not \"%s\"", STR_ARG(str_first(reply, 80)), status);
}

static void a_refused_body_does_not_take_the_reply_with_it(void **state)
{
    static const char head[] = "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 1048576\r\n\r\n";
    struct site site;

    (void)state;
    site_init(&site);
    site.limits.body_bytes = 65536;
    site_open(&site);
    for (int i = 0; i < 20; i++)
        expect_reply(&site, head, MIB, "HTTP/1.1 413 ");
    assert_int_equal(site.counters.body_bytes, 20);
    assert_int_equal(site.heads, 0);
    site_done(&site);
}

static void a_chunked_body_that_grows_too_large_neither(void **state)
{
    static const char head[] =
        "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n100000\r\n";
    struct site site;

    (void)state;
    site_init(&site);
    site.limits.body_bytes = 65536;
    site_open(&site);
    for (int i = 0; i < 20; i++)
        expect_reply(&site, head, MIB, "HTTP/1.1 413 ");
    assert_int_equal(site.counters.body_bytes, 20);
    assert_int_equal(site.dropped, 20);
    site_done(&site);
}

static void a_malformed_request_is_told_so_whatever_follows_it(void **state)
{
    struct site site;

    (void)state;
    site_init(&site);
    site_open(&site);
    for (int i = 0; i < 20; i++)
        expect_reply(&site, "GET /x HTTP/1.1\r\nHost : h\r\n\r\n", MIB, "HTTP/1.1 400 ");
    site.limits.header_bytes = 1024;
    for (int i = 0; i < 20; i++)
        expect_reply(&site, "GET /x HTTP/1.1\r\nHost: h\r\nX: ", MIB, "HTTP/1.1 431 ");
    site_done(&site);
}

static void an_early_answer_of_any_size_is_read_whole(void **state)
{
    static const char head[] = "POST /early HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
                               "Content-Length: 1048576\r\n\r\n";
    struct site site;

    (void)state;
    site_init(&site);
    site.early_bytes = (size_t)8 * MIB;
    site_open(&site);
    expect_reply(&site, head, MIB, "HTTP/1.1 413 ");
    assert_true(heard.len > (size_t)8 * MIB);
    assert_int_equal(site.sent, 1);
    site_done(&site);
}

static void an_answer_made_while_the_body_comes_ends_it(void **state)
{
    static const char head[] =
        "POST /reject HTTP/1.1\r\nHost: h\r\nContent-Length: 1048576\r\n\r\n";
    struct site site;
    struct str bytes = STR_NONE;

    (void)state;
    site_init(&site);
    site_open(&site);
    int fd = client_dial(&site);
    char *owned = with_body(head, MIB, &bytes);
    assert_true(client_send(&site, fd, str_first(bytes, 200000)));
    for (int i = 0; site.held == NULL && i < 5000; i++)
        site_turn(&site);
    site_answer_held(&site);
    assert_true(client_send(&site, fd, str_from(bytes, 200000)));
    buf_clear(&heard);
    assert_int_equal(client_read(&site, fd, NULL, 5000, &heard), CLIENT_CLOSED);
    assert_true(str_ends(buf_str(&heard), STR("who are you")));
    free(owned);
    (void)close(fd);
    site_await_connections(&site, 0);
    assert_int_equal(site.sent, 1);
    site_done(&site);
}

static void what_was_sent_ahead_of_a_close_is_dropped(void **state)
{
    static const char requests[] =
        "GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n";
    struct site site;

    (void)state;
    site_init(&site);
    site_open(&site);
    for (int i = 0; i < 20; i++)
        expect_reply(&site, requests, MIB, "HTTP/1.1 200 ");
    assert_int_equal(site.requests, 20);
    site_done(&site);
}

/* A connection that asked for a reply too big for what lies between, and does not read it. */
static int open_big(struct site *site, size_t bytes)
{
    site->big_bytes = bytes;
    site_open(site);
    int fd = client_dial(site);
    assert_true(
        client_send(site, fd, STR("GET /big HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")));
    return fd;
}

/* The same, once the reply is on its way. */
static int open_big_sent(struct site *site, size_t bytes)
{
    int fd = open_big(site, bytes);
    for (int i = 0; site->sent == 0 && i < 5000; i++)
        site_turn(site);
    return fd;
}

static void expect_big(struct site *site, int fd, size_t bytes)
{
    buf_clear(&heard);
    assert_int_equal(client_read(site, fd, NULL, 5000, &heard), CLIENT_CLOSED);
    assert_true(heard.len > bytes);
    (void)close(fd);
}

/* What is late, and what is much, ends it; until then it counts. */
static void a_client_that_does_not_end_is_waited_for_a_while(void **state)
{
    struct site site;

    (void)state;
    site_init(&site);
    site_open(&site);
    int fd = client_dial(&site);
    http_site_speed = 20;
    assert_true(client_send(&site, fd, STR("nonsense\r\n\r\n")));
    buf_clear(&heard);
    assert_int_equal(client_read(&site, fd, NULL, 5000, &heard), CLIENT_CLOSED);
    assert_true(str_starts(buf_str(&heard), STR("HTTP/1.1 400 ")));
    assert_int_equal(http_server_connections(site.server), 1);
    site_await_connections(&site, 0);
    (void)close(fd);
    site_done(&site);
}

static void a_client_that_sends_without_end_is_not_read_without_end(void **state)
{
    struct site site;
    struct str bytes = STR_NONE;
    char *owned = with_body("nonsense\r\n\r\n", MIB, &bytes);

    (void)state;
    site_init(&site);
    site_open(&site);
    int fd = client_dial(&site);
    size_t sent = 0;
    while (sent < 64 && client_send(&site, fd, bytes))
        sent++;
    assert_true(sent >= 15 && sent < 64);
    site_await_connections(&site, 0);
    (void)close(fd);
    free(owned);
    site_done(&site);
}

static void a_reply_that_is_not_taken_ends_with_the_stall(void **state)
{
    struct site site;

    (void)state;
    site_init(&site);
    site.limits.write_stall_ms = 200;
    int fd = open_big(&site, (size_t)32 * MIB);
    site_await_connections(&site, 1);
    site_await_connections(&site, 0);
    assert_int_equal(site.counters.write_stall_ms, 1);
    (void)close(fd);
    site_done(&site);
}

/* A client that ended its side has said all it wants to say, and reads on. */
static void the_end_of_the_clients_side_does_not_cut_a_reply_on_its_way(void **state)
{
    struct site site;

    (void)state;
    site_init(&site);
    int fd = open_big_sent(&site, (size_t)16 * MIB);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    expect_big(&site, fd, (size_t)16 * MIB);
    site_await_connections(&site, 0);
    site_done(&site);
}

static void a_freed_server_still_lets_the_last_reply_out(void **state)
{
    struct site site;

    (void)state;
    site_init(&site);
    int fd = open_big_sent(&site, (size_t)16 * MIB);
    http_server_free(site.server);
    site.server = NULL;
    expect_big(&site, fd, (size_t)16 * MIB);
    site_done(&site);
}

static void a_request_under_way_is_told_that_its_client_has_gone(void **state)
{
    struct site site;

    (void)state;
    site_init(&site);
    site_open(&site);
    int fd = client_dial(&site);
    assert_true(client_send(&site, fd, STR("GET /held HTTP/1.1\r\nHost: h\r\n\r\n")));
    for (int i = 0; site.held == NULL && i < 5000; i++)
        site_turn(&site);
    (void)close(fd);
    site_await_connections(&site, 0);
    assert_int_equal(site.dropped, 1);
    assert_null(site.held);
    site_done(&site);
}

static void a_server_that_stops_ends_the_idle_and_answers_the_others(void **state)
{
    struct site site;

    (void)state;
    site_init(&site);
    site_open(&site);
    int idle = client_dial(&site);
    int busy = client_dial(&site);
    assert_true(client_send(&site, busy, STR("GET /held HTTP/1.1\r\nHost: h\r\n\r\n")));
    for (int i = 0; site.held == NULL && i < 5000; i++)
        site_turn(&site);
    http_server_stop(site.server);
    buf_clear(&heard);
    assert_int_equal(client_read(&site, idle, NULL, 5000, &heard), CLIENT_CLOSED);
    assert_int_equal(heard.len, 0);
    site_answer_held(&site);
    assert_int_equal(client_read(&site, busy, NULL, 5000, &heard), CLIENT_CLOSED);
    assert_true(str_find_str(buf_str(&heard), STR("Connection: close\r\n")) < heard.len);
    assert_true(str_ends(buf_str(&heard), STR("\r\n\r\nheld")));
    (void)close(idle);
    (void)close(busy);
    site_await_connections(&site, 0);
    site_done(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refused_body_does_not_take_the_reply_with_it),
        cmocka_unit_test(a_chunked_body_that_grows_too_large_neither),
        cmocka_unit_test(a_malformed_request_is_told_so_whatever_follows_it),
        cmocka_unit_test(an_early_answer_of_any_size_is_read_whole),
        cmocka_unit_test(an_answer_made_while_the_body_comes_ends_it),
        cmocka_unit_test(what_was_sent_ahead_of_a_close_is_dropped),
        cmocka_unit_test(a_client_that_does_not_end_is_waited_for_a_while),
        cmocka_unit_test(a_client_that_sends_without_end_is_not_read_without_end),
        cmocka_unit_test(a_reply_that_is_not_taken_ends_with_the_stall),
        cmocka_unit_test(the_end_of_the_clients_side_does_not_cut_a_reply_on_its_way),
        cmocka_unit_test(a_freed_server_still_lets_the_last_reply_out),
        cmocka_unit_test(a_request_under_way_is_told_that_its_client_has_gone),
        cmocka_unit_test(a_server_that_stops_ends_the_idle_and_answers_the_others),
    };

    buf_init(&heard, (size_t)64 * MIB);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
