/*
 * Keys from a provider that answers: a small HTTP server on loopback. Time is what the test says it
 * is; only the network is real.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit.h"

#include "identity/key_source.h"
#include "net/fetch.h"

#define SECOND INT64_C(1000000)
#define NOW    (INT64_C(1790000000) * SECOND)

#define OIDC  "/.well-known/openid-configuration"
#define OAUTH "/.well-known/oauth-authorization-server"
#define KEY(kid)                                                                                   \
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"" kid                                          \
    "\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}"
#define KEYS(kid) "{\"keys\":[" KEY(kid) "]}"

struct answer {
    const char *path;
    int status;
    char body[1024];
    size_t padding; /* spaces behind the body */
};

struct site {
    int fd;
    char origin[64];
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    struct answer answers[4];
    char asked[512]; /* the paths, each with a space behind it */
    bool is_held;
    bool is_waiting; /* a request has come and is held */
};

static void send_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        bytes += sent;
        len -= (size_t)sent;
    }
}

static struct answer find(struct site *site, const char *path)
{
    struct answer answer = {.status = 404};
    size_t len = strlen(site->asked);
    (void)pthread_mutex_lock(&site->lock);
    (void)snprintf(site->asked + len, sizeof site->asked - len, "%s ", path);
    site->is_waiting = site->is_held;
    (void)pthread_cond_broadcast(&site->changed);
    while (site->is_held)
        (void)pthread_cond_wait(&site->changed, &site->lock);
    site->is_waiting = false;
    for (size_t i = 0; i < ARRAY_LEN(site->answers); i++)
        if (site->answers[i].path != NULL && strcmp(site->answers[i].path, path) == 0)
            answer = site->answers[i];
    (void)pthread_mutex_unlock(&site->lock);
    return answer;
}

static void answer_one(struct site *site, int fd)
{
    char got[4096] = "";
    char path[256] = "";
    char head[256];
    size_t len = 0;
    while (strstr(got, "\r\n\r\n") == NULL) {
        ssize_t read_now = read(fd, got + len, sizeof got - 1 - len);
        if (read_now <= 0)
            return;
        len += (size_t)read_now;
    }
    if (sscanf(got, "GET %255s HTTP/1.1", path) != 1)
        return;
    struct answer answer = find(site, path);
    (void)snprintf(head, sizeof head,
                   "HTTP/1.1 %d x\r\nContent-Length: %zu\r\nLocation: %s/other\r\n"
                   "Connection: close\r\n\r\n",
                   answer.status, strlen(answer.body) + answer.padding, site->origin);
    send_all(fd, head, strlen(head));
    send_all(fd, answer.body, strlen(answer.body));
    for (size_t i = 0; i < answer.padding / 64; i++)
        send_all(fd, "                                                                ", 64);
}

static void *serve(void *ctx)
{
    struct site *site = ctx;
    int fd = -1;
    while ((fd = accept(site->fd, NULL, NULL)) >= 0) {
        answer_one(site, fd);
        close(fd);
    }
    return NULL;
}

static int set_up_group(void **state)
{
    struct err err;
    (void)state;
    return fetch_init(&err) != ERR_OK;
}

static int set_up(void **state)
{
    static struct site site;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof address;
    site = (struct site){.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    site.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(site.fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(site.fd, 8), 0);
    assert_int_equal(getsockname(site.fd, (struct sockaddr *)&address, &len), 0);
    (void)snprintf(site.origin, sizeof site.origin, "http://127.0.0.1:%d", ntohs(address.sin_port));
    assert_int_equal(pthread_create(&site.thread, NULL, serve, &site), 0);
    *state = &site;
    return 0;
}

static int tear_down(void **state)
{
    struct site *site = *state;
    (void)shutdown(site->fd, SHUT_RDWR);
    assert_int_equal(pthread_join(site->thread, NULL), 0);
    close(site->fd);
    return 0;
}

static void say_padded(struct site *site, size_t index, const char *path, int status,
                       const char *body, size_t padding)
{
    (void)pthread_mutex_lock(&site->lock);
    struct answer *answer = &site->answers[index];
    answer->path = path;
    answer->status = status;
    answer->padding = padding;
    (void)snprintf(answer->body, sizeof answer->body, "%s", body);
    (void)pthread_mutex_unlock(&site->lock);
}

static void say(struct site *site, size_t index, const char *path, int status, const char *body)
{
    say_padded(site, index, path, status, body, 0);
}

static void hold(struct site *site, bool is_held)
{
    (void)pthread_mutex_lock(&site->lock);
    site->is_held = is_held;
    (void)pthread_cond_broadcast(&site->changed);
    (void)pthread_mutex_unlock(&site->lock);
}

/* Metadata of an issuer at origin + issuer, with the keys at origin + "/keys". */
static void say_metadata(struct site *site, size_t index, const char *path, const char *issuer)
{
    char body[512];
    (void)snprintf(body, sizeof body, "{\"issuer\":\"%s%s\",\"jwks_uri\":\"%s/keys\"}",
                   site->origin, issuer, site->origin);
    say(site, index, path, 200, body);
}

static void assert_asked(struct site *site, const char *paths)
{
    (void)pthread_mutex_lock(&site->lock);
    assert_string_equal(site->asked, paths);
    site->asked[0] = '\0';
    (void)pthread_mutex_unlock(&site->lock);
}

/* One provider with its source and the texts they borrow. */
struct source {
    char issuer[128];
    char jwks_url[128];
    struct provider provider;
    struct key_source *keys;
};

static void open_source(struct source *source, struct site *site, const char *issuer,
                        const char *keys_path)
{
    (void)snprintf(source->issuer, sizeof source->issuer, "%s%s", site->origin, issuer);
    (void)snprintf(source->jwks_url, sizeof source->jwks_url, "%s%s", site->origin,
                   keys_path == NULL ? "" : keys_path);
    source->provider = (struct provider){.name = STR("corp"), .issuer = str_c(source->issuer)};
    if (keys_path != NULL)
        source->provider.jwks_url = str_c(source->jwks_url);
    source->keys = key_source_new(&source->provider);
    assert_non_null(source->keys);
}

static void close_source(struct source *source)
{
    key_source_free(source->keys);
}

/* kid NULL: no keys count. */
static void assert_kid(struct source *source, int64_t now_us, const char *kid)
{
    CLEANUP(jwk_set_unrefp) struct jwk_set *set = key_source_get(source->keys, now_us);
    assert_int_equal(set != NULL, kid != NULL);
    if (set != NULL)
        assert_str(jwk_set_at(set, 0)->kid, kid);
}

static void refresh(struct source *source, bool wants_new, int64_t now_us)
{
    struct err err;
    assert_ok(key_source_refresh(source->keys, wants_new, now_us, &err), err);
}

static void keys_come_from_where_the_settings_say(void **state)
{
    struct site *site = *state;
    struct source source;
    open_source(&source, site, "", "/keys");
    say(site, 0, "/keys", 200, KEYS("one"));
    refresh(&source, false, NOW);
    assert_asked(site, "/keys ");
    assert_kid(&source, NOW, "one");
    assert_int_equal(key_source_fetches(source.keys), 1);
    close_source(&source);
}

static void keys_are_found_by_openid_connect_first(void **state)
{
    struct site *site = *state;
    static const struct {
        const char *issuer;
        const char *path;
        const char *asked;
    } rows[] = {
        {"", OIDC, OIDC " /keys "},
        {"/", OIDC, OIDC " /keys "},
        {"/realms/a", "/realms/a" OIDC, "/realms/a" OIDC " /keys "},
        {"/realms/a/", "/realms/a" OIDC, "/realms/a" OIDC " /keys "},
    };
    say(site, 0, "/keys", 200, KEYS("one"));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct source source;
        open_source(&source, site, rows[i].issuer, NULL);
        say_metadata(site, 1, rows[i].path, rows[i].issuer);
        refresh(&source, false, NOW);
        assert_asked(site, rows[i].asked);
        assert_kid(&source, NOW, "one");
        close_source(&source);
    }
}

static void keys_are_found_by_rfc_8414_where_openid_connect_says_nothing(void **state)
{
    struct site *site = *state;
    static const struct {
        const char *issuer;
        const char *path;
        const char *asked;
    } rows[] = {
        {"", OAUTH, OIDC " " OAUTH " /keys "},
        {"/", OAUTH, OIDC " " OAUTH " /keys "},
        {"/realms/a", OAUTH "/realms/a", "/realms/a" OIDC " " OAUTH "/realms/a /keys "},
    };
    say(site, 0, "/keys", 200, KEYS("one"));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct source source;
        open_source(&source, site, rows[i].issuer, NULL);
        say_metadata(site, 1, rows[i].path, rows[i].issuer);
        refresh(&source, false, NOW);
        assert_asked(site, rows[i].asked);
        assert_kid(&source, NOW, "one");
        close_source(&source);
    }
}

static void metadata_of_another_issuer_is_refused(void **state)
{
    struct site *site = *state;
    static const char *const issuers[] = {"/realms/b", "/realms/a/", "/realms/A", "", "/realms/a#"};
    say(site, 0, "/keys", 200, KEYS("one"));
    for (size_t i = 0; i < ARRAY_LEN(issuers); i++) {
        struct source source;
        struct err err;
        open_source(&source, site, "/realms/a", NULL);
        say_metadata(site, 1, "/realms/a" OIDC, issuers[i]);
        say_metadata(site, 2, OAUTH "/realms/a", issuers[i]);
        assert_int_equal(key_source_refresh(source.keys, false, NOW, &err), ERR_INVALID);
        assert_non_null(strstr(err.text, "issuer"));
        assert_asked(site, "/realms/a" OIDC " " OAUTH "/realms/a ");
        assert_kid(&source, NOW, NULL);
        close_source(&source);
    }
}

static void metadata_that_names_no_keys_is_refused(void **state)
{
    struct site *site = *state;
    static const char *const members[] = {
        "",
        ",\"jwks_uri\":null",
        ",\"jwks_uri\":7",
        ",\"jwks_uri\":\"\"",
        ",\"jwks_uri\":\"/keys\"",
        ",\"jwks_uri\":\"file:///etc/passwd\"",
        ",\"jwks_uri\":[\"https://login.example.com/keys\"]",
        ",\"jwks_uri\":\"https://login.example.com/keys\",\"jwks_uri\":\"x\"",
        ",",
    };
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        char body[512];
        struct source source;
        struct err err;
        open_source(&source, site, "", NULL);
        (void)snprintf(body, sizeof body, "{\"issuer\":\"%s\"%s}", source.issuer, members[i]);
        say(site, 0, OIDC, 200, body);
        if (key_source_refresh(source.keys, false, NOW, &err) != ERR_INVALID)
            fail_msg("%s", members[i]);
        assert_asked(site, OIDC " " OAUTH " ");
        assert_kid(&source, NOW, NULL);
        close_source(&source);
    }
}

static void keys_that_were_good_stay_when_a_fetch_fails(void **state)
{
    struct site *site = *state;
    static const struct {
        int status;
        const char *body;
        size_t padding;
    } rows[] = {
        {500, KEYS("two"), 0},
        {404, "", 0},
        {204, "", 0},
        {302, KEYS("two"), 0}, /* nobody goes where a redirect points */
        {200, "", 0},
        {200, "<html></html>", 0},
        {200, "{\"keys\":[]}", 0},
        {200, "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}", 0},
        {200, KEY("two"), 0},
        {200, "{\"keys\":[" KEY("two") "],\"keys\":[]}", 0},
        {200, KEYS("two"), JWK_MAX_BYTES},
    };
    struct source source;
    struct err err;
    int64_t now_us = NOW;
    open_source(&source, site, "", "/keys");
    say(site, 0, "/keys", 200, KEYS("one"));
    say(site, 1, "/other", 200, KEYS("two"));
    refresh(&source, false, now_us);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        say_padded(site, 0, "/keys", rows[i].status, rows[i].body, rows[i].padding);
        now_us += 30 * SECOND;
        if (key_source_refresh(source.keys, true, now_us, &err) == ERR_OK)
            fail_msg("row %zu", i);
        assert_non_null(strstr(err.text, "corp"));
        assert_kid(&source, now_us, "one");
        assert_false(key_source_is_due(source.keys, true, now_us + 29 * SECOND));
    }
    say(site, 0, "/keys", 200, KEYS("two"));
    refresh(&source, true, now_us + 30 * SECOND);
    assert_kid(&source, now_us + 30 * SECOND, "two");
    close_source(&source);
}

static void keys_that_are_too_old_count_no_more_until_they_are_fetched_again(void **state)
{
    struct site *site = *state;
    const int64_t stale_us = KEY_SOURCE_STALE_SECONDS * SECOND;
    struct source source;
    open_source(&source, site, "", "/keys");
    say(site, 0, "/keys", 200, KEYS("one"));
    refresh(&source, false, NOW);
    say(site, 0, "/keys", 503, "");
    /* A failed fetch makes keys no younger. */
    assert_int_equal(key_source_refresh(source.keys, false, NOW + stale_us / 2, NULL),
                     ERR_UNAVAILABLE);
    assert_kid(&source, NOW + stale_us - 1, "one");
    assert_kid(&source, NOW + stale_us, NULL);
    assert_true(key_source_is_due(source.keys, false, NOW + stale_us));
    say(site, 0, "/keys", 200, KEYS("one"));
    refresh(&source, false, NOW + stale_us);
    assert_kid(&source, NOW + stale_us, "one");
    close_source(&source);
}

static void keys_are_fetched_again_when_they_are_old_or_one_is_missing(void **state)
{
    struct site *site = *state;
    struct source source;
    open_source(&source, site, "", "/keys");
    say(site, 0, "/keys", 200, KEYS("one"));
    refresh(&source, false, NOW);
    assert_false(key_source_is_due(source.keys, false, NOW + 30 * SECOND));
    assert_false(key_source_is_due(source.keys, false, NOW + 600 * SECOND - 1));
    assert_true(key_source_is_due(source.keys, false, NOW + 600 * SECOND));
    assert_false(key_source_is_due(source.keys, true, NOW + 30 * SECOND - 1));
    assert_true(key_source_is_due(source.keys, true, NOW + 30 * SECOND));
    refresh(&source, false, NOW + 30 * SECOND);
    assert_int_equal(key_source_fetches(source.keys), 1);
    say(site, 0, "/keys", 200, KEYS("two"));
    struct jwk_set *held = key_source_get(source.keys, NOW);
    refresh(&source, true, NOW + 30 * SECOND);
    assert_int_equal(key_source_fetches(source.keys), 2);
    assert_kid(&source, NOW + 30 * SECOND, "two");
    /* Who still holds the old ones may use them to the end. */
    assert_str(jwk_set_at(held, 0)->kid, "one");
    jwk_set_unref(held);
    close_source(&source);
}

static void *refresh_in_a_thread(void *ctx)
{
    struct source *source = ctx;
    return key_source_refresh(source->keys, true, NOW, NULL) == ERR_OK ? source : NULL;
}

static void one_fetch_runs_at_a_time_however_long_it_takes(void **state)
{
    struct site *site = *state;
    struct source source;
    pthread_t thread;
    void *result = NULL;
    open_source(&source, site, "", "/keys");
    say(site, 0, "/keys", 200, KEYS("one"));
    hold(site, true);
    assert_int_equal(pthread_create(&thread, NULL, refresh_in_a_thread, &source), 0);
    (void)pthread_mutex_lock(&site->lock);
    while (!site->is_waiting)
        (void)pthread_cond_wait(&site->changed, &site->lock);
    (void)pthread_mutex_unlock(&site->lock);
    assert_false(key_source_is_due(source.keys, true, NOW));
    assert_false(key_source_is_due(source.keys, true, NOW + 3600 * SECOND));
    refresh(&source, true, NOW + 3600 * SECOND);
    assert_kid(&source, NOW, NULL);
    hold(site, false);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_ptr_equal(result, &source);
    assert_int_equal(key_source_fetches(source.keys), 1);
    assert_kid(&source, NOW, "one");
    assert_asked(site, "/keys ");
    close_source(&source);
}

static void *flood(void *ctx)
{
    struct source *source = ctx;
    for (int64_t i = 0; i < 25000; i++) {
        int64_t now_us = NOW + i * 29 * SECOND / 25000;
        if (key_source_is_due(source->keys, true, now_us) &&
            key_source_refresh(source->keys, true, now_us, NULL) != ERR_OK)
            return NULL;
    }
    return source;
}

static void a_flood_of_invented_kids_by_several_threads_costs_one_fetch(void **state)
{
    struct site *site = *state;
    struct source source;
    pthread_t threads[4];
    open_source(&source, site, "", "/keys");
    say(site, 0, "/keys", 200, KEYS("one"));
    /* The first one starts the thirty seconds for all of them. */
    refresh(&source, true, NOW);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, flood, &source), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        void *result = NULL;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_ptr_equal(result, &source);
    }
    assert_int_equal(key_source_fetches(source.keys), 1);
    assert_asked(site, "/keys ");
    close_source(&source);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(keys_come_from_where_the_settings_say),
        TEST(keys_are_found_by_openid_connect_first),
        TEST(keys_are_found_by_rfc_8414_where_openid_connect_says_nothing),
        TEST(metadata_of_another_issuer_is_refused),
        TEST(metadata_that_names_no_keys_is_refused),
        TEST(keys_that_were_good_stay_when_a_fetch_fails),
        TEST(keys_that_are_too_old_count_no_more_until_they_are_fetched_again),
        TEST(keys_are_fetched_again_when_they_are_old_or_one_is_missing),
        TEST(one_fetch_runs_at_a_time_however_long_it_takes),
        TEST(a_flood_of_invented_kids_by_several_threads_costs_one_fetch),
    };
    return cmocka_run_group_tests(tests, set_up_group, NULL);
}
