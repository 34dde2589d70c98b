/*
 * api.h - the handlers of /api/v1, one per endpoint of identity/scopes.def.
 */
#pragma once

#include "gate/api.h"

/* The one table; immutable, for the life of the process. */
const struct api *admin_api(void);
