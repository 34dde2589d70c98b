#include "keys/seal.h"

#include <string.h>

#include "base/base64.h"
#include "base/crypto.h"
#include "base/rand.h"

#define SEAL_VERSION 1
#define SALT_BYTES   16
#define HEAD_BYTES   (1 + KEYRING_ID_BYTES + SALT_BYTES)
#define PURPOSE_MAX  64

/* Each key seals once, so the nonce may stay the same. */
static const uint8_t zero_nonce[CRYPTO_NONCE_BYTES];

static void derive(const struct keyring *keyring, const char *purpose, const uint8_t *salt,
                   uint8_t key[CRYPTO_KEY_BYTES])
{
    char info[32 + PURPOSE_MAX + SALT_BYTES];
    static const char title[] = "portreeve seal v1";
    size_t purpose_len = strnlen(purpose, PURPOSE_MAX - 1);
    size_t len = 0;

    memcpy(info, title, sizeof title - 1);
    len += sizeof title - 1;
    memcpy(info + len, purpose, purpose_len);
    len += purpose_len;
    info[len++] = '\0';
    memcpy(info + len, salt, SALT_BYTES);
    len += SALT_BYTES;
    crypto_hkdf_expand(keyring_get(keyring, KEY_SESSION), str_of(info, len), key, CRYPTO_KEY_BYTES);
}

static void add_text(struct str raw, bool has_failed, struct buf *out)
{
    if (has_failed)
        out->failed = true;
    else if (buf_reserve(out, BASE64URL_LEN(raw.len)))
        out->len += base64url_encode(raw.ptr, raw.len, out->ptr + out->len);
}

bool seal_looks_ours(const struct keyring *keyring, struct str text)
{
    enum { KNOWN_BYTES = 1 + KEYRING_ID_BYTES };
    _Static_assert(KNOWN_BYTES % 3 == 0, "whole groups of base64url");
    uint8_t head[KNOWN_BYTES] = {SEAL_VERSION};
    char start[BASE64URL_LEN(KNOWN_BYTES)];

    memcpy(head + 1, keyring_get_id(keyring, KEY_SESSION), KEYRING_ID_BYTES);
    base64url_encode(head, sizeof head, start);
    return str_starts(text, str_of(start, sizeof start));
}

void seal_add(const struct keyring *keyring, const char *purpose, struct str aad, struct str plain,
              struct buf *out)
{
    struct buf raw;
    uint8_t key[CRYPTO_KEY_BYTES];
    uint8_t head[HEAD_BYTES];
    size_t bytes = HEAD_BYTES + plain.len + CRYPTO_TAG_BYTES;

    head[0] = SEAL_VERSION;
    memcpy(head + 1, keyring_get_id(keyring, KEY_SESSION), KEYRING_ID_BYTES);
    rand_bytes(head + 1 + KEYRING_ID_BYTES, SALT_BYTES);
    buf_init(&raw, bytes);
    buf_add(&raw, str_of((const char *)head, sizeof head));
    if (buf_reserve(&raw, plain.len + CRYPTO_TAG_BYTES)) {
        derive(keyring, purpose, head + 1 + KEYRING_ID_BYTES, key);
        crypto_seal(key, zero_nonce, aad, plain, (uint8_t *)raw.ptr + raw.len);
        crypto_wipe(key, sizeof key);
        raw.len = bytes;
    }
    add_text(buf_str(&raw), raw.failed, out);
    buf_done(&raw);
}

bool seal_open(const struct keyring *keyring, const char *purpose, struct str aad, struct str text,
               struct arena *arena, struct str *ret_plain)
{
    uint8_t key[CRYPTO_KEY_BYTES];
    size_t len = 0;
    char *bytes = arena_alloc(arena, text.len);

    if (bytes == NULL || !base64url_decode(text, bytes, &len) ||
        len < HEAD_BYTES + CRYPTO_TAG_BYTES)
        return false;
    struct str raw = str_of(bytes, len);
    if (raw.ptr[0] != SEAL_VERSION ||
        memcmp(raw.ptr + 1, keyring_get_id(keyring, KEY_SESSION), KEYRING_ID_BYTES) != 0)
        return false;
    struct str sealed = str_from(raw, HEAD_BYTES);
    size_t plain_len = raw.len - HEAD_BYTES - CRYPTO_TAG_BYTES;
    uint8_t *plain = arena_alloc(arena, plain_len + 1);
    if (plain == NULL)
        return false;
    derive(keyring, purpose, (const uint8_t *)raw.ptr + 1 + KEYRING_ID_BYTES, key);
    bool is_ours = crypto_open(key, zero_nonce, aad, sealed, plain);
    crypto_wipe(key, sizeof key);
    if (is_ours)
        *ret_plain = str_of((const char *)plain, plain_len);
    return is_ours;
}
