/*
 * era.h - which era a client's request belongs to, and whether its headers agree with its body (MCP
 * 2026-07-28 "Streamable HTTP", "Versioning").
 *
 * The body decides; headers are only checked against it. Headers of legacy requests are not trusted
 * for anything but the protocol version and the session.
 */
#pragma once

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "mcp/error.h"
#include "mcp/header.h"
#include "mcp/message.h"
#include "mcp/schema.h"
#include "mcp/version.h"

struct mcp_terms {
    enum mcp_era era;
    /* Modern: that of the request. Legacy: that of the header, 2025-03-26 without one, and of
     * initialize what it is answered with. A session knows better. */
    enum mcp_version version;
};

/* Of the answer to a body that could not even be read: the headers alone tell. */
enum mcp_era era_guess(const struct mcp_headers *headers);

/* Era, version, required _meta, header agreement and the method table, in this order. On failure
 * *ret_refusal and *ret_terms (the era decides how the refusal is answered) are filled. Answers of
 * clients to requests of servers pass in the legacy era: nothing waits for them, the caller drops
 * them. */
enum err_code era_check(const struct mcp_headers *headers, const struct mcp_message *message,
                        struct arena *arena, struct mcp_terms *ret_terms,
                        struct mcp_refusal *ret_refusal) MUST_CHECK;

/* Mcp-Param-* of a modern tools/call against its arguments. */
enum err_code era_check_params(const struct mcp_headers *headers, const struct mcp_message *message,
                               const struct schema_facts *facts, struct arena *arena,
                               struct mcp_refusal *ret_refusal) MUST_CHECK;
