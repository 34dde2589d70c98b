#include "identity/discovery.h"

#include "base/json.h"
#include "base/url.h"
#include "net/fetch.h"

enum { FETCH_TIMEOUT_MS = 10000, METADATA_BYTES = 256 * 1024 };

enum err_code discovery_get(const struct provider *provider, const char *url, struct buf *ret_body,
                            struct err *err)
{
    const struct fetch fetch = {
        .method = "GET",
        .url = url,
        .timeout_ms = FETCH_TIMEOUT_MS,
        .ca_file = provider->ca_file.len > 0 ? provider->ca_file.ptr : NULL,
        .max_bytes = METADATA_BYTES,
    };
    struct fetch_reply reply;
    enum err_code code = fetch_do(&fetch, &reply, err);

    if (code != ERR_OK)
        return code;
    if (reply.status != 200) {
        buf_done(&reply.body);
        return err_set(err, ERR_UNAVAILABLE, "%s answered with status %d", url, reply.status);
    }
    *ret_body = reply.body;
    return ERR_OK;
}

/* A URL of the document; not there: empty. Plain HTTP only where the issuer itself is plain: on
 * loopback. */
static enum err_code read_url(const struct provider *provider, const struct json_doc *doc,
                              const char *name, struct arena *arena, struct str *ret_url,
                              struct err *err)
{
    json_pos pos = json_get(doc, 0, str_c(name));
    struct url url;

    *ret_url = STR_NONE;
    if (pos == JSON_NONE)
        return ERR_OK;
    if (!json_str(doc, pos, arena, ret_url) || url_parse(*ret_url, &url, err) != ERR_OK)
        return err_set(err, ERR_INVALID, "the provider's %s is no URL", name);
    if (!url.is_https && str_starts(provider->issuer, STR("https:")))
        return err_set(err, ERR_INVALID, "the provider's %s is no https URL", name);
    *ret_url = arena_dup(arena, *ret_url);
    return ret_url->ptr == NULL ? err_set(err, ERR_LIMIT, "memory is out") : ERR_OK;
}

static enum err_code read_document(const struct provider *provider, struct str body,
                                   struct arena *arena, struct discovery *ret_found,
                                   struct err *err)
{
    struct json_doc doc;
    struct str issuer = STR_NONE;

    if (json_parse(body, &json_limits_default, arena, &doc, err) != ERR_OK)
        return err_wrap(err, "metadata of the provider");
    if (!json_str(&doc, json_get(&doc, 0, STR("issuer")), arena, &issuer) ||
        !str_eq(issuer, provider->issuer))
        return err_set(err, ERR_INVALID,
                       "the provider's metadata is of the issuer '" STR_FMT "', not of '" STR_FMT
                       "'",
                       STR_ARG(issuer), STR_ARG(provider->issuer));
    enum err_code code = read_url(provider, &doc, "jwks_uri", arena, &ret_found->jwks_uri, err);
    if (code == ERR_OK)
        code = read_url(provider, &doc, "authorization_endpoint", arena,
                        &ret_found->authorization_endpoint, err);
    if (code == ERR_OK)
        code = read_url(provider, &doc, "token_endpoint", arena, &ret_found->token_endpoint, err);
    if (code == ERR_OK)
        code = read_url(provider, &doc, "userinfo_endpoint", arena, &ret_found->userinfo_endpoint,
                        err);
    if (code == ERR_OK)
        code = read_url(provider, &doc, "introspection_endpoint", arena,
                        &ret_found->introspection_endpoint, err);
    json_pos names = json_get(&doc, 0, STR("authorization_response_iss_parameter_supported"));
    ret_found->names_issuer = false;
    if (names != JSON_NONE && !json_bool(&doc, names, &ret_found->names_issuer))
        ret_found->names_issuer = true; /* what can't be read may have been a yes */
    if (code == ERR_OK && ret_found->jwks_uri.len == 0)
        return err_set(err, ERR_INVALID, "the provider's metadata has no jwks_uri");
    return code;
}

static enum err_code try_document(const struct provider *provider, struct str url,
                                  struct arena *arena, struct discovery *ret_found, struct err *err)
{
    struct buf body;

    if (url.ptr == NULL)
        return err_set(err, ERR_LIMIT, "memory is out");
    enum err_code code = discovery_get(provider, url.ptr, &body, err);
    if (code != ERR_OK)
        return code;
    struct str text = arena_dup(arena, buf_str(&body));
    buf_done(&body);
    if (text.ptr == NULL)
        return err_set(err, ERR_LIMIT, "memory is out");
    return read_document(provider, text, arena, ret_found, err);
}

/* OpenID Connect appends to the issuer, RFC 8414 puts its word between host and path. */
enum err_code discover(const struct provider *provider, struct arena *arena,
                       struct discovery *ret_found, struct err *err)
{
    struct str issuer = provider->issuer;
    struct url url;

    if (url_parse(issuer, &url, err) != ERR_OK)
        return err_wrap(err, "issuer");
    if (issuer.ptr[issuer.len - 1] == '/')
        issuer.len--;
    struct str oidc =
        arena_printf(arena, STR_FMT "/.well-known/openid-configuration", STR_ARG(issuer));
    if (try_document(provider, oidc, arena, ret_found, err) == ERR_OK)
        return ERR_OK;
    struct str path = str_eq(url.target, STR("/")) ? STR_NONE : url.target;
    struct str oauth =
        arena_printf(arena, STR_FMT "/.well-known/oauth-authorization-server" STR_FMT,
                     STR_ARG(url.origin), STR_ARG(path));
    struct err second;
    /* What the first one said is what an operator looks for. */
    return try_document(provider, oauth, arena, ret_found, &second) == ERR_OK ? ERR_OK : err->code;
}
