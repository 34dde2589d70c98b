/*
 * snapshot.h - an immutable, counted, compiled view of what is governed: every decision is made on
 * one and names its policy version.
 *
 * Servers and tools have the indices that the policy knows them by. A tool that has gone stays out
 * of lists, but keeps its index until the next snapshot.
 *
 * Threads: made on the control job thread; ref and unref from any thread; all else is read only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/secret.h"
#include "base/str.h"
#include "base/url.h"
#include "base/words.h"
#include "gate/settings.h"
#include "identity/caller.h"
#include "mcp/tool.h"
#include "policy/policy.h"
#include "store/store.h"

struct snapshot;

/* A header that the gateway adds to every request to this server. */
struct snapshot_header {
    struct str name;
    const struct secret *value; /* the whole value */
};

struct snapshot_server {
    uint32_t index;
    int64_t id;
    struct str name;
    enum server_kind kind;
    struct url url;                /* of SERVER_URL */
    const struct program *program; /* of SERVER_PROGRAM; NULL: the settings do not name it */
    const struct snapshot_header *headers; /* the shared credential */
    size_t header_count;
    struct str problem; /* why it can't be used ("no secret named …"); empty: it can */
    /* Changes when anything about reaching the server changes: connections of an older one are
     * given up. */
    uint64_t address_hash;
    uint32_t first_tool; /* its tools stand in a row */
    uint32_t tool_count;
    struct server governed; /* name, rules, release and look alone: what its tools are judged by */
};

struct snapshot_tool {
    uint32_t index;
    const struct snapshot_server *server;
    struct str name;               /* upstream */
    struct str exposed;            /* on /mcp */
    struct str definition;         /* in force; of a tool that never had one, the one that waits */
    uint8_t hash[TOOL_HASH_BYTES]; /* of definition */
    enum category category;
    enum tool_state state;
    enum reason hold; /* of TOOL_QUARANTINED */
    bool is_classified;
    bool is_gone;
    bool is_listed;      /* its definition can be relayed; the others can't be called */
    struct mcp_tool mcp; /* as it is listed; only when is_listed */
};

/* view and settings: only read now, settings must outlive the snapshot (programs are borrowed).
 * *ret_snapshot has one reference, the caller's. */
enum err_code snapshot_new(const struct store_view *view, const struct settings *settings,
                           struct snapshot **ret_snapshot, struct err *err) MUST_CHECK;
struct snapshot *snapshot_ref(struct snapshot *snapshot);
void snapshot_unref(struct snapshot *snapshot); /* NULL is fine */

uint64_t snapshot_version(const struct snapshot *snapshot); /* policy version */
const struct policy *snapshot_policy(const struct snapshot *snapshot);
const struct token_table *snapshot_tokens(const struct snapshot *snapshot);

size_t snapshot_server_count(const struct snapshot *snapshot);
const struct snapshot_server *snapshot_server_at(const struct snapshot *snapshot, size_t index);
/* NULL: no such server. */
const struct snapshot_server *snapshot_find_server(const struct snapshot *snapshot,
                                                   struct str name);
const struct snapshot_server *snapshot_find_server_id(const struct snapshot *snapshot, int64_t id);

/* Of a verdict's grant. */
struct str snapshot_grant_name(const struct snapshot *snapshot, uint32_t grant);

size_t snapshot_tool_count(const struct snapshot *snapshot);
const struct snapshot_tool *snapshot_tool_at(const struct snapshot *snapshot, size_t index);
/* By exposed name (server NULL: on /mcp), or by upstream name of one server. NULL: no such tool. */
const struct snapshot_tool *snapshot_find_tool(const struct snapshot *snapshot,
                                               const struct snapshot_server *server,
                                               struct str name);
