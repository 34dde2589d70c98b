#include "catalog/definition.h"

#include "base/base64.h"
#include "unit.h"

struct reading {
    struct arena *arena;
    struct json_doc doc;
    struct definition definition;
    struct err err;
    enum err_code code;
};

static struct reading read_tool(const char *text)
{
    struct reading r = {.arena = arena_new((size_t)1 << 20)};
    struct json_limits limits = json_limits_default;
    limits.profile = JSON_RESULT;
    assert_ok(json_parse(str_c(text), &limits, r.arena, &r.doc, &r.err), r.err);
    r.code = definition_read(&r.doc, 0, r.arena, &r.definition, &r.err);
    return r;
}

static void assert_refused(const char *text, const char *sentence)
{
    struct reading r = read_tool(text);
    assert_int_equal(r.code, ERR_INVALID);
    if (strstr(r.err.text, sentence) == NULL)
        fail_msg("\"%s\" does not hold \"%s\"", r.err.text, sentence);
    arena_free(r.arena);
}

/* Have both the same hash? */
static bool is_same(const char *a, const char *b)
{
    struct reading ra = read_tool(a);
    struct reading rb = read_tool(b);
    assert_int_equal(ra.code, ERR_OK);
    assert_int_equal(rb.code, ERR_OK);
    bool is_same = memcmp(ra.definition.hash, rb.definition.hash, DEFINITION_HASH_BYTES) == 0;
    arena_free(ra.arena);
    arena_free(rb.arena);
    return is_same;
}

static void the_canonical_form_holds_the_pinned_members_sorted(void **state)
{
    (void)state;
    struct reading r =
        read_tool("{\"name\":\"t\", \"icons\":[], \"title\":\"T\", \"description\":\"d\\u00e9\",\n"
                  "\"inputSchema\":{\"type\":\"object\",\"properties\":{\"q\":{\"type\":\"string\","
                  "\"x-mcp-header\":\"Q\"}}}, \"_meta\":{\"a\":1},\n"
                  "\"outputSchema\":{\"b\":1,\"a\":2}, \"annotations\":{\"readOnlyHint\":true}}");
    assert_int_equal(r.code, ERR_OK);
    assert_str(
        r.definition.canonical,
        "{\"annotations\":{\"readOnlyHint\":true},\"description\":\"d\xc3\xa9\","
        "\"inputSchema\":{\"properties\":{\"q\":{\"type\":\"string\",\"x-mcp-header\":\"Q\"}},"
        "\"type\":\"object\"},\"name\":\"t\",\"outputSchema\":{\"a\":2,\"b\":1},"
        "\"title\":\"T\"}");
    assert_str(r.definition.name, "t");
    assert_str(r.definition.title, "T");
    assert_str(r.definition.description, "d\xc3\xa9");
    assert_true(str_starts(r.definition.raw, STR("{\"name\":\"t\", ")));
    assert_true(r.definition.annotations != JSON_NONE);
    arena_free(r.arena);
}

static void the_hash_is_that_of_the_canonical_form(void **state)
{
    (void)state;
    char hex[64];
    struct reading r = read_tool("{\"inputSchema\":{},\"name\":\"t\"}");
    hex_encode(r.definition.hash, sizeof r.definition.hash, hex);
    /* printf '{"inputSchema":{},"name":"t"}' | sha256sum */
    assert_str(str_of(hex, sizeof hex),
               "b36389c54a2da9b725519903a70ca5ef405b96bb0cf7b418b9b92acfa9711d0c");
    assert_int_equal(r.definition.title.len, 0);
    assert_true(r.definition.annotations == JSON_NONE);
    assert_true(r.definition.output_schema == JSON_NONE);
    arena_free(r.arena);
}

static void spelling_does_not_change_the_hash(void **state)
{
    (void)state;
    assert_true(
        is_same("{\"name\":\"t\",\"inputSchema\":{\"a\":1,\"b\":[1,2]}}",
                " { \"inputSchema\" : {\"b\":[ 1,2 ],\"\\u0061\":1} , \"name\":\"\\u0074\" }"));
    assert_true(is_same("{\"name\":\"t\",\"inputSchema\":{}}",
                        "{\"name\":\"t\",\"inputSchema\":{},\"_meta\":{},\"icons\":[{}]}"));
}

static void whatever_a_client_or_model_reads_changes_the_hash(void **state)
{
    (void)state;
    static const char base[] = "{\"name\":\"t\",\"title\":\"T\",\"description\":\"d\","
                               "\"inputSchema\":{\"a\":[1,2]},\"annotations\":{\"r\":true}}";
    static const char *const changed[] = {
        "{\"name\":\"u\",\"title\":\"T\",\"description\":\"d\",\"inputSchema\":{\"a\":[1,2]},"
        "\"annotations\":{\"r\":true}}",
        "{\"name\":\"t\",\"title\":\"T \",\"description\":\"d\",\"inputSchema\":{\"a\":[1,2]},"
        "\"annotations\":{\"r\":true}}",
        "{\"name\":\"t\",\"title\":\"T\",\"description\":\"d\\u200b\",\"inputSchema\":{\"a\":[1,2]}"
        ","
        "\"annotations\":{\"r\":true}}",
        "{\"name\":\"t\",\"title\":\"T\",\"description\":\"d\",\"inputSchema\":{\"a\":[2,1]},"
        "\"annotations\":{\"r\":true}}",
        "{\"name\":\"t\",\"title\":\"T\",\"description\":\"d\",\"inputSchema\":{\"a\":[1,2]},"
        "\"annotations\":{\"r\":false}}",
        "{\"name\":\"t\",\"title\":\"T\",\"description\":\"d\",\"inputSchema\":{\"a\":[1,2]}}",
        "{\"name\":\"t\",\"title\":\"T\",\"description\":\"d\",\"inputSchema\":{\"a\":[1,2]},"
        "\"annotations\":{\"r\":true},\"outputSchema\":{}}",
        "{\"name\":\"t\",\"title\":\"T\",\"description\":\"d\",\"inputSchema\":{\"a\":[1,2.0]},"
        "\"annotations\":{\"r\":true}}",
    };
    for (size_t i = 0; i < ARRAY_LEN(changed); i++)
        assert_false(is_same(base, changed[i]));
}

static void what_is_no_tool_is_refused(void **state)
{
    (void)state;
    assert_refused("[]", "no JSON object");
    assert_refused("\"t\"", "no JSON object");
    assert_refused("{\"inputSchema\":{}}", "name is not a string");
    assert_refused("{\"name\":1,\"inputSchema\":{}}", "name is not a string");
    assert_refused("{\"name\":null,\"inputSchema\":{}}", "name is not a string");
    assert_refused("{\"name\":\"t\"}", "inputSchema is not an object");
    assert_refused("{\"name\":\"t\",\"inputSchema\":[]}", "inputSchema is not an object");
    assert_refused("{\"name\":\"t\",\"inputSchema\":{},\"title\":1}", "title is not a string");
    assert_refused("{\"name\":\"t\",\"inputSchema\":{},\"annotations\":[]}",
                   "annotations is not an object");
    assert_refused("{\"name\":\"\",\"inputSchema\":{}}", "0 bytes");
    assert_refused("{\"name\":\"a\\nb\",\"inputSchema\":{}}", "control character");
    assert_refused("{\"name\":\"a\\ud83d\",\"inputSchema\":{}}", "no whole Unicode text");
}

static void a_cut_emoji_in_a_description_is_kept_apart_from_its_replacement(void **state)
{
    (void)state;
    assert_false(is_same("{\"name\":\"t\",\"inputSchema\":{},\"description\":\"\\ud83d\"}",
                         "{\"name\":\"t\",\"inputSchema\":{},\"description\":\"\\ufffd\"}"));
}

static void a_full_arena_is_a_limit_not_a_crash(void **state)
{
    (void)state;
    static const char text[] = "{\"name\":\"t\\u0061\",\"title\":\"\\u0061\",\"description\":\"d\","
                               "\"inputSchema\":{\"b\":1,\"\\u0061\":{}}}";
    struct err err;
    struct json_doc doc;
    struct arena *arena = arena_new(65536);
    assert_ok(json_parse(str_c(text), &json_limits_default, arena, &doc, &err), err);
    bool has_fit = false;
    for (size_t room = 0; room < 2048 && !has_fit; room += 8) {
        struct arena *small = arena_new(room);
        struct definition definition;
        has_fit = definition_read(&doc, 0, small, &definition, &err) == ERR_OK;
        arena_free(small);
    }
    assert_true(has_fit);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_canonical_form_holds_the_pinned_members_sorted),
        cmocka_unit_test(the_hash_is_that_of_the_canonical_form),
        cmocka_unit_test(spelling_does_not_change_the_hash),
        cmocka_unit_test(whatever_a_client_or_model_reads_changes_the_hash),
        cmocka_unit_test(what_is_no_tool_is_refused),
        cmocka_unit_test(a_cut_emoji_in_a_description_is_kept_apart_from_its_replacement),
        cmocka_unit_test(a_full_arena_is_a_limit_not_a_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
