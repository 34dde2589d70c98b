/*
 * key_source.h - the keys of one identity provider, fetched when they are needed and kept.
 *
 * 1. One fetch at a time, and none within the cooldown after the last one, failed or not: tokens
 * with invented kids cost a table lookup.
 * 2. Good keys stay when a fetch fails, until they are older than the stale window; then nothing of
 *    this provider is believed.
 * 3. Where the keys are: jwks_url of the settings, else `jwks_uri` of the provider's metadata
 *    (OpenID Connect Discovery, then RFC 8414), whose issuer must be exactly the expected one.
 *
 * Threads: any. key_source_refresh() blocks on the network and is no worker's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "identity/jwk.h"
#include "identity/provider.h"

struct key_source;

enum {
    KEY_SOURCE_COOLDOWN_SECONDS = 30,
    KEY_SOURCE_REFRESH_SECONDS = 600,    /* how old keys may get before they are fetched again */
    KEY_SOURCE_STALE_SECONDS = 24 * 3600 /* how long keys count that can't be fetched again */
};

/* provider must outlive it. NULL: memory is out. */
struct key_source *key_source_new(const struct provider *provider);
void key_source_free(struct key_source *source); /* NULL is fine */

/* What the tokens of this provider may be signed with, a PKEY_ALG_BIT set for jwt_verify(). */
uint32_t key_source_algs(const struct key_source *source);
/* A reference to the keys that count now; NULL: there are none (never fetched, or stale). */
struct jwk_set *key_source_get(struct key_source *source, int64_t now_us);
/* Would a fetch be allowed now? wants_new: a token names a key that is not there. */
bool key_source_is_due(struct key_source *source, bool wants_new, int64_t now_us);
/* Fetches, unless another thread does or just did. ERR_UNAVAILABLE and others: the keys that were
 * there stay. */
enum err_code key_source_refresh(struct key_source *source, bool wants_new, int64_t now_us,
                                 struct err *err) MUST_CHECK;
/* How many fetches were made, for counters and tests. */
uint64_t key_source_fetches(struct key_source *source);
