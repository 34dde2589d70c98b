#include "admin/reply.h"

#include "unit.h"

static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new((size_t)4 << 20);
    return arena == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static struct api_request with_query(const char *query)
{
    return (struct api_request){.query = str_c(query), .arena = arena};
}

static struct api_request with_body(const char *body)
{
    return (struct api_request){.body = str_c(body), .arena = arena};
}

static void a_query_is_decoded(void **state)
{
    (void)state;
    const struct api_request request = with_query("a=1&tool=get%2Dthing+x%C3%A9&empty=&flag");
    struct str value = STR_NONE;
    struct err err;

    assert_ok(query_get(&request, "tool", &value, &err), err);
    assert_str(value, "get-thing x\xc3\xa9");
    assert_ok(query_get(&request, "a", &value, &err), err);
    assert_str(value, "1");
    assert_ok(query_get(&request, "empty", &value, &err), err);
    assert_int_equal(value.len, 0);
    assert_ok(query_get(&request, "flag", &value, &err), err);
    assert_int_equal(value.len, 0);
    assert_int_equal(query_get(&request, "too", &value, &err), ERR_NOT_FOUND);
}

static void a_parameter_twice_or_half_encoded_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"a=1&a=1", "a=%", "a=%4", "a=%zz", "a=x%e"};
    struct str value = STR("untouched");
    struct err err;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        const struct api_request request = with_query(bad[i]);
        struct str got = value;

        assert_int_equal(query_get(&request, "a", &got, &err), ERR_INVALID);
        assert_non_null(strstr(err.text, "'a'"));
    }
}

static void a_misspelt_parameter_does_not_read_as_none(void **state)
{
    (void)state;
    static const char *const names[] = {"since", "until", NULL};
    struct err err;
    struct api_request request = with_query("since=1h&until=2h");

    assert_ok(query_check(&request, names, &err), err);
    request = with_query("");
    assert_ok(query_check(&request, names, &err), err);
    request = with_query("since=1h&utnil=2h");
    assert_int_equal(query_check(&request, names, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "utnil"));
    request = with_query("Since=1h");
    assert_int_equal(query_check(&request, names, &err), ERR_INVALID);
}

static void a_boolean_is_one_of_four_words(void **state)
{
    (void)state;
    static const struct {
        const char *query;
        enum err_code code;
        bool value;
    } rows[] = {
        {"", ERR_OK, false},
        {"x=true", ERR_OK, true},
        {"x=1", ERR_OK, true},
        {"x=false", ERR_OK, false},
        {"x=0", ERR_OK, false},
        {"x=yes", ERR_INVALID, false},
        {"x=TRUE", ERR_INVALID, false},
        {"x", ERR_INVALID, false},
    };
    struct err err;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct api_request request = with_query(rows[i].query);
        bool value = false;

        assert_int_equal(query_bool(&request, "x", &value, &err), rows[i].code);
        assert_int_equal(value, rows[i].value);
    }
}

static void a_body_is_a_strict_object_of_known_members(void **state)
{
    (void)state;
    static const char *const names[] = {"name", "owner", NULL};
    static const char *const bad[] = {"",
                                      "[]",
                                      "\"name\"",
                                      "{\"name\":\"a\",\"name\":\"b\"}",
                                      "{\"title\":\"a\"}",
                                      "{\"name\":\"a\"} x",
                                      "{\"name\":\"a\",}",
                                      "{'name':1}"};
    struct json_doc doc;
    struct err err;
    struct str value = STR_NONE;
    struct api_request request = with_body("{\"name\":\"b\\u006ft\"}");

    assert_ok(body_object(&request, names, &doc, &err), err);
    assert_ok(body_str(&request, &doc, "name", &value, &err), err);
    assert_str(value, "bot");
    value = STR("untouched");
    assert_ok(body_str(&request, &doc, "owner", &value, &err), err);
    assert_str(value, "untouched");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        request = with_body(bad[i]);
        assert_int_equal(body_object(&request, names, &doc, &err), ERR_INVALID);
    }
    request = with_body("{\"name\":1}");
    assert_ok(body_object(&request, names, &doc, &err), err);
    assert_int_equal(body_str(&request, &doc, "name", &value, &err), ERR_INVALID);
}

static void an_error_replaces_what_was_written(void **state)
{
    (void)state;
    struct api_reply reply = {.status = 200};
    struct err err;

    buf_init(&reply.body, 4096);
    buf_add_c(&reply.body, "{\"half\":");
    (void)err_set(&err, ERR_NOT_FOUND, "no \"such\" thing\n");
    reply_err(&reply, &err);
    assert_int_equal(reply.status, 404);
    assert_str(buf_str(&reply.body),
               "{\"error\":{\"code\":\"not_found\",\"message\":\"no \\\"such\\\" thing\\n\"}}");
    buf_done(&reply.body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_query_is_decoded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_parameter_twice_or_half_encoded_is_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_misspelt_parameter_does_not_read_as_none, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_boolean_is_one_of_four_words, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_body_is_a_strict_object_of_known_members, set_up,
                                        tear_down),
        cmocka_unit_test(an_error_replaces_what_was_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
