#include "cli/say.h"

#include <stdarg.h>
#include <stdio.h>

#include "cli/text.h"

/* What the gateway said may hold names from outside. */
static void print_sentence(const char *text)
{
    struct buf line;

    buf_init(&line, 16 << 10);
    buf_add_c(&line, "portreeve: ");
    text_write(&line, str_c(text));
    (void)fprintf(stderr, STR_FMT "\n", STR_ARG(buf_str(&line)));
    buf_done(&line);
}

int say_fail(const struct err *err)
{
    print_sentence(err->text);
    return EXIT_REFUSED;
}

int say_usage(const struct err *err)
{
    print_sentence(err->text);
    return EXIT_USAGE;
}

void say_hint(const char *fmt, ...)
{
    char text[1024];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    print_sentence(text);
}

int say_out(const struct buf *out)
{
    if (out->failed) {
        say_hint("memory is out");
        return EXIT_REFUSED;
    }
    size_t written = fwrite(out->ptr, 1, out->len, stdout);
    return written == out->len && fflush(stdout) == 0 ? EXIT_DONE : EXIT_REFUSED;
}

int say_line(struct str line)
{
    size_t written = fwrite(line.len == 0 ? "" : line.ptr, 1, line.len, stdout);

    return written == line.len && fputc('\n', stdout) != EOF && fflush(stdout) == 0 ? EXIT_DONE
                                                                                    : EXIT_REFUSED;
}

const char *say_settings_path(const struct options *options)
{
    const char *path = options_get(options, "settings");

    return path == NULL ? "portreeve.yaml" : path;
}

void say_write_command(const struct options *options, struct str command, struct buf *out)
{
    const char *path = options_get(options, "settings");

    text_write(out, command);
    if (path != NULL)
        buf_printf(out, " --settings %s", path);
}
