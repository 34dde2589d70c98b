#include "gate/gate.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "base/log.h"
#include "gate/client_jobs.h"
#include "gate/gate_priv.h"
#include "gate/worker_priv.h"
#include "identity/introspection.h"
#include "identity/issuer.h"
#include "identity/key_source.h"

enum {
    MAX_JOBS = 65536,
    REFRESH_CHECK_MS = 1000,
    ADOPT_MS = 5000, /* a worker that takes longer than this to adopt a snapshot is stuck */
};

/* Files in data_dir. */

static enum err_code path_in(const struct settings *settings, const char *name, char path[PATH_MAX],
                             struct err *err)
{
    int len = snprintf(path, PATH_MAX, STR_FMT "/%s", STR_ARG(settings->data_dir), name);

    if (len < 0 || len >= PATH_MAX)
        return err_set(err, ERR_LIMIT, "the path of data_dir is too long");
    return ERR_OK;
}

static enum err_code open_data(struct gate *gate, struct err *err)
{
    const struct settings *settings = gate->settings;
    char path[PATH_MAX];
    enum err_code code = path_in(settings, "", path, err);

    store_prepare_process();
    if (code == ERR_OK)
        code = data_lock_take(path, &gate->lock, err);
    if (code == ERR_OK)
        code = keyring_load(path, &gate->keyring, err);
    if (code == ERR_OK)
        code = path_in(settings, "keys.db", path, err);
    if (code == ERR_OK)
        code = data_keys_open(path, gate->keyring, &gate->data_keys, err);
    if (code == ERR_OK)
        code = path_in(settings, "store.db", path, err);
    if (code == ERR_OK)
        code = store_open(path, &gate->store, err);
    const struct signing first = signing_first(0);
    if (code == ERR_OK)
        code = issuer_new(gate->keyring, settings->public_url.origin, &first, &gate->issuer, err);
    return code;
}

static enum err_code open_audit(struct gate *gate, struct err *err)
{
    const struct settings *settings = gate->settings;
    char path[PATH_MAX];
    enum err_code code = path_in(settings, "audit", path, err);
    const struct audit_config config = {
        .dir = path,
        .keyring = gate->keyring,
        .data_keys = gate->data_keys,
        .segment_bytes = (uint64_t)settings->audit_segment_bytes,
        .reserve_bytes = (uint64_t)settings->audit_reserve_bytes,
        .gather_us = (uint32_t)settings->audit_gather_us,
        .origin_host = settings->public_url.host,
        .checkpoint_ms = (uint32_t)settings->audit_checkpoint_seconds * 1000,
    };

    return code == ERR_OK ? audit_open(&config, &gate->audit, err) : code;
}

static enum err_code load_tls(const struct listener *listener, struct tls_context **ret_tls,
                              struct err *err)
{
    if (listener->certificate.len == 0)
        return ERR_OK;
    return tls_new_server(listener->certificate.ptr, listener->key.ptr,
                          listener->client_ca.len > 0 ? listener->client_ca.ptr : NULL, ret_tls,
                          err);
}

static enum err_code open_tls(struct gate *gate, struct err *err)
{
    const struct settings *settings = gate->settings;
    enum err_code code = tls_new_client(
        settings->upstream_ca.len > 0 ? settings->upstream_ca.ptr : NULL, &gate->upstream_tls, err);

    for (size_t i = 0; i < settings->listener_count && code == ERR_OK; i++)
        code = load_tls(&settings->listeners[i], &gate->tls[i], err);
    return code;
}

static bool make_key_sources(struct gate *gate)
{
    const struct identity_rules *rules = &gate->settings->identity;

    gate->key_sources = calloc(rules->provider_count + 1, sizeof *gate->key_sources);
    gate->login_found = calloc(rules->provider_count + 1, sizeof *gate->login_found);
    for (size_t i = 0; gate->key_sources != NULL && i < rules->provider_count; i++) {
        gate->key_sources[i] = key_source_new(&rules->providers[i]);
        if (gate->key_sources[i] == NULL)
            return false;
    }
    gate->client_keys = calloc(rules->client_count + 1, sizeof *gate->client_keys);
    for (size_t i = 0; gate->client_keys != NULL && i < rules->client_count; i++) {
        gate->client_keys[i] = key_source_new(&rules->clients[i].keys);
        if (gate->client_keys[i] == NULL)
            return false;
    }
    return gate->key_sources != NULL && gate->client_keys != NULL && gate->login_found != NULL;
}

/* True: there is one, or none is wanted. */
static bool make_introspector(struct gate *gate)
{
    const struct provider *provider = provider_for_introspection(&gate->settings->identity);
    char path[PATH_MAX];

    if (provider == NULL)
        return true;
    if (settings_secret_path(gate->settings, provider->client_secret, path, sizeof path, NULL) !=
        ERR_OK)
        return false;
    const struct introspection_config config = {.provider = provider, .secret_path = path};
    gate->introspector = introspector_new(&config);
    for (size_t i = 0; i < GATE_OPAQUE_THREADS; i++) {
        gate->opaque_jobs[i] = jobs_new("identity-opaque", MAX_JOBS);
        if (gate->opaque_jobs[i] == NULL)
            return false;
    }
    return gate->introspector != NULL;
}

static void end_jobs(struct gate *gate)
{
    jobs_end(gate->control_jobs);
    jobs_end(gate->search_jobs);
    jobs_end(gate->key_jobs);
    jobs_end(gate->identity_jobs);
    for (size_t i = 0; i < GATE_OPAQUE_THREADS; i++)
        jobs_end(gate->opaque_jobs[i]);
}

static void free_key_sources(struct gate *gate)
{
    size_t provider_count = gate->settings->identity.provider_count;

    introspector_free(gate->introspector);
    for (size_t i = 0; gate->login_found != NULL && i < provider_count; i++)
        arena_free(gate->login_found[i].arena);
    free(gate->login_found);
    for (size_t i = 0; gate->client_keys != NULL && gate->client_keys[i] != NULL; i++)
        key_source_free(gate->client_keys[i]);
    free(gate->client_keys);
    for (size_t i = 0; gate->key_sources != NULL && gate->key_sources[i] != NULL; i++)
        key_source_free(gate->key_sources[i]);
    free(gate->key_sources);
}

static enum err_code open_jobs(struct gate *gate, struct err *err)
{
    gate->control_jobs = jobs_new("control", MAX_JOBS);
    gate->search_jobs = jobs_new("search", MAX_JOBS);
    gate->key_jobs = jobs_new("keys", MAX_JOBS);
    gate->identity_jobs = jobs_new("identity", MAX_JOBS);
    gate->client_jobs = client_jobs_new(&gate->settings->identity.client_documents);
    gate->origins = origin_rules_new(gate->settings);
    gate->loop = loop_new(MAX_JOBS);
    if (gate->control_jobs == NULL || gate->search_jobs == NULL || gate->key_jobs == NULL ||
        gate->identity_jobs == NULL || gate->client_jobs == NULL || !make_key_sources(gate) ||
        !make_introspector(gate) || gate->origins == NULL || gate->loop == NULL)
        return err_set(err, ERR_LIMIT, "no thread or memory left");
    return ERR_OK;
}

static enum err_code first_snapshot(struct gate *gate, struct err *err)
{
    enum err_code code = control_new(gate, &gate->control, err);

    if (code == ERR_OK)
        code = control_reconcile(gate->control, err);
    if (code == ERR_OK)
        code = control_start_signing(gate->control, err);
    if (code == ERR_OK)
        code = control_publish(gate->control, err);
    return code;
}

static size_t count_workers(const struct settings *settings)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    if (settings->workers > 0)
        return (size_t)settings->workers;
    return cores > 2 ? (size_t)cores - 1 : 1;
}

/* Another gateway on one of the addresses is found out before workers share them among themselves.
 */
static enum err_code open_workers(struct gate *gate, struct err *err)
{
    size_t count = count_workers(gate->settings);
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < gate->settings->listener_count && code == ERR_OK; i++)
        code = http_listen_trial(&gate->settings->listeners[i].address, err);
    struct worker **workers = calloc(count, sizeof *workers);
    if (workers == NULL)
        return err_set(err, ERR_LIMIT, "memory is out");
    for (size_t i = 0; i < count && code == ERR_OK; i++)
        code = worker_new(gate, (unsigned)i, &workers[i], err);
    gate->workers = workers;
    gate->worker_count = count;
    return code;
}

static enum err_code open_all(struct gate *gate, struct err *err)
{
    enum err_code code = open_data(gate, err);

    if (code == ERR_OK)
        code = open_audit(gate, err);
    if (code == ERR_OK)
        code = open_tls(gate, err);
    if (code == ERR_OK)
        code = open_jobs(gate, err);
    if (code == ERR_OK)
        code = first_snapshot(gate, err);
    if (code == ERR_OK)
        code = open_workers(gate, err);
    return code;
}

enum err_code gate_new(const struct gate_config *config, struct gate **ret_gate, struct err *err)
{
    struct gate *gate = calloc(1, sizeof *gate);

    if (gate == NULL)
        return err_set(err, ERR_LIMIT, "memory is out");
    gate->settings = config->settings;
    gate->api = config->api;
    gate->launcher = config->launcher;
    (void)pthread_mutex_init(&gate->snapshot_lock, NULL);
    enum err_code code = open_all(gate, err);
    if (code != ERR_OK) {
        gate_free(gate);
        return code;
    }
    *ret_gate = gate;
    return ERR_OK;
}

static void free_workers(struct gate *gate)
{
    for (size_t i = 0; i < gate->worker_count; i++)
        worker_join(gate->workers[i]);
    for (size_t i = 0; i < gate->worker_count; i++)
        worker_free(gate->workers[i]);
    free(gate->workers);
    gate->workers = NULL;
    gate->worker_count = 0;
}

void gate_free(struct gate *gate)
{
    if (gate == NULL)
        return;
    /* Jobs first: they may still post to workers. */
    jobs_free(gate->search_jobs);
    jobs_free(gate->key_jobs);
    jobs_free(gate->identity_jobs);
    for (size_t i = 0; i < GATE_OPAQUE_THREADS; i++)
        jobs_free(gate->opaque_jobs[i]);
    client_jobs_free(gate->client_jobs);
    jobs_free(gate->control_jobs);
    free_workers(gate);
    free_key_sources(gate);
    control_free(gate->control);
    audit_close(gate->audit);
    store_close(gate->store);
    data_keys_close(gate->data_keys);
    snapshot_unref(gate->snapshot);
    issuer_free(gate->issuer);
    keyring_free(gate->keyring);
    origin_rules_free(gate->origins);
    for (size_t i = 0; i < ARRAY_LEN(gate->tls); i++)
        tls_unref(gate->tls[i]);
    tls_unref(gate->upstream_tls);
    loop_free(gate->loop);
    data_lock_release(gate->lock);
    (void)pthread_mutex_destroy(&gate->snapshot_lock);
    free(gate);
}

void gate_freep(struct gate **gate)
{
    gate_free(*gate);
    *gate = NULL;
}

/* Snapshots. */

struct adoption {
    pthread_mutex_t lock;
    pthread_cond_t adopted;
    size_t left;
};

struct adopt {
    struct mail mail;
    struct worker *worker;
    struct snapshot *snapshot;
    struct adoption *adoption;
};

static void on_adopt(struct mail *mail)
{
    struct adopt *adopt = (struct adopt *)(void *)mail;
    struct adoption *adoption = adopt->adoption;

    worker_adopt(adopt->worker, adopt->snapshot);
    (void)pthread_mutex_lock(&adoption->lock);
    adoption->left--;
    (void)pthread_cond_signal(&adoption->adopted);
    (void)pthread_mutex_unlock(&adoption->lock);
}

static void set_snapshot(struct gate *gate, struct snapshot *snapshot)
{
    (void)pthread_mutex_lock(&gate->snapshot_lock);
    struct snapshot *old = gate->snapshot;
    gate->snapshot = snapshot_ref(snapshot);
    (void)pthread_mutex_unlock(&gate->snapshot_lock);
    snapshot_unref(old);
}

struct snapshot *gate_snapshot(struct gate *gate)
{
    (void)pthread_mutex_lock(&gate->snapshot_lock);
    struct snapshot *snapshot = snapshot_ref(gate->snapshot);
    (void)pthread_mutex_unlock(&gate->snapshot_lock);
    return snapshot;
}

/* Waits for every worker: who was told that a change is in force can rely on it. */
void gate_publish(struct gate *gate, struct snapshot *snapshot)
{
    struct adoption adoption = {.left = 0};
    struct adopt *adopts = calloc(gate->worker_count + 1, sizeof *adopts);

    set_snapshot(gate, snapshot);
    if (adopts == NULL)
        abort(); /* the workers would go on deciding by what was revoked */
    (void)pthread_mutex_init(&adoption.lock, NULL);
    (void)pthread_cond_init(&adoption.adopted, NULL);
    (void)pthread_mutex_lock(&adoption.lock);
    for (size_t i = 0; gate->is_serving && i < gate->worker_count; i++) {
        adopts[i] = (struct adopt){.mail = {.on_deliver = on_adopt},
                                   .worker = gate->workers[i],
                                   .snapshot = snapshot,
                                   .adoption = &adoption};
        adoption.left += worker_post(gate->workers[i], &adopts[i].mail);
    }
    while (adoption.left > 0)
        (void)pthread_cond_wait(&adoption.adopted, &adoption.lock);
    (void)pthread_mutex_unlock(&adoption.lock);
    (void)pthread_cond_destroy(&adoption.adopted);
    (void)pthread_mutex_destroy(&adoption.lock);
    free(adopts);
}

/* The control loop. */

struct control_loop {
    struct gate *gate;
    uv_signal_t signals[3];
    struct loop_timer refresh;
    struct job refresh_job;
    atomic_bool is_refreshing;
    bool is_stopping;
};

static void run_refresh(struct job *job)
{
    struct control_loop *control =
        (struct control_loop *)(void *)((char *)job - offsetof(struct control_loop, refresh_job));

    control_refresh_due(control->gate->control, false);
    control_warn_of_ends(control->gate->control);
    control_renew_signing(control->gate->control);
    atomic_store(&control->is_refreshing, false);
}

static void on_refresh(struct loop_timer *timer)
{
    struct control_loop *control =
        (struct control_loop *)(void *)((char *)timer - offsetof(struct control_loop, refresh));

    if (!control->is_stopping && !atomic_exchange(&control->is_refreshing, true)) {
        control->refresh_job = (struct job){.run = run_refresh};
        if (!jobs_add(control->gate->control_jobs, &control->refresh_job))
            atomic_store(&control->is_refreshing, false);
    }
    (void)loop_timer_start(timer, REFRESH_CHECK_MS);
}

static void stop(struct control_loop *control)
{
    struct gate *gate = control->gate;
    uint64_t deadline = clock_mono_us() + (uint64_t)gate->settings->stop_seconds * 1000000;

    if (control->is_stopping)
        deadline = 0; /* asked twice: at once */
    control->is_stopping = true;
    log_event(LOG_INFO, "stopping", LOG_INT("calls_may_take_s", gate->settings->stop_seconds));
    for (size_t i = 0; i < gate->worker_count; i++)
        worker_stop(gate->workers[i], deadline);
    loop_stop(gate->loop);
}

/* What is wrong with a new certificate leaves the old one in use. */
static void reload(struct gate *gate)
{
    struct tls_context *fresh[ARRAY_LEN(gate->tls)] = {NULL};
    struct err err;

    for (size_t i = 0; i < gate->settings->listener_count; i++) {
        if (load_tls(&gate->settings->listeners[i], &fresh[i], &err) != ERR_OK)
            log_event(LOG_ERROR, "certificate_not_reloaded", LOG_ERR(&err));
    }
    (void)pthread_mutex_lock(&gate->snapshot_lock);
    for (size_t i = 0; i < gate->settings->listener_count; i++) {
        if (fresh[i] == NULL)
            continue;
        tls_unref(gate->tls[i]);
        gate->tls[i] = fresh[i];
    }
    (void)pthread_mutex_unlock(&gate->snapshot_lock);
    for (size_t i = 0; i < gate->worker_count; i++)
        worker_reload_tls(gate->workers[i]);
    log_event(LOG_INFO, "certificates_reloaded",
              LOG_INT("listeners", gate->settings->listener_count));
}

static void on_signal(uv_signal_t *signal, int number)
{
    struct control_loop *control = signal->data;

    if (number == SIGHUP)
        reload(control->gate);
    else
        stop(control);
}

static void start_signals(struct control_loop *control)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};

    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        (void)uv_signal_init(loop_uv(control->gate->loop), &control->signals[i]);
        control->signals[i].data = control;
        (void)uv_signal_start(&control->signals[i], on_signal, numbers[i]);
    }
}

static void close_signals(struct control_loop *control)
{
    for (size_t i = 0; i < ARRAY_LEN(control->signals); i++)
        uv_close((uv_handle_t *)&control->signals[i], NULL);
    (void)uv_run(loop_uv(control->gate->loop), UV_RUN_NOWAIT);
}

static void log_listening(const struct gate *gate)
{
    static const char *const words[] = {
        [SERVES_ALL] = "all", [SERVES_MCP] = "mcp", [SERVES_ADMIN] = "admin"};

    for (size_t i = 0; i < gate->settings->listener_count; i++) {
        char text[ADDR_TEXT_BYTES];

        addr_format(&gate->settings->listeners[i].address, text);
        log_event(LOG_INFO, "listening", LOG_C("address", text),
                  LOG_C("serves", words[gate->settings->listeners[i].serves]),
                  LOG_BOOL("tls", gate->tls[i] != NULL));
    }
    log_event(LOG_INFO, "serving", LOG_C("version", PORTREEVE_VERSION),
              LOG_INT("workers", gate->worker_count),
              LOG_STR("public_url", gate->settings->public_url_text));
}

enum err_code gate_run(struct gate *gate, struct err *err)
{
    struct control_loop control = {.gate = gate};
    enum err_code code = ERR_OK;

    start_signals(&control);
    loop_timer_init(&control.refresh, gate->loop, on_refresh);
    (void)loop_timer_start(&control.refresh, 1);
    gate->is_serving = true;
    for (size_t i = 0; i < gate->worker_count && code == ERR_OK; i++)
        code = worker_start(gate->workers[i], err);
    if (code == ERR_OK) {
        log_listening(gate);
        loop_run(gate->loop);
    } else {
        stop(&control);
    }
    loop_timer_stop(&control.refresh);
    /* Jobs answer to workers: they end before the workers are waited for. */
    end_jobs(gate);
    free_workers(gate);
    close_signals(&control);
    log_event(LOG_INFO, "stopped", LOG_C("version", PORTREEVE_VERSION));
    return code;
}

/* Looks from outside. */

const struct settings *gate_settings(const struct gate *gate)
{
    return gate->settings;
}

const struct keyring *gate_keyring(const struct gate *gate)
{
    return gate->keyring;
}

struct audit *gate_audit(struct gate *gate)
{
    return gate->audit;
}

bool gate_is_ready(struct gate *gate, char why[ERR_TEXT_BYTES])
{
    struct audit_status status;

    if (gate->is_serving && audit_may_accept(gate->audit))
        return true;
    if (why == NULL)
        return false;
    audit_get_status(gate->audit, &status);
    (void)snprintf(why, ERR_TEXT_BYTES, "the audit log can't be written: %.250s", status.why);
    return false;
}
