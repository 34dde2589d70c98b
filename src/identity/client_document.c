#include "identity/client_document.h"

#include "base/json.h"
#include "base/url.h"

enum { HTTPS_PORT = 443, FIRST_FREE_PORT = 1024 };

static enum err_code refuse(struct err *err, const char *why)
{
    return err_set(err, ERR_INVALID, "%s", why);
}

bool client_document_is_url(struct str id)
{
    return str_starts(id, STR("https://"));
}

/* ---- addresses ---- */

/* "." and "..", also percent-encoded: what a fetch would make another path of (draft §3). */
static bool is_dot_segment(struct str segment)
{
    size_t dots = 0;

    while (segment.len > 0) {
        bool is_encoded = str_eq_nocase(str_first(segment, 3), STR("%2e"));

        if (!is_encoded && segment.ptr[0] != '.')
            return false;
        segment = str_from(segment, is_encoded ? 3 : 1);
        dots++;
    }
    return dots == 1 || dots == 2;
}

static bool has_dot_segment(struct str path)
{
    for (struct str rest = path; rest.len > 0;) {
        if (is_dot_segment(str_cut(&rest, '/')))
            return true;
    }
    return false;
}

static bool is_trusted(const struct client_document_rules *rules, struct str host)
{
    for (size_t i = 0; i < rules->domain_count; i++) {
        if (str_glob(rules->domains[i], host))
            return true;
    }
    return rules->domain_count == 0;
}

/* What this gateway would go to: not to the ports of mail, shells and the like, whoever asks. */
static enum err_code check_place(const struct client_document_rules *rules, struct str text,
                                 struct url *ret_url, struct err *err)
{
    if (rules->is_off)
        return err_set(err, ERR_DENIED, "documents of clients are not fetched here");
    if (text.len > CLIENT_DOCUMENT_URL_BYTES)
        return refuse(err, "the URL is too long");
    if (url_parse(text, ret_url, err) != ERR_OK)
        return err_wrap(err, "client");
    if (!ret_url->is_https)
        return refuse(err, "the URL must be https");
    if (ret_url->port != HTTPS_PORT && ret_url->port < FIRST_FREE_PORT)
        return refuse(err, "the port must be 443, or 1024 and above");
    if (!is_trusted(rules, ret_url->host))
        return err_set(err, ERR_DENIED, "the settings do not trust the host " STR_FMT,
                       STR_ARG(ret_url->host));
    return ERR_OK;
}

enum err_code client_document_check_url(const struct client_document_rules *rules, struct str text,
                                        struct err *err)
{
    struct url url;
    enum err_code code = check_place(rules, text, &url, err);

    if (code != ERR_OK)
        return code;
    /* Draft §3: a path; a query is better left out, and where answers can be made up by a query,
     * anybody could make an id. */
    if (str_eq(url.target, STR("/")) || str_find(url.target, '?') < url.target.len)
        return refuse(err, "the URL needs a path, and takes no query");
    if (has_dot_segment(url.target))
        return refuse(err, "the path must have no dot segments");
    return ERR_OK;
}

enum err_code client_document_check_keys_url(struct str text, struct err *err)
{
    const struct client_document_rules anywhere = {.is_off = false};
    struct url url;

    return check_place(&anywhere, text, &url, err);
}

struct str client_document_host(struct str text)
{
    struct url url;

    if (url_parse(text, &url, NULL) != ERR_OK)
        return STR_NONE;
    return str_from(url.origin, str_find(url.origin, '/') + 2);
}

/* ---- what it says ---- */

/* A secret that the whole world can read is none (draft §4.1). */
static enum err_code check_secrets(const struct json_doc *doc, struct err *err)
{
    static const struct str names[] = {STR_INIT("client_secret"),
                                       STR_INIT("client_secret_expires_at")};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (json_get(doc, 0, names[i]) != JSON_NONE)
            return refuse(err, "the document holds a client_secret");
    }
    return ERR_OK;
}

static enum err_code read_keys(const struct client_document_rules *rules,
                               const struct json_doc *doc, struct arena *arena,
                               struct client_document *document, struct err *err)
{
    json_pos keys = json_get(doc, 0, STR("jwks"));
    json_pos where = json_get(doc, 0, STR("jwks_uri"));
    struct url url;

    /* RFC 7591 §2: never both. */
    if ((keys == JSON_NONE) == (where == JSON_NONE))
        return refuse(err, "private_key_jwt needs either jwks or jwks_uri");
    if (keys != JSON_NONE) {
        document->jwks = json_raw(doc, keys);
        return json_is(doc, keys, JSON_OBJECT) ? ERR_OK : refuse(err, "jwks is no object");
    }
    if (!json_str(doc, where, arena, &document->jwks_uri))
        return refuse(err, "jwks_uri is no text");
    enum err_code code = check_place(rules, document->jwks_uri, &url, err);
    if (code != ERR_OK)
        return err_wrap(err, "jwks_uri");
    document->jwks_uri = arena_dup(arena, document->jwks_uri);
    return document->jwks_uri.ptr == NULL ? err_set(err, ERR_LIMIT, "memory is out") : ERR_OK;
}

static enum err_code read_method(const struct client_document_rules *rules,
                                 const struct json_doc *doc, struct arena *arena,
                                 struct client_document *document, struct err *err)
{
    json_pos method = json_get(doc, 0, STR("token_endpoint_auth_method"));

    if (method == JSON_NONE || json_str_is(doc, method, STR("none")))
        return ERR_OK;
    if (!json_str_is(doc, method, STR("private_key_jwt")))
        return refuse(err, "token_endpoint_auth_method must be none or private_key_jwt");
    document->app.has_keys = true;
    return read_keys(rules, doc, arena, document, err);
}

enum err_code client_document_read(const struct client_document_rules *rules, struct str url,
                                   struct str json, struct arena *arena,
                                   struct client_document *ret_document, struct err *err)
{
    struct client_document document = {.app = {.redirect_count = 0}};
    struct json_doc doc;
    struct str id = STR_NONE;

    if (json_parse(json, &json_limits_default, arena, &doc, err) != ERR_OK)
        return err_wrap(err, "client document");
    /* Draft §4.1: the very same text. */
    if (!json_str(&doc, json_get(&doc, 0, STR("client_id")), arena, &id) || !str_eq(id, url))
        return refuse(err, "the document is of another client_id");
    enum err_code code = check_secrets(&doc, err);
    if (code == ERR_OK)
        code = app_read_members(&doc, arena, &document.app, err);
    if (code == ERR_OK)
        code = read_method(rules, &doc, arena, &document, err);
    if (code != ERR_OK)
        return code;
    document.app.id = url;
    *ret_document = document;
    return ERR_OK;
}
