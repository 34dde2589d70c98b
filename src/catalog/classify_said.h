/*
 * classify_said.h - does a verb of a description say what the tool does, or is it only mentioned?
 *
 * Said is what begins a sentence, follows "then" or "and" on what was said, stands in the third
 * person, or in the passive; not what is an identifier, describes something else, or tells the
 * reader what to do. What is denied or under a condition the reader of the text sorts out.
 *
 * Looking back and ahead is bounded, so that no text is read in more than linear time.
 */
#pragma once

#include "catalog/classify_priv.h"

enum said { NOT_SAID, SAID_MILDLY, SAID };

/* A text while it is being read, word by word. */
struct reader {
    struct findings *findings;
    const struct text *text;
    size_t sentence;    /* index of its first word */
    size_t number;      /* of the sentence, from 0 */
    size_t clause;      /* index of the first word behind a colon or a bullet */
    size_t last_said;   /* index and 1 of the verb said last in this sentence; 0: none */
    size_t lead_number; /* the sentence of the lead, valid with findings->lead_verb */
    bool is_denied;
    bool is_if;
    bool in_section; /* under a heading: arguments, returns, examples */
    bool is_parameter;
    enum found_in where;
};

static inline enum little_kind little_of(const struct text_word *word)
{
    return word->lexeme == NULL ? LITTLE_NONE : (enum little_kind)word->lexeme->little;
}

static inline const struct text_word *word_at(const struct reader *reader, size_t i)
{
    return &reader->text->words[i];
}

/* The word at i has a lexeme that is a verb. */
enum said classify_said(const struct reader *reader, size_t i);
/* "is deleted", "will be permanently removed" */
bool classify_said_passively(const struct reader *reader, size_t i);
