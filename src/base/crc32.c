#include "base/crc32.h"

#include <stdbool.h>
#include <string.h>

#include "base/attr.h"

/* A sum is linear: that of a byte is the exclusive or of those of its bits, lowest first. */
#define BIT(byte, n, sum) (((byte) >> (n)&1u) != 0 ? (sum) : 0u)
#define BYTE(byte, a, b, c, d, e, f, g, h)                                                         \
    (BIT(byte, 0, a) ^ BIT(byte, 1, b) ^ BIT(byte, 2, c) ^ BIT(byte, 3, d) ^ BIT(byte, 4, e) ^     \
     BIT(byte, 5, f) ^ BIT(byte, 6, g) ^ BIT(byte, 7, h))
#define BYTES4(sum, from) sum((from) + 0u), sum((from) + 1u), sum((from) + 2u), sum((from) + 3u)
#define BYTES16(sum, from)                                                                         \
    BYTES4(sum, (from) + 0u), BYTES4(sum, (from) + 4u), BYTES4(sum, (from) + 8u),                  \
        BYTES4(sum, (from) + 12u)
#define BYTES64(sum, from)                                                                         \
    BYTES16(sum, (from) + 0u), BYTES16(sum, (from) + 16u), BYTES16(sum, (from) + 32u),             \
        BYTES16(sum, (from) + 48u)
#define BYTES256(sum) BYTES64(sum, 0u), BYTES64(sum, 64u), BYTES64(sum, 128u), BYTES64(sum, 192u)
#define IEEE(byte)                                                                                 \
    BYTE(byte, 0x77073096u, 0xee0e612cu, 0x076dc419u, 0x0edb8832u, 0x1db71064u, 0x3b6e20c8u,       \
         0x76dc4190u, 0xedb88320u)
#define CASTAGNOLI(byte)                                                                           \
    BYTE(byte, 0xf26b8303u, 0xe13b70f7u, 0xc79a971fu, 0x8ad958cfu, 0x105ec76fu, 0x20bd8edeu,       \
         0x417b1dbcu, 0x82f63b78u)

static const uint32_t ieee[256] = {BYTES256(IEEE)};
static const uint32_t castagnoli[256] = {BYTES256(CASTAGNOLI)};

static uint32_t update(const uint32_t table[256], uint32_t crc, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        crc = crc >> 8 ^ table[(crc ^ bytes[i]) & 0xff];
    return crc;
}

uint32_t crc32_ieee(const void *data, size_t len)
{
    return ~update(ieee, ~0u, data, len);
}

#if defined(__x86_64__) && !defined(CRC32_PORTABLE)
__attribute__((target("sse4.2"))) static uint32_t hardware(uint32_t crc, const uint8_t *bytes,
                                                           size_t len)
{
    uint64_t sum = crc;

    for (; len >= 8; bytes += 8, len -= 8) {
        uint64_t word = 0;

        memcpy(&word, bytes, sizeof word);
        sum = __builtin_ia32_crc32di(sum, word);
    }
    crc = (uint32_t)sum;
    for (; len > 0; bytes++, len--)
        crc = __builtin_ia32_crc32qi(crc, *bytes);
    return crc;
}

static bool has_hardware(void)
{
    return __builtin_cpu_supports("sse4.2") != 0;
}
#else
static uint32_t hardware(uint32_t crc, const uint8_t *bytes, size_t len)
{
    return update(castagnoli, crc, bytes, len);
}

static bool has_hardware(void)
{
    return false;
}
#endif

uint32_t crc32c(uint32_t crc, const void *data, size_t len)
{
    if (has_hardware())
        return ~hardware(~crc, data, len);
    return ~update(castagnoli, ~crc, data, len);
}
