/*
 * definition.h - what a server says about one tool, in a form that can be pinned.
 *
 * The canonical form is a JSON object of the members name, title, description, inputSchema,
 * outputSchema and annotations that are there (x-mcp-header annotations stand inside inputSchema),
 * with the names of all objects sorted, no insignificant whitespace, one spelling of every string,
 * and numbers as the server wrote them. Two definitions with one hash say the same to a client and
 * a model; members outside this list (icons, _meta, execution) are not pinned.
 *
 * Pure: a judged document in, views out.
 */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"

#define DEFINITION_HASH_BYTES 32
/* Longest upstream tool name that is taken over; MCP allows 128. */
#define DEFINITION_MAX_NAME_BYTES 1024

struct definition {
    struct str name;        /* unescaped */
    struct str title;       /* empty: none */
    struct str description; /* empty: none */
    json_pos input_schema;  /* an object */
    json_pos output_schema; /* JSON_NONE: none */
    json_pos annotations;   /* JSON_NONE: none */
    struct str raw;         /* byte for byte as the server wrote it; a view into the document */
    struct str canonical;   /* in arena */
    uint8_t hash[DEFINITION_HASH_BYTES]; /* SHA-256 of canonical */
};

/* tool: one element of a tools/list result. ERR_INVALID: it is no tool (name and inputSchema are
 * required, the known members have their types, name has 1 to 1,024 bytes without control
 * characters). ERR_LIMIT: arena is full, or it nests too deep. */
enum err_code definition_read(const struct json_doc *doc, json_pos tool, struct arena *arena,
                              struct definition *ret_definition, struct err *err) MUST_CHECK;
