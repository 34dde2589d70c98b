#include "audit/frame.h"

#include <string.h>

#include "audit/leaf.h"
#include "audit/wire.h"
#include "base/crc32.h"
#include "base/crypto.h"

static const char segment_magic[8] = {'P', 'R', 'T', 'J', 'R', 'N', 'L', '1'};
static const char frame_magic[4] = {'P', 'R', 'T', 'B'};

enum {
    SEGMENT_CRC_AT = SEGMENT_HEAD_BYTES - 4,
    FRAME_HASHED_BYTES = 80,
    FRAME_CRC_AT = FRAME_HEAD_BYTES - 4,
};

void segment_head_write(const struct segment_head *head, uint8_t out[SEGMENT_HEAD_BYTES])
{
    memset(out, 0, SEGMENT_HEAD_BYTES);
    memcpy(out, segment_magic, sizeof segment_magic);
    wire_put_u32(out + 8, 1);
    wire_put_u32(out + 12, SEGMENT_HEAD_BYTES);
    wire_put_u64(out + 16, head->number);
    wire_put_u64(out + 24, head->bytes);
    wire_put_u64(out + 32, head->salt);
    memcpy(out + 40, head->log_id, sizeof head->log_id);
    wire_put_u64(out + 56, head->first_index);
    wire_put_u64(out + 64, head->sequence);
    memcpy(out + 72, head->previous_hash, FRAME_HASH_BYTES);
    wire_put_u64(out + 104, head->previous_number);
    wire_put_u64(out + 112, head->previous_end);
    wire_put_u64(out + 120, (uint64_t)head->created_us);
    wire_put_u32(out + SEGMENT_CRC_AT, crc32c(0, out, SEGMENT_CRC_AT));
}

bool segment_head_parse(const uint8_t in[SEGMENT_HEAD_BYTES], struct segment_head *ret_head)
{
    if (memcmp(in, segment_magic, sizeof segment_magic) != 0 || wire_u32(in + 8) != 1 ||
        wire_u32(in + 12) != SEGMENT_HEAD_BYTES ||
        wire_u32(in + SEGMENT_CRC_AT) != crc32c(0, in, SEGMENT_CRC_AT))
        return false;
    ret_head->number = wire_u64(in + 16);
    ret_head->bytes = wire_u64(in + 24);
    ret_head->salt = wire_u64(in + 32);
    memcpy(ret_head->log_id, in + 40, sizeof ret_head->log_id);
    ret_head->first_index = wire_u64(in + 56);
    ret_head->sequence = wire_u64(in + 64);
    memcpy(ret_head->previous_hash, in + 72, FRAME_HASH_BYTES);
    ret_head->previous_number = wire_u64(in + 104);
    ret_head->previous_end = wire_u64(in + 112);
    ret_head->created_us = (int64_t)wire_u64(in + 120);
    return true;
}

/* The part of the header that the hash covers. */
static void write_hashed(const struct frame_head *head, uint8_t out[FRAME_HASHED_BYTES])
{
    memcpy(out, frame_magic, sizeof frame_magic);
    wire_put_u16(out + 4, 1);
    wire_put_u16(out + 6, (uint16_t)head->kind);
    wire_put_u64(out + 8, head->sequence);
    wire_put_u64(out + 16, head->salt);
    wire_put_u64(out + 24, head->first_index);
    wire_put_u64(out + 32, (uint64_t)head->committed_us);
    wire_put_u32(out + 40, head->count);
    wire_put_u32(out + 44, head->payload_bytes);
    memcpy(out + 48, head->previous_hash, FRAME_HASH_BYTES);
}

void frame_head_hash(struct frame_head *head, struct str *pieces, size_t count)
{
    uint8_t hashed[FRAME_HASHED_BYTES];
    write_hashed(head, hashed);
    pieces[0] = str_of((const char *)hashed, sizeof hashed);
    crypto_sha256v(pieces, count, head->hash);
    pieces[0] = STR_NONE;
}

void frame_head_write(const struct frame_head *head, uint8_t out[FRAME_HEAD_BYTES])
{
    memset(out, 0, FRAME_HEAD_BYTES);
    write_hashed(head, out);
    memcpy(out + 80, head->hash, FRAME_HASH_BYTES);
    wire_put_u32(out + 112, head->payload_crc);
    wire_put_u32(out + FRAME_CRC_AT, crc32c(0, out, FRAME_CRC_AT));
}

bool frame_head_parse(const uint8_t in[FRAME_HEAD_BYTES], struct frame_head *ret_head)
{
    if (memcmp(in, frame_magic, sizeof frame_magic) != 0 || wire_u16(in + 4) != 1 ||
        wire_u32(in + FRAME_CRC_AT) != crc32c(0, in, FRAME_CRC_AT))
        return false;
    unsigned kind = wire_u16(in + 6);
    if (kind != FRAME_RECORDS && kind != FRAME_INTENTS)
        return false;
    ret_head->kind = (enum frame_kind)kind;
    ret_head->sequence = wire_u64(in + 8);
    ret_head->salt = wire_u64(in + 16);
    ret_head->first_index = wire_u64(in + 24);
    ret_head->committed_us = (int64_t)wire_u64(in + 32);
    ret_head->count = wire_u32(in + 40);
    ret_head->payload_bytes = wire_u32(in + 44);
    memcpy(ret_head->previous_hash, in + 48, FRAME_HASH_BYTES);
    memcpy(ret_head->hash, in + 80, FRAME_HASH_BYTES);
    ret_head->payload_crc = wire_u32(in + 112);
    return true;
}

/* Does the payload fit the header, whatever batch it is? */
static bool is_whole(struct str bytes, const struct frame_head *head)
{
    struct str payload = str_from(bytes, FRAME_HEAD_BYTES);
    if (head->payload_bytes % 8 != 0 || payload.len < head->payload_bytes)
        return false;
    return crc32c(0, payload.ptr, head->payload_bytes) == head->payload_crc;
}

enum frame_check frame_check(struct str bytes, uint64_t sequence, uint64_t salt,
                             const uint8_t previous_hash[FRAME_HASH_BYTES],
                             struct frame_head *ret_head)
{
    struct frame_head head;
    if (bytes.len < FRAME_HEAD_BYTES || !frame_head_parse((const uint8_t *)bytes.ptr, &head))
        return FRAME_NONE;
    if (head.salt != salt || head.sequence != sequence ||
        memcmp(head.previous_hash, previous_hash, FRAME_HASH_BYTES) != 0)
        return FRAME_NONE;
    if (!is_whole(bytes, &head))
        return FRAME_TORN;
    *ret_head = head;
    return FRAME_GOOD;
}

bool frame_is_stray(struct str bytes, uint64_t salt)
{
    struct frame_head head;
    if (bytes.len < FRAME_HEAD_BYTES || memcmp(bytes.ptr, frame_magic, sizeof frame_magic) != 0)
        return false;
    return frame_head_parse((const uint8_t *)bytes.ptr, &head) && head.salt == salt &&
           is_whole(bytes, &head);
}
