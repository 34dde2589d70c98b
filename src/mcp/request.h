/*
 * request.h - what the gateway says to upstreams. Everything is built from scratch; of the client's
 * message only the argument bytes and the foreign members of _meta travel, byte for byte.
 *
 * The gateway gives its own ids (integers from 1) and its own progress tokens (the id of the call).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "mcp/header.h"
#include "mcp/message.h"
#include "mcp/pieces.h"
#include "mcp/schema.h"
#include "mcp/version.h"

/* The closed set of what goes upstream without a receipt (law 1). */
enum mcp_control {
    MCP_CONTROL_DISCOVER,
    MCP_CONTROL_INITIALIZE,
    MCP_CONTROL_INITIALIZED,
    MCP_CONTROL_TOOLS_LIST,
    MCP_CONTROL_PING,
    MCP_CONTROL_CANCELLED,
};

struct mcp_control_request {
    enum mcp_control control;
    enum mcp_version version; /* spoken with the upstream; of INITIALIZE: asked for */
    uint64_t id;              /* of the request; of CANCELLED: the id of what is cancelled */
    struct str cursor;        /* of TOOLS_LIST; ptr NULL: the first page */
    struct str reason;        /* of CANCELLED; empty: none */
};

const char *request_control_method(enum mcp_control control);
/* Appends the message. No newline behind it and none inside. */
void request_control(struct buf *out, const struct mcp_control_request *request);

struct mcp_call {
    const struct mcp_message *message; /* the judged tools/call */
    struct str upstream_name;
    enum mcp_version version; /* spoken with the upstream */
    uint64_t id;              /* also the progress token, when the client gave one */
};

/* The tools/call as it goes: exactly one piece is message_arguments(). head takes what is written
 * anew and must not change while the pieces are in use. ERR_LIMIT: head is full. */
enum err_code request_call(const struct mcp_call *call, struct buf *head,
                           struct mcp_pieces *ret_pieces, struct err *err) MUST_CHECK;

/* What the headers of a POST to an upstream depend on. */
struct mcp_header_facts {
    enum mcp_version version;
    struct str method;
    struct str name;                   /* upstream name; ptr NULL: none */
    struct str session;                /* of a legacy upstream; ptr NULL: none */
    bool is_initialize;                /* legacy: no version header yet */
    const struct mcp_message *message; /* of tools/call, for Mcp-Param-*; NULL: none */
    const struct schema_facts *facts;  /* NULL: none */
};

/* Content-Type, Accept and what MCP adds. *ret_headers lives in arena. ERR_INVALID: an argument
 * can't travel as a header. ERR_LIMIT: arena full. */
enum err_code request_headers(const struct mcp_header_facts *facts, struct arena *arena,
                              const struct mcp_header **ret_headers, size_t *ret_count,
                              struct err *err) MUST_CHECK;
