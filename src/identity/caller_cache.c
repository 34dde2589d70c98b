#include "identity/caller_cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/table.h"

enum { SLOTS = 1024, MAX_VALUE_BYTES = 17 << 10, ARENA_BYTES = 256 << 10 };

struct slot {
    char *value; /* Authorization as it was sent; NULL: free */
    size_t len;
    struct caller caller;
    struct arena *arena; /* of the caller's views; NULL: they are the snapshot's */
};

struct caller_cache {
    struct slot slots[SLOTS];
};

struct caller_cache *caller_cache_new(void)
{
    return calloc(1, sizeof(struct caller_cache));
}

static void empty(struct slot *slot)
{
    if (slot->value == NULL)
        return;
    crypto_wipe(slot->value, slot->len);
    free(slot->value);
    arena_free(slot->arena);
    *slot = (struct slot){0};
}

void caller_cache_clear(struct caller_cache *cache)
{
    for (size_t i = 0; i < SLOTS; i++)
        empty(&cache->slots[i]);
}

void caller_cache_free(struct caller_cache *cache)
{
    if (cache == NULL)
        return;
    caller_cache_clear(cache);
    free(cache);
}

static struct slot *slot_of(struct caller_cache *cache, struct str authorization)
{
    return &cache->slots[table_hash(authorization) % SLOTS];
}

bool caller_cache_find(struct caller_cache *cache, struct str authorization, int64_t now_us,
                       struct arena *arena, struct caller *ret_caller)
{
    const struct slot *slot = slot_of(cache, authorization);

    if (slot->value == NULL || !str_eq_secret(str_of(slot->value, slot->len), authorization))
        return false;
    if (slot->caller.expires_us != 0 && slot->caller.expires_us <= now_us)
        return false;
    if (slot->caller.ask_again_us != 0 && slot->caller.ask_again_us <= now_us)
        return false;
    if (slot->arena != NULL)
        return caller_dup(arena, &slot->caller, ret_caller);
    *ret_caller = slot->caller;
    return true;
}

void caller_cache_put(struct caller_cache *cache, struct str authorization,
                      const struct caller *caller)
{
    struct slot *slot = slot_of(cache, authorization);

    if (authorization.len == 0 || authorization.len > MAX_VALUE_BYTES)
        return;
    empty(slot);
    slot->value = malloc(authorization.len);
    if (slot->value == NULL)
        return;
    memcpy(slot->value, authorization.ptr, authorization.len);
    slot->len = authorization.len;
    slot->caller = *caller;
    /* What is wholly the table's lives as long as the snapshot, and the cache no longer. */
    if (caller->has_own_token || (caller->provider.len == 0 && !caller->is_issued))
        return;
    slot->arena = arena_new(ARENA_BYTES);
    if (slot->arena == NULL || !caller_dup(slot->arena, caller, &slot->caller))
        empty(slot);
}
