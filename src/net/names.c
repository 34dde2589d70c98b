#include "net/names.h"

#include <netdb.h>
#include <stdlib.h>
#include <uv.h>

#include "base/table.h"
#include "net/loop.h"

struct name_entry {
    struct name_cache *cache; /* NULL: it was freed, the resolver still works */
    char host[NAMES_MAX_HOST_BYTES + 1];
    uv_getaddrinfo_t request;
    struct name_lookup *waiting; /* newest first */
    struct addr addrs[NAMES_MAX_ADDRS];
    size_t count;
    struct err err; /* count 0 */
    uint64_t expires_us;
    bool is_resolving;
    bool is_answering;
};

struct name_cache {
    struct loop *loop;
    struct table *entries; /* by host in lower case */
    uint64_t ttl_us;
};

struct name_cache *names_cache_new(struct loop *loop, uint64_t ttl_ms)
{
    struct name_cache *cache = calloc(1, sizeof *cache);

    if (cache == NULL)
        return NULL;
    *cache = (struct name_cache){.loop = loop, .entries = table_new(), .ttl_us = ttl_ms * 1000};
    if (cache->entries == NULL) {
        free(cache);
        return NULL;
    }
    return cache;
}

/* One that is being resolved or answered is freed by on_resolved(). */
static void drop(struct name_entry *entry)
{
    if (entry->cache != NULL)
        (void)table_take(entry->cache->entries, str_c(entry->host));
    entry->cache = NULL;
    for (struct name_lookup *lookup = entry->waiting; lookup != NULL; lookup = lookup->next)
        lookup->entry = NULL;
    entry->waiting = NULL;
    if (entry->is_resolving)
        (void)uv_cancel((uv_req_t *)&entry->request);
    else if (!entry->is_answering)
        free(entry);
}

void names_cache_free(struct name_cache *cache)
{
    struct str host;
    void *entry;
    size_t pos = 0;

    if (cache == NULL)
        return;
    while (table_next(cache->entries, &pos, &host, &entry)) {
        drop(entry);
        pos = 0;
    }
    table_free(cache->entries);
    free(cache);
}

/* The waiting ones may start, cancel and free lookups, and free the cache. */
static void answer(struct name_entry *entry)
{
    struct name_lookup *in_order = NULL;
    struct addr addrs[NAMES_MAX_ADDRS];
    size_t count = entry->count;
    struct err err = entry->err;

    memcpy(addrs, entry->addrs, sizeof addrs);
    while (entry->waiting != NULL) {
        struct name_lookup *lookup = entry->waiting;

        entry->waiting = lookup->next;
        lookup->next = in_order;
        in_order = lookup;
    }
    entry->waiting = in_order;
    while (entry->waiting != NULL) {
        struct name_lookup *lookup = entry->waiting;

        entry->waiting = lookup->next;
        lookup->entry = NULL;
        lookup->on_done(lookup, addrs, count, count == 0 ? &err : NULL);
    }
}

static void keep(struct name_entry *entry, int status, const struct addrinfo *infos)
{
    entry->count = 0;
    for (; status == 0 && infos != NULL && entry->count < NAMES_MAX_ADDRS; infos = infos->ai_next) {
        struct addr addr = {.is_set = false};

        addr_from_sockaddr(infos->ai_addr, &addr);
        addr.port = 0;
        if (addr.is_set)
            entry->addrs[entry->count++] = addr;
    }
    if (entry->count == 0)
        (void)err_set(&entry->err, ERR_UPSTREAM, "no address for '%s': %s", entry->host,
                      status == 0 ? "none is usable" : uv_strerror(status));
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *infos)
{
    struct name_entry *entry = request->data;
    struct name_cache *cache = entry->cache;

    if (cache == NULL) {
        uv_freeaddrinfo(infos);
        free(entry);
        return;
    }
    keep(entry, status, infos);
    uv_freeaddrinfo(infos);
    uint64_t life_us = entry->count > 0 ? cache->ttl_us : (uint64_t)NAMES_FAILURE_MS * 1000;
    entry->expires_us = loop_now_us(cache->loop) + life_us;
    entry->is_resolving = false;
    entry->is_answering = true;
    answer(entry);
    entry->is_answering = false;
    if (entry->cache == NULL && !entry->is_resolving)
        free(entry);
}

static bool resolve(struct name_entry *entry)
{
    static const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};

    entry->request.data = entry;
    int status = uv_getaddrinfo(loop_uv(entry->cache->loop), &entry->request, on_resolved,
                                entry->host, NULL, &hints);
    entry->is_resolving = status == 0;
    return entry->is_resolving;
}

static bool is_host_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

/* Labels of 1 to 63 bytes, one dot at the end is fine; *ret_last is the last label. */
static bool has_labels(struct str host, struct str *ret_last)
{
    struct str rest = str_ends(host, STR(".")) ? str_first(host, host.len - 1) : host;

    do {
        *ret_last = str_first(rest, str_find(rest, '.'));
        if (ret_last->len == 0 || ret_last->len > 63)
            return false;
        rest = str_from(rest, ret_last->len + 1);
    } while (rest.len > 0);
    return true;
}

static bool is_number(struct str label)
{
    size_t digits = 0;

    while (digits < label.len && label.ptr[digits] >= '0' && label.ptr[digits] <= '9')
        digits++;
    return digits == label.len || str_starts(label, STR("0x")) || str_starts(label, STR("0X"));
}

/* A name as in RFC 1123 (and '_'). What ends in a number would be read as an address in one of its
 * loose forms: 127.1, 0x7f000001 (WHATWG URL, "ends in a number"). */
static bool take_host(struct str host, char ret_host[NAMES_MAX_HOST_BYTES + 1])
{
    struct str last;

    if (host.len == 0 || host.len > NAMES_MAX_HOST_BYTES || host.ptr[0] == '-')
        return false;
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];

        ret_host[i] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
        if (!is_host_char(ret_host[i]))
            return false;
    }
    ret_host[host.len] = '\0';
    return has_labels(host, &last) && !is_number(last);
}

/* Takes out what is expired, or else what expires first, when there are too many. */
static bool make_room(struct name_cache *cache)
{
    struct name_entry *first = NULL;
    struct str host;
    void *value;
    size_t pos = 0;

    if (table_count(cache->entries) < NAMES_MAX_ENTRIES)
        return true;
    while (table_next(cache->entries, &pos, &host, &value)) {
        struct name_entry *entry = value;

        if (!entry->is_resolving && !entry->is_answering &&
            (first == NULL || entry->expires_us < first->expires_us))
            first = entry;
    }
    if (first == NULL)
        return false;
    drop(first);
    return true;
}

static struct name_entry *add_entry(struct name_cache *cache, const char *host)
{
    struct name_entry *entry = NULL;

    if (make_room(cache))
        entry = calloc(1, sizeof *entry);
    if (entry == NULL)
        return NULL;
    entry->cache = cache;
    memcpy(entry->host, host, strlen(host) + 1);
    if (!table_put(cache->entries, str_c(host), entry, NULL)) {
        free(entry);
        return NULL;
    }
    return entry;
}

static void fail(struct name_lookup *lookup, enum err_code code, struct str host, const char *why)
{
    struct err err;

    (void)err_set(&err, code, "look up '" STR_FMT "': %s", STR_ARG(str_first(host, 255)), why);
    lookup->on_done(lookup, NULL, 0, &err);
}

static bool parse_literal(struct str host, struct addr *ret_addr)
{
    if (host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']')
        host = str_of(host.ptr + 1, host.len - 2);
    return addr_parse_ip(host, ret_addr);
}

void names_lookup(struct name_cache *cache, struct name_lookup *lookup, struct str host)
{
    char name[NAMES_MAX_HOST_BYTES + 1];
    struct addr literal;

    lookup->entry = NULL;
    lookup->next = NULL;
    if (parse_literal(host, &literal)) {
        lookup->on_done(lookup, &literal, 1, NULL);
        return;
    }
    if (!take_host(host, name)) {
        fail(lookup, ERR_INVALID, host, "that is no name of a host");
        return;
    }
    struct name_entry *entry = table_get(cache->entries, str_c(name));
    if (entry == NULL)
        entry = add_entry(cache, name);
    if (entry == NULL) {
        fail(lookup, ERR_BUSY, host, "too many names are being resolved");
        return;
    }
    bool is_known = !entry->is_resolving && loop_now_us(cache->loop) < entry->expires_us;
    if (!is_known && !entry->is_resolving && !resolve(entry)) {
        fail(lookup, ERR_BUSY, host, "the resolver takes no more");
        return;
    }
    if (is_known) {
        struct name_entry copy = *entry;

        lookup->on_done(lookup, copy.addrs, copy.count, copy.count == 0 ? &copy.err : NULL);
        return;
    }
    lookup->entry = entry;
    lookup->next = entry->waiting;
    entry->waiting = lookup;
}

void names_cancel(struct name_lookup *lookup)
{
    struct name_entry *entry = lookup->entry;

    if (entry == NULL)
        return;
    for (struct name_lookup **at = &entry->waiting; *at != NULL; at = &(*at)->next) {
        if (*at == lookup) {
            *at = lookup->next;
            break;
        }
    }
    lookup->entry = NULL;
}
