#include "audit/intents.h"

#include <stdlib.h>
#include <string.h>

struct intents {
    struct intent *places; /* a power of two of them, open addressing, linear probing */
    size_t size;
    size_t count;
};

#define FIRST_SIZE 64

struct intents *intents_new(void)
{
    struct intents *intents = calloc(1, sizeof *intents);
    if (intents == NULL)
        return NULL;
    intents->places = calloc(FIRST_SIZE, sizeof *intents->places);
    intents->size = FIRST_SIZE;
    if (intents->places == NULL) {
        free(intents);
        return NULL;
    }
    return intents;
}

void intents_free(struct intents *intents)
{
    if (intents == NULL)
        return;
    free(intents->places);
    free(intents);
}

size_t intents_count(const struct intents *intents)
{
    return intents->count;
}

static uint32_t attempt_key(uint32_t attempt)
{
    return attempt == 0 ? UINT32_MAX : attempt;
}

static size_t home(const struct intents *intents, const struct uuid *call_id, uint32_t attempt)
{
    uint64_t hash;
    memcpy(&hash, call_id->bytes + 8, sizeof hash);
    hash = (hash ^ attempt) * UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(hash >> 32) & (intents->size - 1);
}

/* The place of the intent, or the free place where it would go. */
static struct intent *place_of(const struct intents *intents, const struct uuid *call_id,
                               uint32_t attempt)
{
    size_t at = home(intents, call_id, attempt);
    for (;;) {
        struct intent *place = &intents->places[at];
        if (place->attempt == 0)
            return place;
        if (place->attempt == attempt && memcmp(&place->call_id, call_id, sizeof *call_id) == 0)
            return place;
        at = (at + 1) & (intents->size - 1);
    }
}

static bool grow(struct intents *intents)
{
    struct intents bigger = {.size = intents->size * 2};
    bigger.places = calloc(bigger.size, sizeof *bigger.places);
    if (bigger.places == NULL)
        return false;
    for (size_t i = 0; i < intents->size; i++) {
        const struct intent *old = &intents->places[i];
        if (old->attempt != 0)
            *place_of(&bigger, &old->call_id, old->attempt) = *old;
    }
    free(intents->places);
    intents->places = bigger.places;
    intents->size = bigger.size;
    return true;
}

bool intents_add(struct intents *intents, const struct intent *intent)
{
    uint32_t attempt = attempt_key(intent->attempt);
    if (intents->count * 2 >= intents->size && !grow(intents))
        return false;
    struct intent *place = place_of(intents, &intent->call_id, attempt);
    if (place->attempt == 0)
        intents->count++;
    *place = *intent;
    place->attempt = attempt;
    return true;
}

const struct intent *intents_find(const struct intents *intents, const struct uuid *call_id,
                                  uint32_t attempt)
{
    const struct intent *place = place_of(intents, call_id, attempt_key(attempt));
    return place->attempt == 0 ? NULL : place;
}

/* Closes the hole at `hole` by moving back what was displaced over it. */
static void close_hole(struct intents *intents, size_t hole)
{
    size_t mask = intents->size - 1;
    for (size_t at = (hole + 1) & mask; intents->places[at].attempt != 0; at = (at + 1) & mask) {
        size_t want = home(intents, &intents->places[at].call_id, intents->places[at].attempt);
        if (((at - want) & mask) < ((at - hole) & mask))
            continue;
        intents->places[hole] = intents->places[at];
        hole = at;
    }
    memset(&intents->places[hole], 0, sizeof intents->places[hole]);
}

bool intents_take(struct intents *intents, const struct uuid *call_id, uint32_t attempt)
{
    struct intent *place = place_of(intents, call_id, attempt_key(attempt));
    if (place->attempt == 0)
        return false;
    close_hole(intents, (size_t)(place - intents->places));
    intents->count--;
    return true;
}

const struct intent *intents_next(const struct intents *intents, size_t *pos)
{
    while (*pos < intents->size) {
        const struct intent *place = &intents->places[(*pos)++];
        if (place->attempt != 0)
            return place;
    }
    return NULL;
}
