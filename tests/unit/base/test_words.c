#include "base/words.h"

#include "unit.h"

static void every_word_parses_back_to_itself(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CATEGORIES; i++) {
        enum category got;
        assert_true(category_parse(str_c(category_word((enum category)i)), &got));
        assert_int_equal(got, i);
    }
    for (unsigned i = 0; i < SCOPES; i++) {
        enum scope got;
        assert_true(scope_parse(str_c(scope_word((enum scope)i)), &got));
        assert_int_equal(got, i);
    }
    for (unsigned i = 0; i < PRINCIPAL_KINDS; i++) {
        enum principal_kind got;
        assert_true(principal_parse(str_c(principal_word((enum principal_kind)i)), &got));
        assert_int_equal(got, i);
    }
    for (unsigned i = 0; i < TOOL_STATES; i++) {
        enum tool_state got;
        assert_true(tool_state_parse(str_c(tool_state_word((enum tool_state)i)), &got));
        assert_int_equal(got, i);
    }
    for (unsigned i = 0; i < RELEASES; i++) {
        enum release got;
        assert_true(release_parse(str_c(release_word((enum release)i)), &got));
        assert_int_equal(got, i);
    }
    for (unsigned i = 0; i < REASONS; i++) {
        enum reason got;
        assert_true(reason_parse(str_c(reason_word((enum reason)i)), &got));
        assert_int_equal(got, i);
    }
}

static void near_misses_are_no_words(void **state)
{
    (void)state;
    enum category category = CATEGORY_WRITE;
    const char *misses[] = {"", "Read-only", "read_only", "read-only ", "admin\n", "adm"};
    for (size_t i = 0; i < ARRAY_LEN(misses); i++)
        assert_false(category_parse(str_c(misses[i]), &category));
    assert_int_equal(category, CATEGORY_WRITE);
}

static void each_category_needs_the_scope_of_its_name(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CATEGORIES; i++) {
        struct str scope = str_c(scope_word(category_scope((enum category)i)));
        assert_true(str_starts(scope, STR("call:")));
        assert_str(str_from(scope, 5), category_word((enum category)i));
    }
}

static void a_set_is_written_in_the_order_of_the_words(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 256);
    category_set_write(&out, CATEGORY_BIT(CATEGORY_ADMIN) | CATEGORY_BIT(CATEGORY_READ_ONLY), ", ");
    assert_str(buf_str(&out), "read-only, admin");
    buf_clear(&out);
    scope_set_write(&out, SCOPE_BIT(SCOPE_LIST) | SCOPE_BIT(SCOPE_ADMIN), " ");
    assert_str(buf_str(&out), "list admin");
    buf_clear(&out);
    principal_set_write(&out, 0, ", ");
    assert_str(buf_str(&out), "");
    buf_done(&out);
}

static void a_value_out_of_range_reads_as_a_question_mark(void **state)
{
    (void)state;
    assert_string_equal(category_word(CATEGORIES), "?");
    assert_string_equal(reason_word(REASONS), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_word_parses_back_to_itself),
        cmocka_unit_test(near_misses_are_no_words),
        cmocka_unit_test(each_category_needs_the_scope_of_its_name),
        cmocka_unit_test(a_set_is_written_in_the_order_of_the_words),
        cmocka_unit_test(a_value_out_of_range_reads_as_a_question_mark),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
