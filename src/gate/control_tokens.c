/*
 * API tokens: those of robots, which administrators make, and the keys that people make for
 * themselves.
 */
#include "base/clock.h"
#include "base/crypto.h"
#include "base/jsonw.h"
#include "base/log.h"
#include "gate/control_priv.h"
#include "identity/groups.h"
#include "identity/tokens.h"

static enum err_code find_robot(struct control *control, struct arena *arena, struct str name,
                                int64_t *ret_id, struct err *err)
{
    struct governance governance = {0};

    if (store_load_governance(control->gate->store, arena, &governance, err) != ERR_OK)
        return err_wrap(err, "find robot");
    for (size_t i = 0; i < governance.robot_count; i++) {
        if (str_eq(governance.robots[i].name, name)) {
            *ret_id = governance.robots[i].id;
            return ERR_OK;
        }
    }
    return err_set(err, ERR_NOT_FOUND,
                   "there is no robot '" STR_FMT
                   "'; `portreeve robot list` shows them, `robot create` "
                   "makes one",
                   STR_ARG(name));
}

static struct str name_of(const struct governance *governance, int64_t robot_id)
{
    for (size_t i = 0; i < governance->robot_count; i++) {
        if (governance->robots[i].id == robot_id)
            return governance->robots[i].name;
    }
    return STR_NONE;
}

/* Mints the text, shown once and kept nowhere, and adds the token as a recorded change. */
static enum err_code add(struct control *control, const struct control_change *change,
                         struct token *token, const struct token_wish *wish, struct arena *arena,
                         struct token_made *ret_made, struct err *err)
{
    char text[TOKEN_TEXT_LEN + 1];
    char id[TOKEN_ID_LEN + 1];
    struct store *store = control->gate->store;
    struct pending pending = {0};
    uint64_t version = 0;
    enum err_code code = control_begin(control, change, &pending, err);

    if (code != ERR_OK)
        return code;
    token_mint(token->kind, text);
    token_mint_id(id);
    token->id = str_of(id, TOKEN_ID_LEN);
    token_hash(keyring_get(control->gate->keyring, KEY_PEPPER), str_of(text, TOKEN_TEXT_LEN),
               token->hash);
    code = wish->rotates ? store_rotate_token(store, token, wish->old,
                                              pending.change.now_us + wish->overlap_us,
                                              &pending.change, &version, err)
                         : store_add_token(store, token, &pending.change, &version, err);
    code = control_finish(control, &pending, change->action, code, err);
    if (code == ERR_OK)
        *ret_made = (struct token_made){.text = arena_dup(arena, str_of(text, TOKEN_TEXT_LEN)),
                                        .id = arena_dup(arena, token->id),
                                        .scopes = token->scopes,
                                        .expires_us = token->expires_us};
    crypto_wipe(text, sizeof text);
    return code;
}

static void warn_of_ends(const struct store_view *view, int64_t now_us)
{
    for (size_t i = 0; i < view->token_count; i++) {
        const struct token *token = &view->tokens[i];
        char text[CLOCK_RFC3339_BYTES];

        if (token->kind != TOKEN_ROBOT ||
            !token_ends_soon(view->tokens, view->token_count, token, now_us))
            continue;
        clock_format_rfc3339(token->expires_us, text);
        log_event(LOG_WARN, "token_ends_soon", LOG_STR("token", token->id),
                  LOG_STR("robot", name_of(&view->governance, token->robot_id)),
                  LOG_C("expires", text));
    }
}

void control_warn_of_ends(struct control *control)
{
    CLEANUP(arena_freep) struct arena *arena = NULL;
    struct store_view view = {0};
    int64_t now_us = clock_wall_us();
    struct err err;

    if (control->looked_us != 0 && now_us - control->looked_us < INT64_C(86400) * 1000000)
        return;
    control->looked_us = now_us;
    arena = arena_new(CONTROL_ARENA_BYTES);
    if (arena == NULL || store_load_view(control->gate->store, arena, &view, &err) != ERR_OK)
        log_event(LOG_WARN, "ends_of_tokens_not_read");
    else
        warn_of_ends(&view, now_us);
}

/* What takes the place of other tokens may what they may, when nothing is said. */
static enum err_code inherit_scopes(struct control *control, const struct token_wish *wish,
                                    int64_t robot_id, struct arena *arena, uint32_t *ret_scopes,
                                    struct err *err)
{
    struct token *tokens = NULL;
    size_t count = 0;
    uint32_t scopes = 0;

    if (store_load_tokens(control->gate->store, arena, &tokens, &count, err) != ERR_OK)
        return err_wrap(err, "rotate");
    for (size_t i = 0; i < count; i++) {
        if (tokens[i].robot_id != robot_id || !token_is_good(&tokens[i], clock_wall_us()) ||
            (wish->old.len > 0 && !str_eq(tokens[i].id, wish->old)))
            continue;
        if (scopes != 0 && scopes != tokens[i].scopes)
            return err_set(err, ERR_CONFLICT,
                           "the robot's tokens differ in what they may: say which scopes, or the "
                           "id of the token that is replaced");
        scopes = tokens[i].scopes;
    }
    if (scopes != 0)
        *ret_scopes = scopes;
    return ERR_OK;
}

enum err_code control_add_token(struct control *control, const struct control_change *change,
                                struct str robot, const struct token_wish *wish,
                                struct arena *arena, struct token_made *ret_made, struct err *err)
{
    struct token token = {.kind = TOKEN_ROBOT,
                          .scopes = wish->scopes == 0 ? scopes_default(TOKEN_ROBOT) : wish->scopes,
                          .expires_us = wish->expires_us};
    enum err_code code = find_robot(control, arena, robot, &token.robot_id, err);

    if (code == ERR_OK && wish->rotates && wish->scopes == 0)
        code = inherit_scopes(control, wish, token.robot_id, arena, &token.scopes, err);
    if (code != ERR_OK)
        return code;
    if ((token.scopes & ~scopes_allowed(TOKEN_ROBOT)) != 0)
        return err_set(err, ERR_INVALID,
                       "a robot's token can carry list, calls and audit:read alone");
    return add(control, change, &token, wish, arena, ret_made, err);
}

enum err_code control_add_scim_token(struct control *control, const struct control_change *change,
                                     struct str provider, int64_t expires_us, struct arena *arena,
                                     struct token_made *ret_made, struct err *err)
{
    const struct token_wish plain = {.rotates = false};
    struct token token = {.kind = TOKEN_SCIM,
                          .provider = provider,
                          .scopes = scopes_default(TOKEN_SCIM),
                          .expires_us = expires_us};

    if (control_provider(control, provider) == NULL)
        return err_set(err, ERR_NOT_FOUND, "the settings have no identity provider '" STR_FMT "'",
                       STR_ARG(provider));
    if (!provider_provisions(&control->gate->settings->identity, provider))
        return err_set(err, ERR_CONFLICT,
                       "the provider '" STR_FMT "' provisions nobody: its settings need `scim`",
                       STR_ARG(provider));
    return add(control, change, &token, &plain, arena, ret_made, err);
}

/* Keys that people make. */

/* A key can't make another one, so that a stolen one doesn't outlive itself; an agent has no hand
 * in what its human may. */
static enum err_code check_maker(const struct caller *caller, struct err *err)
{
    if (caller->kind != PRINCIPAL_HUMAN || caller->provider.len == 0)
        return err_set(err, ERR_DENIED,
                       "keys are made by people themselves, not by robots, agents or the "
                       "administration token");
    if (caller->has_own_token)
        return err_set(err, ERR_DENIED, "a key makes no keys: sign in to make one");
    return ERR_OK;
}

/* What is asked for, out of what the maker has now. */
static enum err_code choose_scopes(const struct caller *caller, uint32_t wanted,
                                   uint32_t *ret_scopes, struct err *err)
{
    uint32_t most = caller->scopes & scopes_allowed(TOKEN_USER);
    uint32_t scopes = wanted == 0 ? most & scopes_default(TOKEN_USER) : wanted;
    char text[160];
    struct buf words;

    if (scopes != 0 && (scopes & ~most) == 0) {
        *ret_scopes = scopes;
        return ERR_OK;
    }
    buf_init(&words, sizeof text);
    scope_set_write(&words, scopes & ~most, ", ");
    (void)err_set(err, ERR_DENIED,
                  "a key carries no more than the person may, and never admin: not " STR_FMT,
                  STR_ARG(buf_str(&words)));
    buf_done(&words);
    return ERR_DENIED;
}

/* A client that somebody signed in to for a while makes nothing that outlives the sign-in. */
static enum err_code choose_expiry(struct control *control, const struct caller *caller,
                                   int64_t wanted_us, struct arena *arena, int64_t *ret_us,
                                   struct err *err)
{
    int64_t days = control->gate->settings->identity_user_key_days;
    int64_t last_us = clock_wall_us() + days * INT64_C(86400) * 1000000;
    struct oauth_session session;
    char text[CLOCK_RFC3339_BYTES];

    if (caller->session_id.len > 0) {
        if (store_load_session(control->gate->store, arena, caller->session_id, &session, err) !=
            ERR_OK)
            return err_wrap(err, "the sign-in that the key is made in");
        last_us = session.expires_us < last_us ? session.expires_us : last_us;
    }
    clock_format_rfc3339(last_us, text);
    if (wanted_us > last_us)
        return err_set(err, ERR_INVALID, "expires: this key can live until %s at most", text);
    *ret_us = wanted_us == 0 ? last_us : wanted_us;
    return ERR_OK;
}

static struct str groups_text(const struct caller *caller, struct arena *arena)
{
    CLEANUP(buf_done) struct buf text;
    struct jsonw w;

    buf_init(&text, 256 << 10);
    jsonw_init(&w, &text);
    groups_write(&w, caller);
    return text.failed ? STR_NONE : arena_dup(arena, buf_str(&text));
}

enum err_code control_add_key(struct control *control, const struct control_change *change,
                              const struct key_wish *wish, struct arena *arena,
                              struct token_made *ret_made, struct err *err)
{
    const struct caller *caller = &change->request->caller;
    const struct token_wish plain = {.rotates = false};
    struct token token = {.kind = TOKEN_USER,
                          .name = wish->name,
                          .agent = wish->agent,
                          .session_id = caller->session_id,
                          .groups = groups_text(caller, arena)};
    enum err_code code = check_maker(caller, err);

    if (code == ERR_OK && token.groups.ptr == NULL)
        code = err_set(err, ERR_LIMIT, "memory is out");
    if (code == ERR_OK)
        code = choose_scopes(caller, wish->scopes, &token.scopes, err);
    if (code == ERR_OK)
        code = choose_expiry(control, caller, wish->expires_us, arena, &token.expires_us, err);
    if (code == ERR_OK)
        code = control_user_id(control, change->request, arena, &token.user_id, err);
    return code == ERR_OK ? add(control, change, &token, &plain, arena, ret_made, err) : code;
}

enum err_code control_revoke_token(struct control *control, const struct control_change *change,
                                   struct str id, struct err *err)
{
    struct pending pending = {0};
    uint64_t version = 0;
    enum err_code code = control_begin(control, change, &pending, err);

    if (code != ERR_OK)
        return code;
    code = store_revoke_token(control->gate->store, id, &pending.change, &version, err);
    return control_finish(control, &pending, change->action, code, err);
}

enum err_code control_revoke_tokens(struct control *control, const struct control_change *change,
                                    const struct token_holder *holder, size_t *ret_count,
                                    struct err *err)
{
    struct pending pending = {0};
    uint64_t version = 0;
    enum err_code code = control_begin(control, change, &pending, err);

    if (code != ERR_OK)
        return code;
    code = store_revoke_tokens(control->gate->store, holder, &pending.change, ret_count, &version,
                               err);
    return control_finish(control, &pending, change->action, code, err);
}

enum err_code control_revoke_robot(struct control *control, const struct control_change *change,
                                   struct str robot, size_t *ret_count, struct err *err)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(CONTROL_ARENA_BYTES);
    struct token_holder holder = {0};

    if (arena == NULL)
        return err_set(err, ERR_LIMIT, "memory is out");
    enum err_code code = find_robot(control, arena, robot, &holder.robot_id, err);
    return code == ERR_OK ? control_revoke_tokens(control, change, &holder, ret_count, err) : code;
}
