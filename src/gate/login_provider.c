/*
 * The way to the identity provider and back: this gateway as its client (OpenID Connect, code with
 * PKCE and nonce).
 */
#include <limits.h>
#include <string.h>

#include "base/base64.h"
#include "base/crypto.h"
#include "base/jsonw.h"
#include "base/log.h"
#include "base/secret.h"
#include "gate/login_priv.h"
#include "gate/people.h"
#include "gate/redeem.h"
#include "identity/key_source.h"
#include "identity/person.h"
#include "keys/seal.h"
#include "net/fetch.h"

enum { MAX_GROUPS_BYTES = 8 << 10 };

/* ---- to the provider ---- */

static struct str callback_url(const struct login *login)
{
    return arena_printf(login->arena, STR_FMT "/oauth/callback", STR_ARG(login->url));
}

void login_send(struct login *login, const struct provider *provider)
{
    CLEANUP(buf_done) struct buf url;
    struct discovery found;
    uint8_t digest[CRYPTO_SHA256_BYTES];
    char challenge[LOGIN_CHALLENGE_LEN];

    buf_init(&url, 128 << 10);
    if (!login_ask_provider(login, provider, &found))
        return;
    crypto_sha256(login_secret(login, provider, "verifier"), digest);
    base64url_encode(digest, sizeof digest, challenge);
    buf_add(&url, found.authorization_endpoint);
    login_add_param(&url, "response_type", STR("code"));
    login_add_param(&url, "client_id", provider->client_id);
    login_add_param(&url, "redirect_uri", callback_url(login));
    login_add_param(&url, "scope", STR("openid email profile"));
    login_add_param(&url, "state", login_seal_wish(login, LOGIN_PURPOSE, provider));
    login_add_param(&url, "nonce", login_secret(login, provider, "nonce"));
    login_add_param(&url, "code_challenge", str_of(challenge, sizeof challenge));
    login_add_param(&url, "code_challenge_method", STR("S256"));
    login_answer_redirect(login, &url);
}

/* What the provider says of itself is asked for now and then, not by everybody who comes along. */
static enum err_code look_up(struct login *login, const struct provider *provider,
                             struct discovery *ret_found, struct err *err)
{
    struct gate *gate = login->gate;
    struct login_found *kept = &gate->login_found[provider - gate->settings->identity.providers];
    int64_t age = login->now_us - kept->found_us;

    if (kept->arena == NULL || age < 0 || age > (int64_t)KEY_SOURCE_REFRESH_SECONDS * 1000000) {
        struct arena *arena = arena_new(LOGIN_ARENA_BYTES);
        struct discovery *found = arena == NULL ? NULL : arena_new_obj(arena, struct discovery);
        enum err_code code = found == NULL ? err_set(err, ERR_LIMIT, "memory is out")
                                           : discover(provider, arena, found, err);

        if (code != ERR_OK) {
            arena_free(arena);
            return code;
        }
        arena_free(kept->arena);
        *kept = (struct login_found){.arena = arena, .document = found, .found_us = login->now_us};
    }
    *ret_found = *kept->document;
    return ERR_OK;
}

const struct provider *login_provider(struct login *login, struct str name)
{
    const struct provider *provider = provider_by_name(&login->gate->settings->identity, name);

    return provider == NULL || provider->client_id.len == 0 ? NULL : provider;
}

bool login_ask_provider(struct login *login, const struct provider *provider,
                        struct discovery *ret_found)
{
    struct err err = {.code = ERR_OK};

    if (provider == NULL) {
        login_answer_page(login, 404, "Nobody signs in there",
                          STR("This gateway does not know that identity provider any more."));
        return false;
    }
    if (look_up(login, provider, ret_found, &err) == ERR_OK &&
        ret_found->authorization_endpoint.len > 0 && ret_found->token_endpoint.len > 0)
        return true;
    log_event(LOG_ERROR, "login_provider_failed", LOG_STR("provider", provider->name),
              LOG_ERR(&err));
    login_answer_page(login, 502, "The identity provider does not answer",
                      STR("Go back to the program that sent you here, and begin again in a "
                          "moment."));
    return false;
}

/* ---- back from the provider ---- */

static bool read_secret(struct login *login, const struct provider *provider,
                        struct str *ret_secret)
{
    CLEANUP(secret_freep) struct secret *secret = NULL;
    char path[PATH_MAX];

    if (settings_secret_path(login->gate->settings, provider->client_secret, path, sizeof path,
                             NULL) != ERR_OK ||
        secret_read_file(path, &secret, NULL) != ERR_OK)
        return false;
    *ret_secret = arena_dup(login->arena, secret_reveal(secret));
    return ret_secret->ptr != NULL;
}

/* The code for tokens (RFC 6749 §4.1.3). */
static enum err_code exchange(struct login *login, const struct provider *provider,
                              const struct discovery *found, struct str code,
                              struct fetch_reply *reply, struct err *err)
{
    CLEANUP(buf_done) struct buf body;
    CLEANUP(buf_done) struct buf user;
    struct str secret = STR_NONE;
    bool has_secret = provider->client_secret.len > 0;

    buf_init(&body, 64 << 10);
    buf_init(&user, 16 << 10);
    buf_add_c(&body, "grant_type=authorization_code&code=");
    login_add_encoded(&body, code);
    buf_add_c(&body, "&redirect_uri=");
    login_add_encoded(&body, callback_url(login));
    buf_add_c(&body, "&code_verifier=");
    login_add_encoded(&body, login_secret(login, provider, "verifier"));
    if (has_secret && !read_secret(login, provider, &secret))
        return err_set(err, ERR_NOT_FOUND, "the secret of this gateway at the provider is missing");
    if (has_secret) {
        login_add_encoded(&user, provider->client_id);
        buf_add_byte(&user, ':');
        login_add_encoded(&user, secret);
        buf_add_byte(&user, '\0');
    } else {
        buf_add_c(&body, "&client_id=");
        login_add_encoded(&body, provider->client_id);
    }
    const struct fetch fetch = {
        .method = "POST",
        .url = found->token_endpoint.ptr,
        .basic = has_secret ? user.ptr : NULL,
        .content_type = "application/x-www-form-urlencoded",
        .body = buf_str(&body),
        .timeout_ms = 10000,
        .ca_file = provider->ca_file.len > 0 ? provider->ca_file.ptr : NULL,
        .max_bytes = 256 << 10,
    };
    enum err_code result = body.failed || user.failed ? err_set(err, ERR_LIMIT, "memory is out")
                                                      : fetch_do(&fetch, reply, err);
    crypto_wipe(user.ptr, user.len);
    return result;
}

/* The claims that the ID token leaves out (OpenID Connect Core §5.3). */
static void add_userinfo(struct login *login, const struct provider *provider,
                         const struct discovery *found, struct str access_token, struct jwt *jwt,
                         const struct jwt_claims *claims)
{
    struct json_doc doc;
    struct fetch_reply reply;
    const struct fetch fetch = {
        .method = "GET",
        .url = found->userinfo_endpoint.ptr,
        .bearer = access_token,
        .timeout_ms = 10000,
        .ca_file = provider->ca_file.len > 0 ? provider->ca_file.ptr : NULL,
        .max_bytes = 256 << 10,
    };

    if (found->userinfo_endpoint.len == 0 || access_token.len == 0 ||
        jwt_find(jwt, provider->email_claim) != JSON_NONE ||
        fetch_do(&fetch, &reply, NULL) != ERR_OK)
        return;
    struct str text = arena_dup(login->arena, buf_str(&reply.body));
    buf_done(&reply.body);
    /* sub must be the same: else the answer is about somebody else. */
    if (reply.status == 200 && text.ptr != NULL &&
        json_parse(text, &json_limits_default, login->arena, &doc, NULL) == ERR_OK &&
        json_str_is(&doc, json_get(&doc, 0, STR("sub")), claims->subject))
        jwt->claims = doc;
}

static enum jwt_why judge_id_token(struct login *login, const struct provider *provider,
                                   struct str token, struct jwt *jwt, struct jwt_claims *claims)
{
    static const struct str types[] = {STR_INIT("jwt"), {NULL, 0}};
    const struct identity_rules *rules = &login->gate->settings->identity;
    const struct jwt_expect expect = {
        .issuer = provider->issuer,
        .audiences = &provider->client_id,
        .audience_count = 1,
        .types = types,
        .type_count = ARRAY_LEN(types),
        .now = login->now_us / 1000000,
    };
    enum jwt_why why = jwt_parse(token, login->arena, jwt);

    if (why == JWT_OK)
        why = redeem_verify(jwt, login->gate->key_sources[provider - rules->providers],
                            login->now_us);
    if (why == JWT_OK)
        why = jwt_judge(jwt, &expect, login->arena, claims);
    if (why == JWT_OK && !str_eq_secret(jwt_text(jwt, STR("nonce"), login->arena),
                                        login_secret(login, provider, "nonce")))
        why = JWT_BAD_CLAIMS;
    return why;
}

/* Groups go along in our own tokens, which must not outgrow a header (JWT_MAX_BYTES). */
static void limit_groups(struct caller *person)
{
    size_t bytes = 0;

    for (size_t i = 0; i < person->group_count; i++)
        bytes += person->groups[i].len + strlen("\"\",");
    if (bytes > MAX_GROUPS_BYTES) {
        person->group_count = 0;
        person->lacks_groups = true;
    }
}

/* Who signed in. False: answered. */
bool login_find_person(struct login *login, const struct provider *provider,
                       const struct discovery *found, struct str code, struct caller *ret_person)
{
    struct fetch_reply reply;
    struct json_doc doc;
    struct jwt jwt;
    struct jwt_claims claims;
    struct err err;

    if (exchange(login, provider, found, code, &reply, &err) != ERR_OK) {
        log_event(LOG_ERROR, "login_provider_failed", LOG_ERR(&err));
        login_answer_page(login, 502, "The identity provider does not answer",
                          STR("Try again in a moment."));
        return false;
    }
    struct str text = arena_dup(login->arena, buf_str(&reply.body));
    buf_done(&reply.body);
    enum jwt_why why = JWT_NOT_COMPACT;
    if (reply.status == 200 && text.ptr != NULL &&
        json_parse(text, &json_limits_default, login->arena, &doc, NULL) == ERR_OK)
        why = judge_id_token(login, provider, login_text(login, &doc, "id_token"), &jwt, &claims);
    enum person_result result = PERSON_INVALID;
    if (why == JWT_OK) {
        struct snapshot *snapshot = gate_snapshot(login->gate);

        login->provider_session = jwt_text(&jwt, STR("sid"), login->arena);
        add_userinfo(login, provider, found, login_text(login, &doc, "access_token"), &jwt,
                     &claims);
        result = person_of(&login->gate->settings->identity, provider, &jwt, &claims,
                           snapshot_tokens(snapshot), login->arena, ret_person);
        snapshot_unref(snapshot);
    }
    if (result == PERSON_OK) {
        limit_groups(ret_person);
        people_tell_groups(ret_person);
        return true;
    }
    log_event(LOG_WARN, "login_refused", LOG_STR("provider", provider->name),
              LOG_C("reason", why != JWT_OK ? jwt_why_word(why) : "person"),
              LOG_INT("status", reply.status));
    login_answer_page(login, 403, "You cannot sign in",
                      STR("The identity provider's answer was refused."));
    return false;
}
