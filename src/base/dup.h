/*
 * dup.h - does a list hold the same name twice? In linear time, whatever names an attacker chooses.
 *
 * Threads: none of its own.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

/* Up to this many names are compared directly and need no slots. */
enum { DUP_SMALL = 16 };

/* How many slots dup_find() needs for that many names. count < 2^30. */
size_t dup_slots(size_t count);

/* Position of the first name that stands before it already; count when all differ. slots may be
 * NULL when dup_slots(count) is 0; what they hold before does not matter. */
size_t dup_find(const struct str *names, size_t count, uint32_t *slots) MUST_CHECK;
