#include "base/rand.h"

#include <openssl/rand.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"

enum { BATCH_BYTES = 1024 };

static __thread uint8_t batch[BATCH_BYTES];
static __thread size_t left;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static NORETURN void no_random(void)
{
    static const char text[] = "portreeve: OpenSSL's random generator does not deliver; stopping\n";

    (void)fwrite(text, 1, sizeof text - 1, stderr);
    abort();
}

/* In a forked child: its parent will hand out the same batch. */
static void drop_batch(void)
{
    memset(batch, 0, sizeof batch);
    left = 0;
}

static void watch_forks(void)
{
    if (pthread_atfork(NULL, NULL, drop_batch) != 0)
        no_random();
}

static void fill_batch(void)
{
    (void)pthread_once(&once, watch_forks);
    if (RAND_bytes(batch, BATCH_BYTES) != 1)
        no_random();
    left = BATCH_BYTES;
}

void rand_bytes(void *dst, size_t len)
{
    if (len > BATCH_BYTES / 4) {
        if (RAND_bytes(dst, (int)len) != 1)
            no_random();
        return;
    }
    if (left < len)
        fill_batch();
    left -= len;
    memcpy(dst, batch + left, len);
    /* What was handed out must not be found here later. */
    memset(batch + left, 0, len);
}

uint64_t rand_u64(void)
{
    uint64_t value = 0;

    rand_bytes(&value, sizeof value);
    return value;
}
