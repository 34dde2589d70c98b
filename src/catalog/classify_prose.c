#include "base/attr.h"
#include "catalog/classify_said.h"

enum { MAX_SUBJECT = 12, MAX_LISTED = 12 };

static bool is_heading(const struct text_word *word)
{
    static const struct str words[] = {
        STR_INIT("args"),        STR_INIT("arguments"),    STR_INIT("parameters"),
        STR_INIT("params"),      STR_INIT("returns"),      STR_INIT("return"),
        STR_INIT("example"),     STR_INIT("examples"),     STR_INIT("prerequisites"),
        STR_INIT("response"),    STR_INIT("requirements"), STR_INIT("tips"),
        STR_INIT("errors"),      STR_INIT("raises"),       STR_INIT("workflow"),
        STR_INIT("output"),      STR_INIT("input"),        STR_INIT("inputs"),
        STR_INIT("permissions"), STR_INIT("steps"),        STR_INIT("instructions"),
        STR_INIT("hints"),       STR_INIT("see"),
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_eq(word->text, words[i]))
            return true;
    return false;
}

static void begin_sentence(struct reader *reader, size_t i)
{
    const struct text *text = reader->text;
    if (i > 0)
        reader->number++;
    reader->sentence = reader->clause = i;
    reader->last_said = 0;
    reader->is_denied = reader->is_if = false;
    bool ends_line = i + 1 == text->count || text->words[i + 1].before >= TEXT_COLON ||
                     (i + 2 < text->count && text->words[i + 2].before == TEXT_COLON);
    if (ends_line && i > 0 && is_heading(word_at(reader, i)))
        reader->in_section = true;
}

/* What denies is the sentence's until something else begins. */
static void note_comma(struct reader *reader, size_t i)
{
    /* "[API] Lists …" begins behind the mark. */
    if (i == reader->sentence + 1 && word_at(reader, reader->sentence)->is_upper)
        reader->clause = i;
    const struct lexeme *lexeme = word_at(reader, i)->lexeme;
    bool goes_on = lexeme != NULL && lexeme->verb > VERB_SOFT && (lexeme->forms & FORM_BASE) != 0;
    if (!goes_on && little_of(word_at(reader, i)) != LITTLE_AND)
        reader->is_denied = false;
    reader->is_if = false;
}

static void note_break(struct reader *reader, size_t i)
{
    const struct text_word *word = word_at(reader, i);
    switch ((enum text_break)word->before) {
    case TEXT_SENTENCE:
        begin_sentence(reader, i);
        break;
    case TEXT_BULLET:
    case TEXT_COLON:
        reader->clause = i;
        reader->is_denied = reader->is_if = false;
        break;
    case TEXT_COMMA:
        note_comma(reader, i);
        break;
    case TEXT_JOINED:
    case TEXT_SPACE:
        break;
    }
}

static void note_little(struct reader *reader, size_t i)
{
    const struct text_word *word = word_at(reader, i);
    /* "not only", "no longer" */
    bool is_turned =
        i + 1 < reader->text->count && (little_of(word_at(reader, i + 1)) == LITTLE_ONLY ||
                                        str_eq(word_at(reader, i + 1)->text, STR("longer")));
    if (little_of(word) == LITTLE_NOT && !is_turned && !reader->is_if)
        reader->is_denied = true;
    if (little_of(word) == LITTLE_IF)
        reader->is_if = true;
    if (str_eq(word->text, STR("but")) || str_eq(word->text, STR("then")))
        reader->is_denied = reader->is_if = false;
}

/* Words whose object decides. */
enum verb_kind classify_kind(const struct lexeme *verb, const struct object *object)
{
    enum noun_kind noun = object->head == NULL || object->head->lexeme == NULL
                              ? NOUN_NONE
                              : (enum noun_kind)object->head->lexeme->noun;
    bool asks = noun == NOUN_ASKING || (object->modifiers >> NOUN_ASKING & 1) != 0 ||
                (object->modifiers >> NOUN_INQUIRY & 1) != 0;
    if (verb->verb == VERB_EXEC && (noun == NOUN_INQUIRY || noun == NOUN_KNOWLEDGE || asks))
        return VERB_READ;
    return (enum verb_kind)verb->verb;
}

static enum signal lead_signal(enum verb_kind kind)
{
    static const enum signal signals[VERB_KINDS] = {
        [VERB_READ] = SIGNAL_LEAD_READ,       [VERB_MAKE] = SIGNAL_LEAD_MAKE,
        [VERB_WRITE] = SIGNAL_LEAD_WRITE,     [VERB_MANAGE] = SIGNAL_LEAD_MANAGE,
        [VERB_EXEC] = SIGNAL_LEAD_EXEC,       [VERB_REMOVE] = SIGNAL_LEAD_REMOVE,
        [VERB_DESTROY] = SIGNAL_LEAD_DESTROY, [VERB_SHARE] = SIGNAL_LEAD_SHARE,
        [VERB_ADMIN] = SIGNAL_LEAD_ADMIN,
    };
    return signals[kind];
}

/* SIGNALS: says nothing. */
static enum signal later_signal(enum verb_kind kind, bool is_same_sentence)
{
    switch (kind) {
    case VERB_READ:
    case VERB_MAKE:
        return is_same_sentence ? SIGNALS : SIGNAL_BODY_READ;
    case VERB_WRITE:
        return is_same_sentence ? SIGNAL_CHAIN_WRITE : SIGNAL_BODY_WRITE;
    case VERB_EXEC:
        return is_same_sentence ? SIGNAL_CHAIN_EXEC : SIGNAL_BODY_EXEC;
    case VERB_REMOVE:
        return is_same_sentence ? SIGNAL_CHAIN_REMOVE : SIGNAL_BODY_REMOVE;
    case VERB_DESTROY:
        return is_same_sentence ? SIGNAL_CHAIN_DESTROY : SIGNAL_BODY_DESTROY;
    case VERB_SHARE:
    case VERB_ADMIN:
        return is_same_sentence ? SIGNAL_CHAIN_ADMIN : SIGNAL_BODY_ADMIN;
    case VERB_NONE:
    case VERB_SOFT:
    case VERB_MANAGE:
    case VERB_KINDS:
        break;
    }
    return SIGNALS;
}

static enum signal mention_signal(enum verb_kind kind)
{
    switch (kind) {
    case VERB_WRITE:
    case VERB_EXEC:
        return SIGNAL_MENTION_WRITE;
    case VERB_REMOVE:
    case VERB_DESTROY:
        return SIGNAL_MENTION_DESTROY;
    case VERB_SHARE:
    case VERB_ADMIN:
        return SIGNAL_MENTION_ADMIN;
    case VERB_NONE:
    case VERB_SOFT:
    case VERB_READ:
    case VERB_MAKE:
    case VERB_MANAGE:
    case VERB_KINDS:
        break;
    }
    return SIGNALS;
}

static void note(struct reader *reader, enum signal signal, struct str what)
{
    /* What a parameter opens, one need not give. */
    if (signal == SIGNAL_OPENS && reader->is_parameter)
        signal = SIGNAL_PARAM_ADMIN;
    if (signal != SIGNALS)
        findings_add(reader->findings, signal, reader->where, what);
}

static bool is_lead_place(const struct reader *reader)
{
    return reader->findings->lead_verb == NULL && reader->number < 3 && !reader->is_parameter &&
           !reader->in_section;
}

/* In the passive, the object stands before the verb: "an account is created". */
static struct object object_of(const struct reader *reader, size_t i)
{
    const struct text_word *word = word_at(reader, i);
    if ((word->lexeme->forms & FORM_BASE) != 0 || (word->lexeme->forms & FORM_ED) == 0 ||
        !classify_said_passively(reader, i))
        return classify_object(reader->text->words, reader->text->count, i + 1);
    size_t at = i;
    while (at > reader->sentence && little_of(word_at(reader, at)) != LITTLE_BE)
        at--;
    while (at > reader->sentence && i - at < MAX_SUBJECT &&
           little_of(word_at(reader, at - 1)) != LITTLE_IF &&
           little_of(word_at(reader, at - 1)) != LITTLE_ARTICLE &&
           word_at(reader, at)->before < TEXT_COMMA)
        at--;
    return classify_object(reader->text->words, i, at);
}

/* Done to people, or an answer to an invitation, without touching anybody's rights. */
bool classify_spares(const struct lexeme *verb, const struct object *object)
{
    static const struct str words[] = {
        STR_INIT("decline"), STR_INIT("accept"), STR_INIT("respond"),  STR_INIT("dismiss"),
        STR_INIT("answer"),  STR_INIT("notify"), STR_INIT("email"),    STR_INIT("remind"),
        STR_INIT("assign"),  STR_INIT("follow"), STR_INIT("unfollow"), STR_INIT("mute"),
        STR_INIT("unmute"),  STR_INIT("send"),   STR_INIT("call"),     STR_INIT("unassign"),
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_eq(verb->base, words[i]))
            return (object->is_to_power && !str_eq(verb->base, STR("assign"))) ||
                   object->head == NULL || object->head->lexeme == NULL ||
                   object->head->lexeme->noun == NOUN_PERSON ||
                   object->head->lexeme->noun == NOUN_TEAM ||
                   object->head->lexeme->noun == NOUN_GROUP ||
                   str_starts(object->head->text, STR("invit"));
    return false;
}

static void say_lead(struct reader *reader, size_t i, enum verb_kind kind,
                     const struct object *object)
{
    struct str what = word_at(reader, i)->text;
    reader->findings->lead_verb = word_at(reader, i)->lexeme;
    reader->lead_number = reader->number;
    note(reader, lead_signal(kind), what);
    if (kind >= VERB_WRITE && kind != VERB_EXEC &&
        !classify_spares(word_at(reader, i)->lexeme, object) &&
        classify_object_is_sensitive(object, reader->findings))
        note(reader, SIGNAL_LEAD_SENSITIVE, object->head->text);
    if (classify_object_is_light(object))
        note(reader, SIGNAL_LEAD_LIGHT, object->head == NULL ? what : object->head->text);
}

/* In the text of a parameter. */
static enum signal parameter_signal(enum verb_kind kind)
{
    if (kind == VERB_DESTROY || kind == VERB_REMOVE)
        return SIGNAL_PARAM_HARM;
    return kind >= VERB_SHARE ? SIGNAL_PARAM_ADMIN : SIGNALS;
}

/* Behind the lead. Later on, only "it changes" is of the tool; "is changed" is of the world. */
static enum signal signal_behind(const struct reader *reader, const struct text_word *word,
                                 enum verb_kind kind, enum said said, bool is_sensitive)
{
    bool is_same = reader->findings->lead_verb != NULL && reader->number == reader->lead_number;
    if (reader->is_parameter)
        return parameter_signal(kind);
    if (said == SAID_MILDLY)
        return mention_signal(kind);
    if (is_sensitive && str_eq(word->text, STR("gets")))
        return SIGNAL_BODY_ADMIN;
    if (kind == VERB_WRITE && (word->lexeme->forms & FORM_S) == 0 && !is_same)
        return SIGNAL_MENTION_WRITE;
    return later_signal(kind, is_same);
}

static void say_later(struct reader *reader, size_t i, enum verb_kind kind, enum said said,
                      const struct object *object)
{
    const struct text_word *word = word_at(reader, i);
    bool is_sensitive = classify_object_is_sensitive(object, reader->findings);
    bool is_same = reader->findings->lead_verb != NULL && reader->number == reader->lead_number;
    note(reader, signal_behind(reader, word, kind, said, is_sensitive), word->text);
    if (!is_sensitive || kind < VERB_WRITE || kind == VERB_EXEC)
        return;
    enum signal signal = is_same ? SIGNAL_CHAIN_ADMIN : SIGNAL_BODY_ADMIN;
    if (said == SAID_MILDLY || reader->is_parameter)
        signal = SIGNAL_MENTION_ADMIN;
    note(reader, signal, object->head->text);
}

static void read_verb(struct reader *reader, size_t i)
{
    const struct text_word *word = word_at(reader, i);
    enum said said = classify_said(reader, i);
    if (reader->is_denied)
        return;
    if (reader->is_if) {
        /* The condition takes one verb; what follows it is said again. */
        reader->is_if = word->lexeme->verb == VERB_SOFT;
        said = NOT_SAID;
    }
    if (said == NOT_SAID) {
        if (!word->lexeme->is_noun && (word->lexeme->forms & FORM_ED) == 0)
            note(reader, mention_signal(word->lexeme->verb), word->text);
        return;
    }
    if (word->lexeme->verb == VERB_SOFT)
        return;
    reader->last_said = i + 1;
    struct object object = object_of(reader, i);
    if (word->lexeme->verb == VERB_EXEC && object.head != NULL && object.head->lexeme != NULL &&
        object.head->lexeme->noun == NOUN_PROGRAM)
        note(reader, SIGNAL_ANYTHING, object.head->text);
    enum verb_kind kind = classify_kind(word->lexeme, &object);
    if (is_lead_place(reader) && lead_signal(kind) != 0)
        say_lead(reader, i, kind, &object);
    else
        say_later(reader, i, kind, said, &object);
}

static bool matches(const struct text *text, size_t at, const struct phrase *phrase)
{
    enum { MAX_GAP = 3 };
    size_t gap = 0;
    size_t i = 1;
    at++;
    while (i < phrase->count) {
        if (at == text->count)
            return false;
        if (str_eq(phrase->words[i], STR("~"))) {
            gap = MAX_GAP;
            i++;
        } else if (str_eq(text->words[at].text, phrase->words[i])) {
            gap = 0;
            i++;
            at++;
        } else if (gap > 0) {
            gap--;
            at++;
        } else {
            return false;
        }
    }
    return true;
}

static void read_phrases(struct reader *reader, size_t i)
{
    unsigned number = word_at(reader, i)->lexeme->phrase;
    while (number != 0) {
        const struct phrase *phrase = classify_lexicon_phrase(reader->findings->lexicon, number);
        if ((phrase->is_always || !reader->is_denied) && matches(reader->text, i, phrase))
            note(reader, (enum signal)phrase->signal, phrase->words[0]);
        number = phrase->next;
    }
}

/* "applies a template, including its role bindings" */
static void read_including(struct reader *reader, size_t i)
{
    if (!str_eq(word_at(reader, i)->text, STR("including")) || reader->is_parameter ||
        reader->findings->lead_verb == NULL || reader->findings->lead_verb->verb < VERB_WRITE ||
        reader->number != reader->lead_number || reader->is_denied)
        return;
    size_t from = i + 1;
    for (size_t n = 0; n < MAX_LISTED && from < reader->text->count; n++) {
        struct object object = classify_object(reader->text->words, reader->text->count, from);
        if (classify_object_is_sensitive(&object, reader->findings))
            note(reader, SIGNAL_CHAIN_ADMIN, object.head->text);
        if (object.end >= reader->text->count ||
            (little_of(word_at(reader, object.end)) != LITTLE_AND &&
             word_at(reader, object.end)->before != TEXT_COMMA))
            return;
        from = little_of(word_at(reader, object.end)) == LITTLE_AND ? object.end + 1
               : object.end > from                                  ? object.end
                                                                    : from + 1;
    }
}

/* "Assistant: read-only" plays a dialogue to whoever reads it as one. */
static void read_role(struct reader *reader, size_t i)
{
    static const struct str roles[] = {STR_INIT("assistant"), STR_INIT("human"),
                                       STR_INIT("system"),    STR_INIT("reviewer"),
                                       STR_INIT("moderator"), STR_INIT("judge")};
    if (i != reader->clause || i + 1 >= reader->text->count ||
        word_at(reader, i + 1)->before != TEXT_COLON)
        return;
    for (size_t r = 0; r < ARRAY_LEN(roles); r++)
        if (str_eq(word_at(reader, i)->text, roles[r]))
            note(reader, SIGNAL_TALKS, roles[r]);
}

static void read_word(struct reader *reader, size_t i)
{
    const struct text_word *word = word_at(reader, i);
    read_role(reader, i);
    if (word->lexeme == NULL)
        return;
    if (word->lexeme->noun == NOUN_CODE && !word->is_code)
        note(reader, SIGNAL_MENTION_CODE, word->text);
    if (word->lexeme->phrase != 0)
        read_phrases(reader, i);
    if (word->lexeme->verb != VERB_NONE && word->lexeme->little == LITTLE_NONE)
        read_verb(reader, i);
    if (word->lexeme->little == LITTLE_PREPOSITION)
        read_including(reader, i);
}

static void read_all(struct reader *reader)
{
    for (size_t i = 0; i < reader->text->count; i++) {
        note_break(reader, i);
        read_word(reader, i);
        note_little(reader, i);
    }
}

/* A word that no mere name of a thing holds. */
static bool is_no_thing(const struct text_word *word)
{
    enum little_kind little = little_of(word);
    if (word->is_foreign || little == LITTLE_TOOL || little == LITTLE_ANY)
        return true;
    if (word->lexeme == NULL)
        return false;
    bool is_action = word->lexeme->verb > VERB_MAKE && !word->lexeme->is_noun &&
                     (word->lexeme->forms & FORM_ED) == 0;
    return word->lexeme->noun == NOUN_CODE || is_action;
}

static bool relates(const struct text_word *word)
{
    return little_of(word) == LITTLE_PREPOSITION ||
           (word->lexeme != NULL && word->lexeme->noun == NOUN_KNOWLEDGE);
}

/* "Traffic analytics for a zone": no verb, but a thing, and whose it is. "Helper.", "File
 * operations", "Interactive session" and "Makes it so" say nothing. */
static bool is_thing(const struct text *text)
{
    enum { MIN_WORDS = 3, MAX_WORDS = 16 };
    bool has_relation = false;
    size_t i = 0;
    const struct lexeme *first = text->count == 0 ? NULL : text->words[0].lexeme;
    if (first != NULL && first->verb == VERB_SOFT && (first->forms & FORM_S) != 0)
        return false;
    /* "Prevent a member": a verb that nobody here knows. */
    if (text->count > 1 && little_of(&text->words[1]) == LITTLE_ARTICLE)
        return false;
    for (; i < text->count && (i == 0 || text->words[i].before < TEXT_COLON); i++) {
        if (is_no_thing(&text->words[i]))
            return false;
        has_relation |= i > 0 && relates(&text->words[i]);
    }
    return has_relation && i >= MIN_WORDS && i <= MAX_WORDS;
}

void classify_prose(struct findings *findings, const struct text *text)
{
    struct reader reader = {.findings = findings, .text = text, .where = IN_DESCRIPTION};
    findings->oddities |= text->oddities;
    read_all(&reader);
    if (findings->lead_verb == NULL && is_thing(text))
        findings_add(findings, SIGNAL_LEAD_THING, IN_DESCRIPTION, text->words[0].text);
}

void classify_prose_title(struct findings *findings, const struct text *text)
{
    struct reader reader = {.findings = findings,
                            .text = text,
                            .is_parameter = findings->lead_verb != NULL,
                            .where = IN_TITLE};
    findings->oddities |= text->oddities;
    read_all(&reader);
}

void classify_prose_parameter(struct findings *findings, const struct text *text)
{
    struct reader reader = {
        .findings = findings, .text = text, .is_parameter = true, .where = IN_PARAMETER};
    findings->oddities |= text->oddities;
    read_all(&reader);
}
