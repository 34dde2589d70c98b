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

static bool is_english(const struct text_word *word)
{
    return word->lexeme != NULL &&
           (word->lexeme->little != LITTLE_NONE || word->lexeme->verb != VERB_NONE ||
            word->lexeme->noun != NOUN_NONE);
}

static void count_word(const struct text_word *word, struct sentence *sentence)
{
    sentence->has_script |= word->is_foreign;
    sentence->words++;
    sentence->english += is_english(word);
}

static void read_stems(const struct classify_lexicon *lexicon, const struct text *text, size_t from,
                       size_t to, struct sentence *sentence)
{
    for (size_t i = from; i < to; i++) {
        const struct text_word *word = &text->words[i];
        if (word->is_foreign && bytes_of(word->text.ptr[0]) >= 3)
            find_inside(lexicon, word->text, sentence);
        else if (word->is_foreign || (word->text.len > 1 && !word->is_code))
            note_stem(sentence, classify_lexicon_stem(lexicon, word->text, NULL), word->text);
    }
}

/* Of an English text about every second word is a known one. In a text that is English a sentence
 * without any is something else, if it is long enough to tell. */
static bool is_foreign(const struct sentence *sentence, bool is_text_english)
{
    enum { TELLING = 4 };
    if (sentence->has_script)
        return true;
    if (is_text_english)
        return sentence->words >= TELLING && sentence->english == 0;
    return sentence->english * 4 < sentence->words;
}

static void add(struct findings *findings, enum signal signal, const struct sentence *sentence,
                enum stem_kind kind, enum found_in where)
{
    findings_add(findings, signal, where, sentence->first[kind]);
}

static void conclude(struct findings *findings, const struct sentence *sentence,
                     enum found_in where)
{
    const size_t *stems = sentence->stems;
    bool changes = stems[STEM_WRITE] + stems[STEM_DESTROY] + stems[STEM_ADMIN] > 0;
    bool is_denied = stems[STEM_NOT] > 0 && stems[STEM_READ] > 0;
    if (stems[STEM_DESTROY] > 0)
        add(findings, SIGNAL_LEAD_DESTROY, sentence, STEM_DESTROY, where);
    if (stems[STEM_ADMIN] > 0)
        add(findings, SIGNAL_LEAD_ADMIN, sentence, STEM_ADMIN, where);
    if (stems[STEM_EXEC] > 0)
        add(findings, SIGNAL_LEAD_EXEC, sentence, STEM_EXEC, where);
    if (stems[STEM_WRITE] > 0 && !is_denied)
        add(findings, SIGNAL_LEAD_WRITE, sentence, STEM_WRITE, where);
    if (changes && !is_denied && stems[STEM_SENSITIVE] > 0)
        add(findings, SIGNAL_LEAD_SENSITIVE, sentence, STEM_SENSITIVE, where);
    else if (stems[STEM_DESTROY] > 0 && stems[STEM_PERSON] > 0)
        add(findings, SIGNAL_LEAD_SENSITIVE, sentence, STEM_PERSON, where);
    if (stems[STEM_READ] > 0)
        add(findings, SIGNAL_LEAD_READ, sentence, STEM_READ, where);
}

static bool is_understood(const struct sentence *sentence)
{
    const size_t *stems = sentence->stems;
    return stems[STEM_READ] + stems[STEM_WRITE] + stems[STEM_DESTROY] + stems[STEM_ADMIN] +
               stems[STEM_EXEC] >
           0;
}

/* The end of the sentence that begins at from. */
static size_t end_of(const struct text *text, size_t from, struct sentence *sentence)
{
    size_t i = from;
    do
        count_word(&text->words[i++], sentence);
    while (i < text->count && text->words[i].before != TEXT_SENTENCE);
    return i;
}

static bool is_text_english(const struct text *text, bool *ret_has_script)
{
    struct sentence all = {.words = 0};
    for (size_t i = 0; i < text->count; i++)
        count_word(&text->words[i], &all);
    *ret_has_script = all.has_script;
    return all.english * 4 >= all.words;
}

/* A name is foreign only where its words say so: unknown words are nothing special in names. */
void classify_foreign(struct findings *findings, const struct text *text, enum found_in where)
{
    bool has_script;
    bool has_foreign = false;
    bool understood = false;
    bool is_english = is_text_english(text, &has_script);
    for (size_t i = 0; i < text->count;) {
        struct sentence sentence = {.words = 0};
        size_t end = end_of(text, i, &sentence);
        if (is_foreign(&sentence, is_english)) {
            read_stems(findings->lexicon, text, i, end, &sentence);
            conclude(findings, &sentence, where);
            has_foreign = true;
            understood |= is_understood(&sentence);
        }
        i = end;
    }
    if (understood)
        findings_add(findings, SIGNAL_FOREIGN, where, STR_NONE);
    else if (has_foreign && (has_script || (!is_english && where != IN_NAME && text->count >= 4)))
        findings_add(findings, SIGNAL_FOREIGN_UNKNOWN, where, STR_NONE);
}
