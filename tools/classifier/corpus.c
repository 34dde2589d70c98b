#include "corpus.h"

#include <stdio.h>
#include <stdlib.h>

enum { MAX_FILE = 64 * 1024 * 1024, MAX_EXAMPLES = 100000 };

static const struct json_limits limits = {
    .max_bytes = 8 * 1024 * 1024,
    .max_depth = 64,
    .max_values = 1000000,
    .max_members = 100000,
    .profile = JSON_RESULT,
};

static bool read_file(const char *path, struct corpus *corpus, struct str *ret_text)
{
    FILE *file = fopen(path, "rb");
    corpus->text = malloc(MAX_FILE);
    if (file == NULL || corpus->text == NULL) {
        fprintf(stderr, "classifier: can't read %s\n", path);
        if (file != NULL)
            fclose(file);
        return false;
    }
    size_t len = fread(corpus->text, 1, MAX_FILE, file);
    fclose(file);
    *ret_text = str_of(corpus->text, len);
    return true;
}

static struct str text_of(struct corpus *corpus, const struct json_doc *doc, struct str member)
{
    struct str text = STR_NONE;
    (void)!json_str(doc, json_get(doc, 0, member), corpus->arena, &text);
    return text;
}

static bool read_line(struct corpus *corpus, struct str line)
{
    struct err err;
    struct example *example = &corpus->examples[corpus->count];
    if (json_parse(line, &limits, corpus->arena, &example->doc, &err) != ERR_OK) {
        fprintf(stderr, "classifier: example %zu: %s\n", corpus->count + 1, err.text);
        return false;
    }
    example->server = text_of(corpus, &example->doc, STR("server"));
    example->name = text_of(corpus, &example->doc, STR("name"));
    example->attack = text_of(corpus, &example->doc, STR("attack"));
    example->is_sure = str_eq(text_of(corpus, &example->doc, STR("confidence")), STR("high"));
    if (!category_parse(text_of(corpus, &example->doc, STR("gold")), &example->gold)) {
        fprintf(stderr, "classifier: example %zu has no category\n", corpus->count + 1);
        return false;
    }
    corpus->count++;
    return true;
}

static size_t find_server(struct corpus *corpus, const struct classifier *classifier, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (str_eq(corpus->examples[i].server, corpus->examples[at].server))
            return corpus->examples[i].server_index;
    size_t index = corpus->server_count++;
    corpus->servers[index] = classify_server_new(classifier, corpus->examples[at].server, false);
    return index;
}

static bool gather_servers(struct corpus *corpus, const struct classifier *classifier)
{
    struct err err;
    corpus->servers = calloc(corpus->count, sizeof(struct classify_server *));
    if (corpus->servers == NULL)
        return false;
    for (size_t i = 0; i < corpus->count; i++) {
        struct example *example = &corpus->examples[i];
        example->server_index = find_server(corpus, classifier, i);
        struct classify_server *server = corpus->servers[example->server_index];
        if (server == NULL ||
            classify_server_add(server, &example->doc, 0, corpus->arena, &err) != ERR_OK)
            return false;
    }
    return true;
}

bool corpus_open(const char *path, const struct classifier *classifier, struct corpus *ret_corpus)
{
    struct str rest;
    *ret_corpus = (struct corpus){.arena = arena_new((size_t)1 << 30)};
    ret_corpus->examples = calloc(MAX_EXAMPLES, sizeof *ret_corpus->examples);
    if (ret_corpus->arena == NULL || ret_corpus->examples == NULL ||
        !read_file(path, ret_corpus, &rest))
        return false;
    while (rest.len > 0 && ret_corpus->count < MAX_EXAMPLES) {
        struct str line = str_cut(&rest, '\n');
        if (line.len > 0 && !read_line(ret_corpus, line))
            return false;
    }
    return gather_servers(ret_corpus, classifier);
}

void corpus_done(struct corpus *corpus)
{
    for (size_t i = 0; i < corpus->server_count; i++)
        classify_server_free(corpus->servers[i]);
    free(corpus->servers);
    free(corpus->examples);
    free(corpus->text);
    arena_free(corpus->arena);
}
