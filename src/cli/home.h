/*
 * home.h - the files of an installation that commands touch without a running gateway.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"
#include "gate/settings.h"

/* Writes a first settings file with comments. ERR_CONFLICT: it is there already. */
enum err_code home_write_settings(const char *path, struct err *err) MUST_CHECK;
/* data_dir/name into path. */
enum err_code home_path(const struct settings *settings, const char *name, char path[PATH_MAX],
                        struct err *err) MUST_CHECK;
/* Makes an administration token in the store and writes it to data_dir/admin.token (0600). No
 * gateway may run on this data. ERR_CONFLICT: one does. */
enum err_code home_make_token(const struct settings *settings, struct str owner,
                              struct err *err) MUST_CHECK;
