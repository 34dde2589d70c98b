/*
 * jsonw.h - writes JSON into a buf: commas and colons by itself, strings escaped.
 *
 * Bytes that are no UTF-8 are written as U+FFFD (jsonw_str); jsonw_bytes writes every byte from
 * 0x80 on as \u00XX, so that the bytes can be had back. The output is always valid JSON. Failure
 * shows in the buf; depth past the maximum and a name without a value are bugs (asserted).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

enum { JSONW_MAX_DEPTH = 31 };

struct jsonw {
    struct buf *out;
    uint32_t has_member; /* bit per depth: something stands before */
    uint32_t depth;
    bool after_name;
};

void jsonw_init(struct jsonw *w, struct buf *out);
void jsonw_object(struct jsonw *w);
void jsonw_end_object(struct jsonw *w);
void jsonw_array(struct jsonw *w);
void jsonw_end_array(struct jsonw *w);
void jsonw_name(struct jsonw *w, const char *name); /* name is ASCII that needs no escape */
void jsonw_str(struct jsonw *w, struct str text);
void jsonw_bytes(struct jsonw *w, struct str bytes); /* ASCII-only output */
void jsonw_i64(struct jsonw *w, int64_t value);
void jsonw_bool(struct jsonw *w, bool value);
void jsonw_null(struct jsonw *w);
void jsonw_raw(struct jsonw *w, struct str json); /* a value already written elsewhere */

/* name and value in one. */
void jsonw_name_str(struct jsonw *w, const char *name, struct str text);
void jsonw_name_i64(struct jsonw *w, const char *name, int64_t value);
void jsonw_name_bool(struct jsonw *w, const char *name, bool value);

/* The string alone, quoted, as jsonw_str writes it. */
void jsonw_quote(struct buf *out, struct str text);
