#include "mcp/error.h"

#include "unit.h"

static void check(enum mcp_era era, const struct mcp_error_body *body, const char *expected)
{
    struct buf out;
    buf_init(&out, 4096);
    error_write(&out, era, body);
    assert_false(out.failed);
    assert_str(buf_str(&out), expected);
    buf_done(&out);
}

static void a_body_says_code_message_reason_and_request(void **state)
{
    (void)state;
    const struct mcp_error_body denied = {.error = MCP_ERROR_DENIED,
                                          .id = STR("\"a\\u0041\""),
                                          .message = STR("No grant \"x\"."),
                                          .reason = STR("no_grant"),
                                          .factor = STR("grant"),
                                          .request_id = STR("r1")};
    check(MCP_MODERN, &denied,
          "{\"jsonrpc\":\"2.0\",\"id\":\"a\\u0041\",\"error\":{\"code\":403,\"message\":\"No grant "
          "\\\"x\\\".\",\"data\":{\"reason\":\"no_grant\",\"factor\":\"grant\",\"request_id\":"
          "\"r1\"}}}");
    const struct mcp_error_body bare = {.error = MCP_ERROR_PARSE};
    check(MCP_LEGACY, &bare,
          "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"The body is "
          "not strict JSON.\",\"data\":{\"reason\":\"parse_error\"}}}");
}

static void an_unsupported_version_names_the_supported_ones(void **state)
{
    (void)state;
    const struct mcp_error_body body = {
        .error = MCP_ERROR_VERSION, .id = STR("7"), .requested = STR("2027-01-01")};
    check(MCP_MODERN, &body,
          "{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":-32022,\"message\":\"The protocol "
          "version is not supported.\",\"data\":{\"reason\":\"unsupported_version\",\"supported\":["
          "\"2026-07-28\"],\"requested\":\"2027-01-01\"}}}");
    check(MCP_LEGACY, &body,
          "{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":-32600,\"message\":\"The protocol "
          "version is not supported.\",\"data\":{\"reason\":\"unsupported_version\",\"supported\":["
          "\"2024-11-05\",\"2025-03-26\",\"2025-06-18\",\"2025-11-25\"],\"requested\":\"2027-01-"
          "01\"}}}");
}

/* JSON-RPC keeps -32768 to -32000; MCP keeps -32020 to -32099 for codes of its specification. */
static void no_code_is_minted_in_a_reserved_range(void **state)
{
    (void)state;
    static const int known[] = {-32700, -32600, -32601, -32602, -32603, -32020, -32022};
    for (enum mcp_error e = 0; e < MCP_ERRORS; e++) {
        int code = error_code(e);
        bool is_known = false;
        for (size_t i = 0; i < ARRAY_LEN(known); i++)
            is_known = is_known || code == known[i];
        assert_true(is_known || code > -32000 || code < -32768);
        assert_true(error_status(e, MCP_MODERN) >= 200 && error_status(e, MCP_LEGACY) >= 200);
        assert_true(strlen(error_word(e)) > 0 && strlen(error_text(e)) > 0);
    }
}

static void statuses_are_those_of_the_specification(void **state)
{
    (void)state;
    static const struct {
        enum mcp_error error;
        int code;
        int modern;
    } rows[] = {
        {MCP_ERROR_META, -32602, 400},    {MCP_ERROR_HEADER, -32020, 400},
        {MCP_ERROR_VERSION, -32022, 400}, {MCP_ERROR_METHOD, -32601, 404},
        {MCP_ERROR_PARAMS, -32602, 200},  {MCP_ERROR_TOOL_UNKNOWN, -32602, 200},
        {MCP_ERROR_CURSOR, -32602, 200},  {MCP_ERROR_PARSE, -32700, 400},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(error_code(rows[i].error), rows[i].code);
        assert_int_equal(error_status(rows[i].error, MCP_MODERN), rows[i].modern);
    }
}

static void failing_is_one_line(void **state)
{
    (void)state;
    struct mcp_refusal refusal = {.id = STR("1")};
    assert_int_equal(refusal_set(&refusal, MCP_ERROR_LIMIT, "%d too many", 3), ERR_LIMIT);
    assert_string_equal(refusal.err.text, "3 too many");
    assert_int_equal(refusal.error, MCP_ERROR_LIMIT);
    assert_str(refusal.id, "1");
    assert_int_equal(refusal_set(&refusal, MCP_ERROR_PARSE, "x"), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_says_code_message_reason_and_request),
        cmocka_unit_test(an_unsupported_version_names_the_supported_ones),
        cmocka_unit_test(no_code_is_minted_in_a_reserved_range),
        cmocka_unit_test(statuses_are_those_of_the_specification),
        cmocka_unit_test(failing_is_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
