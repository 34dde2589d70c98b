#include "calls.h"

#include <stdlib.h>
#include <string.h>

#include "bytes.h"

struct slot {
    uint8_t call_id[CALL_ID_BYTES];
    uint32_t attempt;
    bool is_used;
    uint64_t index;
};

/* Open addressing; never more than half full. */
struct calls {
    struct slot *slots;
    size_t size; /* a power of two */
    size_t count;
};

struct calls *calls_new(void)
{
    struct calls *calls = calloc(1, sizeof *calls);

    if (calls == NULL)
        return NULL;
    calls->size = 1024;
    calls->slots = calloc(calls->size, sizeof *calls->slots);
    if (calls->slots == NULL) {
        free(calls);
        return NULL;
    }
    return calls;
}

void calls_free(struct calls *calls)
{
    if (calls == NULL)
        return;
    free(calls->slots);
    free(calls);
}

size_t calls_count(const struct calls *calls)
{
    return calls->count;
}

/* The last bytes of an id are random. Whoever makes them up slows the verifier, no more. */
static size_t place_of(const struct calls *calls, const uint8_t *call_id, uint32_t attempt)
{
    size_t at = (size_t)((get_u64(call_id + 8) ^ attempt) * UINT64_C(0x9e3779b97f4a7c15) >> 20) &
                (calls->size - 1);

    while (calls->slots[at].is_used &&
           (calls->slots[at].attempt != attempt ||
            memcmp(calls->slots[at].call_id, call_id, CALL_ID_BYTES) != 0))
        at = (at + 1) & (calls->size - 1);
    return at;
}

static bool grow(struct calls *calls)
{
    struct calls larger = {.size = calls->size * 2};

    larger.slots = calloc(larger.size, sizeof *larger.slots);
    if (larger.slots == NULL)
        return false;
    for (size_t i = 0; i < calls->size; i++) {
        const struct slot *slot = &calls->slots[i];

        if (slot->is_used)
            larger.slots[place_of(&larger, slot->call_id, slot->attempt)] = *slot;
    }
    larger.count = calls->count;
    free(calls->slots);
    *calls = larger;
    return true;
}

bool calls_add(struct calls *calls, const uint8_t call_id[CALL_ID_BYTES], uint32_t attempt,
               uint64_t index)
{
    if (calls->count * 2 >= calls->size && !grow(calls))
        return false;
    struct slot *slot = &calls->slots[place_of(calls, call_id, attempt)];
    if (slot->is_used)
        return false;
    memcpy(slot->call_id, call_id, CALL_ID_BYTES);
    slot->attempt = attempt;
    slot->index = index;
    slot->is_used = true;
    calls->count++;
    return true;
}

bool calls_find(const struct calls *calls, const uint8_t call_id[CALL_ID_BYTES], uint32_t attempt,
                uint64_t *ret_index)
{
    const struct slot *slot = &calls->slots[place_of(calls, call_id, attempt)];

    if (slot->is_used)
        *ret_index = slot->index;
    return slot->is_used;
}

void calls_remove(struct calls *calls, const uint8_t call_id[CALL_ID_BYTES], uint32_t attempt)
{
    size_t at = place_of(calls, call_id, attempt);

    if (!calls->slots[at].is_used)
        return;
    calls->slots[at].is_used = false;
    calls->count--;
    /* Those behind it may have been put there because of it. */
    for (at = (at + 1) & (calls->size - 1); calls->slots[at].is_used;
         at = (at + 1) & (calls->size - 1)) {
        struct slot moved = calls->slots[at];

        calls->slots[at].is_used = false;
        calls->slots[place_of(calls, moved.call_id, moved.attempt)] = moved;
    }
}
