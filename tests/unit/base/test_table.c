#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/table.h"

enum { MANY = 5000 };

static int values[MANY];

static struct str number_key(char text[16], int i)
{
    return str_of(text, (size_t)snprintf(text, 16, "key-%d", i));
}

static void put(struct table *table, struct str key, void *value)
{
    assert_true(table_put(table, key, value, NULL));
}

static struct table *full_table(void)
{
    struct table *table = table_new();
    char text[16];

    assert_non_null(table);
    for (int i = 0; i < MANY; i++)
        put(table, number_key(text, i), &values[i]);
    return table;
}

static void what_was_put_is_found_and_nothing_else(void **state)
{
    (void)state;
    struct table *table = full_table();
    char text[16];

    assert_int_equal(table_count(table), MANY);
    for (int i = 0; i < MANY; i++)
        assert_ptr_equal(table_get(table, number_key(text, i)), &values[i]);
    assert_null(table_get(table, number_key(text, MANY)));
    assert_null(table_get(table, STR("key-")));
    table_free(table);
}

static void the_table_keeps_its_own_copy_of_a_key(void **state)
{
    (void)state;
    struct table *table = table_new();
    char key[] = "changes";

    put(table, str_c(key), &values[0]);
    key[0] = 'C';
    assert_ptr_equal(table_get(table, STR("changes")), &values[0]);
    assert_null(table_get(table, str_c(key)));
    table_free(table);
}

static void a_second_put_replaces_and_returns_the_old_value(void **state)
{
    (void)state;
    struct table *table = table_new();
    void *old = &values[9];

    assert_true(table_put(table, STR("k"), &values[1], &old));
    assert_null(old);
    assert_true(table_put(table, STR("k"), &values[2], &old));
    assert_ptr_equal(old, &values[1]);
    assert_ptr_equal(table_get(table, STR("k")), &values[2]);
    assert_int_equal(table_count(table), 1);
    table_free(table);
}

static void keys_are_bytes_and_may_be_empty_or_hold_nul(void **state)
{
    (void)state;
    static const struct str keys[] = {STR_INIT(""),     STR_INIT("\0"),   STR_INIT("\0\0"),
                                      STR_INIT("a\0b"), STR_INIT("a\0c"), STR_INIT("a")};
    struct table *table = table_new();

    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        put(table, keys[i], &values[i]);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        assert_ptr_equal(table_get(table, keys[i]), &values[i]);
    assert_ptr_equal(table_get(table, STR_NONE), &values[0]);
    table_free(table);
}

static void taking_out_leaves_every_other_key_reachable(void **state)
{
    (void)state;
    struct table *table = full_table();
    char text[16];

    for (int i = 0; i < MANY; i += 2)
        assert_ptr_equal(table_take(table, number_key(text, i)), &values[i]);
    assert_int_equal(table_count(table), MANY / 2);
    for (int i = 0; i < MANY; i++)
        assert_ptr_equal(table_get(table, number_key(text, i)), i % 2 == 0 ? NULL : &values[i]);
    assert_null(table_take(table, number_key(text, 0)));
    table_free(table);
}

/* A long run of puts and takes against a plain array of flags. */
static void a_random_history_agrees_with_a_plain_array(void **state)
{
    (void)state;
    enum { KEYS = 200, STEPS = 100000 };
    struct table *table = table_new();
    bool is_in[KEYS] = {false};
    size_t count = 0;
    char text[16];
    unsigned random = 12345;

    for (int step = 0; step < STEPS; step++) {
        random = random * 1103515245u + 12345u;
        int i = (int)(random >> 16 & 0x7fff) % KEYS;
        struct str key = number_key(text, i);

        if ((random >> 31) != 0) {
            put(table, key, &values[i]);
            count += is_in[i] ? 0 : 1;
            is_in[i] = true;
        } else {
            assert_ptr_equal(table_take(table, key), is_in[i] ? &values[i] : NULL);
            count -= is_in[i] ? 1 : 0;
            is_in[i] = false;
        }
        assert_int_equal(table_count(table), count);
    }
    for (int i = 0; i < KEYS; i++)
        assert_ptr_equal(table_get(table, number_key(text, i)), is_in[i] ? &values[i] : NULL);
    table_free(table);
}

static void a_walk_meets_every_key_once(void **state)
{
    (void)state;
    static bool seen[MANY];
    struct table *table = full_table();
    struct str key = STR_NONE;
    void *value = NULL;
    size_t pos = 0;
    size_t met = 0;
    char text[16];

    for (; table_next(table, &pos, &key, &value); met++) {
        long i = (int *)value - values;

        assert_true(i >= 0 && i < MANY && !seen[i]);
        seen[i] = true;
        assert_true(str_eq(key, number_key(text, (int)i)));
    }
    assert_int_equal(met, MANY);
    table_free(table);
}

static void an_empty_table_has_nothing(void **state)
{
    (void)state;
    struct table *table = table_new();
    struct str key = STR_NONE;
    void *value = NULL;
    size_t pos = 0;

    assert_int_equal(table_count(table), 0);
    assert_null(table_get(table, STR("x")));
    assert_null(table_take(table, STR("x")));
    assert_false(table_next(table, &pos, &key, &value));
    table_free(table);
    table_free(NULL);
}

/* Each bit of the input must move about half of the hash: 64 of them, each with 32 expected. */
static void every_input_bit_moves_the_whole_hash(void **state)
{
    (void)state;
    for (size_t len = 1; len <= 24; len++) {
        char key[24] = "the quick brown fox jum";
        uint64_t before = table_hash(str_of(key, len));

        assert_int_equal(before, table_hash(str_of(key, len)));
        for (size_t bit = 0; bit < 8 * len; bit++) {
            key[bit / 8] = (char)(key[bit / 8] ^ 1 << bit % 8);
            int moved = __builtin_popcountll(before ^ table_hash(str_of(key, len)));
            key[bit / 8] = (char)(key[bit / 8] ^ 1 << bit % 8);
            assert_in_range(moved, 6, 58);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_found_and_nothing_else),
        cmocka_unit_test(the_table_keeps_its_own_copy_of_a_key),
        cmocka_unit_test(a_second_put_replaces_and_returns_the_old_value),
        cmocka_unit_test(keys_are_bytes_and_may_be_empty_or_hold_nul),
        cmocka_unit_test(taking_out_leaves_every_other_key_reachable),
        cmocka_unit_test(a_random_history_agrees_with_a_plain_array),
        cmocka_unit_test(a_walk_meets_every_key_once),
        cmocka_unit_test(an_empty_table_has_nothing),
        cmocka_unit_test(every_input_bit_moves_the_whole_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
