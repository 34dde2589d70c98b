#include "cli/grid.h"

#include "unit.h"

static const char *const heads[] = {"NAME", "COUNT", "WHY", NULL};

static void check(const struct grid *grid, const char *expected)
{
    struct buf out;

    buf_init(&out, (size_t)1 << 20);
    grid_write(grid, &out);
    assert_false(out.failed);
    assert_str(buf_str(&out), expected);
    buf_done(&out);
}

static void columns_are_as_wide_as_their_widest_cell(void **state)
{
    (void)state;
    CLEANUP(grid_freep) struct grid *grid = grid_new(heads);

    assert_non_null(grid);
    grid_add_c(grid, "h\xc3\xa9llo");
    grid_add_i64(grid, -1234567);
    grid_add_c(grid, "long words at the end");
    grid_add_c(grid, "a");
    grid_add_i64(grid, 0);
    grid_add(grid, STR_NONE);
    check(grid, "NAME   COUNT     WHY\n"
                "h\xc3\xa9llo  -1234567  long words at the end\n"
                "a      0\n");
}

static void an_empty_grid_is_its_heads(void **state)
{
    (void)state;
    CLEANUP(grid_freep) struct grid *grid = grid_new(heads);

    check(grid, "NAME  COUNT  WHY\n");
}

static void a_cell_cannot_forge_a_line(void **state)
{
    (void)state;
    CLEANUP(grid_freep) struct grid *grid = grid_new(heads);

    grid_add_c(grid, "a\nb");
    grid_add_c(grid, "\x1b[2J");
    grid_add_c(grid, "c");
    check(grid, "NAME    COUNT    WHY\n"
                "a\\x0ab  \\x1b[2J  c\n");
}

static void a_thousand_rows_are_fine(void **state)
{
    (void)state;
    CLEANUP(grid_freep) struct grid *grid = grid_new(heads);
    struct buf out;

    for (int i = 0; i < 3000; i++)
        grid_add_i64(grid, i);
    buf_init(&out, (size_t)1 << 20);
    grid_write(grid, &out);
    assert_true(str_ends(buf_str(&out), STR("2997  2998   2999\n")));
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
        cmocka_unit_test(an_empty_grid_is_its_heads),
        cmocka_unit_test(a_cell_cannot_forge_a_line),
        cmocka_unit_test(a_thousand_rows_are_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
