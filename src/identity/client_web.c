#include "identity/client_web.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/table.h"
#include "net/fetch.h"

struct entry {
    char *url;       /* NUL-terminated */
    struct buf body; /* of the last answer that was good */
    bool has_body;
    bool is_fetching;
    int64_t tried_us;
    int64_t good_until_us;
    int64_t bad_until_us;
    int64_t used_us;
    struct err why; /* of the last failure */
};

/* Fetches of one kind in this minute. */
struct budget {
    int64_t since_us;
    unsigned count;
};

struct client_web {
    const struct client_document_rules *rules;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t fetched;
    struct table *by_url;
    struct budget strangers;
    struct budget known;
    uint64_t fetches;
};

static int64_t seconds(int64_t count)
{
    return count * 1000000;
}

static void free_entry(struct entry *entry)
{
    if (entry == NULL)
        return;
    if (entry->has_body)
        buf_done(&entry->body);
    free(entry->url);
    free(entry);
}

struct client_web *client_web_new(const struct client_document_rules *rules)
{
    struct client_web *web = calloc(1, sizeof *web);

    if (web == NULL)
        return NULL;
    web->rules = rules;
    web->by_url = table_new();
    (void)pthread_mutex_init(&web->lock, NULL);
    (void)pthread_cond_init(&web->fetched, NULL);
    if (web->by_url == NULL) {
        client_web_free(web);
        return NULL;
    }
    return web;
}

void client_web_free(struct client_web *web)
{
    struct str url;
    size_t pos = 0;
    void *value = NULL;

    if (web == NULL)
        return;
    while (web->by_url != NULL && table_next(web->by_url, &pos, &url, &value))
        free_entry(value);
    table_free(web->by_url);
    (void)pthread_mutex_destroy(&web->lock);
    (void)pthread_cond_destroy(&web->fetched);
    free(web);
}

/* ---- rules ---- */

bool client_web_may_connect(const struct client_document_rules *rules, const struct addr *addr)
{
    for (size_t i = 0; i < rules->network_count; i++) {
        if (addr_in_net(addr, &rules->networks[i]))
            return true;
    }
    return !addr_is_internal(addr);
}

static bool may_connect(const void *ctx, const struct addr *addr)
{
    return client_web_may_connect(ctx, addr);
}

int64_t client_web_seconds(struct str cache_control)
{
    int64_t found = CLIENT_WEB_DEFAULT_SECONDS;

    for (struct str rest = cache_control; rest.len > 0;) {
        struct str value = str_trim(str_cut(&rest, ','));
        struct str name = str_cut(&value, '=');
        uint64_t count = 0;

        if (str_eq_nocase(name, STR("no-store")) || str_eq_nocase(name, STR("no-cache")))
            return CLIENT_WEB_MIN_SECONDS;
        if (!str_eq_nocase(name, STR("max-age")))
            continue;
        if (!str_u64(value, &count) || count < CLIENT_WEB_MIN_SECONDS)
            return CLIENT_WEB_MIN_SECONDS;
        found = count > CLIENT_WEB_MAX_SECONDS ? CLIENT_WEB_MAX_SECONDS : (int64_t)count;
    }
    return found;
}

/* ---- the table, under the lock ---- */

/* A clock that was set back must not keep anything for ever; a request that began a moment before
 * the fetch of another one has no use for a second fetch. */
static bool is_within(int64_t from_us, int64_t until_us, int64_t now_us)
{
    return now_us >= from_us - seconds(CLIENT_WEB_RETRY_SECONDS) && now_us < until_us;
}

static enum client_web_state state_of(const struct entry *entry, bool wants_new, int64_t now_us)
{
    if (entry->has_body && is_within(entry->tried_us, entry->good_until_us, now_us)) {
        bool is_rested = !is_within(entry->tried_us,
                                    entry->tried_us + seconds(CLIENT_WEB_RETRY_SECONDS), now_us);

        return wants_new && is_rested ? CLIENT_WEB_DUE : CLIENT_WEB_GOOD;
    }
    return is_within(entry->tried_us, entry->bad_until_us, now_us) ? CLIENT_WEB_BAD
                                                                   : CLIENT_WEB_DUE;
}

static bool goes_before(const struct entry *entry, const struct entry *other)
{
    if (entry->has_body != other->has_body)
        return !entry->has_body;
    return entry->used_us < other->used_us;
}

/* False: all are being fetched. */
static bool make_room(struct client_web *web)
{
    struct entry *victim = NULL;
    struct str url;
    size_t pos = 0;
    void *value = NULL;

    if (table_count(web->by_url) < CLIENT_WEB_ENTRIES)
        return true;
    while (table_next(web->by_url, &pos, &url, &value)) {
        struct entry *entry = value;

        if (!entry->is_fetching && (victim == NULL || goes_before(entry, victim)))
            victim = entry;
    }
    if (victim == NULL)
        return false;
    (void)table_take(web->by_url, str_c(victim->url));
    free_entry(victim);
    return true;
}

/* NULL: memory is out, or all entries are in use. */
static struct entry *add_entry(struct client_web *web, struct str url)
{
    struct entry *entry = make_room(web) ? calloc(1, sizeof *entry) : NULL;

    if (entry == NULL)
        return NULL;
    entry->url = strndup(url.ptr, url.len);
    if (entry->url == NULL || !table_put(web->by_url, url, entry, NULL)) {
        free_entry(entry);
        return NULL;
    }
    return entry;
}

static bool take_budget(struct budget *budget, int64_t now_us)
{
    if (!is_within(budget->since_us, budget->since_us + seconds(60), now_us))
        *budget = (struct budget){.since_us = now_us};
    if (budget->count >= CLIENT_WEB_PER_MINUTE)
        return false;
    budget->count++;
    return true;
}

/* ---- asking ---- */

enum client_web_state client_web_find(struct client_web *web, struct str url, bool wants_new,
                                      int64_t now_us, struct arena *arena, struct str *ret_body,
                                      struct err *err)
{
    (void)pthread_mutex_lock(&web->lock);
    struct entry *entry = table_get(web->by_url, url);
    enum client_web_state state =
        entry == NULL ? CLIENT_WEB_DUE : state_of(entry, wants_new, now_us);
    if (entry != NULL)
        entry->used_us = now_us;
    if (state == CLIENT_WEB_GOOD) {
        struct str body = arena_dup(arena, buf_str(&entry->body));

        if (body.ptr != NULL)
            *ret_body = body;
        else
            state = CLIENT_WEB_BAD;
        if (body.ptr == NULL)
            (void)err_set(err, ERR_LIMIT, "memory is out");
    } else if (state == CLIENT_WEB_BAD && err != NULL) {
        *err = entry->why;
    }
    (void)pthread_mutex_unlock(&web->lock);
    return state;
}

bool client_web_is_known(struct client_web *web, struct str url)
{
    (void)pthread_mutex_lock(&web->lock);
    const struct entry *entry = table_get(web->by_url, url);
    bool is_known = entry != NULL && entry->has_body;
    (void)pthread_mutex_unlock(&web->lock);
    return is_known;
}

uint64_t client_web_fetches(struct client_web *web)
{
    (void)pthread_mutex_lock(&web->lock);
    uint64_t fetches = web->fetches;
    (void)pthread_mutex_unlock(&web->lock);
    return fetches;
}

/* ---- fetching ---- */

/* application/json, or application/…+json (draft §4). Hosts where strangers leave files serve them
 * as something else. */
static bool is_json(struct str type)
{
    struct str rest = type;
    struct str name = str_trim(str_cut(&rest, ';'));
    static const struct str prefix = STR_INIT("application/");
    static const struct str suffix = STR_INIT("+json");

    if (str_eq_nocase(name, STR("application/json")))
        return true;
    return name.len > prefix.len + suffix.len &&
           str_eq_nocase(str_first(name, prefix.len), prefix) &&
           str_eq_nocase(str_from(name, name.len - suffix.len), suffix);
}

static enum err_code check_reply(const char *url, const struct fetch_reply *reply, struct err *err)
{
    if (reply->status != 200)
        return err_set(err, ERR_UNAVAILABLE, "%s answered with status %d", url, reply->status);
    if (!is_json(str_c(reply->content_type)))
        return err_set(err, ERR_INVALID, "%s is not served as JSON", url);
    return ERR_OK;
}

static enum err_code fetch_one(const struct client_web *web, const char *url,
                               struct fetch_reply *reply, struct err *err)
{
    const struct fetch_guard guard = {.may_connect = may_connect, .ctx = web->rules};
    const struct fetch fetch = {
        .method = "GET",
        .url = url,
        .timeout_ms = CLIENT_WEB_TIMEOUT_MS,
        .ca_file = web->rules->ca_file.len > 0 ? web->rules->ca_file.ptr : NULL,
        .max_bytes = CLIENT_WEB_MAX_BYTES,
        .guard = &guard,
    };
    enum err_code code = fetch_do(&fetch, reply, err);

    if (code != ERR_OK)
        return code;
    code = check_reply(url, reply, err);
    if (code != ERR_OK)
        buf_done(&reply->body);
    return code;
}

/* Under the lock. */
static void note(struct entry *entry, enum err_code code, struct fetch_reply *reply,
                 const struct err *why)
{
    if (code != ERR_OK) {
        entry->why = *why;
        entry->bad_until_us = entry->tried_us + seconds(CLIENT_WEB_RETRY_SECONDS);
        return;
    }
    if (entry->has_body)
        buf_done(&entry->body);
    entry->body = reply->body;
    entry->has_body = true;
    entry->good_until_us =
        entry->tried_us + seconds(client_web_seconds(str_c(reply->cache_control)));
}

/* Under the lock. The entry to fetch; NULL with code ERR_OK: there is nothing to fetch. */
static struct entry *begin(struct client_web *web, struct str url, bool wants_new, int64_t now_us,
                           enum err_code *code, struct err *err)
{
    struct entry *entry = table_get(web->by_url, url);

    while (entry != NULL && entry->is_fetching) {
        (void)pthread_cond_wait(&web->fetched, &web->lock);
        entry = table_get(web->by_url, url);
    }
    *code = ERR_OK;
    if (entry != NULL && state_of(entry, wants_new, now_us) != CLIENT_WEB_DUE)
        return NULL;
    if (!take_budget(entry != NULL && entry->has_body ? &web->known : &web->strangers, now_us)) {
        *code = err_set(err, ERR_BUSY, "too many documents of clients were fetched this minute");
        return NULL;
    }
    if (entry == NULL)
        entry = add_entry(web, url);
    if (entry == NULL) {
        *code = err_set(err, ERR_LIMIT, "memory is out");
        return NULL;
    }
    entry->is_fetching = true;
    entry->tried_us = now_us;
    web->fetches++;
    return entry;
}

enum err_code client_web_fetch(struct client_web *web, struct str url, bool wants_new,
                               int64_t now_us, struct err *err)
{
    struct fetch_reply reply;
    struct err why;
    enum err_code code = ERR_OK;

    (void)pthread_mutex_lock(&web->lock);
    struct entry *entry = begin(web, url, wants_new, now_us, &code, &why);
    (void)pthread_mutex_unlock(&web->lock);
    if (entry != NULL) {
        code = fetch_one(web, entry->url, &reply, &why);
        (void)pthread_mutex_lock(&web->lock);
        note(entry, code, &reply, &why);
        entry->is_fetching = false;
        (void)pthread_cond_broadcast(&web->fetched);
        (void)pthread_mutex_unlock(&web->lock);
    }
    return code == ERR_OK ? ERR_OK : err_set(err, code, "%s", why.text);
}
