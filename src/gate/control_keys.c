/*
 * The keys that this gateway signs access tokens with: replaced now and then, or when somebody
 * asks. The old ones verify until the last token they signed has expired.
 */
#include "base/clock.h"
#include "base/log.h"
#include "gate/control_priv.h"
#include "identity/issuer.h"

enum { STATE_BYTES = 256, ARENA_BYTES = 64 << 10 };

#define SIGNING STR("signing")

/* How long a token that was signed a moment ago may still be shown. */
static int64_t keep_us(const struct gate *gate)
{
    return (gate->settings->identity_access_token_seconds + JWT_LEEWAY_SECONDS) * 1000000;
}

enum err_code control_signing(struct control *control, struct signing *ret_signing, struct err *err)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(ARENA_BYTES);
    struct str text = STR_NONE;

    if (arena == NULL)
        return err_set(err, ERR_LIMIT, "memory is out");
    enum err_code code = store_load_meta(control->gate->store, arena, SIGNING, &text, err);
    if (code == ERR_OK)
        return signing_read(text, ret_signing, err);
    if (code == ERR_NOT_FOUND)
        *ret_signing = signing_first(clock_wall_us());
    return code == ERR_NOT_FOUND ? ERR_OK : code;
}

static enum err_code save(struct control *control, const struct control_change *change,
                          const struct signing *signing, struct err *err)
{
    CLEANUP(buf_done) struct buf text;
    struct pending pending = {0};
    uint64_t version = 0;

    buf_init(&text, STATE_BYTES);
    signing_write(signing, &text);
    if (text.failed)
        return err_set(err, ERR_LIMIT, "memory is out");
    enum err_code code = control_begin(control, change, &pending, err);
    if (code != ERR_OK)
        return code;
    code = store_change_meta(control->gate->store, SIGNING, buf_str(&text), &pending.change,
                             &version, err);
    /* Before the snapshot: what was kept of tokens of an old key goes with the old snapshot. */
    if (code == ERR_OK)
        code = issuer_use(control->gate->issuer, signing, err);
    return control_finish(control, &pending, change->action, code, err);
}

enum err_code control_rotate_signing(struct control *control, const struct control_change *change,
                                     struct err *err)
{
    struct signing signing;
    enum err_code code = control_signing(control, &signing, err);

    if (code == ERR_OK)
        code = signing_rotate(&signing, clock_wall_us(), keep_us(control->gate), err);
    return code == ERR_OK ? save(control, change, &signing, err) : code;
}

enum err_code control_start_signing(struct control *control, struct err *err)
{
    CLEANUP(buf_done) struct buf text = {0};
    struct signing signing;
    enum err_code code = control_signing(control, &signing, err);

    if (code != ERR_OK)
        return err_wrap(err, "signing keys");
    /* From here on its age is known. */
    buf_init(&text, STATE_BYTES);
    signing_write(&signing, &text);
    code = store_save_meta(control->gate->store, SIGNING, buf_str(&text), err);
    return code == ERR_OK ? issuer_use(control->gate->issuer, &signing, err) : code;
}

void control_renew_signing(struct control *control)
{
    const struct control_change rotate = {.action = "key.rotate", .detail = SIGNING};
    const struct control_change drop = {.action = "key.drop", .detail = SIGNING};
    int64_t now_us = clock_wall_us();
    int64_t most_us = control->gate->settings->identity_signing_key_days * INT64_C(86400) * 1000000;
    struct signing signing;
    struct err err;
    enum err_code code = control_signing(control, &signing, &err);

    if (code == ERR_OK && now_us - signing.made_us >= most_us)
        code = control_rotate_signing(control, &rotate, &err);
    else if (code == ERR_OK && signing_drop(&signing, now_us))
        code = save(control, &drop, &signing, &err);
    if (code != ERR_OK)
        log_event(LOG_ERROR, "signing_key_not_renewed", LOG_ERR(&err));
}
