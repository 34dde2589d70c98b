/*
 * Compose, record, forward: the message as it will go, its entry made durable, and only then the
 * message itself (law 1).
 */
#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "gate/pipeline.h"
#include "gate/settle.h"
#include "gate/worker_priv.h"

static struct call *call_of_wait(struct audit_wait *wait)
{
    return (struct call *)(void *)((char *)wait - offsetof(struct call, wait));
}

static struct call *call_of_waiter(struct upstream_waiter *waiter)
{
    return (struct call *)(void *)((char *)waiter - offsetof(struct call, waiter));
}

static struct call *call_of_exchange(struct exchange *exchange)
{
    return (struct call *)(void *)((char *)exchange - offsetof(struct call, exchange));
}

/* compose */

static enum step_result unavailable(struct call *call, const char *why)
{
    COUNT(call->worker, upstream_failures);
    return call_refuse(call, MCP_ERROR_UPSTREAM, REASON_SERVER_UNAVAILABLE, why);
}

static void on_ready(struct upstream_waiter *waiter, const struct err *why)
{
    struct call *call = call_of_waiter(waiter);

    if (why != NULL) {
        call->upstream = NULL;
        call->why = *why;
    }
    pipeline_resume(call);
}

static enum step_result await_upstream(struct call *call)
{
    const struct snapshot_server *server = call->tool->server;

    if (server->problem.len > 0)
        return unavailable(call, "The server is not set up; its administrator knows why.");
    call->upstream = upstream_get(call->worker, server);
    if (call->upstream == NULL)
        return unavailable(call, "Too many servers.");
    call->waiter.on_ready = on_ready;
    call->is_waiting = true;
    enum err_code code = upstream_await(call->upstream, &call->waiter, &call->why);
    if (code == ERR_BUSY) {
        call->step--; /* comes back to compose */
        return STEP_WAIT;
    }
    call->is_waiting = false;
    return code == ERR_OK ? STEP_NEXT : unavailable(call, call->why.text);
}

/* What the headers say belongs to the tool and to the upstream's session, and both may be gone when
 * the entry is durable: another snapshot, another session. */
static enum err_code keep_headers(struct call *call, struct err *err)
{
    size_t count = call->upstream_header_count;
    struct mcp_header *headers = arena_calloc(call->arena, count + 1, sizeof *headers);

    for (size_t i = 0; headers != NULL && i < count; i++) {
        headers[i].name = arena_dup(call->arena, call->upstream_headers[i].name);
        headers[i].value = arena_dup(call->arena, call->upstream_headers[i].value);
    }
    if (headers == NULL || arena_failed(call->arena))
        return err_set(err, ERR_LIMIT, "request memory is used up");
    call->upstream_headers = headers;
    return ERR_OK;
}

static enum err_code build(struct call *call, struct err *err)
{
    const struct mcp_call what = {
        .message = &call->message,
        .upstream_name = call->tool->name,
        .version = upstream_version(call->upstream),
        .id = call->upstream_id,
    };
    const struct mcp_header_facts facts = {
        .version = what.version,
        .method = STR("tools/call"),
        .name = call->tool->name,
        .session = upstream_session(call->upstream),
        .message = &call->message,
        .facts = &call->tool->mcp.facts,
    };

    buf_clear(&call->head);
    call->pieces.count = 0;
    if (request_call(&what, &call->head, &call->pieces, err) != ERR_OK)
        return err_wrap(err, "compose");
    enum err_code code = request_headers(&facts, call->arena, &call->upstream_headers,
                                         &call->upstream_header_count, err);
    return code == ERR_OK ? keep_headers(call, err) : code;
}

enum step_result step_compose(struct call *call)
{
    struct err err;

    if (call->http == NULL && !call->has_message) {
        call_end(call);
        return STEP_DONE;
    }
    if (call->why.code != ERR_OK && call->upstream == NULL)
        return unavailable(call, call->why.text);
    enum step_result result = await_upstream(call);
    if (result != STEP_NEXT)
        return result;
    call->upstream_id = upstream_next_id(call->upstream);
    if (build(call, &err) != ERR_OK)
        return call_refuse(call, err.code == ERR_LIMIT ? MCP_ERROR_LIMIT : MCP_ERROR_PARAMS,
                           REASON_REQUEST_INVALID, err.text);
    return STEP_NEXT;
}

/* record */

static enum step_result not_recorded(struct call *call, const char *why)
{
    COUNT(call->worker, audit_refusals);
    return call_refuse(call, MCP_ERROR_AUDIT, REASON_AUDIT_UNAVAILABLE, why);
}

static void on_durable(struct audit_wait *wait, enum err_code code, struct receipt *receipt)
{
    struct call *call = call_of_wait(wait);

    call->wait.on_durable = NULL;
    call->receipt = receipt;
    call->has_intent = code == ERR_OK;
    pipeline_resume(call);
}

enum step_result step_record(struct call *call)
{
    struct worker *worker = call->worker;
    struct entry_facts facts;
    struct audit_entry entry = {.kind = AUDIT_INTENT};
    struct err err;

    call->attempt++;
    call_fill_entry(call, &entry, &facts);
    entry.arguments = message_arguments(&call->message);
    entry.argument_bytes = entry.arguments.len;
    entry.argument_count = call->argument_count;
    entry.upstream_protocol = str_c(version_word(upstream_version(call->upstream)));
    call->wait.on_durable = on_durable;
    call->is_waiting = true;
    if (audit_port_add(worker->port, &entry, call->data_key, &call->wait, &err) == ERR_OK)
        return STEP_WAIT;
    call->is_waiting = false;
    call->wait.on_durable = NULL;
    return not_recorded(call,
                        "The call can't be recorded now, so it was not made; try again later.");
}

/* forward */

/* The world may have changed while the entry was written: then the call is decided again on what
 * holds now. False: it may not go any more. */
static bool still_allowed(struct call *call)
{
    struct worker *worker = call->worker;
    const struct snapshot_tool *old = call->tool;

    if (call->caller.expires_us != 0 && call->caller.expires_us <= clock_wall_us())
        return false;
    if (call->snapshot == worker->snapshot)
        return true;
    struct snapshot *before = call->snapshot;
    bool is_known =
        token_table_has(snapshot_tokens(worker->snapshot), &call->caller, clock_wall_us());
    const struct snapshot_server *server =
        snapshot_find_server_id(worker->snapshot, old->server->id);
    const struct snapshot_tool *tool =
        server == NULL ? NULL : snapshot_find_tool(worker->snapshot, server, old->name);
    if (!is_known || tool == NULL || memcmp(tool->hash, old->hash, sizeof old->hash) != 0 ||
        server->address_hash != old->server->address_hash)
        return false;
    struct caller caller;
    if (!caller_dup(call->arena, &call->caller, &caller))
        return false;
    token_table_take_groups(snapshot_tokens(worker->snapshot), &caller);
    call->caller = caller;
    call->snapshot = snapshot_ref(worker->snapshot);
    call->tool = tool;
    call->endpoint = call->endpoint == NULL ? NULL : server;
    call_decide(call);
    snapshot_unref(before);
    return call->verdict.decision == DECISION_ALLOW;
}

static void on_message(struct exchange *exchange, const struct mcp_message *message)
{
    struct call *call = call_of_exchange(exchange);
    const struct mcp_relay_facts facts = {.call = call->has_message ? &call->message : NULL,
                                          .era = call->terms.era};
    struct mcp_pieces pieces = {.count = 0};

    if (call->http == NULL || answer_relay(message, &facts) != MCP_RELAY_PASS)
        return;
    if (answer_notification(message, &facts, &pieces, NULL) == ERR_OK)
        (void)call_stream(call, &pieces);
}

static void on_end(struct exchange *exchange, const struct exchange_end *end)
{
    struct call *call = call_of_exchange(exchange);

    settle_on_end(call, end);
    pipeline_resume(call);
}

/* Recorded, but it does not go: settled as not sent. */
static enum step_result hold_back(struct call *call, enum mcp_error error, const char *why)
{
    receipt_freep(&call->receipt);
    call->outcome = OUTCOME_NOT_SENT;
    (void)err_set(&call->why, ERR_DENIED, "%s", why);
    call_write_error(call, error, why, NULL, NULL);
    return STEP_NEXT;
}

/* 0: a receipt that comes when the call's time is over is never used. */
static uint64_t time_left_ms(const struct call *call, uint64_t now_us)
{
    uint64_t may_ms = (uint64_t)call->worker->gate->settings->call_timeout_ms;
    uint64_t took_ms = (now_us - call->begun_us) / 1000;

    return took_ms < may_ms ? may_ms - took_ms : 0;
}

enum step_result step_forward(struct call *call)
{
    uint64_t now_us = clock_mono_us();
    uint64_t left_ms = time_left_ms(call, now_us);
    struct err err;

    if (!call->has_intent)
        return not_recorded(call,
                            "The call could not be recorded, so it was not made; try again later.");
    if (call->http == NULL || call->is_cancelled)
        return hold_back(call, MCP_ERROR_CANCELLED,
                         "the client went away before the call was sent");
    if (!still_allowed(call))
        return hold_back(call, MCP_ERROR_DENIED,
                         "What this caller may do has changed; the call was not made.");
    if (left_ms == 0)
        return hold_back(call, MCP_ERROR_TIMEOUT,
                         "The call's time was over before it could be sent; it was not made.");
    const struct upstream_call what = {
        .call_id = &call->id,
        .server_id = call->tool->server->id,
        .method = STR("tools/call"),
        .upstream_name = call->tool->name,
        .arguments = message_arguments(&call->message),
        .id = call->upstream_id,
        .pieces = &call->pieces,
        .headers = call->upstream_headers,
        .header_count = call->upstream_header_count,
        .timeout_ms = (uint32_t)left_ms,
    };
    call->exchange.on_message = on_message;
    call->exchange.on_end = on_end;
    assert(call->receipt != NULL);
    receipt_result_key(call->receipt, call->result_key);
    call->is_waiting = true;
    call->sent_us = now_us;
    if (upstream_call(call->upstream, &call->exchange, &call->receipt, &what, &err) == ERR_OK)
        return STEP_WAIT;
    call->is_waiting = false;
    call->sent_us = 0;
    return hold_back(call, MCP_ERROR_UPSTREAM, err.text);
}
