#include <stdlib.h>

#include "catalog/definition.h"
#include "catalog/definition_diff.h"

/*
 * Two bags of words: what the descriptions say, and which parameters there are. A tool under a new
 * name keeps most of both.
 */

enum { MAX_WORDS = 2048 };

struct bag {
    uint64_t *words; /* hashes, sorted, each once */
    size_t count;
};

static int compare_words(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static void add_word(struct bag *bag, struct str word)
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    if (word.len == 0 || bag->count == MAX_WORDS)
        return;
    for (size_t i = 0; i < word.len; i++)
        hash = (hash ^ ((unsigned char)word.ptr[i] | 0x20u)) * 1099511628211u;
    bag->words[bag->count++] = hash;
}

static void sort_bag(struct bag *bag)
{
    size_t kept = 0;
    qsort(bag->words, bag->count, sizeof *bag->words, compare_words);
    for (size_t i = 0; i < bag->count; i++)
        if (kept == 0 || bag->words[kept - 1] != bag->words[i])
            bag->words[kept++] = bag->words[i];
    bag->count = kept;
}

static bool is_word_byte(char c)
{
    unsigned char u = (unsigned char)c;
    return (u >= '0' && u <= '9') || ((u | 0x20) >= 'a' && (u | 0x20) <= 'z') || u >= 0x80;
}

static void add_text(struct bag *bag, struct str text)
{
    size_t start = 0;
    for (size_t i = 0; i <= text.len; i++) {
        if (i < text.len && is_word_byte(text.ptr[i]))
            continue;
        add_word(bag, str_of(text.ptr + start, i - start));
        start = i + 1;
    }
}

/* The names of the parameters. */
static void add_parameters(struct bag *bag, const struct json_doc *doc, json_pos schema)
{
    json_pos properties = json_get(doc, schema, STR("properties"));
    if (!json_is(doc, properties, JSON_OBJECT))
        return;
    for (json_pos pos = json_first(doc, properties); pos != JSON_NONE;) {
        json_pos value = json_next(doc, properties, pos);
        add_word(bag, json_raw(doc, pos));
        pos = json_next(doc, properties, value);
    }
}

struct likeness {
    struct bag text;
    struct bag parameters;
};

static bool take_apart(struct str text, struct arena *arena, struct likeness *ret_parts)
{
    struct json_limits limits = json_limits_default;
    struct definition definition;
    struct json_doc doc;
    struct err err;
    limits.profile = JSON_RESULT;
    ret_parts->text.words = arena_calloc(arena, MAX_WORDS, sizeof(uint64_t));
    ret_parts->parameters.words = arena_calloc(arena, MAX_WORDS, sizeof(uint64_t));
    if (ret_parts->text.words == NULL || ret_parts->parameters.words == NULL ||
        json_parse(text, &limits, arena, &doc, &err) != ERR_OK ||
        definition_read(&doc, 0, arena, &definition, &err) != ERR_OK)
        return false;
    add_text(&ret_parts->text, definition.description);
    add_parameters(&ret_parts->parameters, &doc, definition.input_schema);
    sort_bag(&ret_parts->text);
    sort_bag(&ret_parts->parameters);
    return true;
}

static size_t count_shared(const struct bag *a, const struct bag *b)
{
    size_t shared = 0;
    for (size_t i = 0, k = 0; i < a->count && k < b->count;) {
        shared += a->words[i] == b->words[k];
        if (a->words[i] <= b->words[k])
            i++;
        else
            k++;
    }
    return shared;
}

unsigned definition_likeness(struct str a, struct str b, struct arena *arena)
{
    struct likeness one = {0};
    struct likeness other = {0};
    if (!take_apart(a, arena, &one) || !take_apart(b, arena, &other))
        return 0;
    size_t shared =
        count_shared(&one.text, &other.text) + count_shared(&one.parameters, &other.parameters);
    size_t all = one.text.count + other.text.count + one.parameters.count + other.parameters.count;
    return all == 0 ? 0 : (unsigned)(200 * shared / all);
}
