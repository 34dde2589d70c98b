#include "unit.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "policy/refine.h"
#include "policy/sql_priv.h"
#include "statements.h"

static struct refine_verdict judge(enum sql_dialect dialect, const char *text)
{
    const struct refiner refiner = {.kind = REFINER_SQL, .dialect = dialect, .pointer = STR("/q")};

    return refine_text(&refiner, str_c(text));
}

static const char *name_of(const struct refiner *refiner)
{
    return refiner->kind == REFINER_SHELL ? "shell" : sql_dialect_word(refiner->dialect);
}

static void nothing_of_the_corpus_is_taken_for_less(void **state)
{
    (void)state;
    struct statements statements = statements_read();
    size_t missed = 0, stricter = 0, unexpected = 0;

    for (size_t i = 0; i < statements.count; i++) {
        const struct statement *s = &statements.all[i];
        struct refine_verdict got = refine_text(&s->refiner, s->text);
        bool is_stricter = got.category > s->category;

        missed += got.category < s->category;
        stricter += is_stricter;
        unexpected += is_stricter != s->is_stricter;
        if (got.category < s->category || is_stricter != s->is_stricter)
            print_message("# statements.txt:%d: %s: %s, not %s: %s (%s)\n", s->line,
                          name_of(&s->refiner), category_word(got.category),
                          category_word(s->category), got.why, got.what);
        assert_true(got.why[0] != '\0');
    }
    print_message("# %zu lines, %zu judgements: %zu taken for less, %zu for worse\n",
                  statements.lines, statements.count, missed, stricter);
    assert_true(statements.lines >= 400);
    assert_int_equal(missed, 0);
    assert_int_equal(unexpected, 0);
    statements_done(&statements);
}

/* Plain statements are judged by their tokens: the tree of the parser must never be worse. */
static void what_is_judged_by_tokens_alone_is_not_worse_in_the_tree(void **state)
{
    (void)state;
    struct statements statements = statements_read();
    size_t plain = 0;

    for (size_t i = 0; i < statements.count; i++) {
        struct statement *s = &statements.all[i];
        struct sql_reading reading;
        struct refine_verdict tree = {.category = CATEGORY_READ_ONLY};

        /* Of other dialects, too: most of them are SQL that PostgreSQL knows. */
        s->refiner.dialect = SQL_POSTGRESQL;
        sql_tokens_judge(&s->refiner, s->text, &reading);
        if (!reading.is_plain || reading.verdict.category == CATEGORY_ADMIN ||
            !sql_pg_counts(s->text, reading.statements))
            continue;
        plain++;
        sql_pg_judge(&s->refiner, s->text, &tree);
        if (tree.category > reading.verdict.category)
            fail_msg("statements.txt:%d: %s by the tree, %s by the tokens", s->line,
                     category_word(tree.category), category_word(reading.verdict.category));
    }
    print_message("# %zu judged by tokens alone\n", plain);
    assert_true(plain > 100);
    statements_done(&statements);
}

/* With what stands before and behind it, a statement is never less than alone. */
static void what_stands_around_a_statement_never_makes_it_harmless(void **state)
{
    (void)state;
    struct statements statements = statements_read();
    static const char *const before[] = {"SELECT 1; ", "/* x */ ", "-- x\n", "\n\t;;", "( "};
    static const char *const behind[] = {"; SELECT 1", " -- x", " /* x */", ";;", " )"};
    char text[4096];

    for (size_t i = 0; i < statements.count; i++) {
        const struct statement *s = &statements.all[i];
        if (s->refiner.kind != REFINER_SQL || s->text.len > 2000)
            continue;
        enum category alone = refine_text(&s->refiner, s->text).category;
        for (size_t k = 0; k < sizeof before / sizeof *before; k++) {
            size_t len = strlen(before[k]);
            memcpy(text, before[k], len);
            memcpy(text + len, s->text.ptr, s->text.len);
            len += s->text.len;
            memcpy(text + len, behind[k], strlen(behind[k]));
            struct refine_verdict got =
                refine_text(&s->refiner, str_of(text, len + strlen(behind[k])));
            /* A comment that does not end can end in what follows, and then there is none. */
            if (got.category < alone && alone != CATEGORY_ADMIN)
                fail_msg("statements.txt:%d: %s in %s…%s is %s", s->line, name_of(&s->refiner),
                         before[k], behind[k], category_word(got.category));
        }
    }
    statements_done(&statements);
}

static struct refine_verdict refine(const struct refiner *refiner, const char *arguments)
{
    struct err err;
    struct json_doc doc;
    struct arena *arena = arena_new(1 << 20);

    assert_non_null(arena);
    assert_ok(json_parse(str_c(arguments), &json_limits_default, arena, &doc, &err), err);
    struct refine_verdict verdict = refine_arguments(refiner, &doc, 0, arena);
    arena_free(arena);
    return verdict;
}

static void the_argument_is_found_by_its_pointer(void **state)
{
    (void)state;
    struct refiner refiner = {.kind = REFINER_SQL, .dialect = SQL_SQLITE, .pointer = STR("/q")};

    assert_int_equal(refine(&refiner, "{\"q\":\"SELECT 1\"}").category, CATEGORY_READ_ONLY);
    assert_int_equal(refine(&refiner, "{\"q\":\"DROP TABLE t\"}").category, CATEGORY_DESTRUCTIVE);
    assert_int_equal(refine(&refiner, "{\"x\":\"DROP\",\"q\":\"SELECT 1\"}").category,
                     CATEGORY_READ_ONLY);
    assert_int_equal(refine(&refiner, "{\"q\":\"\\u0044ROP TABLE t\"}").category,
                     CATEGORY_DESTRUCTIVE);
    refiner.pointer = STR("/a~1b/1/q~0");
    assert_int_equal(refine(&refiner, "{\"a/b\":[0,{\"q~\":\"SELECT 1\"}]}").category,
                     CATEGORY_READ_ONLY);
}

static void what_is_missing_or_of_another_type_is_the_worst(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "{}",
        "[]",
        "7",
        "{\"q\":null}",
        "{\"q\":1}",
        "{\"q\":true}",
        "{\"q\":{}}",
        "{\"q\":[]}",
        "{\"q\":[1]}",
        "{\"q\":[\"SELECT 1\",{}]}",
        "{\"q\":[\"SELECT 1\",[\"SELECT 1\"]]}",
        "{\"q\":\"\"}",
        "{\"Q\":\"SELECT 1\"}",
        "{\"x\":{\"q\":\"SELECT 1\"}}",
        /* Some parsers take either for the same field. */
        "{\"q\":\"SELECT 1\",\"Q\":\"DROP TABLE t\"}",
        "{\"Q\":\"DROP TABLE t\",\"q\":\"SELECT 1\"}",
    };
    struct refiner refiner = {.kind = REFINER_SQL, .dialect = SQL_POSTGRESQL, .pointer = STR("/q")};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (refine(&refiner, cases[i]).category != CATEGORY_ADMIN)
            fail_msg("%s", cases[i]);
    refiner.pointer = STR("/task");
    assert_int_equal(refine(&refiner, "{\"task\":\"SELECT 1\",\"tas\\u212a\":\"x\"}").category,
                     CATEGORY_ADMIN);
    struct json_doc none = {.text = STR_NONE};
    assert_int_equal(refine_arguments(&refiner, &none, JSON_NONE, NULL).category, CATEGORY_ADMIN);
}

static void of_several_texts_the_worst_counts(void **state)
{
    (void)state;
    const struct refiner refiner = {
        .kind = REFINER_SQL, .dialect = SQL_POSTGRESQL, .pointer = STR("/q")};

    assert_int_equal(refine(&refiner, "{\"q\":[\"SELECT 1\",\"SELECT 2\"]}").category,
                     CATEGORY_READ_ONLY);
    assert_int_equal(refine(&refiner, "{\"q\":[\"SELECT 1\",\"DELETE FROM t\"]}").category,
                     CATEGORY_DESTRUCTIVE);
    assert_int_equal(refine(&refiner, "{\"q\":[\"DELETE FROM t\",\"SELECT 1\"]}").category,
                     CATEGORY_DESTRUCTIVE);
}

static void a_call_is_never_less_than_the_floor(void **state)
{
    (void)state;
    struct refiner refiner = {.kind = REFINER_SQL, .dialect = SQL_MYSQL, .pointer = STR("/q")};

    for (unsigned floor = 0; floor < CATEGORIES; floor++) {
        refiner.floor = (enum category)floor;
        assert_int_equal(refine(&refiner, "{\"q\":\"SELECT 1\"}").category, floor);
        assert_int_equal(refine(&refiner, "{\"q\":\"GRANT x\"}").category, CATEGORY_ADMIN);
        assert_true(refine(&refiner, "{\"q\":\"DELETE FROM t\"}").category >= refiner.floor);
    }
}

static void methods_and_values_are_looked_up(void **state)
{
    (void)state;
    const struct refine_value values[] = {{STR_INIT("get"), CATEGORY_READ_ONLY},
                                          {STR_INIT("delete"), CATEGORY_DESTRUCTIVE},
                                          {STR_INIT("true"), CATEGORY_WRITE}};
    const struct refine_value methods[] = {{STR_INIT("POST"), CATEGORY_ADMIN}};
    struct refiner refiner = {.kind = REFINER_HTTP, .pointer = STR("/m")};

    assert_int_equal(refine(&refiner, "{\"m\":\"GET\"}").category, CATEGORY_READ_ONLY);
    assert_int_equal(refine(&refiner, "{\"m\":\"head\"}").category, CATEGORY_READ_ONLY);
    assert_int_equal(refine(&refiner, "{\"m\":\"Post\"}").category, CATEGORY_WRITE);
    assert_int_equal(refine(&refiner, "{\"m\":\"PATCH\"}").category, CATEGORY_WRITE);
    assert_int_equal(refine(&refiner, "{\"m\":\"put\"}").category, CATEGORY_DESTRUCTIVE);
    assert_int_equal(refine(&refiner, "{\"m\":\"DELETE\"}").category, CATEGORY_DESTRUCTIVE);
    assert_int_equal(refine(&refiner, "{\"m\":\"PROPFIND\"}").category, CATEGORY_ADMIN);
    assert_int_equal(refine(&refiner, "{\"m\":\" GET\"}").category, CATEGORY_ADMIN);
    assert_int_equal(refine(&refiner, "{\"m\":\"GET\\r\\nX: y\"}").category, CATEGORY_ADMIN);
    refiner.values = methods;
    refiner.value_count = 1;
    assert_int_equal(refine(&refiner, "{\"m\":\"POST\"}").category, CATEGORY_ADMIN);
    refiner = (struct refiner){
        .kind = REFINER_VALUE, .pointer = STR("/m"), .values = values, .value_count = 3};
    assert_int_equal(refine(&refiner, "{\"m\":\"get\"}").category, CATEGORY_READ_ONLY);
    assert_int_equal(refine(&refiner, "{\"m\":\"GET\"}").category, CATEGORY_ADMIN);
    assert_int_equal(refine(&refiner, "{\"m\":\"delete\"}").category, CATEGORY_DESTRUCTIVE);
    assert_int_equal(refine(&refiner, "{\"m\":true}").category, CATEGORY_WRITE);
    assert_int_equal(refine(&refiner, "{\"m\":\"other\"}").category, CATEGORY_ADMIN);
    assert_int_equal(refine(&refiner, "{\"m\":[\"get\",\"delete\"]}").category,
                     CATEGORY_DESTRUCTIVE);
    assert_true(refine_can_be(&refiner, CATEGORY_READ_ONLY));
    refiner.floor = CATEGORY_WRITE;
    assert_false(refine_can_be(&refiner, CATEGORY_READ_ONLY));
    assert_true(refine_can_be(&refiner, CATEGORY_WRITE));
    assert_true(refine_can_be(&refiner, CATEGORY_ADMIN));
}

static void an_administrator_can_vouch_for_a_function(void **state)
{
    (void)state;
    const struct refine_value values[] = {{STR_INIT("mart.net_total"), CATEGORY_READ_ONLY},
                                          {STR_INIT("refresh_mart"), CATEGORY_WRITE}};
    struct refiner refiner = {
        .kind = REFINER_SQL, .pointer = STR("/q"), .values = values, .value_count = 2};

    for (unsigned dialect = 0; dialect < SQL_DIALECTS; dialect++) {
        refiner.dialect = (enum sql_dialect)dialect;
        assert_int_equal(refine_text(&refiner, STR("SELECT mart.net_total(1)")).category,
                         CATEGORY_READ_ONLY);
        assert_int_equal(refine_text(&refiner, STR("SELECT net_total(1)")).category,
                         CATEGORY_ADMIN);
        assert_int_equal(refine_text(&refiner, STR("SELECT refresh_mart()")).category,
                         CATEGORY_WRITE);
    }
}

static void words_of_a_command_are_judged_without_a_shell(void **state)
{
    (void)state;
    const struct refiner refiner = {.kind = REFINER_SHELL, .pointer = STR("/c")};

    assert_int_equal(refine(&refiner, "{\"c\":[\"ls\",\"-l\"]}").category, CATEGORY_READ_ONLY);
    assert_int_equal(refine(&refiner, "{\"c\":[\"rm\",\"x\"]}").category, CATEGORY_DESTRUCTIVE);
    assert_int_equal(refine(&refiner, "{\"c\":[\"ls\",\";reboot\"]}").category, CATEGORY_ADMIN);
    assert_int_equal(refine(&refiner, "{\"c\":[\"ls\",\"$(reboot)\"]}").category, CATEGORY_ADMIN);
    assert_int_equal(refine(&refiner, "{\"c\":[\"ls\",\"a\\nreboot\"]}").category, CATEGORY_ADMIN);
    assert_int_equal(refine(&refiner, "{\"c\":[\"find\",\".\",\"-delete\"]}").category,
                     CATEGORY_ADMIN);
}

static void repeat(char *out, size_t room, const char *head, const char *part, size_t count,
                   const char *tail)
{
    size_t len = strlen(head), part_len = strlen(part);

    memcpy(out, head, len);
    for (size_t i = 0; i < count && len + part_len + strlen(tail) + 1 < room; i++, len += part_len)
        memcpy(out + len, part, part_len);
    memcpy(out + len, tail, strlen(tail) + 1);
}

/* Deep and long texts, in a thread whose stack is smaller than any of the gateway's. */
static void *judge_hostile(void *unused)
{
    static const struct {
        const char *head;
        const char *part;
        const char *tail;
    } cases[] = {
        {"SELECT ", "(", "1"},
        {"SELECT 1", "+1", ""},
        {"SELECT ", "NOT ", "true"},
        {"SELECT ", "- ", "1"},
        {"SELECT 1", " UNION SELECT 1", ""},
        {"", "(", "SELECT 1"},
        {"SELECT ", "ARRAY[", "1"},
        {"SELECT a", "::int", ""},
        {"SELECT a", "[1]", ""},
        {"SELECT a", ".b", ""},
        {"SELECT * FROM a", " JOIN b ON c", ""},
        {"SELECT 1", " COLLATE c", ""},
        {"SELECT ", "CASE WHEN 1 THEN ", "2"},
        {"SELECT ", "f(", "2"},
        {"", "/*", ""},
        {"", "/* */", "SELECT 1"},
        {"SELECT 1", ";SELECT 1", ""},
        {"SELECT 1", ", 1", ""},
        {"SELECT \x01", "+1", ""},
        {"SELECT 1a", "+1", ""},
        {"SELECT '", "''", "'"},
        {"SELECT ", "EXISTS(SELECT ", "1"},
        {"SELECT a IN ", "(SELECT a IN ", "1"},
        {"EXPLAIN ", "EXPLAIN ", "SELECT 1"},
        {"WITH x AS ", "(WITH x AS ", "SELECT 1"},
        {"UPDATE t SET a = 1 WHERE ", "a AND ", "a"},
    };
    static const size_t counts[] = {10, 1000, 8000, 70000};
    size_t room = REFINE_MAX_BYTES + 100;
    char *text = malloc(room);

    (void)unused;
    for (size_t i = 0; text != NULL && i < sizeof cases / sizeof *cases; i++) {
        for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
            repeat(text, room, cases[i].head, cases[i].part, counts[k], cases[i].tail);
            for (unsigned dialect = 0; dialect < SQL_DIALECTS; dialect++)
                (void)judge((enum sql_dialect)dialect, text);
        }
    }
    free(text);
    return NULL;
}

static void deep_and_long_texts_end_in_a_verdict(void **state)
{
    (void)state;
    pthread_attr_t attr;
    pthread_t thread;

    assert_int_equal(pthread_attr_init(&attr), 0);
    assert_int_equal(pthread_attr_setstacksize(&attr, (size_t)4 << 20), 0);
    assert_int_equal(pthread_create(&thread, &attr, judge_hostile, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(pthread_attr_destroy(&attr), 0);
}

/* NULL: all is as it should be. */
static void *judge_often(void *wrong)
{
    for (int i = 0; i < 300; i++) {
        if (judge(SQL_POSTGRESQL, "SELECT * FROM t WHERE a = 1").category != CATEGORY_READ_ONLY ||
            judge(SQL_POSTGRESQL, "DELETE FROM t").category != CATEGORY_DESTRUCTIVE ||
            judge(SQL_POSTGRESQL, "SELECT FROM WHERE").category != CATEGORY_ADMIN)
            return wrong;
    }
    return NULL;
}

/* Some builds of the library redirect the standard error of the whole process while they parse. */
static void the_parser_works_in_many_threads_and_touches_nothing_of_the_process(void **state)
{
    (void)state;
    pthread_t threads[4];
    struct stat before, after;
    void *wrong = NULL;

    assert_int_equal(fstat(STDERR_FILENO, &before), 0);
    int next = dup(STDOUT_FILENO);
    assert_true(next >= 0);
    assert_int_equal(close(next), 0);
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < 4; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, judge_often, &before), 0);
        for (size_t i = 0; i < 4; i++) {
            assert_int_equal(pthread_join(threads[i], &wrong), 0);
            assert_null(wrong);
        }
    }
    assert_int_equal(fstat(STDERR_FILENO, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    int again = dup(STDOUT_FILENO);
    assert_int_equal(again, next);
    assert_int_equal(close(again), 0);
}

static void pointers_are_checked(void **state)
{
    (void)state;
    assert_true(refine_is_pointer(STR("/q")));
    assert_true(refine_is_pointer(STR("/a/0/b~0~1")));
    assert_false(refine_is_pointer(STR("")));
    assert_false(refine_is_pointer(STR("/")));
    assert_false(refine_is_pointer(STR("q")));
    assert_false(refine_is_pointer(STR("/q~")));
    assert_false(refine_is_pointer(STR("/q~2")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_of_the_corpus_is_taken_for_less),
        cmocka_unit_test(what_is_judged_by_tokens_alone_is_not_worse_in_the_tree),
        cmocka_unit_test(what_stands_around_a_statement_never_makes_it_harmless),
        cmocka_unit_test(the_argument_is_found_by_its_pointer),
        cmocka_unit_test(what_is_missing_or_of_another_type_is_the_worst),
        cmocka_unit_test(of_several_texts_the_worst_counts),
        cmocka_unit_test(a_call_is_never_less_than_the_floor),
        cmocka_unit_test(methods_and_values_are_looked_up),
        cmocka_unit_test(an_administrator_can_vouch_for_a_function),
        cmocka_unit_test(words_of_a_command_are_judged_without_a_shell),
        cmocka_unit_test(deep_and_long_texts_end_in_a_verdict),
        cmocka_unit_test(the_parser_works_in_many_threads_and_touches_nothing_of_the_process),
        cmocka_unit_test(pointers_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
