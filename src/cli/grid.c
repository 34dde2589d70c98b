#include "cli/grid.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/text.h"

enum { GAP = 2 };

struct grid {
    const char *const *heads;
    size_t columns;
    size_t widths[GRID_MAX_COLUMNS];
    struct buf text; /* of all cells, one behind the other */
    size_t *ends;    /* of each cell in text */
    size_t count;
    size_t size;
};

struct grid *grid_new(const char *const *heads)
{
    struct grid *grid = calloc(1, sizeof *grid);

    if (grid == NULL)
        return NULL;
    grid->heads = heads;
    buf_init(&grid->text, (size_t)1 << 30);
    for (; heads[grid->columns] != NULL && grid->columns < GRID_MAX_COLUMNS; grid->columns++)
        grid->widths[grid->columns] = text_width(str_c(heads[grid->columns]));
    return grid;
}

void grid_free(struct grid *grid)
{
    if (grid == NULL)
        return;
    buf_done(&grid->text);
    free(grid->ends);
    free(grid);
}

void grid_freep(struct grid **grid)
{
    grid_free(*grid);
    *grid = NULL;
}

static bool has_room(struct grid *grid)
{
    if (grid->count < grid->size)
        return true;
    size_t size = grid->size == 0 ? 256 : grid->size * 2;
    size_t *ends = realloc(grid->ends, size * sizeof *ends);
    if (ends == NULL)
        return false;
    grid->ends = ends;
    grid->size = size;
    return true;
}

void grid_add(struct grid *grid, struct str cell)
{
    size_t start = grid->text.len;
    size_t column = grid->count % grid->columns;

    if (!has_room(grid)) {
        grid->text.failed = true;
        return;
    }
    text_write(&grid->text, cell);
    size_t width = text_width(str_from(buf_str(&grid->text), start));
    if (width > grid->widths[column])
        grid->widths[column] = width;
    grid->ends[grid->count++] = grid->text.len;
}

void grid_add_c(struct grid *grid, const char *cell)
{
    grid_add(grid, str_c(cell));
}

void grid_add_i64(struct grid *grid, int64_t value)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%" PRId64, value);
    grid_add_c(grid, text);
}

/* No line ends in spaces. */
static void write_cell(const struct grid *grid, size_t column, struct str cell, struct buf *out)
{
    buf_add(out, cell);
    if (column + 1 == grid->columns) {
        while (out->len > 0 && out->ptr[out->len - 1] == ' ')
            out->len--;
        buf_add_byte(out, '\n');
        return;
    }
    for (size_t width = text_width(cell); width < grid->widths[column] + GAP; width++)
        buf_add_byte(out, ' ');
}

void grid_write(const struct grid *grid, struct buf *out)
{
    size_t start = 0;

    for (size_t column = 0; column < grid->columns; column++)
        write_cell(grid, column, str_c(grid->heads[column]), out);
    for (size_t i = 0; i < grid->count; i++) {
        struct str cell = str_of(grid->text.ptr + start, grid->ends[i] - start);

        write_cell(grid, i % grid->columns, cell, out);
        start = grid->ends[i];
    }
    out->failed = out->failed || grid->text.failed;
}
