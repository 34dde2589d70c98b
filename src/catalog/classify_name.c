#include "base/attr.h"
#include "catalog/classify_priv.h"

/* In a name these are what the tool does: allow_ip, trust_device. In prose they say nothing. */
static bool gives_rights(const struct text_word *word)
{
    return str_eq(word->text, STR("allow")) || str_eq(word->text, STR("deny")) ||
           str_eq(word->text, STR("trust")) || str_eq(word->text, STR("distrust"));
}

static const struct lexeme *verb_of(const struct text_word *word)
{
    return word->lexeme != NULL && word->lexeme->verb > VERB_SOFT ? word->lexeme : NULL;
}

/* Could the word be the action? A participle or a gerund describes a thing: deleted_items. */
static bool is_action(const struct text_word *word)
{
    const struct lexeme *verb = verb_of(word);
    if (verb == NULL || (verb->forms & (FORM_BASE | FORM_S)) == 0)
        return false;
    return (verb->forms & FORM_BASE) != 0 || !verb->is_noun;
}

/* A later word that the description begins with: post_search "Searches posts". */
static size_t find_lead(const struct text *name, size_t from, const struct lexeme *lead)
{
    for (size_t i = from; i < name->count && lead != NULL; i++)
        if (is_action(&name->words[i]) && str_eq(name->words[i].lexeme->base, lead->base))
            return i;
    return name->count;
}

static size_t find_clear(const struct text *name, size_t from)
{
    for (size_t i = from; i < name->count; i++)
        if (is_action(&name->words[i]) && !name->words[i].lexeme->is_noun)
            return i;
    return name->count;
}

/* Words that may be nouns: the last one (users_list), else the first. */
static size_t find_any(const struct text *name, size_t from, const struct lexeme *lead)
{
    const struct text_word *last = &name->words[name->count - 1];
    if (is_action(last) && (lead == NULL || last->lexeme->verb == lead->verb))
        return name->count - 1;
    for (size_t i = from; i < name->count; i++)
        if (is_action(&name->words[i]))
            return i;
    return name->count;
}

/* name->count: none. */
static size_t find_action(const struct text *name, size_t from, const struct lexeme *lead)
{
    if (from >= name->count)
        return name->count;
    const struct text_word *first = &name->words[from];
    size_t at = name->count;
    if (is_action(first) && !first->lexeme->is_noun)
        return from;
    at = find_lead(name, from, lead);
    if (at < name->count)
        return at;
    if (is_action(first))
        return from;
    at = find_clear(name, from);
    return at < name->count ? at : find_any(name, from, lead);
}

static enum signal signal_of_verb(enum verb_kind kind)
{
    switch (kind) {
    case VERB_READ:
        return SIGNAL_NAME_READ;
    case VERB_MAKE:
        return SIGNAL_NAME_MAKE;
    case VERB_WRITE:
        return SIGNAL_NAME_WRITE;
    case VERB_MANAGE:
        return SIGNAL_NAME_MANAGE;
    case VERB_EXEC:
        return SIGNAL_NAME_EXEC;
    case VERB_REMOVE:
        return SIGNAL_NAME_REMOVE;
    case VERB_DESTROY:
        return SIGNAL_NAME_DESTROY;
    case VERB_SHARE:
        return SIGNAL_NAME_SHARE;
    case VERB_ADMIN:
        return SIGNAL_NAME_ADMIN;
    case VERB_NONE:
    case VERB_SOFT:
    case VERB_KINDS:
        break;
    }
    return SIGNAL_NAME_UNCLEAR;
}

/* Kinds of nouns before the action: workplace_roles_update, firewall-remove-rules. */
static void add_words_before(const struct text *name, size_t from, size_t action,
                             struct object *object)
{
    struct object before = {.head = NULL};
    if (action <= from)
        return;
    before = classify_object(name->words, action, from);
    if (object->head == NULL) {
        *object = before;
        return;
    }
    object->modifiers |= before.modifiers;
    if (before.head != NULL && before.head->lexeme != NULL)
        object->modifiers |= 1u << before.head->lexeme->noun;
}

static bool may_change(enum verb_kind kind)
{
    return kind >= VERB_WRITE && kind != VERB_EXEC;
}

/* prometheus_build_info, open_nodes: the description knows better what such a word is. For what
 * destroys, the name itself must end in something one asks for, too: drop_rates. */
static bool is_rather_noun(const struct lexeme *verb, const struct lexeme *lead,
                           bool is_last_knowledge)
{
    bool reads = lead != NULL && lead->verb == VERB_READ;
    if (verb->is_noun && reads && is_last_knowledge)
        return true;
    if (!verb->is_noun || (verb->verb != VERB_WRITE && verb->verb != VERB_EXEC))
        return false;
    return lead == NULL ? is_last_knowledge : lead->verb == VERB_READ;
}

/* Making a token is handing out a right; making a policy document is not. */
static bool hands_out(const struct lexeme *verb, const struct object *object)
{
    if (verb->verb != VERB_MAKE || object->head == NULL || object->head->lexeme == NULL)
        return false;
    enum noun_kind noun = object->head->lexeme->noun;
    return (noun == NOUN_KEY && object->is_key) ||
           str_starts(object->head->text, STR("password")) ||
           str_starts(object->head->text, STR("credential"));
}

/* invoke_endpoint, call_api: which one is a parameter. */
static bool runs_anything(const struct text_word *word)
{
    static const struct str words[] = {
        STR_INIT("endpoint"), STR_INIT("api"),   STR_INIT("operation"), STR_INIT("operations"),
        STR_INIT("method"),   STR_INIT("rpc"),   STR_INIT("procedure"), STR_INIT("service"),
        STR_INIT("tool"),     STR_INIT("tools"), STR_INIT("request"),   STR_INIT("requests"),
        STR_INIT("anything"), STR_INIT("any"),   STR_INIT("batch"),
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_eq(word->text, words[i]))
            return true;
    return false;
}

static void judge_object(struct findings *findings, const struct text *name, size_t from,
                         size_t action)
{
    const struct lexeme *verb = name->words[action].lexeme;
    struct object object = classify_object(name->words, name->count, action + 1);
    add_words_before(name, from, action, &object);
    if (verb->verb == VERB_EXEC && object.head != NULL && runs_anything(object.head))
        findings_add(findings, SIGNAL_ANYTHING, IN_NAME, object.head->text);
    if (object.head != NULL && object.head->lexeme != NULL)
        findings->name_noun = (enum noun_kind)object.head->lexeme->noun;
    if ((may_change(verb->verb) || hands_out(verb, &object)) && !classify_spares(verb, &object) &&
        classify_object_is_sensitive(&object, findings))
        findings_add(findings, SIGNAL_NAME_SENSITIVE, IN_NAME, object.head->text);
    if (classify_object_is_light(&object))
        findings_add(findings, SIGNAL_NAME_LIGHT, IN_NAME, name->words[action].text);
}

/* Words of harm besides the action: list_users_and_delete; wait_for_delete. */
static void look_beside(struct findings *findings, const struct text *name, size_t from,
                        size_t action)
{
    for (size_t i = from; i < name->count; i++) {
        const struct text_word *word = &name->words[i];
        if (i == action || !is_action(word) || word->lexeme->is_noun ||
            word->lexeme->verb < VERB_REMOVE)
            continue;
        bool is_joined = i > 0 && name->words[i - 1].lexeme != NULL &&
                         name->words[i - 1].lexeme->little == LITTLE_AND;
        findings_add(findings, is_joined ? SIGNAL_NAME_ALSO_HARM : SIGNAL_NAME_MENTION, IN_NAME,
                     word->text);
    }
}

static bool is_knowledge(const struct text *name, size_t from)
{
    for (size_t i = name->count; i > from; i--) {
        const struct lexeme *lexeme = name->words[i - 1].lexeme;
        if (lexeme != NULL && (lexeme->noun == NOUN_KNOWLEDGE || lexeme->noun == NOUN_INQUIRY))
            return true;
    }
    return false;
}

/* "supprimer_et_list": words that are none of English may be the action. */
static void look_for_stems(struct findings *findings, const struct text *name, size_t from)
{
    enum { TELLING_BYTES = 6 };
    for (size_t i = from; i < name->count; i++) {
        const struct text_word *word = &name->words[i];
        size_t len = 0;
        if (word->lexeme != NULL)
            continue;
        enum stem_kind kind = classify_lexicon_stem(findings->lexicon, word->text, &len);
        if ((kind == STEM_DESTROY || kind == STEM_ADMIN) && len >= TELLING_BYTES)
            findings_add(findings, SIGNAL_NAME_ALSO_HARM, IN_NAME, word->text);
    }
}

static void look_for_scope(struct findings *findings, const struct text *name, size_t from)
{
    for (size_t i = from; i < name->count; i++) {
        if (name->words[i].lexeme != NULL && name->words[i].lexeme->noun == NOUN_CODE)
            findings_add(findings, SIGNAL_NAME_CODE, IN_NAME, name->words[i].text);
        else if (name->words[i].lexeme != NULL && name->words[i].lexeme->noun == NOUN_ASKING)
            findings_add(findings, SIGNAL_ASKS, IN_NAME, name->words[i].text);
    }
    for (size_t i = from; i < name->count; i++)
        if (str_eq(name->words[i].text, STR("all")) || str_eq(name->words[i].text, STR("bulk")) ||
            str_eq(name->words[i].text, STR("everything")))
            findings_add(findings, SIGNAL_NAME_ALL, IN_NAME, name->words[i].text);
    if (from < name->count && str_eq(name->words[from].text, STR("force")))
        findings_add(findings, SIGNAL_NAME_ALSO_HARM, IN_NAME, name->words[from].text);
}

void classify_name(struct findings *findings, const struct text *name, size_t prefix)
{
    size_t from = prefix < name->count ? prefix : 0;
    size_t action = find_action(name, from, findings->lead_verb);
    if (from < name->count && gives_rights(&name->words[from]))
        findings_add(findings, SIGNAL_NAME_ADMIN, IN_NAME, name->words[from].text);
    look_beside(findings, name, from, action);
    look_for_scope(findings, name, from);
    look_for_stems(findings, name, from);
    if (action < name->count &&
        is_rather_noun(name->words[action].lexeme, findings->lead_verb,
                       action + 1 < name->count && is_knowledge(name, name->count - 1))) {
        findings_add(findings, SIGNAL_NAME_NOUN, IN_NAME, name->words[action].text);
        action = name->count;
    }
    if (action == name->count) {
        struct str all = name->count == 0 ? STR_NONE : name->words[0].text;
        findings_add(findings,
                     is_knowledge(name, from) ? SIGNAL_NAME_KNOWLEDGE : SIGNAL_NAME_UNCLEAR,
                     IN_NAME, all);
        return;
    }
    findings->name_verb = name->words[action].lexeme;
    struct object object = classify_object(name->words, name->count, action + 1);
    findings_add(findings, signal_of_verb(classify_kind(findings->name_verb, &object)), IN_NAME,
                 name->words[action].text);
    if (object.head != NULL && object.head->lexeme != NULL &&
        findings->name_verb->verb == VERB_EXEC && object.head->lexeme->noun == NOUN_PROGRAM)
        findings_add(findings, SIGNAL_ANYTHING, IN_NAME, object.head->text);
    judge_object(findings, name, from, action);
}
