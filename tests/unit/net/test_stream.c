#include "net/stream.h"

#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/buf.h"
#include "certificate.h"
#include "unit.h"

enum { MIB = 1 << 20, PATIENCE = 5000 };

/* One end of a connection. */
struct side {
    struct stream *stream;
    struct buf heard;
    int readies;
    int ends;
    int drains;
    bool was_in_order;
    struct err why;
    bool closes_on_ready;
    bool closes_on_read;
    struct tls_context *turns_to; /* on the first byte */
};

/* A listener that accepts one connection, and the two ends of it. */
struct pair {
    struct loop *loop;
    uv_tcp_t listener;
    struct addr address;
    struct tls_context *server_tls; /* NULL: plain */
    struct tls_context *client_tls;
    struct side server;
    struct side client;
};

static char dir[] = "/tmp/stream.XXXXXX";
static char key_path[64];
static char other_key_path[64];
static char path[64]; /* for 127.0.0.1 */

static int write_files(void **state)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    EVP_PKEY *other = EVP_EC_gen("P-256");

    (void)state;
    if (mkdtemp(dir) == NULL)
        return -1;
    (void)snprintf(key_path, sizeof key_path, "%s/key", dir);
    (void)snprintf(other_key_path, sizeof other_key_path, "%s/other", dir);
    (void)snprintf(path, sizeof path, "%s/certificate", dir);
    certificate_write_key(key, key_path);
    certificate_write_key(other, other_key_path);
    certificate_write(key, "IP:127.0.0.1", path);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    (void)unlink(key_path);
    (void)unlink(other_key_path);
    (void)unlink(path);
    return rmdir(dir);
}

static void close_side(struct side *side)
{
    stream_close(side->stream);
    side->stream = NULL;
}

static void on_ready(struct stream *stream)
{
    struct side *side = stream_owner(stream);

    side->readies++;
    if (side->closes_on_ready)
        close_side(side);
}

static void on_read(struct stream *stream, struct str bytes)
{
    struct side *side = stream_owner(stream);
    struct tls_context *context = side->turns_to;

    if (context != NULL) {
        side->turns_to = NULL;
        assert_int_equal(stream_start_tls(stream, context, str_from(bytes, 1), NULL), ERR_OK);
        return;
    }
    buf_add(&side->heard, bytes);
    if (side->closes_on_read)
        close_side(side);
}

static void on_end(struct stream *stream, const struct err *why)
{
    struct side *side = stream_owner(stream);

    side->ends++;
    side->was_in_order = why == NULL;
    if (why != NULL)
        side->why = *why;
    close_side(side);
}

static void on_drain(struct stream *stream)
{
    struct side *side = stream_owner(stream);

    side->drains++;
}

static const struct stream_events events = {
    .on_ready = on_ready, .on_read = on_read, .on_end = on_end, .on_drain = on_drain};

static void on_connection(uv_stream_t *listener, int status)
{
    struct pair *pair = listener->data;

    assert_int_equal(status, 0);
    assert_null(pair->server.stream);
    assert_int_equal(stream_accept(pair->loop, listener,
                                   pair->server.turns_to == NULL ? pair->server_tls : NULL, &events,
                                   &pair->server, &pair->server.stream, NULL),
                     ERR_OK);
}

static void turn(struct pair *pair)
{
    (void)uv_run(loop_uv(pair->loop), UV_RUN_NOWAIT);
    (void)poll(NULL, 0, 1);
}

#define AWAIT(pair, condition)                                                                     \
    do {                                                                                           \
        for (int turns_ = 0; !(condition); turns_++) {                                             \
            if (turns_ > PATIENCE)                                                                 \
                fail_msg("never: %s", #condition);                                                 \
            turn(pair);                                                                            \
        }                                                                                          \
    } while (0)

static void listen_on(struct pair *pair, bool is_tls, const char *client_ca)
{
    struct sockaddr_storage at;
    struct err err;
    int len = sizeof at;
    socklen_t at_len = 0;

    *pair = (struct pair){.loop = loop_new(8)};
    assert_non_null(pair->loop);
    buf_init(&pair->server.heard, (size_t)64 * MIB);
    buf_init(&pair->client.heard, (size_t)64 * MIB);
    if (is_tls) {
        assert_ok(tls_new_server(path, key_path, client_ca, &pair->server_tls, &err), err);
        assert_ok(tls_new_client(path, &pair->client_tls, &err), err);
    }
    assert_true(addr_parse_ip(STR("127.0.0.1"), &pair->address));
    addr_to_sockaddr(&pair->address, &at, &at_len);
    assert_int_equal(uv_tcp_init(loop_uv(pair->loop), &pair->listener), 0);
    pair->listener.data = pair;
    assert_int_equal(uv_tcp_bind(&pair->listener, (const struct sockaddr *)&at, 0), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&pair->listener, 8, on_connection), 0);
    assert_int_equal(uv_tcp_getsockname(&pair->listener, (struct sockaddr *)&at, &len), 0);
    addr_from_sockaddr((const struct sockaddr *)&at, &pair->address);
}

static void dial(struct pair *pair, const char *host)
{
    struct err err;

    assert_ok(stream_connect(pair->loop, &pair->address, pair->client_tls, host, &events,
                             &pair->client, &pair->client.stream, &err),
              err);
}

static void open_pair(struct pair *pair, bool is_tls)
{
    listen_on(pair, is_tls, NULL);
    dial(pair, "127.0.0.1");
    AWAIT(pair, pair->client.readies == 1 && pair->server.stream != NULL &&
                    stream_is_open(pair->server.stream));
}

/* A client that is a socket. */
static int open_raw(struct pair *pair, bool is_tls)
{
    struct sockaddr_storage at;
    socklen_t len = 0;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    listen_on(pair, is_tls, NULL);
    addr_to_sockaddr(&pair->address, &at, &len);
    assert_int_equal(connect(fd, (const struct sockaddr *)&at, len), 0);
    AWAIT(pair, pair->server.stream != NULL);
    return fd;
}

static void done_pair(struct pair *pair)
{
    close_side(&pair->server);
    close_side(&pair->client);
    uv_close((uv_handle_t *)&pair->listener, NULL);
    loop_free(pair->loop);
    tls_unref(pair->server_tls);
    tls_unref(pair->client_tls);
    buf_done(&pair->server.heard);
    buf_done(&pair->client.heard);
}

static bool write_text(const struct side *side, struct str text)
{
    return stream_write(side->stream, &text, 1);
}

static char *many_bytes(size_t count)
{
    char *bytes = malloc(count);

    assert_non_null(bytes);
    for (size_t i = 0; i < count; i++)
        bytes[i] = (char)(i * 2654435761u >> 24);
    return bytes;
}

static void bytes_go_both_ways(void **state)
{
    char *bytes = many_bytes(MIB);

    (void)state;
    for (int is_tls = 0; is_tls <= 1; is_tls++) {
        struct pair pair;
        const struct str pieces[] = {str_of(bytes, 1000), STR(""),
                                     str_of(bytes + 1000, MIB - 1000)};

        open_pair(&pair, is_tls);
        assert_int_equal(stream_is_tls(pair.server.stream), is_tls);
        assert_int_equal(pair.server.readies, is_tls);
        struct addr peer = stream_peer(pair.server.stream);
        assert_true(addr_is_loopback(&peer));
        assert_true(stream_write(pair.client.stream, pieces, ARRAY_LEN(pieces)));
        assert_true(write_text(&pair.server, STR("hello")));
        AWAIT(&pair, pair.server.heard.len == MIB && pair.client.heard.len == 5);
        assert_memory_equal(pair.server.heard.ptr, bytes, MIB);
        assert_memory_equal(pair.client.heard.ptr, "hello", 5);
        done_pair(&pair);
    }
    free(bytes);
}

static void who_does_not_read_holds_the_other_back(void **state)
{
    char *bytes = many_bytes((size_t)32 * MIB);

    (void)state;
    for (int is_tls = 0; is_tls <= 1; is_tls++) {
        struct pair pair;
        struct str whole = str_of(bytes, (size_t)32 * MIB);

        open_pair(&pair, is_tls);
        stream_pause(pair.server.stream);
        assert_true(stream_write(pair.client.stream, &whole, 1));
        for (int i = 0; i < 100; i++)
            turn(&pair);
        assert_true(stream_queued_bytes(pair.client.stream) > 0);
        assert_int_equal(pair.client.drains, 0);
        assert_int_equal(pair.server.heard.len, 0);
        stream_resume(pair.server.stream);
        AWAIT(&pair, pair.server.heard.len == whole.len);
        assert_memory_equal(pair.server.heard.ptr, bytes, whole.len);
        AWAIT(&pair, pair.client.drains == 1);
        assert_int_equal(stream_queued_bytes(pair.client.stream), 0);
        done_pair(&pair);
    }
    free(bytes);
}

static void a_close_is_an_end_in_order_behind_what_was_written(void **state)
{
    (void)state;
    for (int is_tls = 0; is_tls <= 1; is_tls++) {
        struct pair pair;

        open_pair(&pair, is_tls);
        assert_true(write_text(&pair.client, STR("bye")));
        close_side(&pair.client);
        AWAIT(&pair, pair.server.ends == 1);
        assert_true(pair.server.was_in_order);
        assert_int_equal(pair.server.heard.len, 3);
        assert_int_equal(pair.client.ends, 0);
        done_pair(&pair);
    }
}

static void a_half_close_is_an_end_in_order(void **state)
{
    struct pair pair;
    int fd = open_raw(&pair, false);

    (void)state;
    assert_int_equal(send(fd, "abc", 3, MSG_NOSIGNAL), 3);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    AWAIT(&pair, pair.server.ends == 1);
    assert_true(pair.server.was_in_order);
    assert_int_equal(pair.server.heard.len, 3);
    (void)close(fd);
    done_pair(&pair);
}

static void a_peer_that_vanishes_is_an_end_with_a_reason(void **state)
{
    static const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    struct pair pair;
    int fd = open_raw(&pair, false);

    (void)state;
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    (void)close(fd);
    AWAIT(&pair, pair.server.ends == 1);
    assert_false(pair.server.was_in_order);
    assert_int_equal(pair.server.why.code, ERR_IO);
    done_pair(&pair);
}

static void a_peer_that_vanishes_is_noticed_by_who_waits_to_write(void **state)
{
    static const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    char *bytes = many_bytes((size_t)32 * MIB);
    struct str whole = str_of(bytes, (size_t)32 * MIB);
    struct pair pair;
    int fd = open_raw(&pair, false);

    (void)state;
    stream_pause(pair.server.stream);
    assert_true(stream_write(pair.server.stream, &whole, 1));
    assert_true(stream_queued_bytes(pair.server.stream) > 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    (void)close(fd);
    AWAIT(&pair, pair.server.ends == 1);
    assert_false(pair.server.was_in_order);
    free(bytes);
    done_pair(&pair);
}

static void who_can_not_be_reached_is_an_end_with_a_reason(void **state)
{
    struct pair pair;

    (void)state;
    listen_on(&pair, false, NULL);
    uint16_t port = pair.address.port;
    done_pair(&pair);
    listen_on(&pair, false, NULL);
    pair.address.port = port;
    dial(&pair, "127.0.0.1");
    assert_false(write_text(&pair.client, STR("too early")));
    AWAIT(&pair, pair.client.ends == 1);
    assert_int_equal(pair.client.readies, 0);
    assert_false(pair.client.was_in_order);
    done_pair(&pair);
}

static void a_certificate_for_another_host_is_not_accepted(void **state)
{
    struct pair pair;

    (void)state;
    listen_on(&pair, true, NULL);
    dial(&pair, "other.example");
    AWAIT(&pair, pair.client.ends == 1 && pair.server.ends == 1);
    assert_int_equal(pair.client.readies, 0);
    assert_int_equal(pair.client.why.code, ERR_UPSTREAM);
    assert_false(pair.server.was_in_order);
    assert_int_equal(pair.server.heard.len, 0);
    done_pair(&pair);
}

static void a_client_without_the_certificate_that_is_asked_for_is_not_served(void **state)
{
    struct pair pair;

    (void)state;
    listen_on(&pair, true, path);
    dial(&pair, "127.0.0.1");
    AWAIT(&pair, pair.server.ends == 1 && pair.client.ends == 1);
    assert_int_equal(pair.server.readies, 0);
    assert_false(pair.server.was_in_order);
    done_pair(&pair);
}

static void what_is_no_handshake_is_an_end_with_a_reason(void **state)
{
    static const struct str forms[] = {
        STR_INIT("GET / HTTP/1.1\r\nHost: h\r\n\r\n"),
        STR_INIT("\x16\x03\x01\xff\xff rubbish and more of it, as long as it takes........"),
        STR_INIT("\x15\x03\x03\x00\x02\x02\x28"),
        STR_INIT("\x17\x03\x03\x00\x05hello"),
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        struct pair pair;
        int fd = open_raw(&pair, true);

        assert_int_equal(send(fd, forms[i].ptr, forms[i].len, MSG_NOSIGNAL), forms[i].len);
        AWAIT(&pair, pair.server.ends == 1);
        assert_int_equal(pair.server.readies, 0);
        assert_false(pair.server.was_in_order);
        assert_int_equal(pair.server.heard.len, 0);
        (void)close(fd);
        done_pair(&pair);
    }
}

static void a_finished_stream_is_read_to_its_last_byte_by_a_peer_that_still_sends(void **state)
{
    char *bytes = many_bytes((size_t)8 * MIB);

    (void)state;
    for (int is_tls = 0; is_tls <= 1; is_tls++) {
        struct pair pair;
        struct str whole = str_of(bytes, (size_t)8 * MIB);

        open_pair(&pair, is_tls);
        assert_true(stream_write(pair.client.stream, &whole, 1));
        stream_pause(pair.server.stream);
        assert_true(stream_write(pair.server.stream, &whole, 1));
        assert_true(stream_finish(pair.server.stream));
        assert_false(stream_is_open(pair.server.stream));
        assert_false(write_text(&pair.server, STR("more")));
        AWAIT(&pair, pair.client.ends == 1);
        assert_true(pair.client.was_in_order);
        assert_int_equal(pair.client.heard.len, whole.len);
        assert_memory_equal(pair.client.heard.ptr, bytes, whole.len);
        AWAIT(&pair, pair.server.ends == 1);
        assert_int_equal(pair.server.heard.len, 0);
        done_pair(&pair);
    }
    free(bytes);
}

static void a_plain_stream_turns_to_tls(void **state)
{
    struct pair pair;
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(ctx);
    BIO *in = BIO_new(BIO_s_mem());
    BIO *out = BIO_new(BIO_s_mem());
    int fd = open_raw(&pair, true);
    char bytes[16384] = "!";
    char *hello = NULL;

    (void)state;
    /* What was accepted here was TLS at once; the next is plain first. */
    (void)close(fd);
    AWAIT(&pair, pair.server.ends == 1);
    pair.server.turns_to = pair.server_tls;
    struct sockaddr_storage at;
    socklen_t len = 0;
    addr_to_sockaddr(&pair.address, &at, &len);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&at, len), 0);
    SSL_set_bio(ssl, in, out);
    SSL_set_connect_state(ssl);
    assert_true(SSL_do_handshake(ssl) <= 0);
    size_t hello_len = (size_t)BIO_get_mem_data(out, &hello);
    memcpy(bytes + 1, hello, hello_len);
    assert_int_equal(send(fd, bytes, hello_len + 1, MSG_NOSIGNAL), hello_len + 1);
    (void)BIO_reset(out);
    for (int i = 0; !SSL_is_init_finished(ssl) && i < PATIENCE; i++) {
        ssize_t got = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);

        if (got > 0)
            (void)BIO_write(in, bytes, (int)got);
        (void)SSL_do_handshake(ssl);
        turn(&pair);
    }
    assert_true(SSL_is_init_finished(ssl));
    assert_int_equal(SSL_write(ssl, "hello", 5), 5);
    hello_len = (size_t)BIO_get_mem_data(out, &hello);
    assert_int_equal(send(fd, hello, hello_len, MSG_NOSIGNAL), hello_len);
    AWAIT(&pair, pair.server.heard.len == 5);
    assert_int_equal(pair.server.readies, 1);
    assert_true(stream_is_tls(pair.server.stream));
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    (void)close(fd);
    done_pair(&pair);
}

static void who_closes_hears_nothing_more(void **state)
{
    (void)state;
    for (int is_tls = 0; is_tls <= 1; is_tls++) {
        struct pair pair;

        open_pair(&pair, is_tls);
        pair.server.closes_on_read = true;
        assert_true(write_text(&pair.client, STR("one")));
        assert_true(write_text(&pair.client, STR("two")));
        AWAIT(&pair, pair.client.ends == 1);
        assert_null(pair.server.stream);
        assert_true(pair.server.heard.len == 3 || (!is_tls && pair.server.heard.len == 6));
        assert_int_equal(pair.server.ends, 0);
        done_pair(&pair);

        listen_on(&pair, is_tls, NULL);
        pair.client.closes_on_ready = true;
        dial(&pair, "127.0.0.1");
        AWAIT(&pair, pair.client.readies == 1 && pair.server.ends == 1);
        assert_int_equal(pair.client.ends, 0);
        done_pair(&pair);
    }
}

static void contexts_are_refused_with_the_name_of_the_file(void **state)
{
    struct tls_context *context = NULL;
    struct err err;

    (void)state;
    assert_int_equal(tls_new_server("/nowhere/a", key_path, NULL, &context, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "/nowhere/a"));
    assert_int_equal(tls_new_server(path, "/nowhere/b", NULL, &context, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "/nowhere/b"));
    assert_int_equal(tls_new_server(path, other_key_path, NULL, &context, &err), ERR_INVALID);
    assert_int_equal(tls_new_server(path, key_path, "/nowhere/c", &context, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "/nowhere/c"));
    assert_int_equal(tls_new_client("/nowhere/d", &context, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "/nowhere/d"));
    assert_null(context);
}

static void contexts_are_of_tls_1_2_and_up(void **state)
{
    struct tls_context *context = NULL;
    struct err err;

    (void)state;
    assert_ok(tls_new_server(path, key_path, NULL, &context, &err), err);
    SSL_CTX *ctx = tls_ssl_ctx(context);
    assert_int_equal(SSL_CTX_get_min_proto_version(ctx), TLS1_2_VERSION);
    assert_int_equal(SSL_CTX_get_session_cache_mode(ctx), SSL_SESS_CACHE_OFF);
    assert_true((SSL_CTX_get_options(ctx) & SSL_OP_NO_RENEGOTIATION) != 0);
    assert_true((SSL_CTX_get_options(ctx) & SSL_OP_NO_COMPRESSION) != 0);
    tls_unref(tls_ref(context));
    tls_unref(context);
    tls_unref(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_go_both_ways),
        cmocka_unit_test(who_does_not_read_holds_the_other_back),
        cmocka_unit_test(a_close_is_an_end_in_order_behind_what_was_written),
        cmocka_unit_test(a_half_close_is_an_end_in_order),
        cmocka_unit_test(a_peer_that_vanishes_is_an_end_with_a_reason),
        cmocka_unit_test(a_peer_that_vanishes_is_noticed_by_who_waits_to_write),
        cmocka_unit_test(who_can_not_be_reached_is_an_end_with_a_reason),
        cmocka_unit_test(a_certificate_for_another_host_is_not_accepted),
        cmocka_unit_test(a_client_without_the_certificate_that_is_asked_for_is_not_served),
        cmocka_unit_test(what_is_no_handshake_is_an_end_with_a_reason),
        cmocka_unit_test(a_finished_stream_is_read_to_its_last_byte_by_a_peer_that_still_sends),
        cmocka_unit_test(a_plain_stream_turns_to_tls),
        cmocka_unit_test(who_closes_hears_nothing_more),
        cmocka_unit_test(contexts_are_refused_with_the_name_of_the_file),
        cmocka_unit_test(contexts_are_of_tls_1_2_and_up),
    };

    return cmocka_run_group_tests(tests, write_files, remove_files);
}
