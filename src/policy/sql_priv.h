/*
 * sql_priv.h - between the judge of SQL by tokens and the one by PostgreSQL's own parser.
 */
#pragma once

#include "policy/refine_priv.h"

struct sql_reading {
    struct refine_verdict verdict;
    uint32_t statements;
    bool is_plain; /* nothing needs the server's own lexer, and the first words said it all */
    bool is_doubt; /* admin, whatever the server's own parser says */
};

/* By tokens, conservatively. */
void sql_tokens_judge(const struct refiner *refiner, struct str text,
                      struct sql_reading *ret_reading);

/* Does PostgreSQL's parser take text for so many statements? */
bool sql_pg_counts(struct str text, size_t statements);

/* By the tree of PostgreSQL's parser. */
void sql_pg_judge(const struct refiner *refiner, struct str text, struct refine_verdict *verdict);

/* The category of a function that is called: by the administrator's word, or read-only when it is
 * known to be pure, else admin. */
enum category sql_function_category(const struct refiner *refiner, struct str name);
