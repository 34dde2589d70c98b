#include "cli/text.h"

#include <stdlib.h>
#include <time.h>

#include "unit.h"

static void check(struct str text, const char *expected)
{
    struct buf out;

    buf_init(&out, 4096);
    text_write(&out, text);
    assert_str(buf_str(&out), expected);
    buf_done(&out);
}

static void what_moves_a_cursor_or_forges_a_line_is_escaped(void **state)
{
    (void)state;
    check(STR("plain"), "plain");
    check(STR("h\xc3\xa9 \xf0\x9f\x98\x80"), "h\xc3\xa9 \xf0\x9f\x98\x80");
    check(STR("a\x1b[31mb\r\nc\t"), "a\\x1b[31mb\\x0d\\x0ac\\x09");
    check(STR("\x7f"), "\\x7f");
    check(STR("a\0b"), "a\\x00b");
    check(STR("\xc2\x9b"
              "31m"),
          "\\u{9b}31m");
    check(STR("\xe2\x80\xae"
              "gpj.exe"),
          "\\u{202e}gpj.exe");
    check(STR("\xef\xbb\xbf"), "\\u{feff}");
}

static void bytes_that_are_no_utf8_are_shown_one_by_one(void **state)
{
    (void)state;
    check(STR("\xff\xc3"), "\\xff\\xc3");
    check(STR("\xed\xa0\x80"), "\\xed\\xa0\\x80");
    check(STR("\xc0\xaf"), "\\xc0\\xaf");
    check(STR("\xf0\x9f\x98"), "\\xf0\\x9f\\x98");
}

static void no_byte_comes_out_as_a_control_character(void **state)
{
    (void)state;
    struct buf out;

    for (unsigned a = 0; a < 256; a++) {
        for (unsigned b = 0; b < 256; b++) {
            const char text[2] = {(char)(unsigned char)a, (char)(unsigned char)b};

            buf_init(&out, 64);
            text_write(&out, str_of(text, 2));
            assert_true(str_is_utf8(buf_str(&out)));
            for (size_t i = 0; i < out.len; i++)
                assert_true((unsigned char)out.ptr[i] >= 0x20 && out.ptr[i] != 0x7f);
            buf_done(&out);
        }
    }
}

static void characters_that_stand_for_bytes_become_them_again(void **state)
{
    (void)state;
    struct buf out;

    buf_init(&out, 64);
    text_write_bytes(&out, STR("h\xc3\x83\xc2\xa9"));
    assert_str(buf_str(&out), "h\xc3\xa9");
    buf_clear(&out);
    text_write_bytes(&out, STR("\xc3\xbf\xe2\x82\xac"));
    assert_str(buf_str(&out), "\xff\xe2\x82\xac");
    buf_done(&out);
}

static void the_width_counts_characters(void **state)
{
    (void)state;
    assert_int_equal(text_width(STR("abc")), 3);
    assert_int_equal(text_width(STR("h\xc3\xa9 \xf0\x9f\x98\x80")), 4);
    assert_int_equal(text_width(STR_NONE), 0);
}

static void times_are_local_with_their_offset(void **state)
{
    (void)state;
    char text[TEXT_TIME_BYTES];

    assert_int_equal(setenv("TZ", "Asia/Kolkata", 1), 0);
    tzset();
    text_format_time(1700000000123456, text);
    bool has_zones = strstr(text, "+05:30") != NULL;
    if (has_zones)
        assert_string_equal(text, "2023-11-15 03:43:20.123+05:30");
    assert_int_equal(setenv("TZ", "UTC0", 1), 0);
    tzset();
    text_format_time(1700000000123456, text);
    assert_string_equal(text, "2023-11-14 22:13:20.123+00:00");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_moves_a_cursor_or_forges_a_line_is_escaped),
        cmocka_unit_test(bytes_that_are_no_utf8_are_shown_one_by_one),
        cmocka_unit_test(no_byte_comes_out_as_a_control_character),
        cmocka_unit_test(characters_that_stand_for_bytes_become_them_again),
        cmocka_unit_test(the_width_counts_characters),
        cmocka_unit_test(times_are_local_with_their_offset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
