#include <string.h>

#include "admin/handlers.h"
#include "admin/reply.h"
#include "admin/show.h"
#include "catalog/governance_edit.h"
#include "gate/control.h"
#include "gate/gate.h"

static const char *state_word(enum server_state state)
{
    switch (state) {
    case SERVER_STATE_NEW:
        return "new";
    case SERVER_STATE_BUSY:
        return "busy";
    case SERVER_STATE_READY:
        return "ready";
    case SERVER_STATE_FAILED:
        return "failed";
    }
    return "?";
}

static void write_credential(struct jsonw *w, const struct server *server)
{
    jsonw_name(w, "credential");
    jsonw_object(w);
    jsonw_name_str(w, "mode", str_c(credential_mode_word(server->credential_mode)));
    if (server->credential_mode == CREDENTIAL_SHARED) {
        bool is_bearer = server->credential_type == CREDENTIAL_BEARER;

        jsonw_name_str(w, "type", is_bearer ? STR("bearer") : STR("headers"));
        if (is_bearer)
            jsonw_name_str(w, "secret", server->secret);
    }
    jsonw_end_object(w);
}

static void write_health(struct jsonw *w, const struct server_health *health, bool is_disabled)
{
    jsonw_name_str(w, "state", str_c(is_disabled ? "disabled" : state_word(health->state)));
    if (health->protocol[0] != '\0')
        jsonw_name_str(w, "protocol", str_c(health->protocol));
    show_time(w, "discovered", health->discovered_us);
    show_time(w, "failed", health->failed_us);
    if (health->last_error[0] != '\0')
        jsonw_name_str(w, "error", str_c(health->last_error));
}

static void write_counts(struct jsonw *w, const struct snapshot *snapshot, struct str name)
{
    const struct snapshot_server *server = snapshot_find_server(snapshot, name);
    struct tool_counts counts = {0};

    if (server != NULL)
        counts = show_count_tools(snapshot, server);
    jsonw_name_i64(w, "tools", (int64_t)counts.tools);
    jsonw_name_i64(w, "unclassified", (int64_t)counts.unclassified);
    jsonw_name_i64(w, "quarantined", (int64_t)counts.quarantined);
    if (counts.unclassified + counts.quarantined > 0)
        show_command(w, name, &counts);
}

static void write_server(struct jsonw *w, const struct api_request *request,
                         const struct snapshot *snapshot, const struct server *server)
{
    struct server_health health = {0};
    struct err err;

    /* A server that the snapshot does not have yet is as good as new. */
    if (control_server_health(gate_control(request->gate), server->name, &health, &err) != ERR_OK)
        health = (struct server_health){0};
    jsonw_object(w);
    jsonw_name_i64(w, "id", server->id);
    jsonw_name_str(w, "name", server->name);
    jsonw_name_str(w, server->kind == SERVER_URL ? "url" : "program", server->address);
    write_credential(w, server);
    write_health(w, &health, server->is_disabled);
    write_counts(w, snapshot, server->name);
    jsonw_end_object(w);
}

void servers_list(const struct api_request *request, struct api_reply *reply)
{
    struct store_view view = {0};
    struct err err;
    struct jsonw w;

    if (control_view(gate_control(request->gate), request->arena, &view, &err) != ERR_OK) {
        reply_err(reply, &err);
        return;
    }
    struct snapshot *snapshot = gate_snapshot(request->gate);
    jsonw_init(&w, &reply->body);
    jsonw_object(&w);
    jsonw_name_i64(&w, "policy_version", (int64_t)view.policy_version);
    jsonw_name(&w, "servers");
    jsonw_array(&w);
    for (size_t i = 0; i < view.governance.server_count; i++)
        write_server(&w, request, snapshot, &view.governance.servers[i]);
    jsonw_end_array(&w);
    jsonw_end_object(&w);
    snapshot_unref(snapshot);
}

/* {"server": NAME, "policy_version": N} */
static void reply_server(struct api_reply *reply, struct str name, uint64_t version)
{
    struct jsonw w;

    jsonw_init(&w, &reply->body);
    jsonw_object(&w);
    jsonw_name_str(&w, "server", name);
    if (version > 0)
        jsonw_name_i64(&w, "policy_version", (int64_t)version);
    jsonw_end_object(&w);
}

/* The sentence without its line: a body is no file. */
static void drop_line(struct err *err)
{
    static const char line[] = "line 1: ";

    if (str_starts(str_c(err->text), STR("line 1: ")))
        memmove(err->text, err->text + sizeof line - 1, strlen(err->text) + 2 - sizeof line);
}

/* A server in JSON is what stands in a governance file, too (JSON is YAML), so it is read as one:
 * the same keys, the same checks. */
static enum err_code read_server(const struct api_request *request,
                                 const struct governance **ret_governance, struct err *err)
{
    static const char *const names[] = {"name",  "url",      "program", "credential",
                                        "tools", "disabled", NULL};
    struct governance_host host = control_host(gate_control(request->gate));
    struct governance *governance = arena_new_obj(request->arena, struct governance);
    struct json_doc doc;

    enum err_code code = body_object(request, names, &doc, err);
    if (code != ERR_OK)
        return code;
    struct str text =
        arena_printf(request->arena, "servers: [" STR_FMT "]\n", STR_ARG(json_raw(&doc, 0)));
    if (governance == NULL || text.ptr == NULL)
        return err_set(err, ERR_LIMIT, "the request is too large");
    code = governance_read(text, &host, request->arena, governance, err);
    if (code != ERR_OK) {
        drop_line(err);
        return code;
    }
    *ret_governance = governance;
    return ERR_OK;
}

static enum err_code add(struct governance *governance, struct arena *arena, void *ctx,
                         struct err *err)
{
    const struct governance *wanted = ctx;

    return governance_add_server(governance, &wanted->servers[0], arena, err);
}

void servers_add(const struct api_request *request, struct api_reply *reply)
{
    const struct governance *wanted = NULL;
    uint64_t version = 0;
    struct err err;
    enum err_code code = read_server(request, &wanted, &err);

    if (code == ERR_OK) {
        struct governance one = *wanted;
        const struct control_change change = {
            .request = request, .action = "server_add", .detail = one.servers[0].name};

        code = control_edit(gate_control(request->gate), &change, add, &one, request->arena,
                            &version, &err);
    }
    if (code != ERR_OK) {
        reply_err(reply, &err);
        return;
    }
    reply->status = 201;
    reply_server(reply, wanted->servers[0].name, version);
}

struct removal {
    struct str name;
    bool with_grants;
};

static enum err_code drop(struct governance *governance, struct arena *arena, void *ctx,
                          struct err *err)
{
    const struct removal *removal = ctx;

    return governance_remove_server(governance, removal->name, removal->with_grants, arena, err);
}

void servers_remove(const struct api_request *request, struct api_reply *reply)
{
    static const char *const names[] = {"with_grants", NULL};
    struct removal removal = {.name = request->params[0]};
    const struct control_change change = {
        .request = request, .action = "server_remove", .detail = removal.name};
    uint64_t version = 0;
    struct err err;
    enum err_code code = query_check(request, names, &err);

    if (code == ERR_OK)
        code = query_bool(request, "with_grants", &removal.with_grants, &err);
    if (code == ERR_OK)
        code = control_edit(gate_control(request->gate), &change, drop, &removal, request->arena,
                            &version, &err);
    if (code != ERR_OK)
        reply_err(reply, &err);
    else
        reply_server(reply, removal.name, version);
}

void servers_refresh(const struct api_request *request, struct api_reply *reply)
{
    struct err err;

    if (control_refresh(gate_control(request->gate), request->params[0], &err) != ERR_OK) {
        reply_err(reply, &err);
        return;
    }
    reply->status = 202;
    reply_server(reply, request->params[0], 0);
}
