/*
 * caller_cache.h - callers whose token was just checked, by the Authorization value they sent, so
 * that a token costs its checking once per snapshot and not once per request.
 *
 * 1. What is kept is only ever the outcome of a check that succeeded, for the same bytes, under the
 *    same snapshot: clear it when a new one comes. The views of a caller are the snapshot's.
 * 2. Slots are found by a hash under a key of the process and compared in constant time; values are
 *    wiped when they go.
 *
 * Threads: one cache per worker.
 */
#pragma once

#include <stdint.h>

#include "base/str.h"
#include "identity/caller.h"

struct caller_cache;

/* NULL: memory is out. */
struct caller_cache *caller_cache_new(void);
void caller_cache_free(struct caller_cache *cache); /* NULL is fine */
void caller_cache_clear(struct caller_cache *cache);

/* NULL: not known, or its token has expired. Until the next put or clear. */
const struct caller *caller_cache_find(struct caller_cache *cache, struct str authorization,
                                       int64_t now_us);
void caller_cache_put(struct caller_cache *cache, struct str authorization,
                      const struct caller *caller);
