#include "gate/session.h"

#include <string.h>

#include "keys/seal.h"

/* Plain bytes: id (16), version (1), created (8, host order: the key never leaves the host's kind),
 * then name and version of the client, each behind its length (1). */
enum { FIXED_BYTES = 16 + 1 + 8, MAX_BYTES = FIXED_BYTES + 2 * (1 + SESSION_MAX_CLIENT_BYTES) };

static const char purpose[] = "session";

static struct str bound_to(struct arena *arena, const struct caller *caller, struct str endpoint)
{
    return arena_printf(arena, STR_FMT "\n" STR_FMT, STR_ARG(caller->id), STR_ARG(endpoint));
}

static size_t put_text(char *dst, struct str text)
{
    size_t len = text.len < SESSION_MAX_CLIENT_BYTES ? text.len : SESSION_MAX_CLIENT_BYTES;

    dst[0] = (char)len;
    if (len > 0)
        memcpy(dst + 1, text.ptr, len);
    return len + 1;
}

void session_seal(const struct keyring *keyring, const struct caller *caller, struct str endpoint,
                  const struct session *session, struct buf *out)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(16384);
    char plain[MAX_BYTES];
    size_t len = FIXED_BYTES;
    struct str aad = arena == NULL ? STR_NONE : bound_to(arena, caller, endpoint);

    if (aad.ptr == NULL) {
        out->failed = true;
        return;
    }
    memcpy(plain, session->id.bytes, UUID_BYTES);
    plain[16] = (char)session->version;
    memcpy(plain + 17, &session->created_us, sizeof session->created_us);
    len += put_text(plain + len, session->client_name);
    len += put_text(plain + len, session->client_version);
    seal_add(keyring, purpose, aad, str_of(plain, len), out);
}

static bool get_text(struct str *rest, struct str *ret_text)
{
    size_t len = rest->len == 0 ? 0 : (unsigned char)rest->ptr[0];

    if (rest->len < 1 + len)
        return false;
    *ret_text = str_of(rest->ptr + 1, len);
    *rest = str_from(*rest, 1 + len);
    return true;
}

bool session_open(const struct keyring *keyring, const struct caller *caller, struct str endpoint,
                  struct str text, int64_t now_us, int64_t max_age_us, struct arena *arena,
                  struct session *ret_session)
{
    struct str aad = bound_to(arena, caller, endpoint);
    struct str plain = STR_NONE;
    struct session session = {0};

    if (aad.ptr == NULL || !seal_open(keyring, purpose, aad, text, arena, &plain) ||
        plain.len < FIXED_BYTES)
        return false;
    memcpy(session.id.bytes, plain.ptr, UUID_BYTES);
    session.version = (enum mcp_version)(unsigned char)plain.ptr[16];
    memcpy(&session.created_us, plain.ptr + 17, sizeof session.created_us);
    struct str rest = str_from(plain, FIXED_BYTES);
    if (!get_text(&rest, &session.client_name) || !get_text(&rest, &session.client_version) ||
        (unsigned)session.version >= MCP_VERSIONS || version_era(session.version) != MCP_LEGACY)
        return false;
    if (now_us - session.created_us > max_age_us)
        return false;
    *ret_session = session;
    return true;
}
