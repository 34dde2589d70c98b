#include "catalog/classify_input.h"

static const struct json_limits limits = {
    .max_bytes = CLASSIFY_INPUT_MAX_LINE,
    .max_depth = 64,
    .max_values = CLASSIFY_INPUT_MAX_VALUES,
    .max_members = 65536,
    .profile = JSON_RESULT,
};

struct reader {
    struct arena *arena;
    struct str fallback;
    struct classify_input input;
    size_t tools_size;
    size_t problems_size;
};

static enum err_code no_memory(struct err *err)
{
    return err_set(err, ERR_LIMIT, "read tools: memory is used up");
}

/* Room for one more; NULL: arena is full. */
static void *grow(struct arena *arena, void *items, size_t count, size_t *size, size_t item_bytes)
{
    if (count < *size)
        return items;
    size_t more = *size == 0 ? 64 : *size * 2;
    void *bigger = arena_calloc(arena, more, item_bytes);
    if (bigger == NULL)
        return NULL;
    if (count > 0)
        memcpy(bigger, items, count * item_bytes);
    *size = more;
    return bigger;
}

static enum err_code add_problem(struct reader *reader, size_t line, const struct err *problem,
                                 struct err *err)
{
    struct classify_input *input = &reader->input;
    input->problems = grow(reader->arena, input->problems, input->problem_count,
                           &reader->problems_size, sizeof *input->problems);
    if (input->problems == NULL)
        return no_memory(err);
    input->problems[input->problem_count++] =
        (struct classify_input_problem){.line = line, .err = *problem};
    return ERR_OK;
}

/* Empty when it is no string. False: arena is full. */
static bool read_string(struct reader *reader, const struct json_doc *doc, json_pos pos,
                        struct str *ret_text)
{
    *ret_text = STR_NONE;
    return !json_is(doc, pos, JSON_STRING) || json_str(doc, pos, reader->arena, ret_text);
}

static enum err_code add_tool(struct reader *reader, const struct json_doc *doc, json_pos pos,
                              struct err *err)
{
    struct classify_input *input = &reader->input;
    struct classify_input_tool tool = {.doc = doc, .pos = pos};
    input->tools = grow(reader->arena, input->tools, input->tool_count, &reader->tools_size,
                        sizeof *input->tools);
    if (input->tools == NULL ||
        !read_string(reader, doc, json_get(doc, pos, STR("server")), &tool.server) ||
        !read_string(reader, doc, json_get(doc, pos, STR("name")), &tool.name))
        return no_memory(err);
    if (tool.server.len == 0)
        tool.server = reader->fallback;
    input->tools[input->tool_count++] = tool;
    return ERR_OK;
}

/* The array of a tools/list result, of a response that holds one, or the root itself; JSON_NONE:
 * none of these. */
static json_pos find_list(const struct json_doc *doc)
{
    json_pos tools = json_get(doc, 0, STR("tools"));
    if (json_is(doc, 0, JSON_ARRAY))
        return 0;
    if (!json_is(doc, tools, JSON_ARRAY))
        tools = json_get(doc, json_get(doc, 0, STR("result")), STR("tools"));
    return json_is(doc, tools, JSON_ARRAY) ? tools : JSON_NONE;
}

static enum err_code add_list(struct reader *reader, const struct json_doc *doc, json_pos list,
                              size_t line, struct err *err)
{
    for (json_pos at = json_first(doc, list); at != JSON_NONE; at = json_next(doc, list, at)) {
        struct err problem;
        enum err_code code = ERR_OK;
        if (json_is(doc, at, JSON_OBJECT)) {
            code = add_tool(reader, doc, at, err);
        } else {
            (void)err_set(&problem, ERR_INVALID, "the list holds something that is no object");
            code = add_problem(reader, line, &problem, err);
        }
        if (code != ERR_OK)
            return code;
    }
    return ERR_OK;
}

static enum err_code add_doc(struct reader *reader, const struct json_doc *doc, size_t line,
                             struct err *err)
{
    struct err problem;
    json_pos list = find_list(doc);
    if (list != JSON_NONE)
        return add_list(reader, doc, list, line, err);
    if (json_is(doc, 0, JSON_OBJECT))
        return add_tool(reader, doc, 0, err);
    (void)err_set(&problem, ERR_INVALID, "neither a tool nor a list of tools");
    return add_problem(reader, line, &problem, err);
}

/* *ret_doc is NULL when the text is no JSON; then problem says why. */
static enum err_code parse(struct reader *reader, struct str text, struct json_doc **ret_doc,
                           struct err *problem, struct err *err)
{
    *ret_doc = NULL;
    struct json_doc *doc = arena_new_obj(reader->arena, struct json_doc);
    if (doc == NULL)
        return no_memory(err);
    if (json_parse(text, &limits, reader->arena, doc, problem) == ERR_OK)
        *ret_doc = doc;
    return arena_failed(reader->arena) ? no_memory(err) : ERR_OK;
}

static bool is_blank(struct str line)
{
    for (size_t i = 0; i < line.len; i++)
        if (line.ptr[i] != ' ' && line.ptr[i] != '\t' && line.ptr[i] != '\r')
            return false;
    return true;
}

static enum err_code read_lines(struct reader *reader, struct str text, struct err *err)
{
    enum err_code code = ERR_OK;
    for (size_t line = 1; text.len > 0 && code == ERR_OK; line++) {
        struct err problem;
        struct json_doc *doc;
        struct str one = str_cut(&text, '\n');
        if (is_blank(one))
            continue;
        code = parse(reader, one, &doc, &problem, err);
        if (code != ERR_OK)
            return code;
        code = doc == NULL ? add_problem(reader, line, &problem, err)
                           : add_doc(reader, doc, line, err);
    }
    return code;
}

/* Does a value go on behind the first line? Then it is one document, not one a line. */
static bool may_be_one(struct str text)
{
    struct str first = str_first(text, str_find(text, '\n'));
    first = str_trim(first);
    return str_eq(first, STR("{")) || str_eq(first, STR("[")) || str_eq(first, STR("{\r")) ||
           str_eq(first, STR("[\r")) || first.len == 0 || str_ends(first, STR(",")) ||
           str_ends(first, STR("[")) || str_ends(first, STR("{"));
}

enum err_code classify_input_read(struct str text, struct str fallback, struct arena *arena,
                                  struct classify_input *ret_input, struct err *err)
{
    struct reader reader = {.arena = arena, .fallback = fallback};
    struct err problem;
    struct json_doc *doc = NULL;
    enum err_code code = ERR_OK;
    if (may_be_one(text))
        code = parse(&reader, text, &doc, &problem, err);
    if (code == ERR_OK)
        code = doc != NULL ? add_doc(&reader, doc, 1, err) : read_lines(&reader, text, err);
    if (code == ERR_OK)
        *ret_input = reader.input;
    return code;
}
