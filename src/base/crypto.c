#include "base/crypto.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Fetched once for the process. */
static pthread_once_t fetched = PTHREAD_ONCE_INIT;
static pthread_key_t thread_key;
static EVP_MD *sha256;
static EVP_CIPHER *aes256gcm;

/* Reused by one thread, freed at its end. */
struct contexts {
    EVP_MD_CTX *digest;
    EVP_CIPHER_CTX *cipher;
};

static __thread struct contexts *mine;

static NORETURN void refused(const char *what)
{
    (void)fprintf(stderr, "portreeve: OpenSSL refuses to run %s; stopping\n", what);
    abort();
}

static void check(bool ok, const char *what)
{
    if (!ok)
        refused(what);
}

static void free_contexts(void *data)
{
    struct contexts *contexts = data;

    EVP_MD_CTX_free(contexts->digest);
    EVP_CIPHER_CTX_free(contexts->cipher);
    free(contexts);
    /* A later destructor of the same thread that uses crypto gets new ones. */
    mine = NULL;
}

static void fetch(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    aes256gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    check(sha256 != NULL && aes256gcm != NULL, "its algorithms");
    check(pthread_key_create(&thread_key, free_contexts) == 0, "in threads");
}

static void free_main_thread(void)
{
    /* The main thread's own destructors do not run at exit. */
    if (mine != NULL)
        free_contexts(mine);
    EVP_MD_free(sha256);
    EVP_CIPHER_free(aes256gcm);
}

static void fetch_once(void)
{
    fetch();
    (void)atexit(free_main_thread);
}

static struct contexts *get(void)
{
    if (mine != NULL)
        return mine;
    check(pthread_once(&fetched, fetch_once) == 0, "its algorithms");
    struct contexts *contexts = calloc(1, sizeof *contexts);
    check(contexts != NULL, "without memory");
    contexts->digest = EVP_MD_CTX_new();
    contexts->cipher = EVP_CIPHER_CTX_new();
    check(contexts->cipher != NULL &&
              EVP_EncryptInit_ex2(contexts->cipher, aes256gcm, NULL, NULL, NULL) == 1,
          "AES-256-GCM");
    check(contexts->digest != NULL && contexts->cipher != NULL &&
              pthread_setspecific(thread_key, contexts) == 0,
          "its contexts");
    mine = contexts;
    return mine;
}

void crypto_sha256v(const struct str *pieces, size_t count, uint8_t ret_digest[CRYPTO_SHA256_BYTES])
{
    EVP_MD_CTX *digest = get()->digest;
    bool ok = EVP_DigestInit_ex2(digest, sha256, NULL) == 1;

    for (size_t i = 0; i < count; i++)
        ok = ok && EVP_DigestUpdate(digest, pieces[i].ptr, pieces[i].len) == 1;
    check(ok && EVP_DigestFinal_ex(digest, ret_digest, NULL) == 1, "SHA-256");
}

void crypto_sha256(struct str data, uint8_t ret_digest[CRYPTO_SHA256_BYTES])
{
    crypto_sha256v(&data, 1, ret_digest);
}

/* HMAC (RFC 2104) over the kept digest: EVP_MAC looks its parameters up by name at every start,
 * which costs more than the hash. */
enum { HMAC_BLOCK_BYTES = 64 };

struct hmac_pads {
    uint8_t inner[HMAC_BLOCK_BYTES];
    uint8_t outer[HMAC_BLOCK_BYTES];
};

static void hmac_begin(const uint8_t key[CRYPTO_KEY_BYTES], struct hmac_pads *pads)
{
    memset(pads->inner, 0x36, sizeof pads->inner);
    memset(pads->outer, 0x5c, sizeof pads->outer);
    for (size_t i = 0; i < CRYPTO_KEY_BYTES; i++) {
        pads->inner[i] ^= key[i];
        pads->outer[i] ^= key[i];
    }
}

static void hmac_pieces(const struct hmac_pads *pads, const struct str *pieces, size_t count,
                        uint8_t ret_mac[CRYPTO_SHA256_BYTES])
{
    EVP_MD_CTX *digest = get()->digest;
    uint8_t inner[CRYPTO_SHA256_BYTES];
    bool ok = EVP_DigestInit_ex2(digest, sha256, NULL) == 1 &&
              EVP_DigestUpdate(digest, pads->inner, sizeof pads->inner) == 1;

    for (size_t i = 0; i < count; i++)
        ok = ok && EVP_DigestUpdate(digest, pieces[i].ptr, pieces[i].len) == 1;
    ok = ok && EVP_DigestFinal_ex(digest, inner, NULL) == 1 &&
         EVP_DigestInit_ex2(digest, sha256, NULL) == 1 &&
         EVP_DigestUpdate(digest, pads->outer, sizeof pads->outer) == 1 &&
         EVP_DigestUpdate(digest, inner, sizeof inner) == 1 &&
         EVP_DigestFinal_ex(digest, ret_mac, NULL) == 1;
    check(ok, "HMAC");
}

void crypto_hmacv(const uint8_t key[CRYPTO_KEY_BYTES], const struct str *pieces, size_t count,
                  uint8_t ret_mac[CRYPTO_SHA256_BYTES])
{
    struct hmac_pads pads;

    hmac_begin(key, &pads);
    hmac_pieces(&pads, pieces, count, ret_mac);
    crypto_wipe(&pads, sizeof pads);
}

void crypto_hkdf_expand(const uint8_t key[CRYPTO_KEY_BYTES], struct str info, uint8_t *out,
                        size_t out_len)
{
    uint8_t block[CRYPTO_SHA256_BYTES];
    struct hmac_pads pads;
    uint8_t number = 1;
    size_t done = 0;

    hmac_begin(key, &pads);
    assert(out_len <= (size_t)255 * CRYPTO_SHA256_BYTES);
    while (done < out_len) {
        const struct str pieces[] = {str_of((const char *)block, number == 1 ? 0 : sizeof block),
                                     info, str_of((const char *)&number, 1)};
        size_t more = out_len - done < sizeof block ? out_len - done : sizeof block;

        hmac_pieces(&pads, pieces, ARRAY_LEN(pieces), block);
        memcpy(out + done, block, more);
        done += more;
        number++;
    }
    crypto_wipe(block, sizeof block);
    crypto_wipe(&pads, sizeof pads);
}

static bool seal_update(EVP_CIPHER_CTX *cipher, uint8_t *out, struct str in)
{
    int len = 0;

    return in.len == 0 ||
           (in.len < INT32_MAX &&
            EVP_EncryptUpdate(cipher, out, &len, (const unsigned char *)in.ptr, (int)in.len) == 1);
}

/* The rest of a message whose key and nonce are set. */
static bool seal_part(EVP_CIPHER_CTX *cipher, const struct crypto_part *part)
{
    uint8_t *tag = part->out + part->plain.len;
    int len = 0;
    bool ok = true;

    for (size_t i = 0; i < part->aad_count; i++)
        ok = ok && seal_update(cipher, NULL, part->aad[i]);
    return ok && seal_update(cipher, part->out, part->plain) &&
           EVP_EncryptFinal_ex(cipher, tag, &len) == 1 &&
           EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, CRYPTO_TAG_BYTES, tag) == 1;
}

void crypto_seal(const uint8_t key[CRYPTO_KEY_BYTES], const uint8_t nonce[CRYPTO_NONCE_BYTES],
                 struct str aad, struct str plain, uint8_t *out)
{
    EVP_CIPHER_CTX *cipher = get()->cipher;
    const struct crypto_part part = {.aad = &aad, .aad_count = 1, .plain = plain, .out = out};

    check(EVP_EncryptInit_ex2(cipher, NULL, key, nonce, NULL) == 1 && seal_part(cipher, &part),
          "AES-256-GCM");
}

void crypto_seal_parts(const uint8_t key[CRYPTO_KEY_BYTES], const struct crypto_part *parts,
                       size_t count)
{
    EVP_CIPHER_CTX *cipher = get()->cipher;
    uint8_t nonce[CRYPTO_NONCE_BYTES] = {0};
    bool ok = true;

    for (size_t i = 0; i < count; i++) {
        nonce[CRYPTO_NONCE_BYTES - 1] = parts[i].number;
        ok = ok && EVP_EncryptInit_ex2(cipher, NULL, i == 0 ? key : NULL, nonce, NULL) == 1 &&
             seal_part(cipher, &parts[i]);
    }
    check(ok, "AES-256-GCM");
}

bool crypto_open(const uint8_t key[CRYPTO_KEY_BYTES], const uint8_t nonce[CRYPTO_NONCE_BYTES],
                 struct str aad, struct str sealed, uint8_t *out)
{
    EVP_CIPHER_CTX *cipher = get()->cipher;
    uint8_t tag[CRYPTO_TAG_BYTES];
    int len = 0;

    if (sealed.len < CRYPTO_TAG_BYTES || sealed.len >= INT32_MAX || aad.len >= INT32_MAX)
        return false;
    size_t plain_len = sealed.len - CRYPTO_TAG_BYTES;
    memcpy(tag, sealed.ptr + plain_len, sizeof tag);
    check(EVP_DecryptInit_ex2(cipher, NULL, key, nonce, NULL) == 1, "AES-256-GCM");
    bool ok = true;
    if (aad.len > 0)
        ok = EVP_DecryptUpdate(cipher, NULL, &len, (const unsigned char *)aad.ptr, (int)aad.len) ==
             1;
    if (plain_len > 0)
        ok = ok && EVP_DecryptUpdate(cipher, out, &len, (const unsigned char *)sealed.ptr,
                                     (int)plain_len) == 1;
    ok = ok && EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, sizeof tag, tag) == 1 &&
         EVP_DecryptFinal_ex(cipher, out + plain_len, &len) == 1;
    if (!ok)
        crypto_wipe(out, plain_len);
    return ok;
}

void crypto_wipe(void *data, size_t len)
{
    OPENSSL_cleanse(data, len);
}
