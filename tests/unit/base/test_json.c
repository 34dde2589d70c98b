#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/json.h"

enum { ARENA_BYTES = 8 * 1024 * 1024 };

struct fixture {
    struct arena *arena;
    struct json_doc doc;
    struct err err;
    char *copy; /* of the text, exactly as long, so that a read past it is seen */
};

static void done(struct fixture *f)
{
    arena_free(f->arena);
    free(f->copy);
}

static enum err_code parse_with(struct fixture *f, struct str text,
                                const struct json_limits *limits)
{
    free(f->copy);
    arena_free(f->arena);
    f->arena = arena_new(ARENA_BYTES);
    f->copy = malloc(text.len == 0 ? 1 : text.len);
    assert_non_null(f->arena);
    assert_non_null(f->copy);
    if (text.len > 0)
        memcpy(f->copy, text.ptr, text.len);
    f->err = (struct err){.text = ""};
    return json_parse(str_of(f->copy, text.len), limits, f->arena, &f->doc, &f->err);
}

static enum err_code parse(struct fixture *f, struct str text)
{
    return parse_with(f, text, &json_limits_default);
}

static void assert_parses(struct fixture *f, struct str text)
{
    if (parse(f, text) != ERR_OK)
        fail_msg(STR_FMT ": %s", STR_ARG(text), f->err.text);
}

static const struct json_limits lax = {
    .max_bytes = 1024 * 1024,
    .max_depth = 64,
    .max_values = 65536,
    .max_members = 4096,
    .profile = JSON_RESULT,
};

static void values_stand_in_document_order_with_their_source_bytes(void **state)
{
    (void)state;
    CLEANUP(done) struct fixture f = {0};
    assert_parses(&f, STR(" {\"a\" : [1, true ,null],\t\"b\":{}, \"c\":\"x\\ny\"}\r\n"));
    static const struct {
        enum json_type type;
        const char *raw;
        uint32_t next;
        uint32_t count;
    } want[] = {
        {JSON_OBJECT, "{\"a\" : [1, true ,null],\t\"b\":{}, \"c\":\"x\\ny\"}", 10, 3},
        {JSON_STRING, "\"a\"", 2, 0},
        {JSON_ARRAY, "[1, true ,null]", 6, 3},
        {JSON_NUMBER, "1", 4, 0},
        {JSON_TRUE, "true", 5, 0},
        {JSON_NULL, "null", 6, 0},
        {JSON_STRING, "\"b\"", 7, 0},
        {JSON_OBJECT, "{}", 8, 0},
        {JSON_STRING, "\"c\"", 9, 0},
        {JSON_STRING, "\"x\\ny\"", 10, 1},
    };
    assert_int_equal(f.doc.count, ARRAY_LEN(want));
    for (json_pos i = 0; i < f.doc.count; i++) {
        assert_int_equal(json_type(&f.doc, i), want[i].type);
        assert_str(json_raw(&f.doc, i), want[i].raw);
        assert_int_equal(f.doc.values[i].next, want[i].next);
        assert_int_equal(f.doc.values[i].count, want[i].count);
    }
}

static void a_container_is_walked_from_first_to_none(void **state)
{
    (void)state;
    CLEANUP(done) struct fixture f = {0};
    assert_parses(&f, STR("[[1,[2]],{\"k\":[3]},4]"));
    json_pos first = json_first(&f.doc, 0);
    assert_str(json_raw(&f.doc, first), "[1,[2]]");
    json_pos second = json_next(&f.doc, 0, first);
    assert_str(json_raw(&f.doc, second), "{\"k\":[3]}");
    json_pos third = json_next(&f.doc, 0, second);
    assert_str(json_raw(&f.doc, third), "4");
    assert_int_equal(json_next(&f.doc, 0, third), JSON_NONE);
    json_pos inner = json_next(&f.doc, first, json_first(&f.doc, first));
    assert_str(json_raw(&f.doc, inner), "[2]");
    assert_int_equal(json_next(&f.doc, first, inner), JSON_NONE);
    assert_int_equal(json_first(&f.doc, third), JSON_NONE);
    assert_int_equal(json_first(&f.doc, JSON_NONE), JSON_NONE);
    assert_parses(&f, STR("[]"));
    assert_int_equal(json_first(&f.doc, 0), JSON_NONE);
}

static void a_member_is_found_by_its_unescaped_name(void **state)
{
    (void)state;
    CLEANUP(done) struct fixture f = {0};
    assert_parses(&f, STR("{\"deep\":{\"id\":0},\"i\\u0064\":7,\"\":8,\"\\ud83d\\ude00\":9}"));
    assert_str(json_raw(&f.doc, json_get(&f.doc, 0, STR("id"))), "7");
    assert_str(json_raw(&f.doc, json_get(&f.doc, 0, STR(""))), "8");
    assert_str(json_raw(&f.doc, json_get(&f.doc, 0, STR("\xf0\x9f\x98\x80"))), "9");
    assert_int_equal(json_get(&f.doc, 0, STR("i\\u0064")), JSON_NONE);
    assert_int_equal(json_get(&f.doc, 0, STR("I")), JSON_NONE);
    json_pos deep = json_get(&f.doc, 0, STR("deep"));
    assert_str(json_raw(&f.doc, json_get(&f.doc, deep, STR("id"))), "0");
    assert_int_equal(json_get(&f.doc, JSON_NONE, STR("id")), JSON_NONE);
    assert_int_equal(json_get(&f.doc, json_get(&f.doc, 0, STR("id")), STR("id")), JSON_NONE);
}

static void strings_are_unescaped_only_when_they_must(void **state)
{
    (void)state;
    CLEANUP(done) struct fixture f = {0};
    static const struct {
        const char *json;
        struct str text;
    } rows[] = {
        {"\"plain \xc3\xa4\"", STR_INIT("plain \xc3\xa4")},
        {"\"\"", STR_INIT("")},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", STR_INIT("\"\\/\b\f\n\r\t")},
        {"\"\\u0041\\u00e4\\u20ac\\uD83D\\uDE00\"",
         STR_INIT("A\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80")},
        {"\"\\u0000x\"", STR_INIT("\0x")},
        {"\"sixteen bytes or more before the \\n and then some more behind it\"",
         STR_INIT("sixteen bytes or more before the \n and then some more behind it")},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str text = STR_NONE;
        assert_parses(&f, str_c(rows[i].json));
        assert_true(json_str(&f.doc, 0, f.arena, &text));
        assert_true(str_eq(text, rows[i].text));
        assert_true(json_str_is(&f.doc, 0, rows[i].text));
        assert_false(json_str_is(&f.doc, 0, STR("other")));
        bool is_view = text.ptr > f.copy && text.ptr <= f.copy + strlen(rows[i].json);
        assert_int_equal(is_view, strchr(rows[i].json, '\\') == NULL);
    }
    struct str text;
    assert_parses(&f, STR("1"));
    assert_false(json_str(&f.doc, 0, f.arena, &text));
    assert_false(json_str(&f.doc, JSON_NONE, f.arena, &text));
    assert_false(json_str_is(&f.doc, JSON_NONE, STR("")));
}

static void a_full_arena_is_a_limit_not_a_crash(void **state)
{
    (void)state;
    static const struct str text = STR_INIT("[{\"\\u0061\":1,\"b\":[\"\\n\"]},2]");
    enum err_code code = ERR_LIMIT;
    for (size_t room = 0; code != ERR_OK; room++) {
        struct arena *arena = arena_new(room);
        struct json_doc doc;
        struct err err;
        code = json_parse(text, &json_limits_default, arena, &doc, &err);
        assert_true(code == ERR_LIMIT || code == ERR_OK);
        arena_free(arena);
        assert_true(room < 10000);
    }
}

static void texts_that_two_parsers_could_read_differently_are_refused(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        const char *says;
    } rows[] = {
        {STR_INIT("{\"a\":1,\"a\":2}"), "byte 7: this name stands in its object twice"},
        {STR_INIT("[{\"b\":{\"a\":1,\"\\u0061\":2}}]"), "twice"},
        {STR_INIT("{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}"), "twice"},
        {STR_INIT("{\"\":1,\"\":1}"), "twice"},
        {STR_INIT("{\"a\\u0000b\":1}"), "byte 3: NUL in a name"},
        {STR_INIT("{\"a\":1}{}"), "byte 7: something follows the value"},
        {STR_INIT("1 2"), "something follows"},
        {STR_INIT("1\0"), "something follows"},
        {STR_INIT("\xef\xbb\xbf{}"), "byte 0: no value starts like this"},
        {STR_INIT("\"\\ud800\""), "byte 1: a lone surrogate"},
        {STR_INIT("\"\\udc00\\ud800\""), "lone surrogate"},
        {STR_INIT("\"\\ud800\\u0041\""), "lone surrogate"},
        {STR_INIT("\"\\ud800\\ud800\\udc00\""), "lone surrogate"},
        {STR_INIT("\"\\ud800\\udc0\""), "lone surrogate"},
        {STR_INIT("\"\xed\xa0\x80\""), "byte 1: invalid UTF-8"},
        {STR_INIT("\"\xc0\x80\""), "invalid UTF-8"},
        {STR_INIT("\"\xe0\x9f\xbf\""), "invalid UTF-8"},
        {STR_INIT("\"\xf0\x8f\xbf\xbf\""), "invalid UTF-8"},
        {STR_INIT("\"\xf4\x90\x80\x80\""), "invalid UTF-8"},
        {STR_INIT("\"\xf5\x80\x80\x80\""), "invalid UTF-8"},
        {STR_INIT("\"\xe2\x82"), "invalid UTF-8"},
        {STR_INIT("\"\xff\""), "invalid UTF-8"},
        {STR_INIT("\"\0\""), "control character"},
        {STR_INIT("\"a\nb\""), "control character"},
        {STR_INIT("\"0123456789abcdef\x1f\""), "byte 17: a control character"},
        {STR_INIT("// x\n1"), "no value starts"},
        {STR_INIT("[1,]"), "no value starts"},
        {STR_INIT("{\"a\":1,}"), "a name in quotes"},
        {STR_INIT("{a:1}"), "a name in quotes"},
        {STR_INIT("{'a':1}"), "a name in quotes"},
        {STR_INIT("[1}"), "a comma or a closing bracket"},
        {STR_INIT("{\"a\" 1}"), "a colon"},
        {STR_INIT("[1 2]"), "a comma"},
        {STR_INIT("]"), "no value starts"},
        {STR_INIT("NaN"), "no value starts"},
        {STR_INIT("nul"), "no value starts"},
        {STR_INIT("True"), "no value starts"},
        {STR_INIT("+1"), "no value starts"},
        {STR_INIT(".5"), "no value starts"},
        {STR_INIT("01"), "starts with zero"},
        {STR_INIT("-01"), "starts with zero"},
        {STR_INIT("-"), "a minus sign needs a digit"},
        {STR_INIT("1."), "a digit must follow"},
        {STR_INIT("1e"), "an exponent needs a digit"},
        {STR_INIT("1e+"), "an exponent needs a digit"},
        {STR_INIT("0x10"), "something follows"},
        {STR_INIT("\"\\x41\""), "no such escape"},
        {STR_INIT("\"\\'\""), "no such escape"},
        {STR_INIT("\"\\\0\""), "no such escape"},
        {STR_INIT("\"\\u00g0\""), "four hexadecimal digits"},
        {STR_INIT("\"\\u00"), "four hexadecimal digits"},
        {STR_INIT("\"\\"), "no such escape"},
        {STR_INIT("\"abc"), "the text ends inside a string"},
        {STR_INIT("\f1"), "no value starts"},
        {STR_INIT("\xc2\xa0"
                  "1"),
         "no value starts"},
        {STR_INIT(""), "the text is empty"},
        {STR_INIT("  "), "the text ends"},
        {STR_INIT("["), "the text ends"},
        {STR_INIT("{\"a\":"), "the text ends"},
        {STR_INIT("[1"), "the text ends inside a container"},
    };
    CLEANUP(done) struct fixture f = {0};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (parse(&f, rows[i].text) != ERR_INVALID)
            fail_msg("row %zu is not refused as invalid: %s", i, f.err.text);
        if (strstr(f.err.text, rows[i].says) == NULL)
            fail_msg("row %zu says '%s', not '%s'", i, f.err.text, rows[i].says);
    }
}

static void a_lone_surrogate_passes_in_values_of_results_alone(void **state)
{
    (void)state;
    CLEANUP(done) struct fixture f = {0};
    struct str text;
    assert_ok(parse_with(&f, STR("[\"cut \\ud83d\",\"\\udc00\\ud800\\ud83d\\ude00\"]"), &lax),
              f.err);
    assert_true(json_str(&f.doc, 1, f.arena, &text));
    assert_str(text, "cut \xef\xbf\xbd");
    assert_str(json_raw(&f.doc, 1), "\"cut \\ud83d\"");
    assert_true(json_str(&f.doc, 2, f.arena, &text));
    assert_str(text, "\xef\xbf\xbd\xef\xbf\xbd\xf0\x9f\x98\x80");
    assert_int_equal(parse_with(&f, STR("{\"\\ud83d\":1}"), &lax), ERR_INVALID);
    assert_int_equal(parse_with(&f, STR("\"\xed\xa0\x80\""), &lax), ERR_INVALID);
    assert_int_equal(parse_with(&f, STR("{\"a\":1,\"a\":1}"), &lax), ERR_INVALID);
}

/* open repeated count times, then middle, then close as often. */
static struct str nested(struct arena *arena, size_t count, const char *open, const char *middle,
                         const char *close)
{
    struct str parts[] = {str_c(open), str_c(middle), str_c(close)};
    char *text = arena_alloc(arena, count * (parts[0].len + parts[2].len) + parts[1].len);
    assert_non_null(text);
    size_t len = 0;
    for (size_t i = 0; i < 2 * count + 1; i++) {
        struct str part = parts[i < count ? 0 : i == count ? 1 : 2];
        memcpy(text + len, part.ptr, part.len);
        len += part.len;
    }
    return str_of(text, len);
}

static void every_limit_is_named_and_reached_exactly(void **state)
{
    (void)state;
    CLEANUP(done) struct fixture f = {0};
    CLEANUP(arena_freep) struct arena *arena = arena_new(ARENA_BYTES);
    assert_parses(&f, nested(arena, 64, "[", "", "]"));
    assert_parses(&f, nested(arena, 64, "{\"a\":", "1", "}"));
    assert_int_equal(parse(&f, nested(arena, 65, "[", "", "]")), ERR_LIMIT);
    assert_string_equal(f.err.text, "byte 64: more than 64 levels of depth");
    assert_int_equal(parse(&f, nested(arena, 200000, "[", "", "]")), ERR_LIMIT);

    struct json_limits small = {.max_bytes = 20, .max_depth = 2, .max_values = 4, .max_members = 1};
    assert_ok(parse_with(&f, STR("[1,2,3]             "), &small), f.err);
    assert_int_equal(parse_with(&f, STR("[1,2,3]              "), &small), ERR_LIMIT);
    assert_string_equal(f.err.text, "more than 20 bytes of JSON");
    assert_int_equal(parse_with(&f, STR("[1,2,3,4]"), &small), ERR_LIMIT);
    assert_string_equal(f.err.text, "byte 7: more than 4 values");
    assert_ok(parse_with(&f, STR("[\",,,,,,,,,,,,,,,\"]"), &small), f.err);
    assert_int_equal(parse_with(&f, STR("{\"a\":1,\"b\":2}"), &small), ERR_LIMIT);
    assert_string_equal(f.err.text, "byte 7: more than 1 members in an object");

    assert_parses(&f, nested(arena, 500, "1", "", "2"));
    assert_parses(&f, nested(arena, 499, "1", ".", "2"));
    assert_int_equal(parse(&f, nested(arena, 500, "1", "0", "2")), ERR_LIMIT);
    assert_string_equal(f.err.text, "byte 0: more than 1000 bytes in a number");
}

static void duplicates_are_found_in_objects_of_every_size(void **state)
{
    (void)state;
    CLEANUP(done) struct fixture f = {0};
    static const unsigned sizes[] = {2, 15, 16, 17, 32, 33, 100, 4096};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct buf text;
        buf_init(&text, 1024 * 1024);
        for (unsigned n = 0; n < sizes[i]; n++)
            buf_printf(&text, "%c\"k%04u\":{\"k\":%u}", n == 0 ? '{' : ',', n, n);
        buf_add_byte(&text, '}');
        assert_parses(&f, buf_str(&text));
        for (unsigned n = 1; n < sizes[i]; n += 1 + sizes[i] / 7) {
            char digit[16];
            snprintf(digit, sizeof digit, "%04u", n);
            char *at = strstr(text.ptr, digit);
            assert_non_null(at);
            memcpy(at, "0000", 4);
            assert_int_equal(parse(&f, buf_str(&text)), ERR_INVALID);
            assert_int_equal(strtoul(f.err.text + 5, NULL, 10), at - text.ptr - 2);
            memcpy(at, digit, 4);
        }
        buf_done(&text);
    }
}

static void an_integer_is_read_when_it_fits(void **state)
{
    (void)state;
    CLEANUP(done) struct fixture f = {0};
    static const struct {
        const char *json;
        bool is_read;
        int64_t value;
    } rows[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"-7", true, -7},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"18446744073709551616", false, 0},
        {"99999999999999999999999", false, 0},
        {"1.0", false, 0},
        {"1e2", false, 0},
        {"\"1\"", false, 0},
        {"true", false, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t value = 5;
        assert_parses(&f, str_c(rows[i].json));
        assert_int_equal(json_i64(&f.doc, 0, &value), rows[i].is_read);
        assert_true(value == (rows[i].is_read ? rows[i].value : 5));
    }
    int64_t value;
    assert_false(json_i64(&f.doc, JSON_NONE, &value));
}

static void a_truth_value_is_read_from_true_and_false_alone(void **state)
{
    (void)state;
    CLEANUP(done) struct fixture f = {0};
    bool value = false;
    assert_parses(&f, STR("[true,false,null,1,\"true\"]"));
    assert_true(json_bool(&f.doc, 1, &value) && value);
    assert_true(json_bool(&f.doc, 2, &value) && !value);
    for (json_pos pos = 3; pos < 6; pos++)
        assert_false(json_bool(&f.doc, pos, &value));
    assert_false(json_bool(&f.doc, JSON_NONE, &value));
}

static void names_that_lax_readers_take_for_another_are_variants(void **state)
{
    (void)state;
    CLEANUP(done) struct fixture f = {0};
    static const struct {
        const char *json;
        const char *name;
        bool is_variant;
    } rows[] = {
        {"\"Method\"", "method", true},
        {"\"METHOD\"", "method", true},
        {"\"\\u004dethod\"", "method", true},
        {"\"method\"", "method", false},
        {"\"\\u006dethod\"", "method", false},
        {"\"param\xc5\xbf\"", "params", true},
        {"\"param\\u017f\"", "params", true},
        {"\"to\xe2\x84\xaa"
         "en\"",
         "token", true},
        {"\"to\\u212Aen\"", "token", true},
        {"\"methods\"", "method", false},
        {"\"metho\"", "method", false},
        {"\"\"", "method", false},
        {"\"progresstoken\"", "progressToken", true},
        {"\"progressToken\"", "progressToken", false},
        {"\"m\xc3\xa9thod\"", "method", false},
        {"12", "method", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_parses(&f, str_c(rows[i].json));
        if (json_is_variant(&f.doc, 0, str_c(rows[i].name)) != rows[i].is_variant)
            fail_msg("%s against %s", rows[i].json, rows[i].name);
    }
    assert_false(json_is_variant(&f.doc, JSON_NONE, STR("x")));
}

static void edits_replace_insert_and_remove_and_leave_the_rest_alone(void **state)
{
    (void)state;
    CLEANUP(done) struct fixture f = {0};
    assert_parses(&f, STR("{\"name\":\"exposed\" , \"arguments\":{\"x\": 1.0e0}}"));
    const struct json_value *name = &f.doc.values[json_get(&f.doc, 0, STR("name"))];
    const struct json_edit edits[] = {
        {.start = 1, .end = 1, .with = STR_INIT("\"id\":1,")},
        {.start = name->start, .end = name->end, .with = STR_INIT("\"upstream\"")},
        {.start = name->end, .end = name->end + 1},
    };
    struct buf out;
    buf_init(&out, 1000);
    json_splice(f.doc.text, edits, ARRAY_LEN(edits), &out);
    assert_str(buf_str(&out), "{\"id\":1,\"name\":\"upstream\", \"arguments\":{\"x\": 1.0e0}}");
    buf_clear(&out);
    json_splice(f.doc.text, NULL, 0, &out);
    assert_true(str_eq(buf_str(&out), f.doc.text));
    buf_done(&out);
}

/* Every place of a special byte against the steps of the scanner. */
static void a_special_byte_is_seen_at_every_offset(void **state)
{
    (void)state;
    CLEANUP(done) struct fixture f = {0};
    char text[80];
    for (size_t len = 3; len < sizeof text; len++) {
        for (size_t at = 1; at < len - 1; at++) {
            memset(text, 'x', len);
            text[0] = text[len - 1] = '"';
            assert_parses(&f, str_of(text, len));
            static const char bad[] = {'\x1f', '\0', '\x80', '\\', '"', '\xff'};
            for (size_t i = 0; i < sizeof bad; i++) {
                text[at] = bad[i];
                assert_int_equal(parse(&f, str_of(text, len)), ERR_INVALID);
            }
            text[at] = '\x7f';
            assert_parses(&f, str_of(text, len));
        }
    }
}

static void a_text_cut_anywhere_is_refused(void **state)
{
    (void)state;
    CLEANUP(done) struct fixture f = {0};
    static const struct str text = STR_INIT(
        "{\"a\":[1.5e3,\"\\ud83d\\ude00 \xe2\x82\xac\",true,null,false,{}],\"b\":{\"c\":[]}}");
    for (size_t len = 0; len < text.len; len++)
        assert_int_equal(parse(&f, str_first(text, len)), ERR_INVALID);
    assert_parses(&f, text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_stand_in_document_order_with_their_source_bytes),
        cmocka_unit_test(a_container_is_walked_from_first_to_none),
        cmocka_unit_test(a_member_is_found_by_its_unescaped_name),
        cmocka_unit_test(strings_are_unescaped_only_when_they_must),
        cmocka_unit_test(a_full_arena_is_a_limit_not_a_crash),
        cmocka_unit_test(texts_that_two_parsers_could_read_differently_are_refused),
        cmocka_unit_test(a_lone_surrogate_passes_in_values_of_results_alone),
        cmocka_unit_test(every_limit_is_named_and_reached_exactly),
        cmocka_unit_test(duplicates_are_found_in_objects_of_every_size),
        cmocka_unit_test(an_integer_is_read_when_it_fits),
        cmocka_unit_test(a_truth_value_is_read_from_true_and_false_alone),
        cmocka_unit_test(names_that_lax_readers_take_for_another_are_variants),
        cmocka_unit_test(edits_replace_insert_and_remove_and_leave_the_rest_alone),
        cmocka_unit_test(a_special_byte_is_seen_at_every_offset),
        cmocka_unit_test(a_text_cut_anywhere_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
