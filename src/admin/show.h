/*
 * show.h - how the API writes what is governed: names, times, and what is hidden.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/jsonw.h"
#include "gate/control.h"
#include "gate/snapshot.h"

/* RFC 3339 in UTC; 0: the member is left out. */
void show_time(struct jsonw *w, const char *name, int64_t wall_us);
/* An array of words. */
void show_scopes(struct jsonw *w, const char *name, uint32_t scopes);

/* One token as an object: who holds it, what it may, since when and until when. */
void show_token(struct jsonw *w, const struct store_view *view, const struct token *token,
                int64_t now_us);
/* "keys": those of this person. */
void show_keys(struct jsonw *w, const struct store_view *view, int64_t user_id, int64_t now_us);
/* With the groups that the provider provisioned, if it does. */
void show_user(struct jsonw *w, const struct store_view *view, const struct user *user);
/* The members of a token that was just made, the text among them. */
void show_made(struct jsonw *w, const struct token_made *made);
void show_session(struct jsonw *w, const struct oauth_session *session, int64_t now_us);

struct tool_counts {
    size_t tools;        /* that the server has now */
    size_t unclassified; /* of them, hidden because nobody said what they can do */
    size_t quarantined;  /* of them, hidden until somebody approves them */
};

struct tool_counts show_count_tools(const struct snapshot *snapshot,
                                    const struct snapshot_server *server);
/* "hidden": one {server, tools, unclassified, quarantined, command} for each server that has some
 * of either; command is the one to run next. */
void show_hidden(struct jsonw *w, const struct snapshot *snapshot);
/* The command that a server's hidden tools ask for. */
void show_command(struct jsonw *w, struct str server, const struct tool_counts *counts);
