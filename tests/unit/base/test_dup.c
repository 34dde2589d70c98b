#include "unit.h"

#include <stdio.h>

#include "base/dup.h"

enum { MAX_NAMES = 1000 };

static void the_second_of_two_equal_names_is_found(void **state)
{
    (void)state;
    static char texts[MAX_NAMES][8];
    static struct str names[MAX_NAMES];
    static uint32_t slots[MAX_NAMES * 8];
    static const size_t counts[] = {2, 3, DUP_SMALL - 1, DUP_SMALL, DUP_SMALL + 1, 100, MAX_NAMES};
    memset(slots, 0xff, sizeof slots);
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        size_t count = counts[i];
        assert_true(dup_slots(count) <= ARRAY_LEN(slots));
        for (size_t n = 0; n < count; n++) {
            snprintf(texts[n], sizeof texts[n], "n%zu", n);
            names[n] = str_c(texts[n]);
        }
        assert_int_equal(dup_find(names, count, slots), count);
        for (size_t n = 1; n < count; n++) {
            struct str kept = names[n];
            names[n] = names[(n * 7) % n];
            assert_int_equal(dup_find(names, count, slots), n);
            names[n] = kept;
        }
    }
}

static void few_names_need_no_slots(void **state)
{
    (void)state;
    const struct str names[] = {STR("a"), STR_NONE, STR("b"), STR("")};
    assert_int_equal(dup_slots(DUP_SMALL), 0);
    assert_true(dup_slots(DUP_SMALL + 1) > 0);
    assert_int_equal(dup_find(names, 0, NULL), 0);
    assert_int_equal(dup_find(names, 1, NULL), 1);
    assert_int_equal(dup_find(names, 3, NULL), 3);
    assert_int_equal(dup_find(names, 4, NULL), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_second_of_two_equal_names_is_found),
        cmocka_unit_test(few_names_need_no_slots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
