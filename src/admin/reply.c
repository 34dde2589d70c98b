#include "admin/reply.h"

#include <string.h>

#include "base/base64.h"
#include "base/clock.h"

void reply_err(struct api_reply *reply, const struct err *err)
{
    struct jsonw w;

    buf_clear(&reply->body);
    reply->status = err_http_status(err->code);
    jsonw_init(&w, &reply->body);
    jsonw_object(&w);
    jsonw_name(&w, "error");
    jsonw_object(&w);
    jsonw_name_str(&w, "code", str_c(err_word(err->code)));
    jsonw_name_str(&w, "message", str_c(err->text));
    jsonw_end_object(&w);
    jsonw_end_object(&w);
}

static bool decode(struct arena *arena, struct str text, struct str *ret_text)
{
    char *out = arena_alloc(arena, text.len + 1);
    size_t len = 0;

    if (out == NULL)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (c == '+')
            c = ' ';
        if (c == '%' && !hex_decode(str_first(str_from(text, i + 1), 2), &c, 1))
            return false;
        if (text.ptr[i] == '%')
            i += 2;
        out[len++] = c;
    }
    out[len] = '\0';
    *ret_text = str_of(out, len);
    return true;
}

enum err_code query_get(const struct api_request *request, const char *name, struct str *ret_value,
                        struct err *err)
{
    struct str rest = request->query;
    bool found = false;

    while (rest.len > 0) {
        struct str value = str_cut(&rest, '&');
        struct str key = str_cut(&value, '=');

        if (!str_eq(key, str_c(name)))
            continue;
        if (found)
            return err_set(err, ERR_INVALID, "'%s' stands twice in the query", name);
        if (!decode(request->arena, value, ret_value))
            return err_set(err, ERR_INVALID, "'%s' in the query is not percent-encoded right",
                           name);
        found = true;
    }
    return found ? ERR_OK : err_set(err, ERR_NOT_FOUND, "no '%s' in the query", name);
}

static bool is_among(struct str name, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (str_eq(name, str_c(*names)))
            return true;
    }
    return false;
}

enum err_code query_check(const struct api_request *request, const char *const *names,
                          struct err *err)
{
    struct str rest = request->query;

    while (rest.len > 0) {
        struct str value = str_cut(&rest, '&');
        struct str key = str_cut(&value, '=');

        if (!is_among(key, names))
            return err_set(err, ERR_INVALID, "unknown query parameter '" STR_FMT "'", STR_ARG(key));
    }
    return ERR_OK;
}

enum err_code query_bool(const struct api_request *request, const char *name, bool *ret_value,
                         struct err *err)
{
    struct str text = STR_NONE;
    enum err_code code = query_get(request, name, &text, err);

    if (code == ERR_NOT_FOUND) {
        *ret_value = false;
        return ERR_OK;
    }
    if (code != ERR_OK)
        return code;
    bool is_true = str_eq(text, STR("true")) || str_eq(text, STR("1"));
    if (!is_true && !str_eq(text, STR("false")) && !str_eq(text, STR("0")))
        return err_set(err, ERR_INVALID, "'%s' must be true or false", name);
    *ret_value = is_true;
    return ERR_OK;
}

enum err_code body_object(const struct api_request *request, const char *const *names,
                          struct json_doc *ret_doc, struct err *err)
{
    struct str name = STR_NONE;

    if (json_parse(request->body, &json_limits_default, request->arena, ret_doc, err) != ERR_OK)
        return err_wrap(err, "request body");
    if (!json_is(ret_doc, 0, JSON_OBJECT))
        return err_set(err, ERR_INVALID, "the request body must be a JSON object");
    for (json_pos pos = json_first(ret_doc, 0); pos != JSON_NONE;
         pos = json_next(ret_doc, 0, json_next(ret_doc, 0, pos))) {
        if (!json_str(ret_doc, pos, request->arena, &name))
            return err_set(err, ERR_LIMIT, "the request is too large");
        if (!is_among(name, names))
            return err_set(err, ERR_INVALID, "unknown member '" STR_FMT "' in the request body",
                           STR_ARG(name));
    }
    return ERR_OK;
}

enum err_code body_str(const struct api_request *request, const struct json_doc *doc,
                       const char *name, struct str *ret_value, struct err *err)
{
    json_pos pos = json_get(doc, 0, str_c(name));

    if (pos == JSON_NONE)
        return ERR_OK;
    if (!json_str(doc, pos, request->arena, ret_value))
        return err_set(err, ERR_INVALID, "'%s' must be a string", name);
    return ERR_OK;
}

void reply_list(const struct api_request *request, struct api_reply *reply, const char *name,
                reply_rows_fn *rows)
{
    struct store_view view = {0};
    struct err err;
    struct jsonw w;

    if (control_view(gate_control(request->gate), request->arena, &view, &err) != ERR_OK) {
        reply_err(reply, &err);
        return;
    }
    jsonw_init(&w, &reply->body);
    jsonw_object(&w);
    jsonw_name(&w, name);
    jsonw_array(&w);
    rows(&w, &view, clock_wall_us());
    jsonw_end_array(&w);
    jsonw_end_object(&w);
}
