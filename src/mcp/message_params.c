/*
 * message_params.c - what stands in params and _meta: the protocol's own members are read,
 * look-alikes of them are refused, all else is left alone.
 */
#include "mcp/mcp_priv.h"
#include "mcp/message_priv.h"

/* Every member of params that any method of MCP gives a meaning. Those of tools/call come first. */
enum param_name {
    PARAM_NAME,
    PARAM_ARGUMENTS,
    PARAM_META,
    PARAM_INPUT_RESPONSES,
    PARAM_REQUEST_STATE,
    PARAM_TASK,
    PARAMS_OF_CALL, /* no other member is taken in tools/call */
    PARAM_URI = PARAMS_OF_CALL,
    PARAM_TASK_ID,
    PARAM_CURSOR,
    PARAM_PROTOCOL_VERSION,
    PARAM_CAPABILITIES,
    PARAM_CLIENT_INFO,
    PARAM_REQUEST_ID,
    PARAM_REASON,
    PARAM_PROGRESS_TOKEN,
    PARAM_PROGRESS,
    PARAM_TOTAL,
    PARAM_MESSAGE,
    PARAM_LEVEL,
    PARAM_REF,
    PARAM_ARGUMENT,
    PARAM_CONTEXT,
    PARAM_NOTIFICATIONS,
    PARAM_NAMES
};

static const struct str param_names[PARAM_NAMES] = {
    [PARAM_NAME] = STR_INIT("name"),
    [PARAM_ARGUMENTS] = STR_INIT("arguments"),
    [PARAM_META] = STR_INIT("_meta"),
    [PARAM_INPUT_RESPONSES] = STR_INIT("inputResponses"),
    [PARAM_REQUEST_STATE] = STR_INIT("requestState"),
    [PARAM_TASK] = STR_INIT("task"),
    [PARAM_URI] = STR_INIT("uri"),
    [PARAM_TASK_ID] = STR_INIT("taskId"),
    [PARAM_CURSOR] = STR_INIT("cursor"),
    [PARAM_PROTOCOL_VERSION] = STR_INIT("protocolVersion"),
    [PARAM_CAPABILITIES] = STR_INIT("capabilities"),
    [PARAM_CLIENT_INFO] = STR_INIT("clientInfo"),
    [PARAM_REQUEST_ID] = STR_INIT("requestId"),
    [PARAM_REASON] = STR_INIT("reason"),
    [PARAM_PROGRESS_TOKEN] = STR_INIT("progressToken"),
    [PARAM_PROGRESS] = STR_INIT("progress"),
    [PARAM_TOTAL] = STR_INIT("total"),
    [PARAM_MESSAGE] = STR_INIT("message"),
    [PARAM_LEVEL] = STR_INIT("level"),
    [PARAM_REF] = STR_INIT("ref"),
    [PARAM_ARGUMENT] = STR_INIT("argument"),
    [PARAM_CONTEXT] = STR_INIT("context"),
    [PARAM_NOTIFICATIONS] = STR_INIT("notifications"),
};

enum meta_name {
    META_AT_VERSION,
    META_AT_CAPABILITIES,
    META_AT_CLIENT,
    META_AT_LOG_LEVEL,
    META_AT_PROGRESS_TOKEN,
    META_AT_TRACEPARENT,
    META_AT_TRACESTATE,
    META_AT_BAGGAGE,
    META_AT_SERVER,
    META_AT_SUBSCRIPTION,
    META_NAMES
};

static const struct str meta_names[META_NAMES] = {
    [META_AT_VERSION] = STR_INIT(META_VERSION),
    [META_AT_CAPABILITIES] = STR_INIT(META_CAPABILITIES),
    [META_AT_CLIENT] = STR_INIT(META_CLIENT),
    [META_AT_LOG_LEVEL] = STR_INIT(META_LOG_LEVEL),
    [META_AT_PROGRESS_TOKEN] = STR_INIT("progressToken"),
    [META_AT_TRACEPARENT] = STR_INIT("traceparent"),
    [META_AT_TRACESTATE] = STR_INIT("tracestate"),
    [META_AT_BAGGAGE] = STR_INIT("baggage"),
    [META_AT_SERVER] = STR_INIT(META_SERVER),
    [META_AT_SUBSCRIPTION] = STR_INIT(META_PREFIX "subscriptionId"),
};

static enum err_code refuse(struct reader *reader, enum mcp_error error, const char *why)
{
    return refusal_set(reader->refusal, error, "%s", why);
}

static enum err_code read_log_level(struct reader *reader, json_pos pos)
{
    struct mcp_message *m = reader->message;
    m->log_level = log_level_find(&m->doc, pos);
    if (m->log_level == MCP_LOG_NONE)
        return refuse(reader, MCP_ERROR_META, "the log level is none of MCP");
    return ERR_OK;
}

static enum err_code read_token(struct reader *reader, json_pos pos, enum mcp_error error)
{
    const struct json_doc *doc = &reader->message->doc;
    int64_t number;
    if ((!json_is(doc, pos, JSON_STRING) && !json_i64(doc, pos, &number)) ||
        json_raw(doc, pos).len > MCP_MAX_TOKEN_BYTES)
        return refuse(reader, error, "the progress token is no short string and no integer");
    reader->message->progress_token = json_raw(doc, pos);
    return ERR_OK;
}

/* version "-" trace-id "-" parent-id "-" flags, lower-case hexadecimal (W3C Trace Context §3.2). */
static bool is_traceparent(struct str text)
{
    static const char shape[] = "hh-hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh-hhhhhhhhhhhhhhhh-hh";
    if (text.len != sizeof(shape) - 1)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool is_hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if (shape[i] == 'h' ? !is_hex : c != '-')
            return false;
    }
    return !str_eq(str_first(text, 2), STR("ff"));
}

static enum err_code read_object(struct reader *reader, json_pos pos, enum mcp_error error,
                                 const char *what, json_pos *ret_pos)
{
    if (!json_is(&reader->message->doc, pos, JSON_OBJECT))
        return refusal_set(reader->refusal, error, "%s is no object", what);
    *ret_pos = pos;
    return ERR_OK;
}

/* name and version are kept when they are strings; what a client says of itself decides nothing. */
static enum err_code read_client(struct reader *reader, json_pos pos, enum mcp_error error)
{
    struct mcp_message *m = reader->message;
    enum err_code code = read_object(reader, pos, error, "clientInfo", &m->client_info);
    if (code != ERR_OK)
        return code;
    json_pos name = json_get(&m->doc, pos, STR("name"));
    json_pos version = json_get(&m->doc, pos, STR("version"));
    if ((json_is(&m->doc, name, JSON_STRING) &&
         !json_str(&m->doc, name, reader->arena, &m->client_name)) ||
        (json_is(&m->doc, version, JSON_STRING) &&
         !json_str(&m->doc, version, reader->arena, &m->client_version)))
        return refuse(reader, MCP_ERROR_LIMIT, "request memory is used up");
    return ERR_OK;
}

static void read_traceparent(struct reader *reader, json_pos pos)
{
    struct str text;
    if (json_str(&reader->message->doc, pos, reader->arena, &text) && is_traceparent(text))
        reader->message->traceparent = text;
}

static enum err_code read_meta_member(struct reader *reader, enum meta_name name, json_pos pos)
{
    struct mcp_message *m = reader->message;
    switch (name) {
    case META_AT_VERSION:
        return read_text(reader, pos, MCP_ERROR_META, "_meta protocolVersion",
                         &m->protocol_version);
    case META_AT_CAPABILITIES:
        return read_object(reader, pos, MCP_ERROR_META, "_meta clientCapabilities",
                           &m->client_capabilities);
    case META_AT_CLIENT:
        return read_client(reader, pos, MCP_ERROR_META);
    case META_AT_LOG_LEVEL:
        return read_log_level(reader, pos);
    case META_AT_PROGRESS_TOKEN:
        return read_token(reader, pos, MCP_ERROR_META);
    case META_AT_TRACEPARENT:
        read_traceparent(reader, pos);
        return ERR_OK;
    case META_AT_TRACESTATE:
    case META_AT_BAGGAGE:
    case META_AT_SERVER:
    case META_AT_SUBSCRIPTION:
    case META_NAMES:
        break;
    }
    return ERR_OK;
}

enum err_code read_meta(struct reader *reader, json_pos holder)
{
    struct mcp_message *m = reader->message;
    const struct json_doc *doc = &m->doc;
    json_pos meta = json_get(doc, holder, STR("_meta"));
    if (meta == JSON_NONE)
        return ERR_OK;
    if (m->kind == MCP_RESPONSE) {
        m->meta = json_is(doc, meta, JSON_OBJECT) ? meta : JSON_NONE;
        return ERR_OK;
    }
    enum err_code code = read_object(reader, meta, MCP_ERROR_META, "_meta", &m->meta);
    for (struct member at = member_first(doc, meta); code == ERR_OK && at.name != JSON_NONE;
         at = member_next(doc, meta, at)) {
        int match = name_match(doc, at.name, meta_names, META_NAMES);
        if (match == NAME_VARIANT)
            return refuse(reader, MCP_ERROR_META,
                          "a member of _meta is spelled almost like one of MCP");
        if (match >= 0)
            code = read_meta_member(reader, (enum meta_name)match, at.value);
    }
    return code;
}

static enum err_code read_cursor(struct reader *reader, json_pos pos)
{
    enum err_code code =
        read_text(reader, pos, MCP_ERROR_CURSOR, "the cursor", &reader->message->cursor);
    if (code == ERR_OK && reader->message->cursor.len > MCP_MAX_CURSOR_BYTES)
        return refuse(reader, MCP_ERROR_CURSOR, "the cursor is too long");
    return code;
}

/* The member of params that says what the request is about. */
static enum param_name routed_param(enum mcp_method method)
{
    switch (method_routing(method)) {
    case MCP_ROUTING_NAME:
        return PARAM_NAME;
    case MCP_ROUTING_URI:
        return PARAM_URI;
    case MCP_ROUTING_TASK:
        return PARAM_TASK_ID;
    case MCP_ROUTING_NONE:
        break;
    }
    return PARAM_NAMES;
}

static enum err_code read_call(struct reader *reader, const json_pos at[PARAM_NAMES])
{
    struct mcp_message *m = reader->message;
    if (at[PARAM_INPUT_RESPONSES] != JSON_NONE || at[PARAM_REQUEST_STATE] != JSON_NONE)
        return refuse(reader, MCP_ERROR_PARAMS,
                      "inputResponses and requestState are not supported yet");
    if (at[PARAM_TASK] != JSON_NONE)
        return refuse(reader, MCP_ERROR_PARAMS, "tasks are not supported yet");
    if (m->name.ptr == NULL)
        return refuse(reader, MCP_ERROR_PARAMS, "params.name is missing");
    reader->refusal->name = m->name;
    if (!message_is_tool_name(m->name))
        return refuse(reader, MCP_ERROR_PARAMS,
                      "params.name is not 1 to 128 of the characters A-Z a-z 0-9 _ . -");
    if (at[PARAM_ARGUMENTS] == JSON_NONE)
        return ERR_OK;
    return read_object(reader, at[PARAM_ARGUMENTS], MCP_ERROR_PARAMS, "params.arguments",
                       &m->arguments);
}

static enum err_code read_initialize(struct reader *reader, const json_pos at[PARAM_NAMES])
{
    struct mcp_message *m = reader->message;
    enum err_code code = ERR_OK;
    if (at[PARAM_PROTOCOL_VERSION] != JSON_NONE)
        code = read_text(reader, at[PARAM_PROTOCOL_VERSION], MCP_ERROR_PARAMS,
                         "params.protocolVersion", &m->asked_version);
    if (code == ERR_OK && at[PARAM_CAPABILITIES] != JSON_NONE &&
        m->client_capabilities == JSON_NONE)
        code = read_object(reader, at[PARAM_CAPABILITIES], MCP_ERROR_PARAMS, "params.capabilities",
                           &m->client_capabilities);
    if (code == ERR_OK && at[PARAM_CLIENT_INFO] != JSON_NONE && m->client_info == JSON_NONE)
        code = read_client(reader, at[PARAM_CLIENT_INFO], MCP_ERROR_PARAMS);
    return code;
}

static enum err_code read_cancelled(struct reader *reader, json_pos request_id)
{
    struct mcp_message *m = reader->message;
    int64_t number;
    if ((!json_is(&m->doc, request_id, JSON_STRING) && !json_i64(&m->doc, request_id, &number)) ||
        json_raw(&m->doc, request_id).len > MCP_MAX_ID_BYTES)
        return refuse(reader, MCP_ERROR_PARAMS, "params.requestId is no id");
    m->request_id = json_raw(&m->doc, request_id);
    return ERR_OK;
}

static enum err_code read_method_params(struct reader *reader, const json_pos at[PARAM_NAMES])
{
    struct mcp_message *m = reader->message;
    enum param_name routed = routed_param(m->method);
    enum err_code code = ERR_OK;
    if (routed != PARAM_NAMES && at[routed] != JSON_NONE)
        code = read_text(reader, at[routed], MCP_ERROR_PARAMS, param_names[routed].ptr, &m->name);
    if (code != ERR_OK)
        return code;
    if (m->method == MCP_TOOLS_CALL)
        return read_call(reader, at);
    if (m->method == MCP_INITIALIZE)
        return read_initialize(reader, at);
    if (m->method == MCP_CANCELLED || m->method == MCP_SERVER_CANCELLED)
        return read_cancelled(reader, at[PARAM_REQUEST_ID]);
    if (m->method == MCP_PROGRESS || m->method == MCP_SERVER_PROGRESS)
        return read_token(reader, at[PARAM_PROGRESS_TOKEN], MCP_ERROR_PARAMS);
    if (at[PARAM_CURSOR] != JSON_NONE && method_scope(m->method) == MCP_SCOPE_LIST)
        return read_cursor(reader, at[PARAM_CURSOR]);
    return ERR_OK;
}

static enum err_code scan_params(struct reader *reader, json_pos at[PARAM_NAMES])
{
    const struct mcp_message *m = reader->message;
    for (struct member member = member_first(&m->doc, m->params); member.name != JSON_NONE;
         member = member_next(&m->doc, m->params, member)) {
        int match = name_match(&m->doc, member.name, param_names, PARAM_NAMES);
        if (match == NAME_VARIANT)
            return refuse(reader, MCP_ERROR_PARAMS,
                          "a member of params is spelled almost like one of MCP");
        if (m->method == MCP_TOOLS_CALL && (match < 0 || match >= PARAMS_OF_CALL))
            return refuse(reader, MCP_ERROR_PARAMS,
                          "params of tools/call has a member that MCP does not know");
        if (match >= 0)
            at[match] = member.value;
    }
    return ERR_OK;
}

enum err_code read_params(struct reader *reader)
{
    struct mcp_message *m = reader->message;
    json_pos at[PARAM_NAMES];
    for (size_t i = 0; i < PARAM_NAMES; i++)
        at[i] = JSON_NONE;
    if (m->params != JSON_NONE && !json_is(&m->doc, m->params, JSON_OBJECT))
        return refuse(reader, MCP_ERROR_INVALID_REQUEST, "params is no object");
    enum err_code code = scan_params(reader, at);
    if (code == ERR_OK)
        code = read_meta(reader, m->params);
    if (code == ERR_OK)
        code = read_method_params(reader, at);
    return code;
}
