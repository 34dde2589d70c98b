/*
 * header.h - the HTTP headers of MCP: finding them, and the coding of their values (MCP 2026-07-28,
 * "Streamable HTTP": =?base64?…?= for what is no plain visible ASCII).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/str.h"

struct mcp_header {
    struct str name;
    struct str value;
};

/* What MCP looks for in the headers of one request or response. Empty ptr: not there. Values are
 * trimmed. */
struct mcp_headers {
    struct str protocol_version;
    struct str method;
    struct str name;
    struct str session;
    struct str last_event_id;
    bool has_duplicate; /* one of the above stands there twice */
    bool accepts_json;
    bool accepts_sse;
    bool has_json_body; /* Content-Type is application/json */
    bool has_sse_body;  /* Content-Type is text/event-stream */
    /* All of them, for Mcp-Param-*; borrowed. */
    const struct mcp_header *all;
    size_t count;
};

void header_read(const struct mcp_header *headers, size_t count, struct mcp_headers *ret_headers);

/* The text that a value of Mcp-Name or Mcp-Param-* stands for. A view of value, or in arena. False:
 * bytes that are not allowed, base64 that is not strict or no UTF-8, or arena full. */
bool header_decode(struct str value, struct arena *arena, struct str *ret_text) MUST_CHECK;
/* The value that stands for text: text itself where it may stand plain, else coded in arena. False:
 * arena full. */
bool header_encode(struct str text, struct arena *arena, struct str *ret_value) MUST_CHECK;
/* The value of Mcp-Param-{param}; *ret_count says how often it stands there. */
struct str header_find_param(const struct mcp_headers *headers, struct str param,
                             size_t *ret_count);
/* A session id: visible ASCII, at most 512 bytes. */
bool header_is_session(struct str value);
