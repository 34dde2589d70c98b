/*
 * client_web.h - what clients publish of themselves: their documents and key sets, fetched from
 * URLs that strangers choose, and kept for a while.
 *
 * 1. A connection goes to a public address or to the networks of the settings, and to no other,
 *    whatever a name resolves to and when. Redirects are not followed. Size and time have caps.
 * 2. An answer counts as long as its Cache-Control says, but for a minute at least and an hour at
 *    most; what failed is not tried again for a minute.
 * 3. At most so many URLs per minute are fetched for clients that nobody has seen yet, and as many
 *    again to refresh what is known: who makes up ids shuts no known client out, and scans nobody.
 * 4. The table is bounded; what was not used longest goes first, failures before answers.
 *
 * Threads: any. client_web_fetch() blocks, and is no worker's; a second fetch of the same URL waits
 * for the first one and makes none.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "identity/provider.h"

struct client_web;

enum {
    CLIENT_WEB_ENTRIES = 256,
    CLIENT_WEB_MAX_BYTES = 32 << 10,
    CLIENT_WEB_TIMEOUT_MS = 5000,
    CLIENT_WEB_MIN_SECONDS = 60,
    CLIENT_WEB_DEFAULT_SECONDS = 300, /* when the answer does not say */
    CLIENT_WEB_MAX_SECONDS = 3600,
    CLIENT_WEB_RETRY_SECONDS = 60, /* after a failure, and before keys are fetched anew */
    CLIENT_WEB_PER_MINUTE = 30     /* of each of the two kinds of fetches */
};

/* rules must outlive it. NULL: memory is out. */
struct client_web *client_web_new(const struct client_document_rules *rules);
void client_web_free(struct client_web *web); /* NULL is fine */

enum client_web_state {
    CLIENT_WEB_GOOD, /* *ret_body is set */
    CLIENT_WEB_BAD,  /* it failed a moment ago: *err says why */
    CLIENT_WEB_DUE,  /* a fetch would say */
};

/* wants_new: what is known did not do, because it lacks a key; DUE if it may be fetched again. The
 * body lives in arena. */
enum client_web_state client_web_find(struct client_web *web, struct str url, bool wants_new,
                                      int64_t now_us, struct arena *arena, struct str *ret_body,
                                      struct err *err);
/* Does an answer of this URL count, or did one until lately? */
bool client_web_is_known(struct client_web *web, struct str url);
/* Fetches, unless client_web_find() would not say DUE by now. ERR_BUSY: too many in this minute.
 * ERR_DENIED: it leads where this gateway does not go. ERR_INVALID: no JSON. Others as fetch_do().
 */
enum err_code client_web_fetch(struct client_web *web, struct str url, bool wants_new,
                               int64_t now_us, struct err *err) MUST_CHECK;
/* How many were made, for tests. */
uint64_t client_web_fetches(struct client_web *web);

/* Where fetches may connect to. */
bool client_web_may_connect(const struct client_document_rules *rules, const struct addr *addr);
/* How long an answer counts: value of its Cache-Control (RFC 9111 §5.2.2), within the bounds. */
int64_t client_web_seconds(struct str cache_control);
