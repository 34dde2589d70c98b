/*
 * keyring.h - the long-lived keys of one installation: data_dir/keys, one file (0600) per key.
 *
 * 1. keyring_create() never touches what exists; keyring_load() never creates. A lost key is
 *    therefore seen, never silently replaced by a new one.
 * 2. Each key has an id that is computed from its bytes. data_dir/keyring.manifest lists the ids,
 *    beside the data and not beside the keys, so that keys of another installation are found out.
 * 3. Key bytes stand in locked memory (struct secret) and have no formatting function.
 *
 * Threads: immutable once loaded. Creating and loading block.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

enum keyring_key {
#define X(name, file, purpose, lost) name,
#include "keys/keyring.def"
#undef X
    KEYRING_KEYS /* how many there are */
};

#define KEYRING_KEY_BYTES 32
#define KEYRING_ID_BYTES  8

struct keyring;

/* Are there keys, or a manifest of keys, in data_dir? */
bool keyring_exists(const char *data_dir);
/* Makes all keys. ERR_CONFLICT when a key or a manifest is there already: nothing is changed. */
enum err_code keyring_create(const char *data_dir, struct err *err) MUST_CHECK;
/* *ret_keyring is the caller's: keyring_free() it. ERR_NOT_FOUND: a key or the manifest is missing;
 * ERR_CONFLICT: a key is not the one this data was made with; ERR_CORRUPT: a damaged key file;
 * ERR_DENIED: others may read a key file. The sentence says what would be lost. */
enum err_code keyring_load(const char *data_dir, struct keyring **ret_keyring,
                           struct err *err) MUST_CHECK;
void keyring_free(struct keyring *keyring); /* wipes; NULL is fine */
void keyring_freep(struct keyring **keyring);

/* KEYRING_KEY_BYTES bytes, borrowed. KEY_CHECKPOINT is the Ed25519 seed (RFC 8032 §5.1.5). */
const uint8_t *keyring_get(const struct keyring *keyring, enum keyring_key key);
/* KEYRING_ID_BYTES bytes, borrowed; no secret. */
const uint8_t *keyring_get_id(const struct keyring *keyring, enum keyring_key key);
const char *keyring_key_name(enum keyring_key key);
const char *keyring_key_purpose(enum keyring_key key);
