/*
 * entry_facts.h - the fields of an audit entry that say who and from where.
 */
#pragma once

#include "audit/entry.h"
#include "base/addr.h"
#include "identity/caller.h"

/* Text that the views of the entry point into while it is handed over. */
struct entry_facts {
    char scopes[160];
    char peer[ADDR_TEXT_BYTES];
    char address[ADDR_TEXT_BYTES];
    char listener[ADDR_TEXT_BYTES];
};

/* caller NULL: nobody known. */
void entry_set_caller(struct audit_entry *entry, const struct caller *caller,
                      struct entry_facts *facts);
void entry_set_addresses(struct audit_entry *entry, const struct addr *peer,
                         const struct addr *address, struct entry_facts *facts);
