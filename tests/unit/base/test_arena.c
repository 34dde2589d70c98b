#include "unit.h"

#include "base/arena.h"

static void a_full_arena_is_a_limit_not_a_crash(void **state)
{
    (void)state;
    CLEANUP(arena_freep) struct arena *arena = arena_new(100);
    assert_non_null(arena_alloc(arena, 60));
    assert_null(arena_alloc(arena, 41));
    assert_non_null(arena_alloc(arena, 40));
    assert_null(arena_alloc(arena, 1));
    assert_int_equal(arena_used(arena), 100);
    assert_null(arena_alloc(arena, SIZE_MAX));
    assert_null(arena_calloc(arena, SIZE_MAX / 2, 4));
}

static void allocations_are_aligned_and_do_not_overlap(void **state)
{
    (void)state;
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 20);
    char *before = NULL;
    for (size_t bytes = 1; bytes < 600; bytes++) {
        char *p = arena_alloc(arena, bytes);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
        memset(p, (int)bytes, bytes);
        if (before != NULL)
            assert_int_equal((unsigned char)before[bytes - 2], (unsigned char)(bytes - 1));
        before = p;
    }
}

static int order[2];
static int runs;

static void note_run(void *object)
{
    order[runs++] = *(int *)object;
}

static void destructors_run_newest_first_and_once(void **state)
{
    (void)state;
    static int one = 1, two = 2;
    runs = 0;
    struct arena *arena = arena_new(4096);
    assert_true(arena_defer(arena, note_run, &one));
    assert_true(arena_defer(arena, note_run, &two));
    arena_reset(arena);
    arena_free(arena);
    assert_int_equal(runs, 2);
    assert_int_equal(order[0], 2);
    assert_int_equal(order[1], 1);
}

static void a_reset_arena_gives_its_whole_ceiling_again(void **state)
{
    (void)state;
    CLEANUP(arena_freep) struct arena *arena = arena_new(50000);
    for (int round = 0; round < 3; round++) {
        assert_non_null(arena_alloc(arena, 40000));
        assert_false(arena_failed(arena));
        assert_null(arena_alloc(arena, 10001));
        assert_non_null(arena_alloc(arena, 10000));
        assert_true(arena_failed(arena));
        arena_reset(arena);
    }
}

static void a_copy_is_a_c_string_too(void **state)
{
    (void)state;
    CLEANUP(arena_freep) struct arena *arena = arena_new(64);
    struct str copy = arena_dup(arena, STR("tools/call"));
    assert_string_equal(copy.ptr, "tools/call");
    assert_str(arena_printf(arena, "%s-%d", "a", 7), "a-7");
    assert_null(arena_printf(arena, "%0100d", 1).ptr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_arena_is_a_limit_not_a_crash),
        cmocka_unit_test(allocations_are_aligned_and_do_not_overlap),
        cmocka_unit_test(destructors_run_newest_first_and_once),
        cmocka_unit_test(a_reset_arena_gives_its_whole_ceiling_again),
        cmocka_unit_test(a_copy_is_a_c_string_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
