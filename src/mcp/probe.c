#include "mcp/probe.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "mcp/mcp_priv.h"

/* JSON-RPC errors that only a modern server gives. */
enum { HEADER_MISMATCH = -32020, CAPABILITY_NEEDED = -32021, UNSUPPORTED_VERSION = -32022 };
enum { METHOD_NOT_FOUND = -32601 };

static bool is_edge(enum probe_state from, enum probe_state to)
{
    switch (from) {
    case PROBE_DISCOVERING:
        return to == PROBE_INITIALIZING || to == PROBE_DONE || to == PROBE_FAILED;
    case PROBE_INITIALIZING:
        return to == PROBE_CONFIRMING || to == PROBE_FAILED;
    case PROBE_CONFIRMING:
        return to == PROBE_DONE || to == PROBE_FAILED;
    case PROBE_DONE:
    case PROBE_FAILED:
        break;
    }
    return false;
}

static void set_state(struct probe *probe, enum probe_state state)
{
    assert(is_edge(probe->state, state));
    probe->state = state;
    probe->is_sent = false;
}

void probe_init(struct probe *probe, enum probe_transport transport)
{
    *probe =
        (struct probe){.transport = transport, .state = PROBE_DISCOVERING, .version = MCP_LATEST};
}

void probe_init_known(struct probe *probe, enum probe_transport transport, enum mcp_era era)
{
    probe_init(probe, transport);
    if (era == MCP_LEGACY)
        set_state(probe, PROBE_INITIALIZING);
}

enum probe_step probe_next(struct probe *probe, enum mcp_control *ret_control,
                           enum mcp_version *ret_version)
{
    if (probe->state == PROBE_DONE || probe->state == PROBE_FAILED)
        return PROBE_END;
    if (probe->is_sent)
        return PROBE_WAIT;
    probe->is_sent = true;
    if (probe->state == PROBE_DISCOVERING) {
        *ret_control = MCP_CONTROL_DISCOVER;
        *ret_version = MCP_LATEST;
    } else if (probe->state == PROBE_INITIALIZING) {
        *ret_control = MCP_CONTROL_INITIALIZE;
        *ret_version = MCP_LATEST_LEGACY;
    } else {
        *ret_control = MCP_CONTROL_INITIALIZED;
        *ret_version = probe->version;
    }
    return PROBE_SEND;
}

static enum err_code fail(struct probe *probe, struct err *err, enum err_code code, const char *why)
{
    set_state(probe, PROBE_FAILED);
    return err_set(err, code, "%s", why);
}

static enum err_code try_initialize(struct probe *probe)
{
    set_state(probe, PROBE_INITIALIZING);
    return ERR_OK;
}

static void copy_text(const struct json_doc *doc, json_pos pos, char out[PROBE_NAME_BYTES])
{
    if (!json_is(doc, pos, JSON_STRING))
        return;
    struct str raw = json_raw(doc, pos);
    struct str text = str_first(str_of(raw.ptr + 1, raw.len - 2), PROBE_NAME_BYTES - 1);
    while (text.len > 0 && !str_is_utf8(text))
        text.len--;
    (void)snprintf(out, PROBE_NAME_BYTES, STR_FMT, STR_ARG(text));
}

/* serverInfo is for people: escapes are shown as they came. */
static void read_server(struct probe *probe, const struct json_doc *doc, json_pos info)
{
    copy_text(doc, json_get(doc, info, STR("name")), probe->server_name);
    copy_text(doc, json_get(doc, info, STR("version")), probe->server_version);
}

static void read_capabilities(struct probe *probe, const struct json_doc *doc, json_pos result)
{
    json_pos tools = json_get(doc, json_get(doc, result, STR("capabilities")), STR("tools"));
    bool value = false;
    probe->has_tools = json_is(doc, tools, JSON_OBJECT);
    probe->has_list_changed =
        json_bool(doc, json_get(doc, tools, STR("listChanged")), &value) && value;
}

/* The versions of an array that the gateway speaks. */
static void scan_versions(const struct json_doc *doc, json_pos versions, bool *ret_modern,
                          bool *ret_legacy)
{
    *ret_modern = *ret_legacy = false;
    if (!json_is(doc, versions, JSON_ARRAY))
        return;
    for (json_pos at = json_first(doc, versions); at != JSON_NONE;
         at = json_next(doc, versions, at)) {
        for (enum mcp_version v = 0; v < MCP_VERSIONS; v++) {
            if (json_str_is(doc, at, str_c(version_word(v))))
                *(version_era(v) == MCP_MODERN ? ret_modern : ret_legacy) = true;
        }
    }
}

static enum err_code no_common_version(struct probe *probe, struct err *err)
{
    return fail(probe, err, ERR_UPSTREAM,
                "the server speaks no version of MCP that the gateway speaks");
}

static enum err_code done_modern(struct probe *probe)
{
    probe->version = MCP_LATEST;
    set_state(probe, PROBE_DONE);
    return ERR_OK;
}

static enum err_code on_discovered(struct probe *probe, const struct mcp_message *message,
                                   struct err *err)
{
    const struct json_doc *doc = &message->doc;
    bool has_modern;
    bool has_legacy;
    json_pos versions = json_get(doc, message->result, STR("supportedVersions"));
    if (!json_is(doc, versions, JSON_ARRAY))
        return try_initialize(probe);
    scan_versions(doc, versions, &has_modern, &has_legacy);
    if (!has_modern)
        return has_legacy ? try_initialize(probe) : no_common_version(probe, err);
    read_capabilities(probe, doc, message->result);
    read_server(probe, doc, json_get(doc, message->meta, STR(META_SERVER)));
    return done_modern(probe);
}

static enum err_code on_unsupported(struct probe *probe, const struct mcp_message *message,
                                    struct err *err)
{
    const struct json_doc *doc = &message->doc;
    bool has_modern;
    bool has_legacy;
    json_pos data = json_get(doc, message->error, STR("data"));
    scan_versions(doc, json_get(doc, data, STR("supported")), &has_modern, &has_legacy);
    return has_legacy ? try_initialize(probe) : no_common_version(probe, err);
}

/* A server that is modern but did not answer discover: what it can do shows when it is asked. */
static enum err_code assume_modern(struct probe *probe)
{
    probe->has_tools = true;
    return done_modern(probe);
}

static enum err_code on_discover_failed(struct probe *probe, int http_status,
                                        const struct mcp_message *message, struct err *err)
{
    switch (message->error_code) {
    case UNSUPPORTED_VERSION:
        return on_unsupported(probe, message, err);
    case HEADER_MISMATCH:
    case CAPABILITY_NEEDED:
        return assume_modern(probe);
    case METHOD_NOT_FOUND:
        /* Modern servers give it with 404; on stdio, and with 200, legacy ones do too. */
        return http_status == 404 ? assume_modern(probe) : try_initialize(probe);
    default:
        return try_initialize(probe);
    }
}

static enum err_code on_discover_answer(struct probe *probe, int http_status,
                                        const struct mcp_message *message, struct err *err)
{
    if (message == NULL)
        return try_initialize(probe);
    if (message->kind == MCP_FAILURE)
        return on_discover_failed(probe, http_status, message, err);
    if (message->kind == MCP_RESPONSE && http_status < 300)
        return on_discovered(probe, message, err);
    return try_initialize(probe);
}

static enum err_code on_initialized(struct probe *probe, const struct mcp_message *message,
                                    struct err *err)
{
    const struct json_doc *doc = &message->doc;
    json_pos said = json_get(doc, message->result, STR("protocolVersion"));
    for (enum mcp_version v = 0; v < MCP_VERSIONS; v++) {
        if (version_era(v) != MCP_LEGACY || !json_str_is(doc, said, str_c(version_word(v))))
            continue;
        probe->version = v;
        read_capabilities(probe, doc, message->result);
        read_server(probe, doc, json_get(doc, message->result, STR("serverInfo")));
        set_state(probe, PROBE_CONFIRMING);
        return ERR_OK;
    }
    return no_common_version(probe, err);
}

static enum err_code on_initialize_answer(struct probe *probe, int http_status,
                                          const struct mcp_message *message, struct err *err)
{
    if (message != NULL && message->kind == MCP_RESPONSE && http_status < 300)
        return on_initialized(probe, message, err);
    if (http_status == 400 || http_status == 404 || http_status == 405)
        return fail(probe, err, ERR_UPSTREAM,
                    "the server speaks no Streamable HTTP (the HTTP+SSE transport of 2024-11-05 is "
                    "not supported)");
    if (message != NULL && message->kind == MCP_FAILURE)
        return fail(probe, err, ERR_UPSTREAM, "the server refused initialize");
    return fail(probe, err, ERR_UPSTREAM, "what the server answers to initialize is not MCP");
}

/* Statuses that say nothing of what the server speaks. */
static enum err_code check_status(struct probe *probe, int http_status, struct err *err)
{
    if (http_status == 401 || http_status == 403)
        return fail(probe, err, ERR_DENIED, "the server does not accept the gateway's credential");
    if (http_status >= 500 || http_status == 408 || http_status == 425 || http_status == 429)
        return fail(probe, err, ERR_UNAVAILABLE, "the server is not available");
    if (http_status >= 300 && http_status < 400)
        return fail(probe, err, ERR_UPSTREAM,
                    "the server redirects, which is not followed: give its final address");
    return ERR_OK;
}

enum err_code probe_on_answer(struct probe *probe, int http_status,
                              const struct mcp_message *message, struct err *err)
{
    if (probe->transport == PROBE_HTTP &&
        (probe->state == PROBE_DISCOVERING || probe->state == PROBE_INITIALIZING)) {
        enum err_code code = check_status(probe, http_status, err);
        if (code != ERR_OK)
            return code;
    }
    if (probe->state == PROBE_DISCOVERING)
        return on_discover_answer(probe, http_status, message, err);
    if (probe->state == PROBE_INITIALIZING)
        return on_initialize_answer(probe, http_status, message, err);
    return ERR_OK;
}

/* Some servers exit on, or fall silent over, a request before initialize. */
static enum err_code restart_legacy(struct probe *probe)
{
    probe->needs_new_process = true;
    return try_initialize(probe);
}

enum err_code probe_on_silence(struct probe *probe, struct err *err)
{
    if (probe->transport == PROBE_STDIO && probe->state == PROBE_DISCOVERING)
        return restart_legacy(probe);
    if (probe->state == PROBE_DONE || probe->state == PROBE_FAILED)
        return ERR_OK;
    return fail(probe, err, ERR_UNAVAILABLE, "the server does not answer");
}

enum err_code probe_on_gone(struct probe *probe, struct err *err)
{
    if (probe->transport == PROBE_STDIO && probe->state == PROBE_DISCOVERING)
        return restart_legacy(probe);
    if (probe->state == PROBE_DONE || probe->state == PROBE_FAILED)
        return ERR_OK;
    return fail(probe, err, ERR_UNAVAILABLE,
                probe->transport == PROBE_STDIO ? "the program ended"
                                                : "the server can't be reached");
}

void probe_on_confirmed(struct probe *probe)
{
    if (probe->state == PROBE_CONFIRMING)
        set_state(probe, PROBE_DONE);
}

bool probe_is_legacy(const struct probe *probe)
{
    return version_era(probe->version) == MCP_LEGACY;
}
