#include "keys/seal.h"

#include "../unit.h"
#include "keys_dir.h"

struct fixture {
    struct test_dir dir;
    struct keyring *keyring;
    struct arena *arena;
    struct buf out;
};

static int setup(void **state)
{
    struct err err;
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fixture->dir = test_dir_make();
    assert_ok(keyring_create(fixture->dir.path, &err), err);
    assert_ok(keyring_load(fixture->dir.path, &fixture->keyring, &err), err);
    fixture->arena = arena_new(65536);
    buf_init(&fixture->out, 65536);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    keyring_free(fixture->keyring);
    arena_free(fixture->arena);
    buf_done(&fixture->out);
    test_dir_remove(&fixture->dir);
    free(fixture);
    return 0;
}

static void what_was_sealed_opens(void **state)
{
    struct fixture *f = *state;
    struct str plain;
    seal_add(f->keyring, "session", STR("robot 7"), STR("home 2\0state"), &f->out);
    assert_false(f->out.failed);
    assert_true(
        seal_open(f->keyring, "session", STR("robot 7"), buf_str(&f->out), f->arena, &plain));
    assert_true(str_eq(plain, STR("home 2\0state")));
}

static void nothing_at_all_can_be_sealed(void **state)
{
    struct fixture *f = *state;
    struct str plain = STR("x");
    seal_add(f->keyring, "session", STR_NONE, STR_NONE, &f->out);
    assert_true(seal_open(f->keyring, "session", STR_NONE, buf_str(&f->out), f->arena, &plain));
    assert_int_equal(plain.len, 0);
}

static void another_caller_or_purpose_does_not_open_it(void **state)
{
    struct fixture *f = *state;
    struct str plain;
    seal_add(f->keyring, "session", STR("robot 7"), STR("state"), &f->out);
    assert_false(
        seal_open(f->keyring, "session", STR("robot 8"), buf_str(&f->out), f->arena, &plain));
    assert_false(
        seal_open(f->keyring, "cursor", STR("robot 7"), buf_str(&f->out), f->arena, &plain));
}

static void every_changed_character_is_noticed(void **state)
{
    struct fixture *f = *state;
    struct str plain;
    seal_add(f->keyring, "session", STR("a"), STR("state"), &f->out);
    for (size_t i = 0; i < f->out.len; i++) {
        char old = f->out.ptr[i];
        f->out.ptr[i] = old == 'A' ? 'B' : 'A';
        assert_false(
            seal_open(f->keyring, "session", STR("a"), buf_str(&f->out), f->arena, &plain));
        f->out.ptr[i] = old;
        assert_false(seal_open(f->keyring, "session", STR("a"), str_first(buf_str(&f->out), i),
                               f->arena, &plain));
        arena_reset(f->arena);
    }
}

static void the_same_text_never_seals_to_the_same(void **state)
{
    struct fixture *f = *state;
    seal_add(f->keyring, "session", STR("a"), STR("state"), &f->out);
    size_t half = f->out.len;
    seal_add(f->keyring, "session", STR("a"), STR("state"), &f->out);
    assert_memory_not_equal(f->out.ptr, f->out.ptr + half, half);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_sealed_opens, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_at_all_can_be_sealed, setup, teardown),
        cmocka_unit_test_setup_teardown(another_caller_or_purpose_does_not_open_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(every_changed_character_is_noticed, setup, teardown),
        cmocka_unit_test_setup_teardown(the_same_text_never_seals_to_the_same, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
