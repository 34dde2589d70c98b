/*
 * leaf.h - one entry as bytes: sealing it on the writing side, opening it on the reading side
 * (docs/audit-format.md, "Record" and "Leaf"). Private to the room.
 *
 * A record is a small head, the leaf (all that the log proves), and two ciphertexts that the leaf
 * holds digests of. The worker fixes the first LEAF_AAD_BYTES of the leaf, the additional data of
 * both ciphertexts; index, commit time and the intent's index are the writer's.
 *
 * Threads: pure functions.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/entry.h"
#include "base/crypto.h"
#include "base/str.h"
#include "keys/data_keys.h"

enum {
    LEAF_VERSION = 1,
    LEAF_SUITE = 1, /* AES-256-GCM, HKDF-Expand with SHA-256 */

    RECORD_BYTES_AT = 0,      /* u32: the whole record, a multiple of 8 */
    RECORD_LEAF_AT = 4,       /* u32: length of the leaf */
    RECORD_IDENTITY_AT = 8,   /* u32: length of the identity ciphertext */
    RECORD_ARGUMENTS_AT = 12, /* u32: length of the argument ciphertext */
    RECORD_HASH_AT = 16,      /* 32 bytes: leaf hash */
    RECORD_HEAD_BYTES = 48,

    LEAF_VERSION_AT = 0, /* u16 */
    LEAF_SUITE_AT = 2,   /* u8 */
    LEAF_KIND_AT = 3,    /* u8 */
    LEAF_ATTEMPT_AT = 4, /* u32 */
    LEAF_LOG_AT = 8,     /* 16 bytes */
    LEAF_CALL_AT = 24,   /* 16 bytes */
    LEAF_RECORD_AT = 40, /* 16 random bytes */
    LEAF_TIME_AT = 56,   /* i64, microseconds */
    LEAF_MONO_AT = 64,   /* u64, microseconds */
    LEAF_KEY_AT = 72,    /* u64, 0: nothing is encrypted */
    LEAF_COMMIT_AT = 80, /* 32 bytes: key commitment */
    LEAF_AAD_BYTES = 112,
    LEAF_BYTES_AT = 112,     /* u32: length of the leaf */
    LEAF_HEAD_AT = 116,      /* u16: length of this header */
    LEAF_FLAGS_AT = 118,     /* u16: 0 */
    LEAF_INDEX_AT = 120,     /* u64 */
    LEAF_COMMITTED_AT = 128, /* i64, microseconds */
    LEAF_INTENT_AT = 136,    /* u64: index of the intent, LEAF_NO_INTENT */
    LEAF_IDENTITY_AT = 144,  /* 32 bytes: SHA-256 of the identity ciphertext */
    LEAF_ARGUMENTS_AT = 176, /* 32 bytes: SHA-256 of the argument ciphertext */
    LEAF_REQUEST_AT = 208,   /* 16 bytes: keyed digest of method, upstream name, arguments */
    LEAF_SIZES_AT = 224,     /* u32, u32: lengths of the ciphertexts */
    LEAF_WHO_AT = 232,       /* u64: identity mark, 0: none */
    LEAF_HEAD_BYTES = 240,
};

#define LEAF_NO_INTENT    UINT64_MAX
#define LEAF_ID_BYTES     16
#define LEAF_KEY_BYTES    32
#define LEAF_DIGEST_BYTES CRYPTO_TAG_BYTES

/* What the receipt of an intent needs later. */
struct leaf_keys {
    uint8_t record[LEAF_KEY_BYTES]; /* of the blocks and the request digest */
    uint8_t result[LEAF_KEY_BYTES]; /* of the digest of the result */
};

/* ---- writing ---- */

/* Lengths of an entry's parts, measured once. */
struct leaf_plan {
    size_t leaf;
    size_t private_fields; /* plain */
    size_t arguments;      /* plain bytes kept */
    size_t identity_sealed;
    size_t arguments_sealed;
    size_t record;
    bool is_encrypted;
};

/* arguments_max: longer arguments are kept as prefix, length and digest. */
void leaf_measure(const struct audit_entry *entry, size_t arguments_max, struct leaf_plan *plan);
/* Writes the record of plan->record bytes. scratch takes plan->private_fields bytes and is left
 * wiped. ret_keys: of an intent; else untouched. key may be NULL only when nothing is encrypted. */
void leaf_seal(const struct audit_entry *entry, const struct leaf_plan *plan,
               const uint8_t log_id[LEAF_ID_BYTES], const struct data_key *key, uint8_t *scratch,
               uint8_t *record, struct leaf_keys *ret_keys);
/* Sets what the writer fixes, and the leaf hash in the head of the record. */
void leaf_commit(uint8_t *record, uint64_t index, int64_t committed_us, uint64_t intent);

/* The keyed digest that a receipt rests on. */
void leaf_request_digest(const uint8_t record_key[LEAF_KEY_BYTES], struct str method,
                         struct str upstream_name, struct str arguments,
                         uint8_t ret_digest[LEAF_DIGEST_BYTES]);
/* Tool, or object when the entry has no tool. */
struct str leaf_upstream_name(const struct audit_entry *entry);

/* RFC 9162 §2.1.1: SHA-256(0x00 ‖ leaf). */
void leaf_hash(struct str leaf, uint8_t ret_hash[32]);

/* ---- reading ---- */

/* A record taken apart; views into it. */
struct leaf_view {
    struct str leaf;
    struct str clear; /* list of fields */
    struct str identity;
    struct str arguments;
    const uint8_t *hash; /* as it stands in the record */
    enum audit_kind kind;
    uint32_t attempt;
    struct uuid call_id;
    int64_t time_us;
    int64_t committed_us;
    uint64_t mono_us;
    uint64_t index;
    uint64_t intent;
    uint64_t key_id;
    uint64_t who; /* two entries under one data key with the same mark are of the same identity */
};

/* False: these bytes are no record. */
bool leaf_parse(struct str record, struct leaf_view *ret_view) MUST_CHECK;
/* Do leaf hash and the digests of both ciphertexts fit? */
bool leaf_verify(const struct leaf_view *view);
/* out takes view->identity.len bytes. False: not sealed under this key, or the key is not the one
 * that the leaf commits to. */
bool leaf_open_identity(const struct leaf_view *view, const struct data_key *key, uint8_t *out,
                        struct str *ret_list) MUST_CHECK;
bool leaf_open_arguments(const struct leaf_view *view, const struct data_key *key, uint8_t *out,
                         struct str *ret_arguments) MUST_CHECK;
/* leaf_open_identity() without the commitment, which costs as much as all the rest: for the
 * indexer, which opens every call and shows nobody what it read. */
bool leaf_peek_identity(const struct leaf_view *view, const struct data_key *key, uint8_t *out,
                        struct str *ret_list) MUST_CHECK;
