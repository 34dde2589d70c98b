/*
 * The token endpoint. What needs the network or secrets (clients, keys of providers) is checked on
 * the identity thread, what needs the store (assertions are redeemed once, the record) on the
 * control thread; then the worker answers. Why something was refused stands in the log alone.
 */
#include "gate/oauth.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/form.h"
#include "base/jsonw.h"
#include "base/log.h"
#include "gate/client_jobs.h"
#include "gate/control.h"
#include "gate/pipeline.h"
#include "gate/redeem.h"
#include "gate/worker_priv.h"
#include "identity/client_table.h"
#include "identity/issuer.h"

enum { ARENA_BYTES = 4 << 20 };

struct token_job {
    struct job job;
    void (*check)(struct job *job);
    struct call *call;
    struct redemption redemption;
    struct buf token;
};

/* ---- documents ---- */

static void write_words(struct jsonw *w, const char *name, const char *const *words)
{
    jsonw_name(w, name);
    jsonw_array(w);
    for (; *words != NULL; words++)
        jsonw_str(w, str_c(*words));
    jsonw_end_array(w);
}

/* Clients that authenticate: of the settings, or kept in the store. */
static bool has_clients(const struct call *call)
{
    return provider_has_clients(&call->worker->gate->settings->identity) ||
           client_table_count(token_table_clients(snapshot_tokens(call->snapshot))) > 0;
}

bool oauth_is_offered(const struct call *call)
{
    const struct identity_rules *rules = &call->worker->gate->settings->identity;

    return has_clients(call) || provider_has_workloads(rules) ||
           provider_for_login(rules, 0) != NULL;
}

static void write_endpoint(struct jsonw *w, struct call *call, const char *name, const char *path)
{
    struct str url = call->worker->gate->settings->public_url.origin;

    jsonw_name_str(w, name, arena_printf(call->arena, STR_FMT "%s", STR_ARG(url), path));
}

enum step_result oauth_metadata(struct call *call)
{
    static const char *const grants[] = {"authorization_code", "refresh_token",
                                         REDEEM_JWT_BEARER,    REDEEM_EXCHANGE,
                                         REDEEM_CREDENTIALS,   NULL};
    static const char *const types[] = {"code", NULL};
    static const char *const challenges[] = {"S256", NULL};
    static const char *const profiles[] = {"urn:ietf:params:oauth:grant-profile:id-jag", NULL};
    static const char *const methods[] = {"none", "client_secret_basic", "client_secret_post",
                                          "private_key_jwt", NULL};
    static const char *const algs[] = {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512",
                                       "ES256", "ES384", "ES512", "EdDSA", NULL};
    const struct identity_rules *rules = &call->worker->gate->settings->identity;
    struct jsonw w;

    bool has_login = provider_for_login(rules, 0) != NULL;
    if (!oauth_is_offered(call))
        return call_turn_away(call, 404, "This gateway issues no tokens.");
    jsonw_init(&w, &call->reply);
    jsonw_object(&w);
    jsonw_name_str(&w, "issuer", call->worker->gate->settings->public_url.origin);
    write_endpoint(&w, call, "token_endpoint", "/oauth/token");
    write_endpoint(&w, call, "jwks_uri", "/oauth/keys");
    /* RFC 8414 §2 asks for the types always, and clients for the endpoint, too: also where nobody
     * signs in here. */
    write_endpoint(&w, call, "authorization_endpoint", "/oauth/authorize");
    write_words(&w, "response_types_supported", has_login ? types : types + 1);
    if (has_login) {
        write_words(&w, "code_challenge_methods_supported", challenges);
        jsonw_name_bool(&w, "authorization_response_iss_parameter_supported", true);
        write_endpoint(&w, call, "revocation_endpoint", "/oauth/revoke");
    }
    if (has_login && !rules->refuses_registration)
        write_endpoint(&w, call, "registration_endpoint", "/oauth/register");
    if (has_clients(call)) {
        write_endpoint(&w, call, "introspection_endpoint", "/oauth/introspect");
        write_words(&w, "introspection_endpoint_auth_methods_supported", methods + 1);
    }
    if (!rules->client_documents.is_off)
        jsonw_name_bool(&w, "client_id_metadata_document_supported", true);
    write_words(&w, "grant_types_supported", has_login ? grants : grants + 2);
    if (provider_has_ema(rules))
        write_words(&w, "authorization_grant_profiles_supported", profiles);
    write_words(&w, "token_endpoint_auth_methods_supported", methods);
    write_words(&w, "token_endpoint_auth_signing_alg_values_supported", algs);
    jsonw_end_object(&w);
    call_send_reply(call);
    return STEP_DONE;
}

enum step_result oauth_keys(struct call *call)
{
    issuer_write_keys(call->worker->gate->issuer, &call->reply);
    call_send_reply(call);
    return STEP_DONE;
}

/* ---- the token endpoint ---- */

static void free_token_job(struct token_job *job)
{
    if (job == NULL)
        return;
    buf_done(&job->token);
    arena_free(job->redemption.arena);
    free(job);
}

static void write_error(struct call *call, const struct redemption *redemption)
{
    struct jsonw w;

    jsonw_init(&w, &call->reply);
    jsonw_object(&w);
    jsonw_name_str(&w, "error", str_c(redemption->error));
    jsonw_end_object(&w);
    call->reply_status = redemption->status;
}

static void write_token(struct call *call, const struct token_job *job)
{
    const struct redemption *redemption = &job->redemption;
    struct buf scopes;
    struct jsonw w;

    buf_init(&scopes, 1024);
    scope_set_write(&scopes, redemption->scopes, " ");
    jsonw_init(&w, &call->reply);
    jsonw_object(&w);
    jsonw_name_str(&w, "access_token", buf_str(&job->token));
    jsonw_name_str(&w, "token_type", STR("Bearer"));
    jsonw_name_i64(&w, "expires_in", redemption->seconds);
    jsonw_name_str(&w, "scope", buf_str(&scopes));
    if (redemption->refresh.len > 0)
        jsonw_name_str(&w, "refresh_token", redemption->refresh);
    if (redemption->is_exchange)
        jsonw_name_str(&w, "issued_token_type", STR(REDEEM_ACCESS_TOKEN));
    jsonw_end_object(&w);
    buf_done(&scopes);
}

static void write_answer(struct call *call, const struct token_job *job)
{
    if (job->redemption.answer.len > 0)
        buf_add(&call->reply, job->redemption.answer);
    else
        write_token(call, job);
}

static void finish(struct token_job *job)
{
    struct call *call = job->call;
    struct redemption *redemption = &job->redemption;

    call->is_waiting = false;
    call->key_job.run = NULL;
    if (redemption->error != NULL) {
        COUNT(call->worker, requests_unauthenticated);
        refusals_add_source(call->worker->refusals, &call->address, redemption->why);
        log_event(LOG_WARN, "token_refused", LOG_C("error", redemption->error),
                  LOG_C("reason", redemption->why), LOG_STR("client", redemption->client_id));
        write_error(call, redemption);
    } else {
        write_answer(call, job);
    }
    call_send_reply(call);
    free_token_job(job);
}

static void on_done(struct job *job)
{
    finish((struct token_job *)(void *)job);
}

/* On the control thread: what was redeemed is spent, and recorded, before the token exists. */
static void run_issue(struct job *job)
{
    struct token_job *mine = (struct token_job *)(void *)job;
    struct redemption *redemption = &mine->redemption;
    if (!control_spend(gate_control(redemption->gate), redemption))
        return;
    /* What it is for and may do is known only now: of a session, from the store. */
    const struct issue issue = {
        .caller = &redemption->caller,
        .audience = redemption->audience,
        .scopes = redemption->scopes,
        .now = redemption->now_us / 1000000,
        .seconds = redemption->seconds,
    };
    if (!issuer_mint(redemption->gate->issuer, &issue, &mine->token))
        redeem_refuse(redemption, 503, "temporarily_unavailable", "memory");
}

static void run_spend_client(struct job *job)
{
    struct redemption *redemption = &((struct token_job *)(void *)job)->redemption;

    (void)control_spend_client(gate_control(redemption->gate), redemption);
}

static void on_checked(struct job *job);

static void run_fetch(struct job *job)
{
    redeem_fetch(&((struct token_job *)(void *)job)->redemption);
}

/* Once more from the start, with what the client published. */
static void on_fetched(struct job *job)
{
    struct token_job *mine = (struct token_job *)(void *)job;

    mine->job.run = mine->check;
    mine->job.done = on_checked;
    if (mine->redemption.error == NULL) {
        if (jobs_add(mine->redemption.gate->identity_jobs, &mine->job))
            return;
        redeem_refuse(&mine->redemption, 503, "temporarily_unavailable", "overloaded");
    }
    finish(mine);
}

/* True: on its way. */
static bool fetch_first(struct token_job *mine)
{
    struct redemption *redemption = &mine->redemption;

    mine->job.run = run_fetch;
    mine->job.done = on_fetched;
    if (client_jobs_add(redemption->gate->client_jobs, redemption->wants_url, &mine->job))
        return true;
    redeem_refuse(redemption, 503, "temporarily_unavailable", "overloaded");
    return false;
}

static void on_checked(struct job *job)
{
    struct token_job *mine = (struct token_job *)(void *)job;
    struct redemption *redemption = &mine->redemption;

    if (redemption->error == NULL && redemption->wants_url.len > 0 && fetch_first(mine))
        return;
    if (redemption->error == NULL) {
        mine->job.run = redemption->answer.len > 0 ? run_spend_client : run_issue;
        mine->job.done = on_done;
        if (jobs_add(redemption->gate->control_jobs, &mine->job))
            return;
        redeem_refuse(redemption, 503, "temporarily_unavailable", "overloaded");
    }
    finish(mine);
}

static void run_check(struct job *job)
{
    redeem_check(&((struct token_job *)(void *)job)->redemption);
}

static void run_introspect(struct job *job)
{
    redeem_introspect(&((struct token_job *)(void *)job)->redemption);
}

static struct token_job *new_token_job(struct call *call)
{
    struct token_job *job = calloc(1, sizeof *job);
    struct redemption *redemption = NULL;

    if (job == NULL)
        return NULL;
    redemption = &job->redemption;
    job->call = call;
    buf_init(&job->token, 64 << 10);
    job->check = call->route.kind == ROUTE_OAUTH_INTROSPECT ? run_introspect : run_check;
    job->job = (struct job){
        .reply_to = loop_mailbox(call->worker->loop), .run = job->check, .done = on_checked};
    redemption->arena = arena_new(ARENA_BYTES);
    redemption->gate = call->worker->gate;
    redemption->now_us = clock_wall_us();
    redemption->peer = call->peer;
    redemption->address = call->address;
    redemption->seconds = call->worker->gate->settings->identity_access_token_seconds;
    if (redemption->arena != NULL) {
        struct arena *arena = redemption->arena;

        redemption->authorization =
            arena_dup(arena, http_request_header(call->http, STR("authorization")));
        redemption->body = arena_dup(arena, http_request_body(call->http));
        redemption->user_agent = arena_dup(arena, call->user_agent);
    }
    if (redemption->arena == NULL || redemption->body.ptr == NULL ||
        redemption->authorization.ptr == NULL || redemption->user_agent.ptr == NULL) {
        free_token_job(job);
        return NULL;
    }
    return job;
}

enum step_result oauth_token(struct call *call)
{
    struct token_job *job = NULL;

    if (call->http == NULL) {
        call_end(call);
        return STEP_DONE;
    }
    if (!oauth_is_offered(call))
        return call_turn_away(call, 404, "This gateway issues no tokens.");
    if (!str_eq(http_request_method(call->http), STR("POST")))
        return call_turn_away(call, 405, "Tokens are asked for with POST.");
    if (!form_is_type(http_request_header(call->http, STR("content-type"))))
        return call_turn_away(call, 400, "The body must be a form.");
    job = new_token_job(call);
    if (job == NULL)
        return call_turn_away(call, 503, "Memory is short; try again.");
    call->is_waiting = true;
    call->key_job.run = run_check; /* keeps the call until the job is done */
    if (jobs_add(call->worker->gate->identity_jobs, &job->job))
        return STEP_WAIT;
    call->is_waiting = false;
    call->key_job.run = NULL;
    free_token_job(job);
    return call_turn_away(call, 503, "Too many requests at one time; try again.");
}
