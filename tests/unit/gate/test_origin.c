#include "gate/origin.h"

#include "gate_unit.h"

static void only_names_of_this_gateway_are_answered(void **state)
{
    static const struct {
        const char *name;
        bool is_host;
        bool is_origin;
    } rows[] = {
        {"gate.example.com", true, false},
        {"GATE.example.com", true, false},
        {"gate.example.com:443", false, false},
        {"127.0.0.1:8080", true, false},
        {"localhost:8080", true, false},
        {"localhost", false, false},
        {"inside.example.com", true, false},
        {"evil.example.com", false, false},
        {"gate.example.com.evil.example.com", false, false},
        {"", false, false},
        {"https://gate.example.com", false, true},
        {"http://gate.example.com", false, false},
        {"https://gate.example.com.evil.example.com", false, false},
        {"https://app.example.com", false, true},
        {"http://localhost:8080", false, true},
        {"null", false, false},
    };
    struct settings *settings = NULL;
    struct err err;

    (void)state;
    assert_ok(read_settings("listen: [127.0.0.1:8080]\npublic_url: https://gate.example.com\n"
                            "hosts: [inside.example.com]\norigins: ['https://app.example.com']\n",
                            &settings, &err),
              err);
    struct origin_rules *rules = origin_rules_new(settings);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (origin_may_host(rules, str_c(rows[i].name)) != rows[i].is_host)
            fail_msg("host %s", rows[i].name);
        if (origin_may_origin(rules, str_c(rows[i].name)) != rows[i].is_origin)
            fail_msg("origin %s", rows[i].name);
    }
    origin_rules_free(rules);
    settings_free(settings);
}

static void a_listener_for_administration_has_the_public_name(void **state)
{
    struct settings *settings = NULL;
    struct err err;

    (void)state;
    assert_ok(read_settings("listen: ['127.0.0.1:8080', {address: '127.0.0.1:8443', serves: admin, "
                            "tls: {certificate: c, key: k}}]\n"
                            "public_url: https://gate.example.com\n",
                            &settings, &err),
              err);
    struct origin_rules *rules = origin_rules_new(settings);
    assert_true(origin_may_host(rules, STR("gate.example.com:8443")));
    assert_true(origin_may_origin(rules, STR("https://gate.example.com:8443")));
    assert_false(origin_may_host(rules, STR("gate.example.com:8080")));
    assert_false(origin_may_origin(rules, STR("http://gate.example.com:8443")));
    origin_rules_free(rules);
    settings_free(settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_names_of_this_gateway_are_answered),
        cmocka_unit_test(a_listener_for_administration_has_the_public_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
