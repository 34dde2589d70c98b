/*
 * file.h - small files read and written whole. Blocks; never on a worker.
 */
#pragma once

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* ERR_NOT_FOUND: no such file. ERR_LIMIT: longer than max_bytes. */
enum err_code file_read(struct arena *arena, const char *path, size_t max_bytes,
                        struct str *ret_text, struct err *err) MUST_CHECK;
/* Written beside, synced, renamed, directory synced: after ERR_OK it survives power loss. mode is
 * that of the new file (0600 for anything secret). */
enum err_code file_write(const char *path, struct str text, unsigned mode,
                         struct err *err) MUST_CHECK;
/* Makes the directory and those above it (mode 0700); fine if it exists. */
enum err_code file_make_dir(const char *path, struct err *err) MUST_CHECK;
