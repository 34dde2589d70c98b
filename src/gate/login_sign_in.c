/*
 * The authorization endpoint, and the way back from the identity provider.
 */
#include "base/form.h"
#include "gate/login_priv.h"

void login_authorize(struct login *login)
{
    const struct provider *provider = NULL;
    struct discovery found;
    struct form form;

    if (form_parse(login->query, login->arena, &form, NULL) != ERR_OK) {
        login_bad_request(login, "The link that led you here is damaged.");
        return;
    }
    if (!login_find_client(login, &form, &login->wish))
        return;
    const char *error = login_read_wish(login, &form, &login->wish);
    if (error != NULL)
        login_answer_client(login, &login->wish, error, STR_NONE);
    else if (login_find_provider(login, &provider, &found))
        login_send(login, provider, &found, &login->wish);
}

void login_callback(struct login *login)
{
    const struct provider *provider = NULL;
    struct discovery found;
    struct json_doc doc;
    struct form form;

    if (form_parse(login->query, login->arena, &form, NULL) != ERR_OK) {
        login_bad_request(login, "The identity provider's answer is damaged.");
        return;
    }
    if (!login_open_sealed(login, LOGIN_PURPOSE, form_get(&form, STR("state")), &doc, &login->wish))
        return;
    login->is_over = true; /* what the provider said counts once; the consent page has its own */
    struct str issuer = form_get(&form, STR("iss"));
    if (!login_find_provider(login, &provider, &found))
        return;
    /* RFC 9207 §2.4: an answer of another issuer is a mix-up. */
    if (issuer.ptr == NULL ? found.names_issuer : !str_eq(issuer, provider->issuer))
        login_bad_request(login, "The answer came from another identity provider.");
    else if (form_get(&form, STR("error")).ptr != NULL)
        login_answer_client(login, &login->wish, "access_denied", STR_NONE);
    else if (login_find_person(login, provider, &found, form_get(&form, STR("code")),
                               &login->person))
        login->then = login_ask_consent;
}
