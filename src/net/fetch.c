#include "net/fetch.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/crypto.h"
#include "base/url.h"

enum {
    DEFAULT_TIMEOUT_MS = 60000,
    CONNECT_TIMEOUT_MS = 10000,
    DEFAULT_MAX_BYTES = 16 << 20,
    MAX_HEADER_BYTES = 16 << 10, /* tokens of identity providers are long */
};

enum err_code fetch_init(struct err *err)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
        return err_set(err, ERR_INTERNAL, "libcurl cannot be started");
    return ERR_OK;
}

static void easy_cleanup(CURL **easy)
{
    if (*easy != NULL)
        curl_easy_cleanup(*easy);
}

static void slist_free(struct curl_slist **list)
{
    curl_slist_free_all(*list);
}

static size_t on_body(char *bytes, size_t size, size_t count, void *ctx)
{
    struct buf *body = ctx;

    buf_add(body, str_of(bytes, size * count));
    return body->failed ? 0 : size * count;
}

static bool add_header(struct curl_slist **headers, const char *name, struct str value)
{
    char line[MAX_HEADER_BYTES];
    int len = snprintf(line, sizeof line, "%s: " STR_FMT, name, STR_ARG(value));
    struct curl_slist *more = NULL;

    if (len > 0 && (size_t)len < sizeof line)
        more = curl_slist_append(*headers, line);
    crypto_wipe(line, sizeof line);
    if (more == NULL)
        return false;
    *headers = more;
    return true;
}

static bool set_headers(const struct fetch *fetch, struct curl_slist **headers)
{
    char value[MAX_HEADER_BYTES];
    bool is_set = add_header(headers, "User-Agent", STR("portreeve/" PORTREEVE_VERSION)) &&
                  add_header(headers, "Expect", STR_NONE);

    if (is_set && fetch->bearer.len > 0) {
        int len = snprintf(value, sizeof value, "Bearer " STR_FMT, STR_ARG(fetch->bearer));

        is_set = len > 0 && (size_t)len < sizeof value &&
                 add_header(headers, "Authorization", str_of(value, (size_t)len));
        crypto_wipe(value, sizeof value);
    }
    if (is_set && fetch->content_type != NULL)
        is_set = add_header(headers, "Content-Type", str_c(fetch->content_type));
    return is_set;
}

struct door {
    const struct fetch_guard *guard;
    bool has_refused;
};

/* libcurl connects the socket that it gets here to this very address. */
static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct door *door = ctx;
    struct addr addr;

    addr_from_sockaddr(&address->addr, &addr);
    if (purpose != CURLSOCKTYPE_IPCXN || !addr.is_set ||
        !door->guard->may_connect(door->guard->ctx, &addr)) {
        door->has_refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static void set_guard(CURL *easy, struct door *door)
{
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
    (void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    (void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, door);
}

static bool is_loopback(const struct url *url)
{
    return str_eq(url->host, STR("localhost")) || str_eq(url->host, STR("::1")) ||
           str_starts(url->host, STR("127."));
}

static void set_options(CURL *easy, const struct fetch *fetch, const struct url *url,
                        struct curl_slist *headers, struct fetch_reply *reply)
{
    (void)curl_easy_setopt(easy, CURLOPT_URL, fetch->url);
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, fetch->method);
    (void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
                           fetch->timeout_ms > 0 ? fetch->timeout_ms : (long)DEFAULT_TIMEOUT_MS);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, &reply->body);
    if (fetch->content_type != NULL) {
        (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
                               fetch->body.len > 0 ? fetch->body.ptr : "");
        (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)fetch->body.len);
    }
    if (fetch->basic != NULL) {
        (void)curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        (void)curl_easy_setopt(easy, CURLOPT_USERPWD, fetch->basic);
    }
    if (strcmp(fetch->method, "HEAD") == 0)
        (void)curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    if (is_loopback(url))
        (void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
    if (fetch->ca_file != NULL)
        (void)curl_easy_setopt(easy, CURLOPT_CAINFO, fetch->ca_file);
}

static enum err_code explain(CURLcode rc, const char *detail, const struct fetch *fetch,
                             const struct buf *body, struct err *err)
{
    if (body->failed)
        return err_set(err, ERR_LIMIT, "the answer of %s is too large", fetch->url);
    if (rc == CURLE_OPERATION_TIMEDOUT)
        return err_set(err, ERR_TIMEOUT, "%s did not answer in time", fetch->url);
    return err_set(err, ERR_UNAVAILABLE, "%s cannot be reached: %s", fetch->url,
                   detail[0] != '\0' ? detail : curl_easy_strerror(rc));
}

/* All headers of the name, joined; empty when they don't fit. */
static void read_header(CURL *easy, const char *name, char text[FETCH_HEADER_BYTES])
{
    struct curl_header *header = NULL;
    size_t len = 0;

    text[0] = '\0';
    for (size_t i = 0; curl_easy_header(easy, name, i, CURLH_HEADER, -1, &header) == CURLHE_OK;
         i++) {
        int more = snprintf(text + len, FETCH_HEADER_BYTES - len, "%s%s", i == 0 ? "" : ", ",
                            header->value);

        if (more < 0 || (size_t)more >= FETCH_HEADER_BYTES - len) {
            text[0] = '\0';
            return;
        }
        len += (size_t)more;
    }
}

static enum err_code perform(CURL *easy, const struct fetch *fetch, struct fetch_reply *reply,
                             struct err *err)
{
    struct door door = {.guard = fetch->guard};
    char detail[CURL_ERROR_SIZE] = "";
    long status = 0;

    (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, detail);
    if (fetch->guard != NULL)
        set_guard(easy, &door);
    CURLcode rc = curl_easy_perform(easy);
    if (rc == CURLE_COULDNT_CONNECT && door.has_refused)
        return err_set(err, ERR_DENIED, "%s leads to an address that is not public", fetch->url);
    if (rc != CURLE_OK)
        return explain(rc, detail, fetch, &reply->body, err);
    (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    reply->status = (int)status;
    read_header(easy, "Content-Type", reply->content_type);
    read_header(easy, "Cache-Control", reply->cache_control);
    return ERR_OK;
}

enum err_code fetch_do(const struct fetch *fetch, struct fetch_reply *ret_reply, struct err *err)
{
    CLEANUP(easy_cleanup) CURL *easy = curl_easy_init();
    CLEANUP(slist_free) struct curl_slist *headers = NULL;
    struct fetch_reply reply = {0};
    struct url url;

    if (url_parse(str_c(fetch->url), &url, err) != ERR_OK)
        return err_wrap(err, fetch->url);
    if (fetch->guard != NULL && !url.is_https)
        return err_set(err, ERR_DENIED, "%s is no https URL", fetch->url);
    if (easy == NULL || !set_headers(fetch, &headers))
        return err_set(err, ERR_LIMIT, "memory is out, or a header is too long");
    buf_init(&reply.body, fetch->max_bytes > 0 ? fetch->max_bytes : (size_t)DEFAULT_MAX_BYTES);
    set_options(easy, fetch, &url, headers, &reply);
    enum err_code code = perform(easy, fetch, &reply, err);
    if (code != ERR_OK) {
        buf_done(&reply.body);
        return code;
    }
    *ret_reply = reply;
    return ERR_OK;
}
