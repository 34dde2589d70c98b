#include "admin/handlers.h"
#include "admin/reply.h"
#include "admin/show.h"
#include "base/clock.h"
#include "gate/control.h"
#include "identity/tokens.h"

static void write_tokens(struct jsonw *w, const struct store_view *view, int64_t now_us)
{
    for (size_t i = 0; i < view->token_count; i++)
        show_token(w, view, &view->tokens[i], now_us);
}

void tokens_list(const struct api_request *request, struct api_reply *reply)
{
    reply_list(request, reply, "tokens", write_tokens);
}

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

enum err_code body_limits(const struct api_request *request, const struct json_doc *doc,
                          struct token_wish *wish, struct err *err)
{
    struct str scopes = STR_NONE;
    struct str expires = STR_NONE;
    enum err_code code = body_str(request, doc, "scopes", &scopes, err);

    if (code == ERR_OK)
        code = body_str(request, doc, "expires", &expires, err);
    if (code == ERR_OK && scopes.ptr != NULL)
        code = scopes_parse(scopes, &wish->scopes, err);
    if (code == ERR_OK && expires.len > 0)
        code = read_expiry(expires, &wish->expires_us, err);
    return code;
}

/* rotate, and what only makes sense with it. */
static enum err_code read_rotation(const struct api_request *request, const struct json_doc *doc,
                                   struct token_wish *wish, struct err *err)
{
    json_pos rotate = json_get(doc, 0, STR("rotate"));
    struct str overlap = STR_NONE;
    enum err_code code = body_str(request, doc, "id", &wish->old, err);

    if (code == ERR_OK)
        code = body_str(request, doc, "overlap", &overlap, err);
    if (code != ERR_OK)
        return code;
    if (rotate != JSON_NONE && !json_bool(doc, rotate, &wish->rotates))
        return err_set(err, ERR_INVALID, "rotate must be true or false");
    if (!wish->rotates && (overlap.ptr != NULL || wish->old.ptr != NULL))
        return err_set(err, ERR_INVALID, "overlap and id say how to rotate: they need rotate");
    wish->overlap_us = INT64_C(86400) * 1000000;
    if (overlap.ptr == NULL)
        return ERR_OK;
    if (clock_parse_span(overlap, &wish->overlap_us, NULL) != ERR_OK ||
        wish->overlap_us > TOKEN_MAX_OVERLAP_US)
        return err_set(err, ERR_INVALID,
                       "overlap: '" STR_FMT "' is no span like 24h, of 90 days at most",
                       STR_ARG(overlap));
    return ERR_OK;
}

static enum err_code read_wish(const struct api_request *request, struct token_wish *wish,
                               struct err *err)
{
    static const char *const names[] = {"scopes", "expires", "rotate", "overlap", "id", NULL};
    struct json_doc doc;
    enum err_code code = ERR_OK;

    if (request->body.len == 0)
        return ERR_OK;
    code = body_object(request, names, &doc, err);
    if (code == ERR_OK)
        code = body_limits(request, &doc, wish, err);
    return code == ERR_OK ? read_rotation(request, &doc, wish, err) : code;
}

void tokens_create(const struct api_request *request, struct api_reply *reply)
{
    struct str robot = request->params[0];
    struct token_wish wish = {0};
    struct token_made made = {0};
    struct err err;
    struct jsonw w;
    enum err_code code = read_wish(request, &wish, &err);
    const struct control_change change = {.request = request,
                                          .action = wish.rotates ? "robot_rotate" : "robot_token",
                                          .detail = robot};

    if (code == ERR_OK)
        code = control_add_token(gate_control(request->gate), &change, robot, &wish, request->arena,
                                 &made, &err);
    if (code != ERR_OK) {
        reply_err(reply, &err);
        return;
    }
    reply->status = 201;
    jsonw_init(&w, &reply->body);
    jsonw_object(&w);
    jsonw_name_str(&w, "robot", robot);
    show_made(&w, &made);
    jsonw_end_object(&w);
}

void reply_revoked(struct api_reply *reply, size_t count)
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
