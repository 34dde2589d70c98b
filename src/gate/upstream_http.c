/*
 * Streamable HTTP towards a server: one POST per message, its answer as JSON or as an event stream.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "gate/upstream_priv.h"
#include "mcp/answer.h"
#include "net/http_client.h"
#include "net/sse.h"

enum {
    MAX_HEADERS = 64,
    MAX_ERROR_BYTES = 65536, /* of the body of an HTTP error */
    MAX_HEADER_BYTES = 65536,
    MAX_OUT_BYTES = 300 << 20,
    KEEP_BYTES = 65536, /* memory that an exchange keeps for the next one */
    KEEP_EXCHANGES = 256,
};

/* What an answer is, once its head is there. */
enum shape { SHAPE_NONE, SHAPE_JSON, SHAPE_EVENTS, SHAPE_ERROR };

struct http_exchange {
    struct http_call call;
    struct http_exchange *next; /* among the free ones */
    struct http_upstream *http;
    struct exchange *exchange; /* NULL: over, what still comes is not looked at */
    struct arena *arena;       /* of the message being read */
    struct buf out;            /* the request's body: it outlives what it was built from */
    struct str out_piece;
    struct http_header headers[MAX_HEADERS];
    char session[UPSTREAM_SESSION_BYTES + 1];
    struct buf in;
    struct sse_parser events;
    bool has_events;
    enum shape shape;
    size_t bytes;
    size_t counted; /* of the process-wide budget */
};

struct http_upstream {
    struct upstream *upstream;
    struct http_pool *pool;
    char host_header[300];
    struct http_exchange *free_exchanges;
    size_t free_count;
};

static void free_exchange(struct http_exchange *x)
{
    arena_free(x->arena);
    buf_done(&x->out);
    buf_done(&x->in);
    if (x->has_events)
        sse_parser_done(&x->events);
    free(x);
}

static struct http_exchange *new_exchange(struct http_upstream *http)
{
    const struct settings *settings = http->upstream->worker->gate->settings;
    struct http_exchange *x = http->free_exchanges;

    if (x != NULL) {
        http->free_exchanges = x->next;
        http->free_count--;
        return x;
    }
    x = calloc(1, sizeof *x);
    if (x == NULL)
        return NULL;
    /* Values are at most as many as bytes, and a value takes a few words. */
    x->arena = arena_new((size_t)settings->result_bytes * 24 + (1 << 20));
    if (x->arena == NULL) {
        free(x);
        return NULL;
    }
    x->http = http;
    buf_init(&x->out, MAX_OUT_BYTES);
    buf_init(&x->in, (size_t)settings->result_bytes);
    return x;
}

static void give_back(struct http_exchange *x)
{
    struct http_upstream *http = x->http;
    struct gate *gate = http->upstream->worker->gate;

    http->upstream->exchanges--;
    atomic_fetch_sub_explicit(&gate->result_bytes_held, x->counted, memory_order_relaxed);
    x->counted = 0;
    if (x->has_events)
        sse_parser_done(&x->events);
    x->has_events = false;
    if (http->free_count >= KEEP_EXCHANGES || x->in.size > KEEP_BYTES || x->out.size > KEEP_BYTES) {
        free_exchange(x);
        return;
    }
    arena_reset(x->arena);
    buf_clear(&x->in);
    buf_clear(&x->out);
    x->shape = SHAPE_NONE;
    x->bytes = 0;
    x->next = http->free_exchanges;
    http->free_exchanges = x;
    http->free_count++;
}

/* The final word: the owner hears it, what is left of the answer is not waited for. */
static void finish(struct http_exchange *x, const struct exchange_end *end)
{
    struct exchange *exchange = MOVE(x->exchange);

    if (exchange != NULL)
        exchange_end(exchange, end);
}

static void fail(struct http_exchange *x, enum exchange_end_kind kind, const char *why)
{
    struct exchange_end end = {.kind = kind, .http_status = x->call.status, .bytes = x->bytes};

    (void)err_set(&end.err, kind == EXCHANGE_TIMEOUT ? ERR_TIMEOUT : ERR_UPSTREAM, "%s", why);
    finish(x, &end);
}

static bool is_answer(const struct http_exchange *x, const struct mcp_message *message)
{
    uint64_t id = 0;

    if (message->kind == MCP_FAILURE && message->id.len == 0)
        return true;
    return (message->kind == MCP_RESPONSE || message->kind == MCP_FAILURE) &&
           message_own_id(message, &id) && id == x->exchange->id;
}

/* Progress must speak of this call; other notifications belong to it because they came with its
 * answer. */
static bool is_of_exchange(const struct http_exchange *x, const struct mcp_message *message)
{
    uint64_t id = 0;

    return !answer_progress_id(message, &id) || id == x->exchange->id;
}

/* One message of the server. False: no valid one. */
static bool on_message(struct http_exchange *x, struct str text)
{
    struct upstream *upstream = x->http->upstream;
    struct mcp_message message;
    struct exchange_end end = {
        .kind = EXCHANGE_ANSWERED, .http_status = x->call.status, .bytes = text.len};

    if (x->exchange == NULL)
        return true;
    arena_reset(x->arena);
    if (message_parse_upstream(text, NULL, x->arena, &message, &end.err) != ERR_OK) {
        fail(x, EXCHANGE_INVALID, end.err.text);
        return false;
    }
    if (is_answer(x, &message)) {
        end.message = &message;
        finish(x, &end);
    } else if (message.kind == MCP_NOTIFICATION) {
        upstream_on_unasked(upstream, &message);
        /* Last: it may cancel the exchange, and with it what the message lies in. */
        if (is_of_exchange(x, &message))
            x->exchange->on_message(x->exchange, &message);
    } else if (message.kind == MCP_REQUEST) {
        upstream_on_unasked(upstream, &message);
    }
    return true;
}

static void on_event(void *ctx, const struct sse_event *event)
{
    struct http_exchange *x = ctx;

    if (event->data.len > 0 && str_eq(event->event, STR("message")))
        (void)on_message(x, event->data);
}

static enum shape shape_of(struct http_exchange *x, const struct mcp_headers *headers)
{
    const struct settings *settings = x->http->upstream->worker->gate->settings;

    if (x->call.status < 200 || x->call.status > 299)
        return SHAPE_ERROR;
    if (headers->has_sse_body) {
        sse_parser_init(&x->events, (size_t)settings->result_bytes);
        x->has_events = true;
        return SHAPE_EVENTS;
    }
    return headers->has_json_body ? SHAPE_JSON : SHAPE_NONE;
}

/* A legacy server names its session with the answer to initialize. */
static void note_session(struct http_exchange *x, const struct mcp_headers *headers)
{
    struct upstream *upstream = x->http->upstream;

    if (upstream->state != UPSTREAM_PROBING || headers->session.ptr == NULL ||
        !header_is_session(headers->session) || headers->session.len > UPSTREAM_SESSION_BYTES)
        return;
    memcpy(upstream->session, headers->session.ptr, headers->session.len);
    upstream->session[headers->session.len] = '\0';
}

static void on_head(struct http_call *call)
{
    struct http_exchange *x = call->ctx;
    struct mcp_header all[MAX_HEADERS];
    struct mcp_headers headers;
    size_t count =
        call->response_header_count < MAX_HEADERS ? call->response_header_count : MAX_HEADERS;

    for (size_t i = 0; i < count; i++)
        all[i] = (struct mcp_header){.name = call->response_headers[i].name,
                                     .value = call->response_headers[i].value};
    header_read(all, count, &headers);
    note_session(x, &headers);
    x->shape = shape_of(x, &headers);
}

/* All calls together may hold so much of what servers send. */
static bool within_budget(struct http_exchange *x, size_t bytes)
{
    struct gate *gate = x->http->upstream->worker->gate;
    uint64_t held =
        atomic_fetch_add_explicit(&gate->result_bytes_held, bytes, memory_order_relaxed);

    x->counted += bytes;
    return held + bytes <= (uint64_t)gate->settings->result_budget_bytes;
}

static void on_data(struct http_call *call, struct str bytes)
{
    struct http_exchange *x = call->ctx;
    bool fits = within_budget(x, bytes.len);

    x->bytes += bytes.len;
    switch (x->shape) {
    case SHAPE_JSON:
        buf_add(&x->in, bytes);
        fits = fits && !x->in.failed;
        break;
    case SHAPE_EVENTS:
        fits = sse_feed(&x->events, bytes, on_event, x) && fits;
        break;
    case SHAPE_ERROR:
        if (x->in.len + bytes.len <= MAX_ERROR_BYTES)
            buf_add(&x->in, bytes);
        break;
    case SHAPE_NONE:
        break;
    }
    if (fits)
        return;
    fail(x, EXCHANGE_INVALID, "the server's answer is larger than what is accepted");
    http_call_cancel(&x->call);
    give_back(x);
}

static void end_error(struct http_exchange *x)
{
    struct upstream *upstream = x->http->upstream;
    struct mcp_message message;
    struct exchange_end end = {
        .kind = EXCHANGE_ANSWERED, .http_status = x->call.status, .bytes = x->bytes};
    char why[64];

    if (x->exchange == NULL)
        return;
    if (x->call.status == 404 && upstream->session[0] != '\0' &&
        upstream->state == UPSTREAM_READY) {
        upstream_lost(upstream);
        fail(x, EXCHANGE_SESSION_LOST, "the server has ended the session");
        return;
    }
    if (x->in.len > 0 &&
        message_parse_upstream(buf_str(&x->in), NULL, x->arena, &message, NULL) == ERR_OK &&
        message.kind == MCP_FAILURE && is_answer(x, &message)) {
        end.message = &message;
        finish(x, &end);
        return;
    }
    (void)snprintf(why, sizeof why, "the server answered with HTTP status %d", x->call.status);
    fail(x, EXCHANGE_HTTP_ERROR, why);
}

static void end_complete(struct http_exchange *x)
{
    struct exchange_end end = {.kind = EXCHANGE_ANSWERED, .http_status = x->call.status};

    if (x->exchange == NULL)
        return;
    if (x->exchange->id == 0) {
        finish(x, &end);
        return;
    }
    switch (x->shape) {
    case SHAPE_JSON:
        if (on_message(x, buf_str(&x->in)) && x->exchange != NULL)
            fail(x, EXCHANGE_INVALID, "the server answered another request");
        break;
    case SHAPE_EVENTS:
        fail(x, EXCHANGE_BROKEN, "the server ended the stream without an answer");
        break;
    case SHAPE_ERROR:
        end_error(x);
        break;
    case SHAPE_NONE:
        fail(x, EXCHANGE_INVALID, "the server's answer is neither JSON nor an event stream");
        break;
    }
}

static void on_done(struct http_call *call, enum http_call_end end, const struct err *err)
{
    struct http_exchange *x = call->ctx;

    switch (end) {
    case HTTP_CALL_OK:
        if (x->shape == SHAPE_ERROR)
            end_error(x);
        else
            end_complete(x);
        break;
    case HTTP_CALL_UNREACHABLE:
        fail(x, EXCHANGE_UNREACHABLE, err->text);
        break;
    case HTTP_CALL_TIMEOUT:
        fail(x, call->was_sent ? EXCHANGE_TIMEOUT : EXCHANGE_UNREACHABLE, err->text);
        break;
    case HTTP_CALL_BROKEN:
        fail(x, call->was_sent ? EXCHANGE_BROKEN : EXCHANGE_UNREACHABLE, err->text);
        break;
    case HTTP_CALL_MALFORMED:
    case HTTP_CALL_TOO_LARGE:
        fail(x, EXCHANGE_INVALID, err->text);
        break;
    }
    give_back(x);
}

/* What MCP adds and the shared credential; nothing of the client's. */
static bool fill_headers(struct http_exchange *x, const struct outgoing *out)
{
    const struct snapshot_server *server = x->http->upstream->server;
    size_t count = 0;

    if (out->header_count + server->header_count > MAX_HEADERS)
        return false;
    for (size_t i = 0; i < out->header_count; i++) {
        struct str value = out->headers[i].value;

        /* The session may be given up while the call waits for a connection. */
        if (value.ptr == x->http->upstream->session) {
            memcpy(x->session, value.ptr, value.len);
            value = str_of(x->session, value.len);
        }
        x->headers[count++] = (struct http_header){.name = out->headers[i].name, .value = value};
    }
    for (size_t i = 0; i < server->header_count; i++)
        x->headers[count++] = (struct http_header){
            .name = server->headers[i].name, .value = secret_reveal(server->headers[i].value)};
    x->call.headers = x->headers;
    x->call.header_count = count;
    return true;
}

static enum err_code http_send(struct upstream *upstream, struct exchange *exchange,
                               const struct outgoing *out, struct err *err)
{
    struct http_upstream *http = upstream->impl;
    struct http_exchange *x = new_exchange(http);

    if (x == NULL)
        return err_set(err, ERR_LIMIT, "memory is out");
    upstream->exchanges++;
    x->exchange = exchange;
    for (size_t i = 0; i < out->piece_count; i++)
        buf_add(&x->out, out->pieces[i]);
    x->out_piece = buf_str(&x->out);
    x->call = (struct http_call){
        .method = STR("POST"),
        .target = upstream->server->url.target,
        .host_header = str_c(http->host_header),
        .pieces = &x->out_piece,
        .piece_count = 1,
        .whole_ms = out->timeout_ms,
        .max_body_bytes = (uint64_t)upstream->worker->gate->settings->result_bytes * 4,
        .on_head = on_head,
        .on_data = on_data,
        .on_done = on_done,
        .ctx = x,
    };
    exchange->upstream = upstream;
    exchange->id = out->id;
    exchange->impl = x;
    enum err_code code = ERR_LIMIT;
    if (x->out.failed || !fill_headers(x, out))
        (void)err_set(err, ERR_LIMIT, "the message is too large for the server");
    else
        code = http_call_start(http->pool, &x->call, err);
    if (code == ERR_OK)
        return ERR_OK;
    x->exchange = NULL;
    exchange->impl = NULL;
    give_back(x);
    return code;
}

static void http_cancel(struct exchange *exchange)
{
    struct http_exchange *x = exchange->impl;

    x->exchange = NULL;
    http_call_cancel(&x->call);
    give_back(x);
}

/* Servers on private networks are an organisation's own; link-local, multicast and unspecified
 * addresses are nobody's server, but the cloud's metadata service among others. */
static bool may_connect(const struct addr *addr, void *ctx)
{
    static const struct addr_net never[] = {
        {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 169, 254}, 112},
        {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0}, 104},
        {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 224}, 99},
        {{0}, 128},
        {{0xfe, 0x80}, 10},
        {{0xff}, 8},
    };

    (void)ctx;
    for (size_t i = 0; i < ARRAY_LEN(never); i++) {
        if (addr_in_net(addr, &never[i]))
            return false;
    }
    return true;
}

static enum err_code http_open(struct upstream *upstream, struct err *err)
{
    struct worker *worker = upstream->worker;
    const struct settings *settings = worker->gate->settings;
    const struct url *url = &upstream->server->url;
    const struct http_pool_config config = {
        .loop = worker->loop,
        .names = worker->names,
        .host = url->host,
        .port = url->port,
        .tls_context = url->is_https ? worker->upstreams->tls : NULL,
        .max_connections = (size_t)settings->upstream_connections,
        .max_waiting = (size_t)settings->upstream_waiting,
        .idle_ms = (uint64_t)settings->upstream_idle_ms,
        .connect_ms = (uint64_t)settings->connect_timeout_ms,
        .max_header_bytes = MAX_HEADER_BYTES,
        .max_headers = MAX_HEADERS,
        .is_allowed = may_connect,
    };

    if (upstream->impl != NULL)
        return ERR_OK;
    struct http_upstream *http = calloc(1, sizeof *http);
    if (http == NULL || (http->pool = http_pool_new(&config)) == NULL) {
        free(http);
        return err_set(err, ERR_LIMIT, "memory is out");
    }
    http->upstream = upstream;
    (void)snprintf(http->host_header, sizeof http->host_header, STR_FMT,
                   STR_ARG(str_from(url->origin, strlen(url->is_https ? "https://" : "http://"))));
    upstream->impl = http;
    return ERR_OK;
}

/* The pool stays while the upstream is down; connections are the pool's own matter. */
static void http_close(struct upstream *upstream)
{
    struct http_upstream *http = upstream->impl;

    upstream->session[0] = '\0';
    if (http == NULL || upstream->exchanges > 0)
        return;
    while (http->free_exchanges != NULL) {
        struct http_exchange *x = http->free_exchanges;

        http->free_exchanges = x->next;
        free_exchange(x);
    }
    http_pool_free(http->pool);
    free(http);
    upstream->impl = NULL;
}

const struct upstream_ops upstream_http_ops = {
    .open = http_open, .send = http_send, .cancel = http_cancel, .close = http_close};
