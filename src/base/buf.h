/*
 * buf.h - a growing run of bytes that owns its memory and has a maximum.
 *
 * Appending past the maximum (or out of memory) sets `failed` and changes nothing; the caller
 * looks once, at the end. A failed buf stays failed until buf_clear().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

struct buf {
    char *ptr;
    size_t len;  /* bytes in use */
    size_t size; /* bytes allocated */
    size_t max;  /* len never exceeds it */
    bool failed;
};

void buf_init(struct buf *buf, size_t max_bytes);
void buf_done(struct buf *buf); /* frees; the buf may be initialised again */
void buf_clear(struct buf *buf);

/* Makes room for `extra` more bytes. False: failed. */
bool buf_reserve(struct buf *buf, size_t extra) MUST_CHECK;
void buf_add(struct buf *buf, struct str s);
void buf_add_c(struct buf *buf, const char *text);
void buf_add_byte(struct buf *buf, char c);
void buf_add_u64(struct buf *buf, uint64_t value);
void buf_printf(struct buf *buf, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Removes the first n bytes (n ≤ len). */
void buf_drop(struct buf *buf, size_t n);
struct str buf_str(const struct buf *buf); /* borrowed until the next change */
