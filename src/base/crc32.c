#include "base/crc32.h"

#include <stdbool.h>
#include <string.h>

#include "base/attr.h"

static uint32_t update(uint32_t crc, const uint8_t *bytes, size_t len, uint32_t polynomial)
{
    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (polynomial & (0u - (crc & 1)));
    }
    return crc;
}

uint32_t crc32_ieee(const void *data, size_t len)
{
    return ~update(~0u, data, len, 0xedb88320u);
}

#if defined(__x86_64__)
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
    return update(crc, bytes, len, 0x82f63b78u);
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
    return ~update(~crc, data, len, 0x82f63b78u);
}
