#include "gate/redeem.h"

#include <limits.h>
#include <string.h>

#include "base/base64.h"
#include "base/crypto.h"
#include "base/form.h"
#include "base/log.h"
#include "base/secret.h"
#include "gate/gate_priv.h"
#include "gate/route.h"
#include "identity/issuer.h"
#include "identity/key_source.h"
#include "identity/person.h"
#include "keys/seal.h"

enum { MAX_ASSERTION_SECONDS = 3600, CLIENT_ASSERTION_SECONDS = 600 };

#define ASSERTION_TYPE "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

/* What is checked against: the request taken apart. */
struct inquiry {
    struct redemption *redemption;
    const struct settings *settings;
    struct arena *arena;
    struct form form;
    const struct oauth_client *client;
    struct str url; /* of this gateway: issuer and resource */
};

void redeem_refuse(struct redemption *redemption, int status, const char *error, const char *why)
{
    redemption->status = status;
    redemption->error = error;
    redemption->why = why;
}

static bool refuse(struct inquiry *q, const char *error, const char *why)
{
    redeem_refuse(q->redemption, strcmp(error, "invalid_client") == 0 ? 401 : 400, error, why);
    return false;
}

/* ---- who asks ---- */

/* RFC 6749 §2.3.1: both parts are form-encoded before they are joined. */
static bool read_basic(struct inquiry *q, struct str *ret_id, struct str *ret_secret)
{
    static const struct str scheme = STR_INIT("Basic ");
    struct str value = q->redemption->authorization;
    struct str text = STR_NONE;

    if (!str_eq_nocase(str_first(value, scheme.len), scheme) ||
        !base64_decode(q->arena, str_trim(str_from(value, scheme.len)), &text))
        return false;
    struct str secret = text;
    struct str id = str_cut(&secret, ':');
    return form_decode(id, q->arena, ret_id) && form_decode(secret, q->arena, ret_secret);
}

static bool secret_is(struct inquiry *q, struct str secret)
{
    char path[PATH_MAX];
    CLEANUP(secret_freep) struct secret *kept = NULL;

    if (q->client->secret.len == 0 || secret.len == 0 ||
        settings_secret_path(q->settings, q->client->secret, path, sizeof path, NULL) != ERR_OK ||
        secret_read_file(path, &kept, NULL) != ERR_OK)
        return false;
    return str_eq_secret(secret_reveal(kept), secret);
}

static bool check_secret(struct inquiry *q, struct str id, struct str secret)
{
    q->redemption->client_id = id;
    q->client = provider_client(&q->settings->identity, id);
    if (q->client == NULL)
        return refuse(q, "invalid_client", "client_unknown");
    return secret_is(q, secret) || refuse(q, "invalid_client", "client_secret");
}

/* The keys of issuer or client, fetched when they are missing or older than what the token names.
 */
enum jwt_why redeem_verify(const struct jwt *jwt, struct key_source *source, int64_t now_us)
{
    enum jwt_why why = JWT_UNKNOWN_KEY;

    for (int attempt = 0; attempt < 2 && why == JWT_UNKNOWN_KEY; attempt++) {
        struct err err;
        struct jwk_set *keys = NULL;

        if (attempt > 0 && key_source_refresh(source, true, now_us, &err) != ERR_OK)
            log_event(LOG_ERROR, "identity_keys_failed", LOG_ERR(&err));
        keys = key_source_get(source, now_us);
        why = keys == NULL ? JWT_UNKNOWN_KEY : jwt_verify(jwt, keys, PKEY_ALG_SET_ALL);
        jwk_set_unref(keys);
    }
    return why;
}

static enum jwt_why verify(struct inquiry *q, const struct jwt *jwt, struct key_source *source)
{
    return redeem_verify(jwt, source, q->redemption->now_us);
}

/* RFC 7523 §3: issued by the client about itself, for this authorization server. */
static bool check_client_assertion(struct inquiry *q, struct str assertion)
{
    static const struct str types[] = {
        STR_INIT("jwt"), STR_INIT("client-authentication+jwt"), {NULL, 0}};
    const struct identity_rules *rules = &q->settings->identity;
    const struct str audiences[] = {
        q->url, arena_printf(q->arena, STR_FMT "/oauth/token", STR_ARG(q->url))};
    struct jwt jwt;
    struct jwt_claims claims;
    enum jwt_why why = jwt_parse(assertion, q->arena, &jwt);

    if (why != JWT_OK)
        return refuse(q, "invalid_client", jwt_why_word(why));
    q->redemption->client_id = jwt.issuer;
    q->client = provider_client(rules, jwt.issuer);
    if (q->client == NULL || q->client->keys.jwks_url.len == 0)
        return refuse(q, "invalid_client", "client_unknown");
    why = verify(q, &jwt, q->redemption->gate->client_keys[q->client - rules->clients]);
    const struct jwt_expect expect = {
        .issuer = q->client->id,
        .audiences = audiences,
        .audience_count = ARRAY_LEN(audiences),
        .types = types,
        .type_count = ARRAY_LEN(types),
        .now = q->redemption->now_us / 1000000,
        .max_seconds = CLIENT_ASSERTION_SECONDS,
        .must_have_id = true,
    };
    if (why == JWT_OK)
        why = jwt_judge(&jwt, &expect, q->arena, &claims);
    if (why != JWT_OK)
        return refuse(q, "invalid_client", jwt_why_word(why));
    if (!str_eq(claims.subject, q->client->id))
        return refuse(q, "invalid_client", "client_subject");
    q->redemption->client_assertion = (struct spent){
        .issuer = q->client->id,
        .id = claims.id,
        .expires_us = (claims.expires_at + JWT_LEEWAY_SECONDS) * 1000000,
    };
    return true;
}

/* Exactly one way (RFC 6749 §2.3). */
static bool check_client(struct inquiry *q)
{
    struct str assertion = form_get(&q->form, STR("client_assertion"));
    struct str secret = form_get(&q->form, STR("client_secret"));
    struct str id = form_get(&q->form, STR("client_id"));
    bool has_header = q->redemption->authorization.len > 0;
    int ways = (assertion.ptr != NULL) + (secret.ptr != NULL) + has_header;
    struct str basic_id = STR_NONE;

    if (ways != 1)
        return refuse(q, "invalid_client", ways == 0 ? "client_missing" : "client_twice");
    if (assertion.ptr != NULL) {
        if (!str_eq(form_get(&q->form, STR("client_assertion_type")), STR(ASSERTION_TYPE)))
            return refuse(q, "invalid_client", "client_assertion_type");
        return check_client_assertion(q, assertion) &&
               (id.ptr == NULL || str_eq(id, q->client->id) ||
                refuse(q, "invalid_client", "client_twice"));
    }
    if (!has_header)
        return check_secret(q, id, secret);
    if (!read_basic(q, &basic_id, &secret))
        return refuse(q, "invalid_client", "client_header");
    if (id.ptr != NULL && !str_eq(id, basic_id))
        return refuse(q, "invalid_client", "client_twice");
    return check_secret(q, basic_id, secret);
}

/* ---- what for ---- */

/* public_url, or the path of an MCP endpoint behind it. */
bool redeem_is_ours(struct str url, struct str resource)
{
    if (!str_starts(resource, url))
        return false;
    struct str path = str_from(resource, url.len);
    struct route route = route_of(path);
    return path.len == 0 || str_eq(path, STR("/")) || route.kind == ROUTE_MCP ||
           route.kind == ROUTE_SERVER;
}

static bool is_ours(const struct inquiry *q, struct str resource)
{
    return redeem_is_ours(q->url, resource);
}

/* Is the resource among those of the claim, a text or a list of texts? */
static bool claim_has(const struct inquiry *q, const struct jwt *jwt, struct str resource)
{
    const struct json_doc *doc = &jwt->claims;
    json_pos claim = json_get(doc, 0, STR("resource"));

    (void)q;
    if (!json_is(doc, claim, JSON_ARRAY))
        return json_str_is(doc, claim, resource);
    for (json_pos each = json_first(doc, claim); each != JSON_NONE;
         each = json_next(doc, claim, each)) {
        if (json_str_is(doc, each, resource))
            return true;
    }
    return false;
}

/* The first text of the claim; empty: there is none. */
static struct str first_of_claim(const struct inquiry *q, const struct jwt *jwt)
{
    const struct json_doc *doc = &jwt->claims;
    json_pos claim = json_get(doc, 0, STR("resource"));
    struct str text = STR_NONE;

    if (json_is(doc, claim, JSON_ARRAY))
        claim = json_first(doc, claim);
    return claim != JSON_NONE && json_str(doc, claim, q->arena, &text) ? text : STR_NONE;
}

/* What the assertion names, narrowed by what the request asks for. */
static bool find_resource(struct inquiry *q, const struct jwt *jwt)
{
    bool has_claim = json_get(&jwt->claims, 0, STR("resource")) != JSON_NONE;
    struct str wanted = form_get(&q->form, STR("resource"));

    if (wanted.ptr == NULL)
        wanted = has_claim ? first_of_claim(q, jwt) : q->url;
    else if (has_claim && !claim_has(q, jwt, wanted))
        return refuse(q, "invalid_grant", "resource_other");
    if (!is_ours(q, wanted))
        return refuse(q, "invalid_grant", "resource_unknown");
    q->redemption->audience = wanted;
    return true;
}

/* Words of ours in the request narrow what the assertion left; others mean nothing here. */
static bool narrow_scopes(struct inquiry *q, uint32_t scopes)
{
    struct str rest = form_get(&q->form, STR("scope"));
    uint32_t named = 0;

    while (rest.len > 0) {
        enum scope scope;

        if (scope_parse(str_cut(&rest, ' '), &scope))
            named |= SCOPE_BIT(scope);
    }
    q->redemption->scopes = SCOPE_SET_CALLS & (named == 0 ? scopes : scopes & named);
    return q->redemption->scopes != 0 || refuse(q, "invalid_scope", "scope_empty");
}

/* ---- the assertion ---- */

static bool judge_assertion(struct inquiry *q, const struct provider *provider,
                            const struct jwt *jwt, struct jwt_claims *claims)
{
    static const struct str types[] = {STR_INIT("oauth-id-jag+jwt")};
    const struct identity_rules *rules = &q->settings->identity;
    const struct jwt_expect expect = {
        .issuer = provider->issuer,
        .audiences = &q->url,
        .audience_count = 1,
        .has_one_audience = true,
        .types = types,
        .type_count = ARRAY_LEN(types),
        .now = q->redemption->now_us / 1000000,
        .max_seconds = MAX_ASSERTION_SECONDS,
        .must_have_id = true,
    };
    enum jwt_why why =
        verify(q, jwt, q->redemption->gate->key_sources[provider - rules->providers]);

    if (why == JWT_OK)
        why = jwt_judge(jwt, &expect, q->arena, claims);
    if (why != JWT_OK)
        return refuse(q, "invalid_grant", jwt_why_word(why));
    if (claims->issued_at == 0)
        return refuse(q, "invalid_grant", "no_issue_time");
    if (!str_eq(jwt_text(jwt, STR("client_id"), q->arena), q->client->id))
        return refuse(q, "invalid_grant", "assertion_of_other_client");
    if (!provider_takes_client(provider, q->client->id))
        return refuse(q, "unauthorized_client", "client_may_not_redeem");
    return true;
}

/* session: of a token of our own; what is made of it ends with it. */
static bool name_person(struct inquiry *q, const struct provider *provider, const struct jwt *jwt,
                        const struct jwt_claims *claims, struct str session)
{
    struct snapshot *snapshot = gate_snapshot(q->redemption->gate);
    const struct token_table *users = snapshot_tokens(snapshot);
    struct caller *caller = &q->redemption->caller;
    enum person_result result =
        person_of(&q->settings->identity, provider, jwt, claims, users, q->arena, caller);

    caller->session_id = session;
    bool is_taken_back = result == PERSON_OK && token_table_is_taken_back(users, caller);
    snapshot_unref(snapshot);
    if (is_taken_back)
        return refuse(q, "invalid_grant", "revoked");
    switch (result) {
    case PERSON_OK:
        return narrow_scopes(q, caller->scopes);
    case PERSON_DISABLED:
        return refuse(q, "invalid_grant", "disabled");
    case PERSON_MACHINE:
        return refuse(q, "invalid_grant", "machine");
    case PERSON_INVALID:
        break;
    }
    return refuse(q, "invalid_grant", "bad_claims");
}

static bool check_assertion(struct inquiry *q)
{
    struct jwt jwt;
    struct jwt_claims claims;
    enum jwt_why why = jwt_parse(form_get(&q->form, STR("assertion")), q->arena, &jwt);

    if (why != JWT_OK)
        return refuse(q, "invalid_grant", jwt_why_word(why));
    const struct provider *provider = provider_by_issuer(&q->settings->identity, jwt.issuer);
    if (provider == NULL)
        return refuse(q, "invalid_grant", "issuer");
    if (!judge_assertion(q, provider, &jwt, &claims) || !find_resource(q, &jwt) ||
        !name_person(q, provider, &jwt, &claims, STR_NONE))
        return false;
    q->redemption->assertion = (struct spent){
        .issuer = provider->issuer,
        .id = claims.id,
        .expires_us = (claims.expires_at + JWT_LEEWAY_SECONDS) * 1000000,
    };
    return true;
}

/* ---- exchange (RFC 8693): an agent acts for the person whose token it was given ---- */

/* Is this audience all of the gateway, which any of its endpoints is a part of? */
static bool is_wide(const struct inquiry *q, const struct provider *provider, struct str audience)
{
    if (str_starts(audience, q->url) &&
        (audience.len == q->url.len || str_eq(str_from(audience, q->url.len), STR("/"))))
        return true;
    for (size_t i = 0; i < provider->audience_count; i++) {
        if (str_eq(audience, provider->audiences[i]))
            return true;
    }
    return false;
}

/* What the subject's token is for: all of the gateway, or else one endpoint of it. Empty: not for
 * us. */
static struct str our_audience(const struct inquiry *q, const struct provider *provider,
                               const struct jwt *jwt)
{
    const struct json_doc *doc = &jwt->claims;
    json_pos aud = json_get(doc, 0, STR("aud"));
    bool is_list = json_is(doc, aud, JSON_ARRAY);
    struct str found = STR_NONE;

    for (json_pos each = is_list ? json_first(doc, aud) : aud; each != JSON_NONE;
         each = is_list ? json_next(doc, aud, each) : JSON_NONE) {
        struct str text = STR_NONE;

        if (!json_str(doc, each, q->arena, &text))
            return STR_NONE;
        if (is_wide(q, provider, text))
            return q->url;
        if (found.len == 0 && is_ours(q, text))
            found = text;
    }
    return found;
}

/* Everything but the audience, which our_audience() judges. */
static enum jwt_why judge_subject(struct inquiry *q, struct str issuer, const struct jwt *jwt,
                                  struct jwt_claims *claims)
{
    static const struct str types[] = {STR_INIT("at+jwt"), STR_INIT("jwt"), {NULL, 0}};
    const struct json_doc *doc = &jwt->claims;
    json_pos aud = json_get(doc, 0, STR("aud"));
    struct str audience = STR_NONE;

    if (json_is(doc, aud, JSON_ARRAY))
        aud = json_first(doc, aud);
    if (aud == JSON_NONE || !json_str(doc, aud, q->arena, &audience))
        return JWT_BAD_AUDIENCE;
    const struct jwt_expect expect = {
        .issuer = issuer,
        .audiences = &audience,
        .audience_count = 1,
        .types = types,
        .type_count = ARRAY_LEN(types),
        .now = q->redemption->now_us / 1000000,
        .is_access_token = true,
    };
    return jwt_judge(jwt, &expect, q->arena, claims);
}

/* The provider that vouches for the subject's token, its signature checked; NULL: refused. */
static const struct provider *check_subject(struct inquiry *q, const struct jwt *jwt,
                                            struct jwt_claims *claims)
{
    const struct identity_rules *rules = &q->settings->identity;
    struct gate *gate = q->redemption->gate;
    bool is_own = str_eq(jwt->issuer, q->url);
    const struct provider *provider =
        is_own ? provider_by_name(rules, jwt_text(jwt, STR("idp"), q->arena))
               : provider_by_issuer(rules, jwt->issuer);
    enum jwt_why why = JWT_BAD_ISSUER;

    if (provider != NULL && is_own)
        why = jwt_verify(jwt, issuer_keys(gate->issuer), PKEY_ALG_BIT(PKEY_EDDSA));
    else if (provider != NULL)
        why = verify(q, jwt, gate->key_sources[provider - rules->providers]);
    if (why == JWT_OK)
        why = judge_subject(q, jwt->issuer, jwt, claims);
    if (why == JWT_OK)
        q->redemption->audience = our_audience(q, provider, jwt);
    if (why == JWT_OK && q->redemption->audience.len > 0)
        return provider;
    if (why == JWT_OK)
        why = JWT_BAD_AUDIENCE;
    (void)refuse(q, "invalid_grant", jwt_why_word(why));
    return NULL;
}

/* The agent stands before whoever acted so far, and takes no role along. */
static bool take_over(struct inquiry *q, const struct jwt_claims *claims)
{
    struct redemption *redemption = q->redemption;
    struct caller *caller = &redemption->caller;
    int64_t left = claims->expires_at - redemption->now_us / 1000000;

    if (str_find(q->client->id, '<') < q->client->id.len)
        return refuse(q, "invalid_client", "client_name");
    caller->chain = caller->chain.len == 0
                        ? q->client->id
                        : arena_printf(q->arena, STR_FMT " < " STR_FMT, STR_ARG(q->client->id),
                                       STR_ARG(caller->chain));
    caller->kind = PRINCIPAL_DELEGATED;
    caller->owner = caller->email.len > 0 ? caller->email : caller->id;
    caller->client_id = q->client->id;
    caller->role = ROLE_MEMBER;
    if (left <= 0 || caller->chain.ptr == NULL)
        return refuse(q, "invalid_grant", "expired");
    if (redemption->seconds > left)
        redemption->seconds = left;
    return true;
}

/* A token for one endpoint never becomes one for another, nor for all. */
static bool narrow_resource(struct inquiry *q)
{
    struct str wanted = form_get(&q->form, STR("resource"));
    struct str had = q->redemption->audience;

    if (wanted.ptr == NULL || str_eq(wanted, had))
        return true;
    if (!str_eq(had, q->url) || !is_ours(q, wanted))
        return refuse(q, "invalid_target", "resource_other");
    q->redemption->audience = wanted;
    return true;
}

static bool check_exchange(struct inquiry *q)
{
    struct str type = form_get(&q->form, STR("subject_token_type"));
    struct str wanted = form_get(&q->form, STR("requested_token_type"));
    struct jwt jwt;
    struct jwt_claims claims;

    q->redemption->is_exchange = true;
    if (!q->client->may_exchange)
        return refuse(q, "unauthorized_client", "client_may_not_exchange");
    if (!str_eq(type, STR(REDEEM_ACCESS_TOKEN)) ||
        (wanted.ptr != NULL && !str_eq(wanted, STR(REDEEM_ACCESS_TOKEN))) ||
        form_get(&q->form, STR("actor_token")).ptr != NULL)
        return refuse(q, "invalid_request", "token_type");
    enum jwt_why why = jwt_parse(form_get(&q->form, STR("subject_token")), q->arena, &jwt);
    if (why != JWT_OK)
        return refuse(q, "invalid_grant", jwt_why_word(why));
    const struct provider *vouches = check_subject(q, &jwt, &claims);
    if (vouches == NULL)
        return false;
    const struct provider own = provider_own(vouches);
    bool is_own = str_eq(jwt.issuer, q->url);
    struct str session = is_own ? jwt_text(&jwt, STR("sid"), q->arena) : STR_NONE;
    return narrow_resource(q) && name_person(q, is_own ? &own : vouches, &jwt, &claims, session) &&
           take_over(q, &claims);
}

/* ---- what a person agreed to: codes, and the refresh tokens that follow ---- */

/* RFC 7636 §4.6 */
static bool fits_challenge(struct str verifier, struct str challenge)
{
    uint8_t digest[CRYPTO_SHA256_BYTES];
    char text[BASE64URL_LEN(CRYPTO_SHA256_BYTES)];

    if (verifier.len < 43 || verifier.len > 128)
        return false;
    crypto_sha256(verifier, digest);
    base64url_encode(digest, sizeof digest, text);
    return str_eq_secret(str_of(text, sizeof text), challenge);
}

static struct str text_at(const struct inquiry *q, const struct json_doc *doc, const char *name)
{
    struct str text = STR_NONE;
    json_pos pos = json_get(doc, 0, str_c(name));

    return pos != JSON_NONE && json_str(doc, pos, q->arena, &text) ? text : STR_NONE;
}

static bool open_sealed(struct inquiry *q, const char *purpose, struct str sealed,
                        struct json_doc *doc)
{
    struct str plain = STR_NONE;

    return seal_open(q->redemption->gate->keyring, purpose, STR_NONE, sealed, q->arena, &plain) &&
           json_parse(plain, &json_limits_default, q->arena, doc, NULL) == ERR_OK;
}

static bool check_code(struct inquiry *q)
{
    struct json_doc doc;
    int64_t until = 0;

    q->redemption->grant = REDEEM_CODE;
    if (!open_sealed(q, REDEEM_CODE_PURPOSE, form_get(&q->form, STR("code")), &doc) ||
        !json_i64(&doc, json_get(&doc, 0, STR("until")), &until))
        return refuse(q, "invalid_grant", "code");
    if (until < q->redemption->now_us)
        return refuse(q, "invalid_grant", "expired");
    if (!str_eq(form_get(&q->form, STR("redirect_uri")), text_at(q, &doc, "redirect")))
        return refuse(q, "invalid_grant", "redirect_other");
    if (!fits_challenge(form_get(&q->form, STR("code_verifier")), text_at(q, &doc, "challenge")))
        return refuse(q, "invalid_grant", "verifier");
    q->redemption->session_id = text_at(q, &doc, "session");
    return true;
}

static bool check_refresh(struct inquiry *q)
{
    struct json_doc doc;
    int64_t generation = 0;

    q->redemption->grant = REDEEM_REFRESH;
    if (!open_sealed(q, REDEEM_REFRESH_PURPOSE, form_get(&q->form, STR("refresh_token")), &doc) ||
        !json_i64(&doc, json_get(&doc, 0, STR("generation")), &generation) || generation <= 0)
        return refuse(q, "invalid_grant", "refresh_token");
    q->redemption->generation = (uint64_t)generation;
    q->redemption->session_id = text_at(q, &doc, "session");
    return true;
}

/* Public clients: the code's challenge, and the rotation of refresh tokens, stand for a secret.
 * What the session says of client and resource is compared when it is read. */
static bool check_public(struct inquiry *q)
{
    struct str resource = form_get(&q->form, STR("resource"));
    bool is_code = str_eq(form_get(&q->form, STR("grant_type")), STR("authorization_code"));

    q->redemption->client_id = form_get(&q->form, STR("client_id"));
    q->redemption->audience = resource;
    if (q->redemption->client_id.len == 0)
        return refuse(q, "invalid_client", "client_missing");
    return is_code ? check_code(q) : check_refresh(q);
}

static bool is_public_grant(struct inquiry *q)
{
    struct str grant = form_get(&q->form, STR("grant_type"));

    return str_eq(grant, STR("authorization_code")) || str_eq(grant, STR("refresh_token"));
}

static bool check_grant(struct inquiry *q)
{
    struct str grant = form_get(&q->form, STR("grant_type"));

    if (str_eq(grant, STR(REDEEM_JWT_BEARER)))
        return check_assertion(q);
    if (str_eq(grant, STR(REDEEM_EXCHANGE)))
        return check_exchange(q);
    return refuse(q, "unsupported_grant_type", "grant_type");
}

void redeem_check(struct redemption *redemption)
{
    struct inquiry q = {
        .redemption = redemption,
        .settings = redemption->gate->settings,
        .arena = redemption->arena,
        .url = redemption->gate->settings->public_url.origin,
    };

    if (form_parse(redemption->body, q.arena, &q.form, NULL) != ERR_OK) {
        (void)refuse(&q, "invalid_request", "form");
        return;
    }
    if (is_public_grant(&q))
        (void)check_public(&q);
    else if (check_client(&q))
        (void)check_grant(&q);
}
