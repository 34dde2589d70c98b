/* test_crypto.c - each primitive against the vectors of its own specification. */
#include "unit.h"

#include <pthread.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/crypto.h"

enum { ARENA_BYTES = 1 << 20 };

/* Hexadecimal text as bytes of its own length. */
static struct str bytes_of(struct arena *arena, struct str hex)
{
    uint8_t *bytes = arena_alloc(arena, hex.len / 2 + 1);

    assert_non_null(bytes);
    assert_true(hex_decode(hex, bytes, hex.len / 2));
    return str_of((const char *)bytes, hex.len / 2);
}

static void assert_hex(const uint8_t *bytes, size_t len, const char *expected)
{
    char text[512];

    assert_true(2 * len <= sizeof text);
    hex_encode(bytes, len, text);
    assert_str(str_of(text, 2 * len), expected);
}

/* FIPS 180-4 examples. */
static void sha256_of_known_texts(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        const char *digest;
    } cases[] = {
        {STR_INIT(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {STR_INIT("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {STR_INIT("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    uint8_t digest[CRYPTO_SHA256_BYTES];

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        crypto_sha256(cases[i].text, digest);
        assert_hex(digest, sizeof digest, cases[i].digest);
    }
    crypto_sha256(STR_NONE, digest);
    assert_hex(digest, sizeof digest, cases[0].digest);
}

static void pieces_hash_like_their_whole(void **state)
{
    (void)state;
    const struct str pieces[] = {STR("a"), STR_NONE, STR("b"), STR("c")};
    uint8_t whole[CRYPTO_SHA256_BYTES];
    uint8_t parts[CRYPTO_SHA256_BYTES];
    const uint8_t key[CRYPTO_KEY_BYTES] = {7};
    const struct str abc = STR("abc");

    crypto_sha256(abc, whole);
    crypto_sha256v(pieces, ARRAY_LEN(pieces), parts);
    assert_memory_equal(whole, parts, sizeof whole);
    crypto_hmacv(key, &abc, 1, whole);
    crypto_hmacv(key, pieces, ARRAY_LEN(pieces), parts);
    assert_memory_equal(whole, parts, sizeof whole);
}

/* RFC 4231, test cases 1 and 2; a shorter key is the same as one padded with zeros. */
static void hmac_of_rfc_4231(void **state)
{
    (void)state;
    uint8_t key[CRYPTO_KEY_BYTES] = {0};
    uint8_t mac[CRYPTO_SHA256_BYTES];
    const struct str hi = STR("Hi There");
    const struct str what[] = {STR("what do ya want "), STR("for nothing?")};

    memset(key, 0x0b, 20);
    crypto_hmacv(key, &hi, 1, mac);
    assert_hex(mac, sizeof mac, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    memset(key, 0, sizeof key);
    memcpy(key, "Jefe", 4);
    crypto_hmacv(key, what, 2, mac);
    assert_hex(mac, sizeof mac, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

/* RFC 5869 appendix A: test cases 1, 2 (three blocks) and 3 (no info). */
static void hkdf_expand_of_rfc_5869(void **state)
{
    (void)state;
    static const struct {
        const char *key, *info, *out;
    } cases[] = {
        {"077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5", "f0f1f2f3f4f5f6f7f8f9",
         "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"},
        {"06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
         "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecf"
         "d0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeef"
         "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
         "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
         "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
         "cc30c58179ec3e87c14c01d5c1f3434f1d87"},
        {"19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04", "",
         "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"},
    };
    CLEANUP(arena_freep) struct arena *arena = arena_new(ARENA_BYTES);
    uint8_t out[128];

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str key = bytes_of(arena, str_c(cases[i].key));
        size_t len = strlen(cases[i].out) / 2;

        crypto_hkdf_expand((const uint8_t *)key.ptr, bytes_of(arena, str_c(cases[i].info)), out,
                           len);
        assert_hex(out, len, cases[i].out);
    }
}

/* Test case 16 of the GCM specification (McGrew, Viega), and what a changed byte does. */
static void what_was_sealed_opens_only_unchanged(void **state)
{
    (void)state;
    CLEANUP(arena_freep) struct arena *arena = arena_new(ARENA_BYTES);
    struct str key =
        bytes_of(arena, STR("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"));
    struct str nonce = bytes_of(arena, STR("cafebabefacedbaddecaf888"));
    struct str aad = bytes_of(arena, STR("feedfacedeadbeeffeedfacedeadbeefabaddad2"));
    struct str plain =
        bytes_of(arena, STR("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
                            "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"));
    const uint8_t *key_bytes = (const uint8_t *)key.ptr;
    const uint8_t *nonce_bytes = (const uint8_t *)nonce.ptr;
    uint8_t sealed[60 + CRYPTO_TAG_BYTES];
    uint8_t opened[60];
    const struct str sealed_str = str_of((const char *)sealed, sizeof sealed);
    static const uint8_t zeros[60];

    crypto_seal(key_bytes, nonce_bytes, aad, plain, sealed);
    assert_hex(sealed, sizeof sealed,
               "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
               "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
               "76fc6ece0f4e1768cddf8853bb2d551b");
    assert_true(crypto_open(key_bytes, nonce_bytes, aad, sealed_str, opened));
    assert_memory_equal(opened, plain.ptr, plain.len);
    for (size_t bit = 0; bit < 8 * sizeof sealed; bit++) {
        sealed[bit / 8] = (uint8_t)(sealed[bit / 8] ^ 1u << bit % 8);
        memset(opened, 0xaa, sizeof opened);
        assert_false(crypto_open(key_bytes, nonce_bytes, aad, sealed_str, opened));
        assert_memory_equal(opened, zeros, sizeof opened);
        sealed[bit / 8] = (uint8_t)(sealed[bit / 8] ^ 1u << bit % 8);
    }
    assert_false(
        crypto_open(key_bytes, nonce_bytes, str_first(aad, aad.len - 1), sealed_str, opened));
    assert_false(crypto_open(zeros, nonce_bytes, aad, sealed_str, opened));
    assert_false(crypto_open(key_bytes, zeros, aad, sealed_str, opened));
    for (size_t len = 0; len < sizeof sealed; len++)
        assert_false(crypto_open(key_bytes, nonce_bytes, aad, str_first(sealed_str, len), opened));
}

/* Test case 13 of the GCM specification: nothing sealed is a tag alone. */
static void nothing_can_be_sealed_too(void **state)
{
    (void)state;
    static const uint8_t zeros[CRYPTO_KEY_BYTES];
    uint8_t tag[CRYPTO_TAG_BYTES];
    uint8_t none[1];

    crypto_seal(zeros, zeros, STR_NONE, STR_NONE, tag);
    assert_hex(tag, sizeof tag, "530f8afbc74536b9a963b4f1c4cb738b");
    assert_true(crypto_open(zeros, zeros, STR_NONE, str_of((const char *)tag, sizeof tag), none));
}

static void *seal_many(void *ctx)
{
    uint8_t key[CRYPTO_KEY_BYTES] = {0};
    uint8_t sealed[3 + CRYPTO_TAG_BYTES];
    uint8_t opened[3];
    uint8_t digest[CRYPTO_SHA256_BYTES];
    bool *is_fine = ctx;

    for (unsigned i = 0; i < 200 && *is_fine; i++) {
        key[0] = (uint8_t)i;
        crypto_sha256(STR("abc"), digest);
        crypto_seal(key, digest, STR("aad"), STR("abc"), sealed);
        *is_fine = digest[0] == 0xba &&
                   crypto_open(key, digest, STR("aad"), str_of((const char *)sealed, sizeof sealed),
                               opened) &&
                   memcmp(opened, "abc", 3) == 0;
    }
    return NULL;
}

/* Contexts belong to a thread and go with it: what leaks is seen by the sanitizer. */
static void threads_work_beside_each_other_and_leave_nothing(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 5; round++) {
        pthread_t threads[4];
        bool is_fine[4] = {true, true, true, true};

        for (unsigned i = 0; i < ARRAY_LEN(threads); i++)
            assert_int_equal(pthread_create(&threads[i], NULL, seal_many, &is_fine[i]), 0);
        for (unsigned i = 0; i < ARRAY_LEN(threads); i++) {
            assert_int_equal(pthread_join(threads[i], NULL), 0);
            assert_true(is_fine[i]);
        }
    }
}

static void wiped_bytes_are_zero(void **state)
{
    (void)state;
    char bytes[] = "secret";
    static const char zeros[sizeof bytes];

    crypto_wipe(bytes, sizeof bytes);
    assert_memory_equal(bytes, zeros, sizeof bytes);
    crypto_wipe(NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_of_known_texts),
        cmocka_unit_test(pieces_hash_like_their_whole),
        cmocka_unit_test(hmac_of_rfc_4231),
        cmocka_unit_test(hkdf_expand_of_rfc_5869),
        cmocka_unit_test(what_was_sealed_opens_only_unchanged),
        cmocka_unit_test(nothing_can_be_sealed_too),
        cmocka_unit_test(threads_work_beside_each_other_and_leave_nothing),
        cmocka_unit_test(wiped_bytes_are_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
