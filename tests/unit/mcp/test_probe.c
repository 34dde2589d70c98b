#include "mcp/probe.h"

#include <stdio.h>

#include "mcp_unit.h"

#define RESULT(result) "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":" result "}"
#define ERROR(code, more)                                                                          \
    "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":" code ",\"message\":\"x\"" more "}}"
#define DISCOVERED                                                                                 \
    RESULT(                                                                                        \
        "{\"resultType\":\"complete\",\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{"   \
        "\"tools\":{\"listChanged\":true}},\"_meta\":{\"io.modelcontextprotocol/serverInfo\":{"    \
        "\"name\":\"s\",\"version\":\"9\"}}}")
#define INITIALIZED(version)                                                                       \
    RESULT("{\"protocolVersion\":\"" version "\",\"capabilities\":{\"tools\":{}},\"serverInfo\":{" \
           "\"name\":\"old\",\"version\":\"1\"}}")

/* What happens after a message was sent. */
enum event_kind { ANSWER, SILENCE, GONE, CONFIRMED };

struct event {
    enum event_kind kind;
    int status;
    const char *body;      /* NULL: no JSON-RPC message */
    enum mcp_control sent; /* what must have been sent before */
};

#define MAX_EVENTS 4

struct conversation {
    enum probe_transport transport;
    struct event events[MAX_EVENTS];
    size_t count;
    enum probe_state end;
    enum mcp_version version; /* of PROBE_DONE */
    enum err_code code;       /* of PROBE_FAILED */
};

static enum err_code report(struct probe *probe, struct arena *arena, const struct event *event,
                            struct err *err)
{
    struct mcp_message message;
    switch (event->kind) {
    case ANSWER:
        if (event->body != NULL)
            message = upstream_message(arena, event->body);
        return probe_on_answer(probe, event->status, event->body != NULL ? &message : NULL, err);
    case SILENCE:
        return probe_on_silence(probe, err);
    case GONE:
        return probe_on_gone(probe, err);
    case CONFIRMED:
        probe_on_confirmed(probe);
        break;
    }
    return ERR_OK;
}

static void play(struct arena *arena, struct probe *probe, const struct conversation *talk,
                 size_t row)
{
    enum err_code code = ERR_OK;
    struct err err = {.text = ""};
    enum mcp_control control;
    enum mcp_version version;
    for (size_t i = 0; i < talk->count; i++) {
        assert_int_equal(probe_next(probe, &control, &version), PROBE_SEND);
        assert_int_equal(control, talk->events[i].sent);
        assert_int_equal(probe_next(probe, &control, &version), PROBE_WAIT);
        code = report(probe, arena, &talk->events[i], &err);
    }
    if (probe->state != talk->end || (talk->end == PROBE_FAILED && code != talk->code))
        fail_msg("row %zu ends in state %d with code %d: %s", row, (int)probe->state, (int)code,
                 err.text);
    assert_int_equal(probe_next(probe, &control, &version), PROBE_END);
    if (talk->end == PROBE_DONE)
        assert_int_equal(probe->version, talk->version);
    else
        assert_true(strlen(err.text) > 0);
}

#define DISCOVER(status_, body_)                                                                   \
    {                                                                                              \
        ANSWER, status_, body_, MCP_CONTROL_DISCOVER                                               \
    }
#define INITIALIZE(status_, body_)                                                                 \
    {                                                                                              \
        ANSWER, status_, body_, MCP_CONTROL_INITIALIZE                                             \
    }
#define CONFIRM                                                                                    \
    {                                                                                              \
        CONFIRMED, 0, NULL, MCP_CONTROL_INITIALIZED                                                \
    }
#define OLD INITIALIZE(200, INITIALIZED("2025-06-18")), CONFIRM

static const struct conversation talks[] = {
    /* modern over HTTP */
    {PROBE_HTTP, {DISCOVER(200, DISCOVERED)}, 1, PROBE_DONE, MCP_2026_07_28, ERR_OK},
    {PROBE_HTTP, {DISCOVER(400, ERROR("-32020", ""))}, 1, PROBE_DONE, MCP_2026_07_28, ERR_OK},
    {PROBE_HTTP, {DISCOVER(400, ERROR("-32021", ""))}, 1, PROBE_DONE, MCP_2026_07_28, ERR_OK},
    {PROBE_HTTP, {DISCOVER(404, ERROR("-32601", ""))}, 1, PROBE_DONE, MCP_2026_07_28, ERR_OK},
    {PROBE_HTTP,
     {DISCOVER(400, ERROR("-32022", ",\"data\":{\"supported\":[\"2027-01-01\"]}"))},
     1,
     PROBE_FAILED,
     MCP_VERSIONS,
     ERR_UPSTREAM},
    {PROBE_HTTP,
     {DISCOVER(200, RESULT("{\"supportedVersions\":[\"2027-01-01\"]}"))},
     1,
     PROBE_FAILED,
     MCP_VERSIONS,
     ERR_UPSTREAM},
    /* legacy over HTTP */
    {PROBE_HTTP, {DISCOVER(400, ERROR("-32000", "")), OLD}, 3, PROBE_DONE, MCP_2025_06_18, ERR_OK},
    {PROBE_HTTP, {DISCOVER(200, ERROR("-32601", "")), OLD}, 3, PROBE_DONE, MCP_2025_06_18, ERR_OK},
    {PROBE_HTTP, {DISCOVER(404, NULL), OLD}, 3, PROBE_DONE, MCP_2025_06_18, ERR_OK},
    {PROBE_HTTP, {DISCOVER(400, NULL), OLD}, 3, PROBE_DONE, MCP_2025_06_18, ERR_OK},
    {PROBE_HTTP, {DISCOVER(202, NULL), OLD}, 3, PROBE_DONE, MCP_2025_06_18, ERR_OK},
    {PROBE_HTTP, {DISCOVER(200, RESULT("{}")), OLD}, 3, PROBE_DONE, MCP_2025_06_18, ERR_OK},
    {PROBE_HTTP,
     {DISCOVER(400, ERROR("-32022", ",\"data\":{\"supported\":[\"2025-06-18\"]}")), OLD},
     3,
     PROBE_DONE,
     MCP_2025_06_18,
     ERR_OK},
    {PROBE_HTTP,
     {DISCOVER(400, NULL), INITIALIZE(200, INITIALIZED("2024-11-05")), CONFIRM},
     3,
     PROBE_DONE,
     MCP_2024_11_05,
     ERR_OK},
    /* no MCP that is spoken here */
    {PROBE_HTTP,
     {DISCOVER(404, NULL), INITIALIZE(405, NULL)},
     2,
     PROBE_FAILED,
     MCP_VERSIONS,
     ERR_UPSTREAM},
    {PROBE_HTTP,
     {DISCOVER(200, NULL), INITIALIZE(200, NULL)},
     2,
     PROBE_FAILED,
     MCP_VERSIONS,
     ERR_UPSTREAM},
    {PROBE_HTTP,
     {DISCOVER(400, NULL), INITIALIZE(200, INITIALIZED("2026-07-28"))},
     2,
     PROBE_FAILED,
     MCP_VERSIONS,
     ERR_UPSTREAM},
    {PROBE_HTTP,
     {DISCOVER(400, NULL), INITIALIZE(200, ERROR("-32602", ""))},
     2,
     PROBE_FAILED,
     MCP_VERSIONS,
     ERR_UPSTREAM},
    {PROBE_HTTP, {DISCOVER(307, NULL)}, 1, PROBE_FAILED, MCP_VERSIONS, ERR_UPSTREAM},
    /* no evidence */
    {PROBE_HTTP, {DISCOVER(401, NULL)}, 1, PROBE_FAILED, MCP_VERSIONS, ERR_DENIED},
    {PROBE_HTTP, {DISCOVER(403, ERROR("-32601", ""))}, 1, PROBE_FAILED, MCP_VERSIONS, ERR_DENIED},
    {PROBE_HTTP,
     {DISCOVER(500, ERROR("-32020", ""))},
     1,
     PROBE_FAILED,
     MCP_VERSIONS,
     ERR_UNAVAILABLE},
    {PROBE_HTTP, {DISCOVER(503, NULL)}, 1, PROBE_FAILED, MCP_VERSIONS, ERR_UNAVAILABLE},
    {PROBE_HTTP, {DISCOVER(429, NULL)}, 1, PROBE_FAILED, MCP_VERSIONS, ERR_UNAVAILABLE},
    {PROBE_HTTP,
     {{SILENCE, 0, NULL, MCP_CONTROL_DISCOVER}},
     1,
     PROBE_FAILED,
     MCP_VERSIONS,
     ERR_UNAVAILABLE},
    {PROBE_HTTP,
     {{GONE, 0, NULL, MCP_CONTROL_DISCOVER}},
     1,
     PROBE_FAILED,
     MCP_VERSIONS,
     ERR_UNAVAILABLE},
    {PROBE_HTTP,
     {DISCOVER(400, NULL), INITIALIZE(502, NULL)},
     2,
     PROBE_FAILED,
     MCP_VERSIONS,
     ERR_UNAVAILABLE},
    /* stdio */
    {PROBE_STDIO, {DISCOVER(0, DISCOVERED)}, 1, PROBE_DONE, MCP_2026_07_28, ERR_OK},
    {PROBE_STDIO, {DISCOVER(0, ERROR("-32020", ""))}, 1, PROBE_DONE, MCP_2026_07_28, ERR_OK},
    {PROBE_STDIO,
     {DISCOVER(0, ERROR("-32601", "")), INITIALIZE(0, INITIALIZED("2025-11-25")), CONFIRM},
     3,
     PROBE_DONE,
     MCP_2025_11_25,
     ERR_OK},
    {PROBE_STDIO,
     {{SILENCE, 0, NULL, MCP_CONTROL_DISCOVER}, INITIALIZE(0, INITIALIZED("2025-11-25")), CONFIRM},
     3,
     PROBE_DONE,
     MCP_2025_11_25,
     ERR_OK},
    {PROBE_STDIO,
     {{GONE, 0, NULL, MCP_CONTROL_DISCOVER}, INITIALIZE(0, INITIALIZED("2025-11-25")), CONFIRM},
     3,
     PROBE_DONE,
     MCP_2025_11_25,
     ERR_OK},
    {PROBE_STDIO,
     {{GONE, 0, NULL, MCP_CONTROL_DISCOVER}, {GONE, 0, NULL, MCP_CONTROL_INITIALIZE}},
     2,
     PROBE_FAILED,
     MCP_VERSIONS,
     ERR_UNAVAILABLE},
    {PROBE_STDIO,
     {DISCOVER(0, ERROR("-32601", "")), {SILENCE, 0, NULL, MCP_CONTROL_INITIALIZE}},
     2,
     PROBE_FAILED,
     MCP_VERSIONS,
     ERR_UNAVAILABLE},
};

static void the_era_of_an_upstream_is_found_by_asking(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(talks); i++) {
        struct probe probe;
        probe_init(&probe, talks[i].transport);
        play(*state, &probe, &talks[i], i);
    }
}

static void a_known_legacy_server_is_not_asked_to_discover(void **state)
{
    static const struct conversation talk = {PROBE_HTTP, {OLD},          2,
                                             PROBE_DONE, MCP_2025_06_18, ERR_OK};
    struct probe probe;
    probe_init_known(&probe, PROBE_HTTP, MCP_LEGACY);
    play(*state, &probe, &talk, 0);
    assert_true(probe_is_legacy(&probe));
}

static void a_known_modern_server_that_went_back_is_found_out(void **state)
{
    static const struct conversation talk = {
        PROBE_HTTP, {DISCOVER(400, NULL), OLD}, 3, PROBE_DONE, MCP_2025_06_18, ERR_OK};
    struct probe probe;
    probe_init_known(&probe, PROBE_HTTP, MCP_MODERN);
    play(*state, &probe, &talk, 0);
}

static void what_the_server_says_of_itself_is_kept(void **state)
{
    struct probe probe;
    struct err err;
    enum mcp_control control;
    enum mcp_version version;
    struct mcp_message message = upstream_message(*state, DISCOVERED);
    probe_init(&probe, PROBE_HTTP);
    assert_int_equal(probe_next(&probe, &control, &version), PROBE_SEND);
    assert_int_equal(version, MCP_2026_07_28);
    assert_ok(probe_on_answer(&probe, 200, &message, &err), err);
    assert_true(probe.has_tools && probe.has_list_changed);
    assert_false(probe_is_legacy(&probe));
    assert_string_equal(probe.server_name, "s");
    assert_string_equal(probe.server_version, "9");

    message = upstream_message(*state, INITIALIZED("2025-03-26"));
    probe_init_known(&probe, PROBE_HTTP, MCP_LEGACY);
    assert_int_equal(probe_next(&probe, &control, &version), PROBE_SEND);
    assert_int_equal(version, MCP_2025_11_25);
    assert_ok(probe_on_answer(&probe, 200, &message, &err), err);
    assert_int_equal(probe_next(&probe, &control, &version), PROBE_SEND);
    assert_int_equal(version, MCP_2025_03_26);
    assert_true(probe.has_tools);
    assert_false(probe.has_list_changed);
    assert_string_equal(probe.server_name, "old");
}

static void a_long_name_is_cut_between_characters(void **state)
{
    char json[1024];
    char name[301];
    struct probe probe;
    struct err err;
    enum mcp_control control;
    enum mcp_version version;
    for (size_t i = 0; i < 150; i++)
        memcpy(name + 2 * i, "\xc3\xa4", 2);
    name[300] = '\0';
    (void)snprintf(json, sizeof json,
                   RESULT("{\"protocolVersion\":\"2025-06-18\",\"serverInfo\":{\"name\":\"%s\"}}"),
                   name);
    struct mcp_message message = upstream_message(*state, json);
    probe_init_known(&probe, PROBE_STDIO, MCP_LEGACY);
    assert_int_equal(probe_next(&probe, &control, &version), PROBE_SEND);
    assert_ok(probe_on_answer(&probe, 0, &message, &err), err);
    assert_int_equal(strlen(probe.server_name), 126);
    assert_true(str_is_utf8(str_c(probe.server_name)));
}

static void only_a_program_that_fell_over_is_started_again(void **state)
{
    struct probe probe;
    struct err err;
    enum mcp_control control;
    enum mcp_version version;
    struct mcp_message refused = upstream_message(*state, ERROR("-32601", ""));
    probe_init(&probe, PROBE_STDIO);
    assert_int_equal(probe_next(&probe, &control, &version), PROBE_SEND);
    assert_ok(probe_on_answer(&probe, 0, &refused, &err), err);
    assert_false(probe.needs_new_process);
    probe_init(&probe, PROBE_STDIO);
    assert_int_equal(probe_next(&probe, &control, &version), PROBE_SEND);
    assert_ok(probe_on_gone(&probe, &err), err);
    assert_true(probe.needs_new_process);
}

static void late_news_change_nothing(void **state)
{
    struct probe probe;
    struct err err;
    enum mcp_control control;
    enum mcp_version version;
    struct mcp_message message = upstream_message(*state, DISCOVERED);
    probe_init(&probe, PROBE_HTTP);
    assert_int_equal(probe_next(&probe, &control, &version), PROBE_SEND);
    assert_ok(probe_on_answer(&probe, 200, &message, &err), err);
    assert_ok(probe_on_answer(&probe, 500, NULL, &err), err);
    assert_ok(probe_on_silence(&probe, &err), err);
    assert_ok(probe_on_gone(&probe, &err), err);
    probe_on_confirmed(&probe);
    assert_int_equal(probe.state, PROBE_DONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        arena_unit_test(the_era_of_an_upstream_is_found_by_asking),
        arena_unit_test(a_known_legacy_server_is_not_asked_to_discover),
        arena_unit_test(a_known_modern_server_that_went_back_is_found_out),
        arena_unit_test(what_the_server_says_of_itself_is_kept),
        arena_unit_test(a_long_name_is_cut_between_characters),
        arena_unit_test(only_a_program_that_fell_over_is_started_again),
        arena_unit_test(late_news_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
