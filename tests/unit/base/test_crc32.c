#include "unit.h"

#include "base/crc32.h"

/* The check values of both polynomials: CRC of "123456789". */
static void known_sums(void **state)
{
    (void)state;
    assert_int_equal(crc32_ieee("123456789", 9), 0xcbf43926u);
    assert_int_equal(crc32_ieee("", 0), 0);
    assert_int_equal(crc32_ieee("The quick brown fox jumps over the lazy dog", 43), 0x414fa339u);
    assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283u);
    assert_int_equal(crc32c(0, "", 0), 0);
}

/* RFC 3720 appendix B.4. */
static void castagnoli_of_rfc_3720(void **state)
{
    (void)state;
    uint8_t bytes[32] = {0};

    assert_int_equal(crc32c(0, bytes, sizeof bytes), 0x8a9136aau);
    memset(bytes, 0xff, sizeof bytes);
    assert_int_equal(crc32c(0, bytes, sizeof bytes), 0x62a8ab43u);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    assert_int_equal(crc32c(0, bytes, sizeof bytes), 0x46dd794eu);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(31 - i);
    assert_int_equal(crc32c(0, bytes, sizeof bytes), 0x113fdb5cu);
}

/* Bit by bit, as a polynomial is defined: what tables and the CPU's instruction must agree with. */
static uint32_t slow(uint32_t polynomial, const uint8_t *bytes, size_t len)
{
    uint32_t crc = ~0u;

    for (size_t i = 0; i < 8 * len; i++) {
        uint32_t bit = (bytes[i / 8] >> i % 8 ^ crc) & 1;

        crc = crc >> 1 ^ (bit != 0 ? polynomial : 0);
    }
    return ~crc;
}

static void every_length_and_alignment_agrees_with_the_definition(void **state)
{
    (void)state;
    static uint8_t bytes[300];

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 151 + 7);
    for (size_t from = 0; from < 9; from++) {
        for (size_t len = 0; len < 100; len++) {
            assert_int_equal(crc32c(0, bytes + from, len), slow(0x82f63b78u, bytes + from, len));
            assert_int_equal(crc32_ieee(bytes + from, len), slow(0xedb88320u, bytes + from, len));
        }
    }
}

static void every_byte_agrees_with_the_definition(void **state)
{
    (void)state;

    for (unsigned i = 0; i < 256; i++) {
        uint8_t byte = (uint8_t)i;

        assert_int_equal(crc32c(0, &byte, 1), slow(0x82f63b78u, &byte, 1));
        assert_int_equal(crc32_ieee(&byte, 1), slow(0xedb88320u, &byte, 1));
    }
}

static void sums_chain_over_pieces(void **state)
{
    (void)state;
    static const char text[] = "a batch of the journal is summed piece by piece";
    uint32_t whole = crc32c(0, text, sizeof text);

    for (size_t cut = 0; cut <= sizeof text; cut++)
        assert_int_equal(crc32c(crc32c(0, text, cut), text + cut, sizeof text - cut), whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_sums),
        cmocka_unit_test(castagnoli_of_rfc_3720),
        cmocka_unit_test(every_length_and_alignment_agrees_with_the_definition),
        cmocka_unit_test(every_byte_agrees_with_the_definition),
        cmocka_unit_test(sums_chain_over_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
