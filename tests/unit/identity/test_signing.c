#include "identity/signing.h"

#include "unit.h"

static void what_is_written_is_read(void **state)
{
    struct signing signing = {.oldest = 3, .newest = 5, .made_us = 1234567, .drop_us = 7654321};
    struct signing found;
    CLEANUP(buf_done) struct buf text;
    struct err err;

    (void)state;
    buf_init(&text, 256);
    signing_write(&signing, &text);
    assert_ok(signing_read(buf_str(&text), &found, &err), err);
    assert_int_equal(found.oldest, 3);
    assert_int_equal(found.newest, 5);
    assert_int_equal(found.made_us, 1234567);
    assert_int_equal(found.drop_us, 7654321);
}

static void what_nobody_wrote_is_damaged(void **state)
{
    static const char *const texts[] = {
        "",          "1",        "1 1 0",
        "1 1 0 0 0", "0 1 0 0",  "2 1 0 0",
        "1 9 0 0",   "1 1 -1 0", "1 1 0 x",

        "1  1 0 0",  " 1 1 0 0", "1 1 0 99999999999999999999",
    };
    struct signing found;
    struct err err;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_int_equal(signing_read(str_c(texts[i]), &found, &err), ERR_CORRUPT);
}

static void an_old_key_counts_as_long_as_a_token_may_live(void **state)
{
    struct signing signing = signing_first(100);
    struct err err;

    (void)state;
    assert_false(signing_drop(&signing, INT64_MAX));
    assert_ok(signing_rotate(&signing, 1000, 50, &err), err);
    assert_int_equal(signing.oldest, 1);
    assert_int_equal(signing.newest, 2);
    assert_int_equal(signing.made_us, 1000);
    assert_false(signing_drop(&signing, 1049));
    assert_true(signing_drop(&signing, 1050));
    assert_int_equal(signing.oldest, 2);
    assert_false(signing_drop(&signing, 1051));
}

static void one_that_is_replaced_in_a_hurry_is_not_forgotten(void **state)
{
    struct signing signing = signing_first(100);
    struct err err;

    (void)state;
    for (int i = 1; i < SIGNING_MAX_GENERATIONS; i++)
        assert_ok(signing_rotate(&signing, 1000 + i, 50, &err), err);
    assert_int_equal(signing.oldest, 1);
    assert_int_equal(signing.newest, SIGNING_MAX_GENERATIONS);
    assert_int_equal(signing_rotate(&signing, 1010, 50, &err), ERR_CONFLICT);
    assert_int_equal(signing.newest, SIGNING_MAX_GENERATIONS);
    assert_ok(signing_rotate(&signing, 2000, 50, &err), err);
    assert_int_equal(signing.oldest, SIGNING_MAX_GENERATIONS);
    assert_int_equal(signing.newest, SIGNING_MAX_GENERATIONS + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(what_nobody_wrote_is_damaged),
        cmocka_unit_test(an_old_key_counts_as_long_as_a_token_may_live),
        cmocka_unit_test(one_that_is_replaced_in_a_hurry_is_not_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
