#include "reference.h"

static bool holds(const struct policy_names *names, struct str name)
{
    for (size_t i = 0; i < names->count; i++)
        if (str_eq(names->names[i], name))
            return true;
    return false;
}

static bool is_member(const struct world_who *who, const struct policy_names *users,
                      const struct policy_names *groups, const struct policy_names *robots)
{
    if (who->kind == PRINCIPAL_ROBOT)
        return holds(robots, who->name);
    if (holds(users, who->name))
        return true;
    for (size_t i = 0; i < who->groups.count; i++)
        if (holds(groups, who->groups.names[i]))
            return true;
    return false;
}

static bool reaches(const struct policy_input *input, const struct policy_grant *grant,
                    const struct world_who *who)
{
    if (is_member(who, &grant->users, &grant->groups, &grant->robots))
        return true;
    for (size_t i = 0; i < input->role_count; i++) {
        const struct policy_role *role = &input->roles[i];
        if (holds(&grant->roles, role->name) &&
            is_member(who, &role->users, &role->groups, &role->robots))
            return true;
    }
    return false;
}

static bool names(const struct policy_grant *grant, const struct policy_tool *tool)
{
    for (size_t i = 0; i < grant->tools.count; i++) {
        struct str pattern = grant->tools.names[i];
        if (str_eq(pattern, tool->name))
            return true;
        if (tool->is_classified && str_glob(pattern, tool->name))
            return true;
    }
    return false;
}

static uint32_t covering_grant(const struct policy_input *input, const struct world_who *who,
                               const struct policy_tool *tool, enum category category)
{
    for (size_t i = 0; i < input->grant_count; i++) {
        const struct policy_grant *grant = &input->grants[i];
        bool covers = (grant->categories & CATEGORY_BIT(category)) != 0 || names(grant, tool);
        if (grant->server == tool->server && reaches(input, grant, who) && covers)
            return (uint32_t)i;
    }
    return POLICY_NONE;
}

static bool knows(const struct policy_input *input, const struct world_who *who, uint32_t server)
{
    for (size_t i = 0; i < input->grant_count; i++) {
        const struct policy_grant *grant = &input->grants[i];
        bool grants_something = grant->categories != 0 || grant->tools.count > 0;
        if (grant->server == server && grants_something && reaches(input, grant, who))
            return true;
    }
    return false;
}

static uint32_t find_ceiling(const struct policy_input *input, enum principal_kind kind,
                             enum category category, bool is_approval)
{
    for (size_t i = 0; i < input->ceiling_count; i++) {
        const struct policy_ceiling *ceiling = &input->ceilings[i];
        uint8_t set = is_approval ? ceiling->approval : ceiling->deny;
        if ((ceiling->principals & PRINCIPAL_BIT(kind)) != 0 && (set & CATEGORY_BIT(category)) != 0)
            return (uint32_t)i;
    }
    return POLICY_NONE;
}

static const struct policy_robot *find_robot(const struct policy_input *input, struct str name)
{
    for (size_t i = 0; i < input->robot_count; i++)
        if (str_eq(input->robots[i].name, name))
            return &input->robots[i];
    return NULL;
}

static struct policy_verdict deny(struct policy_verdict verdict, enum reason reason)
{
    verdict.decision = DECISION_DENY;
    verdict.reason = reason;
    verdict.factor = reason_factor(reason);
    return verdict;
}

struct policy_verdict reference_decide(const struct policy_input *input,
                                       const struct world_who *who,
                                       const struct policy_facts *facts)
{
    struct policy_verdict v = {
        .category = CATEGORY_ADMIN, .grant = POLICY_NONE, .ceiling = POLICY_NONE};

    if (who->name.len == 0)
        return deny(v, REASON_PRINCIPAL_UNKNOWN);
    if (who->kind == PRINCIPAL_ROBOT && find_robot(input, who->name) == NULL)
        return deny(v, REASON_PRINCIPAL_UNKNOWN);
    if (who->kind == PRINCIPAL_ROBOT && find_robot(input, who->name)->is_disabled)
        return deny(v, REASON_PRINCIPAL_DISABLED);
    if (facts->expires_us != 0 && facts->expires_us <= facts->now_us)
        return deny(v, REASON_TOKEN_EXPIRED);
    if (facts->tool >= input->tool_count)
        return deny(v, REASON_TOOL_UNKNOWN);

    const struct policy_tool *tool = &input->tools[facts->tool];
    const struct policy_server *server = &input->servers[tool->server];
    if (tool->is_classified)
        v.category = facts->is_refined ? facts->refined : tool->category;
    v.may_know = knows(input, who, tool->server);

    if (server->is_disabled)
        return deny(v, REASON_SERVER_DISABLED);
    if (server->credential_mode == CREDENTIAL_PERSONAL && who->kind == PRINCIPAL_ROBOT)
        return deny(v, REASON_PERSONAL_SERVER);
    if (tool->is_gone)
        return deny(v, REASON_TOOL_GONE);
    if (tool->is_disabled)
        return deny(v, REASON_TOOL_DISABLED);
    if (tool->hold != REASON_GRANTED)
        return deny(v, tool->hold);
    if (!v.may_know)
        return deny(v, REASON_NO_GRANT);

    v.grant = covering_grant(input, who, tool, v.category);
    if (v.grant == POLICY_NONE)
        return deny(v,
                    tool->is_classified ? REASON_CATEGORY_NOT_GRANTED : REASON_TOOL_UNCLASSIFIED);
    v.ceiling = find_ceiling(input, who->kind, v.category, false);
    if (v.ceiling != POLICY_NONE)
        return deny(v, REASON_CEILING);
    if ((facts->scopes & SCOPE_BIT(category_scope(v.category))) == 0)
        return deny(v, REASON_TOKEN_SCOPE);
    v.ceiling = find_ceiling(input, who->kind, v.category, true);
    if (v.ceiling != POLICY_NONE)
        return deny(v, REASON_APPROVAL_REQUIRED);
    v.decision = DECISION_ALLOW;
    v.reason = REASON_GRANTED;
    return v;
}
