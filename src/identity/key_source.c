#include "identity/key_source.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "identity/discovery.h"

enum { ARENA_BYTES = 8 << 20 };

struct key_source {
    const struct provider *provider;
    pthread_mutex_t lock;
    struct jwk_set *keys;
    int64_t fetched_us; /* last success; 0: never */
    int64_t tried_us;   /* last start; 0: never */
    bool is_fetching;
    uint64_t fetches;
};

struct key_source *key_source_new(const struct provider *provider)
{
    struct key_source *source = calloc(1, sizeof *source);

    if (source == NULL)
        return NULL;
    source->provider = provider;
    (void)pthread_mutex_init(&source->lock, NULL);
    return source;
}

void key_source_free(struct key_source *source)
{
    if (source == NULL)
        return;
    jwk_set_unref(source->keys);
    (void)pthread_mutex_destroy(&source->lock);
    free(source);
}

static int64_t seconds(int64_t count)
{
    return count * 1000000;
}

uint32_t key_source_algs(const struct key_source *source)
{
    return PKEY_ALG_SET_ALL & ~source->provider->refused_algs;
}

struct jwk_set *key_source_get(struct key_source *source, int64_t now_us)
{
    struct jwk_set *keys = NULL;

    (void)pthread_mutex_lock(&source->lock);
    if (source->keys != NULL && now_us - source->fetched_us < seconds(KEY_SOURCE_STALE_SECONDS))
        keys = jwk_set_ref(source->keys);
    (void)pthread_mutex_unlock(&source->lock);
    return keys;
}

/* Under the lock. A clock that was set back must not lock the door for hours. */
static bool is_due(const struct key_source *source, bool wants_new, int64_t now_us)
{
    int64_t since = now_us - source->tried_us;

    if (source->is_fetching)
        return false;
    if (source->tried_us != 0 && since >= 0 && since < seconds(KEY_SOURCE_COOLDOWN_SECONDS))
        return false;
    return wants_new || source->keys == NULL ||
           now_us - source->fetched_us >= seconds(KEY_SOURCE_REFRESH_SECONDS);
}

bool key_source_is_due(struct key_source *source, bool wants_new, int64_t now_us)
{
    (void)pthread_mutex_lock(&source->lock);
    bool due = is_due(source, wants_new, now_us);
    (void)pthread_mutex_unlock(&source->lock);
    return due;
}

uint64_t key_source_fetches(struct key_source *source)
{
    (void)pthread_mutex_lock(&source->lock);
    uint64_t fetches = source->fetches;
    (void)pthread_mutex_unlock(&source->lock);
    return fetches;
}

/* ---- fetching ---- */

static enum err_code find_url(const struct provider *provider, struct arena *arena,
                              struct str *ret_url, struct err *err)
{
    struct discovery found;

    *ret_url = provider->jwks_url;
    if (ret_url->len > 0)
        return ERR_OK;
    enum err_code code = discover(provider, arena, &found, err);
    if (code == ERR_OK)
        *ret_url = found.jwks_uri;
    return code;
}

static enum err_code fetch_keys(const struct provider *provider, struct jwk_set **ret_keys,
                                struct err *err)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(ARENA_BYTES);
    struct str url = STR_NONE;
    struct buf body;

    if (arena == NULL)
        return err_set(err, ERR_LIMIT, "memory is out");
    enum err_code code = find_url(provider, arena, &url, err);
    if (code == ERR_OK)
        code = discovery_get(provider, url.ptr, &body, err);
    if (code != ERR_OK)
        return code;
    code = jwk_set_parse(buf_str(&body), ret_keys, err);
    buf_done(&body);
    if (code == ERR_OK && jwk_set_count(*ret_keys) == 0) {
        struct str why;

        (void)jwk_set_skipped(*ret_keys, &why);
        code = err_set(err, ERR_INVALID, "no key of the set can be used: " STR_FMT, STR_ARG(why));
        jwk_set_unref(*ret_keys);
    }
    return code;
}

enum err_code key_source_refresh(struct key_source *source, bool wants_new, int64_t now_us,
                                 struct err *err)
{
    struct jwk_set *keys = NULL;
    struct err local;

    err = err == NULL ? &local : err;
    (void)pthread_mutex_lock(&source->lock);
    bool goes = is_due(source, wants_new, now_us);
    source->is_fetching |= goes;
    source->tried_us = goes ? now_us : source->tried_us;
    source->fetches += goes ? 1 : 0;
    (void)pthread_mutex_unlock(&source->lock);
    if (!goes)
        return ERR_OK;
    enum err_code code = fetch_keys(source->provider, &keys, err);
    (void)pthread_mutex_lock(&source->lock);
    source->is_fetching = false;
    if (code == ERR_OK) {
        jwk_set_unref(source->keys);
        source->keys = keys;
        source->fetched_us = now_us;
    }
    (void)pthread_mutex_unlock(&source->lock);
    return code == ERR_OK ? ERR_OK : err_wrap(err, source->provider->name.ptr);
}
