/*
 * redeem_robot.c - tokens of robots: for a client that is one (client credentials, RFC 6749 §4.4),
 * and for a workload that a platform vouches for (RFC 7523 §2.1). Both yield what `robot token`
 * would give, for minutes and for one resource; there is no refresh token, the next one is asked
 * for in the same way.
 */
#include "base/base64.h"
#include "base/crypto.h"
#include "gate/redeem_priv.h"

enum { WORKLOAD_SECONDS = 86400 };

/* A robot that is bound to networks gets its tokens there, too. */
static bool is_where_it_may(const struct inquiry *q, const struct caller *caller)
{
    for (size_t i = 0; i < caller->network_count; i++) {
        if (addr_in_net(&q->redemption->address, &caller->networks[i]))
            return true;
    }
    return caller->network_count == 0;
}

static bool find_resource(struct inquiry *q)
{
    struct str wanted = form_get(&q->form, STR("resource"));

    if (wanted.ptr == NULL)
        wanted = q->url;
    if (!redeem_is_ours(q->url, wanted))
        return inquiry_refuse(q, "invalid_target", "resource_unknown");
    q->redemption->audience = wanted;
    return true;
}

/* caller: found, of the snapshot; what is kept of it outlives that. */
static bool take_robot(struct inquiry *q, const struct caller *found)
{
    struct caller *caller = &q->redemption->caller;

    if (!caller_dup(q->arena, found, caller))
        return inquiry_refuse(q, "invalid_request", "memory");
    caller->is_issued = true;
    caller->is_listener_as = false;
    caller->subject = caller->id;
    if (!is_where_it_may(q, caller))
        return inquiry_refuse(q, "invalid_grant", "address");
    return find_resource(q) && inquiry_narrow_scopes(q, caller->scopes);
}

/* ---- client credentials ---- */

/* By its id, or as the settings call it. */
static bool find_robot(struct inquiry *q, const struct snapshot *snapshot,
                       struct caller *ret_caller)
{
    const struct token_table *tokens = snapshot_tokens(snapshot);

    if (q->client->is_stored)
        return token_table_find_robot_id(tokens, q->client->robot_id, ret_caller) == ERR_OK;
    return q->client->robot.len > 0 &&
           token_table_find_robot(tokens, q->client->robot, ret_caller, NULL, NULL) == ERR_OK;
}

bool inquiry_credentials(struct inquiry *q)
{
    struct snapshot *snapshot = gate_snapshot(q->redemption->gate);
    struct caller caller = {.kind = PRINCIPAL_ROBOT};
    bool is_bound = q->client->robot_id != 0 || q->client->robot.len > 0;
    bool is_good = false;

    if (!is_bound)
        is_good = inquiry_refuse(q, "unauthorized_client", "client_is_no_robot");
    else if (!find_robot(q, snapshot, &caller))
        is_good = inquiry_refuse(q, "invalid_grant", "disabled");
    else {
        caller.client_id = q->client->id;
        caller.warrant = STR_NONE;
        is_good = take_robot(q, &caller);
    }
    snapshot_unref(snapshot);
    return is_good;
}

/* ---- workloads ---- */

struct claims_of {
    const struct jwt *jwt;
    struct arena *arena;
};

static struct str claim_of(const void *ctx, struct str name)
{
    const struct claims_of *claims = ctx;

    return jwt_text(claims->jwt, name, claims->arena);
}

/* For this authorization server and nobody else: another one that it is for could show it here. */
static enum jwt_why judge(struct inquiry *q, const struct provider *provider, const struct jwt *jwt,
                          struct jwt_claims *claims)
{
    static const struct str types[] = {STR_INIT("jwt"), STR_INIT("jose"), {NULL, 0}};
    const struct str audiences[] = {
        q->url, arena_printf(q->arena, STR_FMT "/oauth/token", STR_ARG(q->url))};
    const struct jwt_expect expect = {
        .issuer = provider->issuer,
        .audiences = audiences,
        .audience_count = ARRAY_LEN(audiences),
        .has_one_audience = true,
        .types = types,
        .type_count = ARRAY_LEN(types),
        .now = q->redemption->now_us / 1000000,
        .max_seconds = WORKLOAD_SECONDS,
    };

    return jwt_judge(jwt, &expect, q->arena, claims);
}

/* What counts once, where the settings say so: its id, or all of it where it has none. */
static bool spend(struct inquiry *q, const struct provider *provider,
                  const struct jwt_claims *claims)
{
    uint8_t digest[CRYPTO_SHA256_BYTES];
    char text[BASE64URL_LEN(sizeof digest)];
    struct str id = claims->id;

    if (!provider->counts_once)
        return true;
    if (id.len == 0) {
        crypto_sha256(form_get(&q->form, STR("assertion")), digest);
        id = arena_printf(q->arena, "sha256 " STR_FMT,
                          STR_ARG(str_of(text, base64url_encode(digest, sizeof digest, text))));
    }
    q->redemption->assertion = (struct spent_id){
        .issuer = provider->issuer,
        .id = id,
        .expires_us = (claims->expires_at + JWT_LEEWAY_SECONDS) * 1000000,
    };
    return id.len > 0 || inquiry_refuse(q, "invalid_request", "memory");
}

static bool take_workload(struct inquiry *q, const struct provider *provider, const struct jwt *jwt)
{
    struct snapshot *snapshot = gate_snapshot(q->redemption->gate);
    const struct claims_of ctx = {.jwt = jwt, .arena = q->arena};
    struct caller caller = {.kind = PRINCIPAL_ROBOT};
    enum auth_failure failure = AUTH_MACHINE;
    bool is_good = false;

    if (token_table_find_workload(snapshot_tokens(snapshot), provider->name, claim_of, &ctx,
                                  &caller, &failure, NULL) != ERR_OK) {
        is_good = inquiry_refuse(q, "invalid_grant", auth_failure_word(failure));
    } else {
        caller.provider = provider->name;
        is_good = take_robot(q, &caller);
    }
    snapshot_unref(snapshot);
    return is_good;
}

bool inquiry_is_workload(struct inquiry *q)
{
    static const char *const proofs[] = {"client_assertion", "client_secret", "client_id"};
    struct jwt jwt;

    if (!str_eq(form_get(&q->form, STR("grant_type")), STR(REDEEM_JWT_BEARER)) ||
        q->redemption->authorization.len > 0)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(proofs); i++) {
        if (form_get(&q->form, str_c(proofs[i])).ptr != NULL)
            return false;
    }
    return jwt_parse(form_get(&q->form, STR("assertion")), q->arena, &jwt) == JWT_OK &&
           !str_eq(jwt.typ, STR("oauth-id-jag+jwt"));
}

bool inquiry_workload(struct inquiry *q)
{
    const struct identity_rules *rules = &q->settings->identity;
    struct jwt jwt;
    struct jwt_claims claims;
    enum jwt_why why = jwt_parse(form_get(&q->form, STR("assertion")), q->arena, &jwt);
    const struct provider *provider = why == JWT_OK ? provider_by_issuer(rules, jwt.issuer) : NULL;

    if (why == JWT_OK && (provider == NULL || !provider->is_workloads))
        return inquiry_refuse(q, "invalid_grant", "issuer");
    if (why == JWT_OK)
        why =
            inquiry_verify(q, &jwt, q->redemption->gate->key_sources[provider - rules->providers]);
    if (why == JWT_OK)
        why = judge(q, provider, &jwt, &claims);
    if (why != JWT_OK)
        return inquiry_refuse(q, "invalid_grant", jwt_why_word(why));
    return take_workload(q, provider, &jwt) && spend(q, provider, &claims);
}
