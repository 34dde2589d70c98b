#include "mcp/tool.h"

#include "mcp/mcp_priv.h"

#include <stdlib.h>

enum { MAX_DROPPED_NAME_BYTES = 128, SCRATCH_BYTES = 16 * 1024 * 1024 };

static const struct json_limits definition_limits = {
    .max_bytes = TOOL_MAX_BYTES,
    .max_depth = 64,
    .max_values = 65536,
    .max_members = 4096,
    .profile = JSON_RESULT,
};

static enum err_code full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "read a tool: request memory is used up");
}

static enum mcp_hint read_hint(const struct json_doc *doc, json_pos annotations, struct str name)
{
    bool value;
    if (!json_bool(doc, json_get(doc, annotations, name), &value))
        return MCP_HINT_NONE;
    return value ? MCP_HINT_TRUE : MCP_HINT_FALSE;
}

/* Optional: anything but a string counts as none. False: arena full. */
static bool read_optional(const struct json_doc *doc, json_pos pos, struct arena *arena,
                          struct str *ret_text)
{
    return !json_is(doc, pos, JSON_STRING) || json_str(doc, pos, arena, ret_text);
}

static enum err_code read_texts(const struct json_doc *doc, struct arena *arena,
                                struct mcp_tool *tool, struct err *err)
{
    json_pos annotations = json_get(doc, 0, STR("annotations"));
    json_pos title = json_get(doc, 0, STR("title"));
    if (title == JSON_NONE)
        title = json_get(doc, annotations, STR("title"));
    if (!read_optional(doc, title, arena, &tool->title) ||
        !read_optional(doc, json_get(doc, 0, STR("description")), arena, &tool->description))
        return full(err);
    tool->read_only = read_hint(doc, annotations, STR("readOnlyHint"));
    tool->destructive = read_hint(doc, annotations, STR("destructiveHint"));
    tool->idempotent = read_hint(doc, annotations, STR("idempotentHint"));
    tool->open_world = read_hint(doc, annotations, STR("openWorldHint"));
    return ERR_OK;
}

/* The exposed name replaces the value of "name" alone; a look-alike would keep the other one. */
static enum err_code check_variants(const struct json_doc *doc, struct err *err)
{
    for (struct member m = member_first(doc, 0); m.name != JSON_NONE; m = member_next(doc, 0, m)) {
        if (json_is_variant(doc, m.name, STR("name")) ||
            json_is_variant(doc, m.name, STR("inputSchema")))
            return err_set(err, ERR_INVALID, "a member is spelled almost like one of MCP");
    }
    return ERR_OK;
}

static enum err_code read_name(const struct json_doc *doc, struct arena *arena,
                               struct mcp_tool *tool, struct err *err)
{
    json_pos name = json_get(doc, 0, STR("name"));
    if (!json_is(doc, name, JSON_STRING))
        return err_set(err, ERR_INVALID, "the tool has no name");
    if (!json_str(doc, name, arena, &tool->name))
        return full(err);
    if (!message_is_tool_name(tool->name))
        return err_set(err, ERR_INVALID,
                       "the name is not 1 to 128 of the characters A-Z a-z 0-9 _ . -");
    tool->name_start = doc->values[name].start;
    tool->name_end = doc->values[name].end;
    return ERR_OK;
}

static enum err_code read_parsed(const struct json_doc *doc, struct arena *arena,
                                 struct mcp_tool *tool, struct err *err)
{
    enum err_code code;
    json_pos schema = json_get(doc, 0, STR("inputSchema"));
    if (!json_is(doc, 0, JSON_OBJECT))
        return err_set(err, ERR_INVALID, "the tool is no object");
    if ((code = check_variants(doc, err)) != ERR_OK ||
        (code = read_name(doc, arena, tool, err)) != ERR_OK)
        return code;
    if (!json_is(doc, schema, JSON_OBJECT))
        return err_set(err, ERR_INVALID, "the tool has no inputSchema");
    if ((code = schema_read(doc, schema, arena, &tool->facts, err)) != ERR_OK)
        return code;
    return read_texts(doc, arena, tool, err);
}

/* Positions of the parser die with the scratch memory: a catalogue keeps thousands of tools. */
enum err_code tool_read(struct str definition, struct arena *arena, struct mcp_tool *ret_tool,
                        struct err *err)
{
    struct json_doc doc;
    struct mcp_tool tool = {.definition = definition};
    CLEANUP(arena_freep) struct arena *scratch = arena_new(SCRATCH_BYTES);
    if (scratch == NULL)
        return full(err);
    enum err_code code = json_parse(definition, &definition_limits, scratch, &doc, err);
    if (code == ERR_LIMIT)
        return err_set(err, ERR_INVALID, "the definition is larger than the limits");
    if (code == ERR_OK)
        code = read_parsed(&doc, arena, &tool, err);
    if (code == ERR_OK)
        *ret_tool = tool;
    return code;
}

struct tool_list {
    struct arena *arena;
    struct mcp_tool *tools;
    size_t count;
    size_t size;
    struct mcp_dropped_tool *dropped;
    size_t dropped_count;
    size_t dropped_size;
    struct str cursors[TOOL_MAX_PAGES];
    size_t page_count;
    size_t seen_count; /* of tools, dropped ones included */
};

struct tool_list *tool_list_new(struct arena *arena)
{
    struct tool_list *list = arena_new_obj(arena, struct tool_list);
    if (list != NULL)
        list->arena = arena;
    return list;
}

/* Room for one more; NULL: arena full. */
static void *grow(struct arena *arena, void *items, size_t count, size_t *size, size_t item_bytes)
{
    if (count < *size)
        return items;
    size_t more = *size == 0 ? 16 : *size * 2;
    void *bigger = arena_calloc(arena, more, item_bytes);
    if (bigger == NULL)
        return NULL;
    if (count > 0)
        memcpy(bigger, items, count * item_bytes);
    *size = more;
    return bigger;
}

static enum err_code drop(struct tool_list *list, struct str name, struct str why, struct err *err)
{
    struct mcp_dropped_tool *dropped =
        grow(list->arena, list->dropped, list->dropped_count, &list->dropped_size, sizeof *dropped);
    if (dropped == NULL)
        return full(err);
    list->dropped = dropped;
    dropped = &list->dropped[list->dropped_count];
    dropped->name = arena_dup(list->arena, str_first(name, MAX_DROPPED_NAME_BYTES));
    dropped->why = arena_dup(list->arena, why);
    if (dropped->name.ptr == NULL || dropped->why.ptr == NULL)
        return full(err);
    list->dropped_count++;
    return ERR_OK;
}

static enum err_code drop_definition(struct tool_list *list, const struct json_doc *doc,
                                     json_pos tool, const char *why, struct err *err)
{
    struct str name = STR_NONE;
    if (!read_optional(doc, json_get(doc, tool, STR("name")), list->arena, &name))
        return full(err);
    return drop(list, name, str_c(why), err);
}

static enum err_code add_tool(struct tool_list *list, const struct json_doc *doc, json_pos pos,
                              struct err *err)
{
    struct err why;
    if (++list->seen_count > TOOL_MAX_COUNT)
        return err_set(err, ERR_LIMIT, "the server lists more than %d tools", TOOL_MAX_COUNT);
    if (json_raw(doc, pos).len > TOOL_MAX_BYTES)
        return drop_definition(list, doc, pos, "the definition is larger than the limits", err);
    struct str definition = arena_dup(list->arena, json_raw(doc, pos));
    struct mcp_tool *tools =
        grow(list->arena, list->tools, list->count, &list->size, sizeof *tools);
    if (definition.ptr == NULL || tools == NULL)
        return full(err);
    list->tools = tools;
    enum err_code code = tool_read(definition, list->arena, &tools[list->count], &why);
    if (code == ERR_INVALID)
        return drop_definition(list, doc, pos, why.text, err);
    if (code != ERR_OK)
        return err_set(err, code, "%s", why.text);
    list->count++;
    return ERR_OK;
}

static enum err_code keep_cursor(struct tool_list *list, struct str cursor, struct err *err)
{
    for (size_t i = 0; i < list->page_count; i++) {
        if (str_eq(list->cursors[i], cursor))
            return err_set(err, ERR_INVALID, "the server gives the same cursor twice");
    }
    if (list->page_count == TOOL_MAX_PAGES)
        return err_set(err, ERR_LIMIT, "the server lists more than %d pages", TOOL_MAX_PAGES);
    struct str kept = arena_dup(list->arena, cursor);
    if (kept.ptr == NULL)
        return full(err);
    list->cursors[list->page_count++] = kept;
    return ERR_OK;
}

static enum err_code read_next_cursor(struct tool_list *list, const struct json_doc *doc,
                                      json_pos result, struct str *ret_cursor, struct err *err)
{
    struct str cursor;
    json_pos pos = json_get(doc, result, STR("nextCursor"));
    if (pos == JSON_NONE || json_is(doc, pos, JSON_NULL)) {
        *ret_cursor = STR_NONE;
        return ERR_OK;
    }
    if (!json_is(doc, pos, JSON_STRING) || json_raw(doc, pos).len > MCP_MAX_CURSOR_BYTES)
        return err_set(err, ERR_INVALID, "nextCursor is no string of up to %d bytes",
                       MCP_MAX_CURSOR_BYTES);
    if (!json_str(doc, pos, list->arena, &cursor))
        return full(err);
    enum err_code code = keep_cursor(list, cursor, err);
    if (code == ERR_OK)
        *ret_cursor = list->cursors[list->page_count - 1];
    return code;
}

static int by_name(const void *a, const void *b)
{
    const struct mcp_tool *const *left = a;
    const struct mcp_tool *const *right = b;
    return str_cmp((*left)->name, (*right)->name);
}

static enum err_code drop_marked(struct tool_list *list, const bool *is_twice, struct err *err)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (!is_twice[i]) {
            list->tools[kept++] = list->tools[i];
            continue;
        }
        enum err_code code =
            drop(list, list->tools[i].name, STR("the server gives this name to two tools"), err);
        if (code != ERR_OK)
            return code;
    }
    list->count = kept;
    return ERR_OK;
}

/* Which of two tools a call would reach is the server's guess, so neither is taken. */
static enum err_code drop_twins(struct tool_list *list, struct err *err)
{
    const struct mcp_tool **sorted = arena_calloc(list->arena, list->count, sizeof *sorted);
    bool *is_twice = arena_calloc(list->arena, list->count, sizeof *is_twice);
    if (sorted == NULL || is_twice == NULL)
        return full(err);
    for (size_t i = 0; i < list->count; i++)
        sorted[i] = &list->tools[i];
    qsort(sorted, list->count, sizeof *sorted, by_name);
    for (size_t i = 1; i < list->count; i++) {
        if (str_eq(sorted[i - 1]->name, sorted[i]->name))
            is_twice[sorted[i - 1] - list->tools] = is_twice[sorted[i] - list->tools] = true;
    }
    return drop_marked(list, is_twice, err);
}

enum err_code tool_list_add(struct tool_list *list, const struct mcp_message *response,
                            struct str *ret_cursor, struct err *err)
{
    const struct json_doc *doc = &response->doc;
    json_pos tools = json_get(doc, response->result, STR("tools"));
    if (response->kind != MCP_RESPONSE || !json_is(doc, tools, JSON_ARRAY))
        return err_set(err, ERR_INVALID, "the answer to tools/list has no array of tools");
    for (json_pos at = json_first(doc, tools); at != JSON_NONE; at = json_next(doc, tools, at)) {
        enum err_code code = add_tool(list, doc, at, err);
        if (code != ERR_OK)
            return code;
    }
    enum err_code code = read_next_cursor(list, doc, response->result, ret_cursor, err);
    if (code == ERR_OK && ret_cursor->ptr == NULL && list->count > 0)
        code = drop_twins(list, err);
    return code;
}

const struct mcp_tool *tool_list_tools(struct tool_list *list, size_t *ret_count)
{
    *ret_count = list->count;
    return list->tools;
}

const struct mcp_dropped_tool *tool_list_dropped(struct tool_list *list, size_t *ret_count)
{
    *ret_count = list->dropped_count;
    return list->dropped;
}
