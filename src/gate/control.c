#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/table.h"
#include "gate/control_priv.h"

/* The id of the change under way, kept in the store so that a crash in between can be told. */
#define PENDING STR("change.pending")

struct control *gate_control(struct gate *gate)
{
    return gate->control;
}

enum err_code control_new(struct gate *gate, struct control **ret_control, struct err *err)
{
    struct control *control = calloc(1, sizeof *control);

    if (control == NULL)
        return err_set(err, ERR_LIMIT, "memory is out");
    control->gate = gate;
    control->port = audit_port_new(gate->audit, NULL, NULL);
    control->health = table_new();
    if (control->port == NULL || control->health == NULL) {
        control_free(control);
        return err_set(err, ERR_LIMIT, "memory is out");
    }
    *ret_control = control;
    return ERR_OK;
}

void control_free(struct control *control)
{
    size_t pos = 0;
    struct str key;
    void *row = NULL;

    if (control == NULL)
        return;
    while (control->health != NULL && table_next(control->health, &pos, &key, &row))
        free(row);
    table_free(control->health);
    if (control->port != NULL)
        audit_port_free(control->port);
    free(control);
}

static bool has_program(void *ctx, struct str name)
{
    return settings_find_program(ctx, name) != NULL;
}

static bool has_secret(void *ctx, struct str name)
{
    return settings_has_secret(ctx, name);
}

struct governance_host control_host(struct control *control)
{
    union {
        const struct settings *in;
        void *out;
    } settings = {.in = control->gate->settings};

    return (struct governance_host){
        .has_program = has_program, .has_secret = has_secret, .ctx = settings.out};
}

enum err_code control_view(struct control *control, struct arena *arena,
                           struct store_view *ret_view, struct err *err)
{
    return store_load_view(control->gate->store, arena, ret_view, err);
}

/* The pair of entries around a change. */

enum err_code control_record(struct control *control, const struct audit_entry *entry,
                             struct err *err)
{
    const struct data_key *key = NULL;
    struct data_key_name name = {.subject = entry->principal_id,
                                 .period = data_keys_period(clock_wall_us())};

    if (data_keys_make(control->gate->data_keys, &name, &key, err) != ERR_OK)
        return err_wrap(err, "record the change");
    if (audit_port_commit(control->port, entry, key, err) != ERR_OK)
        return err_wrap(err, "record the change");
    return ERR_OK;
}

static void fill_entry(const struct control_change *change, const struct uuid *id,
                       struct audit_entry *entry, struct entry_facts *facts)
{
    const struct api_request *request = change->request;

    *entry = (struct audit_entry){.kind = AUDIT_ADMIN, .call_id = *id, .attempt = 1};
    entry->method = str_c(change->action);
    entry->detail = change->detail;
    if (request == NULL)
        return;
    entry_set_caller(entry, &request->caller, facts);
    entry_set_addresses(entry, &request->peer, &request->address, facts);
    entry->user_agent = request->user_agent;
    entry->listener = request->listener;
}

enum err_code control_begin(struct control *control, const struct control_change *change,
                            struct pending *pending, struct err *err)
{
    int64_t now = clock_wall_us();

    pending->id = uuid_v7(now);
    uuid_format(&pending->id, pending->text);
    pending->change = (struct store_change){
        .id = str_of(pending->text, UUID_TEXT_BYTES),
        .author = change->request == NULL ? STR("portreeve") : change->request->caller.id,
        .now_us = now,
    };
    fill_entry(change, &pending->id, &pending->entry, &pending->facts);
    if (store_save_meta(control->gate->store, PENDING, pending->change.id, err) != ERR_OK)
        return err_wrap(err, change->action);
    return control_record(control, &pending->entry, err);
}

static void log_unfinished(const char *what, const struct err *err)
{
    log_event(LOG_ERROR, "change_outcome_not_recorded", LOG_C("action", what), LOG_ERR(err));
}

/* What cannot be recorded now stays pending and is recorded at the next start. */
static void end(struct control *control, struct pending *pending, const char *action,
                const struct err *failure)
{
    struct err err;

    pending->entry.outcome = failure == NULL ? STR("ok") : str_c(err_word(failure->code));
    if (failure != NULL)
        pending->entry.detail = str_c(failure->text);
    pending->entry.time_us = 0;
    if (control_record(control, &pending->entry, &err) != ERR_OK ||
        (failure == NULL &&
         store_forget_change(control->gate->store, pending->change.id, &err) != ERR_OK) ||
        store_save_meta(control->gate->store, PENDING, STR_NONE, &err) != ERR_OK)
        log_unfinished(action, &err);
}

enum err_code control_reconcile(struct control *control, struct err *err)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(1 << 20);
    struct str text = STR_NONE;
    struct pending pending = {0};
    bool was_made = false;

    if (arena == NULL)
        return err_set(err, ERR_LIMIT, "memory is out");
    enum err_code code = store_load_meta(control->gate->store, arena, PENDING, &text, err);
    if (code == ERR_NOT_FOUND || (code == ERR_OK && text.len == 0))
        return ERR_OK;
    if (code != ERR_OK || !uuid_parse(text, &pending.id) ||
        store_has_change(control->gate->store, text, &was_made, err) != ERR_OK)
        return err_wrap(err, "the change that was under way at the last stop");
    pending.change.id = text;
    pending.entry = (struct audit_entry){.kind = AUDIT_ADMIN,
                                         .call_id = pending.id,
                                         .attempt = 1,
                                         .method = STR("reconcile"),
                                         .outcome = was_made ? STR("ok") : STR("not_made")};
    if (control_record(control, &pending.entry, err) != ERR_OK ||
        (was_made && store_forget_change(control->gate->store, text, err) != ERR_OK))
        return err_wrap(err, "record what became of the last change");
    return store_save_meta(control->gate->store, PENDING, STR_NONE, err);
}

enum err_code control_publish(struct control *control, struct err *err)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(CONTROL_ARENA_BYTES);
    struct store_view view = {0};
    struct snapshot *snapshot = NULL;

    if (arena == NULL)
        return err_set(err, ERR_LIMIT, "memory is out");
    if (store_load_view(control->gate->store, arena, &view, err) != ERR_OK ||
        snapshot_new(&view, control->gate->settings, &snapshot, err) != ERR_OK)
        return err_wrap(err, "publish");
    gate_publish(control->gate, snapshot);
    snapshot_unref(snapshot);
    return ERR_OK;
}

/* The change is stored; it must now be decided by. A snapshot that can't be made is a state in
 * which what is stored and what is decided by differ: that is logged loudly and told to the caller.
 */
enum err_code control_finish(struct control *control, struct pending *pending, const char *action,
                             enum err_code code, struct err *err)
{
    end(control, pending, action, code == ERR_OK ? NULL : err);
    if (code != ERR_OK)
        return err_wrap(err, action);
    code = control_publish(control, err);
    if (code != ERR_OK)
        log_event(LOG_ERROR, "snapshot_failed", LOG_C("action", action), LOG_ERR(err));
    return code;
}

enum err_code control_edit(struct control *control, const struct control_change *change,
                           control_edit_fn *edit, void *ctx, struct arena *arena,
                           uint64_t *ret_version, struct err *err)
{
    struct store *store = control->gate->store;
    struct governance governance = {0};
    struct pending pending = {0};
    struct err local;

    err = err == NULL ? &local : err;
    if (store_load_governance(store, arena, &governance, err) != ERR_OK)
        return err_wrap(err, change->action);
    uint64_t expected = governance.version;
    enum err_code code = edit(&governance, arena, ctx, err);

    if (code != ERR_OK)
        return code;
    struct governance_host host = control_host(control);
    code = governance_check(&governance, &host, err);
    if (code == ERR_OK)
        code = control_begin(control, change, &pending, err);
    if (code != ERR_OK)
        return code;
    code = store_save_governance(store, &governance, expected, &pending.change, ret_version, err);
    code = control_finish(control, &pending, change->action, code, err);
    if (code == ERR_OK)
        control_refresh_due(control, false);
    return code;
}
