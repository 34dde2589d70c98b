/*
 * world.h - a policy written as lines that people can read; the format is explained in
 * decisions.txt.
 */
#pragma once

#include "base/arena.h"
#include "policy/policy.h"

/* Who asks, by name: what the reference needs, and what a policy makes a subject of. */
struct world_who {
    enum principal_kind kind;
    struct str name; /* empty: nobody */
    struct policy_names groups;
};

/* One question and its expected answer. */
struct world_case {
    struct world_who who;
    struct policy_facts facts; /* subject is not set */
    enum decision decision;
    enum reason reason;
    struct str grant; /* "-": none */
    uint32_t ceiling; /* POLICY_NONE: none */
    bool may_know;
};

enum { WORLD_MAX = 256 };

struct world {
    struct arena *arena;
    struct policy_server servers[WORLD_MAX];
    struct policy_tool tools[WORLD_MAX];
    struct policy_robot robots[WORLD_MAX];
    struct policy_role roles[WORLD_MAX];
    struct policy_grant grants[WORLD_MAX];
    struct policy_ceiling ceilings[WORLD_MAX];
    struct policy_input input;
};

struct world *world_new(void);
void world_free(struct world *world);
void world_clear(struct world *world);

/* Adds what one line says, or reads a question ("? …"); fails the test on a line it does not take.
 * Returns whether the line was a question. */
bool world_line(struct world *world, struct str line, struct world_case *ret_case);
void world_text(struct world *world, const char *text);

/* The subject of who in a policy compiled from the world. */
const struct policy_subject *world_subject(struct world *world, const struct policy *policy,
                                           const struct world_who *who);
struct policy *world_compile(const struct world *world);
