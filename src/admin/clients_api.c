/*
 * OAuth clients, wherever they are kept: in the settings file, in the store, in their own ids
 * (those that registered) or on the web (those that publish a document).
 */
#include "admin/handlers.h"
#include "admin/reply.h"
#include "admin/show.h"
#include "base/clock.h"
#include "gate/gate.h"
#include "identity/client_document.h"

enum { MIN_PREFIX = 20 }; /* of the id of a client that registered */

/* What a row is written from: a client is one of them, or known from its sessions alone. */
struct row {
    struct str id;
    const struct oauth_client *settings;
    const struct client *stored;
    const struct client_mark *mark;
    const struct oauth_session *session; /* the latest */
    size_t session_count;                /* that go on */
    int64_t used_us;
};

static const char *kind_of(const struct row *row)
{
    if (row->settings != NULL)
        return "settings";
    if (row->stored != NULL)
        return "stored";
    if (str_starts(row->id, STR("app.")))
        return "registered";
    return client_document_is_url(row->id) ? "document" : "unknown";
}

static const char *proof_of(const struct row *row)
{
    if (row->settings != NULL)
        return row->settings->secret.len > 0 ? "secret" : "keys";
    if (row->stored != NULL && row->stored->has_secret)
        return "secret";
    if (row->stored != NULL)
        return row->stored->jwks.len + row->stored->jwks_url.len > 0 ? "keys" : "nothing";
    return row->session != NULL && row->session->needs_proof ? "keys" : "nothing";
}

/* Name of the robot that it is; empty: none. */
static struct str robot_of(const struct store_view *view, const struct row *row)
{
    if (row->settings != NULL)
        return row->settings->robot;
    for (size_t i = 0; row->stored != NULL && i < view->governance.robot_count; i++) {
        if (view->governance.robots[i].id == row->stored->robot_id)
            return view->governance.robots[i].name;
    }
    return STR_NONE;
}

static bool is_agent(const struct identity_rules *rules, const struct row *row)
{
    return provider_is_agent(rules, row->id) || (row->stored != NULL && row->stored->is_agent);
}

/* Names of the providers whose assertions it may redeem. */
static void write_redeems(struct jsonw *w, const struct identity_rules *rules,
                          const struct row *row)
{
    const struct oauth_client client = {.id = row->id,
                                        .is_stored = row->stored != NULL,
                                        .redeems =
                                            row->stored == NULL ? STR_NONE : row->stored->redeems};

    jsonw_name(w, "redeems");
    jsonw_array(w);
    for (size_t i = 0; i < rules->provider_count; i++) {
        if (provider_takes_client(&rules->providers[i], &client))
            jsonw_str(w, rules->providers[i].name);
    }
    jsonw_end_array(w);
}

static void write_row(struct jsonw *w, const struct api_request *request,
                      const struct store_view *view, const struct row *row)
{
    const struct identity_rules *rules = &gate_settings(request->gate)->identity;
    struct str robot = robot_of(view, row);
    bool may_exchange = row->settings != NULL ? row->settings->may_exchange
                                              : row->stored != NULL && row->stored->may_exchange;

    jsonw_object(w);
    jsonw_name_str(w, "id", row->id);
    if (row->session != NULL)
        jsonw_name_str(w, "name", row->session->client_name);
    jsonw_name_str(w, "kind", str_c(kind_of(row)));
    jsonw_name_str(w, "proves_by", str_c(proof_of(row)));
    jsonw_name_bool(w, "blocked", row->mark != NULL && row->mark->blocked_us != 0);
    jsonw_name_bool(w, "exchange", may_exchange);
    jsonw_name_bool(w, "agent", is_agent(rules, row));
    write_redeems(w, rules, row);
    if (robot.len > 0)
        jsonw_name_str(w, "robot", robot);
    if (row->stored != NULL && row->stored->jwks_url.len > 0)
        jsonw_name_str(w, "jwks_url", row->stored->jwks_url);
    if (row->stored != NULL)
        jsonw_name_str(w, "author", row->stored->author);
    jsonw_name_i64(w, "sessions", (int64_t)row->session_count);
    show_time(w, "created", row->stored == NULL ? 0 : row->stored->created_us);
    show_time(w, "blocked_at", row->mark == NULL ? 0 : row->mark->blocked_us);
    show_time(w, "last_used", row->used_us);
    jsonw_end_object(w);
}

/* ---- gathering ---- */

struct rows {
    struct row *rows;
    size_t count;
    size_t room;
};

static struct row *row_of(struct rows *rows, struct str id)
{
    for (size_t i = 0; i < rows->count; i++) {
        if (str_eq(rows->rows[i].id, id))
            return &rows->rows[i];
    }
    if (rows->count == rows->room)
        return NULL;
    struct row *row = &rows->rows[rows->count++];
    row->id = id;
    return row;
}

static void add_sessions(struct rows *rows, const struct store_view *view, int64_t now_us)
{
    for (size_t i = 0; i < view->session_count; i++) {
        const struct oauth_session *session = &view->sessions[i];
        struct row *row = row_of(rows, session->client_id);

        if (row == NULL)
            return;
        row->session = session;
        row->session_count += session->ended_us == 0 && session->expires_us > now_us;
        row->used_us = session->used_us > row->used_us ? session->used_us : row->used_us;
    }
}

static void add_marks(struct rows *rows, const struct store_view *view)
{
    for (size_t i = 0; i < view->mark_count; i++) {
        const struct client_mark *mark = &view->marks[i];
        struct row *row = row_of(rows, mark->id);

        if (row == NULL)
            return;
        row->mark = mark;
        row->used_us = mark->used_us > row->used_us ? mark->used_us : row->used_us;
    }
}

static enum err_code gather(const struct api_request *request, struct store_view *view,
                            struct rows *rows, struct err *err)
{
    const struct identity_rules *rules = &gate_settings(request->gate)->identity;

    if (control_view(gate_control(request->gate), request->arena, view, err) != ERR_OK)
        return err_wrap(err, "clients");
    rows->room =
        rules->client_count + view->client_count + view->session_count + view->mark_count + 1;
    rows->rows = arena_calloc(request->arena, rows->room, sizeof *rows->rows);
    if (rows->rows == NULL)
        return err_set(err, ERR_LIMIT, "memory is out");
    for (size_t i = 0; i < rules->client_count; i++)
        row_of(rows, rules->clients[i].id)->settings = &rules->clients[i];
    for (size_t i = 0; i < view->client_count; i++)
        row_of(rows, view->clients[i].id)->stored = &view->clients[i];
    add_sessions(rows, view, clock_wall_us());
    add_marks(rows, view);
    return ERR_OK;
}

/* By id; of one that registered, whose id is long, the first letters do. */
static enum err_code find(const struct rows *rows, struct str id, const struct row **ret_row,
                          struct err *err)
{
    size_t found = 0;

    for (size_t i = 0; i < rows->count; i++) {
        if (str_eq(rows->rows[i].id, id)) {
            *ret_row = &rows->rows[i];
            return ERR_OK;
        }
    }
    for (size_t i = 0; id.len >= MIN_PREFIX && str_starts(id, STR("app.")) && i < rows->count;
         i++) {
        if (!str_starts(rows->rows[i].id, id))
            continue;
        *ret_row = &rows->rows[i];
        found++;
    }
    if (found > 1)
        return err_set(err, ERR_CONFLICT, "%zu clients have ids that begin so", found);
    return found == 1
               ? ERR_OK
               : err_set(err, ERR_NOT_FOUND,
                         "there is no client '" STR_FMT "'; `portreeve client list` shows them",
                         STR_ARG(str_first(id, 80)));
}

/* ---- handlers ---- */

void clients_list(const struct api_request *request, struct api_reply *reply)
{
    struct store_view view = {0};
    struct rows rows = {0};
    struct err err;
    struct jsonw w;

    if (gather(request, &view, &rows, &err) != ERR_OK) {
        reply_err(reply, &err);
        return;
    }
    jsonw_init(&w, &reply->body);
    jsonw_object(&w);
    jsonw_name(&w, "clients");
    jsonw_array(&w);
    for (size_t i = 0; i < rows.count; i++)
        write_row(&w, request, &view, &rows.rows[i]);
    jsonw_end_array(&w);
    jsonw_end_object(&w);
}

void clients_show(const struct api_request *request, struct api_reply *reply)
{
    struct store_view view = {0};
    struct rows rows = {0};
    const struct row *row = NULL;
    struct err err;
    struct jsonw w;
    enum err_code code = gather(request, &view, &rows, &err);

    if (code == ERR_OK)
        code = find(&rows, request->params[0], &row, &err);
    if (code != ERR_OK) {
        reply_err(reply, &err);
        return;
    }
    jsonw_init(&w, &reply->body);
    write_row(&w, request, &view, row);
}

static enum err_code body_bool(const struct json_doc *doc, const char *name, bool *ret_value,
                               struct err *err)
{
    json_pos pos = json_get(doc, 0, str_c(name));

    if (pos != JSON_NONE && !json_bool(doc, pos, ret_value))
        return err_set(err, ERR_INVALID, "%s must be true or false", name);
    return ERR_OK;
}

static enum err_code read_wish(const struct api_request *request, struct client_wish *wish,
                               struct err *err)
{
    static const char *const names[] = {"id",    "secret", "jwks_url", "jwks", "exchange",
                                        "agent", "redeem", "robot",    NULL};
    const struct {
        const char *name;
        struct str *text;
    } texts[] = {{"id", &wish->id},
                 {"jwks_url", &wish->jwks_url},
                 {"jwks", &wish->jwks},
                 {"redeem", &wish->redeems},
                 {"robot", &wish->robot}};
    struct json_doc doc;
    enum err_code code = body_object(request, names, &doc, err);

    for (size_t i = 0; code == ERR_OK && i < ARRAY_LEN(texts); i++)
        code = body_str(request, &doc, texts[i].name, texts[i].text, err);
    if (code == ERR_OK)
        code = body_bool(&doc, "secret", &wish->wants_secret, err);
    if (code == ERR_OK)
        code = body_bool(&doc, "exchange", &wish->may_exchange, err);
    return code == ERR_OK ? body_bool(&doc, "agent", &wish->is_agent, err) : code;
}

void clients_add(const struct api_request *request, struct api_reply *reply)
{
    struct client_wish wish = {.id = STR_NONE};
    struct str secret = STR_NONE;
    struct err err;
    struct jsonw w;
    enum err_code code = read_wish(request, &wish, &err);
    const struct control_change change = {
        .request = request, .action = "client.add", .detail = wish.id};

    if (code == ERR_OK)
        code = control_add_client(gate_control(request->gate), &change, &wish, request->arena,
                                  &secret, &err);
    if (code != ERR_OK) {
        reply_err(reply, &err);
        return;
    }
    reply->status = 201;
    jsonw_init(&w, &reply->body);
    jsonw_object(&w);
    jsonw_name_str(&w, "id", wish.id);
    if (secret.len > 0)
        jsonw_name_str(&w, "secret", secret);
    jsonw_end_object(&w);
}

void clients_remove(const struct api_request *request, struct api_reply *reply)
{
    struct str id = request->params[0];
    const struct control_change change = {
        .request = request, .action = "client.remove", .detail = id};
    struct err err;
    struct jsonw w;

    if (provider_client(&gate_settings(request->gate)->identity, id) != NULL) {
        (void)err_set(&err, ERR_CONFLICT,
                      "this client is the settings file's; `client block` shuts it out");
        reply_err(reply, &err);
        return;
    }
    if (control_remove_client(gate_control(request->gate), &change, id, &err) != ERR_OK) {
        reply_err(reply, &err);
        return;
    }
    jsonw_init(&w, &reply->body);
    jsonw_object(&w);
    jsonw_name_str(&w, "removed", id);
    jsonw_end_object(&w);
}

/* Also one that nobody has seen yet: that is the time to block it. */
static void set_block(const struct api_request *request, struct api_reply *reply, bool is_blocked)
{
    struct store_view view = {0};
    struct rows rows = {0};
    const struct row *row = NULL;
    struct str id = request->params[0];
    size_t ended = 0;
    struct err err;
    struct jsonw w;
    enum err_code code = gather(request, &view, &rows, &err);

    if (code == ERR_OK)
        code = find(&rows, id, &row, &err);
    if (code == ERR_OK)
        id = row->id;
    else if (code == ERR_NOT_FOUND && is_blocked && !str_starts(id, STR("app.")))
        code = ERR_OK;
    const struct control_change change = {
        .request = request, .action = is_blocked ? "client.block" : "client.unblock", .detail = id};
    if (code == ERR_OK)
        code = control_block_client(gate_control(request->gate), &change, id, is_blocked, &ended,
                                    &err);
    if (code != ERR_OK) {
        reply_err(reply, &err);
        return;
    }
    jsonw_init(&w, &reply->body);
    jsonw_object(&w);
    jsonw_name_str(&w, is_blocked ? "blocked" : "unblocked", id);
    if (is_blocked)
        jsonw_name_i64(&w, "sessions_ended", (int64_t)ended);
    jsonw_end_object(&w);
}

void clients_block(const struct api_request *request, struct api_reply *reply)
{
    set_block(request, reply, true);
}

void clients_unblock(const struct api_request *request, struct api_reply *reply)
{
    set_block(request, reply, false);
}
