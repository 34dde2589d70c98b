#include "base/attr.h"
#include "catalog/classify_priv.h"

enum { MAX_OBJECT_WORDS = 7 };

/* Words that make a key one of access. */
static const struct str key_words[] = {
    STR_INIT("api"),     STR_INIT("access"),      STR_INIT("private"),   STR_INIT("public"),
    STR_INIT("ssh"),     STR_INIT("signing"),     STR_INIT("service"),   STR_INIT("auth"),
    STR_INIT("refresh"), STR_INIT("bearer"),      STR_INIT("personal"),  STR_INIT("deploy"),
    STR_INIT("license"), STR_INIT("gpg"),         STR_INIT("master"),    STR_INIT("account"),
    STR_INIT("oauth"),   STR_INIT("client"),      STR_INIT("session"),   STR_INIT("encryption"),
    STR_INIT("admin"),   STR_INIT("publishable"), STR_INIT("signature"), STR_INIT("user"),
};

/* Words that make a list, group, rule or policy one of access. */
static const struct str access_words[] = {
    STR_INIT("access"),    STR_INIT("allow"),       STR_INIT("allowed"),   STR_INIT("block"),
    STR_INIT("blocked"),   STR_INIT("deny"),        STR_INIT("denied"),    STR_INIT("security"),
    STR_INIT("exempt"),    STR_INIT("trusted"),     STR_INIT("inline"),    STR_INIT("managed"),
    STR_INIT("isolation"), STR_INIT("bucket"),      STR_INIT("trust"),     STR_INIT("ingress"),
    STR_INIT("protected"), STR_INIT("egress"),      STR_INIT("inbound"),   STR_INIT("outbound"),
    STR_INIT("branch"),    STR_INIT("conditional"), STR_INIT("filtering"), STR_INIT("isolation"),
    STR_INIT("network"),
};

static const struct str lists[] = {
    STR_INIT("list"),    STR_INIT("lists"),    STR_INIT("group"),  STR_INIT("groups"),
    STR_INIT("rule"),    STR_INIT("rules"),    STR_INIT("policy"), STR_INIT("policies"),
    STR_INIT("entry"),   STR_INIT("entries"),  STR_INIT("range"),  STR_INIT("ranges"),
    STR_INIT("control"), STR_INIT("controls"), STR_INIT("mode"),   STR_INIT("protection"),
    STR_INIT("branch"),  STR_INIT("branches"),
};

static bool is_one_of(struct str word, const struct str *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(word, words[i]))
            return true;
    return false;
}

static bool is_little(const struct text_word *word, const char *text)
{
    return str_eq(word->text, str_c(text));
}

static bool is_skipped(const struct text_word *word)
{
    if (word->lexeme == NULL)
        return false;
    enum little_kind little = word->lexeme->little;
    return little == LITTLE_ARTICLE || little == LITTLE_ANY || little == LITTLE_ADVERB ||
           little == LITTLE_THIS;
}

/* A word behind which the object has ended. */
static bool is_end(const struct text_word *word, bool is_first)
{
    if (!is_first && word->before >= TEXT_COMMA)
        return true;
    if (word->lexeme == NULL)
        return false;
    /* "settings passed in changes" */
    if (!is_first && word->lexeme->forms == FORM_ED && word->lexeme->noun == NOUN_NONE)
        return true;
    switch ((enum little_kind)word->lexeme->little) {
    case LITTLE_PREPOSITION:
    case LITTLE_TO:
    case LITTLE_AND:
    case LITTLE_WHICH:
    case LITTLE_IF:
    case LITTLE_BE:
    case LITTLE_WAS:
    case LITTLE_MODAL:
    case LITTLE_NOT:
        return true;
    case LITTLE_NONE:
    case LITTLE_ARTICLE:
    case LITTLE_ANY:
    case LITTLE_THIS:
    case LITTLE_ADVERB:
    case LITTLE_TOOL:
    case LITTLE_YOU:
    case LITTLE_ONLY:
        break;
    }
    return false;
}

/* Words that say which one is used. */
static const struct str current_words[] = {STR_INIT("active"), STR_INIT("current"),
                                           STR_INIT("selected")};

/* Words that make a policy one of work, not of access. */
static const struct str calm_words[] = {
    STR_INIT("escalation"), STR_INIT("retention"), STR_INIT("lifecycle"),
    STR_INIT("backup"),     STR_INIT("scaling"),   STR_INIT("autoscaling"),
    STR_INIT("scheduling"), STR_INIT("cache"),     STR_INIT("caching"),
    STR_INIT("pricing"),    STR_INIT("refund"),    STR_INIT("shipping"),
    STR_INIT("retry"),      STR_INIT("restart"),   STR_INIT("snapshot"),
    STR_INIT("sampling"),   STR_INIT("alert"),     STR_INIT("notification"),
    STR_INIT("routing"),    STR_INIT("rollout"),   STR_INIT("eviction"),
    STR_INIT("sla"),        STR_INIT("update"),    STR_INIT("maintenance"),
};

static void note_word(struct object *object, const struct text_word *word)
{
    const struct text_word *before = object->head;
    object->is_current |= is_one_of(word->text, current_words, ARRAY_LEN(current_words));
    object->is_calm |= is_one_of(word->text, calm_words, ARRAY_LEN(calm_words));
    if (before != NULL && before->lexeme != NULL)
        object->modifiers |= 1u << before->lexeme->noun;
    if (before != NULL && before->lexeme != NULL && before->lexeme->verb == VERB_SHARE)
        object->has_sharing = true;
    if (before != NULL && is_one_of(before->text, key_words, ARRAY_LEN(key_words)) &&
        word->lexeme != NULL && word->lexeme->noun == NOUN_KEY)
        object->is_key = true;
    if (before != NULL && is_one_of(before->text, access_words, ARRAY_LEN(access_words)) &&
        is_one_of(word->text, lists, ARRAY_LEN(lists)))
        object->is_access = true;
    object->head = word;
    object->words++;
}

static size_t read_phrase(const struct text_word *words, size_t count, size_t from,
                          struct object *object)
{
    size_t i = from;
    for (size_t n = 0; i < count && n < MAX_OBJECT_WORDS; i++, n++) {
        if (is_skipped(&words[i]) && object->head == NULL)
            continue;
        if (is_end(&words[i], i == from))
            break;
        note_word(object, &words[i]);
    }
    return i;
}

/* "properties of an account": the second noun says what the first is about. */
static void read_of(const struct text_word *words, size_t count, size_t at, struct object *object)
{
    struct object second = {.head = NULL};
    size_t end = read_phrase(words, count, at + 1, &second);
    if (second.head == NULL || second.head->lexeme == NULL)
        return;
    object->modifiers |= second.modifiers | 1u << second.head->lexeme->noun;
    object->end = end;
}

/* Leaving these loses nothing but the place: remove_from_playlist. */
static bool is_membership(const struct object *object)
{
    static const struct str words[] = {
        STR_INIT("playlist"),  STR_INIT("list"),       STR_INIT("cart"),     STR_INIT("wishlist"),
        STR_INIT("favorites"), STR_INIT("favourites"), STR_INIT("sprint"),   STR_INIT("cycle"),
        STR_INIT("epic"),      STR_INIT("segment"),    STR_INIT("album"),    STR_INIT("watchlist"),
        STR_INIT("milestone"), STR_INIT("library"),    STR_INIT("category"),
    };
    return object->head != NULL && is_one_of(object->head->text, words, ARRAY_LEN(words));
}

/* Who becomes this may do more. */
static bool is_power(const struct object *object)
{
    static const struct str words[] = {
        STR_INIT("admin"),      STR_INIT("administrator"), STR_INIT("owner"), STR_INIT("superuser"),
        STR_INIT("superadmin"), STR_INIT("moderator"),     STR_INIT("root"),
    };
    return object->head != NULL && is_one_of(object->head->text, words, ARRAY_LEN(words));
}

static bool is_way(const struct text_word *word)
{
    return is_little(word, "to") || is_little(word, "from") || is_little(word, "into");
}

/* "to the allowlist", "from the firewall filter" */
static bool is_guarded(const struct object *object)
{
    if (object->head == NULL || object->head->lexeme == NULL || is_power(object))
        return false;
    enum noun_kind noun = object->head->lexeme->noun;
    bool is_filter = noun == NOUN_OTHER && (object->modifiers >> NOUN_SENSITIVE & 1) != 0;
    return noun == NOUN_SENSITIVE || is_filter;
}

static bool is_content(const struct object *object)
{
    /* "a member of a sorted set" is no person. */
    static const struct str collections[] = {STR_INIT("set"),   STR_INIT("list"),
                                             STR_INIT("array"), STR_INIT("union"),
                                             STR_INIT("hash"),  STR_INIT("class")};
    if (object->head != NULL && is_one_of(object->head->text, collections, ARRAY_LEN(collections)))
        return true;
    if (object->head == NULL || object->head->lexeme == NULL)
        return false;
    enum noun_kind noun = object->head->lexeme->noun;
    return noun == NOUN_CONTENT || noun == NOUN_LIGHT || noun == NOUN_KNOWLEDGE;
}

struct object classify_object(const struct text_word *words, size_t count, size_t from)
{
    struct object object = {.head = NULL};
    size_t at = read_phrase(words, count, from, &object);
    object.end = at;
    if (at >= count || words[at].lexeme == NULL)
        return object;
    if (is_little(&words[at], "of")) {
        read_of(words, count, at, &object);
    } else if (words[at].lexeme->little == LITTLE_PREPOSITION ||
               words[at].lexeme->little == LITTLE_TO) {
        struct object container = {.head = NULL};
        (void)read_phrase(words, count, at + 1, &container);
        object.is_in_content = is_content(&container);
        object.is_to_power = (is_power(&container) && !is_little(&words[at], "from")) ||
                             (is_way(&words[at]) && is_guarded(&container) && !is_content(&object));
        object.is_in_list = is_membership(&container);
    }
    return object;
}

static bool has_modifier(const struct object *object, enum noun_kind noun)
{
    return (object->modifiers >> noun & 1) != 0;
}

static bool is_about_access(const struct object *object)
{
    return has_modifier(object, NOUN_SENSITIVE) || has_modifier(object, NOUN_ACCESS) ||
           has_modifier(object, NOUN_ORG) || object->is_access || object->is_key;
}

static bool is_governing(const struct findings *findings)
{
    return findings_has(findings, SIGNAL_PRODUCT_IDENTITY) ||
           findings_has(findings, SIGNAL_PRODUCT_SECURITY);
}

static bool is_sensitive_key(const struct object *object, const struct findings *findings)
{
    return object->is_key || is_governing(findings) || str_starts(object->head->text, STR("token"));
}

static bool is_sensitive_policy(const struct object *object, const struct findings *findings)
{
    return !object->is_calm || is_about_access(object) || is_governing(findings);
}

static bool is_sensitive_group(const struct object *object, const struct findings *findings)
{
    if (object->words == 1)
        return !findings_has(findings, SIGNAL_PRODUCT_CUSTOMER);
    return object->is_access || has_modifier(object, NOUN_PERSON) ||
           has_modifier(object, NOUN_SENSITIVE) || has_modifier(object, NOUN_ACCESS);
}

static bool is_sensitive_setting(const struct object *object)
{
    return is_about_access(object) || has_modifier(object, NOUN_POLICY) ||
           has_modifier(object, NOUN_ACCOUNT) || has_modifier(object, NOUN_TEAM);
}

static bool is_sensitive_thing(const struct object *object)
{
    if (has_modifier(object, NOUN_SENSITIVE) || has_modifier(object, NOUN_ACCESS) ||
        object->is_access || object->is_key)
        return true;
    return (has_modifier(object, NOUN_POLICY) && !object->is_calm) ||
           (has_modifier(object, NOUN_BILLING) && is_little(object->head, "method")) ||
           (has_modifier(object, NOUN_KEY) && is_little(object->head, "pair"));
}

/* The kinds of nouns that need the right company. */
static bool is_sensitive_here(const struct object *object, enum noun_kind noun,
                              const struct findings *findings)
{
    switch (noun) {
    case NOUN_SENSITIVE:
    case NOUN_ORG:
    case NOUN_ACCESS:
        return true;
    case NOUN_PERSON:
    case NOUN_TEAM:
        return !object->is_in_content;
    case NOUN_ACCOUNT:
        return !findings_has(findings, SIGNAL_PRODUCT_CUSTOMER) && !object->is_in_content;
    case NOUN_KEY:
        return is_sensitive_key(object, findings);
    case NOUN_POLICY:
        return is_sensitive_policy(object, findings);
    case NOUN_GROUP:
        return is_sensitive_group(object, findings);
    case NOUN_BILLING:
    case NOUN_KNOWLEDGE:
        return has_modifier(object, NOUN_SENSITIVE);
    case NOUN_SETTING:
        return is_sensitive_setting(object);
    case NOUN_CONTENT:
        return object->is_access;
    case NOUN_LIGHT:
        return object->is_access || object->has_sharing;
    case NOUN_NONE:
    case NOUN_OTHER:
    case NOUN_PROGRAM:
    case NOUN_CODE:
    case NOUN_QUERY:
    case NOUN_INQUIRY:
    case NOUN_ASKING:
    case NOUN_CACHE:
        break;
    }
    return is_sensitive_thing(object);
}

bool classify_object_is_sensitive(const struct object *object, const struct findings *findings)
{
    if (object->head == NULL || (object->is_current && object->words == 2))
        return false;
    if (object->is_to_power)
        return true;
    enum noun_kind noun = object->head->lexeme == NULL ? NOUN_NONE : object->head->lexeme->noun;
    return is_sensitive_here(object, noun, findings);
}

bool classify_object_is_light(const struct object *object)
{
    if (object->is_in_list)
        return true;
    if (object->head == NULL || object->head->lexeme == NULL || object->has_sharing)
        return false;
    enum noun_kind noun = object->head->lexeme->noun;
    return noun == NOUN_LIGHT || noun == NOUN_CACHE ||
           (noun == NOUN_PERSON && object->is_in_content);
}
