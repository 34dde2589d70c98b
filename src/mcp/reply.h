/*
 * reply.h - what the gateway itself says to clients: results of discover, initialize, ping and
 * tools/list.
 *
 * All append one JSON-RPC response to out; failure shows in out. ids are raw JSON from the request.
 * Errors are written by error_write().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/str.h"
#include "mcp/tool.h"
#include "mcp/version.h"

/* What a client reads of the gateway at the start. */
struct mcp_greeting {
    struct str instructions; /* empty: none */
    bool has_list_changed;   /* tools.listChanged */
    bool has_ema;            /* Enterprise-Managed Authorization is to be had (modern) */
};

/* server/discover (modern). */
void reply_discover(struct buf *out, struct str id, const struct mcp_greeting *greeting);
/* initialize (legacy). */
void reply_initialize(struct buf *out, struct str id, enum mcp_version version,
                      const struct mcp_greeting *greeting);
/* ping and whatever else has nothing to say; to upstreams too (legacy). */
void reply_empty(struct buf *out, struct str id, enum mcp_era era);
/* notifications/tools/list_changed. */
void reply_tools_changed(struct buf *out);

struct mcp_listed_tool {
    const struct mcp_tool *tool;
    struct str exposed_name; /* [A-Za-z0-9_.-] */
};

struct mcp_listing {
    const struct mcp_listed_tool *tools;
    size_t count;
    size_t first;      /* of this page */
    size_t page_bytes; /* a page ends before it grows past this, but has one tool at least; 0: one
                          page */
    uint64_t epoch;    /* of the list; a cursor of another epoch is not valid */
    uint32_t ttl_ms;   /* modern */
};

/* tools/list. Definitions go out byte for byte but for the name. */
void reply_tools(struct buf *out, struct str id, enum mcp_era era,
                 const struct mcp_listing *listing);
/* Where the page of a cursor begins. False: not a cursor of this list. */
bool reply_read_cursor(struct str cursor, uint64_t epoch, size_t count,
                       size_t *ret_first) MUST_CHECK;
