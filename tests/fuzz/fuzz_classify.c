/*
 * fuzz_classify.c - whatever a server says about its tools gets a verdict, the same one every time;
 * trust never raises it; hints that claim harmlessness never lower it.
 */
#include "fuzz.h"

#include "base/arena.h"
#include "base/buf.h"
#include "catalog/classify.h"
#include "catalog/classify_input.h"
#include "catalog/classify_lexicon.h"
#include "catalog/classify_text.h"

enum { ARENA_BYTES = 256 * 1024 * 1024 };

static struct classifier *the_classifier(void)
{
    static struct classifier *classifier;
    struct err err;
    if (classifier == NULL)
        require(classifier_new(&classifier, &err) == ERR_OK);
    return classifier;
}

static struct classify_verdict judge(const struct classify_input_tool *tool, bool is_trusted,
                                     struct arena *arena)
{
    struct err err;
    struct classify_verdict verdict;
    struct classify_server *server =
        classify_server_new(the_classifier(), tool->server, is_trusted);
    require(server != NULL);
    require(classify_server_add(server, tool->doc, tool->pos, arena, &err) == ERR_OK);
    require(classify_tool(server, tool->doc, tool->pos, arena, &verdict, &err) == ERR_OK);
    classify_server_free(server);
    require(verdict.category < CATEGORIES);
    for (size_t i = 0; i < verdict.evidence_count; i++)
        require(str_is_utf8(verdict.evidence[i].what));
    return verdict;
}

static void check_tool(const struct classify_input_tool *tool, struct arena *arena)
{
    struct classify_verdict verdict = judge(tool, false, arena);
    struct classify_verdict again = judge(tool, false, arena);
    require(verdict.category == again.category && verdict.certainty == again.certainty);
    require(verdict.evidence_count == again.evidence_count);
    require(judge(tool, true, arena).category <= verdict.category);
}

/* The same tool with hints that want it harmless. */
static void check_claims(const struct classify_input_tool *tool, struct arena *arena)
{
    struct err err;
    struct buf text;
    struct classify_input input;
    struct str raw = json_raw(tool->doc, tool->pos);
    if (json_get(tool->doc, tool->pos, STR("annotations")) != JSON_NONE)
        return;
    buf_init(&text, raw.len + 100);
    buf_add_c(&text, "{\"annotations\":{\"readOnlyHint\":true,\"destructiveHint\":false}");
    if (json_first(tool->doc, tool->pos) != JSON_NONE)
        buf_add_byte(&text, ',');
    buf_add(&text, str_from(raw, 1));
    require(!text.failed);
    if (classify_input_read(buf_str(&text), tool->server, arena, &input, &err) == ERR_OK &&
        input.tool_count == 1 && input.problem_count == 0)
        require(judge(&input.tools[0], false, arena).category ==
                judge(tool, false, arena).category);
    buf_done(&text);
}

static void check_text(struct str raw, struct arena *arena)
{
    static struct classify_lexicon *lexicon;
    struct err err;
    struct text text;
    if (lexicon == NULL)
        lexicon = classify_lexicon_new();
    require(lexicon != NULL);
    require(classify_text_prose(lexicon, raw, arena, &text, &err) == ERR_OK);
    require(classify_text_name(lexicon, raw, arena, &text, &err) == ERR_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err;
    struct classify_input input;
    struct arena *arena = arena_new(ARENA_BYTES);
    struct str raw = str_of((const char *)data, size);
    require(arena != NULL);
    check_text(raw, arena);
    if (classify_input_read(raw, STR("server"), arena, &input, &err) == ERR_OK)
        for (size_t i = 0; i < input.tool_count && i < 8; i++) {
            check_tool(&input.tools[i], arena);
            check_claims(&input.tools[i], arena);
        }
    arena_free(arena);
    return 0;
}
