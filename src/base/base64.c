#include "base/base64.h"

#include <string.h>

static const char url_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char std_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char digits62[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
static const char digits16[] = "0123456789abcdef";

static size_t encode(const uint8_t *src, size_t len, const char *digits, char *dst)
{
    size_t out = 0;

    for (size_t i = 0; i < len; i += 3) {
        uint32_t group = (uint32_t)src[i] << 16;
        size_t rest = len - i;

        group |= rest > 1 ? (uint32_t)src[i + 1] << 8 : 0;
        group |= rest > 2 ? (uint32_t)src[i + 2] : 0;
        dst[out++] = digits[group >> 18];
        dst[out++] = digits[group >> 12 & 63];
        if (rest > 1)
            dst[out++] = digits[group >> 6 & 63];
        if (rest > 2)
            dst[out++] = digits[group & 63];
    }
    return out;
}

/* 255: no digit. */
static uint8_t value_of(char c, const char *digits)
{
    if (c >= 'A' && c <= 'Z')
        return (uint8_t)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (uint8_t)(c - 'a' + 26);
    if (c >= '0' && c <= '9')
        return (uint8_t)(c - '0' + 52);
    if (c == digits[62])
        return 62;
    return c == digits[63] ? 63 : 255;
}

static bool decode(struct str text, const char *digits, uint8_t *dst, size_t *ret_len)
{
    uint32_t group = 0;
    unsigned bits = 0;
    size_t out = 0;

    if (text.len % 4 == 1)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t value = value_of(text.ptr[i], digits);

        if (value == 255)
            return false;
        group = group << 6 | value;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            dst[out++] = (uint8_t)(group >> bits);
        }
    }
    if ((group & ((1u << bits) - 1)) != 0)
        return false;
    *ret_len = out;
    return true;
}

size_t base64url_encode(const void *src, size_t len, char *dst)
{
    return encode(src, len, url_digits, dst);
}

bool base64url_decode(struct str text, void *dst, size_t *ret_len)
{
    return decode(text, url_digits, dst, ret_len);
}

struct str base64_encode(struct arena *arena, struct str bytes)
{
    size_t len = (bytes.len + 2) / 3 * 4;
    char *dst = arena_alloc(arena, len + 1);

    if (dst == NULL)
        return STR_NONE;
    size_t written = encode((const uint8_t *)bytes.ptr, bytes.len, std_digits, dst);
    memset(dst + written, '=', len - written);
    dst[len] = '\0';
    return str_of(dst, len);
}

bool base64_decode(struct arena *arena, struct str text, struct str *ret_bytes)
{
    uint8_t *dst = arena_alloc(arena, text.len + 1);
    size_t padding = 0;
    size_t len = 0;

    if (dst == NULL || text.len % 4 != 0)
        return false;
    while (padding < 2 && padding < text.len && text.ptr[text.len - 1 - padding] == '=')
        padding++;
    if (!decode(str_first(text, text.len - padding), std_digits, dst, &len))
        return false;
    if ((4 - (text.len - padding) % 4) % 4 != padding)
        return false;
    dst[len] = '\0';
    *ret_bytes = str_of((const char *)dst, len);
    return true;
}

void base62_encode_32(const uint8_t src[32], char dst[BASE62_32_LEN])
{
    uint8_t number[32];

    memcpy(number, src, sizeof number);
    for (size_t i = BASE62_32_LEN; i-- > 0;) {
        unsigned rest = 0;

        for (size_t j = 0; j < sizeof number; j++) {
            rest = rest << 8 | number[j];
            number[j] = (uint8_t)(rest / 62);
            rest %= 62;
        }
        dst[i] = digits62[rest];
    }
}

void base62_encode_u32(uint32_t value, char dst[6])
{
    for (size_t i = 6; i-- > 0;) {
        dst[i] = digits62[value % 62];
        value /= 62;
    }
}

bool base62_is(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (value_of(text.ptr[i], std_digits) > 61)
            return false;
    }
    return text.len > 0;
}

void hex_encode(const void *src, size_t len, char *dst)
{
    const uint8_t *bytes = src;

    for (size_t i = 0; i < len; i++) {
        dst[2 * i] = digits16[bytes[i] >> 4];
        dst[2 * i + 1] = digits16[bytes[i] & 15];
    }
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool hex_decode(struct str text, void *dst, size_t dst_len)
{
    uint8_t *bytes = dst;

    if (text.len != dst_len * 2)
        return false;
    for (size_t i = 0; i < dst_len; i++) {
        int high = nibble(text.ptr[2 * i]);
        int low = nibble(text.ptr[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}
