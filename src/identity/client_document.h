/*
 * client_document.h - clients whose id is the https URL of a document about them
 * (draft-ietf-oauth-client-id-metadata-document): which URLs may be ids, and what a document may
 * say. Nothing that a document says of a client is believed but where it is answered and which keys
 * it has: whoever controls the URL is the client.
 *
 * Pure. client_web.h fetches.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "identity/app.h"
#include "identity/provider.h"

enum { CLIENT_DOCUMENT_URL_BYTES = 512 };

struct client_document {
    struct app app;      /* may have no redirects: then nobody signs in with it */
    struct str jwks;     /* its keys, JSON; empty: none, or at jwks_uri */
    struct str jwks_uri; /* NUL-terminated; empty: none */
};

/* Does the id have the form at all? */
bool client_document_is_url(struct str id);
/* May this URL be the id of a client here? ERR_INVALID says what is wrong with it, ERR_DENIED that
 * the settings do not trust its host. */
enum err_code client_document_check_url(const struct client_document_rules *rules, struct str url,
                                        struct err *err) MUST_CHECK;
/* May keys be fetched from there that an administrator names? Of every host. */
enum err_code client_document_check_keys_url(struct str url, struct err *err) MUST_CHECK;
/* The host of the URL, with its port if one is written; empty: no URL. */
struct str client_document_host(struct str url);
/* json: what was fetched from url. Views live in arena. ERR_INVALID says what is wrong. */
enum err_code client_document_read(const struct client_document_rules *rules, struct str url,
                                   struct str json, struct arena *arena,
                                   struct client_document *ret_document,
                                   struct err *err) MUST_CHECK;
