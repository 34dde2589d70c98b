/*
 * person.h - what a verified token of an identity provider makes of a caller: which person, and
 * whether the person calls or an agent for the person.
 *
 * 1. delegated: the token names an actor (`act`, RFC 8693 §4.1), or its client is listed as an
 *    agent, or the settings say so of every interactive client. The rights are the person's, less
 *    what ceilings take from agents; no role goes along.
 * 2. A token that a program got for itself (client credentials) is no person's.
 * 3. An e-mail address counts when the provider says that it is verified; of a provider that does
 *    not say, when its domains are listed in the settings.
 * 4. Scopes: the calls, cut to those of our words that the token's scope names, if it names any;
 * and for a human the scopes of the role.
 */
#pragma once

#include "base/arena.h"
#include "identity/caller.h"
#include "identity/jwt.h"
#include "identity/provider.h"

enum person_result {
    PERSON_OK,
    PERSON_DISABLED,
    PERSON_MACHINE,
    PERSON_INVALID, /* an actor that makes no sense, or the arena is full */
};

/* jwt and claims have passed. users: of the snapshot. *ret_caller lives as long as arena. */
enum person_result person_of(const struct identity_rules *rules, const struct provider *provider,
                             const struct jwt *jwt, const struct jwt_claims *claims,
                             const struct token_table *users, struct arena *arena,
                             struct caller *ret_caller) MUST_CHECK;

/* Who the claims are about, by the claim that names people at this provider; empty: it is not
 * there.
 */
struct str person_subject(const struct provider *provider, const struct jwt *jwt,
                          const struct jwt_claims *claims, struct arena *arena);

/* The scopes that a role gives on the API. */
uint32_t person_role_scopes(enum user_role role);
/* Is this verified e-mail address one of the owners of the settings? */
bool person_is_owner(const struct identity_rules *rules, struct str provider, struct str email);
