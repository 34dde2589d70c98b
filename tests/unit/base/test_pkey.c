#include <string.h>

#include "unit.h"

#include "base/base64.h"
#include "base/pkey.h"

/* A modulus as the broken generator made them: a power of 65537 modulo every small prime. */
static const char ROCA[] =
    "80000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
    "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
    "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
    "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
    "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
    "000000000000000000000000000000000000000000000000049b7a02424ce9305ee4baa830f4d398d9";

static struct str from_hex(const char *hex, uint8_t *bytes)
{
    size_t len = strlen(hex) / 2;
    assert_true(hex_decode(str_c(hex), bytes, len));
    return str_of((const char *)bytes, len);
}

static const struct {
    const char *word;
    enum pkey_alg alg;
    enum pkey_type type;
} algs[] = {
    {"RS256", PKEY_RS256, PKEY_RSA},  {"RS384", PKEY_RS384, PKEY_RSA},
    {"RS512", PKEY_RS512, PKEY_RSA},  {"PS256", PKEY_PS256, PKEY_RSA},
    {"PS384", PKEY_PS384, PKEY_RSA},  {"PS512", PKEY_PS512, PKEY_RSA},
    {"ES256", PKEY_ES256, PKEY_P256}, {"ES384", PKEY_ES384, PKEY_P384},
    {"ES512", PKEY_ES512, PKEY_P521}, {"EdDSA", PKEY_EDDSA, PKEY_ED25519},
};

static void an_algorithm_has_a_word_and_one_type_of_key(void **state)
{
    (void)state;
    static const enum pkey_type types[] = {PKEY_RSA, PKEY_P256, PKEY_P384, PKEY_P521, PKEY_ED25519};
    assert_int_equal(ARRAY_LEN(algs), PKEY_ALGS);
    for (size_t i = 0; i < ARRAY_LEN(algs); i++) {
        enum pkey_alg alg = PKEY_ALGS;
        assert_true(pkey_alg_parse(str_c(algs[i].word), &alg));
        assert_int_equal(alg, algs[i].alg);
        assert_string_equal(pkey_alg_word(alg), algs[i].word);
        for (size_t t = 0; t < ARRAY_LEN(types); t++)
            assert_int_equal(pkey_fits(types[t], alg), types[t] == algs[i].type);
    }
    enum pkey_alg alg = PKEY_ALGS;
    assert_true(pkey_alg_parse(STR("Ed25519"), &alg));
    assert_int_equal(alg, PKEY_EDDSA);
}

static void no_other_word_is_an_algorithm(void **state)
{
    (void)state;
    static const char *const words[] = {"",     "none",   "HS256",  "HS384",    "HS512",  "rs256",
                                        "RS25", "RS256 ", "ES256K", "Ed448",    "eddsa",  "ES521",
                                        "RS1",  "PS1",    "dir",    "RSA-OAEP", "ed25519"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        enum pkey_alg alg = PKEY_ALGS;
        assert_false(pkey_alg_parse(str_c(words[i]), &alg));
        assert_int_equal(alg, PKEY_ALGS);
    }
}

/* ---- RSA ---- */

/* An odd number of so many bits, all of them set. */
static struct str ones(size_t bits, uint8_t bytes[2048])
{
    size_t len = (bits + 7) / 8;
    memset(bytes, 0xff, len);
    if (bits % 8 != 0)
        bytes[0] = (uint8_t)(0xff >> (8 - bits % 8));
    return str_of((const char *)bytes, len);
}

static enum err_code rsa(struct str n, struct str e, struct err *err)
{
    CLEANUP(pkey_freep) struct pkey *key = NULL;
    enum err_code code = pkey_new_rsa(n, e, &key, err);
    assert_int_equal(key != NULL, code == ERR_OK);
    assert_true(key == NULL || pkey_type(key) == PKEY_RSA);
    return code;
}

static void rsa_keys_have_2048_to_8192_bits(void **state)
{
    (void)state;
    static const struct {
        size_t bits;
        enum err_code code;
    } rows[] = {{8, ERR_INVALID},    {512, ERR_INVALID},  {1024, ERR_INVALID}, {2047, ERR_INVALID},
                {2048, ERR_OK},      {3072, ERR_OK},      {4096, ERR_OK},      {8192, ERR_OK},
                {8193, ERR_INVALID}, {16384, ERR_INVALID}};
    uint8_t bytes[2048];
    struct err err;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(rsa(ones(rows[i].bits, bytes), str_of("\1\0\1", 3), &err), rows[i].code);
    assert_int_equal(rsa(STR_NONE, str_of("\1\0\1", 3), &err), ERR_INVALID);
}

static void rsa_numbers_must_be_possible(void **state)
{
    (void)state;
    uint8_t bytes[2048];
    struct err err;
    struct str n = ones(2048, bytes);
    assert_int_equal(rsa(n, str_of("\3", 1), &err), ERR_OK);
    assert_int_equal(rsa(n, STR_NONE, &err), ERR_INVALID);
    assert_int_equal(rsa(n, str_of("\0", 1), &err), ERR_INVALID);
    assert_int_equal(rsa(n, str_of("\1", 1), &err), ERR_INVALID);
    assert_int_equal(rsa(n, str_of("\2", 1), &err), ERR_INVALID);
    assert_int_equal(rsa(n, str_of("\1\0\0", 3), &err), ERR_INVALID);
    assert_int_equal(rsa(n, str_of("\1\0\0\0\0\0\0\0\1", 9), &err), ERR_INVALID);
    bytes[255] = 0xfe;
    assert_int_equal(rsa(n, str_of("\1\0\1", 3), &err), ERR_INVALID);
}

static void keys_of_the_broken_generator_are_refused(void **state)
{
    (void)state;
    uint8_t bytes[256];
    struct err err;
    assert_int_equal(rsa(from_hex(ROCA, bytes), str_of("\1\0\1", 3), &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "ROCA"));
}

/* ---- elliptic curves ---- */

/* SEC 2: the base points of P-256, P-384 and P-521. */
static const struct point {
    enum pkey_type type;
    const char *x;
    const char *y;
} points[] = {
    {PKEY_P256, "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
     "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"},
    {PKEY_P384,
     "aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872"
     "760ab7",
     "3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90"
     "ea0e5f"},
    {PKEY_P521,
     "00c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3dbaa14b5e77efe75928fe1dc1"
     "27a2ffa8de3348b3c1856a429bf97e7e31c2e5bd66",
     "011839296a789a3bc0045c8a5fb42c7d1bd998f54449579b446817afbd17273e662c97ee72995ef42640c550b9"
     "013fad0761353c7086a272c24088be94769fd16650"},
};

static enum err_code ec(enum pkey_type type, struct str x, struct str y)
{
    CLEANUP(pkey_freep) struct pkey *key = NULL;
    struct err err;
    enum err_code code = pkey_new_ec(type, x, y, &key, &err);
    assert_int_equal(key != NULL, code == ERR_OK);
    assert_true(key == NULL || pkey_type(key) == type);
    return code;
}

static void points_lie_on_their_curve(void **state)
{
    (void)state;
    uint8_t x_bytes[66];
    uint8_t y_bytes[66];
    for (size_t i = 0; i < ARRAY_LEN(points); i++) {
        struct str x = from_hex(points[i].x, x_bytes);
        struct str y = from_hex(points[i].y, y_bytes);
        assert_int_equal(ec(points[i].type, x, y), ERR_OK);
        assert_int_equal(ec(points[i].type, y, x), ERR_INVALID);
        assert_int_equal(ec(points[i].type, x, x), ERR_INVALID);
        y_bytes[y.len - 1] ^= 1;
        assert_int_equal(ec(points[i].type, x, y), ERR_INVALID);
        memset(x_bytes, 0, sizeof x_bytes);
        memset(y_bytes, 0, sizeof y_bytes);
        assert_int_equal(ec(points[i].type, x, y), ERR_INVALID);
        memset(x_bytes, 0xff, sizeof x_bytes);
        assert_int_equal(ec(points[i].type, x, y), ERR_INVALID);
    }
}

static void coordinates_have_the_length_of_their_curve(void **state)
{
    (void)state;
    uint8_t x_bytes[66];
    uint8_t y_bytes[66];
    for (size_t i = 0; i < ARRAY_LEN(points); i++) {
        struct str x = from_hex(points[i].x, x_bytes);
        struct str y = from_hex(points[i].y, y_bytes);
        assert_int_equal(ec(points[i].type, str_from(x, 1), y), ERR_INVALID);
        assert_int_equal(ec(points[i].type, x, str_from(y, 1)), ERR_INVALID);
        assert_int_equal(ec(points[i].type, x, STR_NONE), ERR_INVALID);
        for (size_t other = 0; other < ARRAY_LEN(points); other++)
            if (other != i)
                assert_int_equal(ec(points[other].type, x, y), ERR_INVALID);
        assert_int_equal(ec(PKEY_RSA, x, y), ERR_INVALID);
        assert_int_equal(ec(PKEY_ED25519, x, y), ERR_INVALID);
    }
}

/* ---- Ed25519 ---- */

static enum err_code ed25519(struct str x)
{
    CLEANUP(pkey_freep) struct pkey *key = NULL;
    struct err err;
    return pkey_new_ed25519(x, &key, &err);
}

static void a_key_under_which_anybody_can_sign_is_refused(void **state)
{
    (void)state;
    static const char *const keys[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    };
    uint8_t bytes[32];
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        struct str x = from_hex(keys[i], bytes);
        assert_int_equal(ed25519(x), ERR_INVALID);
        bytes[31] ^= 0x80;
        assert_int_equal(ed25519(x), ERR_INVALID);
    }
}

static void an_ed25519_key_has_32_bytes(void **state)
{
    (void)state;
    static const char bytes[64] = {9};
    assert_int_equal(ed25519(STR_NONE), ERR_INVALID);
    assert_int_equal(ed25519(str_of(bytes, 31)), ERR_INVALID);
    assert_int_equal(ed25519(str_of(bytes, 33)), ERR_INVALID);
    assert_int_equal(ed25519(str_of(bytes, 64)), ERR_INVALID);
    assert_int_equal(ed25519(str_of(bytes, 32)), ERR_OK);
}

/* RFC 8032 §7.1, test 2. */
static void what_a_key_pair_signs_its_public_half_verifies(void **state)
{
    (void)state;
    CLEANUP(pkey_freep) struct pkey *own = NULL;
    CLEANUP(pkey_freep) struct pkey *public = NULL;
    uint8_t secret[32];
    uint8_t expected[64];
    uint8_t signature[64];
    uint8_t x[32];
    struct err err;
    (void)from_hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", secret);
    struct str good =
        from_hex("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e"
                 "458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
                 expected);
    assert_ok(pkey_new_own(secret, &own, &err), err);
    pkey_public(own, x);
    assert_ok(pkey_new_ed25519(str_of((const char *)x, 32), &public, &err), err);
    assert_true(pkey_sign(own, STR("r"), signature));
    assert_memory_equal(signature, expected, sizeof expected);
    assert_true(pkey_verify(public, PKEY_EDDSA, STR("r"), good));
    assert_true(pkey_verify(own, PKEY_EDDSA, STR("r"), good));
    assert_false(pkey_verify(public, PKEY_EDDSA, STR("s"), good));
    assert_false(pkey_verify(public, PKEY_EDDSA, STR("r"), str_first(good, 63)));
    assert_false(pkey_verify(public, PKEY_EDDSA, STR("r"), STR_NONE));
    assert_false(pkey_sign(public, STR("r"), signature));
    /* Whatever the message says: a key serves its own algorithms. */
    for (unsigned alg = 0; alg < PKEY_ALGS; alg++)
        assert_int_equal(pkey_verify(public, (enum pkey_alg)alg, STR("r"), good),
                         alg == PKEY_EDDSA);
}

static void only_ed25519_keys_tell_their_bytes_and_sign(void **state)
{
    (void)state;
    CLEANUP(pkey_freep) struct pkey *key = NULL;
    static const uint8_t zeros[32] = {0};
    uint8_t bytes[2048];
    uint8_t x[32] = {1};
    uint8_t signature[64];
    struct err err;
    assert_ok(pkey_new_rsa(ones(2048, bytes), str_of("\1\0\1", 3), &key, &err), err);
    pkey_public(key, x);
    assert_memory_equal(x, zeros, sizeof x);
    assert_false(pkey_sign(key, STR("r"), signature));
}

/* ---- what the standards sign ---- */

#define JOE                                                                                        \
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cn"   \
    "VlfQ"

struct standard {
    const char *numbers[2]; /* n and e, or x and y */
    const char *text;
    const char *signature;
};

/* RFC 7515 appendix A.2. */
static const struct standard standard_rsa = {
    {"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrc"
     "S2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGz"
     "jb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xs"
     "mtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8"
     "q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
     "AQAB"},
    "eyJhbGciOiJSUzI1NiJ9." JOE,
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Q"
    "c_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTy"
    "WzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwu"
    "sC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5A"
    "XLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
};
/* RFC 7515 appendix A.3. */
static const struct standard standard_p256 = {
    {"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},
    "eyJhbGciOiJFUzI1NiJ9." JOE,
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
};
/* RFC 8037 appendix A.4. */
static const struct standard standard_ed25519 = {
    {"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", ""},
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
};

static struct str from_base64url(const char *text, char bytes[512])
{
    size_t len = 0;
    assert_in_range(strlen(text), 0, 512);
    assert_true(base64url_decode(str_c(text), bytes, &len));
    return str_of(bytes, len);
}

/* The signature holds with one algorithm; not with a bit changed anywhere, nor cut, nor longer. */
static void check_standard(const struct pkey *key, enum pkey_alg right,
                           const struct standard *standard)
{
    char bytes[513];
    struct str good = from_base64url(standard->signature, bytes);
    struct str text = str_c(standard->text);
    for (unsigned alg = 0; alg < PKEY_ALGS; alg++)
        assert_int_equal(pkey_verify(key, (enum pkey_alg)alg, text, good), alg == right);
    assert_false(pkey_verify(key, right, str_first(text, text.len - 1), good));
    assert_false(pkey_verify(key, right, STR_NONE, good));
    assert_false(pkey_verify(key, right, text, str_first(good, good.len - 1)));
    assert_false(pkey_verify(key, right, text, str_from(good, 1)));
    bytes[good.len] = 0;
    assert_false(pkey_verify(key, right, text, str_of(bytes, good.len + 1)));
    for (size_t i = 0; i < good.len; i++) {
        bytes[i] = (char)(bytes[i] ^ 1 << i % 7);
        assert_false(pkey_verify(key, right, text, good));
        bytes[i] = (char)(bytes[i] ^ 1 << i % 7);
    }
    assert_true(pkey_verify(key, right, text, good));
}

static void the_rs256_signature_of_rfc_7515_holds(void **state)
{
    (void)state;
    CLEANUP(pkey_freep) struct pkey *key = NULL;
    char n[512];
    char e[512];
    struct err err;
    assert_ok(pkey_new_rsa(from_base64url(standard_rsa.numbers[0], n),
                           from_base64url(standard_rsa.numbers[1], e), &key, &err),
              err);
    check_standard(key, PKEY_RS256, &standard_rsa);
}

static void the_es256_signature_of_rfc_7515_holds(void **state)
{
    (void)state;
    CLEANUP(pkey_freep) struct pkey *key = NULL;
    char x[512];
    char y[512];
    struct err err;
    assert_ok(pkey_new_ec(PKEY_P256, from_base64url(standard_p256.numbers[0], x),
                          from_base64url(standard_p256.numbers[1], y), &key, &err),
              err);
    check_standard(key, PKEY_ES256, &standard_p256);
}

static void the_eddsa_signature_of_rfc_8037_holds(void **state)
{
    (void)state;
    CLEANUP(pkey_freep) struct pkey *key = NULL;
    char x[512];
    struct err err;
    assert_ok(pkey_new_ed25519(from_base64url(standard_ed25519.numbers[0], x), &key, &err), err);
    check_standard(key, PKEY_EDDSA, &standard_ed25519);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_algorithm_has_a_word_and_one_type_of_key),
        cmocka_unit_test(no_other_word_is_an_algorithm),
        cmocka_unit_test(rsa_keys_have_2048_to_8192_bits),
        cmocka_unit_test(rsa_numbers_must_be_possible),
        cmocka_unit_test(keys_of_the_broken_generator_are_refused),
        cmocka_unit_test(points_lie_on_their_curve),
        cmocka_unit_test(coordinates_have_the_length_of_their_curve),
        cmocka_unit_test(a_key_under_which_anybody_can_sign_is_refused),
        cmocka_unit_test(an_ed25519_key_has_32_bytes),
        cmocka_unit_test(what_a_key_pair_signs_its_public_half_verifies),
        cmocka_unit_test(only_ed25519_keys_tell_their_bytes_and_sign),
        cmocka_unit_test(the_rs256_signature_of_rfc_7515_holds),
        cmocka_unit_test(the_es256_signature_of_rfc_7515_holds),
        cmocka_unit_test(the_eddsa_signature_of_rfc_8037_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
