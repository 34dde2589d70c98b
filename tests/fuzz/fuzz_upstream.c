/*
 * fuzz_upstream.c - a message of an upstream: as the answer to a call, as a list of tools, as the
 * answer to a probe, as a notification. Whatever reaches a client is one line of valid JSON-RPC
 * under the client's own id.
 */
#include "fuzz.h"

#include "base/arena.h"
#include "mcp/answer.h"
#include "mcp/message.h"
#include "mcp/probe.h"
#include "mcp/reply.h"
#include "mcp/tool.h"

enum { ARENA_BYTES = 64 * 1024 * 1024, MAX_BYTES = 32 * 1024 * 1024 };

static const char client_call[] =
    "{\"jsonrpc\":\"2.0\",\"id\":\"c\",\"method\":\"tools/call\",\"params\":{\"name\":\"a\","
    "\"_meta\":{\"progressToken\":\"p\",\"io.modelcontextprotocol/logLevel\":\"info\"}}}";

static struct mcp_message read_back(const struct mcp_pieces *pieces, struct arena *arena)
{
    struct mcp_message read;
    struct err err;
    struct buf whole;
    buf_init(&whole, MAX_BYTES);
    pieces_write(&whole, pieces);
    require(!whole.failed && memchr(whole.ptr, '\n', whole.len) == NULL);
    struct str copy = arena_dup(arena, buf_str(&whole));
    buf_done(&whole);
    require(copy.ptr != NULL);
    require(message_parse_upstream(copy, NULL, arena, &read, &err) == ERR_OK);
    return read;
}

static void check_answer(const struct mcp_message *response, enum mcp_version version,
                         enum mcp_era client, struct arena *arena)
{
    const struct mcp_reply_facts facts = {{"\"c\"", 3}, client, version, {"r", 1}};
    struct mcp_pieces pieces;
    struct err err;
    struct buf head;
    buf_init(&head, MAX_BYTES);
    enum mcp_answer answer = answer_classify(response, version, &err);
    require(answer_reply(response, answer, &facts, &head, &pieces, &err) == ERR_OK);
    struct mcp_message read = read_back(&pieces, arena);
    require(str_eq(read.id, facts.id));
    bool is_result = answer == MCP_ANSWER_OK || answer == MCP_ANSWER_TOOL_ERROR;
    require((read.kind == MCP_RESPONSE) == is_result);
    bool has_type = json_get(&read.doc, read.result, STR("resultType")) != JSON_NONE;
    if (is_result && client == MCP_MODERN)
        require(has_type);
    if (is_result && client == MCP_LEGACY && version == MCP_2026_07_28)
        require(!has_type);
    buf_done(&head);
}

static void check_tools(const struct mcp_message *response, struct arena *arena)
{
    struct tool_list *list = tool_list_new(arena);
    struct mcp_listed_tool listed[16];
    struct mcp_message read;
    struct str cursor;
    struct err err;
    struct buf out;
    size_t count;
    require(list != NULL);
    if (tool_list_add(list, response, &cursor, &err) != ERR_OK)
        return;
    const struct mcp_tool *tools = tool_list_tools(list, &count);
    for (size_t i = 0; i < count && i < 16; i++) {
        require(message_is_tool_name(tools[i].name));
        listed[i] = (struct mcp_listed_tool){&tools[i], STR("exposed")};
    }
    const struct mcp_listing listing = {.tools = listed, .count = count < 16 ? count : 16};
    buf_init(&out, MAX_BYTES);
    reply_tools(&out, STR("1"), MCP_MODERN, &listing);
    require(!out.failed && memchr(out.ptr, '\n', out.len) == NULL);
    require(message_parse_upstream(buf_str(&out), NULL, arena, &read, &err) == ERR_OK);
    json_pos array = json_get(&read.doc, read.result, STR("tools"));
    for (json_pos at = json_first(&read.doc, array); at != JSON_NONE;
         at = json_next(&read.doc, array, at))
        require(json_str_is(&read.doc, json_get(&read.doc, at, STR("name")), STR("exposed")));
    buf_done(&out);
}

static void check_probe(const struct mcp_message *message)
{
    static const int statuses[] = {200, 400, 404, 500};
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        struct probe probe;
        struct err err;
        enum mcp_control control;
        enum mcp_version version;
        probe_init(&probe, i % 2 == 0 ? PROBE_HTTP : PROBE_STDIO);
        for (int turn = 0; turn < 4 && probe_next(&probe, &control, &version) == PROBE_SEND;
             turn++) {
            if (probe.state == PROBE_CONFIRMING)
                probe_on_confirmed(&probe);
            else if (probe_on_answer(&probe, statuses[i], message, &err) != ERR_OK)
                require(probe.state == PROBE_FAILED);
        }
        require(probe.state == PROBE_DONE || probe.state == PROBE_FAILED);
        require(str_is_utf8(str_c(probe.server_name)));
    }
}

static void check_relay(const struct mcp_message *message, struct arena *arena)
{
    struct mcp_message call;
    struct mcp_refusal refusal;
    struct mcp_pieces pieces;
    struct err err;
    require(message_parse(str_c(client_call), NULL, arena, &call, &refusal) == ERR_OK);
    const struct mcp_relay_facts facts = {&call, MCP_MODERN};
    if (answer_relay(message, &facts) != MCP_RELAY_PASS)
        return;
    require(answer_notification(message, &facts, &pieces, &err) == ERR_OK);
    struct mcp_message read = read_back(&pieces, arena);
    require(read.kind == MCP_NOTIFICATION && read.method == message->method);
    if (read.method == MCP_SERVER_PROGRESS)
        require(str_eq(read.progress_token, call.progress_token));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(ARENA_BYTES);
    struct mcp_message message;
    struct err err;
    require(arena != NULL);
    if (message_parse_upstream(str_of((const char *)data, size), NULL, arena, &message, &err) ==
        ERR_OK) {
        if (message.kind == MCP_RESPONSE || message.kind == MCP_FAILURE) {
            check_answer(&message, MCP_2025_06_18, MCP_LEGACY, arena);
            check_answer(&message, MCP_2025_06_18, MCP_MODERN, arena);
            check_answer(&message, MCP_2026_07_28, MCP_LEGACY, arena);
            check_answer(&message, MCP_2026_07_28, MCP_MODERN, arena);
            check_tools(&message, arena);
            check_probe(&message);
        } else {
            check_relay(&message, arena);
        }
    }
    arena_free(arena);
    return 0;
}
