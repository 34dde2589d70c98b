/*
 * What clients publish, fetched from a real TLS server on loopback. Names resolve to what the test
 * says: getaddrinfo() here stands before the C library's, for libcurl, too. Time is what the test
 * says it is.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <openssl/ec.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/certificate.h"
#include "unit.h"

#include "identity/client_web.h"
#include "net/fetch.h"

#define SECOND INT64_C(1000000)
#define NOW    (INT64_C(1790000000) * SECOND)
#define NAME   "client.test"

/* ---- names ---- */

static const char *resolved[4]; /* what NAME is, NULL-terminated */
static atomic_uint lookups;

static struct addrinfo *info_of(const char *text, int port)
{
    struct addrinfo *info = calloc(1, sizeof *info);
    struct addr addr = {.is_set = false};
    struct sockaddr_storage *sa = calloc(1, sizeof *sa);
    struct in6_addr mapped;
    assert_true(addr_parse_ip(str_c(text), &addr));
    addr.port = (uint16_t)port;
    addr_to_sockaddr(&addr, sa, &info->ai_addrlen);
    /* A mapped address must reach the gateway as it would come from a resolver: in IPv6. */
    if (strchr(text, ':') != NULL && inet_pton(AF_INET6, text, &mapped) == 1) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)sa;
        memset(sa, 0, sizeof *sa);
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons((uint16_t)port);
        in6->sin6_addr = mapped;
        info->ai_addrlen = sizeof *in6;
    }
    info->ai_family = sa->ss_family;
    info->ai_socktype = SOCK_STREAM;
    info->ai_protocol = IPPROTO_TCP;
    info->ai_addr = (struct sockaddr *)sa;
    return info;
}

__attribute__((visibility("default"))) int getaddrinfo(const char *node, const char *service,
                                                       const struct addrinfo *hints,
                                                       struct addrinfo **ret_list)
{
    int port = service == NULL ? 0 : (int)strtol(service, NULL, 10);
    struct addrinfo **end = ret_list;
    (void)hints;
    (void)atomic_fetch_add(&lookups, 1);
    *ret_list = NULL;
    if (strcmp(node, NAME) != 0) {
        *ret_list = info_of(node, port);
        return 0;
    }
    for (size_t i = 0; resolved[i] != NULL; i++) {
        *end = info_of(resolved[i], port);
        end = &(*end)->ai_next;
    }
    return *ret_list == NULL ? EAI_NONAME : 0;
}

__attribute__((visibility("default"))) void freeaddrinfo(struct addrinfo *list)
{
    while (list != NULL) {
        struct addrinfo *next = list->ai_next;
        free(list->ai_addr);
        free(list);
        list = next;
    }
}

/* ---- a server ---- */

struct site {
    char dir[64];
    char ca[96];
    char key[96];
    int fd;   /* on 127.0.0.2 */
    int trap; /* on 127.0.0.1, the same port: nobody may come */
    int port;
    SSL_CTX *tls;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    char head[512];
    size_t padding;
    char asked[256];
    bool is_held;
    bool is_waiting;
    char url[128];
};

static void send_all(SSL *ssl, struct site *site)
{
    char pad[1024];
    (void)pthread_mutex_lock(&site->lock);
    site->is_waiting = true;
    (void)pthread_cond_broadcast(&site->changed);
    while (site->is_held)
        (void)pthread_cond_wait(&site->changed, &site->lock);
    site->is_waiting = false;
    (void)SSL_write(ssl, site->head, (int)strlen(site->head));
    size_t left = site->padding;
    (void)pthread_mutex_unlock(&site->lock);
    memset(pad, ' ', sizeof pad);
    for (; left >= sizeof pad; left -= sizeof pad)
        if (SSL_write(ssl, pad, sizeof pad) <= 0)
            return;
}

static void answer_one(struct site *site, SSL *ssl)
{
    char got[4096] = "";
    char path[64] = "";
    int len = 0;
    while (strstr(got, "\r\n\r\n") == NULL) {
        int more = SSL_read(ssl, got + len, (int)sizeof got - 1 - len);
        if (more <= 0)
            return;
        len += more;
    }
    if (sscanf(got, "GET %63s HTTP/1.1", path) != 1)
        return;
    (void)pthread_mutex_lock(&site->lock);
    size_t at = strlen(site->asked);
    (void)snprintf(site->asked + at, sizeof site->asked - at, "%s ", path);
    (void)pthread_mutex_unlock(&site->lock);
    send_all(ssl, site);
}

static bool was_asked(struct site *site, const char *paths)
{
    (void)pthread_mutex_lock(&site->lock);
    bool is_same = strcmp(site->asked, paths) == 0;
    (void)pthread_mutex_unlock(&site->lock);
    return is_same;
}

static void *serve(void *ctx)
{
    struct site *site = ctx;
    for (;;) {
        int fd = accept(site->fd, NULL, NULL);
        if (fd < 0)
            return NULL;
        SSL *ssl = SSL_new(site->tls);
        (void)SSL_set_fd(ssl, fd);
        if (SSL_accept(ssl) == 1)
            answer_one(site, ssl);
        (void)SSL_shutdown(ssl);
        SSL_free(ssl);
        close(fd);
    }
}

static int listen_on(const char *ip, int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)*port)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(inet_pton(AF_INET, ip, &address.sin_addr), 1);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 8) != 0) {
        close(fd);
        return -1;
    }
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static void open_ports(struct site *site)
{
    site->trap = -1;
    for (int round = 0; round < 100 && site->trap < 0; round++) {
        site->port = 0;
        site->fd = listen_on("127.0.0.2", &site->port);
        assert_true(site->fd >= 0);
        site->trap = listen_on("127.0.0.1", &site->port);
        if (site->trap < 0)
            close(site->fd);
    }
    assert_true(site->trap >= 0);
}

static void make_certificate(struct site *site)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    (void)snprintf(site->dir, sizeof site->dir, "/tmp/portreeve-test-XXXXXX");
    assert_non_null(mkdtemp(site->dir));
    (void)snprintf(site->ca, sizeof site->ca, "%s/certificate", site->dir);
    (void)snprintf(site->key, sizeof site->key, "%s/key", site->dir);
    certificate_write_key(key, site->key);
    certificate_write(key, "DNS:" NAME ",IP:127.0.0.2,IP:127.0.0.1", site->ca);
    EVP_PKEY_free(key);
}

static int set_up(void **state)
{
    static struct site site;
    struct err err;
    assert_ok(fetch_init(&err), err);
    make_certificate(&site);
    site.tls = SSL_CTX_new(TLS_server_method());
    assert_int_equal(SSL_CTX_use_certificate_file(site.tls, site.ca, SSL_FILETYPE_PEM), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey_file(site.tls, site.key, SSL_FILETYPE_PEM), 1);
    (void)pthread_mutex_init(&site.lock, NULL);
    (void)pthread_cond_init(&site.changed, NULL);
    open_ports(&site);
    (void)snprintf(site.url, sizeof site.url, "https://" NAME ":%d/client.json", site.port);
    assert_int_equal(pthread_create(&site.thread, NULL, serve, &site), 0);
    *state = &site;
    return 0;
}

static int tear_down(void **state)
{
    struct site *site = *state;
    char command[128];
    (void)shutdown(site->fd, SHUT_RDWR);
    (void)pthread_join(site->thread, NULL);
    close(site->fd);
    close(site->trap);
    SSL_CTX_free(site->tls);
    (void)snprintf(command, sizeof command, "rm -r '%s'", site->dir);
    return system(command);
}

/* headers: each with its line end. */
static void say(struct site *site, const char *status, const char *headers, size_t padding)
{
    static const char body[] = "{\"a\":1}";
    (void)pthread_mutex_lock(&site->lock);
    (void)snprintf(site->head, sizeof site->head,
                   "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\nConnection: close\r\n\r\n%s", status,
                   headers, strlen(body) + padding, body);
    site->padding = padding;
    site->asked[0] = '\0';
    (void)pthread_mutex_unlock(&site->lock);
}

#define JSON "Content-Type: application/json\r\n"

static void resolve_to(const char *first, const char *second)
{
    resolved[0] = first;
    resolved[1] = second;
    resolved[2] = NULL;
}

/* What the tests allow besides public addresses: the server's own, and no other of loopback. */
static struct addr_net server_net(void)
{
    struct addr_net net = {.bits = 0};
    struct err err;
    assert_ok(addr_parse_net(STR("127.0.0.2/32"), &net, &err), err);
    return net;
}

struct web {
    struct addr_net net;
    struct client_document_rules rules;
    struct client_web *web;
    struct arena *arena;
};

static void open_web(struct web *web, struct site *site)
{
    web->net = server_net();
    web->rules = (struct client_document_rules){
        .networks = &web->net, .network_count = 1, .ca_file = str_c(site->ca)};
    web->web = client_web_new(&web->rules);
    web->arena = arena_new(1 << 20);
    assert_non_null(web->web);
    resolve_to("127.0.0.2", NULL);
    say(site, "200 OK", JSON, 0);
}

static void close_web(struct web *web)
{
    client_web_free(web->web);
    arena_free(web->arena);
}

static enum client_web_state find_at(struct web *web, struct site *site, bool wants_new,
                                     int64_t now_us)
{
    struct str body = STR_NONE;
    struct err err;
    enum client_web_state state =
        client_web_find(web->web, str_c(site->url), wants_new, now_us, web->arena, &body, &err);
    if (state == CLIENT_WEB_GOOD)
        assert_str(str_trim(body), "{\"a\":1}");
    return state;
}

static enum err_code fetch_at(struct web *web, struct site *site, int64_t now_us)
{
    struct err err;
    return client_web_fetch(web->web, str_c(site->url), false, now_us, &err);
}

/* ---- tests ---- */

static void an_answer_counts_for_as_long_as_it_says_within_bounds(void **state)
{
    struct site *site = *state;
    static const struct {
        const char *header;
        int64_t seconds;
    } rows[] = {
        {"", CLIENT_WEB_DEFAULT_SECONDS},
        {"Cache-Control: max-age=600\r\n", 600},
        {"Cache-Control: public, max-age=600\r\n", 600},
        {"Cache-Control: public\r\nCache-Control: max-age=600\r\n", 600},
        {"Cache-Control: max-age=0\r\n", CLIENT_WEB_MIN_SECONDS},
        {"Cache-Control: no-store\r\n", CLIENT_WEB_MIN_SECONDS},
        {"Cache-Control: max-age=600, no-cache\r\n", CLIENT_WEB_MIN_SECONDS},
        {"Cache-Control: max-age=31536000\r\n", CLIENT_WEB_MAX_SECONDS},
        {"Cache-Control: max-age=99999999999999999999999\r\n", CLIENT_WEB_MIN_SECONDS},
        {"Cache-Control: max-age=-1\r\n", CLIENT_WEB_MIN_SECONDS},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char headers[256];
        struct web web;
        open_web(&web, site);
        (void)snprintf(headers, sizeof headers, "%s%s", JSON, rows[i].header);
        say(site, "200 OK", headers, 0);
        assert_int_equal(find_at(&web, site, false, NOW), CLIENT_WEB_DUE);
        assert_int_equal(fetch_at(&web, site, NOW), ERR_OK);
        assert_true(was_asked(site, "/client.json "));
        int64_t end = NOW + rows[i].seconds * SECOND;
        if (find_at(&web, site, false, end - 1) != CLIENT_WEB_GOOD ||
            find_at(&web, site, false, end) != CLIENT_WEB_DUE)
            fail_msg("%s", rows[i].header);
        assert_int_equal(fetch_at(&web, site, end - 1), ERR_OK);
        assert_int_equal(client_web_fetches(web.web), 1);
        close_web(&web);
    }
}

static void what_is_no_document_is_refused_and_not_asked_for_again_at_once(void **state)
{
    struct site *site = *state;
    static const struct {
        const char *status;
        const char *headers;
        size_t padding;
        enum err_code code;
    } rows[] = {
        {"404 Not Found", JSON, 0, ERR_UNAVAILABLE},
        {"301 Moved", JSON "Location: /other\r\n", 0, ERR_UNAVAILABLE},
        {"302 Found", JSON "Location: https://127.0.0.1/\r\n", 0, ERR_UNAVAILABLE},
        {"307 Temporary Redirect", JSON "Location: /other\r\n", 0, ERR_UNAVAILABLE},
        {"204 No Content", JSON, 0, ERR_UNAVAILABLE},
        {"200 OK", "", 0, ERR_INVALID},
        {"200 OK", "Content-Type: text/html\r\n", 0, ERR_INVALID},
        {"200 OK", "Content-Type: text/plain\r\n", 0, ERR_INVALID},
        {"200 OK", "Content-Type: application/jsonp\r\n", 0, ERR_INVALID},
        {"200 OK", "Content-Type: application/+json\r\n", 0, ERR_INVALID},
        {"200 OK", JSON, CLIENT_WEB_MAX_BYTES, ERR_LIMIT},
        {"200 OK", JSON, 1 << 20, ERR_LIMIT},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct web web;
        open_web(&web, site);
        say(site, rows[i].status, rows[i].headers, rows[i].padding);
        enum err_code code = fetch_at(&web, site, NOW);
        if (code != rows[i].code || !was_asked(site, "/client.json "))
            fail_msg("%s %s: %s", rows[i].status, rows[i].headers, err_word(code));
        assert_int_equal(find_at(&web, site, false, NOW + 59 * SECOND), CLIENT_WEB_BAD);
        assert_int_equal(fetch_at(&web, site, NOW + 59 * SECOND), ERR_OK);
        assert_int_equal(client_web_fetches(web.web), 1);
        assert_int_equal(find_at(&web, site, false, NOW + 60 * SECOND), CLIENT_WEB_DUE);
        close_web(&web);
    }
}

static void json_of_another_name_is_json(void **state)
{
    struct site *site = *state;
    static const char *const types[] = {"application/json; charset=utf-8", "Application/JSON",
                                        "application/oauth-client+json"};
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        char headers[128];
        struct web web;
        open_web(&web, site);
        (void)snprintf(headers, sizeof headers, "Content-Type: %s\r\n", types[i]);
        say(site, "200 OK", headers, CLIENT_WEB_MAX_BYTES - 1024);
        assert_int_equal(fetch_at(&web, site, NOW), ERR_OK);
        close_web(&web);
    }
}

static void no_name_leads_to_an_address_that_is_not_public(void **state)
{
    struct site *site = *state;
    static const char *const addresses[] = {
        "127.0.0.1",
        "127.255.255.254",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "100.100.100.200",
        "192.0.0.192",
        "198.18.0.1",
        "224.0.0.1",
        "239.255.255.255",
        "255.255.255.255",
        "240.0.0.1",
        "::1",
        "::",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:a9fe:a9fe",
        "::127.0.0.1",
        "::ffff:0:127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::a00:1",
        "2002:7f00:1::",
        "2001:0:7f00:1::",
        "fe80::1",
        "fec0::1",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "100::1",
        "2001:db8::1",
    };
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
        struct web web;
        open_web(&web, site);
        resolve_to(addresses[i], NULL);
        enum err_code code = fetch_at(&web, site, NOW);
        if (code != ERR_DENIED)
            fail_msg("%s: %s", addresses[i], err_word(code));
        close_web(&web);
    }
    assert_true(was_asked(site, ""));
}

static bool has_visitor(struct site *site)
{
    struct timeval none = {0};
    fd_set set;
    FD_ZERO(&set);
    FD_SET(site->trap, &set);
    return select(site->trap + 1, &set, NULL, NULL, &none) != 0;
}

static void a_name_that_leads_elsewhere_the_second_time_leads_nowhere(void **state)
{
    struct site *site = *state;
    struct web web;
    open_web(&web, site);
    assert_int_equal(fetch_at(&web, site, NOW), ERR_OK);
    resolve_to("127.0.0.1", NULL);
    unsigned before = atomic_load(&lookups);
    assert_int_equal(fetch_at(&web, site, NOW + 3600 * SECOND), ERR_DENIED);
    assert_true(atomic_load(&lookups) > before);
    assert_false(has_visitor(site));
    /* Of several addresses those that may be reached are. */
    resolve_to("127.0.0.1", "127.0.0.2");
    assert_int_equal(fetch_at(&web, site, NOW + 7200 * SECOND), ERR_OK);
    assert_false(has_visitor(site));
    close_web(&web);
}

static void an_address_in_the_url_is_judged_like_any_other(void **state)
{
    struct site *site = *state;
    char url[64];
    struct web web;
    struct err err;
    open_web(&web, site);
    (void)snprintf(url, sizeof url, "https://127.0.0.1:%d/client.json", site->port);
    assert_int_equal(client_web_fetch(web.web, str_c(url), false, NOW, &err), ERR_DENIED);
    assert_non_null(strstr(err.text, "not public"));
    assert_false(has_visitor(site));
    (void)snprintf(url, sizeof url, "https://127.0.0.2:%d/client.json", site->port);
    assert_ok(client_web_fetch(web.web, str_c(url), false, NOW, &err), err);
    (void)snprintf(url, sizeof url, "http://127.0.0.2:%d/client.json", site->port);
    assert_int_equal(client_web_fetch(web.web, str_c(url), false, NOW, &err), ERR_DENIED);
    close_web(&web);
}

static void no_proxy_of_the_environment_is_used(void **state)
{
    struct site *site = *state;
    char proxy[64];
    struct web web;
    open_web(&web, site);
    (void)snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", site->port);
    assert_int_equal(setenv("https_proxy", proxy, 1), 0);
    assert_int_equal(fetch_at(&web, site, NOW), ERR_OK);
    assert_int_equal(unsetenv("https_proxy"), 0);
    assert_false(has_visitor(site));
    close_web(&web);
}

static void a_certificate_that_nobody_vouches_for_is_refused(void **state)
{
    struct site *site = *state;
    struct web web;
    open_web(&web, site);
    web.rules.ca_file = STR_NONE;
    assert_int_equal(fetch_at(&web, site, NOW), ERR_UNAVAILABLE);
    assert_true(was_asked(site, ""));
    close_web(&web);
}

static void keys_that_are_missing_are_asked_for_again_once_a_minute(void **state)
{
    struct site *site = *state;
    struct web web;
    struct err err;
    open_web(&web, site);
    assert_int_equal(fetch_at(&web, site, NOW), ERR_OK);
    assert_int_equal(find_at(&web, site, true, NOW + 59 * SECOND), CLIENT_WEB_GOOD);
    assert_int_equal(find_at(&web, site, true, NOW + 60 * SECOND), CLIENT_WEB_DUE);
    assert_int_equal(find_at(&web, site, false, NOW + 60 * SECOND), CLIENT_WEB_GOOD);
    /* What was there stays while it counts, when the new one can't be had. */
    say(site, "500 Error", JSON, 0);
    assert_int_equal(client_web_fetch(web.web, str_c(site->url), true, NOW + 60 * SECOND, &err),
                     ERR_UNAVAILABLE);
    assert_int_equal(find_at(&web, site, true, NOW + 61 * SECOND), CLIENT_WEB_GOOD);
    assert_int_equal(find_at(&web, site, false, NOW + 300 * SECOND), CLIENT_WEB_DUE);
    close_web(&web);
}

struct runner {
    struct web *web;
    struct site *site;
    enum err_code code;
};

static void *run(void *ctx)
{
    struct runner *runner = ctx;
    /* Begun a moment before the first one's fetch, as requests on other workers are. */
    runner->code = fetch_at(runner->web, runner->site, NOW - SECOND);
    return NULL;
}

static void whoever_asks_meanwhile_waits_for_the_one_fetch(void **state)
{
    struct site *site = *state;
    struct runner runners[6];
    pthread_t threads[6];
    pthread_t first;
    struct web web;
    open_web(&web, site);
    struct runner leader = {.web = &web, .site = site};
    site->is_held = true;
    assert_int_equal(pthread_create(&first, NULL, run, &leader), 0);
    (void)pthread_mutex_lock(&site->lock);
    while (!site->is_waiting)
        (void)pthread_cond_wait(&site->changed, &site->lock);
    (void)pthread_mutex_unlock(&site->lock);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        runners[i] = (struct runner){.web = &web, .site = site, .code = ERR_INTERNAL};
        assert_int_equal(pthread_create(&threads[i], NULL, run, &runners[i]), 0);
    }
    (void)pthread_mutex_lock(&site->lock);
    site->is_held = false;
    (void)pthread_cond_broadcast(&site->changed);
    (void)pthread_mutex_unlock(&site->lock);
    (void)pthread_join(first, NULL);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        (void)pthread_join(threads[i], NULL);
        assert_int_equal(runners[i].code, ERR_OK);
    }
    assert_int_equal(client_web_fetches(web.web), 1);
    assert_true(was_asked(site, "/client.json "));
    close_web(&web);
}

/* Fetches of made-up paths, until one is refused; returns how many were made. */
static unsigned scan(struct web *web, struct site *site, int64_t now_us, unsigned most)
{
    struct err err;
    for (unsigned i = 0; i < most; i++) {
        char url[128];
        (void)snprintf(url, sizeof url, "https://" NAME ":%d/x%u-%lld", site->port, i,
                       (long long)now_us);
        if (client_web_fetch(web->web, str_c(url), false, now_us, &err) == ERR_BUSY)
            return i;
    }
    return most;
}

static void nobody_scans_and_who_is_known_is_not_shut_out(void **state)
{
    struct site *site = *state;
    struct web web;
    open_web(&web, site);
    assert_int_equal(fetch_at(&web, site, NOW), ERR_OK);
    assert_true(client_web_is_known(web.web, str_c(site->url)));
    int64_t later = NOW + 3600 * SECOND;
    assert_int_equal(scan(&web, site, later, 100), CLIENT_WEB_PER_MINUTE);
    assert_int_equal(scan(&web, site, later + 59 * SECOND, 1), 0);
    assert_int_equal(find_at(&web, site, false, later), CLIENT_WEB_DUE);
    assert_int_equal(fetch_at(&web, site, later), ERR_OK);
    assert_int_equal(find_at(&web, site, false, later), CLIENT_WEB_GOOD);
    assert_int_equal(scan(&web, site, later + 60 * SECOND, 100), CLIENT_WEB_PER_MINUTE);
    close_web(&web);
}

static void the_table_is_bounded_and_failures_go_first(void **state)
{
    struct site *site = *state;
    struct web web;
    open_web(&web, site);
    assert_int_equal(fetch_at(&web, site, NOW), ERR_OK);
    resolve_to("10.0.0.1", NULL);
    for (unsigned minute = 1; minute <= 2 + CLIENT_WEB_ENTRIES / CLIENT_WEB_PER_MINUTE; minute++)
        assert_int_equal(scan(&web, site, NOW + minute * 60 * SECOND, 100), CLIENT_WEB_PER_MINUTE);
    assert_true(client_web_is_known(web.web, str_c(site->url)));
    close_web(&web);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_counts_for_as_long_as_it_says_within_bounds),
        cmocka_unit_test(what_is_no_document_is_refused_and_not_asked_for_again_at_once),
        cmocka_unit_test(json_of_another_name_is_json),
        cmocka_unit_test(no_name_leads_to_an_address_that_is_not_public),
        cmocka_unit_test(a_name_that_leads_elsewhere_the_second_time_leads_nowhere),
        cmocka_unit_test(an_address_in_the_url_is_judged_like_any_other),
        cmocka_unit_test(no_proxy_of_the_environment_is_used),
        cmocka_unit_test(a_certificate_that_nobody_vouches_for_is_refused),
        cmocka_unit_test(keys_that_are_missing_are_asked_for_again_once_a_minute),
        cmocka_unit_test(whoever_asks_meanwhile_waits_for_the_one_fetch),
        cmocka_unit_test(nobody_scans_and_who_is_known_is_not_shut_out),
        cmocka_unit_test(the_table_is_bounded_and_failures_go_first),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
