#include "unit.h"

#include "admin/api.h"
#include "gate/api.h"

/* The endpoints that the table of tests knows (tests/unit/access.def). */
static const enum endpoint known[] = {
#define X(endpoint, method, path, scopes, roles) endpoint,
#include "access.def"
#undef X
};

static bool is_known(size_t endpoint)
{
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if ((size_t)known[i] == endpoint)
            return true;
    return false;
}

static bool is_api(size_t endpoint)
{
    struct str path = str_c(endpoint_get_facts((enum endpoint)endpoint)->path);
    return str_starts(path, STR("/api/v1/")) || str_starts(path, STR("/scim/v2/"));
}

static void every_handler_answers_an_endpoint_that_the_tests_know(void **state)
{
    (void)state;
    const struct api *api = admin_api();
    for (size_t i = 0; i < ARRAY_LEN(api->handlers); i++)
        if (api->handlers[i].handle != NULL)
            assert_true(is_api(i) && is_known(i));
}

static void every_endpoint_of_the_api_has_a_handler(void **state)
{
    (void)state;
    const struct api *api = admin_api();
    for (size_t i = 0; i < ENDPOINTS; i++)
        assert_int_equal(api->handlers[i].handle != NULL, is_api(i));
}

static void a_path_leads_to_one_endpoint_whatever_stands_for_its_names(void **state)
{
    (void)state;
    char path[256];
    struct err err;
    for (size_t i = 0; i < ENDPOINTS; i++) {
        const struct endpoint_facts *facts = endpoint_get_facts((enum endpoint)i);
        struct endpoint_match match;
        size_t len = 0;
        if (!is_api(i))
            continue;
        for (const char *at = facts->path; *at != '\0'; at++) {
            path[len++] = *at == '{' ? 'x' : *at;
            at += *at == '{';
        }
        assert_ok(endpoint_find(str_c(facts->method), str_of(path, len), &match, &err), err);
        assert_int_equal(match.endpoint, i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_handler_answers_an_endpoint_that_the_tests_know),
        cmocka_unit_test(every_endpoint_of_the_api_has_a_handler),
        cmocka_unit_test(a_path_leads_to_one_endpoint_whatever_stands_for_its_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
