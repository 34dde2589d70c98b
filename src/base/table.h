/*
 * table.h - a hash table from bytes to a pointer. Keys are hashed with SipHash under a key of the
 * process, so that names from outside can't be chosen to collide.
 *
 * Threads: none of its own; reading is safe from many threads while nobody writes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct table;

struct table *table_new(void);        /* NULL when memory is out */
void table_free(struct table *table); /* not the values; NULL is fine */
size_t table_count(const struct table *table);
/* NULL: not there. */
void *table_get(const struct table *table, struct str key);
/* The key's bytes are copied. *ret_old (may be NULL) gets the value replaced, or NULL. False when
 * memory is out: nothing changed. value is not NULL. */
bool table_put(struct table *table, struct str key, void *value, void **ret_old) MUST_CHECK;
/* Returns the value taken out, or NULL. */
void *table_take(struct table *table, struct str key);

/* Walk: *pos starts at 0; false at the end. Order is not defined. Nothing may be put meanwhile. */
bool table_next(const struct table *table, size_t *pos, struct str *ret_key, void **ret_value);

uint64_t table_hash(struct str key);
