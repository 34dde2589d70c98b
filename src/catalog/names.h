/*
 * names.h - the names under which clients see tools, and the table that leads back.
 *
 * 1. On /mcp/SERVER: the upstream name byte for byte if MCP allows it ([A-Za-z0-9_.-], 1 to 128),
 * so that what clients learned about a server stays true.
 * 2. On /mcp: server__tool mapped to [A-Za-z0-9_-] and at most 64 characters, which every known
 * client and model takes. What is longer, or not allowed above, is mapped and ends in "_" and 8
 * hexadecimal digits of SHA-256 over server and upstream name: the same after every restart.
 * 3. A name is resolved through the table alone, never by splitting.
 * 4. Two tools with one exposed name: the second is refused.
 *
 * Threads: a table is immutable once it is filled.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"

#define NAMES_MAX_SERVER_BYTES 32
#define NAMES_MAX_TOOL_BYTES   128 /* MCP, tools: "Tool Names" */
#define NAMES_MAX_FLAT_BYTES   64

/* [a-z0-9] then [a-z0-9_-], at most 32, no "__", not ending in "_". */
bool names_is_server(struct str name);
/* May a client see this upstream name as it is? */
bool names_is_legal_tool(struct str name);

/* The name on /mcp/SERVER; text takes NAMES_MAX_TOOL_BYTES. The result is upstream itself or a view
 * of text. */
struct str names_plain(struct str server, struct str upstream, char text[NAMES_MAX_TOOL_BYTES]);
/* The name on /mcp, a view of text. */
struct str names_flat(struct str server, struct str upstream, char text[NAMES_MAX_FLAT_BYTES]);

struct names;

/* NULL: memory is out. */
struct names *names_new(void);
void names_free(struct names *names); /* NULL is fine */
void names_freep(struct names **names);

/* Exposes a tool under its plain and its flat name; tool is the caller's index (not UINT32_MAX).
 * Copies. ERR_CONFLICT names the tool that has the name already; then nothing was added.
 * ERR_INVALID: server is no server name, or upstream is empty. ERR_LIMIT: memory is out. */
enum err_code names_add(struct names *names, struct str server, struct str upstream, uint32_t tool,
                        struct err *err) MUST_CHECK;

/* The tool's index; false: nobody has this name there. */
bool names_find_plain(const struct names *names, struct str server, struct str exposed,
                      uint32_t *ret_tool) MUST_CHECK;
bool names_find_flat(const struct names *names, struct str exposed, uint32_t *ret_tool) MUST_CHECK;
