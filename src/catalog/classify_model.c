#include "catalog/classify_model.h"

#include <stdlib.h>

#include "base/attr.h"

enum { SLOTS = 8192, SCALE = 1000, SENTENCE_WORDS = 24 };

static const struct {
    char kind;
    struct str word;
    int changes; /* in 1/SCALE */
    int harms;
} weights[] = {
#define X_WEIGHT(kind, word, changes, harms) {kind, STR_INIT(word), changes, harms},
#include "catalog/classify_weights.def"
};

static const struct {
    int changes;
    int harms;
} bias = {
#define X_BIAS(changes, harms) changes, harms
#include "catalog/classify_weights.def"
};

struct classify_model {
    uint16_t slots[SLOTS]; /* index of weights and 1; 0: free */
};

_Static_assert(ARRAY_LEN(weights) < SLOTS / 2, "the table of weights is too full");

static size_t find_slot(const struct classify_model *model, char kind, struct str word)
{
    size_t slot = (classify_lexicon_hash(word) + (unsigned char)kind * 2654435761u) % SLOTS;
    while (model->slots[slot] != 0 && !(weights[model->slots[slot] - 1].kind == kind &&
                                        str_eq(weights[model->slots[slot] - 1].word, word)))
        slot = (slot + 1) % SLOTS;
    return slot;
}

struct classify_model *classify_model_new(void)
{
    struct classify_model *model = calloc(1, sizeof *model);
    if (model == NULL)
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(weights); i++)
        model->slots[find_slot(model, weights[i].kind, weights[i].word)] = (uint16_t)(i + 1);
    return model;
}

void classify_model_free(struct classify_model *model)
{
    free(model);
}

static struct str normal(const struct text_word *word)
{
    return word->lexeme != NULL && word->lexeme->base.len > 0 ? word->lexeme->base : word->text;
}

static bool is_feature(enum signal signal)
{
    return signal != SIGNAL_TRUSTED_READ && signal != SIGNAL_TRUSTED_MILD && signal != SIGNAL_MODEL;
}

void classify_model_features(const struct classify_reading *reading, classify_feature_fn *fn,
                             void *context)
{
    const struct findings *findings = &reading->findings;
    for (unsigned signal = 0; signal < SIGNALS; signal++)
        if (findings->counts[signal] > 0 && is_feature((enum signal)signal))
            fn(context, 's', str_c(findings_word((enum signal)signal)));
    for (size_t i = 0; i < reading->name.count; i++)
        fn(context, 'n', normal(&reading->name.words[i]));
    for (size_t i = 0; i < reading->description.count && i < SENTENCE_WORDS; i++) {
        const struct text_word *word = &reading->description.words[i];
        if (i > 0 && word->before == TEXT_SENTENCE)
            break;
        if (!word->is_code)
            fn(context, 'd', normal(word));
    }
    for (size_t i = 0; i < findings->parameter_count; i++)
        fn(context, 'p', findings->parameters[i]);
}

struct sum {
    const struct classify_model *model;
    int64_t changes;
    int64_t harms;
    size_t strongest; /* number of a weight; 0: none */
    uint64_t seen[(ARRAY_LEN(weights) + 63) / 64];
};

static void add(void *context, char kind, struct str word)
{
    struct sum *sum = context;
    unsigned number = sum->model->slots[find_slot(sum->model, kind, word)];
    if (number == 0 || (sum->seen[(number - 1) / 64] >> (number - 1) % 64 & 1) != 0)
        return;
    sum->seen[(number - 1) / 64] |= UINT64_C(1) << (number - 1) % 64;
    sum->changes += weights[number - 1].changes;
    sum->harms += weights[number - 1].harms;
    if (weights[number - 1].harms > (sum->strongest == 0 ? 0 : weights[sum->strongest - 1].harms))
        sum->strongest = number;
}

struct scores classify_model_score(const struct classify_model *model,
                                   const struct classify_reading *reading)
{
    struct sum sum = {.model = model, .changes = bias.changes, .harms = bias.harms};
    classify_model_features(reading, add, &sum);
    return (struct scores){.changes = (double)sum.changes / SCALE,
                           .harms = (double)sum.harms / SCALE,
                           .word = sum.strongest == 0 ? STR_NONE : weights[sum.strongest - 1].word};
}
