#include "policy/compile_priv.h"

#include <stdlib.h>

/* Those that can be named by grants and must be known before. */
struct known {
    struct table *roles;  /* name to struct role_ref * */
    struct table *robots; /* name to struct compiled_robot * */
};

/* Values of a table are not const, roles are. */
struct role_ref {
    const struct policy_role *role;
};

static int compare_robots(const void *left, const void *right)
{
    const struct compiled_robot *a = left;
    const struct compiled_robot *b = right;
    return (a->id > b->id) - (a->id < b->id);
}

static enum err_code compile_robots(struct compile *c, struct err *err)
{
    struct policy *policy = c->policy;
    policy->robot_count = c->in->robot_count;
    policy->robots = arena_calloc(policy->arena, policy->robot_count, sizeof *policy->robots);
    if (policy->robots == NULL)
        return compile_no_memory(err);
    for (size_t i = 0; i < policy->robot_count; i++) {
        const struct policy_robot *from = &c->in->robots[i];
        struct compiled_robot *to = &policy->robots[i];
        to->id = from->id;
        to->slots = compile_new_row(policy, policy->slot_words);
        to->subject.kind = PRINCIPAL_ROBOT;
        to->subject.is_disabled = from->is_disabled;
        to->subject.slots = to->slots;
        if (to->slots == NULL || !compile_dup(policy, from->name, &to->subject.name))
            return compile_no_memory(err);
    }
    if (policy->robot_count > 0)
        qsort(policy->robots, policy->robot_count, sizeof *policy->robots, compare_robots);
    return ERR_OK;
}

static enum err_code know_robots(struct compile *c, struct known *known, struct err *err)
{
    for (size_t i = 0; i < c->policy->robot_count; i++) {
        struct compiled_robot *robot = &c->policy->robots[i];
        if (i > 0 && robot->id == c->policy->robots[i - 1].id)
            return err_set(err, ERR_INVALID, "robot '" STR_FMT "' has the id of another one",
                           STR_ARG(robot->subject.name));
        if (!table_put(known->robots, robot->subject.name, robot, NULL))
            return compile_no_memory(err);
    }
    return ERR_OK;
}

static enum err_code know_roles(struct compile *c, struct known *known, struct err *err)
{
    struct role_ref *refs = arena_calloc(c->policy->arena, c->in->role_count, sizeof *refs);
    if (refs == NULL)
        return compile_no_memory(err);
    for (size_t i = 0; i < c->in->role_count; i++) {
        refs[i].role = &c->in->roles[i];
        if (!table_put(known->roles, refs[i].role->name, &refs[i], NULL))
            return compile_no_memory(err);
    }
    return ERR_OK;
}

static void reach_robots(const struct known *known, const struct policy_names *names, size_t slot)
{
    for (size_t i = 0; i < names->count; i++) {
        struct compiled_robot *robot = table_get(known->robots, names->names[i]);
        if (robot != NULL)
            compile_set_bit(robot->slots, slot);
    }
}

/* Users and groups become known by being named. */
static enum err_code reach_names(struct policy *policy, struct table *table,
                                 const struct policy_names *names, size_t slot, struct err *err)
{
    for (size_t i = 0; i < names->count; i++) {
        uint64_t *slots = table_get(table, names->names[i]);
        if (slots == NULL) {
            slots = compile_new_row(policy, policy->slot_words);
            if (slots == NULL || !table_put(table, names->names[i], slots, NULL))
                return compile_no_memory(err);
        }
        compile_set_bit(slots, slot);
    }
    return ERR_OK;
}

static enum err_code reach_roles(struct policy *policy, const struct known *known,
                                 const struct policy_names *names, size_t slot, struct err *err)
{
    for (size_t i = 0; i < names->count; i++) {
        const struct role_ref *ref = table_get(known->roles, names->names[i]);
        if (ref == NULL)
            continue;
        if (reach_names(policy, policy->users, &ref->role->users, slot, err) != ERR_OK ||
            reach_names(policy, policy->groups, &ref->role->groups, slot, err) != ERR_OK)
            return err->code;
        reach_robots(known, &ref->role->robots, slot);
    }
    return ERR_OK;
}

static enum err_code reach_all(struct compile *c, const struct known *known, struct err *err)
{
    struct policy *policy = c->policy;
    for (size_t i = 0; i < policy->grant_count; i++) {
        const struct policy_grant *grant = &c->in->grants[i];
        if (grant->server == POLICY_NONE)
            continue;
        size_t slot = c->grant_slot[i];
        if (reach_names(policy, policy->users, &grant->users, slot, err) != ERR_OK ||
            reach_names(policy, policy->groups, &grant->groups, slot, err) != ERR_OK ||
            reach_roles(policy, known, &grant->roles, slot, err) != ERR_OK)
            return err->code;
        reach_robots(known, &grant->robots, slot);
    }
    return ERR_OK;
}

static enum err_code compile_known(struct compile *c, struct known *known, struct err *err)
{
    if (known->roles == NULL || known->robots == NULL)
        return compile_no_memory(err);
    if (compile_robots(c, err) != ERR_OK || know_robots(c, known, err) != ERR_OK ||
        know_roles(c, known, err) != ERR_OK)
        return err->code;
    return reach_all(c, known, err);
}

enum err_code compile_members(struct compile *c, struct err *err)
{
    struct known known = {.roles = table_new(), .robots = table_new()};
    enum err_code code = compile_known(c, &known, err);
    table_free(known.roles);
    table_free(known.robots);
    return code;
}
