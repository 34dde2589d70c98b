#include "catalog/review.h"

#include "unit.h"

#define FIRST     RELEASE_BIT(RELEASE_FIRST)
#define RETURNING RELEASE_BIT(RELEASE_RETURNING)
#define READS     RELEASE_BIT(RELEASE_CERTAIN_READS)
#define ALL       RELEASE_BIT(RELEASE_ALL)

enum { NO_PIN = 0, NOT_KNOWN = -1 };

/* A tool "t" that was known with a pin and the hash of last time (bytes that fill it), and what
 * becomes of it when it is seen with another. */
struct row {
    const char *what;
    uint8_t release;
    int pin;  /* NOT_KNOWN, NO_PIN, or the byte of the hash in force */
    int last; /* the byte of the hash last seen */
    enum reason hold;
    bool is_gone;
    int seen;
    bool is_read; /* the verdict is read-only, certain */
    enum tool_fate fate;
    enum reason why;
    bool has_word;
};

#define GRANTED REASON_GRANTED
#define CHANGED REASON_DEFINITION_CHANGED
#define NEW     REASON_DEFINITION_NEW
#define BACK    REASON_DEFINITION_RETURNED
#define DIFFERS REASON_DEFINITION_DIFFERS
#define BY_HAND REASON_TOOL_QUARANTINED

/* clang-format off */
static const struct row rows[] = {
    {"new to a known server", FIRST, NOT_KNOWN, 0, GRANTED, false, 1, false, FATE_HOLD, NEW, false},
    {"new, and nothing by itself", 0, NOT_KNOWN, 0, GRANTED, false, 1, true, FATE_HOLD, NEW, false},
    {"new, and reads for certain", READS, NOT_KNOWN, 0, GRANTED, false, 1, true, FATE_PIN, GRANTED, true},
    {"new, and perhaps not", READS, NOT_KNOWN, 0, GRANTED, false, 1, false, FATE_HOLD, NEW, false},
    {"new, and all goes", ALL, NOT_KNOWN, 0, GRANTED, false, 1, false, FATE_PIN, GRANTED, false},
    {"as it was", FIRST, 1, 1, GRANTED, false, 1, false, FATE_KEEP, GRANTED, false},
    {"as it was, under a rule that came later", READS, 1, 1, GRANTED, false, 1, true, FATE_KEEP, GRANTED, true},
    {"changed", FIRST, 1, 1, GRANTED, false, 2, false, FATE_HOLD, CHANGED, false},
    {"changed, and reads for certain", FIRST | READS | RETURNING, 1, 1, GRANTED, false, 2, true, FATE_HOLD, CHANGED, false},
    {"changed, and all goes", ALL, 1, 1, GRANTED, false, 2, true, FATE_PIN, GRANTED, false},
    {"held as changed, the same again", FIRST | READS, 1, 2, CHANGED, false, 2, true, FATE_KEEP, GRANTED, false},
    {"held as changed, and yet another", FIRST, 1, 2, CHANGED, false, 3, false, FATE_KEEP, GRANTED, false},
    {"held as changed, and back", FIRST | READS, 1, 2, CHANGED, false, 1, true, FATE_HOLD, DIFFERS, false},
    {"held as changed, and may go back", RETURNING, 1, 2, CHANGED, false, 1, false, FATE_LIFT, GRANTED, false},
    {"held as changed, and all goes now", ALL, 1, 2, CHANGED, false, 2, false, FATE_PIN, GRANTED, false},
    {"held as differing, still so", FIRST, 1, 1, DIFFERS, false, 1, false, FATE_KEEP, GRANTED, false},
    {"held as new, the same again", FIRST | READS, NO_PIN, 1, NEW, false, 1, true, FATE_KEEP, GRANTED, false},
    {"held as new, and another", FIRST, NO_PIN, 1, NEW, false, 2, false, FATE_KEEP, GRANTED, false},
    {"held as new, and all goes now", ALL, NO_PIN, 1, NEW, false, 1, false, FATE_PIN, GRANTED, false},
    {"by hand, as it was", ALL | RETURNING, 1, 1, BY_HAND, false, 1, false, FATE_KEEP, GRANTED, false},
    {"by hand, and changed", ALL | RETURNING, 1, 1, BY_HAND, false, 2, false, FATE_KEEP, GRANTED, false},
    {"by hand, and back from being away", ALL | RETURNING, 1, 1, BY_HAND, true, 1, false, FATE_KEEP, GRANTED, false},
    {"away, back as it was", FIRST | READS, 1, 1, GRANTED, true, 1, true, FATE_HOLD, BACK, false},
    {"away, back as it was, and may", RETURNING, 1, 1, GRANTED, true, 1, false, FATE_KEEP, GRANTED, false},
    {"away, back as another", RETURNING | READS, 1, 1, GRANTED, true, 2, true, FATE_HOLD, CHANGED, false},
    {"away while held, back as it was", FIRST, 1, 2, CHANGED, true, 1, false, FATE_HOLD, BACK, false},
    {"away while held, back as it was, and may", RETURNING, 1, 2, CHANGED, true, 1, false, FATE_LIFT, GRANTED, false},
    {"away while held, back as another", RETURNING, 1, 2, CHANGED, true, 2, false, FATE_KEEP, GRANTED, false},
    {"away while new, and back", RETURNING | FIRST, NO_PIN, 1, NEW, true, 1, false, FATE_KEEP, GRANTED, false},
};
/* clang-format on */

static struct tool make_tool(const struct row *row)
{
    struct tool tool = {.id = 1, .name = STR("t"), .hold = row->hold, .is_gone = row->is_gone};
    memset(tool.hash, row->last, sizeof tool.hash);
    memset(tool.pinned_hash, row->pin, sizeof tool.pinned_hash);
    tool.has_pin = row->pin > 0;
    tool.definition = STR("{\"name\":\"t\",\"inputSchema\":{}}");
    tool.pinned = tool.has_pin ? tool.definition : STR_NONE;
    return tool;
}

static struct tool_seen make_seen(const char *name, int hash, bool is_read)
{
    struct tool_seen seen = {.name = str_c(name),
                             .definition = STR("{\"name\":\"t\",\"inputSchema\":{}}")};
    memset(seen.hash, hash, sizeof seen.hash);
    if (is_read)
        seen.verdict = (struct tool_verdict){
            .is_given = true, .category = CATEGORY_READ_ONLY, .certainty = STR("certain")};
    return seen;
}

static void what_becomes_of_a_tool_is_in_a_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row *row = &rows[i];
        CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 20);
        struct server server = {.name = STR("s"), .release = row->release};
        struct tool known[2] = {{.name = STR("a"), .has_pin = true}, make_tool(row)};
        struct tool_seen seen[] = {make_seen("a", 0, false),
                                   make_seen("t", row->seen, row->is_read)};
        const struct review_input input = {
            .server = &server, .known = known, .known_count = row->pin == NOT_KNOWN ? 1 : 2};
        struct err err;
        assert_ok(review_plan(&input, seen, 2, arena, &err), err);
        enum reason why = seen[1].fate == FATE_HOLD ? seen[1].hold : REASON_GRANTED;
        if (seen[1].fate != row->fate || why != row->why || seen[1].word.is_given != row->has_word)
            fail_msg("%s: fate %d, %s, word %d", row->what, seen[1].fate, reason_word(why),
                     seen[1].word.is_given);
    }
}

static void the_first_definitions_are_taken_as_they_are_where_the_rule_says_so(void **state)
{
    (void)state;
    static const struct {
        uint8_t release;
        bool is_read;
        enum tool_fate fate;
        bool has_word;
    } firsts[] = {
        {FIRST, false, FATE_PIN, false},       {FIRST, true, FATE_PIN, false},
        {FIRST | READS, true, FATE_PIN, true}, {READS, true, FATE_PIN, true},
        {READS, false, FATE_HOLD, false},      {0, true, FATE_HOLD, false},
        {RETURNING, true, FATE_HOLD, false},   {ALL, false, FATE_PIN, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(firsts); i++) {
        CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 20);
        struct server server = {.name = STR("s"), .release = firsts[i].release};
        struct tool_seen seen = make_seen("t", 1, firsts[i].is_read);
        const struct review_input input = {.server = &server, .is_first = true};
        struct err err;
        assert_ok(review_plan(&input, &seen, 1, arena, &err), err);
        if (seen.fate != firsts[i].fate || seen.word.is_given != firsts[i].has_word)
            fail_msg("row %zu", i);
    }
}

static void a_tool_that_took_the_place_of_another_is_said_to_be_it(void **state)
{
    (void)state;
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 20);
    struct server server = {.name = STR("s"), .release = FIRST | READS};
    struct tool old = {.name = STR("get_page"), .has_pin = true};
    old.pinned = STR("{\"name\":\"get_page\",\"description\":\"Read one page of the wiki\","
                     "\"inputSchema\":{\"properties\":{\"page\":{}}}}");
    struct tool_seen seen[] = {make_seen("fetch_page", 1, true), make_seen("other", 2, false)};
    seen[0].definition =
        STR("{\"name\":\"fetch_page\",\"description\":\"Read one page of the wiki\","
            "\"inputSchema\":{\"properties\":{\"page\":{}}}}");
    const struct review_input input = {.server = &server, .known = &old, .known_count = 1};
    struct err err;
    assert_ok(review_plan(&input, seen, 2, arena, &err), err);
    assert_int_equal(seen[0].fate, FATE_HOLD);
    assert_int_equal(seen[0].hold, REASON_DEFINITION_RENAMED);
    assert_str(seen[0].renamed_from, "get_page");
    assert_int_equal(seen[1].hold, REASON_DEFINITION_NEW);

    /* One that is still there has no successor. */
    struct tool_seen both[] = {make_seen("fetch_page", 1, false), make_seen("get_page", 0, false)};
    both[0].definition = seen[0].definition;
    assert_ok(review_plan(&input, both, 2, arena, &err), err);
    assert_int_equal(both[0].hold, REASON_DEFINITION_NEW);
}

static struct tool released(int hash)
{
    struct tool tool = {.name = STR("get_page"), .has_pin = true};
    memset(tool.hash, hash, sizeof tool.hash);
    memset(tool.pinned_hash, hash, sizeof tool.pinned_hash);
    return tool;
}

static struct tool_word word_for(int hash, enum category category, int64_t at_us)
{
    struct tool_word word = {.is_given = true, .category = category, .at_us = at_us};
    memset(word.hash, hash, sizeof word.hash);
    return word;
}

static void whose_word_holds_is_the_more_specific_and_then_the_later(void **state)
{
    (void)state;
    struct tool_rule exact = {
        .pattern = STR("get_page"), .category = CATEGORY_WRITE, .set_at_us = 50};
    struct tool_rule pattern = {
        .pattern = STR("get_*"), .category = CATEGORY_WRITE, .set_at_us = 50};
    static const struct {
        const char *what;
        int rule; /* 0: none, 1: exact, 2: pattern */
        int word_hash;
        int64_t word_at;
        bool is_automatic;
        enum category category;
        enum review_source source;
    } words[] = {
        {"nobody", 0, 0, 0, false, CATEGORY_ADMIN, REVIEW_NOBODY},
        {"a rule", 1, 0, 0, false, CATEGORY_WRITE, REVIEW_RULE},
        {"a word", 0, 1, 10, false, CATEGORY_READ_ONLY, REVIEW_WORD},
        {"a word for another definition", 0, 2, 10, false, CATEGORY_ADMIN, REVIEW_NOBODY},
        {"a word for another definition, and a rule", 1, 2, 90, false, CATEGORY_WRITE, REVIEW_RULE},
        {"a word before a pattern, though older", 2, 1, 10, false, CATEGORY_READ_ONLY, REVIEW_WORD},
        {"a word after the exact rule", 1, 1, 90, false, CATEGORY_READ_ONLY, REVIEW_WORD},
        {"a word before the exact rule", 1, 1, 10, false, CATEGORY_WRITE, REVIEW_RULE},
        {"what was released by itself", 0, 1, 10, true, CATEGORY_READ_ONLY, REVIEW_AUTOMATIC},
        {"what was released by itself never over a pattern", 2, 1, 90, true, CATEGORY_WRITE,
         REVIEW_RULE},
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        struct server server = {.rules = words[i].rule == 1 ? &exact : &pattern,
                                .rule_count = words[i].rule > 0};
        struct tool tool = released(1);
        if (words[i].word_hash > 0)
            tool.word = word_for(words[i].word_hash, CATEGORY_READ_ONLY, words[i].word_at);
        tool.word.is_automatic = words[i].is_automatic;
        struct review_standing standing = review_judge(&server, &tool);
        if (standing.category != words[i].category || standing.source != words[i].source ||
            standing.is_classified != (words[i].source != REVIEW_NOBODY))
            fail_msg("%s: %s %d", words[i].what, category_word(standing.category), standing.source);
    }
}

static void the_state_says_the_worst_first(void **state)
{
    (void)state;
    struct tool_rule rule = {.pattern = STR("*"), .category = CATEGORY_READ_ONLY};
    struct server with = {.rules = &rule, .rule_count = 1};
    struct server without = {0};
    struct tool tool = released(1);
    assert_int_equal(review_judge(&with, &tool).state, TOOL_RELEASED);
    assert_int_equal(review_judge(&without, &tool).state, TOOL_UNCLASSIFIED);
    tool.verdict.is_given = true;
    assert_int_equal(review_judge(&without, &tool).state, TOOL_PROPOSED);
    assert_false(review_judge(&without, &tool).is_classified);
    assert_int_equal(review_judge(&without, &tool).category, CATEGORY_ADMIN);
    tool.hold = REASON_DEFINITION_CHANGED;
    assert_int_equal(review_judge(&with, &tool).state, TOOL_QUARANTINED);
    tool.hold = REASON_GRANTED;
    tool.has_pin = false;
    assert_int_equal(review_judge(&with, &tool).state, TOOL_QUARANTINED);
    tool.is_gone = true;
    assert_int_equal(review_judge(&with, &tool).state, TOOL_RETIRED);
}

static void an_approval_takes_the_word_for_what_is_approved(void **state)
{
    (void)state;
    struct server without = {0};
    struct tool tool = released(1);
    enum category category = CATEGORY_ADMIN;
    memset(tool.hash, 2, sizeof tool.hash);
    tool.word = word_for(1, CATEGORY_READ_ONLY, 1);
    assert_false(review_would_be(&without, &tool, &category));
    assert_int_equal(review_judge(&without, &tool).category, CATEGORY_READ_ONLY);
    tool.word = word_for(2, CATEGORY_WRITE, 1);
    assert_true(review_would_be(&without, &tool, &category));
    assert_int_equal(category, CATEGORY_WRITE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_becomes_of_a_tool_is_in_a_table),
        cmocka_unit_test(the_first_definitions_are_taken_as_they_are_where_the_rule_says_so),
        cmocka_unit_test(a_tool_that_took_the_place_of_another_is_said_to_be_it),
        cmocka_unit_test(whose_word_holds_is_the_more_specific_and_then_the_later),
        cmocka_unit_test(the_state_says_the_worst_first),
        cmocka_unit_test(an_approval_takes_the_word_for_what_is_approved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
