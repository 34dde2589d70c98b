#include "catalog/review.h"

#include <string.h>

#include "base/table.h"
#include "catalog/definition_diff.h"

const struct str review_certain = STR_INIT("certain");

/* Both sides of a search for renamed tools; a server that changes more at one time has to be looked
 * at anyway. */
enum { MAX_RENAMES = 100 };

struct planner {
    const struct review_input *input;
    struct tool_seen *seen;
    size_t count;
    struct arena *arena;
    const struct tool *vanished[MAX_RENAMES]; /* known, in force once, and not seen now */
    size_t vanished_count;
    size_t renames_left;
};

static bool is_set(const struct server *server, enum release release)
{
    return (server->release & RELEASE_BIT(release)) != 0;
}

static bool is_hash(const uint8_t a[TOOL_HASH_BYTES], const uint8_t b[TOOL_HASH_BYTES])
{
    return memcmp(a, b, TOOL_HASH_BYTES) == 0;
}

const struct tool *review_find(const struct tool *known, size_t count, struct str name)
{
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_cmp(known[middle].name, name);
        if (order == 0)
            return &known[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* The tool that this new one was, by all that can be seen. */
static const struct tool *find_former(struct planner *p, const struct tool_seen *seen)
{
    const struct tool *best = NULL;
    unsigned most = DEFINITION_LIKENESS_RENAMED - 1;
    if (p->renames_left == 0)
        return NULL;
    p->renames_left--;
    CLEANUP(arena_freep) struct arena *scratch = arena_new((size_t)32 << 20);
    for (size_t i = 0; scratch != NULL && i < p->vanished_count; i++) {
        unsigned likeness = definition_likeness(p->vanished[i]->pinned, seen->definition, scratch);
        arena_reset(scratch);
        if (likeness <= most)
            continue;
        most = likeness;
        best = p->vanished[i];
    }
    return best;
}

static void hold(struct tool_seen *seen, enum reason reason)
{
    seen->fate = FATE_HOLD;
    seen->hold = reason;
}

static bool is_certain_read(const struct tool_verdict *verdict)
{
    return verdict->is_given && verdict->category == CATEGORY_READ_ONLY &&
           str_eq(verdict->certainty, review_certain);
}

static void plan_new(struct planner *p, struct tool_seen *seen)
{
    const struct server *server = p->input->server;
    if (is_set(server, RELEASE_ALL) || (p->input->is_first && is_set(server, RELEASE_FIRST))) {
        seen->fate = FATE_PIN;
        return;
    }
    const struct tool *former = find_former(p, seen);
    if (former != NULL) {
        seen->renamed_from = former->name;
        hold(seen, REASON_DEFINITION_RENAMED);
    } else if (is_set(server, RELEASE_CERTAIN_READS) && is_certain_read(&seen->verdict)) {
        seen->fate = FATE_PIN;
    } else {
        hold(seen, REASON_DEFINITION_NEW);
    }
}

static void plan_returned(const struct planner *p, struct tool_seen *seen, const struct tool *known)
{
    bool is_reviewed = known->has_pin && is_hash(seen->hash, known->pinned_hash);
    if (known->hold != REASON_GRANTED && !is_reviewed)
        seen->fate = FATE_KEEP;
    else if (!is_reviewed)
        hold(seen, REASON_DEFINITION_CHANGED);
    else if (!is_set(p->input->server, RELEASE_RETURNING))
        hold(seen, REASON_DEFINITION_RETURNED);
    else
        seen->fate = known->hold == REASON_GRANTED ? FATE_KEEP : FATE_LIFT;
}

/* It is there as before, with the definition of last time or with another one. */
static void plan_known(const struct planner *p, struct tool_seen *seen, const struct tool *known)
{
    bool is_reviewed = known->has_pin && is_hash(seen->hash, known->pinned_hash);
    bool may_return = is_set(p->input->server, RELEASE_RETURNING);
    seen->fate = FATE_KEEP;
    if (known->hold == REASON_GRANTED) {
        if (!is_reviewed)
            hold(seen, REASON_DEFINITION_CHANGED);
    } else if (is_reviewed && may_return) {
        seen->fate = FATE_LIFT;
    } else if (is_reviewed && known->hold == REASON_DEFINITION_CHANGED) {
        hold(seen, REASON_DEFINITION_DIFFERS);
    }
}

static void plan_one(struct planner *p, struct tool_seen *seen)
{
    const struct tool *known = review_find(p->input->known, p->input->known_count, seen->name);
    seen->hold = REASON_GRANTED;
    seen->renamed_from = STR_NONE;
    if (known == NULL) {
        plan_new(p, seen);
        return;
    }
    bool is_in_force = known->has_pin && known->hold == REASON_GRANTED && !known->is_gone &&
                       is_hash(seen->hash, known->pinned_hash);
    if (known->hold == REASON_TOOL_QUARANTINED || is_in_force)
        seen->fate = FATE_KEEP;
    else if (is_set(p->input->server, RELEASE_ALL))
        seen->fate = FATE_PIN;
    else if (known->is_gone)
        plan_returned(p, seen, known);
    else
        plan_known(p, seen, known);
}

/* Will this very definition be in force when the discovery is saved? */
static bool will_be_in_force(const struct tool_seen *seen, const struct tool *known)
{
    if (seen->fate == FATE_PIN)
        return true;
    bool is_free = seen->fate == FATE_LIFT ||
                   (seen->fate == FATE_KEEP && known != NULL && known->hold == REASON_GRANTED);
    return is_free && known != NULL && known->has_pin && is_hash(seen->hash, known->pinned_hash);
}

/* What is certain to read alone gets its category from the rule; a person's word or an
 * administrator's rule, now or later, goes before it (review_judge). */
static void plan_word(const struct planner *p, struct tool_seen *seen)
{
    const struct tool *known = review_find(p->input->known, p->input->known_count, seen->name);
    const struct tool_verdict *verdict =
        seen->verdict.is_given || known == NULL ? &seen->verdict : &known->verdict;
    bool has_word = known != NULL && known->word.is_given && is_hash(known->word.hash, seen->hash);
    bool was_held = known != NULL && known->hold != REASON_GRANTED;
    seen->word = (struct tool_word){0};
    if (has_word || was_held || !is_set(p->input->server, RELEASE_CERTAIN_READS) ||
        !is_certain_read(verdict) || !will_be_in_force(seen, known))
        return;
    /* A definition that took the place of a reviewed one is never released by itself. */
    if (known != NULL && !is_hash(known->hash, seen->hash))
        return;
    seen->word = (struct tool_word){.is_given = true,
                                    .is_automatic = true,
                                    .category = CATEGORY_READ_ONLY,
                                    .author = STR("review rule"),
                                    .reason = STR("certain-reads")};
}

static enum err_code find_vanished(struct planner *p, struct err *err)
{
    struct table *names = table_new();
    enum err_code code = ERR_OK;
    if (names == NULL)
        return err_set(err, ERR_LIMIT, "no memory left to compare tools");
    for (size_t i = 0; i < p->count && code == ERR_OK; i++)
        if (!table_put(names, p->seen[i].name, &p->seen[i], NULL))
            code = err_set(err, ERR_LIMIT, "no memory left to compare tools");
    for (size_t i = 0; i < p->input->known_count && code == ERR_OK; i++) {
        const struct tool *known = &p->input->known[i];
        if (known->has_pin && p->vanished_count < MAX_RENAMES &&
            table_get(names, known->name) == NULL)
            p->vanished[p->vanished_count++] = known;
    }
    table_free(names);
    return code;
}

enum err_code review_plan(const struct review_input *input, struct tool_seen *seen, size_t count,
                          struct arena *arena, struct err *err)
{
    struct planner *p = arena_new_obj(arena, struct planner);
    if (p == NULL)
        return err_set(err, ERR_LIMIT, "no memory left to compare tools");
    p->input = input;
    p->seen = seen;
    p->count = count;
    p->arena = arena;
    p->renames_left = MAX_RENAMES;
    enum err_code code = find_vanished(p, err);
    for (size_t i = 0; i < count && code == ERR_OK; i++) {
        plan_one(p, &seen[i]);
        plan_word(p, &seen[i]);
    }
    return code;
}

/* --- where a tool stands --- */

static bool is_of(const struct tool_word *word, const uint8_t hash[TOOL_HASH_BYTES])
{
    return word->is_given && is_hash(word->hash, hash);
}

/* A person's word on this definition goes before a pattern; of it and a rule that names the tool
 * the later one holds. */
static bool word_goes_first(const struct tool_word *word, const struct category_judgement *judged,
                            struct str name)
{
    if (!judged->is_classified)
        return true;
    if (word->is_automatic)
        return false;
    return !str_eq(judged->rule->pattern, name) || word->at_us >= judged->rule->set_at_us;
}

static struct review_standing judge_category(const struct server *server, const struct tool *tool,
                                             const uint8_t hash[TOOL_HASH_BYTES])
{
    struct category_judgement judged =
        category_judge(server->rules, server->rule_count, tool->name);
    struct review_standing standing = {.category = judged.category,
                                       .is_classified = judged.is_classified,
                                       .source = judged.is_classified ? REVIEW_RULE : REVIEW_NOBODY,
                                       .rule = judged.rule};
    if (is_of(&tool->word, hash) && word_goes_first(&tool->word, &judged, tool->name)) {
        standing.category = tool->word.category;
        standing.is_classified = true;
        standing.source = tool->word.is_automatic ? REVIEW_AUTOMATIC : REVIEW_WORD;
        standing.rule = NULL;
    }
    return standing;
}

struct review_standing review_judge(const struct server *server, const struct tool *tool)
{
    /* Without a definition in force, of the one that waits: it is in quarantine anyway. */
    struct review_standing standing =
        judge_category(server, tool, tool->has_pin ? tool->pinned_hash : tool->hash);
    if (tool->is_gone)
        standing.state = TOOL_RETIRED;
    else if (tool->hold != REASON_GRANTED || !tool->has_pin)
        standing.state = TOOL_QUARANTINED;
    else if (standing.is_classified)
        standing.state = TOOL_RELEASED;
    else
        standing.state = tool->verdict.is_given ? TOOL_PROPOSED : TOOL_UNCLASSIFIED;
    return standing;
}

bool review_would_be(const struct server *server, const struct tool *tool,
                     enum category *ret_category)
{
    struct review_standing standing = judge_category(server, tool, tool->hash);
    if (standing.is_classified)
        *ret_category = standing.category;
    return standing.is_classified;
}
