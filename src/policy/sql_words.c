/*
 * sql_words.c - see sql_words.h. Open addressing over the tables of the .def files: a statement has
 * hundreds of words, and each is looked up.
 */
#include "policy/sql_words.h"

#include <pthread.h>

#include "base/attr.h"

enum { SLOTS = 4096, MAX_WORD = 40 };

#define PG      (1u << SQL_POSTGRESQL)
#define MY      (1u << SQL_MYSQL)
#define SF      (1u << SQL_SNOWFLAKE)
#define BQ      (1u << SQL_BIGQUERY)
#define LITE    (1u << SQL_SQLITE)
#define TS      (1u << SQL_TSQL)
#define ALL     (PG | MY | SF | BQ | LITE | TS)
#define NOTHING SQL_NOTHING
#define READ    SQL_READ
#define WRITE   SQL_WRITE
#define DESTROY SQL_DESTROY
#define ADMIN   SQL_ADMIN
#define NEVER   SQL_NEVER

static const struct sql_word words[] = {
#define X_WORD(word, dialects, first, inside, calls)                                               \
    {STR_INIT(word), (dialects), first, inside, calls},
#include "policy/sql_words.def"
};

static const struct function {
    struct str name;
    unsigned dialects;
} functions[] = {
#define X_FUNCTION(name, dialects) {STR_INIT(name), (dialects)},
#include "policy/sql_functions.def"
};

static const struct node {
    struct str name;
    enum category category;
} nodes[] = {
#define X_NODE(name, category) {STR_INIT(name), category},
#include "policy/sql_nodes.def"
};

static const struct str settings[] = {
#define X_SETTING(name) STR_INIT(name),
#include "policy/sql_words.def"
};

static const struct {
    struct str name;
    bool has_argument;
} pragmas[] = {
#define X_PRAGMA(name, has_argument) {STR_INIT(name), has_argument},
#include "policy/sql_words.def"
};

/* Index and 1; 0: free. One word may stand in several slots, for different dialects. */
static struct {
    uint16_t words[SLOTS];
    uint16_t functions[SLOTS];
    uint16_t nodes[SLOTS];
} tables;
static pthread_once_t once = PTHREAD_ONCE_INIT;

_Static_assert(ARRAY_LEN(words) < SLOTS / 2, "the table of words is too full");
_Static_assert(ARRAY_LEN(functions) < SLOTS / 2, "the table of functions is too full");

static size_t hash(struct str text)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char)text.ptr[i]) * 16777619u;
    return (hash ^ hash >> 16) % SLOTS;
}

static void put(uint16_t *slots, struct str text, size_t index)
{
    size_t slot = hash(text);

    while (slots[slot] != 0)
        slot = (slot + 1) % SLOTS;
    slots[slot] = (uint16_t)(index + 1);
}

static void fill(void)
{
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        put(tables.words, words[i].text, i);
    for (size_t i = 0; i < ARRAY_LEN(functions); i++)
        put(tables.functions, functions[i].name, i);
    for (size_t i = 0; i < ARRAY_LEN(nodes); i++)
        put(tables.nodes, nodes[i].name, i);
}

/* Longer than any word that is known: false. */
static bool lower(struct str text, char out[MAX_WORD], struct str *ret_lower)
{
    if (text.len > MAX_WORD)
        return false;
    for (size_t i = 0; i < text.len; i++)
        out[i] =
            (char)(text.ptr[i] >= 'A' && text.ptr[i] <= 'Z' ? text.ptr[i] | 0x20 : text.ptr[i]);
    *ret_lower = str_of(out, text.len);
    return true;
}

const struct sql_word *sql_word_find(enum sql_dialect dialect, struct str word)
{
    char buffer[MAX_WORD];
    struct str text;

    (void)pthread_once(&once, fill);
    if (!lower(word, buffer, &text))
        return NULL;
    for (size_t slot = hash(text); tables.words[slot] != 0; slot = (slot + 1) % SLOTS) {
        const struct sql_word *found = &words[tables.words[slot] - 1];
        if ((found->dialects & 1u << dialect) != 0 && str_eq(found->text, text))
            return found;
    }
    return NULL;
}

bool sql_function_is_pure(enum sql_dialect dialect, struct str name)
{
    char buffer[MAX_WORD];
    struct str text;

    (void)pthread_once(&once, fill);
    if (!lower(name, buffer, &text))
        return false;
    for (size_t slot = hash(text); tables.functions[slot] != 0; slot = (slot + 1) % SLOTS) {
        const struct function *found = &functions[tables.functions[slot] - 1];
        if ((found->dialects & 1u << dialect) != 0 && str_eq(found->name, text))
            return true;
    }
    return false;
}

bool sql_setting_is_harmless(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(settings); i++)
        if (str_eq_nocase(settings[i], name))
            return true;
    return false;
}

bool sql_pragma_find(struct str name, bool *ret_has_argument)
{
    for (size_t i = 0; i < ARRAY_LEN(pragmas); i++) {
        if (str_eq_nocase(pragmas[i].name, name)) {
            *ret_has_argument = pragmas[i].has_argument;
            return true;
        }
    }
    return false;
}

bool sql_node_find(struct str name, enum category *ret_category)
{
    (void)pthread_once(&once, fill);
    for (size_t slot = hash(name); tables.nodes[slot] != 0; slot = (slot + 1) % SLOTS) {
        const struct node *found = &nodes[tables.nodes[slot] - 1];
        if (str_eq(found->name, name)) {
            *ret_category = found->category;
            return true;
        }
    }
    return false;
}
