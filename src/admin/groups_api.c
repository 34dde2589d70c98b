/*
 * The groups that providers provision, for administrators, and the tokens that providers do it
 * with.
 */
#include <stdio.h>

#include "admin/handlers.h"
#include "admin/reply.h"
#include "admin/show.h"
#include "base/clock.h"
#include "identity/scim.h"

static size_t count_members(const struct store_view *view, int64_t group_id)
{
    size_t count = 0;

    for (size_t i = 0; i < view->membership_count; i++)
        count += view->memberships[i].group_id == group_id;
    return count;
}

static void write_group(struct jsonw *w, const struct store_view *view,
                        const struct scim_group *group)
{
    char id[24];
    int len = snprintf(id, sizeof id, "g%lld", (long long)group->id);

    jsonw_name_str(w, "id", str_of(id, (size_t)len));
    jsonw_name_str(w, "name", group->display_name);
    jsonw_name_str(w, "provider", group->provider);
    jsonw_name_i64(w, "people", (int64_t)count_members(view, group->id));
    show_time(w, "created", group->created_us);
    show_time(w, "changed", group->changed_us);
}

static void write_groups(struct jsonw *w, const struct store_view *view, int64_t now_us)
{
    (void)now_us;
    for (size_t i = 0; i < view->group_count; i++) {
        jsonw_object(w);
        write_group(w, view, &view->groups[i]);
        jsonw_end_object(w);
    }
}

void groups_list(const struct api_request *request, struct api_reply *reply)
{
    reply_list(request, reply, "groups", write_groups);
}

static bool is_in(const struct store_view *view, int64_t person_id, int64_t group_id)
{
    for (size_t i = 0; i < view->membership_count; i++) {
        if (view->memberships[i].person_id == person_id &&
            view->memberships[i].group_id == group_id)
            return true;
    }
    return false;
}

static void write_members(struct jsonw *w, const struct store_view *view, int64_t group_id)
{
    jsonw_name(w, "users");
    jsonw_array(w);
    for (size_t i = 0; i < view->user_count; i++) {
        if (is_in(view, view->users[i].id, group_id))
            show_user(w, view, &view->users[i]);
    }
    jsonw_end_array(w);
}

static const struct scim_group *find_group(const struct store_view *view, struct str id)
{
    int64_t wanted = 0;

    if (!scim_id_parse(SCIM_GROUP, id, &wanted))
        return NULL;
    for (size_t i = 0; i < view->group_count; i++) {
        if (view->groups[i].id == wanted)
            return &view->groups[i];
    }
    return NULL;
}

void groups_show(const struct api_request *request, struct api_reply *reply)
{
    struct store_view view = {0};
    const struct scim_group *group = NULL;
    struct err err;
    struct jsonw w;
    enum err_code code = control_view(gate_control(request->gate), request->arena, &view, &err);

    if (code == ERR_OK)
        group = find_group(&view, request->params[0]);
    if (code == ERR_OK && group == NULL)
        code = err_set(&err, ERR_NOT_FOUND,
                       "there is no group '" STR_FMT "'; `portreeve group list` shows them",
                       STR_ARG(str_first(request->params[0], 64)));
    if (code != ERR_OK) {
        reply_err(reply, &err);
        return;
    }
    jsonw_init(&w, &reply->body);
    jsonw_object(&w);
    write_group(&w, &view, group);
    write_members(&w, &view, group->id);
    jsonw_end_object(&w);
}

void scim_tokens_create(const struct api_request *request, struct api_reply *reply)
{
    static const char *const names[] = {"expires", NULL};
    struct str provider = request->params[0];
    const struct control_change change = {
        .request = request, .action = "scim_token", .detail = provider};
    struct token_wish wish = {0};
    struct token_made made = {0};
    struct json_doc doc;
    struct err err;
    struct jsonw w;
    enum err_code code = request->body.len == 0 ? ERR_OK : body_object(request, names, &doc, &err);

    if (code == ERR_OK && request->body.len > 0)
        code = body_limits(request, &doc, &wish, &err);
    if (code == ERR_OK)
        code = control_add_scim_token(gate_control(request->gate), &change, provider,
                                      wish.expires_us, request->arena, &made, &err);
    if (code != ERR_OK) {
        reply_err(reply, &err);
        return;
    }
    reply->status = 201;
    jsonw_init(&w, &reply->body);
    jsonw_object(&w);
    jsonw_name_str(&w, "provider", provider);
    show_made(&w, &made);
    jsonw_end_object(&w);
}
