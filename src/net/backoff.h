/*
 * backoff.h - how long to wait before something that failed is tried again. Pure: time and chance
 * are arguments.
 */
#pragma once

#include <stdint.h>

struct backoff {
    uint64_t first_ms;   /* the wait after the first failure */
    uint64_t max_ms;     /* no wait is longer */
    uint64_t healthy_ms; /* who ran this long has failed for the first time again */
    unsigned failures;   /* in a row */
};

void backoff_init(struct backoff *backoff, uint64_t first_ms, uint64_t max_ms, uint64_t healthy_ms);
/* It ended after ran_ms (0: it did not start). Doubles with each failure; chance (any number,
 * evenly spread) takes up to half away, so that many do not come back at once. */
uint64_t backoff_next_ms(struct backoff *backoff, uint64_t ran_ms, uint32_t chance);
void backoff_reset(struct backoff *backoff);
