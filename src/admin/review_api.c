/*
 * What waits for a person: the tools that may not be used or count as admin, with what a reviewer
 * needs; approving and quarantining; what a tool was before.
 */
#include <string.h>

#include "admin/handlers.h"
#include "admin/reply.h"
#include "admin/show.h"
#include "admin/tool_show.h"
#include "base/base64.h"
#include "catalog/definition_diff.h"
#include "gate/control.h"
#include "gate/gate.h"

enum { MAX_TOOLS = 10000, MAX_REASON_BYTES = 1000, MAX_LINES_BYTES = 48 << 10 };

/* --- the queue --- */

static void write_change(struct jsonw *w, const struct definition_change *change)
{
    jsonw_object(w);
    jsonw_name_str(w, "severity", str_c(severity_word(definition_change_severity(change->kind))));
    jsonw_name_str(w, "change", str_c(definition_change_word(change->kind)));
    jsonw_name_str(w, "meaning", str_c(definition_change_meaning(change->kind)));
    if (change->path.len > 0)
        jsonw_name_str(w, "path", change->path);
    if (change->before.len > 0)
        jsonw_name_str(w, "before", change->before);
    if (change->after.len > 0)
        jsonw_name_str(w, "after", change->after);
    jsonw_end_object(w);
}

/* Definitions that can't be compared differ in the worst way. */
static void write_diff(struct jsonw *w, struct str before, struct str after, struct arena *arena)
{
    struct definition_diff diff = {.severity = SEVERITY_HIGH, .is_cut = true};
    struct err err;

    if (definition_diff(before, after, arena, &diff, &err) != ERR_OK)
        diff.count = 0;
    jsonw_name_str(w, "severity", str_c(severity_word(diff.severity)));
    jsonw_name(w, "changes");
    jsonw_array(w);
    for (size_t i = 0; i < diff.count; i++)
        write_change(w, &diff.changes[i]);
    jsonw_end_array(w);
    if (diff.is_cut)
        jsonw_name_bool(w, "more", true);
}

static void write_names(struct jsonw *w, const char *name, const struct str *names, size_t count)
{
    if (count == 0)
        return;
    jsonw_name(w, name);
    jsonw_array(w);
    for (size_t i = 0; i < count; i++)
        jsonw_str(w, names[i]);
    jsonw_end_array(w);
}

static bool names_tool(const struct grant *grant, struct str tool)
{
    for (size_t i = 0; i < grant->tool_count; i++) {
        if (str_glob(grant->tools[i], tool))
            return true;
    }
    return false;
}

/* The grants that would cover the tool in this category. */
static void write_opens(struct jsonw *w, const struct governance *governance,
                        const struct tool_found *found, enum category category)
{
    jsonw_name(w, "opens");
    jsonw_array(w);
    for (size_t i = 0; i < governance->grant_count; i++) {
        const struct grant *grant = &governance->grants[i];
        bool by_category = (grant->categories & CATEGORY_BIT(category)) != 0;

        if (!str_eq(grant->server, found->server->name) ||
            !(by_category || names_tool(grant, found->tool->name)))
            continue;
        jsonw_object(w);
        jsonw_name_str(w, "grant", grant->name);
        jsonw_name_str(w, "by", by_category ? str_c(category_word(category)) : STR("name"));
        write_names(w, "roles", grant->roles, grant->role_count);
        write_names(w, "users", grant->users, grant->user_count);
        write_names(w, "groups", grant->groups, grant->group_count);
        write_names(w, "robots", grant->robots, grant->robot_count);
        jsonw_end_object(w);
    }
    jsonw_end_array(w);
}

/* What ceilings take away again. */
static void write_ceilings(struct jsonw *w, const struct governance *governance,
                           enum category category)
{
    uint8_t denied = 0;
    uint8_t approval = 0;
    struct buf words;

    for (size_t i = 0; i < governance->ceiling_count; i++) {
        const struct ceiling *ceiling = &governance->ceilings[i];

        if ((ceiling->deny & CATEGORY_BIT(category)) != 0)
            denied |= ceiling->principals;
        if ((ceiling->approval & CATEGORY_BIT(category)) != 0)
            approval |= ceiling->principals;
    }
    buf_init(&words, 256);
    principal_set_write(&words, denied, ",");
    if (denied != 0)
        jsonw_name_str(w, "never_for", buf_str(&words));
    buf_clear(&words);
    principal_set_write(&words, approval, ",");
    if (approval != 0)
        jsonw_name_str(w, "with_approval_for", buf_str(&words));
    buf_done(&words);
}

/* The category that an approval takes when it names none. */
static bool proposed_category(const struct tool_found *found, enum category *ret_category)
{
    if (review_would_be(found->server, found->tool, ret_category))
        return true;
    if (found->tool->verdict.is_given)
        *ret_category = found->tool->verdict.category;
    return found->tool->verdict.is_given;
}

static void write_verdict(struct jsonw *w, const struct tool_verdict *verdict)
{
    if (!verdict->is_given)
        return;
    jsonw_name(w, "verdict");
    jsonw_object(w);
    jsonw_name_str(w, "category", str_c(category_word(verdict->category)));
    jsonw_name_str(w, "certainty", verdict->certainty);
    if (verdict->evidence.len > 0) {
        jsonw_name(w, "evidence");
        jsonw_raw(w, verdict->evidence);
    }
    jsonw_end_object(w);
}

static void write_review(struct jsonw *w, const struct governance *governance,
                         const struct tool_found *found, struct arena *arena)
{
    enum category category = CATEGORY_ADMIN;
    bool is_proposed = proposed_category(found, &category);

    tool_write_facts(w, found);
    if (is_proposed)
        jsonw_name_str(w, "approve_as", str_c(category_word(category)));
    if (found->tool->has_pin && !tool_is_in_force(found->tool))
        write_diff(w, found->tool->pinned, found->tool->definition, arena);
    write_verdict(w, &found->tool->verdict);
    write_opens(w, governance, found, category);
    write_ceilings(w, governance, category);
}

static bool waits(const struct tool_found *found)
{
    enum tool_state state = found->standing.state;

    return state == TOOL_QUARANTINED || state == TOOL_PROPOSED || state == TOOL_UNCLASSIFIED;
}

static void write_queue(const struct api_request *request, const struct store_view *view,
                        struct str only, struct api_reply *reply)
{
    CLEANUP(arena_freep) struct arena *scratch = arena_new((size_t)64 << 20);
    struct snapshot *snapshot = gate_snapshot(request->gate);
    struct jsonw w;

    jsonw_init(&w, &reply->body);
    jsonw_object(&w);
    jsonw_name(&w, "tools");
    jsonw_array(&w);
    for (size_t i = 0; scratch != NULL && i < view->tool_count; i++) {
        const struct server *server = tool_server(&view->governance, view->tools[i].server_id);

        if (server == NULL || (only.len > 0 && !str_eq(server->name, only)))
            continue;
        struct tool_found found = tool_find_standing(snapshot, server, &view->tools[i]);
        if (!waits(&found))
            continue;
        jsonw_object(&w);
        write_review(&w, &view->governance, &found, scratch);
        jsonw_end_object(&w);
        arena_reset(scratch);
    }
    jsonw_end_array(&w);
    jsonw_end_object(&w);
    snapshot_unref(snapshot);
}

void reviews_list(const struct api_request *request, struct api_reply *reply)
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
        write_queue(request, &view, only, reply);
}

void reviews_show(const struct api_request *request, struct api_reply *reply)
{
    struct snapshot *snapshot = gate_snapshot(request->gate);
    struct store_view view = {0};
    struct tool_found found = {0};
    struct err err;
    struct jsonw w;

    if (tool_find(request, snapshot, &found, &err) != ERR_OK ||
        tool_load(request, STR_NONE, &view, &err) != ERR_OK) {
        reply_err(reply, &err);
    } else {
        jsonw_init(&w, &reply->body);
        jsonw_object(&w);
        write_review(&w, &view.governance, &found, request->arena);
        tool_write_definition(&w, "definition", found.tool->definition, request->arena);
        if (found.tool->has_pin && !tool_is_in_force(found.tool))
            tool_write_definition(&w, "definition_in_force", found.tool->pinned, request->arena);
        jsonw_end_object(&w);
    }
    snapshot_unref(snapshot);
}

/* --- deciding --- */

struct decision_wish {
    bool is_quarantine;
    bool has_category;
    enum category category;
    struct str reason;
    struct tool_review *reviews;
    size_t count;
    struct buf lines; /* what changes, readable */
};

static enum err_code read_action(const struct api_request *request, const struct json_doc *doc,
                                 struct decision_wish *wish, struct err *err)
{
    struct str action = STR_NONE;
    struct str category = STR_NONE;
    enum err_code code = body_str(request, doc, "action", &action, err);

    if (code == ERR_OK)
        code = body_str(request, doc, "category", &category, err);
    if (code == ERR_OK)
        code = body_str(request, doc, "reason", &wish->reason, err);
    if (code != ERR_OK)
        return code;
    wish->is_quarantine = str_eq(action, STR("quarantine"));
    wish->has_category = category.len > 0;
    if (!wish->is_quarantine && !str_eq(action, STR("approve")))
        return err_set(err, ERR_INVALID, "'action' is approve or quarantine");
    if (wish->is_quarantine && wish->has_category)
        return err_set(err, ERR_INVALID, "a quarantine gives no category");
    if (wish->has_category && !category_parse(category, &wish->category))
        return err_set(err, ERR_INVALID,
                       "'" STR_FMT "' is no category; expected is read-only, write, destructive or "
                       "admin",
                       STR_ARG(category));
    if (wish->reason.len > MAX_REASON_BYTES)
        return err_set(err, ERR_LIMIT, "a reason has at most %d bytes", MAX_REASON_BYTES);
    return ERR_OK;
}

/* The start of a hash, in hexadecimal digits; empty fits. */
static bool is_hash_start(const uint8_t hash[TOOL_HASH_BYTES], struct str start)
{
    char text[2 * TOOL_HASH_BYTES];

    hex_encode(hash, TOOL_HASH_BYTES, text);
    return str_starts(str_of(text, sizeof text), start);
}

static void describe(struct decision_wish *wish, const struct tool_found *found,
                     const struct tool_review *review)
{
    const struct tool *tool = found->tool;
    char hash[2 * TOOL_HASH_BYTES];

    hex_encode(tool->hash, TOOL_HASH_BYTES, hash);
    buf_printf(&wish->lines, "%s" STR_FMT ": " STR_FMT " %s", wish->lines.len > 0 ? "\n" : "",
               STR_ARG(found->server->name), STR_ARG(tool->name),
               review->is_quarantine ? "quarantined" : "approved");
    if (review->has_category)
        buf_printf(&wish->lines, " as %s", category_word(review->category));
    buf_printf(&wish->lines, ", was %s", tool_state_word(found->standing.state));
    if (tool->hold != REASON_GRANTED)
        buf_printf(&wish->lines, " (%s)", reason_word(tool->hold));
    buf_printf(&wish->lines, ", %s; definition %.*s", category_word(found->standing.category),
               (int)sizeof hash, hash);
    if (wish->reason.len > 0)
        buf_printf(&wish->lines, "; " STR_FMT, STR_ARG(wish->reason));
    if (!review->is_quarantine && tool->has_pin && !tool_is_in_force(tool))
        control_write_diff(tool->pinned, tool->definition, &wish->lines);
}

static enum err_code add_review(struct decision_wish *wish, const struct tool_found *found,
                                struct str hash, struct err *err)
{
    const struct tool *tool = found->tool;
    struct tool_review *review = &wish->reviews[wish->count];
    enum category would_be = CATEGORY_ADMIN;

    if (!is_hash_start(tool->hash, hash))
        return err_set(err, ERR_CONFLICT,
                       "tool '" STR_FMT "' has another definition now; look at it again",
                       STR_ARG(tool->name));
    *review = (struct tool_review){.tool_id = tool->id,
                                   .is_quarantine = wish->is_quarantine,
                                   .has_category = wish->has_category,
                                   .category = wish->category,
                                   .reason = wish->reason};
    memcpy(review->hash, tool->hash, sizeof review->hash);
    if (!wish->is_quarantine && !wish->has_category &&
        !review_would_be(found->server, tool, &would_be)) {
        if (!proposed_category(found, &review->category))
            return err_set(err, ERR_INVALID,
                           "nothing says what '" STR_FMT
                           "' can do; name a category (--as): read-only, write, destructive or "
                           "admin",
                           STR_ARG(tool->name));
        review->has_category = true;
    }
    wish->count++;
    describe(wish, found, review);
    return ERR_OK;
}

static enum err_code read_one(const struct api_request *request, const struct json_doc *doc,
                              json_pos pos, struct str *ret_name, struct str *ret_hash,
                              struct err *err)
{
    json_pos hash = json_get(doc, pos, STR("hash"));

    if (!json_str(doc, json_get(doc, pos, STR("name")), request->arena, ret_name) ||
        (hash != JSON_NONE && !json_str(doc, hash, request->arena, ret_hash)))
        return err_set(err, ERR_INVALID, "'tools' holds {\"name\": NAME, \"hash\": HASH}");
    return ERR_OK;
}

static enum err_code read_tools(const struct api_request *request, const struct json_doc *doc,
                                const struct store_view *view, const struct snapshot *snapshot,
                                struct decision_wish *wish, struct err *err)
{
    const struct server *server = governance_find_server(&view->governance, request->params[0]);
    json_pos tools = json_get(doc, 0, STR("tools"));
    enum err_code code = ERR_OK;

    if (!json_is(doc, tools, JSON_ARRAY) || json_first(doc, tools) == JSON_NONE)
        return err_set(err, ERR_INVALID, "'tools' must be a list of tools, and not empty");
    wish->reviews = arena_calloc(request->arena, MAX_TOOLS, sizeof *wish->reviews);
    if (wish->reviews == NULL)
        return err_set(err, ERR_LIMIT, "the request is too large");
    for (json_pos pos = json_first(doc, tools); pos != JSON_NONE && code == ERR_OK;
         pos = json_next(doc, tools, pos)) {
        struct str name = STR_NONE;
        struct str hash = STR_NONE;

        if (wish->count == MAX_TOOLS)
            return err_set(err, ERR_LIMIT, "more than %d tools at one time", MAX_TOOLS);
        code = read_one(request, doc, pos, &name, &hash, err);
        const struct tool *tool =
            code == ERR_OK ? tool_of_name(view, snapshot, server, name) : NULL;
        if (code == ERR_OK && tool == NULL)
            return err_set(err, ERR_NOT_FOUND, "server '" STR_FMT "' has no tool '" STR_FMT "'",
                           STR_ARG(server->name), STR_ARG(name));
        if (code != ERR_OK)
            return code;
        struct tool_found found = tool_find_standing(snapshot, server, tool);
        code = add_review(wish, &found, hash, err);
    }
    return code;
}

static enum err_code read_wish(const struct api_request *request, struct decision_wish *wish,
                               struct err *err)
{
    static const char *const names[] = {"action", "category", "reason", "tools", NULL};
    struct store_view view = {0};
    struct json_doc doc;
    enum err_code code = body_object(request, names, &doc, err);

    if (code == ERR_OK)
        code = read_action(request, &doc, wish, err);
    if (code == ERR_OK)
        code = tool_load(request, request->params[0], &view, err);
    if (code != ERR_OK)
        return code;
    struct snapshot *snapshot = gate_snapshot(request->gate);
    code = read_tools(request, &doc, &view, snapshot, wish, err);
    snapshot_unref(snapshot);
    return code;
}

static void reply_reviewed(const struct api_request *request, const struct decision_wish *wish,
                           uint64_t version, struct api_reply *reply)
{
    struct jsonw w;

    jsonw_init(&w, &reply->body);
    jsonw_object(&w);
    jsonw_name_str(&w, "server", request->params[0]);
    jsonw_name_i64(&w, "tools", (int64_t)wish->count);
    jsonw_name_str(&w, "changes", buf_str(&wish->lines));
    jsonw_name_i64(&w, "policy_version", (int64_t)version);
    jsonw_end_object(&w);
}

void reviews_decide(const struct api_request *request, struct api_reply *reply)
{
    struct decision_wish wish = {0};
    uint64_t version = 0;
    struct err err;

    buf_init(&wish.lines, (size_t)64 << 20);
    enum err_code code = read_wish(request, &wish, &err);
    if (code == ERR_OK) {
        const struct control_change change = {
            .request = request,
            .action = wish.is_quarantine ? "tool_quarantine" : "tool_approve",
            .detail = str_first(buf_str(&wish.lines), MAX_LINES_BYTES)};
        code = control_review(gate_control(request->gate), &change, wish.reviews, wish.count,
                              &version, &err);
    }
    if (code != ERR_OK)
        reply_err(reply, &err);
    else
        reply_reviewed(request, &wish, version, reply);
    buf_done(&wish.lines);
}

/* --- what was before --- */

static void write_events(struct jsonw *w, const struct tool_history *history)
{
    jsonw_name(w, "events");
    jsonw_array(w);
    for (size_t i = 0; i < history->event_count; i++) {
        const struct tool_event *event = &history->events[i];

        jsonw_object(w);
        show_time(w, "time", event->at_us);
        jsonw_name_str(w, "author", event->author);
        jsonw_name_str(w, "action", event->action);
        tool_write_hash(w, "hash", event->hash);
        if (event->category.len > 0)
            jsonw_name_str(w, "category", event->category);
        if (event->reason.len > 0)
            jsonw_name_str(w, "reason", event->reason);
        jsonw_end_object(w);
    }
    jsonw_end_array(w);
}

static void write_versions(struct jsonw *w, const struct tool_history *history, struct arena *arena)
{
    jsonw_name(w, "versions");
    jsonw_array(w);
    for (size_t i = 0; i < history->version_count; i++) {
        const struct tool_version *version = &history->versions[i];

        jsonw_object(w);
        tool_write_hash(w, "hash", version->hash);
        show_time(w, "until", version->until_us);
        tool_write_definition(w, "definition", version->definition, arena);
        jsonw_end_object(w);
    }
    jsonw_end_array(w);
}

void tools_history(const struct api_request *request, struct api_reply *reply)
{
    struct snapshot *snapshot = gate_snapshot(request->gate);
    struct tool_found found = {0};
    struct tool_history history = {0};
    struct err err;
    struct jsonw w;

    if (tool_find(request, snapshot, &found, &err) != ERR_OK ||
        control_history(gate_control(request->gate), request->arena, found.tool->id, &history,
                        &err) != ERR_OK) {
        reply_err(reply, &err);
    } else {
        jsonw_init(&w, &reply->body);
        jsonw_object(&w);
        tool_write_facts(&w, &found);
        write_events(&w, &history);
        write_versions(&w, &history, request->arena);
        jsonw_end_object(&w);
    }
    snapshot_unref(snapshot);
}

/* One side of a difference. */
struct version_wish {
    struct str start; /* of its hash; empty: the preset */
    struct str definition;
    const uint8_t *hash;
};

/* The versions that a hash can name: last seen, in force, and those before. ERR_CONFLICT: the start
 * fits several. */
static enum err_code find_version(const struct tool *tool, const struct tool_history *history,
                                  struct version_wish *wish, struct err *err)
{
    const uint8_t *found = NULL;

    for (size_t i = 0; i < history->version_count + 2; i++) {
        bool is_pin = i == 1;
        const uint8_t *hash = i == 0   ? tool->hash
                              : is_pin ? tool->pinned_hash
                                       : history->versions[i - 2].hash;

        if ((is_pin && !tool->has_pin) || !is_hash_start(hash, wish->start))
            continue;
        if (found != NULL && memcmp(found, hash, TOOL_HASH_BYTES) != 0)
            return err_set(err, ERR_CONFLICT, "several definitions begin with '" STR_FMT "'",
                           STR_ARG(wish->start));
        found = hash;
        wish->hash = hash;
        wish->definition = i == 0   ? tool->definition
                           : is_pin ? tool->pinned
                                    : history->versions[i - 2].definition;
    }
    return found != NULL ? ERR_OK
                         : err_set(err, ERR_NOT_FOUND,
                                   "no definition that is kept begins with '" STR_FMT
                                   "'; `portreeve tool history` shows them",
                                   STR_ARG(wish->start));
}

/* Not asked for: from the definition in force (or the one before) to the one last seen. */
static void preset_from(const struct tool *tool, const struct tool_history *history,
                        struct version_wish *from)
{
    if (tool->has_pin && !tool_is_in_force(tool)) {
        from->definition = tool->pinned;
        from->hash = tool->pinned_hash;
    } else if (history->version_count > 0) {
        from->definition = history->versions[0].definition;
        from->hash = history->versions[0].hash;
    }
}

static enum err_code pick_versions(const struct api_request *request, const struct tool *tool,
                                   const struct tool_history *history, struct version_wish *from,
                                   struct version_wish *to, struct err *err)
{
    static const char *const names[] = {"from", "to", NULL};
    struct err none;
    enum err_code code = query_check(request, names, err);

    if (code != ERR_OK)
        return code;
    preset_from(tool, history, from);
    to->definition = tool->definition;
    to->hash = tool->hash;
    if (query_get(request, "from", &from->start, &none) == ERR_OK)
        code = find_version(tool, history, from, err);
    if (code == ERR_OK && query_get(request, "to", &to->start, &none) == ERR_OK)
        code = find_version(tool, history, to, err);
    if (code == ERR_OK && from->definition.len == 0)
        return err_set(err, ERR_NOT_FOUND, "there is only one definition of '" STR_FMT "'",
                       STR_ARG(tool->name));
    return code;
}

void tools_diff(const struct api_request *request, struct api_reply *reply)
{
    struct snapshot *snapshot = gate_snapshot(request->gate);
    struct tool_found found = {0};
    struct tool_history history = {0};
    struct version_wish from = {0};
    struct version_wish to = {0};
    struct err err;
    struct jsonw w;

    if (tool_find(request, snapshot, &found, &err) != ERR_OK ||
        control_history(gate_control(request->gate), request->arena, found.tool->id, &history,
                        &err) != ERR_OK ||
        pick_versions(request, found.tool, &history, &from, &to, &err) != ERR_OK) {
        reply_err(reply, &err);
    } else {
        jsonw_init(&w, &reply->body);
        jsonw_object(&w);
        jsonw_name_str(&w, "server", found.server->name);
        jsonw_name_str(&w, "name", found.tool->name);
        tool_write_hash(&w, "from", from.hash);
        tool_write_hash(&w, "to", to.hash);
        write_diff(&w, from.definition, to.definition, request->arena);
        jsonw_end_object(&w);
    }
    snapshot_unref(snapshot);
}
