#include "base/url.h"

#include "base/addr.h"

enum { MAX_URL_BYTES = 2048 };

static enum err_code invalid(struct err *err, struct str text, const char *why)
{
    /* What stands before an @ may be a password. */
    if (str_find(text, '@') < text.len)
        return err_set(err, ERR_INVALID, "this is no URL to be used here: %s", why);
    return err_set(err, ERR_INVALID, "'" STR_FMT "' is no URL to be used here: %s",
                   STR_ARG(str_first(text, 120)), why);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_label(struct str label)
{
    if (label.len == 0 || label.len > 63 || label.ptr[0] == '-' || label.ptr[label.len - 1] == '-')
        return false;
    for (size_t i = 0; i < label.len; i++) {
        char c = label.ptr[i];

        if (!((c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '_'))
            return false;
    }
    return true;
}

/* "7", "010", "0x7f", "0x": resolvers read a host that ends so as an IPv4 address in odd dress. */
static bool is_number(struct str label)
{
    bool is_hex = str_starts(label, STR("0x"));

    for (size_t i = is_hex ? 2 : 0; i < label.len; i++) {
        char c = label.ptr[i];

        if (!is_digit(c) && !(is_hex && c >= 'a' && c <= 'f'))
            return false;
    }
    return true;
}

/* A registered name in lower case without empty labels; what ends in a number must be a plain IPv4
 * address instead. */
static bool is_name(struct str host)
{
    struct str label = STR_NONE;

    if (host.len == 0 || host.len > 253 || host.ptr[host.len - 1] == '.')
        return false;
    for (struct str rest = host; rest.len > 0;) {
        label = str_cut(&rest, '.');
        if (!is_label(label))
            return false;
    }
    return !is_number(label);
}

static bool is_target(struct str target)
{
    for (size_t i = 0; i < target.len; i++) {
        unsigned char c = (unsigned char)target.ptr[i];

        if (c <= 0x20 || c >= 0x7f || c == '"' || c == '<' || c == '>' || c == '\\' || c == '#')
            return false;
    }
    return true;
}

static bool take_port(struct str text, uint16_t *port)
{
    uint64_t value = 0;

    if (text.len == 0)
        return true;
    if (text.ptr[0] != ':' || !str_u64(str_from(text, 1), &value) || value == 0 || value > 65535)
        return false;
    *port = (uint16_t)value;
    return true;
}

/* host and what stands behind it; an IPv6 literal stands in brackets. */
static bool split_host(struct str authority, struct str *ret_host, struct str *ret_port)
{
    struct addr addr;

    if (authority.len > 0 && authority.ptr[0] == '[') {
        size_t end = str_find(authority, ']');

        *ret_host = str_first(str_from(authority, 1), end == authority.len ? 0 : end - 1);
        *ret_port = str_from(authority, end + 1);
        return str_find(*ret_host, ':') < ret_host->len && addr_parse_ip(*ret_host, &addr);
    }
    size_t colon = str_find(authority, ':');
    *ret_host = str_first(authority, colon);
    *ret_port = str_from(authority, colon);
    return is_name(*ret_host) ||
           (addr_parse_ip(*ret_host, &addr) && str_find(*ret_host, ':') == ret_host->len);
}

static bool split_scheme(struct str text, bool *ret_is_https, struct str *ret_rest)
{
    static const char https[] = "https://";
    static const char http[] = "http://";

    *ret_is_https = str_starts(text, str_c(https));
    *ret_rest = str_from(text, *ret_is_https ? strlen(https) : strlen(http));
    return *ret_is_https || str_starts(text, str_c(http));
}

/* Where the path, the query or what no URL may have begins. */
static size_t authority_end(struct str rest)
{
    size_t end = 0;

    while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?' && rest.ptr[end] != '#')
        end++;
    return end;
}

enum err_code url_parse(struct str text, struct url *ret_url, struct err *err)
{
    struct url url = {.target = STR("/")};
    struct str rest = text;
    struct str port = STR_NONE;

    if (text.len > MAX_URL_BYTES)
        return invalid(err, text, "it is too long");
    if (!split_scheme(text, &url.is_https, &rest))
        return invalid(err, text, "it must begin with http:// or https:// in lower case");
    size_t end = authority_end(rest);
    struct str authority = str_first(rest, end);
    if (str_find(authority, '@') < authority.len)
        return invalid(err, text, "user and password don't belong into it");
    if (!split_host(authority, &url.host, &port))
        return invalid(err, text, "the host must be a name in lower case or an IP address");
    url.port = url.is_https ? 443 : 80;
    if (!take_port(port, &url.port))
        return invalid(err, text, "the port must be a number from 1 to 65535");
    if (end < rest.len && rest.ptr[end] == '?')
        return invalid(err, text, "a path must stand before the query");
    if (end < rest.len)
        url.target = str_from(rest, end);
    if (!is_target(url.target))
        return invalid(err, text,
                       "path and query take neither spaces, '#' nor bytes outside of ASCII");
    url.origin = str_first(text, text.len - rest.len + end);
    *ret_url = url;
    return ERR_OK;
}
