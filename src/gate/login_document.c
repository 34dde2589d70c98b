/*
 * Clients whose id is the URL of a document about them: the document is there, or is fetched before
 * the person is sent anywhere.
 */
#include "base/log.h"
#include "gate/client_jobs.h"
#include "gate/login_priv.h"
#include "identity/client_document.h"

static void refuse(struct login *login, struct str id, const struct err *err)
{
    log_event(LOG_WARN, "client_document_refused", LOG_STR("client", id), LOG_ERR(err));
    login_bad_request(login, "The program that sent you here says who it is at an address that "
                             "cannot be used: what is there is not what it must be, or nobody "
                             "answers, or this gateway does not trust that address.");
}

static void fetch(struct login *login)
{
    struct err err;

    if (client_web_fetch(client_jobs_web(login->gate->client_jobs), login->wants_url, false,
                         login->now_us, &err) == ERR_BUSY) {
        login_answer_page(login, 503, "Too many new programs at one time",
                          STR("Try again in a minute."));
        return;
    }
    login->has_fetched = true;
    login->wants_url = STR_NONE;
    login->then = login_authorize;
    login->then_jobs = login->gate->identity_jobs;
}

bool login_find_document(struct login *login, struct str id, struct app *ret_app)
{
    const struct client_document_rules *rules = &login->gate->settings->identity.client_documents;
    struct client_document document;
    struct str body = STR_NONE;
    struct err err;
    enum client_web_state state = CLIENT_WEB_BAD;

    if (client_document_check_url(rules, id, &err) == ERR_OK)
        state = client_web_find(client_jobs_web(login->gate->client_jobs), id, false, login->now_us,
                                login->arena, &body, &err);
    if (state == CLIENT_WEB_DUE && !login->has_fetched) {
        login->wants_url = id;
        login->then = fetch;
        return false;
    }
    if (state == CLIENT_WEB_DUE)
        (void)err_set(&err, ERR_UNAVAILABLE, "the document is gone again");
    if (state == CLIENT_WEB_GOOD &&
        client_document_read(rules, id, body, login->arena, &document, &err) == ERR_OK) {
        *ret_app = document.app;
        return true;
    }
    refuse(login, id, &err);
    return false;
}
