#include "measure.h"

#include <stdio.h>

enum { SURE = 1, UNSURE = 0 };

struct figures {
    size_t confusion[2][CATEGORIES][CATEGORIES]; /* by confidence, gold, verdict */
    size_t certain[CATEGORIES];                  /* read-only, certain: by gold */
    size_t certain_harm_sure;                    /* of them harms of high confidence */
    size_t certain_less;                         /* harms taken for less, certain */
};

static struct classify_verdict judge(const struct measured *measured, size_t i,
                                     const struct borders *borders)
{
    struct classify_verdict verdict;
    classify_conclude(&measured->readings[i], measured->scores[i], borders, &verdict);
    return verdict;
}

static void count(const struct example *example, const struct classify_verdict *verdict,
                  struct figures *figures)
{
    bool is_certain = verdict->certainty == CERTAINTY_CERTAIN;
    bool is_harm = example->gold >= CATEGORY_DESTRUCTIVE;
    figures->confusion[example->is_sure][example->gold][verdict->category]++;
    if (is_certain && verdict->category == CATEGORY_READ_ONLY) {
        figures->certain[example->gold]++;
        figures->certain_harm_sure += is_harm && example->is_sure;
    }
    figures->certain_less += is_certain && is_harm && verdict->category < CATEGORY_DESTRUCTIVE;
}

static struct figures gather(const struct measured *measured, const struct borders *borders)
{
    struct figures figures = {.certain_less = 0};
    for (size_t i = 0; i < measured->corpus->count; i++) {
        struct classify_verdict verdict = judge(measured, i, borders);
        count(&measured->corpus->examples[i], &verdict, &figures);
    }
    return figures;
}

/* How many of gold from..to were given verdicts low..high. */
static size_t cells(const struct figures *f, int confidence, unsigned from, unsigned to,
                    unsigned low, unsigned high)
{
    size_t sum = 0;
    for (int c = 0; c < 2; c++)
        for (unsigned gold = from; gold <= to; gold++)
            for (unsigned verdict = low; verdict <= high; verdict++)
                if (confidence < 0 || c == confidence)
                    sum += f->confusion[c][gold][verdict];
    return sum;
}

static double share(size_t part, size_t whole)
{
    return whole == 0 ? 0 : 100.0 * (double)part / (double)whole;
}

static double accuracy(const struct figures *f, int confidence)
{
    size_t right = 0;
    for (unsigned category = 0; category < CATEGORIES; category++)
        right += cells(f, confidence, category, category, category, category);
    return share(right, cells(f, confidence, 0, CATEGORY_ADMIN, 0, CATEGORY_ADMIN));
}

static double missed(const struct figures *f, int confidence)
{
    return share(cells(f, confidence, CATEGORY_DESTRUCTIVE, CATEGORY_ADMIN, 0, CATEGORY_WRITE),
                 cells(f, confidence, CATEGORY_DESTRUCTIVE, CATEGORY_ADMIN, 0, CATEGORY_ADMIN));
}

static double over(const struct figures *f, enum category gold)
{
    return share(cells(f, -1, gold, gold, CATEGORY_DESTRUCTIVE, CATEGORY_ADMIN),
                 cells(f, -1, gold, gold, 0, CATEGORY_ADMIN));
}

static double coverage(const struct figures *f)
{
    return share(f->certain[CATEGORY_READ_ONLY], cells(f, -1, 0, 0, 0, CATEGORY_ADMIN));
}

static double impurity(const struct figures *f)
{
    size_t others =
        f->certain[CATEGORY_WRITE] + f->certain[CATEGORY_DESTRUCTIVE] + f->certain[CATEGORY_ADMIN];
    return share(others, others + f->certain[CATEGORY_READ_ONLY]);
}

void measure_print(const struct measured *measured, const struct borders *borders)
{
    struct figures f = gather(measured, borders);
    printf("%-22s %10s %10s %12s %10s\n", "gold \\ verdict", "read-only", "write", "destructive",
           "admin");
    for (int confidence = SURE; confidence >= UNSURE; confidence--)
        for (unsigned gold = 0; gold < CATEGORIES; gold++)
            printf("%-11s %-10s %10zu %10zu %12zu %10zu\n", category_word((enum category)gold),
                   confidence == SURE ? "high" : "low", f.confusion[confidence][gold][0],
                   f.confusion[confidence][gold][1], f.confusion[confidence][gold][2],
                   f.confusion[confidence][gold][3]);
    printf("accuracy                                       %6.2f %%  high confidence %6.2f %%\n",
           accuracy(&f, -1), accuracy(&f, SURE));
    printf("destructive or admin taken for less            %6.2f %%  high confidence %6.2f %%\n",
           missed(&f, -1), missed(&f, SURE));
    printf("reads taken for destructive or admin           %6.2f %%\n",
           over(&f, CATEGORY_READ_ONLY));
    printf("writes taken for destructive or admin          %6.2f %%\n", over(&f, CATEGORY_WRITE));
    printf("read-only, certain: of all reads               %6.2f %%  others among them %.2f %%, "
           "harms of high confidence %zu\n",
           coverage(&f), impurity(&f), f.certain_harm_sure);
    printf("destructive or admin taken for less, certain   %6zu\n\n", f.certain_less);
}

static void print_line(double border, const struct figures *f)
{
    printf("%8.1f %9.2f %9.2f %9.2f %9.2f %9.2f %9.2f %9.2f %9.2f\n", border, accuracy(f, -1),
           accuracy(f, SURE), missed(f, -1), missed(f, SURE), over(f, CATEGORY_READ_ONLY),
           over(f, CATEGORY_WRITE), coverage(f), impurity(f));
}

static void print_head(const char *border)
{
    printf("%8s %9s %9s %9s %9s %9s %9s %9s %9s\n", border, "accuracy", "high", "missed", "high",
           "reads^", "writes^", "certain", "others");
}

void measure_print_curve(const struct measured *measured)
{
    printf("trade-off, in percent: the border above which the model raises\n");
    print_head("harms");
    for (double at = -4; at <= 4.01; at += 0.5) {
        struct borders borders = classify_borders;
        borders.harms = at;
        borders.harms_clear = at + classify_borders.harms_clear - classify_borders.harms;
        struct figures f = gather(measured, &borders);
        print_line(at, &f);
    }
    printf("trade-off, in percent: the border below which a reading tool is certain\n");
    print_head("changes");
    for (double at = -5; at <= 2.01; at += 0.5) {
        struct borders borders = classify_borders;
        borders.changes = at;
        struct figures f = gather(measured, &borders);
        print_line(at, &f);
    }
    printf("\n");
}

void measure_print_misses(const struct measured *measured)
{
    for (size_t i = 0; i < measured->corpus->count; i++) {
        const struct example *example = &measured->corpus->examples[i];
        struct classify_verdict verdict = judge(measured, i, &classify_borders);
        bool is_wrong = verdict.category != example->gold;
        if (!is_wrong)
            continue;
        printf("%s%s taken for %s, %s (%.1f %.1f): " STR_FMT " / " STR_FMT " " STR_FMT "\n",
               category_word(example->gold), example->is_sure ? "" : " (low)",
               category_word(verdict.category), certainty_word(verdict.certainty),
               measured->scores[i].changes, measured->scores[i].harms, STR_ARG(example->server),
               STR_ARG(example->name), STR_ARG(example->attack));
        for (size_t j = 0; j < verdict.evidence_count; j++)
            printf("    %s %s '" STR_FMT "'\n", verdict.evidence[j].field,
                   verdict.evidence[j].signal, STR_ARG(verdict.evidence[j].what));
    }
}
