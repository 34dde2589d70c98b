#include "base/attr.h"
#include "catalog/classify_priv.h"

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

static void note(struct findings *findings, enum signal signal, struct str what)
{
    findings_add(findings, signal, IN_ANNOTATION, what);
}

/* Members that no specification knows and that speak of categories, risk or reviews. */
static bool is_claim(struct str name)
{
    static const struct str words[] = {
        STR_INIT("categor"), STR_INIT("classif"),  STR_INIT("risk"),   STR_INIT("verified"),
        STR_INIT("trusted"), STR_INIT("approved"), STR_INIT("review"), STR_INIT("safe"),
        STR_INIT("gold"),    STR_INIT("severity"),
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_find_str(name, words[i]) < name.len)
            return true;
    return false;
}

static void look_for_claims(struct findings *findings, const struct json_doc *doc,
                            json_pos annotations)
{
    json_pos name = json_first(doc, annotations);
    while (name != JSON_NONE && json_is(doc, annotations, JSON_OBJECT)) {
        json_pos value = json_next(doc, annotations, name);
        if (is_claim(json_raw(doc, name)))
            note(findings, SIGNAL_SAYS_CLAIM, json_raw(doc, name));
        name = json_next(doc, annotations, value);
    }
}

/* MCP, ToolAnnotations: destructiveHint means something only when readOnlyHint is not true. */
void classify_hints(struct findings *findings, const struct json_doc *doc, json_pos annotations,
                    bool is_trusted)
{
    enum hint read_only = read_hint(doc, annotations, STR("readOnlyHint"));
    enum hint destructive = read_hint(doc, annotations, STR("destructiveHint"));
    if (read_only == HINT_ODD || destructive == HINT_ODD)
        note(findings, SIGNAL_SAYS_ODD, STR_NONE);
    if (read_only == HINT_TRUE && destructive == HINT_TRUE)
        note(findings, SIGNAL_SAYS_BOTH, STR_NONE);
    if (read_only == HINT_FALSE)
        note(findings, SIGNAL_SAYS_WRITES, STR("readOnlyHint"));
    if (destructive == HINT_TRUE && read_only != HINT_TRUE)
        note(findings, SIGNAL_SAYS_DESTROYS, STR("destructiveHint"));
    if (is_trusted && read_only == HINT_TRUE && destructive != HINT_TRUE)
        note(findings, SIGNAL_TRUSTED_READ, STR("readOnlyHint"));
    if (is_trusted && read_only == HINT_FALSE && destructive == HINT_FALSE)
        note(findings, SIGNAL_TRUSTED_MILD, STR("destructiveHint"));
    look_for_claims(findings, doc, annotations);
}
