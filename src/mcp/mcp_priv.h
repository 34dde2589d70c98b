/*
 * mcp_priv.h - the names and literals of MCP that several files of this room write or look for.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/json.h"
#include "base/str.h"
#include "mcp/message.h"

#define META_PREFIX       "io.modelcontextprotocol/"
#define META_VERSION      META_PREFIX "protocolVersion"
#define META_CAPABILITIES META_PREFIX "clientCapabilities"
#define META_CLIENT       META_PREFIX "clientInfo"
#define META_LOG_LEVEL    META_PREFIX "logLevel"
#define META_SERVER       META_PREFIX "serverInfo"

/* The gateway's name, as a client and as a server. */
#define OWN_INFO "{\"name\":\"portreeve\",\"version\":\"" PORTREEVE_VERSION "\"}"

/* Is the name of a _meta member reserved for the protocol: a prefix whose second label is
 * modelcontextprotocol or mcp (in any case)? MCP "General fields", _meta. */
bool meta_is_reserved(struct str name);

/* The word of RFC 5424 severities in MCP; "" for MCP_LOG_NONE. */
struct str log_level_word(enum mcp_log_level level);
/* MCP_LOG_NONE: no such word. */
enum mcp_log_level log_level_find(const struct json_doc *doc, json_pos pos);

/* The members of an object in order: name is JSON_NONE behind the last. */
struct member {
    json_pos name;
    json_pos value;
};
struct member member_first(const struct json_doc *doc, json_pos object);
struct member member_next(const struct json_doc *doc, json_pos object, struct member member);
/* The source bytes from the name of first to the value of last. */
struct str member_run(const struct json_doc *doc, struct member first, struct member last);
