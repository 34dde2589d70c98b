#include "record.h"

bool leaf_read(struct bytes text, struct leaf *ret_leaf)
{
    const uint8_t *at = text.ptr;
    struct leaf leaf = {.kind = 0};
    const struct bytes pieces[] = {bytes_of("\0", 1), text};

    if (text.len < LEAF_HEAD_BYTES || text.len > LEAF_MAX_BYTES || get_u16(at) != 1 || at[2] != 1 ||
        at[3] == 0 || at[3] >= LEAF_KINDS || get_u32(at + 4) == 0 ||
        get_u32(at + 112) != text.len || get_u16(at + 116) < LEAF_HEAD_BYTES ||
        get_u16(at + 116) > text.len)
        return false;
    leaf.kind = at[3];
    leaf.attempt = get_u32(at + 4);
    leaf.log_id = at + 8;
    leaf.call_id = at + 24;
    leaf.time_us = (int64_t)get_u64(at + 56);
    leaf.index = get_u64(at + 120);
    leaf.committed_us = (int64_t)get_u64(at + 128);
    leaf.intent = get_u64(at + 136);
    sha256(pieces, 2, leaf.hash);
    *ret_leaf = leaf;
    return true;
}

/* A block's digest; zeros when there is none. */
static bool fits_digest(struct bytes block, const uint8_t *digest)
{
    static const uint8_t none[HASH_BYTES];
    uint8_t hash[HASH_BYTES];

    if (block.len == 0)
        return memcmp(digest, none, HASH_BYTES) == 0;
    sha256(&block, 1, hash);
    return memcmp(digest, hash, HASH_BYTES) == 0;
}

static bool is_zero(struct bytes rest)
{
    for (size_t i = 0; i < rest.len; i++)
        if (rest.ptr[i] != 0)
            return false;
    return true;
}

bool record_read(struct bytes payload, struct record *ret_record)
{
    struct record record = {.bytes = 0};

    if (payload.len < RECORD_HEAD_BYTES)
        return false;
    record.bytes = get_u32(payload.ptr);
    size_t leaf = get_u32(payload.ptr + 4);
    size_t identity = get_u32(payload.ptr + 8);
    size_t arguments = get_u32(payload.ptr + 12);
    size_t sum = RECORD_HEAD_BYTES + leaf + identity + arguments;
    if (record.bytes % 8 != 0 || record.bytes > payload.len || sum > record.bytes ||
        record.bytes - sum >= 8 || !is_zero(bytes_part(payload, sum, record.bytes - sum)) ||
        !leaf_read(bytes_part(payload, RECORD_HEAD_BYTES, leaf), &record.leaf))
        return false;
    const uint8_t *at = payload.ptr + RECORD_HEAD_BYTES;
    record.is_leaf_good = memcmp(payload.ptr + 16, record.leaf.hash, HASH_BYTES) == 0;
    record.is_blocks_good = get_u32(at + 224) == identity && get_u32(at + 228) == arguments &&
                            fits_digest(bytes_of(at + leaf, identity), at + 144) &&
                            fits_digest(bytes_of(at + leaf + identity, arguments), at + 176);
    *ret_record = record;
    return true;
}
