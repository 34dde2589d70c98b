#include "catalog/classify_text.h"

#include "base/buf.h"
#include "catalog/classify_lexicon.h"
#include "unit.h"

struct reading {
    struct classify_lexicon *lexicon;
    struct arena *arena;
    struct text text;
};

typedef enum err_code read_fn(const struct classify_lexicon *lexicon, struct str raw,
                              struct arena *arena, struct text *ret_text, struct err *err);

static struct reading read_with(read_fn *read, struct str raw)
{
    struct err err;
    struct reading r = {.lexicon = classify_lexicon_new(), .arena = arena_new(1 << 20)};
    assert_non_null(r.lexicon);
    assert_ok(read(r.lexicon, raw, r.arena, &r.text, &err), err);
    return r;
}

static void close_reading(struct reading *r)
{
    arena_free(r->arena);
    classify_lexicon_free(r->lexicon);
}

/* expected: the words with a space between. */
static void assert_words(read_fn *read, const char *raw, const char *expected)
{
    struct buf got;
    struct reading r = read_with(read, str_c(raw));
    buf_init(&got, 4096);
    for (size_t i = 0; i < r.text.count; i++) {
        buf_add_c(&got, i > 0 ? " " : "");
        buf_add(&got, r.text.words[i].text);
    }
    assert_str(buf_str(&got), expected);
    buf_done(&got);
    close_reading(&r);
}

static void names_are_cut_at_every_kind_of_seam(void **state)
{
    (void)state;
    assert_words(classify_text_name, "delete_row", "delete row");
    assert_words(classify_text_name, "deleteHTTPRow", "delete http row");
    assert_words(classify_text_name, "DELETE-ALL.Records/v2", "delete all records v2");
    assert_words(classify_text_name, "listIPs", "list ips");
    assert_words(classify_text_name, "deleteallfiles", "delete all files");
    assert_words(classify_text_name, "purgexyzzy", "purge xyzzy");
    assert_words(classify_text_name, "deployment", "deployment");
    assert_words(classify_text_name, "cleaner", "cleaner");
    assert_words(classify_text_name, "", "");
    assert_words(classify_text_name, "___", "");
}

static void letters_become_plain_ones(void **state)
{
    (void)state;
    assert_words(classify_text_prose, "L\xc3\xb6scht Stra\xc3\x9f\x65", "loscht strase");
    assert_words(classify_text_prose, "\xef\xbc\xa4\xef\xbd\x92\xef\xbd\x8f\xef\xbd\x90", "drop");
    assert_words(classify_text_prose,
                 "\xf0\x9d\x97\x97\xf0\x9d\x97\xbf\xf0\x9d\x97\xbc\xf0\x9d\x97\xbd", "drop");
    assert_words(classify_text_prose, "Drop\xcc\x81s", "drops");
    assert_words(classify_text_prose, "\xd0\xa3\xd0\x94\xd0\x90\xd0\x9b",
                 "\xd1\x83\xd0\xb4\xd0\xb0\xd0\xbb");
}

static void assert_oddity(struct str raw, unsigned oddity)
{
    struct reading r = read_with(classify_text_prose, raw);
    if ((r.text.oddities & oddity) != oddity)
        fail_msg("'" STR_FMT "' has oddities %u, not %u", STR_ARG(raw), r.text.oddities, oddity);
    close_reading(&r);
}

static void what_honest_texts_do_not_hold_is_noted(void **state)
{
    (void)state;
    assert_oddity(STR("de\xe2\x80\x8blete"), ODDITY_INVISIBLE);
    assert_oddity(STR("a \xe2\x80\xae b"), ODDITY_BIDI);
    assert_oddity(STR("a\xf3\xa0\x81\xa1"), ODDITY_TAGS);
    assert_oddity(STR("d\xd0\xb5lete"), ODDITY_LOOKALIKE);
    assert_oddity(STR("\xf0\x9d\x97\x97rop"), ODDITY_STYLED);
    assert_oddity(STR("d3l3te"), ODDITY_LEET);
    assert_oddity(STR("a\0b"), ODDITY_CONTROL);
}

static void honest_texts_in_any_script_have_no_oddities(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "Gr\xc3\xb6\xc3\x9f\x65 \xe2\x80\x93 \xe2\x80\x9eso\xe2\x80\x9c",
        "\xe2\x9a\xa0\xef\xb8\x8f Deletes \xf0\x9f\x98\x80",
        "\xd0\xa3\xd0\xb4\xd0\xb0\xd0\xbb\xd1\x8f\xd0\xb5\xd1\x82 SQL",
        "\xe3\x83\x86\xe3\x83\xbc\xe3\x83\x96\xe3\x83\xab\xe3\x82\x92SQL\xe3\x81\xa7",
        "\xd9\x85\xdb\x8c\xe2\x80\x8c\xd8\xb4\xd9\x88\xd8\xaf", /* a zero-width non-joiner of
                                                                   Persian */
        "HTTP/2, S3, K8s, v1.2.3, sha256, 4xx, p057",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct reading r = read_with(classify_text_prose, str_c(texts[i]));
        if (r.text.oddities != 0)
            fail_msg("'%s' has oddities %u", texts[i], r.text.oddities);
        close_reading(&r);
    }
}

static void hidden_text_is_read_as_well(void **state)
{
    (void)state;
    assert_words(classify_text_prose, "Reads.\xe2\x80\xae .seteled nehT",
                 "reads seteled neht then deletes");
    assert_words(classify_text_prose,
                 "a\xf3\xa0\x81\xa4\xf3\xa0\x81\xb2\xf3\xa0\x81\xaf\xf3\xa0\x81\xb0", "a drop");
}

static void verbs_are_known_in_all_their_forms(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        enum verb_kind kind;
        unsigned form;
    } forms[] = {
        {"deletes", VERB_DESTROY, FORM_S},  {"dropping", VERB_DESTROY, FORM_ING},
        {"purged", VERB_DESTROY, FORM_ED},  {"written", VERB_WRITE, FORM_ED},
        {"copies", VERB_WRITE, FORM_S},     {"applied", VERB_WRITE, FORM_ED},
        {"fetches", VERB_READ, FORM_S},     {"granting", VERB_ADMIN, FORM_ING},
        {"cancelled", VERB_WRITE, FORM_ED}, {"executes", VERB_EXEC, FORM_S},
    };
    struct classify_lexicon *lexicon = classify_lexicon_new();
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        const struct lexeme *lexeme = classify_lexicon_find(lexicon, str_c(forms[i].word));
        if (lexeme == NULL || lexeme->verb != forms[i].kind || (lexeme->forms & forms[i].form) == 0)
            fail_msg("'%s' is not what it should be", forms[i].word);
    }
    classify_lexicon_free(lexicon);
}

static void stems_hold_for_the_longest_that_fits(void **state)
{
    (void)state;
    struct classify_lexicon *lexicon = classify_lexicon_new();
    assert_int_equal(classify_lexicon_stem(lexicon, STR("loschtest"), NULL), STEM_DESTROY);
    assert_int_equal(classify_lexicon_stem(lexicon, STR("degistirir"), NULL), STEM_WRITE);
    assert_int_equal(classify_lexicon_stem(lexicon, STR("degistirmez"), NULL), STEM_NOT);
    assert_int_equal(classify_lexicon_stem(lexicon, STR("rolling"), NULL), STEM_NONE);
    assert_int_equal(classify_lexicon_stem(lexicon, STR(""), NULL), STEM_NONE);
    classify_lexicon_free(lexicon);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_cut_at_every_kind_of_seam),
        cmocka_unit_test(letters_become_plain_ones),
        cmocka_unit_test(what_honest_texts_do_not_hold_is_noted),
        cmocka_unit_test(honest_texts_in_any_script_have_no_oddities),
        cmocka_unit_test(hidden_text_is_read_as_well),
        cmocka_unit_test(verbs_are_known_in_all_their_forms),
        cmocka_unit_test(stems_hold_for_the_longest_that_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
