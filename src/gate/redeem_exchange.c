/*
 * redeem_exchange.c - token exchange (RFC 8693): an agent acts for the person whose token it was
 * given.
 */
#include "gate/redeem_priv.h"
#include "identity/issuer.h"

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
        if (found.len == 0 && redeem_is_ours(q->url, text))
            found = text;
    }
    return found;
}

enum jwt_why inquiry_judge_subject(struct inquiry *q, struct str issuer, const struct jwt *jwt,
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
        why = issuer_verify(gate->issuer, jwt);
    else if (provider != NULL)
        why = inquiry_verify(q, jwt, gate->key_sources[provider - rules->providers]);
    if (why == JWT_OK)
        why = inquiry_judge_subject(q, jwt->issuer, jwt, claims);
    if (why == JWT_OK)
        q->redemption->audience = our_audience(q, provider, jwt);
    if (why == JWT_OK && q->redemption->audience.len > 0)
        return provider;
    if (why == JWT_OK)
        why = JWT_BAD_AUDIENCE;
    (void)inquiry_refuse(q, "invalid_grant", jwt_why_word(why));
    return NULL;
}

/* The agent stands before whoever acted so far, and takes no role along. */
static bool take_over(struct inquiry *q, const struct jwt_claims *claims)
{
    struct redemption *redemption = q->redemption;
    struct caller *caller = &redemption->caller;
    int64_t left = claims->expires_at - redemption->now_us / 1000000;

    if (str_find(q->client->id, '<') < q->client->id.len)
        return inquiry_refuse(q, "invalid_client", "client_name");
    caller->chain = caller->chain.len == 0
                        ? q->client->id
                        : arena_printf(q->arena, STR_FMT " < " STR_FMT, STR_ARG(q->client->id),
                                       STR_ARG(caller->chain));
    caller->kind = PRINCIPAL_DELEGATED;
    caller->owner = caller->email.len > 0 ? caller->email : caller->id;
    caller->client_id = q->client->id;
    caller->role = ROLE_MEMBER;
    if (left <= 0 || caller->chain.ptr == NULL)
        return inquiry_refuse(q, "invalid_grant", "expired");
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
    if (!str_eq(had, q->url) || !redeem_is_ours(q->url, wanted))
        return inquiry_refuse(q, "invalid_target", "resource_other");
    q->redemption->audience = wanted;
    return true;
}

bool inquiry_exchange(struct inquiry *q)
{
    struct str type = form_get(&q->form, STR("subject_token_type"));
    struct str wanted = form_get(&q->form, STR("requested_token_type"));
    struct jwt jwt;
    struct jwt_claims claims;

    q->redemption->is_exchange = true;
    if (!q->client->may_exchange)
        return inquiry_refuse(q, "unauthorized_client", "client_may_not_exchange");
    if (!str_eq(type, STR(REDEEM_ACCESS_TOKEN)) ||
        (wanted.ptr != NULL && !str_eq(wanted, STR(REDEEM_ACCESS_TOKEN))) ||
        form_get(&q->form, STR("actor_token")).ptr != NULL)
        return inquiry_refuse(q, "invalid_request", "token_type");
    enum jwt_why why = jwt_parse(form_get(&q->form, STR("subject_token")), q->arena, &jwt);
    if (why != JWT_OK)
        return inquiry_refuse(q, "invalid_grant", jwt_why_word(why));
    const struct provider *vouches = check_subject(q, &jwt, &claims);
    if (vouches == NULL)
        return false;
    const struct provider own = provider_own(vouches);
    bool is_own = str_eq(jwt.issuer, q->url);
    struct str session = is_own ? jwt_text(&jwt, STR("sid"), q->arena) : STR_NONE;
    return narrow_resource(q) &&
           inquiry_name_person(q, is_own ? &own : vouches, &jwt, &claims, session) &&
           take_over(q, &claims);
}
