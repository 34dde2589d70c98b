/*
 * journal.h - where entries become durable, as a table of operations: files today, a database when
 * several gateways share the work. Private to the room.
 *
 * 1. append() returns ERR_OK only when the whole batch is durable.
 * 2. After any failure of append() nothing of that batch counts, and nothing can be appended before
 *    resume() returned ERR_OK.
 *
 * Threads: the writer's alone, but for the reading side, which goes through segments.h and
 * reader.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "audit/audit.h"
#include "audit/intents.h"
#include "audit/segments.h"
#include "base/attr.h"
#include "base/err.h"

struct journal;

enum { JOURNAL_BATCH_MAX = 1000 }; /* records in a batch */

/* A batch: records with index, commit time and leaf hash set. */
struct journal_batch {
    const struct iovec *records;
    size_t count; /* 1 to JOURNAL_BATCH_MAX */
    uint64_t bytes;
    uint64_t first_index;
    int64_t committed_us;
};

struct journal_space {
    uint64_t room_bytes;  /* that can be appended without asking the disk for space */
    uint64_t spare_bytes; /* of these: in segments not begun */
    uint64_t disk_bytes;  /* free on the disk */
    uint64_t segment_bytes;
    uint64_t reserve_bytes;
};

struct journal_ops {
    /* *ret_at: where the batch begins. */
    enum err_code (*append)(struct journal *journal, const struct journal_batch *batch,
                            struct journal_pos *ret_at, struct err *err);
    enum err_code (*resume)(struct journal *journal, struct err *err);
    /* May be called from any thread. */
    void (*get_space)(struct journal *journal, struct journal_space *ret_space);
    void (*close)(struct journal *journal);
};

struct journal {
    const struct journal_ops *ops;
};

struct journal_config {
    const char *dir;
    uint64_t segment_bytes;
    uint64_t reserve_bytes;
    struct audit_hooks hooks;
    struct segments *segments; /* loaded */
    struct intents *intents;   /* filled in by recovery; read when a segment begins */
};

/* The filling with files. Cuts what a crash left incomplete; the end is then in segments_get_end().
 * log_id is set from the journal, or is that of a new one. segments and intents outlive
 * *ret_journal. */
enum err_code journal_files_open(const struct journal_config *config, uint8_t log_id[16],
                                 struct journal **ret_journal, struct err *err) MUST_CHECK;
