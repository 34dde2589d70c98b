#include "base/uuid.h"

#include "base/base64.h"
#include "base/rand.h"

struct uuid uuid_v7(int64_t wall_us)
{
    struct uuid uuid;
    uint64_t ms = wall_us < 0 ? 0 : (uint64_t)wall_us / 1000;

    rand_bytes(uuid.bytes, sizeof uuid.bytes);
    for (unsigned i = 0; i < 6; i++)
        uuid.bytes[i] = (uint8_t)(ms >> (8 * (5 - i)));
    uuid.bytes[6] = (uint8_t)(0x70 | (uuid.bytes[6] & 0x0f));
    uuid.bytes[8] = (uint8_t)(0x80 | (uuid.bytes[8] & 0x3f));
    return uuid;
}

/* Bytes of the groups of 8-4-4-4-12. */
static const struct {
    unsigned first;
    unsigned count;
} groups[] = {{0, 4}, {4, 2}, {6, 2}, {8, 2}, {10, 6}};

void uuid_format(const struct uuid *uuid, char text[UUID_TEXT_BYTES])
{
    for (unsigned i = 0; i < ARRAY_LEN(groups); i++) {
        hex_encode(uuid->bytes + groups[i].first, groups[i].count, text);
        text += 2 * groups[i].count;
        if (i + 1 < ARRAY_LEN(groups))
            *text++ = '-';
    }
}

bool uuid_parse(struct str text, struct uuid *ret_uuid)
{
    struct uuid uuid;

    if (text.len != UUID_TEXT_BYTES)
        return false;
    for (unsigned i = 0; i < ARRAY_LEN(groups); i++) {
        if (!hex_decode(str_first(text, (size_t)2 * groups[i].count), uuid.bytes + groups[i].first,
                        groups[i].count))
            return false;
        text = str_from(text, (size_t)2 * groups[i].count);
        if (i + 1 < ARRAY_LEN(groups)) {
            if (text.ptr[0] != '-')
                return false;
            text = str_from(text, 1);
        }
    }
    *ret_uuid = uuid;
    return true;
}
