#include "unit.h"

#include "base/str.h"

static void views_of_nothing_are_equal_and_harmless(void **state)
{
    (void)state;
    assert_true(str_eq(STR_NONE, STR("")));
    assert_true(str_eq(str_c(NULL), STR_NONE));
    assert_int_equal(str_find(STR_NONE, 'a'), 0);
    assert_int_equal(str_find_str(STR_NONE, STR("a")), 0);
    assert_true(str_is_utf8(STR_NONE));
    assert_int_equal(str_trim(STR(" \t ")).len, 0);
}

static void numbers_are_plain_decimal_and_never_wrap(void **state)
{
    (void)state;
    uint64_t n = 7;
    assert_true(str_u64(STR("18446744073709551615"), &n));
    assert_true(n == UINT64_MAX);
    const char *bad[] = {
        "",   "18446744073709551616", "99999999999999999999", "-1", "+1", " 1", "1 ", "01", "0x1",
        "1e3"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(str_u64(str_c(bad[i]), &n));
    assert_true(n == UINT64_MAX);
}

static void utf8_is_checked_as_rfc_3629_says(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
    } rows[] = {
        {"plain", true},
        {"\xc3\xa9", true},
        {"\xe2\x82\xac", true},
        {"\xf0\x9f\x98\x80", true},
        {"\xf4\x8f\xbf\xbf", true},
        {"\xf4\x90\x80\x80", false},
        {"\xc0\x80", false},
        {"\xe0\x80\x80", false},
        {"\xed\xa0\x80", false},
        {"\x80", false},
        {"\xc3", false},
        {"\xe2\x82", false},
        {"\xff", false},
        {"\xf8\x88\x80\x80\x80", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(str_is_utf8(str_c(rows[i].text)), rows[i].good);
}

static void patterns_match_whole_names(void **state)
{
    (void)state;
    assert_true(str_glob(STR("describe_*"), STR("describe_table")));
    assert_true(str_glob(STR("*"), STR("")));
    assert_true(str_glob(STR("a*b*c"), STR("aXbYbZc")));
    assert_false(str_glob(STR("describe_*"), STR("describe")));
    assert_false(str_glob(STR("a"), STR("ab")));
    assert_false(str_glob(STR(""), STR("a")));
    assert_false(str_glob(STR("*a"), STR("ab")));
}

static void cutting_walks_a_list(void **state)
{
    (void)state;
    struct str rest = STR("a,,b");
    assert_str(str_cut(&rest, ','), "a");
    assert_str(str_cut(&rest, ','), "");
    assert_str(str_cut(&rest, ','), "b");
    assert_int_equal(rest.len, 0);
}

static void case_is_ignored_for_ascii_letters_only(void **state)
{
    (void)state;
    assert_true(str_eq_nocase(STR("Content-Length"), STR("content-LENGTH")));
    assert_false(str_eq_nocase(STR("\xc3\x89"), STR("\xc3\xa9")));
    assert_false(str_eq_nocase(STR("[a"), STR("{a")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(views_of_nothing_are_equal_and_harmless),
        cmocka_unit_test(numbers_are_plain_decimal_and_never_wrap),
        cmocka_unit_test(utf8_is_checked_as_rfc_3629_says),
        cmocka_unit_test(patterns_match_whole_names),
        cmocka_unit_test(cutting_walks_a_list),
        cmocka_unit_test(case_is_ignored_for_ascii_letters_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
