#include "unit.h"

#include "base/buf.h"

static void appending_past_the_maximum_fails_and_changes_nothing(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 10);
    buf_add(&buf, STR("12345678"));
    buf_add(&buf, STR("abc"));
    assert_true(buf.failed);
    assert_str(buf_str(&buf), "12345678");
    buf_add(&buf, STR("a"));
    assert_str(buf_str(&buf), "12345678");
    buf_clear(&buf);
    buf_add(&buf, STR("1234567890"));
    assert_false(buf.failed);
    buf_done(&buf);
}

static void text_and_numbers_append_in_order(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 1000);
    buf_add_c(&buf, "n=");
    buf_add_u64(&buf, UINT64_MAX);
    buf_add_byte(&buf, ' ');
    buf_add_u64(&buf, 0);
    buf_printf(&buf, " %s", "end");
    assert_str(buf_str(&buf), "n=18446744073709551615 0 end");
    buf_drop(&buf, 2);
    assert_true(str_starts(buf_str(&buf), STR("1844")));
    buf_drop(&buf, 1000);
    assert_int_equal(buf.len, 0);
    buf_done(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appending_past_the_maximum_fails_and_changes_nothing),
        cmocka_unit_test(text_and_numbers_append_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
