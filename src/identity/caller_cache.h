/*
 * caller_cache.h - callers whose token was just checked, by the Authorization value they sent, so
 * that a token costs its checking once per snapshot and not once per request.
 *
 * 1. What is kept is only ever the outcome of a check that succeeded, for the same bytes, under the
 *    same snapshot: clear it when a new one comes. The views of a caller of this gateway's own
 *    tokens are the snapshot's; those of others are copied.
 * 2. Slots are found by a hash under a key of the process and compared in constant time; values are
 *    wiped when they go.
 *
 * Threads: one cache per worker.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "identity/caller.h"

struct caller_cache;

/* NULL: memory is out. */
struct caller_cache *caller_cache_new(void);
void caller_cache_free(struct caller_cache *cache); /* NULL is fine */
void caller_cache_clear(struct caller_cache *cache);

/* False: not known, its token has expired or has to be asked for again, or arena (which what is
 * copied goes to) is full. */
bool caller_cache_find(struct caller_cache *cache, struct str authorization, int64_t now_us,
                       struct arena *arena, struct caller *ret_caller) MUST_CHECK;
void caller_cache_put(struct caller_cache *cache, struct str authorization,
                      const struct caller *caller);
