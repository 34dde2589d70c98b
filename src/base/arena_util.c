/*
 * arena_util.c - what is the same for the real arena and the emulator.
 */
#include "base/arena_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void arena_run_deferred(struct arena_defer *head)
{
    for (struct arena_defer *d = head; d != NULL; d = d->next)
        d->fn(d->object);
}

void arena_freep(struct arena **arena)
{
    arena_free(*arena);
    *arena = NULL;
}

void *arena_calloc(struct arena *arena, size_t count, size_t bytes)
{
    size_t total;
    if (__builtin_mul_overflow(count, bytes, &total))
        return NULL;
    void *object = arena_alloc(arena, total);
    if (object != NULL)
        memset(object, 0, total);
    return object;
}

struct str arena_dup(struct arena *arena, struct str s)
{
    if (s.len == SIZE_MAX)
        return STR_NONE;
    char *copy = arena_alloc(arena, s.len + 1);
    if (copy == NULL)
        return STR_NONE;
    if (s.len > 0)
        memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return str_of(copy, s.len);
}

struct str arena_printf(struct arena *arena, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len < 0)
        return STR_NONE;
    char *text = arena_alloc(arena, (size_t)len + 1);
    if (text == NULL)
        return STR_NONE;
    va_start(args, fmt);
    vsnprintf(text, (size_t)len + 1, fmt, args);
    va_end(args);
    return str_of(text, (size_t)len);
}
