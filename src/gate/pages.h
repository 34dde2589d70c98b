/*
 * pages.h - the few pages that a person sees while signing in. No script, no picture, nothing from
 * elsewhere; every text from outside is escaped.
 */
#pragma once

#include "base/buf.h"
#include "base/str.h"

/* Appends text as HTML (also inside double quotes). */
void page_text(struct buf *out, struct str text);

/* The value of Content-Security-Policy for all pages; target: where a form may lead besides this
 * gateway, empty: nowhere. Appends. */
void page_policy(struct buf *out, struct str target);

struct consent_page {
    struct str person;      /* as the provider names them */
    struct str client;      /* what it calls itself; may be empty */
    struct str client_host; /* of the URL that is its id; empty: it has another kind of id */
    struct str redirect;
    struct str resource;
    struct str grant; /* sealed: what is agreed to */
    bool is_loopback; /* the redirect leads to this machine */
};

struct sign_in_way {
    struct str name; /* of the provider */
    struct str link;
};

struct sign_in_page {
    struct str client; /* what it calls itself; may be empty */
    const struct sign_in_way *ways;
    size_t way_count;
    bool has_owner;        /* a form for the owner's code */
    struct str wish;       /* sealed: what the client asks for */
    const char *complaint; /* NULL: none */
};

void page_sign_in(struct buf *out, const struct sign_in_page *page);
void page_consent(struct buf *out, const struct consent_page *page);
/* heading and sentence: ours, or escaped by the page. */
void page_error(struct buf *out, const char *heading, struct str sentence);
