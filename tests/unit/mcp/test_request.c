#include "mcp/request.h"

#include <stdio.h>

#include "base/json.h"
#include "mcp_unit.h"

#define INFO "{\"name\":\"portreeve\",\"version\":\"" PORTREEVE_VERSION "\"}"
#define MODERN                                                                                     \
    "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","                                  \
    "\"io.modelcontextprotocol/clientCapabilities\":{},\"io.modelcontextprotocol/"                 \
    "clientInfo\":" INFO

static void control_requests_are_written_from_scratch(void **state)
{
    static const struct {
        struct mcp_control_request request;
        const char *json;
    } rows[] = {
        {{.control = MCP_CONTROL_DISCOVER, .version = MCP_2026_07_28, .id = 1},
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"server/"
         "discover\",\"params\":{\"_meta\":{" MODERN "}}}"},
        {{.control = MCP_CONTROL_INITIALIZE, .version = MCP_2025_11_25, .id = 2},
         "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"
         "\"2025-11-25\",\"capabilities\":{},\"clientInfo\":" INFO "}}"},
        {{.control = MCP_CONTROL_INITIALIZED, .version = MCP_2025_11_25},
         "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}"},
        {{.control = MCP_CONTROL_TOOLS_LIST, .version = MCP_2025_06_18, .id = 3},
         "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"tools/list\",\"params\":{}}"},
        {{.control = MCP_CONTROL_TOOLS_LIST,
          .version = MCP_2026_07_28,
          .id = 4,
          .cursor = STR_INIT("a\"\n")},
         "{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"tools/"
         "list\",\"params\":{\"cursor\":\"a\\\"\\n\","
         "\"_meta\":{" MODERN "}}}"},
        {{.control = MCP_CONTROL_PING, .version = MCP_2025_06_18, .id = 5},
         "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"ping\"}"},
        {{.control = MCP_CONTROL_CANCELLED,
          .version = MCP_2025_06_18,
          .id = 6,
          .reason = STR_INIT("gone")},
         "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":6,"
         "\"reason\":\"gone\"}}"},
        {{.control = MCP_CONTROL_CANCELLED, .version = MCP_2026_07_28, .id = 6},
         "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/"
         "cancelled\",\"params\":{\"requestId\":6}}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out;
        struct mcp_message read;
        struct mcp_refusal refusal;
        buf_init(&out, 4096);
        request_control(&out, &rows[i].request);
        assert_str(buf_str(&out), rows[i].json);
        assert_int_equal(message_parse(buf_str(&out), NULL, *state, &read, &refusal), ERR_OK);
        assert_str(read.method_name, request_control_method(rows[i].request.control));
        buf_done(&out);
    }
}

/* The call as it goes, checked to be one line of strict JSON and to hold the argument bytes. */
static struct str call_of(struct arena *arena, const char *json, enum mcp_version version)
{
    struct mcp_message message = client_message(arena, json);
    const struct mcp_call call = {
        .message = &message, .upstream_name = STR("up"), .version = version, .id = 77};
    struct mcp_pieces pieces;
    struct mcp_message read;
    struct mcp_refusal refusal;
    struct err err;
    struct buf head;
    struct buf whole;
    buf_init(&head, 4096);
    buf_init(&whole, 8192);
    buf_add_c(&head, "used before");
    assert_ok(request_call(&call, &head, &pieces, &err), err);
    pieces_write(&whole, &pieces);
    assert_int_equal(whole.len, pieces_bytes(&pieces));
    struct str copy = arena_dup(arena, buf_str(&whole));
    assert_int_equal(message_parse(copy, NULL, arena, &read, &refusal), ERR_OK);
    assert_str(read.name, "up");
    assert_true(str_eq(message_arguments(&read), message_arguments(&message)));
    assert_true(pieces.piece[1].ptr == message_arguments(&message).ptr ||
                str_eq(pieces.piece[1], STR("{}")));
    buf_done(&head);
    buf_done(&whole);
    return copy;
}

#define CALL(params)                                                                               \
    "{\"jsonrpc\":\"2.0\",\"id\":\"c\",\"method\":\"tools/call\",\"params\":{" params "}}"
#define TRACE "\"traceparent\":\"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\""

static void a_call_keeps_its_argument_bytes_and_little_else(void **state)
{
    assert_str(
        call_of(*state,
                CALL("\"_meta\":{},\"arguments\":{ \"b\" : 1.50,\"B\":\"\\u0041\"},"
                     "\"name\":\"docs__up\""),
                MCP_2025_11_25),
        "{\"jsonrpc\":\"2.0\",\"id\":77,\"method\":\"tools/call\",\"params\":{\"name\":\"up\","
        "\"arguments\":{ \"b\" : 1.50,\"B\":\"\\u0041\"}}}");
    assert_str(
        call_of(*state, CALL("\"name\":\"x\""), MCP_2026_07_28),
        "{\"jsonrpc\":\"2.0\",\"id\":77,\"method\":\"tools/call\",\"params\":{\"name\":\"up\","
        "\"arguments\":{},\"_meta\":{" MODERN "}}}");
}

static void metadata_is_rewritten_for_the_era_of_the_upstream(void **state)
{
    static const char modern_call[] =
        CALL("\"name\":\"x\",\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
             "\"io.modelcontextprotocol/clientCapabilities\":{\"sampling\":{}},"
             "\"io.modelcontextprotocol/clientInfo\":{\"name\":\"c\"},"
             "\"io.modelcontextprotocol/logLevel\":\"error\",\"com.example/a\":[1, 2],"
             "\"com.mcp.x/y\":1,\"tools.mcp/z\":2,\"dev.MCP/z\":3,"
             "\"progressToken\":\"p\"," TRACE ",\"b\":\"\xc3\xa4\"}");
    assert_str(
        call_of(*state, modern_call, MCP_2025_06_18),
        "{\"jsonrpc\":\"2.0\",\"id\":77,\"method\":\"tools/call\",\"params\":{\"name\":\"up\","
        "\"arguments\":{},\"_meta\":{\"progressToken\":77,\"com.example/a\":[1, 2]," TRACE
        ",\"b\":\"\xc3\xa4\"}}}");
    assert_str(
        call_of(*state, modern_call, MCP_2026_07_28),
        "{\"jsonrpc\":\"2.0\",\"id\":77,\"method\":\"tools/call\",\"params\":{\"name\":\"up\","
        "\"arguments\":{},\"_meta\":{" MODERN
        ",\"io.modelcontextprotocol/logLevel\":\"error\",\"progressToken\":77,"
        "\"com.example/a\":[1, 2]," TRACE ",\"b\":\"\xc3\xa4\"}}}");
}

static void odd_metadata_stays_behind(void **state)
{
    assert_str(
        call_of(*state,
                CALL("\"name\":\"x\",\"_meta\":{\"traceparent\":\"bad\",\"tracestate\":\"a=b\","
                     "\"com.example\\/a\":1,\"c\\u006fm.example/b\":2}"),
                MCP_2025_06_18),
        "{\"jsonrpc\":\"2.0\",\"id\":77,\"method\":\"tools/call\",\"params\":{\"name\":\"up\","
        "\"arguments\":{}}}");
}

static void a_call_written_over_many_lines_goes_as_one(void **state)
{
    struct str call = call_of(*state,
                              "{\n\"jsonrpc\":\"2.0\",\r\n\"id\":1,\"method\":\"tools/call\","
                              "\"params\":{\"name\":\"x\",\"arguments\":{\n\"a\":[1,\n2]},"
                              "\"_meta\":{\"k\":{\n\"v\":\"\\n\"}}}}",
                              MCP_2025_06_18);
    assert_null(memchr(call.ptr, '\n', call.len));
    assert_null(memchr(call.ptr, '\r', call.len));
}

static void a_head_that_is_full_is_a_limit(void **state)
{
    struct mcp_message message = client_message(*state, CALL("\"name\":\"x\""));
    const struct mcp_call call = {
        .message = &message, .upstream_name = STR("up"), .version = MCP_2026_07_28, .id = 1};
    struct mcp_pieces pieces;
    struct err err;
    bool is_built = false;
    for (size_t max = 0; max < 1024 && !is_built; max++) {
        struct buf head;
        buf_init(&head, max);
        enum err_code code = request_call(&call, &head, &pieces, &err);
        assert_true(code == ERR_OK || code == ERR_LIMIT);
        is_built = code == ERR_OK;
        buf_done(&head);
    }
    assert_true(is_built);
}

static void check_headers(struct arena *arena, const struct mcp_header_facts *facts,
                          const char *expected)
{
    const struct mcp_header *headers;
    size_t count;
    struct err err;
    struct buf lines;
    buf_init(&lines, 4096);
    assert_ok(request_headers(facts, arena, &headers, &count, &err), err);
    for (size_t i = 0; i < count; i++) {
        buf_add(&lines, headers[i].name);
        buf_add_c(&lines, ": ");
        buf_add(&lines, headers[i].value);
        buf_add_c(&lines, "\n");
    }
    assert_str(buf_str(&lines), expected);
    buf_done(&lines);
}

#define ALWAYS "Content-Type: application/json\nAccept: application/json, text/event-stream\n"

static void headers_follow_the_era_of_the_upstream(void **state)
{
    const struct mcp_header_facts initialize = {
        .version = MCP_2025_11_25, .method = STR("initialize"), .is_initialize = true};
    const struct mcp_header_facts legacy = {.version = MCP_2025_06_18,
                                            .method = STR("tools/call"),
                                            .name = STR("echo"),
                                            .session = STR("s-1")};
    const struct mcp_header_facts modern = {
        .version = MCP_2026_07_28, .method = STR("tools/call"), .name = STR("\xc3\xa4")};
    const struct mcp_header_facts discover = {.version = MCP_2026_07_28,
                                              .method = STR("server/discover")};
    check_headers(*state, &initialize, ALWAYS);
    check_headers(*state, &legacy,
                  ALWAYS "MCP-Protocol-Version: 2025-06-18\nMcp-Session-Id: s-1\n");
    check_headers(*state, &modern,
                  ALWAYS "MCP-Protocol-Version: 2026-07-28\nMcp-Method: tools/call\nMcp-Name: "
                         "=?base64?w6Q=?=\n");
    check_headers(*state, &discover,
                  ALWAYS "MCP-Protocol-Version: 2026-07-28\nMcp-Method: server/discover\n");
}

static struct schema_facts facts_of(struct arena *arena)
{
    static const char schema[] =
        "{\"properties\":{\"region\":{\"type\":\"string\",\"x-mcp-header\":\"Region\"},"
        "\"limit\":{\"type\":\"integer\",\"x-mcp-header\":\"Limit\"},"
        "\"o\":{\"properties\":{\"dry\":{\"type\":\"boolean\",\"x-mcp-header\":\"Dry\"}}}}}";
    struct json_doc doc;
    struct schema_facts facts;
    struct err err;
    assert_ok(json_parse(str_c(schema), &json_limits_default, arena, &doc, &err), err);
    assert_ok(schema_read(&doc, 0, arena, &facts, &err), err);
    return facts;
}

static void annotated_arguments_travel_as_headers_too(void **state)
{
    struct schema_facts facts = facts_of(*state);
    struct mcp_message message = client_message(
        *state, CALL("\"name\":\"x\",\"arguments\":{\"region\":\"e\\nu\",\"limit\":-3,"
                     "\"o\":{\"dry\":false},\"other\":1}"));
    struct mcp_message none =
        client_message(*state, CALL("\"name\":\"x\",\"arguments\":{\"region\":null}"));
    struct mcp_header_facts headers = {.version = MCP_2026_07_28,
                                       .method = STR("tools/call"),
                                       .name = STR("up"),
                                       .message = &message,
                                       .facts = &facts};
    check_headers(*state, &headers,
                  ALWAYS "MCP-Protocol-Version: 2026-07-28\nMcp-Method: tools/call\nMcp-Name: up\n"
                         "Mcp-Param-Region: =?base64?ZQp1?=\nMcp-Param-Limit: -3\n"
                         "Mcp-Param-Dry: false\n");
    headers.message = &none;
    check_headers(*state, &headers,
                  ALWAYS "MCP-Protocol-Version: 2026-07-28\nMcp-Method: tools/call\n"
                         "Mcp-Name: up\n");
    headers.version = MCP_2025_06_18;
    headers.message = &message;
    check_headers(*state, &headers, ALWAYS "MCP-Protocol-Version: 2025-06-18\n");
}

static void an_argument_that_cannot_be_a_header_is_refused(void **state)
{
    static const char *const rows[] = {
        "{\"region\":7}",      "{\"region\":{}}", "{\"limit\":\"3\"}",
        "{\"limit\":1.5}",     "{\"limit\":1e2}", "{\"limit\":9007199254740992}",
        "{\"o\":{\"dry\":1}}", "{\"limit\":[1]}",
    };
    struct schema_facts facts = facts_of(*state);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char json[256];
        const struct mcp_header *headers;
        size_t count;
        struct err err;
        (void)snprintf(json, sizeof json, CALL("\"name\":\"x\",\"arguments\":%s"), rows[i]);
        struct mcp_message message = client_message(*state, json);
        const struct mcp_header_facts asked = {.version = MCP_2026_07_28,
                                               .method = STR("tools/call"),
                                               .message = &message,
                                               .facts = &facts};
        assert_int_equal(request_headers(&asked, *state, &headers, &count, &err), ERR_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        arena_unit_test(control_requests_are_written_from_scratch),
        arena_unit_test(a_call_keeps_its_argument_bytes_and_little_else),
        arena_unit_test(metadata_is_rewritten_for_the_era_of_the_upstream),
        arena_unit_test(odd_metadata_stays_behind),
        arena_unit_test(a_call_written_over_many_lines_goes_as_one),
        arena_unit_test(a_head_that_is_full_is_a_limit),
        arena_unit_test(headers_follow_the_era_of_the_upstream),
        arena_unit_test(annotated_arguments_travel_as_headers_too),
        arena_unit_test(an_argument_that_cannot_be_a_header_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
