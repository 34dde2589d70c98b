/*
 * schema.c - one walk over a schema in document order, with a stack of its own.
 *
 * What a member means depends on where it stands: in a schema a name is a keyword, in `properties`
 * it is the name of an argument, in `default` it is data.
 */
#include "mcp/schema.h"

#include "mcp/mcp_priv.h"

enum { MAX_PATH = 16, MAX_NESTING = 128 };

enum place {
    IN_CHAIN,       /* a schema reached through `properties` alone */
    IN_SCHEMA,      /* any other schema */
    IN_CHAIN_NAMES, /* `properties` of a schema IN_CHAIN */
    IN_NAMES,       /* any other map from names to schemas */
};

struct frame {
    json_pos container;
    json_pos at; /* child to look at next; of an object: its name */
    enum place place;
    uint32_t depth; /* how many names of the path are set */
};

struct walk {
    const struct json_doc *doc;
    struct arena *arena;
    struct err *err;
    struct schema_param params[SCHEMA_MAX_PARAMS];
    uint32_t count;
    struct frame stack[MAX_NESTING];
    size_t height;
    struct str path[MAX_PATH];
};

static enum err_code push(struct walk *walk, json_pos pos, enum place place, uint32_t depth)
{
    json_pos first = json_first(walk->doc, pos);
    if (first == JSON_NONE)
        return ERR_OK;
    if (walk->height == MAX_NESTING)
        return err_set(walk->err, ERR_INVALID, "the schema nests too deep");
    walk->stack[walk->height++] = (struct frame){pos, first, place, depth};
    return ERR_OK;
}

/* 1*tchar, RFC 9110 §5.6.2. */
static bool is_token(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool is_alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_alnum && (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL))
            return false;
    }
    return text.len >= 1 && text.len <= SCHEMA_MAX_HEADER_BYTES;
}

static bool is_taken(const struct walk *walk, struct str header)
{
    for (uint32_t i = 0; i < walk->count; i++) {
        if (str_eq_nocase(walk->params[i].header, header))
            return true;
    }
    return false;
}

static bool read_type(const struct json_doc *doc, json_pos schema, enum schema_type *ret_type)
{
    static const struct str words[] = {
        [SCHEMA_STRING] = STR_INIT("string"),
        [SCHEMA_INTEGER] = STR_INIT("integer"),
        [SCHEMA_BOOLEAN] = STR_INIT("boolean"),
    };
    json_pos type = json_get(doc, schema, STR("type"));
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (json_str_is(doc, type, words[i])) {
            *ret_type = (enum schema_type)i;
            return true;
        }
    }
    return false;
}

static enum err_code full(struct walk *walk)
{
    return err_set(walk->err, ERR_LIMIT, "read a schema: request memory is used up");
}

static enum err_code keep_param(struct walk *walk, struct str header, enum schema_type type,
                                uint32_t depth)
{
    struct str *path = arena_calloc(walk->arena, depth, sizeof *path);
    if (path == NULL)
        return full(walk);
    memcpy(path, walk->path, depth * sizeof *path);
    walk->params[walk->count++] = (struct schema_param){header, type, path, depth};
    return ERR_OK;
}

static enum err_code add_annotation(struct walk *walk, const struct frame *frame, json_pos value)
{
    struct str header;
    enum schema_type type;
    if (frame->place != IN_CHAIN || frame->depth == 0)
        return err_set(walk->err, ERR_INVALID,
                       "x-mcp-header stands where no chain of properties leads");
    if (!json_is(walk->doc, value, JSON_STRING))
        return err_set(walk->err, ERR_INVALID, "x-mcp-header is no string");
    if (!json_str(walk->doc, value, walk->arena, &header))
        return full(walk);
    if (!is_token(header))
        return err_set(walk->err, ERR_INVALID, "x-mcp-header is no header token");
    if (!read_type(walk->doc, frame->container, &type))
        return err_set(walk->err, ERR_INVALID,
                       "x-mcp-header on what is no string, integer or boolean");
    if (is_taken(walk, header))
        return err_set(walk->err, ERR_INVALID, "two x-mcp-header have one name");
    if (walk->count == SCHEMA_MAX_PARAMS)
        return err_set(walk->err, ERR_INVALID, "more than %d x-mcp-header", SCHEMA_MAX_PARAMS);
    return keep_param(walk, header, type, frame->depth);
}

static bool is_one_of(const struct json_doc *doc, json_pos name, const struct str *words,
                      size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (json_str_is(doc, name, words[i]))
            return true;
    }
    return false;
}

static enum err_code visit_keyword(struct walk *walk, const struct frame *frame, json_pos name)
{
    static const struct str data[] = {STR_INIT("const"), STR_INIT("default"), STR_INIT("enum"),
                                      STR_INIT("examples"), STR_INIT("example")};
    static const struct str maps[] = {STR_INIT("properties"), STR_INIT("patternProperties"),
                                      STR_INIT("$defs"), STR_INIT("definitions"),
                                      STR_INIT("dependentSchemas")};
    const struct json_doc *doc = walk->doc;
    json_pos value = name + 1;
    if (json_str_is(doc, name, STR("x-mcp-header")))
        return add_annotation(walk, frame, value);
    if (is_one_of(doc, name, data, ARRAY_LEN(data)))
        return ERR_OK;
    if (frame->place == IN_CHAIN && json_str_is(doc, name, maps[0]) &&
        json_is(doc, value, JSON_OBJECT))
        return push(walk, value, IN_CHAIN_NAMES, frame->depth);
    bool is_map = json_is(doc, value, JSON_OBJECT) && is_one_of(doc, name, maps, ARRAY_LEN(maps));
    return push(walk, value, is_map ? IN_NAMES : IN_SCHEMA, frame->depth);
}

static enum err_code visit_property(struct walk *walk, const struct frame *frame, json_pos name)
{
    json_pos value = name + 1;
    if (frame->place == IN_NAMES || frame->depth == MAX_PATH ||
        !json_is(walk->doc, value, JSON_OBJECT))
        return push(walk, value, IN_SCHEMA, frame->depth);
    if (!json_str(walk->doc, name, walk->arena, &walk->path[frame->depth]))
        return full(walk);
    return push(walk, value, IN_CHAIN, frame->depth + 1);
}

static enum err_code visit(struct walk *walk, const struct frame *frame)
{
    if (json_is(walk->doc, frame->container, JSON_ARRAY))
        return push(walk, frame->at, IN_SCHEMA, frame->depth);
    if (frame->place == IN_CHAIN || frame->place == IN_SCHEMA)
        return visit_keyword(walk, frame, frame->at);
    return visit_property(walk, frame, frame->at);
}

/* The frame steps on before its child is visited, because that may put another frame on top. */
static enum err_code walk_on(struct walk *walk)
{
    while (walk->height > 0) {
        struct frame *top = &walk->stack[walk->height - 1];
        if (top->at == JSON_NONE) {
            walk->height--;
            continue;
        }
        struct frame now = *top;
        bool is_array = json_is(walk->doc, now.container, JSON_ARRAY);
        top->at = json_next(walk->doc, now.container, is_array ? now.at : now.at + 1);
        enum err_code code = visit(walk, &now);
        if (code != ERR_OK)
            return code;
    }
    return ERR_OK;
}

enum err_code schema_read(const struct json_doc *doc, json_pos schema, struct arena *arena,
                          struct schema_facts *ret_facts, struct err *err)
{
    struct walk walk = {.doc = doc, .arena = arena, .err = err};
    struct schema_param *params = NULL;
    enum err_code code = push(&walk, schema, IN_CHAIN, 0);
    if (code == ERR_OK)
        code = walk_on(&walk);
    if (code != ERR_OK)
        return code;
    if (walk.count > 0) {
        params = arena_calloc(arena, walk.count, sizeof *params);
        if (params == NULL)
            return full(&walk);
        memcpy(params, walk.params, walk.count * sizeof *params);
    }
    *ret_facts = (struct schema_facts){params, walk.count};
    return ERR_OK;
}

json_pos schema_argument(const struct json_doc *doc, json_pos arguments,
                         const struct schema_param *param)
{
    json_pos at = arguments;
    for (uint32_t i = 0; i < param->depth; i++)
        at = json_get(doc, at, param->path[i]);
    return json_is(doc, at, JSON_NULL) ? JSON_NONE : at;
}
