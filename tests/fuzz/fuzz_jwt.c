/*
 * fuzz_jwt.c - tokens and key sets from outside. The first byte says what follows: 'K' a key set,
 * 'S' a header, a line feed and claims, which are signed here so that what stands behind the
 * signature is reached, anything else a token as it comes.
 */
#include "fuzz.h"

#include <string.h>

#include "base/base64.h"
#include "identity/jwt.h"
#include "identity/person.h"

enum { ARENA_BYTES = 16 << 20 };

#define NOW INT64_C(1790000000)

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
static const struct provider corp = {
    .name = STR_INIT("corp"),
    .issuer = STR_INIT("https://login.example.com"),
    .groups_claim = STR_INIT("realm_access.roles"),
    .email_claim = STR_INIT("email"),
    .name_claim = STR_INIT("name"),
};

/* Lives as long as the process. */
static struct {
    struct pkey *key;
    struct jwk_set *set;
    struct token_table *users;
} ours;

static void set_up(void)
{
    static const uint8_t secret[32] = {7};
    const struct token_table_input nobody = {.user_count = 0};
    struct buf json;
    if (ours.key != NULL)
        return;
    require(pkey_new_own(secret, &ours.key, NULL) == ERR_OK);
    buf_init(&json, 4096);
    buf_add(&json, STR("{\"keys\":["));
    jwk_write(ours.key, &json);
    buf_add(&json, STR("]}"));
    require(!json.failed && jwk_set_parse(buf_str(&json), &ours.set, NULL) == ERR_OK);
    require(jwk_set_count(ours.set) == 1);
    buf_done(&json);
    require(token_table_new(&nobody, &ours.users, NULL) == ERR_OK);
}

static void check_key_set(struct str text)
{
    struct jwk_set *set = NULL;
    struct str why;
    if (jwk_set_parse(text, &set, NULL) != ERR_OK)
        return;
    require(text.len <= JWK_MAX_BYTES);
    require(jwk_set_count(set) + jwk_set_skipped(set, &why) <= JWK_MAX_KEYS);
    require((jwk_set_skipped(set, NULL) == 0) == (why.len == 0));
    for (size_t i = 0; i < jwk_set_count(set); i++) {
        const struct jwk *key = jwk_set_at(set, i);
        require(key->algs != 0 && (key->algs & ~PKEY_ALG_SET_ALL) == 0);
        require(key->kid.len <= JWK_MAX_KID);
        for (unsigned alg = 0; alg < PKEY_ALGS; alg++)
            if ((key->algs & PKEY_ALG_BIT(alg)) != 0)
                require(pkey_fits(pkey_type(key->key), (enum pkey_alg)alg));
    }
    jwk_set_unref(set);
}

/* What was judged to be good says so itself. */
static void check_claims(const struct jwt *jwt, struct arena *arena)
{
    struct jwt_claims claims;
    struct caller caller;
    const struct identity_rules rules = {.provider_count = 0};
    if (jwt_judge(jwt, &expectation, arena, &claims) != JWT_OK)
        return;
    require(str_eq(jwt->issuer, expectation.issuer));
    require(str_eq(claims.audience, audiences[0]));
    require(claims.subject.len > 0 && claims.subject.len <= JWT_MAX_SUBJECT);
    require(claims.expires_at > NOW - JWT_LEEWAY_SECONDS);
    require(claims.issued_at >= 0 && claims.issued_at <= NOW + JWT_LEEWAY_SECONDS);
    require(json_get(&jwt->claims, 0, STR("exp")) != JSON_NONE);
    if (person_of(&rules, &corp, jwt, &claims, ours.users, arena, &caller) != PERSON_OK)
        return;
    require(caller.kind == PRINCIPAL_HUMAN || caller.kind == PRINCIPAL_DELEGATED);
    require(str_eq(caller.subject, claims.subject));
}

static void check_token(struct str token, struct arena *arena)
{
    struct jwt jwt;
    uint8_t signature[64];
    if (jwt_parse(token, arena, &jwt) != JWT_OK)
        return;
    require(token.len <= JWT_MAX_BYTES && jwt_looks_like(token));
    require(str_starts(token, jwt.signed_bytes));
    require(json_is(&jwt.claims, 0, JSON_OBJECT));
    if (jwt_verify(&jwt, ours.set, PKEY_ALG_SET_ALL) == JWT_OK) {
        /* Ed25519 signs the same bytes in one way only. */
        require(jwt.alg == PKEY_EDDSA && pkey_sign(ours.key, jwt.signed_bytes, signature));
        require(str_eq(jwt.signature, str_of((const char *)signature, sizeof signature)));
        require(jwt_verify(&jwt, ours.set, ~PKEY_ALG_BIT(PKEY_EDDSA)) == JWT_BAD_ALG);
    }
    check_claims(&jwt, arena);
}

static struct str encode(struct arena *arena, struct str bytes)
{
    char *text = arena_alloc(arena, BASE64URL_LEN(bytes.len) + 1);
    require(text != NULL);
    return str_of(text, base64url_encode(bytes.ptr, bytes.len, text));
}

static void check_signed(struct str input, struct arena *arena)
{
    struct str claims = input;
    struct str header = str_cut(&claims, '\n');
    uint8_t signature[64];
    struct str signed_bytes = arena_printf(
        arena, STR_FMT "." STR_FMT, STR_ARG(encode(arena, header)), STR_ARG(encode(arena, claims)));
    require(signed_bytes.ptr != NULL && pkey_sign(ours.key, signed_bytes, signature));
    struct str last = encode(arena, str_of((const char *)signature, sizeof signature));
    check_token(arena_printf(arena, STR_FMT "." STR_FMT, STR_ARG(signed_bytes), STR_ARG(last)),
                arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str input = str_of((const char *)data, size);
    struct arena *arena = arena_new(ARENA_BYTES);
    require(arena != NULL);
    set_up();
    if (str_starts(input, STR("K")))
        check_key_set(str_from(input, 1));
    else if (str_starts(input, STR("S")))
        check_signed(str_from(input, 1), arena);
    else
        check_token(input, arena);
    arena_free(arena);
    return 0;
}
