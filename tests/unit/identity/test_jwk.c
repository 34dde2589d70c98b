#include <stdio.h>
#include <string.h>

#include "unit.h"

#include "base/arena.h"
#include "base/base64.h"
#include "identity/jwk.h"

/* RFC 7517 appendix A.1 and RFC 8037 appendix A.2, without what differs from row to row. */
#define N                                                                                          \
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_"      \
    "BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_"     \
    "FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-"            \
    "bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
#define RSA "\"kty\":\"RSA\",\"n\":\"" N "\",\"e\":\"AQAB\""
#define P256                                                                                       \
    "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","      \
    "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\""
#define ED                                                                                         \
    "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\""

enum {
    RS = 1 << PKEY_RS256 | 1 << PKEY_RS384 | 1 << PKEY_RS512 | 1 << PKEY_PS256 | 1 << PKEY_PS384 |
         1 << PKEY_PS512,
    ES = 1 << PKEY_ES256,
    EDDSA = 1 << PKEY_EDDSA,
};

static struct jwk_set *parse(struct str json)
{
    struct jwk_set *set = NULL;
    struct err err;
    assert_ok(jwk_set_parse(json, &set, &err), err);
    return set;
}

static struct jwk_set *parse_one(const char *members)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 20);
    struct str json = arena_printf(arena, "{\"keys\":[{%s}]}", members);
    assert_non_null(json.ptr);
    return parse(json);
}

static void keys_that_serve(void **state)
{
    (void)state;
    static const struct {
        const char *members;
        uint32_t algs;
        const char *kid;
    } rows[] = {
        {RSA, RS, ""},
        {P256, ES, ""},
        {ED, EDDSA, ""},
        {RSA ",\"kid\":\"2011-04-29\"", RS, "2011-04-29"},
        {RSA ",\"kid\":\"\\u0031\"", RS, "1"},
        {RSA ",\"alg\":\"RS256\"", 1 << PKEY_RS256, ""},
        {RSA ",\"alg\":\"PS512\"", 1 << PKEY_PS512, ""},
        {P256 ",\"alg\":\"ES256\"", ES, ""},
        {ED ",\"alg\":\"EdDSA\"", EDDSA, ""},
        {ED ",\"alg\":\"Ed25519\"", EDDSA, ""},
        {ED ",\"use\":\"sig\"", EDDSA, ""},
        {ED ",\"key_ops\":[\"verify\"]", EDDSA, ""},
        {ED ",\"key_ops\":[\"sign\",\"verify\"],\"use\":\"sig\"", EDDSA, ""},
        {ED ",\"x5t\":\"abc\",\"x5c\":[\"AAAA\"],\"issuer\":\"x\",\"unknown\":{}", EDDSA, ""},
        {"\"kty\":\"RSA\",\"e\":\"Aw\",\"n\":\"" N "\"", RS, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(jwk_set_unrefp) struct jwk_set *set = parse_one(rows[i].members);
        if (jwk_set_count(set) != 1)
            fail_msg("%s", rows[i].members);
        assert_int_equal(jwk_set_at(set, 0)->algs, rows[i].algs);
        assert_str(jwk_set_at(set, 0)->kid, rows[i].kid);
        assert_int_equal(jwk_set_skipped(set, NULL), 0);
    }
}

static void keys_that_are_left_out_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *members;
        const char *why;
    } rows[] = {
        /* secret ones */
        {"\"kty\":\"oct\",\"k\":\"AAAA\"", "secret"},
        {RSA ",\"d\":\"AQAB\"", "secret"},
        {P256 ",\"d\":\"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE\"", "secret"},
        {ED ",\"d\":null", "secret"},
        {RSA ",\"p\":\"AQAB\"", "secret"},
        {RSA ",\"q\":\"AQAB\"", "secret"},
        {RSA ",\"dp\":\"AQAB\"", "secret"},
        {RSA ",\"dq\":\"AQAB\"", "secret"},
        {RSA ",\"qi\":\"AQAB\"", "secret"},
        {RSA ",\"oth\":[]", "secret"},
        /* for something else */
        {RSA ",\"use\":\"enc\"", "not for verifying"},
        {RSA ",\"use\":\"SIG\"", "not for verifying"},
        {RSA ",\"use\":1", "not for verifying"},
        {RSA ",\"use\":[\"sig\"]", "not for verifying"},
        {RSA ",\"key_ops\":[\"encrypt\"]", "not for verifying"},
        {RSA ",\"key_ops\":[\"sign\"]", "not for verifying"},
        {RSA ",\"key_ops\":[]", "not for verifying"},
        {RSA ",\"key_ops\":\"verify\"", "not for verifying"},
        {RSA ",\"key_ops\":null", "not for verifying"},
        {RSA ",\"key_ops\":{\"verify\":1}", "not for verifying"},
        {RSA ",\"key_ops\":[\"verify\"],\"use\":\"enc\"", "not for verifying"},
        /* algorithms */
        {RSA ",\"alg\":\"RSA-OAEP\"", "algorithm"},
        {RSA ",\"alg\":\"ES256\"", "algorithm"},
        {RSA ",\"alg\":\"HS256\"", "algorithm"},
        {RSA ",\"alg\":\"none\"", "algorithm"},
        {RSA ",\"alg\":\"rs256\"", "algorithm"},
        {RSA ",\"alg\":7", "algorithm"},
        {P256 ",\"alg\":\"ES384\"", "algorithm"},
        {P256 ",\"alg\":\"ECDH-ES\"", "algorithm"},
        {ED ",\"alg\":\"Ed448\"", "algorithm"},
        {ED ",\"alg\":\"RS256\"", "algorithm"},
        /* types and curves */
        {"\"x\":\"AAAA\"", "key type"},
        {"\"kty\":\"\"", "key type"},
        {"\"kty\":\"rsa\",\"n\":\"" N "\",\"e\":\"AQAB\"", "key type"},
        {"\"kty\":\"AKP\",\"pub\":\"AAAA\"", "key type"},
        {"\"kty\":1", "kty"},
        {"\"kty\":[\"RSA\"]", "kty"},
        {"\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"AAAA\",\"y\":\"AAAA\"", "curve"},
        {"\"kty\":\"EC\",\"crv\":\"p-256\",\"x\":\"AAAA\",\"y\":\"AAAA\"", "curve"},
        {"\"kty\":\"EC\",\"crv\":1,\"x\":\"AAAA\",\"y\":\"AAAA\"", "crv"},
        {"\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"AAAA\"", "curve"},
        {"\"kty\":\"OKP\",\"crv\":\"Ed448\",\"x\":\"AAAA\"", "curve"},
        /* numbers */
        {"\"kty\":\"RSA\",\"n\":\"" N "\"", "n or e"},
        {"\"kty\":\"RSA\",\"e\":\"AQAB\"", "n or e"},
        {"\"kty\":\"RSA\",\"n\":\"\",\"e\":\"AQAB\"", "n or e"},
        {"\"kty\":\"RSA\",\"n\":\"" N "==\",\"e\":\"AQAB\"", "n or e"},
        {"\"kty\":\"RSA\",\"n\":\" " N "\",\"e\":\"AQAB\"", "n or e"},
        {"\"kty\":\"RSA\",\"n\":65537,\"e\":\"AQAB\"", "n or e"},
        {"\"kty\":\"RSA\",\"n\":\"" N "\",\"e\":65537", "n or e"},
        {"\"kty\":\"RSA\",\"n\":\"" N "\",\"e\":\"AQ\"", "impossible"},
        {"\"kty\":\"RSA\",\"n\":\"" N "\",\"e\":\"Ag\"", "impossible"},
        {"\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"", "bits"},
        {"\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAA\",\"y\":\"AAAA\"", "length"},
        {"\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\"",
         "crv, x or y"},
        {"\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","
         "\"y\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\"",
         "public key"},
        {"\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"", "bytes"},
        {"\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":"
         "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"",
         "anybody"},
        /* names */
        {ED ",\"kid\":1", "kid"},
        {ED ",\"kid\":null", "kid"},
        {ED ",\"kid\":[\"1\"]", "kid"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(jwk_set_unrefp) struct jwk_set *set = parse_one(rows[i].members);
        struct str why = STR_NONE;
        if (jwk_set_count(set) != 0)
            fail_msg("%s is taken", rows[i].members);
        assert_int_equal(jwk_set_skipped(set, &why), 1);
        if (strstr(why.ptr, rows[i].why) == NULL)
            fail_msg("%s: %s", rows[i].members, why.ptr);
    }
}

static void a_kid_has_256_bytes_at_most(void **state)
{
    (void)state;
    char members[1024];
    for (int len = JWK_MAX_KID - 1; len <= JWK_MAX_KID + 1; len++) {
        (void)snprintf(members, sizeof members, ED ",\"kid\":\"%0*d\"", len, 1);
        CLEANUP(jwk_set_unrefp) struct jwk_set *set = parse_one(members);
        assert_int_equal(jwk_set_count(set), len <= JWK_MAX_KID);
    }
}

static void one_bad_key_does_not_spoil_the_others(void **state)
{
    (void)state;
    struct str why;
    CLEANUP(jwk_set_unrefp)
    struct jwk_set *set =
        parse(STR("{\"keys\":[{" RSA ",\"kid\":\"a\"},null,5,\"x\",[],{},{" ED
                  ",\"kid\":\"b\"},{" P256 ",\"kid\":\"c\",\"use\":\"enc\"}],\"more\":1}"));
    assert_int_equal(jwk_set_count(set), 2);
    assert_str(jwk_set_at(set, 0)->kid, "a");
    assert_str(jwk_set_at(set, 1)->kid, "b");
    assert_int_equal(jwk_set_skipped(set, &why), 6);
    assert_str(why, "no object");
}

static void what_is_no_key_set_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "{}",
        "[]",
        "null",
        "{\"keys\":null}",
        "{\"keys\":{}}",
        "{\"keys\":{\"kty\":\"RSA\"}}",
        "{\"Keys\":[]}",
        "{\"keys\":[]",
        "{\"keys\":[],}",
        "{\"keys\":[],\"keys\":[]}",
        "{\"keys\":[{" ED ",\"kty\":\"EC\"}]}",
        "{\"keys\":[{" ED ",\"kid\":\"a\",\"k\\u0069d\":\"b\"}]}",
        "{" ED "}",
        "<html></html>",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct jwk_set *set = NULL;
        struct err err;
        if (jwk_set_parse(str_c(texts[i]), &set, &err) != ERR_INVALID)
            fail_msg("%s", texts[i]);
        assert_null(set);
    }
}

static void an_empty_key_set_is_one(void **state)
{
    (void)state;
    struct str why = STR("x");
    CLEANUP(jwk_set_unrefp) struct jwk_set *set = parse(STR(" {\"keys\":[]}\n"));
    assert_int_equal(jwk_set_count(set), 0);
    assert_int_equal(jwk_set_skipped(set, &why), 0);
    assert_int_equal(why.len, 0);
}

static struct str many(struct arena *arena, size_t count, const char *key)
{
    struct buf json;
    buf_init(&json, 1 << 20);
    buf_add(&json, STR("{\"keys\":["));
    for (size_t i = 0; i < count; i++) {
        buf_add_c(&json, i == 0 ? "" : ",");
        buf_add_c(&json, key);
    }
    buf_add(&json, STR("]}"));
    assert_false(json.failed);
    struct str text = arena_dup(arena, buf_str(&json));
    buf_done(&json);
    return text;
}

static void a_set_has_a_hundred_keys_at_most(void **state)
{
    (void)state;
    CLEANUP(arena_freep) struct arena *arena = arena_new(4 << 20);
    static const char *const keys[] = {"{" ED "}", "{}"};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        struct jwk_set *more = NULL;
        struct err err;
        CLEANUP(jwk_set_unrefp) struct jwk_set *set = parse(many(arena, JWK_MAX_KEYS, keys[i]));
        assert_int_equal(jwk_set_count(set) + jwk_set_skipped(set, NULL), JWK_MAX_KEYS);
        assert_int_equal(jwk_set_parse(many(arena, JWK_MAX_KEYS + 1, keys[i]), &more, &err),
                         ERR_LIMIT);
        assert_null(more);
    }
}

static void a_set_that_is_too_long_is_refused(void **state)
{
    (void)state;
    static char text[JWK_MAX_BYTES + 2];
    struct jwk_set *set = NULL;
    struct err err;
    memset(text, ' ', sizeof text - 1);
    memcpy(text, "{\"keys\":[]}", 11);
    assert_int_equal(jwk_set_parse(str_of(text, JWK_MAX_BYTES + 1), &set, &err), ERR_LIMIT);
    assert_null(set);
    assert_ok(jwk_set_parse(str_of(text, JWK_MAX_BYTES), &set, &err), err);
    jwk_set_unref(set);
}

static void a_set_lives_as_long_as_somebody_holds_it(void **state)
{
    (void)state;
    struct jwk_set *set = parse_one(ED ",\"kid\":\"a\"");
    struct jwk_set *same = jwk_set_ref(set);
    assert_ptr_equal(same, set);
    jwk_set_unrefp(&set);
    assert_null(set);
    assert_str(jwk_set_at(same, 0)->kid, "a");
    jwk_set_unref(same);
    jwk_set_unref(NULL);
}

/* RFC 8037 appendix A.3. */
static void the_thumbprint_is_that_of_the_rfc(void **state)
{
    (void)state;
    CLEANUP(jwk_set_unrefp) struct jwk_set *set = parse_one(ED);
    char kid[JWK_THUMBPRINT_LEN + 1];
    jwk_thumbprint(jwk_set_at(set, 0)->key, kid);
    assert_string_equal(kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

static void a_written_key_reads_back(void **state)
{
    (void)state;
    static const uint8_t secret[32] = {5};
    CLEANUP(pkey_freep) struct pkey *own = NULL;
    char kid[JWK_THUMBPRINT_LEN + 1];
    uint8_t signature[64];
    struct buf json;
    struct err err;
    assert_ok(pkey_new_own(secret, &own, &err), err);
    buf_init(&json, 4096);
    buf_add(&json, STR("{\"keys\":["));
    jwk_write(own, &json);
    buf_add(&json, STR("]}"));
    CLEANUP(jwk_set_unrefp) struct jwk_set *set = parse(buf_str(&json));
    buf_done(&json);
    jwk_thumbprint(own, kid);
    assert_int_equal(jwk_set_count(set), 1);
    assert_str(jwk_set_at(set, 0)->kid, kid);
    assert_true(pkey_sign(own, STR("x"), signature));
    assert_true(pkey_verify(jwk_set_at(set, 0)->key, PKEY_EDDSA, STR("x"),
                            str_of((const char *)signature, sizeof signature)));
    /* The public half alone. */
    assert_false(pkey_sign(jwk_set_at(set, 0)->key, STR("x"), signature));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_that_serve),
        cmocka_unit_test(keys_that_are_left_out_with_a_reason),
        cmocka_unit_test(a_kid_has_256_bytes_at_most),
        cmocka_unit_test(one_bad_key_does_not_spoil_the_others),
        cmocka_unit_test(what_is_no_key_set_is_refused),
        cmocka_unit_test(an_empty_key_set_is_one),
        cmocka_unit_test(a_set_has_a_hundred_keys_at_most),
        cmocka_unit_test(a_set_that_is_too_long_is_refused),
        cmocka_unit_test(a_set_lives_as_long_as_somebody_holds_it),
        cmocka_unit_test(the_thumbprint_is_that_of_the_rfc),
        cmocka_unit_test(a_written_key_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
