/*
 * introspection.h - opaque access tokens of an identity provider: whoever issued one is asked what
 * it is (RFC 7662), and the answer is kept for a while.
 *
 * 1. A token is kept as a keyed hash under a key of the process, never itself.
 * 2. Only an answer with status 200 that is strict JSON and says `active: true` is one. What it
 * says is judged by the caller of this module like the claims of a JWT.
 * 3. Unknown tokens are asked for at a limited rate, in all and from one address: invented ones
 *    reach neither the provider in numbers nor other people's tokens. A token whose answer has run
 *    out is asked for again whatever the rate is.
 * 4. A failure counts for a moment, for its token; that of a provider that does not answer in time
 *    for all tokens, so that not everybody waits for it.
 *
 * Threads: any. introspector_ask() blocks on the network and is no worker's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "identity/provider.h"

enum {
    INTROSPECTION_PER_SECOND = 50,       /* unknown tokens asked for */
    INTROSPECTION_PER_SOURCE = 20,       /* the same, for one address */
    INTROSPECTION_INACTIVE_SECONDS = 10, /* how long a "no" counts */
    INTROSPECTION_FAILED_SECONDS = 1,    /* and how long no answer does */
    INTROSPECTION_TIMEOUT_MS = 5000,
    INTROSPECTION_MAX_TOKEN = 4096,
    INTROSPECTION_MAX_KEPT = 8192,
};

struct introspector;

struct introspection_config {
    const struct provider *provider; /* outlives the introspector */
    const char *secret_path;         /* of this gateway's secret there; copied */
    size_t max_kept;                 /* answers; 0: INTROSPECTION_MAX_KEPT */
    long timeout_ms;                 /* of a request; 0: INTROSPECTION_TIMEOUT_MS */
};

/* NULL: memory is out. */
struct introspector *introspector_new(const struct introspection_config *config);
void introspector_free(struct introspector *introspector); /* NULL is fine */
const struct provider *introspector_provider(const struct introspector *introspector);

enum introspection {
    INTROSPECTION_UNKNOWN, /* not asked yet, or not lately */
    INTROSPECTION_ACTIVE,
    INTROSPECTION_INACTIVE,
    INTROSPECTION_FAILED, /* asked a moment ago, in vain */
    INTROSPECTION_LIMIT,  /* arena is full */
};

/* What is known of the token now. *ret_answer: the object, in arena; *ret_until_us: how long it
 * counts. */
enum introspection introspector_find(struct introspector *introspector, struct str token,
                                     int64_t now_us, struct arena *arena, struct str *ret_answer,
                                     int64_t *ret_until_us) MUST_CHECK;
/* May this token, which came from there, be asked for now? Counts as one. */
bool introspector_may_ask(struct introspector *introspector, struct str token,
                          const struct addr *source, int64_t now_us);
/* Asks, unless the answer has come in the meantime or asking was in vain a moment ago.
 * ERR_UNAVAILABLE and others: it was asked, and nothing is known. */
enum err_code introspector_ask(struct introspector *introspector, struct str token, int64_t now_us,
                               struct err *err) MUST_CHECK;
/* How many requests were made, for counters and tests. */
uint64_t introspector_requests(struct introspector *introspector);
