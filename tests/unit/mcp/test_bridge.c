/*
 * Whole calls from the client's bytes to the client's bytes: a legacy and a modern client, each in
 * front of a legacy and a modern upstream. Read a talk from top to bottom.
 */
#include "mcp/answer.h"
#include "mcp/era.h"
#include "mcp/request.h"

#include "mcp_unit.h"

#define INFO "{\"name\":\"portreeve\",\"version\":\"" PORTREEVE_VERSION "\"}"

#define MODERN_CALL                                                                                \
    "{\"jsonrpc\":\"2.0\",\"id\":\"m1\",\"method\":\"tools/"                                       \
    "call\",\"params\":{\"name\":\"docs__read\","                                                  \
    "\"arguments\":{\"path\": \"/a\\u0062\"},\"_meta\":{"                                          \
    "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","                                  \
    "\"io.modelcontextprotocol/clientCapabilities\":{\"sampling\":{}},"                            \
    "\"io.modelcontextprotocol/clientInfo\":{\"name\":\"agent\",\"version\":\"3\"},"               \
    "\"progressToken\":\"tok\"}}}"
#define LEGACY_CALL                                                                                \
    "{\"method\":\"tools/call\",\"params\":{\"name\":\"docs__read\",\"arguments\":{\"path\": "     \
    "\"/a\\u0062\"},\"_meta\":{\"progressToken\":0}},\"jsonrpc\":\"2.0\",\"id\":5}"

#define TO_LEGACY                                                                                  \
    "{\"jsonrpc\":\"2.0\",\"id\":31,\"method\":\"tools/call\",\"params\":{\"name\":\"read\","      \
    "\"arguments\":{\"path\": \"/a\\u0062\"},\"_meta\":{\"progressToken\":31}}}"
#define TO_MODERN                                                                                  \
    "{\"jsonrpc\":\"2.0\",\"id\":31,\"method\":\"tools/call\",\"params\":{\"name\":\"read\","      \
    "\"arguments\":{\"path\": \"/a\\u0062\"},\"_meta\":{"                                          \
    "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","                                  \
    "\"io.modelcontextprotocol/clientCapabilities\":{},"                                           \
    "\"io.modelcontextprotocol/clientInfo\":" INFO ",\"progressToken\":31}}}"

#define PROGRESS                                                                                   \
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":31," \
    "\"progress\":1}}"
#define PROGRESS_FOR(token)                                                                        \
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/"                                             \
    "progress\",\"params\":{\"progressToken\":" token ",\"progress\":1}}"

#define CONTENT     "\"content\":[{\"type\":\"text\",\"text\":\"\\ud83d cut\"}]"
#define FROM_LEGACY "{\"result\":{" CONTENT "},\"jsonrpc\":\"2.0\",\"id\":31}"
#define FROM_MODERN                                                                                \
    "{\"jsonrpc\":\"2.0\",\"id\":31,\"result\":{\"resultType\":\"complete\"," CONTENT              \
    ",\"_meta\":{\"io.modelcontextprotocol/serverInfo\":{\"name\":\"docs\",\"version\":\"1\"}}}}"

#define MODERN_HEADERS                                                                             \
    {STR_INIT("MCP-Protocol-Version"), STR_INIT("2026-07-28")},                                    \
        {STR_INIT("Mcp-Method"), STR_INIT("tools/call")},                                          \
    {                                                                                              \
        STR_INIT("Mcp-Name"), STR_INIT("docs__read")                                               \
    }
#define LEGACY_HEADERS                                                                             \
    {                                                                                              \
        STR_INIT("MCP-Protocol-Version"), STR_INIT("2025-06-18")                                   \
    }

static const struct talk {
    struct mcp_header headers[3];
    size_t header_count;
    const char *client_says;
    enum mcp_version upstream;
    const char *upstream_reads;
    const char *upstream_says; /* after PROGRESS */
    const char *client_reads_first;
    const char *client_reads;
} talks[] = {
    {{LEGACY_HEADERS},
     1,
     LEGACY_CALL,
     MCP_2025_11_25,
     TO_LEGACY,
     FROM_LEGACY,
     PROGRESS_FOR("0"),
     "{\"jsonrpc\":\"2.0\",\"id\":5,\"result\":{" CONTENT "}}"},
    {{LEGACY_HEADERS},
     1,
     LEGACY_CALL,
     MCP_2026_07_28,
     TO_MODERN,
     FROM_MODERN,
     PROGRESS_FOR("0"),
     "{\"jsonrpc\":\"2.0\",\"id\":5,\"result\":{" CONTENT "}}"},
    {{MODERN_HEADERS},
     3,
     MODERN_CALL,
     MCP_2025_03_26,
     TO_LEGACY,
     FROM_LEGACY,
     PROGRESS_FOR("\"tok\""),
     "{\"jsonrpc\":\"2.0\",\"id\":\"m1\",\"result\":{\"resultType\":\"complete\",\"_meta\":{"
     "\"io.modelcontextprotocol/serverInfo\":" INFO "}," CONTENT "}}"},
    {{MODERN_HEADERS},
     3,
     MODERN_CALL,
     MCP_2026_07_28,
     TO_MODERN,
     FROM_MODERN,
     PROGRESS_FOR("\"tok\""),
     "{\"jsonrpc\":\"2.0\",\"id\":\"m1\",\"result\":{\"resultType\":\"complete\"," CONTENT
     ",\"_meta\":{\"io.modelcontextprotocol/serverInfo\":{\"name\":\"docs\",\"version\":\"1\"}}}}"},
};

static void assert_pieces(const struct mcp_pieces *pieces, const char *expected)
{
    struct buf whole;
    buf_init(&whole, 65536);
    pieces_write(&whole, pieces);
    assert_str(buf_str(&whole), expected);
    buf_done(&whole);
}

static void play(struct arena *arena, const struct talk *talk)
{
    struct mcp_headers headers;
    struct mcp_terms terms;
    struct mcp_refusal refusal;
    struct mcp_pieces pieces;
    struct err err;
    struct buf head;
    uint64_t id;
    buf_init(&head, 65536);

    struct mcp_message call = client_message(arena, talk->client_says);
    header_read(talk->headers, talk->header_count, &headers);
    assert_int_equal(era_check(&headers, &call, arena, &terms, &refusal), ERR_OK);
    assert_int_equal(method_class(call.method, terms.era), MCP_CLASS_GOVERNED);

    const struct mcp_call what = {
        .message = &call, .upstream_name = STR("read"), .version = talk->upstream, .id = 31};
    assert_ok(request_call(&what, &head, &pieces, &err), err);
    assert_pieces(&pieces, talk->upstream_reads);

    struct mcp_message progress = upstream_message(arena, PROGRESS);
    const struct mcp_relay_facts relay = {&call, terms.era};
    assert_true(answer_progress_id(&progress, &id));
    assert_int_equal(id, 31);
    assert_ok(answer_notification(&progress, &relay, &pieces, &err), err);
    assert_pieces(&pieces, talk->client_reads_first);

    struct mcp_message answer = upstream_message(arena, talk->upstream_says);
    const struct mcp_reply_facts reply = {
        .id = call.id, .era = terms.era, .version = talk->upstream};
    assert_true(message_own_id(&answer, &id));
    assert_int_equal(id, 31);
    enum mcp_answer kind = answer_classify(&answer, talk->upstream, &err);
    assert_int_equal(kind, MCP_ANSWER_OK);
    assert_ok(answer_reply(&answer, kind, &reply, &head, &pieces, &err), err);
    assert_pieces(&pieces, talk->client_reads);
    buf_done(&head);
}

static void each_client_speaks_to_each_upstream(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(talks); i++)
        play(*state, &talks[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        arena_unit_test(each_client_speaks_to_each_upstream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
