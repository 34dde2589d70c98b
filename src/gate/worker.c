#include "gate/worker.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/table.h"
#include "gate/ended.h"
#include "gate/listening.h"
#include "gate/people.h"
#include "gate/pipeline.h"
#include "gate/upstream_priv.h"
#include "gate/worker_priv.h"

enum {
    MAX_MAILS = 1 << 20,
    NAMES_TTL_MS = 30000,
    TICK_MS = 1000,
    FLUSH_TICKS = 10, /* refusals that were counted are recorded, token uses stored */
    MAX_TOKEN_USES = 1024,
};

/* Requests. */

static enum http_take on_headers(struct http_request *request)
{
    const struct listener_of *listener = http_request_ctx(request);
    struct worker *worker = listener->worker;
    struct call *call = call_new(worker, request);
    static const struct http_header retry[] = {{STR_INIT("Retry-After"), STR_INIT("1")}};

    if (call == NULL) {
        COUNT(worker, overload_refusals);
        http_reply(request, 503, retry, 1, STR_NONE);
        return HTTP_ANSWERED;
    }
    call->listener = listener->listener;
    http_request_set_app(request, call);
    return pipeline_head(call) ? HTTP_ANSWERED : HTTP_TAKE_BODY;
}

static void on_request(struct http_request *request)
{
    struct call *call = http_request_app(request);

    if (call != NULL)
        pipeline_run(call);
}

static void on_closed(struct http_request *request, bool was_sent)
{
    const struct listener_of *listener = http_request_ctx(request);
    enum app_kind *app = http_request_app(request);

    (void)was_sent;
    if (app == NULL)
        return;
    if (*app == APP_STREAM)
        listening_on_closed(listener->worker, app);
    else
        call_on_client_gone((struct call *)(void *)app);
}

static const struct http_events events = {
    .on_headers = on_headers, .on_request = on_request, .on_closed = on_closed};

/* Once per turn: what the log has to say, then what this turn wants recorded. */
static void on_turn(void *ctx)
{
    struct worker *worker = ctx;

    (void)audit_port_poll(worker->port);
    audit_port_flush(worker->port);
}

/* From the writer's thread. */
static void wake_for_audit(void *ctx)
{
    struct worker *worker = ctx;

    loop_wake(worker->loop);
}

/* Data keys of callers: finding one in the key store costs a keyed hash. */

struct cached_key {
    uint32_t period;
    const struct data_key *key;
};

const struct data_key *worker_find_key(struct worker *worker, struct str caller_id, int64_t now_us)
{
    const struct data_key_name name = {.subject = caller_id, .period = data_keys_period(now_us)};
    struct cached_key *cached = NULL;

    if (worker->data_keys == NULL && (worker->data_keys = table_new()) == NULL)
        return data_keys_find(worker->gate->data_keys, &name);
    cached = table_get(worker->data_keys, caller_id);
    if (cached != NULL && cached->period == name.period)
        return cached->key;
    const struct data_key *key = data_keys_find(worker->gate->data_keys, &name);
    if (key == NULL)
        return NULL;
    if (cached == NULL) {
        cached = calloc(1, sizeof *cached);
        if (cached == NULL || !table_put(worker->data_keys, caller_id, cached, NULL)) {
            free(cached);
            return key;
        }
    }
    *cached = (struct cached_key){.period = name.period, .key = key};
    return key;
}

static void forget_keys(struct worker *worker)
{
    size_t pos = 0;
    struct str id;
    void *cached = NULL;

    while (worker->data_keys != NULL && table_next(worker->data_keys, &pos, &id, &cached))
        free(cached);
    table_free(worker->data_keys);
    worker->data_keys = NULL;
}

/* Token uses, gathered and told to the store now and then. */

struct uses {
    struct job job;
    struct gate *gate;
    struct token_use uses[MAX_TOKEN_USES];
    char ids[MAX_TOKEN_USES][TOKEN_ID_LEN];
    size_t count;
};

static void run_uses(struct job *job)
{
    struct uses *uses = (struct uses *)(void *)job;
    struct err err;

    if (store_touch_tokens(uses->gate->store, uses->uses, uses->count, &err) != ERR_OK)
        log_event(LOG_WARN, "token_use_not_stored", LOG_ERR(&err));
    free(uses);
}

void worker_note_token_use(struct worker *worker, struct str token_id)
{
    struct uses *uses = worker->uses;

    if (token_id.len != TOKEN_ID_LEN)
        return;
    if (uses == NULL) {
        uses = calloc(1, sizeof *uses);
        if (uses == NULL)
            return;
        uses->gate = worker->gate;
        worker->uses = uses;
    }
    for (size_t i = 0; i < uses->count; i++) {
        if (memcmp(uses->ids[i], token_id.ptr, TOKEN_ID_LEN) == 0) {
            uses->uses[i].used_us = clock_wall_us();
            return;
        }
    }
    if (uses->count == MAX_TOKEN_USES)
        return;
    memcpy(uses->ids[uses->count], token_id.ptr, TOKEN_ID_LEN);
    uses->uses[uses->count] = (struct token_use){.id = str_of(uses->ids[uses->count], TOKEN_ID_LEN),
                                                 .used_us = clock_wall_us()};
    uses->count++;
}

static void flush_uses(struct worker *worker)
{
    struct uses *uses = MOVE(worker->uses);

    if (uses == NULL)
        return;
    uses->job = (struct job){.run = run_uses};
    if (!jobs_add(worker->gate->control_jobs, &uses->job))
        free(uses);
}

/* What was counted instead of recorded one by one. */
static void record_count(void *ctx, const struct refusals_count *count)
{
    struct worker *worker = ctx;
    struct audit_entry entry = {.kind = AUDIT_GAP, .attempt = 1, .count = count->count};
    struct err err;

    entry.call_id = uuid_v7(clock_wall_us());
    entry.method = STR("refusals");
    entry.decision = str_c(decision_word(DECISION_DENY));
    entry.reason = count->reason;
    if (count->is_caller)
        entry.principal_id = count->who;
    else
        entry.address = count->who;
    if (audit_port_add(worker->port, &entry, NULL, NULL, &err) != ERR_OK)
        log_event(LOG_ERROR, "refusals_not_recorded", LOG_INT("count", count->count),
                  LOG_ERR(&err));
}

static void flush(struct worker *worker)
{
    refusals_flush(worker->refusals, record_count, worker);
    flush_uses(worker);
}

/* A job writes into its call; each has its own end, and gate_run() waits for them anyway. */
static bool has_job(const struct worker *worker)
{
    for (const struct call *call = worker->calls; call != NULL; call = call->next) {
        if (call->key_job.run != NULL)
            return true;
    }
    return false;
}

static bool may_end(const struct worker *worker)
{
    return worker->is_stopping &&
           (worker->call_count == 0 ||
            (clock_mono_us() >= worker->stop_deadline_us && !has_job(worker)));
}

static void on_tick(struct loop_timer *tick)
{
    struct worker *worker = (struct worker *)(void *)((char *)tick - offsetof(struct worker, tick));

    worker->ticks++;
    listening_check(worker, false);
    if (worker->ticks % FLUSH_TICKS == 0)
        flush(worker);
    if (worker->ticks % 60 == 0)
        ended_sweep(worker->ended, clock_wall_us());
    if (may_end(worker))
        loop_stop(worker->loop);
    else
        (void)loop_timer_start(tick, worker->is_stopping ? 50 : TICK_MS);
}

/* Life. */

static struct http_server_config config_of(struct worker *worker, size_t i)
{
    const struct settings *settings = worker->gate->settings;

    worker->listeners[i] =
        (struct listener_of){.worker = worker, .listener = &settings->listeners[i]};
    return (struct http_server_config){
        .loop = worker->loop,
        .address = settings->listeners[i].address,
        .tls = worker->gate->tls[i],
        .limits = &settings->limits,
        .counters = &worker->http_counters,
        .has_proxy_protocol = settings->listeners[i].has_proxy_protocol,
        .trusted = settings->trusted_proxies,
        .trusted_count = settings->trusted_proxy_count,
        .events = &events,
        .ctx = &worker->listeners[i],
    };
}

static enum err_code open_listeners(struct worker *worker, struct err *err)
{
    for (size_t i = 0; i < worker->gate->settings->listener_count; i++) {
        const struct http_server_config config = config_of(worker, i);
        enum err_code code = http_server_new(&config, &worker->servers[i], err);

        if (code != ERR_OK)
            return code;
        worker->server_count++;
    }
    return ERR_OK;
}

static bool make_parts(struct worker *worker)
{
    worker->loop = loop_new(MAX_MAILS);
    if (worker->loop == NULL)
        return false;
    worker->names = names_cache_new(worker->loop, NAMES_TTL_MS);
    worker->upstreams = calloc(1, sizeof *worker->upstreams);
    worker->streams = listening_new();
    worker->ended = ended_new();
    worker->refusals = refusals_new(worker->gate->settings->refusals_per_second);
    worker->data_keys = table_new();
    worker->callers = caller_cache_new();
    worker->people = people_new();
    worker->port = audit_port_new(worker->gate->audit, wake_for_audit, worker);
    return worker->names != NULL && worker->upstreams != NULL && worker->streams != NULL &&
           worker->ended != NULL && worker->refusals != NULL && worker->data_keys != NULL &&
           worker->callers != NULL && worker->people != NULL && worker->port != NULL;
}

enum err_code worker_new(struct gate *gate, unsigned index, struct worker **ret_worker,
                         struct err *err)
{
    struct worker *worker = calloc(1, sizeof *worker);

    if (worker == NULL)
        return err_set(err, ERR_LIMIT, "memory is out");
    worker->gate = gate;
    worker->index = index;
    worker->snapshot = gate_snapshot(gate);
    enum err_code code = ERR_OK;
    if (!make_parts(worker))
        code = err_set(err, ERR_LIMIT, "a worker needs more memory or descriptors than there are");
    if (code == ERR_OK && gate->upstream_tls != NULL)
        worker->upstreams->tls = tls_ref(gate->upstream_tls);
    if (code == ERR_OK)
        code = open_listeners(worker, err);
    if (code != ERR_OK) {
        worker_free(worker);
        return code;
    }
    loop_on_turn(worker->loop, on_turn, worker);
    loop_timer_init(&worker->tick, worker->loop, on_tick);
    (void)loop_timer_start(&worker->tick, TICK_MS);
    *ret_worker = worker;
    return ERR_OK;
}

static void end_calls(struct worker *worker)
{
    struct call *next = NULL;

    for (struct call *call = worker->calls; call != NULL; call = next) {
        next = call->next;
        call_abandon(call);
    }
}

/* What comes later is refused, and stays its sender's. */
static void close_mailbox(struct worker *worker)
{
    mailbox_close(loop_mailbox(worker->loop));
    (void)mailbox_deliver(loop_mailbox(worker->loop));
}

/* In the worker's thread, once its loop has ended: the log gets what it can, the rest reads
 * "unknown". */
static void wind_up(struct worker *worker)
{
    close_mailbox(worker);
    flush(worker);
    for (size_t i = 0; i < worker->server_count; i++) {
        http_server_free(worker->servers[i]);
        worker->servers[i] = NULL;
    }
    end_calls(worker);
    audit_port_flush(worker->port);
    upstreams_free(worker);
}

static void *serve(void *ctx)
{
    struct worker *worker = ctx;

    for (size_t i = 0; i < worker->server_count; i++) {
        struct err err;

        if (http_server_start(worker->servers[i], &err) != ERR_OK)
            log_event(LOG_ERROR, "listen_failed", LOG_ERR(&err));
    }
    loop_run(worker->loop);
    wind_up(worker);
    return NULL;
}

enum err_code worker_start(struct worker *worker, struct err *err)
{
    sigset_t all;
    sigset_t before;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(&worker->thread, NULL, serve, worker);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code != 0)
        return err_errno(err, code, "worker thread");
    (void)pthread_setname_np(worker->thread, "worker");
    worker->has_thread = true;
    return ERR_OK;
}

bool worker_post(struct worker *worker, struct mail *mail)
{
    return mailbox_put(loop_mailbox(worker->loop), mail);
}

struct order {
    struct mail mail;
    struct worker *worker;
    int64_t server_id;    /* of a discovery */
    bool may_wake;        /* likewise */
    uint64_t deadline_us; /* of the stop */
};

static void post_order(struct worker *worker, const struct order *what)
{
    struct order *order = calloc(1, sizeof *order);

    if (order == NULL)
        return;
    *order = *what;
    order->worker = worker;
    if (!worker_post(worker, &order->mail))
        free(order);
}

static void on_discover(struct mail *mail)
{
    struct order *order = (struct order *)(void *)mail;

    if (!order->worker->is_stopping)
        upstream_discover(order->worker, order->server_id, order->may_wake);
    free(order);
}

void worker_discover(struct worker *worker, int64_t server_id, bool may_wake)
{
    const struct order order = {
        .mail = {.on_deliver = on_discover}, .server_id = server_id, .may_wake = may_wake};

    post_order(worker, &order);
}

static void on_stop(struct mail *mail)
{
    struct order *order = (struct order *)(void *)mail;
    struct worker *worker = order->worker;

    worker->is_stopping = true;
    worker->stop_deadline_us = order->deadline_us;
    listening_end(worker, NULL);
    for (size_t i = 0; i < worker->server_count; i++)
        http_server_stop(worker->servers[i]);
    (void)loop_timer_start(&worker->tick, 10);
    free(order);
}

void worker_stop(struct worker *worker, uint64_t deadline_us)
{
    const struct order order = {.mail = {.on_deliver = on_stop}, .deadline_us = deadline_us};

    post_order(worker, &order);
}

static void on_reload(struct mail *mail)
{
    struct order *order = (struct order *)(void *)mail;
    struct worker *worker = order->worker;

    (void)pthread_mutex_lock(&worker->gate->snapshot_lock);
    for (size_t i = 0; i < worker->server_count; i++) {
        if (worker->gate->tls[i] != NULL)
            http_server_set_tls(worker->servers[i], worker->gate->tls[i]);
    }
    (void)pthread_mutex_unlock(&worker->gate->snapshot_lock);
    free(order);
}

void worker_reload_tls(struct worker *worker)
{
    const struct order order = {.mail = {.on_deliver = on_reload}};

    post_order(worker, &order);
}

void worker_adopt(struct worker *worker, struct snapshot *snapshot)
{
    struct snapshot *old = worker->snapshot;

    worker->snapshot = snapshot_ref(snapshot);
    /* Who destroys keys publishes a snapshot behind it. */
    forget_keys(worker);
    caller_cache_clear(worker->callers);
    upstreams_adopt(worker, snapshot);
    snapshot_unref(old);
    listening_check(worker, true);
}

void worker_join(struct worker *worker)
{
    if (worker == NULL)
        return;
    if (worker->has_thread)
        (void)pthread_join(worker->thread, NULL);
    else
        close_mailbox(worker);
    worker->has_thread = false;
}

void worker_free(struct worker *worker)
{
    if (worker == NULL)
        return;
    for (size_t i = 0; i < worker->server_count; i++)
        http_server_free(worker->servers[i]);
    if (worker->upstreams != NULL)
        upstreams_free(worker);
    upstream_remote_free_strays(worker);
    while (worker->free_calls != NULL) {
        struct call *call = worker->free_calls;

        worker->free_calls = call->next;
        call_free(call);
    }
    if (worker->port != NULL)
        audit_port_free(worker->port);
    listening_free(worker->streams);
    ended_free(worker->ended);
    refusals_free(worker->refusals);
    forget_keys(worker);
    caller_cache_free(worker->callers);
    people_free(worker->people);
    names_cache_free(worker->names);
    free(worker->uses);
    loop_timer_stop(&worker->tick);
    loop_free(worker->loop);
    snapshot_unref(worker->snapshot);
    free(worker);
}
