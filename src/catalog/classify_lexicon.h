/*
 * classify_lexicon.h - the words of the classifier (classify_words.def, classify_stems.def) with
 * their inflected forms, to be looked up.
 *
 * Threads: immutable after classify_lexicon_new().
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/* What an action does at its mildest. The order is by what one would believe last. */
enum verb_kind {
    VERB_NONE,
    VERB_SOFT, /* says nothing by itself: provides, allows, uses */
    VERB_READ,
    VERB_MAKE, /* gives a new thing back: generates, exports, converts */
    VERB_WRITE,
    VERB_MANAGE, /* several actions, which stand elsewhere */
    VERB_EXEC,   /* what is executed decides */
    VERB_REMOVE, /* detaches or deletes: the object decides */
    VERB_DESTROY,
    VERB_SHARE,
    VERB_ADMIN,
    VERB_KINDS
};

enum verb_form { FORM_BASE = 1, FORM_S = 2, FORM_ING = 4, FORM_ED = 8 };

enum noun_kind {
    NOUN_NONE,
    NOUN_OTHER,
    NOUN_CONTENT,   /* documents, tickets, events: what people work with */
    NOUN_KNOWLEDGE, /* status, details, logs: what one asks for */
    NOUN_INQUIRY,   /* what one runs in order to know: analysis, search */
    NOUN_LIGHT,     /* taking it off leaves the thing: label, reaction */
    NOUN_CACHE,
    NOUN_QUERY,
    NOUN_ASKING,  /* a language that only asks */
    NOUN_PROGRAM, /* runs when somebody runs it */
    NOUN_CODE,
    NOUN_SETTING,
    NOUN_KEY, /* sensitive with the right word before it, as are the next ones */
    NOUN_POLICY,
    NOUN_BILLING,
    NOUN_ACCOUNT,
    NOUN_GROUP,
    NOUN_TEAM,
    NOUN_PERSON,
    NOUN_ORG,
    NOUN_ACCESS,
    NOUN_SENSITIVE, /* who changes it changes what others may do */
};

enum little_kind {
    LITTLE_NONE,
    LITTLE_ARTICLE,
    LITTLE_ANY,
    LITTLE_THIS,
    LITTLE_WHICH,
    LITTLE_TO,
    LITTLE_PREPOSITION,
    LITTLE_AND,
    LITTLE_ADVERB,
    LITTLE_NOT,
    LITTLE_MODAL,
    LITTLE_BE,
    LITTLE_WAS,
    LITTLE_IF,
    LITTLE_TOOL,
    LITTLE_YOU,
    LITTLE_ONLY,
};

enum stem_kind {
    STEM_NONE,
    STEM_NOT,
    STEM_READ,
    STEM_WRITE,
    STEM_EXEC,
    STEM_DESTROY,
    STEM_ADMIN,
    STEM_PERSON,
    STEM_SENSITIVE,
};

struct lexeme {
    struct str text;
    struct str base; /* of an inflected form; else text */
    uint8_t verb;    /* enum verb_kind */
    uint8_t forms;   /* enum verb_form, several */
    uint8_t noun;    /* enum noun_kind */
    uint8_t little;  /* enum little_kind */
    bool is_noun;    /* the verb is as often a noun */
    uint16_t phrase; /* the first phrase that begins with it, and 1; 0: none */
};

enum { PHRASE_MAX_WORDS = 8 };

/* A turn of speech (classify_phrases.def). */
struct phrase {
    struct str words[PHRASE_MAX_WORDS]; /* "~": up to three words */
    uint8_t count;
    bool is_always;  /* also where the sentence denies it */
    uint16_t signal; /* enum signal of classify_priv.h */
    uint16_t next;   /* the next phrase with the same first word, and 1; 0: none */
};

struct classify_lexicon;

/* NULL: memory is out. */
struct classify_lexicon *classify_lexicon_new(void);
void classify_lexicon_free(struct classify_lexicon *lexicon); /* NULL is fine */

/* word: folded, in small letters. NULL: unknown. */
const struct lexeme *classify_lexicon_find(const struct classify_lexicon *lexicon, struct str word);
/* The longest stem that word begins with; *ret_len (may be NULL) is how many bytes it has. */
enum stem_kind classify_lexicon_stem(const struct classify_lexicon *lexicon, struct str word,
                                     size_t *ret_len);

/* number: as in lexeme.phrase and phrase.next, not 0. */
const struct phrase *classify_lexicon_phrase(const struct classify_lexicon *lexicon,
                                             unsigned number);

/* A hash for tables that outsiders can't fill. */
static inline uint32_t classify_lexicon_hash(struct str word)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < word.len; i++)
        hash = (hash ^ (unsigned char)word.ptr[i]) * 16777619u;
    return hash ^ (hash >> 15);
}
