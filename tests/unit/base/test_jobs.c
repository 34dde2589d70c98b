#include "unit.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>

#include "base/jobs.h"

struct work {
    struct job job;
    int number;
    pthread_t ran_in;
    pthread_t done_in;
    bool is_done;
};

static atomic_int run_count;
static atomic_int done_count;

static struct work *work_of(struct job *job)
{
    return (struct work *)(void *)job;
}

static void run(struct job *job)
{
    struct work *work = work_of(job);

    work->ran_in = pthread_self();
    work->number = atomic_fetch_add(&run_count, 1);
}

static void done(struct job *job)
{
    struct work *work = work_of(job);

    work->done_in = pthread_self();
    work->is_done = true;
    atomic_fetch_add(&done_count, 1);
}

static struct work work_for(struct mailbox *reply_to)
{
    return (struct work){.job = {.reply_to = reply_to, .run = run, .done = done}};
}

static struct jobs *jobs_of(size_t max)
{
    struct jobs *jobs = jobs_new("unit-jobs", max);

    assert_non_null(jobs);
    return jobs;
}

static int reset(void **state)
{
    (void)state;
    atomic_store(&run_count, 0);
    atomic_store(&done_count, 0);
    return 0;
}

static void a_job_runs_elsewhere_and_its_answer_comes_home(void **state)
{
    (void)state;
    struct mailbox *home = mailbox_new(10, NULL, NULL);
    struct jobs *jobs = jobs_of(10);
    struct work work = work_for(home);

    assert_true(jobs_add(jobs, &work.job));
    while (mailbox_deliver(home) == 0)
        (void)sched_yield();
    assert_true(work.is_done);
    assert_false(pthread_equal(work.ran_in, pthread_self()));
    assert_true(pthread_equal(work.done_in, pthread_self()));
    jobs_free(jobs);
    mailbox_free(home);
}

static void jobs_run_in_the_order_they_came(void **state)
{
    (void)state;
    enum { COUNT = 500 };
    static struct work works[COUNT];
    struct jobs *jobs = jobs_of(COUNT);

    for (int i = 0; i < COUNT; i++) {
        works[i] = work_for(NULL);
        assert_true(jobs_add(jobs, &works[i].job));
    }
    jobs_free(jobs);
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(works[i].number, i);
}

static void freeing_runs_what_is_queued_first(void **state)
{
    (void)state;
    struct work works[20];
    struct jobs *jobs = jobs_of(20);

    for (size_t i = 0; i < ARRAY_LEN(works); i++) {
        works[i] = work_for(NULL);
        assert_true(jobs_add(jobs, &works[i].job));
    }
    jobs_free(jobs);
    assert_int_equal(atomic_load(&run_count), ARRAY_LEN(works));
    assert_int_equal(atomic_load(&done_count), ARRAY_LEN(works));
    jobs_free(NULL);
}

static void without_an_open_home_the_job_thread_does_the_rest(void **state)
{
    (void)state;
    struct mailbox *closed = mailbox_new(10, NULL, NULL);
    struct jobs *jobs = jobs_of(10);
    struct work homeless = work_for(NULL);
    struct work late = work_for(closed);
    struct work silent = work_for(NULL);

    silent.job.done = NULL;
    mailbox_close(closed);
    assert_true(jobs_add(jobs, &homeless.job));
    assert_true(jobs_add(jobs, &late.job));
    assert_true(jobs_add(jobs, &silent.job));
    jobs_free(jobs);
    assert_true(homeless.is_done && late.is_done && !silent.is_done);
    assert_true(pthread_equal(homeless.done_in, homeless.ran_in));
    assert_true(pthread_equal(late.done_in, late.ran_in));
    assert_int_equal(atomic_load(&run_count), 3);
    mailbox_free(closed);
}

static sem_t started;
static sem_t go_on;

static void run_and_wait(struct job *job)
{
    (void)sem_post(&started);
    (void)sem_wait(&go_on);
    run(job);
}

static void a_full_queue_does_not_take_the_job(void **state)
{
    (void)state;
    struct jobs *jobs = jobs_of(2);
    struct work slow = work_for(NULL);
    struct work queued[3] = {work_for(NULL), work_for(NULL), work_for(NULL)};

    assert_int_equal(sem_init(&started, 0, 0), 0);
    assert_int_equal(sem_init(&go_on, 0, 0), 0);
    slow.job.run = run_and_wait;
    assert_true(jobs_add(jobs, &slow.job));
    (void)sem_wait(&started);
    assert_true(jobs_add(jobs, &queued[0].job));
    assert_true(jobs_add(jobs, &queued[1].job));
    assert_false(jobs_add(jobs, &queued[2].job));
    (void)sem_post(&go_on);
    jobs_free(jobs);
    assert_int_equal(atomic_load(&run_count), 3);
    assert_false(queued[2].is_done);
}

static void run_look_at_signals(struct job *job)
{
    sigset_t blocked;

    (void)pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    work_of(job)->number = sigismember(&blocked, SIGTERM) + sigismember(&blocked, SIGHUP);
}

static void signals_are_not_for_the_job_thread(void **state)
{
    (void)state;
    struct jobs *jobs = jobs_of(2);
    struct work work = work_for(NULL);
    sigset_t mine;

    work.job.run = run_look_at_signals;
    assert_true(jobs_add(jobs, &work.job));
    jobs_free(jobs);
    assert_int_equal(work.number, 2);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &mine), 0);
    assert_int_equal(sigismember(&mine, SIGTERM), 0);
}

enum { ASKERS = 3, ASKED = 300 };

struct asker {
    struct jobs *jobs;
    bool is_fine;
};

static void *ask(void *ctx)
{
    struct asker *asker = ctx;
    struct mailbox *home = mailbox_new(ASKED, NULL, NULL);
    struct work works[ASKED];
    size_t answered = 0;

    for (size_t i = 0; i < ASKED; i++) {
        works[i] = work_for(home);
        while (!jobs_add(asker->jobs, &works[i].job))
            answered += mailbox_deliver(home);
    }
    while (answered < ASKED)
        answered += mailbox_deliver(home);
    asker->is_fine = true;
    for (size_t i = 0; i < ASKED; i++)
        asker->is_fine = asker->is_fine && works[i].is_done &&
                         pthread_equal(works[i].done_in, pthread_self()) != 0;
    mailbox_free(home);
    return NULL;
}

static void many_threads_share_one_job_thread(void **state)
{
    (void)state;
    struct jobs *jobs = jobs_of(8);
    struct asker askers[ASKERS];
    pthread_t threads[ASKERS];

    for (size_t i = 0; i < ASKERS; i++) {
        askers[i] = (struct asker){.jobs = jobs};
        assert_int_equal(pthread_create(&threads[i], NULL, ask, &askers[i]), 0);
    }
    for (size_t i = 0; i < ASKERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(askers[i].is_fine);
    }
    jobs_free(jobs);
    assert_int_equal(atomic_load(&run_count), ASKERS * ASKED);
}

#define job_test(name) cmocka_unit_test_setup(name, reset)

int main(void)
{
    const struct CMUnitTest tests[] = {
        job_test(a_job_runs_elsewhere_and_its_answer_comes_home),
        job_test(jobs_run_in_the_order_they_came),
        job_test(freeing_runs_what_is_queued_first),
        job_test(without_an_open_home_the_job_thread_does_the_rest),
        job_test(a_full_queue_does_not_take_the_job),
        job_test(signals_are_not_for_the_job_thread),
        job_test(many_threads_share_one_job_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
