#include "net/backoff.h"

void backoff_init(struct backoff *backoff, uint64_t first_ms, uint64_t max_ms, uint64_t healthy_ms)
{
    *backoff = (struct backoff){.first_ms = first_ms < max_ms ? first_ms : max_ms,
                                .max_ms = max_ms,
                                .healthy_ms = healthy_ms};
}

uint64_t backoff_next_ms(struct backoff *backoff, uint64_t ran_ms, uint32_t chance)
{
    uint64_t wait_ms = backoff->first_ms;

    if (ran_ms > 0 && ran_ms >= backoff->healthy_ms)
        backoff->failures = 0;
    for (unsigned i = 0; i < backoff->failures && wait_ms < backoff->max_ms; i++)
        wait_ms = wait_ms > backoff->max_ms / 2 ? backoff->max_ms : wait_ms * 2;
    /* Once the longest wait is reached, counting on would change nothing. */
    if (wait_ms < backoff->max_ms)
        backoff->failures++;
    uint64_t half = wait_ms / 2;
    return wait_ms - (half == 0 ? 0 : chance % (half + 1));
}

void backoff_reset(struct backoff *backoff)
{
    backoff->failures = 0;
}
