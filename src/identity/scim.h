/*
 * scim.h - users and groups as an identity provider writes them when it provisions (SCIM 2.0:
 * RFC 7643, RFC 7644), in the dialects that providers really speak: Entra ID writes "Replace" and
 * "False", and names members to remove in a value; Okta sends objects without a path.
 *
 * What is kept of a user is what struct scim_user holds; of several e-mail addresses the primary
 * one, else that of type work, else the first. Attributes that are not kept are taken and
 * forgotten, as RFC 7644 §3.3 allows. Names of attributes are read without case.
 *
 * Pure. Texts are views of the request or in the arena.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "base/str.h"
#include "store/store.h"

#define SCIM_SCHEMA_USER  "urn:ietf:params:scim:schemas:core:2.0:User"
#define SCIM_SCHEMA_GROUP "urn:ietf:params:scim:schemas:core:2.0:Group"
#define SCIM_MESSAGE      "urn:ietf:params:scim:api:messages:2.0:"

/* What is wrong with a request: scimType of RFC 7644 §3.12. */
#define SCIM_INVALID_FILTER "invalidFilter"
#define SCIM_INVALID_SYNTAX "invalidSyntax"
#define SCIM_INVALID_PATH   "invalidPath"
#define SCIM_INVALID_VALUE  "invalidValue"
#define SCIM_NO_TARGET      "noTarget"
#define SCIM_UNIQUENESS     "uniqueness"

struct scim_fault {
    const char *type; /* one of the above; NULL: none of them */
    struct err err;
};

/* The ids of resources: "u12" of a user, "g12" of a group, so that one never passes for the other.
 */
enum scim_kind { SCIM_USER, SCIM_GROUP };
bool scim_id_parse(enum scim_kind kind, struct str text, int64_t *ret_id) MUST_CHECK;

/* --- reading --- */

/* A new user (RFC 7644 §3.3), or all of one that is replaced (§3.5.1): id, provider, subject and
 * times of *user stay, all else is set, active when nothing is said. ERR_INVALID, with *fault. */
enum err_code scim_user_read(const struct json_doc *doc, struct arena *arena,
                             struct scim_user *user, struct scim_fault *fault) MUST_CHECK;
/* The operations of a PATCH (§3.5.2), one after another; failing, *user is of no use. */
enum err_code scim_user_patch(const struct json_doc *doc, struct arena *arena,
                              struct scim_user *user, struct scim_fault *fault) MUST_CHECK;

/* Somebody is in the group from now on, or not any more. */
struct scim_member_wish {
    int64_t user_id;
    bool is_in;
};

struct scim_group_wish {
    struct scim_group group;
    bool forgets_members;             /* those that it has do not count, */
    struct scim_member_wish *members; /* and these come after, in this order */
    size_t member_count;
};

/* As for users. */
enum err_code scim_group_read(const struct json_doc *doc, struct arena *arena,
                              struct scim_group_wish *wish, struct scim_fault *fault) MUST_CHECK;
enum err_code scim_group_patch(const struct json_doc *doc, struct arena *arena,
                               struct scim_group_wish *wish, struct scim_fault *fault) MUST_CHECK;
/* What has to change. has: the members that it has, lowest first. False: arena is full. */
bool scim_group_change(const struct scim_group_wish *wish, const int64_t *has, size_t has_count,
                       struct arena *arena, struct scim_group_change *ret_change) MUST_CHECK;

/* --- finding (RFC 7644 §3.4.2.2) --- */

enum { SCIM_MAX_CLAUSES = 4 };

/* The attributes that are kept. */
enum scim_attribute {
    SCIM_ATTRIBUTE_NONE, /* not kept */
    SCIM_ATTRIBUTE_ID,
    SCIM_ATTRIBUTE_USER_NAME,
    SCIM_ATTRIBUTE_EXTERNAL_ID,
    SCIM_ATTRIBUTE_DISPLAY_NAME,
    SCIM_ATTRIBUTE_NAME, /* the object of the next three */
    SCIM_ATTRIBUTE_FORMATTED,
    SCIM_ATTRIBUTE_FAMILY,
    SCIM_ATTRIBUTE_GIVEN,
    SCIM_ATTRIBUTE_EMAILS, /* the list */
    SCIM_ATTRIBUTE_EMAIL,  /* the value of the one that counts */
    SCIM_ATTRIBUTE_ACTIVE,
    SCIM_ATTRIBUTE_MEMBERS,
};

/* One `attribute eq value`. */
struct scim_clause {
    enum scim_attribute attribute;
    struct str text;
    bool flag; /* of active */
};

/* All of them must hold; none: everything fits. */
struct scim_filter {
    struct scim_clause clauses[SCIM_MAX_CLAUSES];
    size_t count;
};

/* Equality joined by `and` alone: what providers ask for. ERR_INVALID (invalidFilter) for the
 * rest. */
enum err_code scim_filter_parse(struct str text, enum scim_kind kind, struct arena *arena,
                                struct scim_filter *ret_filter,
                                struct scim_fault *fault) MUST_CHECK;
/* The quickest way to what may fit. False: nothing can. */
bool scim_filter_find(const struct scim_filter *filter, enum scim_kind kind,
                      struct scim_find *find) MUST_CHECK;
bool scim_filter_fits_user(const struct scim_filter *filter, const struct scim_user *user);
/* members: lowest id first. */
bool scim_filter_fits_group(const struct scim_filter *filter, const struct scim_group *group,
                            const int64_t *members, size_t count);
/* Are the members needed to tell? */
bool scim_filter_asks_members(const struct scim_filter *filter);

/* --- writing --- */

/* Which attributes are wished for (RFC 7644 §3.9), and where resources are. */
struct scim_shape {
    struct str base;      /* "https://…/scim/v2" */
    struct str only;      /* names between commas; empty: all */
    struct str excluding; /* names between commas */
};

bool scim_shape_has(const struct scim_shape *shape, const char *attribute);
void scim_user_write(struct jsonw *w, const struct scim_user *user, const struct scim_shape *shape);
void scim_group_write(struct jsonw *w, const struct scim_group *group, const int64_t *members,
                      size_t count, const struct scim_shape *shape);
/* The URL of a resource. */
void scim_location_write(struct buf *out, const struct scim_shape *shape, enum scim_kind kind,
                         int64_t id);
