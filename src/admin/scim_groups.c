/*
 * Groups that a provider provisions (RFC 7644 §3).
 */
#include "admin/handlers.h"
#include "admin/scim_reply.h"

static bool load(struct scim_ask *ask, const struct scim_find *find, struct scim_group **ret_groups,
                 size_t *ret_count)
{
    if (control_scim_groups(ask->control, ask->arena, find, ret_groups, ret_count,
                            &ask->fault.err) == ERR_OK)
        return true;
    scim_fail(ask);
    return false;
}

/* False: it has been answered. */
static bool load_one(struct scim_ask *ask, int64_t id, struct scim_group *ret_group)
{
    const struct scim_find find = {.provider = ask->provider, .key = SCIM_ID, .id = id};
    struct scim_group *groups = NULL;
    size_t count = 0;

    if (!load(ask, &find, &groups, &count))
        return false;
    if (count == 0) {
        (void)err_set(&ask->fault.err, ERR_NOT_FOUND, "there is no group g%lld", (long long)id);
        scim_fail(ask);
        return false;
    }
    *ret_group = groups[0];
    return true;
}

static bool load_members(struct scim_ask *ask, int64_t id, int64_t **ret_members, size_t *ret_count)
{
    if (control_scim_members(ask->control, ask->arena, id, ret_members, ret_count,
                             &ask->fault.err) == ERR_OK)
        return true;
    scim_fail(ask);
    return false;
}

/* False: it has been answered. */
static bool write_group(struct scim_ask *ask, struct jsonw *w, const struct scim_group *group)
{
    int64_t *members = NULL;
    size_t count = 0;

    if (scim_shape_has(&ask->shape, "members") && !load_members(ask, group->id, &members, &count))
        return false;
    scim_group_write(w, group, members, count, &ask->shape);
    return true;
}

static void answer(struct scim_ask *ask, int64_t id)
{
    struct scim_group group;
    struct jsonw w;

    if (!load_one(ask, id, &group))
        return;
    jsonw_init(&w, &ask->reply->body);
    (void)write_group(ask, &w, &group);
}

/* --- reading --- */

/* Cuts *groups to those that fit. False: it has been answered. */
static bool filter_groups(struct scim_ask *ask, const struct scim_filter *filter,
                          struct scim_group *groups, size_t *count)
{
    bool asks_members = scim_filter_asks_members(filter);
    size_t fitting = 0;

    for (size_t i = 0; i < *count; i++) {
        int64_t *members = NULL;
        size_t member_count = 0;

        if (asks_members && !load_members(ask, groups[i].id, &members, &member_count))
            return false;
        if (scim_filter_fits_group(filter, &groups[i], members, member_count))
            groups[fitting++] = groups[i];
    }
    *count = fitting;
    return true;
}

static void write_page(struct scim_ask *ask, const struct scim_page *page,
                       const struct scim_group *groups, size_t count, int64_t total)
{
    struct jsonw w;

    jsonw_init(&w, &ask->reply->body);
    scim_page_begin(&w, page, total, (int64_t)count);
    for (size_t i = 0; i < count; i++) {
        if (!write_group(ask, &w, &groups[i]))
            return;
    }
    scim_page_end(&w);
}

static void list_all(struct scim_ask *ask, const struct scim_page *page)
{
    const struct scim_find find = {
        .provider = ask->provider, .key = SCIM_ALL, .skip = page->first - 1, .most = page->most};
    struct scim_group *groups = NULL;
    size_t count = 0;
    int64_t users = 0;
    int64_t total = 0;

    if (!load(ask, &find, &groups, &count))
        return;
    if (control_count_scim(ask->control, ask->provider, &users, &total, &ask->fault.err) != ERR_OK)
        scim_fail(ask);
    else
        write_page(ask, page, groups, count, total);
}

static void list_fitting(struct scim_ask *ask, const struct scim_page *page)
{
    struct scim_find find = {.provider = ask->provider};
    struct scim_group *groups = NULL;
    size_t count = 0;

    if (scim_filter_find(&page->filter, SCIM_GROUP, &find) && !load(ask, &find, &groups, &count))
        return;
    if (!filter_groups(ask, &page->filter, groups, &count))
        return;
    size_t from = (uint64_t)page->first - 1 < count ? (size_t)page->first - 1 : count;
    size_t shown = count - from < (size_t)page->most ? count - from : (size_t)page->most;
    write_page(ask, page, count == 0 ? NULL : groups + from, shown, (int64_t)count);
}

void scim_groups_list(const struct api_request *request, struct api_reply *reply)
{
    struct scim_ask ask;
    struct scim_page page;

    if (!scim_begin(&ask, request, reply) || !scim_page_read(&ask, SCIM_GROUP, &page))
        return;
    if (page.filter.count == 0)
        list_all(&ask, &page);
    else
        list_fitting(&ask, &page);
}

void scim_groups_show(const struct api_request *request, struct api_reply *reply)
{
    struct scim_ask ask;
    int64_t id = 0;

    if (scim_begin(&ask, request, reply) && scim_path_id(&ask, SCIM_GROUP, &id))
        answer(&ask, id);
}

/* --- changing --- */

/* False: it has been answered. */
static bool check_name(struct scim_ask *ask, const struct scim_group *group)
{
    const struct scim_find find = {
        .provider = ask->provider, .key = SCIM_NAME, .value = group->display_name};
    struct scim_group *others = NULL;
    size_t count = 0;

    if (!load(ask, &find, &others, &count))
        return false;
    if (count == 0 || others[0].id == group->id)
        return true;
    ask->fault.type = SCIM_UNIQUENESS;
    (void)err_set(&ask->fault.err, ERR_CONFLICT, "another group has the displayName '" STR_FMT "'",
                  STR_ARG(str_first(group->display_name, 128)));
    scim_fail(ask);
    return false;
}

static void write_ids(struct buf *out, const char *title, const int64_t *ids, size_t count)
{
    if (count == 0)
        return;
    buf_add_c(out, title);
    for (size_t i = 0; i < count; i++)
        buf_printf(out, " u%lld", (long long)ids[i]);
}

/* Who comes and who goes, for the record. */
static struct str describe(const struct scim_group_change *wish, struct arena *arena)
{
    CLEANUP(buf_done) struct buf text = {0};

    buf_init(&text, 4 << 20);
    buf_add(&text, wish->group.display_name);
    write_ids(&text, "; in:", wish->added, wish->added_count);
    write_ids(&text, "; out:", wish->removed, wish->removed_count);
    return text.failed ? STR_NONE : arena_dup(arena, buf_str(&text));
}

/* False: it has been answered. */
static bool save(struct scim_ask *ask, const char *action, const struct scim_group_change *wish,
                 int64_t *ret_id)
{
    const struct control_change change = {
        .request = ask->request, .action = action, .detail = describe(wish, ask->arena)};

    if (!check_name(ask, &wish->group))
        return false;
    enum err_code code =
        change.detail.ptr == NULL
            ? err_set(&ask->fault.err, ERR_LIMIT, "the change is too large")
            : control_save_scim_group(ask->control, &change, wish, ret_id, &ask->fault.err);
    if (code == ERR_OK)
        return true;
    ask->fault.type = code == ERR_INVALID ? SCIM_INVALID_VALUE : NULL;
    scim_fail(ask);
    return false;
}

/* What has to change. False: it has been answered. */
static bool compare(struct scim_ask *ask, struct scim_group_wish *wish,
                    struct scim_group_change *ret_change)
{
    int64_t *has = NULL;
    size_t count = 0;

    wish->group.provider = ask->provider;
    if (wish->group.id != 0 && !load_members(ask, wish->group.id, &has, &count))
        return false;
    if (scim_group_change(wish, has, count, ask->arena, ret_change))
        return true;
    (void)err_set(&ask->fault.err, ERR_LIMIT, "memory is out");
    scim_fail(ask);
    return false;
}

void scim_groups_create(const struct api_request *request, struct api_reply *reply)
{
    struct scim_ask ask;
    struct scim_group_wish wish = {.forgets_members = false};
    struct scim_group_change change = {.added = NULL};
    struct json_doc doc;
    int64_t id = 0;

    if (!scim_begin(&ask, request, reply) || !scim_body(&ask, &doc))
        return;
    if (scim_group_read(&doc, ask.arena, &wish, &ask.fault) != ERR_OK) {
        scim_fail(&ask);
        return;
    }
    if (!compare(&ask, &wish, &change) || !save(&ask, "scim.group.add", &change, &id))
        return;
    scim_created(&ask, SCIM_GROUP, id);
    answer(&ask, id);
}

typedef enum err_code change_group_fn(const struct json_doc *doc, struct arena *arena,
                                      struct scim_group_wish *wish, struct scim_fault *fault);

static void change_group(const struct api_request *request, struct api_reply *reply,
                         change_group_fn *change)
{
    struct scim_ask ask;
    struct scim_group was;
    struct scim_group_change wanted = {.added = NULL};
    struct json_doc doc;
    int64_t id = 0;

    if (!scim_begin(&ask, request, reply) || !scim_path_id(&ask, SCIM_GROUP, &id) ||
        !scim_body(&ask, &doc) || !load_one(&ask, id, &was))
        return;
    struct scim_group_wish wish = {.group = was};
    if (change(&doc, ask.arena, &wish, &ask.fault) != ERR_OK) {
        scim_fail(&ask);
        return;
    }
    if (!compare(&ask, &wish, &wanted))
        return;
    bool is_same = str_eq(was.display_name, wish.group.display_name) &&
                   str_eq(was.external_id, wish.group.external_id) && wanted.added_count == 0 &&
                   wanted.removed_count == 0;
    if (is_same || save(&ask, "scim.group.set", &wanted, &id))
        answer(&ask, id);
}

void scim_groups_replace(const struct api_request *request, struct api_reply *reply)
{
    change_group(request, reply, scim_group_read);
}

void scim_groups_patch(const struct api_request *request, struct api_reply *reply)
{
    change_group(request, reply, scim_group_patch);
}

void scim_groups_remove(const struct api_request *request, struct api_reply *reply)
{
    struct scim_ask ask;
    struct scim_group group;
    int64_t id = 0;

    if (!scim_begin(&ask, request, reply) || !scim_path_id(&ask, SCIM_GROUP, &id) ||
        !load_one(&ask, id, &group))
        return;
    const struct control_change change = {
        .request = request, .action = "scim.group.remove", .detail = group.display_name};
    if (control_remove_scim_group(ask.control, &change, ask.provider, id, &ask.fault.err) != ERR_OK)
        scim_fail(&ask);
    else
        reply->status = 204;
}
