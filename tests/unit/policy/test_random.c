#include "unit.h"

#include "policy/policy.h"
#include "reference.h"
#include "world.h"

/* The same worlds in every run. */
static uint64_t rng;

static uint32_t roll(uint32_t sides)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (uint32_t)((rng >> 11) % sides);
}

static struct str pick(const struct str *from, size_t count)
{
    return from[roll((uint32_t)count)];
}

static const struct str people[] = {STR_INIT("ann"), STR_INIT("bob"), STR_INIT("cyd")};
static const struct str groups[] = {STR_INIT("staff"), STR_INIT("ops")};
static const struct str bots[] = {STR_INIT("r0"), STR_INIT("r1"), STR_INIT("r2"),
                                  STR_INIT("ghost")};
static const struct str roles[] = {STR_INIT("one"), STR_INIT("two"), STR_INIT("none")};
static const struct str tools[] = {STR_INIT("get_a"), STR_INIT("get_b"), STR_INIT("put_a"),
                                   STR_INIT("put_b"), STR_INIT("drop")};
static const struct str patterns[] = {STR_INIT("get_a"), STR_INIT("get_*"), STR_INIT("*_b"),
                                      STR_INIT("*"),     STR_INIT("drop"),  STR_INIT("nothing"),
                                      STR_INIT("p*t_*")};

static struct policy_names some(struct world *world, const struct str *from, size_t of)
{
    size_t count = roll(3);
    struct str *names = arena_calloc(world->arena, count, sizeof *names);
    for (size_t i = 0; i < count; i++)
        names[i] = pick(from, of);
    return (struct policy_names){.names = names, .count = count};
}

static uint8_t some_categories(void)
{
    return roll(3) == 0 ? 0 : (uint8_t)roll(CATEGORY_SET_ALL + 1);
}

static void random_servers(struct world *world)
{
    static const struct str names[] = {STR_INIT("s0"), STR_INIT("s1"), STR_INIT("s2")};
    world->input.server_count = 1 + roll(3);
    for (size_t i = 0; i < world->input.server_count; i++)
        world->servers[i] = (struct policy_server){
            .name = names[i],
            .credential_mode = roll(6) == 0 ? CREDENTIAL_PERSONAL : CREDENTIAL_NONE,
            .is_disabled = roll(10) == 0,
        };
    world->input.tool_count = 0;
    for (size_t i = 0; i < world->input.server_count; i++)
        for (size_t k = 0; k < ARRAY_LEN(tools); k++)
            if (roll(5) > 0)
                world->tools[world->input.tool_count++] = (struct policy_tool){
                    .server = (uint32_t)i,
                    .name = tools[k],
                    .category = (enum category)roll(CATEGORIES),
                    .is_classified = roll(4) > 0,
                    .is_gone = roll(12) == 0,
                    .is_disabled = roll(12) == 0,
                    .hold = roll(12) == 0 ? REASON_DEFINITION_CHANGED : REASON_GRANTED,
                };
}

/* Sometimes many, so that slots span words. */
static void random_grants(struct world *world)
{
    world->input.grant_count = roll(4) == 0 ? 60 + roll(150) : roll(8);
    for (size_t i = 0; i < world->input.grant_count; i++)
        world->grants[i] = (struct policy_grant){
            .name = STR("g"),
            .users = some(world, people, ARRAY_LEN(people)),
            .groups = some(world, groups, ARRAY_LEN(groups)),
            .robots = some(world, bots, ARRAY_LEN(bots)),
            .roles = some(world, roles, ARRAY_LEN(roles)),
            .server = roll(20) == 0 ? POLICY_NONE : roll((uint32_t)world->input.server_count),
            .categories = some_categories(),
            .tools = some(world, patterns, ARRAY_LEN(patterns)),
        };
}

static void random_world(struct world *world)
{
    world_clear(world);
    random_servers(world);
    world->input.robot_count = 3;
    for (size_t i = 0; i < 3; i++)
        world->robots[i] = (struct policy_robot){
            .id = (int64_t)(100 - i), .name = bots[i], .is_disabled = roll(10) == 0};
    world->input.role_count = 2;
    for (size_t i = 0; i < 2; i++)
        world->roles[i] = (struct policy_role){
            .name = roles[i],
            .users = some(world, people, ARRAY_LEN(people)),
            .groups = some(world, groups, ARRAY_LEN(groups)),
            .robots = some(world, bots, ARRAY_LEN(bots)),
        };
    random_grants(world);
    world->input.ceiling_count = roll(3);
    for (size_t i = 0; i < world->input.ceiling_count; i++)
        world->ceilings[i] = (struct policy_ceiling){
            .principals = (uint8_t)roll(PRINCIPAL_SET_ALL + 1),
            .deny = some_categories() & some_categories(),
            .approval = some_categories() & some_categories(),
        };
}

static struct world_who random_who(struct world *world)
{
    struct world_who who = {.kind = (enum principal_kind)roll(PRINCIPAL_KINDS)};
    if (roll(30) == 0)
        return who;
    who.name =
        who.kind == PRINCIPAL_ROBOT ? pick(bots, ARRAY_LEN(bots)) : pick(people, ARRAY_LEN(people));
    if (who.kind != PRINCIPAL_ROBOT)
        who.groups = some(world, groups, ARRAY_LEN(groups));
    return who;
}

static struct policy_facts random_facts(void)
{
    return (struct policy_facts){
        .scopes = roll(2) == 0 ? SCOPE_SET_ALL : roll(SCOPE_SET_ALL + 1),
        .expires_us = roll(15) == 0 ? 500 : 0,
        .now_us = 499 + (int64_t)roll(3),
        .is_refined = roll(3) == 0,
        .refined = (enum category)roll(CATEGORIES),
    };
}

static void assert_same(const struct policy_verdict *got, const struct policy_verdict *want)
{
    assert_string_equal(reason_word(got->reason), reason_word(want->reason));
    assert_int_equal(got->decision, want->decision);
    assert_int_equal(got->factor, want->factor);
    assert_int_equal(got->category, want->category);
    assert_int_equal(got->grant, want->grant);
    assert_int_equal(got->ceiling, want->ceiling);
    assert_int_equal(got->may_know, want->may_know);
}

static void every_decision_is_that_of_the_reference(void **state)
{
    (void)state;
    struct world *world = world_new();
    size_t allowed = 0;
    rng = 20260001;
    for (int round = 0; round < 1500; round++) {
        random_world(world);
        struct policy *policy = world_compile(world);
        for (int ask = 0; ask < 20; ask++) {
            struct world_who who = random_who(world);
            struct policy_facts facts = random_facts();
            facts.subject = world_subject(world, policy, &who);
            for (uint32_t tool = 0; tool <= world->input.tool_count; tool++) {
                facts.tool = tool;
                struct policy_verdict got = policy_decide(policy, &facts);
                struct policy_verdict want = reference_decide(&world->input, &who, &facts);
                assert_same(&got, &want);
                allowed += got.decision == DECISION_ALLOW;
            }
        }
        policy_free(policy);
    }
    assert_true(allowed > 1000);
    world_free(world);
}

static void a_list_holds_exactly_what_may_be_called(void **state)
{
    (void)state;
    struct world *world = world_new();
    rng = 20260002;
    for (int round = 0; round < 1500; round++) {
        random_world(world);
        struct policy *policy = world_compile(world);
        for (int ask = 0; ask < 20; ask++) {
            struct world_who who = random_who(world);
            struct policy_facts facts = random_facts();
            uint64_t bits[POLICY_BITS_WORDS(WORLD_MAX)];
            memset(bits, 0xff, sizeof bits);
            facts.subject = world_subject(world, policy, &who);
            policy_filter(policy, &facts, bits);
            facts.is_refined = false;
            for (uint32_t tool = 0; tool < world->input.tool_count; tool++) {
                facts.tool = tool;
                bool may_call = policy_decide(policy, &facts).decision == DECISION_ALLOW;
                bool may_list = (facts.scopes & SCOPE_BIT(SCOPE_LIST)) != 0;
                assert_int_equal(policy_bit(bits, tool), may_call && may_list);
            }
            for (uint32_t bit = (uint32_t)world->input.tool_count; bit % 64 != 0; bit++)
                assert_false(policy_bit(bits, bit));
        }
        policy_free(policy);
    }
    world_free(world);
}

/* Takes something away from the world or the facts, or adds a limit. */
static void narrow(struct world *world, struct policy_facts *facts)
{
    switch (roll(6)) {
    case 0:
        if (world->input.grant_count > 0)
            world->grants[roll((uint32_t)world->input.grant_count)].categories = 0;
        break;
    case 1:
        if (world->input.grant_count > 0)
            world->input.grant_count--;
        break;
    case 2:
        world->ceilings[world->input.ceiling_count++] = (struct policy_ceiling){
            .principals = (uint8_t)roll(PRINCIPAL_SET_ALL + 1),
            .deny = some_categories(),
            .approval = some_categories(),
        };
        break;
    case 3:
        facts->scopes &= roll(SCOPE_SET_ALL + 1);
        break;
    case 4:
        if (world->input.tool_count > 0)
            world->tools[roll((uint32_t)world->input.tool_count)].is_disabled = true;
        break;
    default:
        world->servers[roll((uint32_t)world->input.server_count)].is_disabled = true;
    }
}

static void narrowing_any_factor_never_widens_a_right(void **state)
{
    (void)state;
    struct world *world = world_new();
    rng = 20260003;
    for (int round = 0; round < 3000; round++) {
        random_world(world);
        struct world_who who = random_who(world);
        struct policy_facts facts = random_facts();
        uint64_t before[POLICY_BITS_WORDS(WORLD_MAX)] = {0};
        uint64_t after[POLICY_BITS_WORDS(WORLD_MAX)] = {0};
        struct policy *policy = world_compile(world);
        facts.subject = world_subject(world, policy, &who);
        policy_filter(policy, &facts, before);
        policy_free(policy);

        narrow(world, &facts);
        policy = world_compile(world);
        facts.subject = world_subject(world, policy, &who);
        policy_filter(policy, &facts, after);
        policy_free(policy);
        for (size_t i = 0; i < ARRAY_LEN(before); i++)
            assert_true((after[i] & ~before[i]) == 0);
    }
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test(every_decision_is_that_of_the_reference),
        cmocka_unit_test(a_list_holds_exactly_what_may_be_called),
        cmocka_unit_test(narrowing_any_factor_never_widens_a_right),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}
