#include "identity/jwk.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/crypto.h"
#include "base/json.h"

enum { ARENA_BYTES = 8 << 20, MAX_NUMBER_BYTES = 1024 };

static const struct json_limits limits = {
    .max_bytes = JWK_MAX_BYTES, .max_depth = 16, .max_values = 65536, .max_members = 1024};

struct jwk_set {
    _Atomic unsigned refs;
    struct arena *arena;
    struct jwk keys[JWK_MAX_KEYS];
    size_t count;
    size_t skipped;
    char why[160]; /* the first one was left out */
};

struct jwk_set *jwk_set_ref(struct jwk_set *set)
{
    atomic_fetch_add_explicit(&set->refs, 1, memory_order_relaxed);
    return set;
}

static void free_key(void *key)
{
    pkey_free(key);
}

void jwk_set_unref(struct jwk_set *set)
{
    if (set == NULL || atomic_fetch_sub_explicit(&set->refs, 1, memory_order_acq_rel) != 1)
        return;
    arena_free(set->arena);
    free(set);
}

void jwk_set_unrefp(struct jwk_set **set)
{
    jwk_set_unref(*set);
    *set = NULL;
}

size_t jwk_set_count(const struct jwk_set *set)
{
    return set->count;
}

const struct jwk *jwk_set_at(const struct jwk_set *set, size_t index)
{
    return &set->keys[index];
}

size_t jwk_set_skipped(const struct jwk_set *set, struct str *ret_why)
{
    if (ret_why != NULL)
        *ret_why = str_c(set->why);
    return set->skipped;
}

/* ---- one key ---- */

struct reader {
    const struct json_doc *doc;
    json_pos object;
    struct arena *arena;
};

/* False: there, but no text. Not there: *ret_text is empty. */
static bool text_of(const struct reader *r, const char *name, struct str *ret_text)
{
    json_pos pos = json_get(r->doc, r->object, str_c(name));

    *ret_text = STR_NONE;
    return pos == JSON_NONE || json_str(r->doc, pos, r->arena, ret_text);
}

/* A member that holds bytes in base64url. */
static bool bytes_of(const struct reader *r, const char *name, struct str *ret_bytes)
{
    struct str text;
    size_t len = 0;

    if (!text_of(r, name, &text) || text.len == 0 || text.len > MAX_NUMBER_BYTES * 2)
        return false;
    char *bytes = arena_alloc(r->arena, text.len);
    if (bytes == NULL || !base64url_decode(text, bytes, &len))
        return false;
    *ret_bytes = str_of(bytes, len);
    return true;
}

static enum err_code read_rsa(const struct reader *r, struct pkey **ret_key, struct err *err)
{
    struct str n;
    struct str e;

    if (!bytes_of(r, "n", &n) || !bytes_of(r, "e", &e))
        return err_set(err, ERR_INVALID, "n or e is missing, or no base64url");
    return pkey_new_rsa(n, e, ret_key, err);
}

static enum err_code read_ec(const struct reader *r, struct pkey **ret_key, struct err *err)
{
    static const struct {
        const char *name;
        enum pkey_type type;
    } curves[] = {{"P-256", PKEY_P256}, {"P-384", PKEY_P384}, {"P-521", PKEY_P521}};
    struct str curve;
    struct str x;
    struct str y;
    size_t i = 0;

    if (!text_of(r, "crv", &curve) || !bytes_of(r, "x", &x) || !bytes_of(r, "y", &y))
        return err_set(err, ERR_INVALID, "crv, x or y is missing, or no base64url");
    while (i < ARRAY_LEN(curves) && !str_eq(curve, str_c(curves[i].name)))
        i++;
    if (i == ARRAY_LEN(curves))
        return err_set(err, ERR_INVALID, "a curve that is not taken");
    return pkey_new_ec(curves[i].type, x, y, ret_key, err);
}

static enum err_code read_okp(const struct reader *r, struct pkey **ret_key, struct err *err)
{
    struct str curve;
    struct str x;

    if (!text_of(r, "crv", &curve) || !str_eq(curve, STR("Ed25519")) || !bytes_of(r, "x", &x))
        return err_set(err, ERR_INVALID, "a curve that is not taken");
    return pkey_new_ed25519(x, ret_key, err);
}

/* Members of private and symmetric keys (RFC 7518 §6.2.2, §6.3.2, §6.4.1). Who publishes one of
 * them has given the key away. */
static bool is_secret(const struct reader *r)
{
    static const char *const names[] = {"d", "k", "p", "q", "dp", "dq", "qi", "oth"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (json_get(r->doc, r->object, str_c(names[i])) != JSON_NONE)
            return true;
    }
    return false;
}

static enum err_code read_public(const struct reader *r, struct pkey **ret_key, struct err *err)
{
    struct str type;

    if (is_secret(r))
        return err_set(err, ERR_INVALID, "a secret key among public ones");
    if (!text_of(r, "kty", &type))
        return err_set(err, ERR_INVALID, "kty is no text");
    if (str_eq(type, STR("RSA")))
        return read_rsa(r, ret_key, err);
    if (str_eq(type, STR("EC")))
        return read_ec(r, ret_key, err);
    if (str_eq(type, STR("OKP")))
        return read_okp(r, ret_key, err);
    return err_set(err, ERR_INVALID, "a key type that is not taken");
}

/* use and key_ops (RFC 7517 §4.2, §4.3), where they stand. */
static bool may_verify(const struct reader *r)
{
    json_pos ops = json_get(r->doc, r->object, STR("key_ops"));
    struct str use;

    if (!text_of(r, "use", &use) || (use.len > 0 && !str_eq(use, STR("sig"))))
        return false;
    if (ops == JSON_NONE)
        return true;
    if (!json_is(r->doc, ops, JSON_ARRAY))
        return false;
    for (json_pos each = json_first(r->doc, ops); each != JSON_NONE;
         each = json_next(r->doc, ops, each)) {
        if (json_str_is(r->doc, each, STR("verify")))
            return true;
    }
    return false;
}

/* The algorithms that type and `alg` leave. */
static uint32_t algs_of(const struct reader *r, enum pkey_type type)
{
    enum pkey_alg named = PKEY_ALGS;
    struct str word;
    uint32_t algs = 0;

    if (!text_of(r, "alg", &word) || (word.len > 0 && !pkey_alg_parse(word, &named)))
        return 0;
    for (unsigned i = 0; i < PKEY_ALGS; i++) {
        if ((word.len == 0 || i == named) && pkey_fits(type, (enum pkey_alg)i))
            algs |= PKEY_ALG_BIT(i);
    }
    return algs;
}

static enum err_code read_key(struct jwk_set *set, const struct reader *r, struct err *err)
{
    struct jwk jwk = {.algs = 0};
    struct pkey *key = NULL;

    if (!json_is(r->doc, r->object, JSON_OBJECT))
        return err_set(err, ERR_INVALID, "no object");
    if (!text_of(r, "kid", &jwk.kid) || jwk.kid.len > JWK_MAX_KID)
        return err_set(err, ERR_INVALID, "kid is no text, or too long");
    if (!may_verify(r))
        return err_set(err, ERR_INVALID, "not for verifying");
    enum err_code code = read_public(r, &key, err);
    if (code != ERR_OK)
        return code;
    if (!arena_defer(set->arena, free_key, key)) {
        pkey_free(key);
        return err_set(err, ERR_LIMIT, "memory is out");
    }
    jwk.key = key;
    jwk.algs = algs_of(r, pkey_type(key));
    jwk.kid = arena_dup(set->arena, jwk.kid);
    if (jwk.algs == 0)
        return err_set(err, ERR_INVALID, "an algorithm that is not taken, or not of this key");
    if (jwk.kid.ptr == NULL)
        return err_set(err, ERR_LIMIT, "memory is out");
    set->keys[set->count++] = jwk;
    return ERR_OK;
}

static void skip(struct jwk_set *set, const struct err *why)
{
    if (set->skipped++ == 0)
        (void)snprintf(set->why, sizeof set->why, "%.*s", (int)sizeof set->why - 1, why->text);
}

static enum err_code read_keys(struct jwk_set *set, const struct json_doc *doc, json_pos keys,
                               struct arena *scratch, struct err *err)
{
    struct err why;

    for (json_pos each = json_first(doc, keys); each != JSON_NONE;
         each = json_next(doc, keys, each)) {
        const struct reader r = {.doc = doc, .object = each, .arena = scratch};

        if (set->count + set->skipped == JWK_MAX_KEYS)
            return err_set(err, ERR_LIMIT, "a key set of more than %d keys", JWK_MAX_KEYS);
        if (read_key(set, &r, &why) != ERR_OK)
            skip(set, &why);
    }
    return ERR_OK;
}

enum err_code jwk_set_parse(struct str json, struct jwk_set **ret_set, struct err *err)
{
    CLEANUP(arena_freep) struct arena *scratch = arena_new(ARENA_BYTES);
    CLEANUP(jwk_set_unrefp) struct jwk_set *set = calloc(1, sizeof *set);
    struct json_doc doc;

    if (set == NULL || scratch == NULL)
        return err_set(err, ERR_LIMIT, "memory is out");
    set->refs = 1;
    set->arena = arena_new(ARENA_BYTES);
    if (set->arena == NULL)
        return err_set(err, ERR_LIMIT, "memory is out");
    if (json_parse(json, &limits, scratch, &doc, err) != ERR_OK)
        return err_wrap(err, "key set");
    json_pos keys = json_get(&doc, 0, STR("keys"));
    if (!json_is(&doc, keys, JSON_ARRAY))
        return err_set(err, ERR_INVALID, "key set: there is no list of keys");
    enum err_code code = read_keys(set, &doc, keys, scratch, err);
    if (code == ERR_OK)
        *ret_set = MOVE(set);
    return code;
}

/* ---- our own ---- */

void jwk_thumbprint(const struct pkey *key, char ret_kid[JWK_THUMBPRINT_LEN + 1])
{
    uint8_t bytes[32];
    char x[JWK_THUMBPRINT_LEN];
    uint8_t digest[CRYPTO_SHA256_BYTES];

    pkey_public(key, bytes);
    base64url_encode(bytes, sizeof bytes, x);
    const struct str pieces[] = {STR("{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\""),
                                 str_of(x, sizeof x), STR("\"}")};
    crypto_sha256v(pieces, ARRAY_LEN(pieces), digest);
    base64url_encode(digest, sizeof digest, ret_kid);
    ret_kid[JWK_THUMBPRINT_LEN] = '\0';
}

void jwk_write(const struct pkey *key, struct buf *out)
{
    uint8_t bytes[32];
    char x[JWK_THUMBPRINT_LEN + 1] = "";
    char kid[JWK_THUMBPRINT_LEN + 1];

    pkey_public(key, bytes);
    base64url_encode(bytes, sizeof bytes, x);
    jwk_thumbprint(key, kid);
    buf_printf(out,
               "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%s\",\"kid\":\"%s\",\"use\":\"sig\","
               "\"alg\":\"EdDSA\"}",
               x, kid);
}
