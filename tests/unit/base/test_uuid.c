#include "unit.h"

#include "base/uuid.h"

static struct str text_of(const struct uuid *uuid, char text[UUID_TEXT_BYTES])
{
    uuid_format(uuid, text);
    return str_of(text, UUID_TEXT_BYTES);
}

/* RFC 9562 §5.7: 48 bits of milliseconds, version 7, variant 10. */
static void a_call_id_is_a_uuid_of_version_7(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 200; i++) {
        struct uuid uuid = uuid_v7(INT64_C(1645557742000999)); /* the time of RFC 9562 A.6 */
        char text[UUID_TEXT_BYTES];
        struct str written = text_of(&uuid, text);

        assert_str(str_first(written, 15), "017f22e2-79b0-7");
        assert_true(text[19] == '8' || text[19] == '9' || text[19] == 'a' || text[19] == 'b');
    }
}

static void ids_sort_by_time_and_never_repeat(void **state)
{
    (void)state;
    struct uuid before = uuid_v7(0);

    for (int64_t us = 1000; us < 1000000; us += 1000) {
        struct uuid next = uuid_v7(us);
        struct uuid twin = uuid_v7(us);

        assert_true(memcmp(before.bytes, next.bytes, UUID_BYTES) < 0);
        assert_memory_not_equal(next.bytes, twin.bytes, UUID_BYTES);
        before = next;
    }
}

static void a_time_before_the_epoch_counts_as_the_epoch(void **state)
{
    (void)state;
    struct uuid uuid = uuid_v7(-1);
    char text[UUID_TEXT_BYTES];

    assert_str(str_first(text_of(&uuid, text), 13), "00000000-0000");
}

static void what_was_written_is_read_back(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 200; i++) {
        struct uuid uuid = uuid_v7(i);
        struct uuid back = {{0}};
        char text[UUID_TEXT_BYTES];

        assert_true(uuid_parse(text_of(&uuid, text), &back));
        assert_memory_equal(back.bytes, uuid.bytes, UUID_BYTES);
    }
    struct uuid back = {{0}};
    assert_true(uuid_parse(STR("017F22E2-79B0-7CC3-98C4-DC0C0C07398F"), &back));
    assert_int_equal(back.bytes[0], 0x01);
    assert_int_equal(back.bytes[15], 0x8f);
}

static void other_spellings_are_refused(void **state)
{
    (void)state;
    static const struct str wrong[] = {
        STR_INIT(""),
        STR_INIT("017f22e279b07cc398c4dc0c0c07398f"),
        STR_INIT("{017f22e2-79b0-7cc3-98c4-dc0c0c07398f}"),
        STR_INIT("017f22e2-79b0-7cc3-98c4-dc0c0c07398"),
        STR_INIT("017f22e2-79b0-7cc3-98c4-dc0c0c07398ff"),
        STR_INIT("017f22e2-79b0-7cc3-98c4-dc0c0c07398g"),
        STR_INIT("017f22e2_79b0-7cc3-98c4-dc0c0c07398f"),
        STR_INIT("017f22e-279b0-7cc3-98c4-dc0c0c07398f"),
        STR_INIT("017f22e2-79b0-7cc3-98c4-dc0c0c07398\0"),
        STR_INIT(" 17f22e2-79b0-7cc3-98c4-dc0c0c07398f"),
    };

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct uuid back = {{9}};

        assert_false(uuid_parse(wrong[i], &back));
        assert_int_equal(back.bytes[0], 9);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_id_is_a_uuid_of_version_7),
        cmocka_unit_test(ids_sort_by_time_and_never_repeat),
        cmocka_unit_test(a_time_before_the_epoch_counts_as_the_epoch),
        cmocka_unit_test(what_was_written_is_read_back),
        cmocka_unit_test(other_spellings_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
