/*
 * classify_text.h - text from outside, as words one can look up.
 *
 * 1. Folding: full-width, mathematical, circled and accented letters become plain ones, letters
 * that look like Latin ones become those in words that mix scripts, digits that stand for letters
 * are read as such where that makes a known word; what nobody sees (zero width, soft hyphen, tag
 *    characters, text turned around) is taken out, read, and reported as an oddity.
 * 2. Prose is cut at spaces, a name also at "_", "-", "." and changes of case.
 * 3. Linear in the size of the text. No part of it is left out, however long it is.
 *
 * Threads: pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "catalog/classify_lexicon.h"

/* What honest texts do not hold. */
enum oddity {
    ODDITY_INVISIBLE = 1, /* zero width between letters */
    ODDITY_BIDI = 2,      /* turns the direction of writing around */
    ODDITY_TAGS = 4,      /* tag characters: text that nobody sees */
    ODDITY_LOOKALIKE = 8, /* a word of Latin and look-alike letters */
    ODDITY_STYLED = 16,   /* letters of a style: mathematical, full-width in a Latin text */
    ODDITY_LEET = 32,     /* d3l3te */
    ODDITY_CONTROL = 64,  /* control characters */
};

/* What stands before a word. */
enum text_break {
    TEXT_JOINED, /* hyphen, apostrophe */
    TEXT_SPACE,
    TEXT_COMMA, /* comma, slash, bracket, dash */
    TEXT_COLON,
    TEXT_BULLET, /* begins a line of a list */
    TEXT_SENTENCE,
};

struct text_word {
    struct str text;             /* folded, in small letters */
    const struct lexeme *lexeme; /* NULL: unknown, or is_code */
    uint8_t before;              /* enum text_break */
    bool is_code;                /* an identifier or in backticks: it names, it does not say */
    bool is_foreign;             /* letters of another script */
    bool is_upper;
};

struct text {
    struct text_word *words;
    size_t count;
    unsigned oddities; /* enum oddity, several */
};

/* raw: UTF-8. The result lives in arena; raw need not. ERR_LIMIT: arena is full. */
enum err_code classify_text_prose(const struct classify_lexicon *lexicon, struct str raw,
                                  struct arena *arena, struct text *ret_text,
                                  struct err *err) MUST_CHECK;
enum err_code classify_text_name(const struct classify_lexicon *lexicon, struct str raw,
                                 struct arena *arena, struct text *ret_text,
                                 struct err *err) MUST_CHECK;
