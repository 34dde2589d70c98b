/*
 * owner_code.h - the owner signs in without an identity provider: with a code that only whoever
 * holds the administration token can have made.
 *
 * 1. There is one code at a time: twelve letters and digits (60 bits), of which the keyed hash
 * alone is kept. It ends after ten minutes, with its first use, and with the tenth wrong guess.
 * 2. While the settings do not allow it, none is made and none is taken.
 *
 * Threads: the control job thread.
 */
#pragma once

#include "gate/control.h"

enum { OWNER_CODE_SECONDS = 600, OWNER_CODE_GUESSES = 10, OWNER_CODE_CHARS = 12 };

/* *ret_code (in arena) is shown once. email: of the owner, who the code signs in. ERR_DENIED: the
 * settings say no. */
enum err_code control_make_owner_code(struct control *control, const struct control_change *change,
                                      struct str email, struct arena *arena, struct str *ret_code,
                                      struct err *err) MUST_CHECK;
/* Who shows this code; *ret_person lives as long as arena. ERR_DENIED: it is not the one that
 * counts now, or the settings say no. */
enum err_code control_use_owner_code(struct control *control, const struct api_request *request,
                                     struct str code, struct arena *arena,
                                     struct caller *ret_person, struct err *err) MUST_CHECK;
