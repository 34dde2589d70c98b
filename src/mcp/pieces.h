/*
 * pieces.h - a message as a short list of byte runs, so that arguments and results are never copied
 * on their way.
 */
#pragma once

#include <stddef.h>

#include "base/buf.h"
#include "base/str.h"

enum { MCP_MAX_PIECES = 24 };

/* The runs are borrowed: from the judged message, from literals, and from the buf that a builder
 * was given. */
struct mcp_pieces {
    struct str piece[MCP_MAX_PIECES];
    size_t count;
};

/* Adds a run; empty ones are passed over. More than fit is a bug (asserted). */
void pieces_add(struct mcp_pieces *pieces, struct str piece);
size_t pieces_bytes(const struct mcp_pieces *pieces);
void pieces_write(struct buf *out, const struct mcp_pieces *pieces);
