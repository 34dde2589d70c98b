#include "gate/refusals.h"

#include <stdio.h>

#include "unit.h"

struct seen {
    unsigned rows;
    uint64_t count;
    char who[64];
    bool is_caller;
};

static void on_count(void *ctx, const struct refusals_count *count)
{
    struct seen *seen = ctx;

    seen->rows++;
    seen->count += count->count;
    seen->is_caller = count->is_caller;
    (void)snprintf(seen->who, sizeof seen->who, STR_FMT, STR_ARG(count->who));
}

static void a_caller_is_recorded_up_to_its_rate_and_counted_beyond(void **state)
{
    struct refusals *refusals = refusals_new(10);
    struct seen seen = {0};
    unsigned recorded = 0;

    (void)state;
    for (unsigned i = 0; i < 100; i++)
        recorded += refusals_may_record(refusals, STR("robot:a"), "no_grant", 5000000);
    assert_int_equal(recorded, 10);
    refusals_flush(refusals, on_count, &seen);
    assert_int_equal(seen.count, 90);
    assert_true(seen.is_caller);
    assert_string_equal(seen.who, "robot:a");
    /* The budget comes back with time, and not at once with a flush. */
    assert_false(refusals_may_record(refusals, STR("robot:a"), "no_grant", 5000000));
    assert_true(refusals_may_record(refusals, STR("robot:a"), "no_grant", 5200000));
    refusals_free(refusals);
}

static void one_caller_does_not_spend_the_budget_of_another(void **state)
{
    struct refusals *refusals = refusals_new(1);

    (void)state;
    assert_true(refusals_may_record(refusals, STR("robot:a"), "x", 1));
    assert_false(refusals_may_record(refusals, STR("robot:a"), "x", 1));
    assert_true(refusals_may_record(refusals, STR("robot:b"), "x", 1));
    refusals_free(refusals);
}

static void sources_are_counted_each_and_forgotten_when_told(void **state)
{
    struct refusals *refusals = refusals_new(1);
    struct seen seen = {0};
    struct addr addr;

    (void)state;
    assert_true(addr_parse_ip(STR("192.0.2.7"), &addr));
    for (unsigned i = 0; i < 5; i++)
        refusals_add_source(refusals, &addr, "unknown");
    refusals_flush(refusals, on_count, &seen);
    assert_int_equal(seen.rows, 1);
    assert_int_equal(seen.count, 5);
    assert_false(seen.is_caller);
    assert_string_equal(seen.who, "192.0.2.7");
    refusals_flush(refusals, on_count, &seen);
    assert_int_equal(seen.rows, 1);
    refusals_free(refusals);
}

static void a_flood_of_sources_is_bounded(void **state)
{
    struct refusals *refusals = refusals_new(1);
    struct seen seen = {0};
    struct addr addr;

    (void)state;
    assert_true(addr_parse_ip(STR("10.0.0.0"), &addr));
    for (unsigned i = 0; i < 20000; i++) {
        addr.ip[14] = (uint8_t)(i >> 8);
        addr.ip[15] = (uint8_t)i;
        refusals_add_source(refusals, &addr, "unknown");
    }
    refusals_flush(refusals, on_count, &seen);
    assert_int_equal(seen.count, 20000);
    assert_in_range(seen.rows, 1, 4097);
    refusals_free(refusals);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_caller_is_recorded_up_to_its_rate_and_counted_beyond),
        cmocka_unit_test(one_caller_does_not_spend_the_budget_of_another),
        cmocka_unit_test(sources_are_counted_each_and_forgotten_when_told),
        cmocka_unit_test(a_flood_of_sources_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
