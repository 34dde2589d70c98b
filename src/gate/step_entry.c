/*
 * The head of a request: which endpoint, from where, who. Nothing here looks at the body.
 */
#include <string.h>

#include "base/clock.h"
#include "base/jsonw.h"
#include "base/log.h"
#include "gate/pipeline.h"
#include "gate/worker_priv.h"
#include "identity/tokens.h"
#include "net/forwarded.h"

/* Before a caller is known, an error is plain: no JSON-RPC id, no reason. */
static enum step_result turn_away(struct call *call, int status, const char *sentence)
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

static enum step_result misdirected(struct call *call, int status, const char *sentence)
{
    COUNT(call->worker, requests_misdirected);
    refusals_add_source(call->worker->refusals, &call->address, "misdirected");
    return turn_away(call, status, sentence);
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
    return turn_away(call, 503, why);
}

enum step_result step_receive(struct call *call)
{
    const struct origin_rules *origins = call->worker->gate->origins;
    struct str origin = http_request_header(call->http, STR("origin"));

    call->peer = http_request_peer(call->http);
    call->user_agent = http_request_header(call->http, STR("user-agent"));
    derive_address(call);
    call->route = route_of(http_request_path(call->http));
    if (!origin_may_host(origins, http_request_header(call->http, STR("host"))))
        return misdirected(call, 403,
                           "The Host header names no name of this gateway (settings: hosts).");
    if (says_something_twice(call))
        return misdirected(call, 400, "A header that is decided by stands there twice.");
    if (origin.ptr != NULL && !origin_may_origin(origins, origin))
        return misdirected(call, 403, "The Origin is not allowed (settings: origins).");
    if (call->route.kind == ROUTE_HEALTH || call->route.kind == ROUTE_READY)
        return answer_health(call);
    return STEP_NEXT;
}

static enum step_result unauthenticated(struct call *call, enum auth_failure failure)
{
    COUNT(call->worker, requests_unauthenticated);
    refusals_add_source(call->worker->refusals, &call->address, auth_failure_word(failure));
    return turn_away(call, 401, "A valid bearer token is needed.");
}

/* A token that was good a moment ago, under this snapshot. */
static bool is_known(struct call *call, struct str authorization)
{
    struct worker *worker = call->worker;
    const struct caller *known = NULL;

    if (authorization.ptr != NULL && call->snapshot == worker->snapshot)
        known = caller_cache_find(worker->callers, authorization, call->started_us);
    if (known == NULL)
        return false;
    call->caller = *known;
    return true;
}

static enum err_code find_caller(struct call *call, enum auth_failure *failure)
{
    const struct token_table *tokens = snapshot_tokens(call->snapshot);
    struct str authorization = http_request_header(call->http, STR("authorization"));
    const uint8_t *pepper = keyring_get(call->worker->gate->keyring, KEY_PEPPER);
    struct str token = STR_NONE;

    if (is_known(call, authorization))
        return ERR_OK;
    if (call->listener->as.len > 0 && authorization.ptr == NULL)
        return token_table_find_robot(tokens, str_from(call->listener->as, strlen("robot:")),
                                      &call->caller, failure, NULL);
    if (authorization.ptr != NULL && !token_of_authorization(authorization, &token)) {
        *failure = AUTH_MALFORMED;
        return ERR_UNAUTHENTICATED;
    }
    enum err_code code =
        token_table_find(tokens, token, pepper, call->started_us, &call->caller, failure, NULL);
    if (code == ERR_OK && call->snapshot == call->worker->snapshot)
        caller_cache_put(call->worker->callers, authorization, &call->caller);
    return code;
}

enum step_result step_authenticate(struct call *call)
{
    enum auth_failure failure = AUTH_MISSING;

    if (find_caller(call, &failure) != ERR_OK)
        return unauthenticated(call, failure);
    call->is_authenticated = true;
    worker_note_token_use(call->worker, call->caller.token_id);
    if (call->route.kind == ROUTE_NONE)
        return turn_away(call, 404, "There is nothing here; MCP is at /mcp and /mcp/SERVER.");
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
    return turn_away(call, 503, "Too many new callers at one time; try again.");
}
