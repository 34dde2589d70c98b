/*
 * People in the store: who was seen, which role they have, who is shut out.
 */
#include "base/clock.h"
#include "gate/control_priv.h"
#include "identity/person.h"

static const struct user *find_user(const struct user *users, size_t count,
                                    const struct caller *caller)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(users[i].provider, caller->provider) &&
            str_eq(users[i].subject, caller->subject))
            return &users[i];
    }
    return NULL;
}

/* An owner of the settings is bound to whoever came first with that address: another subject with
 * the same one, later, is somebody else. */
static enum user_role first_role(const struct control *control, const struct user *users,
                                 size_t count, const struct caller *caller)
{
    /* Whoever showed a code that the administration token made. */
    if (str_eq(caller->provider, STR(PROVIDER_LOCAL)))
        return ROLE_OWNER;
    if (!person_is_owner(&control->gate->settings->identity, caller->provider, caller->email))
        return ROLE_MEMBER;
    for (size_t i = 0; i < count; i++) {
        if (users[i].role == ROLE_OWNER && str_eq(users[i].provider, caller->provider) &&
            str_eq_nocase(users[i].email, caller->email))
            return ROLE_MEMBER;
    }
    return ROLE_OWNER;
}

static enum err_code add_user(struct control *control, const struct api_request *request,
                              const struct user *user, struct err *err)
{
    const struct control_change change = {
        .request = request, .action = "user.add", .detail = str_c(role_word(user->role))};
    struct pending pending = {0};
    enum err_code code = control_begin(control, &change, &pending, err);

    if (code != ERR_OK)
        return code;
    code = store_see_user(control->gate->store, user, &pending.change, NULL, err);
    return control_finish(control, &pending, change.action, code, err);
}

enum err_code control_see_user(struct control *control, const struct api_request *request,
                               struct err *err)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(CONTROL_ARENA_BYTES);
    const struct caller *caller = &request->caller;
    struct user *users = NULL;
    size_t count = 0;

    if (arena == NULL)
        return err_set(err, ERR_LIMIT, "memory is out");
    if (store_load_users(control->gate->store, arena, &users, &count, err) != ERR_OK)
        return err_wrap(err, "see user");
    struct user user = {.provider = caller->provider,
                        .subject = caller->subject,
                        .email = caller->email,
                        .name = caller->name};
    const struct store_change change = {.author = caller->id, .now_us = clock_wall_us()};
    const struct user *known = find_user(users, count, caller);
    /* Who signed out before ever coming here is noted, but new. */
    if (known != NULL && known->last_seen_us > 0) {
        enum err_code code = store_see_user(control->gate->store, &user, &change, NULL, err);

        return code != ERR_OK || str_eq(known->email, user.email) ? code
                                                                  : control_publish(control, err);
    }
    user.role = first_role(control, users, count, caller);
    return add_user(control, request, &user, err);
}

enum err_code control_user_id(struct control *control, const struct api_request *request,
                              struct arena *arena, int64_t *ret_id, struct err *err)
{
    const struct user *user = NULL;
    struct user *users = NULL;
    size_t count = 0;

    for (int round = 0; round < 2 && user == NULL; round++) {
        if (round > 0 && control_see_user(control, request, err) != ERR_OK)
            return err_wrap(err, "user");
        if (store_load_users(control->gate->store, arena, &users, &count, err) != ERR_OK)
            return err_wrap(err, "user");
        user = find_user(users, count, &request->caller);
    }
    if (user == NULL)
        return err_set(err, ERR_INTERNAL, "a user who was just noted is not there");
    *ret_id = user->id;
    return ERR_OK;
}

enum err_code control_set_user(struct control *control, const struct control_change *change,
                               int64_t id, enum user_role role, bool is_disabled, struct err *err)
{
    struct pending pending = {0};
    uint64_t version = 0;
    enum err_code code = control_begin(control, change, &pending, err);

    if (code != ERR_OK)
        return code;
    code =
        store_set_user(control->gate->store, id, role, is_disabled, &pending.change, &version, err);
    return control_finish(control, &pending, change->action, code, err);
}

enum err_code control_sign_out(struct control *control, const struct control_change *change,
                               const struct sign_out *who, const struct spent_id *token,
                               struct err *err)
{
    struct pending pending = {0};
    uint64_t version = 0;
    enum err_code code = control_begin(control, change, &pending, err);

    if (code != ERR_OK)
        return code;
    code = store_sign_out(control->gate->store, who, token, &pending.change, &version, err);
    return control_finish(control, &pending, change->action, code, err);
}
