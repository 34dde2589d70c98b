/*
 * calls.h - the calls that have an intent and no outcome yet, while a log is read.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CALL_ID_BYTES = 16 };

struct calls;

struct calls *calls_new(void); /* NULL: memory is out */
void calls_free(struct calls *calls);

size_t calls_count(const struct calls *calls);
/* False: the same attempt of the same call is there, or memory is out. */
bool calls_add(struct calls *calls, const uint8_t call_id[CALL_ID_BYTES], uint32_t attempt,
               uint64_t index);
/* The index of the intent; false: none. */
bool calls_find(const struct calls *calls, const uint8_t call_id[CALL_ID_BYTES], uint32_t attempt,
                uint64_t *ret_index);
void calls_remove(struct calls *calls, const uint8_t call_id[CALL_ID_BYTES], uint32_t attempt);
