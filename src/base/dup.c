#include "base/dup.h"

#include <string.h>

#include "base/table.h"

size_t dup_slots(size_t count)
{
    if (count <= DUP_SMALL)
        return 0;
    size_t slots = (size_t)DUP_SMALL * 4;
    while (slots < count * 2)
        slots *= 2;
    return slots;
}

/* Names of one object mostly differ in length or in their ends: a bit for these three saves nearly
 * every comparison. */
static uint64_t bit_of(struct str name)
{
    if (name.len == 0)
        return 1;
    size_t mixed =
        name.len + (unsigned char)name.ptr[0] * 7U + (unsigned char)name.ptr[name.len - 1] * 29U;
    return UINT64_C(1) << (mixed & 63);
}

static bool is_among(const struct str *names, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(names[i], name))
            return true;
    }
    return false;
}

static size_t find_small(const struct str *names, size_t count)
{
    uint64_t seen = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t bit = bit_of(names[i]);
        if ((seen & bit) != 0 && is_among(names, i, names[i]))
            return i;
        seen |= bit;
    }
    return count;
}

size_t dup_find(const struct str *names, size_t count, uint32_t *slots)
{
    size_t mask = dup_slots(count);
    if (mask == 0)
        return find_small(names, count);
    memset(slots, 0, mask * sizeof *slots);
    mask--;
    for (size_t i = 0; i < count; i++) {
        size_t at = (size_t)table_hash(names[i]) & mask;
        for (; slots[at] != 0; at = (at + 1) & mask) {
            if (str_eq(names[slots[at] - 1], names[i]))
                return i;
        }
        slots[at] = (uint32_t)(i + 1);
    }
    return count;
}
