/*
 * log.h - one JSON object a line on stderr: time, level, event, then the fields of the call.
 *
 * Values are escaped to ASCII (bytes that are no UTF-8 come out as \u00XX of the byte), so no input
 * can forge a line. Long values are cut so that a line stays within PIPE_BUF and none is lost.
 * There is no way to pass a struct secret. Only gate, admin and cli log; rooms below return errors.
 *
 * Threads: any; a line is one write(2).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

enum log_kind { LOG_KIND_STR, LOG_KIND_INT, LOG_KIND_BOOL };

struct log_field {
    const char *name;
    enum log_kind kind;
    struct str text;
    int64_t number;
};

#define LOG_STR(field_name, view)                                                                  \
    ((struct log_field){.name = (field_name), .kind = LOG_KIND_STR, .text = (view)})
#define LOG_C(field_name, c_string) LOG_STR(field_name, str_c(c_string))
#define LOG_INT(field_name, value)                                                                 \
    ((struct log_field){.name = (field_name), .kind = LOG_KIND_INT, .number = (int64_t)(value)})
#define LOG_BOOL(field_name, value)                                                                \
    ((struct log_field){.name = (field_name), .kind = LOG_KIND_BOOL, .number = (value) ? 1 : 0})
/* The word and the sentence of a struct err. */
#define LOG_ERR(err_ptr)                                                                           \
    LOG_C("error", err_word((err_ptr)->code)), LOG_C("message", (err_ptr)->text)

/* event: snake_case word that stays the same for ever, for grep and alarms. The first element of
 * the arrays stands there so that a line may have no fields. */
#define log_event(level, event, ...)                                                               \
    log_fields((level), (event), (const struct log_field[]){{.name = ""}, __VA_ARGS__} + 1,        \
               sizeof((const struct log_field[]){{.name = ""}, __VA_ARGS__}) /                     \
                       sizeof(struct log_field) -                                                  \
                   1)

void log_fields(enum log_level level, const char *event, const struct log_field *fields,
                size_t count);
void log_set_level(enum log_level lowest);
/* Where lines go; 2 at the start. */
void log_set_fd(int fd);
