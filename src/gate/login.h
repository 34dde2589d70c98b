/*
 * login.h - people sign in at their provider, and agree to what a client asks for: the
 * authorization endpoint (OAuth 2.1: code with PKCE), the way back from the provider, the consent
 * page, and the registration of clients (RFC 7591).
 *
 * What is under way is kept by nobody: it travels sealed, bound to a cookie of the browser that
 * began, and ends after ten minutes. Only what a person agreed to becomes a session in the store.
 */
#pragma once

#include "gate/call.h"

/* Behind the body; the route says which of them it is. */
enum step_result login_step(struct call *call);
