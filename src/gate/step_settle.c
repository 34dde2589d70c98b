#include <assert.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "gate/pipeline.h"
#include "gate/settle.h"
#include "gate/worker_priv.h"

static enum audit_outcome outcome_of_answer(enum mcp_answer answer)
{
    switch (answer) {
    case MCP_ANSWER_OK:
        return OUTCOME_OK;
    case MCP_ANSWER_TOOL_ERROR:
        return OUTCOME_TOOL_ERROR;
    case MCP_ANSWER_PROTOCOL_ERROR:
    case MCP_ANSWER_INPUT_REQUIRED:
        return OUTCOME_PROTOCOL_ERROR;
    case MCP_ANSWER_INVALID:
        break;
    }
    return OUTCOME_INVALID_RESPONSE;
}

static void write_answer(struct call *call, const struct mcp_message *message,
                         enum mcp_answer answer)
{
    const struct mcp_reply_facts facts = {
        .id = call->has_message ? call->message.id : STR_NONE,
        .era = call->terms.era,
        .version = upstream_version(call->upstream),
        .request_id = str_of(call->id_text, UUID_TEXT_BYTES),
    };
    struct mcp_pieces pieces = {.count = 0};
    struct err err;

    buf_clear(&call->head);
    buf_clear(&call->reply);
    call->reply_status = 200;
    if (answer_reply(message, answer, &facts, &call->head, &pieces, &err) == ERR_OK)
        pieces_write(&call->reply, &pieces);
    else
        call_write_error(call, MCP_ERROR_UPSTREAM, err.text, NULL, NULL);
    if (call->reply.failed)
        call_write_error(call, MCP_ERROR_LIMIT, NULL, NULL, NULL);
}

static void settle_answer(struct call *call, const struct mcp_message *message)
{
    enum mcp_answer answer = answer_classify(message, upstream_version(call->upstream), &call->why);

    call->outcome = outcome_of_answer(answer);
    if (message->kind == MCP_RESPONSE) {
        const struct str result = json_raw(&message->doc, message->result);
        crypto_hmacv(call->result_key, &result, 1, call->result_digest);
        call->has_digest = true;
    }
    if (call->http != NULL)
        write_answer(call, message, answer);
}

static const struct {
    enum audit_outcome outcome;
    enum mcp_error error;
    const char *text;
} endings[] = {
    [EXCHANGE_HTTP_ERROR] = {OUTCOME_HTTP_ERROR, MCP_ERROR_UPSTREAM,
                             "The server answered with an HTTP error."},
    [EXCHANGE_INVALID] =
        {OUTCOME_INVALID_RESPONSE, MCP_ERROR_UPSTREAM,
         "The server's answer is no valid MCP, or too large; the tool may have run."},
    [EXCHANGE_TIMEOUT] = {OUTCOME_TIMEOUT, MCP_ERROR_TIMEOUT,
                          "The server did not answer in time; the tool may have run."},
    [EXCHANGE_UNREACHABLE] = {OUTCOME_UNREACHABLE, MCP_ERROR_UPSTREAM,
                              "The server could not be reached; the tool did not run."},
    [EXCHANGE_BROKEN] = {OUTCOME_INVALID_RESPONSE, MCP_ERROR_UPSTREAM,
                         "The connection to the server broke off; the tool may have run."},
    [EXCHANGE_SESSION_LOST] = {OUTCOME_HTTP_ERROR, MCP_ERROR_UPSTREAM,
                               "The server had ended the session; the tool did not run."},
};

void settle_on_end(struct call *call, const struct exchange_end *end)
{
    call->result_bytes = end->bytes;
    call->upstream_status = end->http_status;
    if (end->kind == EXCHANGE_ANSWERED) {
        settle_answer(call, end->message);
        return;
    }
    COUNT(call->worker, upstream_failures);
    call->outcome = endings[end->kind].outcome;
    call->why = end->err;
    /* The server ran nothing: one more attempt, with an intent of its own. */
    call->is_retry = end->kind == EXCHANGE_SESSION_LOST && call->attempt == 1 && call->http != NULL;
    if (call->http != NULL)
        call_write_error(call, endings[end->kind].error, endings[end->kind].text, NULL, NULL);
}

static struct call *call_of_wait(struct audit_wait *wait)
{
    return (struct call *)(void *)((char *)wait - offsetof(struct call, wait));
}

static void on_settled(struct audit_wait *wait, enum err_code code, struct receipt *receipt)
{
    struct call *call = call_of_wait(wait);

    receipt_free(receipt);
    call->wait.on_durable = NULL;
    if (code != ERR_OK)
        log_event(LOG_ERROR, "outcome_not_recorded",
                  LOG_STR("call_id", str_of(call->id_text, UUID_TEXT_BYTES)));
    pipeline_resume(call);
}

static void fill_outcome(struct call *call, struct audit_entry *entry)
{
    entry->call_id = call->id;
    entry->attempt = call->attempt;
    entry->method = STR("tools/call");
    entry->server_id = (uint64_t)call->tool->server->id;
    entry->outcome = str_c(audit_outcome_word(call->outcome));
    entry->duration_us = call->sent_us == 0 ? 0 : clock_mono_us() - call->sent_us;
    entry->result_bytes = call->result_bytes;
    entry->http_status = (uint64_t)call->upstream_status;
    if (call->why.code != ERR_OK)
        entry->detail = str_c(call->why.text);
    if (call->has_digest)
        entry->result_digest =
            str_of((const char *)call->result_digest, sizeof call->result_digest);
    if (call->upstream != NULL)
        entry->upstream_protocol = str_c(version_word(upstream_version(call->upstream)));
}

/* The reply of a call that changed something for good waits until its outcome is durable. */
static bool must_be_synced(const struct call *call)
{
    return call->verdict.category == CATEGORY_DESTRUCTIVE ||
           call->verdict.category == CATEGORY_ADMIN;
}

enum step_result step_settle(struct call *call)
{
    struct audit_entry entry = {.kind = AUDIT_OUTCOME};
    struct err err;
    bool waits = must_be_synced(call);

    assert(call->has_intent);
    call->has_intent = false;
    fill_outcome(call, &entry);
    if (waits) {
        call->wait.on_durable = on_settled;
        call->is_waiting = true;
    }
    if (audit_port_add(call->worker->port, &entry, call->data_key, waits ? &call->wait : NULL,
                       &err) == ERR_OK)
        return waits ? STEP_WAIT : STEP_NEXT;
    call->is_waiting = false;
    call->wait.on_durable = NULL;
    log_event(LOG_ERROR, "outcome_not_recorded",
              LOG_STR("call_id", str_of(call->id_text, UUID_TEXT_BYTES)), LOG_ERR(&err));
    return STEP_NEXT;
}

static void begin_again(struct call *call)
{
    call->is_retry = false;
    call->sent_us = 0;
    call->why = (struct err){.code = ERR_OK};
    call->has_digest = false;
    pipeline_retry(call);
}

enum step_result step_reply(struct call *call)
{
    if (call->is_retry && call->http != NULL) {
        begin_again(call);
        return STEP_NEXT;
    }
    call_send_reply(call);
    return STEP_DONE;
}
