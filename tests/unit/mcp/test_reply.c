#include "mcp/reply.h"

#include "mcp_unit.h"

static struct mcp_tool tool_of(struct arena *arena, const char *json)
{
    struct mcp_tool tool;
    struct err err;
    assert_ok(tool_read(str_c(json), arena, &tool, &err), err);
    return tool;
}

/* The answer is one line of strict JSON and reads expected. */
static void check(struct buf *out, const char *expected)
{
    struct mcp_message message;
    struct err err;
    CLEANUP(arena_freep) struct arena *arena = arena_new(ARENA_BYTES);
    assert_false(out->failed);
    assert_str(buf_str(out), expected);
    assert_ok(message_parse_upstream(buf_str(out), NULL, arena, &message, &err), err);
    buf_clear(out);
}

#define INFO "{\"name\":\"portreeve\",\"version\":\"" PORTREEVE_VERSION "\"}"
#define META "\"_meta\":{\"io.modelcontextprotocol/serverInfo\":" INFO "}"

static void the_gateway_greets_in_both_eras(void **state)
{
    (void)state;
    const struct mcp_greeting quiet = {.has_list_changed = false};
    const struct mcp_greeting full = {.instructions = STR("Ask \"Ann\"."),
                                      .has_list_changed = true};
    struct buf out;
    buf_init(&out, 4096);
    reply_discover(&out, STR("\"d\""), &quiet);
    check(&out, "{\"jsonrpc\":\"2.0\",\"id\":\"d\",\"result\":{\"resultType\":\"complete\","
                "\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{\"tools\":{},"
                "\"logging\":{}},\"ttlMs\":0,\"cacheScope\":\"private\"," META "}}");
    reply_initialize(&out, STR("0"), MCP_2025_06_18, &full);
    check(&out, "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"protocolVersion\":\"2025-06-18\","
                "\"capabilities\":{\"tools\":{\"listChanged\":true}},\"serverInfo\":" INFO
                ",\"instructions\":\"Ask \\\"Ann\\\".\"}}");
    reply_empty(&out, STR("3"), MCP_LEGACY);
    check(&out, "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}");
    reply_empty(&out, STR("3"), MCP_MODERN);
    check(&out, "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{\"resultType\":\"complete\"," META "}}");
    reply_tools_changed(&out);
    check(&out, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}");
    buf_done(&out);
}

static void definitions_go_out_as_they_are_but_for_the_name(void **state)
{
    struct mcp_tool a = tool_of(*state, "{ \"description\":\"\\ud83d\",\"name\":\"a\",\r\n\t"
                                        "\"inputSchema\":{},\"_meta\":{\"x\":1.0}}");
    const struct mcp_listed_tool tools[] = {{&a, STR_INIT("docs__a")}};
    const struct mcp_listing listing = {.tools = tools, .count = 1, .ttl_ms = 5000};
    struct buf out;
    buf_init(&out, 4096);
    reply_tools(&out, STR("1"), MCP_LEGACY, &listing);
    check(&out,
          "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"tools\":[{ \"description\":"
          "\"\\ud83d\",\"name\":\"docs__a\",  \t\"inputSchema\":{},\"_meta\":{\"x\":1.0}}]}}");
    reply_tools(&out, STR("1"), MCP_MODERN, &listing);
    check(&out,
          "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"resultType\":\"complete\",\"tools\":[{ "
          "\"description\":\"\\ud83d\",\"name\":\"docs__a\",  \t\"inputSchema\":{},\"_meta\":{"
          "\"x\":1.0}}],\"ttlMs\":5000,\"cacheScope\":\"private\"," META "}}");
    buf_done(&out);
}

static void an_empty_list_is_a_list(void **state)
{
    (void)state;
    const struct mcp_listing listing = {.count = 0};
    struct buf out;
    buf_init(&out, 4096);
    reply_tools(&out, STR("1"), MCP_LEGACY, &listing);
    check(&out, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"tools\":[]}}");
    buf_done(&out);
}

/* Follows the cursors; counts the pages and the tools. */
static void walk_pages(struct arena *arena, struct mcp_listing listing, size_t *ret_pages,
                       size_t *ret_tools)
{
    struct buf out;
    bool has_more = true;
    *ret_pages = *ret_tools = 0;
    buf_init(&out, 65536);
    while (has_more) {
        buf_clear(&out);
        reply_tools(&out, STR("1"), MCP_MODERN, &listing);
        struct mcp_message page;
        struct err err;
        struct str cursor;
        assert_ok(message_parse_upstream(buf_str(&out), NULL, arena, &page, &err), err);
        json_pos tools = json_get(&page.doc, page.result, STR("tools"));
        json_pos next = json_get(&page.doc, page.result, STR("nextCursor"));
        (*ret_pages)++;
        *ret_tools += page.doc.values[tools].count;
        has_more = next != JSON_NONE;
        if (has_more) {
            assert_true(json_str(&page.doc, next, arena, &cursor));
            assert_true(reply_read_cursor(cursor, listing.epoch, listing.count, &listing.first));
        }
    }
    buf_done(&out);
}

static void a_long_list_comes_in_pages(void **state)
{
    size_t pages;
    size_t count;
    struct mcp_tool a = tool_of(*state, "{\"name\":\"a\",\"inputSchema\":{}}");
    struct mcp_listed_tool tools[10];
    for (size_t i = 0; i < ARRAY_LEN(tools); i++)
        tools[i] = (struct mcp_listed_tool){&a, STR("a")};
    struct mcp_listing listing = {
        .tools = tools, .count = ARRAY_LEN(tools), .epoch = UINT64_MAX, .page_bytes = 100};
    walk_pages(*state, listing, &pages, &count);
    assert_int_equal(count, 10);
    assert_int_equal(pages, 4);
    listing.page_bytes = 1;
    walk_pages(*state, listing, &pages, &count);
    assert_int_equal(count, 10);
    assert_int_equal(pages, 10);
    listing.page_bytes = 0;
    walk_pages(*state, listing, &pages, &count);
    assert_int_equal(pages, 1);
}

static void a_cursor_of_another_list_is_not_taken(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "x",
        "0000000000000007.",
        "0000000000000007.0",
        "0000000000000007.05",
        "0000000000000007.10",
        "0000000000000007.99999999999999999999",
        "0000000000000008.5",
        "000000000000000A.5",
        "0000000000000007,5",
        "0000000000000007.5 ",
    };
    size_t first = 99;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_false(reply_read_cursor(str_c(rows[i]), 7, 10, &first));
    assert_int_equal(first, 99);
    assert_true(reply_read_cursor(STR("0000000000000007.5"), 7, 10, &first));
    assert_int_equal(first, 5);
}

static void a_list_that_does_not_fit_shows_in_the_buf(void **state)
{
    struct mcp_tool a = tool_of(*state, "{\"name\":\"a\",\n\"inputSchema\":{}}");
    const struct mcp_listed_tool tools[] = {{&a, STR_INIT("a")}};
    const struct mcp_listing listing = {.tools = tools, .count = 1};
    struct buf out;
    for (size_t max = 0; max < 80; max++) {
        buf_init(&out, max);
        reply_tools(&out, STR("1"), MCP_LEGACY, &listing);
        assert_true(out.failed || out.len <= max);
        buf_done(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_gateway_greets_in_both_eras),
        arena_unit_test(definitions_go_out_as_they_are_but_for_the_name),
        cmocka_unit_test(an_empty_list_is_a_list),
        arena_unit_test(a_long_list_comes_in_pages),
        cmocka_unit_test(a_cursor_of_another_list_is_not_taken),
        arena_unit_test(a_list_that_does_not_fit_shows_in_the_buf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
