#include "mcp/error.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/jsonw.h"

struct row {
    int code;
    int modern_status;
    int legacy_status;
    const char *word;
    const char *text;
};

static const struct row rows[MCP_ERRORS] = {
#define X(name, code, modern, legacy, word, text) [name] = {code, modern, legacy, word, text},
#include "mcp/errors.def"
#undef X
};

static const struct row *row_of(enum mcp_error error)
{
    return &rows[error < MCP_ERRORS ? error : MCP_ERROR_INTERNAL];
}

int error_code(enum mcp_error error)
{
    return row_of(error)->code;
}

int error_status(enum mcp_error error, enum mcp_era era)
{
    const struct row *row = row_of(error);
    return era == MCP_MODERN ? row->modern_status : row->legacy_status;
}

const char *error_word(enum mcp_error error)
{
    return row_of(error)->word;
}

const char *error_text(enum mcp_error error)
{
    return row_of(error)->text;
}

enum err_code refusal_set(struct mcp_refusal *refusal, enum mcp_error error, const char *fmt, ...)
{
    va_list args;
    refusal->error = error;
    refusal->err.code = error == MCP_ERROR_LIMIT ? ERR_LIMIT : ERR_INVALID;
    va_start(args, fmt);
    (void)vsnprintf(refusal->err.text, sizeof refusal->err.text, fmt, args);
    va_end(args);
    return refusal->err.code;
}

/* -32020 to -32022 mean nothing to a legacy client. */
static int code_for(enum mcp_error error, enum mcp_era era)
{
    int code = row_of(error)->code;
    return era == MCP_LEGACY && code <= -32020 && code >= -32099 ? -32600 : code;
}

static void write_versions(struct jsonw *w, enum mcp_era era, struct str requested)
{
    jsonw_name(w, "supported");
    jsonw_array(w);
    for (enum mcp_version v = 0; v < MCP_VERSIONS; v++) {
        if (version_era(v) == era)
            jsonw_str(w, str_c(version_word(v)));
    }
    jsonw_end_array(w);
    jsonw_name_str(w, "requested", requested);
}

static struct str or_default(struct str text, const char *otherwise)
{
    return text.len != 0 ? text : str_c(otherwise);
}

static void write_data(struct jsonw *w, enum mcp_era era, const struct mcp_error_body *body)
{
    jsonw_name(w, "data");
    jsonw_object(w);
    jsonw_name_str(w, "reason", or_default(body->reason, error_word(body->error)));
    if (body->factor.len != 0)
        jsonw_name_str(w, "factor", body->factor);
    if (body->request_id.len != 0)
        jsonw_name_str(w, "request_id", body->request_id);
    if (body->error == MCP_ERROR_VERSION)
        write_versions(w, era, body->requested);
    jsonw_end_object(w);
}

void error_write(struct buf *out, enum mcp_era era, const struct mcp_error_body *body)
{
    struct jsonw w;
    jsonw_init(&w, out);
    jsonw_object(&w);
    jsonw_name_str(&w, "jsonrpc", STR("2.0"));
    jsonw_name(&w, "id");
    jsonw_raw(&w, or_default(body->id, "null"));
    jsonw_name(&w, "error");
    jsonw_object(&w);
    jsonw_name_i64(&w, "code", code_for(body->error, era));
    jsonw_name_str(&w, "message", or_default(body->message, error_text(body->error)));
    write_data(&w, era, body);
    jsonw_end_object(&w);
    jsonw_end_object(&w);
}
