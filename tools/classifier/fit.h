/*
 * fit.h - weights for the features of known tools, by logistic regression (liblinear).
 *
 * A feature counts only when tools of at least FIT_MIN_SERVERS servers have it: what is said once
 * teaches nothing, and no server's own words get into the program.
 */
#pragma once

#include "catalog/classify_model.h"
#include "corpus.h"

enum { FIT_MIN_SERVERS = 4 };

struct fit;

/* The features of every example; readings as many as examples. NULL: memory is out. */
struct fit *fit_new(const struct corpus *corpus, const struct classify_reading *readings);
void fit_free(struct fit *fit);

/* Learns from the examples of which is_used says so. */
bool fit_train(struct fit *fit, const bool *is_used);
/* What the weights learned last say of an example. */
struct scores fit_score(const struct fit *fit, size_t example);
/* Prints them as classify_weights.def. */
void fit_print(const struct fit *fit);
