/*
 * What people agreed to, and the tokens that come of it: each code, refresh token and assertion
 * counts once, and what is issued is recorded before it is handed out.
 */
#include "base/clock.h"
#include "base/jsonw.h"
#include "base/log.h"
#include "gate/control_priv.h"
#include "gate/redeem.h"
#include "identity/client_table.h"
#include "identity/groups.h"
#include "keys/seal.h"

enum { CODE_SECONDS = 60 };

static struct str seal_text(struct control *control, const char *purpose, const struct buf *plain,
                            struct arena *arena)
{
    CLEANUP(buf_done) struct buf sealed;

    buf_init(&sealed, 64 << 10);
    seal_add(control->gate->keyring, purpose, STR_NONE, buf_str(plain), &sealed);
    return plain->failed || sealed.failed ? STR_NONE : arena_dup(arena, buf_str(&sealed));
}

static struct str make_code(struct control *control, struct str session, struct str redirect,
                            struct str challenge, int64_t until_us, struct arena *arena)
{
    CLEANUP(buf_done) struct buf plain;
    struct jsonw w;

    buf_init(&plain, 16 << 10);
    jsonw_init(&w, &plain);
    jsonw_object(&w);
    jsonw_name_str(&w, "session", session);
    jsonw_name_str(&w, "redirect", redirect);
    jsonw_name_str(&w, "challenge", challenge);
    jsonw_name_i64(&w, "until", until_us);
    jsonw_end_object(&w);
    return seal_text(control, REDEEM_CODE_PURPOSE, &plain, arena);
}

static struct str make_refresh(struct control *control, struct str session, uint64_t generation,
                               struct arena *arena)
{
    CLEANUP(buf_done) struct buf plain;
    struct jsonw w;

    buf_init(&plain, 1024);
    jsonw_init(&w, &plain);
    jsonw_object(&w);
    jsonw_name_str(&w, "session", session);
    jsonw_name_i64(&w, "generation", (int64_t)generation);
    jsonw_end_object(&w);
    return seal_text(control, REDEEM_REFRESH_PURPOSE, &plain, arena);
}

/* The person of a session as a caller, for records and tokens. */
static bool caller_of_session(const struct oauth_session *session, struct arena *arena,
                              struct caller *ret_caller)
{
    struct caller caller = {.kind = PRINCIPAL_HUMAN,
                            .provider = session->provider,
                            .subject = session->subject,
                            .email = session->email,
                            .name = session->name,
                            .client_id = session->client_id,
                            .session_id = session->id,
                            .audience = session->resource,
                            .scopes = session->scopes};

    caller.id = arena_printf(arena, "user:" STR_FMT ":" STR_FMT, STR_ARG(session->provider),
                             STR_ARG(session->subject));
    if (caller.id.ptr == NULL || !groups_read(session->groups, arena, &caller))
        return false;
    *ret_caller = caller;
    return true;
}

static enum err_code record_session(struct control *control, const struct api_request *request,
                                    const char *what, struct str detail, struct err *err)
{
    struct audit_entry entry = {.kind = AUDIT_SESSION, .attempt = 1};
    struct entry_facts facts;

    entry.call_id = uuid_v7(clock_wall_us());
    entry.method = str_c(what);
    entry.detail = detail;
    entry_set_caller(&entry, &request->caller, &facts);
    entry_set_addresses(&entry, &request->peer, &request->address, &facts);
    entry.user_agent = request->user_agent;
    return control_record(control, &entry, err);
}

/* Who signed out (or was signed out) after the page was made, said no to all that comes of it. */
static enum err_code check_person(struct control *control, const struct oauth_session *session,
                                  struct err *err)
{
    struct snapshot *snapshot = gate_snapshot(control->gate);
    struct known_user user = {.role = ROLE_MEMBER};

    (void)token_table_find_user(snapshot_tokens(snapshot), session->provider, session->subject,
                                &user);
    bool is_blocked =
        client_table_is_blocked(token_table_clients(snapshot_tokens(snapshot)), session->client_id);
    snapshot_unref(snapshot);
    if (provider_by_name(&control->gate->settings->identity, session->provider) == NULL)
        return err_set(err, ERR_DENIED, "nobody signs in there any more");
    if (is_blocked)
        return err_set(err, ERR_DENIED, "this client is blocked");
    if (user.is_disabled)
        return err_set(err, ERR_DENIED, "this person is disabled");
    if (user.signed_out_us >= session->created_us)
        return err_set(err, ERR_DENIED, "this person has signed out since");
    return ERR_OK;
}

enum err_code control_add_session(struct control *control, const struct api_request *request,
                                  struct agreement *agreed, struct arena *arena,
                                  struct str *ret_code, struct err *err)
{
    struct oauth_session *session = &agreed->session;
    struct uuid id = uuid_v7(clock_wall_us());
    char id_text[UUID_TEXT_BYTES];
    struct api_request whole = *request;
    int64_t now_us = clock_wall_us();

    uuid_format(&id, id_text);
    session->id = arena_dup(arena, str_of(id_text, UUID_TEXT_BYTES));
    session->expires_us =
        now_us + control->gate->settings->identity_session_days * INT64_C(86400) * 1000000;
    enum err_code code = check_person(control, session, err);
    if (code == ERR_OK &&
        (session->id.ptr == NULL || !caller_of_session(session, arena, &whole.caller)))
        code = err_set(err, ERR_LIMIT, "memory is out");
    if (code == ERR_OK)
        code = store_spend_id(control->gate->store, &agreed->page, now_us, err);
    if (code == ERR_OK)
        code = record_session(control, &whole, "oauth.consent", agreed->redirect, err);
    if (code == ERR_OK)
        code = control_see_user(control, &whole, err);
    if (code == ERR_OK)
        code = store_add_session(control->gate->store, session, err);
    if (code != ERR_OK)
        return err_wrap(err, "session");
    *ret_code = make_code(control, session->id, agreed->redirect, agreed->challenge,
                          now_us + (int64_t)CODE_SECONDS * 1000000, arena);
    return ret_code->ptr == NULL ? err_set(err, ERR_LIMIT, "memory is out") : ERR_OK;
}

enum err_code control_end_session(struct control *control, const struct control_change *change,
                                  struct str id, struct err *err)
{
    struct pending pending = {0};
    uint64_t version = 0;
    enum err_code code = control_begin(control, change, &pending, err);

    if (code != ERR_OK)
        return code;
    code = store_end_session(control->gate->store, id, &pending.change, &version, err);
    return control_finish(control, &pending, change->action, code, err);
}

/* A code or a refresh token that was used before: one of the two who have it is a thief, and both
 * lose it (RFC 6749 §4.1.2, RFC 9700 §4.14). */
static bool end_stolen(struct control *control, struct redemption *redemption)
{
    const struct api_request request = {.gate = control->gate,
                                        .caller = redemption->caller,
                                        .peer = redemption->peer,
                                        .address = redemption->address,
                                        .user_agent = redemption->user_agent};
    const struct control_change change = {
        .request = &request, .action = "session.replay", .detail = redemption->session_id};
    struct err err;

    if (control_end_session(control, &change, redemption->session_id, &err) != ERR_OK)
        log_event(LOG_ERROR, "session_not_ended", LOG_ERR(&err));
    redeem_refuse(redemption, 400, "invalid_grant", "replayed");
    return false;
}

/* Reads the session, and turns it on to its next refresh token. */
static bool go_on(struct control *control, struct redemption *redemption)
{
    struct store *store = control->gate->store;
    struct arena *arena = redemption->arena;
    struct oauth_session session;
    struct str wanted = redemption->audience;
    struct err err;

    if (store_load_session(store, arena, redemption->session_id, &session, &err) != ERR_OK ||
        !caller_of_session(&session, arena, &redemption->caller) ||
        !str_eq(session.client_id, redemption->client_id)) {
        redeem_refuse(redemption, 400, "invalid_grant", "session_unknown");
        return false;
    }
    /* Before anything is spent: who only has the client's code or token ends nothing with it. */
    if (session.needs_proof && !redemption->is_client_proven) {
        redeem_refuse(redemption, 401, "invalid_client", "client_not_proven");
        return false;
    }
    redemption->audience = session.resource;
    redemption->scopes = session.scopes;
    if (wanted.ptr != NULL && !str_eq(wanted, session.resource)) {
        redeem_refuse(redemption, 400, "invalid_target", "resource_other");
        return false;
    }
    /* Who vouched is trusted no more, or the owner may not sign in without a provider now. */
    if (provider_by_name(&control->gate->settings->identity, session.provider) == NULL) {
        redeem_refuse(redemption, 400, "invalid_grant", "provider_unknown");
        return false;
    }
    if (session.ended_us != 0 || session.expires_us <= redemption->now_us) {
        redeem_refuse(redemption, 400, "invalid_grant", "session_ended");
        return false;
    }
    if (store_turn_session(store, session.id, redemption->generation, redemption->now_us, &err) !=
        ERR_OK)
        return end_stolen(control, redemption);
    redemption->refresh = make_refresh(control, session.id, redemption->generation + 1, arena);
    return redemption->refresh.ptr != NULL;
}

static bool is_let_in(struct control *control, struct redemption *redemption)
{
    struct snapshot *snapshot = gate_snapshot(control->gate);
    struct known_user user = {.role = ROLE_MEMBER};
    bool is_out = token_table_find_user(snapshot_tokens(snapshot), redemption->caller.provider,
                                        redemption->caller.subject, &user) &&
                  user.is_disabled;

    snapshot_unref(snapshot);
    if (is_out)
        redeem_refuse(redemption, 400, "invalid_grant", "disabled");
    return !is_out;
}

/* Tokens that this gateway issues. */

static bool spend(struct control *control, struct redemption *redemption,
                  const struct spent_id *spent, const char *error)
{
    struct err err;

    if (spent->issuer.len == 0)
        return true;
    enum err_code code = store_spend_id(control->gate->store, spent, redemption->now_us, &err);
    if (code == ERR_OK)
        return true;
    if (code == ERR_CONFLICT) {
        redeem_refuse(redemption, 400, error, "replayed");
    } else {
        log_event(LOG_ERROR, "assertion_not_spent", LOG_ERR(&err));
        redeem_refuse(redemption, 503, "temporarily_unavailable", "store");
    }
    return false;
}

bool control_spend_client(struct control *control, struct redemption *redemption)
{
    return spend(control, redemption, &redemption->client_assertion, "invalid_client");
}

/* Blocked since it was checked: what is made now would be refused, but nobody would be told why. */
static bool is_client_let_in(struct control *control, struct redemption *redemption)
{
    struct snapshot *snapshot = gate_snapshot(control->gate);
    bool is_out = client_table_is_blocked(token_table_clients(snapshot_tokens(snapshot)),
                                          redemption->client_id);

    snapshot_unref(snapshot);
    if (is_out)
        redeem_refuse(redemption, 401, "invalid_client", "client_blocked");
    return !is_out;
}

/* Robots are no people. A client that proves who it is is noted as seen; of others the session is.
 */
static enum err_code note_use(struct control *control, struct redemption *redemption,
                              const struct api_request *request, struct err *err)
{
    enum err_code code = redemption->caller.kind == PRINCIPAL_ROBOT
                             ? ERR_OK
                             : control_see_user(control, request, err);

    if (code == ERR_OK && redemption->is_client_proven)
        code = store_touch_client(control->gate->store, redemption->client_id, redemption->now_us,
                                  err);
    return code;
}

bool control_spend(struct control *control, struct redemption *redemption)
{
    struct audit_entry entry = {.kind = AUDIT_SESSION, .attempt = 1};
    struct entry_facts facts;
    struct err err;

    if (!is_client_let_in(control, redemption) || !control_spend_client(control, redemption))
        return false;
    if (redemption->grant != REDEEM_ASSERTION &&
        (!go_on(control, redemption) || !is_let_in(control, redemption)))
        return false;
    if (!spend(control, redemption, &redemption->assertion, "invalid_grant"))
        return false;
    entry.call_id = uuid_v7(redemption->now_us);
    entry.method = STR("oauth.token");
    entry.detail = redemption->audience;
    entry_set_caller(&entry, &redemption->caller, &facts);
    entry_set_addresses(&entry, &redemption->peer, &redemption->address, &facts);
    entry.user_agent = redemption->user_agent;
    const struct api_request request = {.gate = control->gate,
                                        .caller = redemption->caller,
                                        .peer = redemption->peer,
                                        .address = redemption->address,
                                        .user_agent = redemption->user_agent};
    /* Known from now on, so that the person can be shut out before the first call. */
    if (control_record(control, &entry, &err) == ERR_OK &&
        note_use(control, redemption, &request, &err) == ERR_OK)
        return true;
    log_event(LOG_ERROR, "token_not_recorded", LOG_ERR(&err));
    redeem_refuse(redemption, 503, "temporarily_unavailable", "audit");
    return false;
}
