/*
 * policy.h - who may do what: plain facts are compiled once, every decision is made on the result.
 *
 * 1. Deny by default. A call is allowed only when every factor allows it: principal, server, tool,
 *    grants, ceilings, token scope. Adding a factor never widens.
 * 2. An empty list grants nothing, and a name that is not known grants nothing.
 * 3. A tool without a category counts as admin: a grant of admin or one that names it exactly
 * covers it. A pattern does not, for what appears under it later nobody has judged.
 * 4. Lists and calls use one rule: policy_filter() marks exactly what policy_decide() allows.
 * 5. Pure: no I/O, no clock (the time is a fact), nothing remembered between decisions.
 *
 * A ceiling that asks for approval denies as long as there are no approvals, with its own reason.
 *
 * Threads: a policy is immutable after policy_compile(); any thread may decide on it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/words.h"

/* No such tool, server, grant or ceiling. */
#define POLICY_NONE UINT32_MAX

struct policy_server {
    struct str name;
    enum credential_mode credential_mode;
    bool is_disabled;
};

/* One tool of one server; (server, name) is unique. */
struct policy_tool {
    uint32_t server; /* index into servers */
    struct str name; /* upstream name */
    enum category category;
    bool is_classified; /* false: counts as admin, whatever category says */
    bool is_gone;       /* the last discovery did not find it */
    bool is_disabled;
    enum reason hold; /* why its definition may not be used now; REASON_GRANTED: it may */
};

struct policy_robot {
    int64_t id; /* not 0, unique */
    struct str name;
    bool is_disabled;
};

/* Names of people, groups, robots or roles. */
struct policy_names {
    const struct str *names;
    size_t count;
};

struct policy_role {
    struct str name;
    struct policy_names users;
    struct policy_names groups;
    struct policy_names robots;
};

struct policy_grant {
    struct str name;
    struct policy_names users;
    struct policy_names groups;
    struct policy_names robots;
    struct policy_names roles;
    uint32_t server;           /* index into servers; POLICY_NONE grants nothing */
    uint8_t categories;        /* CATEGORY_BIT set */
    struct policy_names tools; /* upstream names or patterns, besides the categories */
};

struct policy_ceiling {
    uint8_t principals; /* PRINCIPAL_BIT set: whom it limits */
    uint8_t deny;       /* CATEGORY_BIT set */
    uint8_t approval;   /* CATEGORY_BIT set; deny goes before approval */
};

struct policy_input {
    const struct policy_server *servers;
    size_t server_count;
    const struct policy_tool *tools;
    size_t tool_count;
    const struct policy_robot *robots;
    size_t robot_count;
    const struct policy_role *roles;
    size_t role_count;
    const struct policy_grant *grants;
    size_t grant_count;
    const struct policy_ceiling *ceilings;
    size_t ceiling_count;
};

struct policy;

/* Copies what it needs; *ret_policy is the caller's: policy_free() it. Indices of servers, tools,
 * grants and ceilings stay those of the input. ERR_INVALID: a tool or grant names a server that is
 * not there, or two robots have one id. ERR_LIMIT: memory is out. */
enum err_code policy_compile(const struct policy_input *input, struct policy **ret_policy,
                             struct err *err) MUST_CHECK;
void policy_free(struct policy *policy); /* NULL is fine */
void policy_freep(struct policy **policy);

/* A principal as the policy knows it: the grants that reach it. */
struct policy_subject;

/* Lives as long as policy. NULL: no robot has this id; a NULL subject is nobody. */
const struct policy_subject *policy_robot(const struct policy *policy, int64_t robot_id);
/* A person (PRINCIPAL_HUMAN or _DELEGATED) by name and the groups the identity provider states. One
 * that no grant reaches is a subject without rights. *ret_subject lives as long as policy and
 * arena. ERR_LIMIT: arena is full. */
enum err_code policy_user(const struct policy *policy, struct arena *arena,
                          enum principal_kind kind, struct str user,
                          const struct policy_names *groups,
                          const struct policy_subject **ret_subject, struct err *err) MUST_CHECK;

/* What a decision is made on. */
struct policy_facts {
    const struct policy_subject *subject; /* NULL: nobody */
    uint32_t scopes;                      /* SCOPE_BIT set of the token */
    int64_t expires_us;                   /* of the token; 0: never */
    int64_t now_us;
    uint32_t tool; /* index into tools; POLICY_NONE: no such tool */
    /* The category of this call, where its arguments were looked at; else that of the tool. */
    bool is_refined;
    enum category refined;
};

struct policy_verdict {
    enum decision decision;
    enum reason reason;
    enum factor factor;     /* that failed; FACTOR_NONE when allowed */
    enum category category; /* that was judged */
    uint32_t grant;   /* allowed or denied by what comes behind grants: the first that covers */
    uint32_t ceiling; /* of REASON_CEILING and REASON_APPROVAL_REQUIRED */
    /* The caller holds a grant on the tool's server and may learn why; anyone else must not be able
     * to tell a denied tool from an unknown one. */
    bool may_know;
};

/* When several factors deny, the first in this order is named: principal, token expiry, server,
 * tool, grant, ceiling that denies, token scope (so that it is named only where more scope would
 * help), ceiling that asks for approval. */
struct policy_verdict policy_decide(const struct policy *policy, const struct policy_facts *facts);

/* Does the subject hold a grant on this server? NULL: no. */
bool policy_may_know(const struct policy *policy, const struct policy_subject *subject,
                     uint32_t server);

/* And may it use that server at all? A robot never one with personal credentials. */
bool policy_may_reach(const struct policy *policy, const struct policy_subject *subject,
                      uint32_t server);

#define POLICY_BITS_WORDS(tool_count) (((size_t)(tool_count) + 63) / 64)

static inline bool policy_bit(const uint64_t *bits, uint32_t tool)
{
    return (bits[tool / 64] >> (tool % 64) & 1) != 0;
}

size_t policy_tool_count(const struct policy *policy);
/* Marks the tools that the caller may use: bit N of bits is tool N. bits takes
 * POLICY_BITS_WORDS(policy_tool_count()) words and is written in full. tool and refined of facts
 * are not read. A token without SCOPE_LIST lists nothing. */
void policy_filter(const struct policy *policy, const struct policy_facts *facts, uint64_t *bits);

/* Appends one sentence that a person can act on: what was decided, by which factor, and what would
 * change it. It names grants and servers: only for those who may know. */
void policy_explain(const struct policy *policy, const struct policy_facts *facts,
                    const struct policy_verdict *verdict, struct buf *out);
