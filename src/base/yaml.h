/*
 * yaml.h - a small tree from a YAML text, for files that people write: settings and governance.
 *
 * Refused, each with line and column: anchors, aliases, tags, directives, merge keys, names that
 * are not scalars, duplicate names, a second document, depth and size past the maximum, invalid
 * UTF-8 and a byte order mark. What is left reads the same in YAML 1.1 and 1.2, because a scalar is
 * text until the reader asks for a number or a truth value.
 *
 * Threads: a tree is immutable after yaml_parse(). Nothing here blocks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum { YAML_MAX_BYTES = 1024 * 1024, YAML_MAX_DEPTH = 32, YAML_MAX_NODES = 65536 };

enum yaml_kind {
    YAML_SCALAR,
    YAML_SEQUENCE,
    YAML_MAPPING,
};

struct yaml_node {
    enum yaml_kind kind;
    bool is_plain; /* a scalar without quotes: only such a one is a number, a truth value or null */
    uint32_t line; /* from 1 */
    uint32_t column; /* from 1, in characters */
    struct str text; /* of a scalar, without NUL bytes; ptr also serves as a C string */
    const struct yaml_node *name;  /* in a mapping: the scalar before the colon; else NULL */
    const struct yaml_node *first; /* first child: elements, or values of the members; NULL: none */
    const struct yaml_node *next;  /* the sibling behind it, NULL at the end */
    uint32_t count;                /* children */
};

/* *ret_root and everything below it live in arena. A text without any node is a plain empty scalar
 * (null). ERR_INVALID names line, column and reason; ERR_LIMIT names the maximum. */
enum err_code yaml_parse(struct str text, struct arena *arena, const struct yaml_node **ret_root,
                         struct err *err) MUST_CHECK;

/* Value of the member; NULL when node is NULL, no mapping, or has no such member. */
const struct yaml_node *yaml_find(const struct yaml_node *node, struct str name);
/* NULL, or a plain scalar that is empty, ~ or null. */
bool yaml_is_null(const struct yaml_node *node);
/* Exactly the plain scalars true and false; `yes`, `on` and quoted words are refused. */
bool yaml_bool(const struct yaml_node *node, bool *ret_value) MUST_CHECK;
/* A plain decimal integer in range, without leading zeros, underscores or a plus sign. */
bool yaml_i64(const struct yaml_node *node, int64_t *ret_value) MUST_CHECK;

/* ERR_INVALID with "line L, column C: " before the sentence. */
enum err_code yaml_err(const struct yaml_node *node, struct err *err, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
