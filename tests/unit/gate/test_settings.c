#include "gate/settings.h"

#include "gate_unit.h"

#define BASE "listen: [127.0.0.1:8080]\npublic_url: http://127.0.0.1:8080\n"

static void what_is_left_out_has_its_default(void **state)
{
    struct settings *settings = NULL;
    struct err err;

    (void)state;
    assert_ok(read_settings(BASE, &settings, &err), err);
    assert_int_equal(settings->listener_count, 1);
    assert_int_equal(settings->listeners[0].address.port, 8080);
    assert_int_equal(settings->limits.body_bytes, 1048576);
    assert_int_equal(settings->audit_segment_bytes, 67108864);
    assert_true(str_ends(settings->data_dir, STR("/data")));
    assert_true(settings->data_dir.ptr[0] == '/');
    settings_free(settings);
}

static void everything_can_be_said(void **state)
{
    static const char text[] =
        "listen:\n"
        "  - {address: '0.0.0.0:8443', tls: {certificate: c.pem, key: /k.pem, client_ca: ca.pem}}\n"
        "  - {address: '127.0.0.1:8081', as: 'robot:dev'}\n"
        "  - {address: '10.0.0.1:8082', insecure: true, proxy_protocol: true}\n"
        "  - {address: '10.0.0.1:8444', proxy_protocol: true, tls: {certificate: c.pem, key: "
        "k.pem}}\n"
        "public_url: https://gate.example.com\n"
        "data_dir: /srv/data\n"
        "secrets_dir: ./s\n"
        "store: sqlite\n"
        "trusted_proxies: [10.0.0.0/8, 'fd00::/8']\n"
        "hosts: [gate.internal]\n"
        "origins: ['https://app.example.com']\n"
        "workers: 3\n"
        "limits: {body_bytes: 4096, idle_ms: 1000}\n"
        "audit: {on_failure: refuse, segment_bytes: 1048576}\n"
        "programs:\n"
        "  docs: {run: [npx, -y, server], env: {A: b, KEY: {secret: key}}, directory: work}\n";
    struct settings *settings = NULL;
    struct err err;

    (void)state;
    assert_ok(read_settings(text, &settings, &err), err);
    assert_int_equal(settings->listener_count, 4);
    assert_str(settings->listeners[0].certificate, "/tmp/c.pem");
    assert_str(settings->listeners[0].key, "/k.pem");
    assert_str(settings->listeners[1].as, "robot:dev");
    assert_true(settings->listeners[2].has_proxy_protocol);
    assert_true(settings->listeners[3].has_proxy_protocol);
    assert_str(settings->listeners[3].key, "/tmp/k.pem");
    assert_int_equal(settings->trusted_proxy_count, 2);
    assert_int_equal(settings->workers, 3);
    assert_int_equal(settings->limits.body_bytes, 4096);
    assert_int_equal(settings->audit_segment_bytes, 1048576);
    const struct program *docs = settings_find_program(settings, STR("docs"));
    assert_non_null(docs);
    assert_int_equal(docs->argc, 3);
    assert_str(docs->env[1].secret, "key");
    assert_null(settings_find_program(settings, STR("other")));
    settings_free(settings);
}

static void what_is_wrong_is_refused_with_its_line(void **state)
{
    static const struct {
        const char *text;
        const char *says; /* part of the sentence */
    } rows[] = {
        {"", "mapping"},
        {"listen: [127.0.0.1:8080]\n", "public_url"},
        {"public_url: http://a.example.com\n", "listen"},
        {BASE "nonsense: 1\n", "line 3"},
        {BASE "nonsense: 1\n", "unknown key 'nonsense'"},
        {BASE "workers: many\n", "number of threads"},
        {BASE "workers: 1000\n", "from 0 to 64"},
        {BASE "workers: '3'\n", "number of threads"},
        {BASE "limits: {body_byte: 1}\n", "unknown limit"},
        {BASE "limits: {body_bytes: 1}\n", "from 1024"},
        {BASE "audit: {on_failure: continue}\n", "only refuse"},
        {BASE "audit: {nonsense: 1}\n", "audit.nonsense"},
        {BASE "store: mysql\n", "only sqlite"},
        {BASE "identity: {sso: {}}\n", "unknown key 'identity.sso'"},
        {BASE "identity: {providers: [{name: corp}]}\n", "needs name and issuer"},
        {BASE "identity: {providers: [{name: corp, issuer: http://login.example.com}]}\n",
         "https alone"},
        {BASE "identity: {providers: [{name: 'a:b', issuer: https://login.example.com}]}\n",
         "takes a-z"},
        {BASE "identity: {providers: [{name: corp, issuer: https://login.example.com, x: 1}]}\n",
         "unknown key 'x'"},
        {BASE "identity: {providers: [{name: a, issuer: https://l.example.com}, {name: b, issuer: "
              "https://l.example.com}]}\n",
         "two providers have the issuer"},
        {BASE
         "identity: {providers: [{name: a, issuer: https://l.example.com, introspection: true}]}\n",
         "introspection needs client_id and client_secret"},
        {BASE "identity: {providers: [{name: a, issuer: https://l.example.com, client_id: x, "
              "client_secret: y, introspection: {ttl: 3}}]}\n",
         "introspection takes url and cache_seconds"},
        {BASE "identity: {providers: [{name: a, issuer: https://l.example.com, client_id: x, "
              "client_secret: y, introspection: {cache_seconds: 0}}]}\n",
         "expected seconds from 1 to 86400"},
        {BASE "identity: {providers: [{name: a, issuer: https://l.example.com, client_id: x, "
              "client_secret: y, introspection: {url: http://l.example.com/i}}]}\n",
         "https alone"},
        {BASE "identity: {providers: [{name: a, issuer: https://l.example.com, client_id: x, "
              "client_secret: y, introspection: true}, {name: b, issuer: https://m.example.com, "
              "client_id: x, client_secret: y, introspection: true}]}\n",
         "only one provider can have introspection"},
        {BASE "identity: {owners: [corp:ann@example.com]}\n", "there is no provider 'corp'"},
        {BASE "identity: {owners: [ann]}\n", "PROVIDER:E-MAIL"},
        {BASE "identity: {interactive_clients: robot}\n", "human or delegated"},
        {BASE "identity: {providers: [{name: local, issuer: https://login.example.com}]}\n",
         "the name 'local' is that of the local sign-in"},
        {BASE "identity: {owners: [local:ann@example.com]}\n", "there is no provider 'local'"},
        {BASE "identity: {local_sign_in: maybe}\n", "true or false"},
        {BASE "identity: {providers: [{name: a, issuer: https://l.example.com, algorithms: []}]}\n",
         "without any algorithm"},
        {BASE
         "identity: {providers: [{name: a, issuer: https://l.example.com, algorithms: [none]}]}\n",
         "'none' is no algorithm"},
        {BASE
         "identity: {providers: [{name: a, issuer: https://l.example.com, algorithms: [HS256]}]}\n",
         "'HS256' is no algorithm"},
        {BASE "identity: {client_documents: maybe}\n", "true or false"},
        {BASE "identity: {clients: [{id: a, secret: b, robots: [c]}]}\n", "exchange, robot"},
        {BASE "identity: {providers: [{name: corp, issuer: https://l.example.com, ema: {}}]}\n",
         "ema takes"},
        {BASE "identity: {providers: [{name: corp, issuer: https://l.example.com, ema: {stored: "
              "perhaps}}]}\n",
         "true or false"},
        {BASE "identity: {providers: [{name: corp, issuer: https://l.example.com, single_use: "
              "perhaps}]}\n",
         "true or false"},
        {BASE "identity: {client_documents: {hosts: [a]}}\n", "takes domains, networks, ca"},
        {BASE "identity: {client_documents: {domains: []}}\n", "domains is empty"},
        {BASE "identity: {client_documents: {networks: [10.0.0.1/8]}}\n", "behind the prefix"},
        {BASE "identity: {providers: [{name: corp, issuer: https://l.example.com, ema: {clients: "
              "[claude]}}]}\n",
         "none of identity.clients"},
        {BASE "identity: {client_documents: {domains: [b.example]}, providers: [{name: corp, "
              "issuer: https://l.example.com, ema: {clients: [https://a.example/x]}}]}\n",
         "none of identity.clients"},
        {BASE "trusted_proxies: [10.0.0.1/8]\n", "bits set"},
        {BASE "trusted_proxies: 10.0.0.0/8\n", "list of networks"},
        {BASE "programs: {docs: {env: {}}}\n", "needs run"},
        {BASE "programs: {docs: {run: [a], shell: true}}\n", "unknown key 'shell'"},
        {BASE "programs: {docs: {run: [a], env: {A: {b: c}}}}\n", "secret: NAME"},
        {BASE "public_url: http://x\n", "line 3"},
        {"listen: []\npublic_url: http://a.example.com\n", "1 to 16"},
        {"listen: [8080]\npublic_url: http://a.example.com\n", "127.0.0.1:8080"},
        {"listen: ['0.0.0.0:8080']\npublic_url: http://a.example.com\n", "insecure: true"},
        {"listen: [{address: '10.1.1.1:80', insecure: true, as: 'robot:x'}]\npublic_url: "
         "http://a.example.com\n",
         "loopback only"},
        {"listen: [{address: '127.0.0.1:80', as: x}]\npublic_url: http://a.example.com\n",
         "robot:NAME"},
        {"listen: [{address: '127.0.0.1:80', tls: {key: k}}]\npublic_url: http://a.example.com\n",
         "certificate and key"},
        {"listen: [127.0.0.1:8080]\npublic_url: ftp://a.example.com\n", "http://"},
        {"listen: [127.0.0.1:8080]\npublic_url: http://a.example.com/mcp\n", "no path"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct settings *settings = NULL;
        struct err err;

        if (read_settings(rows[i].text, &settings, &err) != ERR_INVALID)
            fail_msg("accepted: %s", rows[i].text);
        if (strstr(err.text, rows[i].says) == NULL)
            fail_msg("%s\nsays: %s\nexpected: %s", rows[i].text, err.text, rows[i].says);
        assert_null(settings);
    }
}

static void a_secret_name_never_leaves_its_folder(void **state)
{
    static const char *const names[] = {"", ".", "..", "../x", "a/b", ".hidden", "A", "a b", "a\n"};
    struct settings *settings = NULL;
    char path[4096];
    struct err err;

    (void)state;
    assert_ok(read_settings(BASE, &settings, &err), err);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_int_equal(settings_secret_path(settings, str_c(names[i]), path, sizeof path, &err),
                         ERR_INVALID);
    assert_ok(settings_secret_path(settings, STR("github-token.v1"), path, sizeof path, &err), err);
    assert_false(settings_has_secret(settings, STR("github-token.v1")));
    settings_free(settings);
}

static void a_missing_file_is_named(void **state)
{
    struct settings *settings = NULL;
    struct err err;

    (void)state;
    assert_int_equal(settings_read("/nonexistent/portreeve.yaml", &settings, &err), ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "/nonexistent/portreeve.yaml"));
}

static void a_listener_for_administration_takes_it_from_the_others(void **state)
{
    static const struct {
        const char *listen;
        enum listener_serves serves[2];
    } rows[] = {
        {"['127.0.0.1:1', '127.0.0.1:2']", {SERVES_ALL, SERVES_ALL}},
        {"['127.0.0.1:1', {address: '127.0.0.1:2', serves: admin}]", {SERVES_MCP, SERVES_ADMIN}},
        {"[{address: '127.0.0.1:1', serves: admin}, '127.0.0.1:2']", {SERVES_ADMIN, SERVES_MCP}},
        {"[{address: '127.0.0.1:1', serves: mcp}, '127.0.0.1:2']", {SERVES_MCP, SERVES_ALL}},
        {"[{address: '127.0.0.1:1', serves: admin}, {address: '127.0.0.1:2', serves: mcp}]",
         {SERVES_ADMIN, SERVES_MCP}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct settings *settings = NULL;
        struct err err;
        char text[512];

        (void)snprintf(text, sizeof text, "listen: %s\npublic_url: http://127.0.0.1:1\n",
                       rows[i].listen);
        assert_ok(read_settings(text, &settings, &err), err);
        for (size_t j = 0; j < 2; j++)
            assert_int_equal(settings->listeners[j].serves, rows[i].serves[j]);
        settings_free(settings);
    }
}

static void something_must_be_left_for_clients_and_for_administrators(void **state)
{
    static const struct {
        const char *listen;
        const char *says;
    } rows[] = {
        {"[{address: '127.0.0.1:1', serves: admin}]", "no listener is left for MCP"},
        {"[{address: '127.0.0.1:1', serves: mcp}]", "no listener is left for administration"},
        {"['127.0.0.1:1', {address: '127.0.0.1:2', serves: all}]", "'serves' is mcp or admin"},
        {"['127.0.0.1:1', {address: '127.0.0.1:2', serves: [admin]}]", "'serves' is mcp or admin"},
        {"['127.0.0.1:1', {address: '127.0.0.1:2', serves: admin, as: 'robot:a'}]",
         "administers nothing"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct settings *settings = NULL;
        struct err err;
        char text[512];

        (void)snprintf(text, sizeof text, "listen: %s\npublic_url: http://127.0.0.1:1\n",
                       rows[i].listen);
        assert_int_equal(read_settings(text, &settings, &err), ERR_INVALID);
        assert_non_null(strstr(err.text, rows[i].says));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_out_has_its_default),
        cmocka_unit_test(everything_can_be_said),
        cmocka_unit_test(what_is_wrong_is_refused_with_its_line),
        cmocka_unit_test(a_secret_name_never_leaves_its_folder),
        cmocka_unit_test(a_missing_file_is_named),
        cmocka_unit_test(a_listener_for_administration_takes_it_from_the_others),
        cmocka_unit_test(something_must_be_left_for_clients_and_for_administrators),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
