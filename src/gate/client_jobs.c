#include "gate/client_jobs.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/table.h"

enum { STRANGERS = 2, THREADS = STRANGERS + 1, MAX_QUEUED = 64 };

struct client_jobs {
    struct client_web *web;
    struct jobs *threads[THREADS]; /* the last one is for clients that are known */
};

struct client_jobs *client_jobs_new(const struct client_document_rules *rules)
{
    struct client_jobs *jobs = calloc(1, sizeof *jobs);
    bool is_whole = jobs != NULL;
    char name[16];

    if (jobs == NULL)
        return NULL;
    jobs->web = client_web_new(rules);
    for (unsigned i = 0; i < THREADS; i++) {
        (void)snprintf(name, sizeof name, "clients-%u", i);
        jobs->threads[i] = jobs_new(name, MAX_QUEUED);
        is_whole = is_whole && jobs->threads[i] != NULL;
    }
    if (jobs->web != NULL && is_whole)
        return jobs;
    client_jobs_free(jobs);
    return NULL;
}

void client_jobs_free(struct client_jobs *jobs)
{
    if (jobs == NULL)
        return;
    for (unsigned i = 0; i < THREADS; i++)
        jobs_free(jobs->threads[i]);
    client_web_free(jobs->web);
    free(jobs);
}

struct client_web *client_jobs_web(struct client_jobs *jobs)
{
    return jobs->web;
}

bool client_jobs_add(struct client_jobs *jobs, struct str url, struct job *job)
{
    /* One thread per URL: who asks for it twice does not hold two of them. */
    size_t thread =
        client_web_is_known(jobs->web, url) ? STRANGERS : (size_t)(table_hash(url) % STRANGERS);

    return jobs_add(jobs->threads[thread], job);
}
