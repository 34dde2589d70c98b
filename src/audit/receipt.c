#include "audit/receipt.h"

#include <stdlib.h>
#include <string.h>

#include "audit/audit_priv.h"
#include "audit/leaf.h"
#include "base/crypto.h"

struct receipt {
    struct uuid call_id;
    uint64_t server_id;
    uint64_t index;
    uint8_t digest[LEAF_DIGEST_BYTES];
    struct leaf_keys keys;
};

struct receipt *receipt_new(const struct sealed *sealed, uint64_t index)
{
    struct receipt *receipt = malloc(sizeof *receipt);
    if (receipt == NULL)
        return NULL;
    receipt->call_id = sealed->call_id;
    receipt->server_id = sealed->server_id;
    receipt->index = index;
    memcpy(receipt->digest, sealed->record + RECORD_HEAD_BYTES + LEAF_REQUEST_AT,
           sizeof receipt->digest);
    receipt->keys = sealed->keys;
    return receipt;
}

void receipt_free(struct receipt *receipt)
{
    if (receipt == NULL)
        return;
    crypto_wipe(receipt, sizeof *receipt);
    free(receipt);
}

void receipt_freep(struct receipt **receipt)
{
    receipt_free(*receipt);
    *receipt = NULL;
}

uint64_t receipt_index(const struct receipt *receipt)
{
    return receipt->index;
}

void receipt_result_key(const struct receipt *receipt, uint8_t ret_key[RECEIPT_KEY_BYTES])
{
    memcpy(ret_key, receipt->keys.result, sizeof receipt->keys.result);
}

bool receipt_spend(struct receipt **receipt, const struct uuid *call_id, uint64_t server_id,
                   struct str method, struct str upstream_name, struct str arguments)
{
    CLEANUP(receipt_freep) struct receipt *spent = MOVE(*receipt);
    uint8_t digest[LEAF_DIGEST_BYTES];
    if (spent == NULL || spent->server_id != server_id ||
        memcmp(&spent->call_id, call_id, sizeof *call_id) != 0)
        return false;
    leaf_request_digest(spent->keys.record, method, upstream_name, arguments, digest);
    return str_eq_secret(str_of((const char *)digest, sizeof digest),
                         str_of((const char *)spent->digest, sizeof spent->digest));
}
