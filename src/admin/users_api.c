#include "admin/handlers.h"
#include "admin/reply.h"
#include "admin/show.h"
#include "base/clock.h"
#include "gate/control.h"

void users_list(const struct api_request *request, struct api_reply *reply)
{
    struct store_view view = {0};
    struct err err;
    struct jsonw w;

    if (control_view(gate_control(request->gate), request->arena, &view, &err) != ERR_OK) {
        reply_err(reply, &err);
        return;
    }
    jsonw_init(&w, &reply->body);
    jsonw_object(&w);
    jsonw_name(&w, "users");
    jsonw_array(&w);
    for (size_t i = 0; i < view.user_count; i++)
        show_user(&w, &view, &view.users[i]);
    jsonw_end_array(&w);
    jsonw_end_object(&w);
}

/* By id, or by an e-mail address that one user alone has. */
static enum err_code find_user(const struct api_request *request, struct str who,
                               struct user *ret_user, struct err *err)
{
    struct store_view view = {0};
    uint64_t id = 0;
    size_t found = 0;

    if (control_view(gate_control(request->gate), request->arena, &view, err) != ERR_OK)
        return err_wrap(err, "find user");
    bool is_id = str_u64(who, &id);
    for (size_t i = 0; i < view.user_count; i++) {
        const struct user *user = &view.users[i];

        if (is_id ? (uint64_t)user->id != id : !str_eq_nocase(user->email, who))
            continue;
        *ret_user = *user;
        found++;
    }
    if (found == 0)
        return err_set(err, ERR_NOT_FOUND,
                       "there is no user '" STR_FMT
                       "'; `portreeve user list` shows them (they appear when they first come)",
                       STR_ARG(who));
    if (found > 1)
        return err_set(err, ERR_CONFLICT,
                       "%zu users have the e-mail address " STR_FMT "; give the id instead", found,
                       STR_ARG(who));
    return ERR_OK;
}

/* The user as it is now. */
static void answer(const struct api_request *request, struct api_reply *reply, int64_t id)
{
    struct store_view view = {0};
    struct err err;
    struct jsonw w;

    if (control_view(gate_control(request->gate), request->arena, &view, &err) != ERR_OK) {
        reply_err(reply, &err);
        return;
    }
    jsonw_init(&w, &reply->body);
    for (size_t i = 0; i < view.user_count; i++) {
        if (view.users[i].id == id)
            show_user(&w, &view, &view.users[i]);
    }
}

void users_show(const struct api_request *request, struct api_reply *reply)
{
    struct user user = {0};
    struct err err;

    if (find_user(request, request->params[0], &user, &err) != ERR_OK)
        reply_err(reply, &err);
    else
        answer(request, reply, user.id);
}

void users_release(const struct api_request *request, struct api_reply *reply)
{
    struct user user = {0};
    struct err err;
    enum err_code code = find_user(request, request->params[0], &user, &err);

    if (code == ERR_OK && user.provisioning == PROVISIONING_NONE)
        code = err_set(&err, ERR_CONFLICT, "no provider provisioned this user");
    if (code == ERR_OK) {
        const struct control_change change = {
            .request = request,
            .action = "user.release",
            .detail = arena_printf(request->arena, "user %lld", (long long)user.id)};

        code = control_release_user(gate_control(request->gate), &change, user.id, &err);
    }
    if (code != ERR_OK)
        reply_err(reply, &err);
    else
        answer(request, reply, user.id);
}

struct wish {
    enum user_role role;
    bool is_disabled;
};

/* What the body leaves out stays as it is. */
static enum err_code read_wish(const struct api_request *request, struct wish *wish,
                               struct err *err)
{
    static const char *const names[] = {"role", "disabled", NULL};
    struct str role = STR_NONE;
    struct json_doc doc;
    enum err_code code = body_object(request, names, &doc, err);

    if (code == ERR_OK)
        code = body_str(request, &doc, "role", &role, err);
    if (code != ERR_OK)
        return code;
    json_pos disabled = json_get(&doc, 0, STR("disabled"));
    if (disabled != JSON_NONE && !json_bool(&doc, disabled, &wish->is_disabled))
        return err_set(err, ERR_INVALID, "disabled must be true or false");
    if (role.ptr != NULL && !role_parse(role, &wish->role))
        return err_set(err, ERR_INVALID,
                       "'" STR_FMT "' is no role: member, approver, auditor, admin, owner",
                       STR_ARG(role));
    return ERR_OK;
}

/* The host's administrator, who holds the administration token, stands above roles. */
static bool is_owner(const struct caller *caller)
{
    return caller->provider.len == 0 || caller->role == ROLE_OWNER;
}

void users_set(const struct api_request *request, struct api_reply *reply)
{
    struct user user = {0};
    struct err err;
    enum err_code code = find_user(request, request->params[0], &user, &err);
    struct wish wish = {.role = user.role, .is_disabled = user.is_disabled};

    if (code == ERR_OK)
        code = read_wish(request, &wish, &err);
    if (code == ERR_OK && !is_owner(&request->caller) &&
        (user.role == ROLE_OWNER || wish.role == ROLE_OWNER))
        code = err_set(&err, ERR_DENIED, "only an owner changes owners");
    if (code == ERR_OK) {
        const struct control_change change = {
            .request = request,
            .action = "user.set",
            .detail = arena_printf(request->arena, "user %lld: %s%s", (long long)user.id,
                                   role_word(wish.role), wish.is_disabled ? ", disabled" : "")};

        code = control_set_user(gate_control(request->gate), &change, user.id, wish.role,
                                wish.is_disabled, &err);
    }
    if (code != ERR_OK) {
        reply_err(reply, &err);
        return;
    }
    answer(request, reply, user.id);
}

/* Keys of somebody else, for administrators. */

void users_keys(const struct api_request *request, struct api_reply *reply)
{
    struct store_view view = {0};
    struct user user = {0};
    struct err err;
    struct jsonw w;
    enum err_code code = find_user(request, request->params[0], &user, &err);

    if (code == ERR_OK)
        code = control_view(gate_control(request->gate), request->arena, &view, &err);
    if (code != ERR_OK) {
        reply_err(reply, &err);
        return;
    }
    jsonw_init(&w, &reply->body);
    jsonw_object(&w);
    show_keys(&w, &view, user.id, clock_wall_us());
    jsonw_end_object(&w);
}

void users_revoke_keys(const struct api_request *request, struct api_reply *reply)
{
    struct user user = {0};
    size_t count = 0;
    struct err err;
    enum err_code code = find_user(request, request->params[0], &user, &err);

    if (code == ERR_OK) {
        const struct token_holder holder = {.user_id = user.id};
        const struct control_change change = {
            .request = request,
            .action = "user_key.revoke_all",
            .detail = arena_printf(request->arena, "user %lld", (long long)user.id)};

        code = control_revoke_tokens(gate_control(request->gate), &change, &holder, &count, &err);
    }
    if (code != ERR_OK)
        reply_err(reply, &err);
    else
        reply_revoked(reply, count);
}

void users_sign_out(const struct api_request *request, struct api_reply *reply)
{
    struct user user = {0};
    struct err err;
    struct jsonw w;
    enum err_code code = find_user(request, request->params[0], &user, &err);

    if (code == ERR_OK) {
        const struct sign_out who = {.provider = user.provider, .subject = user.subject};
        const struct control_change change = {
            .request = request,
            .action = "user.sign_out",
            .detail = arena_printf(request->arena, "user %lld", (long long)user.id)};

        code = control_sign_out(gate_control(request->gate), &change, &who, NULL, &err);
    }
    if (code != ERR_OK) {
        reply_err(reply, &err);
        return;
    }
    jsonw_init(&w, &reply->body);
    jsonw_object(&w);
    jsonw_name_i64(&w, "signed_out", user.id);
    jsonw_end_object(&w);
}
