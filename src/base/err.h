/*
 * err.h - what went wrong: a code from err.def and one sentence a person can act on.
 *
 * A fallible function returns enum err_code and takes struct err *err last (NULL is fine: the
 * sentence is dropped). Success leaves *err untouched; failing never allocates.
 */
#pragma once

#include "base/attr.h"

enum err_code {
#define X(name, status, word) name,
#include "base/err.def"
#undef X
    ERR_CODES /* how many there are */
};

#define ERR_TEXT_BYTES 320

struct err {
    enum err_code code;
    char text[ERR_TEXT_BYTES]; /* a sentence, NUL-terminated, cut at the end if too long */
};

/* Fills *err and returns code, so that failing is one line. code is not ERR_OK. */
enum err_code err_set(struct err *err, enum err_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Puts "what: " before the sentence and returns the code that is already in *err (ERR_INTERNAL
 * with a NULL err). */
enum err_code err_wrap(struct err *err, const char *what);

/* ERR_IO with strerror(saved_errno) behind what. */
enum err_code err_errno(struct err *err, int saved_errno, const char *what);

int err_http_status(enum err_code code);
const char *err_word(enum err_code code);
