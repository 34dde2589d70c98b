#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/table.h"
#include "gate/control_priv.h"
#include "gate/worker.h"

/* The id of the change under way, kept in the store so that a crash in between can be told. */
#define PENDING STR("change.pending")

struct health_row {
    struct server_health health;
    uint64_t address_hash; /* of the server that was discovered */
    int64_t asked_us;
};

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

/* Discovery: asked of a worker, which answers with control_on_discovered(). */

static struct health_row *health_of(struct control *control, int64_t server_id)
{
    char key[24];
    struct str name = str_of(key, (size_t)snprintf(key, sizeof key, "%" PRId64, server_id));
    struct health_row *row = table_get(control->health, name);

    if (row != NULL)
        return row;
    row = calloc(1, sizeof *row);
    if (row != NULL && !table_put(control->health, name, row, NULL)) {
        free(row);
        row = NULL;
    }
    return row;
}

static void ask(struct control *control, const struct snapshot_server *server,
                struct health_row *row, bool may_wake)
{
    row->health.state = SERVER_STATE_BUSY;
    row->address_hash = server->address_hash;
    row->asked_us = clock_wall_us();
    worker_discover(control->gate->workers[(uint64_t)server->id % control->gate->worker_count],
                    server->id, may_wake);
}

static bool is_due(const struct control *control, const struct snapshot_server *server,
                   const struct health_row *row, int64_t now)
{
    int64_t every = control->gate->settings->refresh_seconds * 1000000;

    if (server->problem.len > 0)
        return false;
    if (row->address_hash != server->address_hash)
        return true;
    return row->health.state != SERVER_STATE_BUSY && now - row->asked_us >= every;
}

void control_refresh_due(struct control *control, bool all)
{
    struct snapshot *snapshot = gate_snapshot(control->gate);

    for (size_t i = 0; i < snapshot_server_count(snapshot); i++) {
        const struct snapshot_server *server = snapshot_server_at(snapshot, i);
        struct health_row *row = health_of(control, server->id);

        if (row != NULL && (all || is_due(control, server, row, clock_wall_us())))
            ask(control, server, row, all);
    }
    snapshot_unref(snapshot);
}

static enum err_code find_server(struct snapshot *snapshot, struct str name,
                                 const struct snapshot_server **ret_server, struct err *err)
{
    *ret_server = snapshot_find_server(snapshot, name);
    if (*ret_server == NULL)
        return err_set(err, ERR_NOT_FOUND,
                       "there is no server '" STR_FMT "'; `portreeve server list` shows them",
                       STR_ARG(name));
    return ERR_OK;
}

enum err_code control_refresh(struct control *control, struct str name, struct err *err)
{
    struct snapshot *snapshot = gate_snapshot(control->gate);
    const struct snapshot_server *server = NULL;
    struct health_row *row = NULL;
    enum err_code code = find_server(snapshot, name, &server, err);

    if (code == ERR_OK && server->problem.len > 0)
        code = err_set(err, ERR_CONFLICT, STR_FMT, STR_ARG(server->problem));
    if (code == ERR_OK && (row = health_of(control, server->id)) == NULL)
        code = err_set(err, ERR_LIMIT, "memory is out");
    if (code == ERR_OK)
        ask(control, server, row, true);
    snapshot_unref(snapshot);
    return code;
}

enum err_code control_server_health(struct control *control, struct str name,
                                    struct server_health *ret_health, struct err *err)
{
    struct snapshot *snapshot = gate_snapshot(control->gate);
    const struct snapshot_server *server = NULL;
    enum err_code code = find_server(snapshot, name, &server, err);

    if (code == ERR_OK) {
        struct health_row *row = health_of(control, server->id);

        *ret_health = row == NULL ? (struct server_health){0} : row->health;
        if (server->problem.len > 0) {
            ret_health->state = SERVER_STATE_FAILED;
            (void)snprintf(ret_health->last_error, sizeof ret_health->last_error, STR_FMT,
                           STR_ARG(server->problem));
        }
    }
    snapshot_unref(snapshot);
    return code;
}

static void record_definitions(struct control *control, int64_t server_id,
                               const struct tool_changes *changes)
{
    struct snapshot *snapshot = gate_snapshot(control->gate);
    const struct snapshot_server *server = snapshot_find_server_id(snapshot, server_id);
    char detail[128];
    struct audit_entry entry = {
        .kind = AUDIT_DEFINITION, .attempt = 1, .server_id = (uint64_t)server_id};
    struct err err;

    entry.call_id = uuid_v7(clock_wall_us());
    entry.method = STR("tools/list");
    entry.server = server == NULL ? STR_NONE : server->name;
    entry.policy_version = changes->policy_version;
    (void)snprintf(detail, sizeof detail, "%zu tools new, %zu changed, %zu gone", changes->added,
                   changes->changed, changes->gone);
    entry.detail = str_c(detail);
    if (control_record(control, &entry, &err) != ERR_OK)
        log_event(LOG_ERROR, "definition_entry_not_recorded", LOG_ERR(&err));
    log_event(LOG_INFO, "tools_discovered", LOG_STR("server", entry.server),
              LOG_INT("new", changes->added), LOG_INT("changed", changes->changed),
              LOG_INT("gone", changes->gone));
    snapshot_unref(snapshot);
}

static enum err_code save_tools(struct control *control, const struct discovered *found,
                                struct err *err)
{
    struct store_change change = {.author = STR("discovery"), .now_us = clock_wall_us()};
    struct tool_changes changes = {0};
    enum err_code code = store_save_tools(control->gate->store, found->server_id, found->tools,
                                          found->tool_count, &change, &changes, err);

    if (code != ERR_OK || changes.added + changes.changed + changes.gone == 0)
        return code;
    record_definitions(control, found->server_id, &changes);
    return control_publish(control, err);
}

void control_on_discovered(struct control *control, const struct discovered *found)
{
    struct health_row *row = health_of(control, found->server_id);
    struct err err;
    const struct err *failure = found->failure;

    if (row == NULL)
        return;
    if (found->is_asleep) {
        row->health.state = SERVER_STATE_READY;
        return;
    }
    if (failure == NULL && save_tools(control, found, &err) != ERR_OK)
        failure = &err;
    if (failure == NULL) {
        row->health.state = SERVER_STATE_READY;
        row->health.discovered_us = clock_wall_us();
        row->health.last_error[0] = '\0';
        (void)snprintf(row->health.protocol, sizeof row->health.protocol, "%s", found->protocol);
        return;
    }
    row->health.state = SERVER_STATE_FAILED;
    row->health.failed_us = clock_wall_us();
    (void)snprintf(row->health.last_error, sizeof row->health.last_error, "%s", failure->text);
    log_event(LOG_WARN, "discovery_failed", LOG_INT("server_id", found->server_id),
              LOG_ERR(failure));
}
