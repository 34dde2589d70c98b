/*
 * logout.h - the identity provider says that somebody signed out there (OpenID Connect Back-Channel
 * Logout 1.0): everything issued for that person until now ends here, too.
 */
#pragma once

#include "gate/call.h"

/* Behind the body. */
enum step_result logout_step(struct call *call);
