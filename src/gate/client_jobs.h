/*
 * client_jobs.h - the threads that fetch what clients publish of themselves. Strangers choose where
 * to, and may answer as slowly as they like: nothing else waits for these threads, and clients that
 * are known do not wait for those that are not.
 */
#pragma once

#include "base/jobs.h"
#include "identity/client_web.h"

struct client_jobs;

/* rules must outlive it. NULL: no thread or memory left. */
struct client_jobs *client_jobs_new(const struct client_document_rules *rules);
void client_jobs_free(struct client_jobs *jobs); /* ends the threads first; NULL is fine */

struct client_web *client_jobs_web(struct client_jobs *jobs);
/* The job, which calls client_web_fetch() for this URL. False: the queue is full. */
bool client_jobs_add(struct client_jobs *jobs, struct str url, struct job *job) MUST_CHECK;
