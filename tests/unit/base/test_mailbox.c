#include "unit.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "base/mailbox.h"

struct letter {
    struct mail mail;
    int sender;
    int number;
};

static void count_wake(void *ctx)
{
    ++*(int *)ctx;
}

static struct mailbox *box_of(size_t max, int *wakes)
{
    struct mailbox *box = mailbox_new(max, wakes == NULL ? NULL : count_wake, wakes);

    assert_non_null(box);
    return box;
}

static void mail_comes_out_oldest_first(void **state)
{
    (void)state;
    struct letter letters[3] = {{.number = 0}, {.number = 1}, {.number = 2}};
    struct mailbox *box = box_of(10, NULL);

    assert_null(mailbox_take_all(box));
    for (int i = 0; i < 3; i++)
        assert_true(mailbox_put(box, &letters[i].mail));
    struct mail *mail = mailbox_take_all(box);
    for (int i = 0; i < 3; i++, mail = mail->next)
        assert_ptr_equal(mail, &letters[i].mail);
    assert_null(mail);
    assert_null(mailbox_take_all(box));
    mailbox_free(box);
}

static void a_full_box_leaves_the_mail_to_its_sender(void **state)
{
    (void)state;
    struct letter letters[3] = {{.number = 0}};
    struct mailbox *box = box_of(2, NULL);

    assert_true(mailbox_put(box, &letters[0].mail));
    assert_true(mailbox_put(box, &letters[1].mail));
    assert_false(mailbox_put(box, &letters[2].mail));
    assert_ptr_equal(mailbox_take_all(box), &letters[0].mail);
    assert_true(mailbox_put(box, &letters[2].mail));
    assert_ptr_equal(mailbox_take_all(box), &letters[2].mail);
    mailbox_free(box);
}

static void a_closed_box_takes_nothing_but_still_gives(void **state)
{
    (void)state;
    struct letter letters[2] = {{.number = 0}};
    struct mailbox *box = box_of(10, NULL);

    assert_true(mailbox_put(box, &letters[0].mail));
    mailbox_close(box);
    assert_false(mailbox_put(box, &letters[1].mail));
    assert_ptr_equal(mailbox_take_all(box), &letters[0].mail);
    mailbox_free(box);
    mailbox_free(NULL);
}

static void the_receiver_is_woken_once_until_it_has_looked(void **state)
{
    (void)state;
    struct letter letters[4] = {{.number = 0}};
    int wakes = 0;
    struct mailbox *box = box_of(2, &wakes);

    assert_true(mailbox_put(box, &letters[0].mail));
    assert_int_equal(wakes, 1);
    assert_true(mailbox_put(box, &letters[1].mail));
    assert_false(mailbox_put(box, &letters[2].mail));
    assert_int_equal(wakes, 1);
    assert_non_null(mailbox_take_all(box));
    assert_true(mailbox_put(box, &letters[2].mail));
    assert_int_equal(wakes, 2);
    assert_non_null(mailbox_take_all(box));
    mailbox_close(box);
    assert_false(mailbox_put(box, &letters[3].mail));
    assert_int_equal(wakes, 2);
    mailbox_free(box);
}

static int delivered;
static struct mailbox *reply_box;

static void on_letter(struct mail *mail)
{
    struct letter *letter = (struct letter *)(void *)mail;

    assert_int_equal(letter->number, delivered);
    delivered++;
}

/* Puts the same mail again: delivering must not look at it any more. */
static void on_ping(struct mail *mail)
{
    delivered++;
    assert_true(mailbox_put(reply_box, mail));
}

static void delivering_calls_each_mail_in_order(void **state)
{
    (void)state;
    struct letter letters[5];
    struct mailbox *box = box_of(10, NULL);

    delivered = 0;
    assert_int_equal(mailbox_deliver(box), 0);
    for (int i = 0; i < 5; i++) {
        letters[i] = (struct letter){.mail.on_deliver = on_letter, .number = i};
        assert_true(mailbox_put(box, &letters[i].mail));
    }
    assert_int_equal(mailbox_deliver(box), 5);
    assert_int_equal(delivered, 5);
    mailbox_free(box);
}

static void mail_put_while_delivering_waits_for_the_next_time(void **state)
{
    (void)state;
    struct letter letters[2] = {{.mail.on_deliver = on_ping}, {.mail.on_deliver = on_ping}};
    struct mailbox *box = box_of(10, NULL);

    reply_box = box;
    delivered = 0;
    assert_true(mailbox_put(box, &letters[0].mail));
    assert_true(mailbox_put(box, &letters[1].mail));
    assert_int_equal(mailbox_deliver(box), 2);
    assert_int_equal(mailbox_deliver(box), 2);
    assert_int_equal(delivered, 4);
    (void)mailbox_take_all(box);
    mailbox_free(box);
}

enum { SENDERS = 3, LETTERS = 2000 };

struct post {
    struct mailbox *box;
    struct letter letters[LETTERS];
    int sender;
};

static struct post posts[SENDERS];
static atomic_int wakes_seen;

static void on_wake(void *ctx)
{
    (void)ctx;
    atomic_fetch_add(&wakes_seen, 1);
}

static void *send_all(void *ctx)
{
    struct post *post = ctx;

    for (int i = 0; i < LETTERS; i++) {
        post->letters[i] = (struct letter){.sender = post->sender, .number = i};
        while (!mailbox_put(post->box, &post->letters[i].mail))
            (void)sched_yield();
    }
    return NULL;
}

/* The box is small, so that it fills up; the receiver looks only when it was woken. */
static void nothing_is_lost_or_reordered_between_threads(void **state)
{
    (void)state;
    struct mailbox *box = mailbox_new(16, on_wake, NULL);
    pthread_t threads[SENDERS];
    int next[SENDERS] = {0};
    int got = 0;
    int wakes = 0;

    assert_non_null(box);
    for (int i = 0; i < SENDERS; i++) {
        posts[i].box = box;
        posts[i].sender = i;
        assert_int_equal(pthread_create(&threads[i], NULL, send_all, &posts[i]), 0);
    }
    while (got < SENDERS * LETTERS) {
        int seen = atomic_load(&wakes_seen);

        if (seen == wakes) {
            (void)sched_yield();
            continue;
        }
        wakes = seen;
        for (struct mail *mail = mailbox_take_all(box); mail != NULL; mail = mail->next) {
            struct letter *letter = (struct letter *)(void *)mail;

            assert_int_equal(letter->number, next[letter->sender]);
            next[letter->sender]++;
            got++;
        }
    }
    for (int i = 0; i < SENDERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_null(mailbox_take_all(box));
    mailbox_free(box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mail_comes_out_oldest_first),
        cmocka_unit_test(a_full_box_leaves_the_mail_to_its_sender),
        cmocka_unit_test(a_closed_box_takes_nothing_but_still_gives),
        cmocka_unit_test(the_receiver_is_woken_once_until_it_has_looked),
        cmocka_unit_test(delivering_calls_each_mail_in_order),
        cmocka_unit_test(mail_put_while_delivering_waits_for_the_next_time),
        cmocka_unit_test(nothing_is_lost_or_reordered_between_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
