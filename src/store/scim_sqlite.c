/*
 * scim_sqlite.c - the operations of store.h on users and groups as providers provision them: what
 * is stored of the resources, and what that means for the people.
 */
#include "store/sqlite_priv.h"

struct scim_ctx {
    struct arena *arena;
    const struct scim_find *find;
    struct scim_user *users;
    struct scim_group *groups;
    int64_t *ids;
    size_t count;
    int64_t user_total;
    int64_t group_total;
    const struct scim_user *user;
    const struct scim_group_change *group;
    struct str provider;
    int64_t id;
    const struct store_change *change;
    uint64_t version;
};

/* --- reading --- */

static enum err_code read_scim_user(struct loader *loader, struct sqlite3_stmt *row, void *item,
                                    struct err *err)
{
    struct scim_user *user = item;
    struct str *const texts[] = {&user->provider,    &user->subject,      &user->user_name,
                                 &user->external_id, &user->display_name, &user->formatted_name,
                                 &user->family_name, &user->given_name,   &user->email};
    enum err_code code = ERR_OK;
    user->id = sql_i64(row, 0);
    user->person_id = sql_i64(row, 1);
    user->is_active = sql_i64(row, 2) != 0;
    user->created_us = sql_i64(row, 3);
    user->changed_us = sql_i64(row, 4);
    for (size_t i = 0; code == ERR_OK && i < ARRAY_LEN(texts); i++)
        code = loader_str(loader, row, 5 + (int)i, texts[i], err);
    return code;
}

static enum err_code read_scim_group(struct loader *loader, struct sqlite3_stmt *row, void *item,
                                     struct err *err)
{
    struct scim_group *group = item;
    struct str *const texts[] = {&group->provider, &group->display_name, &group->external_id};
    enum err_code code = ERR_OK;
    group->id = sql_i64(row, 0);
    group->created_us = sql_i64(row, 1);
    group->changed_us = sql_i64(row, 2);
    for (size_t i = 0; code == ERR_OK && i < ARRAY_LEN(texts); i++)
        code = loader_str(loader, row, 3 + (int)i, texts[i], err);
    return code;
}

#define USER_ROWS                                                                                  \
    "SELECT s.id, s.person_id, s.is_active, s.created_us, s.changed_us, s.provider, p.subject, "   \
    "s.user_name, s.external_id, s.display_name, s.formatted_name, s.family_name, s.given_name, "  \
    "s.email FROM scim_user s JOIN user p ON p.id = s.person_id WHERE s.provider = ?1"
#define GROUP_ROWS                                                                                 \
    "SELECT id, created_us, changed_us, provider, display_name, external_id FROM scim_group "      \
    "WHERE provider = ?1"

static const struct loader_query user_queries[] = {
    [SCIM_ALL] = {.count =
                      "SELECT max(0, min(?3, count(*) - ?2)) FROM scim_user WHERE provider = ?1",
                  .rows = USER_ROWS " ORDER BY s.id LIMIT ?3 OFFSET ?2"},
    [SCIM_ID] = {.count = "SELECT count(*) FROM scim_user WHERE provider = ?1 AND id = ?2",
                 .rows = USER_ROWS " AND s.id = ?2"},
    [SCIM_NAME] = {.count = "SELECT count(*) FROM scim_user WHERE provider = ?1 AND user_name = ?2",
                   .rows = USER_ROWS " AND s.user_name = ?2"},
    [SCIM_EXTERNAL_ID] = {.count = "SELECT count(*) FROM scim_user WHERE provider = ?1 AND "
                                   "external_id = ?2",
                          .rows = USER_ROWS " AND s.external_id = ?2 ORDER BY s.id"},
};

static const struct loader_query group_queries[] = {
    [SCIM_ALL] = {.count =
                      "SELECT max(0, min(?3, count(*) - ?2)) FROM scim_group WHERE provider = ?1",
                  .rows = GROUP_ROWS " ORDER BY id LIMIT ?3 OFFSET ?2"},
    [SCIM_ID] = {.count = "SELECT count(*) FROM scim_group WHERE provider = ?1 AND id = ?2",
                 .rows = GROUP_ROWS " AND id = ?2"},
    [SCIM_NAME] = {.count = "SELECT count(*) FROM scim_group WHERE provider = ?1 AND "
                            "display_name = ?2",
                   .rows = GROUP_ROWS " AND display_name = ?2"},
    [SCIM_EXTERNAL_ID] = {.count = "SELECT count(*) FROM scim_group WHERE provider = ?1 AND "
                                   "external_id = ?2",
                          .rows = GROUP_ROWS " AND external_id = ?2 ORDER BY id"},
};

static enum err_code find(struct sql *sql, const struct scim_ctx *c,
                          const struct loader_query *queries, size_t item_bytes,
                          loader_row_fn *read, void **ret_items, size_t *ret_count, struct err *err)
{
    struct loader loader = {.sql = sql, .arena = c->arena};
    struct loader_query query = queries[c->find->key];
    bool is_list = c->find->key == SCIM_ALL;
    const struct sql_value args[] = {SQL_TEXT(c->find->provider),
                                     is_list                   ? SQL_INT(c->find->skip)
                                     : c->find->key == SCIM_ID ? SQL_INT(c->find->id)
                                                               : SQL_TEXT(c->find->value),
                                     SQL_INT(c->find->most)};
    query.item_bytes = item_bytes;
    query.read = read;
    return loader_read(&loader, &query, args, is_list ? 3 : 2, ret_items, ret_count, err);
}

static enum err_code count_body(struct sql *sql, void *ctx, struct err *err)
{
    struct scim_ctx *c = ctx;
    const struct sql_value args[] = {SQL_TEXT(c->provider)};
    enum err_code code = sql_get_i64(sql, "SELECT count(*) FROM scim_user WHERE provider = ?1",
                                     args, 1, &c->user_total, err);
    if (code == ERR_OK)
        code = sql_get_i64(sql, "SELECT count(*) FROM scim_group WHERE provider = ?1", args, 1,
                           &c->group_total, err);
    return code;
}

enum err_code sqlite_op_count_scim(struct store *store, struct str provider, int64_t *ret_users,
                                   int64_t *ret_groups, struct err *err)
{
    struct scim_ctx c = {.provider = provider};
    enum err_code code = sqlite_run(store, SQL_READ, count_body, &c, err);
    if (code == ERR_OK) {
        *ret_users = c.user_total;
        *ret_groups = c.group_total;
    }
    return code;
}

static enum err_code load_users_body(struct sql *sql, void *ctx, struct err *err)
{
    struct scim_ctx *c = ctx;
    void *items = NULL;
    enum err_code code = find(sql, c, user_queries, sizeof(struct scim_user), read_scim_user,
                              &items, &c->count, err);
    c->users = items;
    return code;
}

enum err_code sqlite_op_load_scim_users(struct store *store, struct arena *arena,
                                        const struct scim_find *wanted,
                                        struct scim_user **ret_users, size_t *ret_count,
                                        struct err *err)
{
    struct scim_ctx c = {.arena = arena, .find = wanted};
    enum err_code code = sqlite_run(store, SQL_READ, load_users_body, &c, err);
    if (code == ERR_OK) {
        *ret_users = c.users;
        *ret_count = c.count;
    }
    return code;
}

static enum err_code load_groups_body(struct sql *sql, void *ctx, struct err *err)
{
    struct scim_ctx *c = ctx;
    void *items = NULL;
    enum err_code code = find(sql, c, group_queries, sizeof(struct scim_group), read_scim_group,
                              &items, &c->count, err);
    c->groups = items;
    return code;
}

enum err_code sqlite_op_load_scim_groups(struct store *store, struct arena *arena,
                                         const struct scim_find *wanted,
                                         struct scim_group **ret_groups, size_t *ret_count,
                                         struct err *err)
{
    struct scim_ctx c = {.arena = arena, .find = wanted};
    enum err_code code = sqlite_run(store, SQL_READ, load_groups_body, &c, err);
    if (code == ERR_OK) {
        *ret_groups = c.groups;
        *ret_count = c.count;
    }
    return code;
}

static enum err_code read_id(struct loader *loader, struct sqlite3_stmt *row, void *item,
                             struct err *err)
{
    (void)loader;
    (void)err;
    *(int64_t *)item = sql_i64(row, 0);
    return ERR_OK;
}

static enum err_code load_members_body(struct sql *sql, void *ctx, struct err *err)
{
    static const struct loader_query query = {
        .count = "SELECT count(*) FROM scim_member WHERE group_id = ?1",
        .rows = "SELECT user_id FROM scim_member WHERE group_id = ?1 ORDER BY user_id",
        .item_bytes = sizeof(int64_t),
        .read = read_id,
    };
    struct scim_ctx *c = ctx;
    struct loader loader = {.sql = sql, .arena = c->arena};
    void *items = NULL;
    enum err_code code =
        loader_read(&loader, &query, SQL_ARGS(SQL_INT(c->id)), &items, &c->count, err);
    c->ids = items;
    return code;
}

enum err_code sqlite_op_load_scim_members(struct store *store, struct arena *arena,
                                          int64_t group_id, int64_t **ret_ids, size_t *ret_count,
                                          struct err *err)
{
    struct scim_ctx c = {.arena = arena, .id = group_id};
    enum err_code code = sqlite_run(store, SQL_READ, load_members_body, &c, err);
    if (code == ERR_OK) {
        *ret_ids = c.ids;
        *ret_count = c.count;
    }
    return code;
}

enum err_code sqlite_load_groups(struct loader *loader, struct scim_group **ret_groups,
                                 size_t *ret_count, struct err *err)
{
    static const struct loader_query query = {
        .count = "SELECT count(*) FROM scim_group",
        .rows = "SELECT id, created_us, changed_us, provider, display_name, external_id FROM "
                "scim_group ORDER BY id",
        .item_bytes = sizeof(struct scim_group),
        .read = read_scim_group,
    };
    void *items = NULL;
    enum err_code code = loader_read(loader, &query, SQL_NO_ARGS, &items, ret_count, err);
    if (code == ERR_OK)
        *ret_groups = items;
    return code;
}

static enum err_code read_membership(struct loader *loader, struct sqlite3_stmt *row, void *item,
                                     struct err *err)
{
    struct membership *membership = item;
    (void)loader;
    (void)err;
    membership->person_id = sql_i64(row, 0);
    membership->group_id = sql_i64(row, 1);
    return ERR_OK;
}

enum err_code sqlite_load_memberships(struct loader *loader, struct membership **ret_memberships,
                                      size_t *ret_count, struct err *err)
{
    static const struct loader_query query = {
        .count = "SELECT count(*) FROM scim_member",
        .rows = "SELECT s.person_id, m.group_id FROM scim_member m JOIN scim_user s ON s.id = "
                "m.user_id ORDER BY s.person_id, m.group_id",
        .item_bytes = sizeof(struct membership),
        .read = read_membership,
    };
    void *items = NULL;
    enum err_code code = loader_read(loader, &query, SQL_NO_ARGS, &items, ret_count, err);
    if (code == ERR_OK)
        *ret_memberships = items;
    return code;
}

/* --- what it means for people --- */

/* Whoever is shut out is signed out, too: what was issued before stays useless when the person is
 * let in again. */
static enum err_code shut_out(struct sql *sql, int64_t person_id, struct str provider,
                              struct str subject, enum provisioning provisioning, int64_t now_us,
                              struct err *err)
{
    const struct sign_out who = {.provider = provider, .subject = subject};
    enum err_code code = sqlite_check_owner(sql, person_id, provider, err);
    if (code == ERR_OK)
        code = sql_run(
            sql, "UPDATE user SET provisioning = ?2 WHERE id = ?1",
            SQL_ARGS(SQL_INT(person_id), SQL_TEXT(str_c(provisioning_word(provisioning)))), err);
    return code == ERR_OK ? sqlite_sign_out(sql, &who, now_us, err) : code;
}

/* Only an e-mail address that is vouched for stands for the person; a role is never touched. */
static enum err_code let_in(struct sql *sql, const struct scim_user *user, int64_t now_us,
                            struct err *err)
{
    struct str email = user->is_vouched ? user->email : STR("");
    return sql_run(
        sql,
        "INSERT INTO user (provider, subject, email, name, role, is_disabled, created_us, "
        "last_seen_us, provisioning) VALUES (?1, ?2, ?3, ?4, 'member', 0, ?5, 0, 'active') ON "
        "CONFLICT (provider, subject) DO UPDATE SET email = CASE WHEN ?3 = '' THEN user.email "
        "ELSE ?3 END, name = CASE WHEN ?4 = '' THEN user.name ELSE ?4 END, provisioning = "
        "'active'",
        SQL_ARGS(SQL_TEXT(user->provider), SQL_TEXT(user->subject), SQL_TEXT(email),
                 SQL_TEXT(user->display_name), SQL_INT(now_us)),
        err);
}

static enum err_code find_person(struct sql *sql, const struct scim_user *user, int64_t *ret_id,
                                 struct err *err)
{
    return sql_get_i64(sql, "SELECT id FROM user WHERE provider = ?1 AND subject = ?2",
                       SQL_ARGS(SQL_TEXT(user->provider), SQL_TEXT(user->subject)), ret_id, err);
}

/* The person of the resource before the change; id 0: it is new. */
struct before {
    int64_t person_id;
    struct str subject;
};

static enum err_code load_before(struct sql *sql, const struct scim_user *user, struct arena *arena,
                                 struct before *ret_before, struct err *err)
{
    CLEANUP(sql_endp) struct sqlite3_stmt *rows = NULL;
    bool has_row = false;
    if (user->id == 0)
        return ERR_OK;
    enum err_code code =
        sql_start(sql,
                  "SELECT s.person_id, p.subject FROM scim_user s JOIN user p ON p.id = "
                  "s.person_id WHERE s.provider = ?1 AND s.id = ?2",
                  SQL_ARGS(SQL_TEXT(user->provider), SQL_INT(user->id)), &rows, err);
    if (code == ERR_OK)
        code = sql_next(sql, rows, &has_row, err);
    if (code != ERR_OK)
        return code;
    if (!has_row)
        return err_set(err, ERR_NOT_FOUND, "no provisioned user has the id %lld",
                       (long long)user->id);
    ret_before->person_id = sql_i64(rows, 0);
    return sql_dup(rows, 1, arena, &ret_before->subject, err);
}

/* --- saving users --- */

static enum err_code check_room(struct sql *sql, const char *count_text, int64_t most,
                                struct err *err)
{
    int64_t count = 0;
    enum err_code code = sql_get_i64(sql, count_text, SQL_NO_ARGS, &count, err);
    if (code == ERR_OK && count >= most)
        return err_set(err, ERR_LIMIT, "there are %lld already", (long long)most);
    return code;
}

static enum err_code put_user(struct sql *sql, const struct scim_user *user, int64_t person_id,
                              int64_t now_us, struct err *err)
{
    const char *text =
        user->id == 0
            ? "INSERT INTO scim_user (person_id, provider, user_name, external_id, display_name, "
              "formatted_name, family_name, given_name, email, is_active, created_us, changed_us) "
              "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11)"
            : "UPDATE scim_user SET person_id = ?1, user_name = ?3, external_id = ?4, "
              "display_name = ?5, formatted_name = ?6, family_name = ?7, given_name = ?8, email = "
              "?9, is_active = ?10, changed_us = ?11 WHERE provider = ?2 AND id = ?12";
    const struct sql_value args[] = {SQL_INT(person_id),
                                     SQL_TEXT(user->provider),
                                     SQL_TEXT(user->user_name),
                                     SQL_TEXT(user->external_id),
                                     SQL_TEXT(user->display_name),
                                     SQL_TEXT(user->formatted_name),
                                     SQL_TEXT(user->family_name),
                                     SQL_TEXT(user->given_name),
                                     SQL_TEXT(user->email),
                                     SQL_INT(user->is_active),
                                     SQL_INT(now_us),
                                     SQL_INT(user->id)};
    enum err_code code = sql_run(sql, text, args, ARRAY_LEN(args) - (user->id == 0 ? 1 : 0), err);
    if (code == ERR_CONFLICT)
        return err_set(err, ERR_CONFLICT, "a user of this name, or of this id, is there already");
    return code;
}

/* Another subject is another person: whoever the resource was about is not provisioned any more. */
static enum err_code save_person(struct sql *sql, struct scim_ctx *c, const struct before *before,
                                 int64_t *ret_person_id, struct err *err)
{
    const struct scim_user *user = c->user;
    enum err_code code = let_in(sql, user, c->change->now_us, err);
    if (code == ERR_OK)
        code = find_person(sql, user, ret_person_id, err);
    if (code == ERR_OK && before->person_id != 0 && before->person_id != *ret_person_id)
        code = shut_out(sql, before->person_id, user->provider, before->subject,
                        PROVISIONING_DELETED, c->change->now_us, err);
    if (code == ERR_OK && !user->is_active)
        code = shut_out(sql, *ret_person_id, user->provider, user->subject, PROVISIONING_INACTIVE,
                        c->change->now_us, err);
    return code;
}

static enum err_code seal_change(struct sql *sql, struct scim_ctx *c, struct err *err)
{
    enum err_code code = remember_change(sql, c->change, err);
    return code == ERR_OK ? raise_policy_version(sql, &c->version, err) : code;
}

static enum err_code save_user_body(struct sql *sql, void *ctx, struct err *err)
{
    struct scim_ctx *c = ctx;
    struct before before = {0};
    int64_t person_id = 0;
    enum err_code code = load_before(sql, c->user, c->arena, &before, err);
    if (code == ERR_OK && c->user->id == 0)
        code = check_room(sql, "SELECT count(*) FROM scim_user", STORE_MAX_SCIM_USERS, err);
    if (code == ERR_OK)
        code = save_person(sql, c, &before, &person_id, err);
    if (code == ERR_OK)
        code = put_user(sql, c->user, person_id, c->change->now_us, err);
    if (code == ERR_OK)
        c->id = c->user->id == 0 ? sql_last_id(sql) : c->user->id;
    return code == ERR_OK ? seal_change(sql, c, err) : code;
}

enum err_code sqlite_op_save_scim_user(struct store *store, struct arena *arena,
                                       const struct scim_user *user,
                                       const struct store_change *change, int64_t *ret_id,
                                       uint64_t *ret_policy_version, struct err *err)
{
    struct scim_ctx c = {.arena = arena, .user = user, .change = change};
    enum err_code code = sqlite_run(store, SQL_WRITE, save_user_body, &c, err);
    if (code == ERR_OK) {
        *ret_id = c.id;
        *ret_policy_version = c.version;
    }
    return code;
}

static enum err_code remove_user_body(struct sql *sql, void *ctx, struct err *err)
{
    struct scim_ctx *c = ctx;
    const struct scim_user user = {.id = c->id, .provider = c->provider};
    struct before before = {0};
    enum err_code code = load_before(sql, &user, c->arena, &before, err);
    if (code == ERR_OK)
        code = shut_out(sql, before.person_id, c->provider, before.subject, PROVISIONING_DELETED,
                        c->change->now_us, err);
    if (code == ERR_OK)
        code = sql_run(sql, "DELETE FROM scim_user WHERE id = ?1", SQL_ARGS(SQL_INT(c->id)), err);
    return code == ERR_OK ? seal_change(sql, c, err) : code;
}

enum err_code sqlite_op_remove_scim_user(struct store *store, struct arena *arena,
                                         struct str provider, int64_t id,
                                         const struct store_change *change,
                                         uint64_t *ret_policy_version, struct err *err)
{
    struct scim_ctx c = {.arena = arena, .provider = provider, .id = id, .change = change};
    enum err_code code = sqlite_run(store, SQL_WRITE, remove_user_body, &c, err);
    if (code == ERR_OK)
        *ret_policy_version = c.version;
    return code;
}

static enum err_code release_body(struct sql *sql, void *ctx, struct err *err)
{
    struct scim_ctx *c = ctx;
    enum err_code code =
        sql_run(sql, "DELETE FROM scim_user WHERE person_id = ?1", SQL_ARGS(SQL_INT(c->id)), err);
    if (code == ERR_OK)
        code = sql_run(sql, "UPDATE user SET provisioning = 'none' WHERE id = ?1",
                       SQL_ARGS(SQL_INT(c->id)), err);
    return code == ERR_OK ? seal_change(sql, c, err) : code;
}

enum err_code sqlite_op_release_user(struct store *store, int64_t id,
                                     const struct store_change *change,
                                     uint64_t *ret_policy_version, struct err *err)
{
    struct scim_ctx c = {.id = id, .change = change};
    enum err_code code = sqlite_run(store, SQL_WRITE, release_body, &c, err);
    if (code == ERR_OK)
        *ret_policy_version = c.version;
    return code;
}

/* --- saving groups --- */

static enum err_code put_group(struct sql *sql, struct scim_ctx *c, struct err *err)
{
    const struct scim_group *group = &c->group->group;
    const char *text = group->id == 0
                           ? "INSERT INTO scim_group (provider, display_name, external_id, "
                             "created_us, changed_us) VALUES (?1, ?2, ?3, ?4, ?4)"
                           : "UPDATE scim_group SET display_name = ?2, external_id = ?3, "
                             "changed_us = ?4 WHERE provider = ?1 AND id = ?5";
    const struct sql_value args[] = {SQL_TEXT(group->provider), SQL_TEXT(group->display_name),
                                     SQL_TEXT(group->external_id), SQL_INT(c->change->now_us),
                                     SQL_INT(group->id)};
    enum err_code code = sql_run(sql, text, args, ARRAY_LEN(args) - (group->id == 0 ? 1 : 0), err);
    if (code == ERR_CONFLICT)
        return err_set(err, ERR_CONFLICT, "a group of this name is there already");
    if (code == ERR_OK && group->id != 0 && sql_changed(sql) == 0)
        return err_set(err, ERR_NOT_FOUND, "no provisioned group has the id %lld",
                       (long long)group->id);
    if (code == ERR_OK)
        c->id = group->id == 0 ? sql_last_id(sql) : group->id;
    return code;
}

/* A user of another provider is nobody here. */
static enum err_code put_members(struct sql *sql, const struct scim_ctx *c, struct err *err)
{
    const struct scim_group_change *group = c->group;
    enum err_code code = ERR_OK;
    for (size_t i = 0; code == ERR_OK && i < group->removed_count; i++)
        code = sql_run(sql, "DELETE FROM scim_member WHERE group_id = ?1 AND user_id = ?2",
                       SQL_ARGS(SQL_INT(c->id), SQL_INT(group->removed[i])), err);
    for (size_t i = 0; code == ERR_OK && i < group->added_count; i++) {
        code = sql_run(
            sql,
            "INSERT INTO scim_member (group_id, user_id) SELECT ?1, id FROM scim_user "
            "WHERE id = ?2 AND provider = ?3",
            SQL_ARGS(SQL_INT(c->id), SQL_INT(group->added[i]), SQL_TEXT(group->group.provider)),
            err);
        if (code == ERR_OK && sql_changed(sql) == 0)
            return err_set(err, ERR_INVALID, "no provisioned user has the id %lld",
                           (long long)group->added[i]);
    }
    return code;
}

static enum err_code save_group_body(struct sql *sql, void *ctx, struct err *err)
{
    struct scim_ctx *c = ctx;
    enum err_code code = ERR_OK;
    if (c->group->group.id == 0)
        code = check_room(sql, "SELECT count(*) FROM scim_group", STORE_MAX_SCIM_GROUPS, err);
    if (code == ERR_OK && c->group->added_count > 0)
        code = check_room(sql, "SELECT count(*) FROM scim_member",
                          STORE_MAX_SCIM_MEMBERS - (int64_t)c->group->added_count + 1, err);
    if (code == ERR_OK)
        code = put_group(sql, c, err);
    if (code == ERR_OK)
        code = put_members(sql, c, err);
    return code == ERR_OK ? seal_change(sql, c, err) : code;
}

enum err_code sqlite_op_save_scim_group(struct store *store, const struct scim_group_change *group,
                                        const struct store_change *change, int64_t *ret_id,
                                        uint64_t *ret_policy_version, struct err *err)
{
    struct scim_ctx c = {.group = group, .change = change};
    enum err_code code = sqlite_run(store, SQL_WRITE, save_group_body, &c, err);
    if (code == ERR_OK) {
        *ret_id = c.id;
        *ret_policy_version = c.version;
    }
    return code;
}

static enum err_code remove_group_body(struct sql *sql, void *ctx, struct err *err)
{
    struct scim_ctx *c = ctx;
    enum err_code code = sql_run(sql, "DELETE FROM scim_group WHERE provider = ?1 AND id = ?2",
                                 SQL_ARGS(SQL_TEXT(c->provider), SQL_INT(c->id)), err);
    if (code == ERR_OK && sql_changed(sql) == 0)
        return err_set(err, ERR_NOT_FOUND, "no provisioned group has the id %lld",
                       (long long)c->id);
    return code == ERR_OK ? seal_change(sql, c, err) : code;
}

enum err_code sqlite_op_remove_scim_group(struct store *store, struct str provider, int64_t id,
                                          const struct store_change *change,
                                          uint64_t *ret_policy_version, struct err *err)
{
    struct scim_ctx c = {.provider = provider, .id = id, .change = change};
    enum err_code code = sqlite_run(store, SQL_WRITE, remove_group_body, &c, err);
    if (code == ERR_OK)
        *ret_policy_version = c.version;
    return code;
}
