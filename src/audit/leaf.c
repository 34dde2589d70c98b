#include "audit/leaf.h"

#include <stddef.h>
#include <string.h>

#include "audit/field.h"
#include "audit/wire.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/rand.h"
#include "base/table.h"

/* What HKDF-Expand yields, in this order. */
struct record_keys {
    uint8_t record[LEAF_KEY_BYTES];
    uint8_t commitment[32];
    uint8_t result[LEAF_KEY_BYTES]; /* of an intent */
};

enum { COMMITTED_BYTES = offsetof(struct record_keys, result) };

/* Every record has a key of its own, and seals three messages with it: these are their nonces. */
enum { IDENTITY_NUMBER = 0, ARGUMENTS_NUMBER = 1, REQUEST_NUMBER = 2 };

struct str leaf_upstream_name(const struct audit_entry *entry)
{
    return entry->tool.len > 0 ? entry->tool : entry->object;
}

void leaf_hash(struct str leaf, uint8_t ret_hash[32])
{
    const struct str pieces[] = {str_of("\0", 1), leaf};
    crypto_sha256v(pieces, ARRAY_LEN(pieces), ret_hash);
}

enum { REQUEST_PIECES = 5 };

/* Lengths come before what they measure, so that no two requests yield the same bytes. */
static void request_pieces(struct str method, struct str upstream_name, struct str arguments,
                           uint8_t lengths[2][8], struct str pieces[REQUEST_PIECES])
{
    wire_put_u64(lengths[0], method.len);
    wire_put_u64(lengths[1], upstream_name.len);
    pieces[0] = str_of((const char *)lengths[0], 8);
    pieces[1] = method;
    pieces[2] = str_of((const char *)lengths[1], 8);
    pieces[3] = upstream_name;
    pieces[4] = arguments;
}

void leaf_request_digest(const uint8_t record_key[LEAF_KEY_BYTES], struct str method,
                         struct str upstream_name, struct str arguments,
                         uint8_t ret_digest[LEAF_DIGEST_BYTES])
{
    uint8_t lengths[2][8];
    struct str pieces[REQUEST_PIECES];
    request_pieces(method, upstream_name, arguments, lengths, pieces);
    const struct crypto_part part = {
        .aad = pieces, .aad_count = REQUEST_PIECES, .out = ret_digest, .number = REQUEST_NUMBER};
    crypto_seal_parts(record_key, &part, 1);
}

/* len: how many bytes of struct record_keys are wanted, from the front. */
static void derive(const struct data_key *key, const uint8_t *leaf, struct record_keys *keys,
                   size_t len)
{
    static const char title[] = "portreeve entry v1";
    enum { TITLE = sizeof title - 1 };
    char info[TITLE + 16 + 16 + 1 + 4];
    memcpy(info, title, TITLE);
    memcpy(info + TITLE, leaf + LEAF_RECORD_AT, 16);
    memcpy(info + TITLE + 16, leaf + LEAF_CALL_AT, 16);
    info[TITLE + 32] = (char)leaf[LEAF_KIND_AT];
    memcpy(info + TITLE + 33, leaf + LEAF_ATTEMPT_AT, 4);
    crypto_hkdf_expand(key->bytes, str_of(info, sizeof info), (uint8_t *)keys, len);
}

/* A hash under a key of the process, which nobody keeps: it tells equal from different, and only
 * beside others of the same run. */
static uint64_t identity_mark(const struct audit_entry *entry)
{
    const struct str pieces[] = {entry->principal_id, entry->principal_name, entry->email};
    enum { IDENTITY_MAX = 150 };
    char text[ARRAY_LEN(pieces) * (1 + IDENTITY_MAX)];
    size_t len = 0;
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        if (pieces[i].len > IDENTITY_MAX)
            return 0;
        text[len++] = (char)pieces[i].len;
        if (pieces[i].len > 0)
            memcpy(text + len, pieces[i].ptr, pieces[i].len);
        len += pieces[i].len;
    }
    return table_hash(str_of(text, len)) | 1;
}

static size_t padded(size_t bytes)
{
    return (bytes + 7) & ~(size_t)7;
}

/* ---- writing ---- */

void leaf_measure(const struct audit_entry *entry, size_t arguments_max, struct leaf_plan *plan)
{
    *plan = (struct leaf_plan){0};
    plan->leaf = LEAF_HEAD_BYTES + field_measure(entry, FIELD_CLEAR);
    plan->private_fields = field_measure(entry, FIELD_PRIVATE);
    plan->arguments = entry->arguments.len;
    if (plan->arguments > arguments_max) {
        plan->arguments = arguments_max;
        plan->private_fields += FIELD_HEAD_BYTES + FIELD_CUT_BYTES;
    }
    plan->identity_sealed = plan->private_fields == 0 ? 0 : plan->private_fields + CRYPTO_TAG_BYTES;
    plan->arguments_sealed = plan->arguments == 0 ? 0 : plan->arguments + CRYPTO_TAG_BYTES;
    plan->is_encrypted = entry->kind == AUDIT_INTENT || plan->private_fields + plan->arguments > 0;
    plan->record =
        padded(RECORD_HEAD_BYTES + plan->leaf + plan->identity_sealed + plan->arguments_sealed);
}

static void write_heads(const struct audit_entry *entry, const struct leaf_plan *plan,
                        const uint8_t log_id[LEAF_ID_BYTES], uint8_t *record)
{
    uint8_t *leaf = record + RECORD_HEAD_BYTES;
    memset(record, 0, RECORD_HEAD_BYTES + LEAF_HEAD_BYTES);
    wire_put_u32(record + RECORD_BYTES_AT, (uint32_t)plan->record);
    wire_put_u32(record + RECORD_LEAF_AT, (uint32_t)plan->leaf);
    wire_put_u32(record + RECORD_IDENTITY_AT, (uint32_t)plan->identity_sealed);
    wire_put_u32(record + RECORD_ARGUMENTS_AT, (uint32_t)plan->arguments_sealed);
    wire_put_u16(leaf + LEAF_VERSION_AT, LEAF_VERSION);
    leaf[LEAF_SUITE_AT] = LEAF_SUITE;
    leaf[LEAF_KIND_AT] = (uint8_t)entry->kind;
    wire_put_u32(leaf + LEAF_ATTEMPT_AT, entry->attempt);
    memcpy(leaf + LEAF_LOG_AT, log_id, LEAF_ID_BYTES);
    memcpy(leaf + LEAF_CALL_AT, entry->call_id.bytes, UUID_BYTES);
    rand_bytes(leaf + LEAF_RECORD_AT, LEAF_ID_BYTES);
    int64_t wall = entry->time_us == 0 ? clock_wall_us() : entry->time_us;
    wire_put_u64(leaf + LEAF_TIME_AT, (uint64_t)wall);
    wire_put_u64(leaf + LEAF_MONO_AT, entry->mono_us == 0 ? clock_mono_us() : entry->mono_us);
    wire_put_u32(leaf + LEAF_BYTES_AT, (uint32_t)plan->leaf);
    wire_put_u16(leaf + LEAF_HEAD_AT, LEAF_HEAD_BYTES);
    wire_put_u32(leaf + LEAF_SIZES_AT, (uint32_t)plan->identity_sealed);
    wire_put_u32(leaf + LEAF_SIZES_AT + 4, (uint32_t)plan->arguments_sealed);
    wire_put_u64(leaf + LEAF_WHO_AT, plan->identity_sealed == 0 ? 0 : identity_mark(entry));
}

/* The private fields, in plain, and how long the arguments were if they had to be cut. */
static void write_private(const struct audit_entry *entry, const struct leaf_plan *plan,
                          uint8_t *out)
{
    if (plan->arguments < entry->arguments.len) {
        wire_put_u16(out, FIELD_ARGUMENTS | FIELD_CUT);
        wire_put_u16(out + 2, FIELD_CUT_BYTES);
        wire_put_u64(out + 4, entry->arguments.len);
        crypto_sha256(entry->arguments, out + 12);
        out += FIELD_HEAD_BYTES + FIELD_CUT_BYTES;
    }
    field_write(entry, FIELD_PRIVATE, out);
}

/* Puts the digest of a ciphertext into the leaf. */
static void digest_block(const uint8_t *sealed, size_t bytes, uint8_t *digest)
{
    if (bytes > 0)
        crypto_sha256(str_of((const char *)sealed, bytes), digest);
}

/* Both blocks, where there is something to hide, and the request digest of an intent. */
static void seal_blocks(const struct audit_entry *entry, const struct leaf_plan *plan,
                        const uint8_t *scratch, uint8_t *leaf, const uint8_t key[LEAF_KEY_BYTES])
{
    const struct str aad = str_of((const char *)leaf, LEAF_AAD_BYTES);
    uint8_t lengths[2][8];
    struct str pieces[REQUEST_PIECES];
    struct crypto_part parts[3];
    size_t count = 0;
    if (plan->private_fields > 0)
        parts[count++] =
            (struct crypto_part){&aad, 1, str_of((const char *)scratch, plan->private_fields),
                                 leaf + plan->leaf, IDENTITY_NUMBER};
    if (plan->arguments > 0)
        parts[count++] =
            (struct crypto_part){&aad, 1, str_first(entry->arguments, plan->arguments),
                                 leaf + plan->leaf + plan->identity_sealed, ARGUMENTS_NUMBER};
    request_pieces(entry->method, leaf_upstream_name(entry), entry->arguments, lengths, pieces);
    if (entry->kind == AUDIT_INTENT)
        parts[count++] = (struct crypto_part){.aad = pieces,
                                              .aad_count = REQUEST_PIECES,
                                              .out = leaf + LEAF_REQUEST_AT,
                                              .number = REQUEST_NUMBER};
    crypto_seal_parts(key, parts, count);
}

static void encrypt(const struct audit_entry *entry, const struct leaf_plan *plan,
                    const struct data_key *key, uint8_t *scratch, uint8_t *leaf,
                    struct leaf_keys *ret_keys)
{
    struct record_keys keys;
    uint8_t *identity = leaf + plan->leaf;
    bool is_intent = entry->kind == AUDIT_INTENT;

    wire_put_u64(leaf + LEAF_KEY_AT, key->id);
    derive(key, leaf, &keys, is_intent ? sizeof keys : COMMITTED_BYTES);
    memcpy(leaf + LEAF_COMMIT_AT, keys.commitment, sizeof keys.commitment);
    write_private(entry, plan, scratch);
    seal_blocks(entry, plan, scratch, leaf, keys.record);
    digest_block(identity, plan->identity_sealed, leaf + LEAF_IDENTITY_AT);
    digest_block(identity + plan->identity_sealed, plan->arguments_sealed,
                 leaf + LEAF_ARGUMENTS_AT);
    if (is_intent) {
        memcpy(ret_keys->record, keys.record, sizeof keys.record);
        memcpy(ret_keys->result, keys.result, sizeof keys.result);
    }
    crypto_wipe(&keys, sizeof keys);
    crypto_wipe(scratch, plan->private_fields);
}

void leaf_seal(const struct audit_entry *entry, const struct leaf_plan *plan,
               const uint8_t log_id[LEAF_ID_BYTES], const struct data_key *key, uint8_t *scratch,
               uint8_t *record, struct leaf_keys *ret_keys)
{
    size_t used = RECORD_HEAD_BYTES + plan->leaf + plan->identity_sealed + plan->arguments_sealed;
    write_heads(entry, plan, log_id, record);
    field_write(entry, FIELD_CLEAR, record + RECORD_HEAD_BYTES + LEAF_HEAD_BYTES);
    if (plan->is_encrypted)
        encrypt(entry, plan, key, scratch, record + RECORD_HEAD_BYTES, ret_keys);
    memset(record + used, 0, plan->record - used);
}

void leaf_commit(uint8_t *record, uint64_t index, int64_t committed_us, uint64_t intent)
{
    uint8_t *leaf = record + RECORD_HEAD_BYTES;
    wire_put_u64(leaf + LEAF_INDEX_AT, index);
    wire_put_u64(leaf + LEAF_COMMITTED_AT, (uint64_t)committed_us);
    wire_put_u64(leaf + LEAF_INTENT_AT, intent);
    leaf_hash(str_of((const char *)leaf, wire_u32(record + RECORD_LEAF_AT)),
              record + RECORD_HASH_AT);
}

/* ---- reading ---- */

static bool split(struct str record, struct leaf_view *view)
{
    const uint8_t *head = (const uint8_t *)record.ptr;
    if (record.len < RECORD_HEAD_BYTES + LEAF_HEAD_BYTES ||
        wire_u32(head + RECORD_BYTES_AT) != record.len)
        return false;
    uint64_t leaf = wire_u32(head + RECORD_LEAF_AT);
    uint64_t identity = wire_u32(head + RECORD_IDENTITY_AT);
    uint64_t arguments = wire_u32(head + RECORD_ARGUMENTS_AT);
    if (leaf < LEAF_HEAD_BYTES ||
        padded(RECORD_HEAD_BYTES + leaf + identity + arguments) != record.len)
        return false;
    view->leaf = str_of(record.ptr + RECORD_HEAD_BYTES, leaf);
    view->identity = str_of(view->leaf.ptr + leaf, identity);
    view->arguments = str_of(view->identity.ptr + identity, arguments);
    view->hash = head + RECORD_HASH_AT;
    return true;
}

bool leaf_parse(struct str record, struct leaf_view *ret_view)
{
    struct leaf_view view = {0};
    if (!split(record, &view))
        return false;
    const uint8_t *leaf = (const uint8_t *)view.leaf.ptr;
    size_t head = wire_u16(leaf + LEAF_HEAD_AT);
    if (wire_u16(leaf + LEAF_VERSION_AT) != LEAF_VERSION || head < LEAF_HEAD_BYTES ||
        head > view.leaf.len || wire_u32(leaf + LEAF_BYTES_AT) != view.leaf.len ||
        wire_u32(leaf + LEAF_SIZES_AT) != view.identity.len ||
        wire_u32(leaf + LEAF_SIZES_AT + 4) != view.arguments.len)
        return false;
    view.clear = str_from(view.leaf, head);
    view.kind = (enum audit_kind)leaf[LEAF_KIND_AT];
    view.attempt = wire_u32(leaf + LEAF_ATTEMPT_AT);
    memcpy(view.call_id.bytes, leaf + LEAF_CALL_AT, UUID_BYTES);
    view.time_us = (int64_t)wire_u64(leaf + LEAF_TIME_AT);
    view.mono_us = wire_u64(leaf + LEAF_MONO_AT);
    view.key_id = wire_u64(leaf + LEAF_KEY_AT);
    view.who = wire_u64(leaf + LEAF_WHO_AT);
    view.index = wire_u64(leaf + LEAF_INDEX_AT);
    view.committed_us = (int64_t)wire_u64(leaf + LEAF_COMMITTED_AT);
    view.intent = wire_u64(leaf + LEAF_INTENT_AT);
    *ret_view = view;
    return true;
}

static bool digest_fits(struct str sealed, const uint8_t *digest)
{
    uint8_t computed[32] = {0};
    if (sealed.len > 0)
        crypto_sha256(sealed, computed);
    return memcmp(computed, digest, sizeof computed) == 0;
}

bool leaf_verify(const struct leaf_view *view)
{
    uint8_t computed[32];
    const uint8_t *leaf = (const uint8_t *)view->leaf.ptr;
    leaf_hash(view->leaf, computed);
    return memcmp(computed, view->hash, sizeof computed) == 0 &&
           digest_fits(view->identity, leaf + LEAF_IDENTITY_AT) &&
           digest_fits(view->arguments, leaf + LEAF_ARGUMENTS_AT);
}

static bool open_block(const struct leaf_view *view, const uint8_t key[LEAF_KEY_BYTES],
                       uint8_t number, struct str sealed, uint8_t *out, struct str *ret_plain)
{
    const uint8_t nonce[CRYPTO_NONCE_BYTES] = {[CRYPTO_NONCE_BYTES - 1] = number};
    if (sealed.len < CRYPTO_TAG_BYTES)
        return false;
    if (!crypto_open(key, nonce, str_first(view->leaf, LEAF_AAD_BYTES), sealed, out))
        return false;
    *ret_plain = str_of((const char *)out, sealed.len - CRYPTO_TAG_BYTES);
    return true;
}

static bool fits_commitment(const struct leaf_view *view, const struct record_keys *keys)
{
    const uint8_t *leaf = (const uint8_t *)view->leaf.ptr;
    return memcmp(keys->commitment, leaf + LEAF_COMMIT_AT, sizeof keys->commitment) == 0;
}

bool leaf_peek_identity(const struct leaf_view *view, const struct data_key *key, uint8_t *out,
                        struct str *ret_list)
{
    struct record_keys keys;
    derive(key, (const uint8_t *)view->leaf.ptr, &keys, sizeof keys.record);
    bool is_open = open_block(view, keys.record, IDENTITY_NUMBER, view->identity, out, ret_list);
    crypto_wipe(keys.record, sizeof keys.record);
    return is_open;
}

static bool open_committed(const struct leaf_view *view, const struct data_key *key, uint8_t number,
                           struct str sealed, uint8_t *out, struct str *ret_plain)
{
    struct record_keys keys;
    derive(key, (const uint8_t *)view->leaf.ptr, &keys, COMMITTED_BYTES);
    bool is_open = fits_commitment(view, &keys) &&
                   open_block(view, keys.record, number, sealed, out, ret_plain);
    crypto_wipe(&keys, sizeof keys);
    return is_open;
}

bool leaf_open_identity(const struct leaf_view *view, const struct data_key *key, uint8_t *out,
                        struct str *ret_list)
{
    return open_committed(view, key, IDENTITY_NUMBER, view->identity, out, ret_list);
}

bool leaf_open_arguments(const struct leaf_view *view, const struct data_key *key, uint8_t *out,
                         struct str *ret_arguments)
{
    return open_committed(view, key, ARGUMENTS_NUMBER, view->arguments, out, ret_arguments);
}
