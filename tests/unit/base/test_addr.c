#include "unit.h"

#include <arpa/inet.h>

#include "base/addr.h"

static struct addr ip_of(const char *text)
{
    struct addr addr = {.is_set = false};

    if (!addr_parse_ip(str_c(text), &addr))
        fail_msg("'%s' was refused", text);
    return addr;
}

static struct addr_net net_of(const char *text)
{
    struct addr_net net = {.bits = 0};
    struct err err;

    assert_ok(addr_parse_net(str_c(text), &net, &err), err);
    return net;
}

static void addresses_are_read_and_written_in_one_form(void **state)
{
    (void)state;
    static const struct {
        const char *text, *written;
    } cases[] = {
        {"127.0.0.1", "127.0.0.1"},
        {"0.0.0.0", "0.0.0.0"},
        {"255.255.255.255", "255.255.255.255"},
        {"::1", "::1"},
        {"::", "::"},
        {"0:0:0:0:0:0:0:1", "::1"},
        {"2001:DB8::A", "2001:db8::a"},
        {"::ffff:10.0.0.1", "10.0.0.1"},
        {"::ffff:a00:1", "10.0.0.1"},
        {"64:ff9b::10.0.0.1", "64:ff9b::a00:1"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    };
    char text[ADDR_TEXT_BYTES];

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct addr addr = ip_of(cases[i].text);

        addr_format_ip(&addr, text);
        assert_string_equal(text, cases[i].written);
    }
}

/* Forms that some reader takes for 127.0.0.1 or another address, and plain nonsense. */
static void forms_that_readers_differ_on_are_refused(void **state)
{
    (void)state;
    static const struct str wrong[] = {
        STR_INIT(""),
        STR_INIT("0177.0.0.1"),
        STR_INIT("127.0.0.01"),
        STR_INIT("127.00.0.1"),
        STR_INIT("0x7f.0.0.1"),
        STR_INIT("0x7f000001"),
        STR_INIT("2130706433"),
        STR_INIT("017700000001"),
        STR_INIT("127.1"),
        STR_INIT("127.0.1"),
        STR_INIT("127"),
        STR_INIT("127.0.0.1."),
        STR_INIT(".127.0.0.1"),
        STR_INIT("127..0.1"),
        STR_INIT("127.0.0.1.1"),
        STR_INIT("127.0.0.256"),
        STR_INIT("127.0.0.-1"),
        STR_INIT("127.0.0.+1"),
        STR_INIT(" 127.0.0.1"),
        STR_INIT("127.0.0.1 "),
        STR_INIT("127.0.0.1\n"),
        STR_INIT("127.0.0.1\0"),
        STR_INIT("127.0.0.1%lo"),
        STR_INIT("127%2e0.0.1"),
        STR_INIT("\xef\xbc\x91"
                 "27.0.0.1"),
        STR_INIT("localhost"),
        STR_INIT("[::1]"),
        STR_INIT("::1%lo"),
        STR_INIT("fe80::1%25eth0"),
        STR_INIT("fe80::1%0"),
        STR_INIT(":::1"),
        STR_INIT("1::2::3"),
        STR_INIT(":1"),
        STR_INIT("1:"),
        STR_INIT("1:2:3:4:5:6:7"),
        STR_INIT("1:2:3:4:5:6:7:8:9"),
        STR_INIT("1:2:3:4:5:6:7:8::"),
        STR_INIT("00001::"),
        STR_INIT("::g"),
        STR_INIT("::1/128"),
        STR_INIT("::ffff:127.1"),
        STR_INIT("::ffff:0177.0.0.1"),
        STR_INIT("0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"),
    };
    struct err err;

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct addr addr = {.port = 7};
        struct addr_net net = {.bits = 7};

        if (addr_parse_ip(wrong[i], &addr))
            fail_msg("'" STR_FMT "' was taken for an address", STR_ARG(wrong[i]));
        assert_int_equal(addr.port, 7);
        if (!str_eq(wrong[i], STR("::1/128")))
            assert_int_equal(addr_parse_net(wrong[i], &net, &err), ERR_INVALID);
    }
}

static void an_address_with_port_reads_back_as_written(void **state)
{
    (void)state;
    static const char *const cases[] = {"127.0.0.1:8080", "0.0.0.0:1", "[::1]:65535", "[::]:80",
                                        "[2001:db8::1]:443"};
    char text[ADDR_TEXT_BYTES];
    struct addr addr;
    struct err err;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_ok(addr_parse(str_c(cases[i]), &addr, &err), err);
        assert_true(addr.is_set);
        addr_format(&addr, text);
        assert_string_equal(text, cases[i]);
    }
    assert_ok(addr_parse(STR("[::ffff:10.0.0.1]:80"), &addr, &err), err);
    addr_format(&addr, text);
    assert_string_equal(text, "10.0.0.1:80");
}

static void an_odd_port_or_bracket_is_refused(void **state)
{
    (void)state;
    static const struct str wrong[] = {
        STR_INIT(""),
        STR_INIT("127.0.0.1"),
        STR_INIT("127.0.0.1:"),
        STR_INIT("127.0.0.1:0"),
        STR_INIT("127.0.0.1:080"),
        STR_INIT("127.0.0.1:65536"),
        STR_INIT("127.0.0.1:+80"),
        STR_INIT("127.0.0.1:-1"),
        STR_INIT("127.0.0.1:0x50"),
        STR_INIT("127.0.0.1: 80"),
        STR_INIT("127.0.0.1:80 "),
        STR_INIT("127.0.0.1:80:80"),
        STR_INIT("127.0.0.1:80\0"),
        STR_INIT("127.0.0.1:99999999999999999999"),
        STR_INIT("127.0.0.1.:80"),
        STR_INIT("127.1:80"),
        STR_INIT(":80"),
        STR_INIT("*:80"),
        STR_INIT("localhost:80"),
        STR_INIT("::1:80"),
        STR_INIT("[::1]"),
        STR_INIT("[::1]80"),
        STR_INIT("[::1:80"),
        STR_INIT("::1]:80"),
        STR_INIT("[[::1]]:80"),
        STR_INIT("[]:80"),
        STR_INIT("["),
        STR_INIT("]"),
        STR_INIT("[127.0.0.1]:80"),
        STR_INIT("[fe80::1%eth0]:80"),
        STR_INIT("user@127.0.0.1:80"),
    };
    struct err err;

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct addr addr = {.port = 7};

        if (addr_parse(wrong[i], &addr, &err) != ERR_INVALID)
            fail_msg("'" STR_FMT "' was taken for an address", STR_ARG(wrong[i]));
        assert_int_equal(addr.port, 7);
    }
}

static void a_network_holds_its_first_and_last_address_and_no_neighbour(void **state)
{
    (void)state;
    static const struct {
        const char *net, *before, *first, *last, *behind;
    } cases[] = {
        {"10.0.0.0/8", "9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0"},
        {"172.16.0.0/12", "172.15.255.255", "172.16.0.0", "172.31.255.255", "172.32.0.0"},
        {"192.168.7.64/27", "192.168.7.63", "192.168.7.64", "192.168.7.95", "192.168.7.96"},
        {"192.168.7.1/32", "192.168.7.0", "192.168.7.1", "192.168.7.1", "192.168.7.2"},
        {"192.168.7.1", "192.168.7.0", "192.168.7.1", "192.168.7.1", "192.168.7.2"},
        {"fd00::/8", "fcff:ffff::", "fd00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fe00::"},
        {"2001:db8::/33", "2001:db7:ffff::", "2001:db8::", "2001:db8:7fff::1", "2001:db8:8000::"},
        {"::1", "::", "::1", "::1", "::2"},
        {"0.0.0.0/0", "::fffe:ffff:ffff", "0.0.0.0", "255.255.255.255", "::1:0:0:0"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct addr_net net = net_of(cases[i].net);
        struct addr before = ip_of(cases[i].before);
        struct addr first = ip_of(cases[i].first);
        struct addr last = ip_of(cases[i].last);
        struct addr behind = ip_of(cases[i].behind);

        assert_false(addr_in_net(&before, &net));
        assert_true(addr_in_net(&first, &net));
        assert_true(addr_in_net(&last, &net));
        assert_false(addr_in_net(&behind, &net));
    }
}

static void a_mapped_address_is_in_its_ipv4_network(void **state)
{
    (void)state;
    struct addr_net net = net_of("10.0.0.0/8");
    struct addr mapped = ip_of("::ffff:10.1.2.3");
    struct addr plain = ip_of("10.1.2.3");

    assert_true(addr_in_net(&mapped, &net));
    assert_true(addr_is_same_ip(&mapped, &plain));
}

static void odd_networks_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "/",
        "/8",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.0/08",
        "10.0.0.0/-1",
        "10.0.0.0/8/8",
        "10.0.0.0/8 ",
        "10.0.0.1/8",
        "10/8",
        "010.0.0.0/8",
        "::/129",
        "fd00::1/8",
        "fe80::%1/10",
        "[::]/0",
        "10.0.0.0/0x8",
        "example/8",
        "10.0.0.0/255.0.0.0",
    };
    struct err err;

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct addr_net net = {.bits = 7};

        if (addr_parse_net(str_c(wrong[i]), &net, &err) != ERR_INVALID)
            fail_msg("'%s' was taken for a network", wrong[i]);
        assert_int_equal(net.bits, 7);
    }
}

static void loopback_in_every_spelling(void **state)
{
    (void)state;
    static const char *const loopback[] = {"127.0.0.1", "127.255.255.254", "::1",
                                           "::ffff:127.0.0.1"};
    static const char *const others[] = {"128.0.0.1", "126.255.255.255", "::", "0.0.0.0",
                                         "::2",       "10.0.0.1"};

    for (size_t i = 0; i < ARRAY_LEN(loopback); i++) {
        struct addr addr = ip_of(loopback[i]);

        assert_true(addr_is_loopback(&addr));
        assert_true(addr_is_internal(&addr));
    }
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        struct addr addr = ip_of(others[i]);

        assert_false(addr_is_loopback(&addr));
    }
}

static void what_is_not_public_is_internal(void **state)
{
    (void)state;
    static const char *const internal[] = {
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::10.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:0:10.0.0.1",
        "64:ff9b::a00:1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:a00:1::",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "ff02::1",
    };
    static const char *const public[] = {
        "1.1.1.1",    "9.255.255.255",   "11.0.0.0",        "100.63.255.255", "100.128.0.0",
        "126.0.0.1",  "128.0.0.1",       "169.253.0.1",     "169.255.0.1",    "172.15.255.255",
        "172.32.0.0", "192.0.1.1",       "192.167.0.1",     "192.169.0.1",    "198.17.255.255",
        "198.20.0.0", "223.255.255.255", "2606:4700::1111", "2001:200::1",    "2a00:1450::1",
        "3ffe::1",    "fbff::1",         "::ffff:1.1.1.1",
    };

    for (size_t i = 0; i < ARRAY_LEN(internal); i++) {
        struct addr addr = ip_of(internal[i]);

        if (!addr_is_internal(&addr))
            fail_msg("%s counts as public", internal[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(public); i++) {
        struct addr addr = ip_of(public[i]);

        if (addr_is_internal(&addr))
            fail_msg("%s counts as internal", public[i]);
    }
}

static void sockaddrs_both_ways(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        sa_family_t family;
        socklen_t len;
    } cases[] = {{"10.1.2.3:80", AF_INET, sizeof(struct sockaddr_in)},
                 {"[2001:db8::1]:443", AF_INET6, sizeof(struct sockaddr_in6)}};
    char text[ADDR_TEXT_BYTES];
    struct err err;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sockaddr_storage storage;
        struct addr addr;
        struct addr back;
        socklen_t len = 0;

        assert_ok(addr_parse(str_c(cases[i].text), &addr, &err), err);
        addr_to_sockaddr(&addr, &storage, &len);
        assert_int_equal(storage.ss_family, cases[i].family);
        assert_int_equal(len, cases[i].len);
        addr_from_sockaddr((const struct sockaddr *)&storage, &back);
        addr_format(&back, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void what_is_no_ip_socket_is_no_address(void **state)
{
    (void)state;
    struct sockaddr_storage storage = {.ss_family = AF_UNIX};
    struct addr addr = {.is_set = true};
    char text[ADDR_TEXT_BYTES];

    addr_from_sockaddr((const struct sockaddr *)&storage, &addr);
    assert_false(addr.is_set);
    addr_format(&addr, text);
    assert_string_equal(text, "");
    addr_format_ip(&addr, text);
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_and_written_in_one_form),
        cmocka_unit_test(forms_that_readers_differ_on_are_refused),
        cmocka_unit_test(an_address_with_port_reads_back_as_written),
        cmocka_unit_test(an_odd_port_or_bracket_is_refused),
        cmocka_unit_test(a_network_holds_its_first_and_last_address_and_no_neighbour),
        cmocka_unit_test(a_mapped_address_is_in_its_ipv4_network),
        cmocka_unit_test(odd_networks_are_refused),
        cmocka_unit_test(loopback_in_every_spelling),
        cmocka_unit_test(what_is_not_public_is_internal),
        cmocka_unit_test(sockaddrs_both_ways),
        cmocka_unit_test(what_is_no_ip_socket_is_no_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
