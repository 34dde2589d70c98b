#include "mcp/method.h"

#include "unit.h"

static enum mcp_class class_of(const char *name, enum mcp_direction direction, enum mcp_era era)
{
    return method_class(method_find(str_c(name), direction), era);
}

static void only_what_is_served_in_its_era_and_direction_is_not_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum mcp_direction direction;
        enum mcp_class legacy;
        enum mcp_class modern;
    } rows[] = {
        {"initialize", MCP_TO_SERVER, MCP_CLASS_CONTROL, MCP_CLASS_REFUSED},
        {"ping", MCP_TO_SERVER, MCP_CLASS_CONTROL, MCP_CLASS_REFUSED},
        {"notifications/initialized", MCP_TO_SERVER, MCP_CLASS_CONTROL, MCP_CLASS_REFUSED},
        {"server/discover", MCP_TO_SERVER, MCP_CLASS_REFUSED, MCP_CLASS_CONTROL},
        {"tools/list", MCP_TO_SERVER, MCP_CLASS_CONTROL, MCP_CLASS_CONTROL},
        {"tools/call", MCP_TO_SERVER, MCP_CLASS_GOVERNED, MCP_CLASS_GOVERNED},
        {"tools/call", MCP_TO_CLIENT, MCP_CLASS_REFUSED, MCP_CLASS_REFUSED},
        {"resources/read", MCP_TO_SERVER, MCP_CLASS_REFUSED, MCP_CLASS_REFUSED},
        {"prompts/get", MCP_TO_SERVER, MCP_CLASS_REFUSED, MCP_CLASS_REFUSED},
        {"completion/complete", MCP_TO_SERVER, MCP_CLASS_REFUSED, MCP_CLASS_REFUSED},
        {"subscriptions/listen", MCP_TO_SERVER, MCP_CLASS_REFUSED, MCP_CLASS_REFUSED},
        {"tasks/get", MCP_TO_SERVER, MCP_CLASS_REFUSED, MCP_CLASS_REFUSED},
        {"logging/setLevel", MCP_TO_SERVER, MCP_CLASS_REFUSED, MCP_CLASS_REFUSED},
        {"sampling/createMessage", MCP_TO_CLIENT, MCP_CLASS_REFUSED, MCP_CLASS_REFUSED},
        {"elicitation/create", MCP_TO_CLIENT, MCP_CLASS_REFUSED, MCP_CLASS_REFUSED},
        {"ping", MCP_TO_CLIENT, MCP_CLASS_CONTROL, MCP_CLASS_REFUSED},
        {"Tools/Call", MCP_TO_SERVER, MCP_CLASS_REFUSED, MCP_CLASS_REFUSED},
        {"tools/call ", MCP_TO_SERVER, MCP_CLASS_REFUSED, MCP_CLASS_REFUSED},
        {"", MCP_TO_SERVER, MCP_CLASS_REFUSED, MCP_CLASS_REFUSED},
        {"?", MCP_TO_SERVER, MCP_CLASS_REFUSED, MCP_CLASS_REFUSED},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(class_of(rows[i].name, rows[i].direction, MCP_LEGACY), rows[i].legacy);
        assert_int_equal(class_of(rows[i].name, rows[i].direction, MCP_MODERN), rows[i].modern);
    }
}

static void tools_call_is_the_only_governed_method_that_is_served(void **state)
{
    (void)state;
    for (enum mcp_method m = 0; m < MCP_METHODS; m++) {
        bool is_governed = method_class(m, MCP_LEGACY) == MCP_CLASS_GOVERNED ||
                           method_class(m, MCP_MODERN) == MCP_CLASS_GOVERNED;
        assert_int_equal(is_governed, m == MCP_TOOLS_CALL);
    }
}

static void every_row_is_found_by_its_name(void **state)
{
    (void)state;
    for (enum mcp_method m = 0; m < MCP_METHODS; m++) {
        assert_int_equal(method_find(str_c(method_name(m)), method_direction(m)), m);
        assert_true(method_is_known(m, MCP_LEGACY) || method_is_known(m, MCP_MODERN));
        bool is_notification = strncmp(method_name(m), "notifications/", 14) == 0;
        assert_int_equal(method_form(m) == MCP_FORM_NOTIFICATION, is_notification);
    }
}

static void an_unknown_method_can_be_asked_about(void **state)
{
    (void)state;
    assert_int_equal(method_find(STR("x"), MCP_TO_SERVER), MCP_METHOD_UNKNOWN);
    assert_string_equal(method_name(MCP_METHOD_UNKNOWN), "?");
    assert_int_equal(method_routing(MCP_METHOD_UNKNOWN), MCP_ROUTING_NONE);
    assert_int_equal(method_scope(MCP_METHOD_UNKNOWN), MCP_SCOPE_NONE);
    assert_false(method_is_known(MCP_METHOD_UNKNOWN, MCP_MODERN));
}

static void calls_need_a_call_scope_and_lists_a_list_scope(void **state)
{
    (void)state;
    assert_int_equal(method_scope(MCP_TOOLS_CALL), MCP_SCOPE_CALL);
    assert_int_equal(method_scope(MCP_TOOLS_LIST), MCP_SCOPE_LIST);
    assert_int_equal(method_scope(MCP_PING), MCP_SCOPE_NONE);
    assert_int_equal(method_routing(MCP_TOOLS_CALL), MCP_ROUTING_NAME);
    assert_int_equal(method_routing(MCP_RESOURCES_READ), MCP_ROUTING_URI);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_is_served_in_its_era_and_direction_is_not_refused),
        cmocka_unit_test(tools_call_is_the_only_governed_method_that_is_served),
        cmocka_unit_test(every_row_is_found_by_its_name),
        cmocka_unit_test(an_unknown_method_can_be_asked_about),
        cmocka_unit_test(calls_need_a_call_scope_and_lists_a_list_scope),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
