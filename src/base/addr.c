#include "base/addr.h"

#include <arpa/inet.h>
#include <string.h>

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool is_v4(const uint8_t ip[16])
{
    return memcmp(ip, mapped, sizeof mapped) == 0;
}

/* inet_pton() takes neither octal nor short forms nor zone ids. */
static bool parse_ip(struct str text, uint8_t ip[16], bool *ret_is_v4)
{
    char copy[INET6_ADDRSTRLEN];

    if (text.len == 0 || text.len >= sizeof copy || memchr(text.ptr, '\0', text.len) != NULL)
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    *ret_is_v4 = strchr(copy, ':') == NULL;
    if (!*ret_is_v4)
        return inet_pton(AF_INET6, copy, ip) == 1;
    memcpy(ip, mapped, sizeof mapped);
    return inet_pton(AF_INET, copy, ip + sizeof mapped) == 1;
}

bool addr_parse_ip(struct str text, struct addr *ret_addr)
{
    struct addr addr = {.is_set = true};
    bool is_v4_text = false;

    if (!parse_ip(text, addr.ip, &is_v4_text))
        return false;
    *ret_addr = addr;
    return true;
}

static bool parse_port(struct str text, uint16_t *ret_port)
{
    uint64_t value = 0;

    if (!str_u64(text, &value) || value == 0 || value > 65535)
        return false;
    *ret_port = (uint16_t)value;
    return true;
}

enum err_code addr_parse(struct str text, struct addr *ret_addr, struct err *err)
{
    struct addr addr = {.is_set = true};
    struct str ip = text;
    struct str port = STR_NONE;
    bool is_v4_text = false;
    bool has_brackets = text.len > 0 && text.ptr[0] == '[';

    if (has_brackets) {
        size_t end = str_find(text, ']');

        ip = str_first(str_from(text, 1), end == text.len ? 0 : end - 1);
        port = str_from(text, end + 1);
    } else {
        size_t colon = str_find(text, ':');

        ip = str_first(text, colon);
        port = str_from(text, colon);
    }
    if (port.len > 1 && port.ptr[0] == ':' && parse_port(str_from(port, 1), &addr.port) &&
        parse_ip(ip, addr.ip, &is_v4_text) && is_v4_text != has_brackets) {
        *ret_addr = addr;
        return ERR_OK;
    }
    return err_set(err, ERR_INVALID,
                   "'" STR_FMT "' is no address: an IP address and a port are expected, like "
                   "127.0.0.1:8080 or [::1]:8080",
                   STR_ARG(str_first(text, 80)));
}

static uint8_t mask_of(uint8_t bits, unsigned byte)
{
    unsigned covered = bits <= byte * 8 ? 0 : bits - byte * 8;

    return covered >= 8 ? 0xff : (uint8_t)(0xff00u >> covered);
}

enum err_code addr_parse_net(struct str text, struct addr_net *ret_net, struct err *err)
{
    struct addr_net net;
    struct str rest = text;
    struct str ip = str_cut(&rest, '/');
    bool is_v4_text = false;
    uint64_t bits = 0;

    if (!parse_ip(ip, net.ip, &is_v4_text) || (ip.len < text.len && !str_u64(rest, &bits)))
        goto invalid;
    if (ip.len == text.len)
        bits = is_v4_text ? 32 : 128;
    if (bits > (is_v4_text ? 32u : 128u))
        goto invalid;
    net.bits = (uint8_t)(is_v4_text ? bits + 96 : bits);
    for (unsigned i = 0; i < 16; i++) {
        if ((net.ip[i] & ~mask_of(net.bits, i) & 0xff) != 0)
            return err_set(err, ERR_INVALID, "'" STR_FMT "' has bits set behind the prefix",
                           STR_ARG(str_first(text, 80)));
    }
    *ret_net = net;
    return ERR_OK;
invalid:
    return err_set(err, ERR_INVALID,
                   "'" STR_FMT "' is no network: 10.0.0.0/8 or fd00::/8, for example",
                   STR_ARG(str_first(text, 80)));
}

bool addr_in_net(const struct addr *addr, const struct addr_net *net)
{
    for (unsigned i = 0; i < 16; i++) {
        if (((addr->ip[i] ^ net->ip[i]) & mask_of(net->bits, i)) != 0)
            return false;
    }
    return true;
}

static const struct addr_net loopback[] = {
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127}, 104},
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128},
};

/* IANA special-purpose registries (RFC 6890 and updates), and what can hide an IPv4 address. */
static const struct addr_net internal[] = {
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0}, 104},            /* 0.0.0.0/8 */
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10}, 104},           /* private */
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 100, 64}, 106},      /* shared (RFC 6598) */
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127}, 104},          /* loopback */
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 169, 254}, 112},     /* link-local, metadata */
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 172, 16}, 108},      /* private */
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 0}, 120},    /* protocol assignments */
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2}, 120},    /* documentation */
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 88, 99}, 120},  /* 6to4 relays */
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 168}, 112},     /* private */
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 198, 18}, 111},      /* benchmarks */
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 198, 51, 100}, 120}, /* documentation */
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 203, 0, 113}, 120},  /* documentation */
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 224}, 99},           /* multicast and above */
    {{0}, 96},                                                       /* ::/96, ::1 and :: in it */
    {{0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96},                      /* IPv4-translated */
    {{0, 0x64, 0xff, 0x9b}, 96},                                     /* NAT64 */
    {{0, 0x64, 0xff, 0x9b, 0, 1}, 48},                               /* local NAT64 */
    {{0x01, 0}, 64},                                                 /* discard */
    {{0x20, 0x01}, 23},             /* Teredo and other protocols */
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
    {{0x20, 0x02}, 16},             /* 6to4 */
    {{0x3f, 0xff}, 20},             /* documentation */
    {{0x5f, 0x00}, 16},             /* segment routing */
    {{0xfc}, 7},                    /* unique local */
    {{0xfe, 0x80}, 10},             /* link-local */
    {{0xfe, 0xc0}, 10},             /* site-local */
    {{0xff}, 8},                    /* multicast */
};

static bool in_any(const struct addr *addr, const struct addr_net *nets, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (addr_in_net(addr, &nets[i]))
            return true;
    }
    return false;
}

bool addr_is_loopback(const struct addr *addr)
{
    return in_any(addr, loopback, ARRAY_LEN(loopback));
}

bool addr_is_internal(const struct addr *addr)
{
    return in_any(addr, internal, ARRAY_LEN(internal));
}

bool addr_is_same_ip(const struct addr *a, const struct addr *b)
{
    return memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

void addr_from_sockaddr(const struct sockaddr *sa, struct addr *ret_addr)
{
    *ret_addr = (struct addr){.is_set = false};
    if (sa->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)sa;

        memcpy(ret_addr->ip, mapped, sizeof mapped);
        memcpy(ret_addr->ip + sizeof mapped, &in->sin_addr, 4);
        ret_addr->port = ntohs(in->sin_port);
        ret_addr->is_set = true;
    } else if (sa->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)(const void *)sa;

        memcpy(ret_addr->ip, &in->sin6_addr, 16);
        ret_addr->port = ntohs(in->sin6_port);
        ret_addr->is_set = true;
    }
}

void addr_to_sockaddr(const struct addr *addr, struct sockaddr_storage *ret_sa, socklen_t *ret_len)
{
    memset(ret_sa, 0, sizeof *ret_sa);
    if (is_v4(addr->ip)) {
        struct sockaddr_in *in = (struct sockaddr_in *)(void *)ret_sa;

        in->sin_family = AF_INET;
        in->sin_port = htons(addr->port);
        memcpy(&in->sin_addr, addr->ip + sizeof mapped, 4);
        *ret_len = sizeof *in;
        return;
    }
    struct sockaddr_in6 *in = (struct sockaddr_in6 *)(void *)ret_sa;
    in->sin6_family = AF_INET6;
    in->sin6_port = htons(addr->port);
    memcpy(&in->sin6_addr, addr->ip, 16);
    *ret_len = sizeof *in;
}

/* On the path of every call: no printf. */
static char *put_decimal(char *at, unsigned value)
{
    char digits[10];
    size_t count = 0;

    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    while (count > 0)
        *at++ = digits[--count];
    return at;
}

static void format_v4(const uint8_t ip[4], char *text)
{
    char *at = text;

    for (unsigned i = 0; i < 4; i++) {
        if (i > 0)
            *at++ = '.';
        at = put_decimal(at, ip[i]);
    }
    *at = '\0';
}

/* Returns the end, where a NUL stands. */
static char *put_ip(char *at, const struct addr *addr)
{
    *at = '\0';
    if (is_v4(addr->ip))
        format_v4(addr->ip + sizeof mapped, at);
    else if (inet_ntop(AF_INET6, addr->ip, at, INET6_ADDRSTRLEN) == NULL)
        *at = '\0';
    return at + strlen(at);
}

void addr_format_ip(const struct addr *addr, char text[ADDR_TEXT_BYTES])
{
    text[0] = '\0';
    if (addr->is_set)
        (void)put_ip(text, addr);
}

void addr_format(const struct addr *addr, char text[ADDR_TEXT_BYTES])
{
    bool has_brackets = !is_v4(addr->ip);
    char *at = text;

    text[0] = '\0';
    if (!addr->is_set)
        return;
    if (has_brackets)
        *at++ = '[';
    at = put_ip(at, addr);
    if (has_brackets)
        *at++ = ']';
    *at++ = ':';
    at = put_decimal(at, addr->port);
    *at = '\0';
}
