#include "world.h"

#include <stdlib.h>

#include "unit.h"

struct world *world_new(void)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    world_clear(world);
    return world;
}

void world_clear(struct world *world)
{
    arena_free(world->arena);
    world->arena = arena_new((size_t)64 << 20);
    assert_non_null(world->arena);
    world->input = (struct policy_input){
        .servers = world->servers,
        .tools = world->tools,
        .robots = world->robots,
        .roles = world->roles,
        .grants = world->grants,
        .ceilings = world->ceilings,
    };
}

void world_free(struct world *world)
{
    arena_free(world->arena);
    free(world);
}

/* The next word behind blanks; empty at the end. */
static struct str word(struct str *line)
{
    *line = str_trim(*line);
    struct str found = str_cut(line, ' ');
    return found;
}

static struct policy_names list(struct world *world, struct str text)
{
    struct str *names = arena_calloc(world->arena, text.len + 1, sizeof *names);
    size_t count = 0;
    while (text.len > 0)
        names[count++] = arena_dup(world->arena, str_cut(&text, ','));
    return (struct policy_names){.names = names, .count = count};
}

static uint8_t categories(struct world *world, struct str text)
{
    uint8_t set = 0;
    struct policy_names words = list(world, text);
    for (size_t i = 0; i < words.count; i++) {
        enum category category;
        assert_true(category_parse(words.names[i], &category));
        set = (uint8_t)(set | CATEGORY_BIT(category));
    }
    return set;
}

static uint32_t scopes(struct world *world, struct str text)
{
    uint32_t set = 0;
    if (str_eq(text, STR("calls")))
        return SCOPE_SET_CALLS;
    if (str_eq(text, STR("-")))
        return 0;
    struct policy_names words = list(world, text);
    for (size_t i = 0; i < words.count; i++) {
        enum scope scope;
        assert_true(scope_parse(words.names[i], &scope));
        set |= SCOPE_BIT(scope);
    }
    return set;
}

static uint32_t find_server(const struct world *world, struct str name)
{
    for (size_t i = 0; i < world->input.server_count; i++)
        if (str_eq(world->servers[i].name, name))
            return (uint32_t)i;
    return POLICY_NONE;
}

static uint32_t find_tool(const struct world *world, struct str path)
{
    struct str name = path;
    uint32_t server = find_server(world, str_cut(&name, '/'));
    for (size_t i = 0; i < world->input.tool_count; i++)
        if (world->tools[i].server == server && str_eq(world->tools[i].name, name))
            return (uint32_t)i;
    return POLICY_NONE;
}

static void add_server(struct world *world, struct str line)
{
    struct policy_server *server = &world->servers[world->input.server_count++];
    *server = (struct policy_server){.name = arena_dup(world->arena, word(&line))};
    for (struct str w = word(&line); w.len > 0; w = word(&line)) {
        if (str_eq(w, STR("personal")))
            server->credential_mode = CREDENTIAL_PERSONAL;
        else if (str_eq(w, STR("disabled")))
            server->is_disabled = true;
        else
            fail_msg("server: " STR_FMT, STR_ARG(w));
    }
}

static void add_tool(struct world *world, struct str line)
{
    struct policy_tool *tool = &world->tools[world->input.tool_count++];
    struct str name = word(&line);
    struct str server = str_cut(&name, '/');
    *tool = (struct policy_tool){.server = find_server(world, server),
                                 .name = arena_dup(world->arena, name)};
    for (struct str w = word(&line); w.len > 0; w = word(&line)) {
        if (category_parse(w, &tool->category))
            tool->is_classified = true;
        else if (str_eq(w, STR("gone")))
            tool->is_gone = true;
        else if (str_eq(w, STR("disabled")))
            tool->is_disabled = true;
        else if (str_starts(w, STR("hold=")))
            assert_true(reason_parse(str_from(w, 5), &tool->hold));
        else if (!str_eq(w, STR("unclassified")))
            fail_msg("tool: " STR_FMT, STR_ARG(w));
    }
}

static void add_robot(struct world *world, struct str line)
{
    struct policy_robot *robot = &world->robots[world->input.robot_count++];
    *robot = (struct policy_robot){.id = (int64_t)world->input.robot_count * 7,
                                   .name = arena_dup(world->arena, word(&line)),
                                   .is_disabled = str_eq(word(&line), STR("disabled"))};
}

static void add_role(struct world *world, struct str line)
{
    struct policy_role *role = &world->roles[world->input.role_count++];
    *role = (struct policy_role){.name = arena_dup(world->arena, word(&line))};
    for (struct str w = word(&line); w.len > 0; w = word(&line)) {
        struct str key = str_cut(&w, '=');
        if (str_eq(key, STR("users")))
            role->users = list(world, w);
        else if (str_eq(key, STR("groups")))
            role->groups = list(world, w);
        else if (str_eq(key, STR("robots")))
            role->robots = list(world, w);
        else
            fail_msg("role: " STR_FMT, STR_ARG(key));
    }
}

static void add_grant(struct world *world, struct str line)
{
    struct policy_grant *grant = &world->grants[world->input.grant_count++];
    *grant =
        (struct policy_grant){.name = arena_dup(world->arena, word(&line)), .server = POLICY_NONE};
    for (struct str w = word(&line); w.len > 0; w = word(&line)) {
        struct str key = str_cut(&w, '=');
        if (str_eq(key, STR("users")))
            grant->users = list(world, w);
        else if (str_eq(key, STR("groups")))
            grant->groups = list(world, w);
        else if (str_eq(key, STR("robots")))
            grant->robots = list(world, w);
        else if (str_eq(key, STR("roles")))
            grant->roles = list(world, w);
        else if (str_eq(key, STR("server")))
            grant->server = find_server(world, w);
        else if (str_eq(key, STR("categories")))
            grant->categories = categories(world, w);
        else if (str_eq(key, STR("tools")))
            grant->tools = list(world, w);
        else
            fail_msg("grant: " STR_FMT, STR_ARG(key));
    }
}

static void add_ceiling(struct world *world, struct str line)
{
    struct policy_ceiling *ceiling = &world->ceilings[world->input.ceiling_count++];
    *ceiling = (struct policy_ceiling){0};
    struct policy_names kinds = list(world, word(&line));
    for (size_t i = 0; i < kinds.count; i++) {
        enum principal_kind kind;
        assert_true(principal_parse(kinds.names[i], &kind));
        ceiling->principals = (uint8_t)(ceiling->principals | PRINCIPAL_BIT(kind));
    }
    for (struct str w = word(&line); w.len > 0; w = word(&line)) {
        struct str key = str_cut(&w, '=');
        if (str_eq(key, STR("deny")))
            ceiling->deny = categories(world, w);
        else if (str_eq(key, STR("approval")))
            ceiling->approval = categories(world, w);
        else
            fail_msg("ceiling: " STR_FMT, STR_ARG(key));
    }
}

/* robot:NAME, human:NAME+GROUP+GROUP, delegated:NAME, nobody */
static struct world_who who(struct world *world, struct str text)
{
    struct world_who who = {.kind = PRINCIPAL_HUMAN};
    if (str_eq(text, STR("nobody")))
        return who;
    assert_true(principal_parse(str_cut(&text, ':'), &who.kind));
    who.name = arena_dup(world->arena, str_cut(&text, '+'));
    struct str *groups = arena_calloc(world->arena, text.len + 1, sizeof *groups);
    while (text.len > 0)
        groups[who.groups.count++] = arena_dup(world->arena, str_cut(&text, '+'));
    who.groups.names = groups;
    return who;
}

/* ? WHO SCOPES TOOL [as=CATEGORY] [expired] -> DECISION REASON GRANT knows|knows-not [ceiling=N] */
static void question(struct world *world, struct str line, struct world_case *ret_case)
{
    *ret_case = (struct world_case){.who = who(world, word(&line)), .ceiling = POLICY_NONE};
    struct policy_facts *facts = &ret_case->facts;
    facts->now_us = 1000;
    facts->scopes = scopes(world, word(&line));
    facts->tool = find_tool(world, word(&line));
    struct str w = word(&line);
    for (; !str_eq(w, STR("->")); w = word(&line)) {
        if (str_eq(w, STR("expired"))) {
            facts->expires_us = 1000;
        } else if (str_starts(w, STR("as="))) {
            facts->is_refined = true;
            assert_true(category_parse(str_from(w, 3), &facts->refined));
        } else {
            fail_msg("question: '" STR_FMT "'", STR_ARG(w));
        }
    }
    assert_true(decision_parse(word(&line), &ret_case->decision));
    w = word(&line);
    if (!reason_parse(w, &ret_case->reason))
        fail_msg("reason: '" STR_FMT "'", STR_ARG(w));
    ret_case->grant = word(&line);
    w = word(&line);
    ret_case->may_know = str_eq(w, STR("knows"));
    assert_true(ret_case->may_know || str_eq(w, STR("knows-not")));
    w = word(&line);
    if (str_starts(w, STR("ceiling=")))
        ret_case->ceiling = (uint32_t)(w.ptr[8] - '0');
    else if (w.len > 0)
        fail_msg("question: '" STR_FMT "'", STR_ARG(w));
}

bool world_line(struct world *world, struct str line, struct world_case *ret_case)
{
    static const struct {
        struct str word;
        void (*add)(struct world *world, struct str line);
    } kinds[] = {
        {STR_INIT("server"), add_server}, {STR_INIT("tool"), add_tool},
        {STR_INIT("robot"), add_robot},   {STR_INIT("role"), add_role},
        {STR_INIT("grant"), add_grant},   {STR_INIT("ceiling"), add_ceiling},
    };
    struct str rest = str_first(line, str_find(line, '#'));
    struct str kind = word(&rest);
    if (kind.len == 0)
        return false;
    if (str_eq(kind, STR("world"))) {
        world_clear(world);
        return false;
    }
    if (str_eq(kind, STR("?"))) {
        question(world, rest, ret_case);
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (str_eq(kind, kinds[i].word)) {
            kinds[i].add(world, rest);
            return false;
        }
    }
    fail_msg("a line that nobody takes: " STR_FMT, STR_ARG(line));
    return false;
}

void world_text(struct world *world, const char *text)
{
    struct str rest = str_c(text);
    struct world_case unused;
    while (rest.len > 0)
        assert_false(world_line(world, str_cut(&rest, '\n'), &unused));
}

const struct policy_subject *world_subject(struct world *world, const struct policy *policy,
                                           const struct world_who *who)
{
    const struct policy_subject *subject = NULL;
    struct err err;
    if (who->name.len == 0)
        return NULL;
    if (who->kind == PRINCIPAL_ROBOT) {
        for (size_t i = 0; i < world->input.robot_count; i++)
            if (str_eq(world->robots[i].name, who->name))
                return policy_robot(policy, world->robots[i].id);
        return policy_robot(policy, 4711);
    }
    assert_ok(policy_user(policy, world->arena, who->kind, who->name, &who->groups, &subject, &err),
              err);
    return subject;
}

struct policy *world_compile(const struct world *world)
{
    struct policy *policy = NULL;
    struct err err;
    assert_ok(policy_compile(&world->input, &policy, &err), err);
    return policy;
}
