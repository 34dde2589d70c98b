/*
 * options.h - the words behind a command, for all commands alike: --flag value, --flag=value, and
 * arguments before, between and behind them; "--" ends the options.
 *
 * Pure: nothing is printed, argv is borrowed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "cli/command.h"

enum { OPTIONS_MAX = 40, OPTIONS_MAX_ARGS = 4 };

struct options {
    const struct command *command;
    const char
        *values[OPTIONS_MAX]; /* own options first, then the common ones; a flag that is set: "" */
    const char *args[OPTIONS_MAX_ARGS];
    unsigned arg_count;
};

/* What every command takes; ends with a NULL name. A command's own option of the same name goes
 * first. */
extern const struct option options_common[];

/* argv: the words behind the command's name. ERR_INVALID says what would be right. With --help the
 * count of arguments is not judged. */
enum err_code options_parse(const struct command *command, int argc, char *const *argv,
                            struct options *ret_options, struct err *err) MUST_CHECK;

/* NULL: not given. The name is one of the command's or of the common ones (asserted). */
const char *options_get(const struct options *options, const char *name);
/* The common option, even where the command has one of its own by that name (which then takes the
 * word of the command line, so that this is NULL). */
const char *options_get_common(const struct options *options, const char *name);
bool options_has(const struct options *options, const char *name);
/* NULL: not given. */
const char *options_arg(const struct options *options, unsigned index);
/* A number from low to high; preset when not given. */
enum err_code options_number(const struct options *options, const char *name, uint64_t preset,
                             uint64_t low, uint64_t high, uint64_t *ret_value,
                             struct err *err) MUST_CHECK;

/* "portreeve audit show INDEX-OR-CALL [options]" */
void options_write_usage(const struct command *command, struct buf *out);

/* How many letters must change to make b of a; at most 255 each. */
unsigned options_distance(struct str a, struct str b);
