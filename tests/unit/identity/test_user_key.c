#include "unit.h"

#include "identity/provider.h"
#include "identity/user_key.h"

static const uint8_t pepper[TOKEN_PEPPER_BYTES] = {4, 2};

enum { MADE = 1000000, NOW = MADE + 10, MOST = 1000 };

static const struct str domains[] = {STR_INIT("example.com")};
static const struct provider providers[] = {
    {.name = STR_INIT("corp"),
     .issuer = STR_INIT("https://corp"),
     .email_domains = domains,
     .email_domain_count = 1},
    {.name = STR_INIT("partner"), .issuer = STR_INIT("https://partner")},
};

/* One person with one key; a test changes what it is about. */
struct world {
    struct identity_rules rules;
    struct user users[2];
    struct token token;
    struct oauth_session session;
    char text[TOKEN_TEXT_LEN + 1];
    int64_t most_us;
    struct token_table *table;
};

static struct world make_world(void)
{
    struct world world = {
        .rules = {.providers = providers, .provider_count = ARRAY_LEN(providers)},
        .users = {{.id = 3,
                   .provider = STR("corp"),
                   .subject = STR("ann-1"),
                   .email = STR("ann@example.com"),
                   .name = STR("Ann"),
                   .role = ROLE_AUDITOR},
                  {.id = 8, .provider = STR("corp"), .subject = STR("bob-1")}},
        .token = {.id = STR("t00000000001"),
                  .kind = TOKEN_USER,
                  .user_id = 3,
                  .name = STR("laptop"),
                  .groups = STR("[\"staff\",\"data\"]"),
                  .scopes = SCOPE_SET_ALL,
                  .created_us = MADE},
        .session = {.id = STR("s1"), .provider = STR("corp"), .subject = STR("ann-1")},
        .most_us = MOST,
    };
    token_mint(TOKEN_USER, world.text);
    token_hash(pepper, str_c(world.text), world.token.hash);
    return world;
}

/* AUTH_FAILURES: let in. */
static enum auth_failure show_at(struct world *world, int64_t now_us, struct caller *caller)
{
    struct err err;
    enum auth_failure why = AUTH_FAILURES;
    const struct token_table_input input = {.tokens = &world->token,
                                            .token_count = 1,
                                            .users = world->users,
                                            .user_count = ARRAY_LEN(world->users),
                                            .sessions = &world->session,
                                            .session_count = 1,
                                            .rules = &world->rules,
                                            .key_max_us = world->most_us};
    token_table_freep(&world->table);
    assert_ok(token_table_new(&input, &world->table, &err), err);
    (void)!token_table_find(world->table, str_c(world->text), pepper, now_us, caller, &why, &err);
    return why;
}

static enum auth_failure show(struct world *world, struct caller *caller)
{
    return show_at(world, NOW, caller);
}

static void a_key_makes_its_person(void **state)
{
    (void)state;
    struct world world = make_world();
    struct caller caller;
    assert_int_equal(show(&world, &caller), AUTH_FAILURES);
    assert_int_equal(caller.kind, PRINCIPAL_HUMAN);
    assert_str(caller.id, "user:corp:ann-1");
    assert_str(caller.email, "ann@example.com");
    assert_str(caller.name, "Ann");
    assert_str(caller.issuer, "https://corp");
    assert_str(caller.token_id, "t00000000001");
    assert_int_equal(caller.owner.len, 0);
    assert_int_equal(caller.chain.len, 0);
    assert_int_equal(caller.role, ROLE_AUDITOR);
    assert_int_equal(caller.group_count, 2);
    assert_str(caller.groups[1], "data");
    assert_true(token_table_has(world.table, &caller, NOW));
    token_table_free(world.table);
}

static void a_table_outlives_what_it_was_made_of(void **state)
{
    (void)state;
    struct world world = make_world();
    struct caller caller;
    char groups[] = "[\"staff\",\"data\"]";
    char name[] = "laptop";
    char agent[] = "builder";
    char email[] = "ann@example.com";
    char subject[] = "ann-1";
    world.token.groups = str_c(groups);
    world.token.name = str_c(name);
    world.token.agent = str_c(agent);
    world.users[0].email = str_c(email);
    world.users[0].subject = str_c(subject);
    assert_int_equal(show(&world, &caller), AUTH_FAILURES);
    char *const texts[] = {groups, name, agent, email, subject};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        memset(texts[i], 'x', strlen(texts[i]));
    assert_str(caller.groups[0], "staff");
    assert_str(caller.groups[1], "data");
    assert_str(caller.chain, "builder");
    assert_str(caller.email, "ann@example.com");
    assert_str(caller.id, "user:corp:ann-1");
    token_table_free(world.table);
}

static void a_key_carries_what_the_person_may_now_and_never_admin(void **state)
{
    (void)state;
    static const uint32_t more[USER_ROLES] = {
        [ROLE_AUDITOR] = SCOPE_BIT(SCOPE_AUDIT_READ) | SCOPE_BIT(SCOPE_AUDIT_DECRYPT),
        [ROLE_ADMIN] = SCOPE_BIT(SCOPE_AUDIT_READ),
        [ROLE_OWNER] = SCOPE_BIT(SCOPE_AUDIT_READ) | SCOPE_BIT(SCOPE_AUDIT_DECRYPT),
    };
    struct world world = make_world();
    struct caller caller;
    for (unsigned role = 0; role < USER_ROLES; role++) {
        world.users[0].role = (enum user_role)role;
        assert_int_equal(show(&world, &caller), AUTH_FAILURES);
        assert_int_equal(caller.scopes, SCOPE_SET_CALLS | more[role]);
    }
    world.token.scopes = SCOPE_BIT(SCOPE_LIST);
    assert_int_equal(show(&world, &caller), AUTH_FAILURES);
    assert_int_equal(caller.scopes, SCOPE_BIT(SCOPE_LIST));
    token_table_free(world.table);
}

static void a_key_for_an_agent_is_delegated_and_has_nothing_of_the_role(void **state)
{
    (void)state;
    struct world world = make_world();
    struct caller caller;
    world.token.agent = STR("builder");
    assert_int_equal(show(&world, &caller), AUTH_FAILURES);
    assert_int_equal(caller.kind, PRINCIPAL_DELEGATED);
    assert_str(caller.chain, "builder");
    assert_str(caller.owner, "ann@example.com");
    assert_int_equal(caller.role, ROLE_MEMBER);
    assert_int_equal(caller.scopes, SCOPE_SET_CALLS);

    world.token.agent = STR_NONE;
    world.rules.interactive_clients = INTERACTIVE_DELEGATED;
    assert_int_equal(show(&world, &caller), AUTH_FAILURES);
    assert_int_equal(caller.kind, PRINCIPAL_DELEGATED);
    assert_str(caller.chain, "laptop");
    assert_int_equal(caller.scopes, SCOPE_SET_CALLS);
    token_table_free(world.table);
}

static void a_key_ends_at_its_latest_whatever_was_stored(void **state)
{
    (void)state;
    struct world world = make_world();
    struct caller caller;
    assert_int_equal(show_at(&world, MADE + MOST - 1, &caller), AUTH_FAILURES);
    assert_int_equal(caller.expires_us, MADE + MOST);
    assert_int_equal(show_at(&world, MADE + MOST, &caller), AUTH_EXPIRED);
    world.token.expires_us = MADE + 20;
    assert_int_equal(show(&world, &caller), AUTH_FAILURES);
    assert_false(token_table_has(world.table, &caller, MADE + 20));
    assert_int_equal(show_at(&world, MADE + 20, &caller), AUTH_EXPIRED);
    world.token.expires_us = MADE + 2 * MOST;
    assert_int_equal(show_at(&world, MADE + MOST, &caller), AUTH_EXPIRED);
    world.most_us = 5;
    assert_int_equal(show(&world, &caller), AUTH_EXPIRED);
    token_table_free(world.table);
}

static void a_key_goes_with_its_person(void **state)
{
    (void)state;
    struct world world = make_world();
    struct caller caller;
    struct caller before;
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 16);
    assert_int_equal(show(&world, &caller), AUTH_FAILURES);
    assert_true(caller_dup(arena, &caller, &before));

    world.users[0].is_disabled = true;
    assert_int_equal(show(&world, &caller), AUTH_DISABLED);
    assert_false(token_table_has(world.table, &before, NOW));
    world.users[0].is_disabled = false;
    world.users[0].signed_out_us = MADE;
    assert_int_equal(show(&world, &caller), AUTH_REVOKED);
    assert_false(token_table_has(world.table, &before, NOW));
    world.users[0].signed_out_us = MADE - 1;
    assert_int_equal(show(&world, &caller), AUTH_FAILURES);
    assert_true(token_table_has(world.table, &before, NOW));
    world.token.revoked_us = NOW;
    assert_int_equal(show(&world, &caller), AUTH_REVOKED);
    assert_false(token_table_has(world.table, &before, NOW));
    world.token.revoked_us = 0;
    world.users[0].provider = STR("gone");
    assert_int_equal(show(&world, &caller), AUTH_DISABLED);
    world.users[0].provider = STR("corp");
    world.token.user_id = 4;
    assert_int_equal(show(&world, &caller), AUTH_DISABLED);
    token_table_free(world.table);
}

static void a_key_made_in_a_session_ends_with_it(void **state)
{
    (void)state;
    struct world world = make_world();
    struct caller caller;
    world.token.session_id = STR("s1");
    assert_int_equal(show(&world, &caller), AUTH_FAILURES);
    world.session.ended_us = NOW;
    assert_int_equal(show(&world, &caller), AUTH_REVOKED);
    world.token.session_id = STR_NONE;
    assert_int_equal(show(&world, &caller), AUTH_FAILURES);
    token_table_free(world.table);
}

static void an_address_that_the_provider_may_not_state_reaches_no_grants(void **state)
{
    (void)state;
    struct world world = make_world();
    struct caller caller;
    world.users[0].email = STR("ann@elsewhere.example");
    assert_int_equal(show(&world, &caller), AUTH_FAILURES);
    assert_int_equal(caller.email.len, 0);
    token_table_free(world.table);
}

static void groups_that_make_no_sense_end_the_key_and_not_the_gateway(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "{}", "[1]", "[\"a\"", "[[\"a\"]]", "\"a\"", "[\"a\"]x"};
    struct world world = make_world();
    struct caller caller;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        world.token.groups = str_c(bad[i]);
        assert_int_equal(show(&world, &caller), AUTH_DISABLED);
    }
    token_table_free(world.table);
}

static void names_of_keys_and_agents_are_plain(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "a b", "a<b", "a\n", "é", "a/b", "a,b", "\"a\""};
    char text[80];
    memset(text, 'a', sizeof text);
    assert_true(user_key_is_name(STR("ci.build_7-b")));
    assert_true(user_key_is_name(str_of(text, 64)));
    assert_false(user_key_is_name(str_of(text, 65)));
    assert_false(user_key_is_name(str_of("a\0b", 3)));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(user_key_is_name(str_c(bad[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_makes_its_person),
        cmocka_unit_test(a_table_outlives_what_it_was_made_of),
        cmocka_unit_test(a_key_carries_what_the_person_may_now_and_never_admin),
        cmocka_unit_test(a_key_for_an_agent_is_delegated_and_has_nothing_of_the_role),
        cmocka_unit_test(a_key_ends_at_its_latest_whatever_was_stored),
        cmocka_unit_test(a_key_goes_with_its_person),
        cmocka_unit_test(a_key_made_in_a_session_ends_with_it),
        cmocka_unit_test(an_address_that_the_provider_may_not_state_reaches_no_grants),
        cmocka_unit_test(groups_that_make_no_sense_end_the_key_and_not_the_gateway),
        cmocka_unit_test(names_of_keys_and_agents_are_plain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
