#include "catalog/governance_edit.h"

#include "catalog/governance.h"

static enum err_code no_memory(struct err *err)
{
    return err_set(err, ERR_LIMIT, "no memory left to change the governance");
}

/* Copies count items with room for one more at the end. NULL: the arena is full. */
static void *copy_and_one(struct arena *arena, const void *items, size_t count, size_t bytes)
{
    char *copy = arena_calloc(arena, count + 1, bytes);
    if (copy != NULL && count > 0)
        memcpy(copy, items, count * bytes);
    return copy;
}

/* Copies count items without the one at index. NULL: the arena is full. */
static void *copy_without(struct arena *arena, const void *items, size_t count, size_t bytes,
                          size_t index)
{
    const char *from = items;
    char *copy = arena_calloc(arena, count, bytes);
    if (copy == NULL)
        return NULL;
    memcpy(copy, from, index * bytes);
    memcpy(copy + index * bytes, from + (index + 1) * bytes, (count - index - 1) * bytes);
    return copy;
}

static bool holds(const struct str *names, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(names[i], name))
            return true;
    return false;
}

static enum err_code find_server(const struct governance *governance, struct str name,
                                 size_t *ret_index, struct err *err)
{
    const struct server *server = governance_find_server(governance, name);
    if (server == NULL)
        return err_set(err, ERR_NOT_FOUND, "there is no server '" STR_FMT "'", STR_ARG(name));
    *ret_index = (size_t)(server - governance->servers);
    return ERR_OK;
}

enum err_code governance_add_server(struct governance *governance, const struct server *server,
                                    struct arena *arena, struct err *err)
{
    if (governance_find_server(governance, server->name) != NULL)
        return err_set(err, ERR_CONFLICT, "there is a server '" STR_FMT "' already",
                       STR_ARG(server->name));
    struct server *servers = copy_and_one(arena, governance->servers, governance->server_count,
                                          sizeof *governance->servers);
    if (servers == NULL)
        return no_memory(err);
    servers[governance->server_count] = *server;
    governance->servers = servers;
    governance->server_count++;
    return ERR_OK;
}

static enum err_code refuse_with_grant(const struct governance *governance, struct str server,
                                       struct err *err)
{
    for (size_t i = 0; i < governance->grant_count; i++)
        if (str_eq(governance->grants[i].server, server))
            return err_set(err, ERR_CONFLICT,
                           "grant '" STR_FMT "' is on server '" STR_FMT "'; remove it first, or "
                           "the server with its grants",
                           STR_ARG(governance->grants[i].name), STR_ARG(server));
    return ERR_OK;
}

enum err_code governance_remove_server(struct governance *governance, struct str name,
                                       bool with_grants, struct arena *arena, struct err *err)
{
    size_t index = 0;
    enum err_code code = find_server(governance, name, &index, err);
    if (code == ERR_OK && !with_grants)
        code = refuse_with_grant(governance, name, err);
    if (code != ERR_OK)
        return code;
    struct server *servers =
        copy_without(arena, governance->servers, governance->server_count, sizeof *servers, index);
    struct grant *grants = arena_calloc(arena, governance->grant_count, sizeof *grants);
    if (servers == NULL || grants == NULL)
        return no_memory(err);
    size_t count = 0;
    for (size_t i = 0; i < governance->grant_count; i++)
        if (!str_eq(governance->grants[i].server, name))
            grants[count++] = governance->grants[i];
    governance->servers = servers;
    governance->server_count--;
    governance->grants = grants;
    governance->grant_count = count;
    return ERR_OK;
}

/* Puts other rules in the server's place; the array of servers is copied, for it may be shared. */
static enum err_code replace_rules(struct governance *governance, size_t index,
                                   struct tool_rule *rules, size_t count, struct arena *arena,
                                   struct err *err)
{
    struct server *servers = copy_and_one(arena, governance->servers, governance->server_count,
                                          sizeof *governance->servers);
    if (servers == NULL)
        return no_memory(err);
    servers[index].rules = rules;
    servers[index].rule_count = count;
    governance->servers = servers;
    return ERR_OK;
}

static size_t find_rule(const struct server *server, struct str pattern)
{
    for (size_t i = 0; i < server->rule_count; i++)
        if (str_eq(server->rules[i].pattern, pattern))
            return i;
    return server->rule_count;
}

enum err_code governance_set_rule(struct governance *governance, struct str server,
                                  struct str pattern, enum category category, struct arena *arena,
                                  struct err *err)
{
    size_t index = 0;
    enum err_code code = find_server(governance, server, &index, err);
    if (code != ERR_OK)
        return code;
    const struct server *found = &governance->servers[index];
    size_t place = find_rule(found, pattern);
    bool is_new = place == found->rule_count;
    if (!is_new && found->rules[place].category == category)
        return ERR_OK;
    struct tool_rule *rules =
        copy_and_one(arena, found->rules, found->rule_count, sizeof *found->rules);
    struct str copy = arena_dup(arena, pattern);
    if (rules == NULL || copy.ptr == NULL)
        return no_memory(err);
    rules[place] = (struct tool_rule){.pattern = copy, .category = category};
    return replace_rules(governance, index, rules, found->rule_count + is_new, arena, err);
}

enum err_code governance_remove_rule(struct governance *governance, struct str server,
                                     struct str pattern, struct arena *arena, struct err *err)
{
    size_t index = 0;
    enum err_code code = find_server(governance, server, &index, err);
    if (code != ERR_OK)
        return code;
    const struct server *found = &governance->servers[index];
    size_t place = find_rule(found, pattern);
    if (place == found->rule_count)
        return err_set(err, ERR_NOT_FOUND, "server '" STR_FMT "' has no rule for '" STR_FMT "'",
                       STR_ARG(server), STR_ARG(pattern));
    struct tool_rule *rules =
        copy_without(arena, found->rules, found->rule_count, sizeof *rules, place);
    if (rules == NULL)
        return no_memory(err);
    return replace_rules(governance, index, rules, found->rule_count - 1, arena, err);
}

enum err_code governance_add_robot(struct governance *governance, struct str name, struct str owner,
                                   struct arena *arena, struct err *err)
{
    if (governance_find_robot(governance, name) != NULL)
        return err_set(err, ERR_CONFLICT, "there is a robot '" STR_FMT "' already", STR_ARG(name));
    struct robot *robots = copy_and_one(arena, governance->robots, governance->robot_count,
                                        sizeof *governance->robots);
    struct robot robot = {.name = arena_dup(arena, name), .owner = arena_dup(arena, owner)};
    if (robots == NULL || robot.name.ptr == NULL || robot.owner.ptr == NULL)
        return no_memory(err);
    robots[governance->robot_count] = robot;
    governance->robots = robots;
    governance->robot_count++;
    return ERR_OK;
}

static enum err_code refuse_named_robot(const struct governance *governance, struct str name,
                                        struct err *err)
{
    for (size_t i = 0; i < governance->grant_count; i++) {
        const struct grant *grant = &governance->grants[i];
        if (holds(grant->robots, grant->robot_count, name))
            return err_set(err, ERR_CONFLICT, "grant '" STR_FMT "' names robot '" STR_FMT "'",
                           STR_ARG(grant->name), STR_ARG(name));
    }
    for (size_t i = 0; i < governance->role_count; i++) {
        const struct role *role = &governance->roles[i];
        if (holds(role->robots, role->robot_count, name))
            return err_set(err, ERR_CONFLICT, "role '" STR_FMT "' names robot '" STR_FMT "'",
                           STR_ARG(role->name), STR_ARG(name));
    }
    return ERR_OK;
}

enum err_code governance_remove_robot(struct governance *governance, struct str name,
                                      struct arena *arena, struct err *err)
{
    const struct robot *robot = governance_find_robot(governance, name);
    if (robot == NULL)
        return err_set(err, ERR_NOT_FOUND, "there is no robot '" STR_FMT "'", STR_ARG(name));
    enum err_code code = refuse_named_robot(governance, name, err);
    if (code != ERR_OK)
        return code;
    struct robot *robots = copy_without(arena, governance->robots, governance->robot_count,
                                        sizeof *robots, (size_t)(robot - governance->robots));
    if (robots == NULL)
        return no_memory(err);
    governance->robots = robots;
    governance->robot_count--;
    return ERR_OK;
}
