/*
 * http.h - what both sides of HTTP/1.1 share: headers, bounds with their counters, status texts.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct http_header {
    struct str name;
    struct str value;
};

/* Every bound of what comes from outside; the table is limits.def. */
struct http_limits {
#define X(field, unit, preset, low, high, prose) int64_t field;
#include "net/limits.def"
#undef X
};

/* How often each bound was met, and the traffic; written by one loop, read by any thread (relaxed).
 */
struct http_counters {
#define X(field, unit, preset, low, high, prose) _Atomic uint64_t field;
#include "net/limits.def"
#undef X
    _Atomic uint64_t connections_opened;
    _Atomic uint64_t connections_closed;
    _Atomic uint64_t requests;
    _Atomic uint64_t malformed;      /* refused because of how they were written */
    _Atomic uint64_t tls_failures;   /* handshakes that failed */
    _Atomic uint64_t proxy_failures; /* connections without a valid PROXY header where one is due */
};

void http_limits_preset(struct http_limits *limits);
/* Value of the first header of this name (case does not count); ptr NULL: not there. */
struct str http_find_header(const struct http_header *headers, size_t count, struct str name);
const char *http_status_text(int status);
