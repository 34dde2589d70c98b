#include "mcp/era.h"

#include "base/json.h"

/* Integers that every JSON reader holds exactly. */
#define SAFE_INTEGER ((int64_t)1 << 53)

enum mcp_era era_guess(const struct mcp_headers *headers)
{
    return version_is_modern(headers->protocol_version) ? MCP_MODERN : MCP_LEGACY;
}

static enum err_code refuse_header(struct mcp_refusal *refusal, const char *header, const char *why)
{
    return refusal_set(refusal, MCP_ERROR_HEADER, "header %s %s", header, why);
}

static enum err_code check_required_meta(const struct mcp_message *message,
                                         struct mcp_refusal *refusal)
{
    if (message->protocol_version.ptr == NULL)
        return refusal_set(refusal, MCP_ERROR_META,
                           "params._meta has no io.modelcontextprotocol/protocolVersion");
    if (message->client_capabilities == JSON_NONE)
        return refusal_set(refusal, MCP_ERROR_META,
                           "params._meta has no io.modelcontextprotocol/clientCapabilities");
    return ERR_OK;
}

static enum err_code check_version(const struct mcp_headers *headers,
                                   const struct mcp_message *message, struct mcp_terms *terms,
                                   struct mcp_refusal *refusal)
{
    struct str said = headers->protocol_version;
    if (said.ptr == NULL)
        return refuse_header(refusal, "MCP-Protocol-Version", "is missing");
    if (message->protocol_version.ptr != NULL && !str_eq(said, message->protocol_version))
        return refuse_header(refusal, "MCP-Protocol-Version", "does not match params._meta");
    if (version_parse(said, &terms->version) && version_era(terms->version) == MCP_MODERN)
        return ERR_OK;
    terms->version = MCP_LATEST;
    refusal->requested = said;
    return refusal_set(refusal, MCP_ERROR_VERSION, "the protocol version is not supported; %s is",
                       version_word(MCP_LATEST));
}

static enum err_code check_class(const struct mcp_message *message, enum mcp_era era,
                                 struct mcp_refusal *refusal)
{
    if (method_class(message->method, era) != MCP_CLASS_REFUSED)
        return ERR_OK;
    const char *why = method_is_known(message->method, era)
                          ? "the method is not served by this gateway"
                          : "the method is not part of this version of MCP";
    return refusal_set(refusal, MCP_ERROR_METHOD, "%s", why);
}

static enum err_code check_method_header(const struct mcp_headers *headers,
                                         const struct mcp_message *message,
                                         struct mcp_refusal *refusal)
{
    if (headers->method.ptr == NULL)
        return message->kind == MCP_NOTIFICATION
                   ? ERR_OK
                   : refuse_header(refusal, "Mcp-Method", "is missing");
    if (!str_eq(headers->method, message->method_name))
        return refuse_header(refusal, "Mcp-Method", "does not match the method");
    return ERR_OK;
}

static enum err_code check_name_header(const struct mcp_headers *headers,
                                       const struct mcp_message *message, struct arena *arena,
                                       struct mcp_refusal *refusal)
{
    struct str name;
    if (method_routing(message->method) == MCP_ROUTING_NONE)
        return ERR_OK;
    if (headers->name.ptr == NULL)
        return refuse_header(refusal, "Mcp-Name", "is missing");
    if (!header_decode(headers->name, arena, &name))
        return refuse_header(refusal, "Mcp-Name", "is not coded as MCP says");
    if (!str_eq(name, message->name))
        return refuse_header(refusal, "Mcp-Name", "does not match params");
    return ERR_OK;
}

static enum err_code check_modern(const struct mcp_headers *headers,
                                  const struct mcp_message *message, struct arena *arena,
                                  struct mcp_terms *terms, struct mcp_refusal *refusal)
{
    enum err_code code = ERR_OK;
    if (message->kind == MCP_RESPONSE || message->kind == MCP_FAILURE)
        return refusal_set(refusal, MCP_ERROR_INVALID_REQUEST,
                           "clients send no answers in this version of MCP");
    if (headers->has_duplicate)
        return refusal_set(refusal, MCP_ERROR_HEADER, "a header of MCP stands there twice");
    if (message->kind == MCP_REQUEST)
        code = check_required_meta(message, refusal);
    if (code == ERR_OK)
        code = check_version(headers, message, terms, refusal);
    /* A removed method is answered as such even when its headers are not complete. */
    if (code == ERR_OK)
        code = check_class(message, MCP_MODERN, refusal);
    if (code == ERR_OK)
        code = check_method_header(headers, message, refusal);
    if (code == ERR_OK)
        code = check_name_header(headers, message, arena, refusal);
    return code;
}

static enum err_code check_initialize(const struct mcp_message *message, struct mcp_terms *terms,
                                      struct mcp_refusal *refusal)
{
    if (message->asked_version.ptr == NULL)
        return refusal_set(refusal, MCP_ERROR_PARAMS, "params.protocolVersion is missing");
    terms->version = version_negotiate(message->asked_version);
    return ERR_OK;
}

static enum err_code check_legacy(const struct mcp_headers *headers,
                                  const struct mcp_message *message, struct mcp_terms *terms,
                                  struct mcp_refusal *refusal)
{
    if (headers->has_duplicate)
        return refusal_set(refusal, MCP_ERROR_INVALID_REQUEST,
                           "a header of MCP stands there twice");
    if (message->kind == MCP_RESPONSE || message->kind == MCP_FAILURE)
        return ERR_OK;
    if (message->method == MCP_INITIALIZE)
        return check_initialize(message, terms, refusal);
    /* 2025-06-18, "Protocol Version Header": without one 2025-03-26 is assumed. */
    if (headers->protocol_version.ptr != NULL &&
        !version_parse(headers->protocol_version, &terms->version)) {
        refusal->requested = headers->protocol_version;
        return refusal_set(refusal, MCP_ERROR_VERSION,
                           "header MCP-Protocol-Version names no supported version");
    }
    return check_class(message, MCP_LEGACY, refusal);
}

enum err_code era_check(const struct mcp_headers *headers, const struct mcp_message *message,
                        struct arena *arena, struct mcp_terms *ret_terms,
                        struct mcp_refusal *ret_refusal)
{
    bool is_modern = message->protocol_version.ptr != NULL || era_guess(headers) == MCP_MODERN;
    struct mcp_refusal refusal = {
        .error = MCP_ERROR_INTERNAL, .id = message->id, .method = message->method_name};
    *ret_terms = is_modern ? (struct mcp_terms){MCP_MODERN, MCP_LATEST}
                           : (struct mcp_terms){MCP_LEGACY, MCP_2025_03_26};
    enum err_code code = is_modern ? check_modern(headers, message, arena, ret_terms, &refusal)
                                   : check_legacy(headers, message, ret_terms, &refusal);
    if (code != ERR_OK)
        *ret_refusal = refusal;
    return code;
}

/* An integer as JSON or a header may spell it: "-7", "7.0". False: no integer, or not a safe one.
 */
static bool read_integer(struct str text, int64_t *ret_value)
{
    bool is_negative = str_starts(text, STR("-"));
    struct str rest = str_from(text, is_negative ? 1 : 0);
    struct str digits = str_cut(&rest, '.');
    uint64_t size;
    for (size_t i = 0; i < rest.len; i++) {
        if (rest.ptr[i] != '0')
            return false;
    }
    if (!str_u64(digits, &size) || size >= (uint64_t)SAFE_INTEGER)
        return false;
    *ret_value = is_negative ? -(int64_t)size : (int64_t)size;
    return true;
}

static bool value_matches(const struct mcp_message *message, json_pos argument, struct str text)
{
    const struct json_doc *doc = &message->doc;
    int64_t said;
    int64_t meant;
    switch (json_type(doc, argument)) {
    case JSON_STRING:
        return json_str_is(doc, argument, text);
    case JSON_TRUE:
    case JSON_FALSE:
        return str_eq(json_raw(doc, argument), text);
    case JSON_NUMBER:
        if (!read_integer(json_raw(doc, argument), &meant))
            return str_eq(json_raw(doc, argument), text);
        return read_integer(text, &said) && said == meant;
    case JSON_NULL:
    case JSON_ARRAY:
    case JSON_OBJECT:
        break;
    }
    return false;
}

static enum err_code check_param(const struct mcp_headers *headers,
                                 const struct mcp_message *message,
                                 const struct schema_param *param, struct arena *arena,
                                 struct mcp_refusal *refusal)
{
    size_t count;
    struct str text;
    struct str value = header_find_param(headers, param->header, &count);
    json_pos argument = schema_argument(&message->doc, message->arguments, param);
    if (argument == JSON_NONE && count == 0)
        return ERR_OK;
    if (argument == JSON_NONE || count != 1)
        return refusal_set(refusal, MCP_ERROR_HEADER,
                           "header Mcp-Param-" STR_FMT " must stand there once if and only if its "
                           "argument does",
                           STR_ARG(param->header));
    if (!header_decode(value, arena, &text) || !value_matches(message, argument, text))
        return refusal_set(refusal, MCP_ERROR_HEADER,
                           "header Mcp-Param-" STR_FMT " does not match its argument",
                           STR_ARG(param->header));
    return ERR_OK;
}

enum err_code era_check_params(const struct mcp_headers *headers, const struct mcp_message *message,
                               const struct schema_facts *facts, struct arena *arena,
                               struct mcp_refusal *ret_refusal)
{
    struct mcp_refusal refusal = {
        .error = MCP_ERROR_INTERNAL, .id = message->id, .method = message->method_name};
    for (uint32_t i = 0; i < facts->count; i++) {
        enum err_code code = check_param(headers, message, &facts->params[i], arena, &refusal);
        if (code != ERR_OK) {
            *ret_refusal = refusal;
            return code;
        }
    }
    return ERR_OK;
}
