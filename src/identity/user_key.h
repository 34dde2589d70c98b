/*
 * user_key.h - keys of people (pru_…) as callers: what a stored key is good for under the users,
 * sessions and settings of now.
 *
 * 1. A key never carries more than its person may now: a role that is taken away narrows it, a
 *    provider that is not trusted any more ends it.
 * 2. A key made for an agent is delegated, names the agent, and carries nothing of the role.
 * 3. It ends with its time, with the sign-in that it was made in, when the person signs out
 *    everywhere or is disabled, and user_key_max_days after it was made, whichever comes first.
 *    What is kept of it and makes no sense ends it, too.
 * 4. Groups are those of the person when the key was made: a key brings no claims of its own.
 *
 * Pure.
 */
#pragma once

#include <stdbool.h>

#include "identity/caller.h"

struct user_key {
    struct caller caller;
    bool is_taken_back; /* the person signed out after it was made */
    bool is_disabled;   /* the person is, or is not there, or the provider is not trusted */
};

/* input->users are in the order of their ids. Texts of *ret_key live as long as arena. False: arena
 * is full. */
bool user_key_read(const struct token_table_input *input, const struct token *token,
                   struct arena *arena, struct user_key *ret_key) MUST_CHECK;

/* A name for a key or an agent: letters, digits, ".", "_" and "-", at most 64. It stands in chains
 * and records. */
bool user_key_is_name(struct str name);
