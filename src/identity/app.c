#include "identity/app.h"

#include <string.h>

#include "base/json.h"
#include "base/jsonw.h"
#include "base/url.h"
#include "keys/seal.h"

#define PURPOSE "oauth client"
#define PREFIX  "app."

static enum err_code refuse(struct err *err, const char *why)
{
    return err_set(err, ERR_INVALID, "%s", why);
}

/* ---- redirects ---- */

static bool is_loopback_host(struct str host)
{
    return str_eq(host, STR("127.0.0.1")) || str_eq(host, STR("::1")) ||
           str_eq(host, STR("localhost"));
}

bool app_is_loopback(struct str redirect)
{
    struct url url;

    return url_parse(redirect, &url, NULL) == ERR_OK && is_loopback_host(url.host);
}

/* Schemes that would run or show something instead of reaching the client. */
static bool is_harmful(struct str scheme)
{
    static const struct str harmful[] = {
        STR_INIT("javascript"), STR_INIT("data"),  STR_INIT("vbscript"), STR_INIT("file"),
        STR_INIT("about"),      STR_INIT("blob"),  STR_INIT("ftp"),      STR_INIT("ws"),
        STR_INIT("wss"),        STR_INIT("mailto")};

    for (size_t i = 0; i < ARRAY_LEN(harmful); i++) {
        if (str_eq_nocase(scheme, harmful[i]))
            return true;
    }
    return false;
}

/* RFC 3986 §3.1 */
static bool is_scheme(struct str scheme)
{
    for (size_t i = 0; i < scheme.len; i++) {
        char c = scheme.ptr[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        if (!is_letter && (i == 0 || !((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.')))
            return false;
    }
    return scheme.len > 0;
}

static bool is_plain(struct str redirect)
{
    for (size_t i = 0; i < redirect.len; i++) {
        unsigned char c = (unsigned char)redirect.ptr[i];

        if (c <= 0x20 || c >= 0x7f || c == '#' || c == '"' || c == '<' || c == '>' || c == '\\' ||
            c == '\'')
            return false;
    }
    return true;
}

static enum err_code check_redirect(struct str redirect, struct err *err)
{
    struct str rest = redirect;
    struct str scheme = str_cut(&rest, ':');
    struct url url;

    if (redirect.len > APP_MAX_REDIRECT_BYTES || !is_plain(redirect))
        return refuse(err, "a redirect URI is too long, has a fragment, or holds a forbidden byte");
    if (!is_scheme(scheme) || is_harmful(scheme) || rest.len == 0)
        return refuse(err, "a redirect URI has no scheme that could reach a client");
    if (!str_eq_nocase(scheme, STR("http")) && !str_eq_nocase(scheme, STR("https")))
        return ERR_OK;
    if (url_parse(redirect, &url, err) != ERR_OK)
        return err_wrap(err, "redirect URI");
    if (!url.is_https && !is_loopback_host(url.host))
        return refuse(err, "a redirect URI with http must lead to loopback");
    return ERR_OK;
}

/* What stands before and behind the port. */
static bool is_same_but_port(struct str a, struct str b)
{
    struct url x;
    struct url y;

    return url_parse(a, &x, NULL) == ERR_OK && url_parse(b, &y, NULL) == ERR_OK && !x.is_https &&
           !y.is_https && is_loopback_host(x.host) && str_eq(x.host, y.host) &&
           str_eq(x.target, y.target);
}

bool app_allows(const struct app *app, struct str redirect)
{
    if (!is_plain(redirect))
        return false;
    for (size_t i = 0; i < app->redirect_count; i++) {
        if (str_eq(app->redirects[i], redirect) || is_same_but_port(app->redirects[i], redirect))
            return true;
    }
    return false;
}

/* ---- metadata ---- */

static enum err_code read_redirects(const struct json_doc *doc, struct arena *arena,
                                    struct app *app, struct err *err)
{
    json_pos list = json_get(doc, 0, STR("redirect_uris"));

    if (!json_is(doc, list, JSON_ARRAY))
        return list == JSON_NONE ? ERR_OK : refuse(err, "redirect_uris is no list");
    for (json_pos each = json_first(doc, list); each != JSON_NONE;
         each = json_next(doc, list, each)) {
        struct str redirect = STR_NONE;

        if (app->redirect_count == APP_MAX_REDIRECTS)
            return refuse(err, "too many redirect URIs");
        if (!json_str(doc, each, arena, &redirect))
            return refuse(err, "a redirect URI is no text");
        enum err_code code = check_redirect(redirect, err);
        if (code != ERR_OK)
            return code;
        app->redirects[app->redirect_count++] = redirect;
    }
    return ERR_OK;
}

enum err_code app_read_members(const struct json_doc *doc, struct arena *arena, struct app *app,
                               struct err *err)
{
    json_pos name = json_get(doc, 0, STR("client_name"));

    if (name != JSON_NONE && !json_str(doc, name, arena, &app->name))
        return refuse(err, "client_name is no text");
    if (app->name.len > APP_MAX_NAME_BYTES)
        return refuse(err, "client_name is too long");
    return read_redirects(doc, arena, app, err);
}

enum err_code app_read(struct str json, struct arena *arena, struct app *ret_app, struct err *err)
{
    struct app app = {.redirect_count = 0};
    struct json_doc doc;
    json_pos method = JSON_NONE;

    if (json_parse(json, &json_limits_default, arena, &doc, err) != ERR_OK)
        return err_wrap(err, "client metadata");
    method = json_get(&doc, 0, STR("token_endpoint_auth_method"));
    /* A secret that is handed to anybody who asks proves nothing. */
    if (method != JSON_NONE && !json_str_is(&doc, method, STR("none")))
        return refuse(err,
                      "only public clients register themselves: token_endpoint_auth_method none");
    enum err_code code = app_read_members(&doc, arena, &app, err);
    if (code == ERR_OK && app.redirect_count == 0)
        code = refuse(err, "redirect_uris is missing or empty");
    if (code == ERR_OK)
        *ret_app = app;
    return code;
}

void app_write(const struct app *app, struct buf *out)
{
    struct jsonw w;

    jsonw_init(&w, out);
    jsonw_object(&w);
    if (app->id.len > 0)
        jsonw_name_str(&w, "client_id", app->id);
    jsonw_name_str(&w, "client_name", app->name);
    jsonw_name(&w, "redirect_uris");
    jsonw_array(&w);
    for (size_t i = 0; i < app->redirect_count; i++)
        jsonw_str(&w, app->redirects[i]);
    jsonw_end_array(&w);
    jsonw_name_str(&w, "token_endpoint_auth_method", STR("none"));
    jsonw_end_object(&w);
}

enum err_code app_register(const struct keyring *keyring, struct arena *arena, struct app *app,
                           struct err *err)
{
    struct buf plain;
    struct buf sealed;

    buf_init(&plain, 16 << 10);
    buf_init(&sealed, 32 << 10);
    app->id = STR_NONE;
    app_write(app, &plain);
    seal_add(keyring, PURPOSE, STR_NONE, buf_str(&plain), &sealed);
    if (!plain.failed && !sealed.failed)
        app->id = arena_printf(arena, PREFIX STR_FMT, STR_ARG(buf_str(&sealed)));
    buf_done(&plain);
    buf_done(&sealed);
    return app->id.ptr != NULL ? ERR_OK : err_set(err, ERR_LIMIT, "the metadata is too large");
}

enum err_code app_find(const struct keyring *keyring, struct str id, struct arena *arena,
                       struct app *ret_app, struct err *err)
{
    struct str plain = STR_NONE;

    if (!str_starts(id, STR(PREFIX)) ||
        !seal_open(keyring, PURPOSE, STR_NONE, str_from(id, strlen(PREFIX)), arena, &plain) ||
        app_read(plain, arena, ret_app, NULL) != ERR_OK)
        return err_set(err, ERR_NOT_FOUND, "no client of this gateway has this id");
    ret_app->id = id;
    return ERR_OK;
}
