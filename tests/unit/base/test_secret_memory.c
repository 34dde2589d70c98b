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

/* Valgrind and ThreadSanitizer live in the same memory and keep copies of it there. */
#if defined(__has_feature)
#define KEEPS_COPIES __has_feature(thread_sanitizer)
#elif __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#define KEEPS_COPIES RUNNING_ON_VALGRIND
#else
#define KEEPS_COPIES false
#endif

/* Counts places of needle in the writable memory of this process, through the kernel's eyes. The
 * needle is kept apart in two halves so that it does not find itself. */
static size_t count_in_memory(const char *first, const char *second)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    static char window[1 << 16];
    char line[512];
    size_t found = 0;

    assert_non_null(maps);
    assert_true(memory >= 0);
    while (fgets(line, sizeof line, maps) != NULL) {
        uintptr_t from = 0;
        uintptr_t to = 0;

        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " rw", &from, &to) != 2 || to - from > 1 << 26)
            continue;
        for (; from < to; from += sizeof window / 2) {
            ssize_t got = pread(memory, window, sizeof window, (off_t)from);

            for (ssize_t i = 0; i + 24 <= got && i < (ssize_t)sizeof window / 2; i++) {
                if (memcmp(window + i, first, 12) == 0 && memcmp(window + i + 12, second, 12) == 0)
                    found += from + (size_t)i < (uintptr_t)window ||
                             from + (size_t)i >= (uintptr_t)window + sizeof window;
            }
        }
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
    assert_int_equal(write(fd, first, 12), 12);
    assert_int_equal(write(fd, second, 12), 12);
    (void)close(fd);
    assert_ok(secret_read_file(path, &secret, &err), err);
    assert_int_equal(count_in_memory(first, second), 1);
    secret_free(secret);
    assert_int_equal(count_in_memory(first, second), 0);
    (void)unlink(path);
}

int main(void)
{
    if (KEEPS_COPIES) {
        /* cmocka 1.1.5 words a skip in TAP as a failure, so it is said here. */
        printf("1..1\nok 1 - secret_memory # SKIP this tool keeps copies of memory\n");
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_read_from_a_file_is_in_memory_once_and_then_never),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
