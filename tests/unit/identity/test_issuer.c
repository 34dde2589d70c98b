/* Tokens of our own: what they say is what was put in, for others and for ourselves. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "unit.h"

#include "identity/issuer.h"
#include "identity/jwt.h"

#define NOW INT64_C(1790000000)

struct world {
    char dir[64];
    struct keyring *keyring;
    struct issuer *issuer;
    struct arena *arena;
};

static int set_up(void **state)
{
    static struct world world;
    struct err err;
    (void)snprintf(world.dir, sizeof world.dir, "/tmp/portreeve-test-XXXXXX");
    assert_non_null(mkdtemp(world.dir));
    assert_ok(keyring_create(world.dir, &err), err);
    assert_ok(keyring_load(world.dir, &world.keyring, &err), err);
    const struct signing first = signing_first(1);
    assert_ok(
        issuer_new(world.keyring, STR("https://gateway.example.com"), &first, &world.issuer, &err),
        err);
    world.arena = arena_new(1 << 20);
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    char command[128];
    issuer_free(world->issuer);
    keyring_free(world->keyring);
    arena_free(world->arena);
    (void)snprintf(command, sizeof command, "rm -r '%s'", world->dir);
    return system(command);
}

static struct jwt mint(struct world *world, const struct caller *caller, uint32_t scopes)
{
    const struct issue issue = {.caller = caller,
                                .audience = STR_INIT("https://gateway.example.com/mcp"),
                                .scopes = scopes,
                                .now = NOW,
                                .seconds = 600};
    struct buf out;
    struct jwt jwt;
    buf_init(&out, 1 << 16);
    assert_true(issuer_mint(world->issuer, &issue, &out));
    struct str token = arena_dup(world->arena, buf_str(&out));
    buf_done(&out);
    assert_int_equal(jwt_parse(token, world->arena, &jwt), JWT_OK);
    assert_int_equal(issuer_verify(world->issuer, &jwt), JWT_OK);
    return jwt;
}

static void a_token_says_who_vouched_for_whom(void **state)
{
    struct world *world = *state;
    static const struct str groups[] = {STR_INIT("a \"quoted\" group"), STR_INIT("b")};
    const struct caller ann = {.provider = STR_INIT("corp"),
                               .subject = STR_INIT("ann\n1"),
                               .email = STR_INIT("ann@example.com"),
                               .name = STR_INIT("Ann <ann>"),
                               .client_id = STR_INIT("claude"),
                               .chain = STR_INIT("outer < inner"),
                               .groups = groups,
                               .group_count = 2};
    struct jwt jwt = mint(world, &ann, SCOPE_BIT(SCOPE_LIST));
    static const struct {
        const char *path;
        const char *text;
    } rows[] = {
        {"iss", "https://gateway.example.com"},
        {"aud", "https://gateway.example.com/mcp"},
        {"sub", "ann\n1"},
        {"idp", "corp"},
        {"email", "ann@example.com"},
        {"name", "Ann <ann>"},
        {"client_id", "claude"},
        {"scope", "list"},
        {"act.sub", "outer"},
        {"act.act.sub", "inner"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (!json_str_is(&jwt.claims, jwt_find(&jwt, str_c(rows[i].path)), str_c(rows[i].text)))
            fail_msg("%s", rows[i].path);
    assert_int_equal(jwt_find(&jwt, STR("act.act.act")), JSON_NONE);
    assert_true(str_eq(jwt.typ, STR("at+jwt")));
}

static void an_address_that_nobody_vouched_for_is_not_said(void **state)
{
    struct world *world = *state;
    const struct caller bob = {.provider = STR_INIT("corp"), .subject = STR_INIT("bob")};
    struct jwt jwt = mint(world, &bob, SCOPE_SET_CALLS);
    assert_int_equal(jwt_find(&jwt, STR("email")), JSON_NONE);
    assert_int_equal(jwt_find(&jwt, STR("email_verified")), JSON_NONE);
    assert_int_equal(jwt_find(&jwt, STR("act")), JSON_NONE);
}

static void every_token_has_an_id_of_its_own(void **state)
{
    struct world *world = *state;
    const struct caller bob = {.provider = STR_INIT("corp"), .subject = STR_INIT("bob")};
    struct jwt one = mint(world, &bob, SCOPE_SET_CALLS);
    struct jwt two = mint(world, &bob, SCOPE_SET_CALLS);
    assert_false(
        str_eq(jwt_text(&one, STR("jti"), world->arena), jwt_text(&two, STR("jti"), world->arena)));
}

static void gateways_with_the_same_keys_accept_each_other(void **state)
{
    struct world *world = *state;
    const struct caller ann = {.provider = STR_INIT("corp"), .subject = STR_INIT("ann")};
    const struct signing first = signing_first(7);
    struct issuer *again = NULL;
    struct err err;
    struct jwt jwt = mint(world, &ann, SCOPE_BIT(SCOPE_LIST));
    assert_ok(issuer_new(world->keyring, STR("https://gateway.example.com"), &first, &again, &err),
              err);
    assert_int_equal(issuer_verify(again, &jwt), JWT_OK);
    issuer_free(again);
}

static void a_new_key_signs_and_the_old_one_verifies_until_it_is_dropped(void **state)
{
    struct world *world = *state;
    const struct caller ann = {.provider = STR_INIT("corp"), .subject = STR_INIT("ann")};
    struct signing signing = signing_first(1);
    CLEANUP(buf_done) struct buf keys;
    struct err err;
    struct jwt before = mint(world, &ann, SCOPE_BIT(SCOPE_LIST));
    assert_ok(signing_rotate(&signing, 1000, 500, &err), err);
    assert_ok(issuer_use(world->issuer, &signing, &err), err);
    struct jwt after = mint(world, &ann, SCOPE_BIT(SCOPE_LIST));
    assert_false(str_eq(before.kid, after.kid));
    assert_int_equal(issuer_verify(world->issuer, &before), JWT_OK);
    assert_int_equal(issuer_verify(world->issuer, &after), JWT_OK);
    buf_init(&keys, 1 << 16);
    issuer_write_keys(world->issuer, &keys);
    assert_true(str_find_str(buf_str(&keys), before.kid) < keys.len);
    assert_true(str_find_str(buf_str(&keys), after.kid) < keys.len);
    assert_true(signing_drop(&signing, 1500));
    assert_ok(issuer_use(world->issuer, &signing, &err), err);
    assert_int_equal(issuer_verify(world->issuer, &before), JWT_UNKNOWN_KEY);
    assert_int_equal(issuer_verify(world->issuer, &after), JWT_OK);
}

static void the_next_key_is_known_before_it_signs_and_none_after_it(void **state)
{
    struct world *world = *state;
    const struct caller ann = {.provider = STR_INIT("corp"), .subject = STR_INIT("ann")};
    const struct signing first = signing_first(1);
    struct signing signing = first;
    CLEANUP(buf_done) struct buf keys;
    struct err err;
    assert_ok(signing_rotate(&signing, 1000, 500, &err), err);
    assert_ok(issuer_use(world->issuer, &signing, &err), err);
    struct jwt second = mint(world, &ann, SCOPE_BIT(SCOPE_LIST));
    assert_ok(signing_rotate(&signing, 2000, 500, &err), err);
    assert_ok(issuer_use(world->issuer, &signing, &err), err);
    struct jwt third = mint(world, &ann, SCOPE_BIT(SCOPE_LIST));
    /* A gateway that has not heard of any of this. */
    assert_ok(issuer_use(world->issuer, &first, &err), err);
    assert_int_equal(issuer_verify(world->issuer, &second), JWT_OK);
    assert_int_equal(issuer_verify(world->issuer, &third), JWT_UNKNOWN_KEY);
    struct jwt own = mint(world, &ann, SCOPE_BIT(SCOPE_LIST));
    assert_false(str_eq(own.kid, second.kid));
    buf_init(&keys, 1 << 16);
    issuer_write_keys(world->issuer, &keys);
    assert_true(str_find_str(buf_str(&keys), second.kid) < keys.len);
    assert_true(str_find_str(buf_str(&keys), third.kid) == keys.len);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_says_who_vouched_for_whom),
        cmocka_unit_test(an_address_that_nobody_vouched_for_is_not_said),
        cmocka_unit_test(every_token_has_an_id_of_its_own),
        cmocka_unit_test(gateways_with_the_same_keys_accept_each_other),
        cmocka_unit_test(the_next_key_is_known_before_it_signs_and_none_after_it),
        cmocka_unit_test(a_new_key_signs_and_the_old_one_verifies_until_it_is_dropped),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
