#include "identity/user_key.h"

#include "base/base64.h"
#include "identity/groups.h"
#include "identity/person.h"
#include "identity/provider.h"
#include "identity/scopes.h"

enum { MAX_NAME_BYTES = 64 };

bool user_key_is_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        struct str letter = str_of(name.ptr + i, 1);
        if (!base62_is(letter) && str_find(STR("._-"), name.ptr[i]) == STR("._-").len)
            return false;
    }
    return name.len > 0 && name.len <= MAX_NAME_BYTES;
}

static const struct user *find_user(const struct token_table_input *input, int64_t id)
{
    size_t low = 0;
    size_t high = input->user_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (input->users[middle].id == id)
            return &input->users[middle];
        if (input->users[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* The earliest of what was asked for and what is allowed now. */
static int64_t expiry(const struct token_table_input *input, const struct token *token)
{
    int64_t last_us = token->created_us + input->key_max_us;
    return token->expires_us == 0 || token->expires_us > last_us ? last_us : token->expires_us;
}

static bool name_person(const struct provider *provider, const struct user *user,
                        struct arena *arena, struct caller *caller)
{
    caller->provider = arena_dup(arena, provider->name);
    caller->issuer = arena_dup(arena, provider->issuer);
    caller->subject = arena_dup(arena, user->subject);
    caller->id = arena_printf(arena, "user:" STR_FMT ":" STR_FMT, STR_ARG(provider->name),
                              STR_ARG(user->subject));
    caller->email =
        provider_may_state(provider, user->email) ? arena_dup(arena, user->email) : STR_NONE;
    caller->name = user->name.len > 0      ? arena_dup(arena, user->name)
                   : caller->email.len > 0 ? caller->email
                                           : caller->subject;
    return !arena_failed(arena);
}

static void set_kind(const struct token_table_input *input, const struct token *token,
                     struct arena *arena, struct caller *caller)
{
    bool is_agent =
        token->agent.len > 0 || input->rules->interactive_clients == INTERACTIVE_DELEGATED;
    caller->kind = is_agent ? PRINCIPAL_DELEGATED : PRINCIPAL_HUMAN;
    if (!is_agent)
        return;
    caller->role = ROLE_MEMBER;
    caller->owner = caller->email.len > 0 ? caller->email : caller->id;
    caller->chain = arena_dup(arena, token->agent.len > 0 ? token->agent : token->name);
}

bool user_key_read(const struct token_table_input *input, const struct token *token,
                   struct arena *arena, struct user_key *ret_key)
{
    const struct user *user = find_user(input, token->user_id);
    const struct provider *provider = user == NULL || input->rules == NULL
                                          ? NULL
                                          : provider_by_name(input->rules, user->provider);
    struct user_key key = {.is_disabled = provider == NULL || user_is_out(user)};
    struct caller *caller = &key.caller;
    caller->token_id = arena_dup(arena, token->id);
    caller->has_own_token = true;
    /* Nobody's key still needs a kind, and gets nothing with it. */
    caller->kind = PRINCIPAL_DELEGATED;
    if (provider != NULL) {
        caller->role = user->role;
        caller->session_id = arena_dup(arena, token->session_id);
        caller->issued_us = token->created_us;
        caller->expires_us = expiry(input, token);
        key.is_taken_back = user->signed_out_us > 0 && token->created_us <= user->signed_out_us;
        if (!name_person(provider, user, arena, caller))
            return false;
        key.is_disabled |= !groups_read(token->groups, arena, caller);
        set_kind(input, token, arena, caller);
        caller->scopes = token->scopes & scopes_allowed(TOKEN_USER) &
                         (SCOPE_SET_CALLS | person_role_scopes(caller->role));
    }
    *ret_key = key;
    return !arena_failed(arena);
}
