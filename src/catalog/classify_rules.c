#include "base/attr.h"
#include "catalog/classify_priv.h"

/* How clearly something was said. */
enum { MENTIONED = 1, LIKELY = 2, CLEAR = 3 };

struct rule {
    enum signal signal;
    unsigned level;
};

static bool has(const struct findings *findings, enum signal signal)
{
    return findings_has(findings, signal);
}

static unsigned strongest(const struct findings *findings, const struct rule *rules, size_t count)
{
    unsigned level = 0;
    for (size_t i = 0; i < count; i++)
        if (has(findings, rules[i].signal) && rules[i].level > level)
            level = rules[i].level;
    return level;
}

static bool is_verb(const struct lexeme *verb, const char *base)
{
    return verb != NULL && str_eq(verb->base, str_c(base));
}

/* Does the name or the description say that something is changed? */
static bool says_change(const struct findings *f)
{
    static const enum signal signals[] = {
        SIGNAL_NAME_WRITE,   SIGNAL_NAME_REMOVE, SIGNAL_NAME_DESTROY, SIGNAL_NAME_ADMIN,
        SIGNAL_NAME_SHARE,   SIGNAL_NAME_EXEC,   SIGNAL_LEAD_WRITE,   SIGNAL_LEAD_REMOVE,
        SIGNAL_LEAD_DESTROY, SIGNAL_LEAD_ADMIN,  SIGNAL_LEAD_SHARE,   SIGNAL_LEAD_EXEC,
        SIGNAL_ENUM_WRITE,   SIGNAL_ENUM_REMOVE, SIGNAL_ENUM_DESTROY, SIGNAL_ENUM_EXEC,
        SIGNAL_ENUM_ADMIN,
    };
    for (size_t i = 0; i < ARRAY_LEN(signals); i++)
        if (has(f, signals[i]))
            return true;
    return false;
}

static bool reads(const struct findings *f)
{
    return (has(f, SIGNAL_NAME_READ) || has(f, SIGNAL_NAME_KNOWLEDGE)) &&
           (has(f, SIGNAL_LEAD_READ) || has(f, SIGNAL_LEAD_MAKE) || has(f, SIGNAL_LEAD_NONE));
}

static bool writes(const struct findings *f)
{
    if (!has(f, SIGNAL_NAME_WRITE))
        return false;
    return has(f, SIGNAL_LEAD_WRITE) || (has(f, SIGNAL_LEAD_NONE) && !f->name_verb->is_noun);
}

/* set_config {key: auth.required}: which key it is decides. */
static bool is_setting(const struct findings *f)
{
    if (f->name_noun == NOUN_SETTING && writes(f))
        return true;
    return (is_verb(f->name_verb, "set") || is_verb(f->name_verb, "configure") ||
            is_verb(f->name_verb, "toggle") || is_verb(f->name_verb, "enable") ||
            is_verb(f->name_verb, "disable")) &&
           f->name_noun != NOUN_CONTENT && f->name_noun != NOUN_LIGHT;
}

static bool is_security_change(const struct findings *f)
{
    return (has(f, SIGNAL_PRODUCT_SECURITY) || has(f, SIGNAL_PRODUCT_IDENTITY)) && says_change(f) &&
           !has(f, SIGNAL_NAME_READ) && f->name_noun != NOUN_CONTENT && f->name_noun != NOUN_LIGHT;
}

/* What stands in the rest of the text, or in a parameter, or what nobody understands. */
static bool is_admin_aside(const struct findings *f)
{
    if (has(f, SIGNAL_BODY_ADMIN) && (reads(f) || writes(f)))
        return true;
    if (has(f, SIGNAL_PARAM_POWER) && writes(f))
        return true;
    return has(f, SIGNAL_OPAQUE) || (has(f, SIGNAL_FOREIGN_UNKNOWN) && f->lead_verb == NULL &&
                                     (f->name_verb == NULL || has(f, SIGNAL_NAME_READ)));
}

static unsigned admin_level(const struct findings *f)
{
    static const struct rule rules[] = {
        {SIGNAL_NAME_SENSITIVE, CLEAR},  {SIGNAL_NAME_ADMIN, CLEAR},
        {SIGNAL_NAME_SHARE, CLEAR},      {SIGNAL_LEAD_ADMIN, LIKELY},
        {SIGNAL_LEAD_SHARE, LIKELY},     {SIGNAL_ENUM_ADMIN, MENTIONED},
        {SIGNAL_CHAIN_ADMIN, LIKELY},    {SIGNAL_BODY_ADMIN, MENTIONED},
        {SIGNAL_ENUM_OPENS, LIKELY},     {SIGNAL_OPENS, LIKELY},
        {SIGNAL_PARAM_ADMIN, MENTIONED}, {SIGNAL_MENTION_ADMIN, MENTIONED},
        {SIGNAL_SAYS_ODD, LIKELY},       {SIGNAL_LEAD_SENSITIVE, LIKELY},
    };
    unsigned level = strongest(f, rules, ARRAY_LEN(rules));
    if (has(f, SIGNAL_LEAD_SENSITIVE) && !has(f, SIGNAL_NAME_READ))
        level = CLEAR;
    if (is_admin_aside(f) && level < LIKELY)
        level = LIKELY;
    if (is_security_change(f) && level < LIKELY)
        level = LIKELY;
    if (has(f, SIGNAL_ENUM_ADMIN) && !writes(f) && level < LIKELY)
        level = LIKELY;
    if (has(f, SIGNAL_ENUM_SENSITIVE) && is_setting(f) && level < LIKELY)
        level = LIKELY;
    return level;
}

/* Does the text limit the statements that are run to reading ones? A text that says "any" and names
 * what destroys contradicts itself. */
static bool is_limited(const struct findings *f)
{
    return has(f, SIGNAL_LIMITED) && !(has(f, SIGNAL_ANYTHING) && has(f, SIGNAL_MENTION_DESTROY));
}

static bool runs(const struct findings *f)
{
    return is_verb(f->name_verb, "test") || has(f, SIGNAL_NAME_EXEC) || has(f, SIGNAL_LEAD_EXEC) ||
           has(f, SIGNAL_CHAIN_EXEC);
}

/* What something that runs is given. */
static unsigned level_of_running(const struct findings *f)
{
    if (has(f, SIGNAL_PARAM_CODE))
        return CLEAR;
    if (has(f, SIGNAL_ANYTHING) || has(f, SIGNAL_MENTION_CODE) || has(f, SIGNAL_PARAM_QUERY))
        return LIKELY;
    return 0;
}

/* A migration is applied: statements that change the schema. */
static bool applies_statements(const struct findings *f)
{
    return is_verb(f->name_verb, "apply") && has(f, SIGNAL_MENTION_CODE) &&
           (has(f, SIGNAL_PARAM_CODE) || has(f, SIGNAL_PARAM_QUERY));
}

/* A name of code or a shell, and no word of what is done with it. */
static bool is_interpreter(const struct findings *f)
{
    return has(f, SIGNAL_NAME_CODE) && !has(f, SIGNAL_LEAD_READ) && !has(f, SIGNAL_LEAD_MAKE) &&
           !writes(f) && (!has(f, SIGNAL_NAME_READ) || f->name_verb->is_noun);
}

/* What code or a statement as a parameter means. */
static unsigned level_of_code(const struct findings *f)
{
    if (!has(f, SIGNAL_PARAM_CODE))
        return 0;
    if (!has(f, SIGNAL_ASKS) && (is_verb(f->name_verb, "query") || is_verb(f->lead_verb, "query")))
        return LIKELY;
    if (!reads(f) && !writes(f) && !has(f, SIGNAL_LEAD_MAKE) && !has(f, SIGNAL_ACTION_FREE))
        return CLEAR;
    return has(f, SIGNAL_ANYTHING) ? LIKELY : 0;
}

/* Does it run what it is given? */
static unsigned exec_level(const struct findings *f)
{
    if (has(f, SIGNAL_PASSTHROUGH) && (has(f, SIGNAL_PARAM_BODY) || !reads(f)))
        return LIKELY;
    if (is_limited(f))
        return 0;
    if (runs(f) && level_of_running(f) > 0)
        return level_of_running(f);
    if (has(f, SIGNAL_ANYTHING) && has(f, SIGNAL_ACTION_FREE))
        return LIKELY;
    if (applies_statements(f) || is_interpreter(f))
        return LIKELY;
    return level_of_code(f);
}

/* Changing a thing loses what it was before; that alone is a change. */
static bool is_update(const struct findings *f)
{
    static const char *const updates[] = {"update", "merge", "edit",   "modify", "upsert",
                                          "patch",  "set",   "change", "create"};
    for (size_t i = 0; i < ARRAY_LEN(updates); i++)
        if (is_verb(f->name_verb, updates[i]))
            return true;
    return false;
}

/* What a later sentence or a switch says counts where the name and the first sentence say less. */
static bool is_said_aside(const struct findings *f)
{
    if (has(f, SIGNAL_OVERWRITES) && !is_update(f))
        return true;
    if (has(f, SIGNAL_REPLACES) && is_verb(f->name_verb, "replace"))
        return true;
    if (has(f, SIGNAL_BODY_DESTROY) || (has(f, SIGNAL_BODY_REMOVE) && reads(f)))
        return true;
    return has(f, SIGNAL_FLAG_DESTROY) && !writes(f);
}

static unsigned destructive_level(const struct findings *f)
{
    static const struct rule rules[] = {
        {SIGNAL_NAME_DESTROY, CLEAR},     {SIGNAL_NAME_REMOVE, CLEAR},
        {SIGNAL_NAME_ALSO_HARM, CLEAR},   {SIGNAL_LEAD_DESTROY, CLEAR},
        {SIGNAL_LEAD_REMOVE, LIKELY},     {SIGNAL_CHAIN_DESTROY, CLEAR},
        {SIGNAL_CHAIN_REMOVE, LIKELY},    {SIGNAL_BODY_DESTROY, MENTIONED},
        {SIGNAL_BODY_REMOVE, MENTIONED},  {SIGNAL_ENUM_DESTROY, CLEAR},
        {SIGNAL_ENUM_REMOVE, LIKELY},     {SIGNAL_FLAG_DESTROY, MENTIONED},
        {SIGNAL_OVERWRITES, MENTIONED},   {SIGNAL_REPLACES, MENTIONED},
        {SIGNAL_FINAL, MENTIONED},        {SIGNAL_PARAM_HARM, MENTIONED},
        {SIGNAL_SAYS_BOTH, LIKELY},       {SIGNAL_TALKS, LIKELY},
        {SIGNAL_HIDDEN, LIKELY},          {SIGNAL_DISGUISED, LIKELY},
        {SIGNAL_NAME_MENTION, MENTIONED},
    };
    unsigned level = strongest(f, rules, ARRAY_LEN(rules));
    unsigned exec = exec_level(f);
    if (level == MENTIONED && is_said_aside(f))
        level = LIKELY;
    bool is_light = has(f, SIGNAL_NAME_LIGHT) || has(f, SIGNAL_LEAD_LIGHT);
    if (is_light && !has(f, SIGNAL_NAME_DESTROY) && !has(f, SIGNAL_LEAD_DESTROY) && level == LIKELY)
        level = MENTIONED;
    if (is_light && has(f, SIGNAL_NAME_REMOVE) && !has(f, SIGNAL_LEAD_DESTROY))
        level = MENTIONED;
    return exec > level ? exec : level;
}

static unsigned write_level(const struct findings *f)
{
    static const struct rule rules[] = {
        {SIGNAL_NAME_WRITE, CLEAR},    {SIGNAL_LEAD_WRITE, CLEAR},
        {SIGNAL_ENUM_WRITE, CLEAR},    {SIGNAL_NAME_EXEC, LIKELY},
        {SIGNAL_LEAD_EXEC, LIKELY},    {SIGNAL_CHAIN_WRITE, LIKELY},
        {SIGNAL_NAME_REMOVE, CLEAR},   {SIGNAL_LEAD_REMOVE, CLEAR},
        {SIGNAL_ENUM_EXEC, LIKELY},    {SIGNAL_BODY_WRITE, MENTIONED},
        {SIGNAL_SAYS_WRITES, LIKELY},  {SIGNAL_LOCAL_FILE, MENTIONED},
        {SIGNAL_PARAM_OUTPUT, LIKELY}, {SIGNAL_MENTION_WRITE, MENTIONED},
    };
    static const struct rule limited[] = {
        {SIGNAL_NAME_WRITE, LIKELY},
        {SIGNAL_LEAD_WRITE, LIKELY},
        {SIGNAL_ENUM_WRITE, CLEAR},
        {SIGNAL_MENTION_WRITE, MENTIONED},
    };
    if (is_limited(f))
        return strongest(f, limited, ARRAY_LEN(limited));
    return strongest(f, rules, ARRAY_LEN(rules));
}

/* All actions that can be chosen read. */
static bool chooses_reads(const struct findings *f)
{
    return has(f, SIGNAL_ENUM_READ) && !has(f, SIGNAL_ENUM_WRITE) && !has(f, SIGNAL_ENUM_EXEC) &&
           !has(f, SIGNAL_ENUM_REMOVE) && !has(f, SIGNAL_ENUM_DESTROY) &&
           !has(f, SIGNAL_ENUM_ADMIN);
}

static unsigned read_level(const struct findings *f)
{
    if (chooses_reads(f) || (is_limited(f) && runs(f)))
        return CLEAR;
    if (reads(f))
        return CLEAR;
    if (has(f, SIGNAL_NAME_READ) || has(f, SIGNAL_LEAD_READ) || has(f, SIGNAL_LEAD_MAKE) ||
        has(f, SIGNAL_NAME_MAKE) || has(f, SIGNAL_ENUM_READ) || is_limited(f))
        return LIKELY;
    return has(f, SIGNAL_NAME_KNOWLEDGE) || has(f, SIGNAL_LEAD_THING) ? LIKELY : 0;
}

/* Name and description say that it reads, and no part says anything else of it. */
static bool is_clear_read(const struct findings *f)
{
    static const enum signal doubts[] = {
        SIGNAL_CHAIN_WRITE,  SIGNAL_CHAIN_EXEC,   SIGNAL_CHAIN_REMOVE,    SIGNAL_CHAIN_DESTROY,
        SIGNAL_CHAIN_ADMIN,  SIGNAL_BODY_WRITE,   SIGNAL_BODY_EXEC,       SIGNAL_BODY_REMOVE,
        SIGNAL_BODY_DESTROY, SIGNAL_BODY_ADMIN,   SIGNAL_FINAL,           SIGNAL_OVERWRITES,
        SIGNAL_LOCAL_FILE,   SIGNAL_ANYTHING,     SIGNAL_ENUM_WRITE,      SIGNAL_ENUM_EXEC,
        SIGNAL_ENUM_REMOVE,  SIGNAL_ENUM_DESTROY, SIGNAL_ENUM_ADMIN,      SIGNAL_ACTION_FREE,
        SIGNAL_FLAG_DESTROY, SIGNAL_PARAM_CODE,   SIGNAL_PARAM_OUTPUT,    SIGNAL_PARAM_CONFIRM,
        SIGNAL_PARAM_FORCE,  SIGNAL_PARAM_HARM,   SIGNAL_PARAM_ADMIN,     SIGNAL_PASSTHROUGH,
        SIGNAL_SAYS_WRITES,  SIGNAL_SAYS_BOTH,    SIGNAL_SAYS_ODD,        SIGNAL_SAYS_CLAIM,
        SIGNAL_TALKS,        SIGNAL_HIDDEN,       SIGNAL_DISGUISED,       SIGNAL_FOREIGN,
        SIGNAL_OPENS,        SIGNAL_NAME_MENTION, SIGNAL_FOREIGN_UNKNOWN, SIGNAL_LEAD_MAKE,
        SIGNAL_LEAD_NONE,    SIGNAL_REPLACES,
    };
    for (size_t i = 0; i < ARRAY_LEN(doubts); i++)
        if (has(f, doubts[i]))
            return false;
    if (has(f, SIGNAL_NAME_READ))
        return has(f, SIGNAL_LEAD_READ);
    return (has(f, SIGNAL_NAME_KNOWLEDGE) || has(f, SIGNAL_NAME_UNCLEAR)) &&
           has(f, SIGNAL_LEAD_READ) && !has(f, SIGNAL_MENTION_WRITE) &&
           !has(f, SIGNAL_MENTION_DESTROY) && !has(f, SIGNAL_MENTION_ADMIN);
}

struct opinion classify_rules(const struct findings *findings)
{
    unsigned levels[CATEGORIES] = {
        [CATEGORY_READ_ONLY] = read_level(findings),
        [CATEGORY_WRITE] = write_level(findings),
        [CATEGORY_DESTRUCTIVE] = destructive_level(findings),
        [CATEGORY_ADMIN] = admin_level(findings),
    };
    struct opinion opinion = {.category = CATEGORY_ADMIN};
    for (unsigned floor = LIKELY; floor > 0 && opinion.level == 0; floor--)
        for (unsigned category = CATEGORIES; category > 0; category--)
            if (levels[category - 1] >= floor && opinion.level == 0)
                opinion = (struct opinion){.category = (enum category)(category - 1),
                                           .level = levels[category - 1]};
    for (unsigned category = opinion.category + 1; category < CATEGORIES; category++)
        opinion.has_doubt |= levels[category] > 0;
    opinion.is_floor = opinion.level == CLEAR && opinion.category != CATEGORY_READ_ONLY;
    opinion.is_clear_read = opinion.category == CATEGORY_READ_ONLY && is_clear_read(findings);
    return opinion;
}
