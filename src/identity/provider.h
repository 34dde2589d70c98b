/*
 * provider.h - an identity provider that this gateway trusts, as the settings file describes it.
 *
 * Plain values with borrowed views, immutable. A provider vouches for whoever its tokens name, and
 * for nobody else: its name stands in the id of every principal that comes from it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/str.h"

/* Which attribute of a provisioned user (SCIM) is the subject of its tokens. */
enum provisioning_by {
    PROVISIONED_NOT, /* the provider provisions nobody; tokens name the groups */
    PROVISIONED_BY_EXTERNAL_ID,
    PROVISIONED_BY_USER_NAME,
};

struct provider {
    struct str name;             /* short, in ids: "corp" */
    struct str issuer;           /* exactly what `iss` says */
    struct str jwks_url;         /* empty: found by discovery (OpenID Connect, RFC 8414) */
    struct str ca_file;          /* PEM; empty: what the system trusts */
    uint32_t refused_algs;       /* PKEY_ALG_BIT set: what its tokens are not signed with */
    const struct str *audiences; /* accepted in `aud` besides the resource ids of this gateway */
    size_t audience_count;
    struct str client_id;          /* of this gateway there; empty: people do not sign in here */
    struct str client_secret;      /* a name in secrets_dir; empty: a public client */
    struct str introspection_url;  /* empty: found by discovery */
    int64_t introspection_seconds; /* how long an answer counts at most; 0: opaque tokens are not
                                      asked for */
    struct str subject_claim;      /* names the person, where `sub` differs from client to client;
                                         empty: `sub` does */
    enum provisioning_by provisioned_by;
    struct str groups_claim; /* a path of names with '.', as Keycloak's realm_access.roles */
    struct str email_claim;
    struct str name_claim;
    const struct str *email_domains; /* e-mail addresses it may state; none: any */
    size_t email_domain_count;
    bool counts_once;              /* a workload gets one token for each token of its own */
    bool is_workloads;             /* its tokens are of programs, which are robots here or nobody */
    const struct str *ema_clients; /* clients that may redeem its ID-JAGs here; none: nobody */
    size_t ema_client_count;
    bool takes_stored; /* and those that an administrator keeps in the store for this provider */
};

/* A client that authenticates itself at the token endpoint: by a secret, or by assertions signed
 * with its own keys (RFC 7523). Of the settings file, or kept in the store. */
struct oauth_client {
    struct str id;
    struct str secret;    /* of the settings: a name in secrets_dir; empty: none */
    struct provider keys; /* name and issuer are the id; jwks_url empty: none */
    bool may_exchange;    /* an agent that gets tokens in place of those of people (RFC 8693) */
    struct str robot;     /* of the settings: the name of the robot that it is; empty: none */
    bool is_stored;
    bool is_agent; /* what it calls is delegated; of the settings, `agents` says so */
    bool has_hash;
    uint8_t hash[32];   /* keyed, of its secret */
    struct str jwks;    /* its keys themselves, JSON; or empty */
    struct str redeems; /* the provider whose ID-JAGs it may redeem; or empty */
    int64_t robot_id;   /* that it is; 0: none */
};

/* Who a token of an interactive client is for (docs/identity.md says what it costs and protects).
 */
enum interactive_kind {
    INTERACTIVE_HUMAN,     /* the human, unless the client is listed as an agent */
    INTERACTIVE_DELEGATED, /* always an agent for the human */
};

/* A person who owns this gateway, from the settings: verified e-mail at a provider. */
struct owner_rule {
    struct str provider; /* its name */
    struct str email;
};

/* The owner signs in with a code that the command line printed, without any provider. */
enum local_sign_in {
    LOCAL_SIGN_IN_FIRST, /* as long as there is no provider */
    LOCAL_SIGN_IN_ON,
    LOCAL_SIGN_IN_OFF,
};

/* The reserved name of the provider that vouches for whoever showed such a code. */
#define PROVIDER_LOCAL "local"

/* Clients whose id is the URL of a document about them: which documents are believed, and where
 * this gateway goes to fetch them. */
struct client_document_rules {
    bool is_off;
    const struct str *domains; /* hosts, '*' for any run; none: every host */
    size_t domain_count;
    const struct addr_net *networks; /* besides public addresses */
    size_t network_count;
    struct str ca_file; /* PEM; empty: what the system trusts */
};

struct identity_rules {
    const struct provider *providers;
    size_t provider_count;
    const struct owner_rule *owners;
    size_t owner_count;
    const struct str *agents; /* client ids, '*' for any run: what they call is delegated */
    size_t agent_count;
    enum interactive_kind interactive_clients;
    bool refuses_registration; /* clients do not register themselves */
    enum local_sign_in local_sign_in;
    const struct oauth_client *clients;
    size_t client_count;
    struct client_document_rules client_documents;
};

/* Does the token endpoint serve anybody? */
bool provider_has_clients(const struct identity_rules *rules);
/* Is there a platform that vouches for programs? */
bool provider_has_workloads(const struct identity_rules *rules);
/* Is there anybody who may redeem ID-JAGs here? */
bool provider_has_ema(const struct identity_rules *rules);
/* This gateway's own tokens, as tokens of the provider that vouched: claims have one name. */
struct provider provider_own(const struct provider *vouches);
bool provider_takes_client(const struct provider *provider, const struct oauth_client *client);
/* NULL: no such provider, or client. By name alone the local one is found, while it is on: no token
 * from outside is its. */
const struct provider *provider_by_name(const struct identity_rules *rules, struct str name);
const struct oauth_client *provider_client(const struct identity_rules *rules, struct str id);

/* Are people and groups of this provider provisioned? rules may be NULL, and the name empty. */
bool provider_provisions(const struct identity_rules *rules, struct str name);

/* May the owner sign in without a provider? */
bool provider_has_local(const struct identity_rules *rules);
bool provider_is_local(const struct provider *provider);
/* The providers where people sign in, by 0, 1, …; the local one comes last. NULL: no more. */
const struct provider *provider_for_login(const struct identity_rules *rules, size_t index);
/* Does anybody vouch for people, so that their tokens are looked at? */
bool provider_is_any(const struct identity_rules *rules);
/* The provider whose opaque tokens are taken; NULL: none. */
const struct provider *provider_for_introspection(const struct identity_rules *rules);
/* NULL: no provider has this issuer. */
const struct provider *provider_by_issuer(const struct identity_rules *rules, struct str issuer);
bool provider_is_agent(const struct identity_rules *rules, struct str client_id);
/* May the provider state this e-mail address? */
bool provider_may_state(const struct provider *provider, struct str email);
