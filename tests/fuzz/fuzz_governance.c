/*
 * fuzz_governance.c - the governance file: what is read passes the checks, and its export says the
 * same.
 */
#include "fuzz.h"

#include "base/arena.h"
#include "catalog/governance.h"

enum { ARENA_BYTES = 64 * 1024 * 1024, EXPORT_BYTES = 16 * 1024 * 1024 };

static void check_export(const struct governance *governance, struct arena *arena)
{
    struct err err;
    struct buf out;
    struct buf again;
    struct governance copy;
    struct governance_diff diff;
    buf_init(&out, EXPORT_BYTES);
    buf_init(&again, EXPORT_BYTES);
    governance_export(governance, &out);
    require(!out.failed);
    enum err_code code = governance_read(buf_str(&out), NULL, arena, &copy, &err);
    /* Quotes may make a text at the limit of YAML longer than the limit. */
    if (code == ERR_OK) {
        require(governance_diff(governance, &copy, arena, &diff, &err) == ERR_OK);
        require(diff.count == 0);
        governance_export(&copy, &again);
        require(str_eq(buf_str(&out), buf_str(&again)));
    } else {
        require(code == ERR_LIMIT);
    }
    buf_done(&again);
    buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {.text = ""};
    struct governance governance;
    struct arena *arena = arena_new(ARENA_BYTES);
    require(arena != NULL);
    enum err_code code =
        governance_read(str_of((const char *)data, size), NULL, arena, &governance, &err);
    require(code == ERR_OK || code == ERR_INVALID || code == ERR_LIMIT);
    require((code == ERR_OK) == (err.text[0] == '\0'));
    if (code == ERR_OK) {
        require(governance_check(&governance, NULL, &err) == ERR_OK);
        check_export(&governance, arena);
    }
    arena_free(arena);
    return 0;
}
