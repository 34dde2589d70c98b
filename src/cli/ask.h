/*
 * ask.h - the shapes that most commands have: fetch something and print it, or ask for a change and
 * say that it was made. With --json they print the answer as it came.
 */
#pragma once

#include "cli/client.h"
#include "cli/grid.h"
#include "cli/options.h"

/* Adds the cells of one object, as many as there are heads. */
typedef void ask_row_fn(struct grid *grid, const struct answer *answer, json_pos row);

struct ask_table {
    const char *list; /* the member of the answer that holds the rows */
    const char *const *heads;
    ask_row_fn *add_row;
};

/* Each returns an enum exit_code, and has said what went wrong. path NULL: it was too long. */
int ask_list(const struct options *options, const char *path, const struct ask_table *table);
/* The rows alone, of an answer that is there. */
void ask_write_table(const struct answer *answer, const struct ask_table *table, struct buf *out);

/* Appends what is shown of the answer. */
typedef void ask_write_fn(const struct answer *answer, struct buf *out);

/* One object instead of a list. */
int ask_show(const struct options *options, const char *path, ask_write_fn *write);

struct ask_change {
    const char *method;
    const char *path;
    struct str body;   /* JSON; empty: none */
    const char *done;  /* the line to print, or */
    const char *shown; /* the member of the answer to print alone */
};

int ask_change(const struct options *options, const struct ask_change *change);

/* The state of a token. */
void ask_add_state(struct grid *grid, const struct answer *answer, json_pos row);
/* Words of a list of the answer, between commas, as one cell. */
void ask_add_words(struct grid *grid, const struct answer *answer, json_pos row, const char *name);
