#include "catalog/classify_input.h"

#include "unit.h"

static struct classify_input read_text(const char *text, struct arena **ret_arena)
{
    struct err err;
    struct classify_input input;
    *ret_arena = arena_new(64 * 1024 * 1024);
    assert_ok(classify_input_read(str_c(text), STR("file"), *ret_arena, &input, &err), err);
    return input;
}

static void assert_names(const char *text, const char *expected, size_t problems)
{
    struct arena *arena;
    struct buf names;
    struct classify_input input = read_text(text, &arena);
    buf_init(&names, 4096);
    for (size_t i = 0; i < input.tool_count; i++)
        buf_printf(&names, "%s" STR_FMT "/" STR_FMT, i > 0 ? " " : "",
                   STR_ARG(input.tools[i].server), STR_ARG(input.tools[i].name));
    assert_str(buf_str(&names), expected);
    assert_int_equal(input.problem_count, problems);
    buf_done(&names);
    arena_free(arena);
}

static void one_tool_a_line_in_the_order_of_the_file(void **state)
{
    (void)state;
    assert_names("{\"server\":\"s\",\"name\":\"b\"}\n\n{\"name\":\"a\"}\r\n{\"name\":7}",
                 "s/b file/a file/", 0);
    /* A line separator inside a text ends no line. */
    assert_names("{\"name\":\"a\",\"description\":\"x\xe2\x80\xa8y\"}\n{\"name\":\"b\"}",
                 "file/a file/b", 0);
}

static void saved_lists_whole_or_one_a_line(void **state)
{
    (void)state;
    assert_names("{\"tools\":[{\"name\":\"a\"},{\"name\":\"b\"}],\"nextCursor\":\"x\"}",
                 "file/a file/b", 0);
    assert_names("{\n  \"jsonrpc\": \"2.0\",\n  \"id\": 1,\n  \"result\": {\"tools\": [{\"name\": "
                 "\"a\"}]}\n}\n",
                 "file/a", 0);
    assert_names("[\n{\"name\":\"a\"},\n{\"name\":\"b\"}]", "file/a file/b", 0);
    assert_names("{\"tools\":[{\"name\":\"a\"}]}\n{\"tools\":[{\"name\":\"b\"}]}\n",
                 "file/a file/b", 0);
}

static void bad_lines_are_named_and_the_others_count(void **state)
{
    (void)state;
    struct arena *arena;
    struct classify_input input = read_text(
        "{\"name\":\"a\"}\nnonsense\n{\"name\":\"x\",\"name\":\"y\"}\n3\n{\"name\":\"b\"}", &arena);
    assert_int_equal(input.tool_count, 2);
    assert_int_equal(input.problem_count, 3);
    assert_int_equal(input.problems[0].line, 2);
    assert_int_equal(input.problems[1].line, 3);
    assert_int_equal(input.problems[2].line, 4);
    arena_free(arena);
    assert_names("[1,{\"name\":\"a\"}]", "file/a", 1);
    assert_names("", "", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_tool_a_line_in_the_order_of_the_file),
        cmocka_unit_test(saved_lists_whole_or_one_a_line),
        cmocka_unit_test(bad_lines_are_named_and_the_others_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
