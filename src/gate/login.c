/*
 * A request of a browser or a client on its way: which step it is, on which thread it runs, and
 * what its answer carries besides the page.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/form.h"
#include "gate/client_jobs.h"
#include "gate/login_priv.h"
#include "gate/pages.h"
#include "gate/pipeline.h"
#include "gate/worker_priv.h"

/* The prefix has browsers refuse it from other hosts of the domain and over plain HTTP (RFC 6265bis
 * §4.1.3); plain HTTP is for loopback alone. */
#define COOKIE_SECURE "__Host-portreeve_login"
#define COOKIE_PLAIN  "portreeve_login"

/* The endpoints: what they take, and where they run. */
static const struct step {
    enum route_kind kind;
    const char *method;
    login_fn *run;
    bool is_page;
    bool changes_store; /* else it may wait for the network */
} steps[] = {
    {ROUTE_OAUTH_AUTHORIZE, "GET", login_authorize, true, false},
    {ROUTE_OAUTH_CHOOSE, "GET", login_choose, true, false},
    {ROUTE_OAUTH_OWNER, "POST", login_owner, true, true},
    {ROUTE_OAUTH_CALLBACK, "GET", login_callback, true, false},
    {ROUTE_OAUTH_CONSENT, "POST", login_consent, true, true},
    {ROUTE_OAUTH_REGISTER, "POST", login_register, false, false},
    {ROUTE_OAUTH_REVOKE, "POST", login_revoke, false, true},
};

static const struct step *find_step(enum route_kind kind)
{
    size_t i = 0;

    while (i + 1 < ARRAY_LEN(steps) && steps[i].kind != kind)
        i++;
    return &steps[i];
}

static void run_login(struct job *job)
{
    struct login *login = (struct login *)(void *)job;
    login_fn *run = login->then;

    login->then = NULL;
    run(login);
}

static void free_login(struct login *login)
{
    if (login == NULL)
        return;
    buf_done(&login->page);
    arena_free(login->arena);
    free(login);
}

/* Pages are framed by nobody, kept by nobody, and tell nobody where they were. */
static size_t page_headers(struct login *login, struct http_header *headers)
{
    CLEANUP(buf_done) struct buf policy;
    size_t count = 0;

    buf_init(&policy, 4096);
    page_policy(&policy, login->target);
    headers[count++] = (struct http_header){STR("Content-Type"), STR("text/html; charset=utf-8")};
    headers[count++] = (struct http_header){STR("Content-Security-Policy"),
                                            arena_dup(login->arena, buf_str(&policy))};
    headers[count++] = (struct http_header){STR("X-Frame-Options"), STR("DENY")};
    headers[count++] = (struct http_header){STR("X-Content-Type-Options"), STR("nosniff")};
    headers[count++] = (struct http_header){STR("Referrer-Policy"), STR("same-origin")};
    return count;
}

static struct str cookie_header(struct login *login)
{
    bool is_https = login->gate->settings->public_url.is_https;

    return arena_printf(login->arena, "%s=" STR_FMT "; Path=%s; HttpOnly; SameSite=Lax; Max-Age=%d",
                        is_https ? COOKIE_SECURE : COOKIE_PLAIN, STR_ARG(login->set_cookie),
                        is_https ? "/; Secure" : "/oauth",
                        login->set_cookie.len > 0 ? LOGIN_SECONDS : 0);
}

static bool go_on(struct login *login)
{
    struct jobs *jobs = login->then_jobs == NULL ? login->gate->control_jobs : login->then_jobs;

    login->then_jobs = NULL;
    return login->wants_url.len > 0
               ? client_jobs_add(login->gate->client_jobs, login->wants_url, &login->job)
               : jobs_add(jobs, &login->job);
}

static void on_login(struct job *job)
{
    struct login *login = (struct login *)(void *)job;
    struct call *call = login->call;
    struct http_header headers[12];
    size_t count = 0;

    if (login->then != NULL) {
        if (go_on(login))
            return;
        login_answer_page(login, 503, "Too many sign-ins at one time", STR("Try again."));
    }
    call->is_waiting = false;
    call->key_job.run = NULL;
    if (login->refused != NULL)
        refusals_add_source(call->worker->refusals, &call->address, login->refused);
    if (find_step(call->route.kind)->is_page)
        count = page_headers(login, headers);
    else
        headers[count++] = (struct http_header){STR("Content-Type"), STR("application/json")};
    if (login->location.len > 0)
        headers[count++] = (struct http_header){STR("Location"), login->location};
    if (login->set_cookie.len > 0 || login->is_over)
        headers[count++] = (struct http_header){STR("Set-Cookie"), cookie_header(login)};
    headers[count++] = (struct http_header){STR("Cache-Control"), STR("no-store")};
    call->reply_state = REPLY_SENT;
    if (call->http != NULL)
        http_reply(call_part_from_http(call), login->page.failed ? 500 : login->status, headers,
                   count, login->page.failed ? STR_NONE : buf_str(&login->page));
    call_end(call);
    free_login(login);
}

/* The value of our cookie; empty: none, or one that is not of its form. */
static struct str find_cookie(struct call *call)
{
    bool is_https = call->worker->gate->settings->public_url.is_https;
    struct str wanted = is_https ? STR(COOKIE_SECURE) : STR(COOKIE_PLAIN);
    struct str rest = http_request_header(call->http, STR("cookie"));

    while (rest.len > 0) {
        struct str value = str_trim(str_cut(&rest, ';'));
        struct str name = str_cut(&value, '=');

        if (str_eq(name, wanted))
            return value.len == LOGIN_COOKIE_BYTES ? value : STR_NONE;
    }
    return STR_NONE;
}

/* Did a page of this gateway send the form? A browser says so in Origin or in Sec-Fetch-Site: one
 * of them must be there, and neither say otherwise. Origins that the settings let at the API are no
 * pages of ours. */
static bool is_from_here(struct call *call)
{
    struct str origin = http_request_header(call->http, STR("origin"));
    struct str site = http_request_header(call->http, STR("sec-fetch-site"));

    if (origin.ptr == NULL && site.ptr == NULL)
        return false;
    return (origin.ptr == NULL ||
            str_eq(origin, call->worker->gate->settings->public_url.origin)) &&
           (site.ptr == NULL || str_eq(site, STR("same-origin")));
}

static void refuse_foreign(struct login *login)
{
    login_answer_page(login, 403, "This form is not ours",
                      STR("Another site sent it. Go back to the program that sent you here, and "
                          "begin again."));
}

static bool has_right_type(struct call *call, const struct step *step)
{
    struct str type = http_request_header(call->http, STR("content-type"));

    if (strcmp(step->method, "GET") == 0)
        return true;
    if (step->kind != ROUTE_OAUTH_REGISTER)
        return form_is_type(type);
    return str_eq_nocase(str_trim(str_cut(&type, ';')), STR("application/json"));
}

static struct login *new_login(struct call *call)
{
    struct login *login = calloc(1, sizeof *login);
    struct str cookie = find_cookie(call);

    if (login == NULL)
        return NULL;
    buf_init(&login->page, LOGIN_PAGE_BYTES);
    login->call = call;
    login->gate = call->worker->gate;
    login->then = find_step(call->route.kind)->run;
    login->url = login->gate->settings->public_url.origin;
    login->now_us = clock_wall_us();
    login->job = (struct job){
        .reply_to = loop_mailbox(call->worker->loop), .run = run_login, .done = on_login};
    login->arena = arena_new(LOGIN_ARENA_BYTES);
    if (login->arena == NULL) {
        free_login(login);
        return NULL;
    }
    login->query = arena_dup(login->arena, http_request_query(call->http));
    login->body = arena_dup(login->arena, http_request_body(call->http));
    login->cookie = arena_dup(login->arena, cookie);
    login->request = (struct api_request){
        .gate = login->gate,
        .peer = call->peer,
        .address = call->address,
        .user_agent = arena_dup(login->arena, call->user_agent),
    };
    if (login->query.ptr == NULL || login->body.ptr == NULL || login->cookie.ptr == NULL ||
        login->request.user_agent.ptr == NULL) {
        free_login(login);
        return NULL;
    }
    return login;
}

enum step_result login_step(struct call *call)
{
    struct gate *gate = call->worker->gate;
    const struct identity_rules *rules = &gate->settings->identity;
    const struct step *step = find_step(call->route.kind);
    struct jobs *jobs = step->changes_store ? gate->control_jobs : gate->identity_jobs;
    struct login *login = NULL;

    if (call->http == NULL) {
        call_end(call);
        return STEP_DONE;
    }
    if (provider_for_login(rules, 0) == NULL ||
        (call->route.kind == ROUTE_OAUTH_REGISTER && rules->refuses_registration))
        return call_turn_away(call, 404, "That is not offered here.");
    if (!str_eq(http_request_method(call->http), str_c(step->method)))
        return call_turn_away(call, 405, "Another method is expected here.");
    if (!has_right_type(call, step))
        return call_turn_away(call, 400, "The body is of another type than is expected here.");
    login = new_login(call);
    if (login == NULL)
        return call_turn_away(call, 503, "Memory is short; try again.");
    if (step->is_page && strcmp(step->method, "POST") == 0 && !is_from_here(call))
        login->then = refuse_foreign;
    call->is_waiting = true;
    call->key_job.run = run_login; /* keeps the call until the job is done */
    if (jobs_add(jobs, &login->job))
        return STEP_WAIT;
    call->is_waiting = false;
    call->key_job.run = NULL;
    free_login(login);
    return call_turn_away(call, 503, "Too many requests at one time; try again.");
}
