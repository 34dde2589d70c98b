/*
 * login_priv.h - a sign-in under way: the request (login.c), what the client wishes (login_wish.c,
 * login_document.c),
 * the steps (login_sign_in.c, login_provider.c, login_consent.c) and the answer (login_answer.c).
 */
#pragma once

#include "base/buf.h"
#include "base/form.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "gate/api.h"
#include "gate/gate_priv.h"
#include "gate/login.h"
#include "identity/app.h"
#include "identity/discovery.h"

enum {
    LOGIN_ARENA_BYTES = 8 << 20,
    LOGIN_PAGE_BYTES = 256 << 10,
    LOGIN_SECONDS = 600, /* from the first redirect to the consent */
    LOGIN_COOKIE_BYTES = 43,
    LOGIN_CHALLENGE_LEN = 43,
};

#define CHOICE_PURPOSE  "oauth choice"
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

struct login;
/* One step: answers, or says in then what goes on, on the control thread. */
typedef void login_fn(struct login *login);

/* One request of a browser, and the answer to it. */
struct login {
    struct job job;
    struct call *call;
    struct gate *gate;
    struct arena *arena;
    login_fn *then;         /* what the next job does; NULL: answered */
    struct jobs *then_jobs; /* where; NULL: on the control thread */
    struct str wants_url;   /* a client's document, to be fetched first; empty: none */
    bool has_fetched;
    struct str url; /* of this gateway */
    int64_t now_us;
    struct str query;
    struct str body;
    struct str cookie;          /* of an earlier answer; may be empty */
    struct api_request request; /* who and from where, for the record */

    struct wish wish;            /* what is asked of */
    struct caller person;        /* whoever signed in just now */
    struct str provider_session; /* the provider's id of that (`sid`); may be empty */

    int status;
    const char *refused;   /* a secret was guessed at: counted for where it came from */
    struct str location;   /* of a redirect */
    struct str set_cookie; /* a new value */
    bool is_over;          /* the sign-in has ended: the cookie goes, too */
    struct str target;     /* where the form of the page may lead */
    struct buf page;
};

/* The steps, one per endpoint. */
login_fn login_authorize;
login_fn login_choose;
login_fn login_owner; /* on the control thread */
login_fn login_callback;
login_fn login_consent; /* on the control thread */
login_fn login_register;
login_fn login_revoke; /* on the control thread */

/* Notes login->person, and asks for login->wish. On the control thread. */
login_fn login_ask_consent;

/* Answers. */
void login_answer_page(struct login *login, int status, const char *heading, struct str sentence);
void login_bad_request(struct login *login, const char *sentence);
/* To the client, which is told an error of ours (error NULL: none), or handed the code. */
void login_answer_client(struct login *login, const struct wish *wish, const char *error,
                         struct str code);
void login_answer_redirect(struct login *login, const struct buf *url);
/* Percent-encoded; name=value behind what the URL needs before it, nothing when value has no ptr.
 */
void login_add_encoded(struct buf *out, struct str text);
void login_add_param(struct buf *url, const char *name, struct str value);

/* The client whose document has this URL. False: answered, or the document is fetched first. */
bool login_find_document(struct login *login, struct str id, struct app *ret_app) MUST_CHECK;
/* Sets app and redirect of wish. False: answered, and not at an address that nobody vouches for. */
bool login_find_client(struct login *login, const struct form *form, struct wish *wish) MUST_CHECK;
/* The rest of it. NULL: fine. Else the error that the client hears. */
const char *login_read_wish(struct login *login, const struct form *form,
                            struct wish *wish) MUST_CHECK;
/* What was sealed a moment ago, in this browser. False: answered. */
bool login_open_sealed(struct login *login, const char *purpose, struct str sealed,
                       struct json_doc *doc, struct wish *wish) MUST_CHECK;
/* A text member; ptr NULL: not there. */
struct str login_text(struct login *login, const struct json_doc *doc, const char *name);
void login_write_wish(struct jsonw *w, const struct wish *wish);
/* Another cookie from here on: what was sealed for the old one does not open any more. False:
 * answered. */
bool login_renew_cookie(struct login *login) MUST_CHECK;
/* What only this browser's sign-in at this provider has, for this purpose: nothing but the cookie
 * need be kept. */
struct str login_secret(struct login *login, const struct provider *provider, const char *purpose);

/* login->wish, until ten minutes from now, for this browser. provider NULL: not chosen yet. Empty:
 * memory is out. */
struct str login_seal_wish(struct login *login, const char *purpose,
                           const struct provider *provider);
/* What the provider says of itself. provider NULL: nobody signs in there. False: answered. */
bool login_ask_provider(struct login *login, const struct provider *provider,
                        struct discovery *ret_found) MUST_CHECK;
/* The provider of this name, where people sign in; NULL: none. */
const struct provider *login_provider(struct login *login, struct str name);
/* Off to the provider with login->wish. */
void login_send(struct login *login, const struct provider *provider);
/* The page with the ways to sign in. complaint: why it comes again; NULL: it does not. */
void login_ask_way(struct login *login, const char *complaint);
/* Who signed in. False: answered. */
bool login_find_person(struct login *login, const struct provider *provider,
                       const struct discovery *found, struct str code,
                       struct caller *ret_person) MUST_CHECK;
