#include "gate/entry_facts.h"

#include <string.h>

#include "base/buf.h"
#include "base/words.h"

static struct str write_scopes(uint32_t scopes, char *text, size_t size)
{
    size_t len = 0;

    for (unsigned i = 0; i < SCOPES; i++) {
        struct str word = str_c(scope_word((enum scope)i));

        if ((scopes & SCOPE_BIT(i)) == 0 || len + 1 + word.len > size)
            continue;
        if (len > 0)
            text[len++] = ',';
        memcpy(text + len, word.ptr, word.len);
        len += word.len;
    }
    return str_of(text, len);
}

void entry_set_caller(struct audit_entry *entry, const struct caller *caller,
                      struct entry_facts *facts)
{
    if (caller == NULL)
        return;
    entry->principal_kind = str_c(principal_word(caller->kind));
    entry->principal_id = caller->id;
    entry->principal_name = caller->name;
    entry->email = caller->email;
    entry->owner = caller->owner;
    entry->issuer = caller->issuer;
    entry->subject = caller->subject;
    entry->token_id = caller->token_id;
    entry->client_id = caller->client_id;
    entry->chain = caller->chain;
    entry->scopes = write_scopes(caller->scopes, facts->scopes, sizeof facts->scopes);
}

void entry_set_addresses(struct audit_entry *entry, const struct addr *peer,
                         const struct addr *address, struct entry_facts *facts)
{
    addr_format(peer, facts->peer);
    addr_format_ip(address, facts->address);
    entry->peer = str_c(facts->peer);
    entry->address = str_c(facts->address);
}
