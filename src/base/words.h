/*
 * words.h - the words that all rooms share: categories, principal kinds, scopes, decisions,
 * reasons. The vocabulary itself is words.def.
 *
 * Sets are bits: bit N stands for the enum's value N. An empty set holds nothing and grants
 * nothing.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/str.h"

enum category {
#define X_CATEGORY(name, word, meaning) name,
#include "base/words.def"
    CATEGORIES /* how many there are */
};

enum principal_kind {
#define X_PRINCIPAL(name, word, meaning) name,
#include "base/words.def"
    PRINCIPAL_KINDS
};

enum user_role {
#define X_ROLE(name, word, meaning) name,
#include "base/words.def"
    USER_ROLES
};

enum scope {
#define X_SCOPE(name, word, meaning) name,
#include "base/words.def"
    SCOPES
};

enum decision {
#define X_DECISION(name, word, meaning) name,
#include "base/words.def"
    DECISIONS
};

enum factor {
#define X_FACTOR(name, word, meaning) name,
#include "base/words.def"
    FACTORS
};

enum reason {
#define X_REASON(name, word, factor) name,
#include "base/words.def"
    REASONS
};

enum provisioning {
#define X_PROVISIONING(name, word, meaning) name,
#include "base/words.def"
    PROVISIONINGS
};

enum credential_mode {
#define X_CREDENTIAL(name, word, meaning) name,
#include "base/words.def"
    CREDENTIAL_MODES
};

enum tool_state {
#define X_TOOL_STATE(name, word, meaning) name,
#include "base/words.def"
    TOOL_STATES
};

enum release {
#define X_RELEASE(name, word, meaning) name,
#include "base/words.def"
    RELEASES
};

#define CATEGORY_BIT(category) ((uint8_t)(1u << (category)))
#define CATEGORY_SET_ALL       ((uint8_t)((1u << CATEGORIES) - 1))
#define PRINCIPAL_BIT(kind)    ((uint8_t)(1u << (kind)))
#define PRINCIPAL_SET_ALL      ((uint8_t)((1u << PRINCIPAL_KINDS) - 1))
#define RELEASE_BIT(release)   ((uint8_t)(1u << (release)))
#define SCOPE_BIT(scope)       (1u << (scope))
#define SCOPE_SET_ALL          ((1u << SCOPES) - 1)
/* All that somebody who is no provider can have. */
#define SCOPE_SET_PEOPLE (SCOPE_SET_ALL & ~SCOPE_BIT(SCOPE_SCIM))
/* Everything a robot may need for its work; nothing that administers. */
#define SCOPE_SET_CALLS                                                                            \
    (SCOPE_BIT(SCOPE_LIST) | SCOPE_BIT(SCOPE_CALL_READ_ONLY) | SCOPE_BIT(SCOPE_CALL_WRITE) |       \
     SCOPE_BIT(SCOPE_CALL_DESTRUCTIVE) | SCOPE_BIT(SCOPE_CALL_ADMIN))

/* The scope that a call of this category needs. */
static inline enum scope category_scope(enum category category)
{
    return (enum scope)((unsigned)SCOPE_CALL_READ_ONLY + (unsigned)category);
}

static inline enum category category_worse(enum category a, enum category b)
{
    return a > b ? a : b;
}

/* Words are static C strings; a value out of range (a bug) reads "?". */
const char *category_word(enum category category);
const char *category_meaning(enum category category);
const char *principal_word(enum principal_kind kind);
const char *role_word(enum user_role role);
const char *role_meaning(enum user_role role);
const char *scope_word(enum scope scope);
const char *scope_meaning(enum scope scope);
const char *decision_word(enum decision decision);
const char *factor_word(enum factor factor);
const char *factor_meaning(enum factor factor);
const char *reason_word(enum reason reason);
enum factor reason_factor(enum reason reason);
const char *provisioning_word(enum provisioning provisioning);
const char *credential_mode_word(enum credential_mode mode);
const char *tool_state_word(enum tool_state state);
const char *release_word(enum release release);
const char *release_meaning(enum release release);

/* Exact words only. False: no such word, *ret_x is untouched. */
bool category_parse(struct str word, enum category *ret_category) MUST_CHECK;
bool principal_parse(struct str word, enum principal_kind *ret_kind) MUST_CHECK;
bool role_parse(struct str word, enum user_role *ret_role) MUST_CHECK;
bool scope_parse(struct str word, enum scope *ret_scope) MUST_CHECK;
bool decision_parse(struct str word, enum decision *ret_decision) MUST_CHECK;
bool reason_parse(struct str word, enum reason *ret_reason) MUST_CHECK;
bool provisioning_parse(struct str word, enum provisioning *ret_provisioning) MUST_CHECK;
bool credential_mode_parse(struct str word, enum credential_mode *ret_mode) MUST_CHECK;
bool tool_state_parse(struct str word, enum tool_state *ret_state) MUST_CHECK;
bool release_parse(struct str word, enum release *ret_release) MUST_CHECK;

/* Appends the words of a set in the order of the enum, with sep between. */
void category_set_write(struct buf *out, uint8_t set, const char *sep);
void principal_set_write(struct buf *out, uint8_t set, const char *sep);
void scope_set_write(struct buf *out, uint32_t set, const char *sep);
void release_set_write(struct buf *out, uint8_t set, const char *sep);
