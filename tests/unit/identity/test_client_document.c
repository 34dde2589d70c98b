/* Clients whose id is the URL of a document: which URLs and which documents are refused, and why.
 */
#include "unit.h"

#include "identity/client_document.h"

#define URL "https://editor.example.com/oauth/client.json"

static const struct client_document_rules anywhere = {.is_off = false};

static enum err_code read_with(const struct client_document_rules *rules, const char *json,
                               struct arena *arena, struct client_document *document,
                               struct err *err)
{
    return client_document_read(rules, STR(URL), str_c(json), arena, document, err);
}

static void only_a_plain_https_url_with_a_path_is_an_id(void **state)
{
    (void)state;
    static const char *const good[] = {
        URL,
        "https://editor.example.com/x",
        "https://editor.example.com/a/",
        "https://editor.example.com:443/x",
        "https://editor.example.com:8443/x",
        "https://editor.example.com/a/...b/.c/d.",
        "https://editor.example.com/%2e%2e%2e/x",
        "https://127.0.0.1:8443/x", /* an address is a matter of networks */
    };
    static const char *const bad[] = {
        "",
        "claude",
        "https://",
        "https:///x",
        "https://editor.example.com",
        "https://editor.example.com/",
        "http://editor.example.com/x",
        "HTTPS://editor.example.com/x",
        "https://Editor.example.com/x",
        "ftp://editor.example.com/x",
        "file:///etc/passwd",
        "https://user@editor.example.com/x",
        "https://user:password@editor.example.com/x",
        "https://editor.example.com/x#part",
        "https://editor.example.com/x?y",
        "https://editor.example.com/?x=/y",
        "https://editor.example.com/.",
        "https://editor.example.com/..",
        "https://editor.example.com/a/../b",
        "https://editor.example.com/a/./b",
        "https://editor.example.com/a/%2e%2E/b",
        "https://editor.example.com/a/.%2e",
        "https://editor.example.com/a/%2e/b",
        "https://editor.example.com:22/x",
        "https://editor.example.com:25/x",
        "https://editor.example.com:80/x",
        "https://editor.example.com:1023/x",
        "https://editor.example.com:0/x",
        "https://editor.example.com:65536/x",
        "https://editor.example.com/a b",
        "https://editor.example.com/a\\b",
        "https://editor.example.com/\xc3\xa9",
        "https://editor.example.com./x",
        "https://2130706433/x",
        "https://0x7f.1/x",
        "https://[fe80::1%25eth0]/x",
    };
    char long_url[CLIENT_DOCUMENT_URL_BYTES + 2];
    struct err err;
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        if (client_document_check_url(&anywhere, str_c(good[i]), &err) != ERR_OK)
            fail_msg("%s: %s", good[i], err.text);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (client_document_check_url(&anywhere, str_c(bad[i]), &err) != ERR_INVALID)
            fail_msg("%s", bad[i]);
    memset(long_url, 'a', sizeof long_url);
    memcpy(long_url, "https://a.example/", strlen("https://a.example/"));
    assert_int_equal(
        client_document_check_url(&anywhere, str_of(long_url, CLIENT_DOCUMENT_URL_BYTES), &err),
        ERR_OK);
    assert_int_equal(
        client_document_check_url(&anywhere, str_of(long_url, CLIENT_DOCUMENT_URL_BYTES + 1), &err),
        ERR_INVALID);
}

static void the_settings_say_whose_documents_are_believed(void **state)
{
    (void)state;
    static const struct str domains[] = {STR_INIT("*.example.com"), STR_INIT("vscode.dev")};
    const struct client_document_rules some = {.domains = domains,
                                               .domain_count = ARRAY_LEN(domains)};
    const struct client_document_rules off = {.is_off = true};
    static const struct {
        const char *url;
        bool is_trusted;
    } rows[] = {
        {"https://editor.example.com/x", true},
        {"https://a.b.example.com/x", true},
        {"https://vscode.dev/x", true},
        {"https://vscode.dev:8443/x", true},
        {"https://example.com/x", false},
        {"https://evilexample.com/x", false},
        {"https://vscode.dev.evil.test/x", false},
        {"https://a.vscode.dev/x", false},
    };
    struct err err;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        enum err_code code = client_document_check_url(&some, str_c(rows[i].url), &err);
        if (code != (rows[i].is_trusted ? ERR_OK : ERR_DENIED))
            fail_msg("%s", rows[i].url);
        assert_int_equal(client_document_check_url(&off, str_c(rows[i].url), &err), ERR_DENIED);
    }
}

static void a_document_says_where_its_client_is_answered_and_which_keys_it_has(void **state)
{
    (void)state;
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 20);
    struct client_document document;
    struct err err;
    assert_ok(read_with(&anywhere,
                        "{\"client_id\":\"" URL "\",\"client_name\":\"Editor\","
                        "\"redirect_uris\":[\"http://127.0.0.1/cb\",\"https://a.example/cb\"],"
                        "\"grant_types\":[\"authorization_code\"],\"logo_uri\":\"x\"}",
                        arena, &document, &err),
              err);
    assert_str(document.app.id, URL);
    assert_str(document.app.name, "Editor");
    assert_int_equal(document.app.redirect_count, 2);
    assert_false(document.app.has_keys);
    assert_true(app_allows(&document.app, STR("http://127.0.0.1:4711/cb")));
    assert_ok(read_with(&anywhere,
                        "{\"client_id\":\"" URL "\",\"token_endpoint_auth_method\":"
                        "\"private_key_jwt\",\"jwks_uri\":\"https://keys.example.com/\"}",
                        arena, &document, &err),
              err);
    assert_true(document.app.has_keys);
    assert_int_equal(document.app.redirect_count, 0);
    assert_string_equal(document.jwks_uri.ptr, "https://keys.example.com/");
    assert_ok(read_with(&anywhere,
                        "{\"client_id\":\"" URL "\",\"token_endpoint_auth_method\":"
                        "\"private_key_jwt\",\"jwks\":{\"keys\":[]}}",
                        arena, &document, &err),
              err);
    assert_str(document.jwks, "{\"keys\":[]}");
    assert_str(client_document_host(STR("https://a.example:8443/x")), "a.example:8443");
    assert_str(client_document_host(STR("app.abc")), "");
}

#define WITH(members)  "{\"client_id\":\"" URL "\"," members "}"
#define KEYED(members) WITH("\"token_endpoint_auth_method\":\"private_key_jwt\"" members)

static void a_document_that_says_anything_else_is_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "[]",
        "{}",
        "\"" URL "\"",
        "{\"client_id\":7}",
        "{\"client_id\":\"https://editor.example.com/oauth/client.json/\"}",
        "{\"client_id\":\"https://editor.example.com/oauth/Client.json\"}",
        "{\"client_id\":\"https://editor.example.com:443/oauth/client.json\"}",
        "{\"client_id\":\"" URL "\",\"client_id\":\"" URL "\"}",
        "{\"client_id\":\"" URL "\"} x",
        WITH("\"client_secret\":\"s\""),
        WITH("\"client_secret\":null"),
        WITH("\"client_secret_expires_at\":0"),
        WITH("\"client_name\":7"),
        WITH("\"redirect_uris\":\"https://a.example/cb\""),
        WITH("\"redirect_uris\":[\"javascript:alert(1)\"]"),
        WITH("\"redirect_uris\":[\"http://a.example/cb\"]"),
        WITH("\"token_endpoint_auth_method\":\"client_secret_basic\""),
        WITH("\"token_endpoint_auth_method\":\"client_secret_post\""),
        WITH("\"token_endpoint_auth_method\":\"client_secret_jwt\""),
        WITH("\"token_endpoint_auth_method\":\"tls_client_auth\""),
        WITH("\"token_endpoint_auth_method\":null"),
        KEYED(""),
        KEYED(",\"jwks\":[]"),
        KEYED(",\"jwks\":\"x\""),
        KEYED(",\"jwks\":{\"keys\":[]},\"jwks_uri\":\"https://a.example/keys\""),
        KEYED(",\"jwks_uri\":7"),
        KEYED(",\"jwks_uri\":\"http://a.example/keys\""),
        KEYED(",\"jwks_uri\":\"https://user@a.example/keys\""),
        KEYED(",\"jwks_uri\":\"https://a.example:22/keys\""),
        KEYED(",\"jwks_uri\":\"file:///etc/passwd\""),
    };
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 20);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct client_document document;
        struct err err;
        if (read_with(&anywhere, rows[i], arena, &document, &err) != ERR_INVALID)
            fail_msg("%s", rows[i]);
    }
}

static void keys_come_from_hosts_that_are_believed(void **state)
{
    (void)state;
    static const struct str domain = STR_INIT("*.example.com");
    const struct client_document_rules some = {.domains = &domain, .domain_count = 1};
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 20);
    struct client_document document;
    struct err err;
    assert_int_equal(read_with(&some, KEYED(",\"jwks_uri\":\"https://keys.example.com/k\""), arena,
                               &document, &err),
                     ERR_OK);
    assert_int_equal(
        read_with(&some, KEYED(",\"jwks_uri\":\"https://keys.test/k\""), arena, &document, &err),
        ERR_DENIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_plain_https_url_with_a_path_is_an_id),
        cmocka_unit_test(the_settings_say_whose_documents_are_believed),
        cmocka_unit_test(a_document_says_where_its_client_is_answered_and_which_keys_it_has),
        cmocka_unit_test(a_document_that_says_anything_else_is_refused),
        cmocka_unit_test(keys_come_from_hosts_that_are_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
