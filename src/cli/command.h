/*
 * command.h - one row of the table of commands in main.c: what it is called, what it takes, what it
 * does.
 */
#pragma once

#include <stddef.h>

struct options;

/* Exit codes that scripts rely on. */
enum exit_code {
    EXIT_DONE = 0,
    EXIT_REFUSED = 1, /* refused, failed, or not found */
    EXIT_USAGE = 2,
    EXIT_UNREACHABLE = 3,
};

struct option {
    const char *name;  /* without the dashes; NULL ends a list */
    const char *value; /* what stands for its value in texts, "FILE"; NULL: a flag */
    const char *prose;
};

struct command {
    const char *name; /* "audit search" */
    const char *args; /* "SERVER [CATEGORY]"; "" when it takes none */
    unsigned min_args;
    unsigned max_args;
    const char *summary;          /* one line without a full stop */
    const char *prose;            /* sentences; may be "" */
    const struct option *options; /* its own; NULL: none */
    int (*run)(const struct options *options);
};
