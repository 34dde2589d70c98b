#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "certificate.h"
#include "net/http_client.h"
#include "net/names.h"
#include "net/stream.h"

/* A server that answers each read, behind TLS or not, and a loop. */
struct site {
    struct loop *loop;
    struct name_cache *names;
    struct tls_context *context; /* NULL: plain */
    uv_tcp_t listener;
    uint16_t port;
    int accepted;
    struct stream *streams[8];
};

struct heard {
    struct http_call call;
    int dones;
    enum http_call_end end;
    struct err err;
    size_t body_len;
};

static char dir[] = "/tmp/http_client_tls.XXXXXX";
static char key_path[64];
static char good_path[64];  /* for 127.0.0.1 and localhost */
static char other_path[64]; /* for other.example */

static int write_files(void **state)
{
    (void)state;
    if (mkdtemp(dir) == NULL)
        return -1;
    (void)snprintf(key_path, sizeof key_path, "%s/key", dir);
    (void)snprintf(good_path, sizeof good_path, "%s/good", dir);
    (void)snprintf(other_path, sizeof other_path, "%s/other", dir);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    certificate_write_key(key, key_path);
    certificate_write(key, "IP:127.0.0.1,DNS:localhost", good_path);
    certificate_write(key, "DNS:other.example", other_path);
    EVP_PKEY_free(key);
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    (void)unlink(key_path);
    (void)unlink(good_path);
    (void)unlink(other_path);
    return rmdir(dir);
}

static void on_server_read(struct stream *stream, struct str bytes)
{
    const struct str hello = STR("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    const struct site *site = stream_owner(stream);
    if (site->context == NULL || str_ends(bytes, STR("\r\n\r\n")))
        (void)stream_write(stream, &hello, 1);
}

static void on_server_end(struct stream *stream, const struct err *why)
{
    struct site *site = stream_owner(stream);
    (void)why;
    for (int i = 0; i < site->accepted; i++)
        if (site->streams[i] == stream)
            site->streams[i] = NULL;
    stream_close(stream);
}

static const struct stream_events server_events = {.on_read = on_server_read,
                                                   .on_end = on_server_end};

static void on_connection(uv_stream_t *listener, int status)
{
    struct site *site = listener->data;
    assert_int_equal(status, 0);
    assert_true(site->accepted < 8);
    assert_int_equal(stream_accept(site->loop, listener, site->context, &server_events, site,
                                   &site->streams[site->accepted], NULL),
                     ERR_OK);
    site->accepted++;
}

static void open_site(struct site *site, const char *certificate)
{
    struct sockaddr_in at;
    struct err err;
    int len = sizeof at;

    *site = (struct site){.loop = loop_new(8)};
    site->names = names_cache_new(site->loop, 30000);
    if (certificate != NULL)
        assert_ok(tls_new_server(certificate, key_path, NULL, &site->context, &err), err);
    (void)uv_ip4_addr("127.0.0.1", 0, &at);
    (void)uv_tcp_init(loop_uv(site->loop), &site->listener);
    site->listener.data = site;
    assert_int_equal(uv_tcp_bind(&site->listener, (const struct sockaddr *)&at, 0), 0);
    assert_int_equal(uv_tcp_getsockname(&site->listener, (struct sockaddr *)&at, &len), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&site->listener, 8, on_connection), 0);
    site->port = ntohs(at.sin_port);
}

static void close_site(struct site *site)
{
    for (int i = 0; i < site->accepted; i++)
        stream_close(site->streams[i]);
    uv_close((uv_handle_t *)&site->listener, NULL);
    names_cache_free(site->names);
    tls_unref(site->context);
    for (int i = 0; i < 10; i++)
        (void)uv_run(loop_uv(site->loop), UV_RUN_NOWAIT);
    loop_free(site->loop);
}

static struct http_pool *open_pool(const struct site *site, const char *host, const char *authority)
{
    struct tls_context *context = NULL;
    struct err err;
    assert_ok(tls_new_client(authority, &context, &err), err);
    const struct http_pool_config config = {.loop = site->loop,
                                            .names = site->names,
                                            .host = str_c(host),
                                            .port = site->port,
                                            .tls_context = context,
                                            .max_connections = 2,
                                            .max_waiting = 2,
                                            .idle_ms = 4000,
                                            .connect_ms = 5000,
                                            .max_header_bytes = 4096,
                                            .max_headers = 20};
    struct http_pool *pool = http_pool_new(&config);
    assert_non_null(pool);
    tls_unref(context);
    return pool;
}

static void on_data(struct http_call *call, struct str bytes)
{
    struct heard *heard = call->ctx;
    heard->body_len += bytes.len;
}

static void on_done(struct http_call *call, enum http_call_end end, const struct err *err)
{
    struct heard *heard = call->ctx;
    heard->dones++;
    heard->end = end;
    if (err != NULL)
        heard->err = *err;
}

static void run_call(const struct site *site, struct http_pool *pool, struct heard *heard)
{
    uint64_t start_us = clock_mono_us();

    *heard = (struct heard){.call = {.method = STR("GET"),
                                     .target = STR("/"),
                                     .host_header = STR("x"),
                                     .head_ms = 5000,
                                     .on_data = on_data,
                                     .on_done = on_done}};
    heard->call.ctx = heard;
    assert_int_equal(http_call_start(pool, &heard->call, NULL), ERR_OK);
    while (heard->dones == 0) {
        (void)uv_run(loop_uv(site->loop), UV_RUN_NOWAIT);
        assert_true(clock_mono_us() - start_us < 10000000);
    }
}

static void a_call_goes_through_tls_and_keeps_its_connection(void **state)
{
    (void)state;
    static const char *const hosts[] = {"127.0.0.1", "localhost"};
    struct heard heard;
    struct site site;
    open_site(&site, good_path);
    for (int i = 0; i < 2; i++) {
        struct http_pool *pool = open_pool(&site, hosts[i], good_path);
        for (int k = 0; k < 3; k++) {
            run_call(&site, pool, &heard);
            if (heard.end != HTTP_CALL_OK)
                fail_msg("%s", heard.err.text);
            assert_int_equal(heard.body_len, 5);
        }
        http_pool_free(pool);
    }
    assert_int_equal(site.accepted, 2);
    close_site(&site);
}

static void not_a_byte_goes_to_who_is_not_who_was_meant(void **state)
{
    (void)state;
    static const struct {
        const char *certificate; /* of the server; NULL: it speaks no TLS */
        const char *authority;
    } cases[] = {
        {other_path, other_path}, {good_path, NULL}, {good_path, other_path}, {NULL, NULL}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct heard heard;
        struct site site;
        open_site(&site, cases[i].certificate);
        struct http_pool *pool = open_pool(&site, "127.0.0.1", cases[i].authority);
        run_call(&site, pool, &heard);
        assert_int_equal(heard.end, HTTP_CALL_UNREACHABLE);
        assert_false(heard.call.was_sent);
        http_pool_free(pool);
        close_site(&site);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_goes_through_tls_and_keeps_its_connection),
        cmocka_unit_test(not_a_byte_goes_to_who_is_not_who_was_meant),
    };
    return cmocka_run_group_tests(tests, write_files, remove_files);
}
