#include "admin/handlers.h"
#include "admin/reply.h"
#include "admin/show.h"
#include "base/base64.h"
#include "gate/control.h"
#include "gate/gate.h"
#include "keys/keyring.h"

static void write_key(struct jsonw *w, const struct keyring *keyring, enum keyring_key key)
{
    char id[2 * KEYRING_ID_BYTES];

    hex_encode(keyring_get_id(keyring, key), KEYRING_ID_BYTES, id);
    jsonw_object(w);
    jsonw_name_str(w, "name", str_c(keyring_key_name(key)));
    jsonw_name_str(w, "id", str_of(id, sizeof id));
    jsonw_name_str(w, "purpose", str_c(keyring_key_purpose(key)));
    jsonw_end_object(w);
}

/* The generation that signs, and those of which tokens are still accepted. */
static void write_signing(struct jsonw *w, const struct signing *signing)
{
    for (uint64_t at = signing->newest; at >= signing->oldest; at--) {
        bool is_newest = at == signing->newest;

        jsonw_object(w);
        jsonw_name_str(w, "name", STR("signing"));
        jsonw_name_i64(w, "generation", (int64_t)at);
        jsonw_name_str(w, "purpose",
                       is_newest ? STR("signs access tokens")
                                 : STR("verifies access tokens that it signed"));
        show_time(w, "since", is_newest ? signing->made_us : 0);
        show_time(w, "until", is_newest ? 0 : signing->drop_us);
        jsonw_end_object(w);
    }
}

void installation_keys(const struct api_request *request, struct api_reply *reply)
{
    const struct keyring *keyring = gate_keyring(request->gate);
    struct signing signing;
    struct err err;
    struct jsonw w;

    if (control_signing(gate_control(request->gate), &signing, &err) != ERR_OK) {
        reply_err(reply, &err);
        return;
    }
    jsonw_init(&w, &reply->body);
    jsonw_object(&w);
    jsonw_name(&w, "keys");
    jsonw_array(&w);
    for (unsigned key = 0; key < KEYRING_KEYS; key++)
        write_key(&w, keyring, (enum keyring_key)key);
    write_signing(&w, &signing);
    jsonw_end_array(&w);
    jsonw_end_object(&w);
}

void signing_rotate_now(const struct api_request *request, struct api_reply *reply)
{
    const struct control_change change = {
        .request = request, .action = "key.rotate", .detail = STR_INIT("signing")};
    struct err err;

    if (control_rotate_signing(gate_control(request->gate), &change, &err) != ERR_OK)
        reply_err(reply, &err);
    else
        installation_keys(request, reply);
}
