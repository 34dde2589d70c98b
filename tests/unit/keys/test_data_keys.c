#include "keys/data_keys.h"

#include <string.h>

#include "../unit.h"
#include "base/arena.h"
#include "base/file.h"
#include "keys_dir.h"

struct fixture {
    struct test_dir dir;
    char path[128];
    struct keyring *keyring;
    struct data_keys *keys;
};

static int setup(void **state)
{
    struct err err;
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fixture->dir = test_dir_make();
    snprintf(fixture->path, sizeof fixture->path, "%s/keys.db", fixture->dir.path);
    assert_ok(keyring_create(fixture->dir.path, &err), err);
    assert_ok(keyring_load(fixture->dir.path, &fixture->keyring, &err), err);
    assert_ok(data_keys_open(fixture->path, fixture->keyring, &fixture->keys, &err), err);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    data_keys_close(fixture->keys);
    keyring_free(fixture->keyring);
    test_dir_remove(&fixture->dir);
    free(fixture);
    return 0;
}

static const struct data_key_name ann = {.subject = STR_INIT("ann"), .period = 24321};

static void a_month_is_a_period(void **state)
{
    (void)state;
    assert_int_equal(data_keys_period(0), 1970 * 12);
    assert_int_equal(data_keys_period(INT64_C(1764547199999999)), 2025 * 12 + 10);
    assert_int_equal(data_keys_period(INT64_C(1764547200000000)), 2025 * 12 + 11);
}

static void a_key_is_found_only_after_it_was_made(void **state)
{
    struct fixture *f = *state;
    struct err err;
    const struct data_key *made;
    assert_null(data_keys_find(f->keys, &ann));
    assert_ok(data_keys_make(f->keys, &ann, &made, &err), err);
    assert_ptr_equal(data_keys_find(f->keys, &ann), made);
    assert_true(made->id != 0);
}

static void subject_class_and_month_have_keys_of_their_own(void **state)
{
    struct fixture *f = *state;
    struct err err;
    const struct data_key_name names[] = {
        ann,
        {.subject = STR("bob"), .period = 24321},
        {.subject = STR("ann"), .period = 24322},
        {.subject = STR("ann"), .retention = 1, .period = 24321},
        {.period = 24321},
    };
    const struct data_key *keys[ARRAY_LEN(names)];
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_ok(data_keys_make(f->keys, &names[i], &keys[i], &err), err);
        for (size_t j = 0; j < i; j++) {
            assert_true(keys[i]->id != keys[j]->id);
            assert_memory_not_equal(keys[i]->bytes, keys[j]->bytes, 32);
        }
    }
}

static void keys_survive_a_restart(void **state)
{
    struct fixture *f = *state;
    struct err err;
    const struct data_key *key;
    assert_ok(data_keys_make(f->keys, &ann, &key, &err), err);
    const struct data_key copy = *key;
    data_keys_close(f->keys);
    f->keys = NULL;
    assert_ok(data_keys_open(f->path, f->keyring, &f->keys, &err), err);
    assert_null(data_keys_find(f->keys, &ann));
    assert_ok(data_keys_by_id(f->keys, copy.id, &key, &err), err);
    assert_memory_equal(key, &copy, sizeof copy);
    assert_ok(data_keys_make(f->keys, &ann, &key, &err), err);
    assert_memory_equal(key, &copy, sizeof copy);
}

static void a_wrong_keyring_is_refused(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct data_keys *keys = NULL;
    CLEANUP(keyring_freep) struct keyring *wrong = NULL;
    CLEANUP(test_dir_remove) struct test_dir other = test_dir_make();
    assert_ok(keyring_create(other.path, &err), err);
    assert_ok(keyring_load(other.path, &wrong, &err), err);
    data_keys_close(f->keys);
    f->keys = NULL;
    assert_int_equal(data_keys_open(f->path, wrong, &keys, &err), ERR_CONFLICT);
    assert_null(keys);
}

static void very_long_subjects_have_keys_too(void **state)
{
    struct fixture *f = *state;
    struct err err;
    static char text[100000];
    const struct data_key *one;
    const struct data_key *two;
    memset(text, 'x', sizeof text);
    const struct data_key_name name = {.subject = str_of(text, sizeof text)};
    assert_ok(data_keys_make(f->keys, &name, &one, &err), err);
    text[sizeof text - 1] = 'y';
    assert_null(data_keys_find(f->keys, &name));
    assert_ok(data_keys_make(f->keys, &name, &two, &err), err);
    assert_true(one->id != two->id);
}

static void an_erased_key_is_gone_and_never_comes_back(void **state)
{
    struct fixture *f = *state;
    struct err err;
    const struct data_key *key;
    uint64_t count = 0;
    assert_ok(data_keys_make(f->keys, &ann, &key, &err), err);
    uint64_t id = key->id;
    assert_ok(data_keys_erase(f->keys, STR("ann"), &count, &err), err);
    assert_int_equal(count, 1);
    assert_null(data_keys_find(f->keys, &ann));
    assert_int_equal(data_keys_by_id(f->keys, id, &key, &err), ERR_NOT_FOUND);
    assert_ok(data_keys_make(f->keys, &ann, &key, &err), err);
    assert_true(key->id != id);
}

static void neither_names_nor_keys_stand_in_the_file(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct str text;
    const struct data_key *key;
    const struct data_key_name name = {.subject = STR("corp:canary@example.com")};
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 20);
    assert_ok(data_keys_make(f->keys, &name, &key, &err), err);
    const struct data_key copy = *key;
    data_keys_close(f->keys);
    f->keys = NULL;
    assert_ok(file_read(arena, f->path, 1 << 19, &text, &err), err);
    assert_int_equal(str_find_str(text, name.subject), text.len);
    assert_int_equal(str_find_str(text, str_of((const char *)copy.bytes, 32)), text.len);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_month_is_a_period),
        cmocka_unit_test_setup_teardown(a_key_is_found_only_after_it_was_made, setup, teardown),
        cmocka_unit_test_setup_teardown(subject_class_and_month_have_keys_of_their_own, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(keys_survive_a_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(a_wrong_keyring_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(very_long_subjects_have_keys_too, setup, teardown),
        cmocka_unit_test_setup_teardown(an_erased_key_is_gone_and_never_comes_back, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(neither_names_nor_keys_stand_in_the_file, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
