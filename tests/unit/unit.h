/*
 * unit.h - what every unit test includes: cmocka in its required order, and assertions that show
 * the sentence of an err.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/str.h"

/* Under a sanitizer or valgrind (tools/test says so) a long test takes a smaller sample. */
static inline bool unit_is_slow(void)
{
    return getenv("UNIT_SLOW") != NULL;
}

#define assert_ok(call, err)                                                                       \
    do {                                                                                           \
        if ((call) != ERR_OK)                                                                      \
            fail_msg("%s: %s", #call, (err).text);                                                 \
    } while (0)

#define assert_str(actual, expected)                                                               \
    do {                                                                                           \
        struct str actual_ = (actual);                                                             \
        struct str expected_ = str_c(expected);                                                    \
        if (!str_eq(actual_, expected_))                                                           \
            fail_msg("\"" STR_FMT "\" is not \"" STR_FMT "\"", STR_ARG(actual_),                   \
                     STR_ARG(expected_));                                                          \
    } while (0)
