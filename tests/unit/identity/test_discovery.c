/*
 * What a provider behind TLS says of itself: a server of OpenSSL on loopback.
 */
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit.h"

#include "certificate.h"
#include "identity/discovery.h"
#include "net/fetch.h"

struct site {
    char dir[64];
    char key_path[80];
    char certificate_path[80];
    char issuer[64];
    SSL_CTX *context;
    int fd;
    pthread_t thread;
    pthread_mutex_t lock;
    char body[512]; /* under the lock */
};

static void answer_one(struct site *site, int fd)
{
    char got[4096] = "";
    char reply[1024];
    int len = 0;
    SSL *ssl = SSL_new(site->context);
    assert_non_null(ssl);
    (void)SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) == 1) {
        while (strstr(got, "\r\n\r\n") == NULL && len < (int)sizeof got - 1) {
            int now = SSL_read(ssl, got + len, (int)sizeof got - 1 - len);
            if (now <= 0)
                break;
            len += now;
        }
        (void)pthread_mutex_lock(&site->lock);
        int size = snprintf(reply, sizeof reply,
                            "HTTP/1.1 200 x\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
                            strlen(site->body), site->body);
        (void)pthread_mutex_unlock(&site->lock);
        (void)SSL_write(ssl, reply, size);
        (void)SSL_shutdown(ssl);
    }
    SSL_free(ssl);
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

static void make_context(struct site *site)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    (void)snprintf(site->key_path, sizeof site->key_path, "%s/key", site->dir);
    (void)snprintf(site->certificate_path, sizeof site->certificate_path, "%s/cert", site->dir);
    certificate_write_key(key, site->key_path);
    certificate_write(key, "IP:127.0.0.1", site->certificate_path);
    EVP_PKEY_free(key);
    site->context = SSL_CTX_new(TLS_server_method());
    assert_int_equal(
        SSL_CTX_use_certificate_file(site->context, site->certificate_path, SSL_FILETYPE_PEM), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey_file(site->context, site->key_path, SSL_FILETYPE_PEM),
                     1);
}

static int set_up(void **state)
{
    static struct site site = {.dir = "/tmp/discovery.XXXXXX", .lock = PTHREAD_MUTEX_INITIALIZER};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof address;
    struct err err;
    if (fetch_init(&err) != ERR_OK || mkdtemp(site.dir) == NULL)
        return -1;
    make_context(&site);
    site.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(site.fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(site.fd, 8), 0);
    assert_int_equal(getsockname(site.fd, (struct sockaddr *)&address, &len), 0);
    (void)snprintf(site.issuer, sizeof site.issuer, "https://127.0.0.1:%d",
                   ntohs(address.sin_port));
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
    SSL_CTX_free(site->context);
    (void)unlink(site->key_path);
    (void)unlink(site->certificate_path);
    return rmdir(site->dir);
}

/* members: behind the issuer. */
static enum err_code ask(struct site *site, const char *members, struct discovery *found,
                         struct err *err)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 20);
    const struct provider provider = {.name = STR("corp"),
                                      .issuer = str_c(site->issuer),
                                      .ca_file = str_c(site->certificate_path)};
    (void)pthread_mutex_lock(&site->lock);
    (void)snprintf(site->body, sizeof site->body, "{\"issuer\":\"%s\"%s}", site->issuer, members);
    (void)pthread_mutex_unlock(&site->lock);
    return discover(&provider, arena, found, err);
}

static void an_https_issuer_names_no_plain_address(void **state)
{
    struct site *site = *state;
    static const char *const names[] = {"jwks_uri", "authorization_endpoint", "token_endpoint",
                                        "userinfo_endpoint"};
    struct discovery found;
    struct err err;
    assert_ok(ask(site, ",\"jwks_uri\":\"https://127.0.0.1:1/keys\"", &found, &err), err);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char members[256];
        (void)snprintf(members, sizeof members, "%s,\"%s\":\"http://127.0.0.1:1/x\"",
                       i == 0 ? "" : ",\"jwks_uri\":\"https://127.0.0.1:1/keys\"", names[i]);
        assert_int_equal(ask(site, members, &found, &err), ERR_INVALID);
        assert_non_null(strstr(err.text, names[i]));
        assert_non_null(strstr(err.text, "no https URL"));
    }
}

static void a_provider_says_whether_it_names_itself_in_answers(void **state)
{
    struct site *site = *state;
    static const struct {
        const char *value;
        bool names_issuer;
    } rows[] = {{"true", true}, {"false", false}, {"\"true\"", true}, {"null", true}};
    struct discovery found;
    struct err err;
    assert_ok(ask(site, ",\"jwks_uri\":\"https://127.0.0.1:1/keys\"", &found, &err), err);
    assert_false(found.names_issuer);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char members[256];
        (void)snprintf(members, sizeof members,
                       ",\"jwks_uri\":\"https://127.0.0.1:1/keys\","
                       "\"authorization_response_iss_parameter_supported\":%s",
                       rows[i].value);
        assert_ok(ask(site, members, &found, &err), err);
        assert_int_equal(found.names_issuer, rows[i].names_issuer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_https_issuer_names_no_plain_address),
        cmocka_unit_test(a_provider_says_whether_it_names_itself_in_answers),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
