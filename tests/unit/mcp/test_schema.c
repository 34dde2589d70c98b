#include "mcp/schema.h"

#include <stdio.h>

#include "mcp_unit.h"

static enum err_code read_schema(struct arena *arena, const char *json, struct json_doc *doc,
                                 struct schema_facts *facts)
{
    struct err err;
    static const struct json_limits deep = {.max_bytes = 1024 * 1024,
                                            .max_depth = 400,
                                            .max_values = 65536,
                                            .max_members = 4096,
                                            .profile = JSON_RESULT};
    assert_ok(json_parse(str_c(json), &deep, arena, doc, &err), err);
    return schema_read(doc, 0, arena, facts, &err);
}

static void annotations_are_found_along_chains_of_properties(void **state)
{
    struct json_doc doc;
    struct schema_facts facts;
    assert_int_equal(
        read_schema(*state,
                    "{\"type\":\"object\",\"properties\":{"
                    "\"region\":{\"type\":\"string\",\"x-mcp-header\":\"Region\"},"
                    "\"options\":{\"type\":\"object\",\"properties\":{"
                    "\"li\\u006dit\":{\"x-mcp-header\":\"Limit\",\"type\":\"integer\"}}},"
                    "\"dry\":{\"type\":\"boolean\",\"x-mcp-header\":\"X-Dry_Run\"}}}",
                    &doc, &facts),
        ERR_OK);
    assert_int_equal(facts.count, 3);
    assert_str(facts.params[0].header, "Region");
    assert_int_equal(facts.params[0].type, SCHEMA_STRING);
    assert_int_equal(facts.params[0].depth, 1);
    assert_str(facts.params[0].path[0], "region");
    assert_str(facts.params[1].header, "Limit");
    assert_int_equal(facts.params[1].type, SCHEMA_INTEGER);
    assert_int_equal(facts.params[1].depth, 2);
    assert_str(facts.params[1].path[0], "options");
    assert_str(facts.params[1].path[1], "limit");
    assert_int_equal(facts.params[2].type, SCHEMA_BOOLEAN);
    assert_str(facts.params[2].path[0], "dry");
}

static void a_schema_without_annotations_has_no_facts(void **state)
{
    static const char *const rows[] = {
        "{}",
        "{\"type\":\"object\"}",
        "{\"properties\":{}}",
        "{\"properties\":{\"a\":true}}",
        "{\"properties\":[]}",
        /* here the word is a name, or data */
        "{\"properties\":{\"x-mcp-header\":{\"type\":\"string\"}}}",
        "{\"properties\":{\"a\":{\"default\":{\"x-mcp-header\":\"no\"}}}}",
        "{\"properties\":{\"a\":{\"const\":{\"x-mcp-header\":\"no\"}}}}",
        "{\"properties\":{\"a\":{\"enum\":[{\"x-mcp-header\":\"no\"}]}}}",
        "{\"examples\":[{\"x-mcp-header\":\"no\"}]}",
        "{\"$defs\":{\"x-mcp-header\":{\"type\":\"string\"}}}",
        "{\"items\":{\"properties\":{\"x-mcp-header\":{}}}}",
        "{\"properties\":{\"a\":{\"X-Mcp-Header\":\"no\",\"type\":\"string\"}}}",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct json_doc doc;
        struct schema_facts facts = {.count = 9};
        if (read_schema(*state, rows[i], &doc, &facts) != ERR_OK)
            fail_msg("row %zu", i);
        assert_int_equal(facts.count, 0);
    }
}

#define ONE(annotated) "{\"properties\":{\"a\":{" annotated "}}}"

static void an_annotation_against_the_rules_drops_the_tool(void **state)
{
    static const char *const rows[] = {
        ONE("\"type\":\"string\",\"x-mcp-header\":\"\""),
        ONE("\"type\":\"string\",\"x-mcp-header\":\"a b\""),
        ONE("\"type\":\"string\",\"x-mcp-header\":\"a:b\""),
        ONE("\"type\":\"string\",\"x-mcp-header\":\"a\\r\\nb\""),
        ONE("\"type\":\"string\",\"x-mcp-header\":\"\xc3\xa4\""),
        ONE("\"type\":\"string\",\"x-mcp-header\":7"),
        ONE("\"type\":\"string\",\"x-mcp-header\":null"),
        ONE("\"type\":\"number\",\"x-mcp-header\":\"a\""),
        ONE("\"type\":\"object\",\"x-mcp-header\":\"a\""),
        ONE("\"type\":\"array\",\"x-mcp-header\":\"a\""),
        ONE("\"type\":[\"string\",\"null\"],\"x-mcp-header\":\"a\""),
        ONE("\"x-mcp-header\":\"a\""),
        ONE("\"$ref\":\"#/$defs/b\",\"x-mcp-header\":\"a\""),
        "{\"type\":\"string\",\"x-mcp-header\":\"a\"}",
        "{\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"Same\"},"
        "\"b\":{\"type\":\"string\",\"x-mcp-header\":\"sAME\"}}}",
        "{\"items\":{\"type\":\"string\",\"x-mcp-header\":\"a\"}}",
        "{\"properties\":{\"l\":{\"type\":\"array\",\"items\":{\"type\":\"string\","
        "\"x-mcp-header\":\"a\"}}}}",
        "{\"properties\":{\"l\":{\"items\":{\"properties\":{\"b\":{\"type\":\"string\","
        "\"x-mcp-header\":\"a\"}}}}}}",
        "{\"oneOf\":[{\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"a\"}}}]}",
        "{\"properties\":{\"a\":{\"anyOf\":[{\"type\":\"string\",\"x-mcp-header\":\"a\"}]}}}",
        "{\"$defs\":{\"d\":{\"type\":\"string\",\"x-mcp-header\":\"a\"}}}",
        "{\"patternProperties\":{\".*\":{\"type\":\"string\",\"x-mcp-header\":\"a\"}}}",
        "{\"additionalProperties\":{\"type\":\"string\",\"x-mcp-header\":\"a\"}}",
        "{\"if\":{\"properties\":{\"a\":{\"type\":\"string\",\"x-mcp-header\":\"a\"}}}}",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct json_doc doc;
        struct schema_facts facts = {.count = 9};
        if (read_schema(*state, rows[i], &doc, &facts) != ERR_INVALID)
            fail_msg("row %zu: %s", i, rows[i]);
        assert_int_equal(facts.count, 9);
    }
}

static void too_many_annotations_and_too_deep_schemas_are_refused(void **state)
{
    char json[8192];
    struct json_doc doc;
    struct schema_facts facts;
    size_t len = (size_t)snprintf(json, sizeof json, "{\"properties\":{");
    for (int i = 0; i <= SCHEMA_MAX_PARAMS; i++)
        len += (size_t)snprintf(json + len, sizeof json - len,
                                "%s\"p%d\":{\"type\":\"string\",\"x-mcp-header\":\"H%d\"}",
                                i == 0 ? "" : ",", i, i);
    (void)snprintf(json + len, sizeof json - len, "}}");
    assert_int_equal(read_schema(*state, json, &doc, &facts), ERR_INVALID);

    len = 0;
    for (int i = 0; i < 200; i++)
        len += (size_t)snprintf(json + len, sizeof json - len, "{\"not\":");
    len += (size_t)snprintf(json + len, sizeof json - len, "{}");
    memset(json + len, '}', 200);
    json[len + 200] = '\0';
    assert_int_equal(read_schema(*state, json, &doc, &facts), ERR_INVALID);
}

static void an_argument_is_found_by_its_path(void **state)
{
    static const struct str path[] = {STR_INIT("a"), STR_INIT("b")};
    static const struct schema_param param = {STR_INIT("H"), SCHEMA_STRING, path, 2};
    static const struct {
        const char *arguments;
        bool is_there;
    } rows[] = {
        {"{\"a\":{\"b\":1}}", true},
        {"{\"a\":{\"b\":null}}", false},
        {"{\"a\":{}}", false},
        {"{\"a\":1}", false},
        {"{}", false},
        {"{\"a\":[\"b\"]}", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct json_doc doc;
        struct err err;
        assert_ok(json_parse(str_c(rows[i].arguments), &json_limits_default, *state, &doc, &err),
                  err);
        assert_int_equal(schema_argument(&doc, 0, &param) != JSON_NONE, rows[i].is_there);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        arena_unit_test(annotations_are_found_along_chains_of_properties),
        arena_unit_test(a_schema_without_annotations_has_no_facts),
        arena_unit_test(an_annotation_against_the_rules_drops_the_tool),
        arena_unit_test(too_many_annotations_and_too_deep_schemas_are_refused),
        arena_unit_test(an_argument_is_found_by_its_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
