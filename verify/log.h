/*
 * log.h - a whole log: every file, batch, record and leaf, calls and their outcomes, the stored
 * tree, the checkpoint, and what older checkpoints said.
 */
#pragma once

#include <stdbool.h>

#include "finding.h"
#include "image.h"

enum { LOG_MAX_KEYS = 16, LOG_MAX_SINCE = 64 };

/* A checkpoint that somebody kept. */
struct kept_note {
    uint8_t text[NOTE_MAX_BYTES];
    size_t len;
};

struct log_options {
    const struct vkey *keys;
    size_t key_count;
    const struct kept_note *since;
    size_t since_count;
    uint64_t max_age_s; /* of the last checkpoint; 0: any */
};

struct log_summary {
    uint64_t entries;
    size_t files;
    uint64_t signed_entries;
    size_t open_calls;
    bool is_signature_checked;
};

/* Adds what is wrong. False: it can't be read at all. */
bool log_check(const struct image *image, const struct log_options *options,
               struct findings *findings, struct log_summary *ret_summary);
/* Prints findings and a summary. Exit codes: 0 nothing is wrong, 1 something is, 3 it can't be
 * read. dir: data_dir/audit, or a copy. */
int log_verify(const char *dir, const struct log_options *options, bool is_json);
