/*
 * sql_words.h - what words, functions, settings and pragmas of SQL are known to do.
 *
 * Threads: any; the tables are made once and never change.
 */
#pragma once

#include <stdbool.h>

#include "base/str.h"
#include "policy/refine.h"

enum sql_effect {
    SQL_NOTHING,
    SQL_READ,
    SQL_WRITE,
    SQL_DESTROY,
    SQL_ADMIN,
    SQL_NEVER, /* a statement can't begin with it */
};

struct sql_word {
    struct str text; /* lower-case */
    unsigned dialects;
    enum sql_effect first;
    enum sql_effect inside;
    bool is_before; /* may stand before '(' and calls nothing */
};

/* ASCII case is disregarded. NULL: nothing is known of it in this dialect. */
const struct sql_word *sql_word_find(enum sql_dialect dialect, struct str word);
/* Does nothing but answer. name may be qualified ("net.host"). ASCII case is disregarded. */
bool sql_function_is_pure(enum sql_dialect dialect, struct str name);
/* SET of it is harmless (PostgreSQL). */
bool sql_setting_is_harmless(struct str name);
/* False: no pragma that observes. *ret_has_argument: takes one in parentheses. */
bool sql_pragma_find(struct str name, bool *ret_has_argument);
/* What a node of PostgreSQL's tree does. False: not known. */
bool sql_node_find(struct str name, enum category *ret_category);
