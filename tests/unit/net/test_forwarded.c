#include "net/forwarded.h"

#include "unit.h"

static struct addr ip(const char *text)
{
    struct addr addr;

    assert_true(addr_parse_ip(str_c(text), &addr));
    return addr;
}

static void the_caller_is_the_rightmost_hop_that_nobody_trusts(void **state)
{
    static const struct {
        const char *peer;
        const char *forwarded; /* NULL: none */
        const char *x_forwarded_for;
        const char *caller;
    } rows[] = {
        {"192.0.2.1", NULL, NULL, "192.0.2.1"},
        {"192.0.2.1", NULL, "203.0.113.9", "192.0.2.1"}, /* a stranger's word */
        {"10.0.0.1", NULL, "203.0.113.9", "203.0.113.9"},
        {"10.0.0.1", NULL, "1.2.3.4, 203.0.113.9",
         "203.0.113.9"}, /* what the client made up stands left */
        {"10.0.0.1", NULL, "203.0.113.9, 10.0.0.2", "203.0.113.9"},
        {"10.0.0.1", NULL, "10.0.0.3, 10.0.0.2", "10.0.0.3"},
        {"10.0.0.1", NULL, "unknown", "10.0.0.1"},
        {"10.0.0.1", NULL, "203.0.113.9, garbage", "10.0.0.1"},
        {"10.0.0.1", NULL, "", "10.0.0.1"},
        {"10.0.0.1", NULL, "203.0.113.9:4711", "203.0.113.9"},
        {"10.0.0.1", NULL, "2001:db8::1", "2001:db8::1"},
        {"10.0.0.1", NULL, "[2001:db8::1]:80", "2001:db8::1"},
        {"10.0.0.1", "for=203.0.113.9;proto=https", NULL, "203.0.113.9"},
        {"10.0.0.1", "for=1.2.3.4, For=\"[2001:db8::7]:99\"", NULL, "2001:db8::7"},
        {"10.0.0.1", "for=203.0.113.9", "1.2.3.4", "203.0.113.9"},
        {"10.0.0.1", "proto=https", "1.2.3.4", "10.0.0.1"},
        {"10.0.0.1", "for=_hidden", NULL, "10.0.0.1"},
    };
    struct addr_net trusted[1];
    struct err err;

    (void)state;
    assert_ok(addr_parse_net(STR("10.0.0.0/8"), &trusted[0], &err), err);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct forwarded_input input = {.peer = ip(rows[i].peer),
                                              .forwarded = str_c(rows[i].forwarded),
                                              .x_forwarded_for = str_c(rows[i].x_forwarded_for),
                                              .trusted = trusted,
                                              .trusted_count = 1};
        struct addr caller = forwarded_address(&input);
        char text[ADDR_TEXT_BYTES];

        addr_format_ip(&caller, text);
        if (strcmp(text, rows[i].caller) != 0)
            fail_msg("row %zu: %s is not %s", i, text, rows[i].caller);
    }
}

static const char v4_header[] =
    "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x09\x7f\0\0\x01\x12\x34\0\x50";

static void a_proxy_header_names_its_source(void **state)
{
    struct str bytes = str_of(v4_header, sizeof v4_header - 1);
    struct addr source;
    size_t taken = 0;
    char text[ADDR_TEXT_BYTES];

    (void)state;
    for (size_t i = 0; i < bytes.len; i++)
        assert_int_equal(proxy_parse(str_first(bytes, i), &source, &taken), PROXY_MORE);
    assert_int_equal(proxy_parse(bytes, &source, &taken), PROXY_DONE);
    assert_int_equal(taken, bytes.len);
    addr_format(&source, text);
    assert_string_equal(text, "203.0.113.9:4660");
}

static void what_is_no_proxy_header_is_refused(void **state)
{
    char bytes[sizeof v4_header];
    struct addr source;
    size_t taken = 0;

    (void)state;
    assert_int_equal(proxy_parse(STR("GET / HTTP/1.1\r\n"), &source, &taken), PROXY_INVALID);
    assert_int_equal(proxy_parse(STR("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n"), &source, &taken),
                     PROXY_INVALID);
    memcpy(bytes, v4_header, sizeof bytes);
    bytes[12] = 0x31; /* another version */
    assert_int_equal(proxy_parse(str_of(bytes, sizeof bytes - 1), &source, &taken), PROXY_INVALID);
    memcpy(bytes, v4_header, sizeof bytes);
    bytes[15] = 4; /* too short for its addresses */
    assert_int_equal(proxy_parse(str_of(bytes, sizeof bytes - 1), &source, &taken), PROXY_INVALID);
    memcpy(bytes, v4_header, sizeof bytes);
    bytes[12] = 0x20; /* LOCAL: a health check of the proxy itself */
    assert_int_equal(proxy_parse(str_of(bytes, sizeof bytes - 1), &source, &taken), PROXY_DONE);
    assert_false(source.is_set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_caller_is_the_rightmost_hop_that_nobody_trusts),
        cmocka_unit_test(a_proxy_header_names_its_source),
        cmocka_unit_test(what_is_no_proxy_header_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
