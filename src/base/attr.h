/*
 * attr.h - the few compiler attributes this tree uses, by name.
 */
#pragma once

/* The result must be looked at; gcc does not let (void) silence it. */
#define MUST_CHECK                        __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt_index, first_arg) __attribute__((format(printf, fmt_index, first_arg)))
/* Runs fn(&variable) when the variable leaves its scope. */
#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define UNUSED      __attribute__((unused))
#define NORETURN    __attribute__((noreturn))

/* Hands an owned pointer on: yields its value and leaves NULL behind. */
#define MOVE(ptr)                                                                                  \
    (__extension__({                                                                               \
        __typeof__(ptr) moved_ = (ptr);                                                            \
        (ptr) = NULL;                                                                              \
        moved_;                                                                                    \
    }))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
