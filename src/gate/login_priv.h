/*
 * login_priv.h - a sign-in under way, between the browser (login.c) and the provider
 * (login_provider.c).
 */
#pragma once

#include "base/buf.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "gate/api.h"
#include "gate/gate_priv.h"
#include "gate/login.h"
#include "identity/app.h"
#include "identity/discovery.h"

enum {
    LOGIN_ARENA_BYTES = 8 << 20,
    LOGIN_SECONDS = 600, /* from the first redirect to the consent */
    LOGIN_COOKIE_BYTES = 43,
    LOGIN_CHALLENGE_LEN = 43,
};

#define LOGIN_PURPOSE   "oauth login"
#define CONSENT_PURPOSE "oauth consent"

/* What the client asked for, checked. */
struct wish {
    struct app app;
    struct str redirect;
    struct str state;
    struct str challenge;
    struct str resource;
    uint32_t scopes;
};

/* One request of a browser, and the answer to it. */
struct login {
    struct job job;
    struct call *call;
    struct gate *gate;
    struct arena *arena;
    enum route_kind kind;
    struct str url; /* of this gateway */
    int64_t now_us;
    struct str query;
    struct str body;
    struct str cookie;          /* of an earlier answer; may be empty */
    struct api_request request; /* who and from where, for the record */

    int status;
    struct str location;   /* of a redirect */
    struct str set_cookie; /* a new value */
    struct str target;     /* where the form of the page may lead */
    struct buf page;
};

/* Answers. */
void login_answer_page(struct login *login, int status, const char *heading, struct str sentence);
void login_answer_redirect(struct login *login, const struct buf *url);
/* Percent-encoded; name=value behind what the URL needs before it, nothing when value has no ptr.
 */
void login_add_encoded(struct buf *out, struct str text);
void login_add_param(struct buf *url, const char *name, struct str value);

/* A text member; ptr NULL: not there. */
struct str login_text(struct login *login, const struct json_doc *doc, const char *name);
void login_write_wish(struct jsonw *w, const struct wish *wish);
/* What only this browser's sign-in has, for this purpose: nothing but the cookie need be kept. */
struct str login_secret(struct login *login, struct str cookie, const char *purpose);

/* False: answered. */
bool login_find_provider(struct login *login, const struct provider **ret_provider,
                         struct discovery *ret_found) MUST_CHECK;
void login_send(struct login *login, const struct provider *provider, const struct discovery *found,
                const struct wish *wish);
/* Who signed in. False: answered. */
bool login_find_person(struct login *login, const struct provider *provider,
                       const struct discovery *found, struct str code,
                       struct caller *ret_person) MUST_CHECK;
