/*
 * read_entry.h - the entry that stands before every look at recorded arguments.
 *
 * Threads: any that may block; it returns when the entry is durable.
 */
#pragma once

#include "base/err.h"
#include "gate/api.h"

/* Records that this caller is about to read the arguments of what (an index, or a call id). Nothing
 * may be decrypted before it returned ERR_OK. */
enum err_code read_entry_record(const struct api_request *request, struct str what,
                                struct err *err) MUST_CHECK;
