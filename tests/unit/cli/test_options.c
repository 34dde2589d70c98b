#include "cli/options.h"

#include "unit.h"

static const struct option own[] = {
    {"since", "TIME", "Not older"},
    {"server", "NAME", "Name of a server"},
    {"count", "N", "How many"},
    {"yes", NULL, "Do not ask"},
    {0},
};

static int nothing(const struct options *options)
{
    (void)options;
    return EXIT_DONE;
}

static const struct command command = {.name = "audit search",
                                       .args = "WHAT [MORE]",
                                       .min_args = 1,
                                       .max_args = 2,
                                       .summary = "Find",
                                       .prose = "",
                                       .options = own,
                                       .run = nothing};

#define PARSE(options, err, ...)                                                                   \
    options_parse(&command,                                                                        \
                  (int)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *)),        \
                  (char *const *)(uintptr_t)(const char *const[]){__VA_ARGS__}, options, err)

static void options_stand_anywhere_and_take_values_in_both_ways(void **state)
{
    (void)state;
    struct options options;
    struct err err;

    assert_ok(PARSE(&options, &err, "--since", "2h", "one", "--json", "--count=3", "two", "--yes"),
              err);
    assert_string_equal(options_get(&options, "since"), "2h");
    assert_string_equal(options_get(&options, "count"), "3");
    assert_true(options_has(&options, "json"));
    assert_true(options_has(&options, "yes"));
    assert_false(options_has(&options, "settings"));
    assert_string_equal(options_arg(&options, 0), "one");
    assert_string_equal(options_arg(&options, 1), "two");
    assert_null(options_arg(&options, 2));
}

static void values_may_be_empty_hold_equal_signs_and_begin_with_dashes(void **state)
{
    (void)state;
    struct options options;
    struct err err;

    assert_ok(PARSE(&options, &err, "x", "--since=", "--settings=a=b", "--count", "--yes"), err);
    assert_string_equal(options_get(&options, "since"), "");
    assert_string_equal(options_get(&options, "settings"), "a=b");
    assert_string_equal(options_get(&options, "count"), "--yes");
    assert_false(options_has(&options, "yes"));
}

static void two_dashes_end_the_options_and_one_is_an_argument(void **state)
{
    (void)state;
    struct options options;
    struct err err;

    assert_ok(PARSE(&options, &err, "-", "--", "--yes"), err);
    assert_string_equal(options_arg(&options, 0), "-");
    assert_string_equal(options_arg(&options, 1), "--yes");
    assert_false(options_has(&options, "yes"));
}

static void a_misspelt_option_is_told_what_would_be_right(void **state)
{
    (void)state;
    struct options options;
    struct err err;

    assert_int_equal(PARSE(&options, &err, "x", "--sinec", "2h"), ERR_INVALID);
    assert_string_equal(err.text, "unknown option '--sinec'; did you mean '--since'?");
    assert_int_equal(PARSE(&options, &err, "x", "--setings=a"), ERR_INVALID);
    assert_non_null(strstr(err.text, "did you mean '--settings'?"));
    assert_int_equal(PARSE(&options, &err, "x", "--quite-other"), ERR_INVALID);
    assert_non_null(strstr(err.text, "takes --since, --server, --count, --yes, --settings"));
    assert_int_equal(PARSE(&options, &err, "x", "-y"), ERR_INVALID);
    assert_int_equal(PARSE(&options, &err, "x", "--"), ERR_OK);
}

static void what_is_missing_too_much_or_twice_is_wrong_use(void **state)
{
    (void)state;
    struct options options;
    struct err err;

    assert_int_equal(PARSE(&options, &err, "--yes"), ERR_INVALID);
    assert_non_null(strstr(err.text, "portreeve audit search WHAT [MORE]"));
    assert_int_equal(PARSE(&options, &err, "a", "b", "c"), ERR_INVALID);
    assert_int_equal(PARSE(&options, &err, "a", "--since"), ERR_INVALID);
    assert_non_null(strstr(err.text, "--since TIME"));
    assert_int_equal(PARSE(&options, &err, "a", "--yes=1"), ERR_INVALID);
    assert_int_equal(PARSE(&options, &err, "a", "--yes", "--yes"), ERR_INVALID);
    assert_int_equal(PARSE(&options, &err, "a", "--since", "1h", "--since=2h"), ERR_INVALID);
}

static void help_needs_no_arguments(void **state)
{
    (void)state;
    struct options options;
    struct err err;

    assert_ok(PARSE(&options, &err, "--help"), err);
    assert_true(options_has(&options, "help"));
    assert_ok(PARSE(&options, &err, "-h"), err);
    assert_true(options_has(&options, "help"));
}

static void an_own_option_goes_before_the_common_one_of_its_name(void **state)
{
    (void)state;
    struct options options;
    struct err err;

    assert_ok(PARSE(&options, &err, "x", "--server", "docs", "--ca", "file"), err);
    assert_string_equal(options_get(&options, "server"), "docs");
    assert_null(options_get_common(&options, "server"));
    assert_string_equal(options_get_common(&options, "ca"), "file");
}

static void numbers_have_bounds(void **state)
{
    (void)state;
    struct options options;
    struct err err;
    uint64_t value = 0;

    assert_ok(PARSE(&options, &err, "x"), err);
    assert_ok(options_number(&options, "count", 7, 1, 10, &value, &err), err);
    assert_int_equal(value, 7);
    static const char *const bad[] = {"0", "11", "-1", "1.5", "ten", "", "99999999999999999999"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_ok(PARSE(&options, &err, "x", "--count", bad[i]), err);
        assert_int_equal(options_number(&options, "count", 7, 1, 10, &value, &err), ERR_INVALID);
        assert_non_null(strstr(err.text, "from 1 to 10"));
    }
    assert_int_equal(value, 7);
}

static void the_distance_of_words_is_how_many_letters_change(void **state)
{
    (void)state;
    assert_int_equal(options_distance(STR("since"), STR("since")), 0);
    assert_int_equal(options_distance(STR("sinec"), STR("since")), 2);
    assert_int_equal(options_distance(STR(""), STR("abc")), 3);
    assert_int_equal(options_distance(STR("abc"), STR("")), 3);
    assert_int_equal(options_distance(STR("kitten"), STR("sitting")), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_stand_anywhere_and_take_values_in_both_ways),
        cmocka_unit_test(values_may_be_empty_hold_equal_signs_and_begin_with_dashes),
        cmocka_unit_test(two_dashes_end_the_options_and_one_is_an_argument),
        cmocka_unit_test(a_misspelt_option_is_told_what_would_be_right),
        cmocka_unit_test(what_is_missing_too_much_or_twice_is_wrong_use),
        cmocka_unit_test(help_needs_no_arguments),
        cmocka_unit_test(an_own_option_goes_before_the_common_one_of_its_name),
        cmocka_unit_test(numbers_have_bounds),
        cmocka_unit_test(the_distance_of_words_is_how_many_letters_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
