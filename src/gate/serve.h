/*
 * serve.h - what the gateway answers itself: discover, initialize, ping, lists, sessions, the API.
 */
#pragma once

#include <stdint.h>

#include "gate/snapshot.h"
#include "identity/caller.h"

/* A hash over the tools (names and definitions) that this caller is shown at this endpoint (empty:
 * /mcp). */
uint64_t serve_list_hash(const struct snapshot *snapshot, const struct caller *caller,
                         struct str endpoint);
