/*
 * classify_input.h - tool definitions in a file: one tool a line with its server, or saved results
 * of tools/list, whole or one a line.
 *
 * A line that is neither is kept with its number and the reason; the others count. Definitions of
 * tools are not judged here: whatever is an object gets a verdict later, which for nonsense is the
 * worst.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"

/* Sizes of one line; a saved list may be one. */
enum { CLASSIFY_INPUT_MAX_LINE = 64 * 1024 * 1024, CLASSIFY_INPUT_MAX_VALUES = 8 * 1024 * 1024 };

struct classify_input_tool {
    struct str server; /* as the line says, or the fallback */
    struct str name;   /* empty: it has none */
    const struct json_doc *doc;
    json_pos pos;
};

struct classify_input_problem {
    size_t line; /* from 1 */
    struct err err;
};

struct classify_input {
    struct classify_input_tool *tools; /* in the order of the file */
    size_t tool_count;
    struct classify_input_problem *problems;
    size_t problem_count;
};

/* fallback: the server of tools that name none. Views of text and copies in arena. Lines end with
 * LF alone: texts may hold U+2028. ERR_LIMIT: arena is full. */
enum err_code classify_input_read(struct str text, struct str fallback, struct arena *arena,
                                  struct classify_input *ret_input, struct err *err) MUST_CHECK;
