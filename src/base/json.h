/*
 * json.h - strict JSON (law 2): one pass over a borrowed buffer into a flat list of values that are
 * slices of it. RFC 8259, less everything two parsers could read differently.
 *
 * Refused: duplicate names at any depth (after unescaping), NUL in names, lone surrogates, invalid
 * UTF-8, a byte order mark, text behind the value, depth, members or values past the limits,
 * numbers of more than 1,000 bytes. Numbers stay source text. No recursion on input depth.
 *
 * Values stand in document order; the children of a container follow it at once, in an object name,
 * value, name, value… `next` of a value is the position behind its last descendant.
 *
 * Threads: a document is immutable after json_parse().
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum json_type {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
};

struct json_value {
    uint32_t start; /* offset of the first byte, quote included */
    uint32_t end;   /* offset behind the last byte */
    uint32_t next;  /* position behind the last descendant */
    uint32_t count; /* elements or members; of a string: 1 when it holds an escape */
    enum json_type type;
};

struct json_doc {
    struct str text; /* borrowed: lives as long as the caller keeps it */
    const struct json_value *values;
    uint32_t count;
};

/* A position in values; the root is 0. */
typedef uint32_t json_pos;
#define JSON_NONE UINT32_MAX

enum json_profile {
    JSON_STRICT,
    /* For results of upstream servers: lone-surrogate escapes in string *values* are let through,
     * since real servers cut emoji; all else is as strict. */
    JSON_RESULT,
};

struct json_limits {
    uint32_t max_bytes; /* of text */
    uint32_t max_depth; /* containers inside each other */
    uint32_t max_values;
    uint32_t max_members; /* of one object */
    enum json_profile profile;
};

extern const struct json_limits json_limits_default; /* 1 MiB, 64, 65536, 4096, strict */

/* *ret_doc and its values live in arena. ERR_INVALID names the reason and the byte offset;
 * ERR_LIMIT names the limit. */
enum err_code json_parse(struct str text, const struct json_limits *limits, struct arena *arena,
                         struct json_doc *ret_doc, struct err *err) MUST_CHECK;

enum json_type json_type(const struct json_doc *doc, json_pos pos);
bool json_is(const struct json_doc *doc, json_pos pos, enum json_type type); /* JSON_NONE: false */
/* Value of the member, JSON_NONE when object is JSON_NONE, no object, or has no such member. name
 * is compared after unescaping. */
json_pos json_get(const struct json_doc *doc, json_pos object, struct str name);
/* First child of a container (of an object: the first name), JSON_NONE when empty or no container.
 */
json_pos json_first(const struct json_doc *doc, json_pos container);
/* The sibling behind pos inside container, JSON_NONE at the end. */
json_pos json_next(const struct json_doc *doc, json_pos container, json_pos pos);

/* The source bytes of the value, quotes included. */
struct str json_raw(const struct json_doc *doc, json_pos pos);
/* The unescaped string: a view of the text when it has no escape, else a copy in arena, where a
 * lone surrogate (JSON_RESULT) has become U+FFFD. False: no string (or JSON_NONE), or arena full.
 */
bool json_str(const struct json_doc *doc, json_pos pos, struct arena *arena,
              struct str *ret_text) MUST_CHECK;
/* Is it a string that reads text after unescaping? */
bool json_str_is(const struct json_doc *doc, json_pos pos, struct str text);
/* An integer written without fraction and exponent, in range. */
bool json_i64(const struct json_doc *doc, json_pos pos, int64_t *ret_value) MUST_CHECK;
bool json_bool(const struct json_doc *doc, json_pos pos, bool *ret_value) MUST_CHECK;

/* Does the string read name when ASCII case and the two letters that fold into ASCII (U+017F to s,
 * U+212A to k) are disregarded, and is it not name itself? Such a name is read as `name` by lax
 * parsers. */
bool json_is_variant(const struct json_doc *doc, json_pos string, struct str name);

/* An edit of the judged bytes: text[start, end) becomes with. start == end inserts. */
struct json_edit {
    uint32_t start;
    uint32_t end;
    struct str with;
};

/* Appends text with the edits applied to out. Edits are sorted by start and do not overlap
 * (asserted: they come from positions of a parsed document). */
void json_splice(struct str text, const struct json_edit *edits, size_t count, struct buf *out);
