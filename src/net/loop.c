#include "net/loop.h"

#include <assert.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <uv.h>

struct hook {
    loop_hook_fn *fn;
    void *ctx;
};

struct loop {
    uv_loop_t uv;
    uv_async_t wake;
    uv_prepare_t turn;
    uv_timer_t alarm;
    struct mailbox *mailbox;
    struct hook hooks[LOOP_MAX_HOOKS];
    size_t hook_count;
    struct loop_timer **heap; /* heap[0] is not used */
    size_t timer_count;
    size_t heap_size;
    atomic_bool is_stopping;
    struct loop_task tasks; /* head of a ring */
    char read_buffer[LOOP_READ_BYTES];
    char wire_buffer[LOOP_WIRE_BYTES];
};

static void on_wake(uv_async_t *wake)
{
    struct loop *loop = wake->data;

    (void)mailbox_deliver(loop->mailbox);
    if (atomic_load(&loop->is_stopping))
        uv_stop(&loop->uv);
}

static void run_tasks(struct loop *loop)
{
    while (loop->tasks.next != &loop->tasks) {
        struct loop_task *task = loop->tasks.next;

        loop_task_cancel(task);
        task->run(task);
    }
}

static void on_turn(uv_prepare_t *turn)
{
    struct loop *loop = turn->data;

    run_tasks(loop);
    for (size_t i = 0; i < loop->hook_count; i++)
        loop->hooks[i].fn(loop->hooks[i].ctx);
    /* What the hooks put off must not wait until something wakes the loop. */
    run_tasks(loop);
}

void loop_defer(struct loop *loop, struct loop_task *task)
{
    if (task->prev != NULL)
        return;
    task->prev = loop->tasks.prev;
    task->next = &loop->tasks;
    task->prev->next = task;
    loop->tasks.prev = task;
}

void loop_task_cancel(struct loop_task *task)
{
    if (task->prev == NULL)
        return;
    task->prev->next = task->next;
    task->next->prev = task->prev;
    task->next = task->prev = NULL;
}

static void wake_for_mail(void *ctx)
{
    loop_wake(ctx);
}

void loop_wake(struct loop *loop)
{
    (void)uv_async_send(&loop->wake);
}

struct loop *loop_new(size_t max_mails)
{
    struct loop *loop = calloc(1, sizeof *loop);

    if (loop == NULL)
        return NULL;
    /* libuv writes to sockets without MSG_NOSIGNAL. */
    (void)signal(SIGPIPE, SIG_IGN);
    loop->tasks.next = loop->tasks.prev = &loop->tasks;
    loop->mailbox = mailbox_new(max_mails, wake_for_mail, loop);
    if (loop->mailbox == NULL || uv_loop_init(&loop->uv) != 0) {
        mailbox_free(loop->mailbox);
        free(loop);
        return NULL;
    }
    if (uv_async_init(&loop->uv, &loop->wake, on_wake) != 0) {
        (void)uv_loop_close(&loop->uv);
        mailbox_free(loop->mailbox);
        free(loop);
        return NULL;
    }
    (void)uv_prepare_init(&loop->uv, &loop->turn);
    (void)uv_timer_init(&loop->uv, &loop->alarm);
    loop->wake.data = loop;
    loop->turn.data = loop;
    loop->alarm.data = loop;
    (void)uv_prepare_start(&loop->turn, on_turn);
    return loop;
}

void loop_free(struct loop *loop)
{
    if (loop == NULL)
        return;
    mailbox_close(loop->mailbox);
    loop->hook_count = 0;
    /* What is on its way out, as a process that must be told twice, still has its timers. */
    uv_unref((uv_handle_t *)&loop->wake);
    uv_unref((uv_handle_t *)&loop->turn);
    uv_unref((uv_handle_t *)&loop->alarm);
    while (uv_run(&loop->uv, UV_RUN_DEFAULT) != 0)
        continue;
    uv_close((uv_handle_t *)&loop->wake, NULL);
    uv_close((uv_handle_t *)&loop->turn, NULL);
    uv_close((uv_handle_t *)&loop->alarm, NULL);
    (void)uv_run(&loop->uv, UV_RUN_DEFAULT);
    int left = uv_loop_close(&loop->uv);
    assert(left == 0);
    mailbox_free(loop->mailbox);
    free(loop->heap);
    free(loop);
}

void loop_run(struct loop *loop)
{
    while (!atomic_load(&loop->is_stopping))
        (void)uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *loop)
{
    atomic_store(&loop->is_stopping, true);
    loop_wake(loop);
}

struct mailbox *loop_mailbox(struct loop *loop)
{
    return loop->mailbox;
}

uint64_t loop_now_us(const struct loop *loop)
{
    (void)loop;
    return uv_hrtime() / 1000;
}

uint64_t loop_now_ms(const struct loop *loop)
{
    return uv_now(&loop->uv);
}

void loop_on_turn(struct loop *loop, loop_hook_fn *fn, void *ctx)
{
    assert(loop->hook_count < LOOP_MAX_HOOKS);
    loop->hooks[loop->hook_count++] = (struct hook){.fn = fn, .ctx = ctx};
}

struct uv_loop_s *loop_uv(struct loop *loop)
{
    return &loop->uv;
}

char *loop_read_buffer(struct loop *loop)
{
    return loop->read_buffer;
}

char *loop_wire_buffer(struct loop *loop)
{
    return loop->wire_buffer;
}

/* The heap of timers: the earliest at place 1. */

static void put_at(struct loop *loop, size_t place, struct loop_timer *timer)
{
    loop->heap[place] = timer;
    timer->place = place;
}

static void sift_up(struct loop *loop, struct loop_timer *timer)
{
    size_t place = timer->place;

    while (place > 1 && loop->heap[place / 2]->due_us > timer->due_us) {
        put_at(loop, place, loop->heap[place / 2]);
        place /= 2;
    }
    put_at(loop, place, timer);
}

static void sift_down(struct loop *loop, struct loop_timer *timer)
{
    size_t place = timer->place;

    for (;;) {
        size_t child = place * 2;

        if (child > loop->timer_count)
            break;
        if (child < loop->timer_count && loop->heap[child + 1]->due_us < loop->heap[child]->due_us)
            child++;
        if (loop->heap[child]->due_us >= timer->due_us)
            break;
        put_at(loop, place, loop->heap[child]);
        place = child;
    }
    put_at(loop, place, timer);
}

static void on_alarm(uv_timer_t *alarm);

static void set_alarm(struct loop *loop)
{
    if (loop->timer_count == 0) {
        (void)uv_timer_stop(&loop->alarm);
        return;
    }
    uint64_t now = uv_now(&loop->uv) * 1000;
    uint64_t due = loop->heap[1]->due_us;
    (void)uv_timer_start(&loop->alarm, on_alarm, due <= now ? 0 : (due - now + 999) / 1000, 0);
}

static void take_out(struct loop_timer *timer)
{
    struct loop *loop = timer->loop;
    size_t place = timer->place;
    struct loop_timer *last = loop->heap[loop->timer_count--];

    timer->place = 0;
    if (last == timer)
        return;
    put_at(loop, place, last);
    sift_up(loop, last);
    sift_down(loop, last);
}

static void on_alarm(uv_timer_t *alarm)
{
    struct loop *loop = alarm->data;
    uint64_t now = uv_now(&loop->uv) * 1000;

    while (loop->timer_count > 0 && loop->heap[1]->due_us <= now) {
        struct loop_timer *timer = loop->heap[1];

        take_out(timer);
        timer->on_due(timer);
    }
    set_alarm(loop);
}

void loop_timer_init(struct loop_timer *timer, struct loop *loop,
                     void (*on_due)(struct loop_timer *timer))
{
    *timer = (struct loop_timer){.loop = loop, .on_due = on_due};
}

static bool grow(struct loop *loop)
{
    size_t size = loop->heap_size == 0 ? 64 : loop->heap_size * 2;

    if (loop->timer_count + 1 < loop->heap_size)
        return true;
    struct loop_timer **heap = reallocarray(loop->heap, size, sizeof(struct loop_timer *));
    if (heap == NULL)
        return false;
    loop->heap = heap;
    loop->heap_size = size;
    return true;
}

bool loop_timer_start(struct loop_timer *timer, uint64_t delay_ms)
{
    struct loop *loop = timer->loop;
    const struct loop_timer *first = loop->timer_count > 0 ? loop->heap[1] : NULL;
    uint64_t first_due = first == NULL ? UINT64_MAX : first->due_us;

    if (timer->place != 0)
        take_out(timer);
    if (!grow(loop))
        return false;
    /* Never due at once: a timer that starts itself again must let the loop turn. */
    timer->due_us = (uv_now(&loop->uv) + (delay_ms == 0 ? 1 : delay_ms)) * 1000;
    timer->place = ++loop->timer_count;
    loop->heap[timer->place] = timer;
    sift_up(loop, timer);
    /* An alarm that comes too early finds nothing due and is set anew. */
    if (timer->due_us < first_due)
        set_alarm(loop);
    return true;
}

void loop_timer_stop(struct loop_timer *timer)
{
    if (timer->place != 0)
        take_out(timer);
}
