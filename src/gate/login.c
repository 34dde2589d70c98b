#include "gate/login_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/form.h"
#include "base/log.h"
#include "gate/control.h"
#include "gate/pages.h"
#include "gate/pipeline.h"
#include "gate/redeem.h"
#include "gate/worker_priv.h"
#include "identity/issuer.h"
#include "keys/seal.h"

enum { PAGE_BYTES = 256 << 10, MAX_STATE_BYTES = 2048 };

#define COOKIE "portreeve_login"

/* ---- answers ---- */

void login_answer_page(struct login *login, int status, const char *heading, struct str sentence)
{
    login->status = status;
    buf_clear(&login->page);
    page_error(&login->page, heading, sentence);
}

static void bad_request(struct login *login, const char *sentence)
{
    login_answer_page(login, 400, "This sign-in cannot go on", str_c(sentence));
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void login_add_encoded(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (is_unreserved(text.ptr[i]))
            buf_add_byte(out, text.ptr[i]);
        else
            buf_printf(out, "%%%02X", (unsigned)(unsigned char)text.ptr[i]);
    }
}

/* name=value, behind what the URL needs before it. */
void login_add_param(struct buf *url, const char *name, struct str value)
{
    if (value.ptr == NULL)
        return;
    buf_add_byte(url, str_find(buf_str(url), '?') < url->len ? '&' : '?');
    buf_add_c(url, name);
    buf_add_byte(url, '=');
    login_add_encoded(url, value);
}

void login_answer_redirect(struct login *login, const struct buf *url)
{
    login->status = 303;
    login->location = url->failed ? STR_NONE : arena_dup(login->arena, buf_str(url));
    if (login->location.ptr == NULL)
        login_answer_page(login, 500, "Something went wrong", STR("Memory is short; try again."));
}

/* To the client, which it tells an error of ours, or hands the code. */
static void answer_client(struct login *login, const struct wish *wish, const char *error,
                          struct str code)
{
    CLEANUP(buf_done) struct buf url;

    buf_init(&url, 64 << 10);
    buf_add(&url, wish->redirect);
    if (error != NULL)
        login_add_param(&url, "error", str_c(error));
    login_add_param(&url, "code", code);
    login_add_param(&url, "state", wish->state);
    login_add_param(&url, "iss", login->url);
    login_answer_redirect(login, &url);
}

/* ---- what the client asks for ---- */

/* False: answered. */
static bool find_client(struct login *login, const struct form *form, struct wish *wish)
{
    struct str id = form_get(form, STR("client_id"));

    wish->redirect = form_get(form, STR("redirect_uri"));
    if (app_find(login->gate->keyring, id, login->arena, &wish->app, NULL) != ERR_OK) {
        bad_request(login, "The program that sent you here is not registered with this gateway.");
        return false;
    }
    if (!app_allows(&wish->app, wish->redirect)) {
        bad_request(login, "The program that sent you here wants the answer at an address that it "
                           "did not register.");
        return false;
    }
    return true;
}

static bool is_challenge(struct str text)
{
    char bytes[LOGIN_CHALLENGE_LEN];
    size_t len = 0;

    return text.len == LOGIN_CHALLENGE_LEN && base64url_decode(text, bytes, &len) && len == 32;
}

/* Words of ours narrow; others (openid, offline_access) mean something elsewhere. */
static uint32_t scopes_of(struct str text)
{
    struct str rest = text;
    uint32_t named = 0;

    while (rest.len > 0) {
        enum scope scope;

        if (scope_parse(str_cut(&rest, ' '), &scope))
            named |= SCOPE_BIT(scope);
    }
    return named == 0 ? SCOPE_SET_CALLS : named & SCOPE_SET_CALLS;
}

/* NULL: fine. Else the error that the client hears. */
static const char *read_wish(struct login *login, const struct form *form, struct wish *wish)
{
    struct str resource = form_get(form, STR("resource"));

    wish->state = form_get(form, STR("state"));
    wish->challenge = form_get(form, STR("code_challenge"));
    wish->resource = resource.ptr == NULL ? login->url : resource;
    wish->scopes = scopes_of(form_get(form, STR("scope")));
    if (wish->state.len > MAX_STATE_BYTES)
        return "invalid_request";
    if (!str_eq(form_get(form, STR("response_type")), STR("code")))
        return "unsupported_response_type";
    if (!str_eq(form_get(form, STR("code_challenge_method")), STR("S256")) ||
        !is_challenge(wish->challenge))
        return "invalid_request";
    if (!redeem_is_ours(login->url, wish->resource))
        return "invalid_target";
    return wish->scopes == 0 ? "invalid_scope" : NULL;
}

/* ---- what travels sealed ---- */

void login_write_wish(struct jsonw *w, const struct wish *wish)
{
    jsonw_name_str(w, "client", wish->app.id);
    jsonw_name_str(w, "redirect", wish->redirect);
    if (wish->state.ptr != NULL)
        jsonw_name_str(w, "state", wish->state);
    jsonw_name_str(w, "challenge", wish->challenge);
    jsonw_name_str(w, "resource", wish->resource);
    jsonw_name_i64(w, "scopes", wish->scopes);
}

struct str login_text(struct login *login, const struct json_doc *doc, const char *name)
{
    struct str text = STR_NONE;
    json_pos pos = json_get(doc, 0, str_c(name));

    return pos != JSON_NONE && json_str(doc, pos, login->arena, &text) ? text : STR_NONE;
}

/* What was sealed a moment ago, in this browser. False: answered. */
static bool open_sealed(struct login *login, const char *purpose, struct str sealed,
                        struct json_doc *doc, struct wish *wish)
{
    struct str plain = STR_NONE;
    int64_t until = 0;
    int64_t scopes = 0;

    if (login->cookie.len != LOGIN_COOKIE_BYTES ||
        !seal_open(login->gate->keyring, purpose, login->cookie, sealed, login->arena, &plain) ||
        json_parse(plain, &json_limits_default, login->arena, doc, NULL) != ERR_OK ||
        !json_i64(doc, json_get(doc, 0, STR("until")), &until) ||
        !json_i64(doc, json_get(doc, 0, STR("scopes")), &scopes) || until < login->now_us) {
        bad_request(login, "It took too long, or was begun in another browser. Go back to the "
                           "program that sent you here, and begin again.");
        return false;
    }
    wish->redirect = login_text(login, doc, "redirect");
    wish->state = login_text(login, doc, "state");
    wish->challenge = login_text(login, doc, "challenge");
    wish->resource = login_text(login, doc, "resource");
    wish->scopes = (uint32_t)scopes;
    if (app_find(login->gate->keyring, login_text(login, doc, "client"), login->arena, &wish->app,
                 NULL) != ERR_OK ||
        !app_allows(&wish->app, wish->redirect)) {
        bad_request(login, "The program that sent you here is not registered any more.");
        return false;
    }
    return true;
}

/* Secrets that only this browser's sign-in has: nothing but the cookie need be kept. */
struct str login_secret(struct login *login, struct str cookie, const char *purpose)
{
    const struct str pieces[] = {STR("portreeve sign-in\n"), str_c(purpose), STR("\n"), cookie};
    uint8_t mac[CRYPTO_SHA256_BYTES];
    char *text = arena_alloc(login->arena, BASE64URL_LEN(sizeof mac));

    crypto_hmacv(keyring_get(login->gate->keyring, KEY_SESSION), pieces, ARRAY_LEN(pieces), mac);
    return text == NULL ? STR_NONE : str_of(text, base64url_encode(mac, sizeof mac, text));
}

static void run_authorize(struct login *login)
{
    const struct provider *provider = NULL;
    struct discovery found;
    struct wish wish = {.scopes = 0};
    struct form form;

    if (form_parse(login->query, login->arena, &form, NULL) != ERR_OK) {
        bad_request(login, "The link that led you here is damaged.");
        return;
    }
    if (!find_client(login, &form, &wish))
        return;
    const char *error = read_wish(login, &form, &wish);
    if (error != NULL)
        answer_client(login, &wish, error, STR_NONE);
    else if (login_find_provider(login, &provider, &found))
        login_send(login, provider, &found, &wish);
}

/* scheme://host[:port] of http and https, scheme: of others. */
static struct str target_of(struct str redirect)
{
    struct url url;

    if (url_parse(redirect, &url, NULL) == ERR_OK)
        return url.origin;
    return str_first(redirect, str_find(redirect, ':') + 1);
}

static void write_person(struct jsonw *w, const struct caller *person)
{
    jsonw_name_str(w, "provider", person->provider);
    jsonw_name_str(w, "subject", person->subject);
    jsonw_name_str(w, "email", person->email);
    jsonw_name_str(w, "name", person->name);
    jsonw_name(w, "groups");
    jsonw_array(w);
    for (size_t i = 0; i < person->group_count; i++)
        jsonw_str(w, person->groups[i]);
    jsonw_end_array(w);
}

static void ask_consent(struct login *login, const struct wish *wish, const struct caller *person)
{
    CLEANUP(buf_done) struct buf plain;
    CLEANUP(buf_done) struct buf sealed;
    struct jsonw w;

    buf_init(&plain, PAGE_BYTES / 4);
    buf_init(&sealed, PAGE_BYTES / 2);
    jsonw_init(&w, &plain);
    jsonw_object(&w);
    jsonw_name_i64(&w, "until", login->now_us + (int64_t)LOGIN_SECONDS * 1000000);
    login_write_wish(&w, wish);
    write_person(&w, person);
    jsonw_end_object(&w);
    seal_add(login->gate->keyring, CONSENT_PURPOSE, login->cookie, buf_str(&plain), &sealed);
    const struct consent_page page = {
        .person = person->email.len > 0 ? person->email : person->name,
        .client = wish->app.name,
        .redirect = wish->redirect,
        .resource = wish->resource,
        .grant = buf_str(&sealed),
        .is_loopback = app_is_loopback(wish->redirect),
    };
    login->status = plain.failed || sealed.failed ? 500 : 200;
    login->target = target_of(wish->redirect);
    page_consent(&login->page, &page);
}

static void run_callback(struct login *login)
{
    const struct provider *provider = NULL;
    struct discovery found;
    struct wish wish;
    struct json_doc doc;
    struct form form;
    struct caller person;

    if (form_parse(login->query, login->arena, &form, NULL) != ERR_OK) {
        bad_request(login, "The identity provider's answer is damaged.");
        return;
    }
    if (!open_sealed(login, LOGIN_PURPOSE, form_get(&form, STR("state")), &doc, &wish))
        return;
    struct str issuer = form_get(&form, STR("iss"));
    if (!login_find_provider(login, &provider, &found))
        return;
    /* RFC 9207: an answer of another issuer is a mix-up. */
    if (issuer.ptr != NULL && !str_eq(issuer, provider->issuer))
        bad_request(login, "The answer came from another identity provider.");
    else if (form_get(&form, STR("error")).ptr != NULL)
        answer_client(login, &wish, "access_denied", STR_NONE);
    else if (login_find_person(login, provider, &found, form_get(&form, STR("code")), &person))
        ask_consent(login, &wish, &person);
}

/* ---- consent, on the control thread ---- */

static void read_session(struct login *login, const struct json_doc *doc, const struct wish *wish,
                         struct oauth_session *session)
{
    *session = (struct oauth_session){
        .provider = login_text(login, doc, "provider"),
        .subject = login_text(login, doc, "subject"),
        .email = login_text(login, doc, "email"),
        .name = login_text(login, doc, "name"),
        .groups = json_raw(doc, json_get(doc, 0, STR("groups"))),
        .client_id = wish->app.id,
        .client_name = wish->app.name,
        .resource = wish->resource,
        .scopes = wish->scopes,
    };
}

static void run_consent(struct login *login)
{
    struct form form;
    struct wish wish;
    struct json_doc doc;
    struct oauth_session session;
    struct str code = STR_NONE;
    struct err err;

    if (form_parse(login->body, login->arena, &form, NULL) != ERR_OK) {
        bad_request(login, "The form came back damaged.");
        return;
    }
    if (!open_sealed(login, CONSENT_PURPOSE, form_get(&form, STR("grant")), &doc, &wish))
        return;
    if (!str_eq(form_get(&form, STR("decision")), STR("allow"))) {
        answer_client(login, &wish, "access_denied", STR_NONE);
        return;
    }
    read_session(login, &doc, &wish, &session);
    if (control_add_session(gate_control(login->gate), &login->request, &session, wish.redirect,
                            wish.challenge, login->arena, &code, &err) != ERR_OK) {
        log_event(LOG_ERROR, "session_not_made", LOG_ERR(&err));
        answer_client(login, &wish, "temporarily_unavailable", STR_NONE);
        return;
    }
    answer_client(login, &wish, NULL, code);
}

/* ---- registration ---- */

static void run_register(struct login *login)
{
    struct app app;
    struct err err;
    struct jsonw w;

    buf_clear(&login->page);
    if (app_read(login->body, login->arena, &app, &err) == ERR_OK &&
        app_register(login->gate->keyring, login->arena, &app, &err) == ERR_OK) {
        login->status = 201;
        app_write(&app, &login->page);
        return;
    }
    login->status = 400;
    jsonw_init(&w, &login->page);
    jsonw_object(&w);
    jsonw_name_str(&w, "error", STR("invalid_client_metadata"));
    jsonw_name_str(&w, "error_description", str_c(err.text));
    jsonw_end_object(&w);
}

/* ---- revocation (RFC 7009), on the control thread ---- */

/* The session of a refresh token, or of an access token of ours; empty: none. False: a good token
 * that stands for no session of its own, and can't be taken back alone: one that was redeemed or
 * exchanged. Whoever acts for a person does not end that person's session. */
static bool find_session(struct login *login, struct str token, struct str *ret_session)
{
    struct json_doc doc;
    struct str plain = STR_NONE;
    struct jwt jwt;

    *ret_session = STR_NONE;
    if (seal_open(login->gate->keyring, REDEEM_REFRESH_PURPOSE, STR_NONE, token, login->arena,
                  &plain) &&
        json_parse(plain, &json_limits_default, login->arena, &doc, NULL) == ERR_OK) {
        *ret_session = login_text(login, &doc, "session");
        return true;
    }
    if (jwt_parse(token, login->arena, &jwt) != JWT_OK ||
        jwt_verify(&jwt, issuer_keys(login->gate->issuer), PKEY_ALG_BIT(PKEY_EDDSA)) != JWT_OK)
        return true;
    if (json_get(&jwt.claims, 0, STR("act")) == JSON_NONE)
        *ret_session = jwt_text(&jwt, STR("sid"), login->arena);
    return ret_session->len > 0;
}

/* Whoever has the token may end what it stands for. A token that is none is as good as revoked. */
static void run_revoke(struct login *login)
{
    struct form form;
    struct str session;
    struct err err;

    login->status = 200;
    if (form_parse(login->body, login->arena, &form, NULL) != ERR_OK) {
        login->status = 400;
        return;
    }
    if (!find_session(login, form_get(&form, STR("token")), &session)) {
        login->status = 400;
        buf_add_c(&login->page, "{\"error\":\"unsupported_token_type\"}");
        return;
    }
    const struct control_change change = {
        .request = &login->request, .action = "session.revoke", .detail = session};
    if (session.len == 0 ||
        control_end_session(gate_control(login->gate), &change, session, &err) == ERR_OK)
        return;
    log_event(LOG_ERROR, "session_not_ended", LOG_ERR(&err));
    login->status = 503;
}

/* ---- the request ---- */

static void run_login(struct job *job)
{
    struct login *login = (struct login *)(void *)job;

    switch ((unsigned)login->kind) {
    case ROUTE_OAUTH_AUTHORIZE:
        run_authorize(login);
        break;
    case ROUTE_OAUTH_CALLBACK:
        run_callback(login);
        break;
    case ROUTE_OAUTH_CONSENT:
        run_consent(login);
        break;
    case ROUTE_OAUTH_REVOKE:
        run_revoke(login);
        break;
    default:
        run_register(login);
    }
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

    return arena_printf(login->arena,
                        COOKIE "=" STR_FMT "; Path=/oauth; HttpOnly; SameSite=Lax; Max-Age=%d%s",
                        STR_ARG(login->set_cookie), LOGIN_SECONDS, is_https ? "; Secure" : "");
}

static void on_login(struct job *job)
{
    struct login *login = (struct login *)(void *)job;
    struct call *call = login->call;
    struct http_header headers[12];
    size_t count = 0;

    call->is_waiting = false;
    call->key_job.run = NULL;
    if (login->kind == ROUTE_OAUTH_REGISTER || login->kind == ROUTE_OAUTH_REVOKE)
        headers[count++] = (struct http_header){STR("Content-Type"), STR("application/json")};
    else
        count = page_headers(login, headers);
    if (login->location.len > 0)
        headers[count++] = (struct http_header){STR("Location"), login->location};
    if (login->set_cookie.len > 0)
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
    struct str rest = http_request_header(call->http, STR("cookie"));

    while (rest.len > 0) {
        struct str value = str_trim(str_cut(&rest, ';'));
        struct str name = str_cut(&value, '=');

        if (str_eq(name, STR(COOKIE)))
            return value.len == LOGIN_COOKIE_BYTES ? value : STR_NONE;
    }
    return STR_NONE;
}

static struct login *new_login(struct call *call)
{
    struct login *login = calloc(1, sizeof *login);
    struct str cookie = find_cookie(call);

    if (login == NULL)
        return NULL;
    buf_init(&login->page, PAGE_BYTES);
    login->call = call;
    login->gate = call->worker->gate;
    login->kind = call->route.kind;
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

static bool has_right_method(const struct call *call)
{
    bool is_get =
        call->route.kind == ROUTE_OAUTH_AUTHORIZE || call->route.kind == ROUTE_OAUTH_CALLBACK;

    return str_eq(http_request_method(call->http), is_get ? STR("GET") : STR("POST"));
}

enum step_result login_step(struct call *call)
{
    struct gate *gate = call->worker->gate;
    const struct identity_rules *rules = &gate->settings->identity;
    bool changes_store =
        call->route.kind == ROUTE_OAUTH_CONSENT || call->route.kind == ROUTE_OAUTH_REVOKE;
    struct jobs *jobs = changes_store ? gate->control_jobs : gate->identity_jobs;
    struct login *login = NULL;

    if (call->http == NULL) {
        call_end(call);
        return STEP_DONE;
    }
    if (provider_for_login(rules) == NULL ||
        (call->route.kind == ROUTE_OAUTH_REGISTER && rules->refuses_registration))
        return call_turn_away(call, 404, "That is not offered here.");
    if (!has_right_method(call))
        return call_turn_away(call, 405, "Another method is expected here.");
    login = new_login(call);
    if (login == NULL)
        return call_turn_away(call, 503, "Memory is short; try again.");
    call->is_waiting = true;
    call->key_job.run = run_login; /* keeps the call until the job is done */
    if (jobs_add(jobs, &login->job))
        return STEP_WAIT;
    call->is_waiting = false;
    call->key_job.run = NULL;
    free_login(login);
    return call_turn_away(call, 503, "Too many requests at one time; try again.");
}
