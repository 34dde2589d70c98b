/*
 * oauth.h - the gateway as an authorization server: metadata (RFC 8414), its key, and the token
 * endpoint, which redeems identity assertions of trusted providers (Enterprise-Managed
 * Authorization: ID-JAGs, RFC 7523).
 */
#pragma once

#include "gate/call.h"

/* Does this gateway issue tokens at all? */
bool oauth_is_offered(const struct call *call);
/* Answers /.well-known/oauth-authorization-server and /oauth/keys. */
enum step_result oauth_metadata(struct call *call);
enum step_result oauth_keys(struct call *call);
/* Behind the body: the token endpoint, and the one that says what a token is (RFC 7662). */
enum step_result oauth_token(struct call *call);
