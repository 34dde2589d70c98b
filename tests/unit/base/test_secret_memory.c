/*
 * test_secret_memory.c - looks for a secret in all memory of the process, as a core dump would show
 * it.
 */
#include "unit.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/secret.h"

enum { HALF = 12, MAX_MAPPING_BYTES = 1 << 26 };

/* What stands behind to is seen with the mapping it belongs to. */
static size_t count_between(int memory, uintptr_t from, uintptr_t to, const char *first,
                            const char *second)
{
    static char window[1 << 16];
    size_t found = 0;

    for (; from < to; from += sizeof window / 2) {
        ssize_t got = pread(memory, window, sizeof window, (off_t)from);

        for (uintptr_t i = 0; i + 2 * HALF <= (size_t)(got < 0 ? 0 : got); i++) {
            bool is_window =
                from + i >= (uintptr_t)window && from + i < (uintptr_t)window + sizeof window;

            if (i < sizeof window / 2 && from + i < to && !is_window &&
                memcmp(window + i, first, HALF) == 0 &&
                memcmp(window + i + HALF, second, HALF) == 0)
                found++;
        }
    }
    return found;
}

/* Counts the places of first with second behind it in the writable memory of this process, as the
 * kernel shows it. */
static size_t count_in_memory(const char *first, const char *second)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    char line[512];
    size_t found = 0;

    assert_non_null(maps);
    assert_true(memory >= 0);
    while (fgets(line, sizeof line, maps) != NULL) {
        uintptr_t from = 0;
        uintptr_t to = 0;

        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " rw", &from, &to) == 2 &&
            to - from <= MAX_MAPPING_BYTES)
            found += count_between(memory, from, to, first, second);
    }
    (void)fclose(maps);
    (void)close(memory);
    return found;
}

/* Both halves stand in the program; only a file and the secret hold them side by side. */
static void a_secret_read_from_a_file_is_in_memory_once_and_then_never(void **state)
{
    (void)state;
    static const char first[] = "c4n4ry-0f-th";
    static const char second[] = "e-5ecr3t-t3s";
    char path[] = "/tmp/portreeve-secret-XXXXXX";
    struct secret *secret = NULL;
    struct err err;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, first, HALF), HALF);
    assert_int_equal(write(fd, second, HALF), HALF);
    (void)close(fd);
    assert_ok(secret_read_file(path, &secret, &err), err);
    assert_int_equal(count_in_memory(first, second), 1);
    secret_free(secret);
    assert_int_equal(count_in_memory(first, second), 0);
    (void)unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_read_from_a_file_is_in_memory_once_and_then_never),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
