/*
 * The body: one strict JSON-RPC message of an era, in a session when it is a legacy one, within
 * what the token may do at this endpoint.
 */
#include <string.h>

#include "base/clock.h"
#include "gate/ended.h"
#include "gate/pipeline.h"
#include "gate/subject.h"
#include "gate/worker_priv.h"
#include "identity/scopes.h"

static enum step_result gone(struct call *call)
{
    call_end(call);
    return STEP_DONE;
}

static bool read_headers(struct call *call)
{
    size_t count = 0;
    const struct http_header *all = http_request_headers(call->http, &count);
    struct mcp_header *headers = arena_calloc(call->arena, count + 1, sizeof *headers);

    if (headers == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        headers[i] = (struct mcp_header){.name = all[i].name, .value = all[i].value};
    header_read(headers, count, &call->headers);
    return true;
}

static enum step_result open_session(struct call *call)
{
    struct worker *worker = call->worker;
    struct str endpoint = call->endpoint == NULL ? STR_NONE : call->endpoint->name;
    int64_t age_us = worker->gate->settings->session_hours * 3600 * 1000000;

    if (call->headers.session.ptr == NULL) {
        refusal_set(&call->refusal, MCP_ERROR_SESSION_REQUIRED, "%s",
                    error_text(MCP_ERROR_SESSION_REQUIRED));
        return call_refuse_message(call);
    }
    if (!session_open(worker->gate->keyring, &call->caller, endpoint, call->headers.session,
                      clock_wall_us(), age_us, call->arena, &call->session) ||
        ended_has(worker->ended, &call->session.id)) {
        refusal_set(&call->refusal, MCP_ERROR_SESSION_UNKNOWN, "%s",
                    error_text(MCP_ERROR_SESSION_UNKNOWN));
        return call_refuse_message(call);
    }
    call->has_session = true;
    call->terms.version = call->session.version;
    call->client_name = call->session.client_name;
    call->client_version = call->session.client_version;
    return STEP_NEXT;
}

/* A path below /mcp that names no server the caller may know of answers as if there were none. */
static enum step_result find_endpoint(struct call *call)
{
    if (call->route.kind != ROUTE_SERVER)
        return STEP_NEXT;
    call->endpoint = snapshot_find_server(call->snapshot, call->route.server);
    const struct policy *policy = snapshot_policy(call->snapshot);
    if (call->endpoint != NULL &&
        policy_may_know(policy, subject_of(call->snapshot, &call->caller, call->arena),
                        call->endpoint->index))
        return STEP_NEXT;
    call->endpoint = NULL;
    (void)call_refuse(call, MCP_ERROR_METHOD, REASON_SERVER_UNKNOWN,
                      "There is no such server for you.");
    return STEP_DONE;
}

static enum step_result parse_post(struct call *call)
{
    if (!call->headers.has_json_body) {
        refusal_set(&call->refusal, MCP_ERROR_INVALID_REQUEST,
                    "Content-Type must be application/json.");
        return call_refuse_message(call);
    }
    if (message_parse(http_request_body(call->http), NULL, call->arena, &call->message,
                      &call->refusal) != ERR_OK)
        return call_refuse_message(call);
    call->has_message = true;
    call->client_name = call->message.client_name;
    call->client_version = call->message.client_version;
    if (era_check(&call->headers, &call->message, call->arena, &call->terms, &call->refusal) !=
        ERR_OK)
        return call_refuse_message(call);
    if (call->terms.era == MCP_MODERN || call->message.method == MCP_INITIALIZE)
        return STEP_NEXT;
    return open_session(call);
}

enum step_result step_parse(struct call *call)
{
    struct str method = STR_NONE;

    if (call->http == NULL)
        return gone(call);
    if (call->route.kind != ROUTE_MCP && call->route.kind != ROUTE_SERVER)
        return STEP_NEXT;
    if (!read_headers(call))
        return call_reply_status(call, 413);
    method = http_request_method(call->http);
    call->terms.era = era_guess(&call->headers);
    enum step_result result = find_endpoint(call);
    if (result != STEP_NEXT)
        return result;
    if (str_eq(method, STR("POST")))
        return parse_post(call);
    if (!str_eq(method, STR("GET")) && !str_eq(method, STR("DELETE")))
        return call_reply_status(call, 405);
    call->terms.era = MCP_LEGACY;
    /* A modern endpoint has neither GET nor DELETE; without a session there is no legacy either. */
    if (call->headers.session.ptr == NULL)
        return call_reply_status(call, 405);
    return open_session(call);
}

static enum endpoint mcp_endpoint(const struct call *call)
{
    struct str method = http_request_method(call->http);

    if (str_eq(method, STR("GET")))
        return ENDPOINT_MCP_STREAM;
    if (str_eq(method, STR("DELETE")))
        return ENDPOINT_MCP_END;
    switch (call->message.kind == MCP_REQUEST ? method_scope(call->message.method)
                                              : MCP_SCOPE_NONE) {
    case MCP_SCOPE_LIST:
        return ENDPOINT_MCP_LIST;
    case MCP_SCOPE_CALL:
        return ENDPOINT_MCP_CALL;
    case MCP_SCOPE_NONE:
        break;
    }
    return ENDPOINT_MCP_CONTROL;
}

/* What a robot may not use at all it hears of with the first message, whatever the method; that the
 * server is there, find_endpoint has told it. */
static enum step_result check_reach(struct call *call)
{
    const struct policy *policy = snapshot_policy(call->snapshot);

    if (policy_may_reach(policy, subject_of(call->snapshot, &call->caller, call->arena),
                         call->endpoint->index))
        return STEP_NEXT;
    COUNT(call->worker, calls_denied);
    return call_refuse(call, MCP_ERROR_DENIED, REASON_PERSONAL_SERVER,
                       "Each person connects to this server with an account of their own; robots "
                       "have none and can't use it.");
}

/* The one check of the token's scopes for an endpoint; which category a call may be, decide knows.
 */
enum step_result step_admit(struct call *call)
{
    struct err err;
    enum endpoint endpoint = ENDPOINT_MCP_CONTROL;

    if (call->route.kind == ROUTE_API || call->route.kind == ROUTE_METRICS) {
        struct endpoint_match match;
        enum err_code code = endpoint_find(http_request_method(call->http),
                                           http_request_path(call->http), &match, &err);

        if (code != ERR_OK)
            return call_reply_status(call, code == ERR_NOT_FOUND ? 404 : 405);
        endpoint = match.endpoint;
    } else {
        endpoint = mcp_endpoint(call);
    }
    if (scopes_check(call->caller.scopes, endpoint, &err) != ERR_OK) {
        call->reply_status = 403;
        return call_refuse(call, MCP_ERROR_SCOPE, REASON_TOKEN_SCOPE, err.text);
    }
    return call->endpoint == NULL ? STEP_NEXT : check_reach(call);
}
