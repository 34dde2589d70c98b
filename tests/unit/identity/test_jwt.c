/*
 * Tokens that must be refused, each with its own reason: what is wrong with one is the only thing
 * wrong with it, so that nothing is refused by luck.
 */
#include <stdio.h>

#include "unit.h"

#include "base/base64.h"
#include "identity/jwt.h"

#define NOW         INT64_C(1790000000)
#define ISS         "\"iss\":\"https://login.example.com\""
#define AUD         "\"aud\":\"https://gateway.example.com\""
#define SUB         "\"sub\":\"ann\""
#define EXP         "\"exp\":1790000300"
#define IAT         "\"iat\":1790000000"
#define GOOD_CLAIMS "{" ISS "," AUD "," SUB "," EXP "," IAT "}"
#define GOOD_HEADER "{\"alg\":\"EdDSA\",\"kid\":\"one\",\"typ\":\"at+jwt\"}"

struct world {
    struct pkey *key;
    struct jwk_set *set;
    struct arena *arena;
    size_t refused;
};

static struct jwk_set *set_of(const struct pkey *key, const char *kid)
{
    struct jwk_set *set = NULL;
    struct err err;
    uint8_t public[32];
    char x[44] = "";
    char json[256];
    pkey_public(key, public);
    base64url_encode(public, sizeof public, x);
    (void)snprintf(json, sizeof json,
                   "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%s\",\"kid\":\"%s\"}]}",
                   x, kid);
    assert_ok(jwk_set_parse(str_c(json), &set, &err), err);
    assert_int_equal(jwk_set_count(set), 1);
    return set;
}

static int set_up(void **state)
{
    static struct world world;
    struct err err;
    const uint8_t secret[32] = {1};
    assert_ok(pkey_new_own(secret, &world.key, &err), err);
    world.set = set_of(world.key, "one");
    world.arena = arena_new(64 << 20);
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    pkey_free(world->key);
    jwk_set_unref(world->set);
    arena_free(world->arena);
    return 0;
}

static struct str encode(struct arena *arena, struct str bytes)
{
    char *text = arena_alloc(arena, BASE64URL_LEN(bytes.len) + 1);
    assert_non_null(text);
    return str_of(text, base64url_encode(bytes.ptr, bytes.len, text));
}

/* Signed by the right key, whatever stands in it. */
static struct str sign(struct world *world, const char *header, const char *claims)
{
    uint8_t signature[64];
    struct str signed_bytes = arena_printf(world->arena, STR_FMT "." STR_FMT,
                                           STR_ARG(encode(world->arena, str_c(header))),
                                           STR_ARG(encode(world->arena, str_c(claims))));
    assert_true(pkey_sign(world->key, signed_bytes, signature));
    return arena_printf(world->arena, STR_FMT "." STR_FMT, STR_ARG(signed_bytes),
                        STR_ARG(encode(world->arena, str_of((const char *)signature, 64))));
}

static const struct str audiences[] = {STR_INIT("https://gateway.example.com")};
static const struct str types[] = {STR_INIT("at+jwt"), STR_INIT("jwt"), {NULL, 0}};
static const struct jwt_expect expectation = {
    .issuer = STR_INIT("https://login.example.com"),
    .audiences = audiences,
    .audience_count = ARRAY_LEN(audiences),
    .types = types,
    .type_count = ARRAY_LEN(types),
    .now = NOW,
    .is_access_token = true,
};

static enum jwt_why judge(struct world *world, struct str token, const struct jwt_expect *expect)
{
    struct jwt jwt;
    struct jwt_claims claims;
    enum jwt_why why = jwt_parse(token, world->arena, &jwt);
    if (why == JWT_OK)
        why = jwt_verify(&jwt, world->set, PKEY_ALG_SET_ALL);
    if (why == JWT_OK)
        why = jwt_judge(&jwt, expect, world->arena, &claims);
    return why;
}

static void check(struct world *world, struct str token, enum jwt_why expected, const char *what)
{
    enum jwt_why why = judge(world, token, &expectation);
    if (why != expected)
        print_error("%s: %s instead of %s\n", what, jwt_why_word(why), jwt_why_word(expected));
    assert_int_equal(why, expected);
    world->refused += expected != JWT_OK;
}

static void a_good_token_is_good(void **state)
{
    struct world *world = *state;
    static const char *const headers[] = {
        GOOD_HEADER,
        "{\"alg\":\"EdDSA\",\"kid\":\"one\"}",
        "{\"alg\":\"EdDSA\"}",
        "{\"alg\":\"Ed25519\",\"kid\":\"one\"}",
        "{\"typ\":\"JWT\",\"alg\":\"EdDSA\"}",
        "{\"typ\":\"application/at+jwt\",\"alg\":\"EdDSA\"}",
        "{\"typ\":\"AT+JWT\",\"alg\":\"EdDSA\",\"cty\":\"x\"}",
        /* Keys that a token brings along are never looked at. */
        "{\"alg\":\"EdDSA\",\"jku\":\"https://evil.example.com/keys\"}",
        "{\"alg\":\"EdDSA\",\"x5u\":\"https://evil.example.com/x\",\"x5c\":[\"AA\"],\"x5t\":\"a\"}",
        "{\"alg\":\"EdDSA\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AA\"}}",
    };
    for (size_t i = 0; i < ARRAY_LEN(headers); i++)
        check(world, sign(world, headers[i], GOOD_CLAIMS), JWT_OK, headers[i]);
}

struct row {
    const char *text;
    enum jwt_why why;
};

static void headers_that_are_refused(void **state)
{
    struct world *world = *state;
    static const struct row rows[] = {
        {"{}", JWT_BAD_ALG},
        {"{\"alg\":\"none\"}", JWT_BAD_ALG},
        {"{\"alg\":\"None\"}", JWT_BAD_ALG},
        {"{\"alg\":\"NONE\"}", JWT_BAD_ALG},
        {"{\"alg\":\"nOnE\"}", JWT_BAD_ALG},
        {"{\"alg\":\"\"}", JWT_BAD_ALG},
        {"{\"alg\":null}", JWT_BAD_ALG},
        {"{\"alg\":1}", JWT_BAD_ALG},
        {"{\"alg\":[\"EdDSA\"]}", JWT_BAD_ALG},
        {"{\"alg\":{\"a\":\"EdDSA\"}}", JWT_BAD_ALG},
        {"{\"alg\":true}", JWT_BAD_ALG},
        {"{\"alg\":\" EdDSA\"}", JWT_BAD_ALG},
        {"{\"alg\":\"EdDSA \"}", JWT_BAD_ALG},
        {"{\"alg\":\"eddsa\"}", JWT_BAD_ALG},
        {"{\"alg\":\"EDDSA\"}", JWT_BAD_ALG},
        {"{\"alg\":\"EdDSA\\u0000\"}", JWT_BAD_ALG},
        {"{\"alg\":\"Ed448\"}", JWT_BAD_ALG},
        {"{\"alg\":\"HS256\"}", JWT_BAD_ALG},
        {"{\"alg\":\"HS384\"}", JWT_BAD_ALG},
        {"{\"alg\":\"HS512\"}", JWT_BAD_ALG},
        {"{\"alg\":\"ES256K\"}", JWT_BAD_ALG},
        {"{\"alg\":\"RS1\"}", JWT_BAD_ALG},
        {"{\"alg\":\"A256KW\"}", JWT_BAD_ALG},
        {"{\"alg\":\"dir\",\"enc\":\"A256GCM\"}", JWT_BAD_ALG},
        {"{\"alg\":\"RSA-OAEP\"}", JWT_BAD_ALG},
        {"{\"alg\":\"PBES2-HS256+A128KW\"}", JWT_BAD_ALG},
        {"{\"Alg\":\"EdDSA\"}", JWT_BAD_ALG},
        {"{\"ALG\":\"EdDSA\"}", JWT_BAD_ALG},
        {"{\"alg\":\"RS256\",\"kid\":\"one\"}", JWT_UNKNOWN_KEY},
        {"{\"alg\":\"RS384\",\"kid\":\"one\"}", JWT_UNKNOWN_KEY},
        {"{\"alg\":\"RS512\",\"kid\":\"one\"}", JWT_UNKNOWN_KEY},
        {"{\"alg\":\"PS256\",\"kid\":\"one\"}", JWT_UNKNOWN_KEY},
        {"{\"alg\":\"PS384\",\"kid\":\"one\"}", JWT_UNKNOWN_KEY},
        {"{\"alg\":\"PS512\",\"kid\":\"one\"}", JWT_UNKNOWN_KEY},
        {"{\"alg\":\"ES256\",\"kid\":\"one\"}", JWT_UNKNOWN_KEY},
        {"{\"alg\":\"ES384\",\"kid\":\"one\"}", JWT_UNKNOWN_KEY},
        {"{\"alg\":\"ES512\",\"kid\":\"one\"}", JWT_UNKNOWN_KEY},
        {"{\"alg\":\"RS256\"}", JWT_UNKNOWN_KEY},
        {"{\"alg\":\"ES256\"}", JWT_UNKNOWN_KEY},
        {"{\"alg\":\"EdDSA\",\"crit\":[\"exp\"]}", JWT_CRIT},
        {"{\"alg\":\"EdDSA\",\"crit\":[]}", JWT_CRIT},
        {"{\"alg\":\"EdDSA\",\"crit\":null}", JWT_CRIT},
        {"{\"alg\":\"EdDSA\",\"crit\":\"exp\"}", JWT_CRIT},
        {"{\"alg\":\"EdDSA\",\"crit\":[\"b64\"],\"b64\":true}", JWT_CRIT},
        {"{\"alg\":\"EdDSA\",\"crit\":[\"x\"],\"x\":1}", JWT_CRIT},
        {"{\"alg\":\"EdDSA\",\"b64\":false}", JWT_CRIT},
        {"{\"alg\":\"EdDSA\",\"b64\":true}", JWT_CRIT},
        {"{\"alg\":\"EdDSA\",\"kid\":\"two\"}", JWT_UNKNOWN_KEY},
        {"{\"alg\":\"EdDSA\",\"kid\":\"One\"}", JWT_UNKNOWN_KEY},
        {"{\"alg\":\"EdDSA\",\"kid\":\"one \"}", JWT_UNKNOWN_KEY},
        {"{\"alg\":\"EdDSA\",\"kid\":\"one\\u0000\"}", JWT_UNKNOWN_KEY},
        {"{\"alg\":\"EdDSA\",\"kid\":\"../../../dev/null\"}", JWT_UNKNOWN_KEY},
        {"{\"alg\":\"EdDSA\",\"kid\":\"' OR 1=1 --\"}", JWT_UNKNOWN_KEY},
        {"{\"alg\":\"EdDSA\",\"kid\":\"https://evil.example.com/keys\"}", JWT_UNKNOWN_KEY},
        {"{\"alg\":\"EdDSA\",\"kid\":1}", JWT_BAD_KID},
        {"{\"alg\":\"EdDSA\",\"kid\":null}", JWT_BAD_KID},
        {"{\"alg\":\"EdDSA\",\"kid\":[\"one\"]}", JWT_BAD_KID},
        {"{\"alg\":\"EdDSA\",\"kid\":{}}", JWT_BAD_KID},
        {"{\"alg\":\"EdDSA\",\"kid\":true}", JWT_BAD_KID},
        {"{\"alg\":\"EdDSA\",\"typ\":\"logout+jwt\"}", JWT_BAD_TYP},
        {"{\"alg\":\"EdDSA\",\"typ\":\"oauth-id-jag+jwt\"}", JWT_BAD_TYP},
        {"{\"alg\":\"EdDSA\",\"typ\":\"dpop+jwt\"}", JWT_BAD_TYP},
        {"{\"alg\":\"EdDSA\",\"typ\":\"secevent+jwt\"}", JWT_BAD_TYP},
        {"{\"alg\":\"EdDSA\",\"typ\":\"id_token+jwt\"}", JWT_BAD_TYP},
        {"{\"alg\":\"EdDSA\",\"typ\":\"JWE\"}", JWT_BAD_TYP},
        {"{\"alg\":\"EdDSA\",\"typ\":\"\"}", JWT_BAD_TYP},
        {"{\"alg\":\"EdDSA\",\"typ\":null}", JWT_BAD_TYP},
        {"{\"alg\":\"EdDSA\",\"typ\":7}", JWT_BAD_TYP},
        {"{\"alg\":\"EdDSA\",\"typ\":[\"at+jwt\"]}", JWT_BAD_TYP},
        {"{\"alg\":\"EdDSA\",\"typ\":\"at+jwt \"}", JWT_BAD_TYP},
        {"{\"alg\":\"EdDSA\",\"typ\":\"application/application/at+jwt\"}", JWT_BAD_TYP},
        {"{\"alg\":\"EdDSA\",\"typ\":\"text/at+jwt\"}", JWT_BAD_TYP},
        {"{\"alg\":\"EdDSA\",\"alg\":\"EdDSA\"}", JWT_BAD_HEADER},
        {"{\"alg\":\"EdDSA\",\"\\u0061lg\":\"none\"}", JWT_BAD_HEADER},
        {"{\"alg\":\"EdDSA\",\"kid\":\"one\",\"kid\":\"two\"}", JWT_BAD_HEADER},
        {"{\"alg\":\"EdDSA\"", JWT_BAD_HEADER},
        {"{\"alg\":\"EdDSA\"}}", JWT_BAD_HEADER},
        {"{\"alg\":\"EdDSA\"} x", JWT_BAD_HEADER},
        {"{\"alg\":\"EdDSA\",}", JWT_BAD_HEADER},
        {"{'alg':'EdDSA'}", JWT_BAD_HEADER},
        {"\xef\xbb\xbf{\"alg\":\"EdDSA\"}", JWT_BAD_HEADER},
        {"{\"alg\":\"EdDSA\",\"x\":\"\xff\"}", JWT_BAD_HEADER},
        {"{\"alg\":\"EdDSA\",\"x\":\"\\ud800\"}", JWT_BAD_HEADER},
        {"{\"alg\":\"EdDSA\",\"x\":01}", JWT_BAD_HEADER},
        {"{\"alg\":\"EdDSA\",\"x\":NaN}", JWT_BAD_HEADER},
        {"{\"alg\":\"EdDSA\"/**/}", JWT_BAD_HEADER},
        {"[\"EdDSA\"]", JWT_BAD_HEADER},
        {"\"EdDSA\"", JWT_BAD_HEADER},
        {"null", JWT_BAD_HEADER},
        {"1", JWT_BAD_HEADER},
        {" ", JWT_BAD_HEADER},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check(world, sign(world, rows[i].text, GOOD_CLAIMS), rows[i].why, rows[i].text);
}

static void claims_that_are_refused(void **state)
{
    struct world *world = *state;
    static const struct row rows[] = {
        {"{" AUD "," SUB "," EXP "}", JWT_BAD_ISSUER},
        {"{\"iss\":\"\"," AUD "," SUB "," EXP "}", JWT_BAD_ISSUER},
        {"{\"iss\":null," AUD "," SUB "," EXP "}", JWT_BAD_ISSUER},
        {"{\"iss\":1," AUD "," SUB "," EXP "}", JWT_BAD_ISSUER},
        {"{\"iss\":[\"https://login.example.com\"]," AUD "," SUB "," EXP "}", JWT_BAD_ISSUER},
        {"{\"iss\":\"https://login.example.com/\"," AUD "," SUB "," EXP "}", JWT_BAD_ISSUER},
        {"{\"iss\":\"https://LOGIN.example.com\"," AUD "," SUB "," EXP "}", JWT_BAD_ISSUER},
        {"{\"iss\":\"http://login.example.com\"," AUD "," SUB "," EXP "}", JWT_BAD_ISSUER},
        {"{\"iss\":\"https://login.example.com \"," AUD "," SUB "," EXP "}", JWT_BAD_ISSUER},
        {"{\"iss\":\"https://login.example.com\\u0000\"," AUD "," SUB "," EXP "}", JWT_BAD_ISSUER},
        {"{\"iss\":\"https://login.example.com.evil.example\"," AUD "," SUB "," EXP "}",
         JWT_BAD_ISSUER},
        {"{\"Iss\":\"https://login.example.com\"," AUD "," SUB "," EXP "}", JWT_BAD_ISSUER},
        {"{" ISS "," SUB "," EXP "}", JWT_BAD_AUDIENCE},
        {"{" ISS ",\"aud\":null," SUB "," EXP "}", JWT_BAD_AUDIENCE},
        {"{" ISS ",\"aud\":\"\"," SUB "," EXP "}", JWT_BAD_AUDIENCE},
        {"{" ISS ",\"aud\":[]," SUB "," EXP "}", JWT_BAD_AUDIENCE},
        {"{" ISS ",\"aud\":{}," SUB "," EXP "}", JWT_BAD_AUDIENCE},
        {"{" ISS ",\"aud\":true," SUB "," EXP "}", JWT_BAD_AUDIENCE},
        {"{" ISS ",\"aud\":[[\"https://gateway.example.com\"]]," SUB "," EXP "}", JWT_BAD_AUDIENCE},
        {"{" ISS ",\"aud\":[\"https://gateway.example.com\",1]," SUB "," EXP "}", JWT_BAD_AUDIENCE},
        {"{" ISS ",\"aud\":\"https://gateway.example.com/\"," SUB "," EXP "}", JWT_BAD_AUDIENCE},
        {"{" ISS ",\"aud\":\"https://gateway.example.com/mcp\"," SUB "," EXP "}", JWT_BAD_AUDIENCE},
        {"{" ISS ",\"aud\":\"https://gateway.example.co\"," SUB "," EXP "}", JWT_BAD_AUDIENCE},
        {"{" ISS ",\"aud\":\"HTTPS://gateway.example.com\"," SUB "," EXP "}", JWT_BAD_AUDIENCE},
        {"{" ISS ",\"aud\":\"*\"," SUB "," EXP "}", JWT_BAD_AUDIENCE},
        {"{" ISS ",\"aud\":\"https://gateway.example.com https://b.example\"," SUB "," EXP "}",
         JWT_BAD_AUDIENCE},
        {"{" ISS ",\"aud\":[\"https://a.example\",\"https://b.example\"]," SUB "," EXP "}",
         JWT_BAD_AUDIENCE},
        {"{" ISS "," AUD "," EXP "}", JWT_NO_SUBJECT},
        {"{" ISS "," AUD ",\"sub\":\"\"," EXP "}", JWT_NO_SUBJECT},
        {"{" ISS "," AUD ",\"sub\":null," EXP "}", JWT_NO_SUBJECT},
        {"{" ISS "," AUD ",\"sub\":7," EXP "}", JWT_NO_SUBJECT},
        {"{" ISS "," AUD ",\"sub\":[\"ann\"]," EXP "}", JWT_NO_SUBJECT},
        {"{" ISS "," AUD ",\"sub\":{}," EXP "}", JWT_NO_SUBJECT},
        {"{" ISS "," AUD "," SUB "}", JWT_NO_EXPIRY},
        {"{" ISS "," AUD "," SUB ",\"exp\":null}", JWT_NO_EXPIRY},
        {"{" ISS "," AUD "," SUB ",\"exp\":\"1790000300\"}", JWT_NO_EXPIRY},
        {"{" ISS "," AUD "," SUB ",\"exp\":1790000300.5}", JWT_NO_EXPIRY},
        {"{" ISS "," AUD "," SUB ",\"exp\":1.79e9}", JWT_NO_EXPIRY},
        {"{" ISS "," AUD "," SUB ",\"exp\":true}", JWT_NO_EXPIRY},
        {"{" ISS "," AUD "," SUB ",\"exp\":[1790000300]}", JWT_NO_EXPIRY},
        {"{" ISS "," AUD "," SUB ",\"exp\":-1}", JWT_NO_EXPIRY},
        {"{" ISS "," AUD "," SUB ",\"exp\":9223372036854775807}", JWT_NO_EXPIRY},
        {"{" ISS "," AUD "," SUB ",\"exp\":9223372036854775808}", JWT_NO_EXPIRY},
        {"{" ISS "," AUD "," SUB ",\"exp\":1e400}", JWT_NO_EXPIRY},
        {"{" ISS "," AUD "," SUB ",\"exp\":0}", JWT_EXPIRED},
        {"{" ISS "," AUD "," SUB ",\"exp\":1}", JWT_EXPIRED},
        {"{" ISS "," AUD "," SUB ",\"exp\":1789999940}", JWT_EXPIRED},
        {"{" ISS "," AUD "," SUB ",\"exp\":1789996400}", JWT_EXPIRED},
        {"{" ISS "," AUD "," SUB "," EXP ",\"nbf\":1790000061}", JWT_NOT_YET},
        {"{" ISS "," AUD "," SUB "," EXP ",\"nbf\":9007199254740992}", JWT_NOT_YET},
        {"{" ISS "," AUD "," SUB "," EXP ",\"iat\":1790000061}", JWT_NOT_YET},
        {"{" ISS "," AUD "," SUB "," EXP ",\"nbf\":\"0\"}", JWT_BAD_TIME},
        {"{" ISS "," AUD "," SUB "," EXP ",\"nbf\":null}", JWT_BAD_TIME},
        {"{" ISS "," AUD "," SUB "," EXP ",\"nbf\":-1}", JWT_BAD_TIME},
        {"{" ISS "," AUD "," SUB "," EXP ",\"nbf\":0.5}", JWT_BAD_TIME},
        {"{" ISS "," AUD "," SUB "," EXP ",\"nbf\":9007199254740993}", JWT_BAD_TIME},
        {"{" ISS "," AUD "," SUB "," EXP ",\"iat\":\"now\"}", JWT_BAD_TIME},
        {"{" ISS "," AUD "," SUB "," EXP ",\"iat\":false}", JWT_BAD_TIME},
        {"{" ISS "," AUD "," SUB "," EXP ",\"iat\":{}}", JWT_BAD_TIME},
        {"{" ISS "," AUD "," SUB "," EXP ",\"iat\":-5}", JWT_BAD_TIME},
        {"{" ISS "," AUD "," SUB "," EXP ",\"cnf\":{\"jkt\":\"x\"}}", JWT_BOUND},
        {"{" ISS "," AUD "," SUB "," EXP ",\"cnf\":{\"x5t#S256\":\"x\"}}", JWT_BOUND},
        {"{" ISS "," AUD "," SUB "," EXP ",\"cnf\":null}", JWT_BOUND},
        {"{" ISS "," AUD "," SUB "," EXP ",\"at_hash\":\"x\"}", JWT_ID_TOKEN},
        {"{" ISS "," AUD "," SUB "," EXP ",\"c_hash\":\"x\"}", JWT_ID_TOKEN},
        {"{" ISS "," AUD "," SUB "," EXP ",\"at_hash\":null}", JWT_ID_TOKEN},
        {"{" ISS "," AUD "," SUB "," EXP "," EXP "}", JWT_BAD_CLAIMS},
        {"{" ISS "," AUD "," SUB "," EXP ",\"sub\":\"owner\"}", JWT_BAD_CLAIMS},
        {"{" ISS "," AUD "," SUB "," EXP ",\"\\u0073ub\":\"owner\"}", JWT_BAD_CLAIMS},
        {"{" ISS "," ISS "," AUD "," SUB "," EXP "}", JWT_BAD_CLAIMS},
        {"{" ISS "," AUD "," SUB "," EXP ",\"x\":{\"a\":1,\"a\":2}}", JWT_BAD_CLAIMS},
        {"{" ISS "," AUD "," SUB "," EXP, JWT_BAD_CLAIMS},
        {"{" ISS "," AUD "," SUB "," EXP "}{}", JWT_BAD_CLAIMS},
        {"{" ISS "," AUD "," SUB "," EXP ",}", JWT_BAD_CLAIMS},
        {"{" ISS "," AUD "," SUB "," EXP ",\"x\":\"\xc3\"}", JWT_BAD_CLAIMS},
        {"{" ISS "," AUD "," SUB "," EXP ",\"x\":\"\t\"}", JWT_BAD_CLAIMS},
        {"{" ISS "," AUD "," SUB "," EXP ",\"a\\u0000\":1}", JWT_BAD_CLAIMS},
        {"[" AUD "]", JWT_BAD_CLAIMS},
        {"[]", JWT_BAD_CLAIMS},
        {"\"ann\"", JWT_BAD_CLAIMS},
        {"null", JWT_BAD_CLAIMS},
        {"", JWT_BAD_CLAIMS},
        {" ", JWT_BAD_CLAIMS},
        {"\xff\xfe", JWT_BAD_CLAIMS},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check(world, sign(world, GOOD_HEADER, rows[i].text), rows[i].why, rows[i].text);
}

static struct str with(struct world *world, struct str token, size_t at, const char *insert)
{
    return arena_printf(world->arena, STR_FMT "%s" STR_FMT, STR_ARG(str_first(token, at)), insert,
                        STR_ARG(str_from(token, at)));
}

/* Each form, at the start of every part and at the end. */
static void forms_that_are_refused(void **state)
{
    struct world *world = *state;
    struct str good = sign(world, GOOD_HEADER, GOOD_CLAIMS);
    size_t dot = str_find(good, '.');
    size_t second = dot + 1 + str_find(str_from(good, dot + 1), '.');
    const size_t places[] = {0, 5, dot, dot + 1, dot + 6, second, second + 1, second + 7, good.len};
    static const char *const inserts[] = {" ", "\n", "\r\n", "\t",   "=",
                                          "+", "/",  "%",    "\x01", "\xff"};
    for (size_t i = 0; i < ARRAY_LEN(places); i++)
        for (size_t j = 0; j < ARRAY_LEN(inserts); j++)
            check(world, with(world, good, places[i], inserts[j]), JWT_BAD_ENCODING, inserts[j]);
    static const struct row rows[] = {
        {"", JWT_NOT_COMPACT},          {".", JWT_NOT_COMPACT},
        {"..", JWT_NOT_COMPACT},        {"a", JWT_NOT_COMPACT},
        {"a.b", JWT_NOT_COMPACT},       {"a.b.", JWT_NOT_COMPACT},
        {".b.c", JWT_NOT_COMPACT},      {"a.b.c.d", JWT_NOT_COMPACT},
        {"a.b.c.d.e", JWT_NOT_COMPACT}, {"{\"payload\":\"\",\"signatures\":[]}", JWT_NOT_COMPACT},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check(world, str_c(rows[i].text), rows[i].why, rows[i].text);
}

static void a_changed_signature_is_refused(void **state)
{
    struct world *world = *state;
    struct str good = sign(world, GOOD_HEADER, GOOD_CLAIMS);
    size_t start = good.len - BASE64URL_LEN(64);
    /* The last digit of a signature holds unused bits: changing it is no base64url any more. */
    for (size_t at = start; at + 1 < good.len; at += 5) {
        char *bytes = arena_alloc(world->arena, good.len);
        assert_non_null(bytes);
        memcpy(bytes, good.ptr, good.len);
        bytes[at] = bytes[at] == 'A' ? 'B' : 'A';
        check(world, str_of(bytes, good.len), JWT_BAD_SIGNATURE, "a changed signature");
    }
    check(world, str_first(good, good.len - 2), JWT_BAD_SIGNATURE, "a short signature");
    check(world, with(world, good, good.len, "AAAA"), JWT_BAD_SIGNATURE, "a long signature");
}

static void what_is_too_long_is_refused(void **state)
{
    struct world *world = *state;
    static char text[JWT_MAX_BYTES + 64];
    memset(text, 'a', sizeof text - 1);
    check(world, str_of(text, JWT_MAX_BYTES + 1), JWT_TOO_LONG, "a long token");
    struct str header = arena_printf(world->arena, "{\"alg\":\"EdDSA\",\"x\":\"%.4000s\"}", text);
    check(world, sign(world, header.ptr, GOOD_CLAIMS), JWT_TOO_LONG, "a long header");
    struct str kid = arena_printf(world->arena, "{\"alg\":\"EdDSA\",\"kid\":\"%.257s\"}", text);
    check(world, sign(world, kid.ptr, GOOD_CLAIMS), JWT_BAD_KID, "a long kid");
    struct str sub =
        arena_printf(world->arena, "{" ISS "," AUD "," EXP ",\"sub\":\"%.1025s\"}", text);
    check(world, sign(world, GOOD_HEADER, sub.ptr), JWT_NO_SUBJECT, "a long subject");
    struct str jti =
        arena_printf(world->arena, "{" ISS "," AUD "," EXP "," SUB ",\"jti\":\"%.1025s\"}", text);
    check(world, sign(world, GOOD_HEADER, jti.ptr), JWT_NO_ID, "a long id");
}

static void another_key_under_the_same_name_is_refused(void **state)
{
    struct world *world = *state;
    struct world other = *world;
    struct err err;
    const uint8_t secret[32] = {2};
    assert_ok(pkey_new_own(secret, &other.key, &err), err);
    check(world, sign(&other, GOOD_HEADER, GOOD_CLAIMS), JWT_BAD_SIGNATURE, "another key");
    pkey_free(other.key);
}

static void the_clock_may_differ_by_a_minute(void **state)
{
    struct world *world = *state;
    static const char *const fine[] = {
        "{" ISS "," AUD "," SUB ",\"exp\":1789999941}",
        "{" ISS "," AUD "," SUB "," EXP ",\"nbf\":1790000060}",
        "{" ISS "," AUD "," SUB "," EXP ",\"iat\":1790000060}",
        "{" ISS ",\"aud\":[\"x\",\"https://gateway.example.com\"]," SUB "," EXP "}",
    };
    for (size_t i = 0; i < ARRAY_LEN(fine); i++)
        check(world, sign(world, GOOD_HEADER, fine[i]), JWT_OK, fine[i]);
}

static void an_assertion_is_judged_more_strictly(void **state)
{
    struct world *world = *state;
    struct jwt_expect expect = expectation;
    expect.max_seconds = 3600;
    expect.must_have_id = true;
    expect.has_one_audience = true;
    static const struct row rows[] = {
        {"{" ISS "," AUD "," SUB "," EXP "," IAT ",\"jti\":\"1\"}", JWT_OK},
        {"{" ISS "," AUD "," SUB "," EXP "," IAT "}", JWT_NO_ID},
        {"{" ISS "," AUD "," SUB "," EXP "," IAT ",\"jti\":\"\"}", JWT_NO_ID},
        {"{" ISS "," AUD "," SUB "," EXP "," IAT ",\"jti\":5}", JWT_NO_ID},
        {"{" ISS "," AUD "," SUB ",\"exp\":1790003661," IAT ",\"jti\":\"1\"}", JWT_TOO_OLD},
        {"{" ISS "," AUD "," SUB "," EXP ",\"iat\":1789996339,\"jti\":\"1\"}", JWT_TOO_OLD},
        {"{" ISS "," AUD "," SUB "," EXP ",\"jti\":\"1\"}", JWT_TOO_OLD},
        {"{" ISS ",\"aud\":[\"https://gateway.example.com\",\"x\"]," SUB "," EXP "," IAT
         ",\"jti\":\"1\"}",
         JWT_BAD_AUDIENCE},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        enum jwt_why why = judge(world, sign(world, GOOD_HEADER, rows[i].text), &expect);
        if (why != rows[i].why)
            print_error("%s: %s\n", rows[i].text, jwt_why_word(why));
        assert_int_equal(why, rows[i].why);
    }
}

/* Key sets of up to three keys: "=" is the key that signed, "-" another one. */
static struct jwk_set *set_of_several(struct world *world, const char *const *keys, size_t count)
{
    struct jwk_set *set = NULL;
    struct pkey *other = NULL;
    struct buf json;
    struct err err;
    const uint8_t secret[32] = {9};
    assert_ok(pkey_new_own(secret, &other, &err), err);
    buf_init(&json, 4096);
    buf_add(&json, STR("{\"keys\":["));
    for (size_t i = 0; i < count; i++) {
        uint8_t public[32];
        char x[44] = "";
        pkey_public(keys[i][0] == '=' ? world->key : other, public);
        base64url_encode(public, sizeof public, x);
        buf_printf(&json, "%s{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%s\"%s}",
                   i == 0 ? "" : ",", x, keys[i] + 1);
    }
    buf_add(&json, STR("]}"));
    assert_ok(jwk_set_parse(buf_str(&json), &set, &err), err);
    buf_done(&json);
    pkey_free(other);
    return set;
}

static void one_key_must_fit(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *keys[3];
        size_t count;
        const char *header;
        enum jwt_why why;
    } rows[] = {
        {{NULL}, 0, "{\"alg\":\"EdDSA\"}", JWT_UNKNOWN_KEY},
        {{"="}, 1, "{\"alg\":\"EdDSA\"}", JWT_OK},
        {{"=,\"kid\":\"a\""}, 1, "{\"alg\":\"EdDSA\"}", JWT_OK},
        {{"="}, 1, "{\"alg\":\"EdDSA\",\"kid\":\"a\"}", JWT_UNKNOWN_KEY},
        {{"=,\"kid\":\"a\""}, 1, "{\"alg\":\"EdDSA\",\"kid\":\"b\"}", JWT_UNKNOWN_KEY},
        /* Nobody tries keys one behind the other until one fits. */
        {{"=", "-"}, 2, "{\"alg\":\"EdDSA\"}", JWT_UNKNOWN_KEY},
        {{"=,\"kid\":\"a\"", "-,\"kid\":\"b\""}, 2, "{\"alg\":\"EdDSA\"}", JWT_UNKNOWN_KEY},
        {{"-,\"kid\":\"b\"", "=,\"kid\":\"a\""}, 2, "{\"alg\":\"EdDSA\",\"kid\":\"a\"}", JWT_OK},
        {{"-,\"kid\":\"b\"", "=,\"kid\":\"a\""},
         2,
         "{\"alg\":\"EdDSA\",\"kid\":\"b\"}",
         JWT_BAD_SIGNATURE},
        {{"-,\"kid\":\"a\"", "=,\"kid\":\"a\""},
         2,
         "{\"alg\":\"EdDSA\",\"kid\":\"a\"}",
         JWT_UNKNOWN_KEY},
        /* A key that does not serve is not there. */
        {{"-,\"use\":\"enc\"", "="}, 2, "{\"alg\":\"EdDSA\"}", JWT_OK},
        {{"-,\"kid\":\"a\",\"use\":\"enc\"", "=,\"kid\":\"a\""},
         2,
         "{\"alg\":\"EdDSA\",\"kid\":\"a\"}",
         JWT_OK},
        {{"=,\"use\":\"enc\""}, 1, "{\"alg\":\"EdDSA\"}", JWT_UNKNOWN_KEY},
        {{"=,\"alg\":\"RS256\""}, 1, "{\"alg\":\"EdDSA\"}", JWT_UNKNOWN_KEY},
        {{"=,\"key_ops\":[\"sign\"]"}, 1, "{\"alg\":\"EdDSA\"}", JWT_UNKNOWN_KEY},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct jwt jwt;
        CLEANUP(jwk_set_unrefp)
        struct jwk_set *set = set_of_several(world, rows[i].keys, rows[i].count);
        assert_int_equal(jwt_parse(sign(world, rows[i].header, GOOD_CLAIMS), world->arena, &jwt),
                         JWT_OK);
        enum jwt_why why = jwt_verify(&jwt, set, PKEY_ALG_SET_ALL);
        if (why != rows[i].why)
            fail_msg("row %zu: %s", i, jwt_why_word(why));
    }
}

/* Whatever memory there is: the claims that were sent, or a refusal. */
static void a_full_arena_is_a_limit_and_no_other_token(void **state)
{
    struct world *world = *state;
    struct str token =
        sign(world, "{\"alg\":\"EdDSA\",\"kid\":\"\\u006fne\"}",
             "{" ISS "," EXP ",\"aud\":[\"x\\u0061\",\"https:\\/\\/gateway.example.com\"],"
             "\"sub\":\"\\u0061nn\",\"jti\":\"\\u0031\"}");
    size_t good = 0;
    size_t refused = 0;
    for (size_t room = 0; room < 8192; room += 8) {
        CLEANUP(arena_freep) struct arena *arena = arena_new(room);
        struct jwt jwt;
        struct jwt_claims claims;
        enum jwt_why why = jwt_parse(token, arena, &jwt);
        if (why == JWT_OK)
            why = jwt_verify(&jwt, world->set, PKEY_ALG_SET_ALL);
        if (why == JWT_OK)
            why = jwt_judge(&jwt, &expectation, arena, &claims);
        if (why != JWT_OK) {
            refused++;
            continue;
        }
        good++;
        assert_str(claims.subject, "ann");
        assert_str(claims.id, "1");
        assert_str(claims.audience, "https://gateway.example.com");
    }
    assert_true(good > 0 && refused > 0);
}

static void an_issuer_may_be_held_to_its_algorithms(void **state)
{
    struct world *world = *state;
    struct jwt jwt;
    assert_int_equal(jwt_parse(sign(world, GOOD_HEADER, GOOD_CLAIMS), world->arena, &jwt), JWT_OK);
    assert_int_equal(jwt_verify(&jwt, world->set, PKEY_ALG_BIT(PKEY_RS256)), JWT_BAD_ALG);
    assert_int_equal(jwt_verify(&jwt, world->set, 0), JWT_BAD_ALG);
}

static void every_reason_has_a_word_of_its_own(void **state)
{
    (void)state;
    for (unsigned i = 0; i < JWT_WHYS; i++)
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(jwt_why_word((enum jwt_why)i), jwt_why_word((enum jwt_why)j));
}

static void more_than_two_hundred_were_refused(void **state)
{
    const struct world *world = *state;
    assert_true(world->refused >= 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_token_is_good),
        cmocka_unit_test(headers_that_are_refused),
        cmocka_unit_test(claims_that_are_refused),
        cmocka_unit_test(forms_that_are_refused),
        cmocka_unit_test(a_changed_signature_is_refused),
        cmocka_unit_test(what_is_too_long_is_refused),
        cmocka_unit_test(another_key_under_the_same_name_is_refused),
        cmocka_unit_test(the_clock_may_differ_by_a_minute),
        cmocka_unit_test(an_assertion_is_judged_more_strictly),
        cmocka_unit_test(one_key_must_fit),
        cmocka_unit_test(a_full_arena_is_a_limit_and_no_other_token),
        cmocka_unit_test(an_issuer_may_be_held_to_its_algorithms),
        cmocka_unit_test(every_reason_has_a_word_of_its_own),
        cmocka_unit_test(more_than_two_hundred_were_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
