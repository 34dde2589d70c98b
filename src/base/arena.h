/*
 * arena.h - the memory of one request: allocate freely, free once.
 *
 * 1. An arena never hands out more than its ceiling; past it arena_alloc() returns NULL and the
 *    request ends as ERR_LIMIT, not as a crash.
 * 2. Nothing that outlives the arena keeps a pointer into it: cross that line with a copy.
 * 3. arena.c is the real one; arena_emu.c (linked into AddressSanitizer builds) gives every
 *    allocation its own malloc, so that a one-byte overrun is seen.
 *
 * Threads: an arena belongs to one thread at a time.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct arena;

/* ceiling_bytes bounds everything the arena holds. NULL when memory is out. */
struct arena *arena_new(size_t ceiling_bytes);
void arena_free(struct arena *arena); /* runs destructors, newest first; NULL is fine */
void arena_freep(struct arena **arena);
/* As after arena_new(), keeping the first chunk. */
void arena_reset(struct arena *arena);

/* Aligned for any object, not zeroed. NULL past the ceiling. bytes may be 0. */
void *arena_alloc(struct arena *arena, size_t bytes) MUST_CHECK;
/* Zeroed array; NULL past the ceiling or when count * bytes overflows. */
void *arena_calloc(struct arena *arena, size_t count, size_t bytes) MUST_CHECK;
#define arena_new_obj(arena, type) ((type *)arena_calloc((arena), 1, sizeof(type)))

/* A copy with a NUL behind it (not counted), so ptr also serves as a C string. ptr is NULL past
 * the ceiling. */
struct str arena_dup(struct arena *arena, struct str s) MUST_CHECK;
struct str arena_printf(struct arena *arena, const char *fmt, ...) PRINTF_LIKE(2, 3) MUST_CHECK;

/* Runs fn(object) when the arena is freed or reset. ERR-free: false past the ceiling, then fn was
 * not registered. */
typedef void arena_destructor_fn(void *object);
bool arena_defer(struct arena *arena, arena_destructor_fn *fn, void *object) MUST_CHECK;

/* Bytes handed out so far. */
size_t arena_used(const struct arena *arena);
/* Was anything refused since arena_new() or arena_reset()? Whoever decides by what others read asks
 * this last: what they could not copy they may have taken for missing. */
bool arena_failed(const struct arena *arena);
