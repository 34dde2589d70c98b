/*
 * definition_diff.h - what is different between two definitions of a tool, in words that a reviewer
 * can weigh, and how alike two definitions are.
 *
 * What is not understood counts as the worst: a difference is never left out because no rule knows
 * it. Two definitions without a change have one hash.
 *
 * Pure. Results live in the given arena.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum severity {
    SEVERITY_NONE, /* nothing changed */
    SEVERITY_LOW,
    SEVERITY_MEDIUM,
    SEVERITY_HIGH,
};

enum definition_change_kind {
#define X(name, word, severity, meaning) name,
#include "catalog/definition_changes.def"
#undef X
    DEFINITION_CHANGES
};

struct definition_change {
    enum definition_change_kind kind;
    struct str path;   /* "filter.kinds[]", or the hint's name; empty: the tool itself */
    struct str before; /* JSON, canonical; empty: it was not there */
    struct str after;
};

struct definition_diff {
    struct definition_change *changes;
    size_t count;
    bool is_cut;            /* there are more than DEFINITION_DIFF_MAX */
    enum severity severity; /* of the worst */
};

enum { DEFINITION_DIFF_MAX = 200 };

/* before, after: definitions as servers wrote them. ERR_INVALID: one is no definition. ERR_LIMIT:
 * arena is full, or one nests too deep. */
enum err_code definition_diff(struct str before, struct str after, struct arena *arena,
                              struct definition_diff *ret_diff, struct err *err) MUST_CHECK;

/* 0 to 100: how much speaks for one tool under two names. Names and titles do not count;
 * definitions that say nothing are not alike. 0 when one can't be read. */
unsigned definition_likeness(struct str a, struct str b, struct arena *arena);
enum { DEFINITION_LIKENESS_RENAMED = 80 };

const char *severity_word(enum severity severity);
const char *definition_change_word(enum definition_change_kind kind);
const char *definition_change_meaning(enum definition_change_kind kind);
enum severity definition_change_severity(enum definition_change_kind kind);

/* "high: schema_widened of filter.kinds (\"a\" -> \"b\")", cut; no newline. */
void definition_change_write(const struct definition_change *change, struct buf *out);
