/*
 * schema.h - what the gateway must know of a tool's input schema: the arguments that are mirrored
 * in headers (x-mcp-header of MCP 2026-07-28).
 *
 * Threads: facts are immutable and live as long as the arena and the definition's bytes.
 */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"

enum {
    SCHEMA_MAX_PARAMS = 32,
    SCHEMA_MAX_HEADER_BYTES = 64,
};

enum schema_type {
    SCHEMA_STRING,
    SCHEMA_INTEGER,
    SCHEMA_BOOLEAN,
};

/* One argument that travels as Mcp-Param-{header} too. */
struct schema_param {
    struct str header;
    enum schema_type type;
    const struct str *path; /* names of properties, outermost first */
    uint32_t depth;         /* of path; at least 1 */
};

struct schema_facts {
    const struct schema_param *params;
    uint32_t count;
};

/* schema: the position of the inputSchema. ERR_INVALID: an annotation breaks a rule, the tool must
 * be dropped. ERR_LIMIT: too many of them, or arena full. */
enum err_code schema_read(const struct json_doc *doc, json_pos schema, struct arena *arena,
                          struct schema_facts *ret_facts, struct err *err) MUST_CHECK;

/* The argument that param speaks of; JSON_NONE when it is absent or null. */
json_pos schema_argument(const struct json_doc *doc, json_pos arguments,
                         const struct schema_param *param);
