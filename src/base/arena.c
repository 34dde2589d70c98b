/*
 * arena.c - chunks of memory, handed out from front to back.
 */
#include "base/arena_priv.h"

#include <stdalign.h>
#include <stdlib.h>

enum { FIRST_CHUNK_BYTES = 4096, CHUNK_BYTES = 16384 };

struct chunk {
    struct chunk *next; /* older */
    size_t size;        /* bytes in data */
    size_t used;
    alignas(max_align_t) char data[];
};

struct arena {
    struct chunk *newest;
    struct arena_defer *deferred;
    size_t ceiling;
    size_t used;
    bool has_failed;
};

static size_t round_up(size_t bytes)
{
    return (bytes + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
}

static struct chunk *chunk_new(size_t size, struct chunk *next)
{
    struct chunk *chunk = malloc(sizeof *chunk + size);
    if (chunk == NULL)
        return NULL;
    chunk->next = next;
    chunk->size = size;
    chunk->used = 0;
    return chunk;
}

struct arena *arena_new(size_t ceiling_bytes)
{
    struct arena *arena = calloc(1, sizeof *arena);
    if (arena == NULL)
        return NULL;
    arena->ceiling = ceiling_bytes;
    arena->newest = chunk_new(FIRST_CHUNK_BYTES, NULL);
    if (arena->newest == NULL) {
        free(arena);
        return NULL;
    }
    return arena;
}

void arena_reset(struct arena *arena)
{
    arena_run_deferred(arena->deferred);
    arena->deferred = NULL;
    while (arena->newest->next != NULL) {
        struct chunk *older = arena->newest->next;
        free(arena->newest);
        arena->newest = older;
    }
    arena->newest->used = 0;
    arena->used = 0;
    arena->has_failed = false;
}

void arena_free(struct arena *arena)
{
    if (arena == NULL)
        return;
    arena_reset(arena);
    free(arena->newest);
    free(arena);
}

static void *allocate(struct arena *arena, size_t bytes)
{
    if (bytes > arena->ceiling || arena->used > arena->ceiling - bytes)
        return NULL;
    size_t size = round_up(bytes);
    struct chunk *chunk = arena->newest;
    if (chunk->size - chunk->used < size) {
        chunk = chunk_new(size > CHUNK_BYTES ? size : CHUNK_BYTES, arena->newest);
        if (chunk == NULL)
            return NULL;
        arena->newest = chunk;
    }
    void *object = chunk->data + chunk->used;
    chunk->used += size;
    arena->used += bytes;
    return object;
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
    void *object = allocate(arena, bytes);
    if (object == NULL)
        arena->has_failed = true;
    return object;
}

bool arena_defer(struct arena *arena, arena_destructor_fn *fn, void *object)
{
    struct arena_defer *defer = arena_alloc(arena, sizeof *defer);
    if (defer == NULL)
        return false;
    *defer = (struct arena_defer){.next = arena->deferred, .fn = fn, .object = object};
    arena->deferred = defer;
    return true;
}

size_t arena_used(const struct arena *arena)
{
    return arena->used;
}

bool arena_failed(const struct arena *arena)
{
    return arena->has_failed;
}
