/*
 * search.h - reading the audit log back: by filter through the index, by call, by index, from the
 * end.
 *
 * A row is a call (its intent joined with its outcome) or a single entry of another kind. Rows are
 * numbered in the order in which they were settled; paging by that number is stable.
 *
 * Threads: any that may block (jobs); each call opens what it needs read-only. Results live in
 * arena.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/audit.h"
#include "audit/entry.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/words.h"

enum audit_block {
    AUDIT_BLOCK_NONE,   /* the entry has no such block */
    AUDIT_BLOCK_CLOSED, /* not asked for */
    AUDIT_BLOCK_READ,
    AUDIT_BLOCK_ERASED,  /* its key was destroyed */
    AUDIT_BLOCK_DAMAGED, /* does not open under its key */
};

/* A field that was longer than its cap. */
struct audit_cut {
    uint16_t tag;        /* of fields.def; 0: the arguments */
    uint64_t full_bytes; /* length of the whole */
    uint8_t sha256[32];  /* of the whole */
};

struct audit_record {
    uint64_t index;
    uint64_t row; /* of audit_search(): pass the last one as `before` for the next page */
    int64_t commit_us;
    uint8_t leaf_hash[32]; /* RFC 9162 §2.1.1: SHA-256(0 ‖ leaf) */
    uint8_t log_id[16];
    uint64_t key_id;
    struct audit_entry entry; /* private fields empty unless identity is AUDIT_BLOCK_READ */
    enum audit_block identity;
    enum audit_block arguments;
    const struct audit_cut *cuts;
    size_t cut_count;
    /* Of a call: its outcome. NULL: an intent that has none yet, or another kind. */
    const struct audit_record *outcome;
};

struct audit_page {
    const struct audit_record *records;
    size_t count;
    bool more;    /* older rows match, too */
    uint64_t lag; /* entries that are durable, but not yet searched */
};

#define AUDIT_SEARCH_MAX 1000

struct audit_filter {
    int64_t since_us;          /* 0: from the start. Time of the intent, or of the single entry */
    int64_t until_us;          /* 0: to the end; exclusive */
    struct str server;         /* empty: any */
    struct str tool;           /* upstream or exposed name */
    struct str principal;      /* principal id, name or e-mail; ASCII case does not count */
    struct str principal_kind; /* word */
    struct str category;       /* word */
    struct str decision;       /* word */
    struct str outcome;        /* word; "open": none yet */
    struct str method;
    const struct uuid *call_id; /* NULL: any */
    uint32_t kinds;      /* bit (1 << enum audit_kind); 0: any. A call counts as its intent */
    uint64_t before;     /* rows below this one; 0: from the newest */
    uint32_t limit;      /* 0: 100; at most AUDIT_SEARCH_MAX */
    bool oldest_first;   /* then `before` means after */
    bool with_arguments; /* decrypt them; the caller records that as an entry of kind read */
};

/* Newest first. Waits up to a second for the index to have everything that was durable before. */
enum err_code audit_search(struct audit *audit, const struct audit_filter *filter,
                           struct arena *arena, struct audit_page *ret_page,
                           struct err *err) MUST_CHECK;
/* All entries of a call, in log order. ERR_NOT_FOUND: none. */
enum err_code audit_show_call(struct audit *audit, const struct uuid *call_id, bool with_arguments,
                              struct arena *arena, struct audit_page *ret_page,
                              struct err *err) MUST_CHECK;
/* One entry by its index; a call's intent comes with its outcome. ERR_NOT_FOUND: past the end. */
enum err_code audit_show_index(struct audit *audit, uint64_t index, bool with_arguments,
                               struct arena *arena, struct audit_record *ret_record,
                               struct err *err) MUST_CHECK;
/* Entries [from, from + limit) as they stand in the log, unjoined; fewer at the end. */
enum err_code audit_tail(struct audit *audit, uint64_t from, uint32_t limit, bool with_arguments,
                         struct arena *arena, struct audit_page *ret_page,
                         struct err *err) MUST_CHECK;

/* Throws the index away and has it built again from the journal; returns at once,
 * audit_get_status() shows how far it is. */
void audit_reindex(struct audit *audit);
