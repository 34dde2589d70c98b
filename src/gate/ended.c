#include "gate/ended.h"

#include <stdlib.h>

#include "base/table.h"

/* A client that ends sessions in a loop takes nothing but its own memory away: past this, the
 * oldest knowledge is given up with the whole set. */
enum { MAX_ENDED = 200000 };

struct ended_sessions {
    struct table *until; /* session id to int64_t */
};

struct ended_sessions *ended_new(void)
{
    struct ended_sessions *ended = calloc(1, sizeof *ended);

    if (ended != NULL && (ended->until = table_new()) == NULL) {
        free(ended);
        return NULL;
    }
    return ended;
}

void ended_free(struct ended_sessions *ended)
{
    if (ended == NULL)
        return;
    ended_sweep(ended, INT64_MAX);
    table_free(ended->until);
    free(ended);
}

static struct str key_of(const struct uuid *session)
{
    return str_of((const char *)session->bytes, UUID_BYTES);
}

bool ended_has(const struct ended_sessions *ended, const struct uuid *session)
{
    return table_get(ended->until, key_of(session)) != NULL;
}

void ended_add(struct ended_sessions *ended, const struct uuid *session, int64_t until_us)
{
    int64_t *until = malloc(sizeof *until);
    void *old = NULL;

    if (table_count(ended->until) >= MAX_ENDED)
        ended_sweep(ended, INT64_MAX);
    if (until == NULL)
        return;
    *until = until_us;
    if (!table_put(ended->until, key_of(session), until, &old))
        old = until;
    free(old);
}

void ended_sweep(struct ended_sessions *ended, int64_t now_us)
{
    struct table *kept = table_new();
    size_t pos = 0;
    struct str key;
    void *value = NULL;

    if (kept == NULL)
        return;
    while (table_next(ended->until, &pos, &key, &value)) {
        const int64_t *until = value;

        if (*until <= now_us || !table_put(kept, key, value, NULL))
            free(value);
    }
    table_free(ended->until);
    ended->until = kept;
}
