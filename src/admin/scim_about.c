/*
 * What this service provider supports, and the attributes that it keeps (RFC 7643 §5 to §7).
 */
#include "admin/handlers.h"
#include "admin/scim_reply.h"

static void write_feature(struct jsonw *w, const char *name, bool is_supported)
{
    jsonw_name(w, name);
    jsonw_object(w);
    jsonw_name_bool(w, "supported", is_supported);
    if (str_eq(str_c(name), STR("filter")))
        jsonw_name_i64(w, "maxResults", 1000);
    if (str_eq(str_c(name), STR("bulk"))) {
        jsonw_name_i64(w, "maxOperations", 0);
        jsonw_name_i64(w, "maxPayloadSize", 0);
    }
    jsonw_end_object(w);
}

static void write_schemas(struct jsonw *w, struct str schema)
{
    jsonw_name(w, "schemas");
    jsonw_array(w);
    jsonw_str(w, schema);
    jsonw_end_array(w);
}

void scim_config(const struct api_request *request, struct api_reply *reply)
{
    static const struct {
        const char *name;
        bool is_supported;
    } features[] = {{"patch", true}, {"bulk", false},           {"filter", true},
                    {"sort", false}, {"changePassword", false}, {"etag", false}};
    struct scim_ask ask;
    struct jsonw w;

    if (!scim_begin(&ask, request, reply))
        return;
    jsonw_init(&w, &reply->body);
    jsonw_object(&w);
    write_schemas(&w, STR("urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"));
    for (size_t i = 0; i < ARRAY_LEN(features); i++)
        write_feature(&w, features[i].name, features[i].is_supported);
    jsonw_name(&w, "authenticationSchemes");
    jsonw_array(&w);
    jsonw_object(&w);
    jsonw_name_str(&w, "type", STR("oauthbearertoken"));
    jsonw_name_str(&w, "name", STR("Bearer token"));
    jsonw_name_str(&w, "description", STR("A token that `portreeve scim token` made"));
    jsonw_end_object(&w);
    jsonw_end_array(&w);
    jsonw_end_object(&w);
}

static void write_type(struct jsonw *w, const char *name, const char *endpoint, const char *schema)
{
    jsonw_object(w);
    write_schemas(w, STR("urn:ietf:params:scim:schemas:core:2.0:ResourceType"));
    jsonw_name_str(w, "id", str_c(name));
    jsonw_name_str(w, "name", str_c(name));
    jsonw_name_str(w, "endpoint", str_c(endpoint));
    jsonw_name_str(w, "schema", str_c(schema));
    jsonw_end_object(w);
}

void scim_types(const struct api_request *request, struct api_reply *reply)
{
    static const struct scim_page page = {.first = 1};
    struct scim_ask ask;
    struct jsonw w;

    if (!scim_begin(&ask, request, reply))
        return;
    jsonw_init(&w, &reply->body);
    scim_page_begin(&w, &page, 2, 2);
    write_type(&w, "User", "/Users", SCIM_SCHEMA_USER);
    write_type(&w, "Group", "/Groups", SCIM_SCHEMA_GROUP);
    scim_page_end(&w);
}

struct attribute {
    const char *name;
    const char *type;
    bool is_list;
    bool is_required;
    bool is_exact; /* case matters */
    bool is_unique;
    const struct attribute *parts; /* up to one without a name; NULL: none */
};

static const struct attribute name_parts[] = {
    {.name = "formatted", .type = "string"},
    {.name = "familyName", .type = "string"},
    {.name = "givenName", .type = "string"},
    {.name = NULL},
};

static const struct attribute email_parts[] = {
    {.name = "value", .type = "string"},
    {.name = "type", .type = "string"},
    {.name = "primary", .type = "boolean"},
    {.name = NULL},
};

static const struct attribute user_attributes[] = {
    {.name = "userName", .type = "string", .is_required = true, .is_unique = true},
    {.name = "externalId", .type = "string", .is_exact = true},
    {.name = "displayName", .type = "string"},
    {.name = "name", .type = "complex", .parts = name_parts},
    {.name = "emails", .type = "complex", .is_list = true, .parts = email_parts},
    {.name = "active", .type = "boolean"},
    {.name = NULL},
};

static const struct attribute member_parts[] = {
    {.name = "value", .type = "string", .is_exact = true},
    {.name = "type", .type = "string"},
    {.name = NULL},
};

static const struct attribute group_attributes[] = {
    {.name = "displayName", .type = "string", .is_required = true, .is_unique = true},
    {.name = "externalId", .type = "string", .is_exact = true},
    {.name = "members", .type = "complex", .is_list = true, .parts = member_parts},
    {.name = NULL},
};

static void write_facts(struct jsonw *w, const struct attribute *attribute)
{
    jsonw_name_str(w, "name", str_c(attribute->name));
    jsonw_name_str(w, "type", str_c(attribute->type));
    jsonw_name_bool(w, "multiValued", attribute->is_list);
    jsonw_name_bool(w, "required", attribute->is_required);
    jsonw_name_bool(w, "caseExact", attribute->is_exact);
    jsonw_name_str(w, "mutability", STR("readWrite"));
    jsonw_name_str(w, "returned", STR("default"));
    jsonw_name_str(w, "uniqueness", attribute->is_unique ? STR("server") : STR("none"));
}

static void write_attributes(struct jsonw *w, const char *name, const struct attribute *attributes)
{
    jsonw_name(w, name);
    jsonw_array(w);
    for (const struct attribute *each = attributes; each->name != NULL; each++) {
        jsonw_object(w);
        write_facts(w, each);
        if (each->parts != NULL) {
            jsonw_name(w, "subAttributes");
            jsonw_array(w);
            for (const struct attribute *part = each->parts; part->name != NULL; part++) {
                jsonw_object(w);
                write_facts(w, part);
                jsonw_end_object(w);
            }
            jsonw_end_array(w);
        }
        jsonw_end_object(w);
    }
    jsonw_end_array(w);
}

static void write_schema(struct jsonw *w, const char *id, const char *name,
                         const struct attribute *attributes)
{
    jsonw_object(w);
    write_schemas(w, STR("urn:ietf:params:scim:schemas:core:2.0:Schema"));
    jsonw_name_str(w, "id", str_c(id));
    jsonw_name_str(w, "name", str_c(name));
    write_attributes(w, "attributes", attributes);
    jsonw_end_object(w);
}

void scim_schemas(const struct api_request *request, struct api_reply *reply)
{
    static const struct scim_page page = {.first = 1};
    struct scim_ask ask;
    struct jsonw w;

    if (!scim_begin(&ask, request, reply))
        return;
    jsonw_init(&w, &reply->body);
    scim_page_begin(&w, &page, 2, 2);
    write_schema(&w, SCIM_SCHEMA_USER, "User", user_attributes);
    write_schema(&w, SCIM_SCHEMA_GROUP, "Group", group_attributes);
    scim_page_end(&w);
}
