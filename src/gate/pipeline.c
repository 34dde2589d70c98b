/*
 * The path of a call. A reader learns the product from this table: what does not pass a step never
 * reaches the next one, and nothing but `forward` sends upstream.
 *
 *   receive … authenticate run when the head of the request is there, before its body is read;
 *   the others follow when the body is complete. A step returns NEXT, WAIT (pipeline_resume() goes
 * on behind it) or DONE (answered; control requests end at `serve`, refusals wherever they happen).
 */
#include "gate/pipeline.h"

#include <assert.h>

static const struct {
    const char *name;
    step_fn *run;
} steps[] = {
    {"receive", step_receive},           /* step_entry.c: route, Host, Origin, derived address */
    {"authenticate", step_authenticate}, /* step_authenticate.c: bearer token to caller */
    {"identify", step_identify}, /* step_authenticate.c: the same, when keys had to be fetched */
    {"unlock", step_unlock},     /* step_entry.c: the key that the caller's entries are under */
    {"parse", step_parse},       /* step_parse.c: strict JSON, one message, era, session */
    {"admit", step_admit},       /* step_parse.c: the token's scope for this endpoint */
    {"serve", step_serve},       /* serve.c: what the gateway answers itself */
    {"resolve", step_resolve},   /* step_judge.c: exposed name to server and tool */
    {"refine", step_refine},     /* step_judge.c: headers that mirror arguments */
    {"decide", step_decide},     /* step_judge.c: the policy's verdict */
    {"inspect", step_inspect},   /* step_judge.c: what the arguments hold */
    {"compose", step_compose},   /* step_send.c: the message as it will go, on a ready upstream */
    {"record", step_record},     /* step_send.c: the intent, durable */
    {"forward", step_forward},   /* step_send.c: with the receipt, upstream */
    {"settle", step_settle},     /* step_settle.c: the outcome */
    {"reply", step_reply},       /* step_settle.c: to the client */
};

enum { HEAD_STEPS = 2, COMPOSE = 11 };

/* True: the call is over, and perhaps another one already. */
static bool run_until(struct call *call, size_t end)
{
    enum step_result result = STEP_NEXT;

    call->is_running = true;
    while (result == STEP_NEXT && call->step < end && !call->is_over) {
        size_t step = call->step++;

        result = steps[step].run(call);
        /* What a step waits for may have come before it returned. */
        if (result == STEP_WAIT && !call->is_waiting)
            result = STEP_NEXT;
    }
    call->is_running = false;
    if (!call->is_over)
        return false;
    call_end(call);
    return true;
}

bool pipeline_head(struct call *call)
{
    return run_until(call, HEAD_STEPS);
}

void pipeline_run(struct call *call)
{
    (void)run_until(call, ARRAY_LEN(steps));
}

void pipeline_resume(struct call *call)
{
    call->is_waiting = false;
    if (!call->is_running)
        (void)run_until(call, ARRAY_LEN(steps));
}

void pipeline_retry(struct call *call)
{
    assert(steps[COMPOSE].run == step_compose);
    call->step = COMPOSE;
}
