#include "base/words.h"

#include <stddef.h>

struct word {
    const char *word;
    const char *meaning;
};

static const struct word categories[] = {
#define X_CATEGORY(name, word, meaning) [name] = {word, meaning},
#include "base/words.def"
};

static const struct word principals[] = {
#define X_PRINCIPAL(name, word, meaning) [name] = {word, meaning},
#include "base/words.def"
};

static const struct word roles[] = {
#define X_ROLE(name, word, meaning) [name] = {word, meaning},
#include "base/words.def"
};

static const struct word scopes[] = {
#define X_SCOPE(name, word, meaning) [name] = {word, meaning},
#include "base/words.def"
};

static const struct word decisions[] = {
#define X_DECISION(name, word, meaning) [name] = {word, meaning},
#include "base/words.def"
};

static const struct word factors[] = {
#define X_FACTOR(name, word, meaning) [name] = {word, meaning},
#include "base/words.def"
};

static const struct word reasons[] = {
#define X_REASON(name, word, factor) [name] = {word, NULL},
#include "base/words.def"
};

static const enum factor reason_factors[] = {
#define X_REASON(name, word, factor) [name] = factor,
#include "base/words.def"
};

static const struct word provisionings[] = {
#define X_PROVISIONING(name, word, meaning) [name] = {word, meaning},
#include "base/words.def"
};

static const struct word credential_modes[] = {
#define X_CREDENTIAL(name, word, meaning) [name] = {word, meaning},
#include "base/words.def"
};

static const struct word tool_states[] = {
#define X_TOOL_STATE(name, word, meaning) [name] = {word, meaning},
#include "base/words.def"
};

static const struct word releases[] = {
#define X_RELEASE(name, word, meaning) [name] = {word, meaning},
#include "base/words.def"
};

static const char *word_at(const struct word *words, size_t count, size_t index)
{
    return index < count ? words[index].word : "?";
}

static const char *meaning_at(const struct word *words, size_t count, size_t index)
{
    return index < count ? words[index].meaning : "?";
}

/* Position of the word, or count. */
static size_t find(const struct word *words, size_t count, struct str word)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(word, str_c(words[i].word)))
            return i;
    return count;
}

static void write_set(struct buf *out, const struct word *words, size_t count, uint32_t set,
                      const char *sep)
{
    bool is_first = true;
    for (size_t i = 0; i < count; i++) {
        if ((set >> i & 1) == 0)
            continue;
        if (!is_first)
            buf_add_c(out, sep);
        buf_add_c(out, words[i].word);
        is_first = false;
    }
}

const char *category_word(enum category category)
{
    return word_at(categories, CATEGORIES, category);
}

const char *category_meaning(enum category category)
{
    return meaning_at(categories, CATEGORIES, category);
}

const char *principal_word(enum principal_kind kind)
{
    return word_at(principals, PRINCIPAL_KINDS, kind);
}

const char *role_word(enum user_role role)
{
    return word_at(roles, USER_ROLES, role);
}

const char *role_meaning(enum user_role role)
{
    return meaning_at(roles, USER_ROLES, role);
}

const char *scope_word(enum scope scope)
{
    return word_at(scopes, SCOPES, scope);
}

const char *scope_meaning(enum scope scope)
{
    return meaning_at(scopes, SCOPES, scope);
}

const char *decision_word(enum decision decision)
{
    return word_at(decisions, DECISIONS, decision);
}

const char *factor_word(enum factor factor)
{
    return word_at(factors, FACTORS, factor);
}

const char *factor_meaning(enum factor factor)
{
    return meaning_at(factors, FACTORS, factor);
}

const char *reason_word(enum reason reason)
{
    return word_at(reasons, REASONS, reason);
}

enum factor reason_factor(enum reason reason)
{
    return (size_t)reason < REASONS ? reason_factors[reason] : FACTOR_NONE;
}

const char *provisioning_word(enum provisioning provisioning)
{
    return word_at(provisionings, PROVISIONINGS, provisioning);
}

const char *credential_mode_word(enum credential_mode mode)
{
    return word_at(credential_modes, CREDENTIAL_MODES, mode);
}

const char *tool_state_word(enum tool_state state)
{
    return word_at(tool_states, TOOL_STATES, state);
}

const char *release_word(enum release release)
{
    return word_at(releases, RELEASES, release);
}

const char *release_meaning(enum release release)
{
    return meaning_at(releases, RELEASES, release);
}

bool category_parse(struct str word, enum category *ret_category)
{
    size_t at = find(categories, CATEGORIES, word);
    if (at == CATEGORIES)
        return false;
    *ret_category = (enum category)at;
    return true;
}

bool principal_parse(struct str word, enum principal_kind *ret_kind)
{
    size_t at = find(principals, PRINCIPAL_KINDS, word);
    if (at == PRINCIPAL_KINDS)
        return false;
    *ret_kind = (enum principal_kind)at;
    return true;
}

bool role_parse(struct str word, enum user_role *ret_role)
{
    size_t at = find(roles, USER_ROLES, word);
    if (at == USER_ROLES)
        return false;
    *ret_role = (enum user_role)at;
    return true;
}

bool scope_parse(struct str word, enum scope *ret_scope)
{
    size_t at = find(scopes, SCOPES, word);
    if (at == SCOPES)
        return false;
    *ret_scope = (enum scope)at;
    return true;
}

bool decision_parse(struct str word, enum decision *ret_decision)
{
    size_t at = find(decisions, DECISIONS, word);
    if (at == DECISIONS)
        return false;
    *ret_decision = (enum decision)at;
    return true;
}

bool reason_parse(struct str word, enum reason *ret_reason)
{
    size_t at = find(reasons, REASONS, word);
    if (at == REASONS)
        return false;
    *ret_reason = (enum reason)at;
    return true;
}

bool provisioning_parse(struct str word, enum provisioning *ret_provisioning)
{
    size_t at = find(provisionings, PROVISIONINGS, word);
    if (at == PROVISIONINGS)
        return false;
    *ret_provisioning = (enum provisioning)at;
    return true;
}

bool credential_mode_parse(struct str word, enum credential_mode *ret_mode)
{
    size_t at = find(credential_modes, CREDENTIAL_MODES, word);
    if (at == CREDENTIAL_MODES)
        return false;
    *ret_mode = (enum credential_mode)at;
    return true;
}

bool tool_state_parse(struct str word, enum tool_state *ret_state)
{
    size_t at = find(tool_states, TOOL_STATES, word);
    if (at == TOOL_STATES)
        return false;
    *ret_state = (enum tool_state)at;
    return true;
}

bool release_parse(struct str word, enum release *ret_release)
{
    size_t at = find(releases, RELEASES, word);
    if (at == RELEASES)
        return false;
    *ret_release = (enum release)at;
    return true;
}

void category_set_write(struct buf *out, uint8_t set, const char *sep)
{
    write_set(out, categories, CATEGORIES, set, sep);
}

void principal_set_write(struct buf *out, uint8_t set, const char *sep)
{
    write_set(out, principals, PRINCIPAL_KINDS, set, sep);
}

void scope_set_write(struct buf *out, uint32_t set, const char *sep)
{
    write_set(out, scopes, SCOPES, set, sep);
}

void release_set_write(struct buf *out, uint8_t set, const char *sep)
{
    write_set(out, releases, RELEASES, set, sep);
}
