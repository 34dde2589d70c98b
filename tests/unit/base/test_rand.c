#include "unit.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rand.h"

enum { DRAWS = 20000 };

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static void assert_all_differ(uint64_t *draws, size_t count)
{
    qsort(draws, count, sizeof *draws, by_value);
    for (size_t i = 1; i < count; i++)
        assert_true(draws[i - 1] != draws[i]);
}

static void no_draw_comes_twice(void **state)
{
    (void)state;
    static uint64_t draws[DRAWS];

    for (size_t i = 0; i < DRAWS; i++)
        draws[i] = rand_u64();
    assert_all_differ(draws, DRAWS);
}

/* 20,000 draws: a bit is set 10,000 times give or take 500, which is seven sigma. */
static void every_bit_is_set_about_half_the_time(void **state)
{
    (void)state;
    unsigned set[64] = {0};

    for (size_t i = 0; i < DRAWS; i++) {
        uint64_t value = rand_u64();

        for (unsigned bit = 0; bit < 64; bit++)
            set[bit] += (unsigned)(value >> bit & 1);
    }
    for (unsigned bit = 0; bit < 64; bit++)
        assert_in_range(set[bit], DRAWS / 2 - 500, DRAWS / 2 + 500);
}

/* Lengths around the size of a batch; bytes behind the wanted ones stay as they were. */
static void any_length_is_filled_and_nothing_behind_it(void **state)
{
    (void)state;
    static uint8_t bytes[5000];
    static const size_t lengths[] = {0, 1, 7, 255, 256, 257, 1023, 1024, 1025, 4999};

    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        size_t len = lengths[i];
        uint8_t ored[8] = {0};

        memset(bytes, 0, sizeof bytes);
        for (unsigned round = 0; round < 40; round++) {
            rand_bytes(bytes, len);
            for (size_t j = 0; j < len; j++)
                ored[j % 8] |= bytes[j];
        }
        for (size_t j = 0; j < 8 && j < len; j++)
            assert_int_equal(ored[j], 0xff);
        for (size_t j = len; j < sizeof bytes; j++)
            assert_int_equal(bytes[j], 0);
    }
}

static void *draw_in_thread(void *ctx)
{
    uint64_t *draws = ctx;

    for (size_t i = 0; i < 100; i++)
        draws[i] = rand_u64();
    return NULL;
}

static void threads_draw_different_bytes(void **state)
{
    (void)state;
    uint64_t draws[400];
    pthread_t threads[4];

    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, draw_in_thread, draws + 100 * i), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_all_differ(draws, ARRAY_LEN(draws));
}

static void a_forked_child_draws_other_bytes_than_its_parent(void **state)
{
    (void)state;
    uint64_t theirs = 0;
    int pipe_fds[2];

    (void)rand_u64(); /* so that a batch is there to be shared */
    assert_int_equal(pipe(pipe_fds), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        uint64_t value = rand_u64();

        _exit(write(pipe_fds[1], &value, sizeof value) == sizeof value ? 0 : 1);
    }
    assert_int_equal(read(pipe_fds[0], &theirs, sizeof theirs), sizeof theirs);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_true(rand_u64() != theirs);
    (void)close(pipe_fds[0]);
    (void)close(pipe_fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_draw_comes_twice),
        cmocka_unit_test(every_bit_is_set_about_half_the_time),
        cmocka_unit_test(any_length_is_filled_and_nothing_behind_it),
        cmocka_unit_test(threads_draw_different_bytes),
        cmocka_unit_test(a_forked_child_draws_other_bytes_than_its_parent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
