#include "admin/handlers.h"
#include "admin/reply.h"
#include "admin/show.h"
#include "admin/tool_show.h"
#include "catalog/category.h"
#include "catalog/governance_edit.h"
#include "gate/control.h"
#include "gate/gate.h"

enum { MAX_RULES = 10000 };

static void write_tools(const struct api_request *request, const struct store_view *view,
                        struct str only, struct api_reply *reply)
{
    struct snapshot *snapshot = gate_snapshot(request->gate);
    struct jsonw w;

    jsonw_init(&w, &reply->body);
    jsonw_object(&w);
    jsonw_name(&w, "tools");
    jsonw_array(&w);
    for (size_t i = 0; i < view->tool_count; i++) {
        const struct server *server = tool_server(&view->governance, view->tools[i].server_id);

        if (server == NULL || (only.len > 0 && !str_eq(server->name, only)))
            continue;
        struct tool_found found = tool_find_standing(snapshot, server, &view->tools[i]);
        jsonw_object(&w);
        tool_write_facts(&w, &found);
        jsonw_end_object(&w);
    }
    jsonw_end_array(&w);
    show_hidden(&w, snapshot);
    jsonw_end_object(&w);
    snapshot_unref(snapshot);
}

void tools_list(const struct api_request *request, struct api_reply *reply)
{
    static const char *const names[] = {"server", NULL};
    struct store_view view = {0};
    struct str only = STR_NONE;
    struct err err;
    enum err_code code = query_check(request, names, &err);

    if (code == ERR_OK) {
        code = query_get(request, "server", &only, &err);
        code = code == ERR_NOT_FOUND ? ERR_OK : code;
    }
    if (code == ERR_OK)
        code = tool_load(request, only, &view, &err);
    if (code != ERR_OK)
        reply_err(reply, &err);
    else
        write_tools(request, &view, only, reply);
}

void tools_show(const struct api_request *request, struct api_reply *reply)
{
    struct tool_found found = {0};
    struct err err;
    struct jsonw w;
    struct snapshot *snapshot = gate_snapshot(request->gate);

    if (tool_find(request, snapshot, &found, &err) != ERR_OK) {
        reply_err(reply, &err);
    } else {
        jsonw_init(&w, &reply->body);
        jsonw_object(&w);
        tool_write_facts(&w, &found);
        tool_write_definition(&w, "definition", found.tool->definition, request->arena);
        if (found.tool->has_pin && !tool_is_in_force(found.tool))
            tool_write_definition(&w, "definition_in_force", found.tool->pinned, request->arena);
        jsonw_end_object(&w);
    }
    snapshot_unref(snapshot);
}

/* Hints. */

static struct category_proposal propose(struct arena *arena, const struct tool *tool)
{
    struct json_limits limits = json_limits_default;
    struct category_proposal none = {.reason = "its definition cannot be read"};
    struct json_doc doc;
    struct err err;

    limits.profile = JSON_RESULT;
    /* A name with a star would be a pattern that speaks for other tools. */
    if (str_find(tool->name, '*') < tool->name.len)
        return (struct category_proposal){.reason = "its name holds a '*'"};
    if (json_parse(tool->definition, &limits, arena, &doc, &err) != ERR_OK)
        return none;
    return category_from_hints(&doc, json_get(&doc, 0, STR("annotations")));
}

static void write_hint(struct jsonw *w, struct arena *arena, const struct server *server,
                       const struct tool *tool)
{
    struct review_standing now = review_judge(server, tool);
    struct category_proposal proposal = propose(arena, tool);

    jsonw_object(w);
    jsonw_name_str(w, "name", tool->name);
    jsonw_name_bool(w, "classified", now.is_classified);
    jsonw_name_str(w, "category", str_c(category_word(now.category)));
    if (proposal.is_proposed)
        jsonw_name_str(w, "proposed", str_c(category_word(proposal.category)));
    jsonw_name_str(w, "reason", str_c(proposal.reason));
    jsonw_end_object(w);
}

void tools_hints(const struct api_request *request, struct api_reply *reply)
{
    struct store_view view = {0};
    struct err err;
    struct jsonw w;

    if (tool_load(request, request->params[0], &view, &err) != ERR_OK) {
        reply_err(reply, &err);
        return;
    }
    const struct server *server = governance_find_server(&view.governance, request->params[0]);
    jsonw_init(&w, &reply->body);
    jsonw_object(&w);
    jsonw_name_str(&w, "server", server->name);
    jsonw_name(&w, "tools");
    jsonw_array(&w);
    for (size_t i = 0; i < view.tool_count; i++) {
        if (view.tools[i].server_id == server->id && !view.tools[i].is_gone &&
            view.tools[i].hold == REASON_GRANTED)
            write_hint(&w, request->arena, server, &view.tools[i]);
    }
    jsonw_end_array(&w);
    jsonw_end_object(&w);
}

/* Setting categories. */

struct wish {
    struct str pattern;
    bool is_removal; /* the word is taken back */
    enum category category;
};

struct wishes {
    struct str server;
    struct wish *items;
    size_t count;
    struct buf lines; /* what changes, readable */
};

static enum err_code read_wish(const struct json_doc *doc, json_pos name, json_pos value,
                               struct arena *arena, struct wish *wish, struct err *err)
{
    struct str word = STR_NONE;

    if (!json_str(doc, name, arena, &wish->pattern) || wish->pattern.len == 0)
        return err_set(err, ERR_INVALID, "a tool name or pattern must not be empty");
    wish->is_removal = json_is(doc, value, JSON_NULL);
    if (wish->is_removal)
        return ERR_OK;
    if (!json_str(doc, value, arena, &word) || !category_parse(word, &wish->category))
        return err_set(err, ERR_INVALID,
                       "'" STR_FMT "' is no category; expected is read-only, write, destructive or "
                       "admin",
                       STR_ARG(word));
    return ERR_OK;
}

static enum err_code read_wishes(const struct api_request *request, struct wishes *wishes,
                                 struct err *err)
{
    static const char *const names[] = {"tools", NULL};
    struct json_doc doc;

    enum err_code code = body_object(request, names, &doc, err);
    if (code != ERR_OK)
        return code;
    json_pos tools = json_get(&doc, 0, STR("tools"));
    if (!json_is(&doc, tools, JSON_OBJECT))
        return err_set(err, ERR_INVALID,
                       "'tools' must be an object: {\"NAME-OR-PATTERN\": \"CATEGORY\"}");
    wishes->items = arena_calloc(request->arena, MAX_RULES, sizeof *wishes->items);
    if (wishes->items == NULL)
        return err_set(err, ERR_LIMIT, "the request is too large");
    for (json_pos pos = json_first(&doc, tools); pos != JSON_NONE && code == ERR_OK;) {
        json_pos value = json_next(&doc, tools, pos);

        if (wishes->count == MAX_RULES)
            return err_set(err, ERR_LIMIT, "more than %d tools at one time", MAX_RULES);
        code = read_wish(&doc, pos, value, request->arena, &wishes->items[wishes->count++], err);
        pos = json_next(&doc, tools, value);
    }
    if (code == ERR_OK && wishes->count == 0)
        return err_set(err, ERR_INVALID, "'tools' is empty: nothing to set");
    return code;
}

static enum err_code set_rules(struct governance *governance, struct arena *arena, void *ctx,
                               struct err *err)
{
    const struct wishes *wishes = ctx;
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < wishes->count && code == ERR_OK; i++) {
        const struct wish *wish = &wishes->items[i];

        if (wish->is_removal)
            code = governance_remove_rule(governance, wishes->server, wish->pattern, arena, err);
        else
            code = governance_set_rule(governance, wishes->server, wish->pattern, wish->category,
                                       arena, err);
    }
    return code;
}

static void describe(struct wishes *wishes)
{
    for (size_t i = 0; i < wishes->count; i++) {
        const struct wish *wish = &wishes->items[i];

        buf_printf(&wishes->lines, "%s" STR_FMT ": " STR_FMT " %s", i > 0 ? "\n" : "",
                   STR_ARG(wishes->server), STR_ARG(wish->pattern),
                   wish->is_removal ? "unclassified" : category_word(wish->category));
    }
}

static bool is_wished(const struct wishes *wishes, struct str tool)
{
    for (size_t i = 0; i < wishes->count; i++) {
        if (str_glob(wishes->items[i].pattern, tool))
            return true;
    }
    return false;
}

/* How many tools that the server has now are meant by it: none may be a slip of the pen. */
static size_t count_matched(const struct snapshot *snapshot, const struct snapshot_server *server,
                            const struct wishes *wishes)
{
    size_t count = 0;

    for (uint32_t i = 0; i < server->tool_count; i++) {
        const struct snapshot_tool *tool = snapshot_tool_at(snapshot, server->first_tool + i);

        count += !tool->is_gone && is_wished(wishes, tool->name);
    }
    return count;
}

static void reply_set(const struct api_request *request, uint64_t version,
                      const struct wishes *wishes, struct api_reply *reply)
{
    struct snapshot *snapshot = gate_snapshot(request->gate);
    const struct snapshot_server *server = snapshot_find_server(snapshot, wishes->server);
    struct tool_counts counts = {0};
    size_t matched = 0;
    struct jsonw w;

    if (server != NULL) {
        counts = show_count_tools(snapshot, server);
        matched = count_matched(snapshot, server, wishes);
    }
    jsonw_init(&w, &reply->body);
    jsonw_object(&w);
    jsonw_name_str(&w, "server", wishes->server);
    jsonw_name_i64(&w, "matched", (int64_t)matched);
    jsonw_name_i64(&w, "tools", (int64_t)counts.tools);
    jsonw_name_i64(&w, "unclassified", (int64_t)counts.unclassified);
    jsonw_name_i64(&w, "policy_version", (int64_t)version);
    jsonw_end_object(&w);
    snapshot_unref(snapshot);
}

void tools_set(const struct api_request *request, struct api_reply *reply)
{
    struct wishes wishes = {.server = request->params[0]};
    uint64_t version = 0;
    struct err err;
    enum err_code code = read_wishes(request, &wishes, &err);

    buf_init(&wishes.lines, 48 << 10);
    if (code == ERR_OK) {
        describe(&wishes);
        const struct control_change change = {
            .request = request, .action = "tool_set", .detail = buf_str(&wishes.lines)};
        code = control_edit(gate_control(request->gate), &change, set_rules, &wishes,
                            request->arena, &version, &err);
    }
    buf_done(&wishes.lines);
    if (code != ERR_OK)
        reply_err(reply, &err);
    else
        reply_set(request, version, &wishes, reply);
}
