/*
 * log.h - a whole log: every file, batch, record and leaf, calls and their outcomes, the stored
 * tree, the checkpoint, and what older checkpoints said.
 */
#pragma once

#include <stdbool.h>

#include "finding.h"
#include "note.h"

enum { LOG_MAX_KEYS = 16, LOG_MAX_SINCE = 64 };

struct log_options {
    const char *dir; /* data_dir/audit, or a copy */
    struct vkey keys[LOG_MAX_KEYS];
    size_t key_count;
    const char *since[LOG_MAX_SINCE]; /* files of checkpoints that somebody kept */
    size_t since_count;
    uint64_t max_age_s; /* of the last checkpoint; 0: any */
    bool is_json;
};

/* Prints findings and a summary. Exit codes: 0 nothing is wrong, 1 something is, 3 it can't be
 * read. */
int log_verify(const struct log_options *options);
/* A file whole, as long as a note may be. False: it can't be read. */
bool note_load(const char *path, uint8_t ret_text[NOTE_MAX_BYTES], size_t *ret_len);
