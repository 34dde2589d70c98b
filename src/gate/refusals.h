/*
 * refusals.h - how refusals get into the log without anybody being able to fill it: those of an
 * authenticated caller one by one up to a rate, then counted; those before authentication counted
 * per source and interval.
 *
 * Threads: one worker.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/str.h"

struct refusals;

/* What was counted instead of recorded, handed out by refusals_flush(). */
struct refusals_count {
    struct str who;    /* address, or id of the caller */
    struct str reason; /* word of the last one */
    bool is_caller;
    uint64_t count;
};

/* NULL: memory is out. */
struct refusals *refusals_new(int64_t per_second);
void refusals_free(struct refusals *refusals); /* NULL is fine */

/* May this refusal of an authenticated caller be recorded by itself? False: it was counted. */
bool refusals_may_record(struct refusals *refusals, struct str caller_id, const char *reason,
                         uint64_t now_us);
void refusals_add_source(struct refusals *refusals, const struct addr *address, const char *reason);
/* Calls fn for every count and forgets them. */
void refusals_flush(struct refusals *refusals,
                    void (*fn)(void *ctx, const struct refusals_count *count), void *ctx);
