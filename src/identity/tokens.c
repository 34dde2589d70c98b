#include "identity/tokens.h"

#include <string.h>

#include "base/base64.h"
#include "base/crc32.h"
#include "base/crypto.h"
#include "base/rand.h"

enum { PREFIX_LEN = 4, CRC_LEN = 6, BODY_LEN = PREFIX_LEN + BASE62_32_LEN };

_Static_assert(BODY_LEN + CRC_LEN == TOKEN_TEXT_LEN, "prefix, secret, checksum");

struct kind_words {
    const char *prefix;
    const char *word;
};

static const struct kind_words kinds[] = {
    [TOKEN_ROBOT] = {"prr_", "robot"},
    [TOKEN_USER] = {"pru_", "user"},
    [TOKEN_ADMIN] = {"pra_", "admin"},
    [TOKEN_SCIM] = {"prs_", "scim"},
};

const char *token_prefix(enum token_kind kind)
{
    return kinds[kind].prefix;
}

const char *token_kind_word(enum token_kind kind)
{
    return kinds[kind].word;
}

static void mint(const char *prefix, char ret_text[TOKEN_TEXT_LEN + 1])
{
    uint8_t secret[32];
    rand_bytes(secret, sizeof secret);
    memcpy(ret_text, prefix, PREFIX_LEN);
    base62_encode_32(secret, ret_text + PREFIX_LEN);
    crypto_wipe(secret, sizeof secret);
    base62_encode_u32(crc32_ieee(ret_text, BODY_LEN), ret_text + BODY_LEN);
    ret_text[TOKEN_TEXT_LEN] = '\0';
}

void token_mint(enum token_kind kind, char ret_text[TOKEN_TEXT_LEN + 1])
{
    mint(kinds[kind].prefix, ret_text);
}

void token_mint_client_secret(char ret_text[TOKEN_TEXT_LEN + 1])
{
    mint(TOKEN_CLIENT_PREFIX, ret_text);
}

void token_mint_id(char ret_id[TOKEN_ID_LEN + 1])
{
    /* The last digits of a random number: evenly spread, unlike the first. */
    uint8_t random[32];
    char digits[BASE62_32_LEN];
    rand_bytes(random, sizeof random);
    base62_encode_32(random, digits);
    ret_id[0] = 't';
    memcpy(ret_id + 1, digits + BASE62_32_LEN - (TOKEN_ID_LEN - 1), TOKEN_ID_LEN - 1);
    ret_id[TOKEN_ID_LEN] = '\0';
}

enum token_form token_check_form(struct str text, enum token_kind *ret_kind)
{
    if (text.len != TOKEN_TEXT_LEN || !base62_is(str_from(text, PREFIX_LEN)))
        return TOKEN_FORM_ALIEN;
    size_t kind = 0;
    while (kind < ARRAY_LEN(kinds) && !str_starts(text, str_c(kinds[kind].prefix)))
        kind++;
    if (kind == ARRAY_LEN(kinds))
        return TOKEN_FORM_ALIEN;
    char crc[CRC_LEN];
    base62_encode_u32(crc32_ieee(text.ptr, BODY_LEN), crc);
    if (memcmp(crc, text.ptr + BODY_LEN, CRC_LEN) != 0)
        return TOKEN_FORM_TYPO;
    *ret_kind = (enum token_kind)kind;
    return TOKEN_FORM_OK;
}

bool token_looks_ours(struct str text)
{
    for (size_t kind = 0; kind < ARRAY_LEN(kinds); kind++) {
        if (str_starts(text, str_c(kinds[kind].prefix)))
            return true;
    }
    return str_starts(text, STR(TOKEN_CLIENT_PREFIX));
}

void token_hash(const uint8_t pepper[TOKEN_PEPPER_BYTES], struct str text,
                uint8_t ret_hash[TOKEN_HASH_BYTES])
{
    crypto_hmacv(pepper, &text, 1, ret_hash);
}

/* RFC 6750 §2.1: letters, digits and "-._~+/", then any number of "=". */
static bool is_token68(struct str text)
{
    size_t i = 0;
    while (i < text.len && (base62_is(str_of(text.ptr + i, 1)) ||
                            str_find(STR("-._~+/"), text.ptr[i]) < STR("-._~+/").len))
        i++;
    if (i == 0)
        return false;
    while (i < text.len && text.ptr[i] == '=')
        i++;
    return i == text.len;
}

bool token_of_authorization(struct str value, struct str *ret_token)
{
    static const struct str scheme = STR_INIT("Bearer");
    if (!str_eq_nocase(str_first(value, scheme.len), scheme))
        return false;
    struct str rest = str_from(value, scheme.len);
    struct str token = rest;
    while (token.len > 0 && token.ptr[0] == ' ')
        token = str_from(token, 1);
    if (token.len == rest.len || !is_token68(token))
        return false;
    *ret_token = token;
    return true;
}

bool token_is_good(const struct token *token, int64_t now_us)
{
    return token->revoked_us == 0 && (token->expires_us == 0 || token->expires_us > now_us);
}

static bool takes_the_place(const struct token *other, const struct token *token, int64_t now_us)
{
    return token->kind == TOKEN_ROBOT && other->kind == TOKEN_ROBOT &&
           other->robot_id == token->robot_id && token_is_good(other, now_us) &&
           other->created_us > token->created_us &&
           (other->expires_us == 0 || other->expires_us > token->expires_us);
}

bool token_ends_soon(const struct token *tokens, size_t count, const struct token *token,
                     int64_t now_us)
{
    if (!token_is_good(token, now_us) || token->expires_us == 0 ||
        token->expires_us - now_us > TOKEN_SOON_US)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (takes_the_place(&tokens[i], token, now_us))
            return false;
    }
    return true;
}
