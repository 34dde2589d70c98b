/*
 * classify_fold.h - one spelling of letters: what looks like a letter becomes that letter, what is
 * hidden is brought to light. Case is kept; scripts other than Latin stay themselves.
 *
 * Threads: pure.
 */
#pragma once

#include "base/arena.h"
#include "base/str.h"

/* *oddities (enum oddity of classify_text.h) gets bits added. The result is a copy in arena, at
 * most twice as long as raw. False: arena is full. Bytes that are no UTF-8 become spaces. */
bool classify_fold(struct str raw, struct arena *arena, struct str *ret_folded,
                   unsigned *oddities) MUST_CHECK;

/* The ASCII letter that a letter of another script looks like, in small letters; 0: none. */
char classify_fold_lookalike(uint32_t code);

/* The code point at text[*at], which moves on; an ill-formed byte reads U+FFFD. */
uint32_t classify_fold_next(struct str text, size_t *at);
