/*
 * sql.c - which judge reads a statement. All dialects but PostgreSQL's are read token by token,
 * and what isn't plain counts as the worst.
 */
#include "policy/sql_priv.h"
#include "policy/sql_words.h"

enum category sql_function_category(const struct refiner *refiner, struct str name)
{
    for (size_t i = 0; i < refiner->value_count; i++)
        if (str_eq_nocase(refiner->values[i].value, name))
            return refiner->values[i].category;
    return sql_function_is_pure(refiner->dialect, name) ? CATEGORY_READ_ONLY : CATEGORY_ADMIN;
}

/* SELECT, INSERT, UPDATE and DELETE of plain words, none of which does more than the first says,
 * and the server's parser sees the same statements: its tree would not be worse, and takes three
 * times as long. tests/unit/policy/test_refine.c holds the two to each other. */
static bool is_plain(const struct sql_reading *reading, struct str text)
{
    return reading->is_plain && reading->verdict.category < CATEGORY_ADMIN &&
           sql_pg_counts(text, reading->statements);
}

void sql_judge(const struct refiner *refiner, struct str text, struct refine_verdict *verdict)
{
    struct sql_reading reading = {.is_plain = false};

    sql_tokens_judge(refiner, text, &reading);
    bool is_for_parser = refiner->dialect == SQL_POSTGRESQL && !reading.is_doubt;
    if (is_for_parser && !is_plain(&reading, text))
        sql_pg_judge(refiner, text, verdict);
    else
        refine_raise(verdict, reading.verdict.category, reading.verdict.why,
                     str_c(reading.verdict.what));
}
