#include "identity/warrant.h"

#include "base/base64.h"
#include "base/crypto.h"

bool warrant_make(const struct str *identity, size_t count, struct arena *arena,
                  struct str *ret_warrant)
{
    uint8_t digest[CRYPTO_SHA256_BYTES];
    char text[BASE64URL_LEN(sizeof digest)];
    struct str rules = STR("portreeve workload");

    *ret_warrant = STR_NONE;
    if (count == 0)
        return true;
    /* With their lengths: no two lists read alike. */
    for (size_t i = 0; i < count; i++) {
        rules = arena_printf(arena, STR_FMT "\n%zu " STR_FMT, STR_ARG(rules), identity[i].len,
                             STR_ARG(identity[i]));
        if (rules.ptr == NULL)
            return false;
    }
    crypto_sha256(rules, digest);
    *ret_warrant = arena_dup(arena, str_of(text, base64url_encode(digest, sizeof digest, text)));
    return ret_warrant->ptr != NULL;
}
