#include "base/pkey.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

enum { RSA_MIN_BITS = 2048, RSA_MAX_BITS = 8192, EC_MAX_FIELD = 66, ED25519_BYTES = 32 };

struct pkey {
    enum pkey_type type;
    EVP_PKEY *evp;
};

struct type_facts {
    const char *curve; /* as OpenSSL names it; NULL: none */
    size_t field;      /* bytes of a coordinate */
};

static const struct type_facts types[] = {
    [PKEY_RSA] = {NULL, 0},      [PKEY_P256] = {"P-256", 32}, [PKEY_P384] = {"P-384", 48},
    [PKEY_P521] = {"P-521", 66}, [PKEY_ED25519] = {NULL, 0},
};

static const struct {
    const char *word;
    const char *digest; /* NULL: the algorithm has its own */
    enum pkey_type type;
    bool is_pss;
} algs[] = {
    [PKEY_RS256] = {"RS256", "SHA256", PKEY_RSA, false},
    [PKEY_RS384] = {"RS384", "SHA384", PKEY_RSA, false},
    [PKEY_RS512] = {"RS512", "SHA512", PKEY_RSA, false},
    [PKEY_PS256] = {"PS256", "SHA256", PKEY_RSA, true},
    [PKEY_PS384] = {"PS384", "SHA384", PKEY_RSA, true},
    [PKEY_PS512] = {"PS512", "SHA512", PKEY_RSA, true},
    [PKEY_ES256] = {"ES256", "SHA256", PKEY_P256, false},
    [PKEY_ES384] = {"ES384", "SHA384", PKEY_P384, false},
    [PKEY_ES512] = {"ES512", "SHA512", PKEY_P521, false},
    [PKEY_EDDSA] = {"EdDSA", NULL, PKEY_ED25519, false},
};

const char *pkey_alg_word(enum pkey_alg alg)
{
    return (size_t)alg < PKEY_ALGS ? algs[alg].word : "?";
}

bool pkey_alg_parse(struct str word, enum pkey_alg *ret_alg)
{
    for (size_t i = 0; i < PKEY_ALGS; i++) {
        if (str_eq(word, str_c(algs[i].word))) {
            *ret_alg = (enum pkey_alg)i;
            return true;
        }
    }
    /* The name that says the curve, too (RFC 9864 §2.2). */
    if (str_eq(word, STR("Ed25519"))) {
        *ret_alg = PKEY_EDDSA;
        return true;
    }
    return false;
}

bool pkey_fits(enum pkey_type type, enum pkey_alg alg)
{
    return algs[alg].type == type;
}

enum pkey_type pkey_type(const struct pkey *key)
{
    return key->type;
}

void pkey_free(struct pkey *key)
{
    if (key == NULL)
        return;
    EVP_PKEY_free(key->evp);
    free(key);
}

void pkey_freep(struct pkey **key)
{
    pkey_free(*key);
    *key = NULL;
}

/* ---- making ---- */

static void bn_freep(BIGNUM **bn)
{
    BN_free(*bn);
}

static void build_freep(OSSL_PARAM_BLD **build)
{
    OSSL_PARAM_BLD_free(*build);
}

static void params_freep(OSSL_PARAM **params)
{
    OSSL_PARAM_free(*params);
}

static void context_freep(EVP_PKEY_CTX **context)
{
    EVP_PKEY_CTX_free(*context);
}

static BIGNUM *number(struct str bytes)
{
    return bytes.len > 2048 ? NULL
                            : BN_bin2bn((const unsigned char *)bytes.ptr, (int)bytes.len, NULL);
}

/* Takes evp. */
static enum err_code keep(enum pkey_type type, EVP_PKEY *evp, struct pkey **ret_key,
                          struct err *err)
{
    struct pkey *key = evp == NULL ? NULL : malloc(sizeof *key);

    if (key == NULL) {
        EVP_PKEY_free(evp);
        return err_set(err, ERR_INVALID, "no valid public key");
    }
    *key = (struct pkey){.type = type, .evp = evp};
    *ret_key = key;
    return ERR_OK;
}

static EVP_PKEY *from_params(const char *algorithm, OSSL_PARAM *params)
{
    CLEANUP(context_freep)
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, algorithm, NULL);
    EVP_PKEY *evp = NULL;

    if (context == NULL || params == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &evp, EVP_PKEY_PUBLIC_KEY, params) != 1)
        return NULL;
    return evp;
}

/* Whatever the library made of it: is it a key that makes sense (a point on the curve)? */
static bool is_sound(EVP_PKEY *evp)
{
    CLEANUP(context_freep) EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, evp, NULL);

    return context != NULL && EVP_PKEY_public_check(context) == 1;
}

/* Keys of a broken generator (ROCA, CVE-2017-15361) are powers of 65537 modulo every small prime;
 * the chance of any other key to be that is below 2^-27. */
static bool is_roca(const BIGNUM *n)
{
    static const unsigned primes[] = {11, 13, 17,  19,  37,  53,  61,  71, 73,
                                      79, 97, 103, 107, 109, 127, 151, 157};

    for (size_t i = 0; i < ARRAY_LEN(primes); i++) {
        unsigned p = primes[i];
        BN_ULONG rest = BN_mod_word(n, p);
        BN_ULONG power = 1;
        unsigned steps = 0;

        while (power != rest && steps++ < p)
            power = power * (65537 % p) % p;
        if (power != rest)
            return false;
    }
    return true;
}

static enum err_code check_rsa(const BIGNUM *n, const BIGNUM *e, struct err *err)
{
    if (n == NULL || e == NULL)
        return err_set(err, ERR_INVALID, "an RSA key with impossible numbers");
    if (BN_num_bits(n) < RSA_MIN_BITS || BN_num_bits(n) > RSA_MAX_BITS)
        return err_set(err, ERR_INVALID, "an RSA key of %d bits; from %d to %d are taken",
                       BN_num_bits(n), RSA_MIN_BITS, RSA_MAX_BITS);
    if (!BN_is_odd(n) || !BN_is_odd(e) || BN_num_bits(e) < 2 || BN_num_bits(e) > 64)
        return err_set(err, ERR_INVALID, "an RSA key with impossible numbers");
    if (is_roca(n))
        return err_set(err, ERR_INVALID, "an RSA key of a broken generator (ROCA)");
    return ERR_OK;
}

enum err_code pkey_new_rsa(struct str n, struct str e, struct pkey **ret_key, struct err *err)
{
    CLEANUP(bn_freep) BIGNUM *modulus = number(n);
    CLEANUP(bn_freep) BIGNUM *exponent = number(e);
    CLEANUP(build_freep) OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    CLEANUP(params_freep) OSSL_PARAM *params = NULL;
    enum err_code code = check_rsa(modulus, exponent, err);

    if (code != ERR_OK)
        return code;
    if (build == NULL || OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus) != 1 ||
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent) != 1)
        return err_set(err, ERR_LIMIT, "memory is out");
    params = OSSL_PARAM_BLD_to_param(build);
    return keep(PKEY_RSA, from_params("RSA", params), ret_key, err);
}

enum err_code pkey_new_ec(enum pkey_type type, struct str x, struct str y, struct pkey **ret_key,
                          struct err *err)
{
    const struct type_facts *facts = &types[type];
    unsigned char point[1 + 2 * EC_MAX_FIELD];
    char group[8];
    struct pkey *key = NULL;

    if (facts->curve == NULL || x.len != facts->field || y.len != facts->field)
        return err_set(err, ERR_INVALID,
                       "an elliptic curve key with coordinates of another length");
    point[0] = POINT_CONVERSION_UNCOMPRESSED;
    memcpy(point + 1, x.ptr, x.len);
    memcpy(point + 1 + x.len, y.ptr, y.len);
    memcpy(group, facts->curve, strlen(facts->curve) + 1);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, 1 + x.len + y.len),
        OSSL_PARAM_construct_end(),
    };
    enum err_code code = keep(type, from_params("EC", params), &key, err);
    if (code == ERR_OK && !is_sound(key->evp)) {
        pkey_free(key);
        return err_set(err, ERR_INVALID, "an elliptic curve key that is not on its curve");
    }
    if (code == ERR_OK)
        *ret_key = key;
    return code;
}

/* The points whose order divides 8, in every encoding but for the sign: under such a key one
 * signature fits many messages. */
static const uint8_t small_order[][ED25519_BYTES] = {
    {0},
    {1},
    {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
     0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
     0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
    {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
     0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
     0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
    {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
    {0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
    {0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
};

static bool is_small_order(struct str x)
{
    uint8_t y[ED25519_BYTES];

    memcpy(y, x.ptr, sizeof y);
    y[ED25519_BYTES - 1] &= 0x7f;
    for (size_t i = 0; i < ARRAY_LEN(small_order); i++) {
        if (memcmp(y, small_order[i], sizeof y) == 0)
            return true;
    }
    return false;
}

enum err_code pkey_new_ed25519(struct str x, struct pkey **ret_key, struct err *err)
{
    if (x.len != ED25519_BYTES)
        return err_set(err, ERR_INVALID, "an Ed25519 key of %zu bytes", x.len);
    if (is_small_order(x))
        return err_set(err, ERR_INVALID, "an Ed25519 key under which anybody can sign");
    return keep(
        PKEY_ED25519,
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, (const unsigned char *)x.ptr, x.len),
        ret_key, err);
}

enum err_code pkey_new_own(const uint8_t secret[32], struct pkey **ret_key, struct err *err)
{
    return keep(PKEY_ED25519,
                EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, ED25519_BYTES),
                ret_key, err);
}

void pkey_public(const struct pkey *key, uint8_t ret_x[32])
{
    size_t len = ED25519_BYTES;

    if (key->type != PKEY_ED25519 || EVP_PKEY_get_raw_public_key(key->evp, ret_x, &len) != 1)
        memset(ret_x, 0, ED25519_BYTES);
}

/* ---- signatures ---- */

static void digest_freep(EVP_MD_CTX **context)
{
    EVP_MD_CTX_free(*context);
}

static void signature_freep(ECDSA_SIG **signature)
{
    ECDSA_SIG_free(*signature);
}

/* Both numbers, as OpenSSL wants them; der takes 160 bytes. Returns how many were written, 0: no
 * signature. */
static size_t to_der(size_t field, struct str signature, unsigned char *der)
{
    CLEANUP(signature_freep) ECDSA_SIG *both = ECDSA_SIG_new();
    BIGNUM *r = NULL;
    BIGNUM *s = NULL;

    if (both == NULL || signature.len != 2 * field)
        return 0;
    r = number(str_first(signature, field));
    s = number(str_from(signature, field));
    if (r == NULL || s == NULL || ECDSA_SIG_set0(both, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        return 0;
    }
    int len = i2d_ECDSA_SIG(both, &der);
    return len > 0 ? (size_t)len : 0;
}

static bool set_pss(EVP_PKEY_CTX *context)
{
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
}

bool pkey_verify(const struct pkey *key, enum pkey_alg alg, struct str data, struct str signature)
{
    CLEANUP(digest_freep) EVP_MD_CTX *digest = EVP_MD_CTX_new();
    EVP_PKEY_CTX *context = NULL; /* the digest's */
    unsigned char der[160];

    if (digest == NULL || !pkey_fits(key->type, alg))
        return false;
    if (types[key->type].field > 0) {
        size_t len = to_der(types[key->type].field, signature, der);

        if (len == 0)
            return false;
        signature = str_of((const char *)der, len);
    }
    if (EVP_DigestVerifyInit_ex(digest, &context, algs[alg].digest, NULL, NULL, key->evp, NULL) !=
            1 ||
        (algs[alg].is_pss && !set_pss(context)))
        return false;
    return EVP_DigestVerify(digest, (const unsigned char *)signature.ptr, signature.len,
                            (const unsigned char *)data.ptr, data.len) == 1;
}

bool pkey_sign(const struct pkey *key, struct str data, uint8_t ret_signature[64])
{
    CLEANUP(digest_freep) EVP_MD_CTX *digest = EVP_MD_CTX_new();
    size_t len = 64;

    return digest != NULL && key->type == PKEY_ED25519 &&
           EVP_DigestSignInit_ex(digest, NULL, NULL, NULL, NULL, key->evp, NULL) == 1 &&
           EVP_DigestSign(digest, ret_signature, &len, (const unsigned char *)data.ptr, data.len) ==
               1 &&
           len == 64;
}
