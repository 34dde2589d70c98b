/*
 * Who calls: a token of this gateway, or one of an identity provider that the settings name.
 *
 * `authenticate` runs when the head of the request is there. Where the keys of a provider have to
 * be fetched first, or it has to be asked about a token, it leaves the caller unknown, and
 * `identify` waits for the answer behind the body and decides. Every path that does not end in a
 * caller ends in 401.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/table.h"
#include "gate/login.h"
#include "gate/logout.h"
#include "gate/oauth.h"
#include "gate/people.h"
#include "gate/pipeline.h"
#include "gate/worker_priv.h"
#include "identity/client_table.h"
#include "identity/introspection.h"
#include "identity/issuer.h"
#include "identity/key_source.h"
#include "identity/person.h"
#include "identity/tokens.h"
#include "keys/seal.h"

enum { AUDIENCES = 3 };

/* Why a request has no caller. */
struct refusal_why {
    enum auth_failure failure;
    enum jwt_why jwt; /* of AUTH_JWT */
};

static const char *word_of(const struct refusal_why *why)
{
    return why->failure == AUTH_JWT ? jwt_why_word(why->jwt) : auth_failure_word(why->failure);
}

static enum step_result unauthenticated(struct call *call, const struct refusal_why *why)
{
    COUNT(call->worker, requests_unauthenticated);
    refusals_add_source(call->worker->refusals, &call->address, word_of(why));
    call->has_bad_token = why->failure != AUTH_MISSING;
    return call_turn_away(call, 401, "A valid bearer token is needed.");
}

/* ---- tokens of identity providers ---- */

/* What a token may be for that is shown at this path: the whole gateway, or exactly this endpoint
 * (RFC 8707, RFC 9728). Returns how many. */
static size_t resources_of(struct call *call, struct str resources[AUDIENCES])
{
    struct str public_url = call->worker->gate->settings->public_url.origin;
    struct str path = http_request_path(call->http);
    size_t count = 0;

    resources[count++] = public_url;
    resources[count++] = arena_printf(call->arena, STR_FMT "/", STR_ARG(public_url));
    if (call->route.kind == ROUTE_MCP || call->route.kind == ROUTE_SERVER)
        resources[count++] =
            arena_printf(call->arena, STR_FMT STR_FMT, STR_ARG(public_url), STR_ARG(path));
    return count;
}

/* All that this provider's tokens (NULL: nobody's but ours) may name; NULL: memory is out. */
static struct str *audiences_of(struct call *call, const struct provider *provider,
                                size_t *ret_count)
{
    size_t more = provider == NULL ? 0 : provider->audience_count;
    struct str *audiences = arena_calloc(call->arena, AUDIENCES + more, sizeof *audiences);

    if (audiences == NULL)
        return NULL;
    *ret_count = resources_of(call, audiences);
    for (size_t i = 0; i < more; i++)
        audiences[(*ret_count)++] = provider->audiences[i];
    return audiences;
}

/* A token that was checked at another path: is it for this one, too? */
static bool is_for_this(struct call *call, const struct caller *caller)
{
    const struct identity_rules *rules = &call->worker->gate->settings->identity;
    const struct provider *provider = provider_by_name(rules, caller->provider);
    size_t count = 0;
    bool is_robots = caller->kind == PRINCIPAL_ROBOT && caller->is_issued;
    const struct str *audiences = NULL;

    if (caller->has_own_token || (caller->provider.len == 0 && !is_robots))
        return true;
    if (provider != NULL || is_robots)
        audiences = audiences_of(call, is_robots ? NULL : provider, &count);
    for (size_t i = 0; audiences != NULL && i < count; i++) {
        if (str_eq(audiences[i], caller->audience))
            return true;
    }
    return false;
}

/* The signature. JWT_UNKNOWN_KEY with call->awaits set: a fetch may bring the key. */
static enum jwt_why check_signature(struct call *call, const struct jwt *jwt,
                                    struct key_source *source, bool may_wait)
{
    CLEANUP(jwk_set_unrefp) struct jwk_set *keys = key_source_get(source, call->started_us);
    enum jwt_why why = jwt_verify(jwt, keys, key_source_algs(source));

    if (why == JWT_UNKNOWN_KEY && may_wait && key_source_is_due(source, true, call->started_us))
        call->awaits = source;
    return why;
}

static enum jwt_why judge(struct call *call, const struct provider *provider, struct str issuer,
                          const struct jwt *jwt, struct jwt_claims *ret_claims)
{
    static const struct str types[] = {STR_INIT("at+jwt"), STR_INIT("jwt"), {NULL, 0}};
    struct jwt_expect expect = {
        .issuer = issuer,
        .types = types,
        .type_count = ARRAY_LEN(types),
        .now = call->started_us / 1000000,
        .is_access_token = true,
    };

    expect.audiences = audiences_of(call, provider, &expect.audience_count);
    return expect.audiences == NULL ? JWT_LIMIT : jwt_judge(jwt, &expect, call->arena, ret_claims);
}

static bool fail(struct refusal_why *why, enum auth_failure failure)
{
    *why = (struct refusal_why){.failure = failure};
    return false;
}

static bool fail_jwt(struct refusal_why *why, enum jwt_why jwt)
{
    *why = (struct refusal_why){.failure = AUTH_JWT, .jwt = jwt};
    return false;
}

struct claims_of {
    const struct jwt *jwt;
    struct arena *arena;
};

static struct str claim_of(const void *ctx, struct str name)
{
    const struct claims_of *claims = ctx;

    return jwt_text(claims->jwt, name, claims->arena);
}

/* A program that the provider vouches for: one of our robots, or nobody. */
static bool make_workload(struct call *call, const struct provider *provider, const struct jwt *jwt,
                          const struct jwt_claims *claims, struct refusal_why *why)
{
    const struct claims_of ctx = {.jwt = jwt, .arena = call->arena};
    struct caller *caller = &call->caller;

    why->failure = AUTH_MACHINE;
    if (token_table_find_workload(snapshot_tokens(call->snapshot), provider->name, claim_of, &ctx,
                                  caller, &why->failure, NULL) != ERR_OK)
        return false;
    caller->is_listener_as = false;
    caller->provider = provider->name;
    caller->issuer = provider->issuer;
    caller->subject = claims->subject;
    caller->audience = claims->audience;
    caller->token_id = claims->id;
    caller->expires_us = claims->expires_at * 1000000;
    return true;
}

static bool make_person(struct call *call, const struct provider *provider, const struct jwt *jwt,
                        const struct jwt_claims *claims, struct refusal_why *why)
{
    switch (person_of(&call->worker->gate->settings->identity, provider, jwt, claims,
                      snapshot_tokens(call->snapshot), call->arena, &call->caller)) {
    case PERSON_OK:
        people_tell_groups(&call->caller);
        return true;
    case PERSON_DISABLED:
        return fail(why, AUTH_DISABLED);
    case PERSON_MACHINE:
        return make_workload(call, provider, jwt, claims, why);
    case PERSON_INVALID:
        break;
    }
    return fail_jwt(why, JWT_BAD_CLAIMS);
}

static bool is_still_good(struct call *call, struct refusal_why *why)
{
    if (token_table_is_taken_back(snapshot_tokens(call->snapshot), &call->caller))
        return fail(why, AUTH_REVOKED);
    people_saw(call);
    return true;
}

static uint32_t scopes_of(const struct jwt *jwt, struct arena *arena)
{
    struct str words = jwt_text(jwt, STR("scope"), arena);
    uint32_t scopes = 0;

    while (words.len > 0) {
        enum scope scope;

        if (scope_parse(str_cut(&words, ' '), &scope))
            scopes |= SCOPE_BIT(scope);
    }
    return scopes;
}

/* A robot's token that this gateway issued: the robot, and what it was issued on, must be there
 * still. */
static bool find_own_robot(struct call *call, const struct jwt *jwt, struct refusal_why *why)
{
    struct caller *caller = &call->caller;
    struct jwt_claims claims;
    struct issued_robot robot = {.name = jwt_text(jwt, STR("robot"), call->arena),
                                 .client_id = jwt_text(jwt, STR("client_id"), call->arena),
                                 .warrant = jwt_text(jwt, STR("warrant"), call->arena)};
    enum jwt_why jwt_why = judge(call, NULL, issuer_url(call->worker->gate->issuer), jwt, &claims);

    if (jwt_why == JWT_OK &&
        !json_i64(&jwt->claims, json_get(&jwt->claims, 0, STR("robot_id")), &robot.id))
        jwt_why = JWT_BAD_CLAIMS;
    if (jwt_why != JWT_OK)
        return fail_jwt(why, jwt_why);
    if (token_table_find_issued(snapshot_tokens(call->snapshot), &robot, caller, &why->failure,
                                NULL) != ERR_OK)
        return false;
    caller->client_id = robot.client_id;
    caller->provider = jwt_text(jwt, STR("idp"), call->arena);
    caller->subject = claims.subject;
    caller->audience = claims.audience;
    caller->token_id = claims.id;
    caller->scopes &= scopes_of(jwt, call->arena);
    caller->issued_us = claims.issued_at * 1000000;
    caller->expires_us = claims.expires_at * 1000000;
    return true;
}

/* A token that this gateway issued itself: the person is the provider's that vouched. */
static bool find_own(struct call *call, const struct jwt *jwt, struct refusal_why *why)
{
    const struct gate *gate = call->worker->gate;
    struct str name = jwt_text(jwt, STR("idp"), call->arena);
    const struct provider *vouches = provider_by_name(&gate->settings->identity, name);
    struct jwt_claims claims;
    enum jwt_why jwt_why = issuer_verify(gate->issuer, jwt);

    if (jwt_why == JWT_OK && json_get(&jwt->claims, 0, STR("robot")) != JSON_NONE)
        return find_own_robot(call, jwt, why);
    if (jwt_why == JWT_OK && vouches == NULL)
        return fail(why, AUTH_ISSUER);
    if (jwt_why == JWT_OK)
        jwt_why = judge(call, vouches, issuer_url(gate->issuer), jwt, &claims);
    if (jwt_why != JWT_OK)
        return fail_jwt(why, jwt_why);
    const struct provider own = provider_own(vouches);
    if (!make_person(call, &own, jwt, &claims, why))
        return false;
    call->caller.session_id = jwt_text(jwt, STR("sid"), call->arena);
    call->caller.is_issued = true;
    return is_still_good(call, why);
}

static bool find_person(struct call *call, struct str token, bool may_wait, struct refusal_why *why)
{
    struct gate *gate = call->worker->gate;
    struct jwt jwt;
    struct jwt_claims claims;
    enum jwt_why jwt_why = jwt_parse(token, call->arena, &jwt);

    if (jwt_why != JWT_OK)
        return fail_jwt(why, jwt_why);
    if (str_eq(jwt.issuer, issuer_url(gate->issuer)))
        return find_own(call, &jwt, why);
    const struct provider *provider = provider_by_issuer(&gate->settings->identity, jwt.issuer);
    if (provider == NULL)
        return fail(why, AUTH_ISSUER);
    struct key_source *source = gate->key_sources[provider - gate->settings->identity.providers];
    jwt_why = check_signature(call, &jwt, source, may_wait);
    if (jwt_why == JWT_OK)
        jwt_why = judge(call, provider, provider->issuer, &jwt, &claims);
    if (jwt_why != JWT_OK)
        return fail_jwt(why, jwt_why);
    if (!make_person(call, provider, &jwt, &claims, why))
        return false;
    return call->caller.kind == PRINCIPAL_ROBOT || is_still_good(call, why);
}

/* ---- opaque tokens ---- */

static bool is_opaque(const struct call *call, struct str token)
{
    const struct gate *gate = call->worker->gate;

    return gate->introspector != NULL && token.len > 0 && token.len <= INTROSPECTION_MAX_TOKEN &&
           !token_looks_ours(token) && !seal_looks_ours(gate->keyring, token);
}

/* RFC 7662 §2.2: the type is that of RFC 6749 §5.1. A refresh token is none, nor is one that comes
 * with proof of a key; some servers say in token_use which of their tokens it is. */
static bool is_access_token(const struct jwt *jwt, struct arena *arena)
{
    bool has_type = json_get(&jwt->claims, 0, STR("token_type")) != JSON_NONE;
    bool has_use = json_get(&jwt->claims, 0, STR("token_use")) != JSON_NONE;

    return (!has_type || str_eq_nocase(jwt_text(jwt, STR("token_type"), arena), STR("bearer"))) &&
           (!has_use || str_eq(jwt_text(jwt, STR("token_use"), arena), STR("access_token")));
}

/* What the provider said, judged as if it were a JWT that was verified (RFC 7662 §2.2: the members
 * have the meaning of the claims). It may leave out who it is itself. */
static bool judge_answer(struct call *call, struct str answer, struct jwt *jwt,
                         struct jwt_claims *claims, struct refusal_why *why)
{
    const struct provider *provider = introspector_provider(call->worker->gate->introspector);
    enum jwt_why jwt_why = JWT_BAD_CLAIMS;

    *jwt = (struct jwt){.typ = STR_INIT("at+jwt")};
    if (json_parse(answer, &json_limits_default, call->arena, &jwt->claims, NULL) == ERR_OK) {
        bool has_issuer = json_get(&jwt->claims, 0, STR("iss")) != JSON_NONE;

        jwt->issuer = has_issuer ? jwt_text(jwt, STR("iss"), call->arena) : provider->issuer;
        jwt_why = is_access_token(jwt, call->arena)
                      ? judge(call, provider, provider->issuer, jwt, claims)
                      : JWT_BAD_TYP;
    }
    return jwt_why == JWT_OK || fail_jwt(why, jwt_why);
}

static bool find_opaque(struct call *call, struct str token, bool may_wait, struct refusal_why *why)
{
    struct introspector *introspector = call->worker->gate->introspector;
    struct str answer = STR_NONE;
    struct jwt jwt;
    struct jwt_claims claims;
    int64_t until_us = 0;

    switch (
        introspector_find(introspector, token, call->started_us, call->arena, &answer, &until_us)) {
    case INTROSPECTION_ACTIVE:
        break;
    case INTROSPECTION_INACTIVE:
        return fail(why, AUTH_INACTIVE);
    case INTROSPECTION_FAILED:
        return fail(why, AUTH_UNANSWERED);
    case INTROSPECTION_LIMIT:
        return fail_jwt(why, JWT_LIMIT);
    case INTROSPECTION_UNKNOWN:
        /* It outlives the request's bytes: the client may go while the provider is asked. */
        if (may_wait)
            call->asks_about = arena_dup(call->arena, token);
        return fail(why, AUTH_UNANSWERED);
    }
    if (!judge_answer(call, answer, &jwt, &claims, why) ||
        !make_person(call, introspector_provider(introspector), &jwt, &claims, why))
        return false;
    /* Until then a token that the provider took back counts. */
    call->caller.ask_again_us = until_us;
    return call->caller.kind == PRINCIPAL_ROBOT || is_still_good(call, why);
}

/* ---- all tokens ---- */

/* A token that was good a moment ago, under this snapshot. */
static bool is_known(struct call *call, struct str authorization)
{
    struct worker *worker = call->worker;

    return authorization.ptr != NULL && call->snapshot == worker->snapshot &&
           caller_cache_find(worker->callers, authorization, call->started_us, call->arena,
                             &call->caller) &&
           is_for_this(call, &call->caller);
}

static bool check_token(struct call *call, struct str token, bool may_wait, struct refusal_why *why)
{
    const struct gate *gate = call->worker->gate;

    why->failure = AUTH_MISSING;
    if (jwt_looks_like(token) &&
        (provider_is_any(&gate->settings->identity) ||
         client_table_count(token_table_clients(snapshot_tokens(call->snapshot))) > 0))
        return find_person(call, token, may_wait, why);
    if (is_opaque(call, token))
        return find_opaque(call, token, may_wait, why);
    return token_table_find(snapshot_tokens(call->snapshot), token,
                            keyring_get(gate->keyring, KEY_PEPPER), call->started_us, &call->caller,
                            &why->failure, NULL) == ERR_OK;
}

/* A robot that is bound to networks calls from there alone, whatever it shows. */
static bool is_where_it_may(struct call *call, struct refusal_why *why)
{
    const struct caller *caller = &call->caller;

    for (size_t i = 0; i < caller->network_count; i++) {
        if (addr_in_net(&call->address, &caller->networks[i]))
            return true;
    }
    return caller->network_count == 0 || fail(why, AUTH_ADDRESS);
}

static bool find_caller(struct call *call, bool may_wait, struct refusal_why *why)
{
    struct str authorization = http_request_header(call->http, STR("authorization"));
    struct str token = STR_NONE;

    if (is_known(call, authorization))
        return true;
    call->caller = (struct caller){.kind = PRINCIPAL_ROBOT};
    if (call->listener->as.len > 0 && authorization.ptr == NULL)
        return token_table_find_robot(snapshot_tokens(call->snapshot),
                                      str_from(call->listener->as, strlen("robot:")), &call->caller,
                                      &why->failure, NULL) == ERR_OK;
    if (authorization.ptr != NULL && !token_of_authorization(authorization, &token))
        return fail(why, AUTH_MALFORMED);
    if (!check_token(call, token, may_wait, why))
        return false;
    if (arena_failed(call->arena))
        return fail_jwt(why, JWT_LIMIT);
    if (call->snapshot == call->worker->snapshot)
        caller_cache_put(call->worker->callers, authorization, &call->caller);
    return true;
}

static enum step_result admit(struct call *call)
{
    call->is_authenticated = true;
    if (call->caller.has_own_token)
        worker_note_token_use(call->worker, call->caller.token_id);
    if (call->route.kind == ROUTE_NONE)
        return call_turn_away(call, 404, "There is nothing here; MCP is at /mcp and /mcp/SERVER.");
    return STEP_NEXT;
}

static bool has_to_wait(const struct call *call)
{
    return call->awaits != NULL || call->asks_about.len > 0;
}

static bool is_oauth(const struct call *call)
{
    return call->route.kind >= ROUTE_OAUTH_TOKEN && call->route.kind <= ROUTE_OAUTH_LOGOUT;
}

enum step_result step_authenticate(struct call *call)
{
    struct refusal_why why = {.failure = AUTH_MISSING};

    /* These have clients or browsers, not callers; `identify` hands the request over. */
    if (is_oauth(call))
        return STEP_NEXT;
    if (find_caller(call, true, &why) && is_where_it_may(call, &why))
        return admit(call);
    return has_to_wait(call) ? STEP_NEXT : unauthenticated(call, &why);
}

/* ---- waiting for a provider ---- */

static void ask_provider(struct job *job)
{
    struct call *call = (struct call *)(void *)((char *)job - offsetof(struct call, key_job));
    struct err err;

    if (call->awaits != NULL &&
        key_source_refresh(call->awaits, true, call->started_us, &err) != ERR_OK)
        log_event(LOG_ERROR, "identity_keys_failed", LOG_ERR(&err));
    if (call->asks_about.len > 0 &&
        introspector_ask(call->worker->gate->introspector, call->asks_about, clock_wall_us(),
                         &err) != ERR_OK)
        log_event(LOG_ERROR, "introspection_failed", LOG_ERR(&err));
}

static void on_answer(struct job *job)
{
    struct call *call = (struct call *)(void *)((char *)job - offsetof(struct call, key_job));

    call->key_job.run = NULL;
    /* Once more through this step: now it decides. */
    call->step--;
    pipeline_resume(call);
}

/* One thread for one token, so that it is asked for once. */
static bool ask_about_token(struct call *call)
{
    struct gate *gate = call->worker->gate;
    struct str token = call->asks_about;

    return introspector_may_ask(gate->introspector, token, &call->address, call->started_us) &&
           jobs_add(gate->opaque_jobs[table_hash(token) % GATE_OPAQUE_THREADS], &call->key_job);
}

static enum step_result wait_for_provider(struct call *call)
{
    struct gate *gate = call->worker->gate;

    call->key_job = (struct job){
        .reply_to = loop_mailbox(call->worker->loop), .run = ask_provider, .done = on_answer};
    call->is_waiting = true;
    if (call->asks_about.len == 0 ? jobs_add(gate->identity_jobs, &call->key_job)
                                  : ask_about_token(call))
        return STEP_WAIT;
    call->is_waiting = false;
    call->key_job.run = NULL;
    return call_turn_away(call, 503, "Too many new callers at one time; try again.");
}

static enum step_result hand_over(struct call *call)
{
    if (call->route.kind == ROUTE_OAUTH_TOKEN || call->route.kind == ROUTE_OAUTH_INTROSPECT)
        return oauth_token(call);
    return call->route.kind == ROUTE_OAUTH_LOGOUT ? logout_step(call) : login_step(call);
}

enum step_result step_identify(struct call *call)
{
    struct refusal_why why = {.failure = AUTH_MISSING};

    if (call->is_authenticated)
        return STEP_NEXT;
    if (is_oauth(call))
        return hand_over(call);
    if (call->http == NULL) {
        call_end(call);
        return STEP_DONE;
    }
    if (has_to_wait(call) && !call->has_fetched) {
        call->has_fetched = true;
        return wait_for_provider(call);
    }
    if (find_caller(call, false, &why) && is_where_it_may(call, &why))
        return admit(call);
    return unauthenticated(call, &why);
}
