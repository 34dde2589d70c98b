#include "mcp/header.h"

#include "mcp_unit.h"

static struct mcp_headers read_one(struct arena *arena, const char *name, const char *value)
{
    struct mcp_header *header = arena_new_obj(arena, struct mcp_header);
    struct mcp_headers headers;
    assert_non_null(header);
    *header = (struct mcp_header){str_c(name), str_c(value)};
    header_read(header, 1, &headers);
    return headers;
}

static void names_are_found_in_any_case_and_values_trimmed(void **state)
{
    static const struct mcp_header list[] = {
        {STR_INIT("mcp-protocol-VERSION"), STR_INIT(" 2026-07-28\t")},
        {STR_INIT("MCP-METHOD"), STR_INIT("tools/call")},
        {STR_INIT("Mcp-Name"), STR_INIT("")},
        {STR_INIT("Mcp-Session-Id"), STR_INIT("s1")},
        {STR_INIT("Last-Event-ID"), STR_INIT("5")},
        {STR_INIT("X-Mcp-Name"), STR_INIT("other")},
    };
    struct mcp_headers headers;
    (void)state;
    header_read(list, ARRAY_LEN(list), &headers);
    assert_str(headers.protocol_version, "2026-07-28");
    assert_str(headers.method, "tools/call");
    assert_non_null(headers.name.ptr);
    assert_int_equal(headers.name.len, 0);
    assert_str(headers.session, "s1");
    assert_str(headers.last_event_id, "5");
    assert_false(headers.has_duplicate);
    header_read(NULL, 0, &headers);
    assert_null(headers.protocol_version.ptr);
    assert_null(headers.name.ptr);
}

static void a_header_that_stands_there_twice_is_noticed(void **state)
{
    static const struct mcp_header list[] = {
        {STR_INIT("Mcp-Name"), STR_INIT("a")},
        {STR_INIT("mcp-name"), STR_INIT("a")},
    };
    struct mcp_headers headers;
    (void)state;
    header_read(list, 2, &headers);
    assert_true(headers.has_duplicate);
}

static void accept_says_what_the_client_can_read(void **state)
{
    static const struct {
        const char *value;
        bool json;
        bool sse;
    } rows[] = {
        {"application/json, text/event-stream", true, true},
        {"application/json", true, false},
        {"text/event-stream;q=0.5", false, true},
        {"*/*", true, true},
        {"Application/JSON;charset=utf-8", true, false},
        {"application/json, text/event-stream;q=0", true, false},
        {"application/json;q=0.0,text/*", false, true},
        {"application/jsonp", false, false},
        {"text/html", false, false},
        {"", false, false},
        {",,;", false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct mcp_headers headers = read_one(*state, "Accept", rows[i].value);
        assert_int_equal(headers.accepts_json, rows[i].json);
        assert_int_equal(headers.accepts_sse, rows[i].sse);
    }
    assert_true(read_one(*state, "content-type", "application/json; charset=utf-8").has_json_body);
    assert_false(read_one(*state, "content-type", "text/plain").has_json_body);
    assert_true(read_one(*state, "content-type", "text/event-stream").has_sse_body);
}

static void coded_values_are_decoded_strictly(void **state)
{
    static const struct {
        const char *value;
        const char *text; /* NULL: refused */
    } rows[] = {
        {"plain", "plain"},
        {"two words\tand a tab", "two words\tand a tab"},
        {"=?base64?w6TDtsO8?=", "\xc3\xa4\xc3\xb6\xc3\xbc"},
        {"=?base64?"
         "?=",
         ""},
        {"=?base64?YQ==?=", "a"},
        {"=?base64?YQ?=", NULL},
        {"=?base64?YQ=?=", NULL},
        {"=?base64?YR==?=", NULL},
        {"=?base64?Y Q==?=", NULL},
        {"=?base64?-_-_?=", NULL},
        {"=?base64?/w==?=", NULL}, /* no UTF-8 */
        {"=?BASE64?YQ==?=", "=?BASE64?YQ==?="},
        {"=?base64?YQ==", "=?base64?YQ=="},
        {"base64?YQ==?=", "base64?YQ==?="},
        {"=?base64?=", "=?base64?="},
        {"\xc3\xa4", NULL},
        {"a\x01", NULL},
        {"a\x7f", NULL},
        {"", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str text;
        bool is_good = header_decode(str_c(rows[i].value), *state, &text);
        assert_int_equal(is_good, rows[i].text != NULL);
        if (is_good)
            assert_str(text, rows[i].text);
    }
}

static void what_is_coded_comes_back(void **state)
{
    static const struct {
        const char *text;
        const char *value;
    } rows[] = {
        {"echo", "echo"},
        {"a b", "a b"},
        {" a", "=?base64?IGE=?="},
        {"a\t", "=?base64?YQk=?="},
        {"\xc3\xa4", "=?base64?w6Q=?="},
        {"a\nb", "=?base64?YQpi?="},
        {"=?base64?YQ==?=", "=?base64?PT9iYXNlNjQ/WVE9PT89?="},
        {"=?base64?YQ==", "=?base64?YQ=="},
        {"", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str value;
        struct str text;
        assert_true(header_encode(str_c(rows[i].text), *state, &value));
        assert_str(value, rows[i].value);
        assert_true(header_decode(value, *state, &text));
        assert_str(text, rows[i].text);
    }
}

static void parameters_are_found_and_counted(void **state)
{
    static const struct mcp_header list[] = {
        {STR_INIT("Mcp-Param-Region"), STR_INIT(" eu ")},
        {STR_INIT("mcp-param-TENANT"), STR_INIT("")},
        {STR_INIT("MCP-Param-tenant"), STR_INIT("b")},
        {STR_INIT("Mcp-Param-"), STR_INIT("c")},
    };
    struct mcp_headers headers;
    size_t count;
    (void)state;
    header_read(list, ARRAY_LEN(list), &headers);
    assert_str(header_find_param(&headers, STR("region"), &count), "eu");
    assert_int_equal(count, 1);
    (void)header_find_param(&headers, STR("Tenant"), &count);
    assert_int_equal(count, 2);
    assert_null(header_find_param(&headers, STR("Regions"), &count).ptr);
    assert_int_equal(count, 0);
}

static void session_ids_are_visible_ascii(void **state)
{
    char long_id[513];
    (void)state;
    memset(long_id, 'x', sizeof long_id);
    assert_true(header_is_session(STR("abc~!")));
    assert_true(header_is_session(str_of(long_id, 512)));
    assert_false(header_is_session(str_of(long_id, 513)));
    assert_false(header_is_session(STR("")));
    assert_false(header_is_session(STR("a b")));
    assert_false(header_is_session(STR("a\xff")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_found_in_any_case_and_values_trimmed),
        cmocka_unit_test(a_header_that_stands_there_twice_is_noticed),
        arena_unit_test(accept_says_what_the_client_can_read),
        arena_unit_test(coded_values_are_decoded_strictly),
        arena_unit_test(what_is_coded_comes_back),
        cmocka_unit_test(parameters_are_found_and_counted),
        cmocka_unit_test(session_ids_are_visible_ascii),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
