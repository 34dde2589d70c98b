#include <stdlib.h>

#include "identity/scim_priv.h"

enum { MAX_OPERATIONS = 1000, MAX_ID_BYTES = 1024, MAX_NAME_BYTES = 256 };

/* A value that an operation sets; pos JSON_NONE: the attribute is removed. */
struct given {
    const struct json_doc *doc;
    struct arena *arena;
    json_pos pos;
    struct scim_fault *fault;
};

static bool is_absent(const struct given *given)
{
    return given->pos == JSON_NONE || json_type(given->doc, given->pos) == JSON_NULL;
}

static enum err_code read_text(const struct given *given, const char *name, size_t most,
                               struct str *ret_text)
{
    struct str text = STR("");
    if (!is_absent(given) && !json_str(given->doc, given->pos, given->arena, &text))
        return scim_refuse(given->fault, SCIM_INVALID_VALUE, "%s must be a text", name);
    if (text.len > most)
        return scim_refuse(given->fault, SCIM_INVALID_VALUE, "%s has more than %zu bytes", name,
                           most);
    *ret_text = text;
    return ERR_OK;
}

/* Entra ID writes truth values as texts. */
static enum err_code read_active(const struct given *given, bool *ret_active)
{
    struct str text = STR_NONE;
    if (is_absent(given) || json_bool(given->doc, given->pos, ret_active))
        return ERR_OK;
    bool is_text = json_str(given->doc, given->pos, given->arena, &text);
    if (is_text && str_eq_nocase(text, STR("true")))
        *ret_active = true;
    else if (is_text && str_eq_nocase(text, STR("false")))
        *ret_active = false;
    else
        return scim_refuse(given->fault, SCIM_INVALID_VALUE, "active must be true or false");
    return ERR_OK;
}

/* The member of an object by a name without case. */
static json_pos member(const struct given *given, json_pos object, const char *name)
{
    const struct json_doc *doc = given->doc;
    json_pos key = json_is(doc, object, JSON_OBJECT) ? json_first(doc, object) : JSON_NONE;
    while (key != JSON_NONE) {
        struct str text = STR_NONE;
        json_pos value = json_next(doc, object, key);
        if (json_str(doc, key, given->arena, &text) && str_eq_nocase(text, str_c(name)))
            return value;
        key = json_next(doc, object, value);
    }
    return JSON_NONE;
}

/* How much an entry of emails is the one that counts. */
static int rank_of(const struct given *given, json_pos entry)
{
    json_pos type = member(given, entry, "type");
    bool is_primary = false;
    struct str text = STR_NONE;
    if (json_bool(given->doc, member(given, entry, "primary"), &is_primary) && is_primary)
        return 3;
    if (type != JSON_NONE && json_str(given->doc, type, given->arena, &text) &&
        str_eq_nocase(text, STR("work")))
        return 2;
    return 1;
}

/* The address of the entry that counts; JSON_NONE: there is none. */
static json_pos find_email(const struct given *given)
{
    const struct json_doc *doc = given->doc;
    json_pos best = JSON_NONE;
    int best_rank = 0;
    for (json_pos each = json_first(doc, given->pos); each != JSON_NONE;
         each = json_next(doc, given->pos, each)) {
        int rank = rank_of(given, each);
        if (rank <= best_rank)
            continue;
        best_rank = rank;
        best = json_is(doc, each, JSON_OBJECT) ? member(given, each, "value") : each;
    }
    return best;
}

static enum err_code read_emails(const struct given *given, struct str *ret_email)
{
    struct given email = *given;
    if (is_absent(given))
        email.pos = JSON_NONE;
    else if (json_is(given->doc, given->pos, JSON_ARRAY))
        email.pos = find_email(given);
    else if (json_is(given->doc, given->pos, JSON_OBJECT))
        email.pos = member(given, given->pos, "value");
    else
        return scim_refuse(given->fault, SCIM_INVALID_VALUE, "emails must be a list");
    return read_text(&email, "an e-mail address", MAX_NAME_BYTES, ret_email);
}

/* --- users --- */

static enum err_code set_user(struct scim_user *user, enum scim_attribute attribute,
                              const struct given *given);

static enum err_code set_name(struct scim_user *user, const struct given *given)
{
    static const char *const parts[] = {"formatted", "familyName", "givenName"};
    enum err_code code = ERR_OK;
    if (!is_absent(given) && !json_is(given->doc, given->pos, JSON_OBJECT))
        return scim_refuse(given->fault, SCIM_INVALID_VALUE, "name must be an object");
    for (size_t i = 0; code == ERR_OK && i < ARRAY_LEN(parts); i++) {
        struct given part = *given;
        part.pos = is_absent(given) ? JSON_NONE : member(given, given->pos, parts[i]);
        if (part.pos != JSON_NONE || is_absent(given))
            code = set_user(user, scim_attribute_of(STR("name"), str_c(parts[i])), &part);
    }
    return code;
}

static enum err_code set_user(struct scim_user *user, enum scim_attribute attribute,
                              const struct given *given)
{
    switch (attribute) {
    case SCIM_ATTRIBUTE_USER_NAME:
        return read_text(given, "userName", MAX_ID_BYTES, &user->user_name);
    case SCIM_ATTRIBUTE_EXTERNAL_ID:
        return read_text(given, "externalId", MAX_ID_BYTES, &user->external_id);
    case SCIM_ATTRIBUTE_DISPLAY_NAME:
        return read_text(given, "displayName", MAX_NAME_BYTES, &user->display_name);
    case SCIM_ATTRIBUTE_NAME:
        return set_name(user, given);
    case SCIM_ATTRIBUTE_FORMATTED:
        return read_text(given, "name.formatted", MAX_NAME_BYTES, &user->formatted_name);
    case SCIM_ATTRIBUTE_FAMILY:
        return read_text(given, "name.familyName", MAX_NAME_BYTES, &user->family_name);
    case SCIM_ATTRIBUTE_GIVEN:
        return read_text(given, "name.givenName", MAX_NAME_BYTES, &user->given_name);
    case SCIM_ATTRIBUTE_EMAILS:
        return read_emails(given, &user->email);
    case SCIM_ATTRIBUTE_EMAIL:
        return read_text(given, "an e-mail address", MAX_NAME_BYTES, &user->email);
    case SCIM_ATTRIBUTE_ACTIVE:
        return read_active(given, &user->is_active);
    /* Not kept, or not the client's to set (RFC 7643 §2.2, readOnly). */
    case SCIM_ATTRIBUTE_NONE:
    case SCIM_ATTRIBUTE_ID:
    case SCIM_ATTRIBUTE_MEMBERS:
        break;
    }
    return ERR_OK;
}

static enum err_code check_user(const struct scim_user *user, struct scim_fault *fault)
{
    if (user->user_name.len == 0)
        return scim_refuse(fault, SCIM_INVALID_VALUE, "a user needs a userName");
    return ERR_OK;
}

/* --- groups --- */

static enum err_code add_member(struct scim_group_wish *wish, const struct given *given, bool is_in)
{
    struct str text = STR_NONE;
    int64_t id = 0;
    json_pos value = json_is(given->doc, given->pos, JSON_OBJECT)
                         ? member(given, given->pos, "value")
                         : given->pos;
    if (value == JSON_NONE || !json_str(given->doc, value, given->arena, &text))
        return scim_refuse(given->fault, SCIM_INVALID_VALUE, "a member needs a value, a text");
    if (scim_id_parse(SCIM_GROUP, text, &id))
        return scim_refuse(given->fault, SCIM_INVALID_VALUE,
                           "groups in groups are not supported: name the users");
    if (!scim_id_parse(SCIM_USER, text, &id)) {
        /* Who is not here is not in the group: taking them out is done. */
        return is_in ? scim_refuse(given->fault, SCIM_INVALID_VALUE,
                                   "'" STR_FMT "' is no id of a user here",
                                   STR_ARG(str_first(text, 64)))
                     : ERR_OK;
    }
    wish->members[wish->member_count++] = (struct scim_member_wish){.user_id = id, .is_in = is_in};
    return ERR_OK;
}

/* A list of members, or one. */
static enum err_code add_members(struct scim_group_wish *wish, const struct given *given,
                                 bool is_in)
{
    const struct json_doc *doc = given->doc;
    bool is_list = json_is(doc, given->pos, JSON_ARRAY);
    enum err_code code = ERR_OK;
    if (is_absent(given))
        return ERR_OK;
    if (!is_list)
        return add_member(wish, given, is_in);
    for (json_pos each = json_first(doc, given->pos); each != JSON_NONE && code == ERR_OK;
         each = json_next(doc, given->pos, each)) {
        struct given one = *given;
        one.pos = each;
        code = add_member(wish, &one, is_in);
    }
    return code;
}

/* Those that it has count no more, nor those that were to come. */
static void forget_members(struct scim_group_wish *wish)
{
    wish->forgets_members = true;
    wish->member_count = 0;
}

static enum err_code set_group(struct scim_group_wish *wish, enum scim_attribute attribute,
                               const struct given *given, bool is_replacing)
{
    if (attribute == SCIM_ATTRIBUTE_DISPLAY_NAME)
        return read_text(given, "displayName", MAX_NAME_BYTES, &wish->group.display_name);
    if (attribute == SCIM_ATTRIBUTE_EXTERNAL_ID)
        return read_text(given, "externalId", MAX_ID_BYTES, &wish->group.external_id);
    if (attribute != SCIM_ATTRIBUTE_MEMBERS)
        return ERR_OK;
    if (is_replacing)
        forget_members(wish);
    return add_members(wish, given, true);
}

static enum err_code check_group(const struct scim_group_wish *wish, struct scim_fault *fault)
{
    if (wish->group.display_name.len == 0)
        return scim_refuse(fault, SCIM_INVALID_VALUE, "a group needs a displayName");
    return ERR_OK;
}

/* A member of the document costs at least two bytes: so many wishes at most. */
static bool make_room(struct scim_group_wish *wish, const struct json_doc *doc, struct arena *arena)
{
    wish->members = arena_calloc(arena, doc->count + 1, sizeof *wish->members);
    wish->member_count = 0;
    wish->forgets_members = false;
    return wish->members != NULL;
}

/* --- whole resources --- */

static enum err_code no_memory(struct scim_fault *fault)
{
    fault->type = NULL;
    return err_set(&fault->err, ERR_LIMIT, "the request is too large");
}

/* What an object says of one attribute, or an operation does. */
struct step {
    struct scim_user *user; /* one of the two */
    struct scim_group_wish *group;
    bool is_replacing;
};

static enum err_code set(const struct step *step, enum scim_attribute attribute,
                         const struct given *given)
{
    return step->user != NULL ? set_user(step->user, attribute, given)
                              : set_group(step->group, attribute, given, step->is_replacing);
}

/* `emails[type eq "home"].value` is none that is kept. */
static bool is_kept(const struct scim_path *path, const struct given *given)
{
    struct scim_fault ignored;
    struct scim_clause clause;
    struct str condition = path->condition;
    bool is_email =
        path->attribute == SCIM_ATTRIBUTE_EMAIL || path->attribute == SCIM_ATTRIBUTE_EMAILS;
    if (!is_email || condition.ptr == NULL)
        return true;
    struct str name = str_trim(str_first(condition, str_find(condition, ' ')));
    if (str_eq_nocase(name, STR("primary")))
        return true;
    /* The clause is of an attribute of the entry, whose names are not those of users. */
    if (!str_eq_nocase(name, STR("type")))
        return false;
    condition = str_trim(str_from(condition, str_find_str(condition, name) + name.len));
    struct str rest = arena_printf(given->arena, "userName " STR_FMT, STR_ARG(condition));
    return rest.ptr != NULL &&
           scim_clause_parse(&rest, given->arena, &clause, &ignored) == ERR_OK &&
           str_eq_nocase(clause.text, STR("work"));
}

static enum err_code set_path(const struct step *step, struct str text, const struct given *given)
{
    struct scim_path path;
    if (scim_path_parse(text, &path, given->fault) != ERR_OK)
        return ERR_INVALID;
    return is_kept(&path, given) ? set(step, path.attribute, given) : ERR_OK;
}

/* Every member of an object, whose names may be paths. */
static enum err_code set_all(const struct step *step, const struct given *given)
{
    const struct json_doc *doc = given->doc;
    enum err_code code = ERR_OK;
    json_pos key = json_first(doc, given->pos);
    while (key != JSON_NONE && code == ERR_OK) {
        struct str name = STR_NONE;
        struct given value = *given;
        value.pos = json_next(doc, given->pos, key);
        if (!json_str(doc, key, given->arena, &name))
            return no_memory(given->fault);
        code = set_path(step, name, &value);
        key = json_next(doc, given->pos, value.pos);
    }
    return code;
}

static enum err_code read_whole(const struct step *step, const struct json_doc *doc,
                                struct arena *arena, struct scim_fault *fault)
{
    const struct given whole = {.doc = doc, .arena = arena, .pos = 0, .fault = fault};
    if (!json_is(doc, 0, JSON_OBJECT))
        return scim_refuse(fault, SCIM_INVALID_SYNTAX, "the request must be a JSON object");
    return set_all(step, &whole);
}

enum err_code scim_user_read(const struct json_doc *doc, struct arena *arena,
                             struct scim_user *user, struct scim_fault *fault)
{
    const struct scim_user old = *user;
    const struct step step = {.user = user, .is_replacing = true};
    *user = (struct scim_user){.id = old.id,
                               .person_id = old.person_id,
                               .provider = old.provider,
                               .subject = old.subject,
                               .is_active = true,
                               .created_us = old.created_us,
                               .changed_us = old.changed_us};
    enum err_code code = read_whole(&step, doc, arena, fault);
    return code == ERR_OK ? check_user(user, fault) : code;
}

enum err_code scim_group_read(const struct json_doc *doc, struct arena *arena,
                              struct scim_group_wish *wish, struct scim_fault *fault)
{
    const struct step step = {.group = wish, .is_replacing = true};
    wish->group.display_name = STR_NONE;
    wish->group.external_id = STR_NONE;
    if (!make_room(wish, doc, arena))
        return no_memory(fault);
    forget_members(wish);
    enum err_code code = read_whole(&step, doc, arena, fault);
    return code == ERR_OK ? check_group(wish, fault) : code;
}

/* --- PATCH --- */

enum operation { OPERATION_ADD, OPERATION_REPLACE, OPERATION_REMOVE, OPERATIONS };

static enum err_code read_operation(const struct given *given, enum operation *ret_operation)
{
    static const char *const words[OPERATIONS] = {"add", "replace", "remove"};
    struct str text = STR_NONE;
    json_pos op = member(given, given->pos, "op");
    if (op == JSON_NONE || !json_str(given->doc, op, given->arena, &text))
        return scim_refuse(given->fault, SCIM_INVALID_SYNTAX, "an operation needs an op");
    for (size_t i = 0; i < OPERATIONS; i++)
        if (str_eq_nocase(text, str_c(words[i]))) {
            *ret_operation = (enum operation)i;
            return ERR_OK;
        }
    return scim_refuse(given->fault, SCIM_INVALID_SYNTAX,
                       "op is add, replace or remove, not '" STR_FMT "'",
                       STR_ARG(str_first(text, 64)));
}

/* members[value eq "u1"] names the one to take out. */
static enum err_code remove_named(struct scim_group_wish *wish, struct str condition,
                                  const struct given *given)
{
    struct scim_clause clause;
    struct str rest = condition;
    int64_t id = 0;
    struct str name = str_trim(str_first(condition, str_find(condition, ' ')));
    if (!str_eq_nocase(name, STR("value")))
        return scim_refuse(given->fault, SCIM_INVALID_PATH, "members are named by their value");
    rest = str_trim(str_from(condition, str_find_str(condition, name) + name.len));
    rest = arena_printf(given->arena, "members " STR_FMT, STR_ARG(rest));
    if (rest.ptr == NULL)
        return no_memory(given->fault);
    if (scim_clause_parse(&rest, given->arena, &clause, given->fault) != ERR_OK ||
        str_trim(rest).len > 0)
        return scim_refuse(given->fault, SCIM_INVALID_PATH,
                           "a member to remove is written members[value eq \"ID\"]");
    if (scim_id_parse(SCIM_USER, clause.text, &id))
        wish->members[wish->member_count++] = (struct scim_member_wish){.user_id = id};
    return ERR_OK;
}

static enum err_code remove_members(struct scim_group_wish *wish, const struct scim_path *path,
                                    const struct given *given)
{
    if (path->condition.ptr != NULL)
        return remove_named(wish, path->condition, given);
    if (!is_absent(given))
        return add_members(wish, given, false);
    forget_members(wish);
    return ERR_OK;
}

static enum err_code remove_path(const struct step *step, struct str text,
                                 const struct given *given)
{
    struct scim_path path;
    struct given nothing = *given;
    if (scim_path_parse(text, &path, given->fault) != ERR_OK)
        return ERR_INVALID;
    if (step->group != NULL && path.attribute == SCIM_ATTRIBUTE_MEMBERS)
        return remove_members(step->group, &path, given);
    nothing.pos = JSON_NONE;
    return is_kept(&path, given) ? set(step, path.attribute, &nothing) : ERR_OK;
}

static enum err_code operate(struct step *step, const struct given *given)
{
    enum operation operation = OPERATION_ADD;
    struct str path = STR_NONE;
    struct given value = *given;
    json_pos path_pos = member(given, given->pos, "path");
    if (read_operation(given, &operation) != ERR_OK)
        return ERR_INVALID;
    value.pos = member(given, given->pos, "value");
    if (path_pos != JSON_NONE && json_type(given->doc, path_pos) != JSON_NULL &&
        !json_str(given->doc, path_pos, given->arena, &path))
        return scim_refuse(given->fault, SCIM_INVALID_PATH, "path must be a text");
    step->is_replacing = operation == OPERATION_REPLACE;
    if (operation == OPERATION_REMOVE)
        return path.len == 0 ? scim_refuse(given->fault, SCIM_NO_TARGET, "remove needs a path")
                             : remove_path(step, path, &value);
    if (value.pos == JSON_NONE)
        return scim_refuse(given->fault, SCIM_INVALID_VALUE, "the operation needs a value");
    if (path.len > 0)
        return set_path(step, path, &value);
    if (!json_is(given->doc, value.pos, JSON_OBJECT))
        return scim_refuse(given->fault, SCIM_INVALID_VALUE,
                           "without a path the value must be an object");
    return set_all(step, &value);
}

static enum err_code patch(struct step *step, const struct json_doc *doc, struct arena *arena,
                           struct scim_fault *fault)
{
    struct given each = {.doc = doc, .arena = arena, .pos = 0, .fault = fault};
    json_pos list = member(&each, 0, "Operations");
    enum err_code code = ERR_OK;
    size_t count = 0;
    if (!json_is(doc, list, JSON_ARRAY))
        return scim_refuse(fault, SCIM_INVALID_SYNTAX, "the request needs a list of Operations");
    for (each.pos = json_first(doc, list); each.pos != JSON_NONE && code == ERR_OK;
         each.pos = json_next(doc, list, each.pos)) {
        if (++count > MAX_OPERATIONS)
            return scim_refuse(fault, SCIM_INVALID_SYNTAX, "there are more than %d Operations",
                               MAX_OPERATIONS);
        code = operate(step, &each);
    }
    return code;
}

enum err_code scim_user_patch(const struct json_doc *doc, struct arena *arena,
                              struct scim_user *user, struct scim_fault *fault)
{
    struct step step = {.user = user};
    enum err_code code = patch(&step, doc, arena, fault);
    return code == ERR_OK ? check_user(user, fault) : code;
}

enum err_code scim_group_patch(const struct json_doc *doc, struct arena *arena,
                               struct scim_group_wish *wish, struct scim_fault *fault)
{
    struct step step = {.group = wish};
    if (!make_room(wish, doc, arena))
        return no_memory(fault);
    enum err_code code = patch(&step, doc, arena, fault);
    return code == ERR_OK ? check_group(wish, fault) : code;
}

/* --- what changes --- */

struct placed {
    int64_t id;
    size_t place;
    bool is_in;
};

/* By id, the last wish last. */
static int compare_placed(const void *a, const void *b)
{
    const struct placed *left = a;
    const struct placed *right = b;
    if (left->id != right->id)
        return left->id < right->id ? -1 : 1;
    return left->place < right->place ? -1 : left->place > right->place;
}

static bool has_id(const int64_t *ids, size_t count, int64_t id)
{
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ids[middle] == id)
            return true;
        if (ids[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

static struct placed *sort_wishes(const struct scim_group_wish *wish, struct arena *arena)
{
    struct placed *placed = arena_calloc(arena, wish->member_count + 1, sizeof *placed);
    if (placed == NULL)
        return NULL;
    for (size_t i = 0; i < wish->member_count; i++)
        placed[i] = (struct placed){
            .id = wish->members[i].user_id, .place = i, .is_in = wish->members[i].is_in};
    qsort(placed, wish->member_count, sizeof *placed, compare_placed);
    return placed;
}

/* Into the lists of a change, whose room was made for the most that can be. */
struct lists {
    int64_t *added;
    size_t added_count;
    int64_t *removed;
    size_t removed_count;
};

/* The last wish for one person. */
static void place_wish(const struct placed *wish, bool was_in, struct lists *lists)
{
    if (wish->is_in && !was_in)
        lists->added[lists->added_count++] = wish->id;
    else if (!wish->is_in && was_in)
        lists->removed[lists->removed_count++] = wish->id;
}

/* Those that it has and nobody wished for go. */
static void place_forgotten(const struct placed *placed, size_t count, const int64_t *has,
                            size_t has_count, struct lists *lists)
{
    size_t next = 0;
    for (size_t i = 0; i < has_count; i++) {
        while (next < count && placed[next].id < has[i])
            next++;
        if (next == count || placed[next].id != has[i])
            lists->removed[lists->removed_count++] = has[i];
    }
}

bool scim_group_change(const struct scim_group_wish *wish, const int64_t *has, size_t has_count,
                       struct arena *arena, struct scim_group_change *ret_change)
{
    struct placed *placed = sort_wishes(wish, arena);
    size_t count = wish->member_count;
    struct lists lists = {.added = arena_calloc(arena, count + 1, sizeof *lists.added),
                          .removed =
                              arena_calloc(arena, count + has_count + 1, sizeof *lists.removed)};
    if (placed == NULL || lists.added == NULL || lists.removed == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        if (i + 1 == count || placed[i + 1].id != placed[i].id)
            place_wish(&placed[i], has_id(has, has_count, placed[i].id), &lists);
    if (wish->forgets_members)
        place_forgotten(placed, count, has, has_count, &lists);
    *ret_change = (struct scim_group_change){.group = wish->group,
                                             .added = lists.added,
                                             .added_count = lists.added_count,
                                             .removed = lists.removed,
                                             .removed_count = lists.removed_count};
    return true;
}
