#include "mcp/version.h"

#include "unit.h"

static void initialize_is_answered_with_a_legacy_version(void **state)
{
    (void)state;
    static const struct {
        const char *asked;
        enum mcp_version answer;
    } rows[] = {
        {"2024-11-05", MCP_2024_11_05}, {"2025-03-26", MCP_2025_03_26},
        {"2025-06-18", MCP_2025_06_18}, {"2025-11-25", MCP_2025_11_25},
        {"2026-07-28", MCP_2025_11_25}, {"2027-01-01", MCP_2025_11_25},
        {"", MCP_2025_11_25},           {"nonsense", MCP_2025_11_25},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(version_negotiate(str_c(rows[i].asked)), rows[i].answer);
}

static void a_date_from_the_first_modern_one_on_is_modern(void **state)
{
    (void)state;
    assert_true(version_is_modern(STR("2026-07-28")));
    assert_true(version_is_modern(STR("2030-01-01")));
    assert_false(version_is_modern(STR("2026-07-27")));
    assert_false(version_is_modern(STR("2025-11-25")));
    assert_false(version_is_modern(STR("")));
    assert_false(version_is_modern(STR("zzzz-zz-zz")));
    assert_false(version_is_modern(STR("2026-07-28 ")));
    assert_false(version_is_modern(STR("DRAFT-2027-v1")));
}

static void words_and_versions_are_one_to_one(void **state)
{
    (void)state;
    for (enum mcp_version v = 0; v < MCP_VERSIONS; v++) {
        enum mcp_version found;
        assert_true(version_parse(str_c(version_word(v)), &found));
        assert_int_equal(found, v);
        assert_int_equal(version_era(v) == MCP_MODERN, version_is_modern(str_c(version_word(v))));
    }
    enum mcp_version untouched = MCP_2025_03_26;
    assert_false(version_parse(STR("2025-06-19"), &untouched));
    assert_int_equal(untouched, MCP_2025_03_26);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(initialize_is_answered_with_a_legacy_version),
        cmocka_unit_test(a_date_from_the_first_modern_one_on_is_modern),
        cmocka_unit_test(words_and_versions_are_one_to_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
