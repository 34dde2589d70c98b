#include "audit/pending.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "audit/wire.h"
#include "base/table.h"

struct open_call {
    struct open_call *next_ended;
    struct row row;
    uint64_t index;
    uint32_t attempt;
};

struct pending {
    pthread_mutex_t lock;
    struct table *calls;
    struct open_call *ended;
};

/* The key of the table. */
struct call_key {
    char bytes[UUID_BYTES + 4];
};

static struct call_key key_of(const struct uuid *call_id, uint32_t attempt)
{
    struct call_key key;
    memcpy(key.bytes, call_id->bytes, UUID_BYTES);
    wire_put_u32((uint8_t *)key.bytes + UUID_BYTES, attempt);
    return key;
}

struct pending *pending_new(void)
{
    struct pending *pending = calloc(1, sizeof *pending);
    if (pending == NULL)
        return NULL;
    pthread_mutex_init(&pending->lock, NULL);
    pending->calls = table_new();
    if (pending->calls == NULL) {
        free(pending);
        return NULL;
    }
    return pending;
}

void pending_free(struct pending *pending)
{
    size_t pos = 0;
    struct str key;
    void *call;
    if (pending == NULL)
        return;
    while (table_next(pending->calls, &pos, &key, &call))
        free(call);
    table_free(pending->calls);
    pthread_mutex_destroy(&pending->lock);
    free(pending);
}

bool pending_add(struct pending *pending, const struct row *row, uint64_t index, uint32_t attempt)
{
    void *old = NULL;
    struct call_key key = key_of(&row->call_id, attempt);
    struct open_call *call = calloc(1, sizeof *call);
    if (call == NULL)
        return false;
    call->row = *row;
    call->index = index;
    call->attempt = attempt;
    pthread_mutex_lock(&pending->lock);
    bool is_kept = table_put(pending->calls, str_of(key.bytes, sizeof key.bytes), call, &old);
    pthread_mutex_unlock(&pending->lock);
    free(is_kept ? old : call);
    return is_kept;
}

bool pending_end(struct pending *pending, const struct uuid *call_id, uint32_t attempt,
                 struct row *ret_row)
{
    struct call_key key = key_of(call_id, attempt);
    /* Only this thread changes the table, so looking needs no lock. */
    struct open_call *call = table_get(pending->calls, str_of(key.bytes, sizeof key.bytes));
    if (call == NULL || call->next_ended != NULL)
        return false;
    /* The last one of the list points to itself, so that NULL means "not in it". */
    call->next_ended = pending->ended == NULL ? call : pending->ended;
    pending->ended = call;
    *ret_row = call->row;
    return true;
}

void pending_drop_ended(struct pending *pending)
{
    pthread_mutex_lock(&pending->lock);
    struct open_call *call = MOVE(pending->ended);
    while (call != NULL) {
        struct open_call *next = call->next_ended == call ? NULL : call->next_ended;
        struct call_key key = key_of(&call->row.call_id, call->attempt);
        (void)table_take(pending->calls, str_of(key.bytes, sizeof key.bytes));
        free(call);
        call = next;
    }
    pthread_mutex_unlock(&pending->lock);
}

void pending_write(const struct pending *pending, struct buf *out)
{
    size_t pos = 0;
    struct str key;
    void *value;
    while (table_next(pending->calls, &pos, &key, &value)) {
        const struct open_call *call = value;
        uint8_t place[16];
        wire_put_u64(place, call->row.intent.segment);
        wire_put_u64(place + 8, call->row.intent.offset);
        buf_add(out, str_of((const char *)place, sizeof place));
    }
}

/* Keeps hits sorted, newest first, and at most max of them. */
static void insert_hit(struct index_hit *hits, size_t *count, size_t max,
                       const struct index_hit *hit)
{
    size_t at = *count;
    while (at > 0 && hits[at - 1].row < hit->row)
        at--;
    if (at == max)
        return;
    size_t tail = *count - at;
    if (*count == max)
        tail--;
    else
        (*count)++;
    memmove(&hits[at + 1], &hits[at], tail * sizeof *hits);
    hits[at] = *hit;
}

size_t pending_find(struct pending *pending, const struct row_filter *filter, uint64_t before,
                    struct index_hit *hits, size_t max)
{
    size_t count = 0;
    size_t pos = 0;
    struct str key;
    void *value;
    pthread_mutex_lock(&pending->lock);
    while (table_next(pending->calls, &pos, &key, &value)) {
        const struct open_call *call = value;
        const struct index_hit hit = {
            .row = PENDING_FIRST_ROW + call->index,
            .intent_segment = call->row.intent.segment,
            .intent_offset = call->row.intent.offset,
        };
        if (hit.row < before && row_matches(&call->row, filter))
            insert_hit(hits, &count, max, &hit);
    }
    pthread_mutex_unlock(&pending->lock);
    return count;
}
