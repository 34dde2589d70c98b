/*
 * fetch.h - one HTTP request and its answer, blocking: what commands and the control plane ask for.
 *
 * HTTP and HTTPS alone. Redirects are not followed: the token belongs to the one address it was
 * given for. Loopback is never reached through a proxy; elsewhere the usual environment of libcurl
 * counts.
 *
 * Threads: any; each fetch stands alone. Never on a worker.
 */
#pragma once

#include <stdbool.h>

#include "base/addr.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* Of fetches whose URL a stranger chose: https alone, through no proxy, and every address is asked
 * about right before a connection to it begins, so that no name can lead elsewhere in between. */
struct fetch_guard {
    bool (*may_connect)(const void *ctx, const struct addr *addr);
    const void *ctx;
};

struct fetch {
    const char *method;
    const char *url;
    struct str bearer;        /* token of Authorization; empty: none */
    const char *basic;        /* "user:password" of Authorization: Basic; NULL: none */
    const char *content_type; /* NULL: no body is sent */
    struct str body;
    long timeout_ms;                 /* of the whole; 0: 60 seconds */
    const char *ca_file;             /* PEM; NULL: what the system trusts */
    size_t max_bytes;                /* of the answer; 0: 16 MiB */
    const struct fetch_guard *guard; /* NULL: anywhere */
};

enum { FETCH_HEADER_BYTES = 256 };

struct fetch_reply {
    int status;
    char content_type[FETCH_HEADER_BYTES];  /* empty: none, or too long to be of use */
    char cache_control[FETCH_HEADER_BYTES]; /* the same; of several headers, joined with ", " */
    struct buf body;                        /* the caller's: buf_done() it, after success */
};

/* Once per process, before its first thread. */
enum err_code fetch_init(struct err *err) MUST_CHECK;

/* ERR_DENIED: the guard lets it nowhere; ERR_UNAVAILABLE: not reached; ERR_TIMEOUT; ERR_LIMIT: the
 * answer is too large; ERR_INVALID: no URL. Any HTTP status is a success. */
enum err_code fetch_do(const struct fetch *fetch, struct fetch_reply *ret_reply,
                       struct err *err) MUST_CHECK;
