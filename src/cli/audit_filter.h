/*
 * audit_filter.h - the options of `audit search` as a query of the API.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "cli/options.h"

/* Appends the path with its query. ERR_INVALID: a time or a word that is none. */
enum err_code audit_filter_write(const struct options *options, struct buf *path,
                                 struct err *err) MUST_CHECK;
