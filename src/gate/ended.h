/*
 * ended.h - sessions that a client ended with DELETE, until they would have ended by themselves.
 * Every worker has its own set; an ending is told to all.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/uuid.h"

struct ended_sessions;

/* NULL: memory is out. */
struct ended_sessions *ended_new(void);
void ended_free(struct ended_sessions *ended); /* NULL is fine */
bool ended_has(const struct ended_sessions *ended, const struct uuid *session);
void ended_add(struct ended_sessions *ended, const struct uuid *session, int64_t until_us);
/* Forgets what has expired. */
void ended_sweep(struct ended_sessions *ended, int64_t now_us);
