/*
 * forwarded.h - who is behind a proxy: the address of a caller from Forwarded (RFC 7239),
 * X-Forwarded-For and PROXY v2. Pure.
 *
 * What a header says counts only as far as the hops that said it are trusted: the caller is the
 * rightmost hop that is no trusted proxy. A hop that can't be read ends the walk at the last one
 * that could.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"
#include "base/str.h"

struct forwarded_input {
    struct addr peer;           /* of the connection, or of its PROXY header */
    struct str forwarded;       /* value of Forwarded; ptr NULL: none. Goes before the other */
    struct str x_forwarded_for; /* value of X-Forwarded-For; ptr NULL: none */
    const struct addr_net *trusted;
    size_t trusted_count;
};

/* Without port where the header names none. */
struct addr forwarded_address(const struct forwarded_input *input);
bool forwarded_is_trusted(const struct addr *addr, const struct addr_net *trusted, size_t count);

enum proxy_header {
    PROXY_MORE, /* not complete yet */
    PROXY_DONE, /* *ret_bytes belong to it */
    PROXY_INVALID,
};

/* PROXY protocol version 2 (haproxy's proxy-protocol.txt §2.2). *ret_source is not set (is_set
 * false) for LOCAL and for families other than TCP over IP. */
enum proxy_header proxy_parse(struct str bytes, struct addr *ret_source, size_t *ret_bytes);
