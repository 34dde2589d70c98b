#include "admin/handlers.h"
#include "admin/reply.h"
#include "admin/show.h"
#include "base/clock.h"
#include "catalog/governance_edit.h"
#include "gate/control.h"
#include "gate/gate.h"

static enum err_code load(const struct api_request *request, struct store_view *view,
                          struct err *err)
{
    return control_view(gate_control(request->gate), request->arena, view, err);
}

static const char *token_state(const struct token *token, int64_t now_us)
{
    if (token->revoked_us != 0)
        return "revoked";
    return token->expires_us != 0 && token->expires_us <= now_us ? "expired" : "active";
}

static size_t count_active(const struct store_view *view, int64_t robot_id, int64_t now_us)
{
    size_t count = 0;

    for (size_t i = 0; i < view->token_count; i++) {
        const struct token *token = &view->tokens[i];

        count += token->kind == TOKEN_ROBOT && token->robot_id == robot_id &&
                 token->revoked_us == 0 && (token->expires_us == 0 || token->expires_us > now_us);
    }
    return count;
}

void robots_list(const struct api_request *request, struct api_reply *reply)
{
    struct store_view view = {0};
    int64_t now_us = clock_wall_us();
    struct err err;
    struct jsonw w;

    if (load(request, &view, &err) != ERR_OK) {
        reply_err(reply, &err);
        return;
    }
    jsonw_init(&w, &reply->body);
    jsonw_object(&w);
    jsonw_name(&w, "robots");
    jsonw_array(&w);
    for (size_t i = 0; i < view.governance.robot_count; i++) {
        const struct robot *robot = &view.governance.robots[i];

        jsonw_object(&w);
        jsonw_name_i64(&w, "id", robot->id);
        jsonw_name_str(&w, "name", robot->name);
        jsonw_name_str(&w, "owner", robot->owner);
        jsonw_name_bool(&w, "disabled", robot->is_disabled);
        jsonw_name_i64(&w, "active_tokens", (int64_t)count_active(&view, robot->id, now_us));
        jsonw_end_object(&w);
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

/* Tokens. */

static struct str robot_name(const struct governance *governance, int64_t id)
{
    for (size_t i = 0; i < governance->robot_count; i++) {
        if (governance->robots[i].id == id)
            return governance->robots[i].name;
    }
    return STR_NONE;
}

static void write_token(struct jsonw *w, const struct store_view *view, const struct token *token,
                        int64_t now_us)
{
    struct str robot = robot_name(&view->governance, token->robot_id);

    jsonw_object(w);
    jsonw_name_str(w, "id", token->id);
    jsonw_name_str(w, "kind", str_c(token_kind_word(token->kind)));
    if (robot.len > 0)
        jsonw_name_str(w, "robot", robot);
    if (token->owner.len > 0)
        jsonw_name_str(w, "owner", token->owner);
    jsonw_name_str(w, "state", str_c(token_state(token, now_us)));
    show_scopes(w, "scopes", token->scopes);
    show_time(w, "created", token->created_us);
    show_time(w, "expires", token->expires_us);
    show_time(w, "last_used", token->last_used_us);
    show_time(w, "revoked", token->revoked_us);
    jsonw_end_object(w);
}

void tokens_list(const struct api_request *request, struct api_reply *reply)
{
    struct store_view view = {0};
    int64_t now_us = clock_wall_us();
    struct err err;
    struct jsonw w;

    if (load(request, &view, &err) != ERR_OK) {
        reply_err(reply, &err);
        return;
    }
    jsonw_init(&w, &reply->body);
    jsonw_object(&w);
    jsonw_name(&w, "tokens");
    jsonw_array(&w);
    for (size_t i = 0; i < view.token_count; i++)
        write_token(&w, &view, &view.tokens[i], now_us);
    jsonw_end_array(&w);
    jsonw_end_object(&w);
}

struct token_wish {
    uint32_t scopes;
    int64_t expires_us; /* 0: never */
};

/* A length of time from now, or a point in time. */
static enum err_code read_expiry(struct str text, int64_t *ret_us, struct err *err)
{
    int64_t now_us = clock_wall_us();
    int64_t span_us = 0;
    int64_t at_us = 0;

    if (clock_parse_span(text, &span_us, NULL) == ERR_OK && span_us < INT64_MAX - now_us) {
        at_us = now_us + span_us;
    } else if (clock_parse(text, now_us, &at_us, NULL) != ERR_OK) {
        return err_set(err, ERR_INVALID,
                       "expires: '" STR_FMT
                       "' is neither a span like 30d nor a time like 2026-11-23T14:00:00Z",
                       STR_ARG(text));
    }
    if (at_us <= now_us)
        return err_set(err, ERR_INVALID, "expires: '" STR_FMT "' is in the past", STR_ARG(text));
    *ret_us = at_us;
    return ERR_OK;
}

static enum err_code read_token_wish(const struct api_request *request, struct token_wish *wish,
                                     struct err *err)
{
    static const char *const names[] = {"scopes", "expires", NULL};
    struct str scopes = STR_NONE;
    struct str expires = STR_NONE;
    struct json_doc doc;
    enum err_code code = ERR_OK;

    wish->scopes = scopes_default(TOKEN_ROBOT);
    if (request->body.len == 0)
        return ERR_OK;
    code = body_object(request, names, &doc, err);
    if (code == ERR_OK)
        code = body_str(request, &doc, "scopes", &scopes, err);
    if (code == ERR_OK)
        code = body_str(request, &doc, "expires", &expires, err);
    if (code == ERR_OK && scopes.ptr != NULL)
        code = scopes_parse(scopes, &wish->scopes, err);
    if (code == ERR_OK && expires.len > 0)
        code = read_expiry(expires, &wish->expires_us, err);
    return code;
}

void tokens_create(const struct api_request *request, struct api_reply *reply)
{
    struct str robot = request->params[0];
    const struct control_change change = {
        .request = request, .action = "robot_token", .detail = robot};
    struct token_wish wish = {0};
    struct str text = STR_NONE;
    struct str id = STR_NONE;
    struct err err;
    struct jsonw w;
    enum err_code code = read_token_wish(request, &wish, &err);

    if (code == ERR_OK)
        code = control_add_token(gate_control(request->gate), &change, robot, wish.scopes,
                                 wish.expires_us, request->arena, &text, &id, &err);
    if (code != ERR_OK) {
        reply_err(reply, &err);
        return;
    }
    reply->status = 201;
    jsonw_init(&w, &reply->body);
    jsonw_object(&w);
    jsonw_name_str(&w, "id", id);
    jsonw_name_str(&w, "robot", robot);
    jsonw_name_str(&w, "token", text);
    show_scopes(&w, "scopes", wish.scopes);
    show_time(&w, "expires", wish.expires_us);
    jsonw_end_object(&w);
}

static void reply_revoked(struct api_reply *reply, size_t count)
{
    struct jsonw w;

    jsonw_init(&w, &reply->body);
    jsonw_object(&w);
    jsonw_name_i64(&w, "revoked", (int64_t)count);
    jsonw_end_object(&w);
}

void tokens_revoke(const struct api_request *request, struct api_reply *reply)
{
    const struct control_change change = {
        .request = request, .action = "token_revoke", .detail = request->params[0]};
    struct err err;
    enum err_code code = ERR_OK;

    if (str_eq(request->params[0], request->caller.token_id))
        code = err_set(&err, ERR_CONFLICT,
                       "this is the token that you use; revoke it with another one");
    else
        code = control_revoke_token(gate_control(request->gate), &change, request->params[0], &err);
    if (code != ERR_OK)
        reply_err(reply, &err);
    else
        reply_revoked(reply, 1);
}

void robots_revoke(const struct api_request *request, struct api_reply *reply)
{
    const struct control_change change = {
        .request = request, .action = "robot_revoke", .detail = request->params[0]};
    size_t count = 0;
    struct err err;

    if (control_revoke_robot(gate_control(request->gate), &change, request->params[0], &count,
                             &err) != ERR_OK)
        reply_err(reply, &err);
    else
        reply_revoked(reply, count);
}
