/*
 * grid.h - a table for people: columns as wide as their widest cell, cells printed through
 * text_write().
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

enum { GRID_MAX_COLUMNS = 12 };

struct grid;

/* heads ends with NULL; it is borrowed. NULL: memory is out. */
struct grid *grid_new(const char *const *heads);
void grid_free(struct grid *grid); /* NULL is fine */
void grid_freep(struct grid **grid);

/* The next cell, left to right, row by row. Bytes are copied. */
void grid_add(struct grid *grid, struct str cell);
void grid_add_c(struct grid *grid, const char *cell);
void grid_add_i64(struct grid *grid, int64_t value);

/* Appends head and rows, a line each. */
void grid_write(const struct grid *grid, struct buf *out);
