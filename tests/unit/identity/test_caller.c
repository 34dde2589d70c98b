#include "unit.h"

#include "identity/caller.h"

static const uint8_t pepper[TOKEN_PEPPER_BYTES] = {9, 8, 7};

enum { NOW = 1000000 };

/* A robot that works, one that is disabled, and tokens of every state. */
enum { GOOD, EXPIRED, REVOKED, DISABLED, ORPHAN, ADMIN, USER, ENDLESS, GREEDY, TOKENS };

struct world {
    struct robot robots[2];
    struct token tokens[TOKENS];
    char texts[TOKENS][TOKEN_TEXT_LEN + 1];
    char ids[TOKENS][TOKEN_ID_LEN + 1];
};

static void add(struct world *world, int at, enum token_kind kind, int64_t robot_id)
{
    struct token *token = &world->tokens[at];
    token_mint(kind, world->texts[at]);
    token_mint_id(world->ids[at]);
    *token = (struct token){
        .id = str_c(world->ids[at]),
        .kind = kind,
        .robot_id = robot_id,
        .owner = kind == TOKEN_ADMIN ? STR("ann@example.com") : STR_NONE,
        .scopes = kind == TOKEN_ADMIN ? SCOPE_BIT(SCOPE_ADMIN)
                                      : SCOPE_BIT(SCOPE_LIST) | SCOPE_BIT(SCOPE_CALL_READ_ONLY),
        .expires_us = NOW + 10,
    };
    token_hash(pepper, str_c(world->texts[at]), token->hash);
}

static void make_world(struct world *world)
{
    *world = (struct world){
        .robots = {{.id = 1, .name = STR("nightly"), .owner = STR("ann@example.com")},
                   {.id = 2, .name = STR("off"), .owner = STR("bob@x"), .is_disabled = true}},
    };
    add(world, GOOD, TOKEN_ROBOT, 1);
    add(world, EXPIRED, TOKEN_ROBOT, 1);
    add(world, REVOKED, TOKEN_ROBOT, 1);
    add(world, DISABLED, TOKEN_ROBOT, 2);
    add(world, ORPHAN, TOKEN_ROBOT, 3);
    add(world, ADMIN, TOKEN_ADMIN, 0);
    add(world, USER, TOKEN_USER, 0);
    add(world, ENDLESS, TOKEN_ROBOT, 1);
    add(world, GREEDY, TOKEN_ROBOT, 1);
    world->tokens[EXPIRED].expires_us = NOW;
    world->tokens[REVOKED].revoked_us = NOW - 5;
    world->tokens[ENDLESS].expires_us = 0;
    world->tokens[GREEDY].scopes = SCOPE_SET_ALL;
}

static struct token_table *make_table(const struct world *world)
{
    struct err err;
    struct token_table *table = NULL;
    assert_ok(token_table_new(&(struct token_table_input){.tokens = world->tokens,
                                                          .token_count = TOKENS,
                                                          .robots = world->robots,
                                                          .robot_count = 2},
                              &table, &err),
              err);
    return table;
}

static struct caller find_ok(const struct token_table *table, const char *text)
{
    struct err err;
    struct caller caller;
    assert_ok(token_table_find(table, str_c(text), pepper, NOW, &caller, NULL, &err), err);
    return caller;
}

/* The failure; the caller must be untouched and the sentence the same for all. */
static enum auth_failure find_bad(const struct token_table *table, struct str text)
{
    struct err err;
    struct caller caller = {.robot_id = 4711};
    enum auth_failure why = AUTH_FAILURES;
    assert_int_equal(token_table_find(table, text, pepper, NOW, &caller, &why, &err),
                     ERR_UNAUTHENTICATED);
    assert_int_equal(caller.robot_id, 4711);
    assert_null(caller.id.ptr);
    assert_string_equal(err.text, "a valid token of this gateway is needed");
    return why;
}

static void a_token_of_a_robot_makes_its_caller(void **state)
{
    (void)state;
    struct world world;
    make_world(&world);
    CLEANUP(token_table_freep) struct token_table *table = make_table(&world);
    struct caller caller = find_ok(table, world.texts[GOOD]);
    assert_int_equal(caller.kind, PRINCIPAL_ROBOT);
    assert_str(caller.id, "robot:nightly");
    assert_str(caller.name, "nightly");
    assert_str(caller.owner, "ann@example.com");
    assert_int_equal(caller.email.len, 0);
    assert_str(caller.token_id, world.ids[GOOD]);
    assert_int_equal(caller.robot_id, 1);
    assert_int_equal(caller.scopes, world.tokens[GOOD].scopes);
    assert_int_equal(caller.expires_us, NOW + 10);
    assert_false(caller.is_listener_as);
    assert_int_equal(find_ok(table, world.texts[ENDLESS]).expires_us, 0);
}

static void an_administration_token_makes_its_owner(void **state)
{
    (void)state;
    struct world world;
    make_world(&world);
    CLEANUP(token_table_freep) struct token_table *table = make_table(&world);
    struct caller caller = find_ok(table, world.texts[ADMIN]);
    assert_int_equal(caller.kind, PRINCIPAL_HUMAN);
    assert_str(caller.id, "owner:ann@example.com");
    assert_str(caller.email, "ann@example.com");
    assert_int_equal(caller.owner.len, 0);
    assert_int_equal(caller.robot_id, 0);
    assert_int_equal(caller.scopes, SCOPE_BIT(SCOPE_ADMIN));
}

static void the_log_learns_why_and_the_client_does_not(void **state)
{
    (void)state;
    struct world world;
    make_world(&world);
    CLEANUP(token_table_freep) struct token_table *table = make_table(&world);
    char unknown[TOKEN_TEXT_LEN + 1];
    token_mint(TOKEN_ROBOT, unknown);
    assert_int_equal(find_bad(table, STR_NONE), AUTH_MISSING);
    assert_int_equal(find_bad(table, STR("abc")), AUTH_MALFORMED);
    assert_int_equal(find_bad(table, str_c(unknown)), AUTH_UNKNOWN);
    assert_int_equal(find_bad(table, str_c(world.texts[EXPIRED])), AUTH_EXPIRED);
    assert_int_equal(find_bad(table, str_c(world.texts[REVOKED])), AUTH_REVOKED);
    assert_int_equal(find_bad(table, str_c(world.texts[DISABLED])), AUTH_DISABLED);
    assert_int_equal(find_bad(table, str_c(world.texts[ORPHAN])), AUTH_DISABLED);
    assert_int_equal(find_bad(table, str_c(world.texts[USER])), AUTH_DISABLED);
    unknown[10] = unknown[10] == 'x' ? 'y' : 'x';
    assert_int_equal(find_bad(table, str_c(unknown)), AUTH_TYPO);
    for (int why = 0; why < AUTH_FAILURES; why++)
        assert_true(strlen(auth_failure_word((enum auth_failure)why)) > 3);
}

static void no_other_form_of_a_good_token_is_taken(void **state)
{
    (void)state;
    struct world world;
    make_world(&world);
    CLEANUP(token_table_freep) struct token_table *table = make_table(&world);
    char text[3 * TOKEN_TEXT_LEN];
    const char *good = world.texts[GOOD];
    static const char *const forms[] = {
        " %s", "%s ", "%s\n", "\t%s", "%s%s", "%s,%s", "Bearer %s", "\"%s\"", "%s=", "%%s",
    };
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        const char *form = forms[i];
        size_t len = 0;
        for (size_t at = 0; form[at] != '\0'; at++) {
            if (form[at] == '%' && form[at + 1] == 's') {
                memcpy(text + len, good, TOKEN_TEXT_LEN);
                len += TOKEN_TEXT_LEN;
                at++;
            } else {
                text[len++] = form[at];
            }
        }
        assert_int_equal(find_bad(table, str_of(text, len)), AUTH_MALFORMED);
    }
    for (size_t len = 1; len < TOKEN_TEXT_LEN; len++)
        assert_int_equal(find_bad(table, str_of(good, len)), AUTH_MALFORMED);
    for (size_t at = 0; at < TOKEN_TEXT_LEN; at++) {
        memcpy(text, good, TOKEN_TEXT_LEN);
        text[at] = text[at] == 'q' ? 'Q' : 'q';
        enum auth_failure why = find_bad(table, str_of(text, TOKEN_TEXT_LEN));
        assert_true(why == AUTH_MALFORMED || why == AUTH_TYPO);
    }
}

static void another_pepper_knows_no_token(void **state)
{
    (void)state;
    struct world world;
    make_world(&world);
    CLEANUP(token_table_freep) struct token_table *table = make_table(&world);
    static const uint8_t other[TOKEN_PEPPER_BYTES] = {1};
    struct err err;
    struct caller caller;
    enum auth_failure why = AUTH_FAILURES;
    assert_int_equal(
        token_table_find(table, str_c(world.texts[GOOD]), other, NOW, &caller, &why, &err),
        ERR_UNAUTHENTICATED);
    assert_int_equal(why, AUTH_UNKNOWN);
}

static void all_of_the_hash_counts(void **state)
{
    (void)state;
    struct world world;
    make_world(&world);
    for (size_t at = 0; at < TOKEN_HASH_BYTES; at++) {
        world.tokens[GOOD].hash[at] ^= 1;
        CLEANUP(token_table_freep) struct token_table *table = make_table(&world);
        assert_int_equal(find_bad(table, str_c(world.texts[GOOD])), AUTH_UNKNOWN);
        world.tokens[GOOD].hash[at] ^= 1;
    }
}

static void a_token_carries_no_more_than_its_kind_may(void **state)
{
    (void)state;
    struct world world;
    make_world(&world);
    CLEANUP(token_table_freep) struct token_table *table = make_table(&world);
    struct caller caller = find_ok(table, world.texts[GREEDY]);
    assert_int_equal(caller.scopes & (SCOPE_BIT(SCOPE_ADMIN) | SCOPE_BIT(SCOPE_AUDIT_DECRYPT)), 0);
    assert_int_not_equal(caller.scopes & SCOPE_BIT(SCOPE_LIST), 0);
}

static void two_tokens_with_one_hash_make_no_table(void **state)
{
    (void)state;
    struct world world;
    make_world(&world);
    memcpy(world.tokens[ADMIN].hash, world.tokens[GOOD].hash, TOKEN_HASH_BYTES);
    struct err err;
    struct token_table *table = NULL;
    assert_int_equal(token_table_new(&(struct token_table_input){.tokens = world.tokens,
                                                                 .token_count = TOKENS,
                                                                 .robots = world.robots,
                                                                 .robot_count = 2},
                                     &table, &err),
                     ERR_CONFLICT);
    assert_null(table);
}

static void a_listener_acts_as_an_enabled_robot_only(void **state)
{
    (void)state;
    struct world world;
    make_world(&world);
    CLEANUP(token_table_freep) struct token_table *table = make_table(&world);
    struct err err;
    struct caller caller;
    enum auth_failure why = AUTH_FAILURES;
    assert_ok(token_table_find_robot(table, STR("nightly"), &caller, NULL, &err), err);
    assert_str(caller.id, "robot:nightly");
    assert_int_equal(caller.token_id.len, 0);
    assert_true(caller.is_listener_as);
    assert_int_equal(caller.scopes, SCOPE_SET_CALLS);
    assert_true(token_table_has(table, &caller, NOW));
    static const char *const others[] = {"off", "Nightly", "", "robot:nightly", "nightly "};
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        assert_int_equal(token_table_find_robot(table, str_c(others[i]), &caller, &why, &err),
                         ERR_UNAUTHENTICATED);
        assert_int_equal(why, AUTH_DISABLED);
    }
}

static void a_caller_outlives_its_table_when_copied(void **state)
{
    (void)state;
    struct world world;
    make_world(&world);
    CLEANUP(arena_freep) struct arena *arena = arena_new(4096);
    struct token_table *table = make_table(&world);
    struct caller found = find_ok(table, world.texts[GOOD]);
    struct caller copy;
    assert_true(caller_dup(arena, &found, &copy));
    token_table_free(table);
    assert_str(copy.id, "robot:nightly");
    assert_str(copy.owner, "ann@example.com");
    CLEANUP(arena_freep) struct arena *small = arena_new(8);
    assert_false(caller_dup(small, &copy, &found));
}

static void a_caller_that_lost_its_ground_is_noticed(void **state)
{
    (void)state;
    struct world world;
    make_world(&world);
    CLEANUP(token_table_freep) struct token_table *before = make_table(&world);
    struct caller caller = find_ok(before, world.texts[GOOD]);
    struct caller owner = find_ok(before, world.texts[ADMIN]);
    struct caller as;
    struct err err;
    assert_ok(token_table_find_robot(before, STR("nightly"), &as, NULL, &err), err);
    assert_true(token_table_has(before, &caller, NOW));
    assert_true(token_table_has(before, &owner, NOW));
    assert_false(token_table_has(before, &caller, NOW + 10));

    world.tokens[GOOD].revoked_us = NOW;
    CLEANUP(token_table_freep) struct token_table *revoked = make_table(&world);
    assert_false(token_table_has(revoked, &caller, NOW));
    assert_true(token_table_has(revoked, &owner, NOW));
    assert_true(token_table_has(revoked, &as, NOW));

    world.tokens[GOOD].revoked_us = 0;
    world.robots[0].is_disabled = true;
    CLEANUP(token_table_freep) struct token_table *disabled = make_table(&world);
    assert_false(token_table_has(disabled, &caller, NOW));
    assert_false(token_table_has(disabled, &as, NOW));

    /* A robot of the same name, but another one. */
    world.robots[0] = (struct robot){.id = 9, .name = STR("nightly"), .owner = STR("eve@x")};
    CLEANUP(token_table_freep) struct token_table *another = make_table(&world);
    assert_false(token_table_has(another, &caller, NOW));
    assert_false(token_table_has(another, &as, NOW));

    CLEANUP(token_table_freep) struct token_table *empty = NULL;
    assert_ok(token_table_new(&(struct token_table_input){.token_count = 0}, &empty, &err), err);
    assert_false(token_table_has(empty, &caller, NOW));
    assert_false(token_table_has(empty, &owner, NOW));
}

static bool has_robot(const struct world *world, const struct user *users, size_t count)
{
    struct err err;
    struct caller caller;
    CLEANUP(token_table_freep) struct token_table *table = NULL;
    assert_ok(token_table_new(&(struct token_table_input){.tokens = world->tokens,
                                                          .token_count = TOKENS,
                                                          .robots = world->robots,
                                                          .robot_count = 2,
                                                          .users = users,
                                                          .user_count = count},
                              &table, &err),
              err);
    bool by_token = token_table_find(table, str_c(world->texts[GOOD]), pepper, NOW, &caller, NULL,
                                     &err) == ERR_OK;
    bool by_name = token_table_find_robot(table, STR("nightly"), &caller, NULL, &err) == ERR_OK;
    assert_int_equal(by_token, by_name);
    return by_token;
}

static void a_robot_goes_with_its_owner_however_it_comes(void **state)
{
    (void)state;
    struct world world;
    struct user users[] = {{.id = 1, .email = STR("Ann@Example.com"), .is_disabled = true},
                           {.id = 2, .email = STR("ann@example.com")}};
    make_world(&world);
    /* Never seen: an installation names its first owner before anybody comes. */
    assert_true(has_robot(&world, NULL, 0));
    assert_false(has_robot(&world, users, 1));
    /* The same address at another provider, where it is still somebody's. */
    assert_true(has_robot(&world, users, 2));
    users[1].is_disabled = true;
    assert_false(has_robot(&world, users, 2));
    users[0].email = users[1].email = STR_NONE;
    assert_true(has_robot(&world, users, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_of_a_robot_makes_its_caller),
        cmocka_unit_test(an_administration_token_makes_its_owner),
        cmocka_unit_test(the_log_learns_why_and_the_client_does_not),
        cmocka_unit_test(no_other_form_of_a_good_token_is_taken),
        cmocka_unit_test(another_pepper_knows_no_token),
        cmocka_unit_test(all_of_the_hash_counts),
        cmocka_unit_test(a_token_carries_no_more_than_its_kind_may),
        cmocka_unit_test(two_tokens_with_one_hash_make_no_table),
        cmocka_unit_test(a_listener_acts_as_an_enabled_robot_only),
        cmocka_unit_test(a_caller_outlives_its_table_when_copied),
        cmocka_unit_test(a_caller_that_lost_its_ground_is_noticed),
        cmocka_unit_test(a_robot_goes_with_its_owner_however_it_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
