#include "gate/refusals.h"

#include <stdlib.h>

#include "base/table.h"

/* More sources than this in one interval are counted together, as "others". */
enum { MAX_ROWS = 4096 };

struct row {
    uint64_t count;
    const char *reason;
    bool is_caller;
    /* Of a caller: how many may still be recorded, in millionths, and as of when. */
    uint64_t budget;
    uint64_t budget_us;
};

struct refusals {
    struct table *rows;
    uint64_t per_second;
};

struct refusals *refusals_new(int64_t per_second)
{
    struct refusals *refusals = calloc(1, sizeof *refusals);

    if (refusals == NULL)
        return NULL;
    refusals->per_second = (uint64_t)per_second;
    refusals->rows = table_new();
    if (refusals->rows == NULL) {
        free(refusals);
        return NULL;
    }
    return refusals;
}

void refusals_free(struct refusals *refusals)
{
    size_t pos = 0;
    struct str key;
    void *row = NULL;

    if (refusals == NULL)
        return;
    while (table_next(refusals->rows, &pos, &key, &row))
        free(row);
    table_free(refusals->rows);
    free(refusals);
}

static struct row *row_of(struct refusals *refusals, struct str who)
{
    struct row *row = table_get(refusals->rows, who);

    if (row != NULL)
        return row;
    if (table_count(refusals->rows) >= MAX_ROWS)
        who = STR("others");
    row = table_get(refusals->rows, who);
    if (row != NULL)
        return row;
    row = calloc(1, sizeof *row);
    if (row != NULL && !table_put(refusals->rows, who, row, NULL)) {
        free(row);
        row = NULL;
    }
    return row;
}

static uint64_t whole(const struct refusals *refusals)
{
    return refusals->per_second * 1000000;
}

bool refusals_may_record(struct refusals *refusals, struct str caller_id, const char *reason,
                         uint64_t now_us)
{
    struct row *row = row_of(refusals, caller_id);

    if (row == NULL)
        return true;
    if (!row->is_caller) {
        row->is_caller = true;
        row->budget = whole(refusals);
        row->budget_us = now_us;
    }
    row->budget += (now_us - row->budget_us) * refusals->per_second;
    row->budget_us = now_us;
    if (row->budget > whole(refusals))
        row->budget = whole(refusals);
    if (row->budget >= 1000000) {
        row->budget -= 1000000;
        return true;
    }
    row->count++;
    row->reason = reason;
    return false;
}

void refusals_add_source(struct refusals *refusals, const struct addr *address, const char *reason)
{
    char text[ADDR_TEXT_BYTES];

    addr_format_ip(address, text);
    struct row *row = row_of(refusals, str_c(text));
    if (row == NULL)
        return;
    row->count++;
    row->reason = reason;
}

void refusals_flush(struct refusals *refusals,
                    void (*fn)(void *ctx, const struct refusals_count *count), void *ctx)
{
    struct table *old = refusals->rows;
    struct table *fresh = table_new();
    size_t pos = 0;
    struct str key;
    void *value = NULL;

    if (fresh == NULL)
        return;
    refusals->rows = fresh;
    while (table_next(old, &pos, &key, &value)) {
        struct row *row = value;

        if (row->count > 0) {
            const struct refusals_count count = {.who = key,
                                                 .reason = str_c(row->reason),
                                                 .is_caller = row->is_caller,
                                                 .count = row->count};
            fn(ctx, &count);
        }
        row->count = 0;
        /* A caller's budget goes on; a source is forgotten. */
        if (!row->is_caller || !table_put(fresh, key, row, NULL))
            free(row);
    }
    table_free(old);
}
