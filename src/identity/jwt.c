#include "identity/jwt.h"

#include <string.h>

#include "base/base64.h"

enum { MAX_HEADER_BYTES = 4096, MAX_TYP = 64, MAX_ID = 1024 };

/* 2^53: what every JSON reader takes for the same number; beyond any date. */
static const int64_t MAX_TIME = INT64_C(1) << 53;

static const struct json_limits limits = {
    .max_bytes = JWT_MAX_BYTES, .max_depth = 16, .max_values = 8192, .max_members = 512};

static const char *const words[] = {
#define X(name, word, meaning) [name] = word,
#include "identity/jwt.def"
#undef X
};

const char *jwt_why_word(enum jwt_why why)
{
    return (size_t)why < JWT_WHYS ? words[why] : "?";
}

/* ---- taking apart ---- */

bool jwt_looks_like(struct str token)
{
    struct str rest = token;

    (void)str_cut(&rest, '.');
    return rest.len > 0 && str_find(rest, '.') < rest.len;
}

static enum jwt_why decode(struct str part, struct arena *arena, struct str *ret_bytes)
{
    char *bytes = arena_alloc(arena, part.len + 1);
    size_t len = 0;

    if (bytes == NULL)
        return JWT_LIMIT;
    if (!base64url_decode(part, bytes, &len))
        return JWT_BAD_ENCODING;
    *ret_bytes = str_of(bytes, len);
    return JWT_OK;
}

static enum jwt_why read_object(struct str text, struct arena *arena, enum jwt_why bad,
                                struct json_doc *ret_doc)
{
    if (json_parse(text, &limits, arena, ret_doc, NULL) != ERR_OK ||
        !json_is(ret_doc, 0, JSON_OBJECT))
        return bad;
    return JWT_OK;
}

/* Lower case, without the prefix that may be left out (RFC 7515 §4.1.9). */
static enum jwt_why read_typ(const struct json_doc *header, struct arena *arena,
                             struct str *ret_typ)
{
    static const struct str prefix = STR_INIT("application/");
    json_pos pos = json_get(header, 0, STR("typ"));
    struct str typ;

    *ret_typ = STR_NONE;
    if (pos == JSON_NONE)
        return JWT_OK;
    if (!json_str(header, pos, arena, &typ) || typ.len == 0 || typ.len > MAX_TYP)
        return JWT_BAD_TYP;
    char *lower = arena_alloc(arena, typ.len);
    if (lower == NULL)
        return JWT_LIMIT;
    for (size_t i = 0; i < typ.len; i++) {
        char c = typ.ptr[i];

        lower[i] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
    }
    typ = str_of(lower, typ.len);
    *ret_typ = str_starts(typ, prefix) ? str_from(typ, prefix.len) : typ;
    return JWT_OK;
}

static enum jwt_why read_header(const struct json_doc *header, struct arena *arena, struct jwt *jwt)
{
    json_pos kid = json_get(header, 0, STR("kid"));
    struct str alg = STR_NONE;

    if (!json_str(header, json_get(header, 0, STR("alg")), arena, &alg) ||
        !pkey_alg_parse(alg, &jwt->alg))
        return JWT_BAD_ALG;
    /* No extension is understood; b64 changes what is signed (RFC 7797). */
    if (json_get(header, 0, STR("crit")) != JSON_NONE ||
        json_get(header, 0, STR("b64")) != JSON_NONE)
        return JWT_CRIT;
    if (kid != JSON_NONE &&
        (!json_str(header, kid, arena, &jwt->kid) || jwt->kid.len > JWK_MAX_KID))
        return JWT_BAD_KID;
    return read_typ(header, arena, &jwt->typ);
}

enum jwt_why jws_parse(struct str token, struct arena *arena, struct jwt *ret_jwt,
                       struct str *ret_payload)
{
    struct jwt jwt = {.alg = PKEY_RS256};
    struct json_doc header;
    struct str text = STR_NONE;
    struct str rest = token;

    if (token.len > JWT_MAX_BYTES)
        return JWT_TOO_LONG;
    struct str first = str_cut(&rest, '.');
    struct str second = str_cut(&rest, '.');
    if (first.len == 0 || rest.len == 0 || str_find(rest, '.') < rest.len)
        return JWT_NOT_COMPACT;
    if (first.len > MAX_HEADER_BYTES)
        return JWT_TOO_LONG;
    jwt.signed_bytes = str_first(token, first.len + 1 + second.len);
    enum jwt_why why = decode(first, arena, &text);
    if (why == JWT_OK)
        why = read_object(text, arena, JWT_BAD_HEADER, &header);
    if (why == JWT_OK)
        why = read_header(&header, arena, &jwt);
    if (why == JWT_OK)
        why = decode(rest, arena, &jwt.signature);
    if (why == JWT_OK)
        why = decode(second, arena, ret_payload);
    if (why == JWT_OK)
        *ret_jwt = jwt;
    return why;
}

enum jwt_why jwt_parse(struct str token, struct arena *arena, struct jwt *ret_jwt)
{
    struct jwt jwt;
    struct str payload = STR_NONE;
    enum jwt_why why = jws_parse(token, arena, &jwt, &payload);

    if (why == JWT_OK)
        why = read_object(payload, arena, JWT_BAD_CLAIMS, &jwt.claims);
    if (why != JWT_OK)
        return why;
    jwt.issuer = jwt_text(&jwt, STR("iss"), arena);
    *ret_jwt = jwt;
    return JWT_OK;
}

/* ---- the signature ---- */

/* NULL: none, or without kid more than one. */
static const struct jwk *find_key(const struct jwt *jwt, const struct jwk_set *keys)
{
    const struct jwk *found = NULL;

    for (size_t i = 0; i < jwk_set_count(keys); i++) {
        const struct jwk *key = jwk_set_at(keys, i);

        if ((key->algs & PKEY_ALG_BIT(jwt->alg)) == 0 ||
            (jwt->kid.len > 0 && !str_eq(key->kid, jwt->kid)))
            continue;
        if (found != NULL)
            return NULL;
        found = key;
    }
    return found;
}

enum jwt_why jwt_verify(const struct jwt *jwt, const struct jwk_set *keys, uint32_t algs)
{
    if ((algs & PKEY_ALG_BIT(jwt->alg)) == 0)
        return JWT_BAD_ALG;
    const struct jwk *key = keys == NULL ? NULL : find_key(jwt, keys);
    if (key == NULL)
        return JWT_UNKNOWN_KEY;
    return pkey_verify(key->key, jwt->alg, jwt->signed_bytes, jwt->signature) ? JWT_OK
                                                                              : JWT_BAD_SIGNATURE;
}

/* ---- the claims ---- */

struct str jwt_text(const struct jwt *jwt, struct str name, struct arena *arena)
{
    struct str text = STR_NONE;
    json_pos pos = json_get(&jwt->claims, 0, name);

    return pos != JSON_NONE && json_str(&jwt->claims, pos, arena, &text) ? text : STR_NONE;
}

json_pos jwt_find(const struct jwt *jwt, struct str path)
{
    json_pos pos = json_get(&jwt->claims, 0, path);
    struct str rest = path;

    if (pos != JSON_NONE)
        return pos;
    pos = 0;
    while (rest.len > 0 && pos != JSON_NONE)
        pos = json_get(&jwt->claims, pos, str_cut(&rest, '.'));
    return pos;
}

static bool is_among(struct str text, const struct str *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(text, list[i]))
            return true;
    }
    return false;
}

/* aud is a text or a list of texts. */
static enum jwt_why judge_audience(const struct jwt *jwt, const struct jwt_expect *expect,
                                   struct arena *arena, struct jwt_claims *claims)
{
    const struct json_doc *doc = &jwt->claims;
    json_pos aud = json_get(doc, 0, STR("aud"));
    struct str text = STR_NONE;
    size_t count = 0;

    claims->audience = STR_NONE;
    if (json_is(doc, aud, JSON_STRING)) {
        if (json_str(doc, aud, arena, &text) &&
            is_among(text, expect->audiences, expect->audience_count))
            claims->audience = text;
        return claims->audience.len > 0 ? JWT_OK : JWT_BAD_AUDIENCE;
    }
    if (!json_is(doc, aud, JSON_ARRAY))
        return JWT_BAD_AUDIENCE;
    for (json_pos each = json_first(doc, aud); each != JSON_NONE;
         each = json_next(doc, aud, each)) {
        if (!json_str(doc, each, arena, &text))
            return JWT_BAD_AUDIENCE;
        if (claims->audience.len == 0 && is_among(text, expect->audiences, expect->audience_count))
            claims->audience = text;
        count++;
    }
    if (expect->has_one_audience && count != 1)
        return JWT_BAD_AUDIENCE;
    return claims->audience.len > 0 ? JWT_OK : JWT_BAD_AUDIENCE;
}

/* False: there, but no whole number in range. Not there: *ret_time is -1. */
static bool time_of(const struct jwt *jwt, struct str name, int64_t *ret_time)
{
    json_pos pos = json_get(&jwt->claims, 0, name);

    *ret_time = -1;
    return pos == JSON_NONE ||
           (json_i64(&jwt->claims, pos, ret_time) && *ret_time >= 0 && *ret_time <= MAX_TIME);
}

static enum jwt_why judge_times(const struct jwt *jwt, const struct jwt_expect *expect,
                                struct jwt_claims *claims)
{
    int64_t not_before = -1;
    int64_t issued = -1;
    int64_t expires = -1;

    if (!time_of(jwt, STR("exp"), &expires) || expires < 0)
        return JWT_NO_EXPIRY;
    if (!time_of(jwt, STR("nbf"), &not_before) || !time_of(jwt, STR("iat"), &issued))
        return JWT_BAD_TIME;
    if (expires + JWT_LEEWAY_SECONDS <= expect->now)
        return JWT_EXPIRED;
    if (not_before > expect->now + JWT_LEEWAY_SECONDS || issued > expect->now + JWT_LEEWAY_SECONDS)
        return JWT_NOT_YET;
    if (expect->max_seconds > 0 &&
        (expires > expect->now + JWT_LEEWAY_SECONDS + expect->max_seconds ||
         issued < expect->now - JWT_LEEWAY_SECONDS - expect->max_seconds))
        return JWT_TOO_OLD;
    claims->expires_at = expires;
    claims->issued_at = issued < 0 ? 0 : issued;
    return JWT_OK;
}

/* Of the subject and of the token. */
static enum jwt_why judge_ids(const struct jwt *jwt, const struct jwt_expect *expect,
                              struct arena *arena, struct jwt_claims *claims)
{
    json_pos id = json_get(&jwt->claims, 0, STR("jti"));

    claims->subject = jwt_text(jwt, STR("sub"), arena);
    claims->id = STR_NONE;
    /* An id that can't be kept is not the same as none: it can't be found again. */
    if (json_is(&jwt->claims, id, JSON_STRING) && !json_str(&jwt->claims, id, arena, &claims->id))
        return JWT_LIMIT;
    if (expect->may_lack_subject && json_get(&jwt->claims, 0, STR("sub")) == JSON_NONE)
        claims->subject = STR_NONE;
    else if (claims->subject.len == 0 || claims->subject.len > JWT_MAX_SUBJECT)
        return JWT_NO_SUBJECT;
    if (claims->id.len > MAX_ID || (expect->must_have_id && claims->id.len == 0))
        return JWT_NO_ID;
    return JWT_OK;
}

enum jwt_why jwt_judge(const struct jwt *jwt, const struct jwt_expect *expect, struct arena *arena,
                       struct jwt_claims *ret_claims)
{
    struct jwt_claims claims = {.expires_at = 0};

    if (!is_among(jwt->typ, expect->types, expect->type_count))
        return JWT_BAD_TYP;
    if (expect->is_access_token && (json_get(&jwt->claims, 0, STR("at_hash")) != JSON_NONE ||
                                    json_get(&jwt->claims, 0, STR("c_hash")) != JSON_NONE))
        return JWT_ID_TOKEN;
    if (json_get(&jwt->claims, 0, STR("cnf")) != JSON_NONE)
        return JWT_BOUND;
    if (jwt->issuer.len == 0 || !str_eq(jwt->issuer, expect->issuer))
        return JWT_BAD_ISSUER;
    enum jwt_why why = judge_audience(jwt, expect, arena, &claims);
    if (why == JWT_OK)
        why = judge_times(jwt, expect, &claims);
    if (why == JWT_OK)
        why = judge_ids(jwt, expect, arena, &claims);
    if (why == JWT_OK)
        *ret_claims = claims;
    return why;
}
