#include "base/attr.h"
#include "catalog/classify_priv.h"

struct schema {
    struct findings *findings;
    const struct json_doc *doc;
    json_pos root;
    json_pos *names; /* by position of a value: the name of the parameter it belongs to, or 0 */
    bool has_method;
    bool has_address;
    bool has_action; /* a parameter that names the action */
    bool has_choice; /* and its values are listed */
    size_t parameters;
};

static bool is_full(struct schema *schema)
{
    schema->findings->is_full = true;
    return false;
}

static bool is_one_of(struct str word, const struct str *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(word, words[i]))
            return true;
    return false;
}

#define IS_ONE_OF(word, words) is_one_of((word), (words), ARRAY_LEN(words))

static const struct str action_words[] = {
    STR_INIT("action"),     STR_INIT("actions"),    STR_INIT("operation"), STR_INIT("operations"),
    STR_INIT("op"),         STR_INIT("method"),     STR_INIT("command"),   STR_INIT("cmd"),
    STR_INIT("subcommand"), STR_INIT("verb"),       STR_INIT("kind"),      STR_INIT("step"),
    STR_INIT("task"),       STR_INIT("transition"),
};
static const struct str address_words[] = {
    STR_INIT("path"), STR_INIT("url"), STR_INIT("endpoint"), STR_INIT("uri"), STR_INIT("route"),
};
static const struct str paging_words[] = {
    STR_INIT("limit"),  STR_INIT("page"),   STR_INIT("offset"), STR_INIT("cursor"),
    STR_INIT("sort"),   STR_INIT("order"),  STR_INIT("per"),    STR_INIT("since"),
    STR_INIT("filter"), STR_INIT("fields"), STR_INIT("max"),    STR_INIT("start"),
};
static const struct str body_words[] = {
    STR_INIT("data"),       STR_INIT("body"),    STR_INIT("content"),     STR_INIT("payload"),
    STR_INIT("value"),      STR_INIT("values"),  STR_INIT("properties"),  STR_INIT("text"),
    STR_INIT("attributes"), STR_INIT("message"), STR_INIT("title"),       STR_INIT("patch"),
    STR_INIT("updates"),    STR_INIT("changes"), STR_INIT("description"), STR_INIT("subject"),
    STR_INIT("comment"),    STR_INIT("name"),    STR_INIT("new"),         STR_INIT("spec"),
};
static const struct str output_words[] = {
    STR_INIT("output"), STR_INIT("save"),  STR_INIT("destination"),
    STR_INIT("dest"),   STR_INIT("local"), STR_INIT("target"),
};
static const struct str place_words[] = {
    STR_INIT("path"), STR_INIT("dir"),    STR_INIT("directory"),
    STR_INIT("file"), STR_INIT("folder"), STR_INIT("filename"),
};
/* Words that make "code" one of a country, a currency, an error. */
static const struct str program_words[] = {
    STR_INIT("sql"),    STR_INIT("shell"), STR_INIT("source"), STR_INIT("python"),
    STR_INIT("raw"),    STR_INIT("cli"),   STR_INIT("js"),     STR_INIT("bash"),
    STR_INIT("custom"), STR_INIT("apex"),  STR_INIT("script"), STR_INIT("anonymous"),
};
static const struct str power_words[] = {
    STR_INIT("superuser"),  STR_INIT("admin"),       STR_INIT("administrator"),
    STR_INIT("permission"), STR_INIT("permissions"), STR_INIT("privilege"),
    STR_INIT("privileges"), STR_INIT("acl"),
};
static const struct str open_values[] = {
    STR_INIT("anyone"),
    STR_INIT("everyone"),
    STR_INIT("world"),
    STR_INIT("internet"),
};

static bool has_word(const struct text *name, const struct str *words, size_t count)
{
    for (size_t i = 0; i < name->count; i++)
        if (is_one_of(name->words[i].text, words, count))
            return true;
    return false;
}

static enum noun_kind noun_of(const struct text_word *word)
{
    return word->lexeme == NULL ? NOUN_NONE : (enum noun_kind)word->lexeme->noun;
}

static bool holds_code(const struct text *name)
{
    const struct text_word *last = &name->words[name->count - 1];
    bool is_code = noun_of(last) == NOUN_CODE || str_eq(last->text, STR("expr")) ||
                   str_eq(last->text, STR("expression"));
    if (!is_code)
        return false;
    return name->count == 1 || IS_ONE_OF(name->words[name->count - 2].text, program_words) ||
           noun_of(&name->words[name->count - 2]) == NOUN_CODE;
}

static bool is_text(const struct schema *schema, json_pos pos)
{
    json_pos type = json_get(schema->doc, pos, STR("type"));
    return type == JSON_NONE || json_str_is(schema->doc, type, STR("string")) ||
           json_is(schema->doc, type, JSON_ARRAY) || json_str_is(schema->doc, type, STR("array"));
}

static bool has_values(const struct schema *schema, json_pos pos)
{
    return json_get(schema->doc, pos, STR("enum")) != JSON_NONE ||
           json_get(schema->doc, pos, STR("oneOf")) != JSON_NONE ||
           json_get(schema->doc, pos, STR("anyOf")) != JSON_NONE ||
           json_get(schema->doc, pos, STR("$ref")) != JSON_NONE ||
           json_get(schema->doc, pos, STR("const")) != JSON_NONE;
}

static void note(struct schema *schema, enum signal signal, struct str what)
{
    findings_add(schema->findings, signal, IN_PARAMETER, what);
}

static void note_switch(struct schema *schema, const struct text *name, json_pos value)
{
    const struct lexeme *first = name->words[0].lexeme;
    if (first != NULL && (first->forms & FORM_BASE) != 0 &&
        (first->verb == VERB_DESTROY || (first->verb == VERB_REMOVE && name->count == 1)) &&
        !str_eq(first->base, STR("truncate")) &&
        json_str_is(schema->doc, json_get(schema->doc, value, STR("type")), STR("boolean")))
        note(schema, SIGNAL_FLAG_DESTROY, name->words[0].text);
}

static void note_content(struct schema *schema, const struct text *name, json_pos value)
{
    const struct text_word *last = &name->words[name->count - 1];
    if (holds_code(name) && is_text(schema, value) && !has_values(schema, value))
        note(schema, SIGNAL_PARAM_CODE, last->text);
    if (noun_of(last) == NOUN_QUERY && is_text(schema, value))
        note(schema, SIGNAL_PARAM_QUERY, last->text);
    if (noun_of(last) == NOUN_SENSITIVE)
        note(schema, SIGNAL_PARAM_SENSITIVE, last->text);
    if (has_word(name, power_words, ARRAY_LEN(power_words)))
        note(schema, SIGNAL_PARAM_POWER, last->text);
    if (IS_ONE_OF(last->text, body_words))
        note(schema, SIGNAL_PARAM_BODY, last->text);
    if (has_word(name, paging_words, ARRAY_LEN(paging_words)))
        note(schema, SIGNAL_PARAM_PAGE, last->text);
    if (has_word(name, output_words, ARRAY_LEN(output_words)) &&
        has_word(name, place_words, ARRAY_LEN(place_words)))
        note(schema, SIGNAL_PARAM_OUTPUT, last->text);
}

/* "method", "http_method", "api_path"; not "connection_method". */
static bool is_of_request(const struct text *name)
{
    static const struct str words[] = {STR_INIT("http"), STR_INIT("api"), STR_INIT("request"),
                                       STR_INIT("rest")};
    return name->count == 1 || (name->count == 2 && IS_ONE_OF(name->words[0].text, words));
}

static void note_parameter(struct schema *schema, const struct text *name, json_pos value,
                           bool is_top)
{
    const struct text_word *last = &name->words[name->count - 1];
    schema->parameters++;
    if (schema->findings->parameter_count < FINDINGS_PARAMETERS)
        schema->findings->parameters[schema->findings->parameter_count++] = last->text;
    note_switch(schema, name, value);
    note_content(schema, name, value);
    if (is_top && str_eq(last->text, STR("method")) && is_of_request(name))
        schema->has_method = true;
    if (is_top && IS_ONE_OF(last->text, address_words) && is_of_request(name))
        schema->has_address = true;
    if (has_word(name, &(const struct str)STR_INIT("confirm"), 1))
        note(schema, SIGNAL_PARAM_CONFIRM, last->text);
    if (str_eq(name->words[0].text, STR("force")))
        note(schema, SIGNAL_PARAM_FORCE, last->text);
    if (IS_ONE_OF(last->text, action_words) && name->count <= 2 && is_text(schema, value)) {
        schema->has_action = true;
        schema->has_choice |= has_values(schema, value);
    }
}

/* The name at pos as words; false: memory is out. */
static bool read_name(struct schema *schema, json_pos pos, struct text *ret_name)
{
    struct str raw;
    struct err err;
    *ret_name = (struct text){.count = 0};
    if (!json_is(schema->doc, pos, JSON_STRING))
        return true;
    if (!json_str(schema->doc, pos, schema->findings->arena, &raw) ||
        classify_text_name(schema->findings->lexicon, raw, schema->findings->arena, ret_name,
                           &err) != ERR_OK)
        return is_full(schema);
    schema->findings->oddities |= ret_name->oddities;
    return true;
}

static bool read_properties(struct schema *schema, json_pos properties, bool is_top)
{
    const struct json_doc *doc = schema->doc;
    if (!json_is(doc, properties, JSON_OBJECT))
        return true;
    json_pos name = json_first(doc, properties);
    while (name != JSON_NONE) {
        json_pos value = json_next(doc, properties, name);
        struct text words;
        if (!read_name(schema, name, &words))
            return false;
        schema->names[value] = name;
        if (words.count > 0)
            note_parameter(schema, &words, value, is_top);
        name = json_next(doc, properties, value);
    }
    return true;
}

/* One of the values that may be given: what it does when it is the name of an action. */
struct choice {
    size_t count;
    size_t verbs; /* that are no nouns as well */
    size_t actions;
};

static enum signal signal_of_choice(enum verb_kind kind)
{
    switch (kind) {
    case VERB_READ:
    case VERB_MAKE:
        return SIGNAL_ENUM_READ;
    case VERB_WRITE:
    case VERB_MANAGE:
        return SIGNAL_ENUM_WRITE;
    case VERB_EXEC:
        return SIGNAL_ENUM_EXEC;
    case VERB_REMOVE:
        return SIGNAL_ENUM_REMOVE;
    case VERB_DESTROY:
        return SIGNAL_ENUM_DESTROY;
    case VERB_SHARE:
    case VERB_ADMIN:
        return SIGNAL_ENUM_ADMIN;
    case VERB_NONE:
    case VERB_SOFT:
    case VERB_KINDS:
        break;
    }
    return SIGNALS;
}

static size_t action_in(const struct text *value)
{
    for (size_t i = 0; i < value->count; i++) {
        const struct lexeme *lexeme = value->words[i].lexeme;
        if (lexeme != NULL && lexeme->verb > VERB_SOFT && (lexeme->forms & FORM_BASE) != 0 &&
            (i == 0 || i + 1 == value->count))
            return i;
    }
    return value->count;
}

static void count_choice(const struct text *value, struct choice *choice)
{
    size_t at = action_in(value);
    choice->count++;
    if (at == value->count)
        return;
    choice->actions++;
    choice->verbs +=
        !value->words[at].lexeme->is_noun || value->words[at].lexeme->verb == VERB_DESTROY;
}

static void note_choice(struct schema *schema, const struct text *value, bool is_action)
{
    size_t at = action_in(value);
    if (at == value->count)
        return;
    const struct lexeme *verb = value->words[at].lexeme;
    struct object object = classify_object(value->words, value->count, at + 1);
    enum signal signal = signal_of_choice((enum verb_kind)verb->verb);
    /* "dropIndexSuggestions" is a thing one asks for; "block" beside others may be one. */
    if (object.head != NULL && noun_of(object.head) == NOUN_KNOWLEDGE)
        signal = SIGNAL_ENUM_READ;
    if (signal == SIGNAL_ENUM_ADMIN && verb->is_noun && !is_action)
        signal = SIGNALS;
    if (signal != SIGNALS)
        findings_add(schema->findings, signal, IN_VALUE, value->words[at].text);
    if (verb->verb >= VERB_WRITE && verb->verb != VERB_EXEC && object.head != NULL &&
        classify_object_is_sensitive(&object, schema->findings))
        findings_add(schema->findings, SIGNAL_ENUM_ADMIN, IN_VALUE, object.head->text);
}

static void note_value(struct schema *schema, const struct text *value)
{
    for (size_t i = 0; i < value->count; i++) {
        const struct text_word *word = &value->words[i];
        if (noun_of(word) >= NOUN_ACCESS)
            findings_add(schema->findings, SIGNAL_ENUM_SENSITIVE, IN_VALUE, word->text);
        if (value->count == 1 && IS_ONE_OF(word->text, open_values))
            findings_add(schema->findings, SIGNAL_ENUM_OPENS, IN_VALUE, word->text);
    }
}

/* Is it the parameter that says what is done? 0: no name is known. */
static bool names_action(struct schema *schema, json_pos name, bool *ret_is_other)
{
    struct text words;
    *ret_is_other = false;
    if (name == 0 || !read_name(schema, name, &words) || words.count == 0)
        return false;
    const struct text_word *last = &words.words[words.count - 1];
    *ret_is_other = noun_of(last) >= NOUN_ACCESS || IS_ONE_OF(last->text, paging_words) ||
                    str_eq(last->text, STR("scope")) || str_eq(last->text, STR("level")) ||
                    str_eq(last->text, STR("event")) || str_eq(last->text, STR("events"));
    return IS_ONE_OF(last->text, action_words);
}

/* values: an array of values, or one value (const). */
static bool read_values(struct schema *schema, json_pos values, json_pos name)
{
    const struct json_doc *doc = schema->doc;
    struct choice choice = {.count = 0};
    bool is_other;
    bool is_action = names_action(schema, name, &is_other);
    bool is_list = json_is(doc, values, JSON_ARRAY);
    json_pos first = is_list ? json_first(doc, values) : values;
    struct text text;
    for (json_pos at = first; at != JSON_NONE;
         at = is_list ? json_next(doc, values, at) : JSON_NONE) {
        if (!read_name(schema, at, &text))
            return false;
        count_choice(&text, &choice);
        note_value(schema, &text);
    }
    if (is_other || (!is_action && (choice.verbs == 0 || choice.actions * 2 < choice.count)))
        return true;
    for (json_pos at = first; at != JSON_NONE;
         at = is_list ? json_next(doc, values, at) : JSON_NONE) {
        if (!read_name(schema, at, &text))
            return false;
        note_choice(schema, &text, is_action);
    }
    return true;
}

static bool read_text(struct schema *schema, json_pos pos)
{
    struct str raw;
    struct text text;
    struct err err;
    if (!json_is(schema->doc, pos, JSON_STRING))
        return true;
    if (!json_str(schema->doc, pos, schema->findings->arena, &raw) ||
        classify_text_prose(schema->findings->lexicon, raw, schema->findings->arena, &text, &err) !=
            ERR_OK)
        return is_full(schema);
    classify_prose_parameter(schema->findings, &text);
    return true;
}

/* What stands in a parameter belongs to it: items, alternatives. */
static void pass_name(struct schema *schema, json_pos value, json_pos name)
{
    if (name == 0)
        return;
    if (json_is(schema->doc, value, JSON_OBJECT))
        schema->names[value] = name;
    if (!json_is(schema->doc, value, JSON_ARRAY))
        return;
    for (json_pos at = json_first(schema->doc, value); at != JSON_NONE;
         at = json_next(schema->doc, value, at))
        schema->names[at] = name;
}

static bool read_member(struct schema *schema, json_pos object, json_pos name, json_pos value)
{
    const struct json_doc *doc = schema->doc;
    struct str raw = json_raw(doc, name);
    if (str_eq(raw, STR("\"properties\"")))
        return read_properties(schema, value, object == schema->root);
    if (str_eq(raw, STR("\"enum\"")) || str_eq(raw, STR("\"const\"")))
        return read_values(schema, value, schema->names[object]);
    if (str_eq(raw, STR("\"description\"")) || str_eq(raw, STR("\"title\"")))
        return read_text(schema, value);
    if (str_eq(raw, STR("\"items\"")) || str_eq(raw, STR("\"anyOf\"")) ||
        str_eq(raw, STR("\"oneOf\"")) || str_eq(raw, STR("\"allOf\"")))
        pass_name(schema, value, schema->names[object]);
    return true;
}

static bool read_object(struct schema *schema, json_pos object)
{
    json_pos name = json_first(schema->doc, object);
    while (name != JSON_NONE) {
        json_pos value = json_next(schema->doc, object, name);
        if (!read_member(schema, object, name, value))
            return false;
        name = json_next(schema->doc, object, value);
    }
    return true;
}

static void conclude(struct schema *schema, json_pos root)
{
    struct findings *findings = schema->findings;
    if (!json_is(schema->doc, root, JSON_OBJECT)) {
        findings_add(findings, SIGNAL_SCHEMA_ODD, IN_PARAMETER, STR_NONE);
        return;
    }
    json_pos properties = json_get(schema->doc, root, STR("properties"));
    if (properties != JSON_NONE && !json_is(schema->doc, properties, JSON_OBJECT))
        findings_add(findings, SIGNAL_SCHEMA_ODD, IN_PARAMETER, STR_NONE);
    if (schema->parameters == 0)
        findings_add(findings, SIGNAL_PARAM_NONE, IN_PARAMETER, STR_NONE);
    if (schema->has_method && schema->has_address)
        findings_add(findings, SIGNAL_PASSTHROUGH, IN_PARAMETER, STR("method"));
    if (schema->has_action && !schema->has_choice)
        findings_add(findings, SIGNAL_ACTION_FREE, IN_PARAMETER, STR_NONE);
}

/* All objects of the schema in document order, wherever they stand: behind $ref, in alternatives,
 * deep inside. What no rule of JSON Schema leads to is looked at, too. */
void classify_schema(struct findings *findings, const struct json_doc *doc, json_pos root)
{
    struct schema schema = {.findings = findings, .doc = doc, .root = root};
    if (root == JSON_NONE || !json_is(doc, root, JSON_OBJECT)) {
        conclude(&schema, root);
        return;
    }
    schema.names = arena_calloc(findings->arena, doc->count, sizeof *schema.names);
    if (schema.names == NULL) {
        findings->is_full = true;
        return;
    }
    for (json_pos at = root; at < doc->values[root].next; at++)
        if (json_is(doc, at, JSON_OBJECT) && !read_object(&schema, at))
            return;
    conclude(&schema, root);
}
