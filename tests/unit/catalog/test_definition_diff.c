#include "catalog/definition_diff.h"

#include "unit.h"

/* before, after: members of a definition besides its name (or with it). said: the changes in order,
 * as word:path. */
struct row {
    const char *before;
    const char *after;
    const char *said;
    enum severity severity;
};

#define SCHEMA(members)     "\"inputSchema\":{\"type\":\"object\"" members "}"
#define PROPERTIES(members) SCHEMA(",\"properties\":{" members "}")
#define A_STRING            "\"a\":{\"type\":\"string\"}"

static const struct row rows[] = {
    {SCHEMA(""), SCHEMA(""), "", SEVERITY_NONE},
    /* One spelling or another is no change. */
    {SCHEMA(",\"x\":\"\\u0041\""), "\"inputSchema\": {\"x\": \"A\", \"type\": \"object\"}", "",
     SEVERITY_NONE},
    {SCHEMA("") ",\"description\":\"a\"", SCHEMA("") ",\"description\":\"b\"",
     "description: ", SEVERITY_MEDIUM},
    {SCHEMA(""), SCHEMA("") ",\"description\":\"b\"", "description: ", SEVERITY_MEDIUM},
    {SCHEMA("") ",\"title\":\"a\"", SCHEMA(""), "title: ", SEVERITY_LOW},
    {SCHEMA("") ",\"annotations\":{\"title\":\"a\"}", SCHEMA("") ",\"annotations\":{}",
     "title:title ", SEVERITY_LOW},
    {SCHEMA("") ",\"annotations\":{\"readOnlyHint\":true}",
     SCHEMA("") ",\"annotations\":{\"readOnlyHint\":false}", "annotation:readOnlyHint ",
     SEVERITY_HIGH},
    {SCHEMA(""), SCHEMA("") ",\"annotations\":{\"destructiveHint\":false}",
     "annotation:destructiveHint ", SEVERITY_HIGH},
    {SCHEMA(""), SCHEMA("") ",\"annotations\":{}", "annotation: ", SEVERITY_HIGH},
    {SCHEMA("") ",\"outputSchema\":{\"type\":\"object\"}", SCHEMA(""),
     "output_schema: ", SEVERITY_LOW},
    /* Parameters. */
    {PROPERTIES(""), PROPERTIES(A_STRING), "optional_parameter_added:a ", SEVERITY_MEDIUM},
    {SCHEMA(""), PROPERTIES(A_STRING), "optional_parameter_added:a ", SEVERITY_MEDIUM},
    {PROPERTIES(""), PROPERTIES(A_STRING) ",\"description\":\"x\"",
     "description: optional_parameter_added:a ", SEVERITY_MEDIUM},
    {PROPERTIES(A_STRING), SCHEMA(""), "parameter_removed:a ", SEVERITY_MEDIUM},
    {PROPERTIES(""), SCHEMA(",\"properties\":{" A_STRING "},\"required\":[\"a\"]"),
     "required_parameter_added:a ", SEVERITY_HIGH},
    {PROPERTIES(A_STRING), SCHEMA(",\"properties\":{" A_STRING "},\"required\":[\"a\"]"),
     "parameter_made_required:a ", SEVERITY_MEDIUM},
    {SCHEMA(",\"properties\":{" A_STRING "},\"required\":[\"a\"]"), PROPERTIES(A_STRING),
     "parameter_made_optional:a ", SEVERITY_LOW},
    /* A parameter that only `required` knows is one all the same. */
    {SCHEMA(""), SCHEMA(",\"required\":[\"ghost\"]"), "required_parameter_added:ghost ",
     SEVERITY_HIGH},
    {SCHEMA(",\"required\":[\"ghost\"]"), SCHEMA(""), "schema_other: ", SEVERITY_HIGH},
    {SCHEMA(""), SCHEMA(",\"required\":\"a\""), "schema_other: ", SEVERITY_HIGH},
    /* What a parameter takes. */
    {PROPERTIES("\"a\":{\"type\":\"string\"}"),
     PROPERTIES("\"a\":{\"type\":[\"string\",\"null\"]}"), "schema_widened:a ", SEVERITY_HIGH},
    {PROPERTIES("\"a\":{\"type\":[\"string\",\"null\"]}"), PROPERTIES("\"a\":{\"type\":\"null\"}"),
     "schema_narrowed:a ", SEVERITY_LOW},
    {PROPERTIES("\"a\":{\"type\":\"string\"}"), PROPERTIES("\"a\":{}"), "schema_widened:a ",
     SEVERITY_HIGH},
    {PROPERTIES("\"a\":{\"enum\":[\"x\"]}"), PROPERTIES("\"a\":{\"enum\":[\"x\",\"drop\"]}"),
     "schema_widened:a ", SEVERITY_HIGH},
    {PROPERTIES("\"a\":{\"enum\":[\"x\",\"y\"]}"), PROPERTIES("\"a\":{\"enum\":[\"y\"]}"),
     "schema_narrowed:a ", SEVERITY_LOW},
    {PROPERTIES("\"a\":{\"enum\":[\"x\",\"y\"]}"), PROPERTIES("\"a\":{\"enum\":[\"y\",\"x\"]}"),
     "schema_narrowed:a ", SEVERITY_LOW},
    {PROPERTIES("\"a\":{\"maxLength\":5}"), PROPERTIES("\"a\":{\"maxLength\":50}"),
     "schema_widened:a ", SEVERITY_HIGH},
    {PROPERTIES("\"a\":{}"), PROPERTIES("\"a\":{\"pattern\":\"^x$\"}"), "schema_narrowed:a ",
     SEVERITY_LOW},
    {PROPERTIES("\"a\":{\"pattern\":\"^x$\"}"), PROPERTIES("\"a\":{}"), "schema_widened:a ",
     SEVERITY_HIGH},
    {SCHEMA(",\"additionalProperties\":false"), SCHEMA(""), "schema_widened: ", SEVERITY_HIGH},
    {SCHEMA(""), SCHEMA(",\"additionalProperties\":false"), "schema_narrowed: ", SEVERITY_LOW},
    {SCHEMA(""), SCHEMA(",\"additionalProperties\":{\"type\":\"string\"}"),
     "schema_widened: ", SEVERITY_HIGH},
    /* Inside of others. */
    {PROPERTIES("\"f\":{\"properties\":{" A_STRING "}}"),
     PROPERTIES("\"f\":{\"properties\":{" A_STRING ",\"b\":{}}}"), "optional_parameter_added:f.b ",
     SEVERITY_MEDIUM},
    {PROPERTIES("\"l\":{\"items\":{\"enum\":[1]}}"),
     PROPERTIES("\"l\":{\"items\":{\"enum\":[1,2]}}"), "schema_widened:l[] ", SEVERITY_HIGH},
    {PROPERTIES("\"l\":{\"items\":{}}"), PROPERTIES("\"l\":{}"), "schema_widened:l ",
     SEVERITY_HIGH},
    /* Texts that a model reads. */
    {PROPERTIES("\"a\":{\"description\":\"x\"}"), PROPERTIES("\"a\":{\"description\":\"y\"}"),
     "parameter_text:a ", SEVERITY_MEDIUM},
    {PROPERTIES("\"a\":{}"), PROPERTIES("\"a\":{\"default\":\"y\"}"), "preset:a ", SEVERITY_MEDIUM},
    {PROPERTIES("\"a\":{\"type\":\"string\"}"),
     PROPERTIES("\"a\":{\"type\":\"string\",\"x-mcp-header\":\"X-Key\"}"), "header:a ",
     SEVERITY_HIGH},
    /* What no rule knows is the worst. */
    {PROPERTIES("\"a\":{\"anyOf\":[{}]}"), PROPERTIES("\"a\":{\"anyOf\":[{},{}]}"),
     "schema_other:a ", SEVERITY_HIGH},
    {PROPERTIES("\"a\":true"), PROPERTIES("\"a\":{}"), "schema_other:a ", SEVERITY_HIGH},
    {SCHEMA(""), SCHEMA(",\"$defs\":{}"), "schema_other: ", SEVERITY_HIGH},
    {SCHEMA(",\"properties\":[]"), SCHEMA(",\"properties\":{}"), "schema_other: ", SEVERITY_HIGH},
    {"\"inputSchema\":{}", "\"inputSchema\":{\"type\":\"object\"}",
     "schema_narrowed: ", SEVERITY_LOW},
};

static struct str definition(struct arena *arena, const char *name, const char *members)
{
    return arena_printf(arena, "{\"name\":\"%s\",%s}", name, members);
}

static void each_difference_has_its_word_and_its_weight(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 20);
        struct definition_diff diff;
        struct buf said;
        struct err err;
        assert_ok(definition_diff(definition(arena, "t", rows[i].before),
                                  definition(arena, "t", rows[i].after), arena, &diff, &err),
                  err);
        buf_init(&said, 4096);
        for (size_t k = 0; k < diff.count; k++)
            buf_printf(&said, "%s:" STR_FMT " ", definition_change_word(diff.changes[k].kind),
                       STR_ARG(diff.changes[k].path));
        if (!str_eq(buf_str(&said), str_c(rows[i].said)) || diff.severity != rows[i].severity)
            fail_msg("row %zu: %s -> %s: '" STR_FMT "' %s", i, rows[i].before, rows[i].after,
                     STR_ARG(buf_str(&said)), severity_word(diff.severity));
        buf_done(&said);
    }
}

static void another_name_is_a_change(void **state)
{
    (void)state;
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 20);
    struct definition_diff diff;
    struct buf line;
    struct err err;
    assert_ok(definition_diff(definition(arena, "a", SCHEMA("")),
                              definition(arena, "b", SCHEMA("")), arena, &diff, &err),
              err);
    assert_int_equal(diff.count, 1);
    assert_int_equal(diff.changes[0].kind, CHANGE_NAME);
    buf_init(&line, 4096);
    definition_change_write(&diff.changes[0], &line);
    assert_str(buf_str(&line), "high: name (\"a\" -> \"b\")");
    buf_done(&line);
}

static void a_thousand_changes_are_cut_and_keep_their_weight(void **state)
{
    (void)state;
    CLEANUP(arena_freep) struct arena *arena = arena_new(8 << 20);
    struct definition_diff diff;
    struct buf text;
    struct err err;
    buf_init(&text, 1 << 20);
    buf_add_c(&text, "\"inputSchema\":{\"properties\":{");
    for (int i = 0; i < 1000; i++)
        buf_printf(&text, "%s\"p%d\":{}", i > 0 ? "," : "", i);
    buf_add_c(&text, "},\"required\":[\"p999\"]}");
    buf_add_byte(&text, '\0');
    assert_ok(definition_diff(definition(arena, "t", "\"inputSchema\":{}"),
                              definition(arena, "t", text.ptr), arena, &diff, &err),
              err);
    assert_int_equal(diff.count, DEFINITION_DIFF_MAX);
    assert_true(diff.is_cut);
    assert_int_equal(diff.severity, SEVERITY_HIGH);
    buf_done(&text);
}

static void what_is_no_definition_is_not_compared(void **state)
{
    (void)state;
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 20);
    struct str good = definition(arena, "t", SCHEMA(""));
    static const char *const bad[] = {"", "[]", "{\"name\":\"t\"}",
                                      "{\"name\":1,\"inputSchema\":{}}"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct definition_diff diff;
        struct err err;
        assert_int_not_equal(definition_diff(good, str_c(bad[i]), arena, &diff, &err), ERR_OK);
        assert_int_not_equal(definition_diff(str_c(bad[i]), good, arena, &diff, &err), ERR_OK);
        assert_int_equal(definition_likeness(good, str_c(bad[i]), arena), 0);
    }
}

static void a_full_arena_is_a_limit_not_a_crash(void **state)
{
    (void)state;
    struct err err;
    enum err_code code = ERR_LIMIT;
    for (size_t room = 0; code == ERR_LIMIT; room += 61) {
        CLEANUP(arena_freep) struct arena *arena = arena_new(room);
        struct definition_diff diff;
        code = definition_diff(
            STR("{\"name\":\"t\",\"inputSchema\":{\"properties\":{\"a\":{\"type\":\"string\"}}}}"),
            STR("{\"name\":\"t\",\"inputSchema\":{\"properties\":{\"b\":{\"items\":{}}}}}"), arena,
            &diff, &err);
        assert_true(room < (1 << 18));
    }
    assert_int_equal(code, ERR_OK);
}

static void a_tool_under_a_new_name_is_like_the_old_one(void **state)
{
    (void)state;
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 22);
    static const struct {
        const char *a;
        const char *b;
        bool is_like;
    } pairs[] = {
        {"\"description\":\"Read a page of the wiki\"," PROPERTIES("\"page\":{}"),
         "\"description\":\"Read a page of the wiki\"," PROPERTIES("\"page\":{}"), true},
        {"\"description\":\"Read a page of the wiki by its name\"," PROPERTIES("\"page\":{}"),
         "\"description\":\"Read a page of our wiki by its name\"," PROPERTIES("\"page\":{}"),
         true},
        {"\"description\":\"Read a page of the wiki\"," PROPERTIES("\"page\":{}"),
         "\"description\":\"Send mail to somebody\"," PROPERTIES("\"to\":{},\"text\":{}"), false},
        {"\"description\":\"Read a page\"," PROPERTIES("\"page\":{}"),
         "\"description\":\"Delete a page\"," PROPERTIES("\"page\":{},\"force\":{}"), false},
        /* Nothing is not like nothing. */
        {SCHEMA(""), SCHEMA(""), false},
    };
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        unsigned likeness = definition_likeness(definition(arena, "a", pairs[i].a),
                                                definition(arena, "b", pairs[i].b), arena);
        if ((likeness >= DEFINITION_LIKENESS_RENAMED) != pairs[i].is_like)
            fail_msg("pair %zu: %u", i, likeness);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_difference_has_its_word_and_its_weight),
        cmocka_unit_test(another_name_is_a_change),
        cmocka_unit_test(a_thousand_changes_are_cut_and_keep_their_weight),
        cmocka_unit_test(what_is_no_definition_is_not_compared),
        cmocka_unit_test(a_full_arena_is_a_limit_not_a_crash),
        cmocka_unit_test(a_tool_under_a_new_name_is_like_the_old_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
