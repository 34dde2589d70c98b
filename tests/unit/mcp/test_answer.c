#include "mcp/answer.h"

#include <stdio.h>

#include "mcp/error.h"
#include "mcp_unit.h"

#define RESULT(result) "{\"jsonrpc\":\"2.0\",\"id\":77,\"result\":" result "}"
#define ERROR(error)   "{\"jsonrpc\":\"2.0\",\"id\":77,\"error\":" error "}"
#define INFO           "{\"name\":\"portreeve\",\"version\":\"" PORTREEVE_VERSION "\"}"
#define OWN_META       "\"_meta\":{\"io.modelcontextprotocol/serverInfo\":" INFO "}"

static void answers_are_classified(void **state)
{
    static const struct {
        const char *json;
        enum mcp_answer legacy;
        enum mcp_answer modern;
    } rows[] = {
        {RESULT("{\"content\":[]}"), MCP_ANSWER_OK, MCP_ANSWER_OK},
        {RESULT("{}"), MCP_ANSWER_OK, MCP_ANSWER_OK},
        {RESULT("{\"content\":[],\"isError\":false}"), MCP_ANSWER_OK, MCP_ANSWER_OK},
        {RESULT("{\"content\":[],\"isError\":true}"), MCP_ANSWER_TOOL_ERROR, MCP_ANSWER_TOOL_ERROR},
        {RESULT("{\"resultType\":\"complete\",\"content\":[]}"), MCP_ANSWER_OK, MCP_ANSWER_OK},
        {RESULT("{\"resultType\":\"input_required\",\"requestState\":\"x\"}"), MCP_ANSWER_OK,
         MCP_ANSWER_INPUT_REQUIRED},
        {RESULT("{\"resultType\":\"task\",\"taskId\":\"x\"}"), MCP_ANSWER_OK, MCP_ANSWER_INVALID},
        {RESULT("{\"resultType\":null}"), MCP_ANSWER_OK, MCP_ANSWER_INVALID},
        {RESULT("[]"), MCP_ANSWER_INVALID, MCP_ANSWER_INVALID},
        {RESULT("null"), MCP_ANSWER_INVALID, MCP_ANSWER_INVALID},
        {RESULT("{\"content\":\"x\"}"), MCP_ANSWER_INVALID, MCP_ANSWER_INVALID},
        {RESULT("{\"isError\":\"true\"}"), MCP_ANSWER_INVALID, MCP_ANSWER_INVALID},
        {ERROR("{\"code\":-32602,\"message\":\"x\"}"), MCP_ANSWER_PROTOCOL_ERROR,
         MCP_ANSWER_PROTOCOL_ERROR},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct mcp_message m = upstream_message(*state, rows[i].json);
        struct err err = {.text = ""};
        assert_int_equal(answer_classify(&m, MCP_2025_11_25, &err), rows[i].legacy);
        assert_int_equal(answer_classify(&m, MCP_2026_07_28, &err), rows[i].modern);
        assert_int_equal(rows[i].modern == MCP_ANSWER_INVALID, strlen(err.text) > 0);
    }
}

static void check_reply(struct arena *arena, const char *json, enum mcp_version upstream,
                        enum mcp_era client, const char *expected)
{
    struct mcp_message response = upstream_message(arena, json);
    const struct mcp_reply_facts facts = {
        .id = STR("\"c\""), .era = client, .version = upstream, .request_id = STR("r")};
    struct mcp_pieces pieces;
    struct mcp_message read;
    struct err err;
    struct buf head;
    struct buf whole;
    buf_init(&head, 4096);
    buf_init(&whole, 8192);
    enum mcp_answer answer = answer_classify(&response, upstream, &err);
    assert_ok(answer_reply(&response, answer, &facts, &head, &pieces, &err), err);
    pieces_write(&whole, &pieces);
    assert_str(buf_str(&whole), expected);
    assert_ok(message_parse_upstream(buf_str(&whole), NULL, arena, &read, &err), err);
    buf_done(&head);
    buf_done(&whole);
}

#define REPLY(result) "{\"jsonrpc\":\"2.0\",\"id\":\"c\",\"result\":" result "}"

static void within_one_era_the_result_stays_byte_for_byte(void **state)
{
    check_reply(*state, RESULT("{ \"content\" : [ {\"type\":\"text\",\"text\":\"\\ud83d\"} ] }"),
                MCP_2025_06_18, MCP_LEGACY,
                REPLY("{ \"content\" : [ {\"type\":\"text\",\"text\":\"\\ud83d\"} ] }"));
    check_reply(*state, RESULT("{\"resultType\":\"complete\",\"x\":1.0,\"content\":[]}"),
                MCP_2026_07_28, MCP_MODERN,
                REPLY("{\"resultType\":\"complete\",\"x\":1.0,\"content\":[]}"));
}

static void a_legacy_result_becomes_a_modern_one(void **state)
{
    check_reply(*state, RESULT("{ \"content\":[]}"), MCP_2025_06_18, MCP_MODERN,
                REPLY("{\"resultType\":\"complete\"," OWN_META ", \"content\":[]}"));
    check_reply(*state, RESULT("{}"), MCP_2025_06_18, MCP_MODERN,
                REPLY("{\"resultType\":\"complete\"," OWN_META "}"));
    check_reply(*state, RESULT("{\"_meta\":{\"a\":1},\"content\":[]}"), MCP_2025_06_18, MCP_MODERN,
                REPLY("{\"resultType\":\"complete\",\"_meta\":{\"a\":1},\"content\":[]}"));
    check_reply(
        *state, RESULT("{\"content\":[],\"isError\":true}"), MCP_2025_06_18, MCP_MODERN,
        REPLY("{\"resultType\":\"complete\"," OWN_META ",\"content\":[],\"isError\":true}"));
}

static void a_modern_result_becomes_a_legacy_one(void **state)
{
    static const struct {
        const char *result;
        const char *reply;
    } rows[] = {
        {RESULT("{\"resultType\":\"complete\",\"content\":[]}"), REPLY("{\"content\":[]}")},
        {RESULT("{\"content\":[],\"resultType\":\"complete\"}"), REPLY("{\"content\":[]}")},
        {RESULT("{\"resultType\":\"complete\"}"), REPLY("{}")},
        {RESULT("{\"a\":1, \"b\" : 2,\"resultType\":\"complete\" ,\"c\":3}"),
         REPLY("{\"a\":1, \"b\" : 2,\"c\":3}")},
        {RESULT("{\"a\":1,\"_meta\":{\"io.modelcontextprotocol/serverInfo\":{\"name\":\"s\"}},"
                "\"resultType\":\"complete\"}"),
         REPLY("{\"a\":1}")},
        {RESULT("{\"_meta\":{\"io.modelcontextprotocol/serverInfo\":{},\"k\": 1,"
                "\"io.modelcontextprotocol/x\":2,\"l\":3},\"resultType\":\"complete\",\"a\":1}"),
         REPLY("{\"_meta\":{\"k\": 1,\"l\":3},\"a\":1}")},
        {RESULT("{\"resultType\":\"complete\",\"_meta\":{\"k\":1},\"a\":1}"),
         REPLY("{\"_meta\":{\"k\":1},\"a\":1}")},
        {RESULT("{\"_meta\":{\"io.modelcontextprotocol/serverInfo\":{}}}"), REPLY("{}")},
        {RESULT("{\"content\":[{\"resultType\":1}],\"_meta\":7,\"resultType\":\"complete\"}"),
         REPLY("{\"content\":[{\"resultType\":1}],\"_meta\":7}")},
        {RESULT("{}"), REPLY("{}")},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_reply(*state, rows[i].result, MCP_2026_07_28, MCP_LEGACY, rows[i].reply);
}

static void results_over_many_lines_come_back_as_one(void **state)
{
    check_reply(*state, "{\n\"jsonrpc\":\"2.0\",\"id\":77,\"result\":{\r\n\"content\":[]\n}\n}\n",
                MCP_2025_06_18, MCP_LEGACY, REPLY("{  \"content\":[] }"));
}

#define OWN(code, message, reason)                                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":\"c\",\"error\":{\"code\":" code ",\"message\":\"" message        \
    "\",\"data\":{\"reason\":\"" reason "\",\"request_id\":\"r\"}}}"
#define INTERACTION                                                                                \
    OWN("501", "The server asked the client for input, which is not supported yet.",               \
        "interaction_unsupported")
#define FAILED                                                                                     \
    OWN("502", "The server could not be reached or gave no valid answer.", "upstream_failed")

static void errors_are_relayed_in_the_terms_of_the_client(void **state)
{
    static const struct {
        const char *error;
        const char *legacy;
        const char *modern;
    } rows[] = {
        {ERROR("{\"code\":-32602,\"message\":\"bad \\u0041\",\"data\":{\"k\":[1]},\"extra\":1}"),
         "{\"jsonrpc\":\"2.0\",\"id\":\"c\",\"error\":{\"code\":-32602,\"message\":\"bad \\u0041\","
         "\"data\":{\"k\":[1]}}}",
         NULL},
        {ERROR("{\"code\":12}"),
         "{\"jsonrpc\":\"2.0\",\"id\":\"c\",\"error\":{\"code\":12,\"message\":\"\"}}", NULL},
        {ERROR("{\"code\":-32002,\"message\":\"no\"}"),
         "{\"jsonrpc\":\"2.0\",\"id\":\"c\",\"error\":{\"code\":-32002,\"message\":\"no\"}}",
         "{\"jsonrpc\":\"2.0\",\"id\":\"c\",\"error\":{\"code\":-32602,\"message\":\"no\"}}"},
        {ERROR("{\"code\":-32021,\"message\":\"x\",\"data\":{\"requiredCapabilities\":{}}}"),
         INTERACTION, NULL},
        {ERROR("{\"code\":-32042,\"message\":\"x\"}"), INTERACTION, NULL},
        {ERROR("{\"code\":-32020,\"message\":\"x\"}"), FAILED, NULL},
        {ERROR("{\"code\":-32022,\"message\":\"x\"}"), FAILED, NULL},
        {RESULT("[]"), FAILED, NULL},
        {RESULT("{\"resultType\":\"input_required\",\"requestState\":\"x\"}"), INTERACTION, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *modern = rows[i].modern != NULL ? rows[i].modern : rows[i].legacy;
        check_reply(*state, rows[i].error, MCP_2026_07_28, MCP_LEGACY, rows[i].legacy);
        check_reply(*state, rows[i].error, MCP_2026_07_28, MCP_MODERN, modern);
    }
}

static void a_head_that_is_full_is_a_limit(void **state)
{
    static const char *const rows[] = {
        RESULT("{\"resultType\":\"complete\",\"_meta\":{\"io.modelcontextprotocol/a\":1,\"k\":2}}"),
        RESULT("{}"), ERROR("{\"code\":1}"), ERROR("{\"code\":-32021}")};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct mcp_message response = upstream_message(*state, rows[i]);
        struct mcp_reply_facts facts = {
            .id = STR("1"), .era = MCP_LEGACY, .version = MCP_2026_07_28};
        bool is_built = false;
        for (size_t max = 0; max < 1024 && !is_built; max++) {
            struct buf head;
            struct mcp_pieces pieces;
            struct err err;
            buf_init(&head, max);
            enum mcp_answer answer = answer_classify(&response, facts.version, &err);
            enum err_code code = answer_reply(&response, answer, &facts, &head, &pieces, &err);
            assert_true(code == ERR_OK || code == ERR_LIMIT);
            is_built = code == ERR_OK;
            buf_done(&head);
        }
        assert_true(is_built);
    }
}

#define NOTE(method, params)                                                                       \
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/" method "\",\"params\":{" params "}}"
#define PROGRESS   NOTE("progress", "\"progress\":0.50, \"progressToken\":77,\"total\":1")
#define LOG(level) NOTE("message", "\"level\":\"" level "\",\"data\":{\"a\":1}")

static void only_what_belongs_to_the_call_and_its_era_passes(void **state)
{
    struct mcp_message plain = client_message(
        *state,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"a\"}}");
    struct mcp_message curious = client_message(
        *state,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"a\","
        "\"_meta\":{\"progressToken\":\"p\",\"io.modelcontextprotocol/logLevel\":"
        "\"warning\"}}}");
    const struct {
        const char *json;
        const struct mcp_message *call;
        enum mcp_era era;
        enum mcp_relay relay;
    } rows[] = {
        {PROGRESS, &curious, MCP_LEGACY, MCP_RELAY_PASS},
        {PROGRESS, &curious, MCP_MODERN, MCP_RELAY_PASS},
        {PROGRESS, &plain, MCP_MODERN, MCP_RELAY_DROP},
        {PROGRESS, NULL, MCP_MODERN, MCP_RELAY_DROP},
        {NOTE("progress", "\"progress\":\"x\",\"progressToken\":77"), &curious, MCP_MODERN,
         MCP_RELAY_DROP},
        {LOG("warning"), &curious, MCP_MODERN, MCP_RELAY_PASS},
        {LOG("emergency"), &curious, MCP_MODERN, MCP_RELAY_PASS},
        {LOG("notice"), &curious, MCP_MODERN, MCP_RELAY_DROP},
        {LOG("loud"), &curious, MCP_MODERN, MCP_RELAY_DROP},
        {LOG("error"), &curious, MCP_LEGACY, MCP_RELAY_DROP},
        {LOG("error"), &plain, MCP_MODERN, MCP_RELAY_DROP},
        {NOTE("tools/list_changed", ""), NULL, MCP_LEGACY, MCP_RELAY_TOOLS_CHANGED},
        {NOTE("resources/updated", "\"uri\":\"x\""), &curious, MCP_LEGACY, MCP_RELAY_DROP},
        {NOTE("cancelled", "\"requestId\":1"), &curious, MCP_LEGACY, MCP_RELAY_DROP},
        {NOTE("no/such", ""), &curious, MCP_LEGACY, MCP_RELAY_DROP},
        {"{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"ping\"}", NULL, MCP_LEGACY,
         MCP_RELAY_ANSWER_EMPTY},
        {"{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"elicitation/create\",\"params\":{}}", &curious,
         MCP_LEGACY, MCP_RELAY_REFUSE},
        {"{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"no/such\"}", &curious, MCP_LEGACY,
         MCP_RELAY_REFUSE},
        {RESULT("{}"), &curious, MCP_LEGACY, MCP_RELAY_DROP},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct mcp_message m = upstream_message(*state, rows[i].json);
        const struct mcp_relay_facts facts = {rows[i].call, rows[i].era};
        if (answer_relay(&m, &facts) != rows[i].relay)
            fail_msg("row %zu", i);
    }
}

static void check_note(struct arena *arena, const char *json, const struct mcp_relay_facts *facts,
                       const char *expected)
{
    struct mcp_message m = upstream_message(arena, json);
    struct mcp_pieces pieces;
    struct err err;
    struct buf whole;
    buf_init(&whole, 4096);
    assert_ok(answer_notification(&m, facts, &pieces, &err), err);
    pieces_write(&whole, &pieces);
    assert_str(buf_str(&whole), expected);
    buf_done(&whole);
}

static void progress_comes_back_under_the_client_s_own_token(void **state)
{
    struct mcp_message call = client_message(
        *state,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"a\","
        "\"_meta\":{\"progressToken\":\"p\\u0041\",\"io.modelcontextprotocol/logLevel\":"
        "\"debug\"}}}");
    const struct mcp_relay_facts facts = {&call, MCP_MODERN};
    struct mcp_message m = upstream_message(*state, PROGRESS);
    struct mcp_pieces pieces;
    struct err err;
    uint64_t id;
    assert_true(answer_progress_id(&m, &id));
    assert_int_equal(id, 77);
    check_note(
        *state, PROGRESS, &facts,
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progress\":"
        "0.50, \"progressToken\":\"p\\u0041\",\"total\":1}}");
    check_note(*state, LOG("info"), &facts,
               "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"level\":"
               "\"info\",\"data\":{\"a\":1}}}");
    m = upstream_message(*state, NOTE("tools/list_changed", ""));
    assert_int_equal(answer_notification(&m, &facts, &pieces, &err), ERR_INVALID);
    assert_false(answer_progress_id(&m, &id));
    m = upstream_message(*state, NOTE("progress", "\"progress\":1,\"progressToken\":\"77\""));
    assert_false(answer_progress_id(&m, &id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        arena_unit_test(answers_are_classified),
        arena_unit_test(within_one_era_the_result_stays_byte_for_byte),
        arena_unit_test(a_legacy_result_becomes_a_modern_one),
        arena_unit_test(a_modern_result_becomes_a_legacy_one),
        arena_unit_test(results_over_many_lines_come_back_as_one),
        arena_unit_test(errors_are_relayed_in_the_terms_of_the_client),
        arena_unit_test(a_head_that_is_full_is_a_limit),
        arena_unit_test(only_what_belongs_to_the_call_and_its_era_passes),
        arena_unit_test(progress_comes_back_under_the_client_s_own_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
