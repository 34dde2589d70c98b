#include "unit.h"

#include "base/arena.h"
#include "base/base64.h"

/* RFC 4648 §10. */
static const struct {
    struct str bytes;
    const char *standard;
    const char *url;
} vectors[] = {
    {STR_INIT(""), "", ""},
    {STR_INIT("f"), "Zg==", "Zg"},
    {STR_INIT("fo"), "Zm8=", "Zm8"},
    {STR_INIT("foo"), "Zm9v", "Zm9v"},
    {STR_INIT("foob"), "Zm9vYg==", "Zm9vYg"},
    {STR_INIT("fooba"), "Zm9vYmE=", "Zm9vYmE"},
    {STR_INIT("foobar"), "Zm9vYmFy", "Zm9vYmFy"},
    {STR_INIT("\xfb\xff\xbf"), "+/+/", "-_-_"},
    {STR_INIT("\0\0"), "AAA=", "AAA"},
};

static void vectors_of_rfc_4648_both_ways(void **state)
{
    (void)state;
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 16);

    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        char text[16];
        char bytes[16];
        struct str back = STR_NONE;
        size_t len = base64url_encode(vectors[i].bytes.ptr, vectors[i].bytes.len, text);

        assert_str(str_of(text, len), vectors[i].url);
        assert_int_equal(len, BASE64URL_LEN(vectors[i].bytes.len));
        assert_true(base64url_decode(str_of(text, len), bytes, &len));
        assert_true(str_eq(str_of(bytes, len), vectors[i].bytes));
        assert_str(base64_encode(arena, vectors[i].bytes), vectors[i].standard);
        assert_true(base64_decode(arena, str_c(vectors[i].standard), &back));
        assert_true(str_eq(back, vectors[i].bytes));
    }
}

/* Padding, the other alphabet, white space, a length that can't be, bits that nobody wrote. */
static void one_value_has_one_spelling_in_base64url(void **state)
{
    (void)state;
    static const struct str wrong[] = {
        STR_INIT("Zg=="),   STR_INIT("Zg="),    STR_INIT("Z"),          STR_INIT("Zm9vY"),
        STR_INIT("Zh"),     STR_INIT("Zm9"),    STR_INIT("+/+/"),       STR_INIT("Zm9v "),
        STR_INIT("Zm\n9v"), STR_INIT("Zm9v\0"), STR_INIT("Zm\xc3\xa4"), STR_INIT("===="),
        STR_INIT("Zg.."),
    };

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        char bytes[16];
        size_t len = 77;

        if (base64url_decode(wrong[i], bytes, &len))
            fail_msg("'" STR_FMT "' was decoded", STR_ARG(wrong[i]));
        assert_int_equal(len, 77);
    }
}

static void one_value_has_one_spelling_in_base64(void **state)
{
    (void)state;
    static const struct str wrong[] = {
        STR_INIT("Zg"),    STR_INIT("Zg="),   STR_INIT("Zg==="),    STR_INIT("Zg======"),
        STR_INIT("Zh=="),  STR_INIT("Zm9="),  STR_INIT("-_-_"),     STR_INIT("Z==="),
        STR_INIT("===="),  STR_INIT("="),     STR_INIT("Zg==Zg=="), STR_INIT("Zm9v\n"),
        STR_INIT("Zm 9v"), STR_INIT("=Zm9v"), STR_INIT("Zm9v===="), STR_INIT("Z=g="),
    };
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 16);

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct str back = STR_NONE;

        if (base64_decode(arena, wrong[i], &back))
            fail_msg("'" STR_FMT "' was decoded", STR_ARG(wrong[i]));
        assert_null(back.ptr);
    }
}

static void of_all_two_digit_texts_exactly_256_are_base64url(void **state)
{
    (void)state;
    unsigned taken = 0;

    for (unsigned pair = 0; pair < 65536; pair++) {
        const char text[2] = {(char)(pair >> 8), (char)(pair & 0xff)};
        char back[4];
        char byte[2];
        size_t len = 0;

        if (!base64url_decode(str_of(text, 2), byte, &len))
            continue;
        taken++;
        assert_int_equal(len, 1);
        assert_int_equal(base64url_encode(byte, 1, back), 2);
        assert_memory_equal(back, text, 2);
    }
    assert_int_equal(taken, 256);
}

static void a_full_arena_is_no_result(void **state)
{
    (void)state;
    CLEANUP(arena_freep) struct arena *arena = arena_new(4);
    struct str back = STR_NONE;

    assert_null(base64_encode(arena, STR("a longer text than fits")).ptr);
    assert_false(base64_decode(arena, STR("Zm9vYmFyZm9vYmFyZm9vYmFy"), &back));
}

static void thirty_two_bytes_are_43_digits_of_base62(void **state)
{
    (void)state;
    uint8_t number[32] = {0};
    char text[BASE62_32_LEN];

    base62_encode_32(number, text);
    assert_str(str_of(text, sizeof text), "0000000000000000000000000000000000000000000");
    number[31] = 61;
    base62_encode_32(number, text);
    assert_str(str_of(text, sizeof text), "000000000000000000000000000000000000000000z");
    number[31] = 62;
    base62_encode_32(number, text);
    assert_str(str_of(text, sizeof text), "0000000000000000000000000000000000000000010");
    memset(number, 0xff, sizeof number); /* 2^256 - 1 */
    base62_encode_32(number, text);
    assert_str(str_of(text, sizeof text), "yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1");
}

static void base62_of_32_bits_has_six_digits(void **state)
{
    (void)state;
    char text[6];

    base62_encode_u32(0, text);
    assert_str(str_of(text, 6), "000000");
    base62_encode_u32(62 * 62 + 61, text);
    assert_str(str_of(text, 6), "00010z");
    base62_encode_u32(UINT32_MAX, text);
    assert_str(str_of(text, 6), "4gfFC3");
}

static void base62_is_letters_and_digits_alone(void **state)
{
    (void)state;
    assert_true(base62_is(STR("0")));
    assert_true(base62_is(STR("azAZ09")));
    assert_false(base62_is(STR("")));
    assert_false(base62_is(STR("a-")));
    assert_false(base62_is(STR("a+")));
    assert_false(base62_is(STR("a/")));
    assert_false(base62_is(STR("a_")));
    assert_false(base62_is(STR("a\0")));
    assert_false(base62_is(STR("\xc3\xa4")));
}

static void hexadecimal_both_ways(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0x00, 0x01, 0x7f, 0x80, 0xab, 0xff};
    uint8_t back[sizeof bytes];
    char text[2 * sizeof bytes];

    hex_encode(bytes, sizeof bytes, text);
    assert_str(str_of(text, sizeof text), "00017f80abff");
    assert_true(hex_decode(str_of(text, sizeof text), back, sizeof back));
    assert_memory_equal(back, bytes, sizeof bytes);
    assert_true(hex_decode(STR("00017F80ABFF"), back, sizeof back));
    assert_memory_equal(back, bytes, sizeof bytes);
    assert_true(hex_decode(STR(""), back, 0));
    assert_false(hex_decode(STR("00017f80abf"), back, sizeof back));
    assert_false(hex_decode(STR("00017f80abff00"), back, sizeof back));
    assert_false(hex_decode(STR("00017f80abfg"), back, sizeof back));
    assert_false(hex_decode(STR("0x017f80abff"), back, sizeof back));
    assert_false(hex_decode(STR("00017f80ab f"), back, sizeof back));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_of_rfc_4648_both_ways),
        cmocka_unit_test(one_value_has_one_spelling_in_base64url),
        cmocka_unit_test(one_value_has_one_spelling_in_base64),
        cmocka_unit_test(of_all_two_digit_texts_exactly_256_are_base64url),
        cmocka_unit_test(a_full_arena_is_no_result),
        cmocka_unit_test(thirty_two_bytes_are_43_digits_of_base62),
        cmocka_unit_test(base62_of_32_bits_has_six_digits),
        cmocka_unit_test(base62_is_letters_and_digits_alone),
        cmocka_unit_test(hexadecimal_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
