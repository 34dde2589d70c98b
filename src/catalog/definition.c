#include "catalog/definition.h"

#include "base/crypto.h"
#include "catalog/canonical.h"

/* The pinned members, sorted as the canonical form sorts. */
static const struct pinned {
    struct str name;
    enum json_type type;
    bool is_required;
} pinned[] = {
    {STR_INIT("annotations"), JSON_OBJECT, false},  {STR_INIT("description"), JSON_STRING, false},
    {STR_INIT("inputSchema"), JSON_OBJECT, true},   {STR_INIT("name"), JSON_STRING, true},
    {STR_INIT("outputSchema"), JSON_OBJECT, false}, {STR_INIT("title"), JSON_STRING, false},
};

static const char *type_word(enum json_type type)
{
    return type == JSON_STRING ? "a string" : "an object";
}

/* An absent member, or null where a member may be absent: real servers write null for absent. */
static enum err_code check_members(const struct json_doc *doc, json_pos tool, struct err *err)
{
    if (!json_is(doc, tool, JSON_OBJECT))
        return err_set(err, ERR_INVALID, "a tool is no JSON object");
    for (size_t i = 0; i < ARRAY_LEN(pinned); i++) {
        json_pos member = json_get(doc, tool, pinned[i].name);
        if (member == JSON_NONE && !pinned[i].is_required)
            continue;
        if (json_is(doc, member, JSON_NULL) && !pinned[i].is_required)
            continue;
        if (!json_is(doc, member, pinned[i].type))
            return err_set(err, ERR_INVALID, "a tool's " STR_FMT " is not %s",
                           STR_ARG(pinned[i].name), type_word(pinned[i].type));
    }
    return ERR_OK;
}

static enum err_code check_name(struct str name, struct err *err)
{
    if (name.len == 0 || name.len > DEFINITION_MAX_NAME_BYTES)
        return err_set(err, ERR_INVALID, "a tool's name has %zu bytes; 1 to %d are expected",
                       name.len, DEFINITION_MAX_NAME_BYTES);
    for (size_t i = 0; i < name.len; i++)
        if ((unsigned char)name.ptr[i] < 0x20 || name.ptr[i] == 0x7f)
            return err_set(err, ERR_INVALID, "a tool's name holds a control character");
    /* U+FFFD stands where a lone surrogate was: the name could not be said back to the server. */
    if (!str_is_utf8(name) || str_find_str(name, STR("\xef\xbf\xbd")) < name.len)
        return err_set(err, ERR_INVALID, "a tool's name is no whole Unicode text");
    return ERR_OK;
}

static enum err_code no_memory(struct err *err)
{
    return err_set(err, ERR_LIMIT, "no memory left for the definition of a tool");
}

static enum err_code write_pinned(const struct json_doc *doc, json_pos tool, struct arena *arena,
                                  struct buf *out, struct err *err)
{
    bool is_first = true;
    buf_add_byte(out, '{');
    for (size_t i = 0; i < ARRAY_LEN(pinned); i++) {
        json_pos member = json_get(doc, tool, pinned[i].name);
        if (member == JSON_NONE)
            continue;
        if (!is_first)
            buf_add_byte(out, ',');
        is_first = false;
        buf_printf(out, "\"" STR_FMT "\":", STR_ARG(pinned[i].name));
        enum err_code code = canonical_write(doc, member, arena, out, err);
        if (code != ERR_OK)
            return code;
    }
    buf_add_byte(out, '}');
    return out->failed ? no_memory(err) : ERR_OK;
}

static enum err_code pin(const struct json_doc *doc, json_pos tool, struct arena *arena,
                         struct definition *definition, struct err *err)
{
    struct buf out;
    buf_init(&out, definition->raw.len * 3 + 64); /* a form feed (\\f) becomes six bytes */
    enum err_code code = write_pinned(doc, tool, arena, &out, err);
    if (code == ERR_OK) {
        definition->canonical = arena_dup(arena, buf_str(&out));
        if (definition->canonical.ptr == NULL)
            code = no_memory(err);
    }
    buf_done(&out);
    if (code == ERR_OK)
        crypto_sha256(definition->canonical, definition->hash);
    return code;
}

static json_pos object_or_none(const struct json_doc *doc, json_pos tool, struct str name)
{
    json_pos pos = json_get(doc, tool, name);
    return json_is(doc, pos, JSON_OBJECT) ? pos : JSON_NONE;
}

static struct str read_text(const struct json_doc *doc, json_pos tool, struct str name,
                            struct arena *arena)
{
    struct str text = STR_NONE;
    return json_str(doc, json_get(doc, tool, name), arena, &text) ? text : STR_NONE;
}

enum err_code definition_read(const struct json_doc *doc, json_pos tool, struct arena *arena,
                              struct definition *ret_definition, struct err *err)
{
    enum err_code code = check_members(doc, tool, err);
    if (code != ERR_OK)
        return code;
    struct definition definition = {
        .name = read_text(doc, tool, STR("name"), arena),
        .title = read_text(doc, tool, STR("title"), arena),
        .description = read_text(doc, tool, STR("description"), arena),
        .input_schema = object_or_none(doc, tool, STR("inputSchema")),
        .output_schema = object_or_none(doc, tool, STR("outputSchema")),
        .annotations = object_or_none(doc, tool, STR("annotations")),
        .raw = json_raw(doc, tool),
    };
    code = check_name(definition.name, err);
    if (code == ERR_OK)
        code = pin(doc, tool, arena, &definition, err);
    if (code == ERR_OK)
        *ret_definition = definition;
    return code;
}
