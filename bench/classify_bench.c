/*
 * classify_bench.c - how many tools the classifier judges in a second of CPU time on one core:
 * from the text of a line (parse, server, verdict), and from a parsed definition.
 *
 * Use: bench_classify FILE   (JSON lines, one tool each)
 */
#include <stdio.h>
#include <time.h>

#include "base/file.h"
#include "catalog/classify.h"
#include "catalog/classify_input.h"

enum { MIN_MS = 1000, MAX_FILE = 64 << 20, MAX_SERVERS = 4096 };

struct bench {
    struct classifier *classifier;
    struct arena *input_arena;
    struct arena *arena;
    struct str text;
    struct classify_input input;
    struct classify_server *servers[MAX_SERVERS];
    struct str names[MAX_SERVERS];
    size_t server_count;
};

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct classify_server *server_of(struct bench *bench, struct str name)
{
    for (size_t i = bench->server_count; i > 0; i--)
        if (str_eq(bench->names[i - 1], name))
            return bench->servers[i - 1];
    if (bench->server_count == MAX_SERVERS)
        return NULL;
    bench->names[bench->server_count] = name;
    bench->servers[bench->server_count] = classify_server_new(bench->classifier, name, false);
    return bench->servers[bench->server_count++];
}

static bool gather(struct bench *bench)
{
    struct err err;
    for (size_t i = 0; i < bench->input.tool_count; i++) {
        const struct classify_input_tool *tool = &bench->input.tools[i];
        struct classify_server *server = server_of(bench, tool->server);
        arena_reset(bench->arena);
        if (server == NULL ||
            classify_server_add(server, tool->doc, tool->pos, bench->arena, &err) != ERR_OK)
            return false;
    }
    return true;
}

static bool judge_all(struct bench *bench)
{
    struct err err;
    struct classify_verdict verdict;
    for (size_t i = 0; i < bench->input.tool_count; i++) {
        const struct classify_input_tool *tool = &bench->input.tools[i];
        arena_reset(bench->arena);
        if (classify_tool(server_of(bench, tool->server), tool->doc, tool->pos, bench->arena,
                          &verdict, &err) != ERR_OK)
            return false;
    }
    return true;
}

static void forget(struct bench *bench)
{
    for (size_t i = 0; i < bench->server_count; i++)
        classify_server_free(bench->servers[i]);
    bench->server_count = 0;
    arena_reset(bench->input_arena);
}

static bool from_text(struct bench *bench)
{
    struct err err;
    forget(bench);
    return classify_input_read(bench->text, STR("file"), bench->input_arena, &bench->input, &err) ==
               ERR_OK &&
           gather(bench) && judge_all(bench);
}

/* Tools a second; negative: it failed. */
static double measure(struct bench *bench, bool (*run)(struct bench *bench))
{
    size_t count = 0;
    double start = cpu_seconds();
    double used = 0;
    while (used < MIN_MS / 1e3) {
        if (!run(bench))
            return -1;
        count += bench->input.tool_count;
        used = cpu_seconds() - start;
    }
    return (double)count / used;
}

int main(int argc, char **argv)
{
    struct err err;
    static struct bench bench;
    struct arena *file = arena_new(MAX_FILE + 4096);
    bench.input_arena = arena_new((size_t)1 << 30);
    bench.arena = arena_new((size_t)1 << 28);
    if (argc != 2 || file == NULL || bench.input_arena == NULL || bench.arena == NULL ||
        classifier_new(&bench.classifier, &err) != ERR_OK ||
        file_read(file, argv[1], MAX_FILE, &bench.text, &err) != ERR_OK || !from_text(&bench)) {
        fprintf(stderr, "use: bench_classify FILE\n");
        return 1;
    }
    printf("%zu tools of %zu servers, %zu bytes a tool\n", bench.input.tool_count,
           bench.server_count, bench.text.len / bench.input.tool_count);
    printf("from a parsed definition  %9.0f tools/s\n", measure(&bench, judge_all));
    printf("from the text of a line   %9.0f tools/s\n", measure(&bench, from_text));
    forget(&bench);
    arena_free(bench.arena);
    arena_free(bench.input_arena);
    arena_free(file);
    classifier_free(bench.classifier);
    return 0;
}
