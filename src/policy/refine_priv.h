/*
 * refine_priv.h - what the refiners share: a verdict that only gets worse.
 */
#pragma once

#include "policy/refine.h"

/* Raises verdict to category when that is worse; why is static, what is cut and made printable. */
void refine_raise(struct refine_verdict *verdict, enum category category, const char *why,
                  struct str what);

/* Each raises *verdict by what text is. */
void sql_judge(const struct refiner *refiner, struct str text, struct refine_verdict *verdict);
void shell_judge(struct str line, struct refine_verdict *verdict);
/* The words of one command that no shell reads. */
void shell_judge_words(const struct str *words, size_t count, struct refine_verdict *verdict);
