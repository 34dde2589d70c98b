/*
 * str.h - a borrowed view of bytes: pointer and length, no terminator, never owned.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/attr.h"

struct str {
    const char *ptr; /* NULL only when len is 0 */
    size_t len;      /* bytes */
};

/* A view of a string literal. */
#define STR(literal) ((struct str){.ptr = "" literal "", .len = sizeof(literal) - 1})
#define STR_INIT(literal)                                                                          \
    {                                                                                              \
        .ptr = "" literal "", .len = sizeof(literal) - 1                                           \
    }
#define STR_NONE ((struct str){.ptr = NULL, .len = 0})

/* printf("…" STR_FMT, STR_ARG(s)): at most INT_MAX bytes are printed. */
#define STR_FMT    "%.*s"
#define STR_ARG(s) (int)((s).len > 0x7fffffff ? 0x7fffffff : (s).len), ((s).len ? (s).ptr : "")

static inline struct str str_of(const char *ptr, size_t len)
{
    return (struct str){.ptr = ptr, .len = len};
}

/* text may be NULL: an empty view. */
static inline struct str str_c(const char *text)
{
    return (struct str){.ptr = text, .len = text == NULL ? 0 : strlen(text)};
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* from may lie behind the end: the result is then empty. */
static inline struct str str_from(struct str s, size_t from)
{
    return from >= s.len ? STR_NONE : str_of(s.ptr + from, s.len - from);
}

static inline struct str str_first(struct str s, size_t len)
{
    return len >= s.len ? s : str_of(s.ptr, len);
}

static inline bool str_starts(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_eq(str_first(s, prefix.len), prefix);
}

static inline bool str_ends(struct str s, struct str suffix)
{
    return s.len >= suffix.len && str_eq(str_from(s, s.len - suffix.len), suffix);
}

/* ASCII letters compare without case; other bytes exactly. */
bool str_eq_nocase(struct str a, struct str b);
/* memcmp order, the shorter first. */
int str_cmp(struct str a, struct str b);
/* Offset of the first c, or s.len. */
size_t str_find(struct str s, char c);
/* Offset of the first needle, or haystack.len; an empty needle is found at 0. */
size_t str_find_str(struct str haystack, struct str needle);
/* Without leading and trailing spaces and tabs (OWS of RFC 9110 §5.6.3). */
struct str str_trim(struct str s);
/* Cuts *rest at the first sep: returns what stands before it, *rest becomes what is behind. */
struct str str_cut(struct str *rest, char sep);
/* Decimal digits alone, no sign, no leading zero but "0"; false on overflow. */
bool str_u64(struct str s, uint64_t *ret_value) MUST_CHECK;
/* Compares without a branch that depends on the bytes. Lengths are not secret. */
bool str_eq_secret(struct str a, struct str b);
/* Well-formed UTF-8 (RFC 3629). */
bool str_is_utf8(struct str s);
/* Does text match pattern, where '*' stands for any run of bytes? */
bool str_glob(struct str pattern, struct str text);
