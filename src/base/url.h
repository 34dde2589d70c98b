/*
 * url.h - the http and https URLs of the settings: absolute, strict, without user, query kept,
 * fragment refused (RFC 3986).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct url {
    bool is_https;
    struct str host;   /* as written, lower case required; an IPv6 literal without brackets */
    uint16_t port;     /* the scheme's own when none is written */
    struct str target; /* path and query, "/" at least */
    struct str origin; /* scheme://host[:port], as written */
};

/* Views into text. ERR_INVALID says what is wrong. */
enum err_code url_parse(struct str text, struct url *ret_url, struct err *err) MUST_CHECK;
