#include "gate/call.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/jsonw.h"
#include "base/log.h"
#include "gate/listening.h"
#include "gate/pipeline.h"
#include "gate/subject.h"
#include "gate/worker_priv.h"
#include "net/sse.h"

enum {
    KEEP_FREE = 256,             /* calls kept for reuse, with their memory */
    MAX_HEAD_BYTES = 256 << 10,  /* of what is written anew towards upstream */
    MAX_STREAM_QUEUED = 1 << 20, /* a client that reads slower loses progress, not the result */
};

static struct call *take_free(struct worker *worker)
{
    struct call *call = worker->free_calls;
    const struct settings *settings = worker->gate->settings;

    if (call != NULL) {
        worker->free_calls = call->next;
        return call;
    }
    call = calloc(1, sizeof *call);
    if (call == NULL)
        return NULL;
    call->arena = arena_new((size_t)settings->request_memory_bytes);
    if (call->arena == NULL) {
        free(call);
        return NULL;
    }
    buf_init(&call->head, MAX_HEAD_BYTES);
    buf_init(&call->reply, (size_t)settings->result_bytes + MAX_HEAD_BYTES);
    return call;
}

struct call *call_new(struct worker *worker, struct http_request *http)
{
    struct call *call = NULL;

    if (worker->call_count >= (size_t)worker->gate->settings->calls_in_flight)
        return NULL;
    call = take_free(worker);
    if (call == NULL)
        return NULL;
    call->worker = worker;
    call->http = http;
    call->next = worker->calls;
    call->prev = NULL;
    if (worker->calls != NULL)
        worker->calls->prev = call;
    worker->calls = call;
    worker->call_count++;
    call->started_us = clock_wall_us();
    call->begun_us = clock_mono_us();
    call->id = uuid_v7(call->started_us);
    uuid_format(&call->id, call->id_text);
    call->snapshot = snapshot_ref(worker->snapshot);
    call->reply_status = 200;
    return call;
}

/* Back to the state of call_new(), keeping memory. */
static void recycle(struct call *call)
{
    struct worker *worker = call->worker;
    struct arena *arena = call->arena;
    struct buf head = call->head;
    struct buf reply = call->reply;
    uint64_t generation = call->generation;

    arena_reset(arena);
    buf_clear(&head);
    buf_clear(&reply);
    *call =
        (struct call){.arena = arena, .head = head, .reply = reply, .generation = generation + 1};
    call->next = worker->free_calls;
    worker->free_calls = call;
}

void call_free(struct call *call)
{
    buf_done(&call->head);
    buf_done(&call->reply);
    arena_free(call->arena);
    free(call);
}

void call_end(struct call *call)
{
    struct worker *worker = call->worker;

    call->is_over = true;
    if (call->is_running)
        return;
    if (call->http != NULL)
        http_request_set_app(call->http, NULL);
    upstream_stop_waiting(&call->waiter);
    receipt_freep(&call->receipt);
    crypto_wipe(call->result_key, sizeof call->result_key);
    snapshot_unref(call->snapshot);
    if (call->prev != NULL)
        call->prev->next = call->next;
    else
        worker->calls = call->next;
    if (call->next != NULL)
        call->next->prev = call->prev;
    worker->call_count--;
    /* A large result leaves with its call. */
    if (worker->call_count >= KEEP_FREE || call->reply.size > MAX_STREAM_QUEUED)
        call_free(call);
    else
        recycle(call);
}

void call_abandon(struct call *call)
{
    struct worker *worker = call->worker;

    call->http = NULL;
    call->has_message = false;
    if (call->exchange.impl != NULL)
        exchange_cancel(&call->exchange, STR("the gateway stops"));
    if (call->wait.on_durable != NULL)
        audit_wait_cancel(worker->port, &call->wait);
    call_end(call);
}

/* Not yet sent: forward will hold it back. Sent: the server is told, and the outcome is recorded.
 */
static void cancel(struct call *call, struct str why)
{
    call->is_cancelled = true;
    if (call->sent_us == 0 || call->exchange.impl == NULL)
        return;
    exchange_cancel(&call->exchange, why);
    call->outcome = OUTCOME_CANCELLED;
    if (call->http != NULL)
        call_write_error(call, MCP_ERROR_CANCELLED, "The call was cancelled.", NULL, NULL);
    pipeline_resume(call);
}

/* MCP 2026-07-28: closing the stream cancels. Legacy: it does not, only notifications/cancelled
 * does; but what was not yet sent has no one left to send it for. */
void call_on_client_gone(struct call *call)
{
    call->http = NULL;
    call->has_message = false;
    if (call->reply_state == REPLY_SENT || call->is_over)
        return;
    if (!call->has_intent && call->receipt == NULL && call->sent_us == 0 &&
        call->wait.on_durable == NULL && call->key_job.run == NULL) {
        call_end(call);
        return;
    }
    if (call->sent_us == 0 || call->terms.era == MCP_MODERN)
        cancel(call, STR("the client went away"));
}

void call_cancel(struct call *call)
{
    cancel(call, STR("the client cancelled"));
}

static void fill_message(struct call *call, struct audit_entry *entry)
{
    const struct mcp_message *message = &call->message;

    entry->method = message->method_name;
    entry->request_id = message->id;
    entry->trace_id =
        message->traceparent.len >= 35 ? str_of(message->traceparent.ptr + 3, 32) : STR_NONE;
    if (message->name.ptr != NULL)
        entry->requested_name = message->name;
    if (message->arguments != JSON_NONE && message->method == MCP_TOOLS_CALL) {
        entry->arguments = message_arguments(message);
        entry->argument_count = message_argument_count(message);
        entry->argument_bytes = entry->arguments.len;
    }
}

static void fill_tool(const struct call *call, struct audit_entry *entry)
{
    const struct snapshot_tool *tool = call->tool;

    entry->server_id = (uint64_t)tool->server->id;
    entry->server = tool->server->name;
    entry->tool = tool->name;
    entry->exposed_name = call->endpoint == NULL ? tool->exposed : tool->name;
    entry->requested_name = STR_NONE;
    entry->definition_hash = str_of((const char *)tool->hash, sizeof tool->hash);
    entry->category = str_c(category_word(tool->category));
}

static void fill_verdict(const struct call *call, struct audit_entry *entry)
{
    const struct policy_verdict *verdict = &call->verdict;

    entry->decision = str_c(decision_word(verdict->decision));
    entry->reason = str_c(reason_word(verdict->reason));
    entry->factor = str_c(factor_word(verdict->factor));
    entry->category = str_c(category_word(verdict->category));
    entry->decided_by = snapshot_grant_name(call->snapshot, verdict->grant);
}

void call_fill_entry(struct call *call, struct audit_entry *entry, struct entry_facts *facts)
{
    entry->call_id = call->id;
    entry->attempt = call->attempt;
    entry->policy_version = snapshot_version(call->snapshot);
    if (call->is_authenticated)
        entry_set_caller(entry, &call->caller, facts);
    entry_set_addresses(entry, &call->peer, &call->address, facts);
    addr_format(&call->listener->address, facts->listener);
    entry->listener = str_c(facts->listener);
    if (call->http != NULL)
        entry->user_agent = call->user_agent;
    entry->client_name = call->client_name;
    entry->client_version = call->client_version;
    if (call->has_message) {
        fill_message(call, entry);
        entry->protocol = str_c(version_word(call->terms.version));
    } else {
        entry->method = call->refusal.method;
        entry->request_id = call->refusal.id;
        entry->requested_name = call->refusal.name;
    }
    if (call->has_session)
        entry->session_id =
            arena_dup(call->arena, str_of((const char *)call->session.id.bytes, UUID_BYTES));
    if (call->tool != NULL)
        fill_tool(call, entry);
    else if (call->endpoint != NULL)
        entry->server = call->endpoint->name;
    if (call->is_decided)
        fill_verdict(call, entry);
}

void call_decide(struct call *call)
{
    const struct policy *policy = snapshot_policy(call->snapshot);
    const struct policy_facts facts = {
        .subject = subject_of(call->snapshot, &call->caller, call->arena),
        .scopes = call->caller.scopes,
        .expires_us = call->caller.expires_us,
        .now_us = clock_wall_us(),
        .tool = call->tool == NULL ? POLICY_NONE : call->tool->index,
    };

    call->verdict = policy_decide(policy, &facts);
    call->is_decided = true;
}

/* Refusals. */

void call_record_refusal(struct call *call, enum reason reason, const char *text)
{
    struct worker *worker = call->worker;
    struct entry_facts facts;
    struct audit_entry entry = {.kind = AUDIT_DENIED};
    struct err err;

    if (!call->is_authenticated) {
        refusals_add_source(worker->refusals, &call->address, reason_word(reason));
        return;
    }
    if (!refusals_may_record(worker->refusals, call->caller.id, reason_word(reason),
                             loop_now_us(worker->loop)))
        return;
    call_fill_entry(call, &entry, &facts);
    entry.attempt = 1;
    entry.decision = str_c(decision_word(DECISION_DENY));
    entry.reason = str_c(reason_word(reason));
    entry.factor = str_c(factor_word(reason_factor(reason)));
    entry.detail = str_c(text);
    if (audit_port_add(worker->port, &entry, call->data_key, NULL, &err) != ERR_OK)
        log_event(LOG_ERROR, "refusal_not_recorded", LOG_ERR(&err));
}

/* Outside of MCP an error is plain, as the handlers of the API write it. */
static void write_plain_error(struct call *call, const char *text, const char *reason)
{
    struct jsonw w;

    jsonw_init(&w, &call->reply);
    jsonw_object(&w);
    jsonw_name(&w, "error");
    jsonw_object(&w);
    jsonw_name_str(&w, "code", str_c(reason));
    jsonw_name_str(&w, "message", str_c(text));
    jsonw_end_object(&w);
    jsonw_end_object(&w);
}

void call_write_error(struct call *call, enum mcp_error error, const char *text, const char *reason,
                      const char *factor)
{
    const struct mcp_error_body body = {
        .error = error,
        .id = call->has_message ? call->message.id : call->refusal.id,
        .message = str_c(text),
        .reason = str_c(reason),
        .factor = str_c(factor),
        .request_id = str_of(call->id_text, UUID_TEXT_BYTES),
        .requested = call->refusal.requested,
    };

    buf_clear(&call->reply);
    if (call->route.kind == ROUTE_MCP || call->route.kind == ROUTE_SERVER)
        error_write(&call->reply, call->terms.era, &body);
    else
        write_plain_error(call, text, reason);
    call->reply_status = error_status(error, call->terms.era);
}

enum step_result call_refuse(struct call *call, enum mcp_error error, enum reason reason,
                             const char *text)
{
    call_record_refusal(call, reason, text);
    call_write_error(call, error, text, reason_word(reason), factor_word(reason_factor(reason)));
    call_send_reply(call);
    return STEP_DONE;
}

static enum reason reason_of(enum mcp_error error)
{
    return error == MCP_ERROR_METHOD ? REASON_METHOD_REFUSED : REASON_REQUEST_INVALID;
}

enum step_result call_refuse_message(struct call *call)
{
    enum mcp_error error = call->refusal.error;

    COUNT(call->worker, requests_refused);
    call_record_refusal(call, reason_of(error), call->refusal.err.text);
    call_write_error(call, error, call->refusal.err.text, NULL, NULL);
    call_send_reply(call);
    return STEP_DONE;
}

/* Replies. */

/* RFC 6750 §3, RFC 9728 §5.1. */
static struct str challenge(const struct call *call)
{
    const struct settings *settings = call->worker->gate->settings;
    bool is_mcp = call->route.kind == ROUTE_MCP || call->route.kind == ROUTE_SERVER;
    const char *why = call->has_bad_token ? ", error=\"invalid_token\"" : "";
    struct str text = STR_NONE;

    if (provider_is_any(&settings->identity) && is_mcp && call->http != NULL)
        text = arena_printf(
            call->arena,
            "Bearer realm=\"portreeve\", resource_metadata=\"" STR_FMT RESOURCE_PATH STR_FMT "\"%s",
            STR_ARG(settings->public_url.origin), STR_ARG(http_request_path(call->http)), why);
    else
        text = arena_printf(call->arena, "Bearer realm=\"portreeve\"%s", why);
    return text.ptr == NULL ? STR("Bearer") : text;
}

/* RFC 9110 §15.5.6. Empty: paths of the API have methods of their own. */
static struct str allowed(const struct call *call)
{
    enum route_kind kind = call->route.kind;

    if (kind == ROUTE_MCP || kind == ROUTE_SERVER)
        return STR("POST, GET, DELETE");
    if (kind == ROUTE_OAUTH_AUTHORIZE || kind == ROUTE_OAUTH_CHOOSE || kind == ROUTE_OAUTH_CALLBACK)
        return STR("GET");
    return kind >= ROUTE_OAUTH_TOKEN && kind <= ROUTE_OAUTH_LOGOUT ? STR("POST") : STR_NONE;
}

static size_t add_headers(const struct call *call, struct http_header *headers)
{
    size_t count = 0;

    if (call->reply_status == 401)
        headers[count++] = (struct http_header){STR("WWW-Authenticate"), challenge(call)};
    if (call->reply_status == 403)
        headers[count++] = (struct http_header){STR("WWW-Authenticate"),
                                                STR("Bearer error=\"insufficient_scope\"")};
    if (call->session_header.len > 0)
        headers[count++] = (struct http_header){STR("Mcp-Session-Id"), call->session_header};
    if (call->reply_status == 429 || call->reply_status == 503)
        headers[count++] = (struct http_header){STR("Retry-After"), STR("1")};
    if (call->reply_status == 405 && allowed(call).len > 0)
        headers[count++] = (struct http_header){STR("Allow"), allowed(call)};
    headers[count++] = (struct http_header){STR("Cache-Control"), STR("no-store")};
    return count;
}

/* The request is not ours any more; it may be over before the reply function returns. */
struct http_request *call_part_from_http(struct call *call)
{
    struct http_request *http = MOVE(call->http);

    call->has_message = false;
    http_request_set_app(http, NULL);
    return http;
}

static void finish_stream(struct call *call)
{
    struct http_request *http = call_part_from_http(call);

    (void)http_reply_data(http, STR("data: "));
    (void)http_reply_data(http, buf_str(&call->reply));
    (void)http_reply_data(http, STR("\n\n"));
    http_reply_end(http);
}

void call_send_reply(struct call *call)
{
    struct http_header headers[6] = {{STR_INIT("Content-Type"), STR_INIT("application/json")}};
    /* Before the request is parted from: the challenge names its path. */
    size_t count = 1 + add_headers(call, headers + 1);
    bool was_streaming = call->reply_state == REPLY_STREAMING;

    call->reply_state = REPLY_SENT;
    if (call->http != NULL && was_streaming)
        finish_stream(call);
    else if (call->http != NULL)
        http_reply(call_part_from_http(call), call->reply_status, headers, count,
                   buf_str(&call->reply));
    call_end(call);
}

enum step_result call_reply_status(struct call *call, int status)
{
    struct http_header headers[4];

    call->reply_status = status;
    size_t count = add_headers(call, headers);
    call->reply_state = REPLY_SENT;
    if (call->http != NULL)
        http_reply(call_part_from_http(call), status, headers, count, STR_NONE);
    call_end(call);
    return STEP_DONE;
}

enum step_result call_turn_away(struct call *call, int status, const char *sentence)
{
    struct jsonw w;

    buf_clear(&call->reply);
    jsonw_init(&w, &call->reply);
    jsonw_object(&w);
    jsonw_name(&w, "error");
    jsonw_object(&w);
    jsonw_name_str(&w, "code", str_c(status == 401 ? "unauthenticated" : "refused"));
    jsonw_name_str(&w, "message", str_c(sentence));
    jsonw_end_object(&w);
    jsonw_end_object(&w);
    call->reply_status = status;
    call_send_reply(call);
    return STEP_DONE;
}

bool call_stream(struct call *call, const struct mcp_pieces *pieces)
{
    static const struct http_header headers[] = {
        {STR_INIT("Content-Type"), STR_INIT("text/event-stream")},
        {STR_INIT("Cache-Control"), STR_INIT("no-store")},
        {STR_INIT("X-Accel-Buffering"), STR_INIT("no")},
    };

    if (call->http == NULL || !call->headers.accepts_sse || call->reply_state == REPLY_SENT)
        return false;
    if (call->reply_state == REPLY_NONE) {
        http_reply_start(call->http, 200, headers, ARRAY_LEN(headers));
        call->reply_state = REPLY_STREAMING;
    }
    if (http_request_queued_bytes(call->http) > MAX_STREAM_QUEUED) {
        COUNT(call->worker, notifications_dropped);
        return true;
    }
    (void)http_reply_data(call->http, STR("data: "));
    for (size_t i = 0; i < pieces->count; i++)
        (void)http_reply_data(call->http, pieces->piece[i]);
    (void)http_reply_data(call->http, STR("\n\n"));
    return true;
}
