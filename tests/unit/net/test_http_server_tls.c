/* The server behind TLS and behind the PROXY protocol, alone and together. */
#include "http_site.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "certificate.h"

enum { MIB = 1 << 20, PATIENCE = 5000 };

#define PROXY "\r\n\r\n\0\r\nQUIT\n"
#define PEER  "GET /peer HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"

static const struct str from_v4 =
    STR_INIT(PROXY "\x21\x11\0\x0c\xcb\0\x71\x05\x7f\0\0\x01\x10\x92\x01\xbb");
static const struct str from_v6 =
    STR_INIT(PROXY "\x21\x21\0\x24\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"
                   "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x10\x92\x01\xbb");
static const struct str local = STR_INIT(PROXY "\x20\0\0\0");

static struct buf heard;
static char dir[] = "/tmp/http_server_tls.XXXXXX";
static char key_path[64];
static char path[64];       /* for 127.0.0.1 */
static char other_path[64]; /* for other.example */
static struct addr_net loopback;
static struct addr_net elsewhere;

static int prepare(void **state)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    struct err err;

    (void)state;
    if (mkdtemp(dir) == NULL)
        return -1;
    (void)snprintf(key_path, sizeof key_path, "%s/key", dir);
    (void)snprintf(path, sizeof path, "%s/certificate", dir);
    (void)snprintf(other_path, sizeof other_path, "%s/other", dir);
    certificate_write_key(key, key_path);
    certificate_write(key, "IP:127.0.0.1", path);
    certificate_write(key, "DNS:other.example", other_path);
    EVP_PKEY_free(key);
    assert_ok(addr_parse_net(STR("127.0.0.0/8"), &loopback, &err), err);
    assert_ok(addr_parse_net(STR("10.0.0.0/8"), &elsewhere, &err), err);
    buf_init(&heard, (size_t)64 * MIB);
    return 0;
}

static int clean_up(void **state)
{
    (void)state;
    (void)unlink(key_path);
    (void)unlink(path);
    (void)unlink(other_path);
    buf_done(&heard);
    return rmdir(dir);
}

/* trusted: who begins with a PROXY header; NULL: nobody. */
static void open_site(struct site *site, bool is_tls, const struct addr_net *trusted)
{
    struct err err;

    site_init(site);
    if (is_tls)
        assert_ok(tls_new_server(path, key_path, NULL, &site->config.tls, &err), err);
    site->config.has_proxy_protocol = trusted != NULL;
    site->config.trusted = trusted;
    site->config.trusted_count = trusted != NULL;
    site_open(site);
    tls_unref(site->config.tls);
    site->config.tls = NULL;
}

/* A client of TLS over a socket. */
struct client {
    int fd;
    SSL_CTX *ctx;
    SSL *ssl;
};

static void begin_tls(struct client *client, int fd)
{
    *client = (struct client){.fd = fd, .ctx = SSL_CTX_new(TLS_client_method())};
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    client->ssl = SSL_new(client->ctx);
    assert_non_null(client->ssl);
    assert_int_equal(SSL_set_fd(client->ssl, fd), 1);
    SSL_set_connect_state(client->ssl);
}

static bool wants_more(const struct client *client, int result)
{
    int error = SSL_get_error(client->ssl, result);

    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

static bool shake_hands(struct site *site, struct client *client)
{
    for (int i = 0; i < PATIENCE; i++) {
        int result = SSL_do_handshake(client->ssl);

        if (result == 1)
            return true;
        if (!wants_more(client, result))
            return false;
        site_turn(site);
    }
    return false;
}

static bool send_tls(struct site *site, const struct client *client, struct str bytes)
{
    while (bytes.len > 0) {
        size_t put = 0;
        int result =
            SSL_write_ex(client->ssl, bytes.ptr, bytes.len < 16384 ? bytes.len : 16384, &put);

        if (result != 1 && !wants_more(client, result))
            return false;
        bytes = str_from(bytes, put);
        site_turn(site);
    }
    return true;
}

/* To the end of it; true: it was in order, by close_notify. */
static bool read_tls(struct site *site, const struct client *client)
{
    char space[16384];

    buf_clear(&heard);
    for (int silence = 0; silence < PATIENCE;) {
        size_t got = 0;
        int result = SSL_read_ex(client->ssl, space, sizeof space, &got);

        if (result == 1) {
            buf_add(&heard, str_of(space, got));
            continue;
        }
        if (!wants_more(client, result))
            return SSL_get_error(client->ssl, result) == SSL_ERROR_ZERO_RETURN;
        silence++;
        site_turn(site);
    }
    return false;
}

static void end_tls(struct client *client)
{
    SSL_free(client->ssl);
    SSL_CTX_free(client->ctx);
    (void)close(client->fd);
}

static bool heard_ends(const char *text)
{
    return str_ends(buf_str(&heard), str_c(text));
}

static void requests_come_through_tls(void **state)
{
    struct site site;
    struct client client;

    (void)state;
    open_site(&site, true, NULL);
    begin_tls(&client, client_dial(&site));
    assert_true(shake_hands(&site, &client));
    assert_true(send_tls(&site, &client,
                         STR("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi"
                             "GET /b HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")));
    assert_true(read_tls(&site, &client));
    assert_true(str_find_str(buf_str(&heard), STR("\r\n\r\nPOST /a  hi")) < heard.len);
    assert_true(heard_ends("\r\n\r\nGET /b  "));
    end_tls(&client);
    site_await_connections(&site, 0);
    site_done(&site);
}

static void a_large_answer_comes_whole_through_tls(void **state)
{
    struct site site;
    struct client client;

    (void)state;
    open_site(&site, true, NULL);
    site.big_bytes = (size_t)16 * MIB;
    begin_tls(&client, client_dial(&site));
    assert_true(shake_hands(&site, &client));
    assert_true(
        send_tls(&site, &client, STR("GET /big HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")));
    assert_true(read_tls(&site, &client));
    assert_true(heard.len > (size_t)16 * MIB);
    end_tls(&client);
    site_await_connections(&site, 0);
    site_done(&site);
}

static void a_refused_body_does_not_take_the_reply_with_it(void **state)
{
    char *body = calloc(1, MIB);

    (void)state;
    assert_non_null(body);
    for (int i = 0; i < 10; i++) {
        struct site site;
        struct client client;

        open_site(&site, true, NULL);
        site.limits.body_bytes = 65536;
        begin_tls(&client, client_dial(&site));
        assert_true(shake_hands(&site, &client));
        assert_true(send_tls(&site, &client,
                             STR("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1048576\r\n\r\n")));
        assert_true(send_tls(&site, &client, str_of(body, MIB)));
        assert_true(read_tls(&site, &client));
        assert_true(str_starts(buf_str(&heard), STR("HTTP/1.1 413 ")));
        end_tls(&client);
        site_await_connections(&site, 0);
        site_done(&site);
    }
    free(body);
}

static void a_handshake_that_fails_or_lasts_is_counted(void **state)
{
    struct site site;

    (void)state;
    open_site(&site, true, NULL);
    int fd = client_dial(&site);
    assert_true(client_send(&site, fd, STR(PEER)));
    assert_true(client_read(&site, fd, NULL, PATIENCE, &heard) != CLIENT_NOTHING);
    (void)close(fd);
    site_await_connections(&site, 0);
    assert_int_equal(site.counters.tls_failures, 1);
    assert_int_equal(site.heads, 0);

    http_site_speed = 50;
    fd = client_dial(&site);
    assert_true(client_send(&site, fd, STR("\x16\x03\x01")));
    assert_int_equal(client_read(&site, fd, NULL, PATIENCE, &heard), CLIENT_CLOSED);
    assert_int_equal(site.counters.handshake_ms, 1);
    (void)close(fd);
    site_done(&site);
}

static void new_connections_take_the_new_certificate(void **state)
{
    struct site site;
    struct client old;
    struct client new;
    struct tls_context *context = NULL;
    struct err err;

    (void)state;
    open_site(&site, true, NULL);
    begin_tls(&old, client_dial(&site));
    assert_true(shake_hands(&site, &old));
    assert_ok(tls_new_server(other_path, key_path, NULL, &context, &err), err);
    http_server_set_tls(site.server, context);
    tls_unref(context);
    begin_tls(&new, client_dial(&site));
    assert_true(shake_hands(&site, &new));
    X509 *seen = SSL_get1_peer_certificate(new.ssl);
    assert_int_equal(X509_check_host(seen, "other.example", 0, 0, NULL), 1);
    X509_free(seen);
    assert_true(send_tls(&site, &old, STR(PEER)));
    assert_true(read_tls(&site, &old));
    assert_true(str_starts(buf_str(&heard), STR("HTTP/1.1 200 ")));
    end_tls(&old);
    end_tls(&new);
    site_await_connections(&site, 0);
    site_done(&site);
}

/* cut: bytes of the header at a time; 0: at once, and the rest behind it before the server reads.
 */
static int dial_proxied(struct site *site, struct str header, size_t cut)
{
    int fd = client_dial(site);

    if (cut == 0) {
        assert_int_equal(send(fd, header.ptr, header.len, MSG_NOSIGNAL), header.len);
        return fd;
    }
    for (; header.len > 0; header = str_from(header, cut))
        assert_true(client_send(site, fd, str_first(header, cut)));
    return fd;
}

static void the_proxy_header_names_the_peer_before_everything(void **state)
{
    static const struct {
        const struct str *header;
        const char *peer; /* NULL: the proxy itself */
    } rows[] = {{&from_v4, "\r\n\r\n203.0.113.5:4242"},
                {&from_v6, "\r\n\r\n[2001:db8::1]:4242"},
                {&local, NULL}};
    static const size_t cuts[] = {0, 1, 7};

    (void)state;
    for (size_t i = 0; i < 2 * ARRAY_LEN(rows) * ARRAY_LEN(cuts); i++) {
        struct str header = *rows[i / 2 % ARRAY_LEN(rows)].header;
        const char *peer = rows[i / 2 % ARRAY_LEN(rows)].peer;
        struct site site;
        struct client client;
        bool is_tls = i % 2 == 1;

        open_site(&site, is_tls, &loopback);
        int fd = dial_proxied(&site, header, cuts[i / 2 / ARRAY_LEN(rows)]);
        if (is_tls) {
            begin_tls(&client, fd);
            assert_true(shake_hands(&site, &client));
            assert_true(send_tls(&site, &client, STR(PEER)));
            assert_true(read_tls(&site, &client));
            end_tls(&client);
        } else {
            buf_clear(&heard);
            assert_true(client_send(&site, fd, STR(PEER)));
            assert_int_equal(client_read(&site, fd, NULL, PATIENCE, &heard), CLIENT_CLOSED);
            (void)close(fd);
        }
        if (peer != NULL ? !heard_ends(peer)
                         : str_find_str(buf_str(&heard), STR("\r\n\r\n127.0.0.1:")) == heard.len)
            fail_msg("row %zu: " STR_FMT, i, STR_ARG(buf_str(&heard)));
        site_await_connections(&site, 0);
        site_done(&site);
    }
}

static void who_is_trusted_and_sends_no_header_is_closed_and_counted(void **state)
{
    static const struct str forms[] = {
        STR_INIT(PEER),
        STR_INIT("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
        STR_INIT("PROXY TCP4 203.0.113.5 127.0.0.1 4242 443\r\n"),
        STR_INIT(PROXY "\x31\x11\0\x0c\xcb\0\x71\x05\x7f\0\0\x01\x10\x92\x01\xbb"),
        STR_INIT(PROXY "\x21\x11\0\x04\xcb\0\x71\x05"),
    };

    (void)state;
    for (size_t i = 0; i < 2 * ARRAY_LEN(forms); i++) {
        struct site site;

        open_site(&site, i % 2 == 1, &loopback);
        int fd = client_dial(&site);
        assert_true(client_send(&site, fd, forms[i / 2]));
        buf_clear(&heard);
        assert_true(client_read(&site, fd, NULL, PATIENCE, &heard) != CLIENT_NOTHING);
        assert_int_equal(heard.len, 0);
        (void)close(fd);
        site_await_connections(&site, 0);
        assert_int_equal(site.counters.proxy_failures, 1);
        assert_int_equal(site.heads, 0);
        site_done(&site);
    }
}

static void behind_the_header_only_tls_is_taken_where_tls_is_due(void **state)
{
    struct site site;

    (void)state;
    open_site(&site, true, &loopback);
    int fd = dial_proxied(&site, from_v4, 0);
    assert_true(client_send(&site, fd, STR(PEER)));
    assert_true(client_read(&site, fd, NULL, PATIENCE, &heard) != CLIENT_NOTHING);
    (void)close(fd);
    site_await_connections(&site, 0);
    assert_int_equal(site.counters.tls_failures, 1);
    assert_int_equal(site.heads, 0);

    http_site_speed = 50;
    fd = dial_proxied(&site, from_v4, 1);
    assert_int_equal(client_read(&site, fd, NULL, PATIENCE, &heard), CLIENT_CLOSED);
    assert_int_equal(site.counters.handshake_ms, 1);
    (void)close(fd);
    fd = dial_proxied(&site, str_first(from_v4, 5), 0);
    assert_int_equal(client_read(&site, fd, NULL, PATIENCE, &heard), CLIENT_CLOSED);
    assert_int_equal(site.counters.handshake_ms, 2);
    (void)close(fd);
    site_await_connections(&site, 0);
    site_done(&site);
}

static void who_is_not_trusted_speaks_for_itself(void **state)
{
    (void)state;
    for (int is_tls = 0; is_tls <= 1; is_tls++) {
        struct site site;
        struct client client;

        open_site(&site, is_tls, &elsewhere);
        int fd = client_dial(&site);
        if (is_tls) {
            begin_tls(&client, fd);
            assert_true(shake_hands(&site, &client));
            assert_true(send_tls(&site, &client, STR(PEER)));
            assert_true(read_tls(&site, &client));
            end_tls(&client);
        } else {
            buf_clear(&heard);
            assert_true(client_send(&site, fd, STR(PEER)));
            assert_int_equal(client_read(&site, fd, NULL, PATIENCE, &heard), CLIENT_CLOSED);
            (void)close(fd);
        }
        assert_true(str_find_str(buf_str(&heard), STR("\r\n\r\n127.0.0.1:")) < heard.len);
        /* Its header is no header. */
        buf_clear(&heard);
        fd = dial_proxied(&site, from_v4, 0);
        assert_true(client_read(&site, fd, NULL, PATIENCE, &heard) != CLIENT_NOTHING);
        assert_int_equal(site.heads, 1);
        (void)close(fd);
        site_await_connections(&site, 0);
        site_done(&site);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_come_through_tls),
        cmocka_unit_test(a_large_answer_comes_whole_through_tls),
        cmocka_unit_test(a_refused_body_does_not_take_the_reply_with_it),
        cmocka_unit_test(a_handshake_that_fails_or_lasts_is_counted),
        cmocka_unit_test(new_connections_take_the_new_certificate),
        cmocka_unit_test(the_proxy_header_names_the_peer_before_everything),
        cmocka_unit_test(who_is_trusted_and_sends_no_header_is_closed_and_counted),
        cmocka_unit_test(behind_the_header_only_tls_is_taken_where_tls_is_due),
        cmocka_unit_test(who_is_not_trusted_speaks_for_itself),
    };

    return cmocka_run_group_tests(tests, prepare, clean_up);
}
