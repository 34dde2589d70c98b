/*
 * What a client asks for, and how it travels from one step to the next: sealed, bound to the cookie
 * of the browser that began.
 */
#include "base/base64.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/form.h"
#include "base/rand.h"
#include "gate/login_priv.h"
#include "gate/redeem.h"
#include "identity/client_document.h"
#include "identity/client_table.h"
#include "keys/seal.h"

enum { MAX_STATE_BYTES = 2048 };

/* ---- what the client asks for ---- */

static bool is_blocked(struct login *login, struct str id)
{
    struct snapshot *snapshot = gate_snapshot(login->gate);
    bool is_out = client_table_is_blocked(token_table_clients(snapshot_tokens(snapshot)), id);

    snapshot_unref(snapshot);
    return is_out;
}

/* False: answered. */
bool login_find_client(struct login *login, const struct form *form, struct wish *wish)
{
    struct str id = form_get(form, STR("client_id"));

    wish->redirect = form_get(form, STR("redirect_uri"));
    if (is_blocked(login, id)) {
        login_answer_page(login, 403, "This program is blocked",
                          STR("An administrator of this gateway has blocked it."));
        return false;
    }
    if (client_document_is_url(id)) {
        if (!login_find_document(login, id, &wish->app))
            return false;
    } else if (app_find(login->gate->keyring, id, login->arena, &wish->app, NULL) != ERR_OK) {
        login_bad_request(login,
                          "The program that sent you here is not registered with this gateway.");
        return false;
    }
    if (!app_allows(&wish->app, wish->redirect)) {
        login_bad_request(login,
                          "The program that sent you here wants the answer at an address that it "
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
const char *login_read_wish(struct login *login, const struct form *form, struct wish *wish)
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
    struct str mode = form_get(form, STR("response_mode"));
    if (mode.ptr != NULL && !str_eq(mode, STR("query")))
        return "invalid_request";
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
    jsonw_name_str(w, "client_name", wish->app.name);
    jsonw_name_bool(w, "client_has_keys", wish->app.has_keys);
    jsonw_name_str(w, "redirect", wish->redirect);
    if (wish->state.ptr != NULL)
        jsonw_name_str(w, "state", wish->state);
    jsonw_name_str(w, "challenge", wish->challenge);
    jsonw_name_str(w, "resource", wish->resource);
    jsonw_name_i64(w, "scopes", wish->scopes);
}

struct str login_seal_wish(struct login *login, const char *purpose,
                           const struct provider *provider)
{
    CLEANUP(buf_done) struct buf plain;
    CLEANUP(buf_done) struct buf sealed;
    struct jsonw w;

    buf_init(&plain, 32 << 10);
    buf_init(&sealed, 64 << 10);
    jsonw_init(&w, &plain);
    jsonw_object(&w);
    jsonw_name_i64(&w, "until", login->now_us + (int64_t)LOGIN_SECONDS * 1000000);
    if (provider != NULL)
        jsonw_name_str(&w, "at", provider->name);
    login_write_wish(&w, &login->wish);
    jsonw_end_object(&w);
    seal_add(login->gate->keyring, purpose, login->cookie, buf_str(&plain), &sealed);
    return plain.failed || sealed.failed ? STR_NONE : arena_dup(login->arena, buf_str(&sealed));
}

struct str login_text(struct login *login, const struct json_doc *doc, const char *name)
{
    struct str text = STR_NONE;
    json_pos pos = json_get(doc, 0, str_c(name));

    return pos != JSON_NONE && json_str(doc, pos, login->arena, &text) ? text : STR_NONE;
}

/* What a document said was true when the sign-in began: it is not asked again. */
static bool open_client(struct login *login, const struct json_doc *doc, struct wish *wish)
{
    struct str id = login_text(login, doc, "client");

    if (!client_document_is_url(id))
        return app_find(login->gate->keyring, id, login->arena, &wish->app, NULL) == ERR_OK &&
               app_allows(&wish->app, wish->redirect);
    wish->app = (struct app){.id = id, .name = login_text(login, doc, "client_name")};
    return json_bool(doc, json_get(doc, 0, STR("client_has_keys")), &wish->app.has_keys);
}

/* What was sealed a moment ago, in this browser. False: answered. */
bool login_open_sealed(struct login *login, const char *purpose, struct str sealed,
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
        login_bad_request(login,
                          "It took too long, or was begun in another browser. Go back to the "
                          "program that sent you here, and begin again.");
        return false;
    }
    wish->redirect = login_text(login, doc, "redirect");
    wish->state = login_text(login, doc, "state");
    wish->challenge = login_text(login, doc, "challenge");
    wish->resource = login_text(login, doc, "resource");
    wish->scopes = (uint32_t)scopes;
    if (!open_client(login, doc, wish)) {
        login_bad_request(login, "The program that sent you here is not registered any more.");
        return false;
    }
    return true;
}

bool login_renew_cookie(struct login *login)
{
    uint8_t bytes[32];
    char *text = arena_alloc(login->arena, LOGIN_COOKIE_BYTES);

    if (text == NULL) {
        login_answer_page(login, 500, "Something went wrong", STR("Memory is short; try again."));
        return false;
    }
    rand_bytes(bytes, sizeof bytes);
    login->cookie = str_of(text, base64url_encode(bytes, sizeof bytes, text));
    login->set_cookie = login->cookie;
    return true;
}

struct str login_secret(struct login *login, const struct provider *provider, const char *purpose)
{
    const struct str pieces[] = {STR("portreeve sign-in\n"),
                                 str_c(purpose),
                                 STR("\n"),
                                 provider->name,
                                 STR("\n"),
                                 login->cookie};
    uint8_t mac[CRYPTO_SHA256_BYTES];
    char *text = arena_alloc(login->arena, BASE64URL_LEN(sizeof mac));

    crypto_hmacv(keyring_get(login->gate->keyring, KEY_SESSION), pieces, ARRAY_LEN(pieces), mac);
    return text == NULL ? STR_NONE : str_of(text, base64url_encode(mac, sizeof mac, text));
}
