/*
 * governance_priv.h - what reading and checking of a governance file share.
 */
#pragma once

#include "catalog/governance.h"

/* The line where the text or object at ptr was written; 0: it was not read from a file. */
typedef uint32_t governance_line_fn(void *ctx, const void *ptr);

/* governance_check() with lines. err is not NULL. */
enum err_code governance_check_at(const struct governance *governance,
                                  const struct governance_host *host, governance_line_fn *line,
                                  void *line_ctx, struct err *err) MUST_CHECK;
