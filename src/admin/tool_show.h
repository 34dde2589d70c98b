/*
 * tool_show.h - how the API writes a tool: where it stands, by whose word, and its definition.
 */
#pragma once

#include "base/err.h"
#include "base/jsonw.h"
#include "catalog/review.h"
#include "gate/api.h"
#include "gate/snapshot.h"
#include "store/store.h"

/* A tool as it was found, and where it stands. */
struct tool_found {
    const struct server *server;
    const struct tool *tool;
    const struct snapshot_tool *exposed; /* NULL: not in the snapshot yet */
    struct review_standing standing;
};

/* NULL: not there. */
const struct server *tool_server(const struct governance *governance, int64_t id);
struct tool_found tool_find_standing(const struct snapshot *snapshot, const struct server *server,
                                     const struct tool *tool);

/* All that is stored; name empty, or that of a server that is there. ERR_NOT_FOUND. */
enum err_code tool_load(const struct api_request *request, struct str name, struct store_view *view,
                        struct err *err) MUST_CHECK;
/* The tool of this server by its upstream or exposed name; NULL: there is none. */
const struct tool *tool_of_name(const struct store_view *view, const struct snapshot *snapshot,
                                const struct server *server, struct str name);
/* The tool that the path names: server, then tool by upstream or exposed name. Lives as long as the
 * request and the snapshot. */
enum err_code tool_find(const struct api_request *request, const struct snapshot *snapshot,
                        struct tool_found *ret_found, struct err *err) MUST_CHECK;

/* Is the definition last seen the one that calls are judged by? */
bool tool_is_in_force(const struct tool *tool);

/* Members of an object that is open. */
void tool_write_facts(struct jsonw *w, const struct tool_found *found);
/* As JSON under name; as text under name and "_text" when it holds what strict readers refuse
 * (servers cut emoji in half). */
void tool_write_definition(struct jsonw *w, const char *name, struct str definition,
                           struct arena *arena);
void tool_write_hash(struct jsonw *w, const char *name, const uint8_t hash[TOOL_HASH_BYTES]);
