/*
 * names.h - host names to addresses, through the system's resolver and a cache. Addresses in text
 * form are answered at once.
 *
 * A name that is asked for by many is looked up once. A failure is remembered for NAMES_FAILURE_MS.
 *
 * Threads: everything belongs to the loop's thread; resolving runs in libuv's pool.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"

struct loop;
struct name_cache;
struct name_entry;

enum {
    NAMES_MAX_ADDRS = 16,
    NAMES_MAX_ENTRIES = 512,
    NAMES_MAX_HOST_BYTES = 253,
    NAMES_FAILURE_MS = 1000
};

/* Embedded in its owner. */
struct name_lookup {
    /* addrs without ports, in the resolver's order, borrowed for the call; count 0: *err says why,
     * else err is NULL. */
    void (*on_done)(struct name_lookup *lookup, const struct addr *addrs, size_t count,
                    const struct err *err);
    void *ctx;
    /* The cache's. */
    struct name_entry *entry;
    struct name_lookup *next;
};

struct name_cache *names_cache_new(struct loop *loop, uint64_t ttl_ms); /* NULL: memory is out */
/* Lookups that wait are dropped without a call. NULL is fine. */
void names_cache_free(struct name_cache *cache);
/* on_done comes before this returns when the answer is known, else in a later turn. host may be a
 * name, an IPv4 address, or an IPv6 address with or without brackets. */
void names_lookup(struct name_cache *cache, struct name_lookup *lookup, struct str host);
void names_cancel(struct name_lookup *lookup); /* no call follows; fine when nothing waits */
