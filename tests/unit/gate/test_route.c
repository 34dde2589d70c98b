#include "gate/route.h"

#include "unit.h"

static void each_path_leads_to_one_endpoint_and_no_spelling_of_it_elsewhere(void **state)
{
    static const struct {
        const char *path;
        enum route_kind kind;
        const char *server;
    } rows[] = {
        {"/mcp", ROUTE_MCP, ""},
        {"/mcp/docs", ROUTE_SERVER, "docs"},
        {"/metrics", ROUTE_METRICS, ""},
        {"/healthz", ROUTE_HEALTH, ""},
        {"/readyz", ROUTE_READY, ""},
        {"/api/v1/servers", ROUTE_API, ""},
        {"/mcp/", ROUTE_NONE, ""},
        {"/MCP", ROUTE_NONE, ""},
        {"//mcp", ROUTE_NONE, ""},
        {"/mcp/a/b", ROUTE_NONE, ""},
        {"/mcp/a/", ROUTE_NONE, ""},
        {"/%6dcp", ROUTE_NONE, ""},
        {"/mcp;x", ROUTE_NONE, ""},
        {"/api/v1", ROUTE_NONE, ""},
        {"/api/v2/servers", ROUTE_NONE, ""},
        {"/healthz/", ROUTE_NONE, ""},
        {"/x/../mcp", ROUTE_NONE, ""},
        {"", ROUTE_NONE, ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct route route = route_of(str_c(rows[i].path));

        if (route.kind != rows[i].kind)
            fail_msg("%s", rows[i].path);
        assert_str(route.server, rows[i].server);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_path_leads_to_one_endpoint_and_no_spelling_of_it_elsewhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
