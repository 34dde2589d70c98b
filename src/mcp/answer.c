#include "mcp/answer.h"

#include "mcp/error.h"
#include "mcp/mcp_priv.h"

enum mcp_answer answer_classify(const struct mcp_message *response, enum mcp_version version,
                                struct err *err)
{
    const struct json_doc *doc = &response->doc;
    if (response->kind == MCP_FAILURE)
        return MCP_ANSWER_PROTOCOL_ERROR;
    if (response->kind != MCP_RESPONSE || !json_is(doc, response->result, JSON_OBJECT)) {
        (void)err_set(err, ERR_UPSTREAM, "the result is no object");
        return MCP_ANSWER_INVALID;
    }
    json_pos type = json_get(doc, response->result, STR("resultType"));
    json_pos content = json_get(doc, response->result, STR("content"));
    json_pos is_error = json_get(doc, response->result, STR("isError"));
    bool failed = false;
    /* Absent: a legacy server, or a modern one that forgot; both mean complete (MCP 2026-07-28). */
    if (version_era(version) == MCP_MODERN && type != JSON_NONE) {
        if (json_str_is(doc, type, STR("input_required")))
            return MCP_ANSWER_INPUT_REQUIRED;
        if (!json_str_is(doc, type, STR("complete"))) {
            (void)err_set(err, ERR_UPSTREAM, "the result is of an unknown resultType");
            return MCP_ANSWER_INVALID;
        }
    }
    if (content != JSON_NONE && !json_is(doc, content, JSON_ARRAY)) {
        (void)err_set(err, ERR_UPSTREAM, "content is no array");
        return MCP_ANSWER_INVALID;
    }
    if (is_error != JSON_NONE && !json_bool(doc, is_error, &failed)) {
        (void)err_set(err, ERR_UPSTREAM, "isError is no boolean");
        return MCP_ANSWER_INVALID;
    }
    return failed ? MCP_ANSWER_TOOL_ERROR : MCP_ANSWER_OK;
}

static enum err_code full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the answer does not fit its buffer");
}

static void write_open(struct buf *head, struct str id, const char *then)
{
    buf_add_c(head, "{\"jsonrpc\":\"2.0\",\"id\":");
    buf_add(head, id);
    buf_add_c(head, then);
}

/* Its place in head; a view only once head is complete. */
struct span {
    size_t start;
    size_t len;
};

static struct str span_of(const struct buf *buf, struct span span)
{
    return str_of(buf->ptr + span.start, span.len);
}

/* What legacy clients do not know: the members of _meta that are reserved for the protocol. */
static bool is_dropped_meta(const struct json_doc *doc, json_pos name)
{
    struct str raw = json_raw(doc, name);
    return meta_is_reserved(str_of(raw.ptr + 1, raw.len - 2));
}

static bool has_dropped_meta(const struct json_doc *doc, json_pos meta)
{
    for (struct member m = member_first(doc, meta); m.name != JSON_NONE;
         m = member_next(doc, meta, m)) {
        if (is_dropped_meta(doc, m.name))
            return true;
    }
    return false;
}

/* Appends "_meta":{…} with what stays, or nothing when nothing does. */
static struct span write_kept_meta(struct buf *head, const struct json_doc *doc, json_pos meta)
{
    struct span span = {.start = head->len};
    buf_add_c(head, "\"_meta\":{");
    size_t open = head->len;
    for (struct member m = member_first(doc, meta); m.name != JSON_NONE;
         m = member_next(doc, meta, m)) {
        if (is_dropped_meta(doc, m.name))
            continue;
        if (head->len > open)
            buf_add_byte(head, ',');
        buf_add(head, member_run(doc, m, m));
    }
    if (head->failed || head->len == open) {
        head->len = span.start;
        return span;
    }
    buf_add_byte(head, '}');
    span.len = head->len - span.start;
    return span;
}

static void add_joined(struct mcp_pieces *pieces, bool *is_first, struct str run)
{
    if (run.len == 0)
        return;
    if (!*is_first)
        pieces_add(pieces, STR(","));
    pieces_add(pieces, run);
    *is_first = false;
}

/* The members of the result in runs, without resultType and with kept in place of _meta. */
static void add_legacy_members(struct mcp_pieces *pieces, const struct json_doc *doc,
                               json_pos result, json_pos replaced, struct str kept)
{
    bool is_first = true;
    struct member from = {JSON_NONE, JSON_NONE};
    struct member last = from;
    for (struct member m = member_first(doc, result); m.name != JSON_NONE;
         m = member_next(doc, result, m)) {
        if (m.value != replaced && !json_str_is(doc, m.name, STR("resultType"))) {
            if (from.name == JSON_NONE)
                from = m;
            last = m;
            continue;
        }
        if (from.name != JSON_NONE)
            add_joined(pieces, &is_first, member_run(doc, from, last));
        if (m.value == replaced)
            add_joined(pieces, &is_first, kept);
        from.name = JSON_NONE;
    }
    if (from.name != JSON_NONE)
        add_joined(pieces, &is_first, member_run(doc, from, last));
}

/* A modern result for a legacy client. */
static enum err_code reply_legacy(const struct mcp_message *response, struct str id,
                                  struct buf *head, struct mcp_pieces *pieces, struct err *err)
{
    const struct json_doc *doc = &response->doc;
    bool has_dropped = has_dropped_meta(doc, response->meta);
    struct span open = {.start = head->len};
    struct span kept = {.len = 0};
    write_open(head, id, ",\"result\":{");
    open.len = head->len - open.start;
    if (has_dropped)
        kept = write_kept_meta(head, doc, response->meta);
    if (head->failed)
        return full(err);
    pieces_add(pieces, span_of(head, open));
    add_legacy_members(pieces, doc, response->result, has_dropped ? response->meta : JSON_NONE,
                       span_of(head, kept));
    pieces_add(pieces, STR("}}"));
    return ERR_OK;
}

/* A result without resultType for a modern client: it and the server's name go in front. */
static enum err_code reply_modern(const struct mcp_message *response, struct str id,
                                  struct buf *head, struct mcp_pieces *pieces, struct err *err)
{
    const struct json_doc *doc = &response->doc;
    struct str result = json_raw(doc, response->result);
    size_t start = head->len;
    write_open(head, id, ",\"result\":{\"resultType\":\"complete\"");
    if (json_get(doc, response->result, STR("_meta")) == JSON_NONE)
        buf_add_c(head, ",\"_meta\":{\"" META_SERVER "\":" OWN_INFO "}");
    if (json_first(doc, response->result) != JSON_NONE)
        buf_add_byte(head, ',');
    if (head->failed)
        return full(err);
    pieces_add(pieces, str_of(head->ptr + start, head->len - start));
    pieces_add(pieces, str_from(result, 1));
    pieces_add(pieces, STR("}"));
    return ERR_OK;
}

static enum err_code reply_same(const struct mcp_message *response, struct str id, struct buf *head,
                                struct mcp_pieces *pieces, struct err *err)
{
    size_t start = head->len;
    write_open(head, id, ",\"result\":");
    if (head->failed)
        return full(err);
    pieces_add(pieces, str_of(head->ptr + start, head->len - start));
    pieces_add(pieces, json_raw(&response->doc, response->result));
    pieces_add(pieces, STR("}"));
    return ERR_OK;
}

static enum err_code reply_result(const struct mcp_message *response,
                                  const struct mcp_reply_facts *facts, struct buf *head,
                                  struct mcp_pieces *pieces, struct err *err)
{
    bool has_type = json_get(&response->doc, response->result, STR("resultType")) != JSON_NONE;
    bool is_from_modern = version_era(facts->version) == MCP_MODERN;
    if (facts->era == MCP_LEGACY && is_from_modern)
        return reply_legacy(response, facts->id, head, pieces, err);
    if (facts->era == MCP_MODERN && !has_type)
        return reply_modern(response, facts->id, head, pieces, err);
    return reply_same(response, facts->id, head, pieces, err);
}

static enum err_code reply_own_error(enum mcp_error error, const struct mcp_reply_facts *facts,
                                     struct buf *head, struct mcp_pieces *pieces, struct err *err)
{
    const struct mcp_error_body body = {
        .error = error, .id = facts->id, .request_id = facts->request_id};
    size_t start = head->len;
    error_write(head, facts->era, &body);
    if (head->failed)
        return full(err);
    pieces_add(pieces, str_of(head->ptr + start, head->len - start));
    return ERR_OK;
}

/* Codes that speak of the hop between gateway and upstream, where the client can do nothing: the
 * gateway's own error instead. MCP_ERRORS: the code may travel. */
static enum mcp_error replaced_by(int64_t code)
{
    switch (code) {
    case -32021: /* the server needs a capability; the gateway declares none */
    case -32042: /* the server wants the person to open a URL (2025-11-25) */
        return MCP_ERROR_INTERACTION;
    case -32020:
    case -32022:
        return MCP_ERROR_UPSTREAM;
    default:
        return MCP_ERRORS;
    }
}

static enum err_code reply_failure(const struct mcp_message *response,
                                   const struct mcp_reply_facts *facts, struct buf *head,
                                   struct mcp_pieces *pieces, struct err *err)
{
    const struct json_doc *doc = &response->doc;
    json_pos message = json_get(doc, response->error, STR("message"));
    json_pos data = json_get(doc, response->error, STR("data"));
    enum mcp_error own = replaced_by(response->error_code);
    size_t start = head->len;
    if (own != MCP_ERRORS)
        return reply_own_error(own, facts, head, pieces, err);
    /* -32002 is not to be given by modern servers. */
    bool is_legacy_code = facts->era == MCP_MODERN && response->error_code == -32002;
    write_open(head, facts->id, ",\"error\":{\"code\":");
    buf_printf(head,
               "%lld,\"message\":", is_legacy_code ? -32602LL : (long long)response->error_code);
    if (head->failed)
        return full(err);
    pieces_add(pieces, str_of(head->ptr + start, head->len - start));
    pieces_add(pieces, json_is(doc, message, JSON_STRING) ? json_raw(doc, message) : STR("\"\""));
    if (data != JSON_NONE) {
        pieces_add(pieces, STR(",\"data\":"));
        pieces_add(pieces, json_raw(doc, data));
    }
    pieces_add(pieces, STR("}}"));
    return ERR_OK;
}

enum err_code answer_reply(const struct mcp_message *response, enum mcp_answer answer,
                           const struct mcp_reply_facts *facts, struct buf *head,
                           struct mcp_pieces *ret_pieces, struct err *err)
{
    struct mcp_pieces pieces = {.count = 0};
    enum err_code code = ERR_OK;
    switch (answer) {
    case MCP_ANSWER_OK:
    case MCP_ANSWER_TOOL_ERROR:
        code = reply_result(response, facts, head, &pieces, err);
        break;
    case MCP_ANSWER_PROTOCOL_ERROR:
        code = reply_failure(response, facts, head, &pieces, err);
        break;
    case MCP_ANSWER_INPUT_REQUIRED:
        code = reply_own_error(MCP_ERROR_INTERACTION, facts, head, &pieces, err);
        break;
    case MCP_ANSWER_INVALID:
        code = reply_own_error(MCP_ERROR_UPSTREAM, facts, head, &pieces, err);
        break;
    }
    if (code == ERR_OK)
        *ret_pieces = pieces;
    return code;
}

/* Modern clients ask for log messages request by request; legacy ones would have to be told that
 * the gateway logs, and are not. */
static bool wants_log(const struct mcp_message *message, const struct mcp_relay_facts *facts)
{
    json_pos level = json_get(&message->doc, message->params, STR("level"));
    enum mcp_log_level said = log_level_find(&message->doc, level);
    return facts->era == MCP_MODERN && facts->call != NULL && said != MCP_LOG_NONE &&
           facts->call->log_level != MCP_LOG_NONE && said >= facts->call->log_level;
}

static bool wants_progress(const struct mcp_message *message, const struct mcp_relay_facts *facts)
{
    json_pos progress = json_get(&message->doc, message->params, STR("progress"));
    return facts->call != NULL && facts->call->progress_token.len != 0 &&
           json_is(&message->doc, progress, JSON_NUMBER);
}

enum mcp_relay answer_relay(const struct mcp_message *message, const struct mcp_relay_facts *facts)
{
    if (message->kind == MCP_REQUEST)
        return message->method == MCP_SERVER_PING ? MCP_RELAY_ANSWER_EMPTY : MCP_RELAY_REFUSE;
    if (message->kind != MCP_NOTIFICATION)
        return MCP_RELAY_DROP;
    if (message->method == MCP_TOOLS_CHANGED)
        return MCP_RELAY_TOOLS_CHANGED;
    if (message->method == MCP_SERVER_PROGRESS)
        return wants_progress(message, facts) ? MCP_RELAY_PASS : MCP_RELAY_DROP;
    if (message->method == MCP_SERVER_MESSAGE)
        return wants_log(message, facts) ? MCP_RELAY_PASS : MCP_RELAY_DROP;
    return MCP_RELAY_DROP;
}

bool answer_progress_id(const struct mcp_message *message, uint64_t *ret_id)
{
    uint64_t id;
    if (message->method != MCP_SERVER_PROGRESS || !str_u64(message->progress_token, &id) || id == 0)
        return false;
    *ret_id = id;
    return true;
}

static void add_progress(struct mcp_pieces *pieces, const struct mcp_message *message,
                         struct str client_token)
{
    struct str params = json_raw(&message->doc, message->params);
    struct str token = message->progress_token;
    size_t before = (size_t)(token.ptr - params.ptr);
    pieces_add(pieces, str_first(params, before));
    pieces_add(pieces, client_token);
    pieces_add(pieces, str_from(params, before + token.len));
}

enum err_code answer_notification(const struct mcp_message *message,
                                  const struct mcp_relay_facts *facts,
                                  struct mcp_pieces *ret_pieces, struct err *err)
{
    struct mcp_pieces pieces = {.count = 0};
    if (answer_relay(message, facts) != MCP_RELAY_PASS)
        return err_set(err, ERR_INVALID, "the notification is not for this client");
    if (message->method == MCP_SERVER_PROGRESS) {
        pieces_add(&pieces, STR("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\","
                                "\"params\":"));
        add_progress(&pieces, message, facts->call->progress_token);
    } else {
        pieces_add(&pieces, STR("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\","
                                "\"params\":"));
        pieces_add(&pieces, json_raw(&message->doc, message->params));
    }
    pieces_add(&pieces, STR("}"));
    *ret_pieces = pieces;
    return ERR_OK;
}
