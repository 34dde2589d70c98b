#include "gate/upstream.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/rand.h"
#include "gate/upstream_priv.h"
#include "mcp/answer.h"
#include "mcp/reply.h"

enum {
    FIRST_RETRY_MS = 200,
    MAX_RETRY_MS = 30000,
    HEALTHY_MS = 30000,
    MAX_CONTROL_BYTES = 65536,
    RETIRE_CHECK_MS = 1000,
};

void upstream_set_state(struct upstream *upstream, enum upstream_state state)
{
    static const unsigned from[] = {
        [UPSTREAM_NEW] = 1u << UPSTREAM_READY | 1u << UPSTREAM_DOWN | 1u << UPSTREAM_NEW,
        [UPSTREAM_PROBING] = 1u << UPSTREAM_NEW,
        [UPSTREAM_READY] = 1u << UPSTREAM_PROBING,
        [UPSTREAM_DOWN] = 1u << UPSTREAM_PROBING,
    };

    assert((from[state] & 1u << upstream->state) != 0);
    upstream->state = state;
}

/* Exchanges. */

void exchange_end(struct exchange *exchange, const struct exchange_end *end)
{
    exchange->impl = NULL;
    exchange->on_end(exchange, end);
}

void exchange_fail(struct exchange *exchange, enum exchange_end_kind kind, int status,
                   const char *fmt, ...)
{
    struct exchange_end end = {.kind = kind, .http_status = status};
    char text[ERR_TEXT_BYTES];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    (void)err_set(&end.err, kind == EXCHANGE_TIMEOUT ? ERR_TIMEOUT : ERR_UPSTREAM, "%s", text);
    exchange_end(exchange, &end);
}

enum err_code upstream_send(struct upstream *upstream, struct exchange *exchange,
                            const struct outgoing *out, struct err *err)
{
    return upstream->ops->send(upstream, exchange, out, err);
}

/* Readiness. */

/* One by one: what one of them does may end the wait of another. */
static void wake_waiters(struct upstream *upstream, const struct err *why)
{
    while (upstream->waiters != NULL) {
        struct upstream_waiter *waiter = upstream->waiters;

        upstream->waiters = waiter->next;
        waiter->upstream = NULL;
        waiter->next = NULL;
        waiter->on_ready(waiter, why);
    }
}

static void go_down(struct upstream *upstream, const struct err *why)
{
    uint64_t now = loop_now_us(upstream->worker->loop);
    uint64_t ran_ms = upstream->ready_us == 0 ? 0 : (now - upstream->ready_us) / 1000;
    uint64_t wait_ms = backoff_next_ms(&upstream->backoff, ran_ms, (uint32_t)rand_u64());

    upstream->ready_us = 0;
    upstream->retry_us = now + wait_ms * 1000;
    upstream->down = *why;
    upstream->ops->close(upstream);
    upstream_set_state(upstream, UPSTREAM_DOWN);
    log_event(LOG_WARN, "upstream_down", LOG_STR("server", upstream->server->name), LOG_ERR(why),
              LOG_INT("retry_ms", wait_ms));
    wake_waiters(upstream, &upstream->down);
}

void upstream_pause(struct upstream *upstream, const char *why)
{
    struct err err;

    if (upstream->state != UPSTREAM_NEW)
        return;
    (void)err_set(&err, ERR_UNAVAILABLE, "%s", why);
    upstream_set_state(upstream, UPSTREAM_PROBING);
    go_down(upstream, &err);
}

static void become_ready(struct upstream *upstream)
{
    upstream->version = upstream->probe.version;
    upstream->ready_us = loop_now_us(upstream->worker->loop);
    upstream_set_state(upstream, UPSTREAM_READY);
    log_event(LOG_INFO, "upstream_ready", LOG_STR("server", upstream->server->name),
              LOG_C("protocol", version_word(upstream->version)),
              LOG_C("name", upstream->probe.server_name));
    /* It was not asked for its tools while it was not there. */
    if (upstream->is_asleep)
        worker_discover(upstream->worker, upstream->server_id, true);
    upstream->is_asleep = false;
    wake_waiters(upstream, NULL);
}

void upstream_told(struct upstream *upstream, enum mcp_version version, const struct err *why)
{
    if (why != NULL) {
        go_down(upstream, why);
        return;
    }
    upstream->probe.version = version;
    become_ready(upstream);
}

void upstream_lost(struct upstream *upstream)
{
    upstream->session[0] = '\0';
    if (upstream->state == UPSTREAM_READY)
        upstream_set_state(upstream, UPSTREAM_NEW);
}

bool upstream_is_asleep(const struct upstream *upstream)
{
    return upstream->is_asleep && upstream->state == UPSTREAM_NEW;
}

static void probe_on(struct upstream *upstream);

static void on_probe_end(struct exchange *exchange, const struct exchange_end *end)
{
    struct upstream *upstream =
        (struct upstream *)(void *)((char *)exchange - offsetof(struct upstream, control));
    struct err err = end->err;
    enum err_code code = ERR_OK;

    if (upstream->is_ending)
        return;
    if (upstream->probe.state == PROBE_CONFIRMING) {
        probe_on_confirmed(&upstream->probe);
    } else if (end->kind == EXCHANGE_ANSWERED) {
        code = probe_on_answer(&upstream->probe, end->http_status, end->message, &err);
    } else if (end->kind == EXCHANGE_TIMEOUT) {
        code = probe_on_silence(&upstream->probe, &err);
    } else if (end->kind == EXCHANGE_HTTP_ERROR || end->kind == EXCHANGE_INVALID ||
               end->kind == EXCHANGE_SESSION_LOST) {
        code = probe_on_answer(&upstream->probe, end->http_status, NULL, &err);
    } else {
        code = probe_on_gone(&upstream->probe, &err);
        /* The transport knows better why. */
        if (code != ERR_OK)
            err = end->err;
    }
    if (code != ERR_OK)
        go_down(upstream, &err);
    else
        probe_on(upstream);
}

static void on_control_message(struct exchange *exchange, const struct mcp_message *message)
{
    (void)exchange;
    (void)message;
}

/* The next word of the probe. */
static void probe_on(struct upstream *upstream)
{
    struct mcp_control_request request = {.id = upstream_next_id(upstream)};
    struct err err;

    switch (probe_next(&upstream->probe, &request.control, &request.version)) {
    case PROBE_WAIT:
        return;
    case PROBE_END:
        if (upstream->probe.state == PROBE_DONE) {
            become_ready(upstream);
        } else {
            (void)err_set(&err, ERR_UPSTREAM, "the server speaks no MCP that is known");
            go_down(upstream, &err);
        }
        return;
    case PROBE_SEND:
        break;
    }
    if (upstream->probe.needs_new_process) {
        upstream->probe.needs_new_process = false;
        upstream->ops->close(upstream);
        if (upstream->ops->open(upstream, &err) != ERR_OK) {
            go_down(upstream, &err);
            return;
        }
    }
    if (request.control == MCP_CONTROL_INITIALIZED)
        request.id = 0;
    if (upstream_control(upstream, &upstream->control, &request, &err) != ERR_OK)
        go_down(upstream, &err);
}

static void start_probe(struct upstream *upstream)
{
    struct err err;

    upstream_set_state(upstream, UPSTREAM_PROBING);
    upstream->control.on_end = on_probe_end;
    upstream->control.on_message = on_control_message;
    probe_init(&upstream->probe, upstream->server->kind == SERVER_URL ? PROBE_HTTP : PROBE_STDIO);
    if (upstream->ops->open(upstream, &err) != ERR_OK)
        go_down(upstream, &err);
    else if (!upstream->ops->is_remote)
        probe_on(upstream);
}

static void add_waiter(struct upstream *upstream, struct upstream_waiter *waiter)
{
    waiter->upstream = upstream;
    waiter->next = upstream->waiters;
    upstream->waiters = waiter;
}

enum err_code upstream_await(struct upstream *upstream, struct upstream_waiter *waiter,
                             struct err *err)
{
    uint64_t now = loop_now_us(upstream->worker->loop);

    if (!waiter->is_discovery)
        upstream->used_us = now;
    if (upstream->state == UPSTREAM_READY)
        return ERR_OK;
    if (upstream->state == UPSTREAM_DOWN && now < upstream->retry_us) {
        *err = upstream->down;
        return ERR_UPSTREAM;
    }
    if (upstream->state == UPSTREAM_DOWN)
        upstream_set_state(upstream, UPSTREAM_NEW);
    if (upstream->state == UPSTREAM_NEW)
        start_probe(upstream);
    if (upstream->state == UPSTREAM_READY)
        return ERR_OK;
    if (upstream->state == UPSTREAM_DOWN) {
        *err = upstream->down;
        return ERR_UPSTREAM;
    }
    add_waiter(upstream, waiter);
    return ERR_BUSY;
}

void upstream_stop_waiting(struct upstream_waiter *waiter)
{
    struct upstream_waiter **link = NULL;

    if (waiter->upstream == NULL)
        return;
    for (link = &waiter->upstream->waiters; *link != waiter; link = &(*link)->next)
        continue;
    *link = waiter->next;
    waiter->upstream = NULL;
}

enum mcp_version upstream_version(const struct upstream *upstream)
{
    return upstream->version;
}

struct str upstream_session(const struct upstream *upstream)
{
    return upstream->session[0] == '\0' ? STR_NONE : str_c(upstream->session);
}

/* Ids of all workers are apart, since they may meet in one process. */
uint64_t upstream_next_id(struct upstream *upstream)
{
    struct gate *gate = upstream->worker->gate;

    return ++upstream->last_id * gate->worker_count + upstream->worker->index;
}

/* Control messages. */

static enum err_code send_control(struct upstream *upstream, struct exchange *exchange,
                                  struct str body, const struct mcp_control_request *request,
                                  struct arena *arena, struct err *err)
{
    const struct mcp_header_facts facts = {
        .version = request->version,
        .method = str_c(request_control_method(request->control)),
        .session = upstream_session(upstream),
        .is_initialize = request->control == MCP_CONTROL_INITIALIZE,
    };
    struct outgoing out = {
        .pieces = &body,
        .piece_count = 1,
        .id = request->id,
        .timeout_ms = (uint64_t)upstream->worker->gate->settings->probe_timeout_ms,
    };

    if (request_headers(&facts, arena, &out.headers, &out.header_count, err) != ERR_OK)
        return err_wrap(err, request_control_method(request->control));
    return upstream_send(upstream, exchange, &out, err);
}

enum err_code upstream_control(struct upstream *upstream, struct exchange *exchange,
                               const struct mcp_control_request *request, struct err *err)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(MAX_CONTROL_BYTES);
    CLEANUP(buf_done) struct buf body;
    enum err_code code = ERR_LIMIT;

    buf_init(&body, MAX_CONTROL_BYTES);
    request_control(&body, request);
    if (arena == NULL || body.failed)
        code = err_set(err, ERR_LIMIT, "memory is out");
    else
        code = send_control(upstream, exchange, buf_str(&body), request, arena, err);
    return code;
}

/* Fire and forget: the exchange frees itself. */
struct saying {
    struct exchange exchange;
};

static void on_said(struct exchange *exchange, const struct exchange_end *end)
{
    (void)end;
    free((struct saying *)(void *)exchange);
}

static void say(struct upstream *upstream, struct str body,
                const struct mcp_control_request *request)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(MAX_CONTROL_BYTES);
    struct saying *saying = calloc(1, sizeof *saying);
    struct err err;

    if (saying == NULL || arena == NULL) {
        free(saying);
        return;
    }
    saying->exchange.on_end = on_said;
    saying->exchange.on_message = on_control_message;
    if (send_control(upstream, &saying->exchange, body, request, arena, &err) != ERR_OK)
        free(saying);
}

void upstream_say_cancelled(struct upstream *upstream, uint64_t id, struct str reason)
{
    const struct mcp_control_request request = {
        .control = MCP_CONTROL_CANCELLED, .version = upstream->version, .id = id, .reason = reason};
    struct mcp_control_request envelope = request;
    CLEANUP(buf_done) struct buf body;

    buf_init(&body, MAX_CONTROL_BYTES);
    request_control(&body, &request);
    envelope.id = 0; /* no answer follows */
    if (!body.failed)
        say(upstream, buf_str(&body), &envelope);
}

/* A request of the server to the client, outside of what is served. */
static void answer_request(struct upstream *upstream, const struct mcp_message *message,
                           enum mcp_relay relay)
{
    const struct mcp_control_request envelope = {.control = MCP_CONTROL_PING,
                                                 .version = upstream->version};
    const struct mcp_error_body refusal = {.error = MCP_ERROR_METHOD, .id = message->id};
    CLEANUP(buf_done) struct buf body;

    buf_init(&body, MAX_CONTROL_BYTES);
    if (relay == MCP_RELAY_ANSWER_EMPTY)
        reply_empty(&body, message->id, MCP_LEGACY);
    else
        error_write(&body, MCP_LEGACY, &refusal);
    if (!body.failed)
        say(upstream, buf_str(&body), &envelope);
}

void upstream_on_unasked(struct upstream *upstream, const struct mcp_message *message)
{
    const struct mcp_relay_facts facts = {.call = NULL};
    enum mcp_relay relay = answer_relay(message, &facts);

    switch (relay) {
    case MCP_RELAY_TOOLS_CHANGED:
        worker_discover(upstream->worker, upstream->server_id, true);
        break;
    case MCP_RELAY_ANSWER_EMPTY:
    case MCP_RELAY_REFUSE:
        answer_request(upstream, message, relay);
        break;
    case MCP_RELAY_DROP:
    case MCP_RELAY_PASS:
        break;
    }
}

/* Governed messages. */

enum err_code upstream_call(struct upstream *upstream, struct exchange *exchange,
                            struct receipt **receipt, const struct upstream_call *call,
                            struct err *err)
{
    const struct outgoing out = {
        .pieces = call->pieces->piece,
        .piece_count = call->pieces->count,
        .headers = call->headers,
        .header_count = call->header_count,
        .id = call->id,
        .timeout_ms = call->timeout_ms,
    };

    if (upstream->ops->is_remote)
        return upstream_remote_call(upstream, exchange, receipt, call, err);
    if (!receipt_spend(receipt, call->call_id, (uint64_t)call->server_id, call->method,
                       call->upstream_name, call->arguments))
        return err_set(err, ERR_INTERNAL, "the call differs from its record; it was not sent");
    if (upstream->state != UPSTREAM_READY)
        return err_set(err, ERR_UNAVAILABLE, "the server went away before the call was sent");
    return upstream_send(upstream, exchange, &out, err);
}

void exchange_cancel(struct exchange *exchange, struct str reason)
{
    struct upstream *upstream = exchange->upstream;
    uint64_t id = exchange->id;

    if (exchange->impl == NULL)
        return;
    upstream->ops->cancel(exchange);
    exchange->impl = NULL;
    if (!upstream->ops->is_remote && upstream->state == UPSTREAM_READY && id != 0 &&
        (version_era(upstream->version) == MCP_LEGACY || upstream->server->kind == SERVER_PROGRAM))
        upstream_say_cancelled(upstream, id, reason);
}

/* All of a worker. */

static const struct upstream_ops *ops_for(const struct worker *worker,
                                          const struct snapshot_server *server)
{
    if (server->kind == SERVER_URL)
        return &upstream_http_ops;
    return (uint64_t)server->id % worker->gate->worker_count == worker->index
               ? &upstream_stdio_ops
               : &upstream_remote_ops;
}

static void on_retire(struct loop_timer *timer);

static struct upstream *find(struct worker *worker, int64_t server_id)
{
    for (struct upstream *upstream = worker->upstreams->first; upstream != NULL;
         upstream = upstream->next) {
        if (upstream->server_id == server_id && !upstream->is_retired)
            return upstream;
    }
    return NULL;
}

struct upstream *upstream_get(struct worker *worker, const struct snapshot_server *server)
{
    struct upstream *upstream = find(worker, server->id);

    if (upstream != NULL && upstream->address_hash == server->address_hash)
        return upstream;
    /* The worker's own snapshot holds what the upstream borrows. */
    server = snapshot_find_server_id(worker->snapshot, server->id);
    if (upstream != NULL || server == NULL || server->problem.len > 0)
        return NULL;
    upstream = calloc(1, sizeof *upstream);
    if (upstream == NULL)
        return NULL;
    upstream->worker = worker;
    upstream->server_id = server->id;
    upstream->address_hash = server->address_hash;
    upstream->snapshot = snapshot_ref(worker->snapshot);
    upstream->server = server;
    upstream->ops = ops_for(worker, server);
    backoff_init(&upstream->backoff, FIRST_RETRY_MS, MAX_RETRY_MS, HEALTHY_MS);
    loop_timer_init(&upstream->retire, worker->loop, on_retire);
    upstream->next = worker->upstreams->first;
    worker->upstreams->first = upstream;
    return upstream;
}

static void free_upstream(struct upstream *upstream)
{
    struct upstream **link = &upstream->worker->upstreams->first;
    struct err why;

    while (*link != upstream)
        link = &(*link)->next;
    *link = upstream->next;
    loop_timer_stop(&upstream->retire);
    upstream->is_ending = true;
    upstream->ops->close(upstream);
    (void)err_set(&why, ERR_UNAVAILABLE, "the server is given up");
    wake_waiters(upstream, &why);
    snapshot_unref(upstream->snapshot);
    free(upstream);
}

/* Calls that are under way at an old address end there. */
static void on_retire(struct loop_timer *timer)
{
    struct upstream *upstream =
        (struct upstream *)(void *)((char *)timer - offsetof(struct upstream, retire));

    if (upstream->exchanges == 0 && upstream->waiters == NULL &&
        upstream->state != UPSTREAM_PROBING)
        free_upstream(upstream);
    else
        (void)loop_timer_start(timer, RETIRE_CHECK_MS);
}

static void retire(struct upstream *upstream)
{
    struct err why;

    upstream->is_retired = true;
    (void)err_set(&why, ERR_UNAVAILABLE, "the server's address has changed");
    wake_waiters(upstream, &why);
    (void)loop_timer_start(&upstream->retire, RETIRE_CHECK_MS);
}

void upstreams_adopt(struct worker *worker, const struct snapshot *snapshot)
{
    for (struct upstream *upstream = worker->upstreams->first; upstream != NULL;
         upstream = upstream->next) {
        const struct snapshot_server *server =
            snapshot_find_server_id(snapshot, upstream->server_id);

        if (upstream->is_retired)
            continue;
        if (server == NULL || server->address_hash != upstream->address_hash ||
            server->problem.len > 0) {
            retire(upstream);
            continue;
        }
        /* The old snapshot goes with its last reader. */
        struct snapshot *old = upstream->snapshot;
        upstream->snapshot = snapshot_ref(worker->snapshot);
        upstream->server = server;
        snapshot_unref(old);
    }
}

void upstreams_free(struct worker *worker)
{
    if (worker->upstreams == NULL)
        return;
    while (worker->upstreams->first != NULL)
        free_upstream(worker->upstreams->first);
    tls_unref(worker->upstreams->tls);
    free(worker->upstreams);
    worker->upstreams = NULL;
}
