#include "mcp/method.h"

#define IN_LEGACY 1u
#define IN_MODERN 2u
#define IN_BOTH   3u

enum state { STATE_SERVED, STATE_LATER };

struct row {
    struct str name;
    uint8_t direction;
    uint8_t form;
    uint8_t class;
    uint8_t eras; /* IN_… */
    uint8_t state;
    uint8_t routing;
    uint8_t scope;
};

static const struct row rows[MCP_METHODS + 1] = {
#define X(id, text, direction_, form_, class_, eras_, state_, routing_, scope_)                    \
    [id] = {.name = STR_INIT(text),                                                                \
            .direction = MCP_##direction_,                                                         \
            .form = MCP_FORM_##form_,                                                              \
            .class = MCP_CLASS_##class_,                                                           \
            .eras = IN_##eras_,                                                                    \
            .state = STATE_##state_,                                                               \
            .routing = MCP_ROUTING_##routing_,                                                     \
            .scope = MCP_SCOPE_##scope_},
#include "mcp/methods.def"
#undef X
    [MCP_METHOD_UNKNOWN] = {.name = STR_INIT("?"), .state = STATE_LATER},
};

static const struct row *row_of(enum mcp_method method)
{
    return &rows[method < MCP_METHODS ? method : MCP_METHOD_UNKNOWN];
}

enum mcp_method method_find(struct str name, enum mcp_direction direction)
{
    for (enum mcp_method m = 0; m < MCP_METHODS; m++) {
        if (rows[m].direction == direction && str_eq(rows[m].name, name))
            return m;
    }
    return MCP_METHOD_UNKNOWN;
}

bool method_is_known(enum mcp_method method, enum mcp_era era)
{
    return (row_of(method)->eras & (era == MCP_MODERN ? IN_MODERN : IN_LEGACY)) != 0;
}

enum mcp_class method_class(enum mcp_method method, enum mcp_era era)
{
    const struct row *row = row_of(method);
    if (row->state != STATE_SERVED || !method_is_known(method, era))
        return MCP_CLASS_REFUSED;
    return (enum mcp_class)row->class;
}

const char *method_name(enum mcp_method method)
{
    return row_of(method)->name.ptr;
}

enum mcp_form method_form(enum mcp_method method)
{
    return (enum mcp_form)row_of(method)->form;
}

enum mcp_direction method_direction(enum mcp_method method)
{
    return (enum mcp_direction)row_of(method)->direction;
}

enum mcp_routing method_routing(enum mcp_method method)
{
    return (enum mcp_routing)row_of(method)->routing;
}

enum mcp_scope method_scope(enum mcp_method method)
{
    return (enum mcp_scope)row_of(method)->scope;
}
