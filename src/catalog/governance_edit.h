/*
 * governance_edit.h - single changes of what is governed, as the commands and the API make them.
 *
 * Each function changes *governance in place: arrays that grow come from arena, what is not changed
 * is shared, texts are copied into arena. On failure nothing is changed. What a change makes of the
 * whole, governance_check() judges.
 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "store/objects.h"

/* The views of server and its arrays must live as long as *governance. ERR_CONFLICT: the name is
 * taken. */
enum err_code governance_add_server(struct governance *governance, const struct server *server,
                                    struct arena *arena, struct err *err) MUST_CHECK;
/* with_grants: its grants go too. ERR_NOT_FOUND: no such server. ERR_CONFLICT: a grant names it. */
enum err_code governance_remove_server(struct governance *governance, struct str name,
                                       bool with_grants, struct arena *arena,
                                       struct err *err) MUST_CHECK;

/* Sets the category of a tool name or pattern; an equal rule stays as it is. ERR_NOT_FOUND: no such
 * server. */
enum err_code governance_set_rule(struct governance *governance, struct str server,
                                  struct str pattern, enum category category, struct arena *arena,
                                  struct err *err) MUST_CHECK;
/* ERR_NOT_FOUND: no such server or rule. */
enum err_code governance_remove_rule(struct governance *governance, struct str server,
                                     struct str pattern, struct arena *arena,
                                     struct err *err) MUST_CHECK;

/* ERR_CONFLICT: the name is taken. */
enum err_code governance_add_robot(struct governance *governance, struct str name, struct str owner,
                                   struct arena *arena, struct err *err) MUST_CHECK;
/* ERR_NOT_FOUND: no such robot. ERR_CONFLICT: a role or grant names it. */
enum err_code governance_remove_robot(struct governance *governance, struct str name,
                                      struct arena *arena, struct err *err) MUST_CHECK;
