#include "cli/audit_filter.h"

#include <string.h>

#include "audit/entry.h"
#include "base/clock.h"
#include "base/words.h"
#include "cli/client.h"

/* Local times are those of this process, not of the gateway: what is sent is in UTC. */
static enum err_code write_time(const struct options *options, const char *name, struct buf *path,
                                struct err *err)
{
    const char *value = options_get(options, name);
    char text[CLOCK_RFC3339_BYTES];
    int64_t wall_us = 0;

    if (value == NULL)
        return ERR_OK;
    if (clock_parse(str_c(value), clock_wall_us(), &wall_us, err) != ERR_OK)
        return err_wrap(err, name);
    clock_format_rfc3339(wall_us, text);
    client_query_add(path, name, str_c(text));
    return ERR_OK;
}

static bool is_category(struct str word)
{
    enum category category;

    return category_parse(word, &category);
}

static bool is_principal_kind(struct str word)
{
    enum principal_kind kind;

    return principal_parse(word, &kind);
}

static bool is_decision(struct str word)
{
    enum decision decision;

    return decision_parse(word, &decision);
}

static bool is_outcome(struct str word)
{
    enum audit_outcome outcome;

    return str_eq(word, STR("open")) || audit_outcome_parse(word, &outcome);
}

/* A filter of words is judged here, too: a misspelt one is wrong use, not a refusal. */
static const struct filter {
    const char *option;
    const char *parameter;
    bool (*is_legal)(struct str word); /* NULL: any text */
} filters[] = {
    {"server", "server", NULL},
    {"tool", "tool", NULL},
    {"principal", "principal", NULL},
    {"principal-kind", "principal_kind", is_principal_kind},
    {"category", "category", is_category},
    {"decision", "decision", is_decision},
    {"outcome", "outcome", is_outcome},
    {"method", "method", NULL},
    {"kind", "kind", NULL},
    {"call", "call_id", NULL},
};

static const char *prose_of(const struct options *options, const char *name)
{
    const struct option *option = options->command->options;

    while (option->name != NULL && strcmp(option->name, name) != 0)
        option++;
    return option->prose;
}

static enum err_code write_filter(const struct options *options, const struct filter *filter,
                                  struct buf *path, struct err *err)
{
    const char *value = options_get(options, filter->option);

    if (value == NULL)
        return ERR_OK;
    if (filter->is_legal != NULL && !filter->is_legal(str_c(value)))
        return err_set(err, ERR_INVALID, "--%s: '%.60s' is none of: %s", filter->option, value,
                       prose_of(options, filter->option));
    client_query_add(path, filter->parameter, str_c(value));
    return ERR_OK;
}

enum err_code audit_filter_write(const struct options *options, struct buf *path, struct err *err)
{
    enum err_code code = ERR_OK;

    buf_add_c(path,
              options_has(options, "show-arguments") ? "/api/v1/audit/arguments" : "/api/v1/audit");
    for (size_t i = 0; i < ARRAY_LEN(filters) && code == ERR_OK; i++)
        code = write_filter(options, &filters[i], path, err);
    if (options_has(options, "oldest-first"))
        client_query_add(path, "order", STR("oldest"));
    if (code == ERR_OK)
        code = write_time(options, "since", path, err);
    return code == ERR_OK ? write_time(options, "until", path, err) : code;
}
