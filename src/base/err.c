#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    int status;
    const char *word;
} codes[ERR_CODES] = {
#define X(name, status, word) [name] = {status, word},
#include "base/err.def"
#undef X
};

enum err_code err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
    if (err == NULL)
        return code;
    va_list args;
    va_start(args, fmt);
    err->code = code;
    vsnprintf(err->text, sizeof err->text, fmt, args);
    va_end(args);
    return code;
}

enum err_code err_wrap(struct err *err, const char *what)
{
    if (err == NULL)
        return ERR_INTERNAL;
    char before[ERR_TEXT_BYTES];
    memcpy(before, err->text, sizeof before);
    size_t room = sizeof err->text;
    int used = snprintf(err->text, room, "%s: ", what);
    if (used > 0 && (size_t)used < room) {
        size_t left = room - (size_t)used - 1;
        size_t len = strnlen(before, sizeof before - 1);
        if (len > left)
            len = left;
        memcpy(err->text + used, before, len);
        err->text[(size_t)used + len] = '\0';
    }
    return err->code;
}

enum err_code err_errno(struct err *err, int saved_errno, const char *what)
{
    char reason[128];
    return err_set(err, ERR_IO, "%s: %s", what, strerror_r(saved_errno, reason, sizeof reason));
}

int err_http_status(enum err_code code)
{
    return code < ERR_CODES ? codes[code].status : 500;
}

const char *err_word(enum err_code code)
{
    return code < ERR_CODES ? codes[code].word : "internal";
}
