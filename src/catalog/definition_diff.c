#include "catalog/definition_diff.h"

#include "catalog/definition.h"

enum { MAX_SHOWN_BYTES = 120 };

static const struct {
    const char *word;
    enum severity severity;
    const char *meaning;
} kinds[] = {
#define X(name, word, severity, meaning) [name] = {word, severity, meaning},
#include "catalog/definition_changes.def"
#undef X
};

/* One definition in its canonical form: equal values have equal bytes. */
struct side {
    struct json_doc doc;
};

struct differ {
    struct arena *arena;
    struct side before;
    struct side after;
    struct definition_diff *diff;
    bool has_failed; /* the arena is full */
};

static struct str raw(const struct side *side, json_pos pos)
{
    return pos == JSON_NONE ? STR_NONE : json_raw(&side->doc, pos);
}

static void add(struct differ *d, enum definition_change_kind kind, struct str path,
                struct str before, struct str after)
{
    struct definition_diff *diff = d->diff;
    if (kinds[kind].severity > diff->severity)
        diff->severity = kinds[kind].severity;
    if (diff->count == DEFINITION_DIFF_MAX) {
        diff->is_cut = true;
        return;
    }
    diff->changes[diff->count++] =
        (struct definition_change){.kind = kind, .path = path, .before = before, .after = after};
}

/* Where both sides stand in the schema. */
struct place {
    json_pos before;
    json_pos after;
    struct str path;
};

static struct str path_of(struct differ *d, struct str path, const char *sep, struct str name)
{
    struct str text =
        path.len == 0 && name.len > 0
            ? arena_dup(d->arena, name)
            : arena_printf(d->arena, STR_FMT "%s" STR_FMT, STR_ARG(path), sep, STR_ARG(name));
    d->has_failed = d->has_failed || text.ptr == NULL;
    return text;
}

static struct place member_of(const struct differ *d, const struct place *place, struct str name)
{
    return (struct place){
        .before = json_get(&d->before.doc, place->before, name),
        .after = json_get(&d->after.doc, place->after, name),
        .path = place->path,
    };
}

static bool is_same(const struct differ *d, const struct place *place)
{
    return (place->before == JSON_NONE) == (place->after == JSON_NONE) &&
           str_eq(raw(&d->before, place->before), raw(&d->after, place->after));
}

static void add_at(struct differ *d, enum definition_change_kind kind, const struct place *place)
{
    add(d, kind, place->path, raw(&d->before, place->before), raw(&d->after, place->after));
}

/* Does the array hold a value with these canonical bytes? What is no array is its only element. */
static bool holds(const struct side *side, json_pos list, struct str value)
{
    if (!json_is(&side->doc, list, JSON_ARRAY))
        return str_eq(raw(side, list), value);
    for (json_pos pos = json_first(&side->doc, list); pos != JSON_NONE;
         pos = json_next(&side->doc, list, pos))
        if (str_eq(json_raw(&side->doc, pos), value))
            return true;
    return false;
}

/* Is each of the values of inner in outer? */
static bool is_within(const struct side *inner, json_pos list, const struct side *outer,
                      json_pos other)
{
    if (!json_is(&inner->doc, list, JSON_ARRAY))
        return holds(outer, other, raw(inner, list));
    for (json_pos pos = json_first(&inner->doc, list); pos != JSON_NONE;
         pos = json_next(&inner->doc, list, pos))
        if (!holds(outer, other, json_raw(&inner->doc, pos)))
            return false;
    return true;
}

/* enum, type: a set of what is taken; without it everything is. */
static void diff_set(struct differ *d, const struct place *place)
{
    if (place->after == JSON_NONE ||
        (place->before != JSON_NONE &&
         !is_within(&d->after, place->after, &d->before, place->before)))
        add_at(d, CHANGE_WIDENED, place);
    else
        add_at(d, CHANGE_NARROWED, place);
}

/* A limit that is there takes something away; one that is another may have let something in. */
static void diff_limit(struct differ *d, const struct place *place)
{
    add_at(d, place->before == JSON_NONE ? CHANGE_NARROWED : CHANGE_WIDENED, place);
}

/* false closes an object (or a list); all else opens it. */
static void diff_opening(struct differ *d, const struct place *place)
{
    bool is_closed = json_is(&d->after.doc, place->after, JSON_FALSE);
    add_at(d, is_closed ? CHANGE_NARROWED : CHANGE_WIDENED, place);
}

static void diff_text(struct differ *d, const struct place *place)
{
    add_at(d, CHANGE_PARAMETER_TEXT, place);
}

static void diff_preset(struct differ *d, const struct place *place)
{
    add_at(d, CHANGE_PRESET, place);
}

static void diff_header(struct differ *d, const struct place *place)
{
    add_at(d, CHANGE_HEADER, place);
}

static void diff_other(struct differ *d, const struct place *place)
{
    add_at(d, CHANGE_OTHER, place);
}

static void diff_schema(struct differ *d, const struct place *place);

static void diff_items(struct differ *d, const struct place *place)
{
    struct place inner = *place;
    if (!json_is(&d->before.doc, place->before, JSON_OBJECT) ||
        !json_is(&d->after.doc, place->after, JSON_OBJECT)) {
        diff_limit(d, place);
        return;
    }
    inner.path = path_of(d, place->path, "[]", STR_NONE);
    diff_schema(d, &inner);
}

/* Is the property in the list of those that must be given? */
static bool is_required(const struct side *side, json_pos schema, struct str name)
{
    json_pos list = json_get(&side->doc, schema, STR("required"));
    return list != JSON_NONE && json_is(&side->doc, list, JSON_ARRAY) && holds(side, list, name);
}

/* name: canonical, quoted. */
static void diff_property(struct differ *d, const struct place *schema, struct place *property,
                          struct str name)
{
    bool was_required = is_required(&d->before, schema->before, name);
    bool must_be_given = is_required(&d->after, schema->after, name);
    if (property->before == JSON_NONE)
        add_at(d, must_be_given ? CHANGE_REQUIRED_ADDED : CHANGE_OPTIONAL_ADDED, property);
    else if (property->after == JSON_NONE)
        add_at(d, CHANGE_REMOVED, property);
    else if (was_required != must_be_given)
        add_at(d, must_be_given ? CHANGE_MADE_REQUIRED : CHANGE_MADE_OPTIONAL, property);
    if (property->before != JSON_NONE && property->after != JSON_NONE && !is_same(d, property))
        diff_schema(d, property);
}

/* The properties that `side` has; those that both have count once, with the side before. */
static void diff_properties_of(struct differ *d, const struct place *schema,
                               const struct place *properties, bool is_after)
{
    const struct side *side = is_after ? &d->after : &d->before;
    json_pos object = is_after ? properties->after : properties->before;
    for (json_pos pos = json_first(&side->doc, object); pos != JSON_NONE && !d->has_failed;) {
        json_pos value = json_next(&side->doc, object, pos);
        struct str name = STR_NONE;
        d->has_failed = !json_str(&side->doc, pos, d->arena, &name);
        struct place property = member_of(d, properties, name);
        property.path = path_of(d, schema->path, ".", name);
        if (!is_after || property.before == JSON_NONE)
            diff_property(d, schema, &property, json_raw(&side->doc, pos));
        pos = json_next(&side->doc, object, value);
    }
}

static const struct keyword {
    struct str name;
    void (*diff)(struct differ *d, const struct place *place);
} keywords[] = {
    {STR_INIT("type"), diff_set},
    {STR_INIT("enum"), diff_set},
    {STR_INIT("items"), diff_items},
    {STR_INIT("description"), diff_text},
    {STR_INIT("title"), diff_text},
    {STR_INIT("$comment"), diff_text},
    {STR_INIT("default"), diff_preset},
    {STR_INIT("examples"), diff_preset},
    {STR_INIT("x-mcp-header"), diff_header},
    {STR_INIT("additionalProperties"), diff_opening},
    {STR_INIT("unevaluatedProperties"), diff_opening},
    {STR_INIT("additionalItems"), diff_opening},
    {STR_INIT("const"), diff_limit},
    {STR_INIT("format"), diff_limit},
    {STR_INIT("pattern"), diff_limit},
    {STR_INIT("minimum"), diff_limit},
    {STR_INIT("maximum"), diff_limit},
    {STR_INIT("exclusiveMinimum"), diff_limit},
    {STR_INIT("exclusiveMaximum"), diff_limit},
    {STR_INIT("multipleOf"), diff_limit},
    {STR_INIT("minLength"), diff_limit},
    {STR_INIT("maxLength"), diff_limit},
    {STR_INIT("minItems"), diff_limit},
    {STR_INIT("maxItems"), diff_limit},
    {STR_INIT("uniqueItems"), diff_limit},
    {STR_INIT("minProperties"), diff_limit},
    {STR_INIT("maxProperties"), diff_limit},
};

static const struct keyword *find_keyword(struct str name)
{
    static const struct keyword other = {STR_INIT(""), diff_other};
    for (size_t i = 0; i < ARRAY_LEN(keywords); i++)
        if (str_eq(keywords[i].name, name))
            return &keywords[i];
    return &other;
}

/* `properties` and `required` are judged together; only what is said of properties that are not
 * there is left then. */
static bool is_properties(const struct differ *d, struct str name, const struct place *place)
{
    if (str_eq(name, STR("properties")))
        return (place->before == JSON_NONE ||
                json_is(&d->before.doc, place->before, JSON_OBJECT)) &&
               (place->after == JSON_NONE || json_is(&d->after.doc, place->after, JSON_OBJECT));
    return false;
}

/* Names in `required` that no property has: they are parameters, too. */
static void diff_required(struct differ *d, const struct place *schema, const struct place *list)
{
    json_pos properties = json_get(&d->after.doc, schema->after, STR("properties"));
    struct place place = *list;
    if (!json_is(&d->after.doc, list->after, JSON_ARRAY)) {
        if (list->after != JSON_NONE)
            add_at(d, CHANGE_OTHER, list);
        return;
    }
    for (json_pos pos = json_first(&d->after.doc, list->after); pos != JSON_NONE;
         pos = json_next(&d->after.doc, list->after, pos)) {
        struct str name = STR_NONE;
        if (!json_str(&d->after.doc, pos, d->arena, &name) ||
            json_get(&d->after.doc, properties, name) != JSON_NONE ||
            is_required(&d->before, schema->before, json_raw(&d->after.doc, pos)))
            continue;
        place.path = path_of(d, schema->path, ".", name);
        add(d, CHANGE_REQUIRED_ADDED, place.path, STR_NONE, json_raw(&d->after.doc, pos));
    }
}

static void diff_keyword(struct differ *d, const struct place *schema, struct str name)
{
    struct place place = member_of(d, schema, name);
    if (is_properties(d, name, &place)) {
        diff_properties_of(d, schema, &place, false);
        diff_properties_of(d, schema, &place, true);
    } else if (str_eq(name, STR("required"))) {
        diff_required(d, schema, &place);
    } else if (!is_same(d, &place)) {
        find_keyword(name)->diff(d, &place);
    }
}

/* The keywords that `side` has; those that both have count once, with the side before. */
static void diff_keywords_of(struct differ *d, const struct place *schema, bool is_after)
{
    const struct side *side = is_after ? &d->after : &d->before;
    json_pos object = is_after ? schema->after : schema->before;
    for (json_pos pos = json_first(&side->doc, object); pos != JSON_NONE && !d->has_failed;) {
        json_pos value = json_next(&side->doc, object, pos);
        struct str name = STR_NONE;
        d->has_failed = !json_str(&side->doc, pos, d->arena, &name);
        if (!is_after || json_get(&d->before.doc, schema->before, name) == JSON_NONE)
            diff_keyword(d, schema, name);
        pos = json_next(&side->doc, object, value);
    }
}

/* Both are there and differ. Never deeper than canonical_write() went. */
static void diff_schema(struct differ *d, const struct place *place)
{
    size_t count = d->diff->count;
    bool was_cut = d->diff->is_cut;
    if (!json_is(&d->before.doc, place->before, JSON_OBJECT) ||
        !json_is(&d->after.doc, place->after, JSON_OBJECT)) {
        add_at(d, CHANGE_OTHER, place);
        return;
    }
    diff_keywords_of(d, place, false);
    diff_keywords_of(d, place, true);
    if (count == d->diff->count && was_cut == d->diff->is_cut)
        add_at(d, CHANGE_OTHER, place); /* they differ, and no rule above saw where */
}

static void diff_annotations(struct differ *d, const struct place *annotations, bool is_after)
{
    const struct side *side = is_after ? &d->after : &d->before;
    json_pos object = is_after ? annotations->after : annotations->before;
    for (json_pos pos = json_first(&side->doc, object); pos != JSON_NONE && !d->has_failed;) {
        json_pos value = json_next(&side->doc, object, pos);
        struct str name = STR_NONE;
        d->has_failed = !json_str(&side->doc, pos, d->arena, &name);
        struct place hint = member_of(d, annotations, name);
        hint.path = name;
        bool is_title = str_eq(name, STR("title"));
        if ((!is_after || hint.before == JSON_NONE) && !is_same(d, &hint))
            add_at(d, is_title ? CHANGE_TITLE : CHANGE_ANNOTATION, &hint);
        pos = json_next(&side->doc, object, value);
    }
}

static void diff_members(struct differ *d)
{
    static const struct {
        struct str name;
        enum definition_change_kind kind;
    } members[] = {
        {STR_INIT("name"), CHANGE_NAME},
        {STR_INIT("title"), CHANGE_TITLE},
        {STR_INIT("description"), CHANGE_DESCRIPTION},
        {STR_INIT("outputSchema"), CHANGE_OUTPUT},
    };
    const struct place root = {.path = STR_NONE};
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        struct place place = member_of(d, &root, members[i].name);
        if (!is_same(d, &place))
            add_at(d, members[i].kind, &place);
    }
    struct place annotations = member_of(d, &root, STR("annotations"));
    size_t count = d->diff->count;
    diff_annotations(d, &annotations, false);
    diff_annotations(d, &annotations, true);
    if (!is_same(d, &annotations) && d->diff->count == count)
        add_at(d, CHANGE_ANNOTATION, &annotations); /* {} or null is not nothing */
    struct place schema = member_of(d, &root, STR("inputSchema"));
    if (!is_same(d, &schema))
        diff_schema(d, &schema);
}

static enum err_code no_memory(struct err *err)
{
    return err_set(err, ERR_LIMIT, "no memory left to compare two definitions");
}

/* Looking up names takes the square of the members. */
static const struct json_limits limits = {.max_bytes = 1 << 22,
                                          .max_depth = 64,
                                          .max_values = 65536,
                                          .max_members = 4096,
                                          .profile = JSON_RESULT};

static enum err_code open_side(struct str text, struct arena *arena, struct side *side,
                               struct err *err)
{
    struct definition definition;
    struct json_doc source;
    enum err_code code = json_parse(text, &limits, arena, &source, err);
    if (code == ERR_OK)
        code = definition_read(&source, 0, arena, &definition, err);
    return code == ERR_OK ? json_parse(definition.canonical, &limits, arena, &side->doc, err)
                          : code;
}

enum err_code definition_diff(struct str before, struct str after, struct arena *arena,
                              struct definition_diff *ret_diff, struct err *err)
{
    struct definition_diff diff = {
        .changes = arena_calloc(arena, DEFINITION_DIFF_MAX, sizeof *diff.changes)};
    struct differ d = {.arena = arena, .diff = &diff};
    if (diff.changes == NULL)
        return no_memory(err);
    enum err_code code = open_side(before, arena, &d.before, err);
    if (code == ERR_OK)
        code = open_side(after, arena, &d.after, err);
    if (code != ERR_OK)
        return err_wrap(err, "compare definitions");
    diff_members(&d);
    if (d.has_failed)
        return no_memory(err);
    *ret_diff = diff;
    return ERR_OK;
}

const char *severity_word(enum severity severity)
{
    static const char *const words[] = {"none", "low", "medium", "high"};
    return (size_t)severity < ARRAY_LEN(words) ? words[severity] : "?";
}

const char *definition_change_word(enum definition_change_kind kind)
{
    return (size_t)kind < ARRAY_LEN(kinds) ? kinds[kind].word : "?";
}

const char *definition_change_meaning(enum definition_change_kind kind)
{
    return (size_t)kind < ARRAY_LEN(kinds) ? kinds[kind].meaning : "?";
}

enum severity definition_change_severity(enum definition_change_kind kind)
{
    return (size_t)kind < ARRAY_LEN(kinds) ? kinds[kind].severity : SEVERITY_HIGH;
}

static void write_value(struct buf *out, struct str value)
{
    if (value.len == 0) {
        buf_add_c(out, "nothing");
        return;
    }
    buf_add(out, str_first(value, MAX_SHOWN_BYTES));
    if (value.len > MAX_SHOWN_BYTES)
        buf_add_c(out, "…");
}

void definition_change_write(const struct definition_change *change, struct buf *out)
{
    buf_printf(out, "%s: %s", severity_word(definition_change_severity(change->kind)),
               definition_change_word(change->kind));
    if (change->path.len > 0)
        buf_printf(out, " of " STR_FMT, STR_ARG(change->path));
    buf_add_c(out, " (");
    write_value(out, change->before);
    buf_add_c(out, " -> ");
    write_value(out, change->after);
    buf_add_byte(out, ')');
}
