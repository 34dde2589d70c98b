/*
 * launcher.h - the process that starts and ends all child processes, so that the gateway itself
 * never forks.
 *
 * 1. It is forked before any thread exists, is the head of its own session and the reaper of every
 * descendant.
 * 2. When the gateway ends in any way (its end of the socket closes), the launcher ends every
 * descendant and leaves.
 * 3. A child leads its own process group; signals go to the group and to what left it but still
 * hangs below it.
 *
 * Threads: after launcher_start() the launcher may be used from any thread, without a lock: a
 * request is one datagram, and everything about one child goes through a channel of its own.
 */
#pragma once

#include "base/attr.h"
#include "base/err.h"

struct launcher;

/* Forks. The process has one thread and holds no secrets yet. From here on it ignores SIGPIPE: a
 * child that closes its input is an error of that child. */
enum err_code launcher_start(struct launcher **ret_launcher, struct err *err) MUST_CHECK;
/* Ends all children (TERM, soon KILL) and waits until they and the launcher are gone. NULL is fine.
 */
void launcher_stop(struct launcher *launcher);
