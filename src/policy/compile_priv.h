/*
 * compile_priv.h - what the files that compile a policy share.
 */
#pragma once

#include "policy/policy_priv.h"

enum { WORD_BITS = 64 };

/* What compiling needs and the policy does not keep. */
struct compile {
    const struct policy_input *in;
    struct policy *policy;
    uint32_t *grant_slot; /* of each grant; POLICY_NONE: it has no server */
    uint32_t *by_name;    /* tools by server, then name */
};

enum err_code compile_no_memory(struct err *err);
void compile_set_bit(uint64_t *row, size_t bit);
/* Zeroed; NULL: the arena is full. */
uint64_t *compile_new_row(struct policy *policy, size_t words);
bool compile_dup(struct policy *policy, struct str from, struct str *ret_to) MUST_CHECK;

/* Robots, users and groups, and the slots of the grants that reach them. err is not NULL. */
enum err_code compile_members(struct compile *c, struct err *err) MUST_CHECK;
