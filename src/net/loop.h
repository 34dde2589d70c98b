/*
 * loop.h - the event loop of one thread, over libuv: a mailbox for other threads, cheap timers, and
 * a hook that runs once per turn.
 *
 * Threads: everything belongs to the loop's thread, except loop_mailbox() and loop_stop().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mailbox.h"

struct loop;
struct uv_loop_s;

/* NULL: memory or descriptors are out. max_mails bounds the mailbox. SIGPIPE is ignored in the
 * whole process from then on. */
struct loop *loop_new(size_t max_mails);
/* Everything that used the loop is closed before, or closing: that is waited for, its timers run.
 * NULL is fine. */
void loop_free(struct loop *loop);
/* Returns after loop_stop(). */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop); /* any thread, and signal handlers of the loop */
struct mailbox *loop_mailbox(struct loop *loop);
/* Wakes the loop so that the hooks run; any thread. */
void loop_wake(struct loop *loop);
uint64_t loop_now_us(const struct loop *loop); /* monotonic, exact */
uint64_t loop_now_ms(const struct loop *loop); /* monotonic, as of the start of this turn */

typedef void loop_hook_fn(void *ctx);
/* fn runs once per turn, just before the loop waits; at most LOOP_MAX_HOOKS. */
enum { LOOP_MAX_HOOKS = 8 };
void loop_on_turn(struct loop *loop, loop_hook_fn *fn, void *ctx);

/* Something to do once, at the end of this turn (before the hooks). Embedded in its owner. */
struct loop_task {
    void (*run)(struct loop_task *task);
    struct loop_task *next;
    struct loop_task *prev; /* NULL: not queued */
};
void loop_defer(struct loop *loop, struct loop_task *task); /* fine when it is queued already */
void loop_task_cancel(struct loop_task *task);              /* fine when it is not queued */

/* Embedded in its owner. Starting and stopping is a change in a heap, no system call. */
struct loop_timer {
    struct loop *loop;
    void (*on_due)(struct loop_timer *timer);
    uint64_t due_us;
    size_t place; /* in the heap, from 1; 0: not running */
};

void loop_timer_init(struct loop_timer *timer, struct loop *loop,
                     void (*on_due)(struct loop_timer *timer));
/* Starts again when it runs. False: memory is out, the timer does not run. */
bool loop_timer_start(struct loop_timer *timer, uint64_t delay_ms);
void loop_timer_stop(struct loop_timer *timer); /* fine when it does not run */

/* For the files of this room. */
struct uv_loop_s *loop_uv(struct loop *loop);
/* A buffer for one read, shared by all streams of the loop. */
enum { LOOP_READ_BYTES = 65536 };
char *loop_read_buffer(struct loop *loop);
/* Bytes on their way to the kernel, within one call. */
enum { LOOP_WIRE_BYTES = 65536 };
char *loop_wire_buffer(struct loop *loop);
