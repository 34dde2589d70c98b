/* Conversations with the server and its bounds. How connections end: test_http_server_end.c. */
#include "http_site.h"

#include <stdio.h>
#include <unistd.h>

#include "net/http1.h"

#define HOST "Host: h\r\n"

static struct buf heard;

/* What came behind the heads, and the statuses: "200:GET /a  |200:…" */
static void expect_answers(struct str bytes, const char *expected)
{
    struct http1 *parser = http1_new(HTTP1_RESPONSES, 65536, 100);
    enum http1_event event = HTTP1_MORE;
    struct buf told;

    buf_init(&told, (size_t)1 << 26);
    do {
        struct str body = STR_NONE;
        size_t taken = 0;

        event = http1_feed(parser, bytes, &taken, &body);
        bytes = str_from(bytes, taken);
        if (event == HTTP1_HEAD)
            buf_printf(&told, "%d:", http1_head(parser)->status);
        else if (event == HTTP1_BODY)
            buf_add(&told, body);
        else if (event == HTTP1_END) {
            buf_add_byte(&told, '|');
            http1_next(parser);
        }
    } while (event != HTTP1_MORE && event != HTTP1_REFUSED);
    if (http1_eof(parser) == HTTP1_REFUSED)
        buf_add_c(&told, "cut");
    assert_str(buf_str(&told), expected);
    buf_done(&told);
    http1_free(parser);
}

static void await_held(struct site *site)
{
    for (int i = 0; site->held == NULL && i < 5000; i++)
        site_turn(site);
    assert_non_null(site->held);
}

static void requests_of_one_connection_are_answered_in_turn(void **state)
{
    struct site site;

    (void)state;
    site_init(&site);
    site_open(&site);
    int fd = client_dial(&site);
    for (int i = 0; i < 100; i++) {
        buf_clear(&heard);
        assert_true(client_send(&site, fd,
                                STR("POST /a?b HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nxyz")));
        assert_int_equal(client_read(&site, fd, "POST /a b xyz", 5000, &heard), CLIENT_GOT);
        expect_answers(buf_str(&heard), "200:POST /a b xyz|");
        assert_true(str_find_str(buf_str(&heard), STR("\r\nDate: ")) < heard.len);
        assert_true(str_find_str(buf_str(&heard), STR("Connection: close")) == heard.len);
    }
    assert_int_equal(site.counters.requests, 100);
    assert_int_equal(site.counters.connections_opened, 1);
    assert_int_equal(site.sent, 100);
    (void)close(fd);
    site_await_connections(&site, 0);
    assert_int_equal(site.dropped, 0);
    site_done(&site);
}

static void what_is_sent_ahead_waits_for_its_turn(void **state)
{
    struct site site;

    (void)state;
    site_init(&site);
    site_open(&site);
    int fd = client_dial(&site);
    assert_true(client_send(&site, fd,
                            STR("GET /held HTTP/1.1\r\n" HOST "\r\n"
                                "POST /b HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi"
                                "GET /parts HTTP/1.1\r\n" HOST "\r\n"
                                "GET /held HTTP/1.1\r\n" HOST "\r\n"
                                "GET /c HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n")));
    await_held(&site);
    assert_int_equal(site.heads, 1);
    site_answer_held(&site);
    assert_int_equal(site.heads, 4);
    site_answer_held(&site);
    buf_clear(&heard);
    assert_int_equal(client_read(&site, fd, NULL, 5000, &heard), CLIENT_CLOSED);
    expect_answers(buf_str(&heard),
                   "200:held|200:POST /b  hi|200:onetwothree|200:held|200:GET /c  |");
    (void)close(fd);
    site_await_connections(&site, 0);
    assert_int_equal(site.sent, 5);
    site_done(&site);
}

/* What is ahead is kept within a bound, then the client is held back: it can't fill our memory. */
static void who_sends_far_ahead_is_held_back(void **state)
{
    static const char request[] = "GET /x HTTP/1.1\r\n" HOST "\r\n";
    struct site site;
    struct buf many;

    (void)state;
    site_init(&site);
    site_open(&site);
    buf_init(&many, (size_t)1 << 26);
    buf_add(&many, STR("GET /held HTTP/1.1\r\n" HOST "\r\n"));
    for (int i = 0; i < 20000; i++)
        buf_add_c(&many, request);
    buf_add(&many, STR("GET /last HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"));
    int fd = client_dial(&site);
    assert_true(client_send(&site, fd, str_first(buf_str(&many), 300000)));
    await_held(&site);
    for (int i = 0; i < 20; i++)
        site_turn(&site);
    assert_int_equal(site.heads, 1);
    assert_int_equal(http_server_connections(site.server), 1);
    site_answer_held(&site);
    assert_true(client_send(&site, fd, str_from(buf_str(&many), 300000)));
    buf_clear(&heard);
    assert_int_equal(client_read(&site, fd, NULL, 5000, &heard), CLIENT_CLOSED);
    assert_true(str_ends(buf_str(&heard), STR("GET /last  ")));
    assert_int_equal(site.sent, 20002);
    buf_done(&many);
    (void)close(fd);
    site_await_connections(&site, 0);
    site_done(&site);
}

static void it_does_not_matter_how_a_request_is_cut(void **state)
{
    static const struct str bytes =
        STR_INIT("POST /a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
                 "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"
                 "GET /b?c=d HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    static const size_t cuts[] = {1, 2, 5, 50, 1000};
    struct site site;

    (void)state;
    site_init(&site);
    site_open(&site);
    for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
        int fd = client_dial(&site);
        for (struct str rest = bytes; rest.len > 0; rest = str_from(rest, cuts[i]))
            assert_true(client_send(&site, fd, str_first(rest, cuts[i])));
        buf_clear(&heard);
        assert_int_equal(client_read(&site, fd, NULL, 5000, &heard), CLIENT_CLOSED);
        expect_answers(buf_str(&heard), "200:POST /a  abcdefg|200:GET /b c=d |");
        (void)close(fd);
    }
    site_await_connections(&site, 0);
    site_done(&site);
}

static void who_waits_for_100_continue_is_told(void **state)
{
    struct site site;

    (void)state;
    site_init(&site);
    site_open(&site);
    int fd = client_dial(&site);
    assert_true(client_send(&site, fd,
                            STR("POST /a HTTP/1.1\r\n" HOST "Content-Length: 2\r\n"
                                "Expect: 100-continue\r\n\r\n")));
    buf_clear(&heard);
    assert_int_equal(client_read(&site, fd, "\r\n\r\n", 5000, &heard), CLIENT_GOT);
    assert_str(buf_str(&heard), "HTTP/1.1 100 Continue\r\n\r\n");
    assert_int_equal(site.requests, 0);
    assert_true(client_send(&site, fd, STR("hi")));
    buf_clear(&heard);
    assert_int_equal(client_read(&site, fd, "POST /a  hi", 5000, &heard), CLIENT_GOT);
    expect_answers(buf_str(&heard), "200:POST /a  hi|");
    (void)close(fd);
    site_done(&site);
}

/* RFC 9110 §10.1.1: the final status instead, and the body must not be taken for a request. */
static void who_waits_for_100_continue_in_vain_gets_the_answer_alone(void **state)
{
    struct site site;

    (void)state;
    site_init(&site);
    site.early_bytes = 3;
    site.limits.body_bytes = 1024;
    site_open(&site);
    expect_answers(
        site_talk(&site,
                  STR("POST /early HTTP/1.1\r\n" HOST "Content-Length: 35\r\n"
                      "Expect: 100-continue\r\n\r\nGET /smuggled HTTP/1.1\r\n" HOST "\r\n\r\n"),
                  &heard),
        "413:xxx|");
    expect_answers(site_talk(&site,
                             STR("POST /a HTTP/1.1\r\n" HOST "Content-Length: 1025\r\n"
                                 "Expect: 100-continue\r\n\r\n"),
                             &heard),
                   "413:|");
    assert_int_equal(site.requests, 0);
    /* HTTP/1.0 knows no 100. */
    expect_answers(site_talk(&site,
                             STR("POST /a HTTP/1.0\r\n" HOST "Content-Length: 2\r\n"
                                 "Expect: 100-continue\r\n\r\nhi"),
                             &heard),
                   "200:POST /a  hi|");
    site_done(&site);
}

static void an_answer_before_the_body_keeps_the_connection(void **state)
{
    struct site site;

    (void)state;
    site_init(&site);
    site.early_bytes = 3;
    site_open(&site);
    expect_answers(site_talk(&site,
                             STR("POST /early HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello"
                                 "GET /b HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"),
                             &heard),
                   "413:xxx|200:GET /b  |");
    assert_int_equal(site.requests, 1);
    assert_int_equal(site.sent, 2);
    site_done(&site);
}

static void replies_have_the_shape_that_the_client_understands(void **state)
{
    struct site site;

    (void)state;
    site_init(&site);
    site_open(&site);
    (void)site_talk(&site, STR("GET /parts HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"), &heard);
    assert_true(str_find_str(buf_str(&heard), STR("Transfer-Encoding: chunked\r\n")) < heard.len);
    assert_true(
        str_ends(buf_str(&heard), STR("\r\n\r\n3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n")));
    (void)site_talk(&site, STR("GET /parts HTTP/1.0\r\n" HOST "\r\n"), &heard);
    assert_true(str_find_str(buf_str(&heard), STR("Transfer-Encoding")) == heard.len);
    assert_true(str_ends(buf_str(&heard), STR("\r\n\r\nonetwothree")));
    (void)site_talk(&site, STR("HEAD /a HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"), &heard);
    assert_true(str_find_str(buf_str(&heard), STR("Content-Length: 9\r\n")) < heard.len);
    assert_true(str_ends(buf_str(&heard), STR("\r\n\r\n")));
    site_done(&site);
}

static void a_message_out_of_bounds_is_refused_and_counted(void **state)
{
    struct site site;
    struct buf many;

    (void)state;
    site_init(&site);
    site.limits.header_bytes = 1024;
    site.limits.header_count = 8;
    site.limits.body_bytes = 1024;
    site_open(&site);
    buf_init(&many, 100000);
    for (int i = 0; i < 1100; i++)
        buf_add_byte(&many, 'a');
    struct {
        const char *head;
        const char *tail;
        const char *answer;
        const _Atomic uint64_t *counter;
    } rows[] = {
        {"GET / HTTP/1.1\r\n" HOST "X: ", "\r\n\r\n", "431:|", &site.counters.header_bytes},
        {"GET / HTTP/1.1\r\n" HOST "1:\r\n2:\r\n3:\r\n4:\r\n5:\r\n6:\r\n7:\r\n8:\r\n\r\n", "",
         "431:|", &site.counters.header_count},
        {"GET /", " HTTP/1.1\r\n" HOST "\r\n", "414:|", &site.counters.header_bytes},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: 1025\r\n\r\n", "", "413:|",
         &site.counters.body_bytes},
        {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n44c\r\n", "\r\n0\r\n\r\n",
         "413:|", &site.counters.body_bytes},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "",
         "400:|", &site.counters.malformed},
        {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1;a=b\r\n", "", "400:|",
         &site.counters.malformed},
        {"POST / HTTP/1.1\r\n" HOST "Expect: more\r\n\r\n", "", "417:|", &site.counters.malformed},
        {"BREW / HTTP/1.1\r\n" HOST "\r\n", "", "501:|", &site.counters.malformed},
        {"GET / HTTP/3.0\r\n" HOST "\r\n", "", "505:|", &site.counters.malformed},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf bytes;
        uint64_t before = *rows[i].counter;

        buf_init(&bytes, 100000);
        buf_add_c(&bytes, rows[i].head);
        if (rows[i].tail[0] != '\0')
            buf_add(&bytes, buf_str(&many));
        buf_add_c(&bytes, rows[i].tail);
        expect_answers(site_talk(&site, buf_str(&bytes), &heard), rows[i].answer);
        assert_true(str_find_str(buf_str(&heard), STR("Connection: close\r\n")) < heard.len);
        if (*rows[i].counter != before + 1)
            fail_msg("%s is not counted", rows[i].head);
        buf_done(&bytes);
    }
    assert_int_equal(site.requests, 0);
    buf_done(&many);
    site_done(&site);
}

/* The body of exactly the bound is fine. */
static void the_bound_itself_is_within_it(void **state)
{
    struct site site;
    struct buf bytes;

    (void)state;
    site_init(&site);
    site.limits.body_bytes = 1024;
    site_open(&site);
    buf_init(&bytes, 100000);
    buf_add(&bytes,
            STR("POST / HTTP/1.1\r\n" HOST "Connection: close\r\nContent-Length: 1024\r\n\r\n"));
    for (int i = 0; i < 1024; i++)
        buf_add_byte(&bytes, 'b');
    struct str answer = site_talk(&site, buf_str(&bytes), &heard);
    assert_true(str_starts(answer, STR("HTTP/1.1 200 ")));
    assert_true(str_ends(answer, str_from(buf_str(&bytes), bytes.len - 1024)));
    buf_done(&bytes);
    site_done(&site);
}

/* Sends, waits in silence, and tells what came. */
static void expect_end(struct site *site, const char *bytes, const char *answer)
{
    int fd = client_dial(site);

    assert_true(client_send(site, fd, str_c(bytes)));
    buf_clear(&heard);
    assert_int_equal(client_read(site, fd, NULL, 8000, &heard), CLIENT_CLOSED);
    expect_answers(buf_str(&heard), answer);
    (void)close(fd);
    site_await_connections(site, 0);
}

static void who_is_slow_or_silent_is_closed_and_counted(void **state)
{
    struct site site;

    (void)state;
    site_init(&site);
    http_site_speed = 50;
    site.limits.header_ms = 2000;
    site.limits.idle_ms = 5000;
    site_open(&site);
    expect_end(&site, "GET / HT", "408:|");
    assert_int_equal(site.counters.header_ms, 1);
    expect_end(&site, "", "");
    assert_int_equal(site.counters.idle_ms, 1);
    /* Behind an answer it is idle again; a byte of the next one begins its time. */
    expect_end(&site, "GET /a HTTP/1.1\r\n" HOST "\r\n", "200:GET /a  |");
    assert_int_equal(site.counters.idle_ms, 2);
    expect_end(&site, "GET /a HTTP/1.1\r\n" HOST "\r\nG", "200:GET /a  |408:|");
    assert_int_equal(site.counters.header_ms, 2);
    expect_end(&site, "POST / HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nabc", "408:|");
    assert_int_equal(site.counters.body_rate_bytes, 1);
    assert_int_equal(site.dropped, 1);
    site_done(&site);
}

/* One that dribbles is as slow as one that is silent: the time of a head runs from its first byte.
 */
static void a_dribbled_head_does_not_win_time(void **state)
{
    struct site site;
    int sent = 0;

    (void)state;
    site_init(&site);
    site.limits.header_ms = 100;
    site_open(&site);
    int fd = client_dial(&site);
    while (sent < 2000 && site.counters.header_ms == 0) {
        (void)client_send(&site, fd, sent == 0 ? STR("GET / HTTP/1.1\r\nX: ") : STR("a"));
        sent++;
        for (int i = 0; i < 5; i++)
            site_turn(&site);
    }
    assert_int_equal(site.counters.header_ms, 1);
    (void)close(fd);
    site_await_connections(&site, 0);
    site_done(&site);
}

static void a_body_at_its_pace_is_waited_for(void **state)
{
    struct site site;

    (void)state;
    site_init(&site);
    http_site_speed = 50;
    site.limits.body_rate_bytes = 1;
    site_open(&site);
    int fd = client_dial(&site);
    assert_true(
        client_send(&site, fd, STR("POST /a HTTP/1.1\r\n" HOST "Content-Length: 1001\r\n\r\n")));
    for (int i = 0; i < 10; i++) {
        struct str bytes = STR("0123456789012345678901234567890123456789012345678901234567890123456"
                               "789012345678901234567890123456789");

        assert_true(client_send(&site, fd, bytes));
        for (int j = 0; j < 30; j++)
            site_turn(&site);
    }
    assert_int_equal(site.counters.body_rate_bytes, 0);
    assert_true(client_send(&site, fd, STR("z")));
    buf_clear(&heard);
    assert_int_equal(client_read(&site, fd, "9z", 5000, &heard), CLIENT_GOT);
    (void)close(fd);
    site_await_connections(&site, 0);
    site_done(&site);
}

static void connections_are_bounded_in_all(void **state)
{
    struct site site;
    int fds[3];

    (void)state;
    site_init(&site);
    site.limits.connections = 2;
    site_open(&site);
    for (size_t i = 0; i < 2; i++)
        fds[i] = client_dial(&site);
    site_await_connections(&site, 2);
    fds[2] = client_dial(&site);
    buf_clear(&heard);
    assert_true(client_read(&site, fds[2], NULL, 5000, &heard) != CLIENT_NOTHING);
    assert_int_equal(heard.len, 0);
    assert_int_equal(site.counters.connections, 1);
    assert_int_equal(http_server_connections(site.server), 2);
    (void)close(fds[0]);
    site_await_connections(&site, 1);
    /* There is room again. */
    int again = client_dial(&site);
    assert_true(client_send(&site, again, STR("GET /a HTTP/1.1\r\n" HOST "\r\n")));
    assert_int_equal(client_read(&site, again, "GET /a  ", 5000, &heard), CLIENT_GOT);
    (void)close(fds[1]);
    (void)close(fds[2]);
    (void)close(again);
    site_await_connections(&site, 0);
    site_done(&site);
}

static void connections_are_bounded_for_an_address_unless_it_is_trusted(void **state)
{
    struct addr_net trusted;
    struct err err;

    (void)state;
    assert_ok(addr_parse_net(STR("127.0.0.0/8"), &trusted, &err), err);
    for (size_t is_trusted = 0; is_trusted <= 1; is_trusted++) {
        struct site site;
        int fds[3];

        site_init(&site);
        site.limits.connections_per_address = 2;
        site.config.trusted = &trusted;
        site.config.trusted_count = is_trusted;
        site_open(&site);
        for (size_t round = 0; round < 2; round++) {
            for (size_t i = 0; i < 3; i++)
                fds[i] = client_dial(&site);
            site_await_connections(&site, 3 - (is_trusted ? 0 : 1));
            for (int i = 0; i < 50; i++)
                site_turn(&site);
            assert_int_equal(http_server_connections(site.server), is_trusted ? 3 : 2);
            for (size_t i = 0; i < 3; i++)
                (void)close(fds[i]);
            site_await_connections(&site, 0);
        }
        assert_int_equal(site.counters.connections_per_address, is_trusted ? 0 : 2);
        site_done(&site);
    }
}

static void requests_of_a_connection_are_bounded(void **state)
{
    struct site site;

    (void)state;
    site_init(&site);
    site.limits.requests_per_connection = 2;
    site_open(&site);
    expect_answers(site_talk(&site,
                             STR("GET /a HTTP/1.1\r\n" HOST "\r\nGET /b HTTP/1.1\r\n" HOST
                                 "\r\nGET /c HTTP/1.1\r\n" HOST "\r\n"),
                             &heard),
                   "200:GET /a  |200:GET /b  |");
    assert_true(str_find_str(buf_str(&heard), STR("Connection: close\r\n")) < heard.len);
    assert_int_equal(site.counters.requests_per_connection, 1);
    site_done(&site);
}

static void an_address_that_is_taken_is_a_conflict(void **state)
{
    struct site site;
    struct err err;

    (void)state;
    site_init(&site);
    assert_ok(http_listen_trial(&site.config.address, &err), err);
    site_open(&site);
    assert_int_equal(http_listen_trial(&site.config.address, &err), ERR_CONFLICT);
    site_done(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_of_one_connection_are_answered_in_turn),
        cmocka_unit_test(what_is_sent_ahead_waits_for_its_turn),
        cmocka_unit_test(who_sends_far_ahead_is_held_back),
        cmocka_unit_test(it_does_not_matter_how_a_request_is_cut),
        cmocka_unit_test(who_waits_for_100_continue_is_told),
        cmocka_unit_test(who_waits_for_100_continue_in_vain_gets_the_answer_alone),
        cmocka_unit_test(an_answer_before_the_body_keeps_the_connection),
        cmocka_unit_test(replies_have_the_shape_that_the_client_understands),
        cmocka_unit_test(a_message_out_of_bounds_is_refused_and_counted),
        cmocka_unit_test(the_bound_itself_is_within_it),
        cmocka_unit_test(who_is_slow_or_silent_is_closed_and_counted),
        cmocka_unit_test(a_dribbled_head_does_not_win_time),
        cmocka_unit_test(a_body_at_its_pace_is_waited_for),
        cmocka_unit_test(connections_are_bounded_in_all),
        cmocka_unit_test(connections_are_bounded_for_an_address_unless_it_is_trusted),
        cmocka_unit_test(requests_of_a_connection_are_bounded),
        cmocka_unit_test(an_address_that_is_taken_is_a_conflict),
    };

    buf_init(&heard, (size_t)64 << 20);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
