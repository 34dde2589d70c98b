/*
 * arena_emu.c - the arena for AddressSanitizer builds: one malloc per allocation, exactly as long
 * as was asked for, so that a one-byte overrun or a use after reset is seen.
 */
#include "base/arena_priv.h"

#include <stdlib.h>

struct piece {
    struct piece *next;
    void *data;
};

struct arena {
    struct piece *pieces;
    struct arena_defer *deferred;
    size_t ceiling;
    size_t used;
    bool has_failed;
};

struct arena *arena_new(size_t ceiling_bytes)
{
    struct arena *arena = calloc(1, sizeof *arena);
    if (arena != NULL)
        arena->ceiling = ceiling_bytes;
    return arena;
}

void arena_reset(struct arena *arena)
{
    arena_run_deferred(arena->deferred);
    arena->deferred = NULL;
    while (arena->pieces != NULL) {
        struct piece *piece = arena->pieces;
        arena->pieces = piece->next;
        free(piece->data);
        free(piece);
    }
    arena->used = 0;
    arena->has_failed = false;
}

void arena_free(struct arena *arena)
{
    if (arena == NULL)
        return;
    arena_reset(arena);
    free(arena);
}

static void *allocate(struct arena *arena, size_t bytes)
{
    if (bytes > arena->ceiling || arena->used > arena->ceiling - bytes)
        return NULL;
    struct piece *piece = malloc(sizeof *piece);
    void *data = malloc(bytes == 0 ? 1 : bytes);
    if (piece == NULL || data == NULL) {
        free(piece);
        free(data);
        return NULL;
    }
    *piece = (struct piece){.next = arena->pieces, .data = data};
    arena->pieces = piece;
    arena->used += bytes;
    return data;
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
