/*
 * error.h - JSON-RPC errors: the closed table (errors.def), what a refused message becomes, and its
 * body.
 */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "mcp/version.h"

enum mcp_error {
#define X(name, code, modern, legacy, word, text) name,
#include "mcp/errors.def"
#undef X
    MCP_ERRORS /* how many there are */
};

/* A message that was refused, with all that its answer and its record need. The views live as long
 * as the bytes and the arena that were judged. */
struct mcp_refusal {
    enum mcp_error error;
    struct str id; /* as it stood in the message (raw JSON); empty: unknown, answered with null */
    struct str method;    /* as far as it was read; bytes from outside */
    struct str name;      /* of the tool, as far as it was read; bytes from outside */
    struct str requested; /* of MCP_ERROR_VERSION: the version asked for */
    struct err err;       /* the sentence */
};

/* Fills error and sentence of *refusal (id, method and requested stay) and returns err.code, so
 * that failing is one line. */
enum err_code refusal_set(struct mcp_refusal *refusal, enum mcp_error error, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

int error_code(enum mcp_error error);                     /* of JSON-RPC */
int error_status(enum mcp_error error, enum mcp_era era); /* of HTTP */
const char *error_word(enum mcp_error error);             /* for data.reason and logs */
const char *error_text(enum mcp_error error);

struct mcp_error_body {
    enum mcp_error error;
    struct str id;         /* raw; empty: null */
    struct str message;    /* empty: error_text() */
    struct str reason;     /* empty: error_word() */
    struct str factor;     /* which factor of the decision failed; empty: left out */
    struct str request_id; /* empty: left out */
    struct str requested;  /* of MCP_ERROR_VERSION */
};

/* Appends the JSON-RPC error response. A legacy client never sees -3202x: it reads -32600 instead.
 */
void error_write(struct buf *out, enum mcp_era era, const struct mcp_error_body *body);
