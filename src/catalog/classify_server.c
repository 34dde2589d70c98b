#include "catalog/classify_server.h"

#include <stdlib.h>

#include "base/attr.h"
#include "base/table.h"

enum product {
    PRODUCT_SECURITY,
    PRODUCT_IDENTITY,
    PRODUCT_CODE,
    PRODUCT_CUSTOMER,
    PRODUCT_STATEMENTS,
    PRODUCTS
};

static const struct {
    struct str word;
    enum product product;
} product_words[] = {
#define X_PRODUCT(word, product) {STR_INIT(word), product},
#include "catalog/classify_products.def"
};

static const struct {
    struct str word;
    enum product product;
} family_words[] = {
#define X_FAMILY(word, product) {STR_INIT(word), product},
#include "catalog/classify_products.def"
};

/* Of a hundred tools, this many must speak of it; the least number of tools that can. */
static const struct {
    enum signal signal;
    size_t percent;
} products[PRODUCTS] = {
    [PRODUCT_SECURITY] = {SIGNAL_PRODUCT_SECURITY, 33},
    [PRODUCT_IDENTITY] = {SIGNAL_PRODUCT_IDENTITY, 50},
    [PRODUCT_CODE] = {SIGNAL_PRODUCT_CODE, 30},
    [PRODUCT_CUSTOMER] = {SIGNAL_PRODUCT_CUSTOMER, 20},
    [PRODUCT_STATEMENTS] = {SIGNAL_PRODUCT_STATEMENTS, 30},
};

enum { MIN_TOOLS = 3, PREFIX_PERCENT = 60, FAMILY_PERCENT = 30 };

struct classify_server {
    const struct classifier *classifier;
    char *name;
    bool is_trusted;
    size_t tools;
    size_t speaking[PRODUCTS]; /* tools with a word of the product in their name */
    size_t naming[PRODUCTS];   /* tools with the name of such a product in theirs */
    bool is_of[PRODUCTS];      /* the server's own name says so */
    struct table *firsts;      /* first words of names: how many tools begin so */
    struct table *texts;       /* descriptions by hash: how many tools have it */
};

struct classify_server *classify_server_new(const struct classifier *classifier, struct str name,
                                            bool is_trusted)
{
    struct classify_server *server = calloc(1, sizeof *server);
    if (server == NULL)
        return NULL;
    server->classifier = classifier;
    server->is_trusted = is_trusted;
    server->name = strndup(name.len > 0 ? name.ptr : "", name.len);
    server->firsts = table_new();
    server->texts = table_new();
    if (server->name != NULL && server->firsts != NULL && server->texts != NULL)
        return server;
    classify_server_free(server);
    return NULL;
}

void classify_server_free(struct classify_server *server)
{
    if (server == NULL)
        return;
    table_free(server->firsts);
    table_free(server->texts);
    free(server->name);
    free(server);
}

void classify_server_freep(struct classify_server **server)
{
    classify_server_free(*server);
}

const struct classifier *classify_server_classifier(const struct classify_server *server)
{
    return server->classifier;
}

bool classify_server_is_trusted(const struct classify_server *server)
{
    return server->is_trusted;
}

static enum err_code no_memory(struct err *err)
{
    return err_set(err, ERR_LIMIT, "classify: memory is used up");
}

bool classify_server_text(const struct json_doc *doc, json_pos pos, struct arena *arena,
                          struct str *ret_text)
{
    *ret_text = STR_NONE;
    if (json_is(doc, pos, JSON_STRING))
        return json_str(doc, pos, arena, ret_text);
    if (!json_is(doc, pos, JSON_ARRAY))
        return true;
    CLEANUP(buf_done) struct buf all = {0};
    buf_init(&all, json_raw(doc, pos).len + 1);
    for (json_pos at = json_first(doc, pos); at != JSON_NONE; at = json_next(doc, pos, at)) {
        struct str text = STR_NONE;
        if (json_is(doc, at, JSON_STRING) && !json_str(doc, at, arena, &text))
            return false;
        buf_add(&all, text);
        buf_add_byte(&all, '\n');
    }
    *ret_text = arena_dup(arena, buf_str(&all));
    return !all.failed && ret_text->ptr != NULL;
}

/* Counts one more under the key. The count is the value's address: tables hold pointers. */
static bool count_up(struct table *table, struct str key)
{
    uintptr_t count = (uintptr_t)table_get(table, key);
    return table_put(table, key, (void *)(count + 1), NULL);
}

static size_t count_of(const struct table *table, struct str key)
{
    return (size_t)(uintptr_t)table_get(table, key);
}

/* Is it the word, or its plural? */
static bool is_word(struct str text, struct str word)
{
    if (str_eq(text, word))
        return true;
    if (str_ends(word, STR("y")) && str_ends(text, STR("ies")))
        return str_eq(str_first(text, text.len - 3), str_first(word, word.len - 1));
    return text.len == word.len + 1 && str_starts(text, word) && text.ptr[word.len] == 's';
}

static void find_families(const struct text *name, bool *ret_is_of)
{
    for (size_t i = 0; i < name->count; i++)
        for (size_t p = 0; p < ARRAY_LEN(family_words); p++)
            if (str_eq(name->words[i].text, family_words[p].word))
                ret_is_of[family_words[p].product] = true;
}

static void count_products(struct classify_server *server, const struct text *name)
{
    bool speaks[PRODUCTS] = {false};
    bool is_named[PRODUCTS] = {false};
    find_families(name, is_named);
    for (size_t i = 0; i < name->count; i++)
        for (size_t p = 0; p < ARRAY_LEN(product_words); p++)
            speaks[product_words[p].product] |= is_word(name->words[i].text, product_words[p].word);
    for (size_t p = 0; p < PRODUCTS; p++) {
        server->naming[p] += is_named[p];
        server->speaking[p] += speaks[p];
    }
}

static enum err_code read_own_name(struct classify_server *server, struct arena *scratch,
                                   struct err *err)
{
    struct text name;
    enum err_code code = classify_text_name(classify_lexicon_of(server->classifier),
                                            str_c(server->name), scratch, &name, err);
    if (code == ERR_OK)
        find_families(&name, server->is_of);
    return code;
}

enum err_code classify_server_add(struct classify_server *server, const struct json_doc *doc,
                                  json_pos tool, struct arena *scratch, struct err *err)
{
    const struct classify_lexicon *lexicon = classify_lexicon_of(server->classifier);
    struct str raw;
    struct str description;
    struct text name;
    if (!classify_server_text(doc, json_get(doc, tool, STR("name")), scratch, &raw) ||
        !classify_server_text(doc, json_get(doc, tool, STR("description")), scratch, &description))
        return no_memory(err);
    enum err_code code = classify_text_name(lexicon, raw, scratch, &name, err);
    if (code != ERR_OK)
        return code;
    if (server->tools++ == 0 && (code = read_own_name(server, scratch, err)) != ERR_OK)
        return code;
    count_products(server, &name);
    if (name.count > 0 && !count_up(server->firsts, name.words[0].text))
        return no_memory(err);
    uint32_t hash = classify_lexicon_hash(description);
    if (description.len > 0 && !count_up(server->texts, str_of((const char *)&hash, sizeof hash)))
        return no_memory(err);
    return ERR_OK;
}

/* A verb that is nothing else begins names because the tools do that. */
static bool may_be_prefix(const struct text_word *word)
{
    return word->lexeme == NULL || word->lexeme->verb <= VERB_SOFT ||
           (word->lexeme->is_noun && word->lexeme->noun != NOUN_NONE);
}

size_t classify_server_prefix(const struct classify_server *server, const struct text *name)
{
    if (name->count < 2 || !may_be_prefix(&name->words[0]))
        return 0;
    size_t same = count_of(server->firsts, name->words[0].text);
    bool is_common = server->tools >= MIN_TOOLS && same * 100 >= server->tools * PREFIX_PERCENT;
    bool is_named = name->words[0].lexeme == NULL && name->words[0].text.len > 2 &&
                    str_find_str(str_c(server->name), name->words[0].text) < strlen(server->name);
    return is_common || is_named ? 1 : 0;
}

static bool is_of_product(const struct classify_server *server, enum product product)
{
    bool speaks = server->speaking[product] >= MIN_TOOLS &&
                  server->speaking[product] * 100 >= server->tools * products[product].percent;
    bool is_named = server->naming[product] >= MIN_TOOLS &&
                    server->naming[product] * 100 >= server->tools * FAMILY_PERCENT;
    return speaks || is_named || server->is_of[product];
}

void classify_server_note(const struct classify_server *server, struct findings *findings,
                          struct str description)
{
    for (size_t p = 0; p < PRODUCTS; p++)
        if (is_of_product(server, (enum product)p))
            findings_add(findings, products[p].signal, IN_SERVER, STR_NONE);
    uint32_t hash = classify_lexicon_hash(description);
    if (description.len > 0 &&
        count_of(server->texts, str_of((const char *)&hash, sizeof hash)) > 1)
        findings_add(findings, SIGNAL_SHARED_TEXT, IN_SERVER, STR_NONE);
}
