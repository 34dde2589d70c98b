/*
 * lock.h - one process per data directory.
 *
 * The lock is the kernel's (flock) and ends with the process, however that ends; the file stays. A
 * child that is forked without exec shares it, so such children are forked before.
 */
#pragma once

#include "base/attr.h"
#include "base/err.h"

struct data_lock;

/* Locks data_dir/lock and writes the process id into it. ERR_CONFLICT: already running, with the
 * other's id. *ret_lock is the caller's: data_lock_release() it. */
enum err_code data_lock_take(const char *data_dir, struct data_lock **ret_lock,
                             struct err *err) MUST_CHECK;
void data_lock_release(struct data_lock *lock); /* NULL is fine */
void data_lock_releasep(struct data_lock **lock);
