#include <inttypes.h>

#include "store/sqlite_priv.h"

static void buf_donep(struct buf *buf)
{
    buf_done(buf);
}

static enum err_code twice(const char *what, struct str name, struct err *err)
{
    return err_set(err, ERR_INVALID, "two %s have the name '" STR_FMT "'", what, STR_ARG(name));
}

static enum err_code check_name(const char *what, struct str name, struct err *err)
{
    return name.len == 0 ? err_set(err, ERR_INVALID, "one of the %s has no name", what) : ERR_OK;
}

/* --- servers --- */

static const char *kind_word(enum server_kind kind)
{
    return kind == SERVER_URL ? "url" : "program";
}

static const char *type_word(enum credential_type type)
{
    return type == CREDENTIAL_BEARER ? "bearer" : "headers";
}

static enum err_code upsert_server(struct sql *sql, const struct server *server, size_t position,
                                   struct err *err)
{
    CLEANUP(buf_donep) struct buf release;
    CLEANUP(buf_donep) struct buf look;
    buf_init(&release, 4096);
    buf_init(&look, 4096);
    release_set_write(&release, server->release, ",");
    category_set_write(&look, server->look, ",");
    if (release.failed || look.failed)
        return err_set(err, ERR_LIMIT, "save server: memory is out");
    const struct sql_value values[] = {
        SQL_INT(position),
        SQL_TEXT(server->name),
        SQL_TEXT(str_c(kind_word(server->kind))),
        SQL_TEXT(server->address),
        SQL_TEXT(str_c(credential_mode_word(server->credential_mode))),
        SQL_TEXT(str_c(type_word(server->credential_type))),
        SQL_TEXT(server->secret),
        SQL_INT(server->is_disabled),
        SQL_TEXT(buf_str(&release)),
        SQL_TEXT(buf_str(&look)),
    };
    enum err_code code =
        sql_run(sql,
                "UPDATE server SET position = ?1, kind = ?3, address = ?4, credential_mode = ?5, "
                "credential_type = ?6, secret = ?7, is_disabled = ?8, release_set = ?9, "
                "look_set = ?10 "
                "WHERE name = ?2 AND position = -1",
                values, ARRAY_LEN(values), err);
    if (code != ERR_OK || sql_changed(sql) == 1)
        return code;
    code = sql_run(sql,
                   "INSERT INTO server (position, name, kind, address, credential_mode, "
                   "credential_type, secret, is_disabled, release_set, look_set) "
                   "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                   values, ARRAY_LEN(values), err);
    return code == ERR_CONFLICT ? twice("servers", server->name, err) : code;
}

static enum err_code save_headers(struct sql *sql, const struct server *server, int64_t id,
                                  struct err *err)
{
    enum err_code code =
        sql_run(sql, "DELETE FROM server_header WHERE server_id = ?1", SQL_ARGS(SQL_INT(id)), err);
    for (size_t i = 0; code == ERR_OK && i < server->header_count; i++)
        code = sql_run(sql,
                       "INSERT INTO server_header (server_id, position, header, secret) "
                       "VALUES (?1, ?2, ?3, ?4)",
                       SQL_ARGS(SQL_INT(id), SQL_INT(i), SQL_TEXT(server->headers[i].header),
                                SQL_TEXT(server->headers[i].secret)),
                       err);
    return code;
}

static enum err_code save_rule(struct sql *sql, const struct tool_rule *rule, int64_t id,
                               size_t position, const struct store_change *change, struct err *err)
{
    const struct sql_value values[] = {
        SQL_INT(id),
        SQL_INT(position),
        SQL_TEXT(rule->pattern),
        SQL_TEXT(str_c(category_word(rule->category))),
        SQL_TEXT(change->author),
        SQL_INT(change->now_us),
    };
    enum err_code code = sql_run(sql,
                                 "UPDATE tool_rule SET position = ?2, category = ?4, "
                                 "author = CASE WHEN category = ?4 THEN author ELSE ?5 END, "
                                 "set_at_us = CASE WHEN category = ?4 THEN set_at_us ELSE ?6 END "
                                 "WHERE server_id = ?1 AND pattern = ?3 AND position = -1",
                                 values, ARRAY_LEN(values), err);
    if (code != ERR_OK || sql_changed(sql) == 1)
        return code;
    code = sql_run(sql,
                   "INSERT INTO tool_rule (server_id, position, pattern, category, author, "
                   "set_at_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                   values, ARRAY_LEN(values), err);
    return code == ERR_CONFLICT ? twice("rules for tools", rule->pattern, err) : code;
}

static enum err_code save_rules(struct sql *sql, const struct server *server, int64_t id,
                                const struct store_change *change, struct err *err)
{
    enum err_code code = sql_run(sql, "UPDATE tool_rule SET position = -1 WHERE server_id = ?1",
                                 SQL_ARGS(SQL_INT(id)), err);
    for (size_t i = 0; code == ERR_OK && i < server->rule_count; i++)
        code = save_rule(sql, &server->rules[i], id, i, change, err);
    if (code != ERR_OK)
        return code;
    return sql_run(sql, "DELETE FROM tool_rule WHERE server_id = ?1 AND position = -1",
                   SQL_ARGS(SQL_INT(id)), err);
}

static enum err_code save_server(struct sql *sql, const struct server *server, size_t position,
                                 const struct store_change *change, struct err *err)
{
    int64_t id = 0;
    enum err_code code = check_name("servers", server->name, err);
    if (code == ERR_OK)
        code = upsert_server(sql, server, position, err);
    if (code == ERR_OK)
        code = sql_get_i64(sql, "SELECT id FROM server WHERE name = ?1",
                           SQL_ARGS(SQL_TEXT(server->name)), &id, err);
    if (code == ERR_OK)
        code = save_headers(sql, server, id, err);
    return code == ERR_OK ? save_rules(sql, server, id, change, err) : code;
}

static enum err_code save_servers(struct sql *sql, const struct governance *governance,
                                  const struct store_change *change, struct err *err)
{
    enum err_code code = sql_run(sql, "UPDATE server SET position = -1", SQL_NO_ARGS, err);
    for (size_t i = 0; code == ERR_OK && i < governance->server_count; i++)
        code = save_server(sql, &governance->servers[i], i, change, err);
    if (code != ERR_OK)
        return code;
    return sql_run(sql, "DELETE FROM server WHERE position = -1", SQL_NO_ARGS, err);
}

/* --- roles, grants, ceilings, robots --- */

struct list {
    const char *name;
    const struct str *items;
    size_t count;
};

static enum err_code save_lists(struct sql *sql, int64_t owner_id, const struct list *lists,
                                size_t count, struct err *err)
{
    enum err_code code = ERR_OK;
    for (size_t i = 0; i < count; i++)
        for (size_t at = 0; code == ERR_OK && at < lists[i].count; at++)
            code = sql_run(sql,
                           "INSERT INTO list_item (list, owner_id, position, value) "
                           "VALUES (?1, ?2, ?3, ?4)",
                           SQL_ARGS(SQL_TEXT(str_c(lists[i].name)), SQL_INT(owner_id), SQL_INT(at),
                                    SQL_TEXT(lists[i].items[at])),
                           err);
    return code;
}

/* --- robots --- */

static enum err_code put_robot(struct sql *sql, const struct robot *robot, size_t position,
                               struct err *err)
{
    const struct sql_value values[] = {
        SQL_INT(position),
        SQL_TEXT(robot->name),
        SQL_TEXT(robot->owner),
        SQL_INT(robot->is_disabled),
    };
    enum err_code code = check_name("robots", robot->name, err);
    if (code == ERR_OK)
        code = sql_run(sql,
                       "UPDATE robot SET position = ?1, owner = ?3, is_disabled = ?4 "
                       "WHERE name = ?2 AND position = -1",
                       values, ARRAY_LEN(values), err);
    if (code != ERR_OK || sql_changed(sql) == 1)
        return code;
    code = sql_run(sql,
                   "INSERT INTO robot (position, name, owner, is_disabled) "
                   "VALUES (?1, ?2, ?3, ?4)",
                   values, ARRAY_LEN(values), err);
    return code == ERR_CONFLICT ? twice("robots", robot->name, err) : code;
}

static enum err_code save_robot(struct sql *sql, const struct robot *robot, size_t position,
                                struct err *err)
{
    const struct list lists[] = {
        {"robot.networks", robot->networks, robot->network_count},
        {"robot.identity", robot->identity, robot->identity_count},
    };
    int64_t id = 0;
    enum err_code code = put_robot(sql, robot, position, err);
    if (code == ERR_OK)
        code = sql_get_i64(sql, "SELECT id FROM robot WHERE name = ?1",
                           SQL_ARGS(SQL_TEXT(robot->name)), &id, err);
    return code == ERR_OK ? save_lists(sql, id, lists, ARRAY_LEN(lists), err) : code;
}

static enum err_code save_robots(struct sql *sql, const struct governance *governance,
                                 const struct store_change *change, struct err *err)
{
    enum err_code code = sql_run(sql, "UPDATE robot SET position = -1", SQL_NO_ARGS, err);
    for (size_t i = 0; code == ERR_OK && i < governance->robot_count; i++)
        code = save_robot(sql, &governance->robots[i], i, err);
    if (code == ERR_OK)
        code = sql_run(sql,
                       "UPDATE token SET revoked_us = ?1 WHERE revoked_us = 0 AND robot_id IN "
                       "(SELECT id FROM robot WHERE position = -1)",
                       SQL_ARGS(SQL_INT(change->now_us)), err);
    if (code != ERR_OK)
        return code;
    return sql_run(sql, "DELETE FROM robot WHERE position = -1", SQL_NO_ARGS, err);
}

static enum err_code save_role(struct sql *sql, const struct role *role, size_t position,
                               struct err *err)
{
    const struct list lists[] = {
        {"role.users", role->users, role->user_count},
        {"role.groups", role->groups, role->group_count},
        {"role.robots", role->robots, role->robot_count},
    };
    enum err_code code = check_name("roles", role->name, err);
    if (code != ERR_OK)
        return code;
    code = sql_run(sql, "INSERT INTO role (position, name) VALUES (?1, ?2)",
                   SQL_ARGS(SQL_INT(position), SQL_TEXT(role->name)), err);
    if (code == ERR_CONFLICT)
        return twice("roles", role->name, err);
    return code == ERR_OK ? save_lists(sql, sql_last_id(sql), lists, ARRAY_LEN(lists), err) : code;
}

static enum err_code insert_grant(struct sql *sql, const struct grant *grant, size_t position,
                                  struct err *err)
{
    CLEANUP(buf_donep) struct buf categories;
    buf_init(&categories, 4096);
    category_set_write(&categories, grant->categories, ",");
    if (categories.failed)
        return err_set(err, ERR_LIMIT, "save grant: memory is out");
    enum err_code code = sql_run(sql,
                                 "INSERT INTO access_grant (position, name, server, categories) "
                                 "VALUES (?1, ?2, ?3, ?4)",
                                 SQL_ARGS(SQL_INT(position), SQL_TEXT(grant->name),
                                          SQL_TEXT(grant->server), SQL_TEXT(buf_str(&categories))),
                                 err);
    return code == ERR_CONFLICT ? twice("grants", grant->name, err) : code;
}

static enum err_code save_grant(struct sql *sql, const struct grant *grant, size_t position,
                                struct err *err)
{
    const struct list lists[] = {
        {"grant.roles", grant->roles, grant->role_count},
        {"grant.users", grant->users, grant->user_count},
        {"grant.groups", grant->groups, grant->group_count},
        {"grant.robots", grant->robots, grant->robot_count},
        {"grant.tools", grant->tools, grant->tool_count},
    };
    enum err_code code = check_name("grants", grant->name, err);
    if (code == ERR_OK)
        code = insert_grant(sql, grant, position, err);
    return code == ERR_OK ? save_lists(sql, sql_last_id(sql), lists, ARRAY_LEN(lists), err) : code;
}

static enum err_code save_ceiling(struct sql *sql, const struct ceiling *ceiling, size_t position,
                                  struct err *err)
{
    CLEANUP(buf_donep) struct buf principals;
    CLEANUP(buf_donep) struct buf deny;
    CLEANUP(buf_donep) struct buf approval;
    buf_init(&principals, 4096);
    buf_init(&deny, 4096);
    buf_init(&approval, 4096);
    principal_set_write(&principals, ceiling->principals, ",");
    category_set_write(&deny, ceiling->deny, ",");
    category_set_write(&approval, ceiling->approval, ",");
    if (principals.failed || deny.failed || approval.failed)
        return err_set(err, ERR_LIMIT, "save ceiling: memory is out");
    return sql_run(sql,
                   "INSERT INTO ceiling (position, principals, deny, approval) "
                   "VALUES (?1, ?2, ?3, ?4)",
                   SQL_ARGS(SQL_INT(position), SQL_TEXT(buf_str(&principals)),
                            SQL_TEXT(buf_str(&deny)), SQL_TEXT(buf_str(&approval))),
                   err);
}

static enum err_code save_rights(struct sql *sql, const struct governance *governance,
                                 struct err *err)
{
    enum err_code code = sql_script(sql,
                                    "DELETE FROM list_item; DELETE FROM role;"
                                    "DELETE FROM access_grant; DELETE FROM ceiling;",
                                    err);
    for (size_t i = 0; code == ERR_OK && i < governance->role_count; i++)
        code = save_role(sql, &governance->roles[i], i, err);
    for (size_t i = 0; code == ERR_OK && i < governance->grant_count; i++)
        code = save_grant(sql, &governance->grants[i], i, err);
    for (size_t i = 0; code == ERR_OK && i < governance->ceiling_count; i++)
        code = save_ceiling(sql, &governance->ceilings[i], i, err);
    return code;
}

static enum err_code step_version(struct sql *sql, uint64_t expected_version, struct err *err)
{
    enum err_code code = sql_run(
        sql, "UPDATE counter SET value = value + 1 WHERE name = 'governance' AND value = ?1",
        SQL_ARGS(SQL_INT(expected_version)), err);
    if (code == ERR_OK && sql_changed(sql) != 1)
        return err_set(err, ERR_CONFLICT,
                       "governance was changed meanwhile: it is not at version %" PRIu64
                       " any more",
                       expected_version);
    return code;
}

enum err_code sqlite_save_governance(struct sql *sql, const struct governance *governance,
                                     uint64_t expected_version, const struct store_change *change,
                                     struct err *err)
{
    enum err_code code = step_version(sql, expected_version, err);
    if (code == ERR_OK)
        code = save_servers(sql, governance, change, err);
    /* Rights empty the table of lists, which robots fill, too. */
    if (code == ERR_OK)
        code = save_rights(sql, governance, err);
    return code == ERR_OK ? save_robots(sql, governance, change, err) : code;
}
