#include "gate/serve.h"

#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/table.h"
#include "gate/ended.h"
#include "gate/listening.h"
#include "gate/pipeline.h"
#include "gate/subject.h"
#include "gate/worker_priv.h"
#include "identity/scopes.h"

enum {
    PAGE_BYTES = 256 << 10, /* of one page of tools/list */
    LIST_TTL_MS = 5000,
    MAX_API_BODY = 4 << 20,
    API_ARENA_BYTES = 512 << 20,
};

/* Lists. */

static const uint64_t *visible(const struct snapshot *snapshot, const struct caller *caller,
                               struct arena *arena)
{
    const struct policy *policy = snapshot_policy(snapshot);
    const struct policy_facts facts = {
        .subject = subject_of(snapshot, caller, arena),
        .scopes = caller->scopes,
        .expires_us = caller->expires_us,
        .now_us = clock_wall_us(),
    };
    uint64_t *bits =
        arena_calloc(arena, POLICY_BITS_WORDS(policy_tool_count(policy)) + 1, sizeof *bits);

    if (bits != NULL)
        policy_filter(policy, &facts, bits);
    return bits;
}

/* The tools of this endpoint that the bits mark; NULL: the arena is full. */
static struct mcp_listed_tool *gather(const struct snapshot *snapshot, const uint64_t *bits,
                                      const struct snapshot_server *endpoint, struct arena *arena,
                                      size_t *ret_count)
{
    size_t first = endpoint == NULL ? 0 : endpoint->first_tool;
    size_t count = endpoint == NULL ? snapshot_tool_count(snapshot) : endpoint->tool_count;
    struct mcp_listed_tool *tools = arena_calloc(arena, count + 1, sizeof *tools);
    size_t found = 0;

    for (size_t i = first; tools != NULL && i < first + count; i++) {
        const struct snapshot_tool *tool = snapshot_tool_at(snapshot, i);

        if (tool->is_listed && policy_bit(bits, (uint32_t)i))
            tools[found++] = (struct mcp_listed_tool){
                .tool = &tool->mcp, .exposed_name = endpoint == NULL ? tool->exposed : tool->name};
    }
    *ret_count = found;
    return tools;
}

uint64_t serve_list_hash(const struct snapshot *snapshot, const struct caller *caller,
                         struct str endpoint)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(64 << 20);
    const struct snapshot_server *server =
        endpoint.len == 0 ? NULL : snapshot_find_server(snapshot, endpoint);
    const uint64_t *bits = arena == NULL ? NULL : visible(snapshot, caller, arena);
    uint64_t hash = 0;

    if (bits == NULL || (endpoint.len > 0 && server == NULL))
        return 0;
    for (size_t i = 0; i < snapshot_tool_count(snapshot); i++) {
        const struct snapshot_tool *tool = snapshot_tool_at(snapshot, i);
        uint64_t part = 0;

        if (!tool->is_listed || !policy_bit(bits, (uint32_t)i) ||
            (server != NULL && tool->server != server))
            continue;
        memcpy(&part, tool->hash, sizeof part);
        hash = (hash ^ part ^ table_hash(tool->exposed)) * 0x100000001b3ull;
    }
    return hash;
}

static enum step_result serve_list(struct call *call)
{
    const uint64_t *bits = visible(call->snapshot, &call->caller, call->arena);
    size_t count = 0;
    struct mcp_listed_tool *tools =
        bits == NULL ? NULL : gather(call->snapshot, bits, call->endpoint, call->arena, &count);
    struct mcp_listing listing = {.tools = tools,
                                  .count = count,
                                  .page_bytes = PAGE_BYTES,
                                  .epoch = snapshot_version(call->snapshot),
                                  .ttl_ms = LIST_TTL_MS};

    if (tools == NULL)
        return call_refuse(call, MCP_ERROR_LIMIT, REASON_OVERLOADED,
                           "The list does not fit into memory.");
    if (call->message.cursor.ptr != NULL &&
        !reply_read_cursor(call->message.cursor, listing.epoch, count, &listing.first))
        return call_refuse(call, MCP_ERROR_CURSOR, REASON_REQUEST_INVALID,
                           error_text(MCP_ERROR_CURSOR));
    reply_tools(&call->reply, call->message.id, call->terms.era, &listing);
    call_send_reply(call);
    return STEP_DONE;
}

/* Sessions. */

static void record_session(struct call *call, const char *what)
{
    struct entry_facts facts;
    struct audit_entry entry = {.kind = AUDIT_SESSION};
    struct err err;

    call_fill_entry(call, &entry, &facts);
    entry.attempt = 1;
    entry.session_id = str_of((const char *)call->session.id.bytes, UUID_BYTES);
    entry.detail = str_c(what);
    if (audit_port_add(call->worker->port, &entry, call->data_key, NULL, &err) != ERR_OK)
        log_event(LOG_WARN, "session_not_recorded", LOG_ERR(&err));
}

static struct mcp_greeting greeting_of(const struct call *call)
{
    return (struct mcp_greeting){
        .has_list_changed = call->terms.era == MCP_LEGACY,
        .has_ema = provider_has_ema(&call->worker->gate->settings->identity),
    };
}

static enum step_result serve_initialize(struct call *call)
{
    struct worker *worker = call->worker;
    struct str endpoint = call->endpoint == NULL ? STR_NONE : call->endpoint->name;
    struct buf id;

    call->session = (struct session){.id = uuid_v7(call->started_us),
                                     .version = call->terms.version,
                                     .created_us = call->started_us,
                                     .client_name = call->client_name,
                                     .client_version = call->client_version};
    buf_init(&id, 1024);
    session_seal(worker->gate->keyring, &call->caller, endpoint, &call->session, &id);
    struct str text = arena_dup(call->arena, buf_str(&id));
    bool failed = id.failed || text.ptr == NULL;
    buf_done(&id);
    if (failed)
        return call_refuse(call, MCP_ERROR_INTERNAL, REASON_OVERLOADED,
                           "The session could not be made.");
    record_session(call, "begins");
    const struct mcp_greeting greeting = greeting_of(call);
    reply_initialize(&call->reply, call->message.id, call->terms.version, &greeting);
    call->session_header = text;
    call_send_reply(call);
    return STEP_DONE;
}

struct ending {
    struct mail mail;
    struct worker *worker;
    struct uuid session;
    int64_t until_us;
};

static void on_ending(struct mail *mail)
{
    struct ending *ending = (struct ending *)(void *)mail;

    ended_add(ending->worker->ended, &ending->session, ending->until_us);
    listening_end(ending->worker, &ending->session);
    free(ending);
}

static void end_everywhere(struct worker *from, const struct uuid *session, int64_t until_us)
{
    for (size_t i = 0; i < from->gate->worker_count; i++) {
        struct worker *worker = from->gate->workers[i];
        struct ending *ending = calloc(1, sizeof *ending);

        if (ending == NULL)
            continue;
        *ending = (struct ending){.mail = {.on_deliver = on_ending},
                                  .worker = worker,
                                  .session = *session,
                                  .until_us = until_us};
        if (!worker_post(worker, &ending->mail))
            free(ending);
    }
}

static enum step_result serve_end(struct call *call)
{
    int64_t life_us = call->worker->gate->settings->session_hours * 3600 * 1000000;

    ended_add(call->worker->ended, &call->session.id, call->session.created_us + life_us);
    end_everywhere(call->worker, &call->session.id, call->session.created_us + life_us);
    record_session(call, "ends");
    return call_reply_status(call, 204);
}

static enum step_result serve_stream(struct call *call)
{
    if (!call->headers.accepts_sse)
        return call_reply_status(call, 406);
    if (!listening_add(call->worker, call))
        return call_refuse(call, MCP_ERROR_BUSY, REASON_OVERLOADED, "Too many listening streams.");
    return STEP_DONE;
}

/* A legacy client cancels by the id of its request, in its own session. */
static bool cancel_here(struct worker *worker, const struct uuid *session, struct str id)
{
    for (struct call *call = worker->calls; call != NULL; call = call->next) {
        if (!call->has_message || call->message.kind != MCP_REQUEST || !call->has_session ||
            memcmp(&call->session.id, session, sizeof *session) != 0 ||
            !str_eq(call->message.id, id))
            continue;
        call_cancel(call);
        return true;
    }
    return false;
}

struct cancelling {
    struct mail mail;
    struct worker *worker;
    struct uuid session;
    size_t id_bytes;
    char id[];
};

static void on_cancelling(struct mail *mail)
{
    struct cancelling *cancelling = (struct cancelling *)(void *)mail;

    (void)cancel_here(cancelling->worker, &cancelling->session,
                      str_of(cancelling->id, cancelling->id_bytes));
    free(cancelling);
}

/* A notification has a connection of its own, and so maybe another worker than its request. */
static void cancel_of(struct call *call)
{
    const struct gate *gate = call->worker->gate;
    struct str id = call->message.request_id;

    if (id.len == 0 || cancel_here(call->worker, &call->session.id, id))
        return;
    for (size_t i = 0; i < gate->worker_count; i++) {
        struct cancelling *cancelling = malloc(sizeof *cancelling + id.len);

        if (cancelling == NULL)
            return;
        *cancelling = (struct cancelling){.mail = {.on_deliver = on_cancelling},
                                          .worker = gate->workers[i],
                                          .session = call->session.id,
                                          .id_bytes = id.len};
        memcpy(cancelling->id, id.ptr, id.len);
        if (gate->workers[i] == call->worker || !worker_post(gate->workers[i], &cancelling->mail))
            free(cancelling);
    }
}

static enum step_result serve_request(struct call *call)
{
    const struct mcp_greeting greeting = greeting_of(call);

    switch ((unsigned)call->message.method) {
    case MCP_DISCOVER:
        reply_discover(&call->reply, call->message.id, &greeting);
        break;
    case MCP_INITIALIZE:
        return serve_initialize(call);
    case MCP_PING:
        reply_empty(&call->reply, call->message.id, call->terms.era);
        break;
    case MCP_TOOLS_LIST:
        return serve_list(call);
    case MCP_TOOLS_CALL:
        return STEP_NEXT;
    default:
        return call_refuse(call, MCP_ERROR_METHOD, REASON_METHOD_REFUSED,
                           error_text(MCP_ERROR_METHOD));
    }
    call_send_reply(call);
    return STEP_DONE;
}

/* The API. */

struct api_job {
    struct job job;
    struct worker *worker;
    struct api_request request;
    struct api_reply reply;
    api_handler_fn *handle;
    struct call *call; /* NULL: the client has gone */
    uint64_t generation;
};

static void run_api(struct job *job)
{
    struct api_job *api = (struct api_job *)(void *)job;

    api->handle(&api->request, &api->reply);
}

static void free_api(struct api_job *api)
{
    buf_done(&api->reply.body);
    arena_free(api->request.arena);
    free(api);
}

static void on_api_done(struct job *job)
{
    struct api_job *api = (struct api_job *)(void *)job;
    struct call *call = api->call;
    struct http_header headers[] = {{STR_INIT("Content-Type"), str_c(api->reply.content_type)},
                                    {STR_INIT("Cache-Control"), STR_INIT("no-store")},
                                    {STR_INIT("Location"), api->reply.location}};
    size_t count = ARRAY_LEN(headers) - (api->reply.location.len == 0);

    if (call->http != NULL) {
        struct http_request *http = call_part_from_http(call);

        http_reply(http, api->reply.body.failed ? 500 : api->reply.status, headers, count,
                   buf_str(&api->reply.body));
    }
    call->reply_state = REPLY_SENT;
    call->is_waiting = false;
    call->key_job.run = NULL;
    call_end(call);
    free_api(api);
}

static bool decode_param(struct arena *arena, struct str text, struct str *ret_text)
{
    char *out = arena_alloc(arena, text.len + 1);
    size_t len = 0;

    if (out == NULL)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (c == '%') {
            if (!hex_decode(str_first(str_from(text, i + 1), 2), &c, 1))
                return false;
            i += 2;
        }
        out[len++] = c;
    }
    *ret_text = str_of(out, len);
    return true;
}

/* Copies what the handler may look at: the request itself stays with the worker. */
static bool fill_api(struct call *call, const struct endpoint_match *match,
                     struct api_request *request)
{
    struct arena *arena = request->arena;

    request->gate = call->worker->gate;
    request->endpoint = match->endpoint;
    request->path = arena_dup(arena, http_request_path(call->http));
    request->query = arena_dup(arena, http_request_query(call->http));
    request->body = arena_dup(arena, http_request_body(call->http));
    request->user_agent = arena_dup(arena, call->user_agent);
    request->listener = arena_dup(arena, call->listener->as);
    request->peer = call->peer;
    request->address = call->address;
    for (size_t i = 0; i < match->param_count; i++) {
        if (!decode_param(arena, match->params[i], &request->params[i]))
            return false;
    }
    return request->body.ptr != NULL && caller_dup(arena, &call->caller, &request->caller);
}

static struct api_job *new_api(struct call *call, const struct endpoint_match *match)
{
    struct api_job *api = calloc(1, sizeof *api);

    if (api == NULL)
        return NULL;
    api->request.arena = arena_new(API_ARENA_BYTES);
    buf_init(&api->reply.body, 256 << 20);
    api->reply.status = 200;
    api->reply.content_type = "application/json";
    api->call = call;
    api->worker = call->worker;
    if (api->request.arena == NULL || !fill_api(call, match, &api->request)) {
        free_api(api);
        return NULL;
    }
    return api;
}

static enum step_result serve_api(struct call *call)
{
    struct gate *gate = call->worker->gate;
    struct endpoint_match match;

    if (endpoint_find(http_request_method(call->http), http_request_path(call->http), &match,
                      NULL) != ERR_OK ||
        gate->api->handlers[match.endpoint].handle == NULL)
        return call_reply_status(call, 404);
    struct api_job *api = new_api(call, &match);
    if (api == NULL)
        return call_reply_status(call, 400);
    const struct api_handler *handler = &gate->api->handlers[match.endpoint];
    api->handle = handler->handle;
    api->job = (struct job){
        .reply_to = loop_mailbox(call->worker->loop), .run = run_api, .done = on_api_done};
    call->is_waiting = true;
    call->key_job.run = run_api; /* keeps the call until the job is done */
    if (jobs_add(handler->thread == API_CONTROL ? gate->control_jobs : gate->search_jobs,
                 &api->job))
        return STEP_WAIT;
    call->is_waiting = false;
    call->key_job.run = NULL;
    free_api(api);
    return call_reply_status(call, 503);
}

static enum step_result serve_metrics(struct call *call)
{
    static const struct http_header headers[] = {
        {STR_INIT("Content-Type"), STR_INIT("text/plain; version=0.0.4")}};

    gate_write_metrics(call->worker->gate, &call->reply);
    call->reply_state = REPLY_SENT;
    http_reply(call_part_from_http(call), 200, headers, 1, buf_str(&call->reply));
    call_end(call);
    return STEP_DONE;
}

enum step_result step_serve(struct call *call)
{
    if (call->route.kind == ROUTE_API)
        return serve_api(call);
    if (call->route.kind == ROUTE_METRICS)
        return serve_metrics(call);
    if (str_eq(http_request_method(call->http), STR("GET")))
        return serve_stream(call);
    if (str_eq(http_request_method(call->http), STR("DELETE")))
        return serve_end(call);
    if (call->message.kind == MCP_REQUEST)
        return serve_request(call);
    /* Notifications, and answers to requests that nobody made. */
    if (call->message.kind == MCP_NOTIFICATION && call->message.method == MCP_CANCELLED &&
        call->has_session)
        cancel_of(call);
    return call_reply_status(call, 202);
}
