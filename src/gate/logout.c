/*
 * A logout token is checked on the identity thread, which may fetch keys, and takes effect on the
 * control thread, once. Why one was refused stands in the log alone.
 */
#include "gate/logout.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/form.h"
#include "base/jsonw.h"
#include "base/log.h"
#include "gate/control.h"
#include "gate/pipeline.h"
#include "gate/redeem.h"
#include "gate/worker_priv.h"
#include "identity/person.h"

enum {
    ARENA_BYTES = 1 << 20,
    MAX_SECONDS = 600, /* of a logout token's life; its id is remembered as long */
};

#define LOGOUT_EVENT "http://schemas.openid.net/event/backchannel-logout"

struct logout {
    struct job job;
    struct call *call;
    struct gate *gate;
    struct arena *arena;
    struct str body;
    struct api_request request; /* who and from where, for the record */
    const struct provider *provider;
    struct jwt_claims claims;
    struct str provider_session; /* `sid`; may be empty */

    int status;
    const char *why; /* NULL: granted so far */
};

static void refuse(struct logout *logout, int status, const char *why)
{
    logout->status = status;
    logout->why = why;
}

static void free_logout(struct logout *logout)
{
    if (logout == NULL)
        return;
    arena_free(logout->arena);
    free(logout);
}

static void finish(struct logout *logout)
{
    struct call *call = logout->call;
    struct jsonw w;

    call->is_waiting = false;
    call->key_job.run = NULL;
    call->reply_status = logout->status;
    if (logout->why != NULL) {
        COUNT(call->worker, requests_unauthenticated);
        refusals_add_source(call->worker->refusals, &call->address, logout->why);
        log_event(LOG_WARN, "logout_refused", LOG_C("reason", logout->why));
        jsonw_init(&w, &call->reply);
        jsonw_object(&w);
        jsonw_name_str(&w, "error", STR("invalid_request"));
        jsonw_end_object(&w);
    }
    call_send_reply(call);
    free_logout(logout);
}

static void on_done(struct job *job)
{
    finish((struct logout *)(void *)job);
}

/* ---- on the control thread ---- */

static void run_sign_out(struct job *job)
{
    struct logout *logout = (struct logout *)(void *)job;
    const struct jwt_claims *claims = &logout->claims;
    const struct spent_id token = {
        .issuer = logout->provider->issuer,
        .id = claims->id,
        .expires_us = (claims->expires_at + JWT_LEEWAY_SECONDS) * 1000000,
    };
    const struct sign_out who = {.provider = logout->provider->name,
                                 .subject = claims->subject,
                                 .provider_session = logout->provider_session};
    bool is_person = claims->subject.len > 0;
    const struct control_change change = {.request = &logout->request,
                                          .action = is_person ? "user.logout" : "session.logout",
                                          .detail = is_person ? who.subject : who.provider_session};
    struct err err;
    enum err_code code = control_sign_out(gate_control(logout->gate), &change, &who, &token, &err);

    if (code == ERR_OK)
        return;
    if (code == ERR_CONFLICT) {
        refuse(logout, 400, "replayed");
        return;
    }
    log_event(LOG_ERROR, "logout_failed", LOG_ERR(&err));
    refuse(logout, 503, "store");
}

/* ---- on the identity thread ---- */

/* §2.4: an event of its own, and nothing that an ID token has to have. */
static bool is_logout(const struct jwt *jwt)
{
    const struct json_doc *doc = &jwt->claims;
    json_pos events = json_get(doc, 0, STR("events"));

    return json_is(doc, events, JSON_OBJECT) &&
           json_is(doc, json_get(doc, events, STR(LOGOUT_EVENT)), JSON_OBJECT) &&
           json_get(doc, 0, STR("nonce")) == JSON_NONE;
}

static enum jwt_why judge(struct logout *logout, const struct jwt *jwt)
{
    static const struct str types[] = {STR_INIT("logout+jwt"), STR_INIT("jwt"), {NULL, 0}};
    const struct provider *provider = logout->provider;
    const struct identity_rules *rules = &logout->gate->settings->identity;
    const struct jwt_expect expect = {
        .issuer = provider->issuer,
        .audiences = &provider->client_id,
        .audience_count = 1,
        .types = types,
        .type_count = ARRAY_LEN(types),
        .now = clock_wall_us() / 1000000,
        .max_seconds = MAX_SECONDS,
        .must_have_id = true,
        .may_lack_subject = true,
    };
    enum jwt_why why =
        redeem_verify(jwt, logout->gate->key_sources[provider - rules->providers], clock_wall_us());

    if (why == JWT_OK && !is_logout(jwt))
        why = JWT_BAD_CLAIMS;
    if (why == JWT_OK)
        why = jwt_judge(jwt, &expect, logout->arena, &logout->claims);
    if (why == JWT_OK)
        logout->claims.subject = person_subject(provider, jwt, &logout->claims, logout->arena);
    logout->provider_session = jwt_text(jwt, STR("sid"), logout->arena);
    /* §2.4: one of the two must be there. */
    if (why == JWT_OK && logout->claims.subject.len == 0 && logout->provider_session.len == 0)
        why = JWT_NO_SUBJECT;
    return why;
}

static void check(struct logout *logout)
{
    const struct identity_rules *rules = &logout->gate->settings->identity;
    struct form form;
    struct jwt jwt;

    if (form_parse(logout->body, logout->arena, &form, NULL) != ERR_OK) {
        refuse(logout, 400, "form");
        return;
    }
    enum jwt_why why = jwt_parse(form_get(&form, STR("logout_token")), logout->arena, &jwt);
    if (why == JWT_OK) {
        logout->provider = provider_by_issuer(rules, jwt.issuer);
        /* Where people do not sign in, nobody is told who this gateway is. */
        why = logout->provider == NULL || logout->provider->client_id.len == 0
                  ? JWT_BAD_ISSUER
                  : judge(logout, &jwt);
    }
    if (why != JWT_OK)
        refuse(logout, 400, jwt_why_word(why));
}

static void run_check(struct job *job)
{
    check((struct logout *)(void *)job);
}

static void on_checked(struct job *job)
{
    struct logout *logout = (struct logout *)(void *)job;

    if (logout->why == NULL) {
        logout->job.run = run_sign_out;
        logout->job.done = on_done;
        if (jobs_add(logout->gate->control_jobs, &logout->job))
            return;
        refuse(logout, 503, "overloaded");
    }
    finish(logout);
}

/* ---- the request ---- */

static struct logout *new_logout(struct call *call)
{
    struct logout *logout = calloc(1, sizeof *logout);

    if (logout == NULL)
        return NULL;
    *logout = (struct logout){
        .job = {.reply_to = loop_mailbox(call->worker->loop), .run = run_check, .done = on_checked},
        .call = call,
        .gate = call->worker->gate,
        .arena = arena_new(ARENA_BYTES),
        .status = 200,
    };
    if (logout->arena != NULL) {
        logout->body = arena_dup(logout->arena, http_request_body(call->http));
        logout->request = (struct api_request){
            .gate = logout->gate,
            .peer = call->peer,
            .address = call->address,
            .user_agent = arena_dup(logout->arena, call->user_agent),
        };
    }
    if (logout->body.ptr == NULL || logout->request.user_agent.ptr == NULL) {
        free_logout(logout);
        return NULL;
    }
    return logout;
}

enum step_result logout_step(struct call *call)
{
    struct logout *logout = NULL;

    if (call->http == NULL) {
        call_end(call);
        return STEP_DONE;
    }
    if (provider_for_login(&call->worker->gate->settings->identity, 0) == NULL)
        return call_turn_away(call, 404, "That is not offered here.");
    if (!str_eq(http_request_method(call->http), STR("POST")))
        return call_turn_away(call, 405, "Another method is expected here.");
    if (!form_is_type(http_request_header(call->http, STR("content-type"))))
        return call_turn_away(call, 400, "The body must be a form.");
    logout = new_logout(call);
    if (logout == NULL)
        return call_turn_away(call, 503, "Memory is short; try again.");
    call->is_waiting = true;
    call->key_job.run = run_check; /* keeps the call until the job is done */
    if (jobs_add(logout->gate->identity_jobs, &logout->job))
        return STEP_WAIT;
    call->is_waiting = false;
    call->key_job.run = NULL;
    free_logout(logout);
    return call_turn_away(call, 503, "Too many requests at one time; try again.");
}
