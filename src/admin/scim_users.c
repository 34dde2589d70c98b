/*
 * Users that a provider provisions (RFC 7644 §3).
 */
#include "admin/handlers.h"
#include "admin/scim_reply.h"

static bool load(struct scim_ask *ask, const struct scim_find *find, struct scim_user **ret_users,
                 size_t *ret_count)
{
    if (control_scim_users(ask->control, ask->arena, find, ret_users, ret_count, &ask->fault.err) ==
        ERR_OK)
        return true;
    scim_fail(ask);
    return false;
}

/* False: it has been answered. */
static bool load_one(struct scim_ask *ask, int64_t id, struct scim_user *ret_user)
{
    const struct scim_find find = {.provider = ask->provider, .key = SCIM_ID, .id = id};
    struct scim_user *users = NULL;
    size_t count = 0;

    if (!load(ask, &find, &users, &count))
        return false;
    if (count == 0) {
        (void)err_set(&ask->fault.err, ERR_NOT_FOUND, "there is no user u%lld", (long long)id);
        scim_fail(ask);
        return false;
    }
    *ret_user = users[0];
    return true;
}

static void answer(struct scim_ask *ask, int64_t id)
{
    struct scim_user user;
    struct jsonw w;

    if (!load_one(ask, id, &user))
        return;
    jsonw_init(&w, &ask->reply->body);
    scim_user_write(&w, &user, &ask->shape);
}

/* --- reading --- */

static void list_all(struct scim_ask *ask, const struct scim_page *page)
{
    const struct scim_find find = {
        .provider = ask->provider, .key = SCIM_ALL, .skip = page->first - 1, .most = page->most};
    struct scim_user *users = NULL;
    size_t count = 0;
    int64_t total = 0;
    int64_t groups = 0;
    struct jsonw w;

    if (!load(ask, &find, &users, &count))
        return;
    if (control_count_scim(ask->control, ask->provider, &total, &groups, &ask->fault.err) !=
        ERR_OK) {
        scim_fail(ask);
        return;
    }
    jsonw_init(&w, &ask->reply->body);
    scim_page_begin(&w, page, total, (int64_t)count);
    for (size_t i = 0; i < count; i++)
        scim_user_write(&w, &users[i], &ask->shape);
    scim_page_end(&w);
}

static void list_fitting(struct scim_ask *ask, const struct scim_page *page)
{
    struct scim_find find = {.provider = ask->provider};
    struct scim_user *users = NULL;
    size_t count = 0;
    size_t fitting = 0;
    struct jsonw w;

    if (scim_filter_find(&page->filter, SCIM_USER, &find) && !load(ask, &find, &users, &count))
        return;
    for (size_t i = 0; i < count; i++) {
        if (scim_filter_fits_user(&page->filter, &users[i]))
            users[fitting++] = users[i];
    }
    size_t from = (uint64_t)page->first - 1 < fitting ? (size_t)page->first - 1 : fitting;
    size_t shown = fitting - from < (size_t)page->most ? fitting - from : (size_t)page->most;
    jsonw_init(&w, &ask->reply->body);
    scim_page_begin(&w, page, (int64_t)fitting, (int64_t)shown);
    for (size_t i = from; i < from + shown; i++)
        scim_user_write(&w, &users[i], &ask->shape);
    scim_page_end(&w);
}

void scim_users_list(const struct api_request *request, struct api_reply *reply)
{
    struct scim_ask ask;
    struct scim_page page;

    if (!scim_begin(&ask, request, reply) || !scim_page_read(&ask, SCIM_USER, &page))
        return;
    if (page.filter.count == 0)
        list_all(&ask, &page);
    else
        list_fitting(&ask, &page);
}

void scim_users_show(const struct api_request *request, struct api_reply *reply)
{
    struct scim_ask ask;
    int64_t id = 0;

    if (scim_begin(&ask, request, reply) && scim_path_id(&ask, SCIM_USER, &id))
        answer(&ask, id);
}

/* --- changing --- */

/* The person that it is about, and whether its e-mail address stands for the person: where the
 * settings list domains, as for tokens that do not say. */
static bool name_person(struct scim_ask *ask, struct scim_user *user)
{
    const struct provider *provider = control_provider(ask->control, ask->provider);
    bool by_name = provider != NULL && provider->provisioned_by == PROVISIONED_BY_USER_NAME;

    user->provider = ask->provider;
    user->subject = by_name ? user->user_name : user->external_id;
    user->is_vouched = provider != NULL && provider->email_domain_count > 0 &&
                       str_find(user->email, '@') < user->email.len &&
                       provider_may_state(provider, user->email);
    if (provider != NULL && user->subject.len > 0)
        return true;
    ask->fault.type = SCIM_INVALID_VALUE;
    (void)err_set(&ask->fault.err, ERR_INVALID,
                  "a user needs an externalId: the settings of the gateway say that it is the "
                  "subject of the user's tokens");
    scim_fail(ask);
    return false;
}

/* The name must be nobody else's (§3.3, uniqueness). False: it has been answered. */
static bool check_name(struct scim_ask *ask, const struct scim_user *user)
{
    const struct scim_find find = {
        .provider = ask->provider, .key = SCIM_NAME, .value = user->user_name};
    struct scim_user *others = NULL;
    size_t count = 0;

    if (!load(ask, &find, &others, &count))
        return false;
    if (count == 0 || others[0].id == user->id)
        return true;
    ask->fault.type = SCIM_UNIQUENESS;
    (void)err_set(&ask->fault.err, ERR_CONFLICT, "another user has the userName '" STR_FMT "'",
                  STR_ARG(str_first(user->user_name, 128)));
    scim_fail(ask);
    return false;
}

/* False: it has been answered. */
static bool save(struct scim_ask *ask, const char *action, struct scim_user *user, int64_t *ret_id)
{
    if (!name_person(ask, user) || !check_name(ask, user))
        return false;
    const struct control_change change = {
        .request = ask->request,
        .action = action,
        .detail = arena_printf(
            ask->arena, "user:" STR_FMT ":" STR_FMT ", userName " STR_FMT ", e-mail " STR_FMT "%s",
            STR_ARG(user->provider), STR_ARG(user->subject), STR_ARG(user->user_name),
            STR_ARG(user->email), user->is_active ? ", active" : ", shut out")};
    if (control_save_scim_user(ask->control, &change, ask->arena, user, ret_id, &ask->fault.err) ==
        ERR_OK)
        return true;
    scim_fail(ask);
    return false;
}

void scim_users_create(const struct api_request *request, struct api_reply *reply)
{
    struct scim_ask ask;
    struct scim_user user = {0};
    struct json_doc doc;
    int64_t id = 0;

    if (!scim_begin(&ask, request, reply) || !scim_body(&ask, &doc))
        return;
    if (scim_user_read(&doc, ask.arena, &user, &ask.fault) != ERR_OK) {
        scim_fail(&ask);
        return;
    }
    if (!save(&ask, "scim.user.add", &user, &id))
        return;
    scim_created(&ask, SCIM_USER, id);
    answer(&ask, id);
}

static bool same(const struct scim_user *a, const struct scim_user *b)
{
    return str_eq(a->user_name, b->user_name) && str_eq(a->external_id, b->external_id) &&
           str_eq(a->display_name, b->display_name) &&
           str_eq(a->formatted_name, b->formatted_name) && str_eq(a->family_name, b->family_name) &&
           str_eq(a->given_name, b->given_name) && str_eq(a->email, b->email) &&
           a->is_active == b->is_active;
}

typedef enum err_code change_user_fn(const struct json_doc *doc, struct arena *arena,
                                     struct scim_user *user, struct scim_fault *fault);

/* Providers say again and again what they said before: that is no change. */
static void change_user(const struct api_request *request, struct api_reply *reply,
                        change_user_fn *change)
{
    struct scim_ask ask;
    struct scim_user was;
    struct json_doc doc;
    int64_t id = 0;

    if (!scim_begin(&ask, request, reply) || !scim_path_id(&ask, SCIM_USER, &id) ||
        !scim_body(&ask, &doc) || !load_one(&ask, id, &was))
        return;
    struct scim_user user = was;
    if (change(&doc, ask.arena, &user, &ask.fault) != ERR_OK) {
        scim_fail(&ask);
        return;
    }
    if (same(&was, &user) || save(&ask, "scim.user.set", &user, &id))
        answer(&ask, id);
}

void scim_users_replace(const struct api_request *request, struct api_reply *reply)
{
    change_user(request, reply, scim_user_read);
}

void scim_users_patch(const struct api_request *request, struct api_reply *reply)
{
    change_user(request, reply, scim_user_patch);
}

void scim_users_remove(const struct api_request *request, struct api_reply *reply)
{
    struct scim_ask ask;
    struct scim_user user;
    int64_t id = 0;

    if (!scim_begin(&ask, request, reply) || !scim_path_id(&ask, SCIM_USER, &id) ||
        !load_one(&ask, id, &user))
        return;
    const struct control_change change = {
        .request = request,
        .action = "scim.user.remove",
        .detail = arena_printf(ask.arena, "user:" STR_FMT ":" STR_FMT, STR_ARG(user.provider),
                               STR_ARG(user.subject))};
    if (control_remove_scim_user(ask.control, &change, ask.arena, ask.provider, id,
                                 &ask.fault.err) != ERR_OK)
        scim_fail(&ask);
    else
        reply->status = 204;
}
