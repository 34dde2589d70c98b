#include "mcp/request.h"

#include "base/jsonw.h"
#include "mcp/mcp_priv.h"

enum { FIXED_HEADERS = 6 };

static const char *const control_methods[] = {
    [MCP_CONTROL_DISCOVER] = "server/discover",
    [MCP_CONTROL_INITIALIZE] = "initialize",
    [MCP_CONTROL_INITIALIZED] = "notifications/initialized",
    [MCP_CONTROL_TOOLS_LIST] = "tools/list",
    [MCP_CONTROL_PING] = "ping",
    [MCP_CONTROL_CANCELLED] = "notifications/cancelled",
};

const char *request_control_method(enum mcp_control control)
{
    return control_methods[control];
}

/* What every modern request carries. The gateway answers nothing that an upstream could ask of a
 * client, so it declares no capabilities. */
static void write_modern_meta(struct jsonw *w, enum mcp_version version)
{
    jsonw_name_str(w, META_VERSION, str_c(version_word(version)));
    jsonw_name(w, META_CAPABILITIES);
    jsonw_raw(w, STR("{}"));
    jsonw_name(w, META_CLIENT);
    jsonw_raw(w, STR(OWN_INFO));
}

static void write_initialize(struct jsonw *w, enum mcp_version version)
{
    jsonw_name_str(w, "protocolVersion", str_c(version_word(version)));
    jsonw_name(w, "capabilities");
    jsonw_raw(w, STR("{}"));
    jsonw_name(w, "clientInfo");
    jsonw_raw(w, STR(OWN_INFO));
}

static void write_number(struct jsonw *w, const char *name, uint64_t value)
{
    jsonw_name(w, name);
    jsonw_i64(w, (int64_t)value);
}

static bool is_notification(enum mcp_control control)
{
    return control == MCP_CONTROL_INITIALIZED || control == MCP_CONTROL_CANCELLED;
}

static void write_params(struct jsonw *w, const struct mcp_control_request *request)
{
    jsonw_name(w, "params");
    jsonw_object(w);
    if (request->control == MCP_CONTROL_INITIALIZE)
        write_initialize(w, request->version);
    if (request->control == MCP_CONTROL_TOOLS_LIST && request->cursor.ptr != NULL)
        jsonw_name_str(w, "cursor", request->cursor);
    if (request->control == MCP_CONTROL_CANCELLED)
        write_number(w, "requestId", request->id);
    if (request->control == MCP_CONTROL_CANCELLED && request->reason.len != 0)
        jsonw_name_str(w, "reason", request->reason);
    if (version_era(request->version) == MCP_MODERN && !is_notification(request->control)) {
        jsonw_name(w, "_meta");
        jsonw_object(w);
        write_modern_meta(w, request->version);
        jsonw_end_object(w);
    }
    jsonw_end_object(w);
}

void request_control(struct buf *out, const struct mcp_control_request *request)
{
    struct jsonw w;
    jsonw_init(&w, out);
    jsonw_object(&w);
    jsonw_name_str(&w, "jsonrpc", STR("2.0"));
    if (!is_notification(request->control))
        write_number(&w, "id", request->id);
    jsonw_name_str(&w, "method", str_c(request_control_method(request->control)));
    if (request->control != MCP_CONTROL_INITIALIZED && request->control != MCP_CONTROL_PING)
        write_params(&w, request);
    jsonw_end_object(&w);
}

/* May the member travel on as it is? The protocol's own members are written anew. A name with
 * escapes is left behind: no known program writes one, and it would have to be judged in another
 * form than it goes. */
static bool is_foreign(const struct mcp_message *message, json_pos name)
{
    const struct json_doc *doc = &message->doc;
    struct str raw = json_raw(doc, name);
    struct str text = str_of(raw.ptr + 1, raw.len - 2);
    bool is_trace = str_eq(text, STR("traceparent")) || str_eq(text, STR("tracestate")) ||
                    str_eq(text, STR("baggage"));
    if (is_trace)
        return message->traceparent.len != 0 || str_eq(text, STR("baggage"));
    return doc->values[name].count == 0 && !str_eq(text, STR("progressToken")) &&
           !meta_is_reserved(text);
}

static void write_foreign_meta(struct buf *out, const struct mcp_message *message, size_t start)
{
    const struct json_doc *doc = &message->doc;
    for (struct member m = member_first(doc, message->meta); m.name != JSON_NONE;
         m = member_next(doc, message->meta, m)) {
        if (!is_foreign(message, m.name))
            continue;
        if (out->len > start)
            buf_add_byte(out, ',');
        buf_add(out, member_run(doc, m, m));
    }
}

static void write_log_level(struct buf *out, const struct mcp_message *message)
{
    if (message->log_level != MCP_LOG_NONE)
        buf_printf(out, ",\"" META_LOG_LEVEL "\":\"%s\"", log_level_word(message->log_level).ptr);
}

/* Appends the members of _meta without braces. */
static void write_call_meta(struct buf *out, const struct mcp_call *call)
{
    size_t start = out->len;
    if (version_era(call->version) == MCP_MODERN) {
        buf_add_c(out, "\"" META_VERSION "\":\"");
        buf_add_c(out, version_word(call->version));
        buf_add(out, STR("\",\"" META_CAPABILITIES "\":{},\"" META_CLIENT "\":" OWN_INFO));
        write_log_level(out, call->message);
    }
    if (call->message->progress_token.len != 0) {
        buf_add_c(out, out->len > start ? ",\"progressToken\":" : "\"progressToken\":");
        buf_add_u64(out, call->id);
    }
    write_foreign_meta(out, call->message, start);
}

static void write_call_head(struct buf *head, const struct mcp_call *call)
{
    buf_add_c(head, "{\"jsonrpc\":\"2.0\",\"id\":");
    buf_add_u64(head, call->id);
    buf_add_c(head, ",\"method\":\"tools/call\",\"params\":{\"name\":");
    jsonw_quote(head, call->upstream_name);
    buf_add_c(head, ",\"arguments\":");
}

static void write_call_tail(struct buf *head, const struct mcp_call *call)
{
    static const char open[] = ",\"_meta\":{";
    size_t start = head->len;
    buf_add_c(head, open);
    write_call_meta(head, call);
    if (head->len == start + sizeof(open) - 1)
        head->len = start;
    else
        buf_add_byte(head, '}');
    buf_add_c(head, "}}");
}

enum err_code request_call(const struct mcp_call *call, struct buf *head,
                           struct mcp_pieces *ret_pieces, struct err *err)
{
    size_t start = head->len;
    write_call_head(head, call);
    size_t split = head->len;
    write_call_tail(head, call);
    if (head->failed)
        return err_set(err, ERR_LIMIT, "the call does not fit its buffer");
    *ret_pieces = (struct mcp_pieces){.count = 0};
    pieces_add(ret_pieces, str_of(head->ptr + start, split - start));
    pieces_add(ret_pieces, message_arguments(call->message));
    pieces_add(ret_pieces, str_of(head->ptr + split, head->len - split));
    return ERR_OK;
}

struct header_list {
    struct mcp_header *headers;
    size_t count;
    struct arena *arena;
    struct err *err;
};

static void add_header(struct header_list *list, struct str name, struct str value)
{
    list->headers[list->count++] = (struct mcp_header){name, value};
}

static enum err_code full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "request memory is used up");
}

static enum err_code add_coded(struct header_list *list, struct str name, struct str text)
{
    struct str value;
    if (!header_encode(text, list->arena, &value))
        return full(list->err);
    add_header(list, name, value);
    return ERR_OK;
}

/* Digits alone and exact in every reader; other numbers are for the server to refuse. */
static bool is_safe_integer(struct str raw)
{
    struct str digits = str_starts(raw, STR("-")) ? str_from(raw, 1) : raw;
    uint64_t size;
    return str_u64(digits, &size) && size < (uint64_t)1 << 53;
}

static enum err_code argument_text(struct header_list *list, const struct json_doc *doc,
                                   json_pos argument, const struct schema_param *param,
                                   struct str *ret_text)
{
    enum json_type type = json_type(doc, argument);
    if (param->type == SCHEMA_STRING && type == JSON_STRING)
        return json_str(doc, argument, list->arena, ret_text) ? ERR_OK : full(list->err);
    bool is_boolean = type == JSON_TRUE || type == JSON_FALSE;
    bool is_integer = type == JSON_NUMBER && is_safe_integer(json_raw(doc, argument));
    if ((param->type == SCHEMA_BOOLEAN && is_boolean) ||
        (param->type == SCHEMA_INTEGER && is_integer)) {
        *ret_text = json_raw(doc, argument);
        return ERR_OK;
    }
    static const char *const words[] = {
        [SCHEMA_STRING] = "string",
        [SCHEMA_INTEGER] = "integer within 2^53",
        [SCHEMA_BOOLEAN] = "boolean",
    };
    return err_set(list->err, ERR_INVALID, "argument " STR_FMT " must be a %s",
                   STR_ARG(param->path[param->depth - 1]), words[param->type]);
}

static enum err_code add_param(struct header_list *list, const struct mcp_message *message,
                               const struct schema_param *param)
{
    struct str text;
    json_pos argument = schema_argument(&message->doc, message->arguments, param);
    if (argument == JSON_NONE)
        return ERR_OK;
    enum err_code code = argument_text(list, &message->doc, argument, param, &text);
    if (code != ERR_OK)
        return code;
    struct str name = arena_printf(list->arena, "Mcp-Param-" STR_FMT, STR_ARG(param->header));
    if (name.ptr == NULL)
        return full(list->err);
    return add_coded(list, name, text);
}

static enum err_code add_modern(struct header_list *list, const struct mcp_header_facts *facts)
{
    enum err_code code = ERR_OK;
    add_header(list, STR("Mcp-Method"), facts->method);
    if (facts->name.ptr != NULL)
        code = add_coded(list, STR("Mcp-Name"), facts->name);
    if (facts->message == NULL || facts->facts == NULL)
        return code;
    for (uint32_t i = 0; code == ERR_OK && i < facts->facts->count; i++)
        code = add_param(list, facts->message, &facts->facts->params[i]);
    return code;
}

enum err_code request_headers(const struct mcp_header_facts *facts, struct arena *arena,
                              const struct mcp_header **ret_headers, size_t *ret_count,
                              struct err *err)
{
    size_t room = FIXED_HEADERS + (facts->facts != NULL ? facts->facts->count : 0);
    struct header_list list = {.arena = arena, .err = err};
    list.headers = arena_calloc(arena, room, sizeof *list.headers);
    if (list.headers == NULL)
        return full(err);
    add_header(&list, STR("Content-Type"), STR("application/json"));
    add_header(&list, STR("Accept"), STR("application/json, text/event-stream"));
    if (!facts->is_initialize)
        add_header(&list, STR("MCP-Protocol-Version"), str_c(version_word(facts->version)));
    if (facts->session.ptr != NULL)
        add_header(&list, STR("Mcp-Session-Id"), facts->session);
    if (version_era(facts->version) == MCP_MODERN) {
        enum err_code code = add_modern(&list, facts);
        if (code != ERR_OK)
            return code;
    }
    *ret_headers = list.headers;
    *ret_count = list.count;
    return ERR_OK;
}
