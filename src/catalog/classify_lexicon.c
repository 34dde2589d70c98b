#include "catalog/classify_priv.h"

#include <stdlib.h>

#include "base/attr.h"

enum { WORD_SLOTS = 8192, STEM_SLOTS = 2048, MAX_WORDS = 4000, MAX_STEM_BYTES = 40, TEXT = 24 };

struct stem {
    struct str text;
    enum stem_kind kind;
};

static const struct {
    struct str text;
    enum signal signal;
    bool is_always;
} phrases[] = {
#define X_PHRASE(words, signal) {STR_INIT(words), signal, false},
#define X_ALWAYS(words, signal) {STR_INIT(words), signal, true},
#include "catalog/classify_phrases.def"
};

struct classify_lexicon {
    uint16_t words[WORD_SLOTS]; /* index of lexemes and 1; 0: free */
    uint16_t stems[STEM_SLOTS];
    uint64_t stem_lengths[256]; /* by first byte: which lengths there are, bit by bit */
    struct lexeme lexemes[MAX_WORDS];
    char texts[MAX_WORDS][TEXT]; /* of inflected forms */
    size_t count;
    struct phrase phrases[ARRAY_LEN(phrases)];
};

static const struct {
    struct str text;
    enum verb_kind kind;
    bool is_noun;
} verbs[] = {
#define X_VERB(word, kind, is_noun) {STR_INIT(word), kind, is_noun},
#include "catalog/classify_words.def"
};

static const struct {
    struct str text;
    struct str of;
    enum verb_form form;
} irregular[] = {
#define X_FORM(word, of, form) {STR_INIT(word), STR_INIT(of), form},
#include "catalog/classify_words.def"
};

static const struct {
    struct str text;
    enum noun_kind kind;
} nouns[] = {
#define X_NOUN(word, kind) {STR_INIT(word), kind},
#include "catalog/classify_words.def"
};

static const struct {
    struct str text;
    enum little_kind kind;
} little[] = {
#define X_LITTLE(word, kind) {STR_INIT(word), kind},
#include "catalog/classify_words.def"
};

static const struct stem stems[] = {
#define X_STEM(stem, kind) {STR_INIT(stem), kind},
#include "catalog/classify_stems.def"
};

static size_t find_slot(const struct classify_lexicon *lexicon, struct str word)
{
    size_t slot = classify_lexicon_hash(word) % WORD_SLOTS;
    while (lexicon->words[slot] != 0 &&
           !str_eq(lexicon->lexemes[lexicon->words[slot] - 1].text, word))
        slot = (slot + 1) % WORD_SLOTS;
    return slot;
}

/* The entry of the word, made when there is none; word is copied. NULL: the tables are full, which
 * a unit test would see. */
static struct lexeme *enter(struct classify_lexicon *lexicon, struct str word, struct str base)
{
    size_t slot = find_slot(lexicon, word);
    if (lexicon->words[slot] != 0)
        return &lexicon->lexemes[lexicon->words[slot] - 1];
    if (lexicon->count == MAX_WORDS || word.len > TEXT)
        return NULL;
    struct lexeme *lexeme = &lexicon->lexemes[lexicon->count];
    char *text = lexicon->texts[lexicon->count];
    memcpy(text, word.ptr, word.len);
    lexeme->text = str_of(text, word.len);
    lexeme->base = base;
    lexicon->count++;
    lexicon->words[slot] = (uint16_t)lexicon->count;
    return lexeme;
}

static bool is_vowel(char c)
{
    return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u';
}

/* Is the last consonant doubled before -ing and -ed? (stop, drop, set; not: open, show) */
static bool doubles(struct str word)
{
    if (word.len < 3 || word.len > 5)
        return false;
    char last = word.ptr[word.len - 1];
    char middle = word.ptr[word.len - 2];
    char first = word.ptr[word.len - 3];
    return !is_vowel(last) && last != 'w' && last != 'x' && last != 'y' && is_vowel(middle) &&
           !is_vowel(first) && !str_eq(word, STR("open")) && !str_eq(word, STR("order"));
}

static struct str join(char *text, struct str word, size_t len, char doubled, struct str ending)
{
    size_t at = len;
    memcpy(text, word.ptr, len);
    if (doubled != 0)
        text[at++] = doubled;
    memcpy(text + at, ending.ptr, ending.len);
    return str_of(text, at + ending.len);
}

static bool has_sibilant(struct str word)
{
    return str_ends(word, STR("s")) || str_ends(word, STR("x")) || str_ends(word, STR("z")) ||
           str_ends(word, STR("ch")) || str_ends(word, STR("sh"));
}

static bool ends_in_consonant_y(struct str word)
{
    return word.len > 2 && str_ends(word, STR("y")) && !is_vowel(word.ptr[word.len - 2]);
}

/* The third person, and the plural. */
static struct str with_s(struct str word, char *text)
{
    if (ends_in_consonant_y(word))
        return join(text, word, word.len - 1, 0, STR("ies"));
    return join(text, word, word.len, 0, has_sibilant(word) ? STR("es") : STR("s"));
}

static struct str with_ing(struct str word, char *text)
{
    if (str_ends(word, STR("e")) && !str_ends(word, STR("ee")))
        return join(text, word, word.len - 1, 0, STR("ing"));
    return join(text, word, word.len, doubles(word) ? word.ptr[word.len - 1] : 0, STR("ing"));
}

static struct str with_ed(struct str word, char *text)
{
    if (str_ends(word, STR("e")))
        return join(text, word, word.len, 0, STR("d"));
    if (ends_in_consonant_y(word))
        return join(text, word, word.len - 1, 0, STR("ied"));
    return join(text, word, word.len, doubles(word) ? word.ptr[word.len - 1] : 0, STR("ed"));
}

static bool enter_form(struct classify_lexicon *lexicon, struct str word, struct str base,
                       enum verb_form form)
{
    const struct lexeme *of = classify_lexicon_find(lexicon, base);
    struct lexeme *lexeme = enter(lexicon, word, base);
    if (lexeme == NULL || of == NULL)
        return false;
    /* "sets" is of set, whatever else it may be; of two verbs the first one in the table holds. */
    if (lexeme->verb == VERB_NONE || lexeme->verb == of->verb) {
        lexeme->verb = of->verb;
        lexeme->is_noun |= of->is_noun;
        lexeme->forms |= (uint8_t)form;
        lexeme->base = of->text;
    }
    return true;
}

static bool enter_verbs(struct classify_lexicon *lexicon)
{
    char text[64];
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        struct lexeme *lexeme = enter(lexicon, verbs[i].text, verbs[i].text);
        if (lexeme == NULL)
            return false;
        lexeme->verb = (uint8_t)verbs[i].kind;
        lexeme->is_noun = verbs[i].is_noun;
        lexeme->forms |= FORM_BASE;
    }
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        struct str base = verbs[i].text;
        if (!enter_form(lexicon, with_s(base, text), base, FORM_S) ||
            !enter_form(lexicon, with_ing(base, text), base, FORM_ING) ||
            !enter_form(lexicon, with_ed(base, text), base, FORM_ED))
            return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(irregular); i++)
        if (!enter_form(lexicon, irregular[i].text, irregular[i].of, irregular[i].form))
            return false;
    return true;
}

static bool enter_nouns(struct classify_lexicon *lexicon)
{
    char text[64];
    for (size_t i = 0; i < ARRAY_LEN(nouns); i++) {
        struct lexeme *one = enter(lexicon, nouns[i].text, nouns[i].text);
        struct lexeme *many = enter(lexicon, with_s(nouns[i].text, text), nouns[i].text);
        if (one == NULL || many == NULL)
            return false;
        one->noun = many->noun = (uint8_t)nouns[i].kind;
    }
    for (size_t i = 0; i < ARRAY_LEN(little); i++) {
        struct lexeme *lexeme = enter(lexicon, little[i].text, little[i].text);
        if (lexeme == NULL)
            return false;
        lexeme->little = (uint8_t)little[i].kind;
    }
    return true;
}

/* The first word of a phrase becomes known, so that looking it up finds the phrase. */
static bool enter_phrases(struct classify_lexicon *lexicon)
{
    for (size_t i = 0; i < ARRAY_LEN(phrases); i++) {
        struct phrase *phrase = &lexicon->phrases[i];
        struct str rest = phrases[i].text;
        phrase->signal = (uint16_t)phrases[i].signal;
        phrase->is_always = phrases[i].is_always;
        while (rest.len > 0 && phrase->count < PHRASE_MAX_WORDS)
            phrase->words[phrase->count++] = str_cut(&rest, ' ');
        struct lexeme *lexeme = enter(lexicon, phrase->words[0], phrase->words[0]);
        if (lexeme == NULL)
            return false;
        phrase->next = lexeme->phrase;
        lexeme->phrase = (uint16_t)(i + 1);
    }
    return true;
}

static void enter_stems(struct classify_lexicon *lexicon)
{
    for (size_t i = 0; i < ARRAY_LEN(stems); i++) {
        size_t slot = classify_lexicon_hash(stems[i].text) % STEM_SLOTS;
        while (lexicon->stems[slot] != 0)
            slot = (slot + 1) % STEM_SLOTS;
        lexicon->stems[slot] = (uint16_t)(i + 1);
        lexicon->stem_lengths[(unsigned char)stems[i].text.ptr[0]] |= UINT64_C(1)
                                                                      << stems[i].text.len;
    }
}

struct classify_lexicon *classify_lexicon_new(void)
{
    struct classify_lexicon *lexicon = calloc(1, sizeof *lexicon);
    if (lexicon == NULL)
        return NULL;
    if (!enter_verbs(lexicon) || !enter_nouns(lexicon) || !enter_phrases(lexicon)) {
        free(lexicon);
        return NULL;
    }
    enter_stems(lexicon);
    return lexicon;
}

void classify_lexicon_free(struct classify_lexicon *lexicon)
{
    free(lexicon);
}

const struct lexeme *classify_lexicon_find(const struct classify_lexicon *lexicon, struct str word)
{
    size_t slot = find_slot(lexicon, word);
    return lexicon->words[slot] == 0 ? NULL : &lexicon->lexemes[lexicon->words[slot] - 1];
}

const struct phrase *classify_lexicon_phrase(const struct classify_lexicon *lexicon,
                                             unsigned number)
{
    return &lexicon->phrases[number - 1];
}

static enum stem_kind find_stem(const struct classify_lexicon *lexicon, struct str text)
{
    size_t slot = classify_lexicon_hash(text) % STEM_SLOTS;
    while (lexicon->stems[slot] != 0) {
        const struct stem *stem = &stems[lexicon->stems[slot] - 1];
        if (str_eq(stem->text, text))
            return stem->kind;
        slot = (slot + 1) % STEM_SLOTS;
    }
    return STEM_NONE;
}

/* Short stems are whole words ("no", "rol" and "rolle" are others' beginnings). */
static bool may_stem(struct str word, size_t len)
{
    enum { SHORT_STEM = 3 };
    return len > SHORT_STEM || len == word.len || (unsigned char)word.ptr[0] >= 0x80;
}

enum stem_kind classify_lexicon_stem(const struct classify_lexicon *lexicon, struct str word,
                                     size_t *ret_len)
{
    if (word.len == 0)
        return STEM_NONE;
    uint64_t lengths = lexicon->stem_lengths[(unsigned char)word.ptr[0]];
    for (size_t len = word.len < MAX_STEM_BYTES ? word.len : MAX_STEM_BYTES; len > 0; len--) {
        if ((lengths >> len & 1) == 0 || !may_stem(word, len))
            continue;
        enum stem_kind kind = find_stem(lexicon, str_first(word, len));
        if (kind == STEM_NONE)
            continue;
        if (ret_len != NULL)
            *ret_len = len;
        return kind;
    }
    return STEM_NONE;
}
