#include "identity/signing.h"

#include <inttypes.h>

struct signing signing_first(int64_t now_us)
{
    return (struct signing){.oldest = 1, .newest = 1, .made_us = now_us};
}

void signing_write(const struct signing *signing, struct buf *out)
{
    buf_printf(out, "%" PRIu64 " %" PRIu64 " %" PRId64 " %" PRId64, signing->oldest,
               signing->newest, signing->made_us, signing->drop_us);
}

enum err_code signing_read(struct str text, struct signing *ret_signing, struct err *err)
{
    uint64_t numbers[4];
    struct str rest = text;

    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        if (!str_u64(str_cut(&rest, ' '), &numbers[i]) || numbers[i] > INT64_MAX)
            return err_set(err, ERR_CORRUPT, "the state of the signing keys is damaged");
    }
    if (rest.len > 0 || numbers[0] == 0 || numbers[1] < numbers[0] ||
        numbers[1] - numbers[0] >= SIGNING_MAX_GENERATIONS)
        return err_set(err, ERR_CORRUPT, "the state of the signing keys is damaged");
    *ret_signing = (struct signing){.oldest = numbers[0],
                                    .newest = numbers[1],
                                    .made_us = (int64_t)numbers[2],
                                    .drop_us = (int64_t)numbers[3]};
    return ERR_OK;
}

enum err_code signing_rotate(struct signing *signing, int64_t now_us, int64_t keep_us,
                             struct err *err)
{
    (void)signing_drop(signing, now_us);
    if (signing->newest - signing->oldest + 1 >= SIGNING_MAX_GENERATIONS)
        return err_set(err, ERR_CONFLICT,
                       "tokens of the last %d keys may still be in use; wait until they have "
                       "expired",
                       SIGNING_MAX_GENERATIONS);
    signing->newest++;
    signing->made_us = now_us;
    signing->drop_us = now_us + keep_us;
    return ERR_OK;
}

bool signing_drop(struct signing *signing, int64_t now_us)
{
    if (signing->drop_us == 0 || now_us < signing->drop_us)
        return false;
    signing->oldest = signing->newest;
    signing->drop_us = 0;
    return true;
}
