/*
 * people.h - persons that providers vouch for get into the store: once when they are first seen,
 * and now and then after that. No call waits for it; who is disabled stands in the snapshot.
 *
 * Threads: one worker each.
 */
#pragma once

#include "gate/call.h"

struct people;

struct people *people_new(void);         /* NULL: memory is out */
void people_free(struct people *people); /* NULL is fine */
/* A line in the log when none of the groups count, so that somebody wonders less why. Any thread.
 */
void people_tell_groups(const struct caller *person);
/* A person's token was just verified. */
void people_saw(struct call *call);
