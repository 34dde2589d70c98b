/*
 * jobs.h - a thread of its own for work that blocks (a store, name resolution, a compile), with a
 * bounded queue; the answer goes back to the asking thread's mailbox.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/mailbox.h"

struct jobs;

struct job {
    struct mail mail;              /* the library's */
    struct mailbox *reply_to;      /* where the done mail goes; NULL: nowhere */
    void (*run)(struct job *job);  /* in the job thread */
    void (*done)(struct job *job); /* in the asking thread, or in the job thread when reply_to is
                                      NULL or closed; NULL: run has the last word and may
                                      free the job */
};

/* name: at most 15 bytes, for ps and debuggers. NULL: no thread to be had. */
struct jobs *jobs_new(const char *name, size_t max_queued);
/* False: the queue is full, or jobs_end() was called; the job was not taken. */
bool jobs_add(struct jobs *jobs, struct job *job) MUST_CHECK;
/* Runs what is queued, then ends the thread; from then on jobs_add() takes nothing. Others may
 * still hold the pointer. NULL is fine, and so is a second time. */
void jobs_end(struct jobs *jobs);
/* Ends it, too; nobody may hold the pointer any more. NULL is fine. */
void jobs_free(struct jobs *jobs);
