#include "admin/scim_reply.h"

#include <stdio.h>

enum { PAGE = 100, MAX_PAGE = 1000 };

void scim_fail(struct scim_ask *ask)
{
    struct api_reply *reply = ask->reply;
    struct jsonw w;
    char status[8];

    buf_clear(&reply->body);
    reply->status = err_http_status(ask->fault.err.code);
    (void)snprintf(status, sizeof status, "%d", reply->status);
    jsonw_init(&w, &reply->body);
    jsonw_object(&w);
    jsonw_name(&w, "schemas");
    jsonw_array(&w);
    jsonw_str(&w, STR(SCIM_MESSAGE "Error"));
    jsonw_end_array(&w);
    jsonw_name_str(&w, "status", str_c(status));
    if (ask->fault.type != NULL)
        jsonw_name_str(&w, "scimType", str_c(ask->fault.type));
    jsonw_name_str(&w, "detail", str_c(ask->fault.err.text));
    jsonw_end_object(&w);
}

/* *text is untouched when the parameter is not there. */
static bool read_query(struct scim_ask *ask, const char *name, struct str *text)
{
    enum err_code code = query_get(ask->request, name, text, &ask->fault.err);

    if (code == ERR_OK || code == ERR_NOT_FOUND)
        return true;
    ask->fault.type = SCIM_INVALID_VALUE;
    scim_fail(ask);
    return false;
}

bool scim_begin(struct scim_ask *ask, const struct api_request *request, struct api_reply *reply)
{
    *ask = (struct scim_ask){.request = request,
                             .reply = reply,
                             .control = gate_control(request->gate),
                             .arena = request->arena,
                             .provider = request->caller.provisions};
    reply->content_type = "application/scim+json";
    ask->shape.base =
        arena_printf(ask->arena, STR_FMT "/scim/v2", STR_ARG(control_public_url(ask->control)));
    /* The scope is a provider's alone; without one nothing could be bounded to anybody. */
    if (ask->provider.len == 0 || ask->shape.base.ptr == NULL) {
        (void)err_set(&ask->fault.err, ERR_DENIED, "only an identity provider provisions");
        scim_fail(ask);
        return false;
    }
    return read_query(ask, "attributes", &ask->shape.only) &&
           read_query(ask, "excludedAttributes", &ask->shape.excluding);
}

bool scim_path_id(struct scim_ask *ask, enum scim_kind kind, int64_t *ret_id)
{
    struct str text = ask->request->params[0];

    if (scim_id_parse(kind, text, ret_id))
        return true;
    (void)err_set(&ask->fault.err, ERR_NOT_FOUND, "there is no resource '" STR_FMT "'",
                  STR_ARG(str_first(text, 64)));
    scim_fail(ask);
    return false;
}

bool scim_body(struct scim_ask *ask, struct json_doc *ret_doc)
{
    if (json_parse(ask->request->body, &json_limits_default, ask->arena, ret_doc,
                   &ask->fault.err) == ERR_OK)
        return true;
    ask->fault.type = SCIM_INVALID_SYNTAX;
    scim_fail(ask);
    return false;
}

/* §3.4.2.4: less than the least is the least. */
static bool read_count(struct scim_ask *ask, const char *name, int64_t least, int64_t most,
                       int64_t *ret_count)
{
    struct str text = STR_NONE;
    uint64_t number = 0;

    if (!read_query(ask, name, &text))
        return false;
    if (text.ptr == NULL)
        return true;
    bool is_negative = str_starts(text, STR("-"));
    if (!str_u64(is_negative ? str_from(text, 1) : text, &number)) {
        ask->fault.type = SCIM_INVALID_VALUE;
        (void)err_set(&ask->fault.err, ERR_INVALID, "%s must be a number", name);
        scim_fail(ask);
        return false;
    }
    if (is_negative)
        number = 0;
    *ret_count = number > (uint64_t)most ? most : (int64_t)number;
    if (*ret_count < least)
        *ret_count = least;
    return true;
}

bool scim_page_read(struct scim_ask *ask, enum scim_kind kind, struct scim_page *ret_page)
{
    static const char *const names[] = {
        "filter", "startIndex", "count", "attributes", "excludedAttributes",
        "sortBy", "sortOrder",  NULL};
    struct scim_page page = {.first = 1, .most = PAGE};
    struct str filter = STR("");

    if (query_check(ask->request, names, &ask->fault.err) != ERR_OK) {
        ask->fault.type = SCIM_INVALID_VALUE;
        scim_fail(ask);
        return false;
    }
    if (!read_query(ask, "filter", &filter) ||
        !read_count(ask, "startIndex", 1, INT64_MAX / 2, &page.first) ||
        !read_count(ask, "count", 0, MAX_PAGE, &page.most))
        return false;
    if (scim_filter_parse(filter, kind, ask->arena, &page.filter, &ask->fault) != ERR_OK) {
        scim_fail(ask);
        return false;
    }
    *ret_page = page;
    return true;
}

void scim_page_begin(struct jsonw *w, const struct scim_page *page, int64_t total, int64_t count)
{
    jsonw_object(w);
    jsonw_name(w, "schemas");
    jsonw_array(w);
    jsonw_str(w, STR(SCIM_MESSAGE "ListResponse"));
    jsonw_end_array(w);
    jsonw_name_i64(w, "totalResults", total);
    jsonw_name_i64(w, "itemsPerPage", count);
    jsonw_name_i64(w, "startIndex", page->first);
    jsonw_name(w, "Resources");
    jsonw_array(w);
}

void scim_page_end(struct jsonw *w)
{
    jsonw_end_array(w);
    jsonw_end_object(w);
}

void scim_created(struct scim_ask *ask, enum scim_kind kind, int64_t id)
{
    CLEANUP(buf_done) struct buf text = {0};

    buf_init(&text, 4096);
    scim_location_write(&text, &ask->shape, kind, id);
    ask->reply->status = 201;
    ask->reply->location = arena_dup(ask->arena, buf_str(&text));
}
