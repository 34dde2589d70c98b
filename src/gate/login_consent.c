/*
 * Whoever signed in is asked whether this client may act for them; only who says yes gets a
 * session.
 */
#include "base/form.h"
#include "base/log.h"
#include "gate/control.h"
#include "gate/login_priv.h"
#include "gate/pages.h"
#include "gate/redeem.h"
#include "identity/client_document.h"
#include "keys/seal.h"

/* scheme://host[:port] of http and https, scheme: of others. */
static struct str target_of(struct str redirect)
{
    struct url url;

    /* A policy has no way to write an IPv6 address (CSP3 §2.3.1): the scheme alone says enough. */
    if (url_parse(redirect, &url, NULL) == ERR_OK && str_find(url.host, ':') == url.host.len)
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

static struct str seal_question(struct login *login)
{
    CLEANUP(buf_done) struct buf plain;
    CLEANUP(buf_done) struct buf sealed;
    struct uuid id = uuid_v7(login->now_us);
    char id_text[UUID_TEXT_BYTES];
    struct jsonw w;

    uuid_format(&id, id_text);
    buf_init(&plain, LOGIN_PAGE_BYTES / 4);
    buf_init(&sealed, LOGIN_PAGE_BYTES / 2);
    jsonw_init(&w, &plain);
    jsonw_object(&w);
    jsonw_name_i64(&w, "until", login->now_us + (int64_t)LOGIN_SECONDS * 1000000);
    jsonw_name_i64(&w, "verified", login->now_us);
    jsonw_name_str(&w, "id", str_of(id_text, UUID_TEXT_BYTES));
    login_write_wish(&w, &login->wish);
    write_person(&w, &login->person);
    jsonw_name_str(&w, "sid", login->provider_session);
    jsonw_end_object(&w);
    seal_add(login->gate->keyring, CONSENT_PURPOSE, login->cookie, buf_str(&plain), &sealed);
    return plain.failed || sealed.failed ? STR_NONE : arena_dup(login->arena, buf_str(&sealed));
}

/* Whoever comes is known before the page is out: a sign-out of somebody unknown would leave no
 * trace, and the page be as good as before. */
static bool meet(struct login *login)
{
    struct api_request request = login->request;
    struct err err;

    request.caller = login->person;
    if (control_see_user(gate_control(login->gate), &request, &err) == ERR_OK)
        return true;
    log_event(LOG_ERROR, "user_not_noted", LOG_ERR(&err));
    login_answer_page(login, 503, "This sign-in cannot go on", STR("Try again in a moment."));
    return false;
}

void login_ask_consent(struct login *login)
{
    const struct wish *wish = &login->wish;
    const struct caller *person = &login->person;

    if (!meet(login) || !login_renew_cookie(login))
        return;
    const struct consent_page page = {
        .person = person->email.len > 0 ? person->email : person->name,
        .client = wish->app.name,
        .client_host = client_document_host(wish->app.id),
        .redirect = wish->redirect,
        .resource = wish->resource,
        .grant = seal_question(login),
        .is_loopback = app_is_loopback(wish->redirect),
    };
    login->status = page.grant.len == 0 ? 500 : 200;
    login->target = target_of(wish->redirect);
    page_consent(&login->page, &page);
}

/* ---- the answer, on the control thread ---- */

/* False: the page says less than it must. */
static bool read_agreement(struct login *login, const struct json_doc *doc, const struct wish *wish,
                           struct agreement *agreed)
{
    *agreed = (struct agreement){
        .session = {.provider = login_text(login, doc, "provider"),
                    .subject = login_text(login, doc, "subject"),
                    .provider_session = login_text(login, doc, "sid"),
                    .email = login_text(login, doc, "email"),
                    .name = login_text(login, doc, "name"),
                    .groups = json_raw(doc, json_get(doc, 0, STR("groups"))),
                    .client_id = wish->app.id,
                    .client_name = wish->app.name,
                    .resource = wish->resource,
                    .scopes = wish->scopes,
                    .needs_proof = wish->app.has_keys},
        .redirect = wish->redirect,
        .challenge = wish->challenge,
        .page = {.issuer =
                     arena_printf(login->arena, STR_FMT "/oauth/consent", STR_ARG(login->url)),
                 .id = login_text(login, doc, "id"),
                 .expires_us = login->now_us + (int64_t)LOGIN_SECONDS * 1000000},
    };
    return agreed->page.issuer.len > 0 && agreed->page.id.len > 0 &&
           json_i64(doc, json_get(doc, 0, STR("verified")), &agreed->session.created_us);
}

static void refuse_session(struct login *login, const struct wish *wish, const struct err *err)
{
    log_event(err->code == ERR_DENIED || err->code == ERR_CONFLICT ? LOG_WARN : LOG_ERROR,
              "session_not_made", LOG_ERR(err));
    if (err->code == ERR_CONFLICT)
        login_bad_request(login, "This page was answered before. Go back to the program that sent "
                                 "you here, and begin again.");
    else
        login_answer_client(login, wish,
                            err->code == ERR_DENIED ? "access_denied" : "temporarily_unavailable",
                            STR_NONE);
}

void login_consent(struct login *login)
{
    struct form form;
    struct wish wish;
    struct json_doc doc;
    struct agreement agreed;
    struct str code = STR_NONE;
    struct err err;

    if (form_parse(login->body, login->arena, &form, NULL) != ERR_OK) {
        login_bad_request(login, "The form came back damaged.");
        return;
    }
    if (!login_open_sealed(login, CONSENT_PURPOSE, form_get(&form, STR("grant")), &doc, &wish))
        return;
    login->is_over = true;
    if (!str_eq(form_get(&form, STR("decision")), STR("allow")))
        login_answer_client(login, &wish, "access_denied", STR_NONE);
    else if (!read_agreement(login, &doc, &wish, &agreed))
        login_bad_request(login, "The form came back damaged.");
    else if (control_add_session(gate_control(login->gate), &login->request, &agreed, login->arena,
                                 &code, &err) != ERR_OK)
        refuse_session(login, &wish, &err);
    else
        login_answer_client(login, &wish, NULL, code);
}
