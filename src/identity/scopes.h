/*
 * scopes.h - which request needs which scope: one closed table (scopes.def) for every endpoint of
 * the gateway, asked once in the pipeline. A request that is no row of it is refused.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/words.h"
#include "store/objects.h"

enum endpoint {
#define X(name, method, path, all_of, any_of, prose) name,
#include "identity/scopes.def"
#undef X
    ENDPOINTS /* how many there are */
};

struct endpoint_facts {
    const char *name;   /* of the enum */
    const char *method; /* of HTTP */
    const char *path;   /* "{}" stands for one segment */
    uint32_t all_of;    /* scopes needed, every one */
    uint32_t any_of;    /* and one of these at least, when not empty */
    const char *prose;
};

const struct endpoint_facts *endpoint_get_facts(enum endpoint endpoint);

#define ENDPOINT_MAX_PARAMS 3

struct endpoint_match {
    enum endpoint endpoint;
    /* What stands for each "{}": not empty, still as written. */
    struct str params[ENDPOINT_MAX_PARAMS];
    size_t param_count;
};

/* The row of method and path (without query), byte for byte; the endpoints of MCP are not found
 * here. ERR_NOT_FOUND: no row has this path; ERR_INVALID: a row has it, but with another method
 * (HTTP 405). */
enum err_code endpoint_find(struct str method, struct str path, struct endpoint_match *ret_match,
                            struct err *err) MUST_CHECK;

/* ERR_DENIED names what is missing. */
enum err_code scopes_check(uint32_t scopes, enum endpoint endpoint, struct err *err) MUST_CHECK;

/* "list,call:read-only": exact words, separated by commas; "call" stands for the four calls, which
 * is a spelling of input alone. ERR_INVALID: an unknown or repeated word, or none at all. */
enum err_code scopes_parse(struct str text, uint32_t *ret_scopes, struct err *err) MUST_CHECK;

/* What a token of this kind may carry at most, and carries when nothing is said. */
uint32_t scopes_allowed(enum token_kind kind);
uint32_t scopes_default(enum token_kind kind);
