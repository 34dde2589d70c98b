/*
 * objects.h - what the store remembers: servers, tools, roles, grants, ceilings, robots, tokens.
 *
 * Plain values with borrowed views. Texts that an administrator wrote are UTF-8 without NUL; names
 * and definitions of tools are bytes from outside, kept as bytes. Times are microseconds since the
 * epoch. Ids are given by the store, start at 1, and are never used again; 0: not yet stored.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "base/words.h"

enum server_kind {
    SERVER_URL,     /* address is an http or https URL */
    SERVER_PROGRAM, /* address is the name of a program of the settings file */
};

/* How the shared credential is given to the server; meaningless in the other modes. */
enum credential_type {
    CREDENTIAL_BEARER,  /* Authorization: Bearer, from the secret */
    CREDENTIAL_HEADERS, /* fixed headers, each from its secret */
};

/* One fixed header whose value is a named secret. */
struct secret_header {
    struct str header;
    struct str secret;
};

/* An administrator's word on the tools of a server. '*' stands for any run of bytes. */
struct tool_rule {
    struct str pattern;
    enum category category;
    struct str author; /* who said so; the store fills it and when, a rule that stays keeps both */
    int64_t set_at_us;
};

struct server {
    int64_t id;
    struct str name;
    enum server_kind kind;
    struct str address;
    enum credential_mode credential_mode;
    enum credential_type credential_type;
    struct str secret;             /* of CREDENTIAL_BEARER; else empty */
    struct secret_header *headers; /* of CREDENTIAL_HEADERS */
    size_t header_count;
    struct tool_rule *rules;
    size_t rule_count;
    uint8_t release; /* RELEASE_BIT set: what is taken into use without a review */
    uint8_t look; /* CATEGORY_BIT set: before calls of these its definitions are looked at anew */
    bool is_disabled;
};

struct role {
    struct str name;
    struct str *users; /* e-mail addresses */
    size_t user_count;
    struct str *groups;
    size_t group_count;
    struct str *robots;
    size_t robot_count;
};

struct grant {
    struct str name;
    struct str *roles; /* to whom */
    size_t role_count;
    struct str *users;
    size_t user_count;
    struct str *groups;
    size_t group_count;
    struct str *robots;
    size_t robot_count;
    struct str server;  /* its name */
    uint8_t categories; /* CATEGORY_BIT set */
    struct str *tools;  /* patterns of upstream names, besides the categories */
    size_t tool_count;
};

struct ceiling {
    uint8_t principals; /* PRINCIPAL_BIT set: whom it limits */
    uint8_t deny;       /* CATEGORY_BIT set */
    uint8_t approval;   /* CATEGORY_BIT set */
};

struct robot {
    int64_t id;
    struct str name;
    struct str owner; /* e-mail address of a human */
    bool is_disabled;
    struct str *networks; /* it may call from these alone; none: from anywhere */
    size_t network_count;
    struct str *identity; /* of its workload: "provider=NAME", then "CLAIM=PATTERN", all of which
                             must fit; none: by tokens of this gateway alone */
    size_t identity_count;
};

/* All that the governance file holds. Order is kept. */
struct governance {
    uint64_t version; /* changes of governance so far; the version that a save expects */
    struct server *servers;
    size_t server_count;
    struct role *roles;
    size_t role_count;
    struct grant *grants;
    size_t grant_count;
    struct ceiling *ceilings;
    size_t ceiling_count;
    struct robot *robots;
    size_t robot_count;
};

#define TOOL_HASH_BYTES 32

/* A category that was given to one definition of a tool. It says nothing of any other. */
struct tool_word {
    bool is_given;
    bool is_automatic; /* by the server's rule, not by a person */
    enum category category;
    struct str author;
    struct str reason; /* may be empty */
    int64_t at_us;
    uint8_t hash[TOOL_HASH_BYTES]; /* of the definition */
};

/* What the classifier makes of the definition that was last seen. */
struct tool_verdict {
    bool is_given;
    enum category category;
    struct str certainty; /* certain, likely, unsure */
    struct str evidence;  /* JSON */
};

/* One tool of one server: as last discovered, and as it was reviewed. */
struct tool {
    int64_t id; /* stays when the tool goes and comes back */
    int64_t server_id;
    struct str name;       /* upstream, bytes */
    struct str definition; /* JSON, byte for byte as the server wrote it */
    uint8_t hash[TOOL_HASH_BYTES];
    int64_t first_seen_us;
    int64_t last_seen_us;
    int64_t changed_us; /* when this hash was first seen */
    bool is_gone;       /* the last discovery did not find it */

    bool has_pin;      /* a definition was taken into use */
    struct str pinned; /* it, byte for byte: what clients are served and calls are judged by */
    uint8_t pinned_hash[TOOL_HASH_BYTES];
    enum reason hold; /* why it is in quarantine; REASON_GRANTED: it is not */
    int64_t held_us;
    struct str renamed_from; /* of REASON_DEFINITION_RENAMED */
    struct tool_word word;
    struct tool_verdict verdict;
};

/* What becomes of a tool that was discovered. */
enum tool_fate {
    FATE_KEEP, /* all stays, quarantine included; a tool that was not there is held as new */
    FATE_PIN,  /* the definition that was seen is in force */
    FATE_HOLD, /* quarantine; the definition in force stays */
    FATE_LIFT, /* out of quarantine: it is again as it was reviewed */
};

/* A definition that a tool had before. */
struct tool_version {
    uint8_t hash[TOOL_HASH_BYTES];
    struct str definition;
    int64_t until_us; /* when another one was seen */
};

/* Something that was done to a tool, or found. */
struct tool_event {
    int64_t at_us;
    struct str author;
    struct str action; /* found, changed, retired, held, taken, approved, quarantined, … */
    uint8_t hash[TOOL_HASH_BYTES]; /* of the definition it was about */
    struct str category;           /* a word, or empty */
    struct str reason;             /* may be empty */
};

/* How the catalogue of a server stands. */
struct catalogue {
    int64_t server_id;
    int64_t first_us;    /* when a tool was found for the first time; 0: not yet */
    int64_t found_us;    /* last success; 0: never */
    int64_t failed_us;   /* last failure; 0: never */
    struct str protocol; /* spoken at the last success */
    struct str error;    /* of the last failure, when it came after */
};

/* A person, as an identity provider names them. (provider, subject) is who it is; e-mail address
 * and name may change. */
struct user {
    int64_t id;
    struct str provider; /* its name in the settings */
    struct str subject;
    struct str email; /* empty: none was vouched for */
    struct str name;  /* as shown; may be empty */
    enum user_role role;
    bool is_disabled;               /* by an administrator */
    enum provisioning provisioning; /* what the provider said by SCIM */
    int64_t created_us;
    int64_t last_seen_us;  /* 0: never came, but was provisioned or signed out */
    int64_t signed_out_us; /* nothing issued for them up to then is good; 0: never */
};

/* Shut out, by an administrator or by the provider. */
static inline bool user_is_out(const struct user *user)
{
    return user->is_disabled || user->provisioning == PROVISIONING_INACTIVE ||
           user->provisioning == PROVISIONING_DELETED;
}

/* A user as the provider provisions it (RFC 7643 §4.1). */
struct scim_user {
    int64_t id;        /* of the resource */
    int64_t person_id; /* of the user whom it is about */
    struct str provider;
    struct str subject;   /* of that user */
    struct str user_name; /* unique at the provider, ASCII letters without case */
    struct str external_id;
    struct str display_name;
    struct str formatted_name;
    struct str family_name;
    struct str given_name;
    struct str email;
    bool is_active;
    bool is_vouched; /* the e-mail address counts as verified; only read when saved */
    int64_t created_us;
    int64_t changed_us;
};

/* RFC 7643 §4.2. Its members are asked for on their own. */
struct scim_group {
    int64_t id;
    struct str provider;
    struct str display_name; /* unique at the provider, ASCII letters without case */
    struct str external_id;
    int64_t created_us;
    int64_t changed_us;
};

/* A person is in a group of the provider. */
struct membership {
    int64_t person_id;
    int64_t group_id;
};

/* Who signs out: the person with everything, or, subject empty, what came of one sign-in at the
 * provider. */
struct sign_out {
    struct str provider;
    struct str subject;
    struct str provider_session;
};

/* An assertion that counts once. */
struct spent_id {
    struct str issuer;
    struct str id;
    int64_t expires_us; /* it is remembered until then */
};

/* What a client may go on doing for a person who signed in through this gateway. */
struct oauth_session {
    struct str id;
    struct str provider; /* who signed in, as the provider said then */
    struct str subject;
    struct str provider_session; /* the provider's own id of the sign-in (`sid`); may be empty */
    struct str email;
    struct str name;
    struct str groups; /* JSON: a list of texts */
    struct str client_id;
    struct str client_name;
    struct str resource;
    uint32_t scopes;
    bool needs_proof; /* the client has keys, and signs with them whatever it asks for */
    int64_t created_us;
    int64_t expires_us;
    uint64_t generation; /* of the refresh token that is good now; 0: the code was not redeemed */
    int64_t ended_us;    /* 0: it goes on */
    int64_t used_us;     /* the last token that came of it; 0: none */
};

#define CLIENT_HASH_BYTES 32

/* An OAuth client that authenticates at the token endpoint, and does not stand in the settings
 * file: by a secret, of which only the keyed hash is kept, or by one of jwks_url and jwks. */
struct client {
    struct str id;
    bool has_secret;
    uint8_t secret_hash[CLIENT_HASH_BYTES];
    struct str jwks_url;
    struct str jwks;    /* JSON */
    struct str redeems; /* the provider whose ID-JAGs it may redeem; or empty */
    int64_t robot_id;   /* that it is; 0: none */
    bool may_exchange;
    bool is_agent;
    struct str author;
    int64_t created_us;
};

/* What is noted of a client, wherever it is kept. */
struct client_mark {
    struct str id;
    int64_t blocked_us; /* 0: it is not */
    int64_t used_us;    /* the last token, of one that proves who it is; 0: none yet */
};

enum token_kind {
    TOKEN_ROBOT, /* prr_ */
    TOKEN_USER,  /* pru_ */
    TOKEN_ADMIN, /* pra_ */
    TOKEN_SCIM,  /* prs_ */
};

#define TOKEN_HASH_BYTES 32

/* Whose tokens: one of them is 0. */
struct token_holder {
    int64_t robot_id;
    int64_t user_id;
};

/* An API token: never the token itself, only its keyed hash. */
struct token {
    struct str id; /* public, short, for lists and the log */
    enum token_kind kind;
    int64_t robot_id;      /* of TOKEN_ROBOT; else 0 */
    struct str owner;      /* e-mail of the holder, of TOKEN_ADMIN; else empty */
    int64_t user_id;       /* of TOKEN_USER; else 0, and what follows is empty */
    struct str name;       /* as the person calls the key */
    struct str agent;      /* that it was made for; empty: the person's own use */
    struct str groups;     /* JSON: a list of texts; those of the person when it was made */
    struct str session_id; /* of the sign-in that it was made in, and ends with; or empty */
    struct str provider;   /* whose people it provisions, of TOKEN_SCIM; else empty */
    uint8_t hash[TOKEN_HASH_BYTES];
    uint32_t scopes; /* SCOPE_BIT set */
    int64_t created_us;
    int64_t expires_us;   /* 0: never */
    int64_t last_used_us; /* 0: not yet */
    int64_t revoked_us;   /* 0: not revoked */
};
