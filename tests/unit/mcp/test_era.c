#include "mcp/era.h"

#include <stdio.h>

#include "mcp_unit.h"

#define V         "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\""
#define C         "\"io.modelcontextprotocol/clientCapabilities\":{}"
#define BOTH      "\"_meta\":{" V "," C "}"
#define PROTO     "MCP-Protocol-Version: 2026-07-28\n"
#define METHOD(m) "Mcp-Method: " m "\n"
#define REQUEST(method, params)                                                                    \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"" method "\",\"params\":{" params "}}"
#define LIST REQUEST("tools/list", BOTH)
#define CALL REQUEST("tools/call", "\"name\":\"echo\"," BOTH)

/* In the tables MCP_ERRORS stands for: taken. */
enum { MAX_HEADERS = 16 };

/* "Name: value" lines, cut in place. */
static void read_lines(struct arena *arena, const char *lines, struct mcp_headers *ret_headers)
{
    struct mcp_header *list = arena_calloc(arena, MAX_HEADERS, sizeof *list);
    struct str rest = str_c(lines);
    size_t count = 0;
    assert_non_null(list);
    while (rest.len > 0) {
        struct str line = str_cut(&rest, '\n');
        list[count].name = str_cut(&line, ':');
        list[count++].value = line;
    }
    header_read(list, count, ret_headers);
}

static void modern_requests_are_checked_in_the_order_of_the_specification(void **state)
{
    static const struct {
        const char *headers;
        const char *body;
        enum mcp_error error;
    } rows[] = {
        {PROTO METHOD("tools/list"), LIST, MCP_ERRORS},
        {PROTO METHOD("tools/call") "Mcp-Name: echo\n", CALL, MCP_ERRORS},
        {PROTO METHOD("tools/call") "Mcp-Name: =?base64?ZWNobw==?=\n", CALL, MCP_ERRORS},
        {PROTO METHOD("server/discover"), REQUEST("server/discover", BOTH), MCP_ERRORS},
        {"MCP-PROTOCOL-VERSION:2026-07-28\nMCP-METHOD:  tools/list\t\n", LIST, MCP_ERRORS},
        /* _meta */
        {PROTO METHOD("tools/list"), REQUEST("tools/list", ""), MCP_ERROR_META},
        {PROTO METHOD("tools/list"), REQUEST("tools/list", "\"_meta\":{" V "}"), MCP_ERROR_META},
        {PROTO METHOD("tools/list"), REQUEST("tools/list", "\"_meta\":{" C "}"), MCP_ERROR_META},
        {METHOD("tools/list"), REQUEST("tools/list", "\"_meta\":{" V "}"), MCP_ERROR_META},
        /* version */
        {METHOD("tools/list"), LIST, MCP_ERROR_HEADER},
        {"MCP-Protocol-Version: 2025-11-25\n" METHOD("tools/list"), LIST, MCP_ERROR_HEADER},
        {"MCP-Protocol-Version: 2027-01-01\n" METHOD("tools/list"), LIST, MCP_ERROR_HEADER},
        {"MCP-Protocol-Version: 2027-01-01\n" METHOD("tools/list"),
         REQUEST("tools/list",
                 "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2027-01-01\"," C "}"),
         MCP_ERROR_VERSION},
        {"MCP-Protocol-Version: 2025-06-18\n" METHOD("tools/list"),
         REQUEST("tools/list",
                 "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2025-06-18\"," C "}"),
         MCP_ERROR_VERSION},
        {PROTO PROTO METHOD("tools/list"), LIST, MCP_ERROR_HEADER},
        /* method */
        {PROTO METHOD("initialize"), REQUEST("initialize", BOTH), MCP_ERROR_METHOD},
        {PROTO, REQUEST("initialize", BOTH), MCP_ERROR_METHOD},
        {PROTO METHOD("ping"), REQUEST("ping", BOTH), MCP_ERROR_METHOD},
        {PROTO METHOD("no/such"), REQUEST("no/such", BOTH), MCP_ERROR_METHOD},
        {PROTO METHOD("resources/list"), REQUEST("resources/list", BOTH), MCP_ERROR_METHOD},
        {PROTO METHOD("notifications/progress"), REQUEST("x", BOTH), MCP_ERROR_METHOD},
        {PROTO, LIST, MCP_ERROR_HEADER},
        {PROTO METHOD("tools/call"), LIST, MCP_ERROR_HEADER},
        {PROTO METHOD("Tools/List"), LIST, MCP_ERROR_HEADER},
        {PROTO METHOD("tools/list") METHOD("tools/list"), LIST, MCP_ERROR_HEADER},
        /* name */
        {PROTO METHOD("tools/call"), CALL, MCP_ERROR_HEADER},
        {PROTO METHOD("tools/call") "Mcp-Name:\n", CALL, MCP_ERROR_HEADER},
        {PROTO METHOD("tools/call") "Mcp-Name: Echo\n", CALL, MCP_ERROR_HEADER},
        {PROTO METHOD("tools/call") "Mcp-Name: =?base64?ZWNobw=?=\n", CALL, MCP_ERROR_HEADER},
        {PROTO METHOD("tools/call") "Mcp-Name: =?BASE64?ZWNobw==?=\n", CALL, MCP_ERROR_HEADER},
        {PROTO METHOD("tools/call") "Mcp-Name: ech\xc3\xb6\n", CALL, MCP_ERROR_HEADER},
        {PROTO METHOD("tools/call") "Mcp-Name: echo\nMcp-Name: drop\n", CALL, MCP_ERROR_HEADER},
        /* answers and notifications */
        {PROTO, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}", MCP_ERROR_INVALID_REQUEST},
        {PROTO METHOD("notifications/cancelled"),
         "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/"
         "cancelled\",\"params\":{\"requestId\":1}}",
         MCP_ERRORS},
        {PROTO,
         "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/"
         "cancelled\",\"params\":{\"requestId\":1}}",
         MCP_ERRORS},
        {PROTO METHOD("ping"),
         "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/"
         "cancelled\",\"params\":{\"requestId\":1}}",
         MCP_ERROR_HEADER},
        {PROTO, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}", MCP_ERROR_METHOD},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct mcp_message message = client_message(*state, rows[i].body);
        struct mcp_headers headers;
        struct mcp_terms terms;
        struct mcp_refusal refusal = {.error = MCP_ERRORS};
        read_lines(*state, rows[i].headers, &headers);
        enum err_code code = era_check(&headers, &message, *state, &terms, &refusal);
        if (refusal.error != rows[i].error || (code == ERR_OK) != (rows[i].error == MCP_ERRORS))
            fail_msg("row %zu: %s", i, refusal.err.text);
        assert_int_equal(terms.era, MCP_MODERN);
        assert_int_equal(terms.version, MCP_2026_07_28);
    }
}

static void legacy_requests_are_judged_by_version_and_table_alone(void **state)
{
    static const struct {
        const char *headers;
        const char *body;
        enum mcp_error error;
        enum mcp_version version;
    } rows[] = {
        {"", REQUEST("tools/list", ""), MCP_ERRORS, MCP_2025_03_26},
        {"MCP-Protocol-Version: 2025-06-18\n", REQUEST("tools/list", ""), MCP_ERRORS,
         MCP_2025_06_18},
        {"MCP-Protocol-Version: 2024-11-05\n", REQUEST("ping", ""), MCP_ERRORS, MCP_2024_11_05},
        {"Mcp-Method: lie\nMcp-Name: lie\n", REQUEST("tools/call", "\"name\":\"echo\""), MCP_ERRORS,
         MCP_2025_03_26},
        {"", REQUEST("initialize", "\"protocolVersion\":\"2025-06-18\""), MCP_ERRORS,
         MCP_2025_06_18},
        {"", REQUEST("initialize", "\"protocolVersion\":\"2026-07-28\""), MCP_ERRORS,
         MCP_2025_11_25},
        {"MCP-Protocol-Version: odd\n", REQUEST("initialize", "\"protocolVersion\":\"odd\""),
         MCP_ERRORS, MCP_2025_11_25},
        {"", REQUEST("initialize", ""), MCP_ERROR_PARAMS, MCP_2025_03_26},
        {"MCP-Protocol-Version: 2025-06-19\n", REQUEST("tools/list", ""), MCP_ERROR_VERSION,
         MCP_2025_03_26},
        {"MCP-Protocol-Version:\n", REQUEST("tools/list", ""), MCP_ERROR_VERSION, MCP_2025_03_26},
        {"", REQUEST("server/discover", ""), MCP_ERROR_METHOD, MCP_2025_03_26},
        {"", REQUEST("resources/read", "\"uri\":\"x\""), MCP_ERROR_METHOD, MCP_2025_03_26},
        {"Mcp-Session-Id: a\nMcp-Session-Id: b\n", REQUEST("ping", ""), MCP_ERROR_INVALID_REQUEST,
         MCP_2025_03_26},
        {"", "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}", MCP_ERRORS, MCP_2025_03_26},
        {"", "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}", MCP_ERRORS,
         MCP_2025_03_26},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct mcp_message message = client_message(*state, rows[i].body);
        struct mcp_headers headers;
        struct mcp_terms terms;
        struct mcp_refusal refusal = {.error = MCP_ERRORS};
        read_lines(*state, rows[i].headers, &headers);
        enum err_code code = era_check(&headers, &message, *state, &terms, &refusal);
        if (refusal.error != rows[i].error || (code == ERR_OK) != (rows[i].error == MCP_ERRORS))
            fail_msg("row %zu: %s", i, refusal.err.text);
        assert_int_equal(terms.era, MCP_LEGACY);
        assert_int_equal(terms.version, rows[i].version);
    }
}

static void a_refusal_can_be_answered_and_recorded(void **state)
{
    struct mcp_message message = client_message(
        *state, REQUEST("tools/list", "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":"
                                      "\"2027-01-01\"," C "}"));
    struct mcp_headers headers;
    struct mcp_terms terms;
    struct mcp_refusal refusal;
    read_lines(*state, "MCP-Protocol-Version: 2027-01-01\n", &headers);
    assert_int_equal(era_check(&headers, &message, *state, &terms, &refusal), ERR_INVALID);
    assert_str(refusal.id, "1");
    assert_str(refusal.method, "tools/list");
    assert_str(refusal.requested, "2027-01-01");
    assert_int_equal(era_guess(&headers), MCP_MODERN);
}

static struct schema_facts facts_of(struct arena *arena, const char *schema)
{
    struct json_doc doc;
    struct schema_facts facts;
    struct err err;
    assert_ok(json_parse(str_c(schema), &json_limits_default, arena, &doc, &err), err);
    assert_ok(schema_read(&doc, 0, arena, &facts, &err), err);
    return facts;
}

static void mirrored_arguments_must_match(void **state)
{
    static const struct {
        const char *headers;
        const char *arguments;
        bool is_taken;
    } rows[] = {
        {"", "{}", true},
        {"", "{\"region\":null,\"limit\":null}", true},
        {"Mcp-Param-Region: eu\n", "{\"region\":\"eu\"}", true},
        {"mcp-param-region: eu\n", "{\"region\":\"\\u0065u\"}", true},
        {"Mcp-Param-Region: =?base64?w6Q=?=\n", "{\"region\":\"\xc3\xa4\"}", true},
        {"Mcp-Param-Region:\n", "{\"region\":\"\"}", true},
        {"Mcp-Param-Limit: 42\n", "{\"limit\":42}", true},
        {"Mcp-Param-Limit: 42.0\n", "{\"limit\":42}", true},
        {"Mcp-Param-Limit: 42\n", "{\"limit\":42.00}", true},
        {"Mcp-Param-Limit: -7\n", "{\"limit\":-7}", true},
        {"Mcp-Param-Deep: true\n", "{\"a\":{\"b\":true}}", true},
        {"Mcp-Param-Other: x\n", "{}", true},
        {"", "{\"region\":\"eu\"}", false},
        {"Mcp-Param-Region: eu\n", "{}", false},
        {"Mcp-Param-Region: eu\n", "{\"region\":null}", false},
        {"Mcp-Param-Region: EU\n", "{\"region\":\"eu\"}", false},
        {"Mcp-Param-Region: eu\nMcp-Param-Region: eu\n", "{\"region\":\"eu\"}", false},
        {"Mcp-Param-Region: =?base64?w6Q?=\n", "{\"region\":\"\xc3\xa4\"}", false},
        {"Mcp-Param-Limit: 43\n", "{\"limit\":42}", false},
        {"Mcp-Param-Limit: 9007199254740992\n", "{\"limit\":9007199254740993}", false},
        {"Mcp-Param-Deep: True\n", "{\"a\":{\"b\":true}}", false},
        {"Mcp-Param-Deep: true\n", "{\"a\":{\"b\":{}}}", false},
    };
    struct schema_facts facts = facts_of(
        *state,
        "{\"properties\":{\"region\":{\"type\":\"string\",\"x-mcp-header\":\"Region\"},"
        "\"limit\":{\"type\":\"integer\",\"x-mcp-header\":\"Limit\"},\"a\":{\"type\":\"object\","
        "\"properties\":{\"b\":{\"type\":\"boolean\",\"x-mcp-header\":\"Deep\"}}}}}");
    assert_int_equal(facts.count, 3);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char body[512];
        struct mcp_headers headers;
        struct mcp_refusal refusal = {.error = MCP_ERRORS};
        (void)snprintf(body, sizeof body, REQUEST("tools/call", "\"name\":\"a\",\"arguments\":%s"),
                       rows[i].arguments);
        struct mcp_message message = client_message(*state, body);
        read_lines(*state, rows[i].headers, &headers);
        enum err_code code = era_check_params(&headers, &message, &facts, *state, &refusal);
        if ((code == ERR_OK) != rows[i].is_taken)
            fail_msg("row %zu", i);
        assert_int_equal(refusal.error, rows[i].is_taken ? MCP_ERRORS : MCP_ERROR_HEADER);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        arena_unit_test(modern_requests_are_checked_in_the_order_of_the_specification),
        arena_unit_test(legacy_requests_are_judged_by_version_and_table_alone),
        arena_unit_test(a_refusal_can_be_answered_and_recorded),
        arena_unit_test(mirrored_arguments_must_match),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
