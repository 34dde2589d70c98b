/*
 * say.h - what commands print: results on stdout, everything else as "portreeve: sentence" on
 * stderr.
 */
#pragma once

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "cli/options.h"

/* The sentence on stderr; returns the exit code that belongs to its code. */
int say_fail(const struct err *err);
int say_usage(const struct err *err);
/* One more sentence on stderr. */
void say_hint(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* Writes all of it to stdout; EXIT_REFUSED when that fails. */
int say_out(const struct buf *out);
/* The same with a newline behind it. */
int say_line(struct str line);

/* --settings, else ./portreeve.yaml. */
const char *say_settings_path(const struct options *options);
/* A command to run next, with the --settings that this one was given. */
void say_write_command(const struct options *options, struct str command, struct buf *out);
