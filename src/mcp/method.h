/*
 * method.h - the closed method table (law 4): for every method and direction, whether it is
 * governed, control or refused. The table itself is methods.def.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "mcp/version.h"

enum mcp_method {
#define X(name, method, direction, form, class, eras, state, routing, scope) name,
#include "mcp/methods.def"
#undef X
    MCP_METHODS, /* how many there are */
    /* Not in the table: refused. */
    MCP_METHOD_UNKNOWN = MCP_METHODS
};

enum mcp_direction {
    MCP_TO_SERVER, /* from a client, or from the gateway to an upstream */
    MCP_TO_CLIENT, /* from an upstream, or from the gateway to a client */
};

enum mcp_form {
    MCP_FORM_REQUEST,
    MCP_FORM_NOTIFICATION,
};

enum mcp_class {
    MCP_CLASS_REFUSED,  /* unknown, of the other era, or not yet served: -32601 */
    MCP_CLASS_CONTROL,  /* the gateway answers it itself; never goes upstream as it is */
    MCP_CLASS_GOVERNED, /* decided, and recorded before it goes upstream */
};

/* The member of params that names the object, and that Mcp-Name mirrors. */
enum mcp_routing {
    MCP_ROUTING_NONE,
    MCP_ROUTING_NAME,
    MCP_ROUTING_URI,
    MCP_ROUTING_TASK,
};

enum mcp_scope {
    MCP_SCOPE_NONE, /* any authenticated caller */
    MCP_SCOPE_LIST,
    MCP_SCOPE_CALL, /* call:CATEGORY of what is called */
};

/* MCP_METHOD_UNKNOWN: no such method in this direction. */
enum mcp_method method_find(struct str name, enum mcp_direction direction);

/* All take MCP_METHOD_UNKNOWN too. */
enum mcp_class method_class(enum mcp_method method, enum mcp_era era);
const char *method_name(enum mcp_method method); /* "?" when unknown */
enum mcp_form method_form(enum mcp_method method);
enum mcp_direction method_direction(enum mcp_method method);
enum mcp_routing method_routing(enum mcp_method method);
enum mcp_scope method_scope(enum mcp_method method);
/* Is it part of MCP in this era, though not served yet? For an honest message. */
bool method_is_known(enum mcp_method method, enum mcp_era era);
