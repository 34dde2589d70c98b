#include "gate/owner_code.h"

#include <string.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "base/rand.h"
#include "gate/control_priv.h"

#define META  STR("owner sign-in")
#define TITLE "portreeve owner sign-in\n"

enum { MAX_TYPED = 64, GROUP = 4 };

/* What is kept of the code. */
struct kept {
    struct str hash; /* base64url */
    struct str email;
    int64_t until_us;
    int64_t guesses;
};

/* Letters and digits that nobody takes for another. 32 of them: five bits each. */
static const char digits[] = "ABCDEFGHJKMNPQRSTVWXYZ0123456789";

/* ---- the code ---- */

static struct str make_text(struct arena *arena)
{
    uint8_t bytes[OWNER_CODE_CHARS];
    char text[OWNER_CODE_CHARS + OWNER_CODE_CHARS / GROUP];
    size_t len = 0;

    rand_bytes(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++) {
        if (i > 0 && i % GROUP == 0)
            text[len++] = '-';
        text[len++] = digits[bytes[i] % 32];
    }
    struct str copy = arena_dup(arena, str_of(text, len));
    crypto_wipe(bytes, sizeof bytes);
    crypto_wipe(text, sizeof text);
    return copy;
}

/* Typed by hand: in any case, with hyphens and spaces or without. Empty: none. */
static struct str normalise(struct str typed, char text[MAX_TYPED])
{
    size_t len = 0;

    if (typed.len > MAX_TYPED)
        return STR_NONE;
    for (size_t i = 0; i < typed.len; i++) {
        char c = typed.ptr[i];

        if (c != '-' && c != ' ')
            text[len++] = (char)(c >= 'a' && c <= 'z' ? c & ~0x20 : c);
    }
    return len == OWNER_CODE_CHARS ? str_of(text, len) : STR_NONE;
}

static struct str hash_of(struct control *control, struct str code, struct arena *arena)
{
    const struct str pieces[] = {STR(TITLE), code};
    uint8_t mac[CRYPTO_SHA256_BYTES];
    char *text = arena_alloc(arena, BASE64URL_LEN(sizeof mac));

    crypto_hmacv(keyring_get(control->gate->keyring, KEY_PEPPER), pieces, ARRAY_LEN(pieces), mac);
    return text == NULL ? STR_NONE : str_of(text, base64url_encode(mac, sizeof mac, text));
}

/* ---- what is kept ---- */

static enum err_code save(struct control *control, const struct kept *kept, struct err *err)
{
    CLEANUP(buf_done) struct buf text;
    struct jsonw w;

    buf_init(&text, 4096);
    jsonw_init(&w, &text);
    jsonw_object(&w);
    jsonw_name_str(&w, "hash", kept->hash);
    jsonw_name_str(&w, "email", kept->email);
    jsonw_name_i64(&w, "until", kept->until_us);
    jsonw_name_i64(&w, "guesses", kept->guesses);
    jsonw_end_object(&w);
    if (text.failed)
        return err_set(err, ERR_LIMIT, "memory is out");
    return store_save_meta(control->gate->store, META, buf_str(&text), err);
}

/* ERR_DENIED: there is no code. */
static enum err_code load(struct control *control, struct arena *arena, struct kept *kept,
                          struct err *err)
{
    struct str text = STR_NONE;
    struct json_doc doc;
    enum err_code code = store_load_meta(control->gate->store, arena, META, &text, err);

    if (code == ERR_NOT_FOUND || (code == ERR_OK && text.len == 0))
        return err_set(err, ERR_DENIED, "no code was made");
    if (code != ERR_OK)
        return err_wrap(err, "the owner's code");
    if (json_parse(text, &json_limits_default, arena, &doc, err) != ERR_OK ||
        !json_str(&doc, json_get(&doc, 0, STR("hash")), arena, &kept->hash) ||
        !json_str(&doc, json_get(&doc, 0, STR("email")), arena, &kept->email) ||
        !json_i64(&doc, json_get(&doc, 0, STR("until")), &kept->until_us) ||
        !json_i64(&doc, json_get(&doc, 0, STR("guesses")), &kept->guesses))
        return err_set(err, ERR_CORRUPT, "the owner's code can't be read");
    return ERR_OK;
}

static enum err_code check_allowed(const struct control *control, struct err *err)
{
    if (provider_has_local(&control->gate->settings->identity))
        return ERR_OK;
    return err_set(err, ERR_DENIED,
                   "the settings do not let the owner sign in without an identity provider "
                   "(identity.local_sign_in)");
}

enum err_code control_make_owner_code(struct control *control, const struct control_change *change,
                                      struct str email, struct arena *arena, struct str *ret_code,
                                      struct err *err)
{
    char text[MAX_TYPED];
    struct str code_text = make_text(arena);
    struct pending pending = {0};
    const struct kept kept = {
        .hash = hash_of(control, normalise(code_text, text), arena),
        .email = email,
        .until_us = clock_wall_us() + (int64_t)OWNER_CODE_SECONDS * 1000000,
    };
    enum err_code code = check_allowed(control, err);

    if (code != ERR_OK)
        return code;
    if (code_text.ptr == NULL || kept.hash.ptr == NULL)
        return err_set(err, ERR_LIMIT, "memory is out");
    code = control_begin(control, change, &pending, err);
    if (code != ERR_OK)
        return code;
    code = control_finish(control, &pending, change->action, save(control, &kept, err), err);
    if (code == ERR_OK)
        *ret_code = code_text;
    return code;
}

/* ---- its use ---- */

/* A guess counts before it is compared: whoever makes the gateway fail in between has one less. */
static enum err_code compare(struct control *control, struct kept *kept, struct str typed,
                             struct arena *arena, struct err *err)
{
    char text[MAX_TYPED];
    struct str code_text = normalise(typed, text);

    if (kept->until_us <= clock_wall_us())
        return err_set(err, ERR_DENIED, "the code is too old");
    if (kept->guesses >= OWNER_CODE_GUESSES)
        return err_set(err, ERR_DENIED, "the code was guessed at too often");
    kept->guesses++;
    enum err_code code = save(control, kept, err);
    if (code != ERR_OK)
        return code;
    if (code_text.len == 0 || !str_eq_secret(hash_of(control, code_text, arena), kept->hash))
        return err_set(err, ERR_DENIED, "the code is wrong");
    return ERR_OK;
}

/* Once for all gateways on this store. */
static enum err_code spend(struct control *control, const struct kept *kept, struct err *err)
{
    const struct spent_id code = {.issuer = META, .id = kept->hash, .expires_us = kept->until_us};
    enum err_code result = store_spend_id(control->gate->store, &code, clock_wall_us(), err);

    if (result == ERR_CONFLICT)
        return err_set(err, ERR_DENIED, "the code was used before");
    return result == ERR_OK ? store_save_meta(control->gate->store, META, STR_NONE, err) : result;
}

static enum err_code record(struct control *control, const struct api_request *request,
                            const struct caller *person, struct err *err)
{
    struct audit_entry entry = {.kind = AUDIT_SESSION, .attempt = 1};
    struct entry_facts facts;

    entry.call_id = uuid_v7(clock_wall_us());
    entry.method = STR("owner.sign_in");
    entry_set_caller(&entry, person, &facts);
    entry_set_addresses(&entry, &request->peer, &request->address, &facts);
    entry.user_agent = request->user_agent;
    return control_record(control, &entry, err);
}

enum err_code control_use_owner_code(struct control *control, const struct api_request *request,
                                     struct str code, struct arena *arena,
                                     struct caller *ret_person, struct err *err)
{
    struct kept kept;
    enum err_code result = check_allowed(control, err);

    if (result == ERR_OK)
        result = load(control, arena, &kept, err);
    if (result == ERR_OK)
        result = compare(control, &kept, code, arena, err);
    if (result == ERR_OK)
        result = spend(control, &kept, err);
    if (result != ERR_OK)
        return result;
    struct caller person = {
        .kind = PRINCIPAL_HUMAN,
        .id = arena_printf(arena, "user:" PROVIDER_LOCAL ":" STR_FMT, STR_ARG(kept.email)),
        .provider = STR(PROVIDER_LOCAL),
        .issuer = STR(PROVIDER_LOCAL),
        .subject = kept.email,
        .email = kept.email,
        .name = kept.email};
    if (person.id.ptr == NULL)
        return err_set(err, ERR_LIMIT, "memory is out");
    result = record(control, request, &person, err);
    if (result == ERR_OK)
        *ret_person = person;
    return result;
}
