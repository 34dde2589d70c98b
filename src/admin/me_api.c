/*
 * What callers ask about themselves: who they are here, and the keys of a person.
 */
#include "admin/handlers.h"
#include "admin/reply.h"
#include "admin/show.h"
#include "base/clock.h"
#include "gate/control.h"
#include "identity/groups.h"
#include "identity/user_key.h"

/* A person's own sessions and keys are nothing for an agent of theirs. */
static bool is_person(const struct caller *caller)
{
    return caller->kind == PRINCIPAL_HUMAN && caller->provider.len > 0;
}

static const struct user *find_self(const struct store_view *view, const struct caller *caller)
{
    for (size_t i = 0; i < view->user_count; i++) {
        if (str_eq(view->users[i].provider, caller->provider) &&
            str_eq(view->users[i].subject, caller->subject))
            return &view->users[i];
    }
    return NULL;
}

static void write_chain(struct jsonw *w, struct str chain)
{
    jsonw_name(w, "chain");
    jsonw_array(w);
    while (chain.len > 0) {
        struct str actor = str_cut(&chain, '<'); /* "outer < inner" */

        while (str_starts(actor, STR(" ")))
            actor = str_from(actor, 1);
        while (str_ends(actor, STR(" ")))
            actor = str_first(actor, actor.len - 1);
        jsonw_str(w, actor);
    }
    jsonw_end_array(w);
}

static void write_token(struct jsonw *w, const struct caller *caller)
{
    jsonw_name(w, "token");
    jsonw_object(w);
    if (caller->token_id.len > 0)
        jsonw_name_str(w, "id", caller->token_id);
    if (caller->client_id.len > 0)
        jsonw_name_str(w, "client", caller->client_id);
    if (caller->session_id.len > 0)
        jsonw_name_str(w, "session", caller->session_id);
    show_time(w, "issued", caller->issued_us);
    show_time(w, "expires", caller->expires_us);
    jsonw_end_object(w);
}

static void write_caller(struct jsonw *w, const struct caller *caller)
{
    jsonw_name_str(w, "kind", str_c(principal_word(caller->kind)));
    jsonw_name_str(w, "id", caller->id);
    jsonw_name_str(w, "name", caller->name);
    if (caller->email.len > 0)
        jsonw_name_str(w, "email", caller->email);
    if (caller->owner.len > 0)
        jsonw_name_str(w, "person", caller->owner);
    if (caller->provider.len > 0)
        jsonw_name_str(w, "provider", caller->provider);
    write_chain(w, caller->chain);
    if (is_person(caller))
        jsonw_name_str(w, "role", str_c(role_word(caller->role)));
    show_scopes(w, "scopes", caller->scopes);
    jsonw_name(w, "groups");
    groups_write(w, caller);
    write_token(w, caller);
}

static void write_sessions(struct jsonw *w, const struct store_view *view,
                           const struct caller *caller, int64_t now_us)
{
    jsonw_name(w, "sessions");
    jsonw_array(w);
    for (size_t i = 0; i < view->session_count; i++) {
        if (str_eq(view->sessions[i].provider, caller->provider) &&
            str_eq(view->sessions[i].subject, caller->subject))
            show_session(w, &view->sessions[i], now_us);
    }
    jsonw_end_array(w);
}

void me_show(const struct api_request *request, struct api_reply *reply)
{
    const struct caller *caller = &request->caller;
    struct store_view view = {0};
    int64_t now_us = clock_wall_us();
    struct err err;
    struct jsonw w;

    if (control_view(gate_control(request->gate), request->arena, &view, &err) != ERR_OK) {
        reply_err(reply, &err);
        return;
    }
    jsonw_init(&w, &reply->body);
    jsonw_object(&w);
    write_caller(&w, caller);
    if (is_person(caller)) {
        const struct user *self = find_self(&view, caller);

        write_sessions(&w, &view, caller, now_us);
        show_keys(&w, &view, self == NULL ? 0 : self->id, now_us);
    }
    jsonw_end_object(&w);
}

/* The keys of whoever asks. */

/* *ret_id 0: somebody who was never seen, and so has no keys. */
static enum err_code find_own(const struct api_request *request, struct store_view *view,
                              int64_t *ret_id, struct err *err)
{
    const struct user *self = NULL;

    if (!is_person(&request->caller))
        return err_set(err, ERR_DENIED,
                       "people alone have keys: neither robots, nor agents, nor the administration "
                       "token");
    if (control_view(gate_control(request->gate), request->arena, view, err) != ERR_OK)
        return err_wrap(err, "keys");
    self = find_self(view, &request->caller);
    *ret_id = self == NULL ? 0 : self->id;
    return ERR_OK;
}

void keys_list(const struct api_request *request, struct api_reply *reply)
{
    struct store_view view = {0};
    int64_t id = 0;
    struct err err;
    struct jsonw w;

    if (find_own(request, &view, &id, &err) != ERR_OK) {
        reply_err(reply, &err);
        return;
    }
    jsonw_init(&w, &reply->body);
    jsonw_object(&w);
    show_keys(&w, &view, id, clock_wall_us());
    jsonw_end_object(&w);
}

static enum err_code read_key_wish(const struct api_request *request, struct key_wish *wish,
                                   struct err *err)
{
    static const char *const names[] = {"name", "agent", "scopes", "expires", NULL};
    struct token_wish limits = {0};
    struct json_doc doc;
    enum err_code code = body_object(request, names, &doc, err);

    if (code == ERR_OK)
        code = body_str(request, &doc, "name", &wish->name, err);
    if (code == ERR_OK)
        code = body_str(request, &doc, "agent", &wish->agent, err);
    if (code == ERR_OK)
        code = body_limits(request, &doc, &limits, err);
    if (code != ERR_OK)
        return code;
    wish->scopes = limits.scopes;
    wish->expires_us = limits.expires_us;
    if (!user_key_is_name(wish->name) ||
        (wish->agent.ptr != NULL && !user_key_is_name(wish->agent)))
        return err_set(err, ERR_INVALID,
                       "name and agent take letters, digits, '.', '_' and '-', 64 at most; a key "
                       "needs a name");
    return ERR_OK;
}

void keys_create(const struct api_request *request, struct api_reply *reply)
{
    struct key_wish wish = {0};
    struct token_made made = {0};
    struct err err;
    struct jsonw w;
    enum err_code code = read_key_wish(request, &wish, &err);

    if (code == ERR_OK) {
        const struct control_change change = {
            .request = request,
            .action = "user_key.create",
            .detail = wish.agent.len == 0
                          ? wish.name
                          : arena_printf(request->arena, STR_FMT " for agent " STR_FMT,
                                         STR_ARG(wish.name), STR_ARG(wish.agent))};

        code = control_add_key(gate_control(request->gate), &change, &wish, request->arena, &made,
                               &err);
    }
    if (code != ERR_OK) {
        reply_err(reply, &err);
        return;
    }
    reply->status = 201;
    jsonw_init(&w, &reply->body);
    jsonw_object(&w);
    jsonw_name_str(&w, "name", wish.name);
    if (wish.agent.len > 0)
        jsonw_name_str(&w, "agent", wish.agent);
    show_made(&w, &made);
    jsonw_end_object(&w);
}

/* The id of somebody else's token is as unknown as one that never was. */
static bool is_own(const struct store_view *view, int64_t user_id, struct str id)
{
    for (size_t i = 0; i < view->token_count; i++) {
        const struct token *token = &view->tokens[i];

        if (token->kind == TOKEN_USER && token->user_id == user_id && str_eq(token->id, id))
            return true;
    }
    return false;
}

void keys_revoke(const struct api_request *request, struct api_reply *reply)
{
    struct str id = request->params[0];
    const struct control_change change = {
        .request = request, .action = "user_key.revoke", .detail = id};
    struct store_view view = {0};
    int64_t user_id = 0;
    struct err err;
    enum err_code code = find_own(request, &view, &user_id, &err);

    if (code == ERR_OK && (user_id == 0 || !is_own(&view, user_id, id)))
        code = err_set(&err, ERR_NOT_FOUND,
                       "you have no key '" STR_FMT "'; `portreeve user key list` shows them",
                       STR_ARG(id));
    if (code == ERR_OK)
        code = control_revoke_token(gate_control(request->gate), &change, id, &err);
    if (code != ERR_OK)
        reply_err(reply, &err);
    else
        reply_revoked(reply, 1);
}
