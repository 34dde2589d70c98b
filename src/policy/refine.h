/*
 * refine.h - what can this call do at its worst? For tools that can do anything the arguments say
 * it: the class of an SQL statement, an HTTP method, the value of an action, a shell command.
 *
 * 1. The worst part counts: of several statements, of several commands, of the elements of an
 * array.
 * 2. What is missing, of another type, too long, or can't be read with certainty is admin.
 * 3. Never less than the refiner's floor.
 * 4. Only what is known to do no harm is read-only: functions, commands and pragmas are on lists.
 *
 * docs/refiners.md says what each kind takes for what, and what no refiner can see.
 *
 * Pure; no recursion on the input; any thread.
 */
#pragma once

#include <stddef.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/str.h"
#include "base/words.h"

enum refiner_kind {
#define X_REFINER(name, word, meaning) name,
#include "policy/refine.def"
    REFINER_KINDS
};

enum sql_dialect {
#define X_DIALECT(name, word, meaning) name,
#include "policy/refine.def"
    SQL_DIALECTS
};

enum {
    REFINE_MAX_BYTES = 64 * 1024, /* of what is judged */
    REFINE_MAX_ELEMENTS = 64,     /* of an array; also of words and statements in one text */
    REFINE_MAX_POINTER = 256,     /* bytes of a JSON Pointer */
    REFINE_MAX_VALUES = 256,
    REFINE_WHAT_BYTES = 64,
};

struct refine_value {
    struct str value;
    enum category category;
};

struct refiner {
    enum refiner_kind kind;
    enum sql_dialect dialect; /* of REFINER_SQL */
    enum category floor;
    struct str pointer; /* RFC 6901, into the arguments; never the whole of them */
    /* REFINER_VALUE: what each value is. REFINER_HTTP: methods that are another category here.
     * REFINER_SQL: functions, lower-case and as they are written, that an administrator vouches
     * for. REFINER_SHELL: none. */
    const struct refine_value *values;
    size_t value_count;
};

struct refine_verdict {
    enum category category;
    const char *why;              /* a static clause: "it calls a function that is not known" */
    char what[REFINE_WHAT_BYTES]; /* the word it is about, printable ASCII; may be empty */
};

/* arguments: the object, or JSON_NONE. There is a verdict whatever they hold; scratch is used for
 * unescaped text, and when it is full the verdict is admin. */
struct refine_verdict refine_arguments(const struct refiner *refiner, const struct json_doc *doc,
                                       json_pos arguments, struct arena *scratch);

/* The same for one text, as if it stood alone under the pointer. */
struct refine_verdict refine_text(const struct refiner *refiner, struct str text);

/* Is it a JSON Pointer (RFC 6901) to something inside the arguments? */
bool refine_is_pointer(struct str pointer);

/* Can a call be of this category at all? False: every verdict is worse. */
bool refine_can_be(const struct refiner *refiner, enum category category);

const char *refiner_kind_word(enum refiner_kind kind);
const char *refiner_kind_meaning(enum refiner_kind kind);
const char *sql_dialect_word(enum sql_dialect dialect);
const char *sql_dialect_meaning(enum sql_dialect dialect);
bool refiner_kind_parse(struct str word, enum refiner_kind *ret_kind) MUST_CHECK;
bool sql_dialect_parse(struct str word, enum sql_dialect *ret_dialect) MUST_CHECK;
