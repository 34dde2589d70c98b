/*
 * http1_priv.h - the check of a gathered head, between http1.c and http1_check.c.
 */
#pragma once

#include "net/http1.h"

/* head: all bytes up to and with the empty line. True: fine for llhttp; false: *ret_refusal is
 * filled. */
bool http1_check(struct str head, enum http1_side side, size_t max_headers,
                 struct http1_refusal *ret_refusal) MUST_CHECK;
