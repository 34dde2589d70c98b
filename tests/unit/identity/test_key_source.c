/*
 * When keys are fetched, and when not. The provider here answers nobody (a loopback port that
 * nothing listens on), so that every fetch fails at once; test_key_source_site.c has providers that
 * answer.
 */
#include "unit.h"

#include "identity/key_source.h"
#include "net/fetch.h"

#define SECOND INT64_C(1000000)
#define NOW    (INT64_C(1790000000) * SECOND)

static const struct provider nobody = {
    .name = STR_INIT("corp"),
    .issuer = STR_INIT("http://127.0.0.1:1"),
    .jwks_url = STR_INIT("http://127.0.0.1:1/keys"),
};

static int set_up(void **state)
{
    struct err err;
    assert_ok(fetch_init(&err), err);
    *state = key_source_new(&nobody);
    return *state == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    key_source_free(*state);
    return 0;
}

static void nothing_is_believed_before_keys_came(void **state)
{
    struct key_source *source = *state;
    assert_null(key_source_get(source, NOW));
    assert_true(key_source_is_due(source, false, NOW));
    assert_int_equal(key_source_fetches(source), 0);
}

static void a_failure_says_who_and_starts_the_cooldown(void **state)
{
    struct key_source *source = *state;
    struct err err;
    assert_int_equal(key_source_refresh(source, true, NOW, &err), ERR_UNAVAILABLE);
    assert_non_null(strstr(err.text, "corp"));
    assert_null(key_source_get(source, NOW));
    assert_int_equal(key_source_fetches(source), 1);
}

static void a_flood_of_invented_kids_costs_one_fetch_in_thirty_seconds(void **state)
{
    struct key_source *source = *state;
    uint64_t before = key_source_fetches(source);
    size_t due = 0;
    for (int64_t i = 0; i < 100000; i++) {
        int64_t now_us = NOW + i * 29 * SECOND / 100000;
        due += key_source_is_due(source, true, now_us);
        assert_int_equal(key_source_refresh(source, true, now_us, NULL), ERR_OK);
    }
    assert_int_equal(due, 0);
    assert_int_equal(key_source_fetches(source), before);
    assert_true(key_source_is_due(source, true, NOW + 30 * SECOND));
    assert_int_equal(key_source_refresh(source, true, NOW + 30 * SECOND, NULL), ERR_UNAVAILABLE);
    assert_int_equal(key_source_fetches(source), before + 1);
}

static void a_clock_that_is_set_back_does_not_lock_the_door(void **state)
{
    struct key_source *source = *state;
    assert_true(key_source_is_due(source, true, NOW - 3600 * SECOND));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_believed_before_keys_came),
        cmocka_unit_test(a_failure_says_who_and_starts_the_cooldown),
        cmocka_unit_test(a_flood_of_invented_kids_costs_one_fetch_in_thirty_seconds),
        cmocka_unit_test(a_clock_that_is_set_back_does_not_lock_the_door),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
