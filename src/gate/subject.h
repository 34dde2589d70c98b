/*
 * subject.h - a caller as the policy knows it: the one place where principals become grants.
 */
#pragma once

#include "base/arena.h"
#include "gate/snapshot.h"
#include "identity/caller.h"

/* NULL: nobody, who may do nothing. Lives as long as snapshot and arena. */
const struct policy_subject *subject_of(const struct snapshot *snapshot,
                                        const struct caller *caller, struct arena *arena);
