/*
 * json_bench.c - how fast the strict parser reads: MB/s of CPU time on one core, by shape and size.
 *
 * Use: json_bench [--json] [BYTES...]   (1024 4096 1048576 when none are given)
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/jsonw.h"

enum { MAX_BYTES = 64 * 1024 * 1024, ARENA_BYTES = 1024 * 1024 * 1024, MIN_MS = 300 };

/* Adds one more piece of its shape to a message that is being written. */
typedef void piece_fn(struct jsonw *w, int64_t n);

static void call_piece(struct jsonw *w, int64_t n)
{
    jsonw_object(w);
    jsonw_name_str(w, "path", STR("/srv/documents/reports/2026/quarter-3/summary.md"));
    jsonw_name_i64(w, "offset", n * 4096);
    jsonw_name_bool(w, "follow_links", n % 2 == 0);
    jsonw_name_str(w, "query",
                   STR("SELECT region, sum(amount) AS total\nFROM sales.orders\nWHERE placed_at >= "
                       "'2026-01-01' AND state = 'paid'\nGROUP BY region\nORDER BY total DESC"));
    jsonw_name_str(w, "note", STR("only rows that were paid; all regions, no test customers"));
    jsonw_end_object(w);
}

static void schema_piece(struct jsonw *w, int64_t n)
{
    jsonw_object(w);
    jsonw_name_str(w, "name", STR("read_text_file"));
    jsonw_name_str(w, "description", STR("Reads a file as text, whole or its first lines."));
    jsonw_name(w, "inputSchema");
    jsonw_object(w);
    jsonw_name_str(w, "type", STR("object"));
    jsonw_name(w, "properties");
    jsonw_raw(w, STR("{\"path\":{\"type\":\"string\"},\"head\":{\"type\":\"number\",\"minimum\":1},"
                     "\"tail\":{\"type\":\"number\",\"minimum\":1}}"));
    jsonw_name(w, "required");
    jsonw_raw(w, STR("[\"path\"]"));
    jsonw_end_object(w);
    jsonw_name_i64(w, "revision", n);
    jsonw_end_object(w);
}

static void text_piece(struct jsonw *w, int64_t n)
{
    jsonw_object(w);
    jsonw_name_str(w, "type", STR("text"));
    jsonw_name_i64(w, "part", n);
    jsonw_name_str(
        w, "text",
        STR("The quarter closed above plan in three of four regions. Köln and Malmö grew most; "
            "the\n"
            "others held. Orders that came in over partners were paid sooner than a year ago.\n\n"
            "\t\"We should look at returns again\", said the team, \"before the next season\".\n"
            "Stock fell by a tenth, which freed room for the new line without further cost. What "
            "remains open is the question of the second warehouse and of its lease.\n"));
    jsonw_end_object(w);
}

static void number_piece(struct jsonw *w, int64_t n)
{
    jsonw_raw(w, STR("[1794.25,-0.5,12,7.0e-3]"));
    jsonw_i64(w, n * 31);
}

static void japanese_piece(struct jsonw *w, int64_t n)
{
    jsonw_object(w);
    jsonw_name_i64(w, "part", n);
    jsonw_name_str(
        w, "text",
        STR("四半期は四地域のうち三地域で計画を上回って終わりました。提携先からの注文は前年より"
            "早く支払われ、在庫は一割減りました。"));
    jsonw_end_object(w);
}

static void pretty_piece(struct jsonw *w, int64_t n)
{
    jsonw_raw(w, STR("\n      {\n        \"type\": \"text\",\n        \"lines\": [\n          "
                     "\"one\",\n          \"two\"\n        ],\n        \"count\": 2\n      }"));
    jsonw_i64(w, n);
}

static const struct shape {
    const char *name;
    piece_fn *piece;
} shapes[] = {
    {"call", call_piece},      {"schema", schema_piece},     {"text", text_piece},
    {"numbers", number_piece}, {"japanese", japanese_piece}, {"pretty", pretty_piece},
};

static void write_message(struct buf *out, piece_fn *piece, size_t bytes)
{
    struct jsonw w;
    jsonw_init(&w, out);
    jsonw_object(&w);
    jsonw_name_str(&w, "jsonrpc", STR("2.0"));
    jsonw_name_i64(&w, "id", 42);
    jsonw_name_str(&w, "method", STR("tools/call"));
    jsonw_name(&w, "params");
    jsonw_array(&w);
    for (int64_t n = 0; out->len < bytes && !out->failed; n++)
        piece(&w, n);
    jsonw_end_array(&w);
    jsonw_end_object(&w);
}

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* MB/s; negative: the parser refused the message. */
static double measure(struct str text, struct arena *arena)
{
    struct json_limits limits = json_limits_default;
    limits.max_bytes = MAX_BYTES;
    limits.max_values = MAX_BYTES;
    double start = cpu_seconds();
    double seconds = 0;
    size_t rounds = 0;
    while (seconds < MIN_MS / 1e3) {
        for (size_t batch = 1 + 1000000 / text.len; batch > 0; batch--, rounds++) {
            struct json_doc doc;
            struct err err;
            arena_reset(arena);
            if (json_parse(text, &limits, arena, &doc, &err) != ERR_OK) {
                fprintf(stderr, "json_bench: %s\n", err.text);
                return -1;
            }
        }
        seconds = cpu_seconds() - start;
    }
    return (double)text.len * (double)rounds / seconds / 1e6;
}

static bool run(const struct shape *shape, size_t bytes, bool is_json, bool is_first)
{
    struct buf text;
    buf_init(&text, MAX_BYTES);
    struct arena *arena = arena_new(ARENA_BYTES);
    write_message(&text, shape->piece, bytes);
    double speed = arena == NULL || text.failed ? -1 : measure(buf_str(&text), arena);
    if (is_json)
        printf("%s{\"shape\":\"%s\",\"bytes\":%zu,\"mb_per_second\":%.1f}", is_first ? "" : ",",
               shape->name, text.len, speed);
    else
        printf("%-8s %9zu bytes %8.0f MB/s\n", shape->name, text.len, speed);
    arena_free(arena);
    buf_done(&text);
    return speed > 0;
}

static size_t size_of(const char *word)
{
    uint64_t bytes;
    if (str_u64(str_c(word), &bytes) && bytes > 0 && bytes < MAX_BYTES / 2)
        return (size_t)bytes;
    fprintf(stderr, "json_bench: '%s' is no size between 1 and %d\n", word, MAX_BYTES / 2);
    exit(2);
}

int main(int argc, char **argv)
{
    static const char *const preset[] = {"1024", "4096", "1048576"};
    bool is_json = argc > 1 && strcmp(argv[1], "--json") == 0;
    int first = is_json ? 2 : 1;
    const char *const *sizes = argc > first ? (const char *const *)argv + first : preset;
    size_t count = argc > first ? (size_t)(argc - first) : ARRAY_LEN(preset);
    bool is_ok = true;
    if (is_json)
        printf("[");
    for (size_t i = 0; i < ARRAY_LEN(shapes) * count; i++)
        is_ok &= run(&shapes[i / count], size_of(sizes[i % count]), is_json, i == 0);
    if (is_json)
        printf("]\n");
    return is_ok ? 0 : 1;
}
