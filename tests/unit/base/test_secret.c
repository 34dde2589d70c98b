#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/secret.h"

/* Sanitizers put an mlock() that does nothing in the place of the real one. */
#if defined(__has_feature)
#define MLOCK_IS_IDLE (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define MLOCK_IS_IDLE false
#endif

static struct secret *secret_of(struct str bytes)
{
    struct secret *secret = secret_new(bytes);

    assert_non_null(secret);
    return secret;
}

static void a_secret_is_a_copy_that_reveal_shows(void **state)
{
    (void)state;
    char bytes[] = "hush\0hush";
    CLEANUP(secret_freep) struct secret *secret = secret_of(str_of(bytes, 9));
    CLEANUP(secret_freep) struct secret *empty = secret_of(STR_NONE);

    memset(bytes, 'x', sizeof bytes);
    assert_true(str_eq(secret_reveal(secret), STR("hush\0hush")));
    assert_int_equal(secret_reveal(empty).len, 0);
    secret_free(NULL);
}

/* Does the line VmFlags of the mapping that holds address name flag? */
static bool has_vm_flag(const void *address, const char *flag)
{
    FILE *maps = fopen("/proc/self/smaps", "re");
    char line[1024];
    bool is_inside = false;
    bool has = false;

    assert_non_null(maps);
    while (fgets(line, sizeof line, maps) != NULL) {
        char *dash = NULL;
        unsigned long from = strtoul(line, &dash, 16);

        if (*dash == '-' && dash > line) {
            unsigned long to = strtoul(dash + 1, NULL, 16);

            is_inside = (uintptr_t)address >= from && (uintptr_t)address < to;
        } else if (is_inside && strncmp(line, "VmFlags:", 8) == 0) {
            has = strstr(line, flag) != NULL;
        }
    }
    (void)fclose(maps);
    return has;
}

static void its_pages_are_locked_and_left_out_of_core_dumps(void **state)
{
    (void)state;
    CLEANUP(secret_freep) struct secret *secret = secret_of(STR("hush"));
    const char *bytes = secret_reveal(secret).ptr;

    assert_true(has_vm_flag(bytes, " dd"));
    assert_true(has_vm_flag(bytes, " lo") || MLOCK_IS_IDLE);
    assert_true(has_vm_flag(bytes, " wf"));
}

static void a_forked_child_sees_only_zeros(void **state)
{
    (void)state;
    CLEANUP(secret_freep) struct secret *secret = secret_of(STR("hush"));
    int status = 0;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0)
        _exit(secret_reveal(secret).ptr[0] == '\0' && secret_reveal(secret).len == 0 ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_str(secret_reveal(secret), "hush");
}

static void write_file(const char *path, const char *text, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), len);
    (void)close(fd);
}

static void a_file_is_read_without_its_newline(void **state)
{
    (void)state;
    static const struct {
        struct str text, secret;
    } cases[] = {
        {STR_INIT("hush"), STR_INIT("hush")},     {STR_INIT("hush\n"), STR_INIT("hush")},
        {STR_INIT("hush\r\n"), STR_INIT("hush")}, {STR_INIT("hush\n\n"), STR_INIT("hush\n")},
        {STR_INIT(" a b \n"), STR_INIT(" a b ")}, {STR_INIT(""), STR_INIT("")},
        {STR_INIT("\n"), STR_INIT("")},
    };
    char path[] = "/tmp/portreeve-secret-XXXXXX";
    struct err err;
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    (void)close(fd);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(secret_freep) struct secret *secret = NULL;

        write_file(path, cases[i].text.ptr, cases[i].text.len);
        assert_ok(secret_read_file(path, &secret, &err), err);
        assert_true(str_eq(secret_reveal(secret), cases[i].secret));
    }
    (void)unlink(path);
}

static void a_missing_or_long_file_is_refused_with_its_path(void **state)
{
    (void)state;
    static char text[(64 << 10) + 2];
    char path[] = "/tmp/portreeve-secret-XXXXXX";
    struct secret *secret = NULL;
    struct err err;
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    (void)close(fd);
    memset(text, 'x', sizeof text);
    write_file(path, text, 64 << 10);
    assert_ok(secret_read_file(path, &secret, &err), err);
    assert_int_equal(secret_reveal(secret).len, 64 << 10);
    secret_free(MOVE(secret));
    write_file(path, text, (64 << 10) + 1);
    assert_int_equal(secret_read_file(path, &secret, &err), ERR_LIMIT);
    (void)unlink(path);
    assert_int_equal(secret_read_file(path, &secret, &err), ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, path));
    assert_int_equal(secret_read_file("/tmp", &secret, &err), ERR_IO);
    assert_null(secret);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_is_a_copy_that_reveal_shows),
        cmocka_unit_test(its_pages_are_locked_and_left_out_of_core_dumps),
        cmocka_unit_test(a_forked_child_sees_only_zeros),
        cmocka_unit_test(a_file_is_read_without_its_newline),
        cmocka_unit_test(a_missing_or_long_file_is_refused_with_its_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
