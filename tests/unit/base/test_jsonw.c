#include "unit.h"

#include "base/arena.h"
#include "base/json.h"
#include "base/jsonw.h"

static void commas_and_colons_come_by_themselves(void **state)
{
    (void)state;
    struct buf out;
    struct jsonw w;
    buf_init(&out, 1000);
    jsonw_init(&w, &out);
    jsonw_object(&w);
    jsonw_name_str(&w, "a", STR("x"));
    jsonw_name_i64(&w, "b", -5);
    jsonw_name(&w, "c");
    jsonw_array(&w);
    jsonw_null(&w);
    jsonw_array(&w);
    jsonw_end_array(&w);
    jsonw_object(&w);
    jsonw_end_object(&w);
    jsonw_raw(&w, STR("1.50"));
    jsonw_end_array(&w);
    jsonw_name_bool(&w, "d", true);
    jsonw_name(&w, "e");
    jsonw_bool(&w, false);
    jsonw_end_object(&w);
    assert_str(buf_str(&out),
               "{\"a\":\"x\",\"b\":-5,\"c\":[null,[],{},1.50],\"d\":true,\"e\":false}");
    buf_done(&out);
}

static void a_value_alone_needs_no_container(void **state)
{
    (void)state;
    struct buf out;
    struct jsonw w;
    buf_init(&out, 1000);
    jsonw_init(&w, &out);
    jsonw_i64(&w, INT64_MIN);
    assert_str(buf_str(&out), "-9223372036854775808");
    buf_done(&out);
}

static void strings_are_escaped_and_mended(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        const char *json;
        const char *bytes;
    } rows[] = {
        {STR_INIT(""), "\"\"", "\"\""},
        {STR_INIT("\"\\/"), "\"\\\"\\\\/\"", "\"\\\"\\\\/\""},
        {STR_INIT("\b\t\n\v\f\r"), "\"\\b\\t\\n\\u000b\\f\\r\"", "\"\\b\\t\\n\\u000b\\f\\r\""},
        {STR_INIT("\0\x1f\x7f"), "\"\\u0000\\u001f\x7f\"", "\"\\u0000\\u001f\x7f\""},
        {STR_INIT("\xc3\xa4"), "\"\xc3\xa4\"", "\"\\u00c3\\u00a4\""},
        {STR_INIT("\xf0\x9f\x98\x80"), "\"\xf0\x9f\x98\x80\"", "\"\\u00f0\\u009f\\u0098\\u0080\""},
        {STR_INIT("a\xff z"), "\"a\xef\xbf\xbd z\"", "\"a\\u00ff z\""},
        {STR_INIT("\xe2\x82"), "\"\xef\xbf\xbd\xef\xbf\xbd\"", "\"\\u00e2\\u0082\""},
        {STR_INIT("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"",
         "\"\\u00ed\\u00a0\\u0080\""},
        {STR_INIT("more than sixteen bytes\nand more"), "\"more than sixteen bytes\\nand more\"",
         "\"more than sixteen bytes\\nand more\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out;
        struct jsonw w;
        buf_init(&out, 1000);
        jsonw_init(&w, &out);
        jsonw_str(&w, rows[i].text);
        assert_str(buf_str(&out), rows[i].json);
        buf_clear(&out);
        jsonw_quote(&out, rows[i].text);
        assert_str(buf_str(&out), rows[i].json);
        buf_clear(&out);
        jsonw_init(&w, &out);
        jsonw_bytes(&w, rows[i].text);
        assert_str(buf_str(&out), rows[i].bytes);
        buf_done(&out);
    }
}

static void an_empty_view_without_a_pointer_is_an_empty_string(void **state)
{
    (void)state;
    struct buf out;
    struct jsonw w;
    buf_init(&out, 1000);
    jsonw_init(&w, &out);
    jsonw_array(&w);
    jsonw_str(&w, STR_NONE);
    jsonw_bytes(&w, STR_NONE);
    jsonw_end_array(&w);
    assert_str(buf_str(&out), "[\"\",\"\"]");
    buf_done(&out);
}

static void whatever_bytes_are_written_the_strict_parser_reads_them_back(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 100000);
    for (unsigned first = 0; first < 256; first++) {
        for (unsigned second = 0; second < 256; second++) {
            const char bytes[] = {'x', (char)first, (char)second, 'y'};
            struct str text;
            struct err err;
            struct json_doc doc;
            struct jsonw w;
            CLEANUP(arena_freep) struct arena *arena = arena_new(100000);
            buf_clear(&out);
            jsonw_init(&w, &out);
            jsonw_array(&w);
            jsonw_str(&w, str_of(bytes, sizeof bytes));
            jsonw_bytes(&w, str_of(bytes, sizeof bytes));
            jsonw_end_array(&w);
            assert_ok(json_parse(buf_str(&out), &json_limits_default, arena, &doc, &err), err);
            assert_true(json_str(&doc, 1, arena, &text));
            if (str_is_utf8(str_of(bytes, sizeof bytes)))
                assert_true(str_eq(text, str_of(bytes, sizeof bytes)));
        }
    }
    buf_done(&out);
}

static void failure_shows_in_the_buf(void **state)
{
    (void)state;
    struct buf out;
    struct jsonw w;
    buf_init(&out, 5);
    jsonw_init(&w, &out);
    jsonw_array(&w);
    jsonw_str(&w, STR("abcdef"));
    jsonw_end_array(&w);
    assert_true(out.failed);
    buf_done(&out);
}

static void containers_nest_as_deep_as_promised(void **state)
{
    (void)state;
    struct buf out;
    struct jsonw w;
    buf_init(&out, 1000);
    jsonw_init(&w, &out);
    for (int i = 0; i < JSONW_MAX_DEPTH; i++)
        jsonw_array(&w);
    jsonw_i64(&w, 1);
    jsonw_i64(&w, 2);
    for (int i = 0; i < JSONW_MAX_DEPTH; i++)
        jsonw_end_array(&w);
    assert_int_equal(out.len, 2 * JSONW_MAX_DEPTH + 3);
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commas_and_colons_come_by_themselves),
        cmocka_unit_test(a_value_alone_needs_no_container),
        cmocka_unit_test(strings_are_escaped_and_mended),
        cmocka_unit_test(an_empty_view_without_a_pointer_is_an_empty_string),
        cmocka_unit_test(whatever_bytes_are_written_the_strict_parser_reads_them_back),
        cmocka_unit_test(failure_shows_in_the_buf),
        cmocka_unit_test(containers_nest_as_deep_as_promised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
