/*
 * review.h - what the commands of a review share.
 */
#pragma once

#include "cli/ask.h"

enum { REVIEW_HASH_DIGITS = 12 };

/* The queue as a table. */
extern const char *const review_heads[];
void review_add_row(struct grid *grid, const struct answer *answer, json_pos row);

/* Initialises path: that of the tool which the first two arguments name, with what behind it. */
void review_tool_path(struct buf *path, const struct options *options, const char *what);
