#include "unit.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/yaml.h"

enum { ARENA_BYTES = 32 * 1024 * 1024 };

struct fixture {
    struct arena *arena;
    const struct yaml_node *root;
    struct err err;
};

static void done(struct fixture *f)
{
    arena_free(f->arena);
}

static enum err_code parse(struct fixture *f, struct str text)
{
    arena_free(f->arena);
    f->arena = arena_new(ARENA_BYTES);
    assert_non_null(f->arena);
    f->err = (struct err){.text = ""};
    return yaml_parse(text, f->arena, &f->root, &f->err);
}

static void assert_parses(struct fixture *f, struct str text)
{
    if (parse(f, text) != ERR_OK)
        fail_msg(STR_FMT ": %s", STR_ARG(text), f->err.text);
}

static void a_tree_keeps_order_kinds_and_places(void **state)
{
    (void)state;
    CLEANUP(done) struct fixture f = {0};
    assert_parses(&f, STR("# head\n"
                          "servers:\n"
                          "  - name: docs   # why\n"
                          "    tools: {\"read_*\": read-only, b: 'it''s'}\n"
                          "  - 12\n"
                          "empty:\n"
                          "text: |\n"
                          "  one\n"
                          "  two\n"));
    assert_int_equal(f.root->kind, YAML_MAPPING);
    assert_int_equal(f.root->count, 3);
    const struct yaml_node *servers = yaml_find(f.root, STR("servers"));
    assert_ptr_equal(servers, f.root->first);
    assert_int_equal(servers->kind, YAML_SEQUENCE);
    assert_int_equal(servers->count, 2);
    assert_str(servers->name->text, "servers");
    assert_int_equal(servers->name->line, 2);
    assert_int_equal(servers->name->column, 1);
    assert_null(servers->first->name);
    const struct yaml_node *tools = yaml_find(servers->first, STR("tools"));
    assert_int_equal(tools->line, 4);
    assert_int_equal(tools->column, 12);
    assert_str(tools->first->name->text, "read_*");
    assert_false(tools->first->name->is_plain);
    assert_str(tools->first->text, "read-only");
    assert_true(tools->first->is_plain);
    assert_str(tools->first->next->text, "it's");
    assert_null(tools->first->next->next);
    assert_str(servers->first->next->text, "12");
    assert_true(yaml_is_null(yaml_find(f.root, STR("empty"))));
    assert_str(yaml_find(f.root, STR("text"))->text, "one\ntwo\n");
    assert_null(yaml_find(f.root, STR("none")));
    assert_null(yaml_find(servers, STR("name")));
    assert_null(yaml_find(NULL, STR("name")));
}

static void columns_count_characters_not_bytes(void **state)
{
    (void)state;
    CLEANUP(done) struct fixture f = {0};
    assert_parses(&f, STR("[\xc3\xa4\xc3\xb6, x]"));
    assert_int_equal(f.root->first->next->column, 6);
}

static void a_text_without_nodes_is_null(void **state)
{
    (void)state;
    CLEANUP(done) struct fixture f = {0};
    static const char *const texts[] = {"", "\n\n", "# words alone\n", "---\n", "~", "null\n"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        assert_parses(&f, str_c(texts[i]));
        assert_true(yaml_is_null(f.root));
    }
    assert_ok(parse(&f, STR_NONE), f.err);
    assert_true(yaml_is_null(f.root));
    assert_true(yaml_is_null(NULL));
}

static void scalars_are_text_until_a_number_or_truth_value_is_asked_for(void **state)
{
    (void)state;
    CLEANUP(done) struct fixture f = {0};
    static const struct {
        const char *yaml;
        bool is_bool;
        bool is_i64;
        int64_t value;
    } rows[] = {
        {"true", true, false, 1},
        {"false", true, false, 0},
        {"'true'", false, false, 0},
        {"yes", false, false, 0},
        {"True", false, false, 0},
        {"0", false, true, 0},
        {"-17", false, true, -17},
        {"9223372036854775807", false, true, INT64_MAX},
        {"-9223372036854775808", false, true, INT64_MIN},
        {"9223372036854775808", false, false, 0},
        {"-9223372036854775809", false, false, 0},
        {"012", false, false, 0},
        {"0x1f", false, false, 0},
        {"1_000", false, false, 0},
        {"1:30", false, false, 0},
        {"+1", false, false, 0},
        {"1.0", false, false, 0},
        {"\"1\"", false, false, 0},
        {"-", false, false, 0},
        {"[1]", false, false, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        bool truth = false;
        int64_t number = 0;
        assert_parses(&f, str_c(rows[i].yaml));
        assert_int_equal(yaml_bool(f.root, &truth), rows[i].is_bool);
        assert_int_equal(yaml_i64(f.root, &number), rows[i].is_i64);
        assert_true((rows[i].is_bool ? (int64_t)truth : number) == rows[i].value);
    }
    bool truth;
    int64_t number;
    assert_false(yaml_bool(NULL, &truth));
    assert_false(yaml_i64(NULL, &number));
}

static void what_a_tree_does_not_need_is_refused_with_its_place(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        const char *says;
    } rows[] = {
        {STR_INIT("a: &x 1\n"), "line 1, column 4: anchors"},
        {STR_INIT("a: &x [1]\n"), "line 1, column 4: anchors"},
        {STR_INIT("a: &x {}\n"), "line 1, column 4: anchors"},
        {STR_INIT("a: 1\nb: *x\n"), "line 2, column 4: aliases"},
        {STR_INIT("a:\n  b: !!str 1\n"), "line 2, column 6: tags"},
        {STR_INIT("a: ! x\n"), "line 1, column 4: tags"},
        {STR_INIT("!!map {}\n"), "line 1, column 1: tags"},
        {STR_INIT("- !x []\n"), "line 1, column 3: tags"},
        {STR_INIT("<<: {a: 1}\n"), "line 1, column 1: merge keys"},
        {STR_INIT("[1]: 2\n"), "line 1, column 1: a name must be a scalar"},
        {STR_INIT("? {a: 1}\n: 2\n"), "a name must be a scalar"},
        {STR_INIT("a: 1\nb: 2\na: 3\n"), "line 3, column 1: 'a' stands here twice"},
        {STR_INIT("x: {a: 1, \"a\": 3}\n"), "line 1, column 11: 'a' stands here twice"},
        {STR_INIT("a: 1\n---\nb: 2\n"), "line 2, column 1: a second document"},
        {STR_INIT("%YAML 1.1\n---\na: 1\n"), "line 1, column 1: directives"},
        {STR_INIT("%TAG ! tag:x,2000:\n---\na: 1\n"), "line 1, column 1: directives"},
        {STR_INIT("a: \"x\\0y\"\n"), "line 1, column 4: NUL"},
        {STR_INIT("\xef\xbb\xbf"
                  "a: 1\n"),
         "line 1, column 1: a byte order mark"},
        {STR_INIT("a: 1\nb: \xc2\x85 2\n"), "line 2, column 4: a byte order mark or a line break"},
        {STR_INIT("a: 1\nb: \xff\n"), "line 2, column 4: "},
        {STR_INIT("a: \xed\xa0\x80\n"), "line 1, column 4: "},
        {STR_INIT("a\0b"), "line 1, column 2: "},
        {STR_INIT("a: [1, 2\nb: 3\n"), "line 2, column "},
        {STR_INIT("a: 1\n\tb: 2\n"), "line 2, column 1: "},
        {STR_INIT("a: b: c\n"), "line 1, column 5: "},
        {STR_INIT("a: 'x\n"), "line 2, column 1: "},
    };
    CLEANUP(done) struct fixture f = {0};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (parse(&f, rows[i].text) != ERR_INVALID)
            fail_msg("row %zu is not refused as invalid: %s", i, f.err.text);
        if (strncmp(f.err.text, "line ", 5) != 0 || strstr(f.err.text, rows[i].says) == NULL)
            fail_msg("row %zu says '%s', not '%s'", i, f.err.text, rows[i].says);
    }
}

static void a_duplicate_is_found_in_a_large_mapping(void **state)
{
    (void)state;
    CLEANUP(done) struct fixture f = {0};
    struct buf text;
    buf_init(&text, 100000);
    for (int n = 0; n < 1000; n++)
        buf_printf(&text, "k%d: {x: %d}\n", n, n);
    assert_parses(&f, buf_str(&text));
    buf_add_c(&text, "k500: 1\n");
    assert_int_equal(parse(&f, buf_str(&text)), ERR_INVALID);
    assert_string_equal(f.err.text, "line 1001, column 1: 'k500' stands here twice");
    buf_done(&text);
}

static void every_limit_is_named(void **state)
{
    (void)state;
    CLEANUP(done) struct fixture f = {0};
    struct buf text;
    buf_init(&text, YAML_MAX_BYTES + 1);
    for (int i = 0; i < YAML_MAX_DEPTH; i++)
        buf_add_byte(&text, '[');
    for (int i = 0; i < YAML_MAX_DEPTH; i++)
        buf_add_byte(&text, ']');
    assert_parses(&f, buf_str(&text));

    buf_clear(&text);
    for (int i = 0; i < 100000; i++)
        buf_add_byte(&text, '[');
    assert_int_equal(parse(&f, buf_str(&text)), ERR_LIMIT);
    assert_string_equal(f.err.text, "line 1, column 33: more than 32 levels of depth");

    buf_clear(&text);
    for (int i = 0; i < YAML_MAX_NODES; i++)
        buf_add_c(&text, "- x\n");
    assert_int_equal(parse(&f, buf_str(&text)), ERR_LIMIT);
    assert_string_equal(f.err.text, "line 65536, column 3: more than 65536 nodes");

    buf_clear(&text);
    while (text.len < YAML_MAX_BYTES)
        buf_add_byte(&text, '#');
    assert_parses(&f, buf_str(&text));
    buf_add_byte(&text, '#');
    assert_int_equal(parse(&f, buf_str(&text)), ERR_LIMIT);
    assert_string_equal(f.err.text, "more than 1048576 bytes");
    buf_done(&text);
}

static void a_full_arena_is_a_limit_not_a_crash(void **state)
{
    (void)state;
    enum err_code code = ERR_LIMIT;
    for (size_t room = 0; code != ERR_OK; room += 8) {
        struct arena *arena = arena_new(room);
        const struct yaml_node *root;
        struct err err;
        code = yaml_parse(STR("a: {b: [1, 2], c: x}\nz:\n"), arena, &root, &err);
        assert_true(code == ERR_LIMIT || code == ERR_OK);
        arena_free(arena);
        assert_true(room < 10000);
    }
}

static void an_error_of_a_reader_names_the_place_of_the_node(void **state)
{
    (void)state;
    CLEANUP(done) struct fixture f = {0};
    struct err err;
    assert_parses(&f, STR("a:\n  b: 3\n"));
    const struct yaml_node *b = yaml_find(f.root->first, STR("b"));
    assert_int_equal(yaml_err(b, &err, "%s is a number, a word was expected", "3"), ERR_INVALID);
    assert_string_equal(err.text, "line 2, column 6: 3 is a number, a word was expected");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tree_keeps_order_kinds_and_places),
        cmocka_unit_test(columns_count_characters_not_bytes),
        cmocka_unit_test(a_text_without_nodes_is_null),
        cmocka_unit_test(scalars_are_text_until_a_number_or_truth_value_is_asked_for),
        cmocka_unit_test(what_a_tree_does_not_need_is_refused_with_its_place),
        cmocka_unit_test(a_duplicate_is_found_in_a_large_mapping),
        cmocka_unit_test(every_limit_is_named),
        cmocka_unit_test(a_full_arena_is_a_limit_not_a_crash),
        cmocka_unit_test(an_error_of_a_reader_names_the_place_of_the_node),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
