#include "identity/issuer.h"

#include <stdlib.h>

#include "base/base64.h"
#include "base/crypto.h"
#include "base/jsonw.h"
#include "base/uuid.h"

enum { MAX_CLAIMS = 11 << 10 }; /* JWT_MAX_BYTES once encoded */

struct issuer {
    struct str url;
    struct pkey *key;
    char kid[JWK_THUMBPRINT_LEN + 1];
    struct jwk_set *keys;
};

void issuer_write_keys(const struct issuer *issuer, struct buf *out)
{
    buf_add_c(out, "{\"keys\":[");
    jwk_write(issuer->key, out);
    buf_add_c(out, "]}");
}

static enum err_code make_keys(struct issuer *issuer, struct err *err)
{
    struct buf text;

    buf_init(&text, 4096);
    issuer_write_keys(issuer, &text);
    enum err_code code = text.failed ? err_set(err, ERR_LIMIT, "memory is out")
                                     : jwk_set_parse(buf_str(&text), &issuer->keys, err);
    buf_done(&text);
    return code;
}

enum err_code issuer_new(const struct keyring *keyring, struct str url, struct issuer **ret_issuer,
                         struct err *err)
{
    struct issuer *issuer = calloc(1, sizeof *issuer);
    uint8_t secret[32];

    if (issuer == NULL)
        return err_set(err, ERR_LIMIT, "memory is out");
    issuer->url = url;
    crypto_hkdf_expand(keyring_get(keyring, KEY_SESSION), STR("portreeve access token key v1"),
                       secret, sizeof secret);
    enum err_code code = pkey_new_own(secret, &issuer->key, err);
    crypto_wipe(secret, sizeof secret);
    if (code == ERR_OK) {
        jwk_thumbprint(issuer->key, issuer->kid);
        code = make_keys(issuer, err);
    }
    if (code != ERR_OK) {
        issuer_free(issuer);
        return code;
    }
    *ret_issuer = issuer;
    return ERR_OK;
}

void issuer_free(struct issuer *issuer)
{
    if (issuer == NULL)
        return;
    jwk_set_unref(issuer->keys);
    pkey_free(issuer->key);
    free(issuer);
}

struct str issuer_url(const struct issuer *issuer)
{
    return issuer->url;
}

const struct jwk_set *issuer_keys(const struct issuer *issuer)
{
    return issuer->keys;
}

/* ---- minting ---- */

static void write_scope(struct jsonw *w, uint32_t scopes)
{
    struct buf words;

    buf_init(&words, 1024);
    scope_set_write(&words, scopes, " ");
    jsonw_name_str(w, "scope", buf_str(&words));
    buf_done(&words);
}

/* "outermost < inner" back into nested actors. */
static void write_chain(struct jsonw *w, struct str chain)
{
    struct str rest = chain;
    size_t depth = 0;

    while (rest.len > 0) {
        struct str actor = str_cut(&rest, '<');

        jsonw_name(w, "act");
        jsonw_object(w);
        jsonw_name_str(w, "sub", str_trim(actor));
        depth++;
    }
    while (depth-- > 0)
        jsonw_end_object(w);
}

static void write_groups(struct jsonw *w, const struct caller *caller)
{
    jsonw_name(w, "groups");
    jsonw_array(w);
    for (size_t i = 0; i < caller->group_count; i++)
        jsonw_str(w, caller->groups[i]);
    jsonw_end_array(w);
}

static void write_claims(const struct issuer *issuer, const struct issue *issue, struct buf *out)
{
    const struct caller *caller = issue->caller;
    struct uuid id = uuid_v7(issue->now * 1000000);
    char id_text[UUID_TEXT_BYTES + 1];
    struct jsonw w;

    uuid_format(&id, id_text);
    jsonw_init(&w, out);
    jsonw_object(&w);
    jsonw_name_str(&w, "iss", issuer->url);
    jsonw_name_str(&w, "aud", issue->audience);
    jsonw_name_str(&w, "sub", caller->subject);
    jsonw_name_str(&w, "idp", caller->provider);
    jsonw_name_str(&w, "client_id", caller->client_id);
    if (caller->session_id.len > 0)
        jsonw_name_str(&w, "sid", caller->session_id);
    jsonw_name_str(&w, "jti", str_of(id_text, UUID_TEXT_BYTES));
    jsonw_name_i64(&w, "iat", issue->now);
    jsonw_name_i64(&w, "exp", issue->now + issue->seconds);
    write_scope(&w, issue->scopes);
    jsonw_name_str(&w, "name", caller->name);
    if (caller->email.len > 0) {
        jsonw_name_str(&w, "email", caller->email);
        jsonw_name_bool(&w, "email_verified", true);
    }
    write_groups(&w, caller);
    write_chain(&w, caller->chain);
    jsonw_end_object(&w);
}

static void add_part(struct buf *out, struct str bytes)
{
    if (buf_reserve(out, BASE64URL_LEN(bytes.len)))
        out->len += base64url_encode(bytes.ptr, bytes.len, out->ptr + out->len);
}

bool issuer_mint(const struct issuer *issuer, const struct issue *issue, struct buf *out)
{
    size_t start = out->len;
    uint8_t signature[64];
    struct buf part;

    if (issue->scopes == 0 || issue->audience.len == 0)
        return false;
    buf_init(&part, MAX_CLAIMS);
    buf_printf(&part, "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}", issuer->kid);
    add_part(out, buf_str(&part));
    buf_add_byte(out, '.');
    bool ok = !part.failed;
    buf_clear(&part);
    write_claims(issuer, issue, &part);
    add_part(out, buf_str(&part));
    ok = ok && !part.failed && !out->failed &&
         pkey_sign(issuer->key, str_from(buf_str(out), start), signature);
    buf_done(&part);
    buf_add_byte(out, '.');
    add_part(out, str_of((const char *)signature, sizeof signature));
    return ok && !out->failed;
}
