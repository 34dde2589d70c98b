/*
 * route.h - which path is what. The decision uses the request target alone, compared byte for byte:
 * no normalising, no suffixes, so that no spelling of a path reaches an endpoint by a side door.
 */
#pragma once

#include "base/str.h"

enum route_kind {
    ROUTE_NONE,
    ROUTE_MCP,              /* /mcp: everything the caller may use */
    ROUTE_SERVER,           /* /mcp/SERVER: one server, plain names */
    ROUTE_API,              /* /api/v1/… */
    ROUTE_METRICS,          /* /metrics */
    ROUTE_HEALTH,           /* /healthz: the process answers */
    ROUTE_RESOURCE,         /* /.well-known/oauth-protected-resource…: RFC 9728 */
    ROUTE_OAUTH_METADATA,   /* /.well-known/oauth-authorization-server: RFC 8414 */
    ROUTE_OAUTH_KEYS,       /* /oauth/keys */
    ROUTE_OAUTH_TOKEN,      /* /oauth/token: clients authenticate there themselves */
    ROUTE_OAUTH_INTROSPECT, /* /oauth/introspect: what a token is, for the client that has it */
    ROUTE_OAUTH_AUTHORIZE,  /* /oauth/authorize and what follows: people sign in (login.c) */
    ROUTE_OAUTH_CHOOSE,
    ROUTE_OAUTH_OWNER,
    ROUTE_OAUTH_CALLBACK,
    ROUTE_OAUTH_CONSENT,
    ROUTE_OAUTH_REGISTER,
    ROUTE_OAUTH_REVOKE,
    ROUTE_OAUTH_LOGOUT, /* /oauth/backchannel-logout: the provider says who left (logout.c) */
    ROUTE_READY,        /* /readyz: calls can be served and recorded */
};

struct route {
    enum route_kind kind;
    struct str server; /* of ROUTE_SERVER: a view into path */
    struct str rest;   /* of ROUTE_API: what stands behind /api/v1; of ROUTE_RESOURCE: the path
                          of the resource, "/mcp" or "" */
};

/* RFC 9728 §3.1: stands between host and path of the resource. */
#define RESOURCE_PATH "/.well-known/oauth-protected-resource"

struct route route_of(struct str path);

/* Which listeners answer a route: those for MCP, those for administration, or all. */
enum route_side { ROUTE_SIDE_BOTH, ROUTE_SIDE_MCP, ROUTE_SIDE_ADMIN };

enum route_side route_side(enum route_kind kind);
