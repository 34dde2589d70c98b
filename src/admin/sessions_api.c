#include "admin/handlers.h"
#include "admin/reply.h"
#include "admin/show.h"
#include "base/clock.h"
#include "gate/control.h"
#include "gate/owner_code.h"
#include "gate/redeem.h"

static void write_sessions(struct jsonw *w, const struct store_view *view, int64_t now_us)
{
    for (size_t i = 0; i < view->session_count; i++)
        show_session(w, &view->sessions[i], now_us);
}

void sessions_list(const struct api_request *request, struct api_reply *reply)
{
    reply_list(request, reply, "sessions", write_sessions);
}

static enum err_code check_there(const struct api_request *request, struct str id, struct err *err)
{
    struct store_view view = {0};

    if (control_view(gate_control(request->gate), request->arena, &view, err) != ERR_OK)
        return err_wrap(err, "find session");
    for (size_t i = 0; i < view.session_count; i++) {
        if (str_eq(view.sessions[i].id, id))
            return ERR_OK;
    }
    return err_set(err, ERR_NOT_FOUND,
                   "there is no session '" STR_FMT "'; `portreeve session list` shows them",
                   STR_ARG(id));
}

void sessions_end(const struct api_request *request, struct api_reply *reply)
{
    struct str id = request->params[0];
    const struct control_change change = {
        .request = request, .action = "session.end", .detail = id};
    struct err err;
    struct jsonw w;
    enum err_code code = check_there(request, id, &err);

    if (code == ERR_OK)
        code = control_end_session(gate_control(request->gate), &change, id, &err);
    if (code != ERR_OK) {
        reply_err(reply, &err);
        return;
    }
    jsonw_init(&w, &reply->body);
    jsonw_object(&w);
    jsonw_name_str(&w, "ended", id);
    jsonw_end_object(&w);
}

/* The administration token alone: a person with a role would make an owner of whoever asks. */
void owner_sign_in(const struct api_request *request, struct api_reply *reply)
{
    const struct caller *caller = &request->caller;
    const struct control_change change = {
        .request = request, .action = "owner.sign_in", .detail = caller->email};
    struct str code_text = STR_NONE;
    struct err err;
    struct jsonw w;
    bool is_host = caller->kind == PRINCIPAL_HUMAN && caller->provider.len == 0;
    enum err_code code =
        is_host && caller->email.len > 0
            ? control_make_owner_code(gate_control(request->gate), &change, caller->email,
                                      request->arena, &code_text, &err)
            : err_set(&err, ERR_DENIED, "only the administration token makes such a code");

    if (code != ERR_OK) {
        reply_err(reply, &err);
        return;
    }
    jsonw_init(&w, &reply->body);
    jsonw_object(&w);
    jsonw_name_str(&w, "code", code_text);
    jsonw_name_str(&w, "email", caller->email);
    jsonw_name_i64(&w, "seconds", OWNER_CODE_SECONDS);
    jsonw_end_object(&w);
}
