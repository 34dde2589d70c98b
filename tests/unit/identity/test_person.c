/* What a verified token makes of a caller. The tokens are not signed here: that was judged before.
 */
#include "unit.h"

#include "base/buf.h"
#include "identity/person.h"

struct world {
    struct arena *arena;
    struct token_table *users;
};

static int set_up(void **state)
{
    static struct world world;
    static const struct user users[] = {
        {.id = 1, .provider = STR_INIT("corp"), .subject = STR_INIT("owner"), .role = ROLE_OWNER},
        {.id = 2, .provider = STR_INIT("corp"), .subject = STR_INIT("gone"), .is_disabled = true},
        {.id = 3,
         .provider = STR_INIT("corp"),
         .subject = STR_INIT("auditor"),
         .role = ROLE_AUDITOR},
    };
    const struct token_table_input input = {.users = users, .user_count = ARRAY_LEN(users)};
    struct err err;
    world.arena = arena_new(16 << 20);
    assert_ok(token_table_new(&input, &world.users, &err), err);
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    arena_free(world->arena);
    token_table_free(world->users);
    return 0;
}

static const struct str domains[] = {STR_INIT("example.com")};
static const struct provider corp = {
    .name = STR_INIT("corp"),
    .issuer = STR_INIT("https://login.example.com"),
    .groups_claim = STR_INIT("groups"),
    .email_claim = STR_INIT("email"),
    .name_claim = STR_INIT("name"),
};

static enum person_result make(struct world *world, const struct identity_rules *rules,
                               const struct provider *provider, const char *claims,
                               struct caller *ret_caller)
{
    const struct jwt_claims judged = {.subject = STR_INIT("ann"), .expires_at = 1000};
    struct jwt_claims mine = judged;
    struct jwt jwt = {.alg = PKEY_RS256};
    struct err err;
    assert_ok(json_parse(str_c(claims), &json_limits_default, world->arena, &jwt.claims, &err),
              err);
    struct str sub = jwt_text(&jwt, STR("sub"), world->arena);
    if (sub.len > 0)
        mine.subject = sub;
    return person_of(rules, provider, &jwt, &mine, world->users, world->arena, ret_caller);
}

static struct caller person(struct world *world, const char *claims)
{
    static const struct identity_rules none;
    struct caller caller;
    assert_int_equal(make(world, &none, &corp, claims, &caller), PERSON_OK);
    return caller;
}

static void a_person_is_named_by_provider_and_subject(void **state)
{
    struct caller ann = person(*state, "{\"sub\":\"ann\",\"name\":\"Ann\",\"jti\":\"t\"}");
    assert_int_equal(ann.kind, PRINCIPAL_HUMAN);
    assert_true(str_eq(ann.id, STR("user:corp:ann")));
    assert_true(str_eq(ann.name, STR("Ann")));
    assert_true(str_eq(ann.provider, STR("corp")));
    assert_int_equal(ann.email.len, 0);
    assert_int_equal(ann.expires_us, 1000000000);
    assert_int_equal(ann.scopes, SCOPE_SET_CALLS);
}

static void an_address_counts_when_it_is_vouched_for(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *claims;
        bool has_domains;
        bool counts;
    } rows[] = {
        {"{\"email\":\"ann@example.com\",\"email_verified\":true}", false, true},
        {"{\"email\":\"ann@example.com\",\"email_verified\":\"true\"}", false, true},
        {"{\"email\":\"ann@example.com\",\"email_verified\":false}", false, false},
        {"{\"email\":\"ann@example.com\",\"email_verified\":\"false\"}", false, false},
        {"{\"email\":\"ann@example.com\",\"email_verified\":1}", false, false},
        {"{\"email\":\"ann@example.com\",\"email_verified\":null}", false, false},
        {"{\"email\":\"ann@example.com\"}", false, false},
        {"{\"email\":\"ann@example.com\"}", true, true},
        {"{\"email\":\"ann@EXAMPLE.com\"}", true, true},
        {"{\"email\":\"ann@evil.example\"}", true, false},
        {"{\"email\":\"ann@evil.example\",\"email_verified\":true}", true, false},
        {"{\"email\":\"ann@example.com@evil.example\"}", true, false},
        {"{\"email\":\"example.com\"}", true, false},
        {"{\"email\":\"\"}", true, false},
        {"{\"email\":[\"ann@example.com\"]}", true, false},
        {"{\"email\":\"ann@example.com\",\"email_verified\":false}", true, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct provider provider = corp;
        struct caller caller;
        static const struct identity_rules none;
        provider.email_domains = domains;
        provider.email_domain_count = rows[i].has_domains ? 1 : 0;
        assert_int_equal(make(world, &none, &provider, rows[i].claims, &caller), PERSON_OK);
        if ((caller.email.len > 0) != rows[i].counts)
            fail_msg("%s", rows[i].claims);
    }
}

static void an_actor_an_agent_or_the_settings_make_the_call_delegated(void **state)
{
    struct world *world = *state;
    static const struct str agents[] = {STR_INIT("agent-*"), STR_INIT("https://a.example/*")};
    const struct identity_rules listed = {.agents = agents, .agent_count = ARRAY_LEN(agents)};
    const struct identity_rules all = {.interactive_clients = INTERACTIVE_DELEGATED};
    static const struct identity_rules none;
    static const char *const names[] = {"client_id", "azp", "cid", "appid"};
    struct caller caller;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct str claims = arena_printf(world->arena, "{\"%s\":\"agent-7\"}", names[i]);
        assert_int_equal(make(world, &listed, &corp, claims.ptr, &caller), PERSON_OK);
        assert_int_equal(caller.kind, PRINCIPAL_DELEGATED);
        assert_true(str_eq(caller.chain, STR("agent-7")));
        assert_int_equal(make(world, &none, &corp, claims.ptr, &caller), PERSON_OK);
        assert_int_equal(caller.kind, PRINCIPAL_HUMAN);
    }
    assert_int_equal(make(world, &listed, &corp, "{\"client_id\":\"desk\"}", &caller), PERSON_OK);
    assert_int_equal(caller.kind, PRINCIPAL_HUMAN);
    assert_int_equal(make(world, &all, &corp, "{\"client_id\":\"desk\"}", &caller), PERSON_OK);
    assert_int_equal(caller.kind, PRINCIPAL_DELEGATED);
    assert_int_equal(make(world, &none, &corp,
                          "{\"act\":{\"sub\":\"outer\",\"act\":{\"sub\":\"inner\"}}}", &caller),
                     PERSON_OK);
    assert_int_equal(caller.kind, PRINCIPAL_DELEGATED);
    assert_true(str_eq(caller.chain, STR("outer < inner")));
    assert_true(str_eq(caller.owner, STR("user:corp:ann")));
}

static void an_actor_that_makes_no_sense_is_nobody(void **state)
{
    struct world *world = *state;
    static const struct identity_rules none;
    static const char *const rows[] = {
        "{\"act\":1}",
        "{\"act\":null}",
        "{\"act\":[]}",
        "{\"act\":{}}",
        "{\"act\":\"agent\"}",
        "{\"act\":{\"sub\":\"\"}}",
        "{\"act\":{\"sub\":7}}",
        "{\"act\":{\"sub\":\"a < b\"}}",
        "{\"act\":{\"sub\":\"a\",\"act\":{}}}",
        "{\"act\":{\"sub\":\"1\",\"act\":{\"sub\":\"2\",\"act\":{\"sub\":\"3\",\"act\":{\"sub\":"
        "\"4\",\"act\":{\"sub\":\"5\",\"act\":{\"sub\":\"6\",\"act\":{\"sub\":\"7\",\"act\":{"
        "\"sub\":\"8\",\"act\":{\"sub\":\"9\"}}}}}}}}}}",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct caller caller;
        if (make(world, &none, &corp, rows[i], &caller) != PERSON_INVALID)
            fail_msg("%s", rows[i]);
    }
}

static void a_program_s_own_token_is_no_person(void **state)
{
    struct world *world = *state;
    static const struct identity_rules none;
    static const char *const rows[] = {
        "{\"sub\":\"job\",\"client_id\":\"job\"}",
        "{\"sub\":\"job\",\"azp\":\"job\"}",
        "{\"sub\":\"job\",\"cid\":\"job\"}",
        "{\"sub\":\"job\",\"appid\":\"job\"}",
        "{\"sub\":\"x\",\"idtyp\":\"app\"}",
        "{\"sub\":\"x\",\"gty\":\"client-credentials\"}",
        "{\"sub\":\"abc@clients\",\"azp\":\"abc\"}",
        "{\"sub\":\"x\",\"azp\":\"Job\",\"preferred_username\":\"service-account-job\"}",
        "{\"sub\":\"x\",\"oid\":\"x\",\"roles\":[\"a\"],\"azp\":\"job\"}",
    };
    struct provider workloads = corp;
    struct caller caller;
    workloads.is_workloads = true;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (make(world, &none, &corp, rows[i], &caller) != PERSON_MACHINE)
            fail_msg("%s", rows[i]);
    assert_int_equal(make(world, &none, &workloads, "{\"sub\":\"ann\"}", &caller), PERSON_MACHINE);
}

static void who_only_looks_like_a_program_is_a_person(void **state)
{
    struct world *world = *state;
    static const struct identity_rules none;
    static const char *const rows[] = {
        "{\"sub\":\"x\",\"azp\":\"desk\",\"preferred_username\":\"service-account-job\"}",
        "{\"sub\":\"x\",\"azp\":\"desk\",\"preferred_username\":\"desk\"}",
        "{\"sub\":\"x\",\"preferred_username\":\"service-account-\"}",
        "{\"sub\":\"x\",\"oid\":\"y\",\"azp\":\"desk\"}",
        "{\"sub\":\"x\",\"oid\":\"x\",\"scp\":\"mcp.use\"}",
        "{\"sub\":\"x\",\"idtyp\":\"user\"}",
        "{\"sub\":\"@clients\"}",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct caller caller;
        if (make(world, &none, &corp, rows[i], &caller) != PERSON_OK)
            fail_msg("%s", rows[i]);
    }
}

static void groups_are_where_the_settings_say(void **state)
{
    struct world *world = *state;
    static const struct identity_rules none;
    struct provider keycloak = corp;
    struct caller caller = person(world, "{\"groups\":[\"a\",1,\"\",null,\"b\",[\"c\"]]}");
    assert_int_equal(caller.group_count, 2);
    assert_true(str_eq(caller.groups[1], STR("b")));
    assert_int_equal(person(world, "{\"groups\":\"a\"}").group_count, 0);
    keycloak.groups_claim = STR("realm_access.roles");
    assert_int_equal(
        make(world, &none, &keycloak, "{\"realm_access\":{\"roles\":[\"a\"]}}", &caller),
        PERSON_OK);
    assert_int_equal(caller.group_count, 1);
    assert_int_equal(
        make(world, &none, &keycloak, "{\"realm_access.roles\":[\"a\",\"b\"]}", &caller),
        PERSON_OK);
    assert_int_equal(caller.group_count, 2);
    assert_int_equal(make(world, &none, &keycloak, "{\"realm_access\":[\"a\"]}", &caller),
                     PERSON_OK);
    assert_int_equal(caller.group_count, 0);
}

static void scopes_of_ours_cut_and_others_mean_nothing(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *claims;
        uint32_t scopes;
    } rows[] = {
        {"{}", SCOPE_SET_CALLS},
        {"{\"scope\":\"openid email\"}", SCOPE_SET_CALLS},
        {"{\"scope\":\"list\"}", SCOPE_BIT(SCOPE_LIST)},
        {"{\"scope\":\"openid call:read-only\"}", SCOPE_BIT(SCOPE_CALL_READ_ONLY)},
        {"{\"scp\":\"list\"}", SCOPE_BIT(SCOPE_LIST)},
        {"{\"scp\":[\"openid\",\"list\"]}", SCOPE_BIT(SCOPE_LIST)},
        {"{\"scope\":[\"list call:read-only\"]}",
         SCOPE_BIT(SCOPE_LIST) | SCOPE_BIT(SCOPE_CALL_READ_ONLY)},
        {"{\"scp\":[\"openid\",1,null,[\"list\"]]}", SCOPE_SET_CALLS},
        {"{\"scp\":[]}", SCOPE_SET_CALLS},
        {"{\"scope\":7}", SCOPE_SET_CALLS},
        {"{\"scope\":\"admin audit:read\"}", 0},
        {"{\"scope\":\"admin list\"}", SCOPE_BIT(SCOPE_LIST)},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(person(world, rows[i].claims).scopes, rows[i].scopes);
}

/* Escapes make a copy: where there is no room for it, nothing is guessed. */
static void scopes_that_do_not_fit_into_memory_are_not_all_of_them(void **state)
{
    struct world *world = *state;
    static const struct identity_rules none;
    struct jwt_claims claims = {.subject = STR_INIT("ann"), .expires_at = 1000};
    struct jwt jwt = {.alg = PKEY_RS256};
    struct err err;
    assert_ok(json_parse(STR("{\"scp\":[\"l\\u0069st\"]}"), &json_limits_default, world->arena,
                         &jwt.claims, &err),
              err);
    bool was_refused = false;
    for (size_t room = 0; room < 4096; room += 8) {
        CLEANUP(arena_freep) struct arena *arena = arena_new(room);
        struct caller caller;
        if (person_of(&none, &corp, &jwt, &claims, world->users, arena, &caller) == PERSON_OK)
            assert_int_equal(caller.scopes, SCOPE_BIT(SCOPE_LIST));
        else
            was_refused = true;
    }
    assert_true(was_refused);
}

static bool is_same(const struct caller *a, const struct caller *b)
{
    if (a->kind != b->kind || a->role != b->role || a->scopes != b->scopes ||
        a->group_count != b->group_count || !str_eq(a->id, b->id) || !str_eq(a->email, b->email) ||
        !str_eq(a->name, b->name) || !str_eq(a->owner, b->owner) ||
        !str_eq(a->client_id, b->client_id) || !str_eq(a->chain, b->chain))
        return false;
    for (size_t i = 0; i < a->group_count; i++) {
        if (!str_eq(a->groups[i], b->groups[i]))
            return false;
    }
    return true;
}

/* Escapes make copies. With less and less room each of them fails in turn, while shorter ones
 * behind it succeed: no claim that was lost may make another person, or a human of an agent. */
static void a_person_is_whole_or_nobody(void **state)
{
#define LONG "-----------------------------------------------------------------------------------"
    static const char *const rows[] = {
        "{\"azp\":\"\\u0064esk" LONG "\"}",
        "{\"client_id\":\"\\u0064esk" LONG "\",\"azp\":\"human\"}",
        "{\"email\":\"\\u0061nn" LONG "@example.com\",\"email_verified\":true,\"name\":\"a\"}",
        "{\"name\":\"\\u0061nn" LONG "\"}",
        "{\"groups\":[\"\\u0061" LONG "\",\"\\u0062\"]}",
        "{\"act\":{\"sub\":\"\\u0061" LONG "\",\"client_id\":\"b\"}}",
        "{\"act\":{\"sub\":\"a\",\"act\":{\"sub\":\"\\u0061" LONG "\"}}}",
        "{\"scope\":\"l\\u0069st " LONG "\"}",
        "{\"preferred_username\":\"service-account-\\u0064" LONG "\",\"client_id\":\"d" LONG "\"}",
        "{\"oid\":\"\\u0061nn\",\"tid\":\"" LONG "\"}",
    };
#undef LONG
    struct world *world = *state;
    static const struct str agents[] = {STR_INIT("desk*")};
    const struct identity_rules rules = {.agents = agents, .agent_count = 1};
    const struct jwt_claims judged = {.subject = STR_INIT("ann"), .expires_at = 1000};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct jwt jwt = {.alg = PKEY_RS256};
        struct caller whole = {.expires_us = 0};
        struct err err;
        assert_ok(json_parse(str_c(rows[i]), &json_limits_default, world->arena, &jwt.claims, &err),
                  err);
        enum person_result expected =
            person_of(&rules, &corp, &jwt, &judged, world->users, world->arena, &whole);
        bool was_refused = false;
        for (size_t room = 0; room < 16384; room += room < 600 || room > 8000 ? 1 : 64) {
            CLEANUP(arena_freep) struct arena *arena = arena_new(room);
            struct caller caller = {.expires_us = 0};
            enum person_result result =
                person_of(&rules, &corp, &jwt, &judged, world->users, arena, &caller);
            was_refused |= result == PERSON_INVALID;
            if (result == PERSON_OK && (expected != PERSON_OK || !is_same(&caller, &whole)))
                fail_msg("%s with %zu bytes", rows[i], room);
        }
        assert_true(was_refused);
    }
}

static void a_role_is_a_human_s_alone(void **state)
{
    struct world *world = *state;
    static const struct identity_rules none;
    struct caller caller;
    assert_int_equal(make(world, &none, &corp, "{\"sub\":\"owner\"}", &caller), PERSON_OK);
    assert_int_equal(caller.role, ROLE_OWNER);
    assert_true((caller.scopes & SCOPE_BIT(SCOPE_ADMIN)) != 0);
    assert_int_equal(
        make(world, &none, &corp, "{\"sub\":\"owner\",\"act\":{\"sub\":\"a\"}}", &caller),
        PERSON_OK);
    assert_int_equal(caller.role, ROLE_MEMBER);
    assert_int_equal(caller.scopes, SCOPE_SET_CALLS);
    assert_int_equal(make(world, &none, &corp, "{\"sub\":\"auditor\"}", &caller), PERSON_OK);
    assert_int_equal(caller.scopes & SCOPE_BIT(SCOPE_ADMIN), 0);
    assert_true((caller.scopes & SCOPE_BIT(SCOPE_AUDIT_DECRYPT)) != 0);
}

static void who_is_disabled_is_nobody_and_only_there(void **state)
{
    struct world *world = *state;
    static const struct identity_rules none;
    struct provider other = corp;
    struct caller caller;
    assert_int_equal(make(world, &none, &corp, "{\"sub\":\"gone\"}", &caller), PERSON_DISABLED);
    other.name = STR("other");
    assert_int_equal(make(world, &none, &other, "{\"sub\":\"gone\"}", &caller), PERSON_OK);
    /* What is part of one name and what of the other is not mixed up. */
    other.name = STR("cor");
    assert_int_equal(make(world, &none, &other, "{\"sub\":\"pgone\"}", &caller), PERSON_OK);
}

static void owners_are_those_of_the_settings(void **state)
{
    (void)state;
    static const struct owner_rule owners[] = {{STR_INIT("corp"), STR_INIT("ann@example.com")}};
    const struct identity_rules rules = {.owners = owners, .owner_count = 1};
    assert_true(person_is_owner(&rules, STR("corp"), STR("Ann@Example.com")));
    assert_false(person_is_owner(&rules, STR("other"), STR("ann@example.com")));
    assert_false(person_is_owner(&rules, STR("corp"), STR("bob@example.com")));
    assert_false(person_is_owner(&rules, STR("corp"), STR_NONE));
}

/* Appends `count` times what stands in `each`, with commas between. */
static struct str list_of(struct world *world, const char *before, const char *each, size_t count,
                          const char *after)
{
    struct buf text;
    buf_init(&text, 1 << 20);
    buf_add_c(&text, before);
    for (size_t i = 0; i < count; i++)
        buf_printf(&text, "%s%s", i == 0 ? "" : ",", each);
    buf_add_c(&text, after);
    assert_false(text.failed);
    struct str copy = arena_dup(world->arena, buf_str(&text));
    buf_done(&text);
    assert_non_null(copy.ptr);
    return copy;
}

static void groups_that_are_too_many_count_not_at_all_and_it_shows(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *claims;
        bool lacks_groups;
    } rows[] = {
        {"{\"_claim_names\":{\"groups\":\"src1\"},\"_claim_sources\":{\"src1\":{}}}", true},
        {"{\"_claim_names\":{\"groups\":\"src1\"},\"groups\":[\"a\"]}", false},
        {"{\"_claim_names\":{\"address\":\"src1\"}}", false},
        {"{\"_claim_names\":\"groups\"}", false},
        {"{}", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(person(world, rows[i].claims).lacks_groups, rows[i].lacks_groups);
    for (size_t count = 511; count <= 514; count++) {
        struct str claims = list_of(world, "{\"groups\":[", "\"g\"", count, "]}");
        struct caller caller = person(world, claims.ptr);
        assert_int_equal(caller.lacks_groups, count > 512);
        assert_int_equal(caller.group_count, count > 512 ? 0 : count);
    }
}

static void groups_have_256_bytes_and_number_512_at_most(void **state)
{
    struct world *world = *state;
    static const size_t counts[] = {0, 1, 511, 512, 513, 2000};
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        struct str claims = list_of(world, "{\"groups\":[", "\"g\"", counts[i], "]}");
        struct caller caller = person(world, claims.ptr);
        assert_int_equal(caller.group_count, counts[i] > 512 ? 0 : counts[i]);
    }
    for (int len = 255; len <= 257; len++) {
        struct str claims = arena_printf(world->arena, "{\"groups\":[\"%0*d\",\"b\"]}", len, 1);
        struct caller caller = person(world, claims.ptr);
        assert_int_equal(caller.group_count, len <= 256 ? 2 : 1);
        assert_str(caller.groups[caller.group_count - 1], "b");
    }
}

static void names_that_are_too_long_name_nobody(void **state)
{
    struct world *world = *state;
    for (int len = 255; len <= 257; len++) {
        struct str claims = arena_printf(world->arena, "{\"name\":\"%0*d\"}", len, 1);
        assert_int_equal(person(world, claims.ptr).name.len, len <= 256 ? (size_t)len : 3);
        claims = arena_printf(world->arena, "{\"email_verified\":true,\"email\":\"%0*d@a.b\"}",
                              len - 4, 1);
        assert_int_equal(person(world, claims.ptr).email.len, len <= 256 ? (size_t)len : 0);
    }
}

static void a_chain_names_eight_actors_at_most(void **state)
{
    struct world *world = *state;
    static const struct identity_rules none;
    struct caller caller;
    for (size_t depth = 1; depth <= 10; depth++) {
        struct buf claims;
        buf_init(&claims, 4096);
        buf_add(&claims, STR("{"));
        for (size_t i = 0; i < depth; i++)
            buf_printf(&claims, "%s\"act\":{\"%s\":\"%zu\"", i == 0 ? "" : ",",
                       i % 2 == 0 ? "sub" : "client_id", i);
        for (size_t i = 0; i <= depth; i++)
            buf_add(&claims, STR("}"));
        struct str text = arena_dup(world->arena, buf_str(&claims));
        assert_int_equal(make(world, &none, &corp, text.ptr, &caller),
                         depth <= 8 ? PERSON_OK : PERSON_INVALID);
        buf_done(&claims);
    }
}

/* Whoever acts: the rights are never more than those of an agent. */
static void the_owner_of_a_delegated_call_is_the_person(void **state)
{
    struct world *world = *state;
    static const struct identity_rules none;
    static const struct str agents[] = {STR_INIT("*")};
    const struct identity_rules every = {.agents = agents, .agent_count = 1};
    struct caller caller;
    assert_int_equal(make(world, &none, &corp,
                          "{\"email\":\"ann@example.com\",\"email_verified\":true,"
                          "\"client_id\":\"desk\",\"act\":{\"sub\":\"bot\"}}",
                          &caller),
                     PERSON_OK);
    assert_str(caller.owner, "ann@example.com");
    assert_str(caller.chain, "bot");
    assert_str(caller.client_id, "desk");
    /* A token that names no client is one of an agent, too, where all are. */
    assert_int_equal(make(world, &every, &corp, "{\"sub\":\"owner\"}", &caller), PERSON_OK);
    assert_int_equal(caller.kind, PRINCIPAL_DELEGATED);
    assert_int_equal(caller.role, ROLE_MEMBER);
    assert_int_equal(caller.scopes, SCOPE_SET_CALLS);
    /* Who is disabled does not come back by way of an agent. */
    assert_int_equal(
        make(world, &none, &corp, "{\"sub\":\"gone\",\"act\":{\"sub\":\"bot\"}}", &caller),
        PERSON_DISABLED);
}

/* ---- the settings' words ---- */

static void a_role_gives_its_scopes_and_no_others(void **state)
{
    (void)state;
    const uint32_t reads = SCOPE_BIT(SCOPE_AUDIT_READ);
    const uint32_t decrypts = SCOPE_BIT(SCOPE_AUDIT_DECRYPT);
    const uint32_t administers = SCOPE_BIT(SCOPE_ADMIN);
    assert_int_equal(person_role_scopes(ROLE_MEMBER), 0);
    assert_int_equal(person_role_scopes(ROLE_APPROVER), 0);
    assert_int_equal(person_role_scopes(ROLE_AUDITOR), reads | decrypts);
    assert_int_equal(person_role_scopes(ROLE_ADMIN), reads | administers);
    assert_int_equal(person_role_scopes(ROLE_OWNER), reads | decrypts | administers);
    assert_int_equal(person_role_scopes(USER_ROLES), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_person_is_named_by_provider_and_subject),
        cmocka_unit_test(an_address_counts_when_it_is_vouched_for),
        cmocka_unit_test(an_actor_an_agent_or_the_settings_make_the_call_delegated),
        cmocka_unit_test(an_actor_that_makes_no_sense_is_nobody),
        cmocka_unit_test(a_program_s_own_token_is_no_person),
        cmocka_unit_test(who_only_looks_like_a_program_is_a_person),
        cmocka_unit_test(groups_are_where_the_settings_say),
        cmocka_unit_test(scopes_of_ours_cut_and_others_mean_nothing),
        cmocka_unit_test(scopes_that_do_not_fit_into_memory_are_not_all_of_them),
        cmocka_unit_test(a_person_is_whole_or_nobody),
        cmocka_unit_test(a_role_is_a_human_s_alone),
        cmocka_unit_test(who_is_disabled_is_nobody_and_only_there),
        cmocka_unit_test(owners_are_those_of_the_settings),
        cmocka_unit_test(groups_that_are_too_many_count_not_at_all_and_it_shows),
        cmocka_unit_test(groups_have_256_bytes_and_number_512_at_most),
        cmocka_unit_test(names_that_are_too_long_name_nobody),
        cmocka_unit_test(a_chain_names_eight_actors_at_most),
        cmocka_unit_test(the_owner_of_a_delegated_call_is_the_person),
        cmocka_unit_test(a_role_gives_its_scopes_and_no_others),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
