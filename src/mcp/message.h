/*
 * message.h - one JSON-RPC message of MCP, read once and strictly (law 2).
 *
 * 1. Refused from clients: batches (also in 2025-03-26, which allowed them: one request is one
 * record), unknown members of the envelope, case or confusable variants of protocol names in the
 * envelope, in params and in _meta, ids that are no string or integer, unknown members in the
 * params of tools/call, and in tool names anything but [A-Za-z0-9_.-], 1 to 128.
 * 2. Nothing inside `arguments` is looked at here beyond strict JSON; its bytes are never
 * re-encoded.
 * 3. Line breaks between tokens are read as spaces (inside strings JSON has none), so that every
 * slice stays one line on stdio and in event streams.
 * 4. An unknown method is no parse error: era_check() refuses it, with the id and the name at hand.
 *
 * Threads: a message is immutable. All views live as long as the body and the arena.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "mcp/error.h"
#include "mcp/method.h"

enum {
    MCP_MAX_ID_BYTES = 256,
    MCP_MAX_METHOD_BYTES = 128,
    MCP_MAX_NAME_BYTES = 128,  /* of a tool */
    MCP_MAX_TOKEN_BYTES = 256, /* of a progress token */
    MCP_MAX_CURSOR_BYTES = 1024,
};

enum mcp_kind {
    MCP_REQUEST,
    MCP_NOTIFICATION,
    MCP_RESPONSE, /* with a result */
    MCP_FAILURE,  /* a response with an error */
};

enum mcp_log_level {
    MCP_LOG_NONE, /* the client asked for none */
    MCP_LOG_DEBUG,
    MCP_LOG_INFO,
    MCP_LOG_NOTICE,
    MCP_LOG_WARNING,
    MCP_LOG_ERROR,
    MCP_LOG_CRITICAL,
    MCP_LOG_ALERT,
    MCP_LOG_EMERGENCY,
};

struct mcp_message {
    struct json_doc doc;
    enum mcp_kind kind;
    struct str
        id; /* raw JSON; empty in a notification, and in a failure whose id is null or missing */

    enum mcp_method method; /* of requests and notifications */
    struct str method_name; /* as sent */
    json_pos params;        /* an object or JSON_NONE */
    json_pos meta;          /* params._meta (of a response: result._meta), an object or JSON_NONE */

    struct str protocol_version; /* of _meta; ptr NULL: not there */
    struct str asked_version;    /* of initialize: params.protocolVersion; else ptr NULL */
    /* from _meta, of initialize from params */
    json_pos client_capabilities;
    json_pos client_info;
    struct str client_name; /* bytes; never decides anything */
    struct str client_version;
    enum mcp_log_level log_level;
    struct str
        progress_token;     /* raw JSON; empty: not there. In notifications/progress: from params */
    struct str traceparent; /* empty when missing or malformed (W3C Trace Context) */

    struct str name;       /* what is called: name, uri or taskId of params; ptr NULL: not there */
    json_pos arguments;    /* an object or JSON_NONE */
    struct str cursor;     /* of lists; ptr NULL: not there ("" is a cursor) */
    struct str request_id; /* raw JSON; of notifications/cancelled */

    json_pos result; /* of MCP_RESPONSE: any value */
    json_pos error;  /* of MCP_FAILURE: an object */
    int64_t error_code;
};

/* Bounds for messages of clients: 1 MiB, depth 64, strict. */
extern const struct json_limits message_client_limits;
/* Bounds for messages of upstreams: 16 MiB, depth 128, JSON_RESULT. */
extern const struct json_limits message_upstream_limits;

/* Reads a message that a client sent. *ret_refusal is filled on failure only. limits NULL:
 * message_client_limits. ERR_INVALID or ERR_LIMIT. */
enum err_code message_parse(struct str body, const struct json_limits *limits, struct arena *arena,
                            struct mcp_message *ret_message,
                            struct mcp_refusal *ret_refusal) MUST_CHECK;
/* Reads a message that an upstream sent. Unknown members of the envelope are passed over, since no
 * envelope is ever passed on; an error may have no id. limits NULL: message_upstream_limits. */
enum err_code message_parse_upstream(struct str body, const struct json_limits *limits,
                                     struct arena *arena, struct mcp_message *ret_message,
                                     struct err *err) MUST_CHECK;

/* The argument bytes as they go upstream and into the record: the source bytes, "{}" when missing.
 */
struct str message_arguments(const struct mcp_message *message);
/* How many members the arguments have. */
uint32_t message_argument_count(const struct mcp_message *message);

/* May it be the name of a tool: [A-Za-z0-9_.-], 1 to 128 bytes? */
bool message_is_tool_name(struct str name);
/* The id when it is an integer that the gateway could have given (request.h). */
bool message_own_id(const struct mcp_message *message, uint64_t *ret_id) MUST_CHECK;
