#include "cli/client.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/jsonw.h"
#include "base/secret.h"
#include "cli/say.h"
#include "cli/text.h"
#include "gate/settings.h"
#include "net/fetch.h"

enum { ANSWER_BYTES = 256 << 20, ARENA_FACTOR = 4, TIMEOUT_MS = 120000 };

struct client {
    char url[512]; /* without a slash at the end */
    struct secret *token;
    char ca_file[PATH_MAX]; /* empty: what the system trusts */
    bool is_unreachable;    /* the last call did not reach the gateway */
};

void client_close(struct client *client)
{
    if (client == NULL)
        return;
    secret_free(client->token);
    free(client);
}

void client_closep(struct client **client)
{
    client_close(*client);
    *client = NULL;
}

static enum err_code set_url(struct client *client, struct str url, struct err *err)
{
    while (str_ends(url, STR("/")))
        url = str_first(url, url.len - 1);
    if (url.len >= sizeof client->url)
        return err_set(err, ERR_INVALID, "the URL of the gateway is too long");
    (void)snprintf(client->url, sizeof client->url, STR_FMT, STR_ARG(url));
    return ERR_OK;
}

/* A listener that takes an administrator's token: neither one for MCP alone, nor a robot's, nor
 * behind a proxy's header. */
static const struct listener *find_listener(const struct settings *settings, bool has_tls)
{
    for (size_t i = 0; i < settings->listener_count; i++) {
        const struct listener *listener = &settings->listeners[i];

        if ((listener->certificate.len > 0) == has_tls && listener->as.len == 0 &&
            listener->serves != SERVES_MCP && !listener->has_proxy_protocol)
            return listener;
    }
    return NULL;
}

/* "0.0.0.0" and "::" are listened on, but no place to go to. */
static struct addr reachable(struct addr address)
{
    static const uint8_t any_v6[16] = {0};
    static const uint8_t any_v4[16] = {[10] = 0xff, [11] = 0xff};
    struct addr loopback = address;

    if (memcmp(address.ip, any_v6, sizeof any_v6) == 0)
        (void)!addr_parse_ip(STR("::1"), &loopback);
    else if (memcmp(address.ip, any_v4, sizeof any_v4) == 0)
        (void)!addr_parse_ip(STR("127.0.0.1"), &loopback);
    loopback.port = address.port;
    return loopback;
}

/* The listener for administration, under the name that the certificate has. */
static enum err_code set_admin_url(struct client *client, const struct settings *settings,
                                   const struct listener *listener, struct err *err)
{
    struct str host = settings->public_url.host;
    bool is_v6 = str_find(host, ':') < host.len;
    char url[512];
    int len = snprintf(url, sizeof url, "https://%s" STR_FMT "%s:%u", is_v6 ? "[" : "",
                       STR_ARG(host), is_v6 ? "]" : "", (unsigned)listener->address.port);

    if (len < 0 || (size_t)len >= sizeof url)
        return err_set(err, ERR_INVALID, "the URL of the gateway is too long");
    return set_url(client, str_c(url), err);
}

/* public_url, whose name the certificate has. Who runs on the machine of the gateway trusts the
 * certificate that stands in its settings. */
static enum err_code find_tls_url(struct client *client, const struct settings *settings,
                                  struct err *err)
{
    const struct listener *listener = find_listener(settings, true);

    bool is_admin = listener != NULL && listener->serves == SERVES_ADMIN;

    if (listener != NULL && client->ca_file[0] == '\0' &&
        (is_admin ||
         (settings->public_url.is_https && listener->address.port == settings->public_url.port)))
        (void)snprintf(client->ca_file, sizeof client->ca_file, STR_FMT,
                       STR_ARG(listener->certificate));
    if (is_admin)
        return set_admin_url(client, settings, listener, err);
    return set_url(client, settings->public_url_text, err);
}

static enum err_code find_url(struct client *client, const struct settings *settings,
                              struct err *err)
{
    const struct listener *listener = find_listener(settings, false);
    char text[ADDR_TEXT_BYTES];
    char url[ADDR_TEXT_BYTES + 8];

    if (listener == NULL)
        return find_tls_url(client, settings, err);
    struct addr address = reachable(listener->address);
    addr_format(&address, text);
    (void)snprintf(url, sizeof url, "http://%s", text);
    return set_url(client, str_c(url), err);
}

static enum err_code read_token(struct client *client, const struct settings *settings,
                                struct err *err)
{
    char path[PATH_MAX];

    (void)snprintf(path, sizeof path, STR_FMT "/admin.token", STR_ARG(settings->data_dir));
    enum err_code code = secret_read_file(path, &client->token, err);
    if (code == ERR_NOT_FOUND)
        return err_set(
            err, ERR_UNAUTHENTICATED,
            "no token: neither $PORTREEVE_TOKEN nor %s is there; `portreeve init` makes one", path);
    return code;
}

static enum err_code from_environment(struct client *client, const struct options *options,
                                      bool *ret_has_url, struct err *err)
{
    const char *url = options_get_common(options, "server");
    const char *ca = options_get_common(options, "ca");
    const char *token = getenv("PORTREEVE_TOKEN");

    if (url == NULL)
        url = getenv("PORTREEVE_SERVER");
    if (ca == NULL)
        ca = getenv("PORTREEVE_CA");
    (void)snprintf(client->ca_file, sizeof client->ca_file, "%s", ca == NULL ? "" : ca);
    if (token != NULL && token[0] != '\0') {
        client->token = secret_new(str_c(token));
        if (client->token == NULL)
            return err_set(err, ERR_LIMIT, "memory is out");
    }
    *ret_has_url = url != NULL && url[0] != '\0';
    return *ret_has_url ? set_url(client, str_c(url), err) : ERR_OK;
}

static enum err_code from_settings(struct client *client, const struct options *options,
                                   bool has_url, struct err *err)
{
    CLEANUP(settings_freep) struct settings *settings = NULL;

    if (has_url && !options_has(options, "settings"))
        return err_set(err, ERR_UNAUTHENTICATED,
                       "a gateway named by its URL needs its token in $PORTREEVE_TOKEN");
    enum err_code code = settings_read(say_settings_path(options), &settings, err);
    if (code == ERR_OK && !has_url)
        code = find_url(client, settings, err);
    if (code == ERR_OK && client->token == NULL)
        code = read_token(client, settings, err);
    return code;
}

/* What would not survive in a header is no token. */
static enum err_code check_token(const struct client *client, struct err *err)
{
    struct str token = secret_reveal(client->token);

    for (size_t i = 0; i < token.len; i++) {
        if (token.ptr[i] <= ' ' || token.ptr[i] > '~')
            return err_set(err, ERR_INVALID, "the token holds a character that no token has");
    }
    return ERR_OK;
}

enum err_code client_open(const struct options *options, struct client **ret_client,
                          struct err *err)
{
    CLEANUP(client_closep) struct client *client = calloc(1, sizeof *client);
    bool has_url = false;

    if (client == NULL)
        return err_set(err, ERR_LIMIT, "memory is out");
    enum err_code code = fetch_init(err);
    if (code == ERR_OK)
        code = from_environment(client, options, &has_url, err);
    if (code == ERR_OK && (!has_url || client->token == NULL))
        code = from_settings(client, options, has_url, err);
    if (code == ERR_OK)
        code = check_token(client, err);
    if (code == ERR_OK)
        *ret_client = MOVE(client);
    return code;
}

/* Answers. */

void answer_done(struct answer *answer)
{
    arena_free(answer->arena);
    *answer = (struct answer){0};
}

static enum err_code read_json(struct answer *answer, struct err *err)
{
    struct json_limits limits = json_limits_default;

    limits.max_bytes = ANSWER_BYTES;
    limits.max_values = UINT32_MAX;
    limits.max_members = 65536;
    return json_parse(answer->text, &limits, answer->arena, &answer->doc, err);
}

static bool is_json(struct str text)
{
    return text.len > 0 && text.ptr[0] == '{';
}

static enum err_code status_to_code(int status)
{
    for (unsigned code = ERR_INVALID; code < ERR_CODES; code++) {
        if (err_http_status((enum err_code)code) == status)
            return (enum err_code)code;
    }
    return ERR_INTERNAL;
}

static enum err_code word_to_code(struct str word, int status)
{
    for (unsigned code = ERR_INVALID; code < ERR_CODES; code++) {
        if (str_eq(str_c(err_word((enum err_code)code)), word))
            return (enum err_code)code;
    }
    return status_to_code(status);
}

/* {"error": {"code", "message"}}, or an answer that is none of the API's. */
static enum err_code refused(const struct client *client, const struct answer *answer, int status,
                             struct err *err)
{
    json_pos error = answer->doc.count > 0 ? json_get(&answer->doc, 0, STR("error")) : JSON_NONE;
    struct str message = answer_str(answer, error, "message");

    if (message.len > 0)
        return err_set(err, word_to_code(answer_str(answer, error, "code"), status), STR_FMT,
                       STR_ARG(message));
    if (status == 401)
        return err_set(err, ERR_UNAUTHENTICATED, "%s does not know this token", client->url);
    return err_set(err, status == 404 ? ERR_NOT_FOUND : ERR_INTERNAL,
                   "%s answers with HTTP %d; is it the gateway?", client->url, status);
}

static enum err_code read_answer(const struct client *client, struct fetch_reply *reply,
                                 struct answer *answer, struct err *err)
{
    answer->arena = arena_new((size_t)ANSWER_BYTES * ARENA_FACTOR);
    answer->text =
        answer->arena == NULL ? STR_NONE : arena_dup(answer->arena, buf_str(&reply->body));
    if (answer->text.ptr == NULL)
        return err_set(err, ERR_LIMIT, "memory is out");
    if (is_json(answer->text) && read_json(answer, err) != ERR_OK)
        return err_wrap(err, "the gateway's answer");
    if (reply->status < 200 || reply->status > 299)
        return refused(client, answer, reply->status, err);
    return ERR_OK;
}

enum err_code client_call(struct client *client, const char *method, const char *path,
                          const struct client_body *body, struct answer *ret_answer,
                          struct err *err)
{
    struct answer answer = {0};
    struct fetch_reply reply;
    char url[4096];
    int len = path == NULL ? -1 : snprintf(url, sizeof url, "%s%s", client->url, path);
    const struct fetch fetch = {
        .method = method,
        .url = url,
        .bearer = secret_reveal(client->token),
        .content_type = body == NULL ? NULL : body->content_type,
        .body = body == NULL ? STR_NONE : body->text,
        .timeout_ms = TIMEOUT_MS,
        .ca_file = client->ca_file[0] == '\0' ? NULL : client->ca_file,
        .max_bytes = ANSWER_BYTES,
    };

    if (len < 0 || (size_t)len >= sizeof url)
        return err_set(err, ERR_LIMIT, "a name or filter is too long");
    enum err_code code = fetch_do(&fetch, &reply, err);
    client->is_unreachable = code == ERR_UNAVAILABLE || code == ERR_TIMEOUT;
    if (code != ERR_OK)
        return code;
    code = read_answer(client, &reply, &answer, err);
    buf_done(&reply.body);
    if (code != ERR_OK) {
        answer_done(&answer);
        return code;
    }
    *ret_answer = answer;
    return ERR_OK;
}

enum err_code client_get(struct client *client, const char *path, struct answer *ret_answer,
                         struct err *err)
{
    return client_call(client, "GET", path, NULL, ret_answer, err);
}

int client_fail(const struct client *client, const struct err *err)
{
    int exit_code = say_fail(err);

    if (client != NULL && err->code == ERR_UNAUTHENTICATED)
        say_hint("the token came from $PORTREEVE_TOKEN, or else from admin.token in data_dir");
    if (client == NULL || !client->is_unreachable)
        return exit_code;
    say_hint("is the gateway running? `portreeve serve` starts it");
    return EXIT_UNREACHABLE;
}

struct str answer_str(const struct answer *answer, json_pos object, const char *name)
{
    struct str text = STR_NONE;
    json_pos pos = json_get(&answer->doc, object, str_c(name));

    return json_str(&answer->doc, pos, answer->arena, &text) ? text : STR_NONE;
}

int64_t answer_i64(const struct answer *answer, json_pos object, const char *name)
{
    int64_t value = 0;

    return json_i64(&answer->doc, json_get(&answer->doc, object, str_c(name)), &value) ? value : 0;
}

bool answer_bool(const struct answer *answer, json_pos object, const char *name)
{
    bool value = false;

    return json_bool(&answer->doc, json_get(&answer->doc, object, str_c(name)), &value) && value;
}

struct str client_time(const struct answer *answer, json_pos object, const char *name)
{
    struct str text = answer_str(answer, object, name);
    char local[TEXT_TIME_BYTES];
    int64_t wall_us = 0;

    if (text.len == 0 || clock_parse(text, 0, &wall_us, NULL) != ERR_OK)
        return text;
    text_format_time(wall_us, local);
    return arena_dup(answer->arena, str_c(local));
}

/* Paths. */

static void add_encoded(struct buf *out, struct str text)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

    for (size_t i = 0; i < text.len; i++) {
        if (memchr(plain, text.ptr[i], sizeof plain - 1) != NULL)
            buf_add_byte(out, text.ptr[i]);
        else
            buf_printf(out, "%%%02X", (unsigned)(unsigned char)text.ptr[i]);
    }
}

const char *client_path(struct buf *path)
{
    buf_add_byte(path, '\0');
    return path->failed ? NULL : path->ptr;
}

void client_path_add(struct buf *path, struct str segment)
{
    buf_add_byte(path, '/');
    add_encoded(path, segment);
}

void client_query_add(struct buf *path, const char *name, struct str value)
{
    bool is_first = str_find(buf_str(path), '?') == path->len;

    buf_printf(path, "%s%s=", is_first ? "?" : "&", name);
    add_encoded(path, value);
}

void client_member_add(struct buf *object, struct str name, struct str text)
{
    buf_add_byte(object, object->len == 0 ? '{' : ',');
    jsonw_quote(object, name);
    buf_add_byte(object, ':');
    jsonw_quote(object, text);
}

void client_member_end(struct buf *object)
{
    buf_add_c(object, object->len == 0 ? "{}" : "}");
}
