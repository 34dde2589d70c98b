/*
 * The head of a request: which endpoint, from where, who. Nothing here looks at the body.
 */
#include <string.h>

#include "base/clock.h"
#include "base/jsonw.h"
#include "base/log.h"
#include "gate/oauth.h"
#include "gate/pipeline.h"
#include "gate/worker_priv.h"
#include "identity/tokens.h"
#include "net/forwarded.h"

static enum step_result misdirected(struct call *call, int status, const char *sentence)
{
    COUNT(call->worker, requests_misdirected);
    refusals_add_source(call->worker->refusals, &call->address, "misdirected");
    return call_turn_away(call, status, sentence);
}

/* A list header may come in several lines, which are one list (RFC 9110 §5.3): a proxy that adds a
 * line of its own must not stand behind what the client wrote. ptr NULL: none. */
static struct str join_lines(struct call *call, struct str name)
{
    struct str joined = STR_NONE;
    size_t count = 0;
    const struct http_header *headers = http_request_headers(call->http, &count);

    for (size_t i = 0; i < count; i++) {
        if (!str_eq_nocase(headers[i].name, name))
            continue;
        joined = joined.ptr == NULL ? headers[i].value
                                    : arena_printf(call->arena, STR_FMT "," STR_FMT,
                                                   STR_ARG(joined), STR_ARG(headers[i].value));
    }
    return joined;
}

static void derive_address(struct call *call)
{
    const struct settings *settings = call->worker->gate->settings;
    const struct forwarded_input input = {
        .peer = call->peer,
        .forwarded = join_lines(call, STR("forwarded")),
        .x_forwarded_for = join_lines(call, STR("x-forwarded-for")),
        .trusted = settings->trusted_proxies,
        .trusted_count = settings->trusted_proxy_count,
    };

    call->address = forwarded_address(&input);
}

/* What is decided by must stand there once: two readers could each take another one. */
static bool says_something_twice(const struct call *call)
{
    static const struct str names[] = {STR_INIT("authorization"), STR_INIT("origin"),
                                       STR_INIT("content-type"), STR_INIT("mcp-session-id")};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (http_request_has_twice(call->http, names[i]))
            return true;
    }
    return false;
}

static enum step_result answer_health(struct call *call)
{
    char why[ERR_TEXT_BYTES] = "";

    if (call->route.kind == ROUTE_HEALTH || gate_is_ready(call->worker->gate, why)) {
        buf_add_c(&call->reply, "{\"status\":\"ok\"}");
        call_send_reply(call);
        return STEP_DONE;
    }
    return call_turn_away(call, 503, why);
}

/* At the wrong listener a route is none: who asks is asked for a token first, as for every path. */
static bool is_served_here(const struct listener *listener, enum route_kind kind)
{
    switch (route_side(kind)) {
    case ROUTE_SIDE_MCP:
        return listener->serves != SERVES_ADMIN;
    case ROUTE_SIDE_ADMIN:
        return listener->serves != SERVES_MCP;
    case ROUTE_SIDE_BOTH:
        break;
    }
    return true;
}

enum step_result step_receive(struct call *call)
{
    const struct origin_rules *origins = call->worker->gate->origins;
    struct str origin = http_request_header(call->http, STR("origin"));

    call->peer = http_request_peer(call->http);
    call->user_agent = http_request_header(call->http, STR("user-agent"));
    derive_address(call);
    call->route = route_of(http_request_path(call->http));
    if (!is_served_here(call->listener, call->route.kind))
        call->route = (struct route){.kind = ROUTE_NONE};
    if (!origin_may_host(origins, http_request_header(call->http, STR("host"))))
        return misdirected(call, 403,
                           "The Host header names no name of this gateway (settings: hosts).");
    if (says_something_twice(call))
        return misdirected(call, 400, "A header that is decided by stands there twice.");
    if (origin.ptr != NULL && !origin_may_origin(origins, origin))
        return misdirected(call, 403, "The Origin is not allowed (settings: origins).");
    if (call->route.kind == ROUTE_HEALTH || call->route.kind == ROUTE_READY)
        return answer_health(call);
    if (call->route.kind == ROUTE_RESOURCE)
        return resource_metadata(call);
    if (call->route.kind == ROUTE_OAUTH_METADATA)
        return oauth_metadata(call);
    if (call->route.kind == ROUTE_OAUTH_KEYS)
        return oauth_keys(call);
    return STEP_NEXT;
}

/* The data key of the caller's entries: in memory but for the first call of a caller in a month. */

static void make_key(struct job *job)
{
    struct call *call = (struct call *)(void *)((char *)job - offsetof(struct call, key_job));
    const struct data_key_name name = {.subject = call->caller.id,
                                       .period = data_keys_period(call->started_us)};
    struct err err;

    if (data_keys_make(call->worker->gate->data_keys, &name, &call->data_key, &err) != ERR_OK) {
        call->data_key = NULL;
        log_event(LOG_ERROR, "data_key_failed", LOG_ERR(&err));
    }
}

static void on_key(struct job *job)
{
    struct call *call = (struct call *)(void *)((char *)job - offsetof(struct call, key_job));

    call->key_job.run = NULL;
    pipeline_resume(call);
}

enum step_result step_unlock(struct call *call)
{
    struct gate *gate = call->worker->gate;

    call->data_key = worker_find_key(call->worker, call->caller.id, call->started_us);
    if (call->data_key != NULL)
        return STEP_NEXT;
    call->key_job =
        (struct job){.reply_to = loop_mailbox(call->worker->loop), .run = make_key, .done = on_key};
    call->is_waiting = true;
    if (jobs_add(gate->key_jobs, &call->key_job))
        return STEP_WAIT;
    call->is_waiting = false;
    call->key_job.run = NULL;
    return call_turn_away(call, 503, "Too many new callers at one time; try again.");
}
