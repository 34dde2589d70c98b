/*
 * show.h - how the API writes what is governed: names, times, and what is hidden.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/jsonw.h"
#include "gate/snapshot.h"

/* RFC 3339 in UTC; 0: the member is left out. */
void show_time(struct jsonw *w, const char *name, int64_t wall_us);
/* An array of words. */
void show_scopes(struct jsonw *w, const char *name, uint32_t scopes);

struct tool_counts {
    size_t tools;        /* that the server has now */
    size_t unclassified; /* of them, hidden because nobody said what they can do */
};

struct tool_counts show_count_tools(const struct snapshot *snapshot,
                                    const struct snapshot_server *server);
/* "hidden": one {server, tools, unclassified, command} for each server with unclassified tools. */
void show_hidden(struct jsonw *w, const struct snapshot *snapshot);
/* The command that classifies the tools of a server. */
void show_command(struct jsonw *w, struct str server);
