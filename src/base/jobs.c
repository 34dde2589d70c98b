#include "base/jobs.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct jobs {
    struct mailbox *box;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool has_work;
    bool is_ending;
    bool has_ended; /* of the ender alone */
};

static void wake(void *ctx)
{
    struct jobs *jobs = ctx;

    (void)pthread_mutex_lock(&jobs->lock);
    jobs->has_work = true;
    (void)pthread_cond_signal(&jobs->changed);
    (void)pthread_mutex_unlock(&jobs->lock);
}

static void on_done(struct mail *mail)
{
    struct job *job = (struct job *)(void *)mail;

    job->done(job);
}

static void on_run(struct mail *mail)
{
    struct job *job = (struct job *)(void *)mail;

    /* Without done, run may have freed the job. */
    bool has_done = job->done != NULL;
    job->run(job);
    if (!has_done)
        return;
    job->mail.on_deliver = on_done;
    if (job->reply_to == NULL || !mailbox_put(job->reply_to, &job->mail))
        job->done(job);
}

static void *serve(void *ctx)
{
    struct jobs *jobs = ctx;
    bool is_ending = false;

    while (!is_ending) {
        (void)pthread_mutex_lock(&jobs->lock);
        while (!jobs->has_work && !jobs->is_ending)
            (void)pthread_cond_wait(&jobs->changed, &jobs->lock);
        jobs->has_work = false;
        is_ending = jobs->is_ending;
        (void)pthread_mutex_unlock(&jobs->lock);
        (void)mailbox_deliver(jobs->box);
    }
    return NULL;
}

/* Signals are for the control loop alone. */
static bool start(struct jobs *jobs, const char *name)
{
    sigset_t all;
    sigset_t before;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&jobs->thread, NULL, serve, jobs) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (started)
        (void)pthread_setname_np(jobs->thread, name);
    return started;
}

struct jobs *jobs_new(const char *name, size_t max_queued)
{
    struct jobs *jobs = calloc(1, sizeof *jobs);

    if (jobs == NULL)
        return NULL;
    jobs->box = mailbox_new(max_queued, wake, jobs);
    (void)pthread_mutex_init(&jobs->lock, NULL);
    (void)pthread_cond_init(&jobs->changed, NULL);
    if (jobs->box == NULL || !start(jobs, name)) {
        mailbox_free(jobs->box);
        free(jobs);
        return NULL;
    }
    return jobs;
}

bool jobs_add(struct jobs *jobs, struct job *job)
{
    job->mail.on_deliver = on_run;
    return mailbox_put(jobs->box, &job->mail);
}

void jobs_end(struct jobs *jobs)
{
    if (jobs == NULL || jobs->has_ended)
        return;
    mailbox_close(jobs->box);
    (void)pthread_mutex_lock(&jobs->lock);
    jobs->is_ending = true;
    (void)pthread_cond_signal(&jobs->changed);
    (void)pthread_mutex_unlock(&jobs->lock);
    (void)pthread_join(jobs->thread, NULL);
    jobs->has_ended = true;
}

void jobs_free(struct jobs *jobs)
{
    if (jobs == NULL)
        return;
    jobs_end(jobs);
    (void)pthread_mutex_destroy(&jobs->lock);
    (void)pthread_cond_destroy(&jobs->changed);
    mailbox_free(jobs->box);
    free(jobs);
}
