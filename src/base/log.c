#include "base/log.h"

#include <limits.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/jsonw.h"

/* PIPE_BUF is what a pipe takes whole from each of several writers. Values are cut so that a line
 * always fits: a line that could grow too long is one that a client can suppress. */
enum { MAX_LINE = PIPE_BUF, MAX_VALUE = 1024, MAX_ESCAPE = 6, END_BYTES = 8 };

static atomic_int lowest_level = LOG_INFO;
static atomic_int log_fd = STDERR_FILENO;

static const char *const level_words[] = {
    [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error"};

void log_set_level(enum log_level lowest)
{
    atomic_store(&lowest_level, (int)lowest);
}

void log_set_fd(int fd)
{
    atomic_store(&log_fd, fd);
}

/* As much of text as takes at most room bytes once escaped. */
static struct str cut(struct str text, size_t room)
{
    size_t len = 0;

    for (; len < text.len && len < MAX_VALUE; len++) {
        unsigned char c = (unsigned char)text.ptr[len];
        bool is_plain = c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
        size_t cost = is_plain ? 1 : MAX_ESCAPE;

        if (cost > room)
            break;
        room -= cost;
    }
    return str_first(text, len);
}

/* share: what this field may take of the line, name, quotes and colon included. */
static void write_field(struct jsonw *w, const struct log_field *field, size_t share)
{
    size_t around = strlen(field->name) + strlen(",\"\":\"\"");

    jsonw_name(w, field->name);
    switch (field->kind) {
    case LOG_KIND_STR:
        jsonw_bytes(w, cut(field->text, share > around ? share - around : 0));
        break;
    case LOG_KIND_INT:
        jsonw_i64(w, field->number);
        break;
    case LOG_KIND_BOOL:
        jsonw_bool(w, field->number != 0);
        break;
    }
}

void log_fields(enum log_level level, const char *event, const struct log_field *fields,
                size_t count)
{
    char time[CLOCK_RFC3339_BYTES];
    struct buf line;
    struct jsonw w;

    if ((int)level < atomic_load_explicit(&lowest_level, memory_order_relaxed))
        return;
    clock_format_rfc3339(clock_wall_us(), time);
    buf_init(&line, MAX_LINE);
    jsonw_init(&w, &line);
    jsonw_object(&w);
    jsonw_name_str(&w, "time", str_c(time));
    jsonw_name_str(&w, "level", str_c(level_words[level]));
    jsonw_name_str(&w, "event", str_c(event));
    for (size_t i = 0; i < count; i++)
        write_field(&w, &fields[i], (MAX_LINE - END_BYTES - line.len) / (count - i));
    jsonw_end_object(&w);
    buf_add_byte(&line, '\n');
    /* Nobody is left to be told that logging fails. */
    if (!line.failed && write(atomic_load(&log_fd), line.ptr, line.len) < 0)
        atomic_store(&log_fd, atomic_load(&log_fd));
    buf_done(&line);
}
