/* The clients of settings and store, who is blocked, and which robots' tokens go on. */
#include "unit.h"

#include "identity/client_table.h"
#include "identity/warrant.h"

static const struct str listed[] = {STR_INIT("https://doc.example/c.json")};
static const struct provider providers[] = {
    {.name = STR_INIT("corp"), .ema_clients = listed, .ema_client_count = 1},
    {.name = STR_INIT("open"), .takes_stored = true},
};
static const struct oauth_client fixed[] = {
    {.id = STR_INIT("fixed"), .secret = STR_INIT("file"), .robot = STR_INIT("nightly")}};
static const struct identity_rules rules = {
    .providers = providers, .provider_count = 2, .clients = fixed, .client_count = 1};
static const struct client stored[] = {
    {.id = STR_INIT("fixed"), .robot_id = 9, .is_agent = true},
    {.id = STR_INIT("ci"), .has_secret = true, .secret_hash = {7}, .robot_id = 2},
    {.id = STR_INIT("agent"), .is_agent = true, .redeems = STR_INIT("open")},
};
static const struct client_mark marks[] = {
    {.id = STR_INIT("bad"), .blocked_us = 5},
    {.id = STR_INIT("ci"), .used_us = 5},
};
static const struct str workload[] = {STR_INIT("provider=builds"), STR_INIT("sub=repo:*")};
static const struct robot robots[] = {
    {.id = 1, .name = STR_INIT("nightly"), .owner = STR_INIT("bob@x")},
    {.id = 2,
     .name = STR_INIT("deploy"),
     .owner = STR_INIT("bob@x"),
     .identity = (struct str *)(uintptr_t)workload,
     .identity_count = 2},
    {.id = 3, .name = STR_INIT("off"), .owner = STR_INIT("bob@x"), .is_disabled = true},
};
static const struct token_table_input input = {
    .robots = robots,
    .robot_count = ARRAY_LEN(robots),
    .rules = &rules,
    .clients = stored,
    .client_count = ARRAY_LEN(stored),
    .marks = marks,
    .mark_count = ARRAY_LEN(marks),
};

static struct token_table *make(void)
{
    struct token_table *table = NULL;
    struct err err;
    assert_ok(token_table_new(&input, &table, &err), err);
    return table;
}

static void what_the_settings_say_of_a_client_the_store_can_not_change(void **state)
{
    (void)state;
    CLEANUP(token_table_freep) struct token_table *tokens = make();
    const struct client_table *table = token_table_clients(tokens);
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 16);
    struct oauth_client client;
    struct err err;
    assert_ok(client_table_find(table, STR("fixed"), arena, &client, &err), err);
    assert_false(client.is_stored);
    assert_false(client_table_is_agent(table, STR("fixed")));
    assert_true(client_table_is_robot(table, STR("fixed"), 1, STR("nightly")));
    assert_false(client_table_is_robot(table, STR("fixed"), 9, STR("other")));
    assert_ok(client_table_find(table, STR("ci"), arena, &client, &err), err);
    assert_true(client.is_stored && client.has_hash && client.hash[0] == 7);
    assert_int_equal(client_table_find(table, STR("nobody"), arena, &client, &err), ERR_NOT_FOUND);
    CLEANUP(arena_freep) struct arena *full = arena_new(1);
    assert_int_equal(client_table_find(table, STR("ci"), full, &client, &err), ERR_LIMIT);
}

static void a_stored_client_redeems_where_the_settings_say_so_and_never_by_its_name(void **state)
{
    (void)state;
    const struct oauth_client document = {.id = listed[0]};
    struct oauth_client kept = {.id = listed[0], .is_stored = true};
    assert_true(provider_takes_client(&providers[0], &document));
    assert_false(provider_takes_client(&providers[1], &document));
    assert_false(provider_takes_client(&providers[0], &kept));
    kept.redeems = STR("corp");
    assert_false(provider_takes_client(&providers[0], &kept));
    kept.redeems = STR("open");
    assert_true(provider_takes_client(&providers[1], &kept));
}

static void whoever_acts_through_a_blocked_client_is_blocked(void **state)
{
    (void)state;
    CLEANUP(token_table_freep) struct token_table *tokens = make();
    const struct client_table *table = token_table_clients(tokens);
    static const struct {
        const char *client;
        const char *chain;
        bool is_blocked;
    } rows[] = {
        {"bad", "", true},          {"ci", "", false},           {"", "", false},
        {"ci", "ci < bad", true},   {"ci", "bad < ci", true},    {"ci", "a < bad < c", true},
        {"ci", "a < worse", false}, {"badly", "not bad", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct caller caller = {.client_id = str_c(rows[i].client),
                                      .chain = str_c(rows[i].chain)};
        if (client_table_blocks(table, &caller) != rows[i].is_blocked)
            fail_msg("%s, %s", rows[i].client, rows[i].chain);
        assert_int_equal(token_table_is_taken_back(tokens, &caller), rows[i].is_blocked);
    }
    assert_true(client_table_is_blocked(table, STR("bad")));
    assert_false(client_table_is_blocked(table, STR("ci")));
}

static void a_token_of_ours_counts_as_long_as_its_client_is_known(void **state)
{
    (void)state;
    CLEANUP(token_table_freep) struct token_table *tokens = make();
    static const struct {
        const char *client;
        const char *session;
        bool is_issued;
        bool is_taken_back;
    } rows[] = {
        {"ci", "", true, false},
        {"fixed", "", true, false},
        {"https://doc.example/c.json", "", true, false},
        {"gone", "", true, true},
        {"", "", true, true},
        {"gone", "s1", true, false},
        {"gone", "", false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct caller caller = {.client_id = str_c(rows[i].client),
                                      .session_id = str_c(rows[i].session),
                                      .is_issued = rows[i].is_issued};
        if (token_table_is_taken_back(tokens, &caller) != rows[i].is_taken_back)
            fail_msg("%s %s", rows[i].client, rows[i].session);
    }
}

static struct str warrant_of(struct arena *arena, const struct str *identity, size_t count)
{
    struct str warrant = STR_NONE;
    assert_true(warrant_make(identity, count, arena, &warrant));
    return warrant;
}

static void a_robots_token_counts_while_what_it_was_issued_on_is_there(void **state)
{
    (void)state;
    CLEANUP(token_table_freep) struct token_table *tokens = make();
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 16);
    struct str right = warrant_of(arena, workload, 2);
    const struct {
        struct issued_robot robot;
        enum err_code code;
        enum auth_failure failure;
    } rows[] = {
        {{STR("nightly"), 1, STR("fixed"), STR_NONE}, ERR_OK, AUTH_MISSING},
        {{STR("deploy"), 2, STR("ci"), STR_NONE}, ERR_OK, AUTH_MISSING},
        {{STR("deploy"), 2, STR_NONE, right}, ERR_OK, AUTH_MISSING},
        {{STR("deploy"), 2, STR("ci"), right}, ERR_OK, AUTH_MISSING},
        {{STR("deploy"), 2, STR_NONE, STR_NONE}, ERR_UNAUTHENTICATED, AUTH_REVOKED},
        {{STR("deploy"), 2, STR_NONE, STR("x")}, ERR_UNAUTHENTICATED, AUTH_REVOKED},
        {{STR("nightly"), 1, STR_NONE, STR_NONE}, ERR_UNAUTHENTICATED, AUTH_REVOKED},
        {{STR("nightly"), 1, STR("ci"), STR_NONE}, ERR_UNAUTHENTICATED, AUTH_REVOKED},
        {{STR("nightly"), 1, STR("gone"), right}, ERR_UNAUTHENTICATED, AUTH_REVOKED},
        {{STR("deploy"), 7, STR("ci"), STR_NONE}, ERR_UNAUTHENTICATED, AUTH_DISABLED},
        {{STR("nobody"), 0, STR("ci"), STR_NONE}, ERR_UNAUTHENTICATED, AUTH_DISABLED},
        {{STR("off"), 3, STR("ci"), STR_NONE}, ERR_UNAUTHENTICATED, AUTH_DISABLED},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct caller caller = {.kind = PRINCIPAL_HUMAN};
        enum auth_failure failure = AUTH_MISSING;
        enum err_code code =
            token_table_find_issued(tokens, &rows[i].robot, &caller, &failure, NULL);
        if (code != rows[i].code || failure != rows[i].failure)
            fail_msg("row %zu: %s, %s", i, err_word(code), auth_failure_word(failure));
        caller.client_id = rows[i].robot.client_id;
        caller.expires_us = 100;
        assert_int_equal(code == ERR_OK && token_table_has(tokens, &caller, 99), code == ERR_OK);
        assert_false(caller.is_issued && token_table_has(tokens, &caller, 100));
    }
}

static void other_rules_for_a_workload_are_another_warrant(void **state)
{
    (void)state;
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 16);
    const struct str lists[][3] = {
        {STR("provider=a"), STR("sub=b")},
        {STR("provider=a"), STR("sub=b*")},
        {STR("provider=a"), STR("sub=b"), STR("")},
        {STR("provider=asub=b")},
        {STR("provider=a\n5 sub=b")},
        {STR("sub=b"), STR("provider=a")},
    };
    static const size_t counts[] = {2, 2, 3, 1, 1, 2};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        for (size_t j = 0; j < ARRAY_LEN(lists); j++)
            assert_int_equal(str_eq(warrant_of(arena, lists[i], counts[i]),
                                    warrant_of(arena, lists[j], counts[j])),
                             i == j);
    assert_int_equal(warrant_of(arena, NULL, 0).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_settings_say_of_a_client_the_store_can_not_change),
        cmocka_unit_test(a_stored_client_redeems_where_the_settings_say_so_and_never_by_its_name),
        cmocka_unit_test(whoever_acts_through_a_blocked_client_is_blocked),
        cmocka_unit_test(a_token_of_ours_counts_as_long_as_its_client_is_known),
        cmocka_unit_test(a_robots_token_counts_while_what_it_was_issued_on_is_there),
        cmocka_unit_test(other_rules_for_a_workload_are_another_warrant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
