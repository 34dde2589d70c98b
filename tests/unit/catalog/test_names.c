#include "catalog/names.h"

#include "base/buf.h"
#include "unit.h"

static void server_names_are_lower_case_and_hold_no_double_underscore(void **state)
{
    (void)state;
    const char *good[] = {"a", "0", "snowflake", "a-b_c", "x1", "abcdefghijklmnopqrstuvwxyz012345"};
    const char *bad[] = {"",    "A",    "_a",       "-a",
                         "a_",  "a__b", "a.b",      "a b",
                         "a/b", "a\n",  "\xc3\xa9", "abcdefghijklmnopqrstuvwxyz0123456"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_true(names_is_server(str_c(good[i])));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(names_is_server(str_c(bad[i])));
    assert_false(names_is_server(str_of("a\0b", 3)));
}

static void a_legal_upstream_name_is_seen_byte_for_byte(void **state)
{
    (void)state;
    char text[NAMES_MAX_TOOL_BYTES];
    const char *names[] = {"a", "get-sum", "read_file", "admin.tools.list", "A-Z_0.9", "..", "__"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_str(names_plain(STR("s"), str_c(names[i]), text), names[i]);
}

static void an_upstream_name_that_mcp_forbids_is_mapped_and_told_apart(void **state)
{
    (void)state;
    char text[NAMES_MAX_TOOL_BYTES];
    char other[NAMES_MAX_TOOL_BYTES];
    struct str a = names_plain(STR("s"), STR("get user"), text);
    struct str b = names_plain(STR("s"), STR("get/user"), other);
    assert_true(str_starts(a, STR("get_user_")));
    assert_int_equal(a.len, 8 + 9);
    assert_true(names_is_legal_tool(a));
    assert_false(str_eq(a, b));

    char name[400];
    memset(name, 'n', sizeof name);
    a = names_plain(STR("s"), str_of(name, sizeof name), text);
    b = names_plain(STR("s"), str_of(name, sizeof name - 1), other);
    assert_int_equal(a.len, NAMES_MAX_TOOL_BYTES);
    assert_true(names_is_legal_tool(a));
    assert_false(str_eq(a, b));
}

static void the_flat_name_is_server_two_underscores_tool(void **state)
{
    (void)state;
    char text[NAMES_MAX_FLAT_BYTES];
    assert_str(names_flat(STR("files"), STR("read_file"), text), "files__read_file");
    assert_str(names_flat(STR("web-1"), STR("tabs.list"), text), "web-1__tabs_list");
}

static void a_flat_name_never_passes_64_characters_and_stays_the_same(void **state)
{
    (void)state;
    char text[NAMES_MAX_FLAT_BYTES];
    char name[200];
    memset(name, 'x', sizeof name);
    for (size_t len = 1; len < sizeof name; len++) {
        struct str flat = names_flat(STR("server"), str_of(name, len), text);
        assert_true(flat.len <= NAMES_MAX_FLAT_BYTES);
        assert_int_equal(flat.len, len + 8 <= NAMES_MAX_FLAT_BYTES ? len + 8 : 64);
        assert_true(names_is_legal_tool(flat));
    }
    /* SHA-256 of "server" NUL "xxx…": clients keep such names, so it is pinned here. */
    assert_str(names_flat(STR("server"), str_of(name, 60), text),
               "server__xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx_f8773b53");
}

static void exposed_names_lead_back_to_their_tool(void **state)
{
    (void)state;
    struct err err;
    struct names *names = names_new();
    uint32_t tool = 99;
    assert_ok(names_add(names, STR("files"), STR("tabs.list"), 0, &err), err);
    assert_ok(names_add(names, STR("mail"), STR("tabs.list"), 1, &err), err);
    assert_true(names_find_plain(names, STR("files"), STR("tabs.list"), &tool));
    assert_int_equal(tool, 0);
    assert_true(names_find_plain(names, STR("mail"), STR("tabs.list"), &tool));
    assert_int_equal(tool, 1);
    assert_true(names_find_flat(names, STR("mail__tabs_list"), &tool));
    assert_int_equal(tool, 1);
    names_free(names);
}

static void only_the_exact_exposed_name_is_found(void **state)
{
    (void)state;
    struct err err;
    struct names *names = names_new();
    uint32_t tool = 99;
    char huge[5000];
    memset(huge, 'a', sizeof huge);
    assert_ok(names_add(names, STR("files"), STR("tabs.list"), 0, &err), err);
    assert_false(names_find_flat(names, STR("files__tabs.list"), &tool));
    assert_false(names_find_flat(names, STR("tabs.list"), &tool));
    assert_false(names_find_flat(names, STR("FILES__tabs_list"), &tool));
    assert_false(names_find_flat(names, STR(""), &tool));
    assert_false(names_find_plain(names, STR("files"), STR("tabs_list"), &tool));
    assert_false(names_find_plain(names, STR("files"), STR("files__tabs_list"), &tool));
    assert_false(names_find_plain(names, STR("mail"), STR("tabs.list"), &tool));
    assert_false(names_find_plain(names, STR(""), STR("files/tabs.list"), &tool));
    assert_false(names_find_plain(names, str_of(huge, sizeof huge), STR("a"), &tool));
    assert_false(names_find_plain(names, STR("files"), str_of(huge, sizeof huge), &tool));
    assert_int_equal(tool, 99);
    names_free(names);
}

static void a_collision_refuses_the_second_and_adds_nothing_of_it(void **state)
{
    (void)state;
    struct err err;
    struct names *names = names_new();
    uint32_t tool = 99;
    assert_ok(names_add(names, STR("s"), STR("a.b"), 0, &err), err);
    assert_int_equal(names_add(names, STR("s"), STR("a_b"), 1, &err), ERR_CONFLICT);
    assert_non_null(strstr(err.text, "'a_b'"));
    assert_non_null(strstr(err.text, "'a.b'"));
    assert_false(names_find_plain(names, STR("s"), STR("a_b"), &tool));
    assert_true(names_find_flat(names, STR("s__a_b"), &tool));
    assert_int_equal(tool, 0);
    assert_int_equal(names_add(names, STR("s"), STR("a.b"), 1, &err), ERR_CONFLICT);
    names_free(names);
}

static void no_two_servers_can_share_a_flat_name(void **state)
{
    (void)state;
    struct err err;
    struct names *names = names_new();
    assert_ok(names_add(names, STR("a"), STR("b__c"), 0, &err), err);
    assert_int_equal(names_add(names, STR("a__b"), STR("c"), 1, &err), ERR_INVALID);
    assert_int_equal(names_add(names, STR("a_"), STR("_b__c"), 1, &err), ERR_INVALID);
    assert_int_equal(names_add(names, STR("a"), STR(""), 1, &err), ERR_INVALID);
    names_free(names);
    names_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(server_names_are_lower_case_and_hold_no_double_underscore),
        cmocka_unit_test(a_legal_upstream_name_is_seen_byte_for_byte),
        cmocka_unit_test(an_upstream_name_that_mcp_forbids_is_mapped_and_told_apart),
        cmocka_unit_test(the_flat_name_is_server_two_underscores_tool),
        cmocka_unit_test(a_flat_name_never_passes_64_characters_and_stays_the_same),
        cmocka_unit_test(exposed_names_lead_back_to_their_tool),
        cmocka_unit_test(only_the_exact_exposed_name_is_found),
        cmocka_unit_test(a_collision_refuses_the_second_and_adds_nothing_of_it),
        cmocka_unit_test(no_two_servers_can_share_a_flat_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
