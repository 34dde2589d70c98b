#include "unit.h"

#include "base/err.h"

static enum err_code fail_deep(struct err *err)
{
    return err_set(err, ERR_NOT_FOUND, "no key '%s'", "k1");
}

static void wrapping_puts_the_action_before_the_reason(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(fail_deep(&err), ERR_NOT_FOUND);
    assert_int_equal(err_wrap(&err, "find key"), ERR_NOT_FOUND);
    assert_string_equal(err.text, "find key: no key 'k1'");
}

static void a_sentence_too_long_is_cut_not_overrun(void **state)
{
    (void)state;
    struct err err;
    char longer[ERR_TEXT_BYTES * 2];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    err_set(&err, ERR_LIMIT, "%s", longer);
    assert_int_equal(strlen(err.text), ERR_TEXT_BYTES - 1);
    err_wrap(&err, longer);
    assert_int_equal(strlen(err.text), ERR_TEXT_BYTES - 1);
}

static void no_err_object_is_fine(void **state)
{
    (void)state;
    assert_int_equal(fail_deep(NULL), ERR_NOT_FOUND);
    assert_int_equal(err_wrap(NULL, "find key"), ERR_INTERNAL);
}

static void every_code_has_a_word_and_a_status(void **state)
{
    (void)state;
    for (int code = 0; code < ERR_CODES; code++) {
        assert_non_null(err_word((enum err_code)code));
        assert_in_range(err_http_status((enum err_code)code), 200, 599);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrapping_puts_the_action_before_the_reason),
        cmocka_unit_test(a_sentence_too_long_is_cut_not_overrun),
        cmocka_unit_test(no_err_object_is_fine),
        cmocka_unit_test(every_code_has_a_word_and_a_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
