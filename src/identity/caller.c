#include "identity/caller.h"

#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "identity/client_table.h"
#include "identity/provider.h"
#include "identity/scopes.h"
#include "identity/user_key.h"
#include "identity/warrant.h"

/* A token as the table keeps it, with the caller it makes. */
struct known {
    const struct str *identity; /* of a robot's workload */
    size_t identity_count;
    struct caller caller;
    uint8_t hash[TOKEN_HASH_BYTES];
    bool is_revoked;
    bool is_disabled; /* the robot is, or is not there */
};

struct token_table {
    struct arena *arena;                /* of the views in callers */
    struct table *by_user;              /* provider, NUL, subject to struct known_user */
    struct table *ended;                /* ids of sessions */
    const struct identity_rules *rules; /* may be NULL */
    struct client_table *clients;
    struct known_user *users;
    struct known *tokens; /* by the order given */
    struct known *robots; /* what a listener or a workload acts as */
    size_t robot_count;
    struct table *by_hash;  /* first bytes of the hash to struct known */
    struct table *by_id;    /* id of the token to struct known */
    struct table *by_robot; /* name of the robot to struct known of robots */
};

/* Half of the hash finds the entry, all of it is compared in constant time. An attacker who has no
 * pepper can't steer a hash, so the time of the lookup tells nothing. */
enum { KEY_BYTES = 16 };

static struct str key_of(const uint8_t hash[TOKEN_HASH_BYTES])
{
    return str_of((const char *)hash, KEY_BYTES);
}

static const char *const failure_words[] = {
    [AUTH_MISSING] = "missing",   [AUTH_MALFORMED] = "malformed",   [AUTH_TYPO] = "typo",
    [AUTH_UNKNOWN] = "unknown",   [AUTH_EXPIRED] = "expired",       [AUTH_REVOKED] = "revoked",
    [AUTH_DISABLED] = "disabled", [AUTH_ISSUER] = "issuer",         [AUTH_KEYS] = "keys_missing",
    [AUTH_JWT] = "jwt_invalid",   [AUTH_MACHINE] = "machine",       [AUTH_ADDRESS] = "address",
    [AUTH_INACTIVE] = "inactive", [AUTH_UNANSWERED] = "unanswered",
};

const char *auth_failure_word(enum auth_failure failure)
{
    return (size_t)failure < AUTH_FAILURES ? failure_words[failure] : "?";
}

/* Copies *text in place. */
static bool keep(struct arena *arena, struct str *text)
{
    *text = arena_dup(arena, *text);
    return text->ptr != NULL;
}

static bool keep_groups(struct arena *arena, struct caller *caller)
{
    struct str *groups = NULL;

    if (caller->group_count == 0)
        return true;
    groups = arena_calloc(arena, caller->group_count, sizeof *groups);
    for (size_t i = 0; groups != NULL && i < caller->group_count; i++) {
        groups[i] = caller->groups[i];
        if (!keep(arena, &groups[i]))
            return false;
    }
    caller->groups = groups;
    return groups != NULL;
}

static bool keep_nets(struct arena *arena, struct caller *caller)
{
    struct addr_net *nets = arena_calloc(arena, caller->network_count + 1, sizeof *nets);

    if (nets == NULL)
        return false;
    for (size_t i = 0; i < caller->network_count; i++)
        nets[i] = caller->networks[i];
    caller->networks = nets;
    return true;
}

bool caller_dup(struct arena *arena, const struct caller *caller, struct caller *ret_caller)
{
    struct caller copy = *caller;
    struct str *const texts[] = {&copy.id,       &copy.name,       &copy.owner,     &copy.issuer,
                                 &copy.subject,  &copy.email,      &copy.token_id,  &copy.provider,
                                 &copy.audience, &copy.session_id, &copy.client_id, &copy.chain,
                                 &copy.warrant,  &copy.provisions};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (!keep(arena, texts[i]))
            return false;
    if (!keep_groups(arena, &copy) || !keep_nets(arena, &copy))
        return false;
    *ret_caller = copy;
    return true;
}

/* --- building --- */

static const struct robot *robot_by_id(const struct robot *robots, size_t count, int64_t id)
{
    for (size_t i = 0; i < count; i++)
        if (robots[i].id == id)
            return &robots[i];
    return NULL;
}

/* What can't be read any more lets nobody in: an empty list would mean everybody. */
static bool keep_networks(struct arena *arena, const struct robot *robot, struct caller *caller)
{
    struct addr_net *nets = arena_calloc(arena, robot->network_count + 1, sizeof *nets);
    if (nets == NULL)
        return false;
    for (size_t i = 0; i < robot->network_count; i++)
        if (addr_parse_net(robot->networks[i], &nets[i], NULL) != ERR_OK)
            return false;
    caller->networks = nets;
    caller->network_count = robot->network_count;
    return true;
}

static bool make_robot(struct arena *arena, const struct robot *robot, struct caller *caller)
{
    caller->kind = PRINCIPAL_ROBOT;
    caller->robot_id = robot->id;
    caller->id = arena_printf(arena, "robot:" STR_FMT, STR_ARG(robot->name));
    caller->name = robot->name;
    caller->owner = robot->owner;
    return caller->id.ptr != NULL && keep(arena, &caller->name) && keep(arena, &caller->owner) &&
           keep_networks(arena, robot, caller);
}

static bool make_owner(struct arena *arena, const struct token *token, struct caller *caller)
{
    caller->kind = PRINCIPAL_HUMAN;
    caller->id = arena_printf(arena, "owner:" STR_FMT, STR_ARG(token->owner));
    caller->name = token->owner;
    caller->email = token->owner;
    return caller->id.ptr != NULL && keep(arena, &caller->name) && keep(arena, &caller->email);
}

/* Whoever provisions for a provider that takes it no more is nobody. */
static bool make_provisioner(struct token_table *table, const struct token *token,
                             struct known *known)
{
    struct caller *caller = &known->caller;
    known->is_disabled = !provider_provisions(table->rules, token->provider);
    caller->id = arena_printf(table->arena, "scim:" STR_FMT, STR_ARG(token->provider));
    caller->provisions = token->provider;
    caller->name = token->provider;
    return caller->id.ptr != NULL && keep(table->arena, &caller->provisions) &&
           keep(table->arena, &caller->name);
}

/* A key of a person ends with the sign-in that it was made in. */
static bool make_key(struct token_table *table, const struct token_table_input *input,
                     const struct token *token, struct known *known)
{
    struct user_key key;
    if (!user_key_read(input, token, table->arena, &key))
        return false;
    known->caller = key.caller;
    token_table_take_groups(table, &known->caller);
    known->is_disabled = key.is_disabled;
    known->is_revoked |= key.is_taken_back || (token->session_id.len > 0 &&
                                               table_get(table->ended, token->session_id) != NULL);
    return true;
}

static bool make_known(struct token_table *table, const struct token *token,
                       const struct robot *robot, struct known *known)
{
    struct caller *caller = &known->caller;
    known->is_disabled = token->kind == TOKEN_ROBOT && (robot == NULL || robot->is_disabled);
    caller->token_id = token->id;
    caller->has_own_token = true;
    /* What a kind may not carry, no entry of a database gives it. */
    caller->scopes = token->scopes & scopes_allowed(token->kind);
    caller->expires_us = token->expires_us;
    if (!keep(table->arena, &caller->token_id))
        return false;
    caller->kind = PRINCIPAL_ROBOT;
    if (token->kind == TOKEN_SCIM)
        return make_provisioner(table, token, known);
    if (token->kind == TOKEN_ROBOT)
        return robot == NULL || make_robot(table->arena, robot, caller);
    return make_owner(table->arena, token, caller);
}

static enum err_code out_of_memory(struct err *err)
{
    return err_set(err, ERR_LIMIT, "tokens: memory is out");
}

static enum err_code add_token(struct token_table *table, const struct token *token,
                               struct known *known, struct err *err)
{
    void *old = NULL;
    if (table_get(table->by_hash, key_of(known->hash)) != NULL ||
        table_get(table->by_id, token->id) != NULL)
        return err_set(err, ERR_CONFLICT, "the token '" STR_FMT "' is there twice",
                       STR_ARG(token->id));
    if (!table_put(table->by_hash, key_of(known->hash), known, &old) ||
        !table_put(table->by_id, token->id, known, &old))
        return out_of_memory(err);
    return ERR_OK;
}

static enum err_code add_tokens(struct token_table *table, const struct token_table_input *input,
                                const struct robot *robots, struct err *err)
{
    enum err_code code = ERR_OK;
    for (size_t i = 0; code == ERR_OK && i < input->token_count; i++) {
        const struct token *token = &input->tokens[i];
        const struct robot *robot = robot_by_id(robots, input->robot_count, token->robot_id);
        struct known *known = &table->tokens[i];
        memcpy(known->hash, token->hash, sizeof known->hash);
        known->is_revoked = token->revoked_us != 0;
        bool is_made = token->kind == TOKEN_USER ? make_key(table, input, token, known)
                                                 : make_known(table, token, robot, known);
        code = is_made ? add_token(table, token, known, err) : out_of_memory(err);
    }
    return code;
}

static const struct str *keep_texts(struct arena *arena, const struct str *texts, size_t count)
{
    struct str *copies = arena_calloc(arena, count + 1, sizeof *copies);
    for (size_t i = 0; copies != NULL && i < count; i++) {
        copies[i] = texts[i];
        if (!keep(arena, &copies[i]))
            return NULL;
    }
    return copies;
}

static enum err_code add_robots(struct token_table *table, const struct robot *robots, size_t count,
                                struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        struct known *known = &table->robots[i];
        void *old = NULL;
        known->is_disabled = robots[i].is_disabled;
        known->caller.is_listener_as = true;
        known->caller.scopes = SCOPE_SET_CALLS;
        known->identity_count = robots[i].identity_count;
        known->identity = keep_texts(table->arena, robots[i].identity, robots[i].identity_count);
        if (known->identity == NULL)
            return out_of_memory(err);
        table->robot_count = i + 1;
        if (!make_robot(table->arena, &robots[i], &known->caller) ||
            !warrant_make(known->identity, known->identity_count, table->arena,
                          &known->caller.warrant) ||
            !table_put(table->by_robot, robots[i].name, known, &old))
            return out_of_memory(err);
    }
    return ERR_OK;
}

enum { USER_KEY_BYTES = 64 + 1 + 1024 };

/* "provider NUL subject"; false: no user has such a key. */
static bool user_key(struct str provider, struct str subject, char key[USER_KEY_BYTES],
                     struct str *ret_key)
{
    if (provider.len > 64 || subject.len > 1024)
        return false;
    if (provider.len > 0)
        memcpy(key, provider.ptr, provider.len);
    key[provider.len] = '\0';
    if (subject.len > 0)
        memcpy(key + provider.len + 1, subject.ptr, subject.len);
    *ret_key = str_of(key, provider.len + 1 + subject.len);
    return true;
}

enum { MAX_GROUPS = 512 }; /* as of those that a token names */

static const struct scim_group *group_by_id(const struct token_table_input *input, int64_t id)
{
    size_t low = 0;
    size_t high = input->group_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (input->groups[middle].id == id)
            return &input->groups[middle];
        if (input->groups[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* The names of all groups, once: those of a person are views of them. */
static struct str *keep_group_names(struct token_table *table,
                                    const struct token_table_input *input)
{
    struct str *names = arena_calloc(table->arena, input->group_count + 1, sizeof *names);
    for (size_t i = 0; names != NULL && i < input->group_count; i++) {
        names[i] = input->groups[i].display_name;
        if (!keep(table->arena, &names[i]))
            return NULL;
    }
    return names;
}

/* count memberships of one person, first of them at from. */
static bool give_groups(struct token_table *table, const struct token_table_input *input,
                        const struct str *names, size_t from, size_t count, struct known_user *user)
{
    user->lacks_groups = count > MAX_GROUPS;
    if (user->lacks_groups)
        return true;
    struct str *groups = arena_calloc(table->arena, count + 1, sizeof *groups);
    for (size_t i = 0; groups != NULL && i < count; i++) {
        const struct scim_group *group = group_by_id(input, input->memberships[from + i].group_id);
        if (group != NULL)
            groups[user->group_count++] = names[group - input->groups];
    }
    user->groups = groups;
    return groups != NULL;
}

/* Users stand by id, memberships by the id of the person. */
static enum err_code add_groups(struct token_table *table, const struct token_table_input *input,
                                struct err *err)
{
    const struct str *names = keep_group_names(table, input);
    size_t from = 0;
    for (size_t i = 0; names != NULL && i < input->user_count; i++) {
        size_t end = from;
        while (end < input->membership_count &&
               input->memberships[end].person_id <= input->users[i].id)
            end++;
        if (end > from && !give_groups(table, input, names, from, end - from, &table->users[i]))
            return out_of_memory(err);
        from = end;
    }
    return names == NULL ? out_of_memory(err) : ERR_OK;
}

void token_table_take_groups(const struct token_table *table, struct caller *caller)
{
    struct known_user user = {.role = ROLE_MEMBER};
    if (caller->kind == PRINCIPAL_ROBOT || !provider_provisions(table->rules, caller->provider))
        return;
    (void)token_table_find_user(table, caller->provider, caller->subject, &user);
    caller->groups = user.groups;
    caller->group_count = user.group_count;
    caller->lacks_groups = user.lacks_groups;
}

static enum err_code add_users(struct token_table *table, const struct token_table_input *input,
                               struct err *err)
{
    char text[USER_KEY_BYTES];
    struct str key;
    void *old = NULL;
    for (size_t i = 0; i < input->user_count; i++) {
        const struct user *user = &input->users[i];
        table->users[i] = (struct known_user){.id = user->id,
                                              .role = user->role,
                                              .is_disabled = user_is_out(user),
                                              .signed_out_us = user->signed_out_us};
        if (user_key(user->provider, user->subject, text, &key) &&
            !table_put(table->by_user, key, &table->users[i], &old))
            return out_of_memory(err);
    }
    return add_groups(table, input, err);
}

bool token_table_find_user(const struct token_table *table, struct str provider, struct str subject,
                           struct known_user *ret_user)
{
    char text[USER_KEY_BYTES];
    struct str key;
    const struct known_user *user =
        user_key(provider, subject, text, &key) ? table_get(table->by_user, key) : NULL;
    if (user == NULL)
        return false;
    *ret_user = *user;
    return true;
}

static enum err_code add_sessions(struct token_table *table, const struct token_table_input *input,
                                  struct err *err)
{
    void *old = NULL;
    for (size_t i = 0; i < input->session_count; i++)
        if (input->sessions[i].ended_us != 0 &&
            !table_put(table->ended, input->sessions[i].id, table, &old))
            return out_of_memory(err);
    return ERR_OK;
}

/* A client that was removed has no tokens any more. Those of sessions end with these. */
static bool has_lost_client(const struct token_table *table, const struct caller *caller)
{
    return client_table_blocks(table->clients, caller) ||
           (caller->is_issued && caller->session_id.len == 0 &&
            !client_table_knows(table->clients, caller->client_id));
}

bool token_table_is_taken_back(const struct token_table *table, const struct caller *caller)
{
    struct known_user user;
    if (has_lost_client(table, caller))
        return true;
    if (caller->session_id.len > 0)
        return table_get(table->ended, caller->session_id) != NULL;
    return token_table_find_user(table, caller->provider, caller->subject, &user) &&
           user.signed_out_us > 0 && caller->issued_us <= user.signed_out_us;
}

bool owner_has_left(const struct user *users, size_t count, struct str email)
{
    bool is_known = false;
    for (size_t i = 0; email.len > 0 && i < count; i++) {
        if (!str_eq_nocase(users[i].email, email))
            continue;
        if (!user_is_out(&users[i]))
            return false;
        is_known = true;
    }
    return is_known;
}

/* A robot whose owner has left is nobody's. */
static enum err_code disable_orphans(struct token_table *table,
                                     const struct token_table_input *input,
                                     struct robot **ret_robots, struct err *err)
{
    struct robot *robots = arena_calloc(table->arena, input->robot_count + 1, sizeof *robots);
    if (robots == NULL)
        return out_of_memory(err);
    for (size_t i = 0; i < input->robot_count; i++) {
        robots[i] = input->robots[i];
        robots[i].is_disabled |= owner_has_left(input->users, input->user_count, robots[i].owner);
    }
    *ret_robots = robots;
    return ERR_OK;
}

static bool make_tables(struct token_table *table, const struct token_table_input *input)
{
    table->arena = arena_new(SIZE_MAX / 2);
    table->tokens = calloc(input->token_count + 1, sizeof *table->tokens);
    table->robots = calloc(input->robot_count + 1, sizeof *table->robots);
    table->users = calloc(input->user_count + 1, sizeof *table->users);
    table->by_hash = table_new();
    table->by_id = table_new();
    table->by_robot = table_new();
    table->by_user = table_new();
    table->ended = table_new();
    table->clients = client_table_new(input);
    return table->arena != NULL && table->tokens != NULL && table->robots != NULL &&
           table->users != NULL && table->by_hash != NULL && table->by_id != NULL &&
           table->by_robot != NULL && table->by_user != NULL && table->ended != NULL &&
           table->clients != NULL;
}

enum err_code token_table_new(const struct token_table_input *input, struct token_table **ret_table,
                              struct err *err)
{
    CLEANUP(token_table_freep) struct token_table *table = calloc(1, sizeof *table);
    struct robot *robots = NULL;
    if (table == NULL || !make_tables(table, input))
        return out_of_memory(err);
    table->rules = input->rules;
    enum err_code code = disable_orphans(table, input, &robots, err);
    if (code == ERR_OK)
        code = add_users(table, input, err);
    if (code == ERR_OK)
        code = add_sessions(table, input, err);
    if (code == ERR_OK)
        code = add_tokens(table, input, robots, err);
    if (code == ERR_OK)
        code = add_robots(table, robots, input->robot_count, err);
    if (code == ERR_OK)
        *ret_table = MOVE(table);
    return code;
}

void token_table_free(struct token_table *table)
{
    if (table == NULL)
        return;
    table_free(table->by_hash);
    table_free(table->by_id);
    table_free(table->by_robot);
    table_free(table->by_user);
    table_free(table->ended);
    client_table_free(table->clients);
    free(table->users);
    free(table->tokens);
    free(table->robots);
    arena_free(table->arena);
    free(table);
}

void token_table_freep(struct token_table **table)
{
    token_table_free(*table);
    *table = NULL;
}

/* --- asking --- */

static enum err_code refuse(enum auth_failure why, enum auth_failure *ret_failure, struct err *err)
{
    if (ret_failure != NULL)
        *ret_failure = why;
    return err_set(err, ERR_UNAUTHENTICATED, "a valid token of this gateway is needed");
}

/* Is it of use now? Sets *ret_why when not. */
static bool is_live(const struct known *known, int64_t now_us, enum auth_failure *ret_why)
{
    if (known->is_revoked)
        *ret_why = AUTH_REVOKED;
    else if (known->caller.expires_us != 0 && known->caller.expires_us <= now_us)
        *ret_why = AUTH_EXPIRED;
    else if (known->is_disabled)
        *ret_why = AUTH_DISABLED;
    else
        return true;
    return false;
}

static const struct known *find(const struct token_table *table, struct str token,
                                const uint8_t pepper[TOKEN_PEPPER_BYTES])
{
    uint8_t hash[TOKEN_HASH_BYTES];
    token_hash(pepper, token, hash);
    const struct known *known = table_get(table->by_hash, key_of(hash));
    if (known == NULL || !str_eq_secret(str_of((const char *)known->hash, sizeof known->hash),
                                        str_of((const char *)hash, sizeof hash)))
        return NULL;
    return known;
}

static bool form_is_right(struct str token, enum auth_failure *ret_why)
{
    enum token_kind kind = TOKEN_ROBOT;
    if (token.len == 0) {
        *ret_why = AUTH_MISSING;
        return false;
    }
    switch (token_check_form(token, &kind)) {
    case TOKEN_FORM_OK:
        return true;
    case TOKEN_FORM_ALIEN:
        *ret_why = AUTH_MALFORMED;
        return false;
    case TOKEN_FORM_TYPO:
        *ret_why = AUTH_TYPO;
        return false;
    }
    return false;
}

enum err_code token_table_find(const struct token_table *table, struct str token,
                               const uint8_t pepper[TOKEN_PEPPER_BYTES], int64_t now_us,
                               struct caller *ret_caller, enum auth_failure *ret_failure,
                               struct err *err)
{
    enum auth_failure why = AUTH_UNKNOWN;
    if (!form_is_right(token, &why))
        return refuse(why, ret_failure, err);
    const struct known *known = find(table, token, pepper);
    if (known == NULL)
        return refuse(AUTH_UNKNOWN, ret_failure, err);
    if (!is_live(known, now_us, &why))
        return refuse(why, ret_failure, err);
    *ret_caller = known->caller;
    return ERR_OK;
}

enum err_code token_table_find_robot(const struct token_table *table, struct str name,
                                     struct caller *ret_caller, enum auth_failure *ret_failure,
                                     struct err *err)
{
    const struct known *known = table_get(table->by_robot, name);
    if (known == NULL || known->is_disabled)
        return refuse(AUTH_DISABLED, ret_failure, err);
    *ret_caller = known->caller;
    return ERR_OK;
}

enum err_code token_table_find_robot_id(const struct token_table *table, int64_t robot_id,
                                        struct caller *ret_caller)
{
    for (size_t i = 0; robot_id != 0 && i < table->robot_count; i++)
        if (table->robots[i].caller.robot_id == robot_id)
            return token_table_find_robot(table, table->robots[i].caller.name, ret_caller, NULL,
                                          NULL);
    return ERR_NOT_FOUND;
}

static bool fits(const struct known *robot, struct str provider, workload_claim_fn *claim,
                 const void *ctx)
{
    struct str name = robot->identity_count < 2 ? STR_NONE : robot->identity[0];
    (void)str_cut(&name, '=');
    if (name.len == 0 || !str_eq(name, provider))
        return false;
    for (size_t i = 1; i < robot->identity_count; i++) {
        struct str pattern = robot->identity[i];
        struct str text = claim(ctx, str_cut(&pattern, '='));
        if (text.len == 0 || !str_glob(pattern, text))
            return false;
    }
    return true;
}

enum err_code token_table_find_workload(const struct token_table *table, struct str provider,
                                        workload_claim_fn *claim, const void *ctx,
                                        struct caller *ret_caller, enum auth_failure *ret_failure,
                                        struct err *err)
{
    for (size_t i = 0; i < table->robot_count; i++) {
        const struct known *robot = &table->robots[i];
        if (!fits(robot, provider, claim, ctx))
            continue;
        if (robot->is_disabled)
            return refuse(AUTH_DISABLED, ret_failure, err);
        *ret_caller = robot->caller;
        return ERR_OK;
    }
    return refuse(AUTH_MACHINE, ret_failure, err);
}

const struct client_table *token_table_clients(const struct token_table *table)
{
    return table->clients;
}

static bool may_be_had(const struct token_table *table, const struct known *known,
                       const struct issued_robot *robot)
{
    if (robot->client_id.len > 0)
        return client_table_is_robot(table->clients, robot->client_id, robot->id, robot->name) &&
               !client_table_is_blocked(table->clients, robot->client_id);
    return known->caller.warrant.len > 0 && str_eq(known->caller.warrant, robot->warrant);
}

enum err_code token_table_find_issued(const struct token_table *table,
                                      const struct issued_robot *robot, struct caller *ret_caller,
                                      enum auth_failure *ret_failure, struct err *err)
{
    const struct known *known = table_get(table->by_robot, robot->name);
    if (known == NULL || known->is_disabled || known->caller.robot_id != robot->id)
        return refuse(AUTH_DISABLED, ret_failure, err);
    if (!may_be_had(table, known, robot))
        return refuse(AUTH_REVOKED, ret_failure, err);
    *ret_caller = known->caller;
    ret_caller->is_listener_as = false;
    ret_caller->is_issued = true;
    return ERR_OK;
}

/* Is a robot with an issued token still what it was? */
static bool has_issued(const struct token_table *table, const struct caller *caller, int64_t now_us)
{
    const struct issued_robot robot = {.name = caller->name,
                                       .id = caller->robot_id,
                                       .client_id = caller->client_id,
                                       .warrant = caller->warrant};
    struct caller found;
    return caller->expires_us > now_us &&
           token_table_find_issued(table, &robot, &found, NULL, NULL) == ERR_OK;
}

bool token_table_has(const struct token_table *table, const struct caller *caller, int64_t now_us)
{
    enum auth_failure why = AUTH_UNKNOWN;
    struct known_user user;
    bool is_person = caller->provider.len > 0 && caller->kind != PRINCIPAL_ROBOT;
    if (caller->kind == PRINCIPAL_ROBOT && caller->is_issued)
        return has_issued(table, caller, now_us);
    if (is_person && !caller->has_own_token)
        return caller->expires_us > now_us && !token_table_is_taken_back(table, caller) &&
               (!token_table_find_user(table, caller->provider, caller->subject, &user) ||
                !user.is_disabled);
    if (caller->provider.len > 0 && caller->expires_us <= now_us)
        return false;
    /* Who came without a token of ours is looked for by name. */
    const struct known *known = caller->has_own_token ? table_get(table->by_id, caller->token_id)
                                                      : table_get(table->by_robot, caller->name);
    return known != NULL && known->caller.robot_id == caller->robot_id &&
           str_eq(known->caller.id, caller->id) && is_live(known, now_us, &why);
}
