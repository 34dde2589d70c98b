/*
 * policy_priv.h - the compiled form, shared by compile, decide and explain.
 *
 * Each grant has a slot, a bit. The slots of one server's grants stand together, from a word
 * boundary on, in the order of the grants; so the grants that allow a call are the AND of two short
 * rows of words: those that reach the subject and those that cover the tool or its category.
 */
#pragma once

#include "base/table.h"
#include "policy/policy.h"

struct compiled_server {
    struct str name;
    enum credential_mode credential_mode;
    bool is_disabled;
    size_t first_word; /* of its slots, in every row over all slots */
    size_t words;
    /* Rows of `words` words; NULL when words is 0. */
    uint64_t *any;                     /* grants that grant anything at all */
    uint64_t *by_category[CATEGORIES]; /* grants of the category */
};

struct compiled_tool {
    struct str name;
    const uint64_t *named; /* row of its server: grants that name it; NULL: none */
    uint32_t server;
    uint8_t category; /* enum category; admin when unclassified */
    bool is_classified;
    bool is_gone;
    bool is_disabled;
    uint8_t hold; /* enum reason; REASON_GRANTED: none */
};

struct compiled_grant {
    struct str name;
    uint8_t categories;
};

struct policy_subject {
    enum principal_kind kind;
    bool is_disabled;
    struct str name;
    const uint64_t *slots; /* row over all slots: grants that reach it */
};

struct compiled_robot {
    int64_t id;
    struct policy_subject subject;
    uint64_t *slots;
};

/* The ceiling that limits a kind of principal in a category; POLICY_NONE: none does. */
struct compiled_limits {
    uint32_t deny[PRINCIPAL_KINDS][CATEGORIES];
    uint32_t approval[PRINCIPAL_KINDS][CATEGORIES];
};

struct policy {
    struct arena *arena;
    struct compiled_server *servers;
    size_t server_count;
    struct compiled_tool *tools;
    size_t tool_count;
    struct compiled_grant *grants;
    size_t grant_count;
    struct compiled_robot *robots; /* by id */
    size_t robot_count;
    struct table *users;  /* name to row over all slots (uint64_t *) */
    struct table *groups; /* the same */
    uint32_t *slot_grant; /* of each slot */
    size_t slot_words;    /* length of a row over all slots */
    struct compiled_limits limits;
};

/* The first slot (of this server) that reaches the subject and stands in row_a or row_b, as the
 * grant's index; POLICY_NONE: none. Either row may be NULL. */
uint32_t policy_first_grant(const struct policy *policy, const struct policy_subject *subject,
                            const struct compiled_server *server, const uint64_t *row_a,
                            const uint64_t *row_b);
