/*
 * measure.h - how good verdicts are, against known categories.
 */
#pragma once

#include "catalog/classify_priv.h"
#include "corpus.h"

struct measured {
    const struct corpus *corpus;
    const struct classify_reading *readings;
    const struct scores *scores; /* of a model that has not learned from the example */
};

/* Prints the table of confusion and the figures of docs/classification.md. */
void measure_print(const struct measured *measured, const struct borders *borders);
/* The trade-off: the same figures while one border moves. */
void measure_print_curve(const struct measured *measured);
/* Every verdict that is wrong, with its evidence. */
void measure_print_misses(const struct measured *measured);
