#include "admin/tool_show.h"

#include <stdio.h>
#include <string.h>

#include "admin/show.h"
#include "base/base64.h"
#include "gate/control.h"
#include "gate/gate.h"

const struct server *tool_server(const struct governance *governance, int64_t id)
{
    for (size_t i = 0; i < governance->server_count; i++) {
        if (governance->servers[i].id == id)
            return &governance->servers[i];
    }
    return NULL;
}

struct tool_found tool_find_standing(const struct snapshot *snapshot, const struct server *server,
                                     const struct tool *tool)
{
    struct tool_found found = {
        .server = server, .tool = tool, .standing = review_judge(server, tool)};
    const struct snapshot_server *in = snapshot_find_server(snapshot, server->name);

    if (in != NULL)
        found.exposed = snapshot_find_tool(snapshot, in, tool->name);
    return found;
}

static enum err_code no_server(struct str name, struct err *err)
{
    return err_set(err, ERR_NOT_FOUND,
                   "there is no server '" STR_FMT "'; `portreeve server list` shows them",
                   STR_ARG(name));
}

enum err_code tool_load(const struct api_request *request, struct str name, struct store_view *view,
                        struct err *err)
{
    enum err_code code = control_view(gate_control(request->gate), request->arena, view, err);

    if (code != ERR_OK)
        return code;
    if (name.len > 0 && governance_find_server(&view->governance, name) == NULL)
        return no_server(name, err);
    return ERR_OK;
}

const struct tool *tool_of_name(const struct store_view *view, const struct snapshot *snapshot,
                                const struct server *server, struct str name)
{
    for (size_t i = 0; i < view->tool_count; i++) {
        const struct tool *tool = &view->tools[i];

        if (tool->server_id != server->id)
            continue;
        struct tool_found found = tool_find_standing(snapshot, server, tool);
        if (str_eq(tool->name, name) ||
            (found.exposed != NULL && str_eq(found.exposed->exposed, name)))
            return tool;
    }
    return NULL;
}

enum err_code tool_find(const struct api_request *request, const struct snapshot *snapshot,
                        struct tool_found *ret_found, struct err *err)
{
    struct store_view *view = arena_new_obj(request->arena, struct store_view);
    enum err_code code = view == NULL ? err_set(err, ERR_LIMIT, "the request is too large")
                                      : tool_load(request, request->params[0], view, err);

    if (code != ERR_OK)
        return code;
    const struct server *server = governance_find_server(&view->governance, request->params[0]);
    const struct tool *tool = tool_of_name(view, snapshot, server, request->params[1]);
    if (tool == NULL)
        return err_set(err, ERR_NOT_FOUND,
                       "server '" STR_FMT "' has no tool '" STR_FMT
                       "'; `portreeve tool list` shows them",
                       STR_ARG(server->name), STR_ARG(request->params[1]));
    *ret_found = tool_find_standing(snapshot, server, tool);
    return ERR_OK;
}

bool tool_is_in_force(const struct tool *tool)
{
    return tool->has_pin && memcmp(tool->hash, tool->pinned_hash, sizeof tool->hash) == 0;
}

void tool_write_hash(struct jsonw *w, const char *name, const uint8_t hash[TOOL_HASH_BYTES])
{
    char text[2 * TOOL_HASH_BYTES];

    hex_encode(hash, TOOL_HASH_BYTES, text);
    jsonw_name_str(w, name, str_of(text, sizeof text));
}

static void write_word(struct jsonw *w, const struct tool_found *found)
{
    const struct review_standing *standing = &found->standing;
    const struct tool_word *word = &found->tool->word;

    if (standing->source == REVIEW_RULE) {
        jsonw_name_str(w, "rule", standing->rule->pattern);
        jsonw_name_str(w, "set_by", standing->rule->author);
        show_time(w, "set_at", standing->rule->set_at_us);
    } else if (standing->source != REVIEW_NOBODY) {
        jsonw_name_str(w, "set_by", word->author);
        show_time(w, "set_at", word->at_us);
        if (word->reason.len > 0)
            jsonw_name_str(w, "reason", word->reason);
    }
}

/* A definition that no reader takes is shown to nobody, whatever was said of it. */
static const char *state_of(const struct tool_found *found)
{
    bool is_refused = found->exposed != NULL && !found->exposed->is_listed &&
                      found->standing.state != TOOL_RETIRED &&
                      found->standing.state != TOOL_QUARANTINED;

    return is_refused ? "refused" : tool_state_word(found->standing.state);
}

void tool_write_facts(struct jsonw *w, const struct tool_found *found)
{
    const struct tool *tool = found->tool;

    jsonw_name_str(w, "server", found->server->name);
    jsonw_name_str(w, "name", tool->name);
    if (found->exposed != NULL)
        jsonw_name_str(w, "exposed_name", found->exposed->exposed);
    jsonw_name_str(w, "category", str_c(category_word(found->standing.category)));
    jsonw_name_str(w, "state", str_c(state_of(found)));
    if (tool->hold != REASON_GRANTED) {
        jsonw_name_str(w, "quarantine", str_c(reason_word(tool->hold)));
        show_time(w, "quarantined_at", tool->held_us);
    }
    if (tool->renamed_from.len > 0)
        jsonw_name_str(w, "renamed_from", tool->renamed_from);
    write_word(w, found);
    if (found->exposed != NULL && found->exposed->is_listed && found->exposed->mcp.title.len > 0)
        jsonw_name_str(w, "title", found->exposed->mcp.title);
    tool_write_hash(w, "hash", tool->hash);
    if (tool->has_pin)
        tool_write_hash(w, "hash_in_force", tool->pinned_hash);
    show_time(w, "first_seen", tool->first_seen_us);
    show_time(w, "last_seen", tool->last_seen_us);
    show_time(w, "changed", tool->changed_us);
}

void tool_write_definition(struct jsonw *w, const char *name, struct str definition,
                           struct arena *arena)
{
    struct json_doc doc;
    struct err err;
    char as_text[64];

    if (json_parse(definition, &json_limits_default, arena, &doc, &err) != ERR_OK) {
        (void)snprintf(as_text, sizeof as_text, "%s_text", name);
        jsonw_name_str(w, as_text, definition);
        return;
    }
    jsonw_name(w, name);
    jsonw_raw(w, definition);
}
