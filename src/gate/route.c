#include "gate/route.h"

static const struct {
    struct str path;
    enum route_kind kind;
} exact[] = {
    {STR_INIT("/mcp"), ROUTE_MCP},
    {STR_INIT("/metrics"), ROUTE_METRICS},
    {STR_INIT("/healthz"), ROUTE_HEALTH},
    {STR_INIT("/readyz"), ROUTE_READY},
    {STR_INIT("/.well-known/oauth-authorization-server"), ROUTE_OAUTH_METADATA},
    {STR_INIT("/oauth/keys"), ROUTE_OAUTH_KEYS},
    {STR_INIT("/oauth/token"), ROUTE_OAUTH_TOKEN},
    {STR_INIT("/oauth/authorize"), ROUTE_OAUTH_AUTHORIZE},
    {STR_INIT("/oauth/choose"), ROUTE_OAUTH_CHOOSE},
    {STR_INIT("/oauth/owner"), ROUTE_OAUTH_OWNER},
    {STR_INIT("/oauth/callback"), ROUTE_OAUTH_CALLBACK},
    {STR_INIT("/oauth/consent"), ROUTE_OAUTH_CONSENT},
    {STR_INIT("/oauth/register"), ROUTE_OAUTH_REGISTER},
    {STR_INIT("/oauth/introspect"), ROUTE_OAUTH_INTROSPECT},
    {STR_INIT("/oauth/revoke"), ROUTE_OAUTH_REVOKE},
    {STR_INIT("/oauth/backchannel-logout"), ROUTE_OAUTH_LOGOUT},
};

struct route route_of(struct str path)
{
    for (size_t i = 0; i < ARRAY_LEN(exact); i++) {
        if (str_eq(path, exact[i].path))
            return (struct route){.kind = exact[i].kind};
    }
    if (str_starts(path, STR("/mcp/"))) {
        struct str server = str_from(path, strlen("/mcp/"));

        if (server.len > 0 && str_find(server, '/') == server.len)
            return (struct route){.kind = ROUTE_SERVER, .server = server};
    }
    if (str_starts(path, STR(RESOURCE_PATH))) {
        struct str rest = str_from(path, strlen(RESOURCE_PATH));

        if (rest.len == 0 || rest.ptr[0] == '/')
            return (struct route){.kind = ROUTE_RESOURCE, .rest = rest};
    }
    if (str_starts(path, STR("/api/v1/")) || str_starts(path, STR("/scim/v2/")))
        return (struct route){.kind = ROUTE_API};
    return (struct route){.kind = ROUTE_NONE};
}

enum route_side route_side(enum route_kind kind)
{
    switch (kind) {
    case ROUTE_API:
    case ROUTE_METRICS:
        return ROUTE_SIDE_ADMIN;
    case ROUTE_MCP:
    case ROUTE_SERVER:
    case ROUTE_RESOURCE:
    case ROUTE_OAUTH_METADATA:
    case ROUTE_OAUTH_KEYS:
    case ROUTE_OAUTH_TOKEN:
    case ROUTE_OAUTH_INTROSPECT:
    case ROUTE_OAUTH_AUTHORIZE:
    case ROUTE_OAUTH_CHOOSE:
    case ROUTE_OAUTH_OWNER:
    case ROUTE_OAUTH_CALLBACK:
    case ROUTE_OAUTH_CONSENT:
    case ROUTE_OAUTH_REGISTER:
    case ROUTE_OAUTH_REVOKE:
    case ROUTE_OAUTH_LOGOUT:
        return ROUTE_SIDE_MCP;
    case ROUTE_NONE:
    case ROUTE_HEALTH:
    case ROUTE_READY:
        break;
    }
    return ROUTE_SIDE_BOTH;
}
