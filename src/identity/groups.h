/*
 * groups.h - the groups of a person as they are kept with what was made for the person: a JSON list
 * of texts.
 */
#pragma once

#include "base/arena.h"
#include "base/jsonw.h"
#include "base/str.h"
#include "identity/caller.h"

/* Sets groups and their count, all of it in arena. False, and *caller is untouched: no list of
 * texts, or arena is full. */
bool groups_read(struct str text, struct arena *arena, struct caller *caller) MUST_CHECK;
/* The list as the next value. */
void groups_write(struct jsonw *w, const struct caller *caller);
