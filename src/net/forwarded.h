/*
 * forwarded.h - where a request comes from when proxies stand in between: the rightmost hop that is
 * not trusted. Pure.
 *
 * A hop's word counts only when the hop itself is trusted: the TCP peer may name its peer by a
 * PROXY header; then Forwarded (RFC 7239), or without one X-Forwarded-For, is walked from the
 * right. An entry that is no address (unknown, a pseudonym, garbage) ends the walk at the hop that
 * wrote it.
 */
#pragma once

#include <stddef.h>

#include "base/addr.h"
#include "net/http.h"

struct forwarded_input {
    struct addr peer;                  /* of the TCP connection */
    struct addr proxied;               /* named by a PROXY header; is_set false: none */
    const struct http_header *headers; /* of the request: each field may come in several lines */
    size_t header_count;
    const struct addr_net *trusted;
    size_t trusted_count;
};

struct addr forwarded_address(const struct forwarded_input *input);
