/*
 * secret.h - bytes that must not leave: in locked pages outside core dumps and forks, wiped when
 * freed, with no function that formats them.
 */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

struct secret;

/* Copies bytes in; wiping the source is the caller's. NULL when memory or the lock limit is out. */
struct secret *secret_new(struct str bytes);
void secret_free(struct secret *secret); /* wipes; NULL is fine */
void secret_freep(struct secret **secret);
/* The bytes, borrowed; the one way to read them. */
struct str secret_reveal(const struct secret *secret);
/* Reads a file of at most 64 KiB, without its trailing newline. */
enum err_code secret_read_file(const char *path, struct secret **ret_secret,
                               struct err *err) MUST_CHECK;
