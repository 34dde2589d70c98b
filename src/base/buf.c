#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BYTES = 256 };

void buf_init(struct buf *buf, size_t max_bytes)
{
    *buf = (struct buf){.max = max_bytes};
}

void buf_done(struct buf *buf)
{
    free(buf->ptr);
    *buf = (struct buf){.max = buf->max};
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    buf->failed = false;
}

bool buf_reserve(struct buf *buf, size_t extra)
{
    if (buf->failed || extra > buf->max || buf->len > buf->max - extra) {
        buf->failed = true;
        return false;
    }
    size_t need = buf->len + extra;
    if (need <= buf->size)
        return true;
    size_t size = buf->size < FIRST_BYTES ? FIRST_BYTES : buf->size;
    while (size < need)
        size = size > buf->max / 2 ? need : size * 2;
    char *ptr = realloc(buf->ptr, size);
    if (ptr == NULL) {
        buf->failed = true;
        return false;
    }
    buf->ptr = ptr;
    buf->size = size;
    return true;
}

void buf_add(struct buf *buf, struct str s)
{
    if (s.len == 0 || !buf_reserve(buf, s.len))
        return;
    memcpy(buf->ptr + buf->len, s.ptr, s.len);
    buf->len += s.len;
}

void buf_add_c(struct buf *buf, const char *text)
{
    buf_add(buf, str_c(text));
}

void buf_add_byte(struct buf *buf, char c)
{
    if (!buf_reserve(buf, 1))
        return;
    buf->ptr[buf->len++] = c;
}

void buf_add_u64(struct buf *buf, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    buf_add(buf, str_of(digits + at, sizeof digits - at));
}

void buf_printf(struct buf *buf, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len < 0 || !buf_reserve(buf, (size_t)len + 1)) {
        buf->failed = true;
        return;
    }
    va_start(args, fmt);
    vsnprintf(buf->ptr + buf->len, (size_t)len + 1, fmt, args);
    va_end(args);
    buf->len += (size_t)len;
}

void buf_drop(struct buf *buf, size_t n)
{
    if (n >= buf->len) {
        buf->len = 0;
        return;
    }
    memmove(buf->ptr, buf->ptr + n, buf->len - n);
    buf->len -= n;
}

struct str buf_str(const struct buf *buf)
{
    return str_of(buf->ptr, buf->len);
}
