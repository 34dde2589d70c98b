#include "catalog/category.h"

/* How specific a pattern is: compared field by field, from the first on. */
struct weight {
    bool is_exact;
    size_t prefix;   /* literal bytes before the first '*' */
    size_t literals; /* literal bytes in all */
};

static struct weight weigh(struct str pattern)
{
    struct weight weight = {.prefix = str_find(pattern, '*')};
    weight.is_exact = weight.prefix == pattern.len;
    for (size_t i = 0; i < pattern.len; i++)
        weight.literals += pattern.ptr[i] != '*';
    return weight;
}

static int compare_weights(struct weight a, struct weight b)
{
    if (a.is_exact != b.is_exact)
        return a.is_exact ? 1 : -1;
    if (a.prefix != b.prefix)
        return a.prefix > b.prefix ? 1 : -1;
    return (a.literals > b.literals) - (a.literals < b.literals);
}

/* Does the rule hold against the one that was best so far? Of equals the worse category. */
static bool is_stronger(const struct tool_rule *rule, const struct tool_rule *best)
{
    if (best == NULL)
        return true;
    int order = compare_weights(weigh(rule->pattern), weigh(best->pattern));
    return order > 0 || (order == 0 && rule->category > best->category);
}

struct category_judgement category_judge(const struct tool_rule *rules, size_t count,
                                         struct str tool)
{
    const struct tool_rule *best = NULL;
    for (size_t i = 0; i < count; i++)
        if (str_glob(rules[i].pattern, tool) && is_stronger(&rules[i], best))
            best = &rules[i];
    if (best == NULL)
        return (struct category_judgement){.category = CATEGORY_ADMIN};
    return (struct category_judgement){
        .rule = best, .category = best->category, .is_classified = true};
}

enum hint { HINT_ABSENT, HINT_FALSE, HINT_TRUE, HINT_ODD };

static enum hint read_hint(const struct json_doc *doc, json_pos annotations, struct str name)
{
    json_pos pos = json_get(doc, annotations, name);
    if (pos == JSON_NONE)
        return HINT_ABSENT;
    if (json_is(doc, pos, JSON_TRUE))
        return HINT_TRUE;
    return json_is(doc, pos, JSON_FALSE) ? HINT_FALSE : HINT_ODD;
}

static struct category_proposal propose(enum category category, const char *reason)
{
    return (struct category_proposal){.is_proposed = true, .category = category, .reason = reason};
}

/* MCP, ToolAnnotations: destructiveHint means something only when readOnlyHint is false, and is
 * true when absent. */
struct category_proposal category_from_hints(const struct json_doc *doc, json_pos annotations)
{
    enum hint read_only = read_hint(doc, annotations, STR("readOnlyHint"));
    enum hint destructive = read_hint(doc, annotations, STR("destructiveHint"));
    if (read_only == HINT_ODD || destructive == HINT_ODD)
        return propose(CATEGORY_ADMIN, "the server gives a hint that is neither true nor false");
    if (read_only == HINT_TRUE && destructive == HINT_TRUE)
        return propose(CATEGORY_DESTRUCTIVE,
                       "the server contradicts itself: readOnlyHint and destructiveHint are true");
    if (read_only == HINT_TRUE)
        return propose(CATEGORY_READ_ONLY, "the server says readOnlyHint: true");
    if (destructive == HINT_TRUE)
        return propose(CATEGORY_DESTRUCTIVE, "the server says destructiveHint: true");
    if (destructive == HINT_FALSE)
        return propose(CATEGORY_WRITE, "the server says destructiveHint: false");
    if (read_only == HINT_FALSE)
        return propose(CATEGORY_DESTRUCTIVE,
                       "the server says readOnlyHint: false, and not that it destroys nothing");
    return (struct category_proposal){.reason = "the server gives no hints"};
}
