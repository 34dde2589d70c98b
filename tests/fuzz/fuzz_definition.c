/*
 * fuzz_definition.c - definitions of tools: the canonical form is JSON, and its own canonical form;
 * a name is exposed legally and leads back.
 */
#include "fuzz.h"

#include "base/arena.h"
#include "catalog/definition.h"
#include "catalog/names.h"

enum { ARENA_BYTES = 64 * 1024 * 1024 };

static void check_again(const struct definition *definition, struct arena *arena,
                        const struct json_limits *limits)
{
    struct err err;
    struct json_doc doc;
    struct definition again;
    require(json_parse(definition->canonical, limits, arena, &doc, &err) == ERR_OK);
    require(definition_read(&doc, 0, arena, &again, &err) == ERR_OK);
    require(str_eq(again.canonical, definition->canonical));
    require(memcmp(again.hash, definition->hash, sizeof again.hash) == 0);
    require(str_eq(again.name, definition->name));
}

static void check_names(struct str name)
{
    struct err err;
    uint32_t tool = 0;
    char plain[NAMES_MAX_TOOL_BYTES];
    char flat[NAMES_MAX_FLAT_BYTES];
    struct names *names = names_new();
    require(names != NULL);
    require(names_add(names, STR("server"), name, 7, &err) == ERR_OK);
    struct str exposed = names_plain(STR("server"), name, plain);
    require(names_is_legal_tool(exposed));
    require(names_find_plain(names, STR("server"), exposed, &tool) && tool == 7);
    exposed = names_flat(STR("server"), name, flat);
    require(names_is_legal_tool(exposed) && exposed.len <= NAMES_MAX_FLAT_BYTES);
    require(str_find(exposed, '.') == exposed.len);
    require(names_find_flat(names, exposed, &tool) && tool == 7);
    names_free(names);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err;
    struct json_doc doc;
    struct definition definition;
    struct json_limits limits = json_limits_default;
    struct arena *arena = arena_new(ARENA_BYTES);
    require(arena != NULL);
    limits.profile = JSON_RESULT;
    enum err_code code = json_parse(str_of((const char *)data, size), &limits, arena, &doc, &err);
    if (code == ERR_OK && definition_read(&doc, 0, arena, &definition, &err) == ERR_OK) {
        /* Escapes of control characters can make the canonical form longer. */
        limits.max_bytes *= 4;
        check_again(&definition, arena, &limits);
        check_names(definition.name);
    }
    arena_free(arena);
    return 0;
}
