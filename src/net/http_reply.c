#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "net/http_server_priv.h"

/* RFC 9110 §5.6.7, made once a second. */
static struct str date_of(struct http_server *server)
{
    uint64_t now = loop_now_us(server->config.loop);
    struct tm tm;

    if (server->date_us == 0 || now - server->date_us >= 1000000) {
        time_t seconds = (time_t)(clock_wall_us() / 1000000);

        (void)gmtime_r(&seconds, &tm);
        (void)strftime(server->date, sizeof server->date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
        server->date_us = now;
    }
    return str_c(server->date);
}

static void add_header(struct buf *head, struct str name, struct str value)
{
    buf_add(head, name);
    buf_add(head, STR(": "));
    buf_add(head, value);
    buf_add(head, STR("\r\n"));
}

static void write_head(struct connection *connection, int status, const struct http_header *headers,
                       size_t count, const char *framing, size_t length)
{
    struct buf *head = &connection->server->head;
    const char *text = http_status_text(status);

    buf_clear(head);
    buf_add(head, STR("HTTP/1.1 "));
    buf_add_u64(head, (uint64_t)status);
    buf_add_byte(head, ' ');
    buf_add_c(head, text);
    buf_add(head, STR("\r\n"));
    add_header(head, STR("Date"), date_of(connection->server));
    for (size_t i = 0; i < count; i++)
        add_header(head, headers[i].name, headers[i].value);
    buf_add_c(head, framing);
    if (framing[0] == 'C') {
        buf_add_u64(head, length);
        buf_add(head, STR("\r\n"));
    }
    if (connection->closes)
        buf_add(head, STR("Connection: close\r\n"));
    buf_add(head, STR("\r\n"));
}

/* False: the client has gone; the stream tells so by itself. */
static bool send_pieces(struct connection *connection, const struct str *pieces, size_t count)
{
    if (connection->stream == NULL || !stream_write(connection->stream, pieces, count))
        return false;
    if (stream_queued_bytes(connection->stream) > 0)
        connection_start_stall(connection);
    return true;
}

static void end_reply(struct http_request *request)
{
    request->phase = REPLY_PHASE_ENDED;
    connection_next(request->connection);
}

void http_reply(struct http_request *request, int status, const struct http_header *headers,
                size_t count, struct str body)
{
    struct connection *connection = request->connection;
    bool is_head = str_eq(request->head->method, STR("HEAD"));

    /* The client waits with a body that nobody wants. */
    if (connection->state == CONNECTION_BODY && request->head->expects_continue)
        connection->closes = true;
    write_head(connection, status, headers, count,
               status == 204 ? "" : "Content-Length: ", body.len);
    const struct str pieces[] = {buf_str(&connection->server->head), is_head ? STR_NONE : body};
    if (connection->server->head.failed ||
        !send_pieces(connection, pieces, body.len > 0 && !is_head ? 2 : 1))
        connection->closes = true;
    end_reply(request);
}

void http_reply_start(struct http_request *request, int status, const struct http_header *headers,
                      size_t count)
{
    struct connection *connection = request->connection;

    if (request->head->is_1_0)
        connection->closes = true;
    write_head(connection, status, headers, count,
               request->head->is_1_0 ? "" : "Transfer-Encoding: chunked\r\n", 0);
    const struct str piece = buf_str(&connection->server->head);
    request->phase = REPLY_PHASE_PARTS;
    (void)send_pieces(connection, &piece, 1);
}

bool http_reply_data(struct http_request *request, struct str data)
{
    char size[24];
    struct str pieces[3] = {STR_NONE, data, STR("\r\n")};

    if (data.len == 0)
        return true;
    if (request->head->is_1_0)
        return send_pieces(request->connection, &data, 1);
    int len = snprintf(size, sizeof size, "%zx\r\n", data.len);
    pieces[0] = str_of(size, (size_t)len);
    return send_pieces(request->connection, pieces, 3);
}

void http_reply_end(struct http_request *request)
{
    static const struct str last = STR_INIT("0\r\n\r\n");

    if (!request->head->is_1_0)
        (void)send_pieces(request->connection, &last, 1);
    end_reply(request);
}

void http_reply_abort(struct http_request *request)
{
    connection_close(request->connection);
}

size_t http_request_queued_bytes(const struct http_request *request)
{
    return request->connection->stream == NULL ? 0
                                               : stream_queued_bytes(request->connection->stream);
}

void *http_request_ctx(const struct http_request *request)
{
    return request->connection->server->config.ctx;
}

void *http_request_app(const struct http_request *request)
{
    return request->app;
}

void http_request_set_app(struct http_request *request, void *app)
{
    request->app = app;
}

struct str http_request_method(const struct http_request *request)
{
    return request->head->method;
}

struct str http_request_path(const struct http_request *request)
{
    return request->path;
}

struct str http_request_query(const struct http_request *request)
{
    return request->query;
}

const struct http_header *http_request_headers(const struct http_request *request,
                                               size_t *ret_count)
{
    *ret_count = request->head->header_count;
    return request->head->headers;
}

struct str http_request_header(const struct http_request *request, struct str name)
{
    return http_find_header(request->head->headers, request->head->header_count, name);
}

bool http_request_has_twice(const struct http_request *request, struct str name)
{
    size_t found = 0;

    for (size_t i = 0; i < request->head->header_count; i++)
        found += str_eq_nocase(request->head->headers[i].name, name);
    return found > 1;
}

struct str http_request_body(const struct http_request *request)
{
    return buf_str(&request->connection->body);
}

struct addr http_request_peer(const struct http_request *request)
{
    return request->connection->peer;
}
