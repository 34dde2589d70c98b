/*
 * train.c - learns the weights of the classifier's linear model from tools with known categories,
 * or measures the classifier by cross-validation over servers.
 *
 * Use: train FILE > src/catalog/classify_weights.def
 *      train --eval FILE [ADVERSARIAL-FILE] [--misses]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fit.h"
#include "measure.h"

enum { FOLDS = 10 };

struct job {
    struct classifier *classifier;
    struct corpus corpus;
    struct classify_reading *readings;
    struct scores *scores;
    struct fit *fit;
};

static bool read_all(struct job *job)
{
    struct err err;
    job->readings = calloc(job->corpus.count, sizeof *job->readings);
    job->scores = calloc(job->corpus.count, sizeof *job->scores);
    if (job->readings == NULL || job->scores == NULL)
        return false;
    for (size_t i = 0; i < job->corpus.count; i++) {
        struct example *example = &job->corpus.examples[i];
        if (classify_read(job->corpus.servers[example->server_index], &example->doc, 0,
                          job->corpus.arena, &job->readings[i], &err) != ERR_OK) {
            fprintf(stderr, "train: %s\n", err.text);
            return false;
        }
    }
    job->fit = fit_new(&job->corpus, job->readings);
    return job->fit != NULL;
}

static bool open_job(const char *path, struct job *job)
{
    struct err err;
    *job = (struct job){.classifier = NULL};
    return classifier_new(&job->classifier, &err) == ERR_OK &&
           corpus_open(path, job->classifier, &job->corpus) && read_all(job);
}

static void close_job(struct job *job)
{
    fit_free(job->fit);
    free(job->readings);
    free(job->scores);
    corpus_done(&job->corpus);
    classifier_free(job->classifier);
}

/* Servers, not tools, are dealt out: no server teaches what it is asked. */
static bool cross_validate(struct job *job)
{
    bool *is_used = calloc(job->corpus.count, sizeof *is_used);
    bool is_ok = is_used != NULL;
    for (size_t fold = 0; fold < FOLDS && is_ok; fold++) {
        for (size_t i = 0; i < job->corpus.count; i++)
            is_used[i] = job->corpus.examples[i].server_index % FOLDS != fold;
        is_ok = fit_train(job->fit, is_used);
        for (size_t i = 0; i < job->corpus.count && is_ok; i++)
            if (!is_used[i])
                job->scores[i] = fit_score(job->fit, i);
    }
    free(is_used);
    return is_ok;
}

static bool train_on_all(struct job *job)
{
    bool *is_used = calloc(job->corpus.count, sizeof *is_used);
    if (is_used == NULL)
        return false;
    memset(is_used, true, job->corpus.count * sizeof *is_used);
    bool is_ok = fit_train(job->fit, is_used);
    free(is_used);
    return is_ok;
}

static struct measured measured_of(const struct job *job)
{
    return (struct measured){
        .corpus = &job->corpus, .readings = job->readings, .scores = job->scores};
}

static int evaluate(const char *path, const char *adversarial, bool with_misses)
{
    struct job job;
    bool is_ok = open_job(path, &job) && cross_validate(&job);
    if (is_ok) {
        const struct measured measured = measured_of(&job);
        printf("== %s: cross-validation over %zu servers, %zu tools\n", path,
               job.corpus.server_count, job.corpus.count);
        measure_print(&measured, &classify_borders);
        measure_print_curve(&measured);
        if (with_misses)
            measure_print_misses(&measured);
    }
    close_job(&job);
    if (!is_ok || adversarial == NULL)
        return is_ok ? 0 : 1;
    /* The model as it ships. */
    is_ok = open_job(adversarial, &job);
    struct classify_model *model = classify_model_new();
    for (size_t i = 0; is_ok && model != NULL && i < job.corpus.count; i++)
        job.scores[i] = classify_model_score(model, &job.readings[i]);
    if (is_ok && model != NULL) {
        const struct measured measured = measured_of(&job);
        printf("== %s: %zu tools, the model as it ships\n", adversarial, job.corpus.count);
        measure_print(&measured, &classify_borders);
        if (with_misses)
            measure_print_misses(&measured);
    }
    classify_model_free(model);
    close_job(&job);
    return is_ok && model != NULL ? 0 : 1;
}

static int learn(const char *path)
{
    struct job job;
    bool is_ok = open_job(path, &job) && train_on_all(&job);
    if (is_ok)
        fit_print(job.fit);
    close_job(&job);
    return is_ok ? 0 : 1;
}

int main(int argc, char **argv)
{
    bool with_misses = argc > 2 && strcmp(argv[argc - 1], "--misses") == 0;
    int files = with_misses ? argc - 1 : argc;
    if (files == 2)
        return learn(argv[1]);
    if ((files == 3 || files == 4) && strcmp(argv[1], "--eval") == 0)
        return evaluate(argv[2], files == 4 ? argv[3] : NULL, with_misses);
    fprintf(stderr, "use: train FILE | train --eval FILE [ADVERSARIAL-FILE] [--misses]\n");
    return 2;
}
