/*
 * Every type of key against every algorithm: a token is verified with a key of its algorithm's
 * type or not at all, whatever key its kid names.
 */
#include <openssl/hmac.h>
#include <string.h>

#include "unit.h"

#include "base/base64.h"
#include "identity/jwt.h"

/* Keys whose signatures nobody has; of curves, the base points. */
static const struct {
    enum pkey_type type;
    const char *members;
} keys[] = {
    {PKEY_RSA,
     "\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\""
     "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_"
     "BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_"
     "FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-"
     "bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw\""},
    {PKEY_P256, "\"kty\":\"EC\",\"crv\":\"P-256\","
                "\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","
                "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\""},
    {PKEY_P384, "\"kty\":\"EC\",\"crv\":\"P-384\","
                "\"x\":\"qofKIr6LBTeOscce8yCtdG4dO2KLp5uYWfdB4IJUKjhVAvJdv1UpbDpUXjhydgq3\","
                "\"y\":\"NhfeSpYmLG9dnpi_kpLcKfj0Hb0omhR86doxE7XwuMAKYLHOHX6BnXpDHXyQ6g5f\""},
    {PKEY_P521, "\"kty\":\"EC\",\"crv\":\"P-521\","
                "\"x\":\"AMaFjga3BATpzZ4-y2YjlbRCnGSBOQU_"
                "tSH4KK9ga009uqFLXnfv51ko_h3BJ6L_qN4zSLPBhWpCm_l-fjHC5b1m\","
                "\"y\":\"ARg5KWp4mjvABFyKX7QsfRvZmPVESVebRGgXr70XJz5mLJfucple9CZAxVC5AT-"
                "tB2E1PHCGonLCQIi-lHaf0WZQ\""},
    {PKEY_ED25519, "\"kty\":\"OKP\",\"crv\":\"Ed25519\","
                   "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\""},
};

static struct str encode(struct arena *arena, struct str bytes)
{
    char *text = arena_alloc(arena, BASE64URL_LEN(bytes.len) + 1);
    assert_non_null(text);
    return str_of(text, base64url_encode(bytes.ptr, bytes.len, text));
}

static struct str token_of(struct arena *arena, const char *alg, size_t signature_bytes)
{
    static const char zeros[1024];
    struct str header = arena_printf(arena, "{\"alg\":\"%s\",\"kid\":\"k\"}", alg);
    struct str token = arena_printf(arena, STR_FMT ".e30." STR_FMT, STR_ARG(encode(arena, header)),
                                    STR_ARG(encode(arena, str_of(zeros, signature_bytes))));
    assert_non_null(token.ptr);
    return token;
}

static struct jwk_set *set_of(struct arena *arena, const char *members, const char *alg)
{
    struct jwk_set *set = NULL;
    struct err err;
    struct str json =
        alg == NULL
            ? arena_printf(arena, "{\"keys\":[{%s,\"kid\":\"k\"}]}", members)
            : arena_printf(arena, "{\"keys\":[{%s,\"kid\":\"k\",\"alg\":\"%s\"}]}", members, alg);
    assert_ok(jwk_set_parse(json, &set, &err), err);
    return set;
}

static void a_key_serves_the_algorithms_of_its_type(void **state)
{
    (void)state;
    CLEANUP(arena_freep) struct arena *arena = arena_new(8 << 20);
    for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
        CLEANUP(jwk_set_unrefp) struct jwk_set *set = set_of(arena, keys[k].members, NULL);
        assert_int_equal(jwk_set_count(set), 1);
        for (unsigned alg = 0; alg < PKEY_ALGS; alg++) {
            const char *word = pkey_alg_word((enum pkey_alg)alg);
            struct jwt jwt;
            assert_int_equal(jwt_parse(token_of(arena, word, 64), arena, &jwt), JWT_OK);
            enum jwt_why why = jwt_verify(&jwt, set, PKEY_ALG_SET_ALL);
            assert_int_equal(why, pkey_fits(keys[k].type, (enum pkey_alg)alg) ? JWT_BAD_SIGNATURE
                                                                              : JWT_UNKNOWN_KEY);
            assert_int_equal(jwt_verify(&jwt, set, PKEY_ALG_SET_ALL & ~PKEY_ALG_BIT(alg)),
                             JWT_BAD_ALG);
        }
    }
}

static void a_key_that_names_its_algorithm_serves_no_other(void **state)
{
    (void)state;
    CLEANUP(arena_freep) struct arena *arena = arena_new(8 << 20);
    for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
        for (unsigned named = 0; named < PKEY_ALGS; named++) {
            const char *name = pkey_alg_word((enum pkey_alg)named);
            CLEANUP(jwk_set_unrefp) struct jwk_set *set = set_of(arena, keys[k].members, name);
            bool fits = pkey_fits(keys[k].type, (enum pkey_alg)named);
            assert_int_equal(jwk_set_count(set), fits);
            for (unsigned alg = 0; alg < PKEY_ALGS; alg++) {
                struct jwt jwt;
                struct str token = token_of(arena, pkey_alg_word((enum pkey_alg)alg), 256);
                assert_int_equal(jwt_parse(token, arena, &jwt), JWT_OK);
                assert_int_equal(jwt_verify(&jwt, set, PKEY_ALG_SET_ALL),
                                 fits && alg == named ? JWT_BAD_SIGNATURE : JWT_UNKNOWN_KEY);
            }
        }
    }
}

/* Zeros are the signature that a verifier without range checks takes (CVE-2022-21449). */
static void signatures_of_zeros_and_of_every_length_are_refused(void **state)
{
    (void)state;
    for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
        CLEANUP(arena_freep) struct arena *arena = arena_new(8 << 20);
        CLEANUP(jwk_set_unrefp) struct jwk_set *set = set_of(arena, keys[k].members, NULL);
        for (unsigned alg = 0; alg < PKEY_ALGS; alg++) {
            if (!pkey_fits(keys[k].type, (enum pkey_alg)alg))
                continue;
            for (size_t len = 1; len <= 300; len++) {
                struct jwt jwt;
                struct str token = token_of(arena, pkey_alg_word((enum pkey_alg)alg), len);
                assert_int_equal(jwt_parse(token, arena, &jwt), JWT_OK);
                assert_int_equal(jwt_verify(&jwt, set, PKEY_ALG_SET_ALL), JWT_BAD_SIGNATURE);
            }
        }
    }
}

static struct str sign_hs256(struct arena *arena, const char *header, struct str secret)
{
    uint8_t mac[32];
    struct str text = arena_printf(arena, STR_FMT ".e30", STR_ARG(encode(arena, str_c(header))));
    assert_non_null(HMAC(EVP_sha256(), secret.ptr, (int)secret.len, (const uint8_t *)text.ptr,
                         text.len, mac, NULL));
    struct str token = arena_printf(arena, STR_FMT "." STR_FMT, STR_ARG(text),
                                    STR_ARG(encode(arena, str_of((const char *)mac, sizeof mac))));
    assert_non_null(token.ptr);
    return token;
}

/* The public number as the key set has it: n, or x. */
static struct str number_of(const char *members)
{
    const char *at = strstr(members, "\"n\":\"");
    if (at == NULL)
        at = strstr(members, "\"x\":\"");
    assert_non_null(at);
    struct str rest = str_c(at + strlen("-n-:-"));
    return str_cut(&rest, '"');
}

/* The text of a public key is known to everybody: it must never serve as the secret of an HMAC
 * (CVE-2015-9235), nor a secret that came in by way of the key set. */
static void nothing_public_is_a_secret(void **state)
{
    (void)state;
    CLEANUP(arena_freep) struct arena *arena = arena_new(8 << 20);
    static const char *const headers[] = {
        "{\"alg\":\"HS256\",\"kid\":\"k\"}",
        "{\"alg\":\"HS256\"}",
        "{\"alg\":\"hs256\",\"kid\":\"k\"}",
        "{\"alg\":\"HS256\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AAAA\"}}",
    };
    for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
        CLEANUP(jwk_set_unrefp) struct jwk_set *set = set_of(arena, keys[k].members, NULL);
        const struct str secrets[] = {str_c(keys[k].members), number_of(keys[k].members), STR(""),
                                      STR("k")};
        for (size_t h = 0; h < ARRAY_LEN(headers); h++)
            for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
                struct jwt jwt;
                struct str token = sign_hs256(arena, headers[h], secrets[i]);
                assert_int_equal(jwt_parse(token, arena, &jwt), JWT_BAD_ALG);
            }
        /* Nor does the same MAC pass for a signature. */
        struct jwt jwt;
        struct str token = sign_hs256(arena, "{\"alg\":\"RS256\",\"kid\":\"k\"}", secrets[1]);
        assert_int_equal(jwt_parse(token, arena, &jwt), JWT_OK);
        assert_int_equal(jwt_verify(&jwt, set, PKEY_ALG_SET_ALL),
                         keys[k].type == PKEY_RSA ? JWT_BAD_SIGNATURE : JWT_UNKNOWN_KEY);
    }
}

/* A JWE, both JSON serializations, unsecured ones, an opaque token. */
static void other_forms_are_no_tokens_here(void **state)
{
    (void)state;
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 20);
    static const struct {
        const char *text;
        enum jwt_why why;
        bool looks_like;
    } rows[] = {
        {"eyJhbGciOiJSU0ExXzUiLCJlbmMiOiJBMTI4Q0JDLUhTMjU2In0.UGhIOguC7I.AxY8DCtDaGlsbGljb3RoZQ."
         "KDlTtXchhZTGufMYmOYGS4HffxPSUrfmqCHXaI9wOGY.9hH0vgRfYgPnAHOd8stkvw",
         JWT_NOT_COMPACT, true},
        {"{\"payload\":\"e30\",\"signatures\":[{\"protected\":\"eyJhbGciOiJSUzI1NiJ9\","
         "\"signature\":\"AAAA\"}]}",
         JWT_NOT_COMPACT, false},
        {"{\"payload\":\"e30\",\"protected\":\"eyJhbGciOiJSUzI1NiJ9\",\"signature\":\"AAAA\"}",
         JWT_NOT_COMPACT, false},
        {"{\"protected\":\"a.b.c\"}", JWT_BAD_ENCODING, true},
        {"eyJhbGciOiJub25lIn0.e30.", JWT_NOT_COMPACT, true},
        {"eyJhbGciOiJub25lIn0.e30.AAAA", JWT_BAD_ALG, true},
        {"eyJhbGciOiJSUzI1NiJ9..AAAA", JWT_BAD_CLAIMS, true},
        {"ZXlK.e30.AAAA", JWT_BAD_HEADER, true},
        {"prt_0123456789abcdef", JWT_NOT_COMPACT, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct jwt jwt;
        enum jwt_why why = jwt_parse(str_c(rows[i].text), arena, &jwt);
        if (why != rows[i].why)
            fail_msg("%s: %s", rows[i].text, jwt_why_word(why));
        if (jwt_looks_like(str_c(rows[i].text)) != rows[i].looks_like)
            fail_msg("%s", rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_serves_the_algorithms_of_its_type),
        cmocka_unit_test(a_key_that_names_its_algorithm_serves_no_other),
        cmocka_unit_test(signatures_of_zeros_and_of_every_length_are_refused),
        cmocka_unit_test(nothing_public_is_a_secret),
        cmocka_unit_test(other_forms_are_no_tokens_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
