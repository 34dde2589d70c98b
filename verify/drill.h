/*
 * drill.h - the verifier put to the test: an image of a log is changed in every way that a log can
 * be changed, at random places, and each change must be found, with the first entry that is wrong.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "note.h"

/* Prints a line for each way. No file is changed. Exit codes: 0 all were found, 1 some were not, 3
 * the log can't be read, or is not whole to begin with. */
int drill_run(const char *dir, const struct vkey *keys, size_t key_count, uint64_t positions,
              uint64_t seed);
