/*
 * clock.h - the two clocks. Wall time stamps records and judges tokens; monotonic time measures.
 */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

int64_t clock_wall_us(void); /* microseconds since the epoch, UTC */
uint64_t clock_mono_us(void);

#define CLOCK_RFC3339_BYTES 28 /* 2026-11-23T13:45:10.123456Z and a NUL */

/* UTC with microseconds. */
void clock_format_rfc3339(int64_t wall_us, char text[CLOCK_RFC3339_BYTES]);
/* RFC 3339 (any offset, 0 to 6 fraction digits), a local date or time without offset
 * ("2026-11-23", "2026-11-23 14:00"), or a span back from now_us: 90s, 15m, 2h, 3d. */
enum err_code clock_parse(struct str text, int64_t now_us, int64_t *ret_wall_us,
                          struct err *err) MUST_CHECK;
/* A length of time: 500ms, 90s, 15m, 2h, 3d. */
enum err_code clock_parse_span(struct str text, int64_t *ret_us, struct err *err) MUST_CHECK;
