/*
 * audit_table.h - entries of the audit log for people: as a table, and one in full.
 */
#pragma once

#include "cli/client.h"
#include "cli/grid.h"

/* A grid with the right heads; NULL: memory is out. */
struct grid *audit_table_new(bool has_arguments);
/* A row for the entry (an object of the API). */
void audit_table_add(struct grid *grid, const struct answer *answer, json_pos entry,
                     bool has_arguments);
/* Every member on a line of its own. */
void audit_table_write_full(const struct answer *answer, json_pos entry, struct buf *out);
