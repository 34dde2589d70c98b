#include "base/form.h"

#include "base/buf.h"
#include "unit.h"

static void fields_come_out_decoded(void **state)
{
    (void)state;
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 16);
    struct form form;
    struct err err;
    assert_ok(form_parse(STR("a=1&b=x+y%21&empty=&bare&c=%C3%A9&d=a=b"), arena, &form, &err), err);
    assert_true(str_eq(form_get(&form, STR("a")), STR("1")));
    assert_true(str_eq(form_get(&form, STR("b")), STR("x y!")));
    assert_true(str_eq(form_get(&form, STR("c")), STR("\xc3\xa9")));
    assert_true(str_eq(form_get(&form, STR("d")), STR("a=b")));
    assert_non_null(form_get(&form, STR("empty")).ptr);
    assert_non_null(form_get(&form, STR("bare")).ptr);
    assert_null(form_get(&form, STR("none")).ptr);
    assert_ok(form_parse(STR_NONE, arena, &form, &err), err);
    assert_int_equal(form.count, 0);
}

static void what_two_readers_could_take_differently_is_refused(void **state)
{
    (void)state;
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 16);
    static const char *const rows[] = {"a=1&a=2", "a=1&%61=2", "a=%",   "a=%4",
                                       "a=%zz",   "a=%00",     "%00=1", "a=1&b=2&a"};
    struct form form;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(form_parse(str_c(rows[i]), arena, &form, NULL), ERR_INVALID);
    assert_int_equal(form_parse(str_of("a=\0", 3), arena, &form, NULL), ERR_INVALID);
}

static void more_than_the_most_fields_are_refused(void **state)
{
    (void)state;
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 16);
    struct form form;
    struct buf text;
    buf_init(&text, 4096);
    for (int i = 0; i <= FORM_MAX_FIELDS; i++)
        buf_printf(&text, "f%d=1&", i);
    assert_int_equal(form_parse(buf_str(&text), arena, &form, NULL), ERR_LIMIT);
    buf_done(&text);
}

static void a_form_says_that_it_is_one(void **state)
{
    (void)state;
    assert_true(form_is_type(STR("application/x-www-form-urlencoded")));
    assert_true(form_is_type(STR("Application/X-WWW-Form-URLencoded ; charset=UTF-8")));
    assert_false(form_is_type(STR("application/x-www-form-urlencoded2")));
    assert_false(form_is_type(STR("text/plain; application/x-www-form-urlencoded")));
    assert_false(form_is_type(STR("")));
    assert_false(form_is_type(STR_NONE));
}

static void what_is_encoded_is_decoded_again(void **state)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 16);
    CLEANUP(buf_done) struct buf text;
    char bytes[255];
    struct str value;

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i + 1);
    buf_init(&text, 4096);
    form_encode(str_of(bytes, sizeof bytes), &text);
    assert_int_equal(str_find(buf_str(&text), '+'), text.len);
    assert_int_equal(str_find(buf_str(&text), '&'), text.len);
    assert_true(form_decode(buf_str(&text), arena, &value));
    assert_true(str_eq(value, str_of(bytes, sizeof bytes)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_come_out_decoded),
        cmocka_unit_test(what_two_readers_could_take_differently_is_refused),
        cmocka_unit_test(more_than_the_most_fields_are_refused),
        cmocka_unit_test(a_form_says_that_it_is_one),
        cmocka_unit_test(what_is_encoded_is_decoded_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
