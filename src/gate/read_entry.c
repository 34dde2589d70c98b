#include "gate/read_entry.h"

#include "base/clock.h"
#include "gate/entry_facts.h"
#include "gate/gate_priv.h"

enum err_code read_entry_record(const struct api_request *request, struct str what, struct err *err)
{
    struct audit_entry entry = {.kind = AUDIT_READ, .attempt = 1};
    const struct data_key_name name = {.subject = request->caller.id,
                                       .period = data_keys_period(clock_wall_us())};
    const struct data_key *key = NULL;
    struct entry_facts facts;

    entry.call_id = uuid_v7(clock_wall_us());
    entry.method = STR("audit.decrypt");
    entry.detail = what; /* a filter may name a person */
    entry_set_caller(&entry, &request->caller, &facts);
    entry_set_addresses(&entry, &request->peer, &request->address, &facts);
    entry.user_agent = request->user_agent;
    entry.listener = request->listener;
    if (data_keys_make(request->gate->data_keys, &name, &key, err) != ERR_OK)
        return err_wrap(err, "record the reading");
    struct audit_port *port = audit_port_new(request->gate->audit, NULL, NULL);
    if (port == NULL)
        return err_set(err, ERR_LIMIT, "memory is out");
    enum err_code code = audit_port_commit(port, &entry, key, err);
    audit_port_free(port);
    return code == ERR_OK ? ERR_OK : err_wrap(err, "record the reading");
}
