#include "unit.h"

#include "policy/policy.h"
#include "world.h"

static const char office[] = "server files\n"
                             "server notion personal\n"
                             "server down disabled\n"
                             "tool files/read_file read-only\n"
                             "tool files/write_file write\n"
                             "tool files/move_file destructive\n"
                             "tool files/chown admin\n"
                             "tool files/mystery unclassified\n"
                             "tool files/lost write gone\n"
                             "tool files/off write disabled\n"
                             "tool notion/page write\n"
                             "tool down/page write\n"
                             "robot reader\n"
                             "robot named\n"
                             "robot root\n"
                             "robot idle\n"
                             "robot fired disabled\n"
                             "grant look robots=reader server=files categories=read-only\n"
                             "grant one robots=named server=files tools=write_file\n"
                             "grant all robots=root server=files "
                             "categories=read-only,write,destructive,admin\n"
                             "grant notes robots=root server=notion categories=write\n"
                             "grant below robots=root server=down categories=write\n"
                             "ceiling robot deny=admin approval=destructive\n";

/* The sentence for a question, cut off at its "->". */
static void assert_explained(const char *question, const char *sentence)
{
    struct world *world = world_new();
    struct world_case asked;
    struct buf out;
    buf_init(&out, 4096);
    world_text(world, office);
    assert_true(world_line(world, str_c(question), &asked));
    struct policy *policy = world_compile(world);
    asked.facts.subject = world_subject(world, policy, &asked.who);
    struct policy_verdict verdict = policy_decide(policy, &asked.facts);
    policy_explain(policy, &asked.facts, &verdict, &out);
    assert_str(buf_str(&out), sentence);
    buf_done(&out);
    policy_free(policy);
    world_free(world);
}

static void every_reason_is_explained_with_its_factor_and_what_would_help(void **state)
{
    (void)state;
    static const struct {
        const char *question;
        const char *sentence;
    } rows[] = {
        {"? robot:reader calls files/read_file -> allow granted look knows",
         "Allowed: grant 'look' gives robot 'reader' the category read-only, which holds tool "
         "'read_file' of server 'files'."},
        {"? robot:named calls files/write_file -> allow granted one knows",
         "Allowed: grant 'one' gives robot 'named' by name the write tool 'write_file' of server "
         "'files'."},
        {"? nobody calls files/read_file -> deny principal_unknown - knows-not",
         "Denied by principal: the caller is nobody this gateway knows."},
        {"? robot:fired calls files/read_file -> deny principal_disabled - knows-not",
         "Denied by principal: robot 'fired' is disabled; an administrator can enable it."},
        {"? robot:reader calls files/read_file expired -> deny token_expired - knows-not",
         "Denied by token: the token of robot 'reader' has expired; a new one is needed."},
        {"? robot:root call:read-only files/write_file -> deny token_scope all knows",
         "Denied by token: the token lacks the scope call:write that tool 'write_file' of server "
         "'files' (write) needs; everything else would allow it."},
        {"? robot:root calls down/page -> deny server_disabled - knows",
         "Denied by server: server 'down' is disabled."},
        {"? robot:root calls notion/page -> deny personal_server - knows",
         "Denied by server: server 'notion' works with each person's own account, and a robot has "
         "none."},
        {"? robot:root calls files/nothing -> deny tool_unknown - knows-not",
         "Denied by tool: there is no such tool."},
        {"? robot:root calls files/lost -> deny tool_gone - knows",
         "Denied by tool: tool 'lost' of server 'files' is not there any more: the server does not "
         "list it."},
        {"? robot:root calls files/off -> deny tool_disabled - knows",
         "Denied by tool: tool 'off' of server 'files' is disabled."},
        {"? robot:reader calls files/mystery -> deny tool_unclassified - knows",
         "Denied by tool: tool 'mystery' of server 'files' has no category yet and so counts as "
         "admin, which is not granted to robot 'reader'; an administrator can set one: portreeve "
         "tool set files mystery CATEGORY."},
        {"? robot:idle calls files/read_file -> deny no_grant - knows-not",
         "Denied by grant: robot 'idle' holds no grant on server 'files'."},
        {"? human:ann calls files/read_file -> deny no_grant - knows-not",
         "Denied by grant: user 'ann' holds no grant on server 'files'."},
        {"? robot:reader calls files/write_file -> deny category_not_granted - knows",
         "Denied by grant: tool 'write_file' of server 'files' is write, and robot 'reader' is "
         "granted read-only; no grant on server 'files' covers it."},
        {"? robot:named calls files/read_file -> deny category_not_granted - knows",
         "Denied by grant: tool 'read_file' of server 'files' is read-only, and robot 'named' is "
         "granted other tools by name only; no grant on server 'files' covers it."},
        {"? robot:root calls files/chown -> deny ceiling all knows",
         "Denied by ceiling: a ceiling denies admin tools to every caller of kind robot, whatever "
         "is granted; tool 'chown' of server 'files' is one."},
        {"? robot:root calls files/mystery -> deny ceiling all knows",
         "Denied by ceiling: a ceiling denies admin tools to every caller of kind robot, whatever "
         "is granted; tool 'mystery' of server 'files' has no category yet and so counts as one."},
        {"? robot:root calls files/move_file -> deny approval_required all knows",
         "Denied by ceiling: a ceiling asks for an approval of every destructive call by a caller "
         "of kind robot, and approvals are not yet available; so tool 'move_file' of server "
         "'files' is refused."},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_explained(rows[i].question, rows[i].sentence);
}

static void who_may_know_a_server_is_who_holds_a_grant_on_it(void **state)
{
    (void)state;
    struct world *world = world_new();
    world_text(world, office);
    struct policy *policy = world_compile(world);
    const struct world_who reader = {.kind = PRINCIPAL_ROBOT, .name = STR("reader")};
    const struct world_who fired = {.kind = PRINCIPAL_ROBOT, .name = STR("fired")};
    const struct policy_subject *subject = world_subject(world, policy, &reader);
    assert_true(policy_may_know(policy, subject, 0));
    assert_false(policy_may_know(policy, subject, 1));
    assert_false(policy_may_know(policy, subject, 3));
    assert_false(policy_may_know(policy, subject, POLICY_NONE));
    assert_false(policy_may_know(policy, NULL, 0));
    assert_false(policy_may_know(policy, world_subject(world, policy, &fired), 0));
    policy_free(policy);
    world_free(world);
}

static void a_tool_or_grant_on_a_server_that_is_not_there_is_refused(void **state)
{
    (void)state;
    struct policy *policy = NULL;
    struct err err;
    const struct policy_tool tool = {.server = 0, .name = STR("t")};
    const struct policy_input lost_tool = {.tools = &tool, .tool_count = 1};
    assert_int_equal(policy_compile(&lost_tool, &policy, &err), ERR_INVALID);
    const struct policy_grant grant = {.name = STR("g"), .server = 0};
    const struct policy_input lost_grant = {.grants = &grant, .grant_count = 1};
    assert_int_equal(policy_compile(&lost_grant, &policy, NULL), ERR_INVALID);
    assert_null(policy);
}

static void two_robots_with_one_id_are_refused(void **state)
{
    (void)state;
    struct policy *policy = NULL;
    struct err err;
    const struct policy_robot robots[] = {{.id = 5, .name = STR("a")}, {.id = 5, .name = STR("b")}};
    const struct policy_input input = {.robots = robots, .robot_count = 2};
    assert_int_equal(policy_compile(&input, &policy, &err), ERR_INVALID);
    assert_null(policy);
}

static void a_policy_of_nothing_denies_everything(void **state)
{
    (void)state;
    struct policy *policy = NULL;
    struct err err;
    const struct policy_input input = {0};
    assert_ok(policy_compile(&input, &policy, &err), err);
    assert_int_equal(policy_tool_count(policy), 0);
    assert_null(policy_robot(policy, 1));
    const struct policy_facts facts = {.scopes = SCOPE_SET_ALL, .tool = 0};
    assert_int_equal(policy_decide(policy, &facts).decision, DECISION_DENY);
    policy_filter(policy, &facts, NULL);
    policy_free(policy);
    policy_free(NULL);
}

static void a_policy_keeps_nothing_of_its_input(void **state)
{
    (void)state;
    struct world *world = world_new();
    world_text(world, office);
    struct policy *policy = world_compile(world);
    const struct policy_subject *reader = policy_robot(policy, world->robots[0].id);
    world_free(world);
    const struct policy_facts facts = {.subject = reader, .scopes = SCOPE_SET_CALLS, .tool = 0};
    struct policy_verdict verdict = policy_decide(policy, &facts);
    struct buf out;
    buf_init(&out, 1024);
    policy_explain(policy, &facts, &verdict, &out);
    assert_int_equal(verdict.decision, DECISION_ALLOW);
    assert_true(out.len > 0);
    buf_done(&out);
    policy_free(policy);
}

static void a_full_arena_is_a_limit_for_a_user_not_a_crash(void **state)
{
    (void)state;
    struct world *world = world_new();
    world_text(world, office);
    struct policy *policy = world_compile(world);
    const struct policy_names none = {0};
    for (size_t room = 0; room < 16; room++) {
        const struct policy_subject *subject = NULL;
        struct err err;
        struct arena *arena = arena_new(room);
        assert_int_equal(
            policy_user(policy, arena, PRINCIPAL_HUMAN, STR("ann"), &none, &subject, &err),
            ERR_LIMIT);
        assert_null(subject);
        arena_free(arena);
    }
    policy_free(policy);
    world_free(world);
}

static void a_robot_knows_a_server_with_personal_accounts_and_never_reaches_it(void **state)
{
    (void)state;
    enum { FILES, NOTION, DOWN };
    struct world *world = world_new();
    world_text(world, office);
    world_text(world, "grant people users=ann@x server=notion categories=write\n");
    struct policy *policy = world_compile(world);
    const struct world_who root = {.kind = PRINCIPAL_ROBOT, .name = STR("root")};
    const struct policy_subject *robot = world_subject(world, policy, &root);
    assert_true(policy_may_know(policy, robot, NOTION));
    assert_false(policy_may_reach(policy, robot, NOTION));
    assert_true(policy_may_reach(policy, robot, FILES));
    assert_false(policy_may_reach(policy, robot, POLICY_NONE));
    assert_false(policy_may_reach(policy, NULL, FILES));
    static const enum principal_kind kinds[] = {PRINCIPAL_HUMAN, PRINCIPAL_DELEGATED};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const struct world_who ann = {.kind = kinds[i], .name = STR("ann@x")};
        const struct policy_subject *person = world_subject(world, policy, &ann);
        assert_true(policy_may_reach(policy, person, NOTION));
        assert_false(policy_may_reach(policy, person, FILES));
    }
    policy_free(policy);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reason_is_explained_with_its_factor_and_what_would_help),
        cmocka_unit_test(who_may_know_a_server_is_who_holds_a_grant_on_it),
        cmocka_unit_test(a_robot_knows_a_server_with_personal_accounts_and_never_reaches_it),
        cmocka_unit_test(a_tool_or_grant_on_a_server_that_is_not_there_is_refused),
        cmocka_unit_test(two_robots_with_one_id_are_refused),
        cmocka_unit_test(a_policy_of_nothing_denies_everything),
        cmocka_unit_test(a_policy_keeps_nothing_of_its_input),
        cmocka_unit_test(a_full_arena_is_a_limit_for_a_user_not_a_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
