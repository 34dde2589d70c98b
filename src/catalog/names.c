#include "catalog/names.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/crypto.h"
#include "base/table.h"

enum {
    SUFFIX_DIGEST_BYTES = 4,
    SUFFIX_BYTES = 1 + 2 * SUFFIX_DIGEST_BYTES,                          /* "_0123abcd" */
    PLAIN_KEY_BYTES = NAMES_MAX_SERVER_BYTES + 1 + NAMES_MAX_TOOL_BYTES, /* "server/exposed" */
};

/* A million tools with long names; this only ends what is out of hand. */
#define NAMES_MAX_BYTES ((size_t)1 << 30)

struct exposed {
    uint32_t tool;
    struct str upstream;
};

struct names {
    struct arena *arena;
    struct table *plain; /* "server/exposed" to struct exposed * */
    struct table *flat;
};

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_flat_char(char c)
{
    return is_alnum(c) || c == '_' || c == '-';
}

static bool is_tool_char(char c)
{
    return is_flat_char(c) || c == '.';
}

static bool is_server_char(char c)
{
    return is_flat_char(c) && !(c >= 'A' && c <= 'Z');
}

bool names_is_server(struct str name)
{
    if (name.len == 0 || name.len > NAMES_MAX_SERVER_BYTES)
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (!is_server_char(name.ptr[i]))
            return false;
    return name.ptr[0] != '_' && name.ptr[0] != '-' && name.ptr[name.len - 1] != '_' &&
           str_find_str(name, STR("__")) == name.len;
}

bool names_is_legal_tool(struct str name)
{
    if (name.len == 0 || name.len > NAMES_MAX_TOOL_BYTES)
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (!is_tool_char(name.ptr[i]))
            return false;
    return true;
}

/* Appends from to text as far as it fits; what is not allowed becomes '_'. Returns the new length.
 */
static size_t add_mapped(char *text, size_t len, size_t max, struct str from,
                         bool (*is_allowed)(char c))
{
    for (size_t i = 0; i < from.len && len < max; i++)
        text[len++] = is_allowed(from.ptr[i]) ? from.ptr[i] : '_';
    return len;
}

/* Over both names, so that what was cut off or mapped still tells two tools apart. */
static size_t add_suffix(char *text, size_t len, struct str server, struct str upstream)
{
    uint8_t digest[CRYPTO_SHA256_BYTES];
    const struct str pieces[] = {server, STR_INIT("\0"), upstream};
    crypto_sha256v(pieces, ARRAY_LEN(pieces), digest);
    text[len++] = '_';
    hex_encode(digest, SUFFIX_DIGEST_BYTES, text + len);
    return len + (size_t)2 * SUFFIX_DIGEST_BYTES;
}

struct str names_plain(struct str server, struct str upstream, char text[NAMES_MAX_TOOL_BYTES])
{
    if (names_is_legal_tool(upstream))
        return upstream;
    size_t len = add_mapped(text, 0, NAMES_MAX_TOOL_BYTES - SUFFIX_BYTES, upstream, is_tool_char);
    return str_of(text, add_suffix(text, len, server, upstream));
}

struct str names_flat(struct str server, struct str upstream, char text[NAMES_MAX_FLAT_BYTES])
{
    bool is_short = server.len + 2 + upstream.len <= NAMES_MAX_FLAT_BYTES;
    bool is_whole = is_short && names_is_legal_tool(upstream);
    size_t max = is_whole ? NAMES_MAX_FLAT_BYTES : NAMES_MAX_FLAT_BYTES - SUFFIX_BYTES;
    size_t len = add_mapped(text, 0, max, server, is_flat_char);
    len = add_mapped(text, len, max, STR("__"), is_flat_char);
    len = add_mapped(text, len, max, upstream, is_flat_char);
    return str_of(text, is_whole ? len : add_suffix(text, len, server, upstream));
}

struct names *names_new(void)
{
    CLEANUP(names_freep) struct names *names = calloc(1, sizeof *names);
    if (names == NULL)
        return NULL;
    names->arena = arena_new(NAMES_MAX_BYTES);
    names->plain = table_new();
    names->flat = table_new();
    if (names->arena == NULL || names->plain == NULL || names->flat == NULL)
        return NULL;
    return MOVE(names);
}

void names_free(struct names *names)
{
    if (names == NULL)
        return;
    table_free(names->plain);
    table_free(names->flat);
    arena_free(names->arena);
    free(names);
}

void names_freep(struct names **names)
{
    names_free(*names);
    *names = NULL;
}

/* A view of text; ptr NULL: too long to be a name that was added. */
static struct str plain_key(struct str server, struct str exposed, char text[PLAIN_KEY_BYTES])
{
    if (server.len > NAMES_MAX_SERVER_BYTES || exposed.len > NAMES_MAX_TOOL_BYTES)
        return STR_NONE;
    if (server.len > 0)
        memcpy(text, server.ptr, server.len);
    text[server.len] = '/';
    if (exposed.len > 0)
        memcpy(text + server.len + 1, exposed.ptr, exposed.len);
    return str_of(text, server.len + 1 + exposed.len);
}

static enum err_code check_free(const struct table *table, struct str key, struct str server,
                                struct str upstream, struct str exposed, struct err *err)
{
    const struct exposed *other = table_get(table, key);
    if (other == NULL)
        return ERR_OK;
    return err_set(err, ERR_CONFLICT,
                   "server '" STR_FMT "': tool '" STR_FMT "' would be exposed as '" STR_FMT
                   "', which is already the name of its tool '" STR_FMT "'",
                   STR_ARG(server), STR_ARG(upstream), STR_ARG(exposed), STR_ARG(other->upstream));
}

static enum err_code no_memory(struct err *err)
{
    return err_set(err, ERR_LIMIT, "no memory left for the names of tools");
}

static enum err_code put_both(struct names *names, struct str plain, struct str flat,
                              struct str upstream, uint32_t tool, struct err *err)
{
    struct exposed *entry = arena_new_obj(names->arena, struct exposed);
    if (entry == NULL)
        return no_memory(err);
    *entry = (struct exposed){.tool = tool, .upstream = arena_dup(names->arena, upstream)};
    if (entry->upstream.ptr == NULL || !table_put(names->plain, plain, entry, NULL))
        return no_memory(err);
    if (table_put(names->flat, flat, entry, NULL))
        return ERR_OK;
    table_take(names->plain, plain);
    return no_memory(err);
}

enum err_code names_add(struct names *names, struct str server, struct str upstream, uint32_t tool,
                        struct err *err)
{
    if (!names_is_server(server))
        return err_set(err, ERR_INVALID, "'" STR_FMT "' is no name for a server", STR_ARG(server));
    if (upstream.len == 0)
        return err_set(err, ERR_INVALID, "server '" STR_FMT "': a tool without a name",
                       STR_ARG(server));
    char plain_text[NAMES_MAX_TOOL_BYTES];
    char flat_text[NAMES_MAX_FLAT_BYTES];
    char key_text[PLAIN_KEY_BYTES];
    struct str plain = names_plain(server, upstream, plain_text);
    struct str flat = names_flat(server, upstream, flat_text);
    struct str key = plain_key(server, plain, key_text);
    enum err_code code = check_free(names->plain, key, server, upstream, plain, err);
    if (code == ERR_OK)
        code = check_free(names->flat, flat, server, upstream, flat, err);
    if (code == ERR_OK)
        code = put_both(names, key, flat, upstream, tool, err);
    return code;
}

static bool found(const struct exposed *exposed, uint32_t *ret_tool)
{
    if (exposed == NULL)
        return false;
    *ret_tool = exposed->tool;
    return true;
}

bool names_find_plain(const struct names *names, struct str server, struct str exposed,
                      uint32_t *ret_tool)
{
    char text[PLAIN_KEY_BYTES];
    struct str key = plain_key(server, exposed, text);
    return key.ptr != NULL && found(table_get(names->plain, key), ret_tool);
}

bool names_find_flat(const struct names *names, struct str exposed, uint32_t *ret_tool)
{
    return found(table_get(names->flat, exposed), ret_tool);
}
