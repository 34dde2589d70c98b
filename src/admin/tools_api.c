#include <string.h>

#include "admin/handlers.h"
#include "admin/reply.h"
#include "admin/show.h"
#include "base/base64.h"
#include "catalog/category.h"
#include "catalog/governance_edit.h"
#include "gate/control.h"
#include "gate/gate.h"

enum { MAX_RULES = 10000 };

/* What is known of a tool: as it was found, and what an administrator said. */
struct found {
    const struct server *server;
    const struct tool *tool;
    const struct snapshot_tool *exposed; /* NULL: not in the snapshot yet */
    struct category_judgement judgement;
};

static const struct server *server_by_id(const struct governance *governance, int64_t id)
{
    for (size_t i = 0; i < governance->server_count; i++) {
        if (governance->servers[i].id == id)
            return &governance->servers[i];
    }
    return NULL;
}

static struct found judge(const struct snapshot *snapshot, const struct server *server,
                          const struct tool *tool)
{
    struct found found = {.server = server, .tool = tool};
    const struct snapshot_server *in = snapshot_find_server(snapshot, server->name);

    found.judgement = category_judge(server->rules, server->rule_count, tool->name);
    if (in != NULL)
        found.exposed = snapshot_find_tool(snapshot, in, tool->name);
    return found;
}

static const char *tool_state(const struct found *found)
{
    if (found->tool->is_gone)
        return "gone";
    if (found->exposed != NULL && !found->exposed->is_listed)
        return "refused";
    return found->judgement.is_classified ? "classified" : "unclassified";
}

static void write_facts(struct jsonw *w, const struct found *found)
{
    char hash[2 * TOOL_HASH_BYTES];
    const struct tool_rule *rule = found->judgement.rule;

    jsonw_name_str(w, "server", found->server->name);
    jsonw_name_str(w, "name", found->tool->name);
    if (found->exposed != NULL)
        jsonw_name_str(w, "exposed_name", found->exposed->exposed);
    jsonw_name_str(w, "category", str_c(category_word(found->judgement.category)));
    jsonw_name_str(w, "state", str_c(tool_state(found)));
    if (rule != NULL) {
        jsonw_name_str(w, "rule", rule->pattern);
        jsonw_name_str(w, "set_by", rule->author);
        show_time(w, "set_at", rule->set_at_us);
    }
    if (found->exposed != NULL && found->exposed->is_listed && found->exposed->mcp.title.len > 0)
        jsonw_name_str(w, "title", found->exposed->mcp.title);
    hex_encode(found->tool->hash, TOOL_HASH_BYTES, hash);
    jsonw_name_str(w, "hash", str_of(hash, sizeof hash));
    show_time(w, "first_seen", found->tool->first_seen_us);
    show_time(w, "last_seen", found->tool->last_seen_us);
    show_time(w, "changed", found->tool->changed_us);
}

static enum err_code no_server(struct str name, struct err *err)
{
    return err_set(err, ERR_NOT_FOUND,
                   "there is no server '" STR_FMT "'; `portreeve server list` shows them",
                   STR_ARG(name));
}

/* name empty: any server. */
static enum err_code load(const struct api_request *request, struct str name,
                          struct store_view *view, struct err *err)
{
    enum err_code code = control_view(gate_control(request->gate), request->arena, view, err);

    if (code != ERR_OK)
        return code;
    if (name.len > 0 && governance_find_server(&view->governance, name) == NULL)
        return no_server(name, err);
    return ERR_OK;
}

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
        const struct server *server = server_by_id(&view->governance, view->tools[i].server_id);

        if (server == NULL || (only.len > 0 && !str_eq(server->name, only)))
            continue;
        struct found found = judge(snapshot, server, &view->tools[i]);
        jsonw_object(&w);
        write_facts(&w, &found);
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
        code = load(request, only, &view, &err);
    if (code != ERR_OK)
        reply_err(reply, &err);
    else
        write_tools(request, &view, only, reply);
}

/* By upstream or exposed name. */
static const struct tool *find_tool(const struct store_view *view, const struct snapshot *snapshot,
                                    const struct server *server, struct str name)
{
    for (size_t i = 0; i < view->tool_count; i++) {
        const struct tool *tool = &view->tools[i];

        if (tool->server_id != server->id)
            continue;
        struct found found = judge(snapshot, server, tool);
        if (str_eq(tool->name, name) ||
            (found.exposed != NULL && str_eq(found.exposed->exposed, name)))
            return tool;
    }
    return NULL;
}

/* As JSON; as text when it holds what strict readers refuse (servers cut emoji in half). */
static void write_definition(struct jsonw *w, struct str definition, struct arena *arena)
{
    struct json_doc doc;
    struct err err;

    if (json_parse(definition, &json_limits_default, arena, &doc, &err) != ERR_OK) {
        jsonw_name_str(w, "definition_text", definition);
        return;
    }
    jsonw_name(w, "definition");
    jsonw_raw(w, definition);
}

void tools_show(const struct api_request *request, struct api_reply *reply)
{
    struct store_view view = {0};
    struct err err;
    struct jsonw w;

    if (load(request, request->params[0], &view, &err) != ERR_OK) {
        reply_err(reply, &err);
        return;
    }
    const struct server *server = governance_find_server(&view.governance, request->params[0]);
    struct snapshot *snapshot = gate_snapshot(request->gate);
    const struct tool *tool = find_tool(&view, snapshot, server, request->params[1]);
    if (tool == NULL) {
        (void)err_set(&err, ERR_NOT_FOUND,
                      "server '" STR_FMT "' has no tool '" STR_FMT
                      "'; `portreeve tool list` shows them",
                      STR_ARG(server->name), STR_ARG(request->params[1]));
        reply_err(reply, &err);
    } else {
        struct found found = judge(snapshot, server, tool);

        jsonw_init(&w, &reply->body);
        jsonw_object(&w);
        write_facts(&w, &found);
        write_definition(&w, tool->definition, request->arena);
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
    struct category_judgement now = category_judge(server->rules, server->rule_count, tool->name);
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

    if (load(request, request->params[0], &view, &err) != ERR_OK) {
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
        if (view.tools[i].server_id == server->id && !view.tools[i].is_gone)
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
