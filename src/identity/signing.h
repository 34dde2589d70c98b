/*
 * signing.h - which generations of this gateway's signing key count: the newest signs, those before
 * it verify until the last token they signed has expired.
 *
 * A generation is a number; its key is derived from the installation's (issuer.c), so that all
 * gateways of one store have the same keys without passing them on.
 *
 * Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum { SIGNING_MAX_GENERATIONS = 8 };

struct signing {
    uint64_t oldest; /* that still verifies; from 1 */
    uint64_t newest; /* that signs */
    int64_t made_us; /* when the newest was made */
    int64_t drop_us; /* when those before it stop to count; 0: there are none */
};

/* The first generation. */
struct signing signing_first(int64_t now_us);
/* What was kept. ERR_CORRUPT: not written by signing_write(). */
enum err_code signing_read(struct str text, struct signing *ret_signing,
                           struct err *err) MUST_CHECK;
void signing_write(const struct signing *signing, struct buf *out);

/* One generation more; keep_us: how long a token may live. ERR_CONFLICT: too many of them still
 * count. */
enum err_code signing_rotate(struct signing *signing, int64_t now_us, int64_t keep_us,
                             struct err *err) MUST_CHECK;
/* False: nothing has to go. */
bool signing_drop(struct signing *signing, int64_t now_us);
