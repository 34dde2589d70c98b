#include "base/rand.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"

enum { BATCH_BYTES = 1024 };

static __thread uint8_t batch[BATCH_BYTES];
static __thread size_t left;

static NORETURN void no_random(void)
{
    static const char text[] = "portreeve: OpenSSL's random generator does not deliver; stopping\n";

    (void)fwrite(text, 1, sizeof text - 1, stderr);
    abort();
}

void rand_bytes(void *dst, size_t len)
{
    if (len > BATCH_BYTES / 4) {
        if (RAND_bytes(dst, (int)len) != 1)
            no_random();
        return;
    }
    if (left < len) {
        if (RAND_bytes(batch, BATCH_BYTES) != 1)
            no_random();
        left = BATCH_BYTES;
    }
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
