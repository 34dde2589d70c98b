/*
 * redeem_client.c - which client asks for a token: by its secret, or by an assertion that its own
 * keys signed.
 */
#include <limits.h>

#include "base/base64.h"
#include "base/secret.h"
#include "gate/redeem_priv.h"
#include "identity/client_table.h"
#include "identity/tokens.h"

enum { CLIENT_ASSERTION_SECONDS = 600 };

#define ASSERTION_TYPE "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

/* RFC 6749 §2.3.1: both parts are form-encoded before they are joined. */
static bool read_basic(struct inquiry *q, struct str *ret_id, struct str *ret_secret)
{
    static const struct str scheme = STR_INIT("Basic ");
    struct str value = q->redemption->authorization;
    struct str text = STR_NONE;

    if (!str_eq_nocase(str_first(value, scheme.len), scheme) ||
        !base64_decode(q->arena, str_trim(str_from(value, scheme.len)), &text))
        return false;
    struct str secret = text;
    struct str id = str_cut(&secret, ':');
    return form_decode(id, q->arena, ret_id) && form_decode(secret, q->arena, ret_secret);
}

static bool secret_is(struct inquiry *q, struct str secret)
{
    char path[PATH_MAX];
    CLEANUP(secret_freep) struct secret *kept = NULL;

    if (q->client->has_hash) {
        uint8_t hash[TOKEN_HASH_BYTES];

        token_hash(keyring_get(q->redemption->gate->keyring, KEY_PEPPER), secret, hash);
        return str_eq_secret(str_of((const char *)hash, sizeof hash),
                             str_of((const char *)q->client->hash, sizeof q->client->hash));
    }
    if (q->client->secret.len == 0 || secret.len == 0 ||
        settings_secret_path(q->settings, q->client->secret, path, sizeof path, NULL) != ERR_OK ||
        secret_read_file(path, &kept, NULL) != ERR_OK)
        return false;
    return str_eq_secret(secret_reveal(kept), secret);
}

bool inquiry_is_blocked(const struct inquiry *q, struct str client_id)
{
    struct snapshot *snapshot = gate_snapshot(q->redemption->gate);
    bool is_blocked =
        client_table_is_blocked(token_table_clients(snapshot_tokens(snapshot)), client_id);

    snapshot_unref(snapshot);
    return is_blocked;
}

/* Of the settings, else of the store. Sets client, NULL: neither. False: refused. */
static bool find_client(struct inquiry *q, struct str id)
{
    struct oauth_client *copy = arena_calloc(q->arena, 1, sizeof *copy);

    q->redemption->client_id = id;
    if (copy == NULL)
        return inquiry_refuse(q, "invalid_client", "memory");
    if (inquiry_is_blocked(q, id))
        return inquiry_refuse(q, "invalid_client", "client_blocked");
    q->client = provider_client(&q->settings->identity, id);
    if (q->client != NULL)
        return true;
    struct snapshot *snapshot = gate_snapshot(q->redemption->gate);
    if (client_table_find(token_table_clients(snapshot_tokens(snapshot)), id, q->arena, copy,
                          NULL) == ERR_OK)
        q->client = copy;
    snapshot_unref(snapshot);
    return true;
}

static bool check_secret(struct inquiry *q, struct str id, struct str secret)
{
    if (!find_client(q, id))
        return false;
    if (q->client == NULL)
        return inquiry_refuse(q, "invalid_client", "client_unknown");
    return secret_is(q, secret) || inquiry_refuse(q, "invalid_client", "client_secret");
}

/* The client that the assertion says it is of, and its signature; nothing else is judged. */
static bool verify_client(struct inquiry *q, const struct jwt *jwt)
{
    const struct identity_rules *rules = &q->settings->identity;
    struct client_document document = {.app = {.has_keys = true}};

    if (!find_client(q, jwt->issuer))
        return false;
    if (q->client == NULL && client_document_is_url(jwt->issuer))
        return inquiry_find_document(q, jwt->issuer, &document) &&
               inquiry_verify_document(q, jwt, &document);
    if (q->client != NULL && q->client->is_stored && !q->client->has_hash) {
        document.jwks = q->client->jwks;
        document.jwks_uri = q->client->keys.jwks_url;
        return inquiry_verify_document(q, jwt, &document);
    }
    if (q->client == NULL || q->client->keys.jwks_url.len == 0)
        return inquiry_refuse(q, "invalid_client", "client_unknown");
    enum jwt_why why =
        inquiry_verify(q, jwt, q->redemption->gate->client_keys[q->client - rules->clients]);
    return why == JWT_OK || inquiry_refuse(q, "invalid_client", jwt_why_word(why));
}

/* RFC 7523 §3: issued by the client about itself, for this authorization server. */
static bool check_client_assertion(struct inquiry *q, struct str assertion)
{
    static const struct str types[] = {
        STR_INIT("jwt"), STR_INIT("client-authentication+jwt"), {NULL, 0}};
    const struct str audiences[] = {
        q->url, arena_printf(q->arena, STR_FMT "/oauth/token", STR_ARG(q->url))};
    struct jwt jwt;
    struct jwt_claims claims;
    enum jwt_why why = jwt_parse(assertion, q->arena, &jwt);

    if (why != JWT_OK)
        return inquiry_refuse(q, "invalid_client", jwt_why_word(why));
    if (!verify_client(q, &jwt))
        return false;
    const struct jwt_expect expect = {
        .issuer = q->client->id,
        .audiences = audiences,
        .audience_count = ARRAY_LEN(audiences),
        .types = types,
        .type_count = ARRAY_LEN(types),
        .now = q->redemption->now_us / 1000000,
        .max_seconds = CLIENT_ASSERTION_SECONDS,
        .must_have_id = true,
    };
    why = jwt_judge(&jwt, &expect, q->arena, &claims);
    if (why != JWT_OK)
        return inquiry_refuse(q, "invalid_client", jwt_why_word(why));
    if (!str_eq(claims.subject, q->client->id))
        return inquiry_refuse(q, "invalid_client", "client_subject");
    q->redemption->client_assertion = (struct spent_id){
        .issuer = q->client->id,
        .id = claims.id,
        .expires_us = (claims.expires_at + JWT_LEEWAY_SECONDS) * 1000000,
    };
    return true;
}

static bool check_client(struct inquiry *q)
{
    struct str assertion = form_get(&q->form, STR("client_assertion"));
    struct str secret = form_get(&q->form, STR("client_secret"));
    struct str id = form_get(&q->form, STR("client_id"));
    bool has_header = q->redemption->authorization.len > 0;
    int ways = (assertion.ptr != NULL) + (secret.ptr != NULL) + has_header;
    struct str basic_id = STR_NONE;

    if (ways != 1)
        return inquiry_refuse(q, "invalid_client", ways == 0 ? "client_missing" : "client_twice");
    if (assertion.ptr != NULL) {
        if (!str_eq(form_get(&q->form, STR("client_assertion_type")), STR(ASSERTION_TYPE)))
            return inquiry_refuse(q, "invalid_client", "client_assertion_type");
        return check_client_assertion(q, assertion) &&
               (id.ptr == NULL || str_eq(id, q->client->id) ||
                inquiry_refuse(q, "invalid_client", "client_twice"));
    }
    if (!has_header)
        return check_secret(q, id, secret);
    if (!read_basic(q, &basic_id, &secret))
        return inquiry_refuse(q, "invalid_client", "client_header");
    if (id.ptr != NULL && !str_eq(id, basic_id))
        return inquiry_refuse(q, "invalid_client", "client_twice");
    return check_secret(q, basic_id, secret);
}

bool inquiry_check_client(struct inquiry *q)
{
    q->redemption->is_client_proven = check_client(q);
    return q->redemption->is_client_proven;
}
