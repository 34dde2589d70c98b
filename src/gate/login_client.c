/*
 * What clients do here without a person: they register, and give tokens back.
 */
#include "base/form.h"
#include "base/log.h"
#include "gate/control.h"
#include "gate/login_priv.h"
#include "gate/redeem.h"
#include "identity/issuer.h"
#include "keys/seal.h"

/* ---- registration (RFC 7591) ---- */

void login_register(struct login *login)
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
        issuer_verify(login->gate->issuer, &jwt) != JWT_OK)
        return true;
    if (json_get(&jwt.claims, 0, STR("act")) == JSON_NONE)
        *ret_session = jwt_text(&jwt, STR("sid"), login->arena);
    return ret_session->len > 0;
}

/* Whoever has the token may end what it stands for. A token that is none is as good as revoked. */
void login_revoke(struct login *login)
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
