/*
 * seal.h - text that leaves the gateway and comes back, unreadable and unchangeable: session ids of
 * legacy clients, cursors, states of redirects.
 *
 * Format, before base64url: version (1 byte, 1), id of the session key (8 bytes), salt (16 random
 * bytes), AES-256-GCM of the plain bytes (tag last) with a zero nonce under HKDF-Expand(session
 * key, "portreeve seal v1" ‖ purpose ‖ 0 ‖ salt). The salt makes every key single-use. The caller's
 * aad is bound, not carried.
 *
 * Threads: any.
 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "keys/keyring.h"

/* Appends base64url text to out; failure shows in the buf. purpose separates uses: what was sealed
 * for one never opens for another. */
void seal_add(const struct keyring *keyring, const char *purpose, struct str aad, struct str plain,
              struct buf *out);
/* Does it begin like something that this installation sealed, for whatever purpose? */
bool seal_looks_ours(const struct keyring *keyring, struct str text);
/* False: not sealed by this installation for this purpose and aad, or changed, or arena full. */
bool seal_open(const struct keyring *keyring, const char *purpose, struct str aad, struct str text,
               struct arena *arena, struct str *ret_plain) MUST_CHECK;
