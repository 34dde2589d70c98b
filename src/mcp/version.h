/*
 * version.h - revisions of MCP and the two eras: legacy (initialize, sessions) and modern (from
 * 2026-07-28 on: stateless, metadata in every request).
 */
#pragma once

#include <stdbool.h>

#include "base/attr.h"
#include "base/str.h"

enum mcp_era {
    MCP_LEGACY,
    MCP_MODERN,
};

enum mcp_version {
#define X(name, date, era) name,
#include "mcp/versions.def"
#undef X
    MCP_VERSIONS /* how many there are */
};

#define MCP_LATEST_LEGACY MCP_2025_11_25
#define MCP_LATEST        MCP_2026_07_28

const char *version_word(enum mcp_version version); /* its date */
enum mcp_era version_era(enum mcp_version version);
/* False: none that the gateway speaks. */
bool version_parse(struct str word, enum mcp_version *ret_version) MUST_CHECK;
/* Does the text read as a revision of the modern era, known or not (a date from 2026-07-28 on)? */
bool version_is_modern(struct str word);
/* What `initialize` is answered with: the version asked for when it is a legacy one that is spoken,
 * else the latest legacy one (even for "2026-07-28": the modern era has no initialize). */
enum mcp_version version_negotiate(struct str asked);
