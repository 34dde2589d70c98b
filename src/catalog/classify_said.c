#include "catalog/classify_said.h"

#include "base/attr.h"

enum { LOOK_BACK = 4, MAX_ADVERBS = 6, MAX_LEAD_IN = 24 };

/* The word before i in the same sentence, adverbs passed over; NULL: none. */
static const struct text_word *previous(const struct reader *reader, size_t i)
{
    for (size_t n = 0; i > reader->sentence && n < MAX_ADVERBS; n++) {
        i--;
        if (little_of(word_at(reader, i)) != LITTLE_ADVERB &&
            little_of(word_at(reader, i)) != LITTLE_ONLY)
            return word_at(reader, i);
    }
    return NULL;
}

/* Words that may stand before what the tool does: "Use this tool to", "Allows you to". */
static bool is_lead_in(const struct text_word *word)
{
    if (word->lexeme == NULL)
        return false;
    if (word->lexeme->verb == VERB_SOFT)
        return true;
    switch ((enum little_kind)word->lexeme->little) {
    case LITTLE_ARTICLE:
    case LITTLE_THIS:
    case LITTLE_WHICH:
    case LITTLE_TO:
    case LITTLE_MODAL:
    case LITTLE_ADVERB:
    case LITTLE_TOOL:
    case LITTLE_YOU:
    case LITTLE_BE:
    case LITTLE_PREPOSITION:
    case LITTLE_AND:
        return true;
    case LITTLE_NONE:
    case LITTLE_ANY:
    case LITTLE_NOT:
    case LITTLE_WAS:
    case LITTLE_IF:
    case LITTLE_ONLY:
        break;
    }
    return false;
}

static bool follows_lead_in(const struct reader *reader, size_t i)
{
    if (i > reader->clause + MAX_LEAD_IN)
        return false;
    for (size_t at = i; at > reader->clause; at--)
        if (!is_lead_in(word_at(reader, at - 1)))
            return false;
    return true;
}

/* "changes that are staged" describes the changes. */
static bool is_relative(const struct reader *reader, size_t i)
{
    for (size_t n = 1; n <= 3 && i >= reader->sentence + n; n++) {
        const struct text_word *word = word_at(reader, i - n);
        enum little_kind little = little_of(word);
        if (little == LITTLE_WHICH)
            return true;
        /* "every message that was returned is erased": the clause is over. */
        if (little == LITTLE_BE || little == LITTLE_WAS ||
            (word->lexeme != NULL && (word->lexeme->forms & FORM_ED) != 0))
            return false;
    }
    return false;
}

bool classify_said_passively(const struct reader *reader, size_t i)
{
    for (size_t n = 1; n <= LOOK_BACK && i >= reader->sentence + n; n++) {
        const struct text_word *word = word_at(reader, i - n);
        if (little_of(word) == LITTLE_BE || str_eq(word->text, STR("gets")))
            return !is_relative(reader, i - n);
        if (little_of(word) != LITTLE_ADVERB && little_of(word) != LITTLE_AND &&
            (word->lexeme == NULL || (word->lexeme->forms & FORM_ED) == 0))
            return false;
    }
    return false;
}

static bool begins_object(const struct reader *reader, size_t i)
{
    enum little_kind little = i < reader->text->count ? little_of(word_at(reader, i)) : LITTLE_NONE;
    return little == LITTLE_ARTICLE || little == LITTLE_THIS || little == LITTLE_ANY;
}

/* "applies the plan, creating and destroying": what is done on the way. */
static bool is_on_the_way(const struct text_word *word)
{
    return (word->lexeme->forms & FORM_ING) != 0 && word->before == TEXT_COMMA &&
           (!word->lexeme->is_noun || word->lexeme->verb == VERB_DESTROY);
}

/* "create, update and delete": the same form goes on. */
static bool goes_on(const struct reader *reader, size_t i)
{
    const struct text_word *word = word_at(reader, i);
    const struct text_word *before = previous(reader, i);
    if (reader->last_said == 0 || before == NULL)
        return false;
    if (is_on_the_way(word))
        return true;
    const struct lexeme *last = word_at(reader, reader->last_said - 1)->lexeme;
    bool is_joined = little_of(before) == LITTLE_AND || word->before == TEXT_COMMA;
    if (!is_joined || (last->forms & word->lexeme->forms) == 0)
        return false;
    if (!word->lexeme->is_noun ||
        (word->lexeme->verb >= VERB_REMOVE && (word->lexeme->forms & FORM_S) != 0))
        return true;
    if (i + 1 >= reader->text->count)
        return false;
    /* "list/create/update", but not "sends messages (email, chat)". */
    return begins_object(reader, i + 1) || reader->last_said == i || reader->last_said + 1 == i;
}

static enum said judge_base(const struct reader *reader, size_t i, const struct text_word *before)
{
    enum little_kind little = before == NULL ? LITTLE_NONE : little_of(before);
    bool is_early = reader->number < 2 && !reader->in_section && !reader->is_parameter;
    if (i == reader->clause)
        return is_early ? SAID : SAID_MILDLY;
    if (follows_lead_in(reader, i))
        return is_early ? SAID : SAID_MILDLY;
    if (little == LITTLE_MODAL && i >= reader->sentence + 2 &&
        little_of(word_at(reader, i - 2)) != LITTLE_YOU)
        return SAID;
    return NOT_SAID;
}

static enum said judge_third(const struct reader *reader, size_t i, const struct text_word *before)
{
    const struct lexeme *lexeme = word_at(reader, i)->lexeme;
    enum little_kind little = before == NULL ? LITTLE_NONE : little_of(before);
    if (lexeme->is_noun && i != reader->sentence && !begins_object(reader, i + 1))
        return NOT_SAID;
    if (i == reader->clause || follows_lead_in(reader, i))
        return SAID;
    if (lexeme->is_noun)
        return NOT_SAID;
    return little == LITTLE_ARTICLE || little == LITTLE_PREPOSITION || little == LITTLE_ANY
               ? NOT_SAID
               : SAID;
}

static bool is_word(const struct text_word *word, const char *text)
{
    return word != NULL && str_eq(word->text, str_c(text));
}

static enum said judge_gerund(const struct reader *reader, size_t i, const struct text_word *before)
{
    const struct lexeme *lead = reader->findings->lead_verb;
    /* "by truncating the table" */
    if (is_word(before, "by") && word_at(reader, i)->lexeme->verb >= VERB_REMOVE)
        return SAID;
    if (reader->in_section || reader->is_parameter || reader->number > 1)
        return NOT_SAID;
    if (i == reader->clause)
        return SAID_MILDLY;
    if (is_word(before, "for") || is_word(before, "including"))
        return lead == NULL || lead->verb == VERB_MANAGE ? SAID : NOT_SAID;
    bool is_of_tool = before != NULL && little_of(before) == LITTLE_WHICH;
    return is_of_tool || follows_lead_in(reader, i) ? SAID : NOT_SAID;
}

/* Words that look like an action and are none: "Start here", DELETE among other keywords, output
 * that is truncated. */
static bool is_figure(const struct reader *reader, size_t i)
{
    const struct text_word *word = word_at(reader, i);
    if (i + 1 < reader->text->count && str_eq(word->text, STR("start")) &&
        str_eq(word_at(reader, i + 1)->text, STR("here")))
        return true;
    if (str_eq(word->text, STR("truncated")))
        return true;
    if (i >= 2 && str_eq(word->lexeme->base, STR("drop")) &&
        word_at(reader, i - 2)->lexeme != NULL &&
        str_eq(word_at(reader, i - 2)->lexeme->base, STR("drag")))
        return true;
    return word->is_upper && i > reader->sentence && (word->lexeme->forms & FORM_BASE) != 0 &&
           (word_at(reader, i - 1)->is_upper ||
            (i + 1 < reader->text->count && word_at(reader, i + 1)->is_upper));
}

enum said classify_said(const struct reader *reader, size_t i)
{
    const struct text_word *word = word_at(reader, i);
    const struct text_word *before = previous(reader, i);
    unsigned forms = word->lexeme->forms;
    enum said said = NOT_SAID;
    if (word->is_code || is_figure(reader, i))
        return NOT_SAID;
    if (goes_on(reader, i))
        return SAID;
    if ((forms & FORM_BASE) != 0)
        said = judge_base(reader, i, before);
    if (said == NOT_SAID && (forms & FORM_S) != 0)
        said = judge_third(reader, i, before);
    if (said == NOT_SAID && (forms & FORM_ING) != 0)
        said = judge_gerund(reader, i, before);
    if (said == NOT_SAID && (forms & FORM_ED) != 0 && classify_said_passively(reader, i))
        said = SAID;
    return said;
}
