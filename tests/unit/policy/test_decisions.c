#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "reference.h"
#include "world.h"

static struct str read_all(struct arena *arena, const char *path)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        fail_msg("can't read %s", path);
    size_t max = (size_t)1 << 20;
    char *text = arena_alloc(arena, max);
    assert_non_null(text);
    size_t len = fread(text, 1, max, file);
    fclose(file);
    return str_of(text, len);
}

static struct str grant_name(const struct world *world, uint32_t grant)
{
    return grant == POLICY_NONE ? STR("-") : world->grants[grant].name;
}

static void check(const struct world *world, int line, const struct world_case *want,
                  const struct policy_verdict *got)
{
    struct str grant = grant_name(world, got->grant);
    if (got->decision != want->decision || got->reason != want->reason ||
        !str_eq(grant, want->grant) || got->may_know != want->may_know ||
        got->ceiling != want->ceiling)
        fail_msg("decisions.txt:%d: %s %s " STR_FMT " %s ceiling %d", line,
                 decision_word(got->decision), reason_word(got->reason), STR_ARG(grant),
                 got->may_know ? "knows" : "knows-not", (int)got->ceiling);
}

/* Compiled for each question: the worlds are small. */
static void ask(struct world *world, int line, struct world_case *question)
{
    struct policy *policy = world_compile(world);
    question->facts.subject = world_subject(world, policy, &question->who);
    struct policy_verdict got = policy_decide(policy, &question->facts);
    check(world, line, question, &got);
    got = reference_decide(&world->input, &question->who, &question->facts);
    check(world, line, question, &got);
    policy_free(policy);
}

static void every_row_of_the_table_is_decided_as_it_says(void **state)
{
    (void)state;
    struct arena *arena = arena_new((size_t)2 << 20);
    struct str text = read_all(arena, DECISIONS_FILE);
    struct world *world = world_new();
    int rows = 0;
    for (int line = 1; text.len > 0; line++) {
        struct world_case question;
        if (world_line(world, str_cut(&text, '\n'), &question)) {
            ask(world, line, &question);
            rows++;
        }
    }
    assert_true(rows >= 100);
    world_free(world);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_of_the_table_is_decided_as_it_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
