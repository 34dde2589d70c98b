#include "mcp/tool.h"

#include <stdio.h>

#include "mcp_unit.h"

#define PAGE(tools, more)                                                                          \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"tools\":[" tools "]" more "}}"
#define TOOL(name) "{\"name\":\"" name "\",\"inputSchema\":{\"type\":\"object\"}}"

static void a_definition_is_read(void **state)
{
    static const char json[] =
        "{\"title\":\"T\", \"name\" : \"ec\\u0068o\",\"description\":\"d "
        "\\ud83d\",\"inputSchema\":{"
        "\"properties\":{\"r\":{\"type\":\"string\",\"x-mcp-header\":\"R\"}}},\"annotations\":{"
        "\"readOnlyHint\":true,\"destructiveHint\":false,\"idempotentHint\":\"yes\"}}";
    struct mcp_tool tool;
    struct err err;
    assert_ok(tool_read(str_c(json), *state, &tool, &err), err);
    assert_str(tool.name, "echo");
    assert_str(tool.title, "T");
    assert_int_equal(tool.read_only, MCP_HINT_TRUE);
    assert_int_equal(tool.destructive, MCP_HINT_FALSE);
    assert_int_equal(tool.idempotent, MCP_HINT_NONE);
    assert_int_equal(tool.open_world, MCP_HINT_NONE);
    assert_int_equal(tool.facts.count, 1);
    assert_str(str_of(tool.definition.ptr + tool.name_start, tool.name_end - tool.name_start),
               "\"ec\\u0068o\"");
}

static void a_title_may_stand_in_the_annotations(void **state)
{
    struct mcp_tool tool;
    struct err err;
    assert_ok(
        tool_read(STR("{\"name\":\"a\",\"inputSchema\":{},\"annotations\":{\"title\":\"A\"}}"),
                  *state, &tool, &err),
        err);
    assert_str(tool.title, "A");
    assert_null(tool.description.ptr);
}

static void what_cannot_be_relayed_safely_is_dropped(void **state)
{
    static const char *const rows[] = {
        "[]",
        "7",
        "{}",
        "{\"name\":\"a\"}",
        "{\"name\":\"a\",\"inputSchema\":[]}",
        "{\"name\":\"\",\"inputSchema\":{}}",
        "{\"name\":\"a b\",\"inputSchema\":{}}",
        "{\"name\":\"a\\u0000b\",\"inputSchema\":{}}",
        "{\"name\":\"\\ud83d\",\"inputSchema\":{}}",
        "{\"name\":7,\"inputSchema\":{}}",
        "{\"name\":\"a\",\"Name\":\"b\",\"inputSchema\":{}}",
        "{\"name\":\"a\",\"inputSchema\":{},\"input\\u017fchema\":{}}",
        "{\"name\":\"a\",\"inputSchema\":{\"x-mcp-header\":\"h\"}}",
        "{\"name\":\"a\",\"inputSchema\":{}} ,",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct mcp_tool tool = {.name_end = 77};
        struct err err;
        if (tool_read(str_c(rows[i]), *state, &tool, &err) != ERR_INVALID)
            fail_msg("row %zu", i);
        assert_int_equal(tool.name_end, 77);
    }
}

static struct str add_page(struct tool_list *list, struct arena *arena, const char *json)
{
    struct mcp_message page = upstream_message(arena, json);
    struct str cursor = STR("unset");
    struct err err;
    assert_ok(tool_list_add(list, &page, &cursor, &err), err);
    return cursor;
}

static void pages_are_gathered_in_order(void **state)
{
    size_t count;
    struct tool_list *list = tool_list_new(*state);
    assert_str(add_page(list, *state, PAGE(TOOL("b") "," TOOL("a"), ",\"nextCursor\":\"\"")), "");
    assert_str(add_page(list, *state, PAGE("", ",\"nextCursor\":\"c\\u0032\"")), "c2");
    assert_null(add_page(list, *state, PAGE(TOOL("c"), ",\"nextCursor\":null")).ptr);
    const struct mcp_tool *tools = tool_list_tools(list, &count);
    assert_int_equal(count, 3);
    assert_str(tools[0].name, "b");
    assert_str(tools[1].name, "a");
    assert_str(tools[2].name, "c");
    assert_str(tools[2].definition, TOOL("c"));
    (void)tool_list_dropped(list, &count);
    assert_int_equal(count, 0);
}

static void a_list_outlives_its_pages(void **state)
{
    size_t count;
    struct tool_list *list = tool_list_new(*state);
    struct arena *page_arena = arena_new(ARENA_BYTES);
    assert_non_null(page_arena);
    assert_null(add_page(list, page_arena, PAGE(TOOL("only"), "")).ptr);
    arena_free(page_arena);
    const struct mcp_tool *tools = tool_list_tools(list, &count);
    assert_str(tools[0].name, "only");
    assert_str(tools[0].definition, TOOL("only"));
}

static void two_tools_of_one_name_are_both_dropped(void **state)
{
    size_t count;
    struct tool_list *list = tool_list_new(*state);
    (void)add_page(list, *state, PAGE(TOOL("a") "," TOOL("b"), ",\"nextCursor\":\"x\""));
    assert_null(add_page(list, *state, PAGE(TOOL("c") "," TOOL("\\u0061"), "")).ptr);
    const struct mcp_tool *tools = tool_list_tools(list, &count);
    assert_int_equal(count, 2);
    assert_str(tools[0].name, "b");
    assert_str(tools[1].name, "c");
    const struct mcp_dropped_tool *dropped = tool_list_dropped(list, &count);
    assert_int_equal(count, 2);
    assert_str(dropped[0].name, "a");
    assert_str(dropped[1].name, "a");
}

static void one_bad_tool_does_not_hide_the_others(void **state)
{
    size_t count;
    struct tool_list *list = tool_list_new(*state);
    (void)add_page(list, *state, PAGE(TOOL("a") ",7,{\"name\":\"no schema\"}," TOOL("b"), ""));
    (void)tool_list_tools(list, &count);
    assert_int_equal(count, 2);
    const struct mcp_dropped_tool *dropped = tool_list_dropped(list, &count);
    assert_int_equal(count, 2);
    assert_int_equal(dropped[0].name.len, 0);
    assert_str(dropped[0].why, "the tool is no object");
    assert_str(dropped[1].name, "no schema");
}

static void an_answer_that_is_no_list_is_refused(void **state)
{
    static const char *const rows[] = {
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"tools\":{}}}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1,\"message\":\"\"}}",
        PAGE("", ",\"nextCursor\":7"),
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct tool_list *list = tool_list_new(*state);
        struct mcp_message page = upstream_message(*state, rows[i]);
        struct str cursor;
        struct err err;
        assert_int_equal(tool_list_add(list, &page, &cursor, &err), ERR_INVALID);
    }
}

static void a_server_that_pages_in_circles_is_stopped(void **state)
{
    struct tool_list *list = tool_list_new(*state);
    struct mcp_message page = upstream_message(*state, PAGE("", ",\"nextCursor\":\"again\""));
    struct str cursor;
    struct err err;
    assert_ok(tool_list_add(list, &page, &cursor, &err), err);
    assert_int_equal(tool_list_add(list, &page, &cursor, &err), ERR_INVALID);
}

static void the_number_of_tools_has_a_maximum(void **state)
{
    enum { PER_PAGE = 200 };
    char cursor_text[16];
    struct buf page;
    struct str cursor;
    struct err err;
    enum err_code code = ERR_OK;
    struct tool_list *list = tool_list_new(*state);
    buf_init(&page, 1024 * 1024);
    for (int i = 0; i * PER_PAGE <= TOOL_MAX_COUNT; i++) {
        assert_int_equal(code, ERR_OK);
        buf_clear(&page);
        buf_add_c(&page, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"tools\":[");
        for (int j = 0; j < PER_PAGE; j++)
            buf_printf(&page, "%s{\"name\":\"t%d\",\"inputSchema\":{}}", j == 0 ? "" : ",",
                       i * PER_PAGE + j);
        (void)snprintf(cursor_text, sizeof cursor_text, "%d", i);
        buf_printf(&page, "],\"nextCursor\":\"%s\"}}", cursor_text);
        CLEANUP(arena_freep) struct arena *arena = arena_new(ARENA_BYTES);
        struct mcp_message message;
        assert_ok(message_parse_upstream(buf_str(&page), NULL, arena, &message, &err), err);
        code = tool_list_add(list, &message, &cursor, &err);
    }
    assert_int_equal(code, ERR_LIMIT);
    buf_done(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        arena_unit_test(a_definition_is_read),
        arena_unit_test(a_title_may_stand_in_the_annotations),
        arena_unit_test(what_cannot_be_relayed_safely_is_dropped),
        arena_unit_test(pages_are_gathered_in_order),
        arena_unit_test(a_list_outlives_its_pages),
        arena_unit_test(two_tools_of_one_name_are_both_dropped),
        arena_unit_test(one_bad_tool_does_not_hide_the_others),
        arena_unit_test(an_answer_that_is_no_list_is_refused),
        arena_unit_test(a_server_that_pages_in_circles_is_stopped),
        arena_unit_test(the_number_of_tools_has_a_maximum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
