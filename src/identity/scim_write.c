#include <stdio.h>

#include "base/clock.h"
#include "identity/scim.h"

/* A name alone, or with the URN of the schema; "emails.value" wishes for emails. */
static bool names_it(struct str list, const char *attribute)
{
    while (list.len > 0) {
        struct str name = str_trim(str_cut(&list, ','));
        for (size_t colon = str_find(name, ':'); colon < name.len; colon = str_find(name, ':'))
            name = str_from(name, colon + 1);
        if (str_eq_nocase(str_first(name, str_find(name, '.')), str_c(attribute)) ||
            str_eq_nocase(str_from(name, 2), str_c(attribute)))
            return true;
    }
    return false;
}

bool scim_shape_has(const struct scim_shape *shape, const char *attribute)
{
    return (shape->only.len == 0 || names_it(shape->only, attribute)) &&
           !names_it(shape->excluding, attribute);
}

void scim_location_write(struct buf *out, const struct scim_shape *shape, enum scim_kind kind,
                         int64_t id)
{
    buf_add(out, shape->base);
    buf_printf(out, kind == SCIM_USER ? "/Users/u%lld" : "/Groups/g%lld", (long long)id);
}

static void write_id(struct jsonw *w, const char *name, enum scim_kind kind, int64_t id)
{
    char text[24];
    int len = snprintf(text, sizeof text, kind == SCIM_USER ? "u%lld" : "g%lld", (long long)id);
    jsonw_name_str(w, name, str_of(text, (size_t)len));
}

static void write_schema(struct jsonw *w, const char *schema)
{
    jsonw_name(w, "schemas");
    jsonw_array(w);
    jsonw_str(w, str_c(schema));
    jsonw_end_array(w);
}

static void write_time(struct jsonw *w, const char *name, int64_t time_us)
{
    char text[CLOCK_RFC3339_BYTES];
    clock_format_rfc3339(time_us, text);
    jsonw_name_str(w, name, str_c(text));
}

/* id and schemas are always there (RFC 7643 §7, returned "always"). */
static void begin(struct jsonw *w, const char *schema, enum scim_kind kind, int64_t id)
{
    jsonw_object(w);
    write_schema(w, schema);
    write_id(w, "id", kind, id);
}

static void write_meta(struct jsonw *w, const struct scim_shape *shape, enum scim_kind kind,
                       int64_t id, int64_t created_us, int64_t changed_us)
{
    CLEANUP(buf_done) struct buf out = {0};
    if (!scim_shape_has(shape, "meta"))
        return;
    buf_init(&out, 4096);
    scim_location_write(&out, shape, kind, id);
    jsonw_name(w, "meta");
    jsonw_object(w);
    jsonw_name_str(w, "resourceType", kind == SCIM_USER ? STR("User") : STR("Group"));
    write_time(w, "created", created_us);
    write_time(w, "lastModified", changed_us);
    jsonw_name_str(w, "location", buf_str(&out));
    jsonw_end_object(w);
}

static void write_text(struct jsonw *w, const struct scim_shape *shape, const char *name,
                       struct str text)
{
    if (text.len > 0 && scim_shape_has(shape, name))
        jsonw_name_str(w, name, text);
}

static void write_name(struct jsonw *w, const struct scim_user *user)
{
    const struct {
        const char *name;
        struct str text;
    } parts[] = {{"formatted", user->formatted_name},
                 {"familyName", user->family_name},
                 {"givenName", user->given_name}};
    bool is_open = false;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (parts[i].text.len == 0)
            continue;
        if (!is_open) {
            jsonw_name(w, "name");
            jsonw_object(w);
        }
        is_open = true;
        jsonw_name_str(w, parts[i].name, parts[i].text);
    }
    if (is_open)
        jsonw_end_object(w);
}

static void write_emails(struct jsonw *w, const struct scim_user *user)
{
    if (user->email.len == 0)
        return;
    jsonw_name(w, "emails");
    jsonw_array(w);
    jsonw_object(w);
    jsonw_name_str(w, "value", user->email);
    jsonw_name_str(w, "type", STR("work"));
    jsonw_name_bool(w, "primary", true);
    jsonw_end_object(w);
    jsonw_end_array(w);
}

void scim_user_write(struct jsonw *w, const struct scim_user *user, const struct scim_shape *shape)
{
    begin(w, SCIM_SCHEMA_USER, SCIM_USER, user->id);
    write_text(w, shape, "externalId", user->external_id);
    write_text(w, shape, "userName", user->user_name);
    write_text(w, shape, "displayName", user->display_name);
    if (scim_shape_has(shape, "name"))
        write_name(w, user);
    if (scim_shape_has(shape, "emails"))
        write_emails(w, user);
    if (scim_shape_has(shape, "active"))
        jsonw_name_bool(w, "active", user->is_active);
    write_meta(w, shape, SCIM_USER, user->id, user->created_us, user->changed_us);
    jsonw_end_object(w);
}

void scim_group_write(struct jsonw *w, const struct scim_group *group, const int64_t *members,
                      size_t count, const struct scim_shape *shape)
{
    begin(w, SCIM_SCHEMA_GROUP, SCIM_GROUP, group->id);
    write_text(w, shape, "externalId", group->external_id);
    write_text(w, shape, "displayName", group->display_name);
    if (scim_shape_has(shape, "members")) {
        jsonw_name(w, "members");
        jsonw_array(w);
        for (size_t i = 0; i < count; i++) {
            jsonw_object(w);
            write_id(w, "value", SCIM_USER, members[i]);
            jsonw_name_str(w, "type", STR("User"));
            jsonw_end_object(w);
        }
        jsonw_end_array(w);
    }
    write_meta(w, shape, SCIM_GROUP, group->id, group->created_us, group->changed_us);
    jsonw_end_object(w);
}
