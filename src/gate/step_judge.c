/*
 * What is called, what it can do, and whether this caller may: resolve, refine, decide, inspect.
 */
#include <stdio.h>

#include "base/clock.h"
#include "gate/pipeline.h"
#include "gate/subject.h"
#include "gate/worker_priv.h"

/* The answer to a tool that is not there, and to one that the caller must not know of: byte for
 * byte the same. */
static enum step_result unknown_tool(struct call *call, enum reason reason)
{
    struct str name = call->message.name;
    char text[192];

    COUNT(call->worker, calls_denied);
    (void)snprintf(text, sizeof text, "Unknown tool: " STR_FMT, STR_ARG(name));
    if (!call->is_decided)
        call->tool = NULL;
    call_record_refusal(call, reason, text);
    call_write_error(call, MCP_ERROR_TOOL_UNKNOWN, text, NULL, NULL);
    call_send_reply(call);
    return STEP_DONE;
}

enum step_result step_resolve(struct call *call)
{
    call->tool = snapshot_find_tool(call->snapshot, call->endpoint, call->message.name);
    if (call->tool == NULL)
        return unknown_tool(call, REASON_TOOL_UNKNOWN);
    return STEP_NEXT;
}

/* Arguments that a modern client mirrors in headers must agree (MCP 2026-07-28, x-mcp-header).
 * Tools that can do anything get the category of this call here, once the statement classes are
 * there. */
enum step_result step_refine(struct call *call)
{
    if (call->terms.era != MCP_MODERN || call->tool->mcp.facts.count == 0)
        return STEP_NEXT;
    call_decide(call);
    if (!call->verdict.may_know)
        return unknown_tool(call, call->verdict.reason);
    if (era_check_params(&call->headers, &call->message, &call->tool->mcp.facts, call->arena,
                         &call->refusal) != ERR_OK)
        return call_refuse_message(call);
    return STEP_NEXT;
}

static const char *explain(struct call *call, struct buf *out)
{
    const struct policy *policy = snapshot_policy(call->snapshot);
    const struct policy_facts facts = {
        .subject = subject_of(call->snapshot, &call->caller, call->arena),
        .scopes = call->caller.scopes,
        .expires_us = call->caller.expires_us,
        .now_us = clock_wall_us(),
        .tool = call->tool->index,
    };

    policy_explain(policy, &facts, &call->verdict, out);
    buf_add_byte(out, '\0');
    return out->failed ? "Denied." : out->ptr;
}

enum step_result step_decide(struct call *call)
{
    struct buf text;

    call_decide(call);
    if (call->verdict.decision == DECISION_ALLOW) {
        COUNT(call->worker, calls_allowed);
        return STEP_NEXT;
    }
    if (!call->verdict.may_know)
        return unknown_tool(call, call->verdict.reason);
    COUNT(call->worker, calls_denied);
    buf_init(&text, 4096);
    enum step_result result =
        call_refuse(call, MCP_ERROR_DENIED, call->verdict.reason, explain(call, &text));
    buf_done(&text);
    return result;
}

/* Detectors come here (docs/decisions/0003-pipeline.md). What is known of the arguments without
 * them, their count and size, stands in the record; that they are strict JSON in UTF-8, parse has
 * seen to. */
enum step_result step_inspect(struct call *call)
{
    call->argument_count = message_argument_count(&call->message);
    return STEP_NEXT;
}
