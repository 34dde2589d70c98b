/*
 * fuzz_client_document.c - what clients publish of themselves. The first line is the URL that is
 * the id, the second one a Cache-Control, what follows the document.
 */
#include "fuzz.h"

#include <string.h>

#include "base/url.h"
#include "identity/client_document.h"
#include "identity/client_web.h"

enum { ARENA_BYTES = 4 << 20 };

static const struct client_document_rules anywhere = {.is_off = false};

/* Whatever is an id leads to one host, by https, without anything that a fetch reads otherwise. */
static void check_url(struct str url)
{
    struct url parts;
    if (client_document_check_url(&anywhere, url, NULL) != ERR_OK)
        return;
    require(client_document_is_url(url) && url_parse(url, &parts, NULL) == ERR_OK);
    require(parts.is_https && (parts.port == 443 || parts.port >= 1024));
    require(parts.target.len > 1 && client_document_host(url).len > 0);
    require(str_find(parts.origin, '@') == parts.origin.len);
    static const char forbidden[] = "?#\\ \t\r\n";
    for (size_t i = 0; i + 1 < sizeof forbidden; i++)
        require(str_find(url, forbidden[i]) == url.len);
}

static void check_document(const struct client_document *document, struct str url)
{
    const struct app *app = &document->app;
    require(str_eq(app->id, url) && app->redirect_count <= APP_MAX_REDIRECTS);
    require(app->name.len <= APP_MAX_NAME_BYTES);
    require(app->has_keys == (document->jwks.len + document->jwks_uri.len > 0));
    require(document->jwks.len == 0 || document->jwks_uri.len == 0);
    for (size_t i = 0; i < app->redirect_count; i++)
        require(app_allows(app, app->redirects[i]));
    if (document->jwks_uri.len > 0)
        require(client_document_is_url(document->jwks_uri) &&
                strlen(document->jwks_uri.ptr) == document->jwks_uri.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = str_of((const char *)data, size);
    struct str url = str_cut(&rest, '\n');
    int64_t seconds = client_web_seconds(str_cut(&rest, '\n'));
    CLEANUP(arena_freep) struct arena *arena = arena_new(ARENA_BYTES);
    struct client_document document;
    struct err err;

    require(arena != NULL);
    require(seconds >= CLIENT_WEB_MIN_SECONDS && seconds <= CLIENT_WEB_MAX_SECONDS);
    check_url(url);
    if (client_document_read(&anywhere, url, rest, arena, &document, &err) == ERR_OK)
        check_document(&document, url);
    return 0;
}
