/*
 * answer.h - what an upstream said: the answer to a call, judged, and its way back to the client;
 * notifications that travel with it.
 *
 * Results go back byte for byte but for what the era of the client asks for.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "mcp/message.h"
#include "mcp/pieces.h"
#include "mcp/version.h"

enum mcp_answer {
    MCP_ANSWER_OK,
    MCP_ANSWER_TOOL_ERROR,     /* a result with isError */
    MCP_ANSWER_PROTOCOL_ERROR, /* a JSON-RPC error */
    MCP_ANSWER_INPUT_REQUIRED, /* the server wants input first: not supported yet */
    MCP_ANSWER_INVALID,        /* no valid result of tools/call */
};

/* response is a response or failure. version: spoken with the upstream. *err says why of INVALID.
 */
enum mcp_answer answer_classify(const struct mcp_message *response, enum mcp_version version,
                                struct err *err);

struct mcp_reply_facts {
    struct str id;            /* the client's, raw */
    enum mcp_era era;         /* of the client */
    enum mcp_version version; /* spoken with the upstream */
    struct str request_id;    /* for data of errors the gateway gives instead; empty: none */
};

/* The reply to the client for any answer (those that are neither ok nor tool error become errors of
 * the era). head as in request_call(). ERR_LIMIT: head is full. */
enum err_code answer_reply(const struct mcp_message *response, enum mcp_answer answer,
                           const struct mcp_reply_facts *facts, struct buf *head,
                           struct mcp_pieces *ret_pieces, struct err *err) MUST_CHECK;

enum mcp_relay {
    MCP_RELAY_DROP,
    MCP_RELAY_PASS,          /* to the client whose call it belongs to */
    MCP_RELAY_TOOLS_CHANGED, /* the tools of the upstream have to be listed again */
    MCP_RELAY_ANSWER_EMPTY,  /* a ping: reply_empty() */
    MCP_RELAY_REFUSE,        /* a request that is not served: error_write() with MCP_ERROR_METHOD */
};

/* What becomes of a notification or request of an upstream, and of which call it speaks. */
struct mcp_relay_facts {
    const struct mcp_message
        *call;        /* the client's call that runs there; NULL: none, or not known which */
    enum mcp_era era; /* of that client */
};

enum mcp_relay answer_relay(const struct mcp_message *message, const struct mcp_relay_facts *facts);
/* The gateway's id of the call that a notifications/progress is about. */
bool answer_progress_id(const struct mcp_message *message, uint64_t *ret_id) MUST_CHECK;
/* The notification as the client reads it, its own progress token put back. Only for
 * MCP_RELAY_PASS. */
enum err_code answer_notification(const struct mcp_message *message,
                                  const struct mcp_relay_facts *facts,
                                  struct mcp_pieces *ret_pieces, struct err *err) MUST_CHECK;
