/*
 * statements.h - reads statements.txt, for the tests and for whoever looks for others.
 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "policy/refine.h"

enum { STATEMENTS_MAX = 4096 };

struct statement {
    int line;
    struct refiner refiner;
    enum category category; /* what people say it is */
    bool is_stricter;       /* taken for worse, which is known */
    struct str text;
};

struct statements {
    struct arena *arena;
    struct statement *all;
    size_t count;
    size_t lines;
};

/* Fails the test when the file can't be read or a line is wrong. */
struct statements statements_read(void);
void statements_done(struct statements *statements);
