#include "net/forwarded.h"

#include <string.h>

enum { MAX_HOPS = 32, PROXY_HEAD = 16, PROXY_MAX = 536 };

bool forwarded_is_trusted(const struct addr *addr, const struct addr_net *trusted, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (addr_in_net(addr, &trusted[i]))
            return true;
    }
    return false;
}

/* "1.2.3.4", "1.2.3.4:80", "[::1]", "[::1]:80", "::1" */
static bool parse_node(struct str text, struct addr *ret_addr)
{
    if (text.len >= 2 && text.ptr[0] == '"' && text.ptr[text.len - 1] == '"')
        text = str_of(text.ptr + 1, text.len - 2);
    if (addr_parse_ip(text, ret_addr) || addr_parse(text, ret_addr, NULL) == ERR_OK)
        return true;
    if (text.len > 2 && text.ptr[0] == '[' && text.ptr[text.len - 1] == ']')
        return addr_parse_ip(str_of(text.ptr + 1, text.len - 2), ret_addr);
    return false;
}

/* The node of `for=` in one element of Forwarded. */
static struct str for_of(struct str element)
{
    while (element.len > 0) {
        struct str value = str_cut(&element, ';');
        struct str name = str_trim(str_cut(&value, '='));

        if (str_eq_nocase(name, STR("for")))
            return str_trim(value);
    }
    return STR_NONE;
}

static size_t split(struct str list, bool is_forwarded, struct str hops[MAX_HOPS])
{
    size_t count = 0;

    while (list.len > 0) {
        struct str element = str_trim(str_cut(&list, ','));

        /* More hops than anybody has: keep the rightmost, they alone matter. */
        if (count == MAX_HOPS) {
            memmove(hops, hops + 1, (MAX_HOPS - 1) * sizeof *hops);
            count--;
        }
        hops[count++] = is_forwarded ? for_of(element) : element;
    }
    return count;
}

struct addr forwarded_address(const struct forwarded_input *input)
{
    struct str hops[MAX_HOPS];
    struct addr current = input->peer;
    bool is_forwarded = input->forwarded.ptr != NULL;
    size_t count =
        split(is_forwarded ? input->forwarded : input->x_forwarded_for, is_forwarded, hops);

    while (count > 0 && forwarded_is_trusted(&current, input->trusted, input->trusted_count)) {
        struct addr hop;

        if (!parse_node(hops[--count], &hop))
            break;
        current = hop;
    }
    return current;
}

static void read_source(const uint8_t *head, struct addr *ret_source)
{
    static const uint8_t v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    const uint8_t *at = head + PROXY_HEAD;

    if (head[13] == 0x11) {
        memcpy(ret_source->ip, v4_prefix, sizeof v4_prefix);
        memcpy(ret_source->ip + 12, at, 4);
        ret_source->port = (uint16_t)(at[8] << 8 | at[9]);
    } else {
        memcpy(ret_source->ip, at, 16);
        ret_source->port = (uint16_t)(at[32] << 8 | at[33]);
    }
    ret_source->is_set = true;
}

/* The command and, where a family is named, room for its addresses. */
static bool is_proxy_head(const uint8_t *head, size_t length)
{
    enum { LOCAL = 0x20, PROXY = 0x21, TCP4 = 0x11, TCP6 = 0x21, TCP4_BYTES = 12, TCP6_BYTES = 36 };

    return (head[12] == LOCAL || head[12] == PROXY) && PROXY_HEAD + length <= PROXY_MAX &&
           (head[13] != TCP4 || length >= TCP4_BYTES) && (head[13] != TCP6 || length >= TCP6_BYTES);
}

enum proxy_header proxy_parse(struct str bytes, struct addr *ret_source, size_t *ret_bytes)
{
    static const char signature[12] = "\r\n\r\n\0\r\nQUIT\n";
    const uint8_t *head = (const uint8_t *)bytes.ptr;
    size_t known = bytes.len < sizeof signature ? bytes.len : sizeof signature;

    *ret_source = (struct addr){.is_set = false};
    if (known > 0 && memcmp(head, signature, known) != 0)
        return PROXY_INVALID;
    if (bytes.len < PROXY_HEAD)
        return PROXY_MORE;
    size_t length = (size_t)head[14] << 8 | head[15];
    bool is_local = head[12] == 0x20;
    bool is_v4 = head[13] == 0x11;
    bool is_v6 = head[13] == 0x21;
    if (!is_proxy_head(head, length))
        return PROXY_INVALID;
    if (bytes.len < PROXY_HEAD + length)
        return PROXY_MORE;
    if (!is_local && (is_v4 || is_v6))
        read_source(head, ret_source);
    *ret_bytes = PROXY_HEAD + length;
    return PROXY_DONE;
}
