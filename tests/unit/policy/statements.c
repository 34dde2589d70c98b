#include "statements.h"

#include <stdio.h>

#include "base/file.h"
#include "unit.h"

static int hex(char c)
{
    return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

static char unescape_one(struct str text, size_t *at)
{
    char c = text.ptr[++*at];

    switch (c) {
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case '0':
        return '\0';
    case 'x':
        *at += 2;
        return (char)(hex(text.ptr[*at - 1]) * 16 + hex(text.ptr[*at]));
    default:
        return c;
    }
}

static struct str unescape(struct arena *arena, struct str text)
{
    char *out = arena_alloc(arena, text.len + 1);
    size_t len = 0;

    assert_non_null(out);
    for (size_t i = 0; i < text.len; i++)
        out[len++] = text.ptr[i] == '\\' ? unescape_one(text, &i) : text.ptr[i];
    return str_of(out, len);
}

static void add(struct statements *statements, struct statement statement, struct str dialects)
{
    while (dialects.len > 0) {
        struct str word = str_cut(&dialects, ',');

        statement.refiner = (struct refiner){.kind = REFINER_SQL, .pointer = STR("/query")};
        if (str_eq(word, STR("shell")))
            statement.refiner.kind = REFINER_SHELL;
        else if (!sql_dialect_parse(word, &statement.refiner.dialect))
            fail_msg("statements.txt:%d: no dialect '" STR_FMT "'", statement.line, STR_ARG(word));
        assert_true(statements->count < STATEMENTS_MAX);
        statements->all[statements->count++] = statement;
    }
}

static void read_line(struct statements *statements, int number, struct str line)
{
    struct statement statement = {.line = number};
    struct str dialects = str_cut(&line, ' ');
    struct str category = str_cut(&line, ' ');

    statement.is_stricter = str_ends(category, STR("+"));
    if (statement.is_stricter)
        category = str_first(category, category.len - 1);
    if (!category_parse(category, &statement.category))
        fail_msg("statements.txt:%d: no category '" STR_FMT "'", number, STR_ARG(category));
    statement.text = unescape(statements->arena, line);
    statements->lines++;
    add(statements, statement, dialects);
}

struct statements statements_read(void)
{
    struct err err;
    struct str text = STR_NONE;
    struct statements statements = {.arena = arena_new((size_t)8 << 20)};

    assert_non_null(statements.arena);
    statements.all = arena_calloc(statements.arena, STATEMENTS_MAX, sizeof *statements.all);
    assert_non_null(statements.all);
    assert_ok(file_read(statements.arena, STATEMENTS_FILE, (size_t)1 << 20, &text, &err), err);
    for (int number = 1; text.len > 0; number++) {
        struct str line = str_cut(&text, '\n');
        if (line.len > 0 && line.ptr[0] != '#')
            read_line(&statements, number, line);
    }
    return statements;
}

void statements_done(struct statements *statements)
{
    arena_free(statements->arena);
}
