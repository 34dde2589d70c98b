/*
 * client_table.h - the OAuth clients that this gateway knows: those of the settings file, and those
 * that administrators keep in the store; and which of all there are are blocked.
 *
 * 1. An id of the settings file is the settings file's: the store can't say anything else of it.
 * 2. A blocked client is blocked wherever it is kept, or if nobody keeps it at all; and so is
 *    whoever acts on what it was given.
 *
 * Threads: immutable after client_table_new(), part of the snapshot.
 */
#pragma once

#include "base/arena.h"
#include "identity/caller.h"
#include "identity/provider.h"

struct client_table;

/* Copies what it needs of clients and marks; rules (NULL: none) must outlive it. NULL: memory is
 * out. */
struct client_table *client_table_new(const struct token_table_input *input);
void client_table_free(struct client_table *table); /* NULL is fine */

/* A copy in arena, so that the snapshot may go. ERR_NOT_FOUND: no such client. */
enum err_code client_table_find(const struct client_table *table, struct str id,
                                struct arena *arena, struct oauth_client *ret_client,
                                struct err *err) MUST_CHECK;
size_t client_table_count(const struct client_table *table);
/* May a token of this gateway that came of no sign-in be this client's? */
bool client_table_knows(const struct client_table *table, struct str id);
bool client_table_is_agent(const struct client_table *table, struct str id);
/* Is it the robot with this id, and name? */
bool client_table_is_robot(const struct client_table *table, struct str id, int64_t robot_id,
                           struct str name);

bool client_table_is_blocked(const struct client_table *table, struct str id);
/* Is the caller's client blocked, or one of those who act in between? */
bool client_table_blocks(const struct client_table *table, const struct caller *caller);
