#include "net/loop.h"

#include <pthread.h>

#include "unit.h"

struct ringing {
    struct loop_timer timer;
    char *log;
    char name;
    struct loop_timer *stops; /* another one, stopped when this one rings */
    bool ends;
};

static void on_due(struct loop_timer *timer)
{
    struct ringing *ringing = (struct ringing *)(void *)timer;
    size_t len = strlen(ringing->log);

    ringing->log[len] = ringing->name;
    ringing->log[len + 1] = '\0';
    if (ringing->stops != NULL)
        loop_timer_stop(ringing->stops);
    if (ringing->ends)
        loop_stop(timer->loop);
}

static void timers_ring_in_their_order(void **state)
{
    struct loop *loop = loop_new(10);
    char log[16] = "";
    struct ringing all[5];

    (void)state;
    assert_non_null(loop);
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        all[i] = (struct ringing){.log = log, .name = (char)('a' + i)};
        loop_timer_init(&all[i].timer, loop, on_due);
    }
    assert_true(loop_timer_start(&all[0].timer, 30));
    assert_true(loop_timer_start(&all[1].timer, 10));
    assert_true(loop_timer_start(&all[2].timer, 20));
    assert_true(loop_timer_start(&all[3].timer, 25));
    assert_true(loop_timer_start(&all[4].timer, 1));
    assert_true(loop_timer_start(&all[4].timer, 60)); /* started again: later */
    all[2].stops = &all[3].timer;
    all[4].ends = true;
    loop_run(loop);
    assert_string_equal(log, "bcae");
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        assert_int_equal(all[i].timer.place, 0);
    loop_free(loop);
}

struct letter {
    struct mail mail;
    struct loop *loop;
    unsigned *count;
};

static void on_letter(struct mail *mail)
{
    struct letter *letter = (struct letter *)(void *)mail;

    if (++*letter->count == 100)
        loop_stop(letter->loop);
}

static void *post(void *ctx)
{
    struct letter *letters = ctx;

    for (unsigned i = 0; i < 100; i++)
        assert_true(mailbox_put(loop_mailbox(letters[i].loop), &letters[i].mail));
    return NULL;
}

static void mail_of_another_thread_is_delivered(void **state)
{
    static struct letter letters[100];
    struct loop *loop = loop_new(100);
    unsigned count = 0;
    pthread_t thread;

    (void)state;
    for (unsigned i = 0; i < 100; i++)
        letters[i] =
            (struct letter){.mail = {.on_deliver = on_letter}, .loop = loop, .count = &count};
    assert_int_equal(pthread_create(&thread, NULL, post, letters), 0);
    loop_run(loop);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(count, 100);
    loop_free(loop);
}

static void count_turn(void *ctx)
{
    ++*(unsigned *)ctx;
}

static void hooks_run_before_the_loop_waits(void **state)
{
    struct loop *loop = loop_new(1);
    char log[4] = "";
    struct ringing ringing = {.log = log, .name = 'x', .ends = true};
    unsigned turns = 0;

    (void)state;
    loop_on_turn(loop, count_turn, &turns);
    loop_timer_init(&ringing.timer, loop, on_due);
    assert_true(loop_timer_start(&ringing.timer, 5));
    loop_run(loop);
    assert_in_range(turns, 1, 10);
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_ring_in_their_order),
        cmocka_unit_test(mail_of_another_thread_is_delivered),
        cmocka_unit_test(hooks_run_before_the_loop_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
