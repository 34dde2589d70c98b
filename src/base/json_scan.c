/*
 * json_scan.c - the parts of scanning JSON text that are not inlined.
 */
#include "base/json_priv.h"

#include <stdbool.h>

static size_t count_bytewise(const uint8_t *text, size_t len)
{
    size_t count = 0;
    for (size_t i = 0; i < len; i++)
        count += (text[i] | 0x20) == '{' || text[i] == ',' || text[i] == ':';
    return count;
}

#if defined(__SSE2__) && !defined(JSON_PORTABLE)
/* Counts in 16 lanes of 8 bits, which hold up to 255 each. */
static size_t count_steps(const uint8_t *text, size_t steps)
{
    __m128i sum = _mm_setzero_si128();
    for (size_t i = 0; i < steps; i++) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(text + i * 16));
        __m128i open = _mm_or_si128(v, _mm_set1_epi8(0x20)); /* '[' becomes '{' */
        __m128i hit = _mm_cmpeq_epi8(open, _mm_set1_epi8('{'));
        hit = _mm_or_si128(hit, _mm_cmpeq_epi8(v, _mm_set1_epi8(',')));
        hit = _mm_or_si128(hit, _mm_cmpeq_epi8(v, _mm_set1_epi8(':')));
        sum = _mm_sub_epi8(sum, hit);
    }
    __m128i halves = _mm_sad_epu8(sum, _mm_setzero_si128());
    return (size_t)_mm_cvtsi128_si32(halves) + (size_t)_mm_extract_epi16(halves, 4);
}

size_t json_count_starts(const uint8_t *text, size_t len)
{
    size_t count = 0;
    size_t at = 0;
    while (len - at >= 16) {
        size_t steps = (len - at) / 16;
        steps = steps > 255 ? 255 : steps;
        count += count_steps(text + at, steps);
        at += steps * 16;
    }
    return count + count_bytewise(text + at, len - at);
}
#else
size_t json_count_starts(const uint8_t *text, size_t len)
{
    return count_bytewise(text, len);
}
#endif

int32_t json_hex4(const uint8_t *p)
{
    int32_t unit = 0;
    for (int i = 0; i < 4; i++) {
        uint8_t c = p[i];
        uint8_t lower = c | 0x20;
        if (c >= '0' && c <= '9')
            unit = unit * 16 + (c - '0');
        else if (lower >= 'a' && lower <= 'f')
            unit = unit * 16 + (lower - 'a' + 10);
        else
            return -1;
    }
    return unit;
}

static size_t put_utf8(int32_t code, uint8_t out[4])
{
    if (code < 0x80) {
        out[0] = (uint8_t)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (uint8_t)(0xc0 | code >> 6);
        out[1] = (uint8_t)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (uint8_t)(0xe0 | code >> 12);
        out[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | code >> 18);
    out[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (code & 0x3f));
    return 4;
}

/* *at stands behind "\u" of a checked body. */
static int32_t escaped_code(const uint8_t **at, const uint8_t *end)
{
    const uint8_t *p = *at;
    int32_t unit = json_hex4(p);
    *at = p + 4;
    if (!json_is_high_surrogate(unit))
        return json_is_low_surrogate(unit) ? 0xfffd : unit;
    if (end - p < 10 || p[4] != '\\' || p[5] != 'u')
        return 0xfffd;
    int32_t low = json_hex4(p + 6);
    if (!json_is_low_surrogate(low))
        return 0xfffd;
    *at = p + 10;
    return 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
}

static uint8_t escaped_byte(uint8_t c)
{
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return c;
    }
}

size_t json_next_char(const uint8_t **at, const uint8_t *end, uint8_t out[4])
{
    const uint8_t *p = *at;
    if (*p == '\\') {
        *at = p + 2;
        if (p[1] == 'u')
            return put_utf8(escaped_code(at, end), out);
        out[0] = escaped_byte(p[1]);
        return 1;
    }
    size_t len = *p < 0x80 ? 1 : json_utf8_len(p, end);
    memcpy(out, p, len);
    *at = p + len;
    return len;
}

size_t json_unescape(struct str body, char *out)
{
    const uint8_t *at = (const uint8_t *)body.ptr;
    const uint8_t *end = at + body.len;
    size_t len = 0;
    while (at < end) {
        const uint8_t *plain_end = json_plain_end(at, end);
        size_t plain = (size_t)(plain_end - at);
        memcpy(out + len, at, plain);
        len += plain;
        at = plain_end;
        if (at < end) {
            uint8_t bytes[4];
            size_t count = json_next_char(&at, end, bytes);
            memcpy(out + len, bytes, count);
            len += count;
        }
    }
    return len;
}
