#include "crypto.h"

#include <openssl/evp.h>
#include <stdlib.h>

static EVP_MD *md;
static EVP_MD_CTX *md_ctx;
static uint32_t crc_table[8][256];

static void fill_crc_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t value = i;

        for (int bit = 0; bit < 8; bit++)
            value = (value >> 1) ^ ((value & 1) != 0 ? 0x82f63b78u : 0);
        crc_table[0][i] = value;
    }
    for (uint32_t i = 0; i < 256; i++)
        for (int slice = 1; slice < 8; slice++)
            crc_table[slice][i] =
                (crc_table[slice - 1][i] >> 8) ^ crc_table[0][crc_table[slice - 1][i] & 0xff];
}

bool crypto_start(void)
{
    if (md_ctx != NULL)
        return true;
    fill_crc_table();
    md = EVP_MD_fetch(NULL, "SHA256", NULL);
    md_ctx = EVP_MD_CTX_new();
    return md != NULL && md_ctx != NULL;
}

void sha256(const struct bytes *pieces, size_t count, uint8_t ret_hash[HASH_BYTES])
{
    int is_done = EVP_DigestInit_ex2(md_ctx, md, NULL);

    for (size_t i = 0; i < count && is_done == 1; i++)
        is_done = EVP_DigestUpdate(md_ctx, pieces[i].ptr, pieces[i].len);
    /* Without a hash there is nothing to say about the log. */
    if (is_done != 1 || EVP_DigestFinal_ex(md_ctx, ret_hash, NULL) != 1)
        abort();
}

bool ed25519_verify(const uint8_t key[32], struct bytes text, const uint8_t signature[64])
{
    EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, 32);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool is_good = pkey != NULL && ctx != NULL &&
                   EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1 &&
                   EVP_DigestVerify(ctx, signature, 64, text.ptr, text.len) == 1;

    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(pkey);
    return is_good;
}

uint32_t crc32c(struct bytes data)
{
    uint32_t crc = 0xffffffffu;
    const uint8_t *at = data.ptr;
    size_t left = data.len;

    for (; left >= 8; left -= 8, at += 8) {
        uint32_t low = crc ^ get_u32(at);
        uint32_t high = get_u32(at + 4);

        crc = crc_table[7][low & 0xff] ^ crc_table[6][low >> 8 & 0xff] ^
              crc_table[5][low >> 16 & 0xff] ^ crc_table[4][low >> 24] ^ crc_table[3][high & 0xff] ^
              crc_table[2][high >> 8 & 0xff] ^ crc_table[1][high >> 16 & 0xff] ^
              crc_table[0][high >> 24];
    }
    for (; left > 0; left--, at++)
        crc = (crc >> 8) ^ crc_table[0][(crc ^ *at) & 0xff];
    return ~crc;
}

static int digit(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+')
        return 62;
    return c == '/' ? 63 : -1;
}

bool base64_read(struct bytes text, uint8_t *ret, size_t *ret_len)
{
    size_t pads = 0;
    size_t out = 0;
    uint32_t bits = 0;

    if (text.len == 0 || text.len % 4 != 0)
        return false;
    while (pads < 2 && text.ptr[text.len - 1 - pads] == '=')
        pads++;
    for (size_t i = 0; i < text.len - pads; i++) {
        int value = digit(text.ptr[i]);

        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        if (i % 4 == 3)
            for (int shift = 16; shift >= 0; shift -= 8)
                ret[out++] = (uint8_t)(bits >> shift);
    }
    /* What is left of the last four: its unused bits are zero. */
    if (pads > 0) {
        bits <<= 6 * pads;
        if ((bits & (pads == 1 ? 0xff : 0xffff)) != 0)
            return false;
        ret[out++] = (uint8_t)(bits >> 16);
        if (pads == 1)
            ret[out++] = (uint8_t)(bits >> 8);
    }
    *ret_len = out;
    return true;
}
