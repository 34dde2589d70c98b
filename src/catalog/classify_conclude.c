#include "base/attr.h"
#include "catalog/classify_priv.h"

const struct borders classify_borders = {.harms = -0.5, .harms_clear = 1.5, .changes = -1.5};

static bool has(const struct findings *findings, enum signal signal)
{
    return findings_has(findings, signal);
}

static bool has_finding(const struct findings *f)
{
    return has(f, SIGNAL_TALKS) || has(f, SIGNAL_HIDDEN) || has(f, SIGNAL_DISGUISED);
}

/* Rights and people, or things? */
static enum category harm_of(const struct findings *f)
{
    static const enum signal signals[] = {
        SIGNAL_NAME_SENSITIVE, SIGNAL_LEAD_SENSITIVE,   SIGNAL_MENTION_ADMIN,
        SIGNAL_BODY_ADMIN,     SIGNAL_PARAM_SENSITIVE,  SIGNAL_PARAM_ADMIN,
        SIGNAL_ENUM_SENSITIVE, SIGNAL_PRODUCT_IDENTITY, SIGNAL_PRODUCT_SECURITY,
    };
    for (size_t i = 0; i < ARRAY_LEN(signals); i++)
        if (has(f, signals[i]))
            return CATEGORY_ADMIN;
    return CATEGORY_DESTRUCTIVE;
}

/* An administrator vouches for the server: what its hints say holds where the rules are not clear.
 * A finding ends the trust. */
static enum category lowered(const struct findings *f, const struct opinion *opinion,
                             enum category category)
{
    if (has_finding(f) || opinion->is_floor)
        return category;
    if (has(f, SIGNAL_TRUSTED_READ))
        return CATEGORY_READ_ONLY;
    if (has(f, SIGNAL_TRUSTED_MILD) && category == CATEGORY_DESTRUCTIVE)
        return CATEGORY_WRITE;
    return category;
}

/* What is switched on or set may be anything; creating and editing a thing is just that. */
static bool is_plain_write(const struct findings *f)
{
    static const struct str words[] = {
        STR_INIT("set"),       STR_INIT("enable"),   STR_INIT("disable"),    STR_INIT("toggle"),
        STR_INIT("configure"), STR_INIT("apply"),    STR_INIT("close"),      STR_INIT("promote"),
        STR_INIT("transfer"),  STR_INIT("activate"), STR_INIT("deactivate"), STR_INIT("replace"),
        STR_INIT("publish"),   STR_INIT("attach"),   STR_INIT("approve"),    STR_INIT("import"),
        STR_INIT("sync"),      STR_INIT("restore")};
    if (!has(f, SIGNAL_NAME_WRITE) || !has(f, SIGNAL_LEAD_WRITE) || f->name_verb == NULL ||
        has(f, SIGNAL_NAME_ALL))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_eq(f->name_verb->base, words[i]))
            return false;
    return true;
}

static enum certainty certainty_of_reading(const struct opinion *opinion, struct scores scores,
                                           const struct borders *borders)
{
    if (opinion->is_clear_read && scores.changes < borders->changes)
        return CERTAINTY_CERTAIN;
    return opinion->level >= 3 && scores.changes < 0 ? CERTAINTY_LIKELY : CERTAINTY_UNSURE;
}

static bool model_agrees(const struct findings *f, struct scores scores, enum category category)
{
    if (category == CATEGORY_WRITE)
        return is_plain_write(f) && scores.changes > 0 && scores.harms < -1;
    return scores.harms > 0.5;
}

static enum certainty certainty_of(const struct findings *f, const struct opinion *opinion,
                                   struct scores scores, const struct borders *borders,
                                   enum category category)
{
    if (has_finding(f) || has(f, SIGNAL_OPAQUE) || category != opinion->category)
        return CERTAINTY_UNSURE;
    if (category == CATEGORY_READ_ONLY)
        return certainty_of_reading(opinion, scores, borders);
    if (opinion->level < 3)
        return CERTAINTY_UNSURE;
    /* A name that says less than the text: one of them lies. */
    bool is_clear = !opinion->has_doubt && !has(f, SIGNAL_NAME_READ);
    return is_clear && model_agrees(f, scores, category) ? CERTAINTY_CERTAIN : CERTAINTY_LIKELY;
}

void classify_conclude(const struct classify_reading *reading, struct scores scores,
                       const struct borders *borders, struct classify_verdict *ret_verdict)
{
    const struct findings *f = &reading->findings;
    struct opinion opinion = classify_rules(f);
    enum category category = opinion.category;
    double border = opinion.level >= 3 ? borders->harms_clear : borders->harms;
    if (category < CATEGORY_DESTRUCTIVE && scores.harms > border)
        category = harm_of(f);
    bool is_raised = category > opinion.category;
    category = lowered(f, &opinion, category);
    *ret_verdict = (struct classify_verdict){
        .category = category,
        .certainty = certainty_of(f, &opinion, scores, borders, category),
        .evidence = f->evidence,
        .evidence_count = f->evidence_count,
        .is_raised = is_raised,
        .has_finding = has_finding(f),
        .margin = scores.changes,
    };
}
