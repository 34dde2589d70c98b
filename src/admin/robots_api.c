#include "admin/handlers.h"
#include "admin/reply.h"
#include "admin/show.h"
#include "base/clock.h"
#include "catalog/governance_edit.h"
#include "gate/control.h"
#include "gate/gate.h"
#include "identity/caller.h"
#include "identity/tokens.h"

static enum err_code load(const struct api_request *request, struct store_view *view,
                          struct err *err)
{
    return control_view(gate_control(request->gate), request->arena, view, err);
}

static bool is_of(const struct token *token, const struct robot *robot)
{
    return token->kind == TOKEN_ROBOT && token->robot_id == robot->id;
}

/* What a list shows of a robot. */
static void write_robot(struct jsonw *w, const struct store_view *view, const struct robot *robot,
                        int64_t now_us)
{
    int64_t active = 0;
    int64_t ending = 0;

    for (size_t i = 0; i < view->token_count; i++) {
        const struct token *token = &view->tokens[i];

        if (!is_of(token, robot))
            continue;
        active += token_is_good(token, now_us);
        ending += token_ends_soon(view->tokens, view->token_count, token, now_us);
    }
    jsonw_name_i64(w, "id", robot->id);
    jsonw_name_str(w, "name", robot->name);
    jsonw_name_str(w, "owner", robot->owner);
    jsonw_name_bool(w, "owner_left", owner_has_left(view->users, view->user_count, robot->owner));
    jsonw_name_bool(w, "disabled", robot->is_disabled);
    jsonw_name_i64(w, "active_tokens", active);
    jsonw_name_i64(w, "tokens_ending_soon", ending);
}

static void write_texts(struct jsonw *w, const char *name, const struct str *texts, size_t count)
{
    jsonw_name(w, name);
    jsonw_array(w);
    for (size_t i = 0; i < count; i++)
        jsonw_str(w, texts[i]);
    jsonw_end_array(w);
}

static void write_robots(struct jsonw *w, const struct store_view *view, int64_t now_us)
{
    for (size_t i = 0; i < view->governance.robot_count; i++) {
        jsonw_object(w);
        write_robot(w, view, &view->governance.robots[i], now_us);
        jsonw_end_object(w);
    }
}

void robots_list(const struct api_request *request, struct api_reply *reply)
{
    reply_list(request, reply, "robots", write_robots);
}

static const struct robot *find_robot(const struct store_view *view, struct str name)
{
    for (size_t i = 0; i < view->governance.robot_count; i++) {
        if (str_eq(view->governance.robots[i].name, name))
            return &view->governance.robots[i];
    }
    return NULL;
}

void robots_show(const struct api_request *request, struct api_reply *reply)
{
    struct store_view view = {0};
    const struct robot *robot = NULL;
    int64_t now_us = clock_wall_us();
    struct err err;
    struct jsonw w;
    enum err_code code = load(request, &view, &err);

    if (code == ERR_OK && (robot = find_robot(&view, request->params[0])) == NULL)
        code = err_set(&err, ERR_NOT_FOUND,
                       "there is no robot '" STR_FMT "'; `portreeve robot list` shows them",
                       STR_ARG(request->params[0]));
    if (code != ERR_OK) {
        reply_err(reply, &err);
        return;
    }
    jsonw_init(&w, &reply->body);
    jsonw_object(&w);
    write_robot(&w, &view, robot, now_us);
    write_texts(&w, "networks", robot->networks, robot->network_count);
    write_texts(&w, "identity", robot->identity, robot->identity_count);
    jsonw_name(&w, "tokens");
    jsonw_array(&w);
    for (size_t i = 0; i < view.token_count; i++) {
        if (is_of(&view.tokens[i], robot))
            show_token(&w, &view, &view.tokens[i], now_us);
    }
    jsonw_end_array(&w);
    jsonw_end_object(&w);
}

struct birth {
    struct str name;
    struct str owner;
};

static enum err_code create(struct governance *governance, struct arena *arena, void *ctx,
                            struct err *err)
{
    const struct birth *birth = ctx;

    return governance_add_robot(governance, birth->name, birth->owner, arena, err);
}

static enum err_code read_birth(const struct api_request *request, struct birth *birth,
                                struct err *err)
{
    static const char *const names[] = {"name", "owner", NULL};
    struct json_doc doc;
    enum err_code code = body_object(request, names, &doc, err);

    if (code == ERR_OK)
        code = body_str(request, &doc, "name", &birth->name, err);
    if (code == ERR_OK)
        code = body_str(request, &doc, "owner", &birth->owner, err);
    if (code == ERR_OK && (birth->name.len == 0 || birth->owner.len == 0))
        return err_set(err, ERR_INVALID,
                       "a robot needs a name and an owner (the e-mail address of a person)");
    return code;
}

void robots_create(const struct api_request *request, struct api_reply *reply)
{
    struct birth birth = {0};
    uint64_t version = 0;
    struct err err;
    struct jsonw w;
    enum err_code code = read_birth(request, &birth, &err);

    if (code == ERR_OK) {
        const struct control_change change = {
            .request = request, .action = "robot_create", .detail = birth.name};

        code = control_edit(gate_control(request->gate), &change, create, &birth, request->arena,
                            &version, &err);
    }
    if (code != ERR_OK) {
        reply_err(reply, &err);
        return;
    }
    reply->status = 201;
    jsonw_init(&w, &reply->body);
    jsonw_object(&w);
    jsonw_name_str(&w, "name", birth.name);
    jsonw_name_str(&w, "owner", birth.owner);
    jsonw_name_i64(&w, "policy_version", (int64_t)version);
    jsonw_end_object(&w);
}
