#include "store/sqlite_priv.h"

/* One list of one role or grant. */
struct list {
    const char *name;
    int64_t owner_id;
    struct str **items;
    size_t *count;
};

static enum err_code read_item(struct loader *loader, struct sqlite3_stmt *row, void *item,
                               struct err *err)
{
    return loader_str(loader, row, 0, item, err);
}

static enum err_code load_lists(struct loader *loader, const struct list *lists, size_t count,
                                struct err *err)
{
    static const struct loader_query query = {
        .count = "SELECT count(*) FROM list_item WHERE list = ?1 AND owner_id = ?2",
        .rows = "SELECT value FROM list_item WHERE list = ?1 AND owner_id = ?2 ORDER BY position",
        .item_bytes = sizeof(struct str),
        .read = read_item,
    };
    for (size_t i = 0; i < count; i++) {
        void *items = NULL;
        enum err_code code = loader_read(
            loader, &query, SQL_ARGS(SQL_TEXT(str_c(lists[i].name)), SQL_INT(lists[i].owner_id)),
            &items, lists[i].count, err);
        if (code != ERR_OK)
            return code;
        *lists[i].items = items;
    }
    return ERR_OK;
}

static enum err_code read_header(struct loader *loader, struct sqlite3_stmt *row, void *item,
                                 struct err *err)
{
    struct secret_header *header = item;
    enum err_code code = loader_str(loader, row, 0, &header->header, err);
    return code == ERR_OK ? loader_str(loader, row, 1, &header->secret, err) : code;
}

static enum err_code read_rule(struct loader *loader, struct sqlite3_stmt *row, void *item,
                               struct err *err)
{
    struct tool_rule *rule = item;
    if (!category_parse(sql_bytes(row, 1), &rule->category))
        return unknown_word(sql_bytes(row, 1), err);
    rule->set_at_us = sql_i64(row, 3);
    enum err_code code = loader_str(loader, row, 0, &rule->pattern, err);
    return code == ERR_OK ? loader_str(loader, row, 2, &rule->author, err) : code;
}

static enum err_code load_server_parts(struct loader *loader, struct server *server,
                                       struct err *err)
{
    static const struct loader_query headers = {
        .count = "SELECT count(*) FROM server_header WHERE server_id = ?1",
        .rows = "SELECT header, secret FROM server_header WHERE server_id = ?1 ORDER BY position",
        .item_bytes = sizeof(struct secret_header),
        .read = read_header,
    };
    static const struct loader_query rules = {
        .count = "SELECT count(*) FROM tool_rule WHERE server_id = ?1",
        .rows = "SELECT pattern, category, author, set_at_us FROM tool_rule WHERE server_id = ?1 "
                "ORDER BY position",
        .item_bytes = sizeof(struct tool_rule),
        .read = read_rule,
    };
    void *items = NULL;
    enum err_code code = loader_read(loader, &headers, SQL_ARGS(SQL_INT(server->id)), &items,
                                     &server->header_count, err);
    if (code != ERR_OK)
        return code;
    server->headers = items;
    code = loader_read(loader, &rules, SQL_ARGS(SQL_INT(server->id)), &items, &server->rule_count,
                       err);
    if (code != ERR_OK)
        return code;
    server->rules = items;
    return ERR_OK;
}

static enum err_code read_server(struct loader *loader, struct sqlite3_stmt *row, void *item,
                                 struct err *err)
{
    struct server *server = item;
    server->id = sql_i64(row, 0);
    server->kind = str_eq(sql_bytes(row, 2), STR("url")) ? SERVER_URL : SERVER_PROGRAM;
    if (!credential_mode_parse(sql_bytes(row, 4), &server->credential_mode))
        return unknown_word(sql_bytes(row, 4), err);
    server->credential_type =
        str_eq(sql_bytes(row, 5), STR("bearer")) ? CREDENTIAL_BEARER : CREDENTIAL_HEADERS;
    server->is_disabled = sql_i64(row, 7) != 0;
    uint32_t release = 0;
    uint32_t look = 0;
    enum err_code code = read_set(sql_bytes(row, 8), release_bit_of, &release, err);
    if (code == ERR_OK)
        code = read_set(sql_bytes(row, 9), category_bit_of, &look, err);
    server->release = (uint8_t)release;
    server->look = (uint8_t)look;
    if (code == ERR_OK)
        code = loader_str(loader, row, 1, &server->name, err);
    if (code == ERR_OK)
        code = loader_str(loader, row, 3, &server->address, err);
    if (code == ERR_OK)
        code = loader_str(loader, row, 6, &server->secret, err);
    return code == ERR_OK ? load_server_parts(loader, server, err) : code;
}

static enum err_code read_role(struct loader *loader, struct sqlite3_stmt *row, void *item,
                               struct err *err)
{
    struct role *role = item;
    const struct list lists[] = {
        {"role.users", sql_i64(row, 0), &role->users, &role->user_count},
        {"role.groups", sql_i64(row, 0), &role->groups, &role->group_count},
        {"role.robots", sql_i64(row, 0), &role->robots, &role->robot_count},
    };
    enum err_code code = loader_str(loader, row, 1, &role->name, err);
    return code == ERR_OK ? load_lists(loader, lists, ARRAY_LEN(lists), err) : code;
}

static enum err_code read_grant(struct loader *loader, struct sqlite3_stmt *row, void *item,
                                struct err *err)
{
    struct grant *grant = item;
    int64_t id = sql_i64(row, 0);
    const struct list lists[] = {
        {"grant.roles", id, &grant->roles, &grant->role_count},
        {"grant.users", id, &grant->users, &grant->user_count},
        {"grant.groups", id, &grant->groups, &grant->group_count},
        {"grant.robots", id, &grant->robots, &grant->robot_count},
        {"grant.tools", id, &grant->tools, &grant->tool_count},
    };
    uint32_t categories = 0;
    enum err_code code = read_set(sql_bytes(row, 3), category_bit_of, &categories, err);
    grant->categories = (uint8_t)categories;
    if (code == ERR_OK)
        code = loader_str(loader, row, 1, &grant->name, err);
    if (code == ERR_OK)
        code = loader_str(loader, row, 2, &grant->server, err);
    return code == ERR_OK ? load_lists(loader, lists, ARRAY_LEN(lists), err) : code;
}

static enum err_code read_ceiling(struct loader *loader, struct sqlite3_stmt *row, void *item,
                                  struct err *err)
{
    (void)loader;
    struct ceiling *ceiling = item;
    uint32_t principals = 0;
    uint32_t deny = 0;
    uint32_t approval = 0;
    enum err_code code = read_set(sql_bytes(row, 0), principal_bit_of, &principals, err);
    if (code == ERR_OK)
        code = read_set(sql_bytes(row, 1), category_bit_of, &deny, err);
    if (code == ERR_OK)
        code = read_set(sql_bytes(row, 2), category_bit_of, &approval, err);
    *ceiling = (struct ceiling){
        .principals = (uint8_t)principals, .deny = (uint8_t)deny, .approval = (uint8_t)approval};
    return code;
}

static enum err_code read_robot(struct loader *loader, struct sqlite3_stmt *row, void *item,
                                struct err *err)
{
    struct robot *robot = item;
    robot->id = sql_i64(row, 0);
    robot->is_disabled = sql_i64(row, 3) != 0;
    const struct list lists[] = {
        {"robot.networks", robot->id, &robot->networks, &robot->network_count},
        {"robot.identity", robot->id, &robot->identity, &robot->identity_count},
    };
    enum err_code code = loader_str(loader, row, 1, &robot->name, err);
    if (code == ERR_OK)
        code = loader_str(loader, row, 2, &robot->owner, err);
    return code == ERR_OK ? load_lists(loader, lists, ARRAY_LEN(lists), err) : code;
}

static const struct loader_query server_query = {
    .count = "SELECT count(*) FROM server",
    .rows = "SELECT id, name, kind, address, credential_mode, credential_type, secret, "
            "is_disabled, release_set, look_set FROM server ORDER BY position",
    .item_bytes = sizeof(struct server),
    .read = read_server,
};

static const struct loader_query role_query = {
    .count = "SELECT count(*) FROM role",
    .rows = "SELECT id, name FROM role ORDER BY position",
    .item_bytes = sizeof(struct role),
    .read = read_role,
};

static const struct loader_query grant_query = {
    .count = "SELECT count(*) FROM access_grant",
    .rows = "SELECT id, name, server, categories FROM access_grant ORDER BY position",
    .item_bytes = sizeof(struct grant),
    .read = read_grant,
};

static const struct loader_query ceiling_query = {
    .count = "SELECT count(*) FROM ceiling",
    .rows = "SELECT principals, deny, approval FROM ceiling ORDER BY position",
    .item_bytes = sizeof(struct ceiling),
    .read = read_ceiling,
};

static const struct loader_query robot_query = {
    .count = "SELECT count(*) FROM robot",
    .rows = "SELECT id, name, owner, is_disabled FROM robot ORDER BY position",
    .item_bytes = sizeof(struct robot),
    .read = read_robot,
};

struct part {
    const struct loader_query *query;
    void *items;
    size_t count;
};

enum err_code sqlite_load_governance(struct loader *loader, struct governance *ret_governance,
                                     struct err *err)
{
    enum { SERVERS, ROLES, GRANTS, CEILINGS, ROBOTS };
    struct part parts[] = {
        [SERVERS] = {.query = &server_query}, [ROLES] = {.query = &role_query},
        [GRANTS] = {.query = &grant_query},   [CEILINGS] = {.query = &ceiling_query},
        [ROBOTS] = {.query = &robot_query},
    };
    int64_t version = 0;
    enum err_code code =
        sql_get_i64(loader->sql, "SELECT value FROM counter WHERE name = 'governance'", SQL_NO_ARGS,
                    &version, err);
    for (size_t i = 0; code == ERR_OK && i < ARRAY_LEN(parts); i++)
        code =
            loader_read(loader, parts[i].query, SQL_NO_ARGS, &parts[i].items, &parts[i].count, err);
    if (code != ERR_OK)
        return code;
    *ret_governance = (struct governance){
        .version = (uint64_t)version,
        .servers = parts[SERVERS].items,
        .server_count = parts[SERVERS].count,
        .roles = parts[ROLES].items,
        .role_count = parts[ROLES].count,
        .grants = parts[GRANTS].items,
        .grant_count = parts[GRANTS].count,
        .ceilings = parts[CEILINGS].items,
        .ceiling_count = parts[CEILINGS].count,
        .robots = parts[ROBOTS].items,
        .robot_count = parts[ROBOTS].count,
    };
    return ERR_OK;
}
