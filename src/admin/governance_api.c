#include <inttypes.h>

#include "admin/handlers.h"
#include "admin/reply.h"
#include "admin/show.h"
#include "gate/control.h"
#include "gate/gate.h"

/* The file that was sent, and what it would change. */
struct plan {
    struct governance now;
    struct governance wanted;
    struct governance_diff diff;
    uint64_t policy_version;
};

static enum err_code make_plan(const struct api_request *request, struct plan *plan,
                               struct err *err)
{
    struct control *control = gate_control(request->gate);
    struct governance_host host = control_host(control);
    struct store_view view = {0};

    enum err_code code = control_view(control, request->arena, &view, err);
    if (code != ERR_OK)
        return code;
    plan->now = view.governance;
    plan->policy_version = view.policy_version;
    code = governance_read(request->body, &host, request->arena, &plan->wanted, err);
    if (code != ERR_OK)
        return code;
    return governance_diff(&plan->now, &plan->wanted, request->arena, &plan->diff, err);
}

static const char *change_word(enum governance_change_kind kind)
{
    switch (kind) {
    case GOVERNANCE_ADDED:
        return "added";
    case GOVERNANCE_CHANGED:
        return "changed";
    case GOVERNANCE_REMOVED:
        return "removed";
    }
    return "?";
}

static void write_change(struct jsonw *w, const struct governance_change *change)
{
    struct buf line;

    buf_init(&line, 64 << 10);
    governance_change_write(change, &line);
    jsonw_object(w);
    jsonw_name_str(w, "change", str_c(change_word(change->kind)));
    jsonw_name_str(w, "object", str_c(change->object));
    jsonw_name_str(w, "name", change->name);
    jsonw_name_str(w, "details", change->details);
    jsonw_name_str(w, "line", buf_str(&line));
    jsonw_end_object(w);
    buf_done(&line);
}

static void write_plan(const struct api_request *request, const struct plan *plan,
                       struct api_reply *reply)
{
    struct snapshot *snapshot = gate_snapshot(request->gate);
    struct jsonw w;

    jsonw_init(&w, &reply->body);
    jsonw_object(&w);
    jsonw_name(&w, "changes");
    jsonw_array(&w);
    for (size_t i = 0; i < plan->diff.count; i++)
        write_change(&w, &plan->diff.changes[i]);
    jsonw_end_array(&w);
    jsonw_name_i64(&w, "policy_version", (int64_t)plan->policy_version);
    jsonw_name_i64(&w, "governance_version", (int64_t)plan->now.version);
    show_hidden(&w, snapshot);
    jsonw_end_object(&w);
    snapshot_unref(snapshot);
}

void governance_show(const struct api_request *request, struct api_reply *reply)
{
    struct store_view view = {0};
    struct err err;

    if (control_view(gate_control(request->gate), request->arena, &view, &err) != ERR_OK) {
        reply_err(reply, &err);
        return;
    }
    reply->content_type = "application/yaml";
    governance_export(&view.governance, &reply->body);
}

void governance_compare(const struct api_request *request, struct api_reply *reply)
{
    struct plan plan = {0};
    struct err err;

    if (make_plan(request, &plan, &err) != ERR_OK)
        reply_err(reply, &err);
    else
        write_plan(request, &plan, reply);
}

/* Who looked at the difference first says which state it was made of. */
static enum err_code check_version(const struct api_request *request, const struct plan *plan,
                                   struct err *err)
{
    static const char *const names[] = {"governance_version", NULL};
    struct str text = STR_NONE;
    uint64_t seen = 0;

    enum err_code code = query_check(request, names, err);
    if (code != ERR_OK)
        return code;
    code = query_get(request, "governance_version", &text, err);
    if (code != ERR_OK)
        return code == ERR_NOT_FOUND ? ERR_OK : code;
    if (!str_u64(text, &seen))
        return err_set(err, ERR_INVALID, "'governance_version' must be a number");
    if (seen != plan->now.version)
        return err_set(err, ERR_CONFLICT,
                       "someone else has changed the governance meanwhile (version %" PRIu64
                       ", you saw %" PRIu64 "); look at the difference again",
                       plan->now.version, seen);
    return ERR_OK;
}

static enum err_code replace(struct governance *governance, struct arena *arena, void *ctx,
                             struct err *err)
{
    const struct plan *plan = ctx;
    uint64_t version = governance->version;

    (void)arena;
    (void)err;
    *governance = plan->wanted;
    governance->version = version;
    return ERR_OK;
}

static enum err_code apply(const struct api_request *request, struct plan *plan, struct err *err)
{
    struct buf lines;

    buf_init(&lines, 48 << 10);
    for (size_t i = 0; i < plan->diff.count; i++) {
        if (i > 0)
            buf_add_byte(&lines, '\n');
        governance_change_write(&plan->diff.changes[i], &lines);
    }
    const struct control_change change = {
        .request = request, .action = "apply", .detail = buf_str(&lines)};
    enum err_code code = control_edit(gate_control(request->gate), &change, replace, plan,
                                      request->arena, &plan->policy_version, err);
    buf_done(&lines);
    return code;
}

void governance_apply(const struct api_request *request, struct api_reply *reply)
{
    struct plan plan = {0};
    struct err err;
    enum err_code code = make_plan(request, &plan, &err);

    if (code == ERR_OK)
        code = check_version(request, &plan, &err);
    if (code == ERR_OK && plan.diff.count > 0)
        code = apply(request, &plan, &err);
    if (code != ERR_OK)
        reply_err(reply, &err);
    else
        write_plan(request, &plan, reply);
}
