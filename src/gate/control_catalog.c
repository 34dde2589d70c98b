/*
 * What servers offer: asked of a worker, which answers with control_on_discovered(); how each
 * server does; and what a person decides about its tools.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/table.h"
#include "catalog/definition_diff.h"
#include "catalog/review.h"
#include "gate/control_priv.h"
#include "gate/worker.h"

enum {
    MAX_DETAIL_BYTES = 40000, /* of an entry: a field takes 60,000 */
    DIFF_ARENA_BYTES = 32 << 20,
};

struct health_row {
    struct server_health health;
    uint64_t address_hash; /* of the server that was discovered */
    int64_t asked_us;
};

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

/* What a discovery is saved with. */
struct finding {
    struct control *control;
    const struct discovered *found;
    const struct snapshot_server *server;
    struct arena *arena;
    struct tool *known;
    size_t known_count;
    struct buf lines; /* what happened to which tool, for the log */
};

void control_write_diff(struct str before, struct str after, struct buf *out)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(DIFF_ARENA_BYTES);
    struct definition_diff diff = {0};
    struct err err;

    if (arena == NULL || definition_diff(before, after, arena, &diff, &err) != ERR_OK) {
        buf_add_c(out, "\n  the difference can't be told");
        return;
    }
    for (size_t i = 0; i < diff.count && out->len < MAX_DETAIL_BYTES; i++) {
        buf_add_c(out, "\n  ");
        definition_change_write(&diff.changes[i], out);
    }
    if (diff.is_cut)
        buf_add_c(out, "\n  and more");
}

static void describe(struct finding *f, const struct tool_seen *seen)
{
    const struct tool *known = review_find(f->known, f->known_count, seen->name);
    bool is_changed = known != NULL && memcmp(known->hash, seen->hash, sizeof seen->hash) != 0;

    if (seen->fate == FATE_KEEP && !is_changed)
        return;
    buf_printf(&f->lines, "\n" STR_FMT ": %s", STR_ARG(seen->name),
               seen->fate == FATE_HOLD   ? reason_word(seen->hold)
               : seen->fate == FATE_PIN  ? "in force"
               : seen->fate == FATE_LIFT ? "as reviewed again"
                                         : "changed, still in quarantine");
    if (seen->renamed_from.len > 0)
        buf_printf(&f->lines, ", before " STR_FMT, STR_ARG(seen->renamed_from));
    if (known != NULL && known->has_pin && is_changed)
        control_write_diff(known->pinned, seen->definition, &f->lines);
}

/* Every tool that is held, and those that were known and differ; of a first discovery the count
 * alone. */
static void describe_all(struct finding *f)
{
    const struct discovered *found = f->found;
    size_t left = found->tool_count;

    for (size_t i = 0; i < found->tool_count && f->lines.len < MAX_DETAIL_BYTES; i++, left--) {
        if (f->known_count > 0 || found->tools[i].fate == FATE_HOLD)
            describe(f, &found->tools[i]);
    }
    if (left > 0)
        buf_printf(&f->lines, "\nand of %zu more tools those that differ", left);
}

static void record_definitions(struct finding *f, const struct tool_changes *changes)
{
    CLEANUP(buf_done) struct buf detail;
    struct audit_entry entry = {
        .kind = AUDIT_DEFINITION, .attempt = 1, .server_id = (uint64_t)f->found->server_id};
    struct err err;

    buf_init(&detail, 2 * MAX_DETAIL_BYTES);
    entry.call_id = uuid_v7(clock_wall_us());
    entry.method = STR("tools/list");
    entry.server = f->server->name;
    entry.policy_version = changes->policy_version;
    buf_printf(&detail, "%zu tools new, %zu changed, %zu gone, %zu put into quarantine",
               changes->added, changes->changed, changes->gone, changes->held);
    buf_add(&detail, str_first(buf_str(&f->lines), MAX_DETAIL_BYTES));
    entry.detail = buf_str(&detail);
    if (control_record(f->control, &entry, &err) != ERR_OK)
        log_event(LOG_ERROR, "definition_entry_not_recorded", LOG_ERR(&err));
    log_event(changes->held > 0 ? LOG_WARN : LOG_INFO, "tools_discovered",
              LOG_STR("server", entry.server), LOG_INT("new", changes->added),
              LOG_INT("changed", changes->changed), LOG_INT("gone", changes->gone),
              LOG_INT("quarantined", changes->held));
}

static enum err_code plan(struct finding *f, struct err *err)
{
    enum err_code code = store_load_tools(f->control->gate->store, f->arena, f->found->server_id,
                                          &f->known, &f->known_count, err);
    const struct review_input input = {
        .server = &f->server->governed,
        .is_first = f->known_count == 0,
        .known = f->known,
        .known_count = f->known_count,
    };

    if (code == ERR_OK)
        code = review_plan(&input, f->found->tools, f->found->tool_count, f->arena, err);
    return code;
}

static enum err_code save_finding(struct finding *f, struct err *err)
{
    struct store_change change = {.author = STR("discovery"), .now_us = clock_wall_us()};
    struct tool_changes changes = {0};
    const struct tool_discovery discovery = {
        .server_id = f->found->server_id,
        .seen = f->found->tools,
        .count = f->found->tool_count,
        .protocol = str_c(f->found->protocol),
    };
    enum err_code code = plan(f, err);

    if (code == ERR_OK)
        code = store_save_tools(f->control->gate->store, &discovery, &change, &changes, err);
    if (code != ERR_OK || !tool_changes_any(&changes))
        return code;
    describe_all(f);
    record_definitions(f, &changes);
    return control_publish(f->control, err);
}

static enum err_code save_tools(struct control *control, const struct discovered *found,
                                struct err *err)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(CONTROL_ARENA_BYTES);
    struct snapshot *snapshot = gate_snapshot(control->gate);
    struct finding finding = {.control = control,
                              .found = found,
                              .server = snapshot_find_server_id(snapshot, found->server_id),
                              .arena = arena};
    enum err_code code = ERR_OK;

    buf_init(&finding.lines, 2 * MAX_DETAIL_BYTES);
    if (arena == NULL)
        code = err_set(err, ERR_LIMIT, "memory is out");
    else if (finding.server == NULL)
        code = err_set(err, ERR_NOT_FOUND, "the server is not there any more");
    else
        code = save_finding(&finding, err);
    buf_done(&finding.lines);
    snapshot_unref(snapshot);
    return code;
}

/* What was known stays, and is stale from now on. */
static void note_failure(struct control *control, struct health_row *row, int64_t server_id,
                         const struct err *failure)
{
    struct err err;

    row->health.state = SERVER_STATE_FAILED;
    row->health.failed_us = clock_wall_us();
    (void)snprintf(row->health.last_error, sizeof row->health.last_error, "%s", failure->text);
    log_event(LOG_WARN, "discovery_failed", LOG_INT("server_id", server_id), LOG_ERR(failure));
    if (store_save_failure(control->gate->store, server_id, str_c(failure->text),
                           row->health.failed_us, &err) != ERR_OK)
        log_event(LOG_ERROR, "discovery_failure_not_saved", LOG_ERR(&err));
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
    if (failure != NULL) {
        note_failure(control, row, found->server_id, failure);
        return;
    }
    row->health.state = SERVER_STATE_READY;
    row->health.discovered_us = clock_wall_us();
    row->health.last_error[0] = '\0';
    (void)snprintf(row->health.protocol, sizeof row->health.protocol, "%s", found->protocol);
}

/* What a person decides. */

enum err_code control_review(struct control *control, const struct control_change *change,
                             const struct tool_review *reviews, size_t count, uint64_t *ret_version,
                             struct err *err)
{
    struct pending pending = {0};
    enum err_code code = control_begin(control, change, &pending, err);

    if (code != ERR_OK)
        return code;
    code =
        store_review_tools(control->gate->store, reviews, count, &pending.change, ret_version, err);
    return control_finish(control, &pending, change->action, code, err);
}

enum err_code control_history(struct control *control, struct arena *arena, int64_t tool_id,
                              struct tool_history *ret_history, struct err *err)
{
    return store_load_history(control->gate->store, arena, tool_id, ret_history, err);
}
