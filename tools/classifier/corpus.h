/*
 * corpus.h - tools with known categories, from a file of JSON lines: server, name, title,
 * description, inputSchema, annotations, gold, confidence (high or low).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "catalog/classify.h"

struct example {
    struct json_doc doc;
    struct str server;
    struct str name;
    struct str attack;
    enum category gold;
    bool is_sure;        /* confidence: high */
    size_t server_index; /* the same for tools of one server, counted from 0 */
};

struct corpus {
    struct arena *arena;
    char *text;
    struct example *examples;
    size_t count;
    struct classify_server **servers; /* by server_index */
    size_t server_count;
};

/* Prints what is wrong and returns false. corpus_done() either way. */
bool corpus_open(const char *path, const struct classifier *classifier, struct corpus *ret_corpus);
void corpus_done(struct corpus *corpus);
