/*
 * mcp_unit.h - what the tests of room mcp share: memory of one test, and messages from literals.
 */
#pragma once

#include "unit.h"

#include "base/arena.h"
#include "mcp/message.h"

#define ARENA_BYTES ((size_t)64 * 1024 * 1024)

static inline int arena_setup(void **state)
{
    *state = arena_new(ARENA_BYTES);
    return *state == NULL ? -1 : 0;
}

static inline int arena_teardown(void **state)
{
    arena_free(*state);
    return 0;
}

#define arena_unit_test(fn) cmocka_unit_test_setup_teardown(fn, arena_setup, arena_teardown)

UNUSED static struct mcp_message client_message(struct arena *arena, const char *json)
{
    struct mcp_message message;
    struct mcp_refusal refusal;
    if (message_parse(str_c(json), NULL, arena, &message, &refusal) != ERR_OK)
        fail_msg("%s: %s", json, refusal.err.text);
    return message;
}

UNUSED static struct mcp_message upstream_message(struct arena *arena, const char *json)
{
    struct mcp_message message;
    struct err err;
    if (message_parse_upstream(str_c(json), NULL, arena, &message, &err) != ERR_OK)
        fail_msg("%s: %s", json, err.text);
    return message;
}
