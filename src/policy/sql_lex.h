/*
 * sql_lex.h - the tokens of SQL, read so that nothing can hide: what two servers, or two settings
 * of one server, would read differently is SQL_BAD and ends the text.
 *
 * Threads: none of its own. No memory, no recursion.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "policy/refine.h"

enum sql_token_kind {
    SQL_END,
    SQL_WORD,   /* unquoted: a keyword, a name, a variable */
    SQL_NAME,   /* quoted, text without its quotes; may hold doubled ones */
    SQL_STRING, /* with quotes */
    SQL_NUMBER,
    SQL_MARK, /* one byte; ';' also for what else separates statements */
    SQL_BAD,  /* why is in the lexer; every further token is SQL_BAD, too */
};

struct sql_token {
    enum sql_token_kind kind;
    struct str text;
};

struct sql_lex {
    struct str text;
    size_t at;
    enum sql_dialect dialect;
    uint32_t count;  /* tokens so far */
    bool is_plain;   /* nothing that needs the server's own lexer: PostgreSQL */
    bool is_doubt;   /* SQL_BAD whatever a server's own parser says: settings, bounds */
    const char *why; /* of SQL_BAD */
};

/* text is borrowed. */
void sql_lex_init(struct sql_lex *lex, enum sql_dialect dialect, struct str text);
struct sql_token sql_lex_next(struct sql_lex *lex);

static inline bool sql_is_mark(struct sql_token token, char mark)
{
    return token.kind == SQL_MARK && token.text.ptr[0] == mark;
}
