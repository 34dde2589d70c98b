#include "catalog/category.h"

#include "unit.h"

static const struct tool_rule rules[] = {
    {.pattern = STR_INIT("*"), .category = CATEGORY_DESTRUCTIVE},
    {.pattern = STR_INIT("get_*"), .category = CATEGORY_READ_ONLY},
    {.pattern = STR_INIT("get_secret*"), .category = CATEGORY_ADMIN},
    {.pattern = STR_INIT("get_secret_names"), .category = CATEGORY_READ_ONLY},
    {.pattern = STR_INIT("get_*_file"), .category = CATEGORY_WRITE},
    {.pattern = STR_INIT("*_report"), .category = CATEGORY_WRITE},
};

static void assert_judged(const char *tool, const char *pattern, enum category category)
{
    struct category_judgement got = category_judge(rules, ARRAY_LEN(rules), str_c(tool));
    assert_true(got.is_classified);
    assert_str(got.rule->pattern, pattern);
    assert_string_equal(category_word(got.category), category_word(category));
}

static void the_most_specific_rule_holds(void **state)
{
    (void)state;
    assert_judged("get_user", "get_*", CATEGORY_READ_ONLY);
    assert_judged("get_secret", "get_secret*", CATEGORY_ADMIN);
    assert_judged("get_secret_key", "get_secret*", CATEGORY_ADMIN);
    assert_judged("get_secret_names", "get_secret_names", CATEGORY_READ_ONLY);
    assert_judged("get_big_file", "get_*_file", CATEGORY_WRITE);
    assert_judged("get_report", "get_*", CATEGORY_READ_ONLY);
    assert_judged("make_report", "*_report", CATEGORY_WRITE);
    assert_judged("drop", "*", CATEGORY_DESTRUCTIVE);
}

static void the_order_of_rules_says_nothing(void **state)
{
    (void)state;
    struct tool_rule turned[ARRAY_LEN(rules)];
    for (size_t i = 0; i < ARRAY_LEN(rules); i++)
        turned[i] = rules[ARRAY_LEN(rules) - 1 - i];
    const char *tools[] = {"get_user", "get_secret", "get_secret_names", "get_big_file", "drop"};
    for (size_t i = 0; i < ARRAY_LEN(tools); i++)
        assert_int_equal(category_judge(rules, ARRAY_LEN(rules), str_c(tools[i])).category,
                         category_judge(turned, ARRAY_LEN(turned), str_c(tools[i])).category);
}

static void of_equally_specific_rules_the_worse_category_holds(void **state)
{
    (void)state;
    const struct tool_rule tie[] = {
        {.pattern = STR_INIT("get_*a*"), .category = CATEGORY_WRITE},
        {.pattern = STR_INIT("get_*b*"), .category = CATEGORY_ADMIN},
        {.pattern = STR_INIT("get_*c*"), .category = CATEGORY_READ_ONLY},
    };
    assert_int_equal(category_judge(tie, 3, STR("get_abc")).category, CATEGORY_ADMIN);
    assert_int_equal(category_judge(tie, 3, STR("get_ac")).category, CATEGORY_WRITE);
}

static void a_tool_without_a_rule_counts_as_admin(void **state)
{
    (void)state;
    struct category_judgement got = category_judge(rules + 1, 2, STR("put"));
    assert_false(got.is_classified);
    assert_null(got.rule);
    assert_int_equal(got.category, CATEGORY_ADMIN);
    got = category_judge(NULL, 0, STR("put"));
    assert_false(got.is_classified);
    assert_int_equal(got.category, CATEGORY_ADMIN);
}

static void names_are_compared_exactly(void **state)
{
    (void)state;
    assert_false(category_judge(rules + 1, 3, STR("Get_user")).is_classified);
    assert_false(category_judge(rules + 3, 1, STR("get_secret_names2")).is_classified);
    assert_false(category_judge(rules + 3, 1, STR("get_secret_name")).is_classified);
}

static void hints_propose_a_category_and_say_why(void **state)
{
    (void)state;
    static const struct {
        const char *annotations;
        const char *category; /* NULL: nothing is proposed */
    } rows[] = {
        {"{\"readOnlyHint\":true}", "read-only"},
        {"{\"readOnlyHint\":true,\"destructiveHint\":false}", "read-only"},
        {"{\"readOnlyHint\":true,\"destructiveHint\":true}", "destructive"},
        {"{\"readOnlyHint\":false}", "destructive"},
        {"{\"readOnlyHint\":false,\"destructiveHint\":false}", "write"},
        {"{\"readOnlyHint\":false,\"destructiveHint\":true}", "destructive"},
        {"{\"destructiveHint\":true}", "destructive"},
        {"{\"destructiveHint\":false}", "write"},
        {"{\"readOnlyHint\":\"true\"}", "admin"},
        {"{\"readOnlyHint\":true,\"destructiveHint\":0}", "admin"},
        {"{\"idempotentHint\":true,\"title\":\"readOnlyHint\"}", NULL},
        {"{}", NULL},
        {"[]", NULL},
        {"null", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err;
        struct json_doc doc;
        struct arena *arena = arena_new(65536);
        assert_ok(json_parse(str_c(rows[i].annotations), &json_limits_default, arena, &doc, &err),
                  err);
        struct category_proposal got = category_from_hints(&doc, 0);
        assert_int_equal(got.is_proposed, rows[i].category != NULL);
        assert_non_null(got.reason);
        if (got.is_proposed)
            assert_string_equal(category_word(got.category), rows[i].category);
        assert_false(category_from_hints(&doc, JSON_NONE).is_proposed);
        arena_free(arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_most_specific_rule_holds),
        cmocka_unit_test(the_order_of_rules_says_nothing),
        cmocka_unit_test(of_equally_specific_rules_the_worse_category_holds),
        cmocka_unit_test(a_tool_without_a_rule_counts_as_admin),
        cmocka_unit_test(names_are_compared_exactly),
        cmocka_unit_test(hints_propose_a_category_and_say_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
