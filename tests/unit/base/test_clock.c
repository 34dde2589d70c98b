#include "unit.h"

#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

/* 2026-11-23T14:00:00Z */
#define NOW_US (INT64_C(1795442400) * 1000000)

static void times_are_written_in_utc_with_microseconds(void **state)
{
    (void)state;
    static const struct {
        int64_t us;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000000Z"},
        {-1, "1969-12-31T23:59:59.999999Z"},
        {1, "1970-01-01T00:00:00.000001Z"},
        {NOW_US + 123456, "2026-11-23T14:00:00.123456Z"},
        {INT64_C(253402300799999999), "9999-12-31T23:59:59.999999Z"},
        {INT64_C(-62135596800000000), "0001-01-01T00:00:00.000000Z"},
        {INT64_MAX, "0000-00-00T00:00:00.000000Z"},
        {INT64_MIN, "0000-00-00T00:00:00.000000Z"},
    };
    char text[CLOCK_RFC3339_BYTES];

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        clock_format_rfc3339(cases[i].us, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void times_are_read_in_every_form(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t us;
    } cases[] = {
        {"2026-11-23T14:00:00Z", NOW_US},
        {"2026-11-23t14:00:00z", NOW_US},
        {"2026-11-23 14:00:00Z", NOW_US},
        {"2026-11-23T14:00:00.5Z", NOW_US + 500000},
        {"2026-11-23T14:00:00.000001Z", NOW_US + 1},
        {"2026-11-23T16:00:00+02:00", NOW_US},
        {"2026-11-23T10:30:00.25-03:30", NOW_US + 250000},
        {"2026-11-23T14:00:00-00:00", NOW_US},
        {"1970-01-01T00:00:00Z", 0},
        {"1969-12-31T23:59:59Z", -1000000},
        {"2024-02-29T00:00:00Z", INT64_C(1709164800000000)},
        {"now", NOW_US},
        {"90s", NOW_US - INT64_C(90000000)},
        {"15m", NOW_US - INT64_C(900000000)},
        {"2h", NOW_US - INT64_C(7200000000)},
        {"3d", NOW_US - INT64_C(259200000000)},
        {"0s", NOW_US},
    };
    struct err err;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t us = -7;

        assert_ok(clock_parse(str_c(cases[i].text), NOW_US, &us, &err), err);
        assert_int_equal(us, cases[i].us);
    }
}

/* Five hours behind UTC all year in a zone that is written out. */
static void a_time_without_offset_is_local(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t us;
    } cases[] = {
        {"2026-11-23", NOW_US - INT64_C(9) * 3600 * 1000000},
        {"2026-11-23 09:00", NOW_US},
        {"2026-11-23T09:00:00", NOW_US},
        {"2026-11-23 09:00:00.25", NOW_US + 250000},
    };
    struct err err;

    assert_int_equal(setenv("TZ", "XYZ5", 1), 0);
    tzset();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t us = -7;

        assert_ok(clock_parse(str_c(cases[i].text), NOW_US, &us, &err), err);
        assert_int_equal(us, cases[i].us);
    }
    assert_int_equal(setenv("TZ", "UTC", 1), 0);
    tzset();
}

static void what_is_no_time_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    static const struct str cases[] = {
        STR_INIT(""),
        STR_INIT("yesterday"),
        STR_INIT("2026"),
        STR_INIT("2026-11"),
        STR_INIT("2026-1-23"),
        STR_INIT("26-11-23"),
        STR_INIT("2026-00-23"),
        STR_INIT("2026-13-23"),
        STR_INIT("2026-11-00"),
        STR_INIT("2026-11-31"),
        STR_INIT("2025-02-29"),
        STR_INIT("2026-11-23T"),
        STR_INIT("2026-11-23T14"),
        STR_INIT("2026-11-23T24:00:00Z"),
        STR_INIT("2026-11-23T14:60:00Z"),
        STR_INIT("2026-11-23T14:00:61Z"),
        STR_INIT("2026-11-23T14:00:00.Z"),
        STR_INIT("2026-11-23T14:00:00.1234567Z"),
        STR_INIT("2026-11-23T14:00:00+24:00"),
        STR_INIT("2026-11-23T14:00:00+0200"),
        STR_INIT("2026-11-23T14:00:00Zx"),
        STR_INIT("2026-11-23T14:00:00Z\0"),
        STR_INIT("2026-11-23T14:00:00 Z"),
        STR_INIT(" 2026-11-23"),
        STR_INIT("+2h"),
        STR_INIT("-2h"),
        STR_INIT("2"),
        STR_INIT("h"),
        STR_INIT("2w"),
        STR_INIT("2hh"),
        STR_INIT("2 h"),
        STR_INIT("2.5h"),
        STR_INIT("9223372036854775807d"),
        STR_INIT("99999999999999999999s"),
    };
    struct err err;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t us = -7;

        if (clock_parse(cases[i], NOW_US, &us, &err) != ERR_INVALID)
            fail_msg("'" STR_FMT "' was taken for a time", STR_ARG(cases[i]));
        assert_int_equal(us, -7);
    }
}

static void what_was_written_is_read_back(void **state)
{
    (void)state;
    char text[CLOCK_RFC3339_BYTES];
    struct err err;

    for (int64_t us = -INT64_C(5000000000000007); us < INT64_C(5000000000000000);
         us += INT64_C(98765432101)) {
        int64_t back = 0;

        clock_format_rfc3339(us, text);
        assert_ok(clock_parse(str_c(text), 0, &back, &err), err);
        assert_int_equal(back, us);
    }
}

static void lengths_of_time_have_five_units(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t us;
    } cases[] = {
        {"500ms", 500000},
        {"0ms", 0},
        {"1s", 1000000},
        {"15m", INT64_C(900000000)},
        {"2h", INT64_C(7200000000)},
        {"3d", INT64_C(259200000000)},
        {"106751991d", INT64_C(106751991) * 86400 * 1000000},
    };
    struct err err;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t us = -7;

        assert_ok(clock_parse_span(str_c(cases[i].text), &us, &err), err);
        assert_int_equal(us, cases[i].us);
    }
    static const char *const wrong[] = {"", "5", "ms", "5 s", "5us", "-5s", "05s", "106751992d"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        int64_t us = -7;

        assert_int_equal(clock_parse_span(str_c(wrong[i]), &us, &err), ERR_INVALID);
        assert_int_equal(us, -7);
    }
}

static void both_clocks_go_forward(void **state)
{
    (void)state;
    uint64_t mono = clock_mono_us();
    int64_t wall = clock_wall_us();

    assert_true(wall > INT64_C(1700000000000000));
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t next = clock_mono_us();

        assert_true(next >= mono);
        mono = next;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_written_in_utc_with_microseconds),
        cmocka_unit_test(times_are_read_in_every_form),
        cmocka_unit_test(a_time_without_offset_is_local),
        cmocka_unit_test(what_is_no_time_is_refused_and_changes_nothing),
        cmocka_unit_test(what_was_written_is_read_back),
        cmocka_unit_test(lengths_of_time_have_five_units),
        cmocka_unit_test(both_clocks_go_forward),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
