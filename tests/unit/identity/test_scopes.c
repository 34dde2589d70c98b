#include "unit.h"

#include "identity/person.h"
#include "identity/scopes.h"

static void every_endpoint_asks_for_some_scope(void **state)
{
    (void)state;
    struct err err;
    for (size_t i = 0; i < ENDPOINTS; i++) {
        const struct endpoint_facts *facts = endpoint_get_facts((enum endpoint)i);
        assert_int_not_equal(facts->all_of | facts->any_of, 0);
        assert_true(strlen(facts->prose) > 0);
        assert_int_equal(scopes_check(0, (enum endpoint)i, &err), ERR_DENIED);
        assert_int_equal(scopes_check(SCOPE_SET_ALL, (enum endpoint)i, &err), ERR_OK);
    }
}

/* The table of tests: what is enough for each endpoint. */
struct access {
    enum endpoint endpoint;
    const char *method;
    const char *path;
    const char *scopes;
    const char *roles;
};

static const struct access rows[] = {
#define X(endpoint, method, path, scopes, roles) {endpoint, method, path, scopes, roles},
#include "access.def"
#undef X
};

#define ALONE(scope) SCOPE_BIT(SCOPE_##scope)

static const uint32_t calls =
    ALONE(CALL_READ_ONLY) | ALONE(CALL_WRITE) | ALONE(CALL_DESTRUCTIVE) | ALONE(CALL_ADMIN);

/* Does one of the sets "a+b|c" lie in held? */
static bool is_enough(const char *sets, uint32_t held)
{
    struct str rest = str_c(sets);
    while (rest.len > 0) {
        struct str set = str_cut(&rest, '|');
        uint32_t needed = 0;
        while (set.len > 0) {
            enum scope scope = SCOPE_LIST;
            assert_true(scope_parse(str_cut(&set, '+'), &scope));
            needed |= SCOPE_BIT(scope);
        }
        if ((held & needed) == needed)
            return true;
    }
    return false;
}

static void every_endpoint_has_a_row_and_every_row_an_endpoint(void **state)
{
    (void)state;
    assert_int_equal(ARRAY_LEN(rows), ENDPOINTS);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(rows[i].endpoint, i);
        assert_string_equal(endpoint_get_facts(rows[i].endpoint)->method, rows[i].method);
        assert_string_equal(endpoint_get_facts(rows[i].endpoint)->path, rows[i].path);
    }
}

static void every_set_of_scopes_opens_what_the_table_says_and_no_more(void **state)
{
    (void)state;
    struct err err;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (uint32_t held = 0; held <= SCOPE_SET_ALL; held++)
            assert_int_equal(scopes_check(held, rows[i].endpoint, &err),
                             is_enough(rows[i].scopes, held) ? ERR_OK : ERR_DENIED);
}

static bool has_role(const char *roles, enum user_role role)
{
    struct str rest = str_c(roles);
    bool found = str_eq(rest, STR("all"));
    while (rest.len > 0)
        found |= str_eq(str_cut(&rest, ' '), str_c(role_word(role)));
    return found;
}

static void every_role_of_people_opens_what_the_table_says_and_no_more(void **state)
{
    (void)state;
    struct err err;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (unsigned role = 0; role < USER_ROLES; role++) {
            uint32_t held = SCOPE_SET_CALLS | person_role_scopes((enum user_role)role);
            assert_int_equal(scopes_check(held, rows[i].endpoint, &err),
                             has_role(rows[i].roles, (enum user_role)role) ? ERR_OK : ERR_DENIED);
        }
}

static void a_denial_names_the_scope_that_is_missing(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(scopes_check(ALONE(AUDIT_READ), ENDPOINT_AUDIT_DECRYPT, &err), ERR_DENIED);
    assert_string_equal(err.text, "the token lacks the scope audit:decrypt");
    assert_int_equal(scopes_check(ALONE(LIST), ENDPOINT_METRICS, &err), ERR_DENIED);
    assert_string_equal(err.text, "the token lacks the scope audit:read or admin");
    assert_int_equal(scopes_check(0, ENDPOINT_METRICS, NULL), ERR_DENIED);
}

static void an_endpoint_is_found_by_method_and_path(void **state)
{
    (void)state;
    struct err err;
    struct endpoint_match match;
    assert_ok(endpoint_find(STR("GET"), STR("/api/v1/servers"), &match, &err), err);
    assert_int_equal(match.endpoint, ENDPOINT_SERVER_LIST);
    assert_int_equal(match.param_count, 0);
    assert_ok(endpoint_find(STR("GET"), STR("/api/v1/servers/a/tools/b%20c"), &match, &err), err);
    assert_int_equal(match.endpoint, ENDPOINT_TOOL_SHOW);
    assert_int_equal(match.param_count, 2);
    assert_str(match.params[0], "a");
    assert_str(match.params[1], "b%20c");
    assert_ok(endpoint_find(STR("DELETE"), STR("/api/v1/tokens/t1"), &match, &err), err);
    assert_int_equal(match.endpoint, ENDPOINT_TOKEN_REVOKE);
    assert_ok(endpoint_find(STR("GET"), STR("/metrics"), &match, &err), err);
}

static void other_spellings_of_a_path_are_nothing(void **state)
{
    (void)state;
    struct err err;
    struct endpoint_match match;
    static const char *const paths[] = {
        "",
        "/",
        "//",
        "/mcp",
        "/mcp/",
        "/api/v1",
        "/api/v1/",
        "/api/v1/servers/",
        "/api/v1//servers",
        "//api/v1/servers",
        "api/v1/servers",
        "/API/v1/servers",
        "/api/v1/Servers",
        "/api/v1/./servers",
        "/api/v1/x/../servers",
        "/api/v1/servers;x",
        "/api/v1/servers%2f",
        "/api/v1/%73ervers",
        "/api/v1/servers/a/refresh/",
        "/api/v1/servers//refresh",
        "/api/v1/servers/a/refresh/b",
        "/api/v1/servers/a/tools/b/c",
        "/metrics/",
        "/metricsx",
        "/api/v2/servers",
    };
    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        assert_int_equal(endpoint_find(STR("GET"), str_c(paths[i]), &match, &err), ERR_NOT_FOUND);
    assert_int_equal(endpoint_find(STR("GET"), str_of("/metrics\0", 9), &match, &err),
                     ERR_NOT_FOUND);
}

static void another_method_on_a_path_is_refused(void **state)
{
    (void)state;
    struct err err;
    struct endpoint_match match;
    static const char *const methods[] = {"PATCH", "get", "HEAD", "", "GETX"};
    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        assert_int_equal(endpoint_find(str_c(methods[i]), STR("/api/v1/governance"), &match, &err),
                         ERR_INVALID);
}

static void a_list_of_scopes_is_read_word_by_word(void **state)
{
    (void)state;
    struct err err;
    uint32_t scopes = 0;
    assert_ok(scopes_parse(STR("list,call:read-only"), &scopes, &err), err);
    assert_int_equal(scopes, ALONE(LIST) | ALONE(CALL_READ_ONLY));
    assert_ok(scopes_parse(STR("call"), &scopes, &err), err);
    assert_int_equal(scopes, calls);
    assert_ok(scopes_parse(STR("list,call:read-only,call:write,call:destructive,call:admin,"
                               "audit:read,audit:decrypt,admin,scim"),
                           &scopes, &err),
              err);
    assert_int_equal(scopes, SCOPE_SET_ALL);
}

static void what_is_no_list_of_scopes_gives_none(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "",
        ",",
        "list,",
        ",list",
        "list,,admin",
        "list, admin",
        " list",
        "List",
        "LIST",
        "lists",
        "lis",
        "list;admin",
        "list admin",
        "call:",
        "call:*",
        "*",
        "all",
        "list,list",
        "call,call:write",
        "call:write,call",
        "call:read_only",
        "none",
        "admin\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct err err;
        uint32_t scopes = 77;
        assert_int_equal(scopes_parse(str_c(refused[i]), &scopes, &err), ERR_INVALID);
        assert_int_equal(scopes, 77);
    }
    uint32_t scopes = 77;
    assert_int_equal(scopes_parse(str_of("list\0", 5), &scopes, NULL), ERR_INVALID);
}

static void a_robot_never_administers_and_an_administration_token_never_calls(void **state)
{
    (void)state;
    const uint32_t rule = ALONE(ADMIN) | ALONE(AUDIT_DECRYPT);
    assert_int_equal(scopes_allowed(TOKEN_ROBOT) & rule, 0);
    assert_int_equal(scopes_allowed(TOKEN_ADMIN) & (calls | ALONE(LIST)), 0);
    assert_int_equal(scopes_allowed(TOKEN_USER) & ALONE(ADMIN), 0);
    static const enum token_kind kinds[] = {TOKEN_ROBOT, TOKEN_USER, TOKEN_ADMIN};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        assert_int_not_equal(scopes_default(kinds[i]), 0);
        assert_int_equal(scopes_default(kinds[i]) & ~scopes_allowed(kinds[i]), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_endpoint_asks_for_some_scope),
        cmocka_unit_test(every_endpoint_has_a_row_and_every_row_an_endpoint),
        cmocka_unit_test(every_set_of_scopes_opens_what_the_table_says_and_no_more),
        cmocka_unit_test(every_role_of_people_opens_what_the_table_says_and_no_more),
        cmocka_unit_test(a_denial_names_the_scope_that_is_missing),
        cmocka_unit_test(an_endpoint_is_found_by_method_and_path),
        cmocka_unit_test(other_spellings_of_a_path_are_nothing),
        cmocka_unit_test(another_method_on_a_path_is_refused),
        cmocka_unit_test(a_list_of_scopes_is_read_word_by_word),
        cmocka_unit_test(what_is_no_list_of_scopes_gives_none),
        cmocka_unit_test(a_robot_never_administers_and_an_administration_token_never_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
