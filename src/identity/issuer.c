#include "identity/issuer.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/crypto.h"
#include "base/jsonw.h"
#include "base/uuid.h"

enum { MAX_CLAIMS = 11 << 10 }; /* JWT_MAX_BYTES once encoded */

struct key_pair {
    struct pkey *key;
    char kid[JWK_THUMBPRINT_LEN + 1];
};

/* Made anew when the generations change; counted, so that whoever signs or verifies goes on with
 * what was there. */
struct key_ring {
    atomic_uint refs;
    struct key_pair pairs[SIGNING_MAX_GENERATIONS + 1]; /* that signs, older ones, the next one */
    size_t count;
    struct jwk_set *keys; /* the public ones */
};

struct issuer {
    struct str url;
    const struct keyring *keyring;
    pthread_mutex_t lock;
    struct key_ring *ring;
};

/* ---- the keys ---- */

static void unref(struct key_ring *ring)
{
    if (ring == NULL || atomic_fetch_sub(&ring->refs, 1) > 1)
        return;
    jwk_set_unref(ring->keys);
    for (size_t i = 0; i < ring->count; i++)
        pkey_free(ring->pairs[i].key);
    free(ring);
}

static struct key_ring *ref(struct issuer *issuer)
{
    (void)pthread_mutex_lock(&issuer->lock);
    struct key_ring *ring = issuer->ring;
    atomic_fetch_add(&ring->refs, 1);
    (void)pthread_mutex_unlock(&issuer->lock);
    return ring;
}

static void write_keys(const struct key_ring *ring, struct buf *out)
{
    buf_add_c(out, "{\"keys\":[");
    for (size_t i = 0; i < ring->count; i++) {
        if (i > 0)
            buf_add_byte(out, ',');
        jwk_write(ring->pairs[i].key, out);
    }
    buf_add_c(out, "]}");
}

void issuer_write_keys(struct issuer *issuer, struct buf *out)
{
    struct key_ring *ring = ref(issuer);

    write_keys(ring, out);
    unref(ring);
}

/* The first generation has no number in its label: it was there before there were others. */
static enum err_code derive(const struct keyring *keyring, uint64_t generation,
                            struct key_pair *pair, struct err *err)
{
    char label[64] = "portreeve access token key v1";
    uint8_t secret[32];

    if (generation > 1)
        (void)snprintf(label, sizeof label, "portreeve access token key v1 %" PRIu64, generation);
    crypto_hkdf_expand(keyring_get(keyring, KEY_SESSION), str_c(label), secret, sizeof secret);
    enum err_code code = pkey_new_own(secret, &pair->key, err);
    crypto_wipe(secret, sizeof secret);
    if (code == ERR_OK)
        jwk_thumbprint(pair->key, pair->kid);
    return code;
}

static enum err_code add(const struct keyring *keyring, uint64_t generation, struct key_ring *ring,
                         struct err *err)
{
    enum err_code code = derive(keyring, generation, &ring->pairs[ring->count], err);

    ring->count += code == ERR_OK ? 1 : 0;
    return code;
}

static enum err_code fill(const struct keyring *keyring, const struct signing *signing,
                          struct key_ring *ring, struct err *err)
{
    CLEANUP(buf_done) struct buf text;
    enum err_code code = ERR_OK;

    buf_init(&text, 16 << 10);
    for (uint64_t at = signing->newest; at >= signing->oldest && code == ERR_OK; at--)
        code = add(keyring, at, ring, err);
    /* Published before it signs: other gateways of the store, and whoever keeps the document, know
     * it when its first token comes. */
    if (code == ERR_OK)
        code = add(keyring, signing->newest + 1, ring, err);
    if (code != ERR_OK)
        return code;
    write_keys(ring, &text);
    return text.failed ? err_set(err, ERR_LIMIT, "memory is out")
                       : jwk_set_parse(buf_str(&text), &ring->keys, err);
}

enum err_code issuer_use(struct issuer *issuer, const struct signing *signing, struct err *err)
{
    struct key_ring *ring = calloc(1, sizeof *ring);

    if (ring == NULL)
        return err_set(err, ERR_LIMIT, "memory is out");
    atomic_init(&ring->refs, 1);
    enum err_code code = fill(issuer->keyring, signing, ring, err);
    if (code == ERR_OK) {
        (void)pthread_mutex_lock(&issuer->lock);
        struct key_ring *old = issuer->ring;
        issuer->ring = ring;
        (void)pthread_mutex_unlock(&issuer->lock);
        ring = old;
    }
    unref(ring);
    return code;
}

enum err_code issuer_new(const struct keyring *keyring, struct str url,
                         const struct signing *signing, struct issuer **ret_issuer, struct err *err)
{
    struct issuer *issuer = calloc(1, sizeof *issuer);

    if (issuer == NULL)
        return err_set(err, ERR_LIMIT, "memory is out");
    issuer->url = url;
    issuer->keyring = keyring;
    (void)pthread_mutex_init(&issuer->lock, NULL);
    enum err_code code = issuer_use(issuer, signing, err);
    if (code == ERR_OK)
        *ret_issuer = issuer;
    else
        issuer_free(issuer);
    return code;
}

void issuer_free(struct issuer *issuer)
{
    if (issuer == NULL)
        return;
    unref(issuer->ring);
    (void)pthread_mutex_destroy(&issuer->lock);
    free(issuer);
}

enum jwt_why issuer_verify(struct issuer *issuer, const struct jwt *jwt)
{
    struct key_ring *ring = ref(issuer);
    enum jwt_why why = jwt_verify(jwt, ring->keys, PKEY_ALG_BIT(PKEY_EDDSA));

    unref(ring);
    return why;
}

struct str issuer_url(const struct issuer *issuer)
{
    return issuer->url;
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
    if (caller->provider.len > 0)
        jsonw_name_str(&w, "idp", caller->provider);
    if (caller->client_id.len > 0 || caller->kind != PRINCIPAL_ROBOT)
        jsonw_name_str(&w, "client_id", caller->client_id);
    if (caller->kind == PRINCIPAL_ROBOT) {
        jsonw_name_str(&w, "robot", caller->name);
        jsonw_name_i64(&w, "robot_id", caller->robot_id);
        if (caller->warrant.len > 0)
            jsonw_name_str(&w, "warrant", caller->warrant);
    }
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

static bool sign(const struct issuer *issuer, const struct key_pair *pair,
                 const struct issue *issue, struct buf *out)
{
    size_t start = out->len;
    uint8_t signature[64];
    struct buf part;

    buf_init(&part, MAX_CLAIMS);
    buf_printf(&part, "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}", pair->kid);
    add_part(out, buf_str(&part));
    buf_add_byte(out, '.');
    bool ok = !part.failed;
    buf_clear(&part);
    write_claims(issuer, issue, &part);
    add_part(out, buf_str(&part));
    ok = ok && !part.failed && !out->failed &&
         pkey_sign(pair->key, str_from(buf_str(out), start), signature);
    buf_done(&part);
    buf_add_byte(out, '.');
    add_part(out, str_of((const char *)signature, sizeof signature));
    return ok && !out->failed;
}

bool issuer_mint(struct issuer *issuer, const struct issue *issue, struct buf *out)
{
    struct key_ring *ring = NULL;

    if (issue->scopes == 0 || issue->audience.len == 0)
        return false;
    ring = ref(issuer);
    bool is_made = sign(issuer, &ring->pairs[0], issue, out);
    unref(ring);
    return is_made;
}
