/*
 * addr.h - IP addresses and networks. One parser for the whole gateway, strict: no octal, no short
 * forms, so that no two readers see different hosts.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"

/* IPv4 is kept as IPv4-mapped IPv6, so that ::ffff:10.0.0.1 and 10.0.0.1 are one address. */
struct addr {
    uint8_t ip[16];
    uint16_t port; /* 0: none */
    bool is_set;
};

struct addr_net {
    uint8_t ip[16];
    uint8_t bits; /* of 128 */
};

#define ADDR_TEXT_BYTES 56 /* "[ipv6]:port" and a NUL */

bool addr_parse_ip(struct str text, struct addr *ret_addr) MUST_CHECK;
/* "1.2.3.4:80", "[::1]:80". ERR_INVALID says what was expected. */
enum err_code addr_parse(struct str text, struct addr *ret_addr, struct err *err) MUST_CHECK;
enum err_code addr_parse_net(struct str text, struct addr_net *ret_net, struct err *err) MUST_CHECK;
bool addr_in_net(const struct addr *addr, const struct addr_net *net);
bool addr_is_loopback(const struct addr *addr);
/* Not a public unicast address: loopback, private, link-local, unique local, site-local, multicast,
 * unspecified, 6to4, NAT64, Teredo or documentation ranges. */
bool addr_is_internal(const struct addr *addr);
bool addr_is_same_ip(const struct addr *a, const struct addr *b);

void addr_from_sockaddr(const struct sockaddr *sa, struct addr *ret_addr);
/* *ret_len is the length to give to the kernel. IPv4 comes out as AF_INET. */
void addr_to_sockaddr(const struct addr *addr, struct sockaddr_storage *ret_sa, socklen_t *ret_len);
/* Address without port; with port "ip:port" or "[ip]:port". NUL-terminated. */
void addr_format_ip(const struct addr *addr, char text[ADDR_TEXT_BYTES]);
void addr_format(const struct addr *addr, char text[ADDR_TEXT_BYTES]);
