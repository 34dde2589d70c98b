#include <stdio.h>

#include "unit.h"

#include "identity/caller_cache.h"

static struct caller found;

static bool find(struct caller_cache *cache, struct str authorization, int64_t now_us)
{
    return caller_cache_find(cache, authorization, now_us, NULL, &found);
}

static void what_was_put_is_found_by_the_same_bytes_alone(void **state)
{
    struct caller_cache *cache = caller_cache_new();
    const struct caller robot = {.kind = PRINCIPAL_ROBOT, .id = STR_INIT("robot:a"), .scopes = 3};
    (void)state;
    assert_non_null(cache);
    assert_false(find(cache, STR("Bearer one"), 1));
    caller_cache_put(cache, STR("Bearer one"), &robot);
    assert_true(find(cache, STR("Bearer one"), 1));
    assert_true(str_eq(found.id, STR("robot:a")));
    assert_int_equal(found.scopes, 3);
    assert_false(find(cache, STR("Bearer on"), 1));
    assert_false(find(cache, STR("Bearer onf"), 1));
    assert_false(find(cache, STR("bearer one"), 1));
    assert_false(find(cache, STR_NONE, 1));
    caller_cache_free(cache);
}

static void a_token_that_expires_is_not_known_any_more(void **state)
{
    struct caller_cache *cache = caller_cache_new();
    const struct caller robot = {.kind = PRINCIPAL_ROBOT, .expires_us = 1000};
    (void)state;
    caller_cache_put(cache, STR("Bearer one"), &robot);
    assert_true(find(cache, STR("Bearer one"), 999));
    assert_false(find(cache, STR("Bearer one"), 1000));
    caller_cache_free(cache);
}

static void a_caller_whom_the_provider_has_to_vouch_for_again_is_not_known(void **state)
{
    struct caller_cache *cache = caller_cache_new();
    const struct caller robot = {.kind = PRINCIPAL_ROBOT, .expires_us = 5000, .ask_again_us = 1000};
    (void)state;
    caller_cache_put(cache, STR("Bearer one"), &robot);
    assert_true(find(cache, STR("Bearer one"), 999));
    assert_false(find(cache, STR("Bearer one"), 1000));
    caller_cache_free(cache);
}

static void nothing_is_known_after_clearing(void **state)
{
    struct caller_cache *cache = caller_cache_new();
    const struct caller robot = {.kind = PRINCIPAL_ROBOT};
    (void)state;
    caller_cache_put(cache, STR("Bearer one"), &robot);
    caller_cache_clear(cache);
    assert_false(find(cache, STR("Bearer one"), 1));
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
        bool is_known = find(cache, str_c(text), 1);
        if (is_known)
            assert_int_equal(found.robot_id, i + 1);
        known += is_known;
    }
    assert_true(known > 0);
    caller_cache_free(cache);
}

static void values_too_long_are_not_kept(void **state)
{
    static char text[32 << 10];
    struct caller_cache *cache = caller_cache_new();
    const struct caller robot = {.kind = PRINCIPAL_ROBOT};
    (void)state;
    memset(text, 'x', sizeof text);
    caller_cache_put(cache, str_of(text, sizeof text), &robot);
    assert_false(find(cache, str_of(text, sizeof text), 1));
    caller_cache_free(cache);
}

/* A person's views are the cache's own, and those of whoever asks are the asker's. */
static void a_person_is_copied_in_and_out(void **state)
{
    struct caller_cache *cache = caller_cache_new();
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 16);
    char id[] = "user:corp:ann";
    char group[] = "data-analysts";
    const struct str groups[] = {str_c(group)};
    const struct caller ann = {.kind = PRINCIPAL_HUMAN,
                               .provider = STR_INIT("corp"),
                               .id = str_c(id),
                               .groups = groups,
                               .group_count = 1,
                               .expires_us = 1000};
    struct caller one;
    (void)state;
    caller_cache_put(cache, STR("Bearer one"), &ann);
    memset(id, 'x', sizeof id - 1);
    memset(group, 'x', sizeof group - 1);
    assert_true(caller_cache_find(cache, STR("Bearer one"), 1, arena, &one));
    caller_cache_free(cache);
    assert_true(str_eq(one.id, STR("user:corp:ann")));
    assert_int_equal(one.group_count, 1);
    assert_true(str_eq(one.groups[0], STR("data-analysts")));
}

/* No provider vouches, but what the token says of it is the request's. */
static void a_robot_with_an_issued_token_is_copied_in_and_out(void **state)
{
    struct caller_cache *cache = caller_cache_new();
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 16);
    char audience[] = "https://gate/mcp/docs";
    char client[] = "ci";
    const struct caller robot = {.kind = PRINCIPAL_ROBOT,
                                 .id = STR_INIT("robot:nightly"),
                                 .audience = str_c(audience),
                                 .client_id = str_c(client),
                                 .warrant = STR_INIT("w"),
                                 .is_issued = true,
                                 .expires_us = 1000};
    struct caller one;
    (void)state;
    caller_cache_put(cache, STR("Bearer one"), &robot);
    memset(audience, 'x', sizeof audience - 1);
    memset(client, 'x', sizeof client - 1);
    assert_true(caller_cache_find(cache, STR("Bearer one"), 1, arena, &one));
    caller_cache_free(cache);
    assert_str(one.audience, "https://gate/mcp/docs");
    assert_str(one.client_id, "ci");
    assert_str(one.warrant, "w");
    assert_true(one.is_issued);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_found_by_the_same_bytes_alone),
        cmocka_unit_test(a_token_that_expires_is_not_known_any_more),
        cmocka_unit_test(a_caller_whom_the_provider_has_to_vouch_for_again_is_not_known),
        cmocka_unit_test(nothing_is_known_after_clearing),
        cmocka_unit_test(no_value_finds_the_caller_of_another),
        cmocka_unit_test(values_too_long_are_not_kept),
        cmocka_unit_test(a_person_is_copied_in_and_out),
        cmocka_unit_test(a_robot_with_an_issued_token_is_copied_in_and_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
