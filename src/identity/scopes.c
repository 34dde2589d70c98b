#include "identity/scopes.h"

#include <assert.h>

static const struct endpoint_facts endpoints[] = {
#define X(endpoint_name, http_method, http_path, all, any, words)                                  \
    [endpoint_name] = {.name = #endpoint_name,                                                     \
                       .method = (http_method),                                                    \
                       .path = (http_path),                                                        \
                       .all_of = (all),                                                            \
                       .any_of = (any),                                                            \
                       .prose = (words)},
#include "identity/scopes.def"
#undef X
};

const struct endpoint_facts *endpoint_get_facts(enum endpoint endpoint)
{
    assert((size_t)endpoint < ENDPOINTS);
    return &endpoints[endpoint];
}

/* The endpoints of MCP are told apart by what is in the message, not by the path. */
static bool is_mcp(const struct endpoint_facts *facts)
{
    return str_eq(str_c(facts->path), STR("/mcp"));
}

static bool path_fits(struct str pattern, struct str path, struct endpoint_match *match)
{
    match->param_count = 0;
    while (pattern.len > 0 && path.len > 0) {
        struct str want = str_cut(&pattern, '/');
        struct str got = str_cut(&path, '/');
        if (str_eq(want, STR("{}"))) {
            if (got.len == 0)
                return false;
            assert(match->param_count < ENDPOINT_MAX_PARAMS);
            match->params[match->param_count++] = got;
        } else if (!str_eq(want, got)) {
            return false;
        }
    }
    return pattern.len == 0 && path.len == 0;
}

enum err_code endpoint_find(struct str method, struct str path, struct endpoint_match *ret_match,
                            struct err *err)
{
    bool has_path = false;
    /* An empty segment at the end looks like the end to str_cut(). */
    bool ends_in_slash = str_ends(path, STR("/"));
    for (size_t i = 0; i < ENDPOINTS; i++) {
        struct endpoint_match match = {.endpoint = (enum endpoint)i};
        if (ends_in_slash || is_mcp(&endpoints[i]) ||
            !path_fits(str_c(endpoints[i].path), path, &match))
            continue;
        has_path = true;
        if (str_eq(method, str_c(endpoints[i].method))) {
            *ret_match = match;
            return ERR_OK;
        }
    }
    if (has_path)
        return err_set(err, ERR_INVALID, "this path does not take the method '" STR_FMT "'",
                       STR_ARG(str_first(method, 32)));
    return err_set(err, ERR_NOT_FOUND, "there is nothing at this path");
}

static void describe(uint32_t missing, bool one_is_enough, struct err *err)
{
    char text[160];
    struct buf words;
    buf_init(&words, sizeof text);
    scope_set_write(&words, missing, one_is_enough ? " or " : " and ");
    err_set(err, ERR_DENIED, "the token lacks the scope " STR_FMT, STR_ARG(buf_str(&words)));
    buf_done(&words);
}

enum err_code scopes_check(uint32_t scopes, enum endpoint endpoint, struct err *err)
{
    const struct endpoint_facts *facts = endpoint_get_facts(endpoint);
    uint32_t missing = facts->all_of & ~scopes;
    bool has_one = facts->any_of == 0 || (facts->any_of & scopes) != 0;
    if (missing == 0 && has_one && (facts->all_of | facts->any_of) != 0)
        return ERR_OK;
    if (missing != 0)
        describe(missing, false, err);
    else
        describe(facts->any_of, true, err);
    return ERR_DENIED;
}

static const uint32_t calls = SCOPE_SET_CALLS & ~SCOPE_BIT(SCOPE_LIST);

static bool bits_of(struct str word, uint32_t *ret_bits)
{
    enum scope scope = SCOPE_LIST;
    if (str_eq(word, STR("call"))) {
        *ret_bits = calls;
        return true;
    }
    if (!scope_parse(word, &scope))
        return false;
    *ret_bits = SCOPE_BIT(scope);
    return true;
}

enum err_code scopes_parse(struct str text, uint32_t *ret_scopes, struct err *err)
{
    uint32_t scopes = 0;
    struct str rest = text;
    bool is_more = true;
    while (is_more) {
        is_more = str_find(rest, ',') < rest.len;
        struct str word = str_cut(&rest, ',');
        uint32_t bits = 0;
        if (!bits_of(word, &bits))
            return err_set(err, ERR_INVALID,
                           "'" STR_FMT "' is no scope: they are list, call:read-only, call:write, "
                           "call:destructive, call:admin, audit:read, audit:decrypt, admin, scim",
                           STR_ARG(str_first(word, 64)));
        if ((scopes & bits) != 0)
            return err_set(err, ERR_INVALID, "the scope '" STR_FMT "' stands there twice",
                           STR_ARG(word));
        scopes |= bits;
    }
    *ret_scopes = scopes;
    return ERR_OK;
}

uint32_t scopes_allowed(enum token_kind kind)
{
    switch (kind) {
    case TOKEN_ROBOT:
        return SCOPE_SET_CALLS | SCOPE_BIT(SCOPE_AUDIT_READ);
    case TOKEN_USER:
        return SCOPE_SET_CALLS | SCOPE_BIT(SCOPE_AUDIT_READ) | SCOPE_BIT(SCOPE_AUDIT_DECRYPT);
    case TOKEN_ADMIN:
        return SCOPE_BIT(SCOPE_ADMIN) | SCOPE_BIT(SCOPE_AUDIT_READ) |
               SCOPE_BIT(SCOPE_AUDIT_DECRYPT);
    case TOKEN_SCIM:
        return SCOPE_BIT(SCOPE_SCIM);
    }
    return 0;
}

uint32_t scopes_default(enum token_kind kind)
{
    switch (kind) {
    case TOKEN_ROBOT:
    case TOKEN_USER:
        return SCOPE_SET_CALLS;
    case TOKEN_ADMIN:
    case TOKEN_SCIM:
        return scopes_allowed(kind);
    }
    return 0;
}
