#include "identity/introspection.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/form.h"
#include "base/json.h"
#include "base/rand.h"
#include "base/secret.h"
#include "base/table.h"
#include "identity/discovery.h"
#include "net/fetch.h"

enum {
    ARENA_BYTES = 4 << 20,
    ANSWER_BYTES = 64 << 10,
    BODY_BYTES = 64 << 10,
    NO_SLOTS = 4096,
    SOURCE_SLOTS = 1024,
    PENDING_SECONDS = 10, /* an answer that does not come in this time is asked for again */
    ENDPOINT_SECONDS = 600,
};

/* What the provider said of an active token. */
struct answer {
    int64_t until_us;
    size_t len;
    char text[];
};

/* That it said no, or nothing, or is being asked. One slot a hash: another token takes its place.
 */
struct remark {
    uint8_t digest[CRYPTO_SHA256_BYTES];
    int64_t until_us;
    enum introspection said; /* INTROSPECTION_UNKNOWN: the answer is under way */
};

/* How many tokens were asked for in a second. */
struct budget {
    int64_t second;
    unsigned asked;
};

struct introspector {
    const struct provider *provider;
    char *secret_path;
    size_t max_kept;
    long timeout_ms;
    uint8_t key[32];
    pthread_mutex_t lock; /* the rest */
    struct table *answers;
    struct remark remarks[NO_SLOTS];
    struct budget all;
    struct budget sources[SOURCE_SLOTS]; /* addresses whose hashes fall together share one */
    int64_t paused_us;                   /* nobody is asked until then */
    uint64_t requests;
    char *endpoint; /* as found by discovery */
    int64_t endpoint_us;
};

struct introspector *introspector_new(const struct introspection_config *config)
{
    struct introspector *introspector = calloc(1, sizeof *introspector);

    if (introspector == NULL)
        return NULL;
    introspector->provider = config->provider;
    introspector->timeout_ms =
        config->timeout_ms > 0 ? config->timeout_ms : (long)INTROSPECTION_TIMEOUT_MS;
    introspector->max_kept =
        config->max_kept > 0 ? config->max_kept : (size_t)INTROSPECTION_MAX_KEPT;
    introspector->secret_path = strdup(config->secret_path);
    introspector->answers = table_new();
    rand_bytes(introspector->key, sizeof introspector->key);
    (void)pthread_mutex_init(&introspector->lock, NULL);
    if (introspector->secret_path == NULL || introspector->answers == NULL) {
        introspector_free(introspector);
        return NULL;
    }
    return introspector;
}

static void free_answer(struct answer *answer)
{
    if (answer == NULL)
        return;
    crypto_wipe(answer->text, answer->len);
    free(answer);
}

static void free_answers(struct table *answers)
{
    size_t pos = 0;
    struct str key;
    void *answer = NULL;

    if (answers == NULL)
        return;
    while (table_next(answers, &pos, &key, &answer))
        free_answer(answer);
    table_free(answers);
}

void introspector_free(struct introspector *introspector)
{
    if (introspector == NULL)
        return;
    free_answers(introspector->answers);
    free(introspector->secret_path);
    free(introspector->endpoint);
    crypto_wipe(introspector->key, sizeof introspector->key);
    (void)pthread_mutex_destroy(&introspector->lock);
    free(introspector);
}

const struct provider *introspector_provider(const struct introspector *introspector)
{
    return introspector->provider;
}

uint64_t introspector_requests(struct introspector *introspector)
{
    (void)pthread_mutex_lock(&introspector->lock);
    uint64_t requests = introspector->requests;
    (void)pthread_mutex_unlock(&introspector->lock);
    return requests;
}

/* ---- what is known ---- */

static struct str digest_of(const struct introspector *introspector, struct str token,
                            uint8_t digest[CRYPTO_SHA256_BYTES])
{
    crypto_hmacv(introspector->key, &token, 1, digest);
    return str_of((const char *)digest, CRYPTO_SHA256_BYTES);
}

static struct remark *slot_of(struct introspector *introspector, struct str digest)
{
    uint32_t slot = 0;

    memcpy(&slot, digest.ptr, sizeof slot);
    return &introspector->remarks[slot % NO_SLOTS];
}

static int64_t seconds(int64_t count)
{
    return count * 1000000;
}

static bool counts(int64_t until_us, int64_t now_us)
{
    return now_us < until_us;
}

/* NULL: there is none that counts. */
static const struct remark *remark_on(struct introspector *introspector, struct str digest,
                                      int64_t now_us)
{
    const struct remark *remark = slot_of(introspector, digest);

    return memcmp(remark->digest, digest.ptr, digest.len) == 0 && counts(remark->until_us, now_us)
               ? remark
               : NULL;
}

static void set_remark(struct introspector *introspector, struct str digest,
                       enum introspection said, int64_t until_us)
{
    struct remark *remark = slot_of(introspector, digest);

    memcpy(remark->digest, digest.ptr, digest.len);
    remark->said = said;
    remark->until_us = until_us;
}

/* Under the lock. */
static enum introspection look(struct introspector *introspector, struct str digest, int64_t now_us,
                               struct answer **ret_answer)
{
    const struct remark *remark = remark_on(introspector, digest, now_us);
    struct answer *answer = table_get(introspector->answers, digest);

    *ret_answer = answer;
    if (answer != NULL && counts(answer->until_us, now_us))
        return INTROSPECTION_ACTIVE;
    return remark == NULL ? INTROSPECTION_UNKNOWN : remark->said;
}

enum introspection introspector_find(struct introspector *introspector, struct str token,
                                     int64_t now_us, struct arena *arena, struct str *ret_answer,
                                     int64_t *ret_until_us)
{
    uint8_t bytes[CRYPTO_SHA256_BYTES];
    struct str digest = digest_of(introspector, token, bytes);
    struct answer *answer = NULL;

    (void)pthread_mutex_lock(&introspector->lock);
    enum introspection found = look(introspector, digest, now_us, &answer);
    if (found == INTROSPECTION_ACTIVE) {
        *ret_answer = arena_dup(arena, str_of(answer->text, answer->len));
        *ret_until_us = answer->until_us;
        found = ret_answer->ptr == NULL ? INTROSPECTION_LIMIT : INTROSPECTION_ACTIVE;
    }
    (void)pthread_mutex_unlock(&introspector->lock);
    return found;
}

/* An IPv6 network of 64 bits is one source: whoever has an address has all of it. */
static struct budget *budget_of(struct introspector *introspector, const struct addr *source)
{
    static const uint8_t v4[12] = {[10] = 0xff, [11] = 0xff};
    size_t bytes = memcmp(source->ip, v4, sizeof v4) == 0 ? sizeof source->ip : 8;
    uint64_t hash = table_hash(str_of((const char *)source->ip, bytes));

    return &introspector->sources[hash % SOURCE_SLOTS];
}

static bool has_room(struct budget *budget, unsigned most, int64_t second)
{
    if (budget->second != second)
        *budget = (struct budget){.second = second};
    return budget->asked < most;
}

/* Was it good once (whoever invents tokens has none of these), or is it being asked for already? */
static bool is_free(struct introspector *introspector, struct str digest, int64_t now_us)
{
    return table_get(introspector->answers, digest) != NULL ||
           remark_on(introspector, digest, now_us) != NULL;
}

bool introspector_may_ask(struct introspector *introspector, struct str token,
                          const struct addr *source, int64_t now_us)
{
    uint8_t bytes[CRYPTO_SHA256_BYTES];
    struct str digest = digest_of(introspector, token, bytes);
    struct budget *mine = budget_of(introspector, source);
    int64_t second = now_us / 1000000;

    (void)pthread_mutex_lock(&introspector->lock);
    bool may = is_free(introspector, digest, now_us);
    if (!may && has_room(mine, INTROSPECTION_PER_SOURCE, second) &&
        has_room(&introspector->all, INTROSPECTION_PER_SECOND, second)) {
        mine->asked++;
        introspector->all.asked++;
        set_remark(introspector, digest, INTROSPECTION_UNKNOWN, now_us + seconds(PENDING_SECONDS));
        may = true;
    }
    (void)pthread_mutex_unlock(&introspector->lock);
    return may;
}

/* ---- keeping, under the lock ---- */

/* Takes out one answer that does not count any more. False: there is none. */
static bool drop_expired(struct introspector *introspector, int64_t now_us)
{
    size_t pos = 0;
    struct str key;
    void *value = NULL;

    while (table_next(introspector->answers, &pos, &key, &value)) {
        const struct answer *answer = value;

        if (counts(answer->until_us, now_us))
            continue;
        free_answer(table_take(introspector->answers, key));
        return true;
    }
    return false;
}

static void forget_all(struct introspector *introspector)
{
    struct table *fresh = table_new();

    if (fresh == NULL)
        return;
    free_answers(introspector->answers);
    introspector->answers = fresh;
}

static void keep_active(struct introspector *introspector, struct str digest, struct str text,
                        int64_t until_us, int64_t now_us)
{
    struct answer *answer = malloc(sizeof *answer + text.len);
    void *old = NULL;

    if (answer == NULL)
        return;
    answer->until_us = until_us;
    answer->len = text.len;
    memcpy(answer->text, text.ptr, text.len);
    if (table_count(introspector->answers) >= introspector->max_kept &&
        !drop_expired(introspector, now_us))
        forget_all(introspector);
    if (!table_put(introspector->answers, digest, answer, &old))
        free_answer(answer);
    free_answer(old);
}

static void keep_inactive(struct introspector *introspector, struct str digest, int64_t now_us)
{
    free_answer(table_take(introspector->answers, digest));
    set_remark(introspector, digest, INTROSPECTION_INACTIVE,
               now_us + seconds(INTROSPECTION_INACTIVE_SECONDS));
}

/* What is wrong with one answer says nothing of others, so that nobody's strange token stands in
 * the way of all. */
static void keep_failure(struct introspector *introspector, struct str token, bool is_late,
                         int64_t now_us)
{
    uint8_t bytes[CRYPTO_SHA256_BYTES];
    struct str digest = digest_of(introspector, token, bytes);
    int64_t until_us = now_us + seconds(INTROSPECTION_FAILED_SECONDS);

    (void)pthread_mutex_lock(&introspector->lock);
    set_remark(introspector, digest, INTROSPECTION_FAILED, until_us);
    if (is_late)
        introspector->paused_us = until_us;
    (void)pthread_mutex_unlock(&introspector->lock);
}

/* ---- asking ---- */

static enum err_code find_endpoint(struct introspector *introspector, struct arena *arena,
                                   int64_t now_us, struct str *ret_url, struct err *err)
{
    const struct provider *provider = introspector->provider;
    struct discovery found;

    *ret_url = provider->introspection_url;
    if (ret_url->len > 0)
        return ERR_OK;
    (void)pthread_mutex_lock(&introspector->lock);
    if (introspector->endpoint != NULL &&
        now_us - introspector->endpoint_us < seconds(ENDPOINT_SECONDS))
        *ret_url = arena_dup(arena, str_c(introspector->endpoint));
    (void)pthread_mutex_unlock(&introspector->lock);
    if (ret_url->len > 0)
        return ERR_OK;
    enum err_code code = discover(provider, arena, &found, err);
    if (code != ERR_OK)
        return code;
    if (found.introspection_endpoint.len == 0)
        return err_set(err, ERR_INVALID, "the provider's metadata has no introspection_endpoint");
    char *kept = strdup(found.introspection_endpoint.ptr);
    (void)pthread_mutex_lock(&introspector->lock);
    free(introspector->endpoint);
    introspector->endpoint = kept;
    introspector->endpoint_us = now_us;
    (void)pthread_mutex_unlock(&introspector->lock);
    *ret_url = found.introspection_endpoint;
    return ERR_OK;
}

/* This gateway as a client there (RFC 6749 §2.3.1). */
static enum err_code write_user(const struct introspector *introspector, struct buf *user,
                                struct err *err)
{
    CLEANUP(secret_freep) struct secret *secret = NULL;
    enum err_code code = secret_read_file(introspector->secret_path, &secret, err);

    if (code != ERR_OK)
        return err_wrap(err, "the secret of this gateway at the provider");
    form_encode(introspector->provider->client_id, user);
    buf_add_byte(user, ':');
    form_encode(secret_reveal(secret), user);
    buf_add_byte(user, '\0');
    return user->failed ? err_set(err, ERR_LIMIT, "memory is out") : ERR_OK;
}

static enum err_code request(struct introspector *introspector, struct str url, struct str token,
                             struct fetch_reply *reply, struct err *err)
{
    const struct provider *provider = introspector->provider;
    CLEANUP(buf_done) struct buf body;
    CLEANUP(buf_done) struct buf user;

    buf_init(&body, BODY_BYTES);
    buf_init(&user, BODY_BYTES);
    buf_add_c(&body, "token_type_hint=access_token&token=");
    form_encode(token, &body);
    enum err_code code = write_user(introspector, &user, err);
    const struct fetch fetch = {
        .method = "POST",
        .url = url.ptr,
        .basic = user.ptr,
        .content_type = "application/x-www-form-urlencoded",
        .body = buf_str(&body),
        .timeout_ms = introspector->timeout_ms,
        .ca_file = provider->ca_file.len > 0 ? provider->ca_file.ptr : NULL,
        .max_bytes = ANSWER_BYTES,
    };
    if (code == ERR_OK && body.failed)
        code = err_set(err, ERR_LIMIT, "memory is out");
    if (code == ERR_OK)
        code = fetch_do(&fetch, reply, err);
    crypto_wipe(user.ptr, user.len);
    crypto_wipe(body.ptr, body.len);
    return code;
}

/* `active` must be there, and be a truth value: what is neither yes nor no is no answer. */
static enum err_code read_active(struct str text, struct arena *arena, struct json_doc *ret_doc,
                                 bool *ret_active, struct err *err)
{
    if (json_parse(text, &json_limits_default, arena, ret_doc, err) != ERR_OK)
        return err_wrap(err, "answer of the provider");
    if (!json_bool(ret_doc, json_get(ret_doc, 0, STR("active")), ret_active))
        return err_set(err, ERR_INVALID, "the provider's answer does not say `active`");
    return ERR_OK;
}

/* Until the token expires, within the bound of the settings. */
static int64_t until(const struct introspector *introspector, const struct json_doc *doc,
                     int64_t now_us)
{
    int64_t most_us = now_us + seconds(introspector->provider->introspection_seconds);
    int64_t expires = 0;

    if (!json_i64(doc, json_get(doc, 0, STR("exp")), &expires) || expires < 0 ||
        expires > most_us / 1000000)
        return most_us;
    return expires * 1000000;
}

static enum err_code learn(struct introspector *introspector, struct str token, struct arena *arena,
                           const struct fetch_reply *reply, int64_t now_us, struct err *err)
{
    uint8_t bytes[CRYPTO_SHA256_BYTES];
    struct str digest = digest_of(introspector, token, bytes);
    struct str text = arena_dup(arena, buf_str(&reply->body));
    struct json_doc doc;
    bool is_active = false;

    if (reply->status != 200)
        return err_set(err, ERR_UNAVAILABLE, "the provider's introspection answered with status %d",
                       reply->status);
    if (text.ptr == NULL)
        return err_set(err, ERR_LIMIT, "memory is out");
    enum err_code code = read_active(text, arena, &doc, &is_active, err);
    if (code != ERR_OK)
        return code;
    (void)pthread_mutex_lock(&introspector->lock);
    if (is_active)
        keep_active(introspector, digest, text, until(introspector, &doc, now_us), now_us);
    else
        keep_inactive(introspector, digest, now_us);
    (void)pthread_mutex_unlock(&introspector->lock);
    return ERR_OK;
}

/* Has the answer come since it was looked for, or is the provider left alone? Else one more request
 * is counted. */
static bool is_settled(struct introspector *introspector, struct str token, int64_t now_us)
{
    uint8_t bytes[CRYPTO_SHA256_BYTES];
    struct str digest = digest_of(introspector, token, bytes);
    struct answer *answer = NULL;

    (void)pthread_mutex_lock(&introspector->lock);
    bool settled = look(introspector, digest, now_us, &answer) != INTROSPECTION_UNKNOWN ||
                   counts(introspector->paused_us, now_us);
    introspector->requests += settled ? 0 : 1;
    (void)pthread_mutex_unlock(&introspector->lock);
    return settled;
}

static enum err_code ask(struct introspector *introspector, struct str token, int64_t now_us,
                         struct err *err)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(ARENA_BYTES);
    struct fetch_reply reply;
    struct str url = STR_NONE;

    if (arena == NULL)
        return err_set(err, ERR_LIMIT, "memory is out");
    enum err_code code = find_endpoint(introspector, arena, now_us, &url, err);
    if (code == ERR_OK)
        code = request(introspector, url, token, &reply, err);
    if (code != ERR_OK)
        return code;
    code = learn(introspector, token, arena, &reply, now_us, err);
    crypto_wipe(reply.body.ptr, reply.body.len);
    buf_done(&reply.body);
    return code;
}

enum err_code introspector_ask(struct introspector *introspector, struct str token, int64_t now_us,
                               struct err *err)
{
    uint64_t started_us = clock_mono_us();

    if (is_settled(introspector, token, now_us))
        return ERR_OK;
    enum err_code code = ask(introspector, token, now_us, err);
    if (code == ERR_OK)
        return ERR_OK;
    /* The moment begins when it is known that it was in vain. */
    keep_failure(introspector, token, code == ERR_TIMEOUT,
                 now_us + (int64_t)(clock_mono_us() - started_us));
    return err_wrap(err, introspector->provider->name.ptr);
}
