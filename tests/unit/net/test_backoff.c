#include "unit.h"

#include "net/backoff.h"

static void waits_double_up_to_the_longest(void **state)
{
    (void)state;
    static const uint64_t expected[] = {500, 1000, 2000, 4000, 8000, 10000, 10000, 10000};
    struct backoff backoff;
    backoff_init(&backoff, 500, 10000, 60000);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        assert_int_equal(backoff_next_ms(&backoff, 10, 0), expected[i]);
}

static void chance_takes_up_to_half_away(void **state)
{
    (void)state;
    uint64_t least = UINT64_MAX;
    uint64_t most = 0;
    for (uint32_t chance = 0; chance < 5000; chance++) {
        struct backoff backoff;
        backoff_init(&backoff, 1000, 10000, 60000);
        uint64_t wait_ms = backoff_next_ms(&backoff, 0, chance * 2654435761U);
        least = wait_ms < least ? wait_ms : least;
        most = wait_ms > most ? wait_ms : most;
    }
    assert_in_range(least, 500, 510);
    assert_in_range(most, 990, 1000);
}

static void a_healthy_run_begins_anew(void **state)
{
    (void)state;
    struct backoff backoff;
    backoff_init(&backoff, 500, 10000, 60000);
    for (int i = 0; i < 100; i++)
        (void)backoff_next_ms(&backoff, 59999, 0);
    assert_int_equal(backoff_next_ms(&backoff, 59999, 0), 10000);
    assert_int_equal(backoff_next_ms(&backoff, 60000, 0), 500);
    assert_int_equal(backoff_next_ms(&backoff, 0, 0), 1000);
    backoff_reset(&backoff);
    assert_int_equal(backoff_next_ms(&backoff, 0, 0), 500);
}

static void the_largest_numbers_do_not_wrap(void **state)
{
    (void)state;
    struct backoff backoff;
    uint64_t before = 0;
    backoff_init(&backoff, 1, UINT64_MAX, UINT64_MAX);
    for (int i = 0; i < 200; i++) {
        uint64_t wait_ms = backoff_next_ms(&backoff, 1, 0);
        assert_true(wait_ms >= before);
        before = wait_ms;
    }
    assert_true(before == UINT64_MAX);
    backoff_init(&backoff, 0, 0, 0);
    assert_int_equal(backoff_next_ms(&backoff, 0, 12345), 0);
    backoff_init(&backoff, 500, 100, 0);
    assert_int_equal(backoff_next_ms(&backoff, 0, 0), 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_double_up_to_the_longest),
        cmocka_unit_test(chance_takes_up_to_half_away),
        cmocka_unit_test(a_healthy_run_begins_anew),
        cmocka_unit_test(the_largest_numbers_do_not_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
