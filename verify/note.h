/*
 * note.h - signed notes, checkpoints and verifier keys (c2sp.org/signed-note, tlog-checkpoint,
 * tlog-cosignature).
 */
#pragma once

#include <stdbool.h>

#include "crypto.h"

enum { NOTE_MAX_BYTES = 64 << 10, NOTE_MAX_NAME = 255 };

/* "name+id+key" taken apart. */
struct vkey {
    char name[NOTE_MAX_NAME + 1];
    uint8_t id[4];
    uint8_t type; /* 1: Ed25519; 4: Ed25519 with a time */
    uint8_t key[32];
};

bool vkey_read(struct bytes text, struct vkey *ret_key);

struct checkpoint {
    struct bytes origin; /* a view of the note */
    uint64_t size;
    uint8_t root[HASH_BYTES];
};

/* The three lines, whoever signed them. */
bool checkpoint_read(struct bytes note, struct checkpoint *ret_checkpoint);

enum signature {
    SIGNATURE_NONE, /* the note has no line of this key */
    SIGNATURE_GOOD,
    SIGNATURE_BAD,
};

/* *ret_time (may be NULL): seconds since the epoch, of a good line with a time; else 0. */
enum signature note_check(struct bytes note, const struct vkey *key, uint64_t *ret_time);
