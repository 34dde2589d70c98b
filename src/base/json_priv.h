/*
 * json_priv.h - what parser, access and writer share: how strings are scanned, with SSE2 or, where
 * that is missing or JSON_PORTABLE is defined (a test does), eight bytes at a time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__) && !defined(JSON_PORTABLE)
#include <emmintrin.h>
#endif

#include "base/str.h"

static inline bool json_is_plain(uint8_t c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

#if defined(__SSE2__) && !defined(JSON_PORTABLE)
enum { JSON_STEP = 16 };

/* How many plain bytes stand at p, at most JSON_STEP; as many can be read. */
static inline size_t json_plain_step(const uint8_t *p)
{
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
    /* Compared as signed, so bytes from 0x80 on are below 0x20 too. */
    __m128i bad = _mm_cmplt_epi8(v, _mm_set1_epi8(0x20));
    bad = _mm_or_si128(bad, _mm_cmpeq_epi8(v, _mm_set1_epi8('"')));
    bad = _mm_or_si128(bad, _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
    unsigned mask = (unsigned)_mm_movemask_epi8(bad);
    return (size_t)__builtin_ctz(mask | 0x10000U);
}
#else
enum { JSON_STEP = 8 };

/* The high bit of every byte of x that is zero; bytes above a zero one may be marked wrongly. */
static inline uint64_t json_zero_bytes(uint64_t x)
{
    return (x - UINT64_C(0x0101010101010101)) & ~x & UINT64_C(0x8080808080808080);
}

static inline size_t json_plain_step(const uint8_t *p)
{
    uint64_t x;
    memcpy(&x, p, sizeof x);
    uint64_t bad = x & UINT64_C(0x8080808080808080);
    bad |= (x - UINT64_C(0x2020202020202020)) & ~x & UINT64_C(0x8080808080808080);
    bad |= json_zero_bytes(x ^ UINT64_C(0x2222222222222222));
    bad |= json_zero_bytes(x ^ UINT64_C(0x5c5c5c5c5c5c5c5c));
    if (bad == 0)
        return JSON_STEP;
    /* Byte by byte from here: right in either byte order. */
    size_t n = 0;
    while (json_is_plain(p[n]))
        n++;
    return n;
}
#endif

/* The first byte from p on that a string can't hold as it is: quote, backslash, control character
 * or a byte of a longer UTF-8 sequence. end when there is none. */
static inline const uint8_t *json_plain_end(const uint8_t *p, const uint8_t *end)
{
    while ((size_t)(end - p) >= JSON_STEP) {
        size_t n = json_plain_step(p);
        p += n;
        if (n < JSON_STEP)
            return p;
    }
    while (p < end && json_is_plain(*p))
        p++;
    return p;
}

static inline bool json_is_tail(uint8_t c)
{
    return (c & 0xc0) == 0x80;
}

/* Bytes of the well-formed sequence of more than one byte at p (RFC 3629 §4); 0: there is none. */
static inline size_t json_utf8_len(const uint8_t *p, const uint8_t *end)
{
    size_t left = (size_t)(end - p);
    uint8_t c = p[0];
    if (left < 2 || c < 0xc2 || c > 0xf4 || !json_is_tail(p[1]))
        return 0;
    if (c < 0xe0)
        return 2;
    if (left < 3 || !json_is_tail(p[2]))
        return 0;
    if (c < 0xf0) {
        bool is_overlong = c == 0xe0 && p[1] < 0xa0;
        bool is_surrogate = c == 0xed && p[1] >= 0xa0;
        return is_overlong || is_surrogate ? 0 : 3;
    }
    bool is_overlong = c == 0xf0 && p[1] < 0x90;
    bool is_too_high = c == 0xf4 && p[1] >= 0x90;
    return left < 4 || !json_is_tail(p[3]) || is_overlong || is_too_high ? 0 : 4;
}

/* The value of four hexadecimal digits, -1 when p holds something else. As many bytes can be read.
 */
int32_t json_hex4(const uint8_t *p);

static inline bool json_is_high_surrogate(int32_t unit)
{
    return unit >= 0xd800 && unit < 0xdc00;
}

static inline bool json_is_low_surrogate(int32_t unit)
{
    return unit >= 0xdc00 && unit < 0xe000;
}

/* How many bytes of text are one of [ { , and : (those inside strings too). */
size_t json_count_starts(const uint8_t *text, size_t len);

/* One character of a checked string body at *at: its unescaped bytes go to out, how many is
 * returned, *at moves on. A lone surrogate becomes U+FFFD. */
size_t json_next_char(const uint8_t **at, const uint8_t *end, uint8_t out[4]);

/* Writes the unescaped bytes of a checked string body to out, which takes as many bytes as the body
 * has. Returns how many were written. */
size_t json_unescape(struct str body, char *out);
