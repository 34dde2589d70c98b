#include "catalog/canonical.h"

#include "unit.h"

static void assert_canonical(const char *source, const char *canonical)
{
    struct err err;
    struct json_doc doc;
    struct buf out;
    struct json_limits limits = json_limits_default;
    limits.profile = JSON_RESULT;
    struct arena *arena = arena_new((size_t)1 << 20);
    buf_init(&out, 65536);
    assert_ok(json_parse(str_c(source), &limits, arena, &doc, &err), err);
    assert_ok(canonical_write(&doc, 0, arena, &out, &err), err);
    assert_str(buf_str(&out), canonical);

    /* What is canonical already stays as it is. */
    struct arena *again = arena_new((size_t)1 << 20);
    struct buf twice;
    buf_init(&twice, 65536);
    assert_ok(json_parse(buf_str(&out), &limits, again, &doc, &err), err);
    assert_ok(canonical_write(&doc, 0, again, &twice, &err), err);
    assert_str(buf_str(&twice), canonical);
    buf_done(&twice);
    buf_done(&out);
    arena_free(again);
    arena_free(arena);
}

static void names_are_sorted_and_whitespace_goes(void **state)
{
    (void)state;
    assert_canonical(" { \"b\" : 1 , \"a\" : [ 1 , { } , [ ] ] } ", "{\"a\":[1,{},[]],\"b\":1}");
    assert_canonical("{\"z\":{\"y\":0,\"x\":0},\"B\":1,\"a\":2,\"\":3}",
                     "{\"\":3,\"B\":1,\"a\":2,\"z\":{\"x\":0,\"y\":0}}");
}

static void arrays_keep_their_order(void **state)
{
    (void)state;
    assert_canonical("[3, 1, 2, \"b\", \"a\", true, false, null]",
                     "[3,1,2,\"b\",\"a\",true,false,null]");
}

static void numbers_stay_as_they_were_written(void **state)
{
    (void)state;
    assert_canonical("[1.0, 1, 1e2, 1E+2, -0, 100000000000000000000000001]",
                     "[1.0,1,1e2,1E+2,-0,100000000000000000000000001]");
}

static void a_string_has_one_spelling(void **state)
{
    (void)state;
    assert_canonical("\"\\u0041\\/\\u00e9\\u20ac\\ud83d\\ude00\"",
                     "\"A/\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"");
    assert_canonical("\"\\n\\t\\b\\f\\r\\u001F\\u007f\"",
                     "\"\\u000a\\u0009\\u0008\\u000c\\u000d\\u001f\x7f\"");
    assert_canonical("\"\\\"\\\\\\u0022\\u005c\"", "\"\\\"\\\\\\\"\\\\\"");
    assert_canonical("{\"\\u0062\":1,\"a\":2}", "{\"a\":2,\"b\":1}");
}

static void a_lone_surrogate_is_kept_in_lower_case(void **state)
{
    (void)state;
    assert_canonical("\"cut \\uD83D\"", "\"cut \\ud83d\"");
    assert_canonical("[\"\\uDE00\\uD83D\", \"\\uD83DA\"]", "[\"\\ude00\\ud83d\",\"\\ud83dA\"]");
}

static void what_nests_too_deep_is_a_limit(void **state)
{
    (void)state;
    char text[2 * CANONICAL_MAX_DEPTH + 2];
    struct json_limits limits = json_limits_default;
    limits.max_depth = 200;
    for (size_t depth = CANONICAL_MAX_DEPTH - 1; depth <= CANONICAL_MAX_DEPTH + 1; depth++) {
        struct err err;
        struct json_doc doc;
        struct buf out;
        struct arena *arena = arena_new((size_t)1 << 20);
        buf_init(&out, 65536);
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        assert_ok(json_parse(str_of(text, 2 * depth), &limits, arena, &doc, &err), err);
        enum err_code want = depth <= CANONICAL_MAX_DEPTH ? ERR_OK : ERR_LIMIT;
        assert_int_equal(canonical_write(&doc, 0, arena, &out, &err), want);
        buf_done(&out);
        arena_free(arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_sorted_and_whitespace_goes),
        cmocka_unit_test(arrays_keep_their_order),
        cmocka_unit_test(numbers_stay_as_they_were_written),
        cmocka_unit_test(a_string_has_one_spelling),
        cmocka_unit_test(a_lone_surrogate_is_kept_in_lower_case),
        cmocka_unit_test(what_nests_too_deep_is_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
