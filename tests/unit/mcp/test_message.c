#include "mcp/message.h"

#include <stdio.h>

#include "mcp_unit.h"

#define CALL(params)                                                                               \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{" params "}}"
#define META(members) CALL("\"name\":\"echo\",\"_meta\":{" members "}")

static void a_modern_call_is_read_whole(void **state)
{
    struct mcp_message m = client_message(
        *state,
        "{\"jsonrpc\":\"2.0\",\"id\":\"a-1\",\"method\":\"tools/call\",\"params\":{\"name\":"
        "\"echo\",\"arguments\":{ \"ID\" : 1.0,\"Name\":\"x\"},\"_meta\":{"
        "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
        "\"io.modelcontextprotocol/clientCapabilities\":{},"
        "\"io.modelcontextprotocol/clientInfo\":{\"name\":\"c\\u00e4\",\"version\":\"1\"},"
        "\"io.modelcontextprotocol/logLevel\":\"warning\","
        "\"traceparent\":\"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\","
        "\"progressToken\":\"p\\u0041\"}}}");
    assert_int_equal(m.kind, MCP_REQUEST);
    assert_int_equal(m.method, MCP_TOOLS_CALL);
    assert_str(m.id, "\"a-1\"");
    assert_str(m.name, "echo");
    assert_str(message_arguments(&m), "{ \"ID\" : 1.0,\"Name\":\"x\"}");
    assert_int_equal(message_argument_count(&m), 2);
    assert_str(m.protocol_version, "2026-07-28");
    assert_int_not_equal(m.client_capabilities, JSON_NONE);
    assert_str(m.client_name, "c\xc3\xa4");
    assert_str(m.client_version, "1");
    assert_int_equal(m.log_level, MCP_LOG_WARNING);
    assert_str(m.progress_token, "\"p\\u0041\"");
    assert_int_equal(m.traceparent.len, 55);
}

static void an_initialize_names_the_client_in_its_params(void **state)
{
    struct mcp_message m = client_message(
        *state, "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
                "\"protocolVersion\":\"2025-06-18\",\"capabilities\":{\"roots\":{}},"
                "\"clientInfo\":{\"name\":\"c\",\"version\":\"2\"}}}");
    assert_int_equal(m.method, MCP_INITIALIZE);
    assert_str(m.id, "0");
    assert_null(m.protocol_version.ptr);
    assert_str(m.asked_version, "2025-06-18");
    assert_str(m.client_name, "c");
    assert_int_not_equal(m.client_capabilities, JSON_NONE);
}

static void the_kind_follows_from_the_members(void **state)
{
    static const struct {
        const char *json;
        enum mcp_kind kind;
    } rows[] = {
        {"{\"jsonrpc\":\"2.0\",\"id\":-5,\"method\":\"ping\"}", MCP_REQUEST},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}", MCP_NOTIFICATION},
        {"{\"jsonrpc\":\"2.0\",\"id\":\"\",\"result\":{}}", MCP_RESPONSE},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-1,\"message\":\"\"}}", MCP_FAILURE},
        {" \r\n{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"no/such\"}\n", MCP_REQUEST},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(client_message(*state, rows[i].json).kind, rows[i].kind);
}

struct refused {
    const char *json;
    enum mcp_error error;
};

static void check_refused(struct arena *arena, const struct refused *row)
{
    struct mcp_message message = {.kind = MCP_FAILURE, .id = STR("untouched")};
    struct mcp_refusal refusal;
    if (message_parse(str_c(row->json), NULL, arena, &message, &refusal) == ERR_OK)
        fail_msg("taken: %s", row->json);
    if (refusal.error != row->error)
        fail_msg("%s: %s (%s)", row->json, error_word(refusal.error), refusal.err.text);
    assert_str(message.id, "untouched");
}

static void what_is_not_one_json_rpc_message_is_refused(void **state)
{
    static const struct refused rows[] = {
        {"", MCP_ERROR_PARSE},
        {"  ", MCP_ERROR_PARSE},
        {"{", MCP_ERROR_PARSE},
        {"{}{}", MCP_ERROR_PARSE},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"method\":\"x\"}", MCP_ERROR_PARSE},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"\\u006dethod\":\"x\"}",
         MCP_ERROR_PARSE},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"pi\nng\"}", MCP_ERROR_PARSE},
        {"\"x\"", MCP_ERROR_INVALID_REQUEST},
        {"null", MCP_ERROR_INVALID_REQUEST},
        {"[]", MCP_ERROR_BATCH},
        {"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]", MCP_ERROR_BATCH},
        {"{}", MCP_ERROR_INVALID_REQUEST},
        {"{\"id\":1,\"method\":\"ping\"}", MCP_ERROR_INVALID_REQUEST},
        {"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}", MCP_ERROR_INVALID_REQUEST},
        {"{\"jsonrpc\":2.0,\"id\":1,\"method\":\"ping\"}", MCP_ERROR_INVALID_REQUEST},
        {"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}", MCP_ERROR_INVALID_REQUEST},
        {"{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"ping\"}", MCP_ERROR_INVALID_REQUEST},
        {"{\"jsonrpc\":\"2.0\",\"id\":1e2,\"method\":\"ping\"}", MCP_ERROR_INVALID_REQUEST},
        {"{\"jsonrpc\":\"2.0\",\"id\":99999999999999999999,\"method\":\"ping\"}",
         MCP_ERROR_INVALID_REQUEST},
        {"{\"jsonrpc\":\"2.0\",\"id\":true,\"method\":\"ping\"}", MCP_ERROR_INVALID_REQUEST},
        {"{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"ping\"}", MCP_ERROR_INVALID_REQUEST},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}", MCP_ERROR_INVALID_REQUEST},
        {"{\"jsonrpc\":\"2.0\",\"id\":1}", MCP_ERROR_INVALID_REQUEST},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"result\":{}}",
         MCP_ERROR_INVALID_REQUEST},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{},\"error\":{\"code\":1}}",
         MCP_ERROR_INVALID_REQUEST},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{},\"params\":{}}", MCP_ERROR_INVALID_REQUEST},
        {"{\"jsonrpc\":\"2.0\",\"result\":{}}", MCP_ERROR_INVALID_REQUEST},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":\"x\"}", MCP_ERROR_INVALID_REQUEST},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{}}", MCP_ERROR_INVALID_REQUEST},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":[]}",
         MCP_ERROR_INVALID_REQUEST},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":null}",
         MCP_ERROR_INVALID_REQUEST},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"tools/call\",\"params\":{\"name\":\"x\"}}",
         MCP_ERROR_INVALID_REQUEST},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"notifications/initialized\"}",
         MCP_ERROR_INVALID_REQUEST},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_refused(*state, &rows[i]);
}

static void look_alikes_of_protocol_names_are_refused(void **state)
{
    static const struct refused rows[] = {
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"Method\":\"x\"}",
         MCP_ERROR_INVALID_REQUEST},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"PARAMS\":{}}",
         MCP_ERROR_INVALID_REQUEST},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"param\\u017f\":{}}",
         MCP_ERROR_INVALID_REQUEST},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"extra\":1}",
         MCP_ERROR_INVALID_REQUEST},
        {CALL("\"name\":\"a\",\"Name\":\"b\""), MCP_ERROR_PARAMS},
        {CALL("\"name\":\"a\",\"argument\xc5\xbf\":{}"), MCP_ERROR_PARAMS},
        {CALL("\"name\":\"a\",\"_Meta\":{}"), MCP_ERROR_PARAMS},
        {CALL("\"name\":\"a\",\"requeststate\":\"\""), MCP_ERROR_PARAMS},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{\"Cursor\":\"\"}}",
         MCP_ERROR_PARAMS},
        {META("\"io.modelcontextprotocol/ProtocolVersion\":\"2026-07-28\""), MCP_ERROR_META},
        {META("\"IO.modelcontextprotocol/protocolVersion\":\"2026-07-28\""), MCP_ERROR_META},
        {META("\"progresstoken\":1"), MCP_ERROR_META},
        {META("\"progressTo\\u212aen\":1"), MCP_ERROR_META},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_refused(*state, &rows[i]);
}

static void parameters_of_a_call_are_a_closed_set(void **state)
{
    static const struct refused rows[] = {
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\"}", MCP_ERROR_PARAMS},
        {CALL(""), MCP_ERROR_PARAMS},
        {CALL("\"name\":1"), MCP_ERROR_PARAMS},
        {CALL("\"name\":\"\""), MCP_ERROR_PARAMS},
        {CALL("\"name\":\"a b\""), MCP_ERROR_PARAMS},
        {CALL("\"name\":\"safe\\u0000drop\""), MCP_ERROR_PARAMS},
        {CALL("\"name\":\"caf\xc3\xa9\""), MCP_ERROR_PARAMS},
        {CALL("\"name\":\"\xe2\x84\xaa\""), MCP_ERROR_PARAMS},
        {CALL("\"name\":\"a\",\"arguments\":[]"), MCP_ERROR_PARAMS},
        {CALL("\"name\":\"a\",\"arguments\":null"), MCP_ERROR_PARAMS},
        {CALL("\"name\":\"a\",\"uri\":\"x\""), MCP_ERROR_PARAMS},
        {CALL("\"name\":\"a\",\"anything\":1"), MCP_ERROR_PARAMS},
        {CALL("\"name\":\"a\",\"task\":{}"), MCP_ERROR_PARAMS},
        {CALL("\"name\":\"a\",\"inputResponses\":{}"), MCP_ERROR_PARAMS},
        {CALL("\"name\":\"a\",\"requestState\":\"x\""), MCP_ERROR_PARAMS},
        {CALL("\"name\":\"a\",\"_meta\":null"), MCP_ERROR_META},
        {META("\"io.modelcontextprotocol/protocolVersion\":1"), MCP_ERROR_META},
        {META("\"io.modelcontextprotocol/clientCapabilities\":[]"), MCP_ERROR_META},
        {META("\"io.modelcontextprotocol/clientInfo\":\"x\""), MCP_ERROR_META},
        {META("\"io.modelcontextprotocol/logLevel\":\"loud\""), MCP_ERROR_META},
        {META("\"progressToken\":1.5"), MCP_ERROR_META},
        {META("\"progressToken\":null"), MCP_ERROR_META},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_refused(*state, &rows[i]);
}

static void a_name_of_128_bytes_is_the_longest(void **state)
{
    char json[512];
    char name[130];
    struct mcp_message message;
    struct mcp_refusal refusal;
    memset(name, 'n', sizeof name);
    (void)snprintf(json, sizeof json, CALL("\"name\":\"%.128s\""), name);
    assert_int_equal(client_message(*state, json).name.len, 128);
    (void)snprintf(json, sizeof json, CALL("\"name\":\"%.129s\""), name);
    assert_int_equal(message_parse(str_c(json), NULL, *state, &message, &refusal), ERR_INVALID);
}

static void arguments_may_hold_any_names(void **state)
{
    struct mcp_message m = client_message(
        *state, CALL("\"name\":\"a\",\"arguments\":{\"Name\":1,\"NAME\":2,\"Method\":{\"_Meta\":3},"
                     "\"io.modelcontextprotocol/protocolversion\":4}"));
    assert_int_equal(message_argument_count(&m), 4);
    assert_null(m.protocol_version.ptr);
}

static void missing_arguments_are_an_empty_object(void **state)
{
    struct mcp_message m = client_message(*state, CALL("\"name\":\"a\""));
    assert_int_equal(m.arguments, JSON_NONE);
    assert_str(message_arguments(&m), "{}");
    assert_int_equal(message_argument_count(&m), 0);
}

static void line_breaks_between_tokens_become_spaces(void **state)
{
    static const char json[] =
        "{\"jsonrpc\":\"2.0\",\r\n\"id\":1,\n\"method\":\"tools/call\","
        "\"params\":{\"name\":\"a\",\"arguments\":{\n  \"t\":\"x\\ny\"\r}}}\n";
    struct mcp_message m = client_message(*state, json);
    assert_str(message_arguments(&m), "{   \"t\":\"x\\ny\" }");
    assert_null(memchr(m.doc.text.ptr, '\n', m.doc.text.len));
}

static void a_refusal_names_id_and_method_when_they_were_readable(void **state)
{
    struct mcp_message message;
    struct mcp_refusal refusal;
    assert_int_equal(
        message_parse(
            STR("{\"extra\":1,\"id\":\"q\",\"method\":\"tools/call\",\"jsonrpc\":\"2.0\"}"), NULL,
            *state, &message, &refusal),
        ERR_INVALID);
    assert_str(refusal.id, "\"q\"");
    assert_str(refusal.method, "tools/call");
    assert_int_equal(message_parse(STR("nonsense"), NULL, *state, &message, &refusal), ERR_INVALID);
    assert_int_equal(refusal.id.len, 0);
    assert_int_equal(refusal.method.len, 0);
}

static void an_id_or_method_that_is_too_long_is_refused(void **state)
{
    char json[1024];
    char text[300];
    memset(text, 'x', sizeof text);
    struct refused row = {json, MCP_ERROR_INVALID_REQUEST};
    (void)snprintf(json, sizeof json, "{\"jsonrpc\":\"2.0\",\"id\":\"%.255s\",\"method\":\"ping\"}",
                   text);
    check_refused(*state, &row);
    (void)snprintf(json, sizeof json, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%.129s\"}", text);
    check_refused(*state, &row);
    (void)snprintf(json, sizeof json,
                   "{\"jsonrpc\":\"2.0\",\"id\":\"%.254s\",\"method\":\"%.128s\"}", text, text);
    assert_int_equal(client_message(*state, json).method, MCP_METHOD_UNKNOWN);
}

static void limits_are_a_refusal_of_their_own(void **state)
{
    const struct json_limits tight = {
        .max_bytes = 60, .max_depth = 3, .max_values = 20, .max_members = 5};
    struct mcp_message message;
    struct mcp_refusal refusal;
    assert_int_equal(message_parse(STR(CALL("\"name\":\"a\",\"arguments\":{\"b\":1}")), &tight,
                                   *state, &message, &refusal),
                     ERR_LIMIT);
    assert_int_equal(refusal.error, MCP_ERROR_LIMIT);
}

static void a_full_arena_is_a_limit_not_a_crash(void **state)
{
    static const char json[] =
        "{\"jsonrpc\":\"2.0\",\n\"id\":1,\"method\":\"tools/c\\u0061ll\",\"params\":{\"name\":"
        "\"\\u0061\",\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"\\u0032\","
        "\"io.modelcontextprotocol/clientInfo\":{\"name\":\"\\u0061\",\"version\":\"\\u0061\"}}}}";
    (void)state;
    bool is_read = false;
    for (size_t room = 0; room < 4096 && !is_read; room += 8) {
        CLEANUP(arena_freep) struct arena *arena = arena_new(room);
        struct mcp_message message;
        struct mcp_refusal refusal;
        enum err_code code = message_parse(str_c(json), NULL, arena, &message, &refusal);
        is_read = code == ERR_OK;
        assert_true(is_read || code == ERR_LIMIT);
    }
    assert_true(is_read);
}

static void a_malformed_traceparent_is_no_traceparent(void **state)
{
    static const char *const rows[] = {
        META("\"traceparent\":\"00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\""),
        META("\"traceparent\":\"ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\""),
        META("\"traceparent\":\"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331\""),
        META("\"traceparent\":7"),
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(client_message(*state, rows[i]).traceparent.len, 0);
}

static void cursors_and_cancellations_are_read(void **state)
{
    struct mcp_message m = client_message(
        *state,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{\"cursor\":\"\"}}");
    assert_non_null(m.cursor.ptr);
    assert_int_equal(m.cursor.len, 0);
    m = client_message(*state, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}");
    assert_null(m.cursor.ptr);
    m = client_message(*state, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
                               "\"params\":{\"requestId\":\"7\",\"reason\":\"x\"}}");
    assert_str(m.request_id, "\"7\"");
    const struct refused no_id = {
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{}}",
        MCP_ERROR_PARAMS};
    check_refused(*state, &no_id);
}

static void upstreams_may_be_a_little_untidy(void **state)
{
    struct mcp_message m = upstream_message(
        *state, "{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":{\"a\":\"\\ud83d\"},\"error\":null,"
                "\"took\":3}");
    uint64_t id;
    assert_int_equal(m.kind, MCP_RESPONSE);
    assert_true(message_own_id(&m, &id));
    assert_int_equal(id, 4);
    m = upstream_message(*state,
                         "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32000,\"message\":\"Bad "
                         "Request\"},\"id\":null}");
    assert_int_equal(m.kind, MCP_FAILURE);
    assert_int_equal(m.error_code, -32000);
    assert_int_equal(m.id.len, 0);
    assert_false(message_own_id(&m, &id));
    m = upstream_message(*state, "{\"jsonrpc\":\"2.0\",\"id\":\"4\",\"result\":{}}");
    assert_false(message_own_id(&m, &id));
    m = upstream_message(*state, "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"elicitation/create\","
                                 "\"params\":{\"message\":\"?\",\"requestedSchema\":{}}}");
    assert_int_equal(m.method, MCP_ELICITATION);
}

static void upstreams_are_read_strictly_all_the_same(void **state)
{
    static const char *const rows[] = {
        "{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":{},\"Result\":{}}",
        "{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":{},\"result\":{}}",
        "{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":{},\"error\":{\"code\":1}}",
        "{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":{}}",
        "{\"jsonrpc\":\"2.0\",\"id\":4,\"error\":{\"code\":\"1\"}}",
        "{\"id\":4,\"result\":{}}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progress\":1}}",
        "[]",
        "<html>",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct mcp_message m;
        struct err err = {.text = ""};
        assert_int_equal(message_parse_upstream(str_c(rows[i]), NULL, *state, &m, &err),
                         ERR_INVALID);
        assert_true(strlen(err.text) > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        arena_unit_test(a_modern_call_is_read_whole),
        arena_unit_test(an_initialize_names_the_client_in_its_params),
        arena_unit_test(the_kind_follows_from_the_members),
        arena_unit_test(what_is_not_one_json_rpc_message_is_refused),
        arena_unit_test(look_alikes_of_protocol_names_are_refused),
        arena_unit_test(parameters_of_a_call_are_a_closed_set),
        arena_unit_test(a_name_of_128_bytes_is_the_longest),
        arena_unit_test(arguments_may_hold_any_names),
        arena_unit_test(missing_arguments_are_an_empty_object),
        arena_unit_test(line_breaks_between_tokens_become_spaces),
        arena_unit_test(a_refusal_names_id_and_method_when_they_were_readable),
        arena_unit_test(an_id_or_method_that_is_too_long_is_refused),
        arena_unit_test(limits_are_a_refusal_of_their_own),
        cmocka_unit_test(a_full_arena_is_a_limit_not_a_crash),
        arena_unit_test(a_malformed_traceparent_is_no_traceparent),
        arena_unit_test(cursors_and_cancellations_are_read),
        arena_unit_test(upstreams_may_be_a_little_untidy),
        arena_unit_test(upstreams_are_read_strictly_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
