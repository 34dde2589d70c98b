/*
 * What identity providers provision: users, groups, and the tokens that they do it with.
 */
#include "gate/control_priv.h"

const struct provider *control_provider(struct control *control, struct str name)
{
    return provider_by_name(&control->gate->settings->identity, name);
}

struct str control_public_url(struct control *control)
{
    return control->gate->settings->public_url.origin;
}

enum err_code control_count_scim(struct control *control, struct str provider, int64_t *ret_users,
                                 int64_t *ret_groups, struct err *err)
{
    return store_count_scim(control->gate->store, provider, ret_users, ret_groups, err);
}

enum err_code control_scim_users(struct control *control, struct arena *arena,
                                 const struct scim_find *find, struct scim_user **ret_users,
                                 size_t *ret_count, struct err *err)
{
    return store_load_scim_users(control->gate->store, arena, find, ret_users, ret_count, err);
}

enum err_code control_scim_groups(struct control *control, struct arena *arena,
                                  const struct scim_find *find, struct scim_group **ret_groups,
                                  size_t *ret_count, struct err *err)
{
    return store_load_scim_groups(control->gate->store, arena, find, ret_groups, ret_count, err);
}

enum err_code control_scim_members(struct control *control, struct arena *arena, int64_t group_id,
                                   int64_t **ret_ids, size_t *ret_count, struct err *err)
{
    return store_load_scim_members(control->gate->store, arena, group_id, ret_ids, ret_count, err);
}

enum err_code control_save_scim_user(struct control *control, const struct control_change *change,
                                     struct arena *arena, const struct scim_user *user,
                                     int64_t *ret_id, struct err *err)
{
    struct pending pending = {0};
    uint64_t version = 0;
    enum err_code code = control_begin(control, change, &pending, err);

    if (code != ERR_OK)
        return code;
    code = store_save_scim_user(control->gate->store, arena, user, &pending.change, ret_id,
                                &version, err);
    return control_finish(control, &pending, change->action, code, err);
}

enum err_code control_remove_scim_user(struct control *control, const struct control_change *change,
                                       struct arena *arena, struct str provider, int64_t id,
                                       struct err *err)
{
    struct pending pending = {0};
    uint64_t version = 0;
    enum err_code code = control_begin(control, change, &pending, err);

    if (code != ERR_OK)
        return code;
    code = store_remove_scim_user(control->gate->store, arena, provider, id, &pending.change,
                                  &version, err);
    return control_finish(control, &pending, change->action, code, err);
}

enum err_code control_save_scim_group(struct control *control, const struct control_change *change,
                                      const struct scim_group_change *group, int64_t *ret_id,
                                      struct err *err)
{
    struct pending pending = {0};
    uint64_t version = 0;
    enum err_code code = control_begin(control, change, &pending, err);

    if (code != ERR_OK)
        return code;
    code =
        store_save_scim_group(control->gate->store, group, &pending.change, ret_id, &version, err);
    return control_finish(control, &pending, change->action, code, err);
}

enum err_code control_remove_scim_group(struct control *control,
                                        const struct control_change *change, struct str provider,
                                        int64_t id, struct err *err)
{
    struct pending pending = {0};
    uint64_t version = 0;
    enum err_code code = control_begin(control, change, &pending, err);

    if (code != ERR_OK)
        return code;
    code =
        store_remove_scim_group(control->gate->store, provider, id, &pending.change, &version, err);
    return control_finish(control, &pending, change->action, code, err);
}

enum err_code control_release_user(struct control *control, const struct control_change *change,
                                   int64_t id, struct err *err)
{
    struct pending pending = {0};
    uint64_t version = 0;
    enum err_code code = control_begin(control, change, &pending, err);

    if (code != ERR_OK)
        return code;
    code = store_release_user(control->gate->store, id, &pending.change, &version, err);
    return control_finish(control, &pending, change->action, code, err);
}
