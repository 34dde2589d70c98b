#include "policy/policy_priv.h"

const struct policy_subject *policy_robot(const struct policy *policy, int64_t robot_id)
{
    size_t low = 0;
    size_t high = policy->robot_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct compiled_robot *robot = &policy->robots[middle];
        if (robot->id == robot_id)
            return &robot->subject;
        if (robot->id < robot_id)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static void add_slots(uint64_t *slots, const struct table *table, struct str name, size_t words)
{
    const uint64_t *more = table_get(table, name);
    if (more == NULL)
        return;
    for (size_t i = 0; i < words; i++)
        slots[i] |= more[i];
}

enum err_code policy_user(const struct policy *policy, struct arena *arena,
                          enum principal_kind kind, struct str user,
                          const struct policy_names *groups,
                          const struct policy_subject **ret_subject, struct err *err)
{
    struct policy_subject *subject = arena_new_obj(arena, struct policy_subject);
    uint64_t *slots = arena_calloc(arena, policy->slot_words, sizeof *slots);
    struct str name = arena_dup(arena, user);
    if (subject == NULL || slots == NULL || name.ptr == NULL)
        return err_set(err, ERR_LIMIT, "no memory left for the caller's rights");
    add_slots(slots, policy->users, user, policy->slot_words);
    for (size_t i = 0; i < groups->count; i++)
        add_slots(slots, policy->groups, groups->names[i], policy->slot_words);
    *subject = (struct policy_subject){.kind = kind, .name = name, .slots = slots};
    *ret_subject = subject;
    return ERR_OK;
}

uint32_t policy_first_grant(const struct policy *policy, const struct policy_subject *subject,
                            const struct compiled_server *server, const uint64_t *row_a,
                            const uint64_t *row_b)
{
    for (size_t i = 0; i < server->words; i++) {
        uint64_t covers = (row_a == NULL ? 0 : row_a[i]) | (row_b == NULL ? 0 : row_b[i]);
        uint64_t found = covers & subject->slots[server->first_word + i];
        if (found != 0) {
            size_t slot = (server->first_word + i) * 64 + (size_t)__builtin_ctzll(found);
            return policy->slot_grant[slot];
        }
    }
    return POLICY_NONE;
}

static bool holds_grant(const struct policy *policy, const struct policy_subject *subject,
                        const struct compiled_server *server)
{
    return policy_first_grant(policy, subject, server, server->any, NULL) != POLICY_NONE;
}

bool policy_may_know(const struct policy *policy, const struct policy_subject *subject,
                     uint32_t server)
{
    return subject != NULL && !subject->is_disabled && server < policy->server_count &&
           holds_grant(policy, subject, &policy->servers[server]);
}

/* A robot has no account of a person, and must not borrow one. */
static bool is_personal(const struct policy_subject *subject, const struct compiled_server *server)
{
    return server->credential_mode == CREDENTIAL_PERSONAL && subject->kind == PRINCIPAL_ROBOT;
}

bool policy_may_reach(const struct policy *policy, const struct policy_subject *subject,
                      uint32_t server)
{
    return policy_may_know(policy, subject, server) &&
           !is_personal(subject, &policy->servers[server]);
}

/* The steps of a decision: each returns REASON_GRANTED when its factor does not deny. */

static enum reason judge_principal(const struct policy_facts *facts)
{
    if (facts->subject == NULL)
        return REASON_PRINCIPAL_UNKNOWN;
    if (facts->subject->is_disabled)
        return REASON_PRINCIPAL_DISABLED;
    if (facts->expires_us != 0 && facts->now_us >= facts->expires_us)
        return REASON_TOKEN_EXPIRED;
    return REASON_GRANTED;
}

static enum reason judge_tool(const struct policy_subject *subject,
                              const struct compiled_server *server,
                              const struct compiled_tool *tool)
{
    if (server->is_disabled)
        return REASON_SERVER_DISABLED;
    if (is_personal(subject, server))
        return REASON_PERSONAL_SERVER;
    if (tool->is_gone)
        return REASON_TOOL_GONE;
    if (tool->is_disabled)
        return REASON_TOOL_DISABLED;
    return (enum reason)tool->hold;
}

static enum reason judge_grants(const struct policy *policy, const struct policy_subject *subject,
                                const struct compiled_server *server,
                                const struct compiled_tool *tool, struct policy_verdict *verdict)
{
    if (!verdict->may_know)
        return REASON_NO_GRANT;
    verdict->grant = policy_first_grant(policy, subject, server,
                                        server->by_category[verdict->category], tool->named);
    if (verdict->grant != POLICY_NONE)
        return REASON_GRANTED;
    return tool->is_classified ? REASON_CATEGORY_NOT_GRANTED : REASON_TOOL_UNCLASSIFIED;
}

static enum reason judge_limits(const struct policy *policy, const struct policy_facts *facts,
                                struct policy_verdict *verdict)
{
    enum principal_kind kind = facts->subject->kind;
    uint32_t deny = policy->limits.deny[kind][verdict->category];
    uint32_t approval = policy->limits.approval[kind][verdict->category];
    if (deny != POLICY_NONE) {
        verdict->ceiling = deny;
        return REASON_CEILING;
    }
    if ((facts->scopes & SCOPE_BIT(category_scope(verdict->category))) == 0)
        return REASON_TOKEN_SCOPE;
    if (approval != POLICY_NONE) {
        verdict->ceiling = approval;
        return REASON_APPROVAL_REQUIRED;
    }
    return REASON_GRANTED;
}

static enum category judged_category(const struct policy_facts *facts,
                                     const struct compiled_tool *tool)
{
    bool is_refined = facts->is_refined && tool->is_classified;
    return is_refined ? facts->refined : (enum category)tool->category;
}

static enum reason judge(const struct policy *policy, const struct policy_facts *facts,
                         struct policy_verdict *verdict)
{
    enum reason reason = judge_principal(facts);
    if (reason != REASON_GRANTED)
        return reason;
    if (facts->tool >= policy->tool_count)
        return REASON_TOOL_UNKNOWN;
    const struct compiled_tool *tool = &policy->tools[facts->tool];
    const struct compiled_server *server = &policy->servers[tool->server];
    verdict->category = judged_category(facts, tool);
    verdict->may_know = holds_grant(policy, facts->subject, server);

    reason = judge_tool(facts->subject, server, tool);
    if (reason == REASON_GRANTED)
        reason = judge_grants(policy, facts->subject, server, tool, verdict);
    if (reason == REASON_GRANTED)
        reason = judge_limits(policy, facts, verdict);
    return reason;
}

struct policy_verdict policy_decide(const struct policy *policy, const struct policy_facts *facts)
{
    struct policy_verdict verdict = {
        .decision = DECISION_DENY,
        .category = CATEGORY_ADMIN,
        .grant = POLICY_NONE,
        .ceiling = POLICY_NONE,
    };
    verdict.reason = judge(policy, facts, &verdict);
    verdict.factor = reason_factor(verdict.reason);
    if (verdict.reason == REASON_GRANTED)
        verdict.decision = DECISION_ALLOW;
    return verdict;
}

size_t policy_tool_count(const struct policy *policy)
{
    return policy->tool_count;
}

void policy_filter(const struct policy *policy, const struct policy_facts *facts, uint64_t *bits)
{
    struct policy_facts each = *facts;
    each.is_refined = false;
    for (size_t i = 0; i < POLICY_BITS_WORDS(policy->tool_count); i++)
        bits[i] = 0;
    if ((facts->scopes & SCOPE_BIT(SCOPE_LIST)) == 0)
        return;
    for (size_t i = 0; i < policy->tool_count; i++) {
        each.tool = (uint32_t)i;
        if (policy_decide(policy, &each).decision == DECISION_ALLOW)
            bits[i / 64] |= (uint64_t)1 << (i % 64);
    }
}
