/*
 * receipt.h - the proof that an intent is durable (law 1). The audit writer alone makes one, after
 * the data sync returned; the function that sends upstream consumes it.
 *
 * 1. Move-only: one owner, spent or freed once; the owner's pointer becomes NULL.
 * 2. It fits one call only: call id, server, method, upstream name and argument bytes, the latter
 * as a digest under a key of the entry.
 *
 * Threads: one at a time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"
#include "base/uuid.h"

struct receipt;

/* Consumes *receipt (NULL is fine: false). False: the bytes about to be sent are not those that
 * were recorded; nothing may be sent. upstream_name is the entry's tool, or its object when it has
 * no tool. */
bool receipt_spend(struct receipt **receipt, const struct uuid *call_id, uint64_t server_id,
                   struct str method, struct str upstream_name, struct str arguments) MUST_CHECK;
/* For a call that is not sent after all. NULL is fine. */
void receipt_free(struct receipt *receipt);
void receipt_freep(struct receipt **receipt);

/* The key of the digest of this call's result: HMAC-SHA-256, so that the digest may stand in clear
 * and says nothing once the key is erased. The caller wipes it. */
#define RECEIPT_KEY_BYTES 32
void receipt_result_key(const struct receipt *receipt, uint8_t ret_key[RECEIPT_KEY_BYTES]);

/* Index of the intent in the log. */
uint64_t receipt_index(const struct receipt *receipt);
