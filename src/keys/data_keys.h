/*
 * data_keys.h - the keys that audit entries are encrypted under: one per (subject, retention class,
 * month), random, wrapped by the key encryption key, in a small SQLite database of their own. Who
 * destroys a key erases what it encrypted; nothing else has to change.
 *
 * 1. The database holds no name: a subject is a keyed hash. Deleted rows are overwritten.
 * 2. Key ids are never used twice.
 *
 * Threads: all functions may be called from any thread. data_keys_find() only looks
 * into memory; the others block on the database and belong into a job.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"
#include "keys/keyring.h"

struct data_keys;

struct data_key {
    uint64_t id;       /* never 0 */
    uint8_t bytes[32]; /* in locked memory */
};

struct data_key_name {
    struct str subject; /* who the data is about: a principal's id; empty: nobody in particular */
    uint32_t retention; /* retention class */
    uint32_t period;    /* data_keys_period() */
};

/* The month of a time: year * 12 + month (0 to 11), UTC. */
uint32_t data_keys_period(int64_t wall_us);

/* Opens or creates the database. ERR_CONFLICT: it was made under another keyring. keyring outlives
 * the result, which is the caller's: data_keys_close() it. */
enum err_code data_keys_open(const char *path, const struct keyring *keyring,
                             struct data_keys **ret_keys, struct err *err) MUST_CHECK;
void data_keys_close(struct data_keys *keys); /* NULL is fine */
void data_keys_closep(struct data_keys **keys);

/* Keys are borrowed and stay where they are until data_keys_close(). NULL: not in memory; make it
 * in a job. */
const struct data_key *data_keys_find(struct data_keys *keys, const struct data_key_name *name);
/* Reads the key from the database or makes it (durable before it is returned), and keeps it in
 * memory. */
enum err_code data_keys_make(struct data_keys *keys, const struct data_key_name *name,
                             const struct data_key **ret_key, struct err *err) MUST_CHECK;
/* For decrypting. ERR_NOT_FOUND: never was there, or was destroyed. */
enum err_code data_keys_by_id(struct data_keys *keys, uint64_t id, const struct data_key **ret_key,
                              struct err *err) MUST_CHECK;
/* Destroys every key of the subject, in memory and on disk; what they encrypted is unreadable from
 * here on. *ret_count: how many there were. Keys handed out before are wiped to zeros: the caller
 * sees to it that nobody seals for this subject meanwhile. */
enum err_code data_keys_erase(struct data_keys *keys, struct str subject, uint64_t *ret_count,
                              struct err *err) MUST_CHECK;
