#include "gate/redeem.h"

#include <string.h>

#include "base/base64.h"
#include "base/crypto.h"
#include "base/log.h"
#include "gate/people.h"
#include "gate/redeem_priv.h"
#include "gate/route.h"
#include "identity/person.h"
#include "keys/seal.h"

enum { MAX_ASSERTION_SECONDS = 3600 };

void redeem_refuse(struct redemption *redemption, int status, const char *error, const char *why)
{
    redemption->status = status;
    redemption->error = error;
    redemption->why = why;
}

bool inquiry_refuse(struct inquiry *q, const char *error, const char *why)
{
    redeem_refuse(q->redemption, strcmp(error, "invalid_client") == 0 ? 401 : 400, error, why);
    return false;
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
        why = jwt_verify(jwt, keys, key_source_algs(source));
        jwk_set_unref(keys);
    }
    return why;
}

enum jwt_why inquiry_verify(struct inquiry *q, const struct jwt *jwt, struct key_source *source)
{
    return redeem_verify(jwt, source, q->redemption->now_us);
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
        return inquiry_refuse(q, "invalid_grant", "resource_other");
    if (!redeem_is_ours(q->url, wanted))
        return inquiry_refuse(q, "invalid_grant", "resource_unknown");
    q->redemption->audience = wanted;
    return true;
}

bool inquiry_narrow_scopes(struct inquiry *q, uint32_t scopes)
{
    struct str rest = form_get(&q->form, STR("scope"));
    uint32_t named = 0;

    while (rest.len > 0) {
        enum scope scope;

        if (scope_parse(str_cut(&rest, ' '), &scope))
            named |= SCOPE_BIT(scope);
    }
    q->redemption->scopes = SCOPE_SET_CALLS & (named == 0 ? scopes : scopes & named);
    return q->redemption->scopes != 0 || inquiry_refuse(q, "invalid_scope", "scope_empty");
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
        inquiry_verify(q, jwt, q->redemption->gate->key_sources[provider - rules->providers]);

    if (why == JWT_OK)
        why = jwt_judge(jwt, &expect, q->arena, claims);
    if (why != JWT_OK)
        return inquiry_refuse(q, "invalid_grant", jwt_why_word(why));
    if (claims->issued_at == 0)
        return inquiry_refuse(q, "invalid_grant", "no_issue_time");
    if (!str_eq(jwt_text(jwt, STR("client_id"), q->arena), q->client->id))
        return inquiry_refuse(q, "invalid_grant", "assertion_of_other_client");
    if (!provider_takes_client(provider, q->client))
        return inquiry_refuse(q, "unauthorized_client", "client_may_not_redeem");
    return true;
}

enum person_result inquiry_find_person(struct inquiry *q, const struct provider *provider,
                                       const struct jwt *jwt, const struct jwt_claims *claims,
                                       struct str session, bool *ret_is_taken_back)
{
    struct snapshot *snapshot = gate_snapshot(q->redemption->gate);
    const struct token_table *users = snapshot_tokens(snapshot);
    struct caller *caller = &q->redemption->caller;
    enum person_result result =
        person_of(&q->settings->identity, provider, jwt, claims, users, q->arena, caller);

    caller->session_id = session;
    caller->is_issued = str_eq(jwt->issuer, q->url);
    *ret_is_taken_back = result == PERSON_OK && token_table_is_taken_back(users, caller);
    snapshot_unref(snapshot);
    return result;
}

bool inquiry_name_person(struct inquiry *q, const struct provider *provider, const struct jwt *jwt,
                         const struct jwt_claims *claims, struct str session)
{
    bool is_taken_back = true;
    enum person_result result =
        inquiry_find_person(q, provider, jwt, claims, session, &is_taken_back);

    if (is_taken_back)
        return inquiry_refuse(q, "invalid_grant", "revoked");
    switch (result) {
    case PERSON_OK:
        people_tell_groups(&q->redemption->caller);
        return inquiry_narrow_scopes(q, q->redemption->caller.scopes);
    case PERSON_DISABLED:
        return inquiry_refuse(q, "invalid_grant", "disabled");
    case PERSON_MACHINE:
        return inquiry_refuse(q, "invalid_grant", "machine");
    case PERSON_INVALID:
        break;
    }
    return inquiry_refuse(q, "invalid_grant", "bad_claims");
}

static bool check_assertion(struct inquiry *q)
{
    struct jwt jwt;
    struct jwt_claims claims;
    enum jwt_why why = jwt_parse(form_get(&q->form, STR("assertion")), q->arena, &jwt);

    if (why != JWT_OK)
        return inquiry_refuse(q, "invalid_grant", jwt_why_word(why));
    const struct provider *provider = provider_by_issuer(&q->settings->identity, jwt.issuer);
    if (provider == NULL)
        return inquiry_refuse(q, "invalid_grant", "issuer");
    if (!judge_assertion(q, provider, &jwt, &claims) || !find_resource(q, &jwt) ||
        !inquiry_name_person(q, provider, &jwt, &claims, STR_NONE))
        return false;
    q->redemption->assertion = (struct spent_id){
        .issuer = provider->issuer,
        .id = claims.id,
        .expires_us = (claims.expires_at + JWT_LEEWAY_SECONDS) * 1000000,
    };
    return true;
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
        return inquiry_refuse(q, "invalid_grant", "code");
    if (until < q->redemption->now_us)
        return inquiry_refuse(q, "invalid_grant", "expired");
    if (!str_eq(form_get(&q->form, STR("redirect_uri")), text_at(q, &doc, "redirect")))
        return inquiry_refuse(q, "invalid_grant", "redirect_other");
    if (!fits_challenge(form_get(&q->form, STR("code_verifier")), text_at(q, &doc, "challenge")))
        return inquiry_refuse(q, "invalid_grant", "verifier");
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
        return inquiry_refuse(q, "invalid_grant", "refresh_token");
    q->redemption->generation = (uint64_t)generation;
    q->redemption->session_id = text_at(q, &doc, "session");
    return true;
}

/* A host that the settings do not trust any more loses what its clients have. */
static bool is_trusted(const struct inquiry *q, struct str id)
{
    return !client_document_is_url(id) ||
           client_document_check_url(&q->settings->identity.client_documents, id, NULL) == ERR_OK;
}

/* Public clients: the code's challenge, and the rotation of refresh tokens, stand for a secret. A
 * client that has keys proves that it is itself: the session says whether it must. What the session
 * says of client and resource is compared when it is read, too. */
static bool check_public(struct inquiry *q)
{
    struct str resource = form_get(&q->form, STR("resource"));
    bool is_code = str_eq(form_get(&q->form, STR("grant_type")), STR("authorization_code"));

    if (form_get(&q->form, STR("client_assertion")).ptr == NULL)
        q->redemption->client_id = form_get(&q->form, STR("client_id"));
    else if (!inquiry_check_client(q))
        return false;
    q->redemption->audience = resource;
    if (q->redemption->client_id.len == 0)
        return inquiry_refuse(q, "invalid_client", "client_missing");
    if (!is_trusted(q, q->redemption->client_id))
        return inquiry_refuse(q, "invalid_client", "client_host");
    if (inquiry_is_blocked(q, q->redemption->client_id))
        return inquiry_refuse(q, "invalid_client", "client_blocked");
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
        return inquiry_exchange(q);
    if (str_eq(grant, STR(REDEEM_CREDENTIALS)))
        return inquiry_credentials(q);
    return inquiry_refuse(q, "unsupported_grant_type", "grant_type");
}

bool inquiry_begin(struct inquiry *ret_q, struct redemption *redemption)
{
    *ret_q = (struct inquiry){
        .redemption = redemption,
        .settings = redemption->gate->settings,
        .arena = redemption->arena,
        .url = redemption->gate->settings->public_url.origin,
    };
    return form_parse(redemption->body, ret_q->arena, &ret_q->form, NULL) == ERR_OK ||
           inquiry_refuse(ret_q, "invalid_request", "form");
}

void redeem_check(struct redemption *redemption)
{
    struct inquiry q;

    if (!inquiry_begin(&q, redemption))
        return;
    bool is_good = is_public_grant(&q)       ? check_public(&q)
                   : inquiry_is_workload(&q) ? inquiry_workload(&q)
                                             : inquiry_check_client(&q) && check_grant(&q);
    /* Nothing goes on because somebody forgot to say why it must not. */
    if (!is_good && redemption->error == NULL && redemption->wants_url.len == 0)
        (void)inquiry_refuse(&q, "invalid_request", "unexplained");
}
