#include "base/attr.h"
#include "catalog/classify_priv.h"

/* What the words of one sentence, known and unknown, say. */
struct sentence {
    size_t words;
    size_t english;
    size_t stems[STEM_SENSITIVE + 1];
    struct str first[STEM_SENSITIVE + 1];
    bool has_script; /* letters other than Latin ones */
};

static void note_stem(struct sentence *sentence, enum stem_kind kind, struct str word)
{
    if (sentence->stems[kind]++ == 0)
        sentence->first[kind] = word;
}

static size_t bytes_of(char lead)
{
    unsigned char c = (unsigned char)lead;
    return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/* Three bytes a letter: the scripts that write words without spaces, among others. */
static void find_inside(const struct classify_lexicon *lexicon, struct str word,
                        struct sentence *sentence)
{
    for (size_t at = 0; at < word.len;) {
        size_t len = 0;
        enum stem_kind kind = classify_lexicon_stem(lexicon, str_from(word, at), &len);
        if (kind != STEM_NONE)
            note_stem(sentence, kind, str_first(str_from(word, at), len));
        at += kind == STEM_NONE ? bytes_of(word.ptr[at]) : len;
    }
}

static void read_word(const struct classify_lexicon *lexicon, const struct text_word *word,
                      struct sentence *sentence)
{
    sentence->words++;
    if (word->is_foreign) {
        sentence->has_script = true;
        if (bytes_of(word->text.ptr[0]) >= 3)
            find_inside(lexicon, word->text, sentence);
        else
            note_stem(sentence, classify_lexicon_stem(lexicon, word->text, NULL), word->text);
        return;
    }
    /* Words of English that also are words elsewhere ("a", "no", "list") say little. */
    if (word->lexeme != NULL && (word->lexeme->little != LITTLE_NONE ||
                                 word->lexeme->verb != VERB_NONE || word->lexeme->noun != NOUN_NONE))
        sentence->english++;
    if (word->text.len > 1 && !word->is_code)
        note_stem(sentence, classify_lexicon_stem(lexicon, word->text, NULL), word->text);
}

/* Of an English sentence about a third of the words are known ones. */
static bool is_foreign(const struct sentence *sentence)
{
    return sentence->has_script || (sentence->words >= 2 && sentence->english * 4 < sentence->words);
}

static void add(struct findings *findings, enum signal signal, const struct sentence *sentence,
                enum stem_kind kind)
{
    findings_add(findings, signal, IN_DESCRIPTION, sentence->first[kind]);
}

static void conclude(struct findings *findings, const struct sentence *sentence)
{
    const size_t *stems = sentence->stems;
    bool changes = stems[STEM_WRITE] + stems[STEM_DESTROY] + stems[STEM_ADMIN] > 0;
    bool is_denied = stems[STEM_NOT] > 0 && stems[STEM_READ] > 0;
    if (stems[STEM_DESTROY] > 0)
        add(findings, SIGNAL_LEAD_DESTROY, sentence, STEM_DESTROY);
    if (stems[STEM_ADMIN] > 0)
        add(findings, SIGNAL_LEAD_ADMIN, sentence, STEM_ADMIN);
    if (stems[STEM_EXEC] > 0)
        add(findings, SIGNAL_LEAD_EXEC, sentence, STEM_EXEC);
    if (stems[STEM_WRITE] > 0 && !is_denied)
        add(findings, SIGNAL_LEAD_WRITE, sentence, STEM_WRITE);
    if (changes && !is_denied && stems[STEM_SENSITIVE] > 0)
        add(findings, SIGNAL_LEAD_SENSITIVE, sentence, STEM_SENSITIVE);
    else if (stems[STEM_DESTROY] > 0 && stems[STEM_PERSON] > 0)
        add(findings, SIGNAL_LEAD_SENSITIVE, sentence, STEM_PERSON);
    if (stems[STEM_READ] > 0)
        add(findings, SIGNAL_LEAD_READ, sentence, STEM_READ);
}

static void end_sentence(struct findings *findings, const struct sentence *sentence,
                         bool *has_foreign, bool *is_understood)
{
    if (sentence->words == 0 || !is_foreign(sentence))
        return;
    const size_t *stems = sentence->stems;
    conclude(findings, sentence);
    *has_foreign = true;
    *is_understood |= stems[STEM_READ] + stems[STEM_WRITE] + stems[STEM_DESTROY] +
                          stems[STEM_ADMIN] + stems[STEM_EXEC] >
                      0;
}

void classify_foreign(struct findings *findings, const struct text *text, enum found_in where)
{
    struct sentence sentence = {.words = 0};
    bool has_foreign = false;
    bool is_understood = false;
    for (size_t i = 0; i < text->count; i++) {
        if (text->words[i].before == TEXT_SENTENCE) {
            end_sentence(findings, &sentence, &has_foreign, &is_understood);
            sentence = (struct sentence){.words = 0};
        }
        read_word(findings->lexicon, &text->words[i], &sentence);
    }
    end_sentence(findings, &sentence, &has_foreign, &is_understood);
    if (has_foreign)
        findings_add(findings, is_understood ? SIGNAL_FOREIGN : SIGNAL_FOREIGN_UNKNOWN,
                     where, STR_NONE);
}
