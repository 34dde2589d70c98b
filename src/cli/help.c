#include "cli/help.h"

#include "cli/options.h"

static const char exit_codes[] =
    "0 done, 1 refused or not found, 2 wrong use, 3 gateway unreachable";

void help_write_overview(const struct command_table *table, struct buf *out)
{
    buf_add_c(out,
              "portreeve: a gateway between AI agents and MCP servers that says who may do what,\n"
              "and keeps the evidence.\n\n");
    for (size_t i = 0; i < table->count; i++)
        buf_printf(out, "  %-16s %s\n", table->rows[i].name, table->rows[i].summary);
    buf_printf(
        out,
        "\n`portreeve COMMAND --help` explains each; `portreeve help settings` and `portreeve help "
        "api`\nexplain the settings file and the API. Exit codes: %s.\n",
        exit_codes);
}

static void write_options(const struct option *list, const char *format, struct buf *out)
{
    for (; list != NULL && list->name != NULL; list++) {
        struct buf name;

        buf_init(&name, 256);
        buf_printf(&name, "--%s%s%s", list->name, list->value != NULL ? " " : "",
                   list->value != NULL ? list->value : "");
        buf_add_byte(&name, '\0');
        /* Both formats take the option, then its prose. */
        if (format[0] == '|')
            buf_printf(out, "| `%s` | %s |\n", name.ptr, list->prose);
        else
            buf_printf(out, "  %-24s %s\n", name.ptr, list->prose);
        buf_done(&name);
    }
}

void help_write_command(const struct command *command, struct buf *out)
{
    options_write_usage(command, out);
    buf_printf(out, "\n\n%s.%s%s\n", command->summary, command->prose[0] != '\0' ? "\n" : "",
               command->prose);
    if (command->options != NULL) {
        buf_add_c(out, "\n");
        write_options(command->options, " ", out);
    }
    buf_add_c(out, "\nFor all commands:\n");
    write_options(options_common, " ", out);
}

static void write_section(const struct command *command, struct buf *out)
{
    buf_printf(out, "\n## %s\n\n```\n", command->name);
    options_write_usage(command, out);
    buf_printf(out, "\n```\n\n%s.%s%s\n", command->summary, command->prose[0] != '\0' ? "\n" : "",
               command->prose);
    if (command->options == NULL)
        return;
    buf_add_c(out, "\n| option | |\n| --- | --- |\n");
    write_options(command->options, "|", out);
}

void help_write_commands_page(const struct command_table *table, struct buf *out)
{
    buf_printf(out,
               "# Commands\n\nWritten by `portreeve help commands`; a test compares.\n\nExit "
               "codes: %s. Times are "
               "RFC 3339, local (`2026-11-23 14:00`) or a span back from now (`2h`), and are shown "
               "in local "
               "time with its offset.\n\nFor all commands:\n\n| option | |\n| --- | --- |\n",
               exit_codes);
    write_options(options_common, "|", out);
    for (size_t i = 0; i < table->count; i++)
        write_section(&table->rows[i], out);
}
