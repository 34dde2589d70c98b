#include "base/table.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/rand.h"

/* Open addressing with linear probing; a removed slot is filled from behind, so there are no tombs.
 */
struct slot {
    uint64_t hash;
    char *key; /* NULL: free */
    size_t key_len;
    void *value;
};

struct table {
    struct slot *slots;
    size_t size; /* a power of two */
    size_t count;
};

enum { FIRST_SIZE = 16 };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static uint64_t key0;
static uint64_t key1;

static void make_keys(void)
{
    key0 = rand_u64();
    key1 = rand_u64();
}

static uint64_t rotate(uint64_t x, unsigned by)
{
    return x << by | x >> (64 - by);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

/* SipHash-1-3 (Aumasson, Bernstein): enough against chosen keys in a table. */
uint64_t table_hash(struct str key)
{
    uint64_t last = (uint64_t)key.len << 56;
    size_t whole = key.len / 8 * 8;

    (void)pthread_once(&once, make_keys);
    uint64_t v[4] = {key0 ^ 0x736f6d6570736575u, key1 ^ 0x646f72616e646f6du,
                     key0 ^ 0x6c7967656e657261u, key1 ^ 0x7465646279746573u};
    for (size_t i = 0; i < whole; i += 8) {
        uint64_t word = 0;

        memcpy(&word, key.ptr + i, sizeof word);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    for (size_t i = whole; i < key.len; i++)
        last |= (uint64_t)(unsigned char)key.ptr[i] << (8 * (i - whole));
    v[3] ^= last;
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    for (unsigned i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

struct table *table_new(void)
{
    struct table *table = calloc(1, sizeof *table);

    if (table == NULL)
        return NULL;
    table->slots = calloc(FIRST_SIZE, sizeof *table->slots);
    table->size = FIRST_SIZE;
    if (table->slots == NULL) {
        free(table);
        return NULL;
    }
    return table;
}

void table_free(struct table *table)
{
    if (table == NULL)
        return;
    for (size_t i = 0; i < table->size; i++)
        free(table->slots[i].key);
    free(table->slots);
    free(table);
}

size_t table_count(const struct table *table)
{
    return table->count;
}

/* The slot of key, or the free one where it would go. */
static struct slot *find(const struct table *table, struct str key, uint64_t hash)
{
    size_t at = (size_t)hash & (table->size - 1);

    for (;; at = (at + 1) & (table->size - 1)) {
        struct slot *slot = &table->slots[at];

        if (slot->key == NULL)
            return slot;
        if (slot->hash == hash && str_eq(str_of(slot->key, slot->key_len), key))
            return slot;
    }
}

void *table_get(const struct table *table, struct str key)
{
    return find(table, key, table_hash(key))->value;
}

static bool grow(struct table *table)
{
    struct table bigger = {.size = table->size * 2, .count = table->count};

    if (table->count * 4 < table->size * 3)
        return true;
    bigger.slots = calloc(bigger.size, sizeof *bigger.slots);
    if (bigger.slots == NULL)
        return false;
    for (size_t i = 0; i < table->size; i++) {
        struct slot *slot = &table->slots[i];

        if (slot->key != NULL)
            *find(&bigger, str_of(slot->key, slot->key_len), slot->hash) = *slot;
    }
    free(table->slots);
    *table = bigger;
    return true;
}

bool table_put(struct table *table, struct str key, void *value, void **ret_old)
{
    uint64_t hash = table_hash(key);
    void *old = NULL;

    if (!grow(table))
        return false;
    struct slot *slot = find(table, key, hash);
    if (slot->key == NULL) {
        char *copy = malloc(key.len + 1);

        if (copy == NULL)
            return false;
        if (key.len > 0)
            memcpy(copy, key.ptr, key.len);
        *slot = (struct slot){.hash = hash, .key = copy, .key_len = key.len};
        table->count++;
    }
    old = slot->value;
    slot->value = value;
    if (ret_old != NULL)
        *ret_old = old;
    return true;
}

/* Moves up what probed past the slot that became free. */
static void close_gap(struct table *table, size_t gap)
{
    size_t mask = table->size - 1;

    for (size_t at = (gap + 1) & mask; table->slots[at].key != NULL; at = (at + 1) & mask) {
        size_t home = (size_t)table->slots[at].hash & mask;

        if (((at - home) & mask) < ((at - gap) & mask))
            continue;
        table->slots[gap] = table->slots[at];
        gap = at;
    }
    table->slots[gap] = (struct slot){.key = NULL};
}

void *table_take(struct table *table, struct str key)
{
    struct slot *slot = find(table, key, table_hash(key));
    void *value = slot->value;

    if (slot->key == NULL)
        return NULL;
    free(slot->key);
    table->count--;
    close_gap(table, (size_t)(slot - table->slots));
    return value;
}

bool table_next(const struct table *table, size_t *pos, struct str *ret_key, void **ret_value)
{
    for (; *pos < table->size; (*pos)++) {
        const struct slot *slot = &table->slots[*pos];

        if (slot->key == NULL)
            continue;
        *ret_key = str_of(slot->key, slot->key_len);
        *ret_value = slot->value;
        (*pos)++;
        return true;
    }
    return false;
}
