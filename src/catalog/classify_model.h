/*
 * classify_model.h - the linear model: every feature of a tool has two weights, and their sums say
 * how far it is from "reads" and from "harms". The weights (classify_weights.def) are written by
 * tools/classifier/train.
 *
 * Features: signals ('s'), words of the name ('n'), of the first sentence ('d') and last words of
 * the parameters' names ('p'). What a server says in order to look harmless is no feature: hints
 * that lower are left out.
 *
 * Threads: immutable after classify_model_new().
 */
#pragma once

#include "catalog/classify_priv.h"

struct classify_model;

/* NULL: memory is out. */
struct classify_model *classify_model_new(void);
void classify_model_free(struct classify_model *model); /* NULL is fine */

typedef void classify_feature_fn(void *context, char kind, struct str word);
/* Every feature of the tool; one may come several times and counts once. */
void classify_model_features(const struct classify_reading *reading, classify_feature_fn *fn,
                             void *context);

struct scores classify_model_score(const struct classify_model *model,
                                   const struct classify_reading *reading);
