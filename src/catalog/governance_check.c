#include <stdarg.h>
#include <stdio.h>

#include "base/addr.h"
#include "base/table.h"
#include "base/url.h"
#include "catalog/governance_priv.h"
#include "catalog/names.h"

enum { MAX_TEXT_BYTES = 200 };

struct checker {
    const struct governance *governance;
    const struct governance_host *host;
    governance_line_fn *line;
    void *line_ctx;
    struct table *servers; /* names seen so far, each to its object */
    struct table *roles;
    struct table *grants;
    struct table *robots;
    struct err *err;
};

/* ptr: the text or object that is refused. */
static enum err_code refuse(const struct checker *c, const void *ptr, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

static enum err_code refuse(const struct checker *c, const void *ptr, const char *fmt, ...)
{
    char text[ERR_TEXT_BYTES];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    uint32_t line = c->line == NULL ? 0 : c->line(c->line_ctx, ptr);
    if (line == 0)
        return err_set(c->err, ERR_INVALID, "%s", text);
    return err_set(c->err, ERR_INVALID, "line %u: %s", line, text);
}

static enum err_code no_memory(const struct checker *c)
{
    return err_set(c->err, ERR_LIMIT, "no memory left to check the governance");
}

/* Remembers name; value is not NULL. */
static enum err_code add_once(const struct checker *c, struct table *seen, const char *what,
                              struct str name, void *value)
{
    if (table_get(seen, name) != NULL)
        return refuse(c, name.ptr, "%s '" STR_FMT "' stands here twice", what, STR_ARG(name));
    return table_put(seen, name, value, NULL) ? ERR_OK : no_memory(c);
}

/* Names of roles, grants and groups, and patterns: free text that fits on a line. */
static enum err_code check_text(const struct checker *c, const char *what, struct str text)
{
    if (text.len == 0 || text.len > MAX_TEXT_BYTES || !str_is_utf8(text))
        return refuse(c, text.ptr, "%s has %zu bytes; expected is UTF-8 of 1 to %d", what, text.len,
                      MAX_TEXT_BYTES);
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f)
            return refuse(c, text.ptr, "%s holds a control character", what);
    return ERR_OK;
}

static enum err_code check_email(const struct checker *c, const char *what, struct str text)
{
    if (governance_is_email(text))
        return ERR_OK;
    return refuse(c, text.ptr, "%s '" STR_FMT "' is no e-mail address", what, STR_ARG(text));
}

typedef enum err_code item_fn(const struct checker *c, const char *what, struct str item);

/* Every item by itself, and none twice. */
static enum err_code check_list(const struct checker *c, const char *what, struct str *items,
                                size_t count, item_fn *check)
{
    struct table *seen = table_new();
    enum err_code code = seen == NULL ? no_memory(c) : ERR_OK;
    for (size_t i = 0; i < count && code == ERR_OK; i++) {
        code = check(c, what, items[i]);
        if (code == ERR_OK)
            code = add_once(c, seen, what, items[i], &items[i]);
    }
    table_free(seen);
    return code;
}

static enum err_code check_secret(const struct checker *c, const struct server *server,
                                  struct str secret)
{
    if (!governance_is_name(secret))
        return refuse(c, secret.ptr,
                      "server '" STR_FMT "': '" STR_FMT
                      "' is no name for a secret; expected is [a-z0-9._-], starting with a letter "
                      "or digit",
                      STR_ARG(server->name), STR_ARG(secret));
    if (c->host->has_secret != NULL && !c->host->has_secret(c->host->ctx, secret))
        return refuse(c, secret.ptr,
                      "server '" STR_FMT "': there is no secret '" STR_FMT
                      "'; put it as a file of that name into the gateway's secrets_dir",
                      STR_ARG(server->name), STR_ARG(secret));
    return ERR_OK;
}

/* A field name (RFC 9110 §5.1). */
static bool is_token(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char ch = text.ptr[i];
        bool is_alnum = (ch >= '0' && ch <= '9') || ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z');
        if (ch == '\0' || (!is_alnum && strchr("!#$%&'*+-.^_`|~", ch) == NULL))
            return false;
    }
    return text.len > 0 && text.len <= MAX_TEXT_BYTES;
}

/* Headers that the gateway itself decides: framing (RFC 9112), routing, and those of MCP. */
static bool is_own_header(struct str name)
{
    static const struct str own[] = {
        STR_INIT("host"),
        STR_INIT("connection"),
        STR_INIT("content-length"),
        STR_INIT("content-type"),
        STR_INIT("transfer-encoding"),
        STR_INIT("trailer"),
        STR_INIT("upgrade"),
        STR_INIT("keep-alive"),
        STR_INIT("expect"),
        STR_INIT("accept"),
        STR_INIT("content-encoding"),
        STR_INIT("last-event-id"),
        STR_INIT("proxy-connection"),
        STR_INIT("accept-encoding"),
    };
    for (size_t i = 0; i < ARRAY_LEN(own); i++)
        if (str_eq_nocase(name, own[i]))
            return true;
    return str_eq_nocase(str_first(name, 4), STR("mcp-"));
}

static enum err_code check_header(const struct checker *c, const struct server *server,
                                  size_t index)
{
    struct str header = server->headers[index].header;
    if (!is_token(header))
        return refuse(c, header.ptr, "server '" STR_FMT "': '" STR_FMT "' is no name of a header",
                      STR_ARG(server->name), STR_ARG(header));
    if (is_own_header(header))
        return refuse(c, header.ptr,
                      "server '" STR_FMT "': the header '" STR_FMT "' is set by the gateway itself",
                      STR_ARG(server->name), STR_ARG(header));
    for (size_t i = 0; i < index; i++)
        if (str_eq_nocase(server->headers[i].header, header))
            return refuse(c, header.ptr,
                          "server '" STR_FMT "': the header '" STR_FMT "' stands here twice",
                          STR_ARG(server->name), STR_ARG(header));
    return check_secret(c, server, server->headers[index].secret);
}

static enum err_code check_shared(const struct checker *c, const struct server *server)
{
    if (server->kind == SERVER_PROGRAM)
        return refuse(c, server->name.ptr,
                      "server '" STR_FMT "' is a program, which gets its secrets from `env` of the "
                      "settings file; expected is credential: {mode: none}",
                      STR_ARG(server->name));
    if (server->credential_type == CREDENTIAL_BEARER)
        return check_secret(c, server, server->secret);
    if (server->header_count == 0 || server->header_count > 32)
        return refuse(c, server->name.ptr, "server '" STR_FMT "' has %zu headers; expected 1 to 32",
                      STR_ARG(server->name), server->header_count);
    for (size_t i = 0; i < server->header_count; i++)
        if (check_header(c, server, i) != ERR_OK)
            return c->err->code;
    return ERR_OK;
}

static enum err_code check_credential(const struct checker *c, const struct server *server)
{
    switch (server->credential_mode) {
    case CREDENTIAL_NONE:
        return ERR_OK;
    case CREDENTIAL_SHARED:
        return check_shared(c, server);
    case CREDENTIAL_PERSONAL:
    case CREDENTIAL_MODES:
        break;
    }
    return refuse(c, server->name.ptr,
                  "server '" STR_FMT "': credential mode %s is not yet available; expected is none "
                  "or shared",
                  STR_ARG(server->name), credential_mode_word(server->credential_mode));
}

static enum err_code check_address(const struct checker *c, const struct server *server)
{
    if (server->kind == SERVER_URL) {
        struct url url;
        struct err why;
        if (url_parse(server->address, &url, &why) == ERR_OK)
            return ERR_OK;
        return refuse(c, server->address.ptr, "server '" STR_FMT "': url: %s",
                      STR_ARG(server->name), why.text);
    }
    if (!governance_is_name(server->address))
        return refuse(c, server->address.ptr,
                      "server '" STR_FMT "': '" STR_FMT "' is no name of a program",
                      STR_ARG(server->name), STR_ARG(server->address));
    if (c->host->has_program != NULL && !c->host->has_program(c->host->ctx, server->address))
        return refuse(c, server->address.ptr,
                      "server '" STR_FMT "': the settings file has no program '" STR_FMT
                      "'; commands are named there and nowhere else",
                      STR_ARG(server->name), STR_ARG(server->address));
    return ERR_OK;
}

static enum err_code check_rules(const struct checker *c, const struct server *server)
{
    struct table *seen = table_new();
    enum err_code code = seen == NULL ? no_memory(c) : ERR_OK;
    for (size_t i = 0; i < server->rule_count && code == ERR_OK; i++) {
        struct tool_rule *rule = &server->rules[i];
        code = check_text(c, "a tool name or pattern", rule->pattern);
        if (code == ERR_OK && rule->category >= CATEGORIES)
            code = refuse(c, rule->pattern.ptr, "an unknown category");
        if (code == ERR_OK)
            code = add_once(c, seen, "tool", rule->pattern, rule);
    }
    table_free(seen);
    return code;
}

static enum err_code check_server(const struct checker *c, struct server *server)
{
    if (!names_is_server(server->name))
        return refuse(c, server->name.ptr,
                      "'" STR_FMT "' is no name for a server; expected is [a-z0-9_-], 1 to %d, "
                      "starting with a letter or digit, without __ and not ending in _",
                      STR_ARG(server->name), NAMES_MAX_SERVER_BYTES);
    if (add_once(c, c->servers, "server", server->name, server) != ERR_OK ||
        check_address(c, server) != ERR_OK || check_credential(c, server) != ERR_OK)
        return c->err->code;
    return check_rules(c, server);
}

static enum err_code check_network(const struct checker *c, const char *what, struct str item)
{
    struct addr_net net;
    struct err why;
    (void)what;
    if (addr_parse_net(item, &net, &why) == ERR_OK)
        return ERR_OK;
    return refuse(c, item.ptr, "'" STR_FMT "' is no network like 10.0.0.0/8", STR_ARG(item));
}

static enum err_code check_robot(const struct checker *c, struct robot *robot)
{
    if (!governance_is_name(robot->name))
        return refuse(c, robot->name.ptr,
                      "'" STR_FMT "' is no name for a robot; expected is [a-z0-9._-], 1 to 64, "
                      "starting with a letter or digit",
                      STR_ARG(robot->name));
    if (add_once(c, c->robots, "robot", robot->name, robot) != ERR_OK ||
        check_list(c, "network", robot->networks, robot->network_count, check_network) != ERR_OK ||
        check_list(c, "claim", robot->identity, robot->identity_count, check_text) != ERR_OK)
        return c->err->code;
    return check_email(c, "a robot's owner", robot->owner);
}

static enum err_code check_known_role(const struct checker *c, const char *what, struct str item)
{
    if (table_get(c->roles, item) != NULL)
        return ERR_OK;
    return refuse(c, item.ptr, "there is no %s '" STR_FMT "' in this file", what, STR_ARG(item));
}

static enum err_code check_known_robot(const struct checker *c, const char *what, struct str item)
{
    if (table_get(c->robots, item) != NULL)
        return ERR_OK;
    return refuse(c, item.ptr, "there is no %s '" STR_FMT "' in this file", what, STR_ARG(item));
}

static enum err_code check_role(const struct checker *c, struct role *role)
{
    if (check_text(c, "a role's name", role->name) != ERR_OK ||
        add_once(c, c->roles, "role", role->name, role) != ERR_OK ||
        check_list(c, "user", role->users, role->user_count, check_email) != ERR_OK ||
        check_list(c, "group", role->groups, role->group_count, check_text) != ERR_OK)
        return c->err->code;
    return check_list(c, "robot", role->robots, role->robot_count, check_known_robot);
}

static enum err_code check_grant(const struct checker *c, struct grant *grant)
{
    if (check_text(c, "a grant's name", grant->name) != ERR_OK ||
        add_once(c, c->grants, "grant", grant->name, grant) != ERR_OK)
        return c->err->code;
    if (table_get(c->servers, grant->server) == NULL)
        return refuse(c, grant->server.ptr,
                      "grant '" STR_FMT "': there is no server '" STR_FMT "' in this file",
                      STR_ARG(grant->name), STR_ARG(grant->server));
    if ((grant->categories & ~CATEGORY_SET_ALL) != 0)
        return refuse(c, grant->name.ptr, "grant '" STR_FMT "': an unknown category",
                      STR_ARG(grant->name));
    if (check_list(c, "role", grant->roles, grant->role_count, check_known_role) != ERR_OK ||
        check_list(c, "user", grant->users, grant->user_count, check_email) != ERR_OK ||
        check_list(c, "group", grant->groups, grant->group_count, check_text) != ERR_OK ||
        check_list(c, "robot", grant->robots, grant->robot_count, check_known_robot) != ERR_OK)
        return c->err->code;
    return check_list(c, "tool", grant->tools, grant->tool_count, check_text);
}

static bool is_same_ceiling(const struct ceiling *a, const struct ceiling *b)
{
    return a->principals == b->principals && a->deny == b->deny && a->approval == b->approval;
}

/* Ceilings that differ are few: 7 sets of principals by 3 words for each of 4 categories. */
static enum err_code check_ceiling(const struct checker *c, size_t index)
{
    const struct ceiling *ceiling = &c->governance->ceilings[index];
    if (ceiling->principals == 0 || (ceiling->principals & ~PRINCIPAL_SET_ALL) != 0)
        return refuse(c, ceiling,
                      "a ceiling limits nobody; expected in principals are human, "
                      "delegated, robot");
    if ((ceiling->deny | ceiling->approval) == 0 ||
        ((ceiling->deny | ceiling->approval) & ~CATEGORY_SET_ALL) != 0)
        return refuse(c, ceiling,
                      "a ceiling limits nothing; expected are categories in deny or "
                      "approval");
    if ((ceiling->deny & ceiling->approval) != 0)
        return refuse(c, ceiling, "a ceiling denies a category and asks for approval of it");
    for (size_t i = 0; i < index; i++)
        if (is_same_ceiling(&c->governance->ceilings[i], ceiling))
            return refuse(c, ceiling, "this ceiling stands here twice");
    return ERR_OK;
}

static enum err_code check_all(const struct checker *c)
{
    const struct governance *g = c->governance;
    if (c->servers == NULL || c->roles == NULL || c->grants == NULL || c->robots == NULL)
        return no_memory(c);
    enum err_code code = ERR_OK;
    for (size_t i = 0; i < g->server_count && code == ERR_OK; i++)
        code = check_server(c, &g->servers[i]);
    for (size_t i = 0; i < g->robot_count && code == ERR_OK; i++)
        code = check_robot(c, &g->robots[i]);
    for (size_t i = 0; i < g->role_count && code == ERR_OK; i++)
        code = check_role(c, &g->roles[i]);
    for (size_t i = 0; i < g->grant_count && code == ERR_OK; i++)
        code = check_grant(c, &g->grants[i]);
    for (size_t i = 0; i < g->ceiling_count && code == ERR_OK; i++)
        code = check_ceiling(c, i);
    return code;
}

enum err_code governance_check_at(const struct governance *governance,
                                  const struct governance_host *host, governance_line_fn *line,
                                  void *line_ctx, struct err *err)
{
    static const struct governance_host any_host;
    struct checker c = {
        .governance = governance,
        .host = host == NULL ? &any_host : host,
        .line = line,
        .line_ctx = line_ctx,
        .servers = table_new(),
        .roles = table_new(),
        .grants = table_new(),
        .robots = table_new(),
        .err = err,
    };
    enum err_code code = check_all(&c);
    table_free(c.servers);
    table_free(c.roles);
    table_free(c.grants);
    table_free(c.robots);
    return code;
}

enum err_code governance_check(const struct governance *governance,
                               const struct governance_host *host, struct err *err)
{
    struct err own;
    return governance_check_at(governance, host, NULL, NULL, err == NULL ? &own : err);
}
