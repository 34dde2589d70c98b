#include "fit.h"

#include <linear.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/table.h"

enum { MAX_FEATURES = 200000, MAX_PER_EXAMPLE = 256, LEAST = 20, SCALE = 1000 };

#define COST 0.3

struct feature {
    char kind;
    struct str word;
    unsigned servers; /* among the examples used */
    size_t last_server;
    int number; /* of the model, from 1; 0: left out */
    double changes;
    double harms;
};

struct row {
    unsigned features[MAX_PER_EXAMPLE];
    size_t count;
};

struct fit {
    const struct corpus *corpus;
    struct table *numbers; /* feature to its index and 1 */
    struct feature *features;
    size_t feature_count;
    struct row *rows;
    double bias_changes;
    double bias_harms;
};

struct gathering {
    struct fit *fit;
    struct row *row;
};

static void gather(void *context, char kind, struct str word)
{
    struct gathering *gathering = context;
    struct fit *fit = gathering->fit;
    struct row *row = gathering->row;
    char key[512];
    size_t len = word.len < sizeof key - 1 ? word.len : sizeof key - 1;
    if (len == 0)
        return;
    key[0] = kind;
    memcpy(key + 1, word.ptr, len);
    uintptr_t number = (uintptr_t)table_get(fit->numbers, str_of(key, len + 1));
    if (number == 0) {
        if (fit->feature_count == MAX_FEATURES)
            return;
        fit->features[fit->feature_count] = (struct feature){.kind = kind, .word = word};
        number = ++fit->feature_count;
        if (!table_put(fit->numbers, str_of(key, len + 1), (void *)number, NULL))
            return;
    }
    for (size_t i = 0; i < row->count; i++)
        if (row->features[i] == number - 1)
            return;
    if (row->count < MAX_PER_EXAMPLE)
        row->features[row->count++] = (unsigned)(number - 1);
}

struct fit *fit_new(const struct corpus *corpus, const struct classify_reading *readings)
{
    struct fit *fit = calloc(1, sizeof *fit);
    if (fit == NULL)
        return NULL;
    fit->corpus = corpus;
    fit->numbers = table_new();
    fit->features = calloc(MAX_FEATURES, sizeof *fit->features);
    fit->rows = calloc(corpus->count, sizeof *fit->rows);
    if (fit->numbers == NULL || fit->features == NULL || fit->rows == NULL) {
        fit_free(fit);
        return NULL;
    }
    for (size_t i = 0; i < corpus->count; i++) {
        struct gathering gathering = {fit, &fit->rows[i]};
        classify_model_features(&readings[i], gather, &gathering);
    }
    return fit;
}

void fit_free(struct fit *fit)
{
    if (fit == NULL)
        return;
    table_free(fit->numbers);
    free(fit->features);
    free(fit->rows);
    free(fit);
}

/* Examples of one server stand together, so counting changes of server counts servers. */
static int choose_features(struct fit *fit, const bool *is_used)
{
    int count = 0;
    for (size_t i = 0; i < fit->feature_count; i++) {
        fit->features[i].servers = 0;
        fit->features[i].last_server = SIZE_MAX;
        fit->features[i].number = 0;
        fit->features[i].changes = fit->features[i].harms = 0;
    }
    for (size_t i = 0; i < fit->corpus->count; i++)
        for (size_t j = 0; is_used[i] && j < fit->rows[i].count; j++) {
            struct feature *feature = &fit->features[fit->rows[i].features[j]];
            feature->servers += feature->last_server != fit->corpus->examples[i].server_index;
            feature->last_server = fit->corpus->examples[i].server_index;
        }
    for (size_t i = 0; i < fit->feature_count; i++)
        if (fit->features[i].servers >= FIT_MIN_SERVERS)
            fit->features[i].number = ++count;
    return count;
}

static void fill_row(const struct fit *fit, size_t example, int bias_number,
                     struct feature_node *node)
{
    /* liblinear wants ascending numbers; they were given in the order of the table. */
    size_t count = 0;
    for (size_t j = 0; j < fit->rows[example].count; j++) {
        int number = fit->features[fit->rows[example].features[j]].number;
        size_t at = count;
        if (number == 0)
            continue;
        while (at > 0 && node[at - 1].index > number) {
            node[at] = node[at - 1];
            at--;
        }
        node[at] = (struct feature_node){.index = number, .value = 1};
        count++;
    }
    node[count++] = (struct feature_node){.index = bias_number, .value = 1};
    node[count] = (struct feature_node){.index = -1};
}

static bool is_positive(const struct example *example, bool for_harms)
{
    return for_harms ? example->gold >= CATEGORY_DESTRUCTIVE : example->gold >= CATEGORY_WRITE;
}

static void keep(struct fit *fit, const struct model *model, int count, bool for_harms)
{
    double sign = model->label[0] == 1 ? 1 : -1;
    for (size_t i = 0; i < fit->feature_count; i++) {
        struct feature *feature = &fit->features[i];
        double weight = feature->number == 0 ? 0 : sign * model->w[feature->number - 1];
        *(for_harms ? &feature->harms : &feature->changes) = weight;
    }
    *(for_harms ? &fit->bias_harms : &fit->bias_changes) = sign * model->w[count];
}

static void silent(const char *text)
{
    (void)text;
}

static bool train_one(struct fit *fit, const bool *is_used, int count, bool for_harms)
{
    size_t rows = fit->corpus->count;
    struct feature_node *nodes = calloc(rows * (MAX_PER_EXAMPLE + 2), sizeof *nodes);
    struct feature_node **x = calloc(rows, sizeof *x);
    double *y = calloc(rows, sizeof *y);
    struct problem problem = {.n = count + 1, .bias = -1, .x = x, .y = y};
    struct parameter parameter = {.solver_type = L2R_LR, .eps = 0.001, .C = COST, .p = 0.1};
    bool is_ok = nodes != NULL && x != NULL && y != NULL;
    for (size_t i = 0; i < rows && is_ok; i++) {
        if (!is_used[i])
            continue;
        x[problem.l] = nodes + i * (MAX_PER_EXAMPLE + 2);
        fill_row(fit, i, count + 1, x[problem.l]);
        y[problem.l++] = is_positive(&fit->corpus->examples[i], for_harms) ? 1 : -1;
    }
    if (is_ok) {
        set_print_string_function(silent);
        struct model *model = train(&problem, &parameter);
        keep(fit, model, count, for_harms);
        free_and_destroy_model(&model);
    }
    free(nodes);
    free(x);
    free(y);
    return is_ok;
}

bool fit_train(struct fit *fit, const bool *is_used)
{
    int count = choose_features(fit, is_used);
    return train_one(fit, is_used, count, false) && train_one(fit, is_used, count, true);
}

struct scores fit_score(const struct fit *fit, size_t example)
{
    struct scores scores = {.changes = fit->bias_changes, .harms = fit->bias_harms};
    for (size_t j = 0; j < fit->rows[example].count; j++) {
        scores.changes += fit->features[fit->rows[example].features[j]].changes;
        scores.harms += fit->features[fit->rows[example].features[j]].harms;
    }
    return scores;
}

static int scaled(double weight)
{
    return (int)lround(weight * SCALE);
}

static int compare(const void *a, const void *b)
{
    const struct feature *x = a;
    const struct feature *y = b;
    return x->kind != y->kind ? x->kind - y->kind : str_cmp(x->word, y->word);
}

static void print_word(struct str word)
{
    for (size_t i = 0; i < word.len; i++)
        if (word.ptr[i] == '"' || word.ptr[i] == '\\')
            printf("\\%c", word.ptr[i]);
        else
            putchar(word.ptr[i]);
}

void fit_print(const struct fit *fit)
{
    struct feature *sorted = calloc(fit->feature_count, sizeof *sorted);
    if (sorted == NULL)
        return;
    memcpy(sorted, fit->features, fit->feature_count * sizeof *sorted);
    qsort(sorted, fit->feature_count, sizeof *sorted, compare);
    printf("/*\n * classify_weights.def - the linear model, in thousandths. Written by\n"
           " * tools/classifier/train; docs/classification.md says how.\n */\n"
           "#ifndef X_WEIGHT\n#define X_WEIGHT(kind, word, changes, harms)\n#endif\n"
           "#ifndef X_BIAS\n#define X_BIAS(changes, harms)\n#endif\n\nX_BIAS(%d, %d)\n",
           scaled(fit->bias_changes), scaled(fit->bias_harms));
    for (size_t i = 0; i < fit->feature_count; i++) {
        int changes = scaled(sorted[i].changes);
        int harms = scaled(sorted[i].harms);
        if (sorted[i].number == 0 || (abs(changes) < LEAST && abs(harms) < LEAST))
            continue;
        printf("X_WEIGHT('%c', \"", sorted[i].kind);
        print_word(sorted[i].word);
        printf("\", %d, %d)\n", changes, harms);
    }
    printf("\n#undef X_WEIGHT\n#undef X_BIAS\n");
    free(sorted);
}
