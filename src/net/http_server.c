#include "net/http_server.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include "net/forwarded.h"
#include "net/http_server_priv.h"

enum { BACKLOG = 1024, MAX_REPLY_HEAD = 65536 };

/* Outlives the server by a turn of the loop. */
struct listener_handle {
    uv_tcp_t tcp;
    uv_tcp_t refused; /* a connection that there was no memory for */
    bool is_refusing; /* it is being closed */
    bool has_waiting; /* another one like it */
    bool is_closed;
};

static int open_socket(const struct addr *address, bool reuse_port, struct err *err)
{
    struct sockaddr_storage where;
    socklen_t len = 0;
    int one = 1;
    char text[ADDR_TEXT_BYTES];

    addr_to_sockaddr(address, &where, &len);
    addr_format(address, text);
    int fd = socket(where.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        (reuse_port && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) != 0) ||
        bind(fd, (const struct sockaddr *)&where, len) != 0) {
        int saved = errno;

        if (fd >= 0)
            (void)close(fd);
        if (saved == EADDRINUSE)
            (void)err_set(err, ERR_CONFLICT, "%s is in use by another program", text);
        else
            (void)err_errno(err, saved, text);
        return -1;
    }
    return fd;
}

enum err_code http_listen_trial(const struct addr *address, struct err *err)
{
    struct err local;

    err = err == NULL ? &local : err;
    int fd = open_socket(address, false, err);
    if (fd < 0)
        return err->code;
    (void)close(fd);
    return ERR_OK;
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct listener_handle *listener = (struct listener_handle *)(void *)handle;

    listener->is_closed = true;
    if (!listener->is_refusing)
        free(listener);
}

static void refuse_waiting(struct listener_handle *listener);

static void on_refused(uv_handle_t *handle)
{
    struct listener_handle *listener =
        (struct listener_handle *)(void *)((char *)handle -
                                           offsetof(struct listener_handle, refused));

    listener->is_refusing = false;
    if (listener->is_closed)
        free(listener);
    else if (listener->has_waiting)
        refuse_waiting(listener);
}

/* libuv announces no further connection before the one it announced is taken: one that there is no
 * memory for is taken, and closed. */
static void refuse_waiting(struct listener_handle *listener)
{
    listener->has_waiting = listener->is_refusing;
    if (listener->is_refusing || uv_tcp_init(listener->tcp.loop, &listener->refused) != 0)
        return;
    listener->is_refusing = true;
    (void)uv_accept((uv_stream_t *)&listener->tcp, (uv_stream_t *)&listener->refused);
    uv_close((uv_handle_t *)&listener->refused, on_refused);
}

static enum err_code open_listener(struct http_server *server, struct err *err)
{
    struct err local;

    err = err == NULL ? &local : err;
    int fd = open_socket(&server->config.address, true, err);
    if (fd < 0)
        return err->code;
    server->listener = calloc(1, sizeof *server->listener);
    if (server->listener == NULL ||
        uv_tcp_init(loop_uv(server->config.loop), &server->listener->tcp) != 0) {
        (void)close(fd);
        free(server->listener);
        server->listener = NULL;
        return err_set(err, ERR_LIMIT, "memory is out");
    }
    server->listener->tcp.data = server;
    int code = uv_tcp_open(&server->listener->tcp, fd);
    if (code != 0) {
        (void)close(fd);
        return err_set(err, ERR_IO, "listen: %s", uv_strerror(code));
    }
    return ERR_OK;
}

enum err_code http_server_new(const struct http_server_config *config,
                              struct http_server **ret_server, struct err *err)
{
    struct http_server *server = calloc(1, sizeof *server);

    if (server == NULL)
        return err_set(err, ERR_LIMIT, "memory is out");
    server->config = *config;
    if (config->tls != NULL)
        (void)tls_ref(config->tls);
    buf_init(&server->head, MAX_REPLY_HEAD);
    server->per_address = table_new();
    enum err_code code = server->per_address == NULL ? err_set(err, ERR_LIMIT, "memory is out")
                                                     : open_listener(server, err);
    if (code != ERR_OK) {
        http_server_free(server);
        return code;
    }
    *ret_server = server;
    return ERR_OK;
}

static bool is_trusted(const struct http_server *server, const struct addr *addr)
{
    return forwarded_is_trusted(addr, server->config.trusted, server->config.trusted_count);
}

/* The counter of an address; false: it has too many connections. A trusted proxy speaks for many.
 */
static bool count_address(struct http_server *server, struct connection *connection)
{
    const struct str key = str_of((const char *)connection->peer.ip, sizeof connection->peer.ip);
    size_t *count = table_get(server->per_address, key);

    if (is_trusted(server, &connection->peer))
        return true;
    if (count == NULL) {
        count = calloc(1, sizeof *count);
        if (count == NULL || !table_put(server->per_address, key, count, NULL)) {
            free(count);
            return false;
        }
    }
    if (*count >= (size_t)server->config.limits->connections_per_address) {
        HTTP_COUNT(server, connections_per_address);
        return false;
    }
    (*count)++;
    connection->per_address = count;
    return true;
}

static void uncount_address(struct http_server *server, struct connection *connection)
{
    const struct str key = str_of((const char *)connection->peer.ip, sizeof connection->peer.ip);

    if (connection->per_address == NULL || --*connection->per_address > 0)
        return;
    free(table_take(server->per_address, key));
}

static void on_stream_ready(struct stream *stream)
{
    connection_begin(stream_owner(stream));
}

static void on_stream_read(struct stream *stream, struct str bytes)
{
    connection_read(stream_owner(stream), bytes);
}

static void on_stream_end(struct stream *stream, const struct err *why)
{
    struct connection *connection = stream_owner(stream);

    if (why != NULL && connection->state == CONNECTION_OPENING && stream_is_tls(stream))
        HTTP_COUNT(connection->server, tls_failures);
    connection_close(connection);
}

static void on_stream_drain(struct stream *stream)
{
    struct connection *connection = stream_owner(stream);

    loop_timer_stop(&connection->stall);
}

static const struct stream_events stream_events = {.on_ready = on_stream_ready,
                                                   .on_read = on_stream_read,
                                                   .on_end = on_stream_end,
                                                   .on_drain = on_stream_drain};

static struct connection *new_connection(struct http_server *server)
{
    const struct http_limits *limits = server->config.limits;
    struct connection *connection = calloc(1, sizeof *connection);

    if (connection == NULL)
        return NULL;
    connection->parser =
        http1_new(HTTP1_REQUESTS, (size_t)limits->header_bytes, (size_t)limits->header_count);
    if (connection->parser == NULL) {
        free(connection);
        return NULL;
    }
    connection->server = server;
    connection->request.connection = connection;
    buf_init(&connection->body, (size_t)limits->body_bytes);
    buf_init(&connection->ahead, (size_t)2 * LOOP_READ_BYTES);
    connection->next = server->connections;
    if (server->connections != NULL)
        server->connections->prev = connection;
    server->connections = connection;
    server->connection_count++;
    HTTP_COUNT(server, connections_opened);
    return connection;
}

void connection_free(struct connection *connection)
{
    struct http_server *server = connection->server;

    uncount_address(server, connection);
    if (connection->prev != NULL)
        connection->prev->next = connection->next;
    else
        server->connections = connection->next;
    if (connection->next != NULL)
        connection->next->prev = connection->prev;
    server->connection_count--;
    HTTP_COUNT(server, connections_closed);
    loop_timer_stop(&connection->timer);
    loop_timer_stop(&connection->stall);
    buf_done(&connection->body);
    buf_done(&connection->ahead);
    http1_free(connection->parser);
    free(connection);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct http_server *server = listener->data;
    struct connection *connection = status == 0 ? new_connection(server) : NULL;

    if (connection == NULL && status == 0)
        refuse_waiting(server->listener);
    if (connection == NULL)
        return;
    /* A PROXY header stands before everything, TLS included. */
    struct tls_context *tls = server->config.has_proxy_protocol ? NULL : server->config.tls;
    if (stream_accept(server->config.loop, listener, tls, &stream_events, connection,
                      &connection->stream, NULL) != ERR_OK) {
        connection_free(connection);
        refuse_waiting(server->listener);
        return;
    }
    connection->peer = stream_peer(connection->stream);
    bool is_full = server->connection_count > (size_t)server->config.limits->connections;
    if (is_full)
        HTTP_COUNT(server, connections);
    if (is_full || server->is_stopping || !count_address(server, connection)) {
        connection_close(connection);
        return;
    }
    connection->needs_proxy =
        server->config.has_proxy_protocol && is_trusted(server, &connection->peer);
    connection_begin(connection);
}

enum err_code http_server_start(struct http_server *server, struct err *err)
{
    int code = uv_listen((uv_stream_t *)&server->listener->tcp, BACKLOG, on_connection);

    if (code != 0)
        return err_set(err, ERR_IO, "listen: %s", uv_strerror(code));
    return ERR_OK;
}

void http_server_set_tls(struct http_server *server, struct tls_context *tls)
{
    struct tls_context *old = server->config.tls;

    server->config.tls = tls_ref(tls);
    tls_unref(old);
}

static void close_listener(struct http_server *server)
{
    if (server->listener == NULL)
        return;
    uv_close((uv_handle_t *)&server->listener->tcp, on_listener_closed);
    server->listener = NULL;
}

void http_server_stop(struct http_server *server)
{
    struct connection *next = NULL;

    server->is_stopping = true;
    close_listener(server);
    for (struct connection *connection = server->connections; connection != NULL;
         connection = next) {
        next = connection->next;
        connection->closes = true;
        if (connection->state == CONNECTION_OPENING || connection->state == CONNECTION_HEAD)
            connection_close(connection);
    }
}

size_t http_server_connections(const struct http_server *server)
{
    return server->connection_count;
}

void http_server_free(struct http_server *server)
{
    if (server == NULL)
        return;
    close_listener(server);
    while (server->connections != NULL)
        connection_leave(server->connections);
    tls_unref(server->config.tls);
    table_free(server->per_address);
    buf_done(&server->head);
    free(server);
}
