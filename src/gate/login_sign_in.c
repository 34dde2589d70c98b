/*
 * The authorization endpoint, the choice between several ways to sign in, and the way back from the
 * identity provider.
 */
#include "base/form.h"
#include "base/log.h"
#include "gate/control.h"
#include "gate/login_priv.h"
#include "gate/owner_code.h"
#include "gate/pages.h"

/* ---- there ---- */

static struct str link_to(struct login *login, struct str sealed, const struct provider *provider)
{
    return arena_printf(login->arena, "/oauth/choose?at=" STR_FMT "&wish=" STR_FMT,
                        STR_ARG(provider->name), STR_ARG(sealed));
}

void login_ask_way(struct login *login, const char *complaint)
{
    const struct identity_rules *rules = &login->gate->settings->identity;
    const struct provider *provider = NULL;
    struct sign_in_page page = {.wish = login_seal_wish(login, CHOICE_PURPOSE, NULL),
                                .client = login->wish.app.name,
                                .has_owner = provider_has_local(rules),
                                .complaint = complaint};
    struct sign_in_way *ways = arena_calloc(login->arena, rules->provider_count + 1, sizeof *ways);

    for (size_t i = 0; ways != NULL && (provider = provider_for_login(rules, i)) != NULL; i++)
        if (!provider_is_local(provider))
            ways[page.way_count++] = (struct sign_in_way){
                .name = provider->name, .link = link_to(login, page.wish, provider)};
    page.ways = ways;
    login->status = complaint == NULL ? 200 : 403;
    if (page.wish.len == 0 || arena_failed(login->arena))
        login_answer_page(login, 500, "Something went wrong", STR("Memory is short; try again."));
    else
        page_sign_in(&login->page, &page);
}

void login_authorize(struct login *login)
{
    const struct identity_rules *rules = &login->gate->settings->identity;
    const struct provider *first = provider_for_login(rules, 0);
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
    else if (!login_renew_cookie(login))
        return;
    else if (provider_for_login(rules, 1) == NULL && !provider_is_local(first))
        login_send(login, first);
    else
        login_ask_way(login, NULL);
}

void login_choose(struct login *login)
{
    struct json_doc doc;
    struct form form;

    if (form_parse(login->query, login->arena, &form, NULL) != ERR_OK)
        login_bad_request(login, "The link that led you here is damaged.");
    else if (login_open_sealed(login, CHOICE_PURPOSE, form_get(&form, STR("wish")), &doc,
                               &login->wish))
        login_send(login, login_provider(login, form_get(&form, STR("at"))));
}

void login_owner(struct login *login)
{
    struct json_doc doc;
    struct form form;
    struct err err;

    if (form_parse(login->body, login->arena, &form, NULL) != ERR_OK) {
        login_bad_request(login, "The form came back damaged.");
        return;
    }
    if (!login_open_sealed(login, CHOICE_PURPOSE, form_get(&form, STR("wish")), &doc, &login->wish))
        return;
    enum err_code code =
        control_use_owner_code(gate_control(login->gate), &login->request,
                               form_get(&form, STR("code")), login->arena, &login->person, &err);
    if (code == ERR_OK) {
        login_ask_consent(login);
        return;
    }
    log_event(LOG_WARN, "owner_sign_in_refused", LOG_ERR(&err));
    if (code != ERR_DENIED) {
        login_answer_page(login, 503, "This sign-in cannot go on", STR("Try again in a moment."));
        return;
    }
    login->refused = "owner_code";
    login_ask_way(login, "That code is wrong, used up or too old. `portreeve owner sign-in` prints "
                         "another.");
}

/* ---- and back ---- */

/* The answer belongs to the provider that was chosen, and to no other (RFC 9207 §2.4). A provider
 * that always names itself does so here. */
static bool is_of(const struct provider *provider, const struct discovery *found,
                  const struct form *form)
{
    struct str issuer = form_get(form, STR("iss"));

    return issuer.ptr == NULL ? !found->names_issuer : str_eq(issuer, provider->issuer);
}

void login_callback(struct login *login)
{
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
    const struct provider *provider = login_provider(login, login_text(login, &doc, "at"));
    if (!login_ask_provider(login, provider, &found))
        return;
    if (!is_of(provider, &found, &form))
        login_bad_request(login, "The answer came from another identity provider.");
    else if (form_get(&form, STR("error")).ptr != NULL)
        login_answer_client(login, &login->wish, "access_denied", STR_NONE);
    else if (login_find_person(login, provider, &found, form_get(&form, STR("code")),
                               &login->person))
        login->then = login_ask_consent;
}
