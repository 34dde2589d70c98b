#include "identity/person.h"

#include "base/buf.h"
#include "identity/client_table.h"

enum { MAX_GROUPS = 512, MAX_GROUP_BYTES = 256, MAX_ACTORS = 8, MAX_NAME_BYTES = 256 };

uint32_t person_role_scopes(enum user_role role)
{
    const uint32_t reads = SCOPE_BIT(SCOPE_AUDIT_READ);

    switch (role) {
    case ROLE_MEMBER:
    case ROLE_APPROVER:
        return 0;
    case ROLE_AUDITOR:
        return reads | SCOPE_BIT(SCOPE_AUDIT_DECRYPT);
    case ROLE_ADMIN:
        return reads | SCOPE_BIT(SCOPE_ADMIN);
    case ROLE_OWNER:
        return reads | SCOPE_BIT(SCOPE_AUDIT_DECRYPT) | SCOPE_BIT(SCOPE_ADMIN);
    case USER_ROLES:
        break;
    }
    return 0;
}

bool person_is_owner(const struct identity_rules *rules, struct str provider, struct str email)
{
    for (size_t i = 0; email.len > 0 && i < rules->owner_count; i++) {
        if (str_eq(rules->owners[i].provider, provider) &&
            str_eq_nocase(rules->owners[i].email, email))
            return true;
    }
    return false;
}

/* The text at a path of claims; empty: not there. */
static struct str text_at(const struct jwt *jwt, struct str path, size_t max, struct arena *arena)
{
    struct str text = STR_NONE;
    json_pos pos = jwt_find(jwt, path);

    if (pos == JSON_NONE || !json_str(&jwt->claims, pos, arena, &text) || text.len > max)
        return STR_NONE;
    return text;
}

static struct str email_of(const struct provider *provider, const struct jwt *jwt,
                           struct arena *arena)
{
    json_pos verified = json_get(&jwt->claims, 0, STR("email_verified"));
    struct str email = text_at(jwt, provider->email_claim, MAX_NAME_BYTES, arena);
    bool is_verified = false;

    /* Some providers write the truth value as a text. */
    if (verified == JSON_NONE)
        is_verified = provider->email_domain_count > 0;
    else if (!json_bool(&jwt->claims, verified, &is_verified))
        is_verified = json_str_is(&jwt->claims, verified, STR("true"));
    if (!is_verified || str_find(email, '@') == email.len || !provider_may_state(provider, email))
        return STR_NONE;
    return email;
}

/* Entra leaves the groups out when they are many, and says where else to ask for them (OpenID
 * Connect Core §5.6.2). */
static bool are_elsewhere(const struct provider *provider, const struct jwt *jwt)
{
    const struct json_doc *doc = &jwt->claims;
    json_pos names = json_get(doc, 0, STR("_claim_names"));

    return json_is(doc, names, JSON_OBJECT) &&
           json_get(doc, names, provider->groups_claim) != JSON_NONE;
}

/* Members that are no texts, or too long, name no group that anybody could grant something. Of a
 * list that is too long none counts: which ones were cut would be chance. */
static bool read_groups(const struct provider *provider, const struct jwt *jwt, struct arena *arena,
                        struct caller *caller)
{
    const struct json_doc *doc = &jwt->claims;
    json_pos list = jwt_find(jwt, provider->groups_claim);
    struct str *groups = NULL;

    caller->lacks_groups = list == JSON_NONE && are_elsewhere(provider, jwt);
    if (!json_is(doc, list, JSON_ARRAY))
        return true;
    groups = arena_calloc(arena, MAX_GROUPS, sizeof *groups);
    if (groups == NULL)
        return false;
    for (json_pos each = json_first(doc, list); each != JSON_NONE;
         each = json_next(doc, list, each)) {
        struct str group = STR_NONE;

        if (!json_str(doc, each, arena, &group) || group.len == 0 || group.len > MAX_GROUP_BYTES)
            continue;
        caller->lacks_groups = caller->group_count == MAX_GROUPS;
        if (caller->lacks_groups)
            break;
        groups[caller->group_count++] = group;
    }
    if (caller->lacks_groups)
        caller->group_count = 0;
    caller->groups = groups;
    return true;
}

/* Providers disagree on the name: RFC 9068, OpenID Connect, Okta, Entra. */
static struct str client_of(const struct jwt *jwt, struct arena *arena)
{
    static const struct str names[] = {STR_INIT("client_id"), STR_INIT("azp"), STR_INIT("cid"),
                                       STR_INIT("appid")};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct str client = jwt_text(jwt, names[i], arena);

        if (client.len > 0)
            return client;
    }
    return STR_NONE;
}

/* Keycloak gives a client a user of this name. */
static bool is_service_account(const struct jwt *jwt, struct str client, struct arena *arena)
{
    struct str name = jwt_text(jwt, STR("preferred_username"), arena);
    struct str prefix = STR_INIT("service-account-");

    return client.len > 0 && str_starts(name, prefix) &&
           str_eq_nocase(str_from(name, prefix.len), client);
}

/* Entra says `idtyp` only where it was configured; without it a program's token has one id as both
 * subject and object, and no delegated scope. */
static bool is_object(const struct jwt *jwt, struct str subject, struct arena *arena)
{
    return str_eq(jwt_text(jwt, STR("oid"), arena), subject) &&
           json_get(&jwt->claims, 0, STR("scp")) == JSON_NONE;
}

/* A token that a program got for itself: RFC 9068 §2.2 (sub is the client), Entra, Auth0, Keycloak.
 */
static bool is_machine(const struct jwt *jwt, const struct jwt_claims *claims, struct str client,
                       struct arena *arena)
{
    struct str subject = claims->subject;
    struct str suffix = STR_INIT("@clients");

    return (client.len > 0 && str_eq(subject, client)) ||
           str_eq(jwt_text(jwt, STR("idtyp"), arena), STR("app")) ||
           str_eq(jwt_text(jwt, STR("gty"), arena), STR("client-credentials")) ||
           (subject.len > suffix.len &&
            str_eq(str_from(subject, subject.len - suffix.len), suffix)) ||
           is_service_account(jwt, client, arena) || is_object(jwt, subject, arena);
}

/* "outermost < inner": who acts now stands first (RFC 8693 §4.1). False: no chain that makes
 * sense, or memory is out. */
static bool read_chain(const struct jwt *jwt, struct arena *arena, struct str *ret_chain)
{
    const struct json_doc *doc = &jwt->claims;
    json_pos act = json_get(doc, 0, STR("act"));
    struct str chain = STR_NONE;

    *ret_chain = STR_NONE;
    for (size_t depth = 0; act != JSON_NONE; depth++) {
        struct str actor = STR_NONE;

        if (depth == MAX_ACTORS || !json_is(doc, act, JSON_OBJECT))
            return false;
        if (!json_str(doc, json_get(doc, act, STR("sub")), arena, &actor) &&
            !json_str(doc, json_get(doc, act, STR("client_id")), arena, &actor))
            return false;
        chain = chain.len == 0
                    ? actor
                    : arena_printf(arena, STR_FMT " < " STR_FMT, STR_ARG(chain), STR_ARG(actor));
        if (chain.ptr == NULL || actor.len == 0 || str_find(actor, '<') < actor.len)
            return false;
        act = json_get(doc, act, STR("act"));
    }
    *ret_chain = chain;
    return true;
}

static void add_scopes(struct str words, uint32_t *scopes)
{
    while (words.len > 0) {
        enum scope scope;

        if (scope_parse(str_cut(&words, ' '), &scope))
            *scopes |= SCOPE_BIT(scope);
    }
}

/* A text with spaces between the words (RFC 8693 §4.2), or a list as Okta writes it. False: memory
 * is out. */
static bool read_scopes(const struct jwt *jwt, struct str name, struct arena *arena,
                        uint32_t *scopes)
{
    const struct json_doc *doc = &jwt->claims;
    json_pos claim = json_get(doc, 0, name);
    json_pos each = json_is(doc, claim, JSON_ARRAY) ? json_first(doc, claim) : claim;

    while (each != JSON_NONE) {
        struct str words = STR_NONE;

        if (json_is(doc, each, JSON_STRING) && !json_str(doc, each, arena, &words))
            return false;
        add_scopes(words, scopes);
        each = each == claim ? JSON_NONE : json_next(doc, claim, each);
    }
    return true;
}

/* Cuts to the words of ours that the token's scope holds, if it holds any: other words mean
 * something to somebody else. False: memory is out. */
static bool cut_scopes(const struct jwt *jwt, struct arena *arena, uint32_t *scopes)
{
    uint32_t named = 0;

    if (!read_scopes(jwt, STR("scope"), arena, &named) ||
        !read_scopes(jwt, STR("scp"), arena, &named))
        return false;
    if (named != 0)
        *scopes &= named;
    return true;
}

struct str person_subject(const struct provider *provider, const struct jwt *jwt,
                          const struct jwt_claims *claims, struct arena *arena)
{
    return provider->subject_claim.len == 0
               ? claims->subject
               : text_at(jwt, provider->subject_claim, JWT_MAX_SUBJECT, arena);
}

static bool name_person(const struct provider *provider, const struct jwt *jwt,
                        const struct jwt_claims *claims, struct arena *arena, struct caller *caller)
{
    caller->provider = provider->name;
    caller->issuer = provider->issuer;
    caller->subject = person_subject(provider, jwt, claims, arena);
    caller->id = arena_printf(arena, "user:" STR_FMT ":" STR_FMT, STR_ARG(provider->name),
                              STR_ARG(caller->subject));
    caller->email = email_of(provider, jwt, arena);
    caller->name = text_at(jwt, provider->name_claim, MAX_NAME_BYTES, arena);
    if (caller->name.len == 0)
        caller->name = caller->email.len > 0 ? caller->email : caller->subject;
    caller->token_id = claims->id;
    caller->audience = claims->audience;
    caller->issued_us = claims->issued_at * 1000000;
    caller->expires_us = claims->expires_at * 1000000;
    return caller->id.ptr != NULL && caller->subject.len > 0 &&
           read_groups(provider, jwt, arena, caller);
}

static bool is_agent(const struct identity_rules *rules, const struct token_table *users,
                     struct str client)
{
    return rules->interactive_clients == INTERACTIVE_DELEGATED ||
           provider_is_agent(rules, client) ||
           client_table_is_agent(token_table_clients(users), client);
}

enum person_result person_of(const struct identity_rules *rules, const struct provider *provider,
                             const struct jwt *jwt, const struct jwt_claims *claims,
                             const struct token_table *users, struct arena *arena,
                             struct caller *ret_caller)
{
    struct caller caller = {.kind = PRINCIPAL_HUMAN};
    struct known_user user = {.role = ROLE_MEMBER};

    caller.client_id = client_of(jwt, arena);
    if (provider->is_workloads || is_machine(jwt, claims, caller.client_id, arena))
        return PERSON_MACHINE;
    if (!name_person(provider, jwt, claims, arena, &caller) ||
        !read_chain(jwt, arena, &caller.chain))
        return PERSON_INVALID;
    if (token_table_find_user(users, provider->name, caller.subject, &user) && user.is_disabled)
        return PERSON_DISABLED;
    token_table_take_groups(users, &caller);
    if (caller.chain.len > 0 || is_agent(rules, users, caller.client_id)) {
        caller.kind = PRINCIPAL_DELEGATED;
        caller.owner = caller.email.len > 0 ? caller.email : caller.id;
        if (caller.chain.len == 0)
            caller.chain = caller.client_id;
    }
    caller.role = caller.kind == PRINCIPAL_HUMAN ? user.role : ROLE_MEMBER;
    caller.scopes = SCOPE_SET_CALLS | person_role_scopes(caller.role);
    /* A claim that found no room may have been taken for one that is not there. */
    if (!cut_scopes(jwt, arena, &caller.scopes) || arena_failed(arena))
        return PERSON_INVALID;
    *ret_caller = caller;
    return PERSON_OK;
}
