#include "catalog/governance_priv.h"
#include "catalog/reader_priv.h"

/* Credential of a server. */

static enum err_code credential_mode(struct reader *r, const struct yaml_node *node, void *object)
{
    struct server *server = object;
    struct str word;
    if (reader_text(r, node, &word) != ERR_OK)
        return r->err->code;
    if (!credential_mode_parse(word, &server->credential_mode))
        return yaml_err(node, r->err, "unknown mode '" STR_FMT "'; expected is none or shared",
                        STR_ARG(word));
    if (server->credential_mode == CREDENTIAL_PERSONAL)
        return yaml_err(node, r->err,
                        "mode personal is not yet available; expected is none or shared");
    return ERR_OK;
}

static enum err_code credential_type(struct reader *r, const struct yaml_node *node, void *object)
{
    struct server *server = object;
    struct str word;
    if (reader_text(r, node, &word) != ERR_OK)
        return r->err->code;
    if (str_eq(word, STR("bearer")))
        server->credential_type = CREDENTIAL_BEARER;
    else if (str_eq(word, STR("headers")))
        server->credential_type = CREDENTIAL_HEADERS;
    else
        return yaml_err(node, r->err, "type '" STR_FMT "' is %s; expected is bearer or headers",
                        STR_ARG(word),
                        str_eq(word, STR("oauth")) ? "not yet available" : "unknown");
    return ERR_OK;
}

static enum err_code credential_secret(struct reader *r, const struct yaml_node *node, void *object)
{
    struct server *server = object;
    return reader_text(r, node, &server->secret);
}

static enum err_code credential_headers(struct reader *r, const struct yaml_node *node,
                                        void *object)
{
    struct server *server = object;
    if (node->kind != YAML_MAPPING)
        return reader_expected(r, node, "a mapping of header names to names of secrets");
    server->headers = arena_calloc(r->arena, node->count, sizeof *server->headers);
    if (server->headers == NULL)
        return reader_no_memory(r);
    for (const struct yaml_node *item = node->first; item != NULL; item = item->next) {
        struct secret_header *header = &server->headers[server->header_count++];
        if (reader_text(r, item->name, &header->header) != ERR_OK ||
            reader_text(r, item, &header->secret) != ERR_OK)
            return r->err->code;
    }
    return ERR_OK;
}

/* The keys that mode and type ask for, and no others. */
static enum err_code check_credential_keys(const struct reader *r, const struct yaml_node *node,
                                           const struct server *server)
{
    static const struct {
        const char *name;
        enum credential_type type;
    } keys[] = {{"secret", CREDENTIAL_BEARER}, {"headers", CREDENTIAL_HEADERS}};

    bool is_shared = server->credential_mode == CREDENTIAL_SHARED;
    if ((yaml_find(node, STR("type")) != NULL) != is_shared)
        return yaml_err(node, r->err,
                        is_shared ? "mode shared needs a type; expected is bearer or headers"
                                  : "mode none has no type");
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        bool is_needed = is_shared && server->credential_type == keys[i].type;
        if ((yaml_find(node, str_c(keys[i].name)) != NULL) != is_needed)
            return yaml_err(node, r->err, "this credential %s the key '%s'",
                            is_needed ? "lacks" : "can't have", keys[i].name);
    }
    return ERR_OK;
}

/* Server. */

static enum err_code server_name(struct reader *r, const struct yaml_node *node, void *object)
{
    struct server *server = object;
    return reader_text(r, node, &server->name);
}

static enum err_code read_address(struct reader *r, const struct yaml_node *node,
                                  struct server *server, enum server_kind kind)
{
    if (server->address.ptr != NULL)
        return yaml_err(node, r->err, "found url and program; expected is one of them");
    server->kind = kind;
    return reader_text(r, node, &server->address);
}

static enum err_code server_url(struct reader *r, const struct yaml_node *node, void *object)
{
    return read_address(r, node, object, SERVER_URL);
}

static enum err_code server_program(struct reader *r, const struct yaml_node *node, void *object)
{
    return read_address(r, node, object, SERVER_PROGRAM);
}

static enum err_code server_credential(struct reader *r, const struct yaml_node *node, void *object)
{
    static const struct reader_key keys[] = {
        {"mode", credential_mode, true},
        {"type", credential_type, false},
        {"secret", credential_secret, false},
        {"headers", credential_headers, false},
    };
    if (reader_mapping(r, node, "a credential", keys, ARRAY_LEN(keys), object) != ERR_OK)
        return r->err->code;
    return check_credential_keys(r, node, object);
}

static enum err_code server_tools(struct reader *r, const struct yaml_node *node, void *object)
{
    struct server *server = object;
    if (node->kind != YAML_MAPPING)
        return reader_expected(r, node, "a mapping of tool names or patterns to categories");
    server->rules = arena_calloc(r->arena, node->count, sizeof *server->rules);
    if (server->rules == NULL)
        return reader_no_memory(r);
    for (const struct yaml_node *item = node->first; item != NULL; item = item->next) {
        struct tool_rule *rule = &server->rules[server->rule_count++];
        if (reader_text(r, item->name, &rule->pattern) != ERR_OK ||
            reader_category(r, item, &rule->category) != ERR_OK)
            return r->err->code;
    }
    return ERR_OK;
}

static enum err_code review_release(struct reader *r, const struct yaml_node *node, void *object)
{
    struct server *server = object;
    server->release = 0;
    if (node->kind != YAML_SEQUENCE)
        return reader_expected(r, node, "a list of first, returning, certain-reads, all");
    for (const struct yaml_node *item = node->first; item != NULL; item = item->next) {
        struct str word;
        enum release release;
        if (reader_text(r, item, &word) != ERR_OK)
            return r->err->code;
        if (!release_parse(word, &release))
            return yaml_err(item, r->err,
                            "'" STR_FMT "' is nothing to release by; expected is first, returning, "
                            "certain-reads or all",
                            STR_ARG(word));
        if (reader_add_to_set(r, item, RELEASE_BIT(release), &server->release) != ERR_OK)
            return r->err->code;
    }
    return ERR_OK;
}

static enum err_code review_look(struct reader *r, const struct yaml_node *node, void *object)
{
    struct server *server = object;
    server->look = 0;
    return reader_categories(r, node, &server->look);
}

static enum err_code server_review(struct reader *r, const struct yaml_node *node, void *object)
{
    static const struct reader_key keys[] = {
        {"release", review_release, false},
        {"look", review_look, false},
    };
    return reader_mapping(r, node, "a mapping of release, look", keys, ARRAY_LEN(keys), object);
}

static enum err_code server_disabled(struct reader *r, const struct yaml_node *node, void *object)
{
    struct server *server = object;
    return reader_flag(r, node, &server->is_disabled);
}

static enum err_code read_server(struct reader *r, const struct yaml_node *node, void *object)
{
    static const struct reader_key keys[] = {
        {"name", server_name, true},        {"url", server_url, false},
        {"program", server_program, false}, {"credential", server_credential, true},
        {"tools", server_tools, false},     {"disabled", server_disabled, false},
        {"review", server_review, false},
    };
    struct server *server = object;
    server->release = GOVERNANCE_RELEASE_PRESET;
    server->look = GOVERNANCE_LOOK_PRESET;
    if (reader_mapping(r, node, "a server", keys, ARRAY_LEN(keys), object) != ERR_OK)
        return r->err->code;
    if (server->address.ptr == NULL)
        return yaml_err(node, r->err, "a server lacks its address; expected is url or program");
    return ERR_OK;
}

/* Role. */

static enum err_code role_name(struct reader *r, const struct yaml_node *node, void *object)
{
    struct role *role = object;
    return reader_text(r, node, &role->name);
}

static enum err_code role_users(struct reader *r, const struct yaml_node *node, void *object)
{
    struct role *role = object;
    return reader_texts(r, node, &role->users, &role->user_count);
}

static enum err_code role_groups(struct reader *r, const struct yaml_node *node, void *object)
{
    struct role *role = object;
    return reader_texts(r, node, &role->groups, &role->group_count);
}

static enum err_code role_robots(struct reader *r, const struct yaml_node *node, void *object)
{
    struct role *role = object;
    return reader_texts(r, node, &role->robots, &role->robot_count);
}

static enum err_code read_role(struct reader *r, const struct yaml_node *node, void *object)
{
    static const struct reader_key keys[] = {
        {"name", role_name, true},
        {"users", role_users, false},
        {"groups", role_groups, false},
        {"robots", role_robots, false},
    };
    return reader_mapping(r, node, "a role", keys, ARRAY_LEN(keys), object);
}

/* Grant. */

static enum err_code grant_name(struct reader *r, const struct yaml_node *node, void *object)
{
    struct grant *grant = object;
    return reader_text(r, node, &grant->name);
}

static enum err_code grant_to_roles(struct reader *r, const struct yaml_node *node, void *object)
{
    struct grant *grant = object;
    return reader_texts(r, node, &grant->roles, &grant->role_count);
}

static enum err_code grant_to_users(struct reader *r, const struct yaml_node *node, void *object)
{
    struct grant *grant = object;
    return reader_texts(r, node, &grant->users, &grant->user_count);
}

static enum err_code grant_to_groups(struct reader *r, const struct yaml_node *node, void *object)
{
    struct grant *grant = object;
    return reader_texts(r, node, &grant->groups, &grant->group_count);
}

static enum err_code grant_to_robots(struct reader *r, const struct yaml_node *node, void *object)
{
    struct grant *grant = object;
    return reader_texts(r, node, &grant->robots, &grant->robot_count);
}

static enum err_code grant_to(struct reader *r, const struct yaml_node *node, void *object)
{
    static const struct reader_key keys[] = {
        {"roles", grant_to_roles, false},
        {"users", grant_to_users, false},
        {"groups", grant_to_groups, false},
        {"robots", grant_to_robots, false},
    };
    return reader_mapping(r, node, "a mapping of roles, users, groups, robots", keys,
                          ARRAY_LEN(keys), object);
}

static enum err_code grant_server(struct reader *r, const struct yaml_node *node, void *object)
{
    struct grant *grant = object;
    return reader_text(r, node, &grant->server);
}

static enum err_code grant_categories(struct reader *r, const struct yaml_node *node, void *object)
{
    struct grant *grant = object;
    return reader_categories(r, node, &grant->categories);
}

static enum err_code grant_tools(struct reader *r, const struct yaml_node *node, void *object)
{
    struct grant *grant = object;
    return reader_texts(r, node, &grant->tools, &grant->tool_count);
}

static enum err_code read_grant(struct reader *r, const struct yaml_node *node, void *object)
{
    static const struct reader_key keys[] = {
        {"name", grant_name, true},     {"to", grant_to, true},
        {"server", grant_server, true}, {"categories", grant_categories, false},
        {"tools", grant_tools, false},
    };
    if (reader_mapping(r, node, "a grant", keys, ARRAY_LEN(keys), object) != ERR_OK)
        return r->err->code;
    if (yaml_find(node, STR("categories")) == NULL && yaml_find(node, STR("tools")) == NULL)
        return yaml_err(node, r->err,
                        "a grant lacks what it grants; expected is categories, tools, "
                        "or both");
    return ERR_OK;
}

/* Ceiling. */

static enum err_code ceiling_principals(struct reader *r, const struct yaml_node *node,
                                        void *object)
{
    struct ceiling *ceiling = object;
    if (node->kind != YAML_SEQUENCE)
        return reader_expected(r, node, "a list of human, delegated, robot");
    for (const struct yaml_node *item = node->first; item != NULL; item = item->next) {
        struct str word;
        enum principal_kind kind;
        if (reader_text(r, item, &word) != ERR_OK)
            return r->err->code;
        if (!principal_parse(word, &kind))
            return yaml_err(item, r->err,
                            "unknown kind of principal '" STR_FMT
                            "'; expected is human, delegated or robot",
                            STR_ARG(word));
        if (reader_add_to_set(r, item, PRINCIPAL_BIT(kind), &ceiling->principals) != ERR_OK)
            return r->err->code;
    }
    return ERR_OK;
}

static enum err_code ceiling_deny(struct reader *r, const struct yaml_node *node, void *object)
{
    struct ceiling *ceiling = object;
    return reader_categories(r, node, &ceiling->deny);
}

static enum err_code ceiling_approval(struct reader *r, const struct yaml_node *node, void *object)
{
    struct ceiling *ceiling = object;
    return reader_categories(r, node, &ceiling->approval);
}

static enum err_code read_ceiling(struct reader *r, const struct yaml_node *node, void *object)
{
    static const struct reader_key keys[] = {
        {"principals", ceiling_principals, true},
        {"deny", ceiling_deny, false},
        {"approval", ceiling_approval, false},
    };
    if (reader_note(r, object, node->line) != ERR_OK)
        return r->err->code;
    return reader_mapping(r, node, "a ceiling", keys, ARRAY_LEN(keys), object);
}

/* Robot. */

static enum err_code robot_name(struct reader *r, const struct yaml_node *node, void *object)
{
    struct robot *robot = object;
    return reader_text(r, node, &robot->name);
}

static enum err_code robot_owner(struct reader *r, const struct yaml_node *node, void *object)
{
    struct robot *robot = object;
    return reader_text(r, node, &robot->owner);
}

static enum err_code robot_disabled(struct reader *r, const struct yaml_node *node, void *object)
{
    struct robot *robot = object;
    return reader_flag(r, node, &robot->is_disabled);
}

static enum err_code robot_networks(struct reader *r, const struct yaml_node *node, void *object)
{
    struct robot *robot = object;
    return reader_texts(r, node, &robot->networks, &robot->network_count);
}

/* {provider: NAME, CLAIM: PATTERN, …}; the provider stands first in what is kept. */
static enum err_code robot_identity(struct reader *r, const struct yaml_node *node, void *object)
{
    struct robot *robot = object;
    const struct yaml_node *provider = yaml_find(node, STR("provider"));
    if (provider == NULL || node->count < 2)
        return reader_expected(r, node, "a mapping of provider, and claims with their patterns");
    robot->identity = arena_calloc(r->arena, node->count, sizeof *robot->identity);
    if (robot->identity == NULL)
        return reader_no_memory(r);
    robot->identity_count = 1;
    for (const struct yaml_node *each = node->first; each != NULL; each = each->next) {
        struct str *slot =
            each == provider ? &robot->identity[0] : &robot->identity[robot->identity_count++];
        struct str pattern;
        if (reader_text(r, each, &pattern) != ERR_OK)
            return r->err->code;
        *slot = arena_printf(r->arena, STR_FMT "=" STR_FMT, STR_ARG(each->name->text),
                             STR_ARG(pattern));
        if (slot->ptr == NULL)
            return reader_no_memory(r);
    }
    return ERR_OK;
}

static enum err_code read_robot(struct reader *r, const struct yaml_node *node, void *object)
{
    static const struct reader_key keys[] = {
        {"name", robot_name, true},          {"owner", robot_owner, true},
        {"disabled", robot_disabled, false}, {"networks", robot_networks, false},
        {"identity", robot_identity, false},
    };
    return reader_mapping(r, node, "a robot", keys, ARRAY_LEN(keys), object);
}

/* The sections: lists of objects. A section with nothing behind its colon is an empty list. */

static enum err_code read_section(struct reader *r, const struct yaml_node *node, size_t item_bytes,
                                  reader_fn *read, void **ret_items, size_t *ret_count)
{
    if (yaml_is_null(node))
        return ERR_OK;
    if (node->kind != YAML_SEQUENCE)
        return reader_expected(r, node, "a list");
    char *items = arena_calloc(r->arena, node->count, item_bytes);
    if (items == NULL)
        return reader_no_memory(r);
    char *at = items;
    for (const struct yaml_node *item = node->first; item != NULL; item = item->next) {
        if (read(r, item, at) != ERR_OK)
            return r->err->code;
        at += item_bytes;
    }
    *ret_items = items;
    *ret_count = node->count;
    return ERR_OK;
}

static enum err_code read_servers(struct reader *r, const struct yaml_node *node, void *object)
{
    struct governance *g = object;
    void *items = NULL;
    enum err_code code =
        read_section(r, node, sizeof *g->servers, read_server, &items, &g->server_count);
    g->servers = items;
    return code;
}

static enum err_code read_roles(struct reader *r, const struct yaml_node *node, void *object)
{
    struct governance *g = object;
    void *items = NULL;
    enum err_code code = read_section(r, node, sizeof *g->roles, read_role, &items, &g->role_count);
    g->roles = items;
    return code;
}

static enum err_code read_grants(struct reader *r, const struct yaml_node *node, void *object)
{
    struct governance *g = object;
    void *items = NULL;
    enum err_code code =
        read_section(r, node, sizeof *g->grants, read_grant, &items, &g->grant_count);
    g->grants = items;
    return code;
}

static enum err_code read_ceilings(struct reader *r, const struct yaml_node *node, void *object)
{
    struct governance *g = object;
    void *items = NULL;
    enum err_code code =
        read_section(r, node, sizeof *g->ceilings, read_ceiling, &items, &g->ceiling_count);
    g->ceilings = items;
    return code;
}

static enum err_code read_robots(struct reader *r, const struct yaml_node *node, void *object)
{
    struct governance *g = object;
    void *items = NULL;
    enum err_code code =
        read_section(r, node, sizeof *g->robots, read_robot, &items, &g->robot_count);
    g->robots = items;
    return code;
}

static enum err_code read_file(struct reader *r, const struct yaml_node *root,
                               struct governance *governance)
{
    static const struct reader_key keys[] = {
        {"servers", read_servers, false}, {"roles", read_roles, false},
        {"grants", read_grants, false},   {"ceilings", read_ceilings, false},
        {"robots", read_robots, false},
    };
    if (yaml_is_null(root))
        return yaml_err(root, r->err,
                        "the file is empty, which would remove everything; write "
                        "servers: [] to say so");
    return reader_mapping(r, root, "a mapping with servers, roles, grants, ceilings, robots", keys,
                          ARRAY_LEN(keys), governance);
}

enum err_code governance_read(struct str text, const struct governance_host *host,
                              struct arena *arena, struct governance *ret_governance,
                              struct err *err)
{
    struct err own;
    const struct yaml_node *root;
    /* Each node is noted at most once, and none is shorter than a byte. */
    size_t max = text.len < YAML_MAX_NODES ? text.len + 1 : YAML_MAX_NODES;
    struct reader r = {.arena = arena, .place_max = max, .err = err == NULL ? &own : err};
    enum err_code code = yaml_parse(text, arena, &root, r.err);
    if (code != ERR_OK)
        return code;
    r.places = arena_calloc(arena, r.place_max, sizeof *r.places);
    if (r.places == NULL)
        return reader_no_memory(&r);
    struct governance governance = {0};
    code = read_file(&r, root, &governance);
    if (code == ERR_OK)
        code = governance_check_at(&governance, host, reader_line, &r, r.err);
    if (code == ERR_OK)
        *ret_governance = governance;
    return code;
}
