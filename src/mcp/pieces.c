#include "mcp/pieces.h"

#include <assert.h>

void pieces_add(struct mcp_pieces *pieces, struct str piece)
{
    if (piece.len == 0)
        return;
    assert(pieces->count < MCP_MAX_PIECES);
    pieces->piece[pieces->count++] = piece;
}

size_t pieces_bytes(const struct mcp_pieces *pieces)
{
    size_t bytes = 0;
    for (size_t i = 0; i < pieces->count; i++)
        bytes += pieces->piece[i].len;
    return bytes;
}

void pieces_write(struct buf *out, const struct mcp_pieces *pieces)
{
    for (size_t i = 0; i < pieces->count; i++)
        buf_add(out, pieces->piece[i]);
}
