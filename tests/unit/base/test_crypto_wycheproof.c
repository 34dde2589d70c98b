/*
 * test_crypto_wycheproof.c - the primitives against Project Wycheproof's vectors
 * (SHARED_DATA/wycheproof): those of our key, nonce and tag sizes.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/crypto.h"
#include "base/file.h"
#include "base/json.h"

enum { ARENA_BYTES = 64 << 20, MAX_VECTOR_BYTES = 4096 };

static const char GCM[] = "aes_gcm_test.json";
static const char HKDF[] = "hkdf_sha256_test.json";

/* Hexadecimal text as bytes of its own length. */
static struct str bytes_of(struct arena *arena, struct str hex)
{
    uint8_t *bytes = arena_alloc(arena, hex.len / 2 + 1);

    assert_non_null(bytes);
    assert_true(hex_decode(hex, bytes, hex.len / 2));
    return str_of((const char *)bytes, hex.len / 2);
}

static struct str text_at(const struct json_doc *doc, json_pos object, const char *name,
                          struct arena *arena)
{
    struct str text = STR_NONE;

    assert_true(json_str(doc, json_get(doc, object, str_c(name)), arena, &text));
    return text;
}

static int64_t number_at(const struct json_doc *doc, json_pos object, const char *name)
{
    int64_t value = 0;

    assert_true(json_i64(doc, json_get(doc, object, str_c(name)), &value));
    return value;
}

typedef void vector_fn(const struct json_doc *doc, json_pos group, json_pos test,
                       struct arena *arena, size_t *done);

static void path_of(char *path, size_t size, const char *name)
{
    const char *shared = getenv("SHARED_DATA");

    (void)snprintf(path, size, "%s/wycheproof/%s", shared == NULL ? "/none" : shared, name);
}

/* Calls fn for every test of the file; returns how many of them fn did. */
static size_t each_vector(const char *name, vector_fn *fn)
{
    static const struct json_limits limits = {
        .max_bytes = 4 << 20, .max_depth = 64, .max_values = 1 << 20, .max_members = 4096};
    CLEANUP(arena_freep) struct arena *arena = arena_new(ARENA_BYTES);
    char path[4096];
    struct json_doc doc;
    struct str text;
    struct err err;
    size_t done = 0;

    path_of(path, sizeof path, name);
    assert_ok(file_read(arena, path, limits.max_bytes, &text, &err), err);
    assert_ok(json_parse(text, &limits, arena, &doc, &err), err);
    json_pos groups = json_get(&doc, 0, STR("testGroups"));
    for (json_pos g = json_first(&doc, groups); g != JSON_NONE; g = json_next(&doc, groups, g)) {
        json_pos tests = json_get(&doc, g, STR("tests"));

        for (json_pos t = json_first(&doc, tests); t != JSON_NONE; t = json_next(&doc, tests, t))
            fn(&doc, g, t, arena, &done);
    }
    return done;
}

static void one_gcm(const struct json_doc *doc, json_pos group, json_pos test, struct arena *arena,
                    size_t *done)
{
    static uint8_t out[MAX_VECTOR_BYTES];
    static char sealed[MAX_VECTOR_BYTES];

    if (number_at(doc, group, "keySize") != 256 || number_at(doc, group, "ivSize") != 96 ||
        number_at(doc, group, "tagSize") != 128)
        return;
    struct str key = bytes_of(arena, text_at(doc, test, "key", arena));
    struct str nonce = bytes_of(arena, text_at(doc, test, "iv", arena));
    struct str aad = bytes_of(arena, text_at(doc, test, "aad", arena));
    struct str plain = bytes_of(arena, text_at(doc, test, "msg", arena));
    struct str cipher = bytes_of(arena, text_at(doc, test, "ct", arena));
    struct str tag = bytes_of(arena, text_at(doc, test, "tag", arena));
    bool is_valid = json_str_is(doc, json_get(doc, test, STR("result")), STR("valid"));
    size_t len = cipher.len + tag.len;

    assert_true(len <= sizeof sealed);
    memcpy(sealed, cipher.ptr, cipher.len);
    memcpy(sealed + cipher.len, tag.ptr, tag.len);
    assert_int_equal(crypto_open((const uint8_t *)key.ptr, (const uint8_t *)nonce.ptr, aad,
                                 str_of(sealed, len), out),
                     is_valid);
    if (is_valid) {
        assert_memory_equal(out, plain.ptr, plain.len);
        crypto_seal((const uint8_t *)key.ptr, (const uint8_t *)nonce.ptr, aad, plain, out);
        assert_memory_equal(out, sealed, len);
    }
    ++*done;
}

static void wycheproof_aes_256_gcm(void **state)
{
    (void)state;
    assert_in_range(each_vector(GCM, one_gcm), 60, 1000);
}

/* Extract (RFC 5869 §2.2) is an HMAC under the salt, which fits where it has up to 32 bytes. */
static void one_hkdf(const struct json_doc *doc, json_pos group, json_pos test, struct arena *arena,
                     size_t *done)
{
    static uint8_t out[255 * CRYPTO_SHA256_BYTES];
    uint8_t salt_key[CRYPTO_KEY_BYTES] = {0};
    uint8_t key[CRYPTO_KEY_BYTES];
    struct str secret = bytes_of(arena, text_at(doc, test, "ikm", arena));
    struct str salt = bytes_of(arena, text_at(doc, test, "salt", arena));
    struct str okm = bytes_of(arena, text_at(doc, test, "okm", arena));

    (void)group;
    if (salt.len > sizeof salt_key ||
        !json_str_is(doc, json_get(doc, test, STR("result")), STR("valid")))
        return;
    if (salt.len > 0)
        memcpy(salt_key, salt.ptr, salt.len);
    crypto_hmacv(salt_key, &secret, 1, key);
    crypto_hkdf_expand(key, bytes_of(arena, text_at(doc, test, "info", arena)), out, okm.len);
    assert_memory_equal(out, okm.ptr, okm.len);
    ++*done;
}

static void wycheproof_hkdf_sha256(void **state)
{
    (void)state;
    assert_in_range(each_vector(HKDF, one_hkdf), 40, 1000);
}

int main(void)
{
    char path[4096];

    path_of(path, sizeof path, GCM);
    if (access(path, R_OK) != 0) {
        /* cmocka 1.1.5 words a skip in TAP as a failure, so it is said here. */
        printf("1..1\nok 1 - crypto_wycheproof # SKIP there is no %s\n", path);
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wycheproof_aes_256_gcm),
        cmocka_unit_test(wycheproof_hkdf_sha256),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
