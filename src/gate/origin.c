#include "gate/origin.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/addr.h"
#include "base/table.h"
#include "gate/settings.h"

struct origin_rules {
    struct table *hosts;   /* host:port in lower case */
    struct table *origins; /* scheme://host[:port] in lower case */
};

enum { MAX_NAME = 300 };

/* The value stands for presence alone. */
static char present;

static struct str lower(struct str s, char text[MAX_NAME])
{
    size_t len = s.len < MAX_NAME ? s.len : 0;

    for (size_t i = 0; i < len; i++)
        text[i] = (char)(s.ptr[i] >= 'A' && s.ptr[i] <= 'Z' ? s.ptr[i] | 0x20 : s.ptr[i]);
    return str_of(text, len);
}

static bool add(struct table *table, struct str name)
{
    char text[MAX_NAME];

    return table_put(table, lower(name, text), &present, NULL);
}

static bool has(const struct table *table, struct str name)
{
    char text[MAX_NAME];

    return table_get(table, lower(name, text)) != NULL;
}

/* A loopback listener is also reached by the name localhost. */
static bool add_listener(struct origin_rules *rules, const struct listener *listener)
{
    char text[ADDR_TEXT_BYTES];
    char local[64];
    char origin[MAX_NAME];
    const char *scheme = listener->certificate.len > 0 ? "https" : "http";

    addr_format(&listener->address, text);
    (void)snprintf(origin, sizeof origin, "%s://%s", scheme, text);
    if (!add(rules->hosts, str_c(text)) || !add(rules->origins, str_c(origin)))
        return false;
    if (!addr_is_loopback(&listener->address))
        return true;
    (void)snprintf(local, sizeof local, "localhost:%u", (unsigned)listener->address.port);
    (void)snprintf(origin, sizeof origin, "%s://%s", scheme, local);
    return add(rules->hosts, str_c(local)) && add(rules->origins, str_c(origin));
}

/* A listener for administration stands beside that of public_url, under the same name. */
static bool add_admin(struct origin_rules *rules, const struct settings *settings,
                      const struct listener *listener)
{
    bool is_https = listener->certificate.len > 0;
    struct str host = settings->public_url.host;
    bool is_v6 = str_find(host, ':') < host.len;
    bool is_preset = listener->address.port == (is_https ? 443 : 80);
    char text[MAX_NAME];
    char port[8] = "";
    char origin[MAX_NAME + 8];

    if (listener->serves != SERVES_ADMIN)
        return true;
    if (!is_preset)
        (void)snprintf(port, sizeof port, ":%u", (unsigned)listener->address.port);
    (void)snprintf(text, sizeof text, "%s" STR_FMT "%s%s", is_v6 ? "[" : "", STR_ARG(host),
                   is_v6 ? "]" : "", port);
    (void)snprintf(origin, sizeof origin, "%s://%s", is_https ? "https" : "http", text);
    return add(rules->hosts, str_c(text)) && add(rules->origins, str_c(origin));
}

static bool add_all(struct origin_rules *rules, const struct settings *settings)
{
    struct str authority = settings->public_url.origin;

    if (!add(rules->origins, authority))
        return false;
    authority =
        str_from(authority, settings->public_url.is_https ? strlen("https://") : strlen("http://"));
    if (!add(rules->hosts, authority))
        return false;
    for (size_t i = 0; i < settings->listener_count; i++) {
        if (!add_listener(rules, &settings->listeners[i]) ||
            !add_admin(rules, settings, &settings->listeners[i]))
            return false;
    }
    for (size_t i = 0; i < settings->host_count; i++) {
        if (!add(rules->hosts, settings->hosts[i]))
            return false;
    }
    for (size_t i = 0; i < settings->origin_count; i++) {
        if (!add(rules->origins, settings->origins[i]))
            return false;
    }
    return true;
}

struct origin_rules *origin_rules_new(const struct settings *settings)
{
    struct origin_rules *rules = calloc(1, sizeof *rules);

    if (rules == NULL)
        return NULL;
    rules->hosts = table_new();
    rules->origins = table_new();
    if (rules->hosts == NULL || rules->origins == NULL || !add_all(rules, settings)) {
        origin_rules_free(rules);
        return NULL;
    }
    return rules;
}

void origin_rules_free(struct origin_rules *rules)
{
    if (rules == NULL)
        return;
    table_free(rules->hosts);
    table_free(rules->origins);
    free(rules);
}

bool origin_may_host(const struct origin_rules *rules, struct str host)
{
    return host.len > 0 && has(rules->hosts, host);
}

bool origin_may_origin(const struct origin_rules *rules, struct str origin)
{
    return origin.len > 0 && has(rules->origins, origin);
}
