/*
 * rand.h - random bytes from OpenSSL's generator, fetched in batches per thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Never fails: a generator that does not deliver stops the process, for everything that is sealed
 * or issued rests on it. */
void rand_bytes(void *dst, size_t len);
uint64_t rand_u64(void);
