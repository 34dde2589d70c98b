/*
 * canonical.h - one spelling of a JSON value, for hashing.
 *
 * Names of objects are sorted by their bytes as written here, there is no insignificant whitespace,
 * strings escape only what they must, numbers stay source text. Escapes of lone surrogates, which
 * stand in results of real servers, are kept, in lower case.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

enum { CANONICAL_MAX_DEPTH = 64 };

/* Appends the value at pos. ERR_LIMIT: arena or out is full, or the value nests deeper than
 * CANONICAL_MAX_DEPTH. */
enum err_code canonical_write(const struct json_doc *doc, json_pos pos, struct arena *arena,
                              struct buf *out, struct err *err) MUST_CHECK;
/* The string at pos alone, quoted. raw: its source with the quotes, from a parsed document. */
void canonical_write_string(struct str raw, struct buf *out);
