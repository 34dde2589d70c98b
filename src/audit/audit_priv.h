/*
 * audit_priv.h - what the audit log's own files share: the log, its queue, and an entry on its way.
 *
 * An entry's way: made and sealed on the port's thread, listed in the port, handed to the queue by
 * audit_port_flush(), written by the writer thread, back to the port's done or spent list, and from
 * there into the port's pool.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/audit.h"
#include "audit/intents.h"
#include "audit/journal.h"
#include "audit/leaf.h"
#include "audit/segments.h"

struct indexer;
struct notary;

enum {
    POOL_CLASSES = 5,
    POOL_FIRST_BYTES = 1024,
    POOL_KEPT_BYTES = 1 << 20, /* free ones kept per size */
};

/* An entry on its way. */
struct sealed {
    struct sealed *next;
    struct audit_port *port; /* NULL: the log's own; freed when written */
    struct audit_wait *wait; /* the port thread's; NULL after audit_wait_cancel() */
    bool has_wait;
    uint8_t pool_rank; /* POOL_CLASSES: by malloc alone */
    enum audit_kind kind;
    enum err_code result;
    uint32_t attempt;
    struct uuid call_id;
    uint64_t server_id;
    size_t record_bytes;
    struct receipt *receipt;
    struct leaf_keys keys; /* of an intent */
    uint8_t *record;       /* in the same allocation */
};

struct sealed_list {
    struct sealed *head;
    struct sealed **tail;
};

static inline void sealed_list_init(struct sealed_list *list)
{
    list->head = NULL;
    list->tail = &list->head;
}

static inline void sealed_list_add(struct sealed_list *list, struct sealed *sealed)
{
    sealed->next = NULL;
    *list->tail = sealed;
    list->tail = &sealed->next;
}

/* Moves all of from behind what is in to. */
static inline void sealed_list_move(struct sealed_list *to, struct sealed_list *from)
{
    if (from->head == NULL)
        return;
    *to->tail = from->head;
    to->tail = from->tail;
    sealed_list_init(from);
}

static inline struct sealed *sealed_list_take(struct sealed_list *list)
{
    struct sealed *sealed = list->head;
    if (sealed == NULL)
        return NULL;
    list->head = sealed->next;
    if (list->head == NULL)
        list->tail = &list->head;
    return sealed;
}

struct audit {
    char *dir;
    int lock_fd;
    const struct keyring *keyring;
    struct data_keys *data_keys;
    uint8_t log_id[LEAF_ID_BYTES];
    uint64_t segment_bytes;
    uint64_t reserve_bytes;
    uint32_t gather_us;
    size_t queue_bytes;
    size_t arguments_max;
    uint64_t max_open;
    struct segments *segments;
    struct intents *intents; /* the writer's */
    struct journal *journal;
    struct indexer *indexer; /* NULL: no index */
    struct notary *notary;   /* NULL: no checkpoints */

    /* For entries about nobody in particular; replaced by the writer each month. */
    const struct data_key *_Atomic own_key;
    uint32_t own_period;

    pthread_t writer;
    bool has_writer;
    pthread_mutex_t lock; /* queue, is_stopping, why */
    pthread_cond_t work;
    struct sealed_list queue;
    bool is_stopping;
    bool is_urgent; /* somebody waits for something in the queue */
    char why[ERR_TEXT_BYTES];

    /* The writer's alone. */
    struct sealed_list retained; /* to be written once the journal is back */
    bool has_failed;
    uint64_t retry_at_us;
    unsigned last_pauses; /* of the last gathering; 0: it ended for want of more */
    size_t last_waits;    /* entries of the last batch that somebody waited for */
    uint64_t looked_at_us;
    uint64_t reported_drops;

    _Atomic size_t queued;    /* bytes from audit_port_add() until durable */
    _Atomic uint64_t open;    /* intents accepted and not settled */
    _Atomic uint64_t added;   /* entries handed to the writer */
    _Atomic uint64_t settled; /* of these: written, failed or kept back */
    _Atomic uint64_t entries;
    _Atomic uint64_t batches;
    _Atomic uint64_t dropped;
    _Atomic uint64_t failures;
    _Atomic int64_t last_commit_us;
    _Atomic bool accepts;
};

/* An entry that waits for nobody, from the log itself. NULL: memory is out. */
struct sealed *sealed_new(struct audit *audit, const struct audit_entry *entry);
void sealed_free(struct sealed *sealed); /* of one without a port */
/* The same entry, without port and wait. NULL: memory is out. */
struct sealed *sealed_copy(const struct sealed *sealed);
/* Fills in what the writer needs to know, and seals. record has plan->record bytes. */
void sealed_fill(struct audit *audit, struct sealed *sealed, const struct audit_entry *entry,
                 const struct leaf_plan *plan, const struct data_key *key, uint8_t *scratch);

/* Gives a written or failed entry back to where it came from; the port learns of it at port_wake().
 */
void port_return(struct sealed *sealed, struct audit_port **touched);
void port_wake(struct audit_port **touched);

struct receipt *receipt_new(const struct sealed *sealed, uint64_t index);

/* Waits until what was handed over before is written or has failed; at most that long. */
void writer_sync(struct audit *audit, uint32_t timeout_ms);
/* Starts the thread; the journal is open. */
bool writer_start(struct audit *audit);
/* Writes what is queued and ends the thread. */
void writer_stop(struct audit *audit);
/* Looks at disk and journal, and sets `accepts` and `why`. */
void writer_look(struct audit *audit);
