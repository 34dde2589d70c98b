#include "policy/compile_priv.h"

#include <stdlib.h>

/* A policy of 10,000 tools and 1,000 grants takes a few MiB; this only ends what is out of hand. */
#define POLICY_MAX_BYTES ((size_t)1 << 30)

enum err_code compile_no_memory(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the policy does not fit into memory");
}

void compile_set_bit(uint64_t *row, size_t bit)
{
    row[bit / WORD_BITS] |= (uint64_t)1 << (bit % WORD_BITS);
}

uint64_t *compile_new_row(struct policy *policy, size_t words)
{
    return arena_calloc(policy->arena, words, sizeof(uint64_t));
}

bool compile_dup(struct policy *policy, struct str from, struct str *ret_to)
{
    *ret_to = arena_dup(policy->arena, from);
    return ret_to->ptr != NULL;
}

static enum err_code compile_servers(struct compile *c, struct err *err)
{
    struct policy *policy = c->policy;
    policy->server_count = c->in->server_count;
    policy->servers = arena_calloc(policy->arena, policy->server_count, sizeof *policy->servers);
    if (policy->servers == NULL)
        return compile_no_memory(err);
    for (size_t i = 0; i < policy->server_count; i++) {
        const struct policy_server *from = &c->in->servers[i];
        struct compiled_server *to = &policy->servers[i];
        to->credential_mode = from->credential_mode;
        to->is_disabled = from->is_disabled;
        if (!compile_dup(policy, from->name, &to->name))
            return compile_no_memory(err);
    }
    return ERR_OK;
}

static enum err_code compile_tools(struct compile *c, struct err *err)
{
    struct policy *policy = c->policy;
    policy->tool_count = c->in->tool_count;
    policy->tools = arena_calloc(policy->arena, policy->tool_count, sizeof *policy->tools);
    if (policy->tools == NULL)
        return compile_no_memory(err);
    for (size_t i = 0; i < policy->tool_count; i++) {
        const struct policy_tool *from = &c->in->tools[i];
        struct compiled_tool *to = &policy->tools[i];
        if (from->server >= policy->server_count)
            return err_set(err, ERR_INVALID, "tool '" STR_FMT "' is on a server that is not there",
                           STR_ARG(from->name));
        *to = (struct compiled_tool){
            .server = from->server,
            .category = (uint8_t)(from->is_classified ? from->category : CATEGORY_ADMIN),
            .is_classified = from->is_classified,
            .is_gone = from->is_gone,
            .is_disabled = from->is_disabled,
            .hold = (uint8_t)from->hold,
        };
        if (!compile_dup(policy, from->name, &to->name))
            return compile_no_memory(err);
    }
    return ERR_OK;
}

/* Counts each server's grants in grant_slot (as its rank there) and lays the servers' slots out. */
static enum err_code place_slots(struct compile *c, struct err *err)
{
    struct policy *policy = c->policy;
    size_t *grants = arena_calloc(policy->arena, policy->server_count, sizeof *grants);
    c->grant_slot = arena_calloc(policy->arena, c->in->grant_count, sizeof *c->grant_slot);
    if (grants == NULL || c->grant_slot == NULL)
        return compile_no_memory(err);
    for (size_t i = 0; i < c->in->grant_count; i++) {
        uint32_t server = c->in->grants[i].server;
        c->grant_slot[i] = server == POLICY_NONE ? POLICY_NONE : (uint32_t)grants[server]++;
    }
    for (size_t i = 0; i < policy->server_count; i++) {
        policy->servers[i].first_word = policy->slot_words;
        policy->servers[i].words = (grants[i] + WORD_BITS - 1) / WORD_BITS;
        policy->slot_words += policy->servers[i].words;
    }
    if (policy->slot_words > UINT32_MAX / WORD_BITS)
        return err_set(err, ERR_LIMIT, "too many grants");
    return ERR_OK;
}

static enum err_code new_server_rows(struct policy *policy, struct compiled_server *server,
                                     struct err *err)
{
    if (server->words == 0)
        return ERR_OK;
    uint64_t *rows = compile_new_row(policy, server->words * (CATEGORIES + 1));
    if (rows == NULL)
        return compile_no_memory(err);
    server->any = rows;
    for (size_t i = 0; i < CATEGORIES; i++)
        server->by_category[i] = rows + server->words * (i + 1);
    return ERR_OK;
}

static enum err_code compile_grant(struct compile *c, uint32_t index, struct err *err)
{
    struct policy *policy = c->policy;
    const struct policy_grant *from = &c->in->grants[index];
    struct compiled_grant *to = &policy->grants[index];
    to->categories = from->categories & CATEGORY_SET_ALL;
    if (!compile_dup(policy, from->name, &to->name))
        return compile_no_memory(err);
    if (from->server == POLICY_NONE)
        return ERR_OK;

    const struct compiled_server *server = &policy->servers[from->server];
    size_t rank = c->grant_slot[index];
    if (to->categories != 0 || from->tools.count > 0)
        compile_set_bit(server->any, rank);
    for (size_t i = 0; i < CATEGORIES; i++)
        if ((to->categories & CATEGORY_BIT(i)) != 0)
            compile_set_bit(server->by_category[i], rank);
    size_t slot = server->first_word * WORD_BITS + rank;
    c->grant_slot[index] = (uint32_t)slot;
    policy->slot_grant[slot] = index;
    return ERR_OK;
}

static enum err_code compile_grants(struct compile *c, struct err *err)
{
    struct policy *policy = c->policy;
    policy->grant_count = c->in->grant_count;
    for (size_t i = 0; i < policy->grant_count; i++) {
        uint32_t server = c->in->grants[i].server;
        if (server != POLICY_NONE && server >= policy->server_count)
            return err_set(err, ERR_INVALID, "grant '" STR_FMT "' is on a server that is not there",
                           STR_ARG(c->in->grants[i].name));
    }
    if (place_slots(c, err) != ERR_OK)
        return err->code;
    policy->grants = arena_calloc(policy->arena, policy->grant_count, sizeof *policy->grants);
    policy->slot_grant =
        arena_calloc(policy->arena, policy->slot_words * WORD_BITS, sizeof *policy->slot_grant);
    if (policy->grants == NULL || policy->slot_grant == NULL)
        return compile_no_memory(err);
    for (size_t i = 0; i < policy->server_count; i++)
        if (new_server_rows(policy, &policy->servers[i], err) != ERR_OK)
            return err->code;
    for (size_t i = 0; i < policy->grant_count; i++)
        if (compile_grant(c, (uint32_t)i, err) != ERR_OK)
            return err->code;
    return ERR_OK;
}

static int compare_tools(const void *left, const void *right, void *ctx)
{
    const struct compiled_tool *tools = ctx;
    const struct compiled_tool *a = &tools[*(const uint32_t *)left];
    const struct compiled_tool *b = &tools[*(const uint32_t *)right];
    if (a->server != b->server)
        return a->server < b->server ? -1 : 1;
    return str_cmp(a->name, b->name);
}

/* The first tool by name that is not before (server, name). */
static size_t lower_bound(const struct compile *c, uint32_t server, struct str name)
{
    size_t low = 0;
    size_t high = c->policy->tool_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct compiled_tool *tool = &c->policy->tools[c->by_name[middle]];
        bool is_before =
            tool->server != server ? tool->server < server : str_cmp(tool->name, name) < 0;
        if (is_before)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static enum err_code name_tool(struct compile *c, struct compiled_tool *tool, uint64_t **rows,
                               uint32_t grant, struct err *err)
{
    struct policy *policy = c->policy;
    const struct compiled_server *server = &policy->servers[tool->server];
    size_t index = (size_t)(tool - policy->tools);
    if (rows[index] == NULL) {
        rows[index] = compile_new_row(policy, server->words);
        if (rows[index] == NULL)
            return compile_no_memory(err);
        tool->named = rows[index];
    }
    compile_set_bit(rows[index], c->grant_slot[grant] - server->first_word * WORD_BITS);
    return ERR_OK;
}

/* Marks the grant in the rows of all tools that pattern names. */
static enum err_code name_tools(struct compile *c, uint32_t grant, struct str pattern,
                                uint64_t **rows, struct err *err)
{
    uint32_t server = c->in->grants[grant].server;
    struct str prefix = str_first(pattern, str_find(pattern, '*'));
    bool is_exact = prefix.len == pattern.len;
    for (size_t i = lower_bound(c, server, prefix); i < c->policy->tool_count; i++) {
        struct compiled_tool *tool = &c->policy->tools[c->by_name[i]];
        if (tool->server != server || !str_starts(tool->name, prefix))
            break;
        bool is_named = is_exact ? str_eq(tool->name, pattern)
                                 : tool->is_classified && str_glob(pattern, tool->name);
        if (is_named && name_tool(c, tool, rows, grant, err) != ERR_OK)
            return err->code;
        if (is_exact)
            break;
    }
    return ERR_OK;
}

static enum err_code compile_named(struct compile *c, struct err *err)
{
    struct policy *policy = c->policy;
    uint64_t **rows = arena_calloc(policy->arena, policy->tool_count, sizeof *rows);
    c->by_name = arena_calloc(policy->arena, policy->tool_count, sizeof *c->by_name);
    if (rows == NULL || c->by_name == NULL)
        return compile_no_memory(err);
    for (size_t i = 0; i < policy->tool_count; i++)
        c->by_name[i] = (uint32_t)i;
    if (policy->tool_count > 0)
        qsort_r(c->by_name, policy->tool_count, sizeof *c->by_name, compare_tools, policy->tools);
    for (size_t i = 0; i < policy->grant_count; i++) {
        const struct policy_grant *grant = &c->in->grants[i];
        for (size_t k = 0; k < grant->tools.count && grant->server != POLICY_NONE; k++)
            if (name_tools(c, (uint32_t)i, grant->tools.names[k], rows, err) != ERR_OK)
                return err->code;
    }
    return ERR_OK;
}

/* The first ceiling that limits stays: it is the one that is named. */
static void limit(uint32_t *ceiling, uint8_t set, size_t category, size_t index)
{
    if ((set & CATEGORY_BIT(category)) != 0 && *ceiling == POLICY_NONE)
        *ceiling = (uint32_t)index;
}

static void compile_ceilings(struct compile *c)
{
    struct compiled_limits *limits = &c->policy->limits;
    for (size_t kind = 0; kind < PRINCIPAL_KINDS; kind++) {
        for (size_t category = 0; category < CATEGORIES; category++) {
            limits->deny[kind][category] = POLICY_NONE;
            limits->approval[kind][category] = POLICY_NONE;
            for (size_t i = 0; i < c->in->ceiling_count; i++) {
                const struct policy_ceiling *ceiling = &c->in->ceilings[i];
                if ((ceiling->principals & PRINCIPAL_BIT(kind)) == 0)
                    continue;
                limit(&limits->deny[kind][category], ceiling->deny, category, i);
                limit(&limits->approval[kind][category], ceiling->approval, category, i);
            }
        }
    }
}

static enum err_code compile_all(struct compile *c, struct err *err)
{
    c->policy->arena = arena_new(POLICY_MAX_BYTES);
    c->policy->users = table_new();
    c->policy->groups = table_new();
    if (c->policy->arena == NULL || c->policy->users == NULL || c->policy->groups == NULL)
        return compile_no_memory(err);
    if (c->in->tool_count >= POLICY_NONE || c->in->grant_count >= POLICY_NONE)
        return err_set(err, ERR_LIMIT, "too many tools or grants");
    compile_ceilings(c);
    if (compile_servers(c, err) != ERR_OK || compile_tools(c, err) != ERR_OK ||
        compile_grants(c, err) != ERR_OK || compile_named(c, err) != ERR_OK ||
        compile_members(c, err) != ERR_OK)
        return err->code;
    return ERR_OK;
}

enum err_code policy_compile(const struct policy_input *input, struct policy **ret_policy,
                             struct err *err)
{
    struct err own;
    CLEANUP(policy_freep) struct policy *policy = calloc(1, sizeof *policy);
    if (policy == NULL)
        return compile_no_memory(err);
    struct compile c = {.in = input, .policy = policy};
    enum err_code code = compile_all(&c, err == NULL ? &own : err);
    if (code == ERR_OK)
        *ret_policy = MOVE(policy);
    return code;
}

void policy_free(struct policy *policy)
{
    if (policy == NULL)
        return;
    table_free(policy->users);
    table_free(policy->groups);
    arena_free(policy->arena);
    free(policy);
}

void policy_freep(struct policy **policy)
{
    policy_free(*policy);
    *policy = NULL;
}
