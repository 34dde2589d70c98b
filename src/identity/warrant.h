/*
 * warrant.h - what a token of this gateway that was issued to a robot's workload stands on: a
 * digest of the rules that said which workload that is. With other rules it stands on nothing any
 * more.
 *
 * Pure.
 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"

/* identity: as of struct robot. Empty when count is 0. False: memory is out. */
bool warrant_make(const struct str *identity, size_t count, struct arena *arena,
                  struct str *ret_warrant) MUST_CHECK;
