/*
 * OAuth clients that administrators keep in the store, and blocking those of any kind.
 *
 * What an administrator may give a client is what an administrator could hand out in another way:
 * to be a robot, to exchange tokens that people gave it for lesser ones. To redeem a provider's
 * word on people is more than that: only where the settings file lets it (`ema: {stored: true}`).
 */
#include "base/clock.h"
#include "base/crypto.h"
#include "gate/control_priv.h"
#include "identity/client_document.h"
#include "identity/jwk.h"
#include "identity/tokens.h"

enum { MAX_ID_BYTES = 512 };

static bool is_id(struct str id)
{
    for (size_t i = 0; i < id.len; i++) {
        unsigned char c = (unsigned char)id.ptr[i];

        /* '<' stands between actors. */
        if (c <= 0x20 || c >= 0x7f || c == '<' || c == '>' || c == '"' || c == '\\')
            return false;
    }
    return id.len > 0 && id.len <= MAX_ID_BYTES;
}

static bool has_credentials(const struct client_wish *wish)
{
    return wish->wants_secret || wish->jwks_url.len > 0 || wish->jwks.len > 0;
}

/* ---- what may be kept ---- */

static enum err_code check_id(const struct identity_rules *rules, const struct client_wish *wish,
                              struct err *err)
{
    if (!is_id(wish->id))
        return err_set(err, ERR_INVALID,
                       "the id of a client is up to %d printable letters without spaces and <>\"\\",
                       MAX_ID_BYTES);
    if (provider_client(rules, wish->id) != NULL)
        return err_set(err, ERR_CONFLICT, "the settings file has this client already");
    if (has_credentials(wish) && str_starts(wish->id, STR("app.")))
        return err_set(err, ERR_INVALID, "ids that begin with app. are of clients that register");
    for (size_t i = 0; has_credentials(wish) && i < rules->provider_count; i++) {
        const struct provider *provider = &rules->providers[i];

        for (size_t j = 0; j < provider->ema_client_count; j++)
            if (str_eq(provider->ema_clients[j], wish->id))
                return err_set(
                    err, ERR_CONFLICT,
                    "the settings file trusts the client that publishes a document here");
    }
    return ERR_OK;
}

static enum err_code check_keys(const struct client_wish *wish, struct err *err)
{
    CLEANUP(jwk_set_unrefp) struct jwk_set *keys = NULL;
    struct str why = STR("there is none");

    if (wish->jwks_url.len > 0)
        return client_document_check_keys_url(wish->jwks_url, err);
    if (wish->jwks.len == 0)
        return ERR_OK;
    if (jwk_set_parse(wish->jwks, &keys, err) != ERR_OK)
        return err_wrap(err, "jwks");
    (void)jwk_set_skipped(keys, &why);
    if (jwk_set_count(keys) == 0)
        return err_set(err, ERR_INVALID, "jwks: no key can be used: " STR_FMT, STR_ARG(why));
    return ERR_OK;
}

static enum err_code check_rights(const struct identity_rules *rules,
                                  const struct client_wish *wish, struct err *err)
{
    const struct provider *provider = provider_by_name(rules, wish->redeems);
    bool acts_for_people = wish->may_exchange || wish->redeems.len > 0;
    size_t proofs = (size_t)(wish->wants_secret + (wish->jwks_url.len > 0) + (wish->jwks.len > 0));

    if (wish->redeems.len > 0 && (provider == NULL || !provider->takes_stored))
        return err_set(err, ERR_DENIED,
                       "the settings file lets no client that is kept here redeem assertions of "
                       "'" STR_FMT "': that takes `ema: {stored: true}` of a provider",
                       STR_ARG(wish->redeems));
    if (wish->robot.len > 0 && (acts_for_people || wish->is_agent))
        return err_set(err, ERR_INVALID,
                       "a client that is a robot does not act for people: make two clients");
    if (!acts_for_people && wish->robot.len == 0 && !wish->is_agent)
        return err_set(err, ERR_INVALID,
                       "say what the client may: exchange, redeem, robot or agent");
    if (proofs > 1 || (proofs == 0 && (acts_for_people || wish->robot.len > 0)))
        return err_set(err, ERR_INVALID,
                       "a client proves who it is by one of: a secret, jwks_url, jwks");
    return ERR_OK;
}

static enum err_code find_robot(struct control *control, struct arena *arena, struct str name,
                                int64_t *ret_id, struct err *err)
{
    struct governance governance = {0};

    if (name.len == 0)
        return ERR_OK;
    if (store_load_governance(control->gate->store, arena, &governance, err) != ERR_OK)
        return err_wrap(err, "find robot");
    for (size_t i = 0; i < governance.robot_count; i++) {
        if (str_eq(governance.robots[i].name, name)) {
            *ret_id = governance.robots[i].id;
            return ERR_OK;
        }
    }
    return err_set(err, ERR_NOT_FOUND,
                   "there is no robot '" STR_FMT "'; `portreeve robot list` shows them",
                   STR_ARG(name));
}

static enum err_code make_client(struct control *control, const struct client_wish *wish,
                                 struct arena *arena, struct client *client, struct err *err)
{
    const struct identity_rules *rules = &control->gate->settings->identity;
    enum err_code code = check_id(rules, wish, err);

    if (code == ERR_OK)
        code = check_rights(rules, wish, err);
    if (code == ERR_OK)
        code = check_keys(wish, err);
    *client = (struct client){.id = wish->id,
                              .has_secret = wish->wants_secret,
                              .jwks_url = wish->jwks_url,
                              .jwks = wish->jwks,
                              .redeems = wish->redeems,
                              .may_exchange = wish->may_exchange,
                              .is_agent = wish->is_agent};
    return code == ERR_OK ? find_robot(control, arena, wish->robot, &client->robot_id, err) : code;
}

/* ---- changes ---- */

enum err_code control_add_client(struct control *control, const struct control_change *change,
                                 const struct client_wish *wish, struct arena *arena,
                                 struct str *ret_secret, struct err *err)
{
    char text[TOKEN_TEXT_LEN + 1];
    struct client client;
    struct pending pending = {0};
    uint64_t version = 0;
    enum err_code code = make_client(control, wish, arena, &client, err);

    if (code == ERR_OK)
        code = control_begin(control, change, &pending, err);
    if (code != ERR_OK)
        return code;
    token_mint_client_secret(text);
    if (wish->wants_secret)
        token_hash(keyring_get(control->gate->keyring, KEY_PEPPER), str_of(text, TOKEN_TEXT_LEN),
                   client.secret_hash);
    code = store_add_client(control->gate->store, &client, &pending.change, &version, err);
    code = control_finish(control, &pending, change->action, code, err);
    *ret_secret = STR_NONE;
    if (code == ERR_OK && wish->wants_secret)
        *ret_secret = arena_dup(arena, str_of(text, TOKEN_TEXT_LEN));
    crypto_wipe(text, sizeof text);
    return code;
}

enum err_code control_remove_client(struct control *control, const struct control_change *change,
                                    struct str id, struct err *err)
{
    struct pending pending = {0};
    uint64_t version = 0;
    enum err_code code = control_begin(control, change, &pending, err);

    if (code != ERR_OK)
        return code;
    code = store_remove_client(control->gate->store, id, &pending.change, &version, err);
    return control_finish(control, &pending, change->action, code, err);
}

enum err_code control_block_client(struct control *control, const struct control_change *change,
                                   struct str id, bool is_blocked, size_t *ret_ended,
                                   struct err *err)
{
    struct pending pending = {0};
    uint64_t version = 0;
    enum err_code code = control_begin(control, change, &pending, err);

    if (code != ERR_OK)
        return code;
    code = store_block_client(control->gate->store, id, is_blocked, &pending.change, ret_ended,
                              &version, err);
    return control_finish(control, &pending, change->action, code, err);
}
