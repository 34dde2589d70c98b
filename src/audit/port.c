#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "audit/audit_priv.h"
#include "base/crypto.h"

struct audit_port {
    struct audit *audit;
    audit_wake_fn *wake;
    void *wake_ctx;

    /* The port thread's. */
    struct sealed_list added; /* not yet handed over */
    struct sealed *pool[POOL_CLASSES];
    size_t pooled[POOL_CLASSES];
    uint8_t *scratch;
    size_t scratch_bytes;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct sealed_list done;  /* with a wait */
    struct sealed_list spent; /* without */
    size_t under_way;
    bool is_closed; /* by its owner; the writer frees it with the last entry */

    /* The writer's. */
    struct sealed_list back_done;
    struct sealed_list back_spent;
    size_t back_count;
    struct audit_port *next_touched;
    bool is_touched;
};

/* ---- entries and the pool ---- */

static struct sealed *sealed_alloc(size_t record_bytes)
{
    struct sealed *sealed = malloc(sizeof *sealed + record_bytes);
    if (sealed != NULL)
        sealed->record = (uint8_t *)(sealed + 1);
    return sealed;
}

void sealed_free(struct sealed *sealed)
{
    if (sealed == NULL)
        return;
    receipt_free(sealed->receipt);
    crypto_wipe(&sealed->keys, sizeof sealed->keys);
    free(sealed);
}

void sealed_fill(struct audit *audit, struct sealed *sealed, const struct audit_entry *entry,
                 const struct leaf_plan *plan, const struct data_key *key, uint8_t *scratch)
{
    if (key == NULL)
        key = atomic_load_explicit(&audit->own_key, memory_order_acquire);
    sealed->next = NULL;
    sealed->port = NULL;
    sealed->wait = NULL;
    sealed->has_wait = false;
    sealed->kind = entry->kind;
    sealed->result = ERR_OK;
    sealed->attempt = entry->attempt;
    sealed->call_id = entry->call_id;
    sealed->server_id = entry->server_id;
    sealed->record_bytes = plan->record;
    sealed->receipt = NULL;
    leaf_seal(entry, plan, audit->log_id, key, scratch, sealed->record, &sealed->keys);
}

struct sealed *sealed_copy(const struct sealed *sealed)
{
    struct sealed *copy = sealed_alloc(sealed->record_bytes);
    if (copy == NULL)
        return NULL;
    uint8_t *record = copy->record;
    *copy = *sealed;
    copy->record = record;
    copy->next = NULL;
    copy->port = NULL;
    copy->wait = NULL;
    copy->has_wait = false;
    copy->pool_rank = POOL_CLASSES;
    copy->receipt = NULL;
    memcpy(copy->record, sealed->record, sealed->record_bytes);
    return copy;
}

struct sealed *sealed_new(struct audit *audit, const struct audit_entry *entry)
{
    struct leaf_plan plan;
    leaf_measure(entry, audit->arguments_max, &plan);
    struct sealed *sealed = sealed_alloc(plan.record);
    uint8_t *scratch = malloc(plan.private_fields + 1);
    if (sealed == NULL || scratch == NULL) {
        free(sealed);
        free(scratch);
        return NULL;
    }
    sealed->pool_rank = POOL_CLASSES;
    sealed_fill(audit, sealed, entry, &plan, NULL, scratch);
    free(scratch);
    return sealed;
}

static uint8_t rank_of(size_t record_bytes)
{
    uint8_t rank = 0;
    while (rank < POOL_CLASSES && record_bytes > (size_t)POOL_FIRST_BYTES << rank)
        rank++;
    return rank;
}

/* Back into the pool, or to the heap. */
static void recycle(struct audit_port *port, struct sealed *sealed)
{
    uint8_t rank = sealed->pool_rank;
    receipt_free(sealed->receipt);
    sealed->receipt = NULL;
    crypto_wipe(&sealed->keys, sizeof sealed->keys);
    if (rank == POOL_CLASSES ||
        port->pooled[rank] * ((size_t)POOL_FIRST_BYTES << rank) >= POOL_KEPT_BYTES) {
        free(sealed);
        return;
    }
    sealed->next = port->pool[rank];
    port->pool[rank] = sealed;
    port->pooled[rank]++;
}

/* Takes back what was written and nobody waited for. */
static void collect_spent(struct audit_port *port)
{
    struct sealed_list spent;
    struct sealed *sealed;
    sealed_list_init(&spent);
    pthread_mutex_lock(&port->lock);
    sealed_list_move(&spent, &port->spent);
    pthread_mutex_unlock(&port->lock);
    while ((sealed = sealed_list_take(&spent)) != NULL)
        recycle(port, sealed);
}

static struct sealed *obtain(struct audit_port *port, size_t record_bytes)
{
    uint8_t rank = rank_of(record_bytes);
    if (rank == POOL_CLASSES) {
        struct sealed *large = sealed_alloc(record_bytes);
        if (large != NULL)
            large->pool_rank = POOL_CLASSES;
        return large;
    }
    if (port->pool[rank] == NULL)
        collect_spent(port);
    struct sealed *sealed = port->pool[rank];
    if (sealed != NULL) {
        port->pool[rank] = sealed->next;
        port->pooled[rank]--;
        return sealed;
    }
    sealed = sealed_alloc((size_t)POOL_FIRST_BYTES << rank);
    if (sealed != NULL)
        sealed->pool_rank = rank;
    return sealed;
}

/* ---- ports ---- */

struct audit_port *audit_port_new(struct audit *audit, audit_wake_fn *wake, void *wake_ctx)
{
    struct audit_port *port = calloc(1, sizeof *port);
    if (port == NULL)
        return NULL;
    port->audit = audit;
    port->wake = wake;
    port->wake_ctx = wake_ctx;
    sealed_list_init(&port->added);
    sealed_list_init(&port->done);
    sealed_list_init(&port->spent);
    sealed_list_init(&port->back_done);
    sealed_list_init(&port->back_spent);
    pthread_mutex_init(&port->lock, NULL);
    pthread_cond_init(&port->changed, NULL);
    return port;
}

static void free_list(struct sealed_list *list)
{
    struct sealed *sealed;
    while ((sealed = sealed_list_take(list)) != NULL)
        sealed_free(sealed);
}

static void port_destroy(struct audit_port *port)
{
    free_list(&port->done);
    free_list(&port->spent);
    for (size_t rank = 0; rank < POOL_CLASSES; rank++)
        while (port->pool[rank] != NULL) {
            struct sealed *next = port->pool[rank]->next;
            free(port->pool[rank]);
            port->pool[rank] = next;
        }
    pthread_cond_destroy(&port->changed);
    pthread_mutex_destroy(&port->lock);
    free(port->scratch);
    free(port);
}

void audit_port_free(struct audit_port *port)
{
    if (port == NULL)
        return;
    audit_port_flush(port);
    pthread_mutex_lock(&port->lock);
    port->is_closed = true;
    bool is_idle = port->under_way == 0;
    pthread_mutex_unlock(&port->lock);
    if (is_idle)
        port_destroy(port);
}

/* ---- adding ---- */

/* Outcomes always find room: their intents reserved it. */
static enum err_code check_room(struct audit *audit, enum audit_kind kind, size_t bytes,
                                struct err *err)
{
    size_t queued = atomic_load_explicit(&audit->queued, memory_order_relaxed) + bytes;
    if (kind == AUDIT_OUTCOME)
        return ERR_OK;
    if (kind != AUDIT_INTENT) {
        if (queued <= audit->queue_bytes / 4 * 3)
            return ERR_OK;
        atomic_fetch_add_explicit(&audit->dropped, 1, memory_order_relaxed);
        return err_set(err, ERR_BUSY, "the audit log's queue is full");
    }
    if (!audit_may_accept(audit))
        return err_set(err, ERR_UNAVAILABLE, "the audit log can't be written right now");
    if (queued > audit->queue_bytes / 2 ||
        atomic_load_explicit(&audit->open, memory_order_relaxed) >= audit->max_open)
        return err_set(err, ERR_BUSY, "the audit log's queue is full");
    return ERR_OK;
}

static bool reserve_scratch(struct audit_port *port, size_t bytes)
{
    if (bytes <= port->scratch_bytes)
        return true;
    uint8_t *scratch = realloc(port->scratch, bytes);
    if (scratch == NULL)
        return false;
    port->scratch = scratch;
    port->scratch_bytes = bytes;
    return true;
}

enum err_code audit_port_add(struct audit_port *port, const struct audit_entry *entry,
                             const struct data_key *key, struct audit_wait *wait, struct err *err)
{
    struct leaf_plan plan;
    leaf_measure(entry, port->audit->arguments_max, &plan);
    enum err_code code = check_room(port->audit, entry->kind, plan.record, err);
    if (code != ERR_OK)
        return code;
    struct sealed *sealed = obtain(port, plan.record);
    if (sealed == NULL || !reserve_scratch(port, plan.private_fields)) {
        free(sealed);
        return err_set(err, ERR_UNAVAILABLE, "memory is out");
    }
    sealed_fill(port->audit, sealed, entry, &plan, key, port->scratch);
    sealed->port = port;
    sealed->wait = wait;
    sealed->has_wait = wait != NULL;
    if (wait != NULL)
        wait->pending = sealed;
    sealed_list_add(&port->added, sealed);
    atomic_fetch_add_explicit(&port->audit->queued, plan.record, memory_order_relaxed);
    if (entry->kind == AUDIT_INTENT)
        atomic_fetch_add_explicit(&port->audit->open, 1, memory_order_relaxed);
    return ERR_OK;
}

void audit_port_flush(struct audit_port *port)
{
    struct audit *audit = port->audit;
    size_t count = 0;
    bool is_urgent = false;
    for (const struct sealed *sealed = port->added.head; sealed != NULL; sealed = sealed->next) {
        is_urgent |= sealed->has_wait;
        count++;
    }
    if (count == 0)
        return;
    atomic_fetch_add_explicit(&audit->added, count, memory_order_relaxed);
    pthread_mutex_lock(&port->lock);
    port->under_way += count;
    pthread_mutex_unlock(&port->lock);
    pthread_mutex_lock(&audit->lock);
    bool must_wake = audit->queue.head == NULL || (is_urgent && !audit->is_urgent);
    audit->is_urgent |= is_urgent;
    sealed_list_move(&audit->queue, &port->added);
    if (must_wake)
        pthread_cond_signal(&audit->work);
    pthread_mutex_unlock(&audit->lock);
}

/* ---- results ---- */

size_t audit_port_poll(struct audit_port *port)
{
    struct sealed_list done;
    struct sealed *sealed;
    size_t count = 0;
    sealed_list_init(&done);
    pthread_mutex_lock(&port->lock);
    sealed_list_move(&done, &port->done);
    pthread_mutex_unlock(&port->lock);
    while ((sealed = sealed_list_take(&done)) != NULL) {
        struct audit_wait *wait = MOVE(sealed->wait);
        if (wait != NULL) {
            wait->pending = NULL;
            wait->on_durable(wait, sealed->result, MOVE(sealed->receipt));
            count++;
        }
        recycle(port, sealed);
    }
    return count;
}

void audit_wait_cancel(struct audit_port *port, struct audit_wait *wait)
{
    (void)port;
    struct sealed *sealed = wait->pending;
    if (sealed != NULL)
        sealed->wait = NULL;
    wait->pending = NULL;
}

struct commit_wait {
    struct audit_wait wait; /* first */
    enum err_code code;
    bool is_done;
};

static void on_committed(struct audit_wait *wait, enum err_code code, struct receipt *receipt)
{
    struct commit_wait *commit = (struct commit_wait *)wait;
    receipt_free(receipt);
    commit->code = code;
    commit->is_done = true;
}

enum err_code audit_port_commit(struct audit_port *port, const struct audit_entry *entry,
                                const struct data_key *key, struct err *err)
{
    struct commit_wait commit = {.wait.on_durable = on_committed};
    enum err_code code = audit_port_add(port, entry, key, &commit.wait, err);
    if (code != ERR_OK)
        return code;
    audit_port_flush(port);
    while (!commit.is_done) {
        pthread_mutex_lock(&port->lock);
        while (port->done.head == NULL)
            pthread_cond_wait(&port->changed, &port->lock);
        pthread_mutex_unlock(&port->lock);
        audit_port_poll(port);
    }
    if (commit.code != ERR_OK)
        return err_set(err, commit.code, "the audit log can't be written right now");
    return ERR_OK;
}

/* ---- the writer's side ---- */

void port_return(struct sealed *sealed, struct audit_port **touched)
{
    struct audit_port *port = sealed->port;
    if (port == NULL) {
        sealed_free(sealed);
        return;
    }
    sealed_list_add(sealed->has_wait ? &port->back_done : &port->back_spent, sealed);
    port->back_count++;
    if (port->is_touched)
        return;
    port->is_touched = true;
    port->next_touched = *touched;
    *touched = port;
}

/* True: that was the last of a port whose owner is gone. */
static bool give_back(struct audit_port *port)
{
    pthread_mutex_lock(&port->lock);
    bool must_wake = port->done.head == NULL && port->back_done.head != NULL && !port->is_closed;
    sealed_list_move(&port->done, &port->back_done);
    sealed_list_move(&port->spent, &port->back_spent);
    port->under_way -= port->back_count;
    port->back_count = 0;
    port->is_touched = false;
    bool is_last = port->is_closed && port->under_way == 0;
    if (must_wake)
        pthread_cond_signal(&port->changed);
    /* Under the lock, so that the owner can't free the port and what wake touches in between. */
    if (must_wake && port->wake != NULL)
        port->wake(port->wake_ctx);
    pthread_mutex_unlock(&port->lock);
    return is_last;
}

void port_wake(struct audit_port **touched)
{
    struct audit_port *port = MOVE(*touched);
    while (port != NULL) {
        struct audit_port *next = port->next_touched;
        if (give_back(port))
            port_destroy(port);
        port = next;
    }
}
