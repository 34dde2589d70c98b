/*
 * fuzz_yaml.c - the YAML reader: what it accepts is a sound tree within its limits.
 */
#include "fuzz.h"

#include "base/arena.h"
#include "base/yaml.h"

enum { ARENA_BYTES = 32 * 1024 * 1024, MAX_LOOKUPS = 64 };

static void check_scalar(const struct yaml_node *node)
{
    int64_t number;
    bool truth;
    require(node->first == NULL && node->count == 0);
    require(str_is_utf8(node->text) && strlen(node->text.ptr) == node->text.len);
    require(!yaml_i64(node, &number) || !yaml_bool(node, &truth));
    require(node->is_plain || !yaml_is_null(node));
}

/* Recursion ends at the reader's own limit of depth. */
static void check(const struct yaml_node *node, int depth)
{
    uint32_t count = 0;
    require(node->line >= 1 && node->column >= 1 && depth <= YAML_MAX_DEPTH);
    if (node->kind == YAML_SCALAR) {
        check_scalar(node);
        return;
    }
    for (const struct yaml_node *child = node->first; child != NULL; child = child->next) {
        require((child->name != NULL) == (node->kind == YAML_MAPPING));
        if (child->name != NULL && count < MAX_LOOKUPS)
            require(yaml_find(node, child->name->text) == child);
        check(child, depth + 1);
        count++;
    }
    require(count == node->count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {.text = ""};
    const struct yaml_node *root = NULL;
    struct arena *arena = arena_new(ARENA_BYTES);
    require(arena != NULL);
    enum err_code code = yaml_parse(str_of((const char *)data, size), arena, &root, &err);
    require(code == ERR_OK || code == ERR_INVALID || code == ERR_LIMIT);
    require((code == ERR_OK) == (err.text[0] == '\0'));
    if (code == ERR_OK)
        check(root, 0);
    arena_free(arena);
    return 0;
}
