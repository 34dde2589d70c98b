#include "mcp/message.h"

#include "mcp/mcp_priv.h"
#include "mcp/message_priv.h"

const struct json_limits message_client_limits = {
    .max_bytes = 1024 * 1024,
    .max_depth = 64,
    .max_values = 65536,
    .max_members = 4096,
    .profile = JSON_STRICT,
};
const struct json_limits message_upstream_limits = {
    .max_bytes = 16 * 1024 * 1024,
    .max_depth = 128,
    .max_values = 1024 * 1024,
    .max_members = 65536,
    .profile = JSON_RESULT,
};

enum envelope_name { ENVELOPE_JSONRPC, ENVELOPE_ID, METHOD, PARAMS, RESULT, ERROR, ENVELOPE_NAMES };

static const struct str envelope_names[ENVELOPE_NAMES] = {
    [ENVELOPE_JSONRPC] = STR_INIT("jsonrpc"),
    [ENVELOPE_ID] = STR_INIT("id"),
    [METHOD] = STR_INIT("method"),
    [PARAMS] = STR_INIT("params"),
    [RESULT] = STR_INIT("result"),
    [ERROR] = STR_INIT("error"),
};

struct envelope {
    json_pos at[ENVELOPE_NAMES]; /* of the value; JSON_NONE: not there */
    const char *problem;         /* NULL: none */
};

int name_match(const struct json_doc *doc, json_pos name, const struct str *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (json_str_is(doc, name, names[i]))
            return (int)i;
    }
    for (size_t i = 0; i < count; i++) {
        if (json_is_variant(doc, name, names[i]))
            return NAME_VARIANT;
    }
    return NAME_UNKNOWN;
}

enum err_code read_text(struct reader *reader, json_pos pos, enum mcp_error error, const char *what,
                        struct str *ret_text)
{
    const struct json_doc *doc = &reader->message->doc;
    if (!json_is(doc, pos, JSON_STRING))
        return refusal_set(reader->refusal, error, "%s is not a string", what);
    if (!json_str(doc, pos, reader->arena, ret_text))
        return refusal_set(reader->refusal, MCP_ERROR_LIMIT, "request memory is used up");
    return ERR_OK;
}

static enum err_code refuse(struct reader *reader, const char *why)
{
    return refusal_set(reader->refusal, MCP_ERROR_INVALID_REQUEST, "%s", why);
}

static void scan_envelope(const struct reader *reader, struct envelope *envelope)
{
    const struct json_doc *doc = &reader->message->doc;
    for (size_t i = 0; i < ENVELOPE_NAMES; i++)
        envelope->at[i] = JSON_NONE;
    for (struct member m = member_first(doc, 0); m.name != JSON_NONE; m = member_next(doc, 0, m)) {
        int match = name_match(doc, m.name, envelope_names, ENVELOPE_NAMES);
        if (match >= 0)
            envelope->at[match] = m.value;
        else if (match == NAME_VARIANT)
            envelope->problem = "a member of the message is spelled almost like one of JSON-RPC";
        else if (reader->direction == MCP_TO_SERVER)
            envelope->problem = "the message has a member that JSON-RPC does not know";
    }
}

/* Libraries built for JSON-RPC 1.0 answer with both members, the idle one null. */
static void drop_idle(const struct reader *reader, struct envelope *envelope)
{
    const struct json_doc *doc = &reader->message->doc;
    if (reader->direction != MCP_TO_CLIENT || envelope->at[RESULT] == JSON_NONE)
        return;
    if (json_is(doc, envelope->at[ERROR], JSON_NULL))
        envelope->at[ERROR] = JSON_NONE;
    else if (json_is(doc, envelope->at[RESULT], JSON_NULL) && envelope->at[ERROR] != JSON_NONE)
        envelope->at[RESULT] = JSON_NONE;
}

static bool is_id(const struct json_doc *doc, json_pos pos)
{
    int64_t number;
    return (json_is(doc, pos, JSON_STRING) || json_i64(doc, pos, &number)) &&
           json_raw(doc, pos).len <= MCP_MAX_ID_BYTES;
}

static enum err_code read_id(struct reader *reader, json_pos pos)
{
    struct mcp_message *m = reader->message;
    if (is_id(&m->doc, pos)) {
        m->id = reader->refusal->id = json_raw(&m->doc, pos);
        return ERR_OK;
    }
    if (pos == JSON_NONE ||
        (reader->direction == MCP_TO_CLIENT && json_is(&m->doc, pos, JSON_NULL)))
        return ERR_OK;
    return refuse(reader, "the id is no string of up to 254 bytes and no integer");
}

static enum err_code read_method(struct reader *reader, json_pos pos)
{
    struct mcp_message *m = reader->message;
    if (pos == JSON_NONE)
        return ERR_OK;
    enum err_code code =
        read_text(reader, pos, MCP_ERROR_INVALID_REQUEST, "the method", &m->method_name);
    if (code != ERR_OK)
        return code;
    reader->refusal->method = m->method_name;
    if (m->method_name.len > MCP_MAX_METHOD_BYTES)
        return refuse(reader, "the method is longer than 128 bytes");
    m->method = method_find(m->method_name, reader->direction);
    return ERR_OK;
}

static enum err_code read_kind(struct reader *reader, const struct envelope *envelope)
{
    struct mcp_message *m = reader->message;
    bool has_method = envelope->at[METHOD] != JSON_NONE;
    bool has_result = envelope->at[RESULT] != JSON_NONE;
    bool has_error = envelope->at[ERROR] != JSON_NONE;
    if (has_method + has_result + has_error != 1)
        return refuse(reader, "the message must have exactly one of method, result and error");
    if (!has_method && envelope->at[PARAMS] != JSON_NONE)
        return refuse(reader, "an answer has no params");
    if (has_method)
        m->kind = m->id.len != 0 ? MCP_REQUEST : MCP_NOTIFICATION;
    else
        m->kind = has_result ? MCP_RESPONSE : MCP_FAILURE;
    if (m->kind == MCP_NOTIFICATION && envelope->at[ENVELOPE_ID] != JSON_NONE)
        return refuse(reader, "the id of a request must not be null");
    if (m->kind == MCP_RESPONSE && m->id.len == 0)
        return refuse(reader, "the answer has no id");
    return ERR_OK;
}

/* Otherwise a governed request could go by as a notification, and a notification wait for an
 * answer. */
static enum err_code check_form(struct reader *reader)
{
    const struct mcp_message *m = reader->message;
    if (m->method == MCP_METHOD_UNKNOWN)
        return ERR_OK;
    if (method_form(m->method) == MCP_FORM_REQUEST && m->kind == MCP_NOTIFICATION)
        return refuse(reader, "the method is a request, but the message has no id");
    if (method_form(m->method) == MCP_FORM_NOTIFICATION && m->kind == MCP_REQUEST)
        return refuse(reader, "the method is a notification, but the message has an id");
    return ERR_OK;
}

static enum err_code read_answer(struct reader *reader, const struct envelope *envelope)
{
    struct mcp_message *m = reader->message;
    m->result = envelope->at[RESULT];
    m->error = envelope->at[ERROR];
    if (m->kind == MCP_RESPONSE)
        return read_meta(reader, m->result);
    if (!json_is(&m->doc, m->error, JSON_OBJECT) ||
        !json_i64(&m->doc, json_get(&m->doc, m->error, STR("code")), &m->error_code))
        return refuse(reader, "the error is no object with an integer code");
    return ERR_OK;
}

static enum err_code read_body(struct reader *reader, const struct envelope *envelope)
{
    struct mcp_message *m = reader->message;
    enum err_code code;
    if (!json_str_is(&m->doc, envelope->at[ENVELOPE_JSONRPC], STR("2.0")))
        return refuse(reader, "jsonrpc is not \"2.0\"");
    if ((code = read_kind(reader, envelope)) != ERR_OK)
        return code;
    if (m->kind == MCP_RESPONSE || m->kind == MCP_FAILURE)
        return read_answer(reader, envelope);
    if ((code = check_form(reader)) != ERR_OK)
        return code;
    m->params = envelope->at[PARAMS];
    return read_params(reader);
}

/* The text was judged as it came; from here on it is one line. */
static enum err_code make_one_line(struct reader *reader)
{
    struct str text = reader->message->doc.text;
    if (memchr(text.ptr, '\n', text.len) == NULL && memchr(text.ptr, '\r', text.len) == NULL)
        return ERR_OK;
    char *line = arena_alloc(reader->arena, text.len);
    if (line == NULL)
        return refusal_set(reader->refusal, MCP_ERROR_LIMIT, "request memory is used up");
    for (size_t i = 0; i < text.len; i++)
        line[i] = text.ptr[i] == '\n' || text.ptr[i] == '\r' ? ' ' : text.ptr[i];
    reader->message->doc.text = str_of(line, text.len);
    return ERR_OK;
}

static struct str without_outer_space(struct str body)
{
    while (body.len > 0 && strchr(" \t\r\n", body.ptr[body.len - 1]) != NULL &&
           body.ptr[body.len - 1] != '\0')
        body.len--;
    return body;
}

static enum err_code parse_json(struct reader *reader, struct str body,
                                const struct json_limits *limits)
{
    struct mcp_message *m = reader->message;
    struct err err;
    enum err_code code =
        json_parse(without_outer_space(body), limits, reader->arena, &m->doc, &err);
    if (code != ERR_OK)
        return refusal_set(reader->refusal, code == ERR_LIMIT ? MCP_ERROR_LIMIT : MCP_ERROR_PARSE,
                           "%s", err.text);
    if (json_is(&m->doc, 0, JSON_ARRAY))
        return refusal_set(reader->refusal, MCP_ERROR_BATCH, "%s", error_text(MCP_ERROR_BATCH));
    if (!json_is(&m->doc, 0, JSON_OBJECT))
        return refuse(reader, "the body is no JSON object");
    return make_one_line(reader);
}

static enum err_code read_message(struct reader *reader, struct str body,
                                  const struct json_limits *limits)
{
    struct envelope envelope = {.problem = NULL};
    enum err_code code = parse_json(reader, body, limits);
    if (code != ERR_OK)
        return code;
    scan_envelope(reader, &envelope);
    drop_idle(reader, &envelope);
    /* Id and method first: every later refusal names them. */
    if ((code = read_id(reader, envelope.at[ENVELOPE_ID])) != ERR_OK ||
        (code = read_method(reader, envelope.at[METHOD])) != ERR_OK)
        return code;
    if (envelope.problem != NULL)
        return refuse(reader, envelope.problem);
    return read_body(reader, &envelope);
}

static const struct mcp_message empty_message = {
    .method = MCP_METHOD_UNKNOWN,
    .params = JSON_NONE,
    .meta = JSON_NONE,
    .client_capabilities = JSON_NONE,
    .client_info = JSON_NONE,
    .arguments = JSON_NONE,
    .result = JSON_NONE,
    .error = JSON_NONE,
};

enum err_code message_parse(struct str body, const struct json_limits *limits, struct arena *arena,
                            struct mcp_message *ret_message, struct mcp_refusal *ret_refusal)
{
    struct mcp_message message = empty_message;
    struct mcp_refusal refusal = {.error = MCP_ERROR_INTERNAL};
    struct reader reader = {&message, arena, &refusal, MCP_TO_SERVER};
    enum err_code code =
        read_message(&reader, body, limits != NULL ? limits : &message_client_limits);
    if (code != ERR_OK)
        *ret_refusal = refusal;
    else
        *ret_message = message;
    return code;
}

enum err_code message_parse_upstream(struct str body, const struct json_limits *limits,
                                     struct arena *arena, struct mcp_message *ret_message,
                                     struct err *err)
{
    struct mcp_message message = empty_message;
    struct mcp_refusal refusal = {.error = MCP_ERROR_INTERNAL};
    struct reader reader = {&message, arena, &refusal, MCP_TO_CLIENT};
    enum err_code code =
        read_message(&reader, body, limits != NULL ? limits : &message_upstream_limits);
    if (code != ERR_OK)
        return err_set(err, code, "%s", refusal.err.text);
    *ret_message = message;
    return ERR_OK;
}

struct str message_arguments(const struct mcp_message *message)
{
    if (message->arguments == JSON_NONE)
        return STR("{}");
    return json_raw(&message->doc, message->arguments);
}

uint32_t message_argument_count(const struct mcp_message *message)
{
    return message->arguments == JSON_NONE ? 0 : message->doc.values[message->arguments].count;
}

bool message_is_tool_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool is_legal = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
        if (!is_legal)
            return false;
    }
    return name.len >= 1 && name.len <= MCP_MAX_NAME_BYTES;
}

bool message_own_id(const struct mcp_message *message, uint64_t *ret_id)
{
    uint64_t id;
    if (!str_u64(message->id, &id) || id == 0)
        return false;
    *ret_id = id;
    return true;
}
