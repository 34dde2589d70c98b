/*
 * fuzz_message.c - a request of a client: header lines, an empty line, the body. What is taken goes
 * upstream in both eras as one line that reads the same; what is refused has a valid answer.
 */
#include "fuzz.h"

#include "base/arena.h"
#include "mcp/era.h"
#include "mcp/error.h"
#include "mcp/header.h"
#include "mcp/message.h"
#include "mcp/request.h"

enum {
    ARENA_BYTES = 32 * 1024 * 1024,
    MAX_HEADERS = 32,
    MAX_BYTES = 8 * 1024 * 1024,
    CALL_ID = 77
};

static const struct str region_path[] = {{"region", 6}};
static const struct str limit_path[] = {{"o", 1}, {"limit", 5}};
static const struct schema_param params[] = {
    {{"Region", 6}, SCHEMA_STRING, region_path, 1},
    {{"Limit", 5}, SCHEMA_INTEGER, limit_path, 2},
};
static const struct schema_facts facts = {params, 2};

static void require_one_line(struct str text)
{
    require(memchr(text.ptr, '\n', text.len) == NULL && memchr(text.ptr, '\r', text.len) == NULL);
}

static void check_error(const struct mcp_refusal *refusal, enum mcp_era era, struct arena *arena)
{
    struct mcp_message read;
    struct err err;
    struct buf out;
    const struct mcp_error_body body = {.error = refusal->error,
                                        .id = refusal->id,
                                        .message = str_c(refusal->err.text),
                                        .requested = refusal->requested};
    buf_init(&out, MAX_BYTES);
    error_write(&out, era, &body);
    require(!out.failed);
    require_one_line(buf_str(&out));
    require(message_parse_upstream(buf_str(&out), NULL, arena, &read, &err) == ERR_OK);
    require(read.kind == MCP_FAILURE && str_eq(read.id, refusal->id));
    buf_done(&out);
}

static void check_call(const struct mcp_message *message, enum mcp_version version,
                       struct arena *arena)
{
    const struct mcp_call call = {message, {"upstream", 8}, version, CALL_ID};
    struct mcp_pieces pieces;
    struct mcp_message read;
    struct mcp_refusal refusal;
    struct err err;
    struct buf head;
    struct buf whole;
    buf_init(&head, MAX_BYTES);
    buf_init(&whole, MAX_BYTES);
    require(request_call(&call, &head, &pieces, &err) == ERR_OK);
    pieces_write(&whole, &pieces);
    require(!whole.failed && whole.len == pieces_bytes(&pieces));
    require_one_line(buf_str(&whole));
    require(message_parse(buf_str(&whole), NULL, arena, &read, &refusal) == ERR_OK);
    require(read.method == MCP_TOOLS_CALL && str_eq(read.name, call.upstream_name));
    require(str_eq(read.id, STR("77")));
    require(str_eq(message_arguments(&read), message_arguments(message)));
    require((read.progress_token.len != 0) == (message->progress_token.len != 0));
    require((read.protocol_version.ptr != NULL) == (version == MCP_2026_07_28));
    require(str_eq(read.traceparent, message->traceparent));
    buf_done(&head);
    buf_done(&whole);
}

/* Headers made for the upstream are accepted by the gateway's own check. */
static void check_headers(const struct mcp_message *message, struct arena *arena)
{
    const struct mcp_header_facts asked = {.version = MCP_2026_07_28,
                                           .method = message->method_name,
                                           .name = message->name,
                                           .message = message,
                                           .facts = &facts};
    const struct mcp_header *list;
    size_t count;
    struct mcp_headers headers;
    struct mcp_refusal refusal;
    struct err err;
    if (request_headers(&asked, arena, &list, &count, &err) != ERR_OK)
        return;
    header_read(list, count, &headers);
    require(!headers.has_duplicate && headers.accepts_json && headers.accepts_sse);
    require(era_check_params(&headers, message, &facts, arena, &refusal) == ERR_OK);
}

static void check_message(const struct mcp_message *message, const struct mcp_headers *headers,
                          struct arena *arena)
{
    struct mcp_terms terms;
    struct mcp_refusal refusal;
    require_one_line(message->doc.text);
    if (era_check(headers, message, arena, &terms, &refusal) != ERR_OK) {
        require(str_eq(refusal.id, message->id));
        check_error(&refusal, terms.era, arena);
        return;
    }
    require(version_era(terms.version) == terms.era);
    if (message->kind != MCP_REQUEST)
        return;
    require(method_class(message->method, terms.era) != MCP_CLASS_REFUSED);
    if (message->method != MCP_TOOLS_CALL)
        return;
    require(message_is_tool_name(message->name));
    check_call(message, MCP_2025_06_18, arena);
    check_call(message, MCP_2026_07_28, arena);
    check_headers(message, arena);
    if (era_check_params(headers, message, &facts, arena, &refusal) != ERR_OK)
        check_error(&refusal, terms.era, arena);
}

static struct str take_headers(struct str input, struct mcp_headers *ret_headers,
                               struct mcp_header list[MAX_HEADERS])
{
    size_t count = 0;
    struct str rest = input;
    while (rest.len > 0) {
        struct str line = str_cut(&rest, '\n');
        if (line.len == 0 || count == MAX_HEADERS)
            break;
        list[count].name = str_cut(&line, ':');
        list[count++].value = line;
    }
    header_read(list, count, ret_headers);
    return rest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(ARENA_BYTES);
    struct mcp_header list[MAX_HEADERS];
    struct mcp_headers headers;
    struct mcp_message message;
    struct mcp_refusal refusal;
    require(arena != NULL);
    struct str body = take_headers(str_of((const char *)data, size), &headers, list);
    if (message_parse(body, NULL, arena, &message, &refusal) == ERR_OK)
        check_message(&message, &headers, arena);
    else
        check_error(&refusal, era_guess(&headers), arena);
    arena_free(arena);
    return 0;
}
