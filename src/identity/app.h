/*
 * app.h - the OAuth clients of people: programs on their machines and in their browsers, known by
 * what they registered (RFC 7591).
 *
 * Nothing is stored: the id that a client gets is what it registered, sealed under a key of the
 * installation. Whoever registers a million times has used up nothing.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "keys/keyring.h"

enum { APP_MAX_REDIRECTS = 10, APP_MAX_REDIRECT_BYTES = 512, APP_MAX_NAME_BYTES = 128 };

struct app {
    struct str id;
    struct str name; /* what it calls itself; believed by nobody */
    struct str redirects[APP_MAX_REDIRECTS];
    size_t redirect_count;
    bool has_keys; /* it authenticates at the token endpoint, as its document says */
};

/* json: the client's metadata. *ret_app's views live in arena. ERR_INVALID says what is wrong. */
enum err_code app_read(struct str json, struct arena *arena, struct app *ret_app,
                       struct err *err) MUST_CHECK;
/* Name and redirects alone; there may be no redirect_uris. */
enum err_code app_read_members(const struct json_doc *doc, struct arena *arena, struct app *app,
                               struct err *err) MUST_CHECK;
/* Sets app->id. */
enum err_code app_register(const struct keyring *keyring, struct arena *arena, struct app *app,
                           struct err *err) MUST_CHECK;
/* ERR_NOT_FOUND: no client of this gateway has such an id. */
enum err_code app_find(const struct keyring *keyring, struct str id, struct arena *arena,
                       struct app *ret_app, struct err *err) MUST_CHECK;

/* Byte for byte, but for the port of a loopback address, which is chosen anew at every start (RFC
 * 8252 §7.3). */
bool app_allows(const struct app *app, struct str redirect);
/* Does the redirect lead to this machine alone, where any program may listen? */
bool app_is_loopback(struct str redirect);
/* The members that a registration is answered with. */
void app_write(const struct app *app, struct buf *out);
