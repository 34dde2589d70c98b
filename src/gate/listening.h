/*
 * listening.h - the listening streams of legacy sessions (GET): open event streams that say when
 * the list of tools has changed for their caller.
 *
 * A stream holds neither arena nor snapshot, only who listens. It ends when the token expires or is
 * revoked, checked with every new snapshot and once a second.
 *
 * Threads: one worker.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/uuid.h"

struct call;
struct http_request;
struct listening;
struct worker;

/* NULL: memory is out. */
struct listening *listening_new(void);
void listening_free(struct listening *streams); /* NULL is fine */
/* Turns the request of call into a stream; the call is over. False: the caller has too many. */
bool listening_add(struct worker *worker, struct call *call);
/* The client of a stream has gone. */
void listening_on_closed(struct worker *worker, void *stream);
/* After a new snapshot, and once a second: ends what is no longer allowed, tells what has changed.
 */
void listening_check(struct worker *worker, bool is_new_snapshot);
/* Ends the streams of this session (NULL: all). */
void listening_end(struct worker *worker, const struct uuid *session);
size_t listening_count(const struct worker *worker);
