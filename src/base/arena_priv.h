/*
 * arena_priv.h - what both arenas share: the list of destructors.
 */
#pragma once

#include "base/arena.h"

struct arena_defer {
    struct arena_defer *next;
    arena_destructor_fn *fn;
    void *object;
};

/* Runs the list from its head, which is the newest. */
void arena_run_deferred(struct arena_defer *head);
