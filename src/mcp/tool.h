/*
 * tool.h - tool definitions as upstreams give them: one of them, and a whole list gathered
 * page by page.
 *
 * A tool is dropped, with a reason, when its definition can't be relayed safely: no legal name, no
 * object as inputSchema, an x-mcp-header against the rules, a name that two tools of the server
 * share (then both), too large.
 *
 * Threads: values are immutable and live as long as the arena.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "mcp/message.h"
#include "mcp/schema.h"

enum {
    TOOL_MAX_BYTES = 256 * 1024,
    TOOL_MAX_COUNT = 10000, /* of one server */
    TOOL_MAX_PAGES = 1000,
};

/* A hint of the annotations; servers are not trusted with them. */
enum mcp_hint {
    MCP_HINT_NONE, /* not given */
    MCP_HINT_FALSE,
    MCP_HINT_TRUE,
};

struct mcp_tool {
    struct str definition; /* JSON, byte for byte as the server wrote it */
    struct str name;       /* unescaped, legal */
    uint32_t name_start;   /* where its value stands in definition, quotes included */
    uint32_t name_end;
    struct str title; /* or annotations.title; ptr NULL: none */
    struct str description;
    enum mcp_hint read_only;
    enum mcp_hint destructive;
    enum mcp_hint idempotent;
    enum mcp_hint open_world;
    struct schema_facts facts;
};

/* Reads one definition; *ret_tool borrows definition. ERR_INVALID: the tool must be dropped, the
 * sentence says why. */
enum err_code tool_read(struct str definition, struct arena *arena, struct mcp_tool *ret_tool,
                        struct err *err) MUST_CHECK;

struct mcp_dropped_tool {
    struct str name; /* bytes as sent, cut; may be empty */
    struct str why;
};

/* The tools of one server while its pages come in. */
struct tool_list;

/* Everything lives in arena. NULL: arena full. */
struct tool_list *tool_list_new(struct arena *arena);
/* Adds the result of one tools/list (copies what it keeps). *ret_cursor: what to ask for next; ptr
 * NULL: that was the last page. ERR_INVALID: no valid result (or the server gives one cursor
 * twice); ERR_LIMIT. */
enum err_code tool_list_add(struct tool_list *list, const struct mcp_message *response,
                            struct str *ret_cursor, struct err *err) MUST_CHECK;
/* In the server's order, after the last page. */
const struct mcp_tool *tool_list_tools(struct tool_list *list, size_t *ret_count);
const struct mcp_dropped_tool *tool_list_dropped(struct tool_list *list, size_t *ret_count);
