/*
 * help.h - what the commands, the settings and the API say about themselves, out of their own
 * tables. docs/ holds the same texts; a test compares.
 */
#pragma once

#include <stddef.h>

#include "base/buf.h"
#include "cli/command.h"

struct command_table {
    const struct command *rows;
    size_t count;
};

/* One line a command. */
void help_write_overview(const struct command_table *table, struct buf *out);
/* One command in full. */
void help_write_command(const struct command *command, struct buf *out);

/* Markdown: docs/commands.md, docs/settings.md, docs/api.md. */
void help_write_commands_page(const struct command_table *table, struct buf *out);
void help_write_settings_page(struct buf *out);
void help_write_api_page(struct buf *out);
