#include "keys/keyring.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "../unit.h"
#include "keys_dir.h"

static void flip_last_byte(const char *path)
{
    char byte;
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    off_t at = lseek(fd, -2, SEEK_END);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte = byte == 'A' ? 'B' : 'A';
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static void in_dir(const struct test_dir *dir, const char *name, char path[256])
{
    snprintf(path, 256, "%s/%s", dir->path, name);
}

static void what_was_created_is_loaded(void **state)
{
    (void)state;
    struct err err;
    CLEANUP(test_dir_remove) struct test_dir dir = test_dir_make();
    CLEANUP(keyring_freep) struct keyring *keyring = NULL;
    assert_false(keyring_exists(dir.path));
    assert_ok(keyring_create(dir.path, &err), err);
    assert_true(keyring_exists(dir.path));
    assert_ok(keyring_load(dir.path, &keyring, &err), err);
    for (int i = 1; i < KEYRING_KEYS; i++)
        assert_memory_not_equal(keyring_get(keyring, KEY_ENCRYPTION),
                                keyring_get(keyring, (enum keyring_key)i), KEYRING_KEY_BYTES);
}

static void key_files_are_for_their_owner_alone(void **state)
{
    (void)state;
    struct err err;
    struct stat st;
    char path[256];
    struct keyring *keyring = NULL;
    CLEANUP(test_dir_remove) struct test_dir dir = test_dir_make();
    assert_ok(keyring_create(dir.path, &err), err);
    in_dir(&dir, "keys/kek", path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(keyring_load(dir.path, &keyring, &err), ERR_DENIED);
}

static void existing_keys_are_never_replaced(void **state)
{
    (void)state;
    struct err err;
    char path[256];
    CLEANUP(test_dir_remove) struct test_dir dir = test_dir_make();
    assert_ok(keyring_create(dir.path, &err), err);
    assert_int_equal(keyring_create(dir.path, &err), ERR_CONFLICT);
    in_dir(&dir, "keyring.manifest", path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(keyring_create(dir.path, &err), ERR_CONFLICT);
}

static void a_missing_key_says_what_is_lost(void **state)
{
    (void)state;
    struct err err;
    char path[256];
    struct keyring *keyring = NULL;
    CLEANUP(test_dir_remove) struct test_dir dir = test_dir_make();
    assert_ok(keyring_create(dir.path, &err), err);
    in_dir(&dir, "keys/pepper", path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(keyring_load(dir.path, &keyring, &err), ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "token"));
    assert_null(keyring);
}

static void keys_of_another_installation_are_found_out(void **state)
{
    (void)state;
    struct err err;
    char mine[256];
    char theirs[256];
    struct keyring *keyring = NULL;
    CLEANUP(test_dir_remove) struct test_dir dir = test_dir_make();
    CLEANUP(test_dir_remove) struct test_dir other = test_dir_make();
    assert_ok(keyring_create(dir.path, &err), err);
    assert_ok(keyring_create(other.path, &err), err);
    in_dir(&dir, "keys/blind", mine);
    in_dir(&other, "keys/blind", theirs);
    assert_int_equal(rename(theirs, mine), 0);
    assert_int_equal(keyring_load(dir.path, &keyring, &err), ERR_CONFLICT);
}

static void swapped_and_damaged_files_are_refused(void **state)
{
    (void)state;
    struct err err;
    char kek[256];
    char session[256];
    struct keyring *keyring = NULL;
    CLEANUP(test_dir_remove) struct test_dir dir = test_dir_make();
    assert_ok(keyring_create(dir.path, &err), err);
    in_dir(&dir, "keys/kek", kek);
    in_dir(&dir, "keys/session", session);
    flip_last_byte(session);
    assert_int_equal(keyring_load(dir.path, &keyring, &err), ERR_CORRUPT);
    assert_int_equal(rename(kek, session), 0);
    assert_int_equal(link(session, kek), 0);
    assert_int_equal(keyring_load(dir.path, &keyring, &err), ERR_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_created_is_loaded),
        cmocka_unit_test(key_files_are_for_their_owner_alone),
        cmocka_unit_test(existing_keys_are_never_replaced),
        cmocka_unit_test(a_missing_key_says_what_is_lost),
        cmocka_unit_test(keys_of_another_installation_are_found_out),
        cmocka_unit_test(swapped_and_damaged_files_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
