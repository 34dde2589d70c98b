#include "audit/intents.h"

#include <stdlib.h>
#include <string.h>

#include "../unit.h"

static struct uuid id_of(uint32_t number)
{
    struct uuid id = {{0}};
    memcpy(id.bytes, &number, sizeof number);
    memcpy(id.bytes + 8, &number, sizeof number);
    return id;
}

static void what_was_added_is_found_until_it_is_taken(void **state)
{
    (void)state;
    struct intents *intents = intents_new();
    struct intent intent = {.call_id = id_of(1), .attempt = 1, .index = 17};
    assert_true(intents_add(intents, &intent));
    assert_int_equal(intents_find(intents, &intent.call_id, 1)->index, 17);
    assert_null(intents_find(intents, &intent.call_id, 2));
    assert_true(intents_take(intents, &intent.call_id, 1));
    assert_false(intents_take(intents, &intent.call_id, 1));
    assert_int_equal(intents_count(intents), 0);
    intents_free(intents);
}

static void attempts_of_one_call_stand_side_by_side(void **state)
{
    (void)state;
    struct intents *intents = intents_new();
    for (uint32_t attempt = 0; attempt < 50; attempt++) {
        const struct intent intent = {.call_id = id_of(1), .attempt = attempt, .index = attempt};
        assert_true(intents_add(intents, &intent));
    }
    const struct uuid id = id_of(1);
    for (uint32_t attempt = 0; attempt < 50; attempt++)
        assert_int_equal(intents_find(intents, &id, attempt)->index, attempt);
    intents_free(intents);
}

/* Against a plain array, with so few ids that everything collides. */
static void it_agrees_with_a_plain_array(void **state)
{
    (void)state;
    enum { IDS = 3000 };
    static bool is_in[IDS];
    size_t count = 0;
    struct intents *intents = intents_new();
    unsigned seed = 7;
    for (int i = 0; i < 200000; i++) {
        uint32_t number = (uint32_t)rand_r(&seed) % IDS;
        const struct intent intent = {.call_id = id_of(number), .attempt = 1, .index = number};
        if (rand_r(&seed) % 2 == 0) {
            assert_true(intents_add(intents, &intent));
            count += is_in[number] ? 0 : 1;
            is_in[number] = true;
        } else {
            assert_int_equal(intents_take(intents, &intent.call_id, 1), is_in[number]);
            count -= is_in[number] ? 1 : 0;
            is_in[number] = false;
        }
        assert_int_equal(intents_count(intents), count);
    }
    size_t walked = 0;
    size_t pos = 0;
    const struct intent *intent;
    while ((intent = intents_next(intents, &pos)) != NULL) {
        assert_true(is_in[intent->index]);
        walked++;
    }
    assert_int_equal(walked, count);
    for (uint32_t number = 0; number < IDS; number++) {
        const struct uuid id = id_of(number);
        assert_int_equal(intents_find(intents, &id, 1) != NULL, is_in[number]);
    }
    intents_free(intents);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_added_is_found_until_it_is_taken),
        cmocka_unit_test(attempts_of_one_call_stand_side_by_side),
        cmocka_unit_test(it_agrees_with_a_plain_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
