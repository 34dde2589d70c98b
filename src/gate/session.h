/*
 * session.h - sessions of legacy clients, carried by the client: the session id is the sealed
 * state, bound to the caller and the endpoint, so that a restarted or another gateway can serve it.
 *
 * A session id is never authentication: every request shows its own token, and the id of another
 * caller's session does not open.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "base/uuid.h"
#include "identity/caller.h"
#include "keys/keyring.h"
#include "mcp/version.h"

enum { SESSION_MAX_CLIENT_BYTES = 100 }; /* longer names of clients are cut */

struct session {
    struct uuid id;
    enum mcp_version version;
    int64_t created_us;
    struct str client_name;
    struct str client_version;
};

/* Appends the session id; failure shows in the buf. endpoint: name of the server, empty on /mcp. */
void session_seal(const struct keyring *keyring, const struct caller *caller, struct str endpoint,
                  const struct session *session, struct buf *out);
/* False: not a session of this caller at this endpoint, or older than max_age_us. */
bool session_open(const struct keyring *keyring, const struct caller *caller, struct str endpoint,
                  struct str text, int64_t now_us, int64_t max_age_us, struct arena *arena,
                  struct session *ret_session) MUST_CHECK;
