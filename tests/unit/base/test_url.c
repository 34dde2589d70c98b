#include "unit.h"

#include "base/url.h"

static void urls_come_apart(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host, *target, *origin;
        uint16_t port;
        bool is_https;
    } cases[] = {
        {"http://example.com", "example.com", "/", "http://example.com", 80, false},
        {"https://example.com/", "example.com", "/", "https://example.com", 443, true},
        {"https://example.com:8443/mcp?a=b&c=%20", "example.com", "/mcp?a=b&c=%20",
         "https://example.com:8443", 8443, true},
        {"http://127.0.0.1:3001/mcp", "127.0.0.1", "/mcp", "http://127.0.0.1:3001", 3001, false},
        {"http://[::1]:3001/mcp", "::1", "/mcp", "http://[::1]:3001", 3001, false},
        {"http://[2001:db8::1]/", "2001:db8::1", "/", "http://[2001:db8::1]", 80, false},
        {"http://localhost:1/", "localhost", "/", "http://localhost:1", 1, false},
        {"https://a-b.c_d.xn--p1ai:65535/x", "a-b.c_d.xn--p1ai", "/x",
         "https://a-b.c_d.xn--p1ai:65535", 65535, true},
        {"https://1password.com/@user:pass", "1password.com", "/@user:pass",
         "https://1password.com", 443, true},
        {"https://0xcafe.example/", "0xcafe.example", "/", "https://0xcafe.example", 443, true},
    };
    struct err err;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct url url;

        assert_ok(url_parse(str_c(cases[i].text), &url, &err), err);
        assert_str(url.host, cases[i].host);
        assert_str(url.target, cases[i].target);
        assert_str(url.origin, cases[i].origin);
        assert_int_equal(url.port, cases[i].port);
        assert_int_equal(url.is_https, cases[i].is_https);
    }
}

/* What one reader takes for another host than the next one does. */
static void tricky_hosts_are_refused(void **state)
{
    (void)state;
    static const struct str wrong[] = {
        STR_INIT("http://"),
        STR_INIT("http:///"),
        STR_INIT("http:///etc/passwd"),
        STR_INIT("http://?x"),
        STR_INIT("http://:80/"),
        STR_INIT("http://0177.0.0.1/"),
        STR_INIT("http://127.0.0.01/"),
        STR_INIT("http://0x7f.0.0.1/"),
        STR_INIT("http://0x7f000001/"),
        STR_INIT("http://127.0.0.0x1/"),
        STR_INIT("http://127.0x1/"),
        STR_INIT("http://127.0.0x/"),
        STR_INIT("http://example.0x7f/"),
        STR_INIT("http://2130706433/"),
        STR_INIT("http://017700000001/"),
        STR_INIT("http://127.1/"),
        STR_INIT("http://127.0.1/"),
        STR_INIT("http://1.2.3.4.5/"),
        STR_INIT("http://example.1/"),
        STR_INIT("http://127.0.0.1./"),
        STR_INIT("http://example.com./"),
        STR_INIT("http://example..com/"),
        STR_INIT("http://.example.com/"),
        STR_INIT("http://./"),
        STR_INIT("http://EXAMPLE.com/"),
        STR_INIT("http://exa%6dple.com/"),
        STR_INIT("http://127.0.0.1%00.example.com/"),
        STR_INIT("http://127.0.0.1%2e/"),
        STR_INIT("http://user@example.com/"),
        STR_INIT("http://user:pass@example.com/"),
        STR_INIT("http://example.com@evil.example/"),
        STR_INIT("http://@example.com/"),
        STR_INIT("http://example.com:80@evil.example/"),
        STR_INIT("http://example.com\\@evil.example/"),
        STR_INIT("http://example.com\\.evil.example/"),
        STR_INIT("http:\\\\example.com/"),
        STR_INIT("http://example.com;evil.example/"),
        STR_INIT("http://example.com,evil.example/"),
        STR_INIT("http://example com/"),
        STR_INIT("http://example.com\t/"),
        STR_INIT("http://example.com\r\nHost: evil.example/"),
        STR_INIT("http://example.com\0.evil.example/"),
        STR_INIT("http://ex\xc3\xa4mple.com/"),
        STR_INIT("http://\xef\xbc\x91"
                 "27.0.0.1/"),
        STR_INIT("http://127\xe3\x80\x82"
                 "0.0.1/"),
        STR_INIT("http://-example.com/"),
        STR_INIT("http://example.-com/"),
        STR_INIT("http://*/"),
        STR_INIT("http://[127.0.0.1]/"),
        STR_INIT("http://[::1/"),
        STR_INIT("http://::1/"),
        STR_INIT("http://[]/"),
        STR_INIT("http://[example.com]/"),
        STR_INIT("http://[::1]x/"),
        STR_INIT("http://[::1].example.com/"),
        STR_INIT("http://[fe80::1%eth0]/"),
        STR_INIT("http://[fe80::1%25eth0]/"),
        STR_INIT("http://[::ffff:127.1]/"),
        STR_INIT("http://[[::1]]/"),
        STR_INIT("http://a2345678901234567890123456789012345678901234567890123456789012345.b/"),
    };
    struct err err;

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct url url = {.port = 7};

        if (url_parse(wrong[i], &url, &err) != ERR_INVALID)
            fail_msg("'" STR_FMT "' was taken, host '" STR_FMT "'", STR_ARG(wrong[i]),
                     STR_ARG(url.host));
        assert_int_equal(url.port, 7);
    }
}

static void other_schemes_ports_and_targets_are_refused(void **state)
{
    (void)state;
    static const struct str wrong[] = {
        STR_INIT(""),
        STR_INIT("example.com"),
        STR_INIT("/mcp"),
        STR_INIT("//example.com/"),
        STR_INIT("HTTP://example.com/"),
        STR_INIT(" http://example.com/"),
        STR_INIT("http:/example.com/"),
        STR_INIT("http:example.com/"),
        STR_INIT("ftp://example.com/"),
        STR_INIT("file:///etc/passwd"),
        STR_INIT("javascript://example.com/"),
        STR_INIT("https+unix://example.com/"),
        STR_INIT("http://example.com:/"),
        STR_INIT("http://example.com:0/"),
        STR_INIT("http://example.com:080/"),
        STR_INIT("http://example.com:65536/"),
        STR_INIT("http://example.com:-1/"),
        STR_INIT("http://example.com:80:80/"),
        STR_INIT("http://example.com:8o/"),
        STR_INIT("http://example.com?x"),
        STR_INIT("http://example.com/#x"),
        STR_INIT("http://example.com#x"),
        STR_INIT("http://example.com/a b"),
        STR_INIT("http://example.com/a\r\nX: y"),
        STR_INIT("http://example.com/a\\b"),
        STR_INIT("http://example.com/\xc3\xa4"),
        STR_INIT("http://example.com/\x7f"),
        STR_INIT("http://example.com/a\0"),
        STR_INIT("http://example.com/<script>"),
        STR_INIT("http://example.com/\""),
    };
    struct err err;

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct url url = {.port = 7};

        if (url_parse(wrong[i], &url, &err) != ERR_INVALID)
            fail_msg("'" STR_FMT "' was taken", STR_ARG(wrong[i]));
        assert_int_equal(url.port, 7);
    }
}

static void a_url_has_at_most_2048_bytes(void **state)
{
    (void)state;
    char text[2049];
    struct url url;
    struct err err;

    memset(text, 'a', sizeof text);
    memcpy(text, "http://example.com/", 19);
    assert_ok(url_parse(str_of(text, 2048), &url, &err), err);
    assert_int_equal(url_parse(str_of(text, 2049), &url, &err), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_come_apart),
        cmocka_unit_test(tricky_hosts_are_refused),
        cmocka_unit_test(other_schemes_ports_and_targets_are_refused),
        cmocka_unit_test(a_url_has_at_most_2048_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
