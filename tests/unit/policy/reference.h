/*
 * reference.h - what a decision must be, written to be obviously right and not fast: it reads the
 * lists of names as an administrator would.
 */
#pragma once

#include "world.h"

/* facts->subject is not read. */
struct policy_verdict reference_decide(const struct policy_input *input,
                                       const struct world_who *who,
                                       const struct policy_facts *facts);
