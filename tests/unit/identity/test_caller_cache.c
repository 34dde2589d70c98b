#include <stdio.h>

#include "unit.h"

#include "identity/caller_cache.h"

static void what_was_put_is_found_by_the_same_bytes_alone(void **state)
{
    struct caller_cache *cache = caller_cache_new();
    const struct caller robot = {.kind = PRINCIPAL_ROBOT, .id = STR_INIT("robot:a"), .scopes = 3};
    (void)state;
    assert_non_null(cache);
    assert_null(caller_cache_find(cache, STR("Bearer one"), 1));
    caller_cache_put(cache, STR("Bearer one"), &robot);
    const struct caller *found = caller_cache_find(cache, STR("Bearer one"), 1);
    assert_non_null(found);
    assert_true(str_eq(found->id, STR("robot:a")));
    assert_int_equal(found->scopes, 3);
    assert_null(caller_cache_find(cache, STR("Bearer on"), 1));
    assert_null(caller_cache_find(cache, STR("Bearer onf"), 1));
    assert_null(caller_cache_find(cache, STR("bearer one"), 1));
    assert_null(caller_cache_find(cache, STR_NONE, 1));
    caller_cache_free(cache);
}

static void a_token_that_expires_is_not_known_any_more(void **state)
{
    struct caller_cache *cache = caller_cache_new();
    const struct caller robot = {.kind = PRINCIPAL_ROBOT, .expires_us = 1000};
    (void)state;
    caller_cache_put(cache, STR("Bearer one"), &robot);
    assert_non_null(caller_cache_find(cache, STR("Bearer one"), 999));
    assert_null(caller_cache_find(cache, STR("Bearer one"), 1000));
    caller_cache_free(cache);
}

static void nothing_is_known_after_clearing(void **state)
{
    struct caller_cache *cache = caller_cache_new();
    const struct caller robot = {.kind = PRINCIPAL_ROBOT};
    (void)state;
    caller_cache_put(cache, STR("Bearer one"), &robot);
    caller_cache_clear(cache);
    assert_null(caller_cache_find(cache, STR("Bearer one"), 1));
    caller_cache_free(cache);
}

/* More values than there are slots: whoever is displaced is unknown, nobody is taken for another.
 */
static void no_value_finds_the_caller_of_another(void **state)
{
    enum { MANY = 5000 };
    struct caller_cache *cache = caller_cache_new();
    char text[32];
    size_t known = 0;
    (void)state;
    for (int i = 0; i < MANY; i++) {
        const struct caller robot = {.kind = PRINCIPAL_ROBOT, .robot_id = i + 1};
        (void)snprintf(text, sizeof text, "Bearer %d", i);
        caller_cache_put(cache, str_c(text), &robot);
    }
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(text, sizeof text, "Bearer %d", i);
        const struct caller *found = caller_cache_find(cache, str_c(text), 1);
        if (found != NULL)
            assert_int_equal(found->robot_id, i + 1);
        known += found != NULL;
    }
    assert_true(known > 0);
    caller_cache_free(cache);
}

static void values_too_long_are_not_kept(void **state)
{
    static char text[8192];
    struct caller_cache *cache = caller_cache_new();
    const struct caller robot = {.kind = PRINCIPAL_ROBOT};
    (void)state;
    memset(text, 'x', sizeof text);
    caller_cache_put(cache, str_of(text, sizeof text), &robot);
    assert_null(caller_cache_find(cache, str_of(text, sizeof text), 1));
    caller_cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_found_by_the_same_bytes_alone),
        cmocka_unit_test(a_token_that_expires_is_not_known_any_more),
        cmocka_unit_test(nothing_is_known_after_clearing),
        cmocka_unit_test(no_value_finds_the_caller_of_another),
        cmocka_unit_test(values_too_long_are_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
