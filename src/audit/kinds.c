#include "audit/entry.h"

#include <stddef.h>

static const char *const kinds[] = {
#define X(name, number, word, meaning) [number] = word,
#include "audit/kinds.def"
#undef X
};

static const char *const outcomes[] = {
#define X(name, word, meaning) [name] = word,
#include "audit/outcomes.def"
#undef X
};

/* Position of the word, or count. */
static size_t find(const char *const *words, size_t count, struct str word)
{
    for (size_t i = 0; i < count; i++)
        if (words[i] != NULL && str_eq(word, str_c(words[i])))
            return i;
    return count;
}

const char *audit_kind_word(enum audit_kind kind)
{
    return (size_t)kind < ARRAY_LEN(kinds) ? kinds[kind] : NULL;
}

bool audit_kind_parse(struct str word, enum audit_kind *ret_kind)
{
    size_t at = find(kinds, ARRAY_LEN(kinds), word);
    if (at == ARRAY_LEN(kinds))
        return false;
    *ret_kind = (enum audit_kind)at;
    return true;
}

const char *audit_outcome_word(enum audit_outcome outcome)
{
    return (size_t)outcome < ARRAY_LEN(outcomes) ? outcomes[outcome] : NULL;
}

bool audit_outcome_parse(struct str word, enum audit_outcome *ret_outcome)
{
    size_t at = find(outcomes, ARRAY_LEN(outcomes), word);
    if (at == ARRAY_LEN(outcomes))
        return false;
    *ret_outcome = (enum audit_outcome)at;
    return true;
}
