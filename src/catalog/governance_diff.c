#include <assert.h>
#include <stdlib.h>

#include "base/table.h"
#include "catalog/governance.h"

/*
 * Every object is taken apart into facets, "category write" or "address: url https://…"; the
 * difference of two objects is that of their sorted facets.
 */

enum { MAX_DETAILS_BYTES = 1 << 24 };

struct facet {
    struct str label; /* "category write", "owner" */
    struct str value; /* empty: the label says it all */
};

struct facets {
    struct facet *items; /* sorted by label */
    size_t count;
    size_t max;
};

struct differ {
    struct arena *arena;
    struct governance_diff diff;
    size_t max_changes;
};

/* One kind of object: how to reach its name and its facets. */
struct section {
    const char *object;
    size_t item_bytes;
    struct str (*name)(const void *item);
    bool (*take_apart)(struct arena *arena, const void *item, struct facets *ret_facets);
};

static bool add_facet(struct arena *arena, struct facets *facets, const char *kind, struct str name,
                      struct str value)
{
    assert(facets->count < facets->max);
    struct facet *facet = &facets->items[facets->count++];
    facet->value = value;
    facet->label =
        name.len == 0 ? str_c(kind) : arena_printf(arena, "%s " STR_FMT, kind, STR_ARG(name));
    return facet->label.ptr != NULL && (value.len == 0 || value.ptr != NULL);
}

static bool add_list(struct arena *arena, struct facets *facets, const char *kind,
                     struct str *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!add_facet(arena, facets, kind, names[i], STR_NONE))
            return false;
    return true;
}

static bool add_categories(struct arena *arena, struct facets *facets, const char *kind,
                           uint8_t set)
{
    for (size_t i = 0; i < CATEGORIES; i++)
        if ((set & CATEGORY_BIT(i)) != 0 &&
            !add_facet(arena, facets, kind, str_c(category_word((enum category)i)), STR_NONE))
            return false;
    return true;
}

static bool new_facets(struct arena *arena, size_t max, struct facets *facets)
{
    *facets = (struct facets){.items = arena_calloc(arena, max, sizeof *facets->items), .max = max};
    return facets->items != NULL;
}

static bool add_credential(struct arena *arena, struct facets *facets, const struct server *server)
{
    bool is_shared = server->credential_mode == CREDENTIAL_SHARED;
    bool is_bearer = is_shared && server->credential_type == CREDENTIAL_BEARER;
    struct str mode = str_c(credential_mode_word(server->credential_mode));
    if (is_bearer)
        mode = arena_printf(arena, "shared, bearer from secret " STR_FMT, STR_ARG(server->secret));
    if (!add_facet(arena, facets, "credential", STR_NONE, mode))
        return false;
    for (size_t i = 0; is_shared && !is_bearer && i < server->header_count; i++) {
        struct str secret =
            arena_printf(arena, "from secret " STR_FMT, STR_ARG(server->headers[i].secret));
        if (!add_facet(arena, facets, "header", server->headers[i].header, secret))
            return false;
    }
    return true;
}

/* A set in words; an empty one says so, for it differs from one that nobody wrote. */
static bool add_words(struct arena *arena, struct facets *facets, const char *kind,
                      const struct buf *words)
{
    struct str text = words->len == 0 ? STR("nothing") : arena_dup(arena, buf_str(words));
    return !words->failed && text.ptr != NULL && add_facet(arena, facets, kind, STR_NONE, text);
}

static bool add_review(struct arena *arena, struct facets *facets, const struct server *server)
{
    struct buf release;
    struct buf look;
    buf_init(&release, 4096);
    buf_init(&look, 4096);
    release_set_write(&release, server->release, ", ");
    category_set_write(&look, server->look, ", ");
    bool is_good =
        (server->release == GOVERNANCE_RELEASE_PRESET ||
         add_words(arena, facets, "review release", &release)) &&
        (server->look == GOVERNANCE_LOOK_PRESET || add_words(arena, facets, "review look", &look));
    buf_done(&release);
    buf_done(&look);
    return is_good;
}

static struct str server_name(const void *item)
{
    const struct server *server = item;
    return server->name;
}

static bool server_apart(struct arena *arena, const void *item, struct facets *facets)
{
    const struct server *server = item;
    const char *kind = server->kind == SERVER_PROGRAM ? "program" : "url";
    if (!new_facets(arena, 5 + server->header_count + server->rule_count, facets) ||
        !add_facet(arena, facets, kind, STR_NONE, server->address) ||
        !add_credential(arena, facets, server))
        return false;
    for (size_t i = 0; i < server->rule_count; i++)
        if (!add_facet(arena, facets, "tool", server->rules[i].pattern,
                       str_c(category_word(server->rules[i].category))))
            return false;
    if (!add_review(arena, facets, server))
        return false;
    return !server->is_disabled || add_facet(arena, facets, "disabled", STR_NONE, STR_NONE);
}

static struct str role_name(const void *item)
{
    const struct role *role = item;
    return role->name;
}

static bool role_apart(struct arena *arena, const void *item, struct facets *facets)
{
    const struct role *role = item;
    size_t max = role->user_count + role->group_count + role->robot_count;
    return new_facets(arena, max, facets) &&
           add_list(arena, facets, "user", role->users, role->user_count) &&
           add_list(arena, facets, "group", role->groups, role->group_count) &&
           add_list(arena, facets, "robot", role->robots, role->robot_count);
}

static struct str grant_name(const void *item)
{
    const struct grant *grant = item;
    return grant->name;
}

static bool grant_apart(struct arena *arena, const void *item, struct facets *facets)
{
    const struct grant *grant = item;
    size_t max = 1 + CATEGORIES + grant->role_count + grant->user_count + grant->group_count +
                 grant->robot_count + grant->tool_count;
    return new_facets(arena, max, facets) &&
           add_facet(arena, facets, "server", STR_NONE, grant->server) &&
           add_list(arena, facets, "role", grant->roles, grant->role_count) &&
           add_list(arena, facets, "user", grant->users, grant->user_count) &&
           add_list(arena, facets, "group", grant->groups, grant->group_count) &&
           add_list(arena, facets, "robot", grant->robots, grant->robot_count) &&
           add_categories(arena, facets, "category", grant->categories) &&
           add_list(arena, facets, "tool", grant->tools, grant->tool_count);
}

static struct str robot_name(const void *item)
{
    const struct robot *robot = item;
    return robot->name;
}

static bool robot_apart(struct arena *arena, const void *item, struct facets *facets)
{
    const struct robot *robot = item;
    return new_facets(arena, 2 + robot->network_count + robot->identity_count, facets) &&
           add_facet(arena, facets, "owner", STR_NONE, robot->owner) &&
           add_list(arena, facets, "network", robot->networks, robot->network_count) &&
           add_list(arena, facets, "identity", robot->identity, robot->identity_count) &&
           (!robot->is_disabled || add_facet(arena, facets, "disabled", STR_NONE, STR_NONE));
}

/* Ceilings have no names: all that limit the same kinds of principals are one. */
struct limits {
    struct str name;
    uint8_t deny;
    uint8_t approval;
};

static struct str limits_name(const void *item)
{
    const struct limits *limits = item;
    return limits->name;
}

static bool limits_apart(struct arena *arena, const void *item, struct facets *facets)
{
    const struct limits *limits = item;
    return new_facets(arena, (size_t)2 * CATEGORIES, facets) &&
           add_categories(arena, facets, "deny", limits->deny) &&
           add_categories(arena, facets, "approval", limits->approval);
}

static const struct section servers = {"server", sizeof(struct server), server_name, server_apart};
static const struct section roles = {"role", sizeof(struct role), role_name, role_apart};
static const struct section grants = {"grant", sizeof(struct grant), grant_name, grant_apart};
static const struct section robots = {"robot", sizeof(struct robot), robot_name, robot_apart};
static const struct section ceilings = {"ceiling", sizeof(struct limits), limits_name,
                                        limits_apart};

static int compare_facets(const void *left, const void *right)
{
    const struct facet *a = left;
    const struct facet *b = right;
    int order = str_cmp(a->label, b->label);
    return order != 0 ? order : str_cmp(a->value, b->value);
}

static bool take_apart(struct arena *arena, const struct section *section, const void *item,
                       struct facets *facets)
{
    *facets = (struct facets){0};
    if (item == NULL)
        return true;
    if (!section->take_apart(arena, item, facets))
        return false;
    if (facets->count > 1)
        qsort(facets->items, facets->count, sizeof *facets->items, compare_facets);
    return true;
}

static void write_facet(struct buf *out, const char *sign, const struct facet *facet)
{
    if (out->len > 0)
        buf_add_c(out, ", ");
    buf_printf(out, "%s" STR_FMT, sign, STR_ARG(facet->label));
    if (facet->value.len > 0) {
        buf_add_byte(out, ' ');
        buf_add(out, facet->value);
    }
}

static void write_changed(struct buf *out, const struct facet *from, const struct facet *to)
{
    if (str_eq(from->value, to->value))
        return;
    if (out->len > 0)
        buf_add_c(out, ", ");
    buf_printf(out, STR_FMT ": " STR_FMT " -> " STR_FMT, STR_ARG(to->label), STR_ARG(from->value),
               STR_ARG(to->value));
}

/* Merges both sorted lists and writes what is in one of them only, or differs. */
static void write_difference(struct buf *out, const struct facets *from, const struct facets *to)
{
    size_t i = 0;
    size_t k = 0;
    while (i < from->count || k < to->count) {
        int order = i == from->count ? 1
                    : k == to->count ? -1
                                     : str_cmp(from->items[i].label, to->items[k].label);
        if (order < 0)
            write_facet(out, "- ", &from->items[i++]);
        else if (order > 0)
            write_facet(out, "+ ", &to->items[k++]);
        else
            write_changed(out, &from->items[i++], &to->items[k++]);
    }
}

static enum err_code no_memory(struct err *err)
{
    return err_set(err, ERR_LIMIT, "no memory left to compare the governance");
}

static void write_details(struct buf *out, const struct facets *from, const struct facets *to,
                          enum governance_change_kind kind)
{
    if (kind == GOVERNANCE_CHANGED)
        write_difference(out, from, to);
    for (size_t i = 0; kind == GOVERNANCE_ADDED && i < to->count; i++)
        write_facet(out, "", &to->items[i]);
}

/* from or to may be NULL: added or removed. Objects that say the same are no change. */
static enum err_code compare_items(struct differ *d, const struct section *section,
                                   const void *from, const void *to, struct err *err)
{
    struct facets was_facets;
    struct facets now_facets;
    if (!take_apart(d->arena, section, from, &was_facets) ||
        !take_apart(d->arena, section, to, &now_facets))
        return no_memory(err);
    struct governance_change change = {
        .kind = from == NULL ? GOVERNANCE_ADDED
                : to == NULL ? GOVERNANCE_REMOVED
                             : GOVERNANCE_CHANGED,
        .object = section->object,
        .name = section->name(to == NULL ? from : to),
    };
    struct buf details;
    buf_init(&details, MAX_DETAILS_BYTES);
    write_details(&details, &was_facets, &now_facets, change.kind);
    bool is_same = change.kind == GOVERNANCE_CHANGED && details.len == 0;
    bool has_failed = details.failed;
    change.details = arena_dup(d->arena, buf_str(&details));
    buf_done(&details);
    if (has_failed || change.details.ptr == NULL)
        return no_memory(err);
    if (!is_same)
        d->diff.changes[d->diff.count++] = change;
    return ERR_OK;
}

static const void *item_at(const struct section *section, const void *items, size_t index)
{
    return (const char *)items + index * section->item_bytes;
}

/* Names to positions, counted from 1 so that none is NULL. */
static bool index_names(const struct section *section, const void *items, size_t count,
                        struct table *table)
{
    for (size_t i = 0; i < count; i++)
        if (!table_put(table, section->name(item_at(section, items, i)), (void *)(i + 1), NULL))
            return false;
    return true;
}

static const void *find_item(const struct section *section, const void *items,
                             const struct table *table, struct str name)
{
    size_t position = (size_t)table_get(table, name);
    return position == 0 ? NULL : item_at(section, items, position - 1);
}

struct side {
    const void *items;
    size_t count;
    struct table *by_name;
};

/* First what there is now, in its order, then what is no more. */
static enum err_code compare_sides(struct differ *d, const struct section *section,
                                   const struct side *from, const struct side *to, struct err *err)
{
    if (from->by_name == NULL || to->by_name == NULL ||
        !index_names(section, from->items, from->count, from->by_name) ||
        !index_names(section, to->items, to->count, to->by_name))
        return no_memory(err);
    enum err_code code = ERR_OK;
    for (size_t i = 0; i < to->count && code == ERR_OK; i++) {
        const void *item = item_at(section, to->items, i);
        const void *old = find_item(section, from->items, from->by_name, section->name(item));
        code = compare_items(d, section, old, item, err);
    }
    for (size_t i = 0; i < from->count && code == ERR_OK; i++) {
        const void *item = item_at(section, from->items, i);
        if (find_item(section, to->items, to->by_name, section->name(item)) == NULL)
            code = compare_items(d, section, item, NULL, err);
    }
    return code;
}

static enum err_code compare_section(struct differ *d, const struct section *section,
                                     struct side from, struct side to, struct err *err)
{
    from.by_name = table_new();
    to.by_name = table_new();
    enum err_code code = compare_sides(d, section, &from, &to, err);
    table_free(from.by_name);
    table_free(to.by_name);
    return code;
}

enum { MAX_LIMITS = PRINCIPAL_SET_ALL + 1 };

static bool merge_ceilings(struct arena *arena, const struct governance *governance,
                           struct side *ret_side)
{
    struct limits *limits = arena_calloc(arena, MAX_LIMITS, sizeof *limits);
    size_t place[MAX_LIMITS] = {0}; /* position counted from 1 */
    size_t count = 0;
    for (size_t i = 0; limits != NULL && i < governance->ceiling_count; i++) {
        const struct ceiling *ceiling = &governance->ceilings[i];
        uint8_t principals = ceiling->principals & PRINCIPAL_SET_ALL;
        if (place[principals] == 0) {
            struct buf name;
            buf_init(&name, 256);
            principal_set_write(&name, principals, ", ");
            limits[count].name = arena_dup(arena, buf_str(&name));
            buf_done(&name);
            if (limits[count].name.ptr == NULL)
                return false;
            place[principals] = ++count;
        }
        struct limits *merged = &limits[place[principals] - 1];
        merged->deny |= ceiling->deny;
        merged->approval |= ceiling->approval;
    }
    *ret_side = (struct side){.items = limits, .count = count};
    return limits != NULL;
}

enum err_code governance_diff(const struct governance *from, const struct governance *to,
                              struct arena *arena, struct governance_diff *ret_diff,
                              struct err *err)
{
    struct differ d = {.arena = arena};
    struct side old_limits;
    struct side new_limits;
    size_t max = from->server_count + to->server_count + from->role_count + to->role_count +
                 from->grant_count + to->grant_count + from->robot_count + to->robot_count +
                 (size_t)2 * MAX_LIMITS;
    d.diff.changes = arena_calloc(arena, max, sizeof *d.diff.changes);
    if (d.diff.changes == NULL || !merge_ceilings(arena, from, &old_limits) ||
        !merge_ceilings(arena, to, &new_limits))
        return no_memory(err);
    const struct {
        const struct section *section;
        struct side from;
        struct side to;
    } parts[] = {
        {&servers,
         {from->servers, from->server_count, NULL},
         {to->servers, to->server_count, NULL}},
        {&roles, {from->roles, from->role_count, NULL}, {to->roles, to->role_count, NULL}},
        {&grants, {from->grants, from->grant_count, NULL}, {to->grants, to->grant_count, NULL}},
        {&ceilings, old_limits, new_limits},
        {&robots, {from->robots, from->robot_count, NULL}, {to->robots, to->robot_count, NULL}},
    };
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        enum err_code code = compare_section(&d, parts[i].section, parts[i].from, parts[i].to, err);
        if (code != ERR_OK)
            return code;
    }
    *ret_diff = d.diff;
    return ERR_OK;
}

void governance_change_write(const struct governance_change *change, struct buf *out)
{
    static const char signs[] = {
        [GOVERNANCE_ADDED] = '+',
        [GOVERNANCE_CHANGED] = '~',
        [GOVERNANCE_REMOVED] = '-',
    };
    buf_printf(out, "%c %s " STR_FMT, signs[change->kind], change->object, STR_ARG(change->name));
    if (change->details.len > 0) {
        buf_add_c(out, ": ");
        buf_add(out, change->details);
    }
}
